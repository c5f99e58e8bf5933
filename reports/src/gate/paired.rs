//! Numbers of repeats on the wall clock: a non-inferiority test, pair by pair.
//!
//! Repeat r of the baseline and repeat r of the run had the same arrivals, so each gives one difference. Of a metric is said:
//!
//! * *regressed*, when it got worse by more than is tolerated, and by more than chance explains. A gate asks many questions at
//!   once, so chance is judged over all of them together: Holm's correction of Student's one-sided test keeps the probability of
//!   any false alarm in a whole check below [`FAMILY_ERROR`].
//! * *improved*, by the same rule the other way.
//! * *same*, when the 95 % interval of the difference stays within the tolerance: shown, not assumed.
//! * *not enough data* otherwise, with how many repeats would probably tell.

use std::collections::BTreeMap;

use super::{Compared, MetricGate, Outcome, Side, StrategyGate, Tolerances, exact::worse_by};
use crate::{
    paired::{self, PAIRS_MIN},
    quantity::thousands,
};

/// Probability that a check of unchanged code reports any regression, if noise is as Student assumes.
pub const FAMILY_ERROR: f64 = 0.01;
/// What never came is taken for so many times the largest number that did.
const NEVER: f64 = 10.0;
/// More repeats than this nobody will make.
const REPEATS_ADVISED_MAX: f64 = 200.0;

/// How likely chance alone is to make a number so much worse, and so much better.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Chance {
    worse: f64,
    better: f64,
}

