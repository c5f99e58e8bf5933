//! The points of a call's metrics come late.
//!
//! Imitates the minutes that CloudWatch may take until a minute of a metric is whole: alarms judge what they have, and
//! whoever reads back too early reads too few. Metrics that are counted out of a log wait for its records besides.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    Delivery, FaultInfo, Shows,
    kind::{Chosen, Kind, Nature, Settings, Stage},
    rule::checks::Checks,
};
use crate::{
    Nanos,
    dist::{Dist, Sampler},
    units::{Share, Span},
};

/// The points of a call's metrics come late.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MetricDelaySpec {
    /// How much later.
    pub by: Dist<Span>,
    /// Share of calls; all, when not given.
    #[serde(default)]
    pub share: Option<Share>,
}

#[derive(Debug, Clone)]
pub(super) struct MetricDelay {
    pub by: Sampler,
    pub share: f64,
}

impl Settings for MetricDelaySpec {
    type Kind = MetricDelay;
    const INFO: FaultInfo = FaultInfo {
        name: "metric_delay",
        summary: "the points of a call's metrics come late",
        stage: "log",
        quota: "as without it",
        client_sees: "nothing; alarms and dashboards lag",
        in_simulation: "cannot be shown: a simulation logs nothing",
        on_the_wire: "points of `AWS/Bedrock` that much later",
        example: "metric_delay: { by: 120s }",
    };

    fn resolve(&self, checks: &mut Checks<'_>) -> MetricDelay {
        MetricDelay { by: checks.dist("by", &self.by), share: checks.share(self.share) }
    }
}

impl Kind for MetricDelay {
    fn nature(&self) -> Nature {
        Nature::by_chance(Stage::Log, self.share)
    }

    fn shows(&self) -> Shows {
        Shows::InLogs
    }

    fn delivery(&mut self, chosen: &Chosen) -> Option<Delivery> {
        let metrics_later = self.by.at(chosen.unit(0)) as Nanos;
        Some(Delivery { metrics_later, ..Delivery::default() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::{
        Action,
        testing::{CALL, SECOND, faults, rule, subject},
    };

    #[test]
    fn metrics_are_late_and_the_record_is_not() {
        let by = Sampler::Constant(60.0 * SECOND as f64);
        let mut faults = faults([rule(Action::MetricDelay(MetricDelay { by, share: 1.0 }))]);
        let Delivery { metrics_later, later, .. } = faults.delivery(CALL, &subject(1));
        assert_eq!((metrics_later, later), (60 * SECOND, 0));
    }
}
