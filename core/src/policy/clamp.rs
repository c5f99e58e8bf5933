//! Asks for no more output than answers usually have, where the caller set no limit: the service reserves quota for
//! `max_tokens`, and for the model's maximum if none is set.
//!
//! An answer that is longer is cut off, so the clamp stays well above what nearly all answers need, and what it cut
//! counts as seen at its full length, which raises the clamp.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{MILLISECOND, quantile::Quantiles};
use crate::{Nanos, quantity::Share};

/// The finest step of the histogram stands for one token.
const TOKEN: Nanos = MILLISECOND;
/// Classes of traffic that are told apart; further ones count with the last.
const CLASSES_MAX: usize = 256;

#[derive(Debug, Clone, Copy, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClampSpec {
    /// The clamp is this quantile of recent outputs of the same class of traffic,
    #[serde(default = "nearly_all")]
    pub quantile: Share,
    /// so many times,
    #[serde(default = "a_fifth_more")]
    pub times: f64,
    /// and at least this.
    #[serde(default = "quarter_thousand")]
    pub min: u32,
    /// Answers seen in the last minute or two before there is a clamp.
    #[serde(default = "hundred")]
    pub samples_min: u32,
    /// A caller's own limit is lowered, too, if it is more than so many times the clamp; by default never.
    #[serde(default)]
    pub over: Option<f64>,
}

fn nearly_all() -> Share {
    Share(0.99)
}
fn a_fifth_more() -> f64 {
    1.2
}
fn quarter_thousand() -> u32 {
    256
}
fn hundred() -> u32 {
    100
}

impl ClampSpec {
    /// Whether it leaves answers room and can come about.
    pub fn makes_sense(&self) -> bool {
        let over = self.over.is_none_or(|over| over >= 1.0);
        self.times >= 1.0 && self.min > 0 && self.quantile.0 > 0.0 && self.quantile.0 <= 1.0 && over
    }
}

#[derive(Debug, Clone)]
pub struct Clamp {
    spec: ClampSpec,
    /// By class of traffic, as far as they have been seen.
    outputs: Vec<Quantiles>,
}

impl Clamp {
    pub fn new(spec: &ClampSpec) -> Clamp {
        Clamp { spec: *spec, outputs: Vec::new() }
    }

    /// An answer had so many tokens.
    pub fn answered(&mut self, class: u16, output: u32, now: Nanos) {
        let at = usize::from(class).min(CLASSES_MAX - 1);
        if self.outputs.len() <= at {
            self.outputs.resize_with(at + 1, Quantiles::default);
        }
        self.outputs[at].add(Nanos::from(output) * TOKEN, now);
    }

    /// What to ask for in place of what the caller asks for; `None` leaves it. Nothing is asked for that is above
    /// `most`, what the model can produce.
    pub fn limit(&mut self, class: u16, asked: Option<u32>, most: u32, now: Nanos) -> Option<u32> {
        let ClampSpec { quantile, times, min, samples_min, over } = self.spec;
        let outputs = self.outputs.get_mut(usize::from(class).min(CLASSES_MAX - 1))?;
        let usual = outputs.at(quantile.0, samples_min, now)? / TOKEN;
        let limit = ((usual as f64 * times) as u32).max(min);
        let far_above = |asked: u32| over.is_some_and(|over| f64::from(asked) > over * f64::from(limit));
        (limit < most && asked.is_none_or(far_above)).then_some(limit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::SECOND;

    fn clamp(text: &str, outputs: impl IntoIterator<Item = u32>) -> Clamp {
        let mut clamp = Clamp::new(&serde_json::from_str(text).unwrap());
        outputs.into_iter().for_each(|output| clamp.answered(0, output, 0));
        clamp
    }

    #[test]
    fn it_is_somewhat_more_than_nearly_all_answers_have() {
        let limit = clamp("{}", 1..=1_000).limit(0, None, 4_096, 0).unwrap();
        assert!((1_188..=1_350).contains(&limit), "{limit}");
        assert_eq!(clamp("{}", [20; 200]).limit(0, None, 4_096, 0), Some(256), "never below its least");
    }

    #[test]
    fn what_the_caller_set_stays_unless_it_is_far_above() {
        let mut plain = clamp("{}", [500; 200]);
        assert_eq!(plain.limit(0, Some(100_000), 200_000, 0), None);
        let mut strict = clamp(r#"{ "over": 4 }"#, [500; 200]);
        let limit = strict.limit(0, None, 200_000, 0).unwrap();
        assert_eq!(strict.limit(0, Some(limit * 4), 200_000, 0), None);
        assert_eq!(strict.limit(0, Some(limit * 4 + 1), 200_000, 0), Some(limit));
    }

    #[test]
    fn it_waits_until_enough_is_known_of_the_class_and_never_exceeds_the_model() {
        assert_eq!(clamp("{}", [500; 99]).limit(0, None, 4_096, 0), None);
        let mut known = clamp("{}", [500; 100]);
        assert!(known.limit(0, None, 4_096, 0).is_some());
        assert_eq!(known.limit(1, None, 4_096, 0), None, "another class");
        assert_eq!(known.limit(0, None, 512, 0), None, "the model stops there anyway");
        assert_eq!(known.limit(0, None, 4_096, 130 * SECOND), None, "forgotten");
        known.answered(u16::MAX, 500, 0);
    }

    #[test]
    fn answers_that_it_cut_raise_it() {
        let mut clamp = clamp("{}", [300; 200]);
        let before = clamp.limit(0, None, 4_096, 0).unwrap();
        (0..10).for_each(|_| clamp.answered(0, before, 0));
        assert!(clamp.limit(0, None, 4_096, 0).unwrap() > before);
    }
}
