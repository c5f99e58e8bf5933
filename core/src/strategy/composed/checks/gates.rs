//! Gates that can never deny anything, or that deny everything.

use super::Found;
use crate::{
    policy::{cooldown::CooldownSpec, part::Part},
    strategy::composed::{ComposedSpec, settings::Settings},
};

impl Found {
    pub(super) fn gates(&mut self, spec: &ComposedSpec) {
        if let Some(Part::On(cooldown)) = &spec.cooldown {
            if cooldown.throttle.is_none() && cooldown.fault.is_none() {
                let hint = "write `throttle` or `fault`, or `cooldown: off`";
                self.add(&["cooldown"], "nothing is ever left alone", hint);
            }
            for (key, one) in [("throttle", cooldown.throttle), ("fault", cooldown.fault)] {
                self.cooldown(key, one);
            }
        }
        if let Some(Part::On(breaker)) = &spec.breaker
            && (!breaker.can_block())
        {
            let hint = "write `consecutive`, or `calls_min` and `success_below`, above zero";
            self.add(&["breaker"], "this breaker never blocks", hint);
        }
        if let Some(Part::On(concurrency)) = &spec.concurrency
            && let Some((message, hint)) = concurrency.problem()
        {
            self.add(&["concurrency"], message, hint);
        }
        if let Some(Part::On(throttle)) = &spec.adaptive_throttle
            && !throttle.is_sound()
        {
            let message = "below 1 it turns requests away from a service that lets everything in";
            self.add(&["adaptive_throttle", "k"], message, "write a number such as 2 or 1.1");
        }
        self.outlier(spec);
        self.ramp(spec);
        self.throughput_guard(spec);
    }

    fn cooldown(&mut self, key: &str, cooldown: Option<CooldownSpec>) {
        if cooldown.is_some_and(|one| one.base.is_zero() || one.cap < one.base) {
            let hint = "write a `base` above zero, and a `cap` of at least that";
            self.add(&["cooldown", key], "this cool-down has no length", hint);
        }
    }

    fn outlier(&mut self, spec: &ComposedSpec) {
        let Some(Part::On(outlier)) = &spec.outlier else { return };
        if let Some((message, hint)) = outlier.problem() {
            self.add(&["outlier"], message, hint);
        }
        let alone = spec.tiers.iter().map(Vec::len).sum::<usize>() == 1;
        if alone && outlier.panic_below.0 > 0.0 {
            let hint = "add a target, or leave outlier out; a breaker blocks a single target";
            self.add(&["outlier"], "the only target is never an outlier", hint);
        }
    }

    fn ramp(&mut self, spec: &ComposedSpec) {
        let Some(Part::On(ramp)) = &spec.ramp else { return };
        if !ramp.climbs() {
            let hint = "write `from` between \"0%\" and \"100%\", and `over` above zero";
            self.add(&["ramp"], "this ramp has no slope", hint);
        }
        let recovers = Settings::of(spec).is_none_or(|settings| {
            let cools = settings.cooldown.is_some_and(|cooldown| cooldown.fault.is_some());
            cools || settings.breaker.is_some() || settings.outlier.is_some()
        });
        if !recovers {
            let hint = "write `breaker`, `outlier` or `cooldown.fault`, too";
            self.add(&["ramp"], "no target is ever put out of use, so none comes back", hint);
        }
        if !spec.tiers.is_empty() && spec.tiers.iter().all(|tier| tier.len() == 1) {
            let hint = "put several targets into one tier, or leave ramp out";
            self.add(&["ramp"], "every target is alone in its tier, so none can be spared", hint);
        }
    }

    fn throughput_guard(&mut self, spec: &ComposedSpec) {
        let Some(Part::On(guard)) = &spec.throughput_guard else { return };
        if let Some((message, hint)) = guard.problem() {
            self.add(&["throughput_guard"], message, hint);
        }
        let alone = !spec.tiers.is_empty() && spec.tiers.iter().all(|tier| tier.len() == 1);
        if alone && !guard.abort {
            let hint = "put several targets into one tier, or write `abort: true`";
            let message = "every target is alone in its tier, so none can be spared";
            self.add(&["throughput_guard"], message, hint);
        }
    }
}
