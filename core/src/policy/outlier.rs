//! Put out of use the target that is worse than its siblings, for sets as small as two.
//!
//! A target is ejected after a run of faults, or when its share of faults is well above that of the others. It comes
//! back by itself, and is out for longer each time. Never more than a share of the set is out, and when too few of the
//! set are well, nobody is taken for an outlier any more: then the fault is not the target's, and those that are left
//! could not bear the load.
//!
//! Source: Envoy, outlier detection and panic threshold. Its minimums (five hosts, a hundred requests, a tenth of the
//! hosts) never act on two to six targets, so those here are smaller.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use super::{SECOND, Verdict, window::Window};
use crate::{Nanos, quantity::Share, span, strategy::Reason};

/// One ejection is forgotten for each minute in use.
const FORGETS_AFTER: Nanos = 60 * SECOND;
/// From this many targets on a tenth of them is a number worth ejecting.
const LARGE: usize = 10;

#[derive(Debug, Clone, Copy, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OutlierSpec {
    /// Ejected after so many faults in a row; 0 counts no runs.
    #[serde(default = "five")]
    pub consecutive: u32,
    /// Calls in the window before a target's share of faults is compared; 0 never compares.
    #[serde(default = "twenty")]
    pub calls_min: u32,
    #[serde(default = "half_a_minute", deserialize_with = "span::required")]
    #[schemars(schema_with = "span::schema")]
    pub window: Duration,
    /// The share must be at least this much above the mean of the others.
    #[serde(default = "fifth")]
    pub margin: Share,
    /// And at least so many standard deviations of the others.
    #[serde(default = "almost_two")]
    pub deviations: f64,
    /// Length of the first ejection; the second is twice as long, the third three times.
    #[serde(default = "ten_seconds", deserialize_with = "span::required")]
    #[schemars(schema_with = "span::schema")]
    pub eject: Duration,
    #[serde(default = "five_minutes", deserialize_with = "span::required")]
    #[schemars(schema_with = "span::schema")]
    pub eject_cap: Duration,
    /// Up to this share is added to each ejection, so that targets do not all come back at once.
    #[serde(default = "fifth")]
    pub jitter: Share,
    /// Share of the targets that may be out at once, at least one; by default half, of ten and more a tenth.
    #[serde(default)]
    pub ejected_max: Option<Share>,
    /// When fewer than this share of the targets are well, ejections are ignored.
    #[serde(default = "half")]
    pub panic_below: Share,
}

fn five() -> u32 {
    5
}
fn twenty() -> u32 {
    20
}
fn almost_two() -> f64 {
    1.9
}
fn fifth() -> Share {
    Share(0.2)
}
fn half() -> Share {
    Share(0.5)
}
fn ten_seconds() -> Duration {
    Duration::from_secs(10)
}
fn half_a_minute() -> Duration {
    Duration::from_secs(30)
}
fn five_minutes() -> Duration {
    Duration::from_secs(300)
}

impl OutlierSpec {
    /// What makes it useless, with what to write instead.
    pub fn problem(&self) -> Option<(&'static str, &'static str)> {
        let compares = self.calls_min > 0 && self.margin.0 < 1.0;
        if self.consecutive == 0 && !compares {
            return Some(("nobody is ever an outlier", "write `consecutive` or `calls_min` above zero"));
        }
        if self.eject.is_zero() || self.eject_cap < self.eject || self.window.is_zero() {
            let hint = "write `eject` and `window` above zero, and `eject_cap` of at least `eject`";
            return Some(("this ejection has no length", hint));
        }
        if self.ejected_max.is_some_and(|share| share.0 <= 0.0) {
            return Some(("nobody may be ejected", "write `ejected_max` above zero, or leave it out"));
        }
        let odd = !(self.deviations.is_finite() && self.deviations >= 0.0) || self.panic_below.0 > 1.0;
        odd.then_some((
            "ejections are never heeded",
            "write `deviations` from 0 on, and `panic_below` of at most \"100%\"",
        ))
    }

    fn ejected_max(&self, members: usize) -> usize {
        let usual = if members < LARGE { 0.5 } else { 0.1 };
        let share = self.ejected_max.map_or(usual, |share| share.0);
        ((members as f64 * share) as usize).max(1)
    }
}

#[derive(Debug, Clone, Copy)]
struct Member {
    run: u32,
    window: Window,
    ejections: u32,
    /// Of the latest ejection, over or not.
    until: Nanos,
}

/// A set of targets that are compared with each other, each by its number.
#[derive(Debug, Clone)]
pub struct Outliers {
    spec: OutlierSpec,
    members: Vec<Member>,
}

impl Outliers {
    pub fn new(spec: &OutlierSpec, members: usize) -> Outliers {
        let member = Member { run: 0, window: Window::new(span::nanos(spec.window)), ejections: 0, until: 0 };
        Outliers { spec: *spec, members: vec![member; members] }
    }

