//! A stream's events come in an order that the protocol does not have.
//!
//! Imitates a service or a gateway with a mistake. `drop_stop` leaves out the event that ends the message, so that nothing says
//! that the answer is whole. The others change what a client's own state makes of the text and no outcome, so that only the server
//! can show them: `drop_start` leaves out the first event, `duplicate` sends one twice and `swap` two in the wrong order, after
//! `after` tokens; a stream with fewer is missed. Unary calls are not rolled. The quota is kept.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    BodyFault, FaultInfo, Shows, Subject,
    kind::{Chosen, Kind, Nature, Settings, Stage},
    rule::checks::Checks,
};
use crate::{
    Nanos,
    dist::{Dist, Sampler},
    engine::{Garble, Quirk},
    units::{Share, Tokens},
};

/// A stream's events come in an order that the protocol does not have.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EventOrderSpec {
    pub what: Disorder,
    /// Where, for `duplicate` and `swap`: after how many tokens; 1, when not given.
    #[serde(default)]
    pub after: Option<Dist<Tokens>>,
    /// Share of streams; all, when not given.
    #[serde(default)]
    pub share: Option<Share>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Disorder {
    DropStart,
    DropStop,
    Duplicate,
    Swap,
}

#[derive(Debug, Clone)]
pub(super) struct EventOrder {
    pub what: Disorder,
    pub after: Sampler,
    pub share: f64,
}

impl Settings for EventOrderSpec {
    type Kind = EventOrder;
    const INFO: FaultInfo = FaultInfo {
        name: "event_order",
        summary: "a stream's events are missing, doubled or in the wrong order",
        stage: "body; wire but for drop_stop",
        quota: "kept",
        client_sees: "an answer whose end nothing marks, or text that does not fit together",
        in_simulation: "without its end mark a broken answer; the others cannot be shown",
        on_the_wire: "as said",
        example: "event_order: { what: drop_stop, share: 5% }",
    };

    fn resolve(&self, checks: &mut Checks<'_>) -> EventOrder {
        let anywhere = matches!(self.what, Disorder::Duplicate | Disorder::Swap);
        if self.after.is_some() && !anywhere {
            checks.problem(&["after"], "belongs to `duplicate` and `swap`", "remove it");
        }
        EventOrder { what: self.what, after: self.after.as_ref().map_or(Sampler::Constant(1.0), |after| checks.dist("after", after)), share: checks.share(self.share) }
    }
}

impl Kind for EventOrder {
    fn nature(&self) -> Nature {
        let stage = if self.what == Disorder::DropStop { Stage::Body } else { Stage::Wire };
        Nature::by_chance(stage, self.share)
    }

    fn shows(&self) -> Shows {
        if self.what == Disorder::DropStop { Shows::Everywhere } else { Shows::OnWire }
    }

    fn concerns(&mut self, _: Nanos, subject: &Subject) -> bool {
        subject.operation.streams()
    }

    fn body(&mut self, _: &Chosen, tokens: u32) -> Option<BodyFault> {
        Some(BodyFault::Garbled { after: tokens, how: Garble::NoStop })
    }

    fn quirk(&mut self, chosen: &Chosen, tokens: Option<u32>) -> Option<Quirk> {
        let tokens = tokens?;
        match self.what {
            Disorder::DropStart => Some(Quirk::NoStart),
            Disorder::DropStop => None,
            Disorder::Duplicate => {
                let after = chosen.position(&self.after, tokens.checked_sub(1)?)?;
                Some(Quirk::Twice { after })
            }
            Disorder::Swap => {
                let after = chosen.position(&self.after, tokens.checked_sub(2)?)?;
                Some(Quirk::Swapped { after })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::{
        Action, Ground,
        testing::{CALL, body_table, faults, rule, subject},
    };

    fn disorder(what: Disorder) -> crate::fault::FaultRule {
        rule(Action::EventOrder(EventOrder { what, after: Sampler::Constant(20.0), share: 1.0 }))
    }

    #[test]
    fn without_its_end_mark_a_stream_is_broken_on_every_ground() {
        let rule = disorder(Disorder::DropStop);
        assert_eq!(rule.obstacle(Ground::Simulation), None);
        let broken = Some(BodyFault::Garbled { after: 30, how: Garble::NoStop });
        body_table(&rule, &[("stream", true, 30, broken), ("unary", false, 30, None)]);
    }

    #[test]
    fn the_other_disorders_are_the_wires_alone_and_need_events_to_disorder() {
        for (what, tokens, quirk) in [
            (Disorder::DropStart, 0, Some(Quirk::NoStart)),
            (Disorder::Duplicate, 21, Some(Quirk::Twice { after: 20 })),
            (Disorder::Duplicate, 20, None),
            (Disorder::Swap, 22, Some(Quirk::Swapped { after: 20 })),
            (Disorder::Swap, 21, None),
        ] {
            let rule = disorder(what);
            assert!(rule.obstacle(Ground::Simulation).is_some());
            assert_eq!(faults([rule]).quirk(CALL, &subject(1), Some(tokens)), quirk, "{what:?}");
        }
    }
}
