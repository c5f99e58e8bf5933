//! Numbers of two simulated runs: what differs differs, and how much of it is tolerated is all there is to decide.

use super::{Compared, MetricGate, Outcome, Side, Tolerances};
use crate::{paired::Better, quantity::Value};

pub(super) fn metrics(
    sides: &[Side<'_>; 2],
    compared: &[Compared],
    tolerances: &Tolerances,
) -> Vec<MetricGate> {
    let [was, now] = sides;
    let one = |compared: &Compared| {
        let (was, now) = (was.measure(compared).value, now.measure(compared).value);
        let info = compared.metric.info();
        let tolerated = tolerances.tolerated(compared, was, 0.0);
        let (outcome, note) = judge(was, now, info.better, tolerated);
        MetricGate {
            metric: compared.id.clone(),
            name: compared.name.clone(),
            unit: info.unit,
            better: info.better,
            was,
            now,
            tolerated,
            worse_by: None,
            chance: None,
            outcome,
            note: note.map(str::to_owned),
        }
    };
    compared.iter().map(one).collect()
}

fn judge(was: Value, now: Value, better: Better, tolerated: f64) -> (Outcome, Option<&'static str>) {
    let (Some(old), Some(new)) = (was.number(), now.number()) else {
        let note = match (was, now) {
            (Value::NoData, Value::NoData) => "not measured in either run",
            (Value::NoData, _) => "not measured in the baseline",
            _ => "no longer measured",
        };
        return (Outcome::NotEnoughData, Some(note));
    };
    if old == new {
        return (Outcome::Same, None);
    }
    match worse_by(old, new, better) {
        worse if worse > tolerated => (Outcome::Regressed, None),
        worse if worse > 0.0 => (Outcome::Same, Some("worse, within the tolerance")),
        _ => (Outcome::Improved, None),
    }
}

/// How much worse the new number is; two that never came are equal.
pub(super) fn worse_by(old: f64, new: f64, better: Better) -> f64 {
    match better {
        _ if old == new => 0.0,
        Better::Higher => old - new,
        Better::Lower | Better::Neither => new - old,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_difference_is_told_and_only_what_is_tolerated_passes() {
        let finite = Value::Finite;
        for (was, now, better, tolerated, outcome) in [
            (finite(0.9), finite(0.9), Better::Higher, 0.0, Outcome::Same),
            (finite(0.9), finite(0.899_999), Better::Higher, 0.0, Outcome::Regressed),
            (finite(0.9), finite(0.899_999), Better::Higher, 0.01, Outcome::Same),
            (finite(0.9), finite(0.91), Better::Higher, 0.0, Outcome::Improved),
            (finite(2.0), finite(2.2), Better::Lower, 0.1, Outcome::Regressed),
            (finite(2.0), finite(1.9), Better::Lower, 0.1, Outcome::Improved),
            (finite(2.0), Value::Infinite, Better::Lower, 0.1, Outcome::Regressed),
            (Value::Infinite, Value::Infinite, Better::Lower, 0.0, Outcome::Same),
            (Value::Infinite, finite(9.0), Better::Lower, 0.0, Outcome::Improved),
            (finite(2.0), Value::NoData, Better::Lower, 0.1, Outcome::NotEnoughData),
            (Value::NoData, finite(0.0), Better::Lower, 0.1, Outcome::NotEnoughData),
        ] {
            assert_eq!(judge(was, now, better, tolerated).0, outcome, "{was:?} {now:?}");
        }
    }
}