    /// Until when it is out, if it is.
    pub fn ejected(&self, at: usize, now: Nanos) -> Option<Nanos> {
        self.members.get(at).map(|member| member.until).filter(|until| now < *until)
    }

    /// What is said of a target when so many of all are `well`; those out of use are not.
    pub fn check(&self, at: usize, well: usize, now: Nanos) -> Verdict {
        match self.ejected(at, now) {
            Some(until) if !self.panics(well) => Verdict::Deny { until, reason: Reason::Ejected },
            _ => Verdict::Allow,
        }
    }

    fn panics(&self, well: usize) -> bool {
        (well as f64) < self.members.len() as f64 * self.spec.panic_below.0
    }

    /// An attempt was answered.
    pub fn passed(&mut self, at: usize, now: Nanos) {
        let Some(member) = self.members.get_mut(at) else { return };
        member.run = 0;
        member.window.add(now, 1.0, 0.0);
    }

    /// An attempt sent at `sent` met a fault; until when that puts its target out of use, if it does.
    pub fn failed(&mut self, at: usize, sent: Nanos, now: Nanos, jitter: f64) -> Option<Nanos> {
        let member = self.members.get_mut(at)?;
        // What left before the target came back shows what is known already.
        if sent < member.until {
            return None;
        }
        member.run = member.run.saturating_add(1);
        member.window.add(now, 0.0, 1.0);
        let in_a_row = self.spec.consecutive > 0 && member.run >= self.spec.consecutive;
        if !(in_a_row || self.stands_out(at, now)) || !self.one_more_may_go(now) {
            return None;
        }
        Some(self.eject(at, now, jitter))
    }

    fn one_more_may_go(&self, now: Nanos) -> bool {
        let out = self.members.iter().filter(|member| now < member.until).count();
        out < self.spec.ejected_max(self.members.len())
    }

    /// Whether its share of faults is well above that of the others that were called as often as that means something.
    fn stands_out(&mut self, at: usize, now: Nanos) -> bool {
        let calls_min = f64::from(self.spec.calls_min);
        let (mut own, mut others) = (None, (0.0, 0.0, 0.0));
        for (number, member) in self.members.iter_mut().enumerate() {
            let (good, bad) = member.window.sums(now);
            let calls = good + bad;
            if calls <= 0.0 || calls < calls_min {
                continue;
            }
            let share = bad / calls;
            match number == at {
                true => own = Some(share),
                false => others = (others.0 + 1.0, others.1 + share, others.2 + share * share),
            }
        }
        let (Some(own), (count, sum, squares)) = (own, others) else { return false };
        if self.spec.calls_min == 0 || count == 0.0 {
            return false;
        }
        let mean = sum / count;
        let deviation = libm::sqrt((squares / count - mean * mean).max(0.0));
        own > mean + self.spec.margin.0.max(self.spec.deviations * deviation)
    }

