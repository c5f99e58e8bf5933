//! Settings that can never do what they are meant to.

mod admission;
mod gates;
mod selectors;
mod streams;

use std::collections::BTreeSet;

use super::{ComposedSpec, Exhausted, INFO, ModelsSpec, PRESETS, settings::Settings};
use crate::{
    flight::ATTEMPTS_MAX,
    policy::{budget::BudgetSpec, part::Part},
    strategy::{Find, SpecProblem},
};

/// Places fit into the bits of one word.
const TARGETS_MAX: usize = 64;

pub(super) fn problems(spec: &ComposedSpec) -> Vec<SpecProblem> {
    let mut found = Found(Vec::new());
    found.presets(spec);
    found.tiers(spec);
    found.parts(spec);
    found.admission(spec);
    found.exhausted(spec);
    found.models(spec);
    found.streams(spec);
    found.0
}

/// Settings that cannot work with what is behind the targets' names.
pub(super) fn misfits(spec: &ComposedSpec, find: &Find<'_>) -> Vec<SpecProblem> {
    let mut found = Found(Vec::new());
    let domains: Option<BTreeSet<String>> =
        spec.tiers.iter().flatten().map(|name| Some(find(name)?.spec.domain().to_owned())).collect();
    // A preset's hedge may rest; one that is asked for may not.
    if matches!(spec.hedge, Some(Part::On(_))) && domains.is_some_and(|domains| domains.len() < 2) {
        let hint = "add a target in another Region, or leave hedge out";
        found.add(&["hedge"], "all targets are in one Region, so a hedge has nowhere to go", hint);
    }
    same_models(&mut found, spec, find);
    found.0
}

/// A map leads to another model; more targets of the same one belong into the tiers.
fn same_models(found: &mut Found, spec: &ComposedSpec, find: &Find<'_>) {
    let models = |name: &String| find(name).map(|known| known.spec.models().collect::<Vec<_>>());
    let home: BTreeSet<&str> = spec.tiers.iter().flatten().filter_map(models).flatten().collect();
    for (map, names) in spec.models.iter().flat_map(ModelsSpec::maps) {
        for (at, name) in names.iter().enumerate() {
            let tiered = spec.tiers.iter().flatten().any(|other| other == name);
            let known = models(name).filter(|models| !models.is_empty() && !tiered);
            if home.len() == 1 && known.is_some_and(|models| models.iter().all(|model| home.contains(model)))
            {
                let message = format!("\"{name}\" is the model that the tiers have, too");
                let hint = "list it in a tier, and another model here";
                found.add(&["models", map, &at.to_string()], message, hint);
            }
        }
    }
}

struct Found(Vec<SpecProblem>);

impl Found {
    fn add(&mut self, keys: &[&str], message: impl Into<String>, hint: impl Into<String>) {
        let path: Vec<&str> = [INFO.name].iter().chain(keys).copied().collect();
        self.0.push(SpecProblem::new(&path, message, hint));
    }

    fn presets(&mut self, spec: &ComposedSpec) {
        let Some(name) = &spec.preset else { return };
        if Settings::of(spec).is_none() {
            let message = format!("no preset is called \"{name}\"");
            self.add(&["preset"], message, format!("the presets are {}", PRESETS.join(", ")));
        }
    }

