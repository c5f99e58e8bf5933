//! Model maps: which other model may answer, when that of the tiers cannot.
//!
//! The targets of a map are tried in the order of the list, each at most once, when nothing of the tiers is left. A
//! target that cannot take the prompt is passed over: there, in the tiers and in every rule for the end.
//!
//! Without a map for it, what only another model can mend may go to a target of the tiers that has another one than all that
//! were tried (`across_models`): whoever lists several models in the tiers takes an answer from each of them.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    choose::{Ask, Bits},
    state::Composed,
};
use crate::{
    policy::{Verdict, remedy::Action},
    request::Request,
    strategy::{Decision, Reason},
};

#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ModelsSpec {
    /// Names of targets for when no target of the tiers can answer.
    #[serde(default)]
    pub general: Vec<String>,
    /// For prompts that are too long for the model.
    #[serde(default)]
    pub context_window: Vec<String>,
    /// For what the model's content filter stops.
    #[serde(default)]
    pub content: Vec<String>,
    /// Most attempts of one request at targets of these maps.
    #[serde(default = "two")]
    pub hops_max: u32,
    /// Tokens of input and output together that fit, by target; a request that does not fit is not sent there.
    #[serde(default)]
    pub contexts: BTreeMap<String, u32>,
}

fn two() -> u32 {
    2
}

impl ModelsSpec {
    pub(super) fn maps(&self) -> [(&'static str, &[String]); 3] {
        [("general", &self.general), ("context_window", &self.context_window), ("content", &self.content)]
    }

    /// Targets of all maps, with the keys of each.
    pub(super) fn targets(&self) -> Vec<(Vec<String>, &str)> {
        let mut targets = Vec::new();
        for (map, names) in self.maps() {
            for (at, name) in names.iter().enumerate() {
                targets.push((vec![map.to_owned(), at.to_string()], &**name));
            }
        }
        for name in self.contexts.keys() {
            targets.push((vec!["contexts".to_owned(), name.clone()], &**name));
        }
        targets
    }
}

/// The maps with places for names.
#[derive(Debug, Default)]
pub(super) struct Maps {
    pub(super) general: Vec<usize>,
    pub(super) context_window: Vec<usize>,
    pub(super) content: Vec<usize>,
    pub(super) hops_max: u32,
}

impl Maps {
    fn of(&self, action: Action) -> &[usize] {
        match action {
            Action::NextModel => &self.general,
            Action::LargerContext => &self.context_window,
            Action::OtherContent => &self.content,
            Action::NextTarget | Action::RetrySame => &[],
        }
    }

    fn holds(&self, place: usize) -> bool {
        [&self.general, &self.context_window, &self.content].into_iter().any(|map| map.contains(&place))
    }
}

impl Composed {
    /// The first target of the action's map that may take the request.
    pub(super) fn hop(&mut self, ask: &Ask<'_>, tried: Bits, action: Action) -> Option<Decision> {
        if self.goes_across(action) {
            return self.across(ask, tried);
        }
        let attempts = ask.flight.attempts.iter();
        let hops = attempts.filter(|a| self.at(a.target).is_some_and(|at| self.maps.holds(at))).count();
        if hops >= self.maps.hops_max as usize {
            return None;
        }
        for nth in 0..self.maps.of(action).len() {
            let at = self.maps.of(action)[nth];
            if tried & (1 << at) != 0 || !self.fits(at, ask) {
                continue;
            }
            if let Some(decision) = self.hop_to(at, ask) {
                return Some(decision);
            }
        }
        None
    }

    fn hop_to(&mut self, at: usize, ask: &Ask<'_>) -> Option<Decision> {
        match self.verdict(at, ask, false) {
            Verdict::Allow => Some(self.send(ask, at, Reason::NextModel)),
            Verdict::Probe => Some(self.send(ask, at, Reason::Probe)),
            Verdict::Deny { .. } => None,
        }
    }

    /// The first target of the tiers whose model is none of those that were tried.
    fn across(&mut self, ask: &Ask<'_>, tried: Bits) -> Option<Decision> {
        for at in 0..self.tiered() {
            if self.is_other(at, tried)
                && self.fits(at, ask)
                && let Some(decision) = self.hop_to(at, ask)
            {
                return Some(decision);
            }
        }
        None
    }

    /// Whether the tiers stand in for the action's map.
    fn goes_across(&self, action: Action) -> bool {
        let mends = matches!(action, Action::LargerContext | Action::OtherContent);
        mends && self.settings.across_models && self.maps.of(action).is_empty()
    }

    /// Whether the action can do anything for a request that has tried these places.
    pub(super) fn has_remedy(&self, action: Action, tried: Bits) -> bool {
        let across = || self.goes_across(action) && (0..self.tiered()).any(|at| self.is_other(at, tried));
        !self.maps.of(action).is_empty() || across()
    }

    fn is_other(&self, at: usize, tried: Bits) -> bool {
        let model = self.places[at].model;
        let same = |place: usize| self.places[place].model.is_none() || self.places[place].model == model;
        model.is_some() && (0..self.places.len()).all(|place| tried & (1 << place) == 0 || !same(place))
    }

    /// Whether the model of a place can do what is needed, and the prompt and the longest answer to it fit, as far as we were
    /// told.
    pub(super) fn fits(&self, place: usize, ask: &Ask<'_>) -> bool {
        !ask.needs.meets(self.places[place].lacks) && self.is_roomy(place, ask.flight.request)
    }

    pub(super) fn is_roomy(&self, place: usize, request: &Request) -> bool {
        let needed = u64::from(request.input_tokens) + u64::from(request.max_tokens.unwrap_or(0));
        self.places[place].context.is_none_or(|context| needed <= u64::from(context))
    }
}
