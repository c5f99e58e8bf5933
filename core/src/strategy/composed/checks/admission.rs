//! The parts that let requests in, put them off or change what they ask for.

use super::{ComposedSpec, Exhausted, Found, Part, Settings};
use crate::policy::{
    clamp::ClampSpec, fast_fail::FastFailSpec, pacing::PacingSpec, queue, queue::QueueSpec, shed::ShedSpec,
};

impl Found {
    /// Only what is written here is judged, but with what the preset adds to it.
    pub(super) fn admission(&mut self, spec: &ComposedSpec) {
        let Some(settings) = Settings::of(spec) else { return };
        if let Some(Part::On(queue)) = &spec.queue {
            self.queue(queue, &settings);
        }
        if let Some(Part::On(pacing)) = &spec.pacing {
            self.pacing(pacing, spec, &settings);
        }
        if let Some(Part::On(shed)) = &spec.shed {
            self.shed(shed, &settings);
        }
        if let Some(Part::On(tenants)) = &spec.tenants
            && !tenants.makes_sense()
        {
            let hint = "write `requests` or `tokens` above zero, such as \"60/min\"";
            self.add(&["tenants"], "no tenant has a rate, or one of zero", hint);
        }
        if let Some(Part::On(clamp)) = &spec.clamp_output {
            self.clamp(clamp, &settings);
        }
        if let Some(Part::On(fast)) = &spec.fast_fail_only {
            self.fast_fail(fast, &settings);
        }
        self.degrade(spec, &settings);
    }

    fn queue(&mut self, spec: &QueueSpec, settings: &Settings) {
        if !(1..=queue::LENGTH_MAX).contains(&spec.length) {
            let hint = format!("write a number from 1 to {}, or `queue: off`", queue::LENGTH_MAX);
            self.add(&["queue", "length"], "the queue has no length, or too much of it", hint);
        }
        if spec.wait.is_zero() {
            let hint = "write a length of time such as \"2s\"";
            self.add(&["queue", "wait"], "a wait of zero is none", hint);
        } else if let Some(deadline) = settings.deadline.filter(|deadline| *deadline <= spec.wait) {
            let message = format!("nothing is sent later than {deadline:?}, so nobody can wait longer");
            self.add(&["queue", "wait"], message, "write a wait below the deadline");
        }
    }

    fn pacing(&mut self, pacing: &PacingSpec, spec: &ComposedSpec, settings: &Settings) {
        if !(pacing.share.0 > 0.0 && pacing.share.0 <= 1.0) {
            let hint = "write a share such as \"95%\"";
            self.add(&["pacing", "share"], "the share is not above zero and at most 100%", hint);
        }
        let given = spec.limits.values().any(|limit| limit.requests.or(limit.tokens).is_some());
        if settings.quota.is_none() && !given {
            let hint = "write `limits`, or `quota: {}` to learn them";
            self.add(&["pacing"], "no limit is known, and none is learnt", hint);
        }
        let waits = settings.on_exhausted.iter().any(|rule| matches!(rule, Exhausted::WaitFirst(_)));
        if spec.tiers.iter().flatten().count() == 1 && settings.queue.is_none() && !waits {
            let message = "what is put off fails, since nothing lets it wait";
            self.add(&["pacing"], message, "write `queue: {}`, too, or a `wait_first` in on_exhausted");
        }
    }

    fn shed(&mut self, shed: &ShedSpec, settings: &Settings) {
        if !shed.makes_sense() {
            let message =
                "requests of default priority would go before those that may be shed, or all would go";
            self.add(
                &["shed"],
                message,
                "write `sheddable_above` below 100%, and `default_above` at least that",
            );
        }
        if settings.quota.is_none() {
            self.add(&["shed"], "nobody knows how much of the quota is spent", "write `quota: {}`, too");
        }
    }

    fn clamp(&mut self, clamp: &ClampSpec, settings: &Settings) {
        if !clamp.makes_sense() {
            let hint =
                "write `times` and `over` of at least 1, a `min` above zero and a `quantile` up to 100%";
            self.add(&["clamp_output"], "this clamp would cut off usual answers", hint);
        }
        let most = settings.max_output();
        if clamp.min >= most {
            let message = format!("the model stops at {most} tokens anyway");
            self.add(&["clamp_output", "min"], message, "write less, or raise `quota.max_output`");
        }
    }

    fn fast_fail(&mut self, fast: &FastFailSpec, settings: &Settings) {
        if fast.within.is_zero() {
            let hint = "write a length of time such as \"3s\"";
            self.add(&["fast_fail_only", "within"], "no failure is that fast", hint);
        }
        if settings.retry.attempts_max < 2 {
            let message = "there are no further attempts to do without";
            self.add(&["fast_fail_only"], message, "write `retry: {}`, or leave fast_fail_only out");
        }
    }

    fn degrade(&mut self, spec: &ComposedSpec, settings: &Settings) {
        for (at, rule) in spec.on_exhausted.iter().flatten().enumerate() {
            let Exhausted::Degrade(degrade) = rule else { continue };
            let at = at.to_string();
            let most = settings.max_output();
            if !(1..most).contains(&degrade.floor) {
                let message =
                    format!("{} is not between nothing and {most}, the usual maximum", degrade.floor);
                let hint = "write a number of tokens such as 256";
                self.add(&["on_exhausted", &at, "degrade", "floor"], message, hint);
            }
            if settings.quota.is_none() {
                self.add(&["on_exhausted", &at], "nobody knows what fits", "write `quota: {}`, too");
            }
        }
    }
}