    fn tiers(&mut self, spec: &ComposedSpec) {
        if spec.tiers.is_empty() {
            self.add(
                &["tiers"],
                "there are no tiers",
                "write the targets tier by tier, as in [[east, west], [us]]",
            );
        }
        let mapped: usize = spec.models.iter().flat_map(ModelsSpec::maps).map(|(_, names)| names.len()).sum();
        if spec.tiers.iter().map(Vec::len).sum::<usize>() + mapped >= TARGETS_MAX {
            let hint = format!("name fewer than {TARGETS_MAX} targets");
            self.add(&["tiers"], "there are too many targets", hint);
        }
        let mut seen = BTreeSet::new();
        for (tier, names) in spec.tiers.iter().enumerate() {
            let tier = tier.to_string();
            if names.is_empty() {
                self.add(
                    &["tiers", &tier],
                    "the tier is empty",
                    "name at least one target, or remove the tier",
                );
            }
            for (at, name) in names.iter().enumerate() {
                if !seen.insert(name) {
                    let message = format!("target \"{name}\" is listed twice, so it is never reached here");
                    self.add(&["tiers", &tier, &at.to_string()], message, "list each target once");
                }
            }
        }
        self.lower_tiers(spec);
        self.weights(spec, &seen);
        self.limits(spec, &seen);
        self.selector(spec, &seen);
    }

    /// A tier below another is for what that one does not take.
    fn lower_tiers(&mut self, spec: &ComposedSpec) {
        let Some(settings) = Settings::of(spec) else { return };
        let told = !spec.lacks.is_empty() || spec.models.as_ref().is_some_and(|one| !one.contexts.is_empty());
        if spec.tiers.len() > 1 && !told && !settings.leads_down() {
            let message = "this tier is never reached: every request has one attempt, at the tier above";
            let hint = "write `retry: {}`, or a gate such as `breaker: {}`, or put all targets into one tier";
            self.add(&["tiers", "1"], message, hint);
        }
    }

    fn weights(&mut self, spec: &ComposedSpec, listed: &BTreeSet<&String>) {
        for (name, weight) in &spec.weights {
            if !listed.contains(name) {
                let message = format!("\"{name}\" has a weight and is in no tier");
                self.add(&["weights", name], message, "list it in a tier, or remove the weight");
            } else if !(weight.is_finite() && *weight > 0.0) {
                self.add(
                    &["weights", name],
                    "the weight is not above zero",
                    "write a number such as 1 or 2.5",
                );
            }
        }
    }

    fn limits(&mut self, spec: &ComposedSpec, listed: &BTreeSet<&String>) {
        let settings = Settings::of(spec);
        let quota = settings.as_ref().is_none_or(|settings| settings.quota.is_some());
        let used = quota || settings.as_ref().is_some_and(|settings| settings.pacing.is_some());
        for (name, limit) in &spec.limits {
            let rates = [limit.requests, limit.tokens].into_iter().flatten();
            if !listed.contains(name) {
                let message = format!("\"{name}\" has a limit and is in no tier");
                self.add(&["limits", name], message, "list it in a tier, or remove the limit");
            } else if rates.clone().any(|rate| rate.per_second <= 0.0) {
                let hint = "write a rate such as \"300k/min\"";
                self.add(&["limits", name], "a limit of zero lets nothing through", hint);
            } else if !used {
                self.add(&["limits", name], "nobody keeps books on this limit", "write `quota: {}`, too");
            }
        }
    }

    fn hedge(&mut self, spec: &ComposedSpec) {
        let Some(Part::On(hedge)) = &spec.hedge else { return };
        if hedge.share.0 <= 0.0 {
            self.add(&["hedge", "share"], "this budget never pays", "write a share such as \"5%\"");
        }
        if Settings::of(spec).is_some_and(|settings| settings.retry.attempts_max < 2) {
            self.add(&["hedge"], "there is no second attempt to hedge with", "write `retry: {}`, too");
        }
    }

    fn parts(&mut self, spec: &ComposedSpec) {
        if let Some(timeouts) = &spec.timeouts {
            self.0.extend(timeouts.problems(INFO.name));
        }
        if spec.deadline.is_some_and(|deadline| deadline.is_zero()) {
            self.add(
                &["deadline"],
                "a deadline of zero lets nothing be sent",
                "write a length of time such as \"30s\"",
            );
        }
        self.hedge(spec);
        self.retry(spec);
        self.gates(spec);
        if let Some(Part::On(limit)) = &spec.first_token
            && (limit.max < limit.min || limit.min.is_zero() || limit.times <= 0.0)
        {
            let message = "no first token could come in time";
            self.add(&["first_token"], message, "write a `min` above zero, and a `max` of at least that");
        }
    }