    fn eject(&mut self, at: usize, now: Nanos, jitter: f64) -> Nanos {
        let spec = self.spec;
        let member = &mut self.members[at];
        let calm = now.saturating_sub(member.until) / FORGETS_AFTER;
        let before = member.ejections.saturating_sub(u32::try_from(calm).unwrap_or(u32::MAX));
        member.ejections = before.saturating_add(1);
        let length = span::nanos(spec.eject)
            .saturating_mul(u64::from(member.ejections))
            .min(span::nanos(spec.eject_cap));
        let length = (length as f64 * (1.0 + spec.jitter.0 * jitter)) as Nanos;
        member.until = now.saturating_add(length);
        // It comes back with a clean record.
        member.run = 0;
        member.window.clear();
        member.until
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn outliers(members: usize, settings: Value) -> Outliers {
        Outliers::new(&serde_json::from_value(settings).unwrap(), members)
    }

    /// Feeds calls to members in turn, a tenth of a second apart, of which so many of each ten fail, and gives who is out
    /// in the end.
    fn out_after(calls: u64, faults: &[u64], settings: Value) -> Vec<usize> {
        let mut set = outliers(faults.len(), settings);
        let mut now = 0;
        for call in 0..calls {
            for (at, faults) in faults.iter().enumerate() {
                now = call * SECOND / 10;
                // Spread, so that there are no runs: 0, 3, 6, 9, 2, 5, 8, 1, 4, 7.
                if call * 3 % 10 < *faults { _ = set.failed(at, now, now, 0.0) } else { set.passed(at, now) }
            }
        }
        (0..faults.len()).filter(|at| set.ejected(*at, now).is_some()).collect()
    }

    #[test]
    fn five_faults_in_a_row_put_it_out_and_a_success_between_them_does_not() {
        let mut set = outliers(2, json!({ "calls_min": 0 }));
        let told: Vec<_> = (0..5).map(|n| set.failed(0, n, n, 0.5)).collect();
        assert_eq!(told, [None, None, None, None, Some(4 + 11 * SECOND)]);
        assert_eq!(set.check(0, 2, 10), Verdict::Deny { until: 4 + 11 * SECOND, reason: Reason::Ejected });
        assert_eq!(set.check(1, 2, 10), Verdict::Allow);
        assert_eq!(set.check(0, 2, 12 * SECOND), Verdict::Allow, "it comes back by itself");
        let mut other = outliers(2, json!({ "calls_min": 0 }));
        for n in 0..20 {
            if n % 4 == 0 { other.passed(0, n) } else { assert_eq!(other.failed(0, n, n, 0.5), None) }
        }
    }

    #[test]
    fn who_is_much_worse_than_the_others_is_put_out() {
        let only_shares = || json!({ "consecutive": 0 });
        let table: [(u64, &[u64], &[usize]); 7] = [
            (30, &[4, 0], &[0]),
            (30, &[0, 4, 0], &[1]),
            (30, &[1, 0], &[]),       // ten points are within the margin
            (30, &[5, 5, 5], &[]),    // all are as bad as each other
            (15, &[9, 0], &[]),       // too few calls to tell
            (30, &[9, 0, 4, 9], &[]), // the others differ too much among themselves
            (30, &[8], &[]),          // nobody to compare with
        ];
        for (calls, faults, out) in table {
            assert_eq!(out_after(calls, faults, only_shares()), out, "{calls} calls, {faults:?} of ten fail");
        }
    }

    #[test]
    fn never_more_than_half_of_a_small_set_is_out_and_always_one_may_be() {
        let table = [(1, 1), (2, 1), (3, 1), (4, 2), (5, 2), (9, 4), (10, 1), (30, 3)];
        for (members, most) in table {
            let mut set = outliers(members, json!({ "calls_min": 0 }));
            (0..5).for_each(|n| (0..members).for_each(|at| _ = set.failed(at, n, n, 0.0)));
            let out = (0..members).filter(|at| set.ejected(*at, 5).is_some()).count();
            assert_eq!(out, most, "of {members}");
        }
    }

    #[test]
    fn when_too_few_are_well_nobody_is_an_outlier() {
        let mut set = outliers(4, json!({ "calls_min": 0 }));
        (0..5).for_each(|n| _ = set.failed(0, n, n, 0.0));
        let table = [(3, false), (2, false), (1, true), (0, true)];
        for (well, allowed) in table {
            assert_eq!(set.check(0, well, 6) == Verdict::Allow, allowed, "{well} of four are well");
        }
        let mut never = outliers(4, json!({ "calls_min": 0, "panic_below": "0%" }));
        (0..5).for_each(|n| _ = never.failed(0, n, n, 0.0));
        assert_ne!(never.check(0, 0, 6), Verdict::Allow);
    }

    #[test]
    fn each_ejection_is_longer_than_the_one_before_until_they_are_forgotten() {
        let mut set = outliers(2, json!({ "consecutive": 1, "calls_min": 0, "eject_cap": "25s" }));
        let mut lengths = Vec::new();
        let mut now = 0;
        for pause in [0, 1, 1, 1, 200] {
            now += pause * SECOND;
            let until = set.failed(0, now, now, 0.0).unwrap();
            lengths.push((until - now) / SECOND);
            now = until;
        }
        assert_eq!(lengths, [10, 20, 25, 25, 20], "three of four were forgotten in the end");
    }

    #[test]
    fn what_left_before_it_came_back_shows_nothing_new() {
        let mut set = outliers(2, json!({ "consecutive": 1, "calls_min": 0 }));
        let until = set.failed(0, 0, 0, 0.0).unwrap();
        assert_eq!(set.failed(0, until - 1, until + 5, 0.0), None);
        assert!(set.failed(0, until, until + 5, 0.0).is_some());
    }

    #[test]
    fn settings_under_which_nothing_ever_happens_are_refused() {
        let rows = [
            (json!({}), true),
            (json!({ "consecutive": 0, "calls_min": 0 }), false),
            (json!({ "consecutive": 0, "margin": "100%" }), false),
            (json!({ "eject": "0s" }), false),
            (json!({ "eject": "10m" }), false),
            (json!({ "ejected_max": "0%" }), false),
            (json!({ "panic_below": "101%" }), false),
        ];
        for (written, fine) in rows {
            let spec: OutlierSpec = serde_json::from_value(written.clone()).unwrap();
            assert_eq!(spec.problem().is_none(), fine, "{written}");
        }
    }

    proptest! {
        #[test]
        fn the_share_that_is_out_stays_within_its_bound(
            members in 1usize..13,
            calls in prop::collection::vec((0usize..13, any::<bool>(), 0u64..3), 1..400),
        ) {
            let mut set = outliers(members, json!({ "consecutive": 3 }));
            let most = set.spec.ejected_max(members);
            let mut now = 0;
            for (at, fails, after) in calls {
                now += after * SECOND;
                let at = at % members;
                if fails { _ = set.failed(at, now, now, 0.5) } else { set.passed(at, now) }
                let out = (0..members).filter(|at| set.ejected(*at, now).is_some()).count();
                prop_assert!(out <= most, "{out} of {members}");
            }
        }
    }
}
