//! Rules for streams that could never act, and requests that nobody could take.

use super::Found;
use crate::{
    policy::part::Part,
    request::Need,
    strategy::composed::{ComposedSpec, Exhausted, ModelsSpec, settings::Settings},
};

impl Found {
    pub(super) fn streams(&mut self, spec: &ComposedSpec) {
        self.lacks(spec);
        let further = Settings::of(spec).is_none_or(|settings| settings.retry.attempts_max > 1);
        if let Some(Part::On(hold_back)) = &spec.hold_back {
            if let Some((message, hint)) = hold_back.problem() {
                self.add(&["hold_back"], message, hint);
            }
            if !further {
                let message = "there is no second attempt for what breaks unseen";
                self.add(&["hold_back"], message, "write `retry: {}`, too, or leave hold_back out");
            }
        }
        if let Some(Part::On(more)) = &spec.continue_prefill {
            if more.max == 0 {
                let hint = "write a number from 1, or `continue_prefill: off`";
                self.add(&["continue_prefill", "max"], "nobody ever goes on", hint);
            }
            if !further {
                let message = "there is no second attempt to go on with";
                self.add(&["continue_prefill"], message, "write `retry: {}`, too, or leave it out");
            }
            let lacks =
                |name: &String| spec.lacks.get(name).is_some_and(|lacks| lacks.contains(&Need::Prefill));
            if !spec.tiers.is_empty() && spec.tiers.iter().flatten().all(lacks) {
                let message = "no target of the tiers goes on with the beginning of an answer";
                self.add(&["continue_prefill"], message, "leave it out, or add a target that does");
            }
        }
    }

    fn lacks(&mut self, spec: &ComposedSpec) {
        let last = spec.on_exhausted.iter().flatten().filter_map(|rule| match rule {
            Exhausted::LastResort(last) => Some(&last.target),
            _ => None,
        });
        let mapped = spec.models.iter().flat_map(ModelsSpec::maps).flat_map(|(_, names)| names);
        let used: Vec<&String> = spec.tiers.iter().flatten().chain(mapped).chain(last).collect();
        for (name, lacks) in &spec.lacks {
            if !used.contains(&name) {
                let message = format!("\"{name}\" lacks something and is used nowhere");
                self.add(&["lacks", name], message, "list it in a tier, or remove it here");
            } else if lacks.is_empty() {
                let hint = "write such as [tools, images], or remove it here";
                self.add(&["lacks", name], "it lacks nothing", hint);
            }
        }
    }
}
