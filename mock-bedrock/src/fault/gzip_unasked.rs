//! A whole answer comes compressed, though nobody asked for it.
//!
//! Imitates proxies that compress whatever passes. The head says `Content-Encoding: gzip`, and clients that take it back unasked
//! notice nothing. The AWS SDKs do not: that for Rust takes the bytes for broken JSON, and boto3 fails to decode them as
//! text. Streams are not rolled. The quota is kept.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    BodyFault, FaultInfo, Subject,
    kind::{Chosen, Kind, Nature, Settings, Stage},
    rule::checks::Checks,
};
use crate::{Nanos, engine::Garble, units::Share};

/// A whole answer comes compressed, though nobody asked for it.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct GzipUnaskedSpec {
    /// Share of whole answers; all, when not given.
    pub share: Option<Share>,
}

#[derive(Debug, Clone)]
pub(super) struct GzipUnasked {
    pub share: f64,
}

impl Settings for GzipUnaskedSpec {
    type Kind = GzipUnasked;
    const INFO: FaultInfo = FaultInfo {
        name: "gzip_unasked",
        summary: "a whole answer comes compressed, unasked",
        stage: "body",
        quota: "kept",
        client_sees: "an unreadable answer, or nothing if it can take it back",
        in_simulation: "a broken answer, as the AWS SDK for Rust has it",
        on_the_wire: "the body in gzip, and its head says so",
        example: "gzip_unasked: { share: 5% }",
    };

    fn resolve(&self, checks: &mut Checks<'_>) -> GzipUnasked {
        GzipUnasked { share: checks.share(self.share) }
    }
}

impl Kind for GzipUnasked {
    fn nature(&self) -> Nature {
        Nature::by_chance(Stage::Body, self.share)
    }

    fn concerns(&mut self, _: Nanos, subject: &Subject) -> bool {
        !subject.operation.streams()
    }

    fn body(&mut self, _: &Chosen, tokens: u32) -> Option<BodyFault> {
        Some(BodyFault::Garbled { after: tokens, how: Garble::Gzip })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::{
        Action,
        testing::{body_table, rule},
    };

    #[test]
    fn whole_answers_are_compressed_and_streams_are_not() {
        let gzip = Some(BodyFault::Garbled { after: 30, how: Garble::Gzip });
        let table = [("stream", true, 30, None), ("unary", false, 30, gzip)];
        body_table(&rule(Action::GzipUnasked(GzipUnasked { share: 1.0 })), &table);
    }
}
