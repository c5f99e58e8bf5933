//! From a fault as written to a rule, or to everything that is wrong with it.

use schemars::Schema;

use super::{FaultRule, checks::Checks, key, selector::SelectorSpec, window::Phases};
use crate::{
    Nanos, SpecProblem,
    fault::{Action, FAULTS, FaultSpec, KindSpec, Stage, flap, flap::Pattern},
    world::World,
};

/// The kind that a rule has, plain or inside a flap.
enum OneKind<'a> {
    Plain(KindSpec),
    Flap(&'a flap::FlapSpec),
}

impl OneKind<'_> {
    fn name(&self) -> &'static str {
        match self {
            OneKind::Plain(kind) => kind.name(),
            OneKind::Flap(_) => flap::INFO.name,
        }
    }
}

impl FaultSpec {
    /// Name of the phase its window refers to, if any, for checks.
    pub fn phase(&self) -> Option<&str> {
        self.during.phase.as_deref()
    }

    /// Kind, such as `error_burst`; `None` when the rule has no kind or several.
    pub fn kind(&self) -> Option<&'static str> {
        match self.kinds().as_slice() {
            [one] => Some(one.name()),
            _ => None,
        }
    }

    /// Resolves names and the window. `phase` gives a phase's start and end; `end` is the end of the run.
    pub fn resolve(
        &self,
        name: &str,
        world: &World,
        phase: &dyn Fn(&str) -> Option<(Nanos, Nanos)>,
        end: Nanos,
    ) -> Result<FaultRule, Vec<SpecProblem>> {
        let mut checks = Checks::new(world);
        let rule = self.checked(name, phase, end, &mut checks);
        match (rule, checks.into_problems()) {
            (Some(rule), problems) if problems.is_empty() => Ok(rule),
            (_, problems) => Err(problems),
        }
    }

    fn checked(
        &self,
        name: &str,
        phase: Phases<'_>,
        end: Nanos,
        checks: &mut Checks<'_>,
    ) -> Option<FaultRule> {
        checks.selector = self.on.resolve(checks);
        let window = self.during.resolve(phase, end, checks);
        let envelope = self.envelope.resolve(window.to - window.from, checks);
        if self.hits == Some(0) {
            checks.problem(&["hits"], "a budget of 0 hits never strikes", "write 1 or more, or leave it out");
        }
        let kind = self.one_kind(checks)?;
        let (action, flap) = self.action(&kind, name, checks);
        check_selector(kind.name(), &action, &self.on, checks);
        Some(FaultRule {
            name: name.to_owned(),
            kind: kind.name(),
            from: window.from,
            to: window.to,
            open_ended: window.open_ended,
            group: self.group.clone(),
            selector: std::mem::take(&mut checks.selector),
            tenants: self.on.tenant.0.clone(),
            envelope,
            budget: self.hits.unwrap_or(u64::MAX),
            flap,
            action,
        })
    }

    fn kinds(&self) -> Vec<OneKind<'_>> {
        let plain = self.plain_kinds().into_iter().map(OneKind::Plain);
        plain.chain(self.flap.as_ref().map(OneKind::Flap)).collect()
    }

    fn one_kind(&self, checks: &mut Checks<'_>) -> Option<OneKind<'_>> {
        let mut kinds = self.kinds();
        if kinds.len() > 1 {
            let names: Vec<_> = kinds.iter().map(OneKind::name).collect();
            let message = format!("a rule has one kind, not {}", names.join(" and "));
            checks.problem(&[], message, "write one rule for each");
            return None;
        }
        let kind = kinds.pop();
        if kind.is_none() {
            let names: Vec<_> = FAULTS.iter().map(|fault| fault.name).collect();
            checks.problem(
                &[],
                "a rule needs a kind of fault",
                format!("write one of: {}", names.join(", ")),
            );
        }
        kind
    }

    fn action(&self, kind: &OneKind<'_>, name: &str, checks: &mut Checks<'_>) -> (Action, Option<Pattern>) {
        match kind {
            OneKind::Plain(plain) => (checks.under(&[plain.name()], |checks| plain.resolve(checks)), None),
            OneKind::Flap(flap) => {
                let key = match &self.group {
                    Some(group) => key("flap group", group),
                    None => key("flap", name),
                };
                let pattern = checks.under(&["flap"], |checks| flap.resolve(key, checks));
                let inner = ["flap", "fault", flap.fault.name()];
                (checks.under(&inner, |checks| flap.fault.resolve(checks)), Some(pattern))
            }
        }
    }
}

/// What changes a pool or a Region cannot tell one call from another, and hands are shaken before there is any call.
fn check_selector(kind: &str, action: &Action, on: &SelectorSpec, checks: &mut Checks<'_>) {
    let stage = action.kind().nature().stage;
    if stage == Stage::Handshake {
        for key in on.endpoint_strangers() {
            let message = format!("a handshake knows no call, so {kind} cannot select by {key}");
            checks.problem(&["on", key], message, "keep only region, or remove `on`");
        }
    }
    if stage.is_shared() {
        for key in on.call_keys() {
            let message = format!("{kind} changes what all calls share, so it cannot select by {key}");
            checks.problem(&["on", key], message, "keep only region and model, or remove `on`");
        }
    }
}

/// Says in the schema what `resolve` checks: one kind, and only one.
pub(in crate::fault) fn exactly_one_kind(schema: &mut Schema) {
    let one = |fault: &crate::fault::FaultInfo| serde_json::json!({ "required": [fault.name] });
    schema.insert("oneOf".to_owned(), FAULTS.iter().map(one).collect());
}

#[cfg(test)]
mod tests;
