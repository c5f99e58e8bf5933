//! How much worse a number may get: `5%` for all of them, `ttft_p99=10%` for one.
//!
//! Of shares, points are meant: 1% lets 99.5% become 98.5%. Of everything else, parts of what it was.

use std::{collections::BTreeMap, str::FromStr};

use super::{Compared, metric_names};
use crate::{
    metric::nearest,
    quantity::{Unit, Value, percent},
};

/// What is tolerated where nobody said anything, on grounds with noise.
const SHARE_POINTS: f64 = 0.01;
const PART: f64 = 0.05;

#[derive(Debug, Clone, Default, PartialEq)]
pub struct Tolerances {
    all: Option<f64>,
    one: BTreeMap<String, f64>,
}

/// One `--tolerance` as written.
#[derive(Debug, Clone, PartialEq)]
pub struct Tolerance {
    metric: Option<String>,
    part: f64,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ToleranceProblem {
    #[error("\"{0}\" is no tolerance; write 5% for all metrics or ttft_p99=10% for one")]
    NotOne(String),
    #[error("\"{0}\" is not a metric of the comparison{1}; known: {known}", known = metric_names().join(", "))]
    Metric(String, String),
}

impl FromStr for Tolerance {
    type Err = ToleranceProblem;

    fn from_str(text: &str) -> Result<Tolerance, ToleranceProblem> {
        let not_one = || ToleranceProblem::NotOne(text.to_owned());
        let (metric, part) = match text.split_once('=') {
            Some((metric, part)) => (Some(metric.trim()), part),
            None => (None, text),
        };
        let part = percent(part).ok_or_else(not_one)?;
        let Some(metric) = metric else { return Ok(Tolerance { metric: None, part }) };
        if !metric_names().contains(&metric) {
            let near = nearest(metric, metric_names().into_iter());
            let meant = near.map_or(String::new(), |near| format!(" (did you mean {near}?)"));
            return Err(ToleranceProblem::Metric(metric.to_owned(), meant));
        }
        Ok(Tolerance { metric: Some(metric.to_owned()), part })
    }
}

impl FromIterator<Tolerance> for Tolerances {
    /// The last one of each kind counts.
    fn from_iter<T: IntoIterator<Item = Tolerance>>(all: T) -> Tolerances {
        let mut tolerances = Tolerances::default();
        for Tolerance { metric, part } in all {
            match metric {
                None => tolerances.all = Some(part),
                Some(metric) => drop(tolerances.one.insert(metric, part)),
            }
        }
        tolerances
    }
}

impl Tolerances {
    /// In the metric's unit; `usual` of the default where nobody said anything, 0 for none of it.
    pub(super) fn tolerated(&self, compared: &Compared, was: Value, usual: f64) -> f64 {
        let share = compared.metric.info().unit == Unit::Share;
        let default = usual * if share { SHARE_POINTS } else { PART };
        let part = self.one.get(&compared.id).copied().or(self.all).unwrap_or(default);
        match was {
            _ if share => part,
            Value::Finite(was) => part * was.abs().max(if part > 0.0 { compared.floor } else { 0.0 }),
            Value::Infinite | Value::NoData => 0.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metric::{Kind, Metric, Over};

    fn compared(kind: Kind, id: &str, floor: f64) -> Compared {
        let metric = Metric::plain(kind);
        Compared { id: id.to_owned(), name: id.to_owned(), metric, over: Over::default(), floor }
    }

    fn tolerances(texts: &[&str]) -> Tolerances {
        texts.iter().map(|text| text.parse::<Tolerance>().expect("a tolerance")).collect()
    }

    #[test]
    fn one_metric_outranks_all_and_shares_are_points() {
        let (goodput, cost) = (compared(Kind::Goodput, "goodput", 0.0), compared(Kind::Cost, "cost", 0.0));
        let some = tolerances(&["5%", "goodput=0.5%"]);
        assert!((some.tolerated(&goodput, Value::Finite(0.9), 1.0) - 0.005).abs() < 1e-12);
        assert!((some.tolerated(&cost, Value::Finite(2.0), 1.0) - 0.1).abs() < 1e-12);
        assert_eq!(Tolerances::default().tolerated(&cost, Value::Finite(2.0), 0.0), 0.0);
        assert_eq!(Tolerances::default().tolerated(&cost, Value::Finite(2.0), 1.0), 0.1);
        assert_eq!(Tolerances::default().tolerated(&goodput, Value::Finite(0.5), 1.0), 0.01);
        assert_eq!(some.tolerated(&cost, Value::Infinite, 1.0), 0.0);
    }

    #[test]
    fn a_recovery_of_no_time_has_room_for_noise_and_none_where_nothing_is_tolerated() {
        let recovery = compared(Kind::Recovery, "recovery", 60.0);
        assert_eq!(tolerances(&["5%"]).tolerated(&recovery, Value::Finite(0.0), 0.0), 3.0);
        assert_eq!(tolerances(&["0%"]).tolerated(&recovery, Value::Finite(0.0), 1.0), 0.0);
    }

    #[test]
    fn what_is_no_tolerance_is_refused_with_what_to_write() {
        let told = |text: &str| text.parse::<Tolerance>().expect_err("refused").to_string();
        assert_eq!(told("5"), "\"5\" is no tolerance; write 5% for all metrics or ttft_p99=10% for one");
        assert!(
            told("ttft_p9=5%")
                .starts_with("\"ttft_p9\" is not a metric of the comparison (did you mean ttft_p")
        );
        assert!(told("x=5%").ends_with("known: success, goodput, ttft_p50, ttft_p99, total_p95, throttles, amplification, cost, wasted_tokens, recovery, detect, lost"));
    }
}