    fn retry(&mut self, spec: &ComposedSpec) {
        if let Some(Part::On(retry)) = &spec.retry
            && (!(1..=ATTEMPTS_MAX).contains(&retry.attempts_max))
        {
            let hint = format!("write a number from 1 to {ATTEMPTS_MAX}, the first attempt included");
            self.add(&["retry", "attempts_max"], "the number of attempts is out of range", hint);
        }
        let Some(Part::On(budgets)) = &spec.budgets else { return };
        for (key, budget) in [("same", budgets.same), ("failover", budgets.failover)] {
            self.budget(&["budgets", key], budget);
        }
        if Settings::of(spec).is_some_and(|settings| settings.retry.attempts_max < 2) {
            self.add(
                &["budgets"],
                "there are no further attempts to pay for",
                "write `retry: {}`, or leave budgets out",
            );
        }
    }

    fn budget(&mut self, keys: &[&str], budget: Option<BudgetSpec>) {
        if budget.is_some_and(|budget| !budget.can_pay()) {
            let hint = "write a share such as \"10%\" or a floor such as \"1/s\"";
            self.add(keys, "this budget never pays", hint);
        }
    }

    fn models(&mut self, spec: &ComposedSpec) {
        let Some(models) = &spec.models else { return };
        if models.maps().iter().all(|(_, names)| names.is_empty()) && models.contexts.is_empty() {
            let hint = "name targets in `general`, `context_window` or `content`, or leave models out";
            self.add(&["models"], "no other model is named", hint);
        }
        if models.hops_max == 0 {
            let hint = "write a number from 1, or leave the maps out";
            self.add(&["models", "hops_max"], "without a hop the maps are never used", hint);
        }
        let later = models.maps()[1..].iter().any(|(_, names)| !names.is_empty());
        if later && Settings::of(spec).is_some_and(|settings| settings.retry.attempts_max < 2) {
            self.add(&["models"], "there is no second attempt for another model", "write `retry: {}`, too");
        }
        for (map, names) in models.maps() {
            for (at, name) in names.iter().enumerate() {
                if names[..at].contains(name) {
                    let message = format!("target \"{name}\" is listed twice, so it is never reached here");
                    self.add(&["models", map, &at.to_string()], message, "list each target once");
                }
            }
        }
        for (name, context) in &models.contexts {
            if *context == 0 {
                self.add(&["models", "contexts", name], "nothing fits into 0 tokens", "write such as 200000");
            }
        }
    }

    fn exhausted(&mut self, spec: &ComposedSpec) {
        let steps = spec.on_exhausted.iter().flatten().enumerate();
        let mut failed = false;
        for (at, step) in steps {
            let at = at.to_string();
            if failed {
                self.add(
                    &["on_exhausted", &at],
                    "nothing comes after fail_fast",
                    "move fail_fast to the end",
                );
            }
            match step {
                Exhausted::FailFast => failed = true,
                Exhausted::WaitFirst(wait) if wait.max.is_zero() => {
                    let hint = "write a length of time such as \"2s\"";
                    self.add(&["on_exhausted", &at], "a wait of zero is none", hint);
                }
                Exhausted::LastResort(last)
                    if spec.tiers.iter().flatten().any(|name| *name == last.target) =>
                {
                    let message = format!("\"{}\" is in a tier, so it is no last resort", last.target);
                    self.add(&["on_exhausted", &at], message, "remove it from its tier");
                }
                Exhausted::WaitFirst(_)
                | Exhausted::LeastBad
                | Exhausted::AskAnyway
                | Exhausted::PanicAll
                | Exhausted::Degrade(_)
                | Exhausted::LastResort(_) => {}
            }
        }
    }
}