pub(super) fn metrics(
    sides: &[Side<'_>; 2],
    compared: &[Compared],
    tolerances: &Tolerances,
) -> Vec<MetricGate> {
    compared.iter().map(|compared| metric(sides, compared, tolerances)).collect()
}

fn metric(sides: &[Side<'_>; 2], compared: &Compared, tolerances: &Tolerances) -> MetricGate {
    let [was, now] = sides;
    let (old, new) = (was.measure(compared), now.measure(compared));
    let info = compared.metric.info();
    let tolerated = tolerances.tolerated(compared, old.value, 1.0);
    let mut gate = MetricGate {
        metric: compared.id.clone(),
        name: compared.name.clone(),
        unit: info.unit,
        better: info.better,
        was: old.value,
        now: new.value,
        tolerated,
        worse_by: None,
        chance: None,
        outcome: Outcome::NotEnoughData,
        note: None,
    };
    let thin = [old, new].into_iter().find(|measured| measured.is_thin());
    if let Some(measured) = thin {
        let (n, needed) = (thousands(measured.n as f64), thousands(measured.n_needed as f64));
        gate.note = Some(format!("{n} samples, needs {needed}"));
        return gate;
    }
    let Some(worse) = differences(sides, compared) else {
        gate.note = Some("not measured in every repeat".to_owned());
        return gate;
    };
    let name = &now.view.run.strategies[now.strategy].name;
    let key = paired::key(now.view.run.scenario.seed, &["gate", &compared.name, name]);
    gate.worse_by = paired::interval(&worse, key);
    if gate.worse_by.is_none() {
        let repeats = if worse.len() == 1 { "repeat" } else { "repeats" };
        gate.note = Some(format!("{} paired {repeats}, needs {PAIRS_MIN}", worse.len()));
        return gate;
    }
    gate.chance = Some(chance(&worse));
    gate.note = advice(&worse, tolerated);
    gate
}

/// By how much each repeat is worse than its pair; `None` if one of them has no number.
fn differences([was, now]: &[Side<'_>; 2], compared: &Compared) -> Option<Vec<f64>> {
    let numbers = |side: &Side<'_>| -> Option<BTreeMap<u32, f64>> {
        let repeats: Vec<u32> = side.view.tallies(side.strategy, &[]).keys().copied().collect();
        let values = side.by_replication(compared);
        repeats.into_iter().zip(values).map(|(repeat, value)| Some((repeat, value.number()?))).collect()
    };
    let (old, new) = (numbers(was)?, numbers(now)?);
    let finite = old.values().chain(new.values()).filter(|number| number.is_finite());
    let never = NEVER * finite.fold(1.0_f64, |most, number| most.max(number.abs()));
    let better = compared.metric.info().better;
    let pairs = old.iter().filter_map(|(repeat, old)| Some((*old, *new.get(repeat)?)));
    Some(pairs.map(|(old, new)| worse_by(old.min(never), new.min(never), better)).collect())
}

fn chance(worse: &[f64]) -> Chance {
    let (mean, spread) = spread(worse);
    if mean == 0.0 {
        return Chance { worse: 1.0, better: 1.0 };
    }
    let t = mean / (spread / (worse.len() as f64).sqrt());
    let beyond = beyond(t.abs(), worse.len() - 1);
    if t > 0.0 {
        Chance { worse: beyond, better: 1.0 - beyond }
    } else {
        Chance { worse: 1.0 - beyond, better: beyond }
    }
}

fn spread(numbers: &[f64]) -> (f64, f64) {
    let n = numbers.len() as f64;
    let mean = numbers.iter().sum::<f64>() / n;
    let squares: f64 = numbers.iter().map(|number| (number - mean) * (number - mean)).sum();
    (mean, (squares / (n - 1.0)).sqrt())
}

/// The probability that Student's t of so many degrees of freedom lies beyond `t`, which is not negative. A finite sum, since
/// the degrees are whole (Abramowitz and Stegun, 26.7.3 and 26.7.4).
fn beyond(t: f64, degrees: usize) -> f64 {
    if t.is_infinite() {
        return 0.0;
    }
    let nu = degrees as f64;
    let (sin, cos) = (t / (nu + t * t).sqrt(), (nu / (nu + t * t)).sqrt());
    let odd = degrees % 2 == 1;
    let (mut term, mut sum) = if odd { (cos, 0.0) } else { (1.0, 0.0) };
    let mut place = if odd { 1 } else { 0 };
    while place + 2 <= degrees {
        sum += term;
        place += 2;
        term *= cos * cos * (place - 1) as f64 / place as f64;
    }
    let within = match odd {
        true => std::f64::consts::FRAC_2_PI * ((t / nu.sqrt()).atan() + sin * sum),
        false => sin * sum,
    };
    ((1.0 - within) / 2.0).max(0.0)
}

/// How many repeats would probably tell whether the difference is within the tolerance.
fn advice(worse: &[f64], tolerated: f64) -> Option<String> {
    let (mean, spread) = spread(worse);
    let room = (tolerated - mean.abs()).abs();
    let repeats = (2.2 * spread / room).powi(2).ceil().max(worse.len() as f64 + 1.0);
    (repeats <= REPEATS_ADVISED_MAX).then(|| format!("about {repeats:.0} repeats would tell"))
}

/// Decides all metrics of all strategies together.
pub(super) fn settle(strategies: &mut [StrategyGate]) {
    let mut all: Vec<&mut MetricGate> = strategies
        .iter_mut()
        .flat_map(|one| &mut one.metrics)
        .filter(|metric| metric.chance.is_some())
        .collect();
    let worse = significant(&all, |chance| chance.worse);
    let better = significant(&all, |chance| chance.better);
    for (at, metric) in all.iter_mut().enumerate() {
        let Some(interval) = metric.worse_by else { continue };
        metric.outcome = match metric.tolerated {
            tolerated if worse[at] && interval.mean > tolerated => Outcome::Regressed,
            tolerated if better[at] && -interval.mean > tolerated => Outcome::Improved,
            tolerated if interval.high <= tolerated => Outcome::Same,
            _ => Outcome::NotEnoughData,
        };
        if metric.outcome != Outcome::NotEnoughData {
            metric.note = None;
        }
    }
}

/// Which of them chance does not explain, by Holm: the smallest is compared with a share of the error for all of them, the next
/// with a share for all but one, until the first one that chance does explain.
fn significant(all: &[&mut MetricGate], of: impl Fn(&Chance) -> f64) -> Vec<bool> {
    let chances: Vec<f64> = all.iter().map(|metric| metric.chance.as_ref().map_or(1.0, &of)).collect();
    let mut order: Vec<usize> = (0..chances.len()).collect();
    order.sort_by(|a, b| chances[*a].total_cmp(&chances[*b]));
    let mut found = vec![false; chances.len()];
    for (rank, at) in order.iter().enumerate() {
        if chances[*at] > FAMILY_ERROR / (chances.len() - rank) as f64 {
            break;
        }
        found[*at] = true;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn students_tail_is_that_of_the_tables() {
        // One-sided 2.5 % and 0.05 %, from published tables.
        for (degrees, t, p) in [
            (1, 12.706, 0.025),
            (2, 4.303, 0.025),
            (3, 3.182, 0.025),
            (4, 2.776, 0.025),
            (9, 2.262, 0.025),
            (10, 2.228, 0.025),
            (4, 8.610, 0.0005),
            (9, 4.781, 0.0005),
            (20, 3.850, 0.0005),
        ] {
            let found = beyond(t, degrees);
            assert!((found / p - 1.0).abs() < 2e-3, "{degrees} degrees, {t}: {found}, not {p}");
        }
        assert_eq!(beyond(0.0, 5), 0.5);
        assert_eq!(beyond(f64::INFINITY, 5), 0.0);
    }

    #[test]
    fn equal_repeats_are_no_chance_at_all_and_noise_is() {
        assert_eq!(chance(&[0.0; 5]), Chance { worse: 1.0, better: 1.0 });
        assert_eq!(chance(&[0.5; 5]).worse, 0.0);
        let noise = chance(&[0.3, -0.2, 0.1, -0.3, 0.05]);
        assert!(noise.worse > 0.1 && noise.better > 0.1, "{noise:?}");
    }
}
