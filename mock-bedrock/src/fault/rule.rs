//! One rule of a run: what every kind shares. Whether it strikes an attempt is decided here, in
//! [`Running::roll`]; what the strike does is its kind's file.
//!
//! Draws are keyed by the rule's name (or its group's), the request and the attempt. So a rule strikes the
//! same attempts whatever other rules there are and in whatever order calls come.

pub(super) mod checks;
pub(super) mod envelope;
pub(super) mod selector;
pub(super) mod spec;
pub(super) mod window;

use envelope::Envelope;
use selector::Selector;
use window::Window;

use super::{
    Action, Hits, Shows, Subject,
    flap::Pattern,
    kind::{Chosen, Nature},
};
use crate::{Nanos, SpecProblem, luck::Draws, world::PoolId};

/// A fault resolved against a world and a timeline.
#[derive(Debug, Clone)]
pub struct FaultRule {
    pub name: String,
    pub kind: &'static str,
    pub from: Nanos,
    pub to: Nanos,
    pub(super) open_ended: bool,
    pub(super) group: Option<String>,
    pub(super) selector: Selector,
    /// Names of the tenants in the selector, in its order.
    pub(super) tenants: Vec<String>,
    pub(super) envelope: Envelope,
    pub(super) budget: u64,
    pub(super) flap: Option<Pattern>,
    pub(super) action: Action,
}

impl FaultRule {
    /// Gives the tenants that the rule names their numbers in calls. Before this, a rule that names tenants
    /// strikes nobody: the world does not know them.
    pub fn number_tenants(&mut self, number: &dyn Fn(&str) -> Option<u16>) -> Result<(), SpecProblem> {
        for (name, slot) in self.tenants.iter().zip(&mut self.selector.tenants) {
            *slot = Some(number(name).ok_or_else(|| SpecProblem {
                path: vec!["on".to_owned(), "tenant".to_owned()],
                message: format!("no tenant is called \"{name}\""),
                hint: "use a tenant that the traffic has".to_owned(),
            })?);
        }
        Ok(())
    }

    pub(super) fn window(&self) -> Window {
        Window { from: self.from, to: self.to, open_ended: self.open_ended }
    }
}

/// FNV-1a over the role and the name, so that draws for different roles of one name differ.
pub(super) fn key(role: &str, name: &str) -> u32 {
    let bytes = role.bytes().chain([0]).chain(name.bytes());
    bytes.fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

/// A rule with its state.
#[derive(Debug, Clone)]
pub(super) struct Running {
    pub rule: FaultRule,
    pub hits: Hits,
    pub nature: Nature,
    shows: Shows,
    /// From when the cycles of `flap` count.
    pub origin: Nanos,
    roll_key: u32,
    detail_key: u32,
    /// Request and attempt that were rolled last.
    last: Option<(u64, u32)>,
}

impl Running {
    pub fn new(rule: FaultRule, origin: Nanos) -> Running {
        Running {
            nature: rule.action.kind().nature(),
            shows: rule.action.kind().shows(),
            hits: Hits::default(),
            origin,
            roll_key: match &rule.group {
                Some(group) => key("group", group),
                None => key("rule", &rule.name),
            },
            detail_key: key("detail", &rule.name),
            last: None,
            rule,
        }
    }

    pub fn spent(&self) -> bool {
        self.hits.hit >= self.rule.budget
    }

    /// Whether it can do anything at `now`.
    pub fn is_active(&self, now: Nanos) -> bool {
        !self.spent() && self.rule.window().contains(now)
    }

    /// The envelope's value, 0 while flapped off or outside the window.
    pub fn intensity(&self, now: Nanos, draws: Draws) -> f64 {
        let flapped_off =
            self.rule.flap.is_some_and(|pattern| !pattern.is_on(now.saturating_sub(self.origin), draws));
        if flapped_off || !self.rule.window().contains(now) {
            return 0.0;
        }
        self.rule.envelope.at(now - self.rule.from)
    }

    /// The envelope's integral between two times, in seconds at full strength.
    pub fn area(&self, from: Nanos, to: Nanos, draws: Draws) -> f64 {
        let rule = &self.rule;
        let end = if rule.open_ended { Nanos::MAX } else { rule.to };
        let (from, to) = (from.clamp(rule.from, end), to.clamp(rule.from, end));
        let between = |from: Nanos, to: Nanos| {
            rule.envelope.area(to - rule.from) - rule.envelope.area(from - rule.from)
        };
        match &rule.flap {
            None => between(from, to),
            Some(pattern) => pattern
                .periods(from - self.origin, to - self.origin, draws)
                .map(|(on, off)| between(on + self.origin, off + self.origin))
                .sum(),
        }
    }

    /// Whether the rule strikes this attempt. Counts the roll, and only once when an attempt is asked about
    /// again, as when a profile tries its next destination: the draw is the same.
    pub fn roll(&mut self, now: Nanos, subject: &Subject, draws: Draws) -> Option<Chosen> {
        let (at_endpoint, at_serving) = self.rule.selector.places(subject)?;
        let elsewhere = self.shows == Shows::InSimulation && subject.line.is_some();
        if elsewhere || self.spent() || !self.nature.place.holds(at_endpoint, at_serving) {
            return None;
        }
        let intensity = self.intensity(now, draws);
        if intensity <= 0.0 || !self.rule.action.kind_mut().concerns(now, subject) {
            return None;
        }
        let attempt = Some((subject.request, subject.attempt));
        let again = std::mem::replace(&mut self.last, attempt) == attempt;
        self.hits.rolled += u64::from(!again);
        let chance = if self.nature.scales { self.nature.share } else { self.nature.share * intensity };
        let chosen = chance >= 1.0 || {
            let attempt = if self.rule.group.is_some() { 0 } else { subject.attempt };
            draws.draw(subject.request, attempt, self.roll_key).unit() < chance
        };
        let key = self.detail_key;
        chosen.then_some(Chosen {
            now,
            subject: *subject,
            intensity,
            at_endpoint,
            at_serving,
            again,
            draws,
            key,
        })
    }

    /// Counts a strike at a chosen attempt.
    pub fn count(&mut self, applied: bool) {
        if applied {
            self.hits.hit += 1;
        } else {
            self.hits.missed += 1;
        }
    }

    /// Counts a call's look at a pool or a Region that the rule changed. Nothing is left to chance there.
    pub fn count_look(&mut self) {
        self.hits.rolled += 1;
        self.hits.hit += 1;
    }

    pub fn covers(&self, pool: PoolId) -> bool {
        !self.spent() && self.rule.action.kind().pools().contains(&pool)
    }

    /// Factor on a covered pool's quota.
    pub fn quota_factor(&self, now: Nanos, draws: Draws) -> f64 {
        let intensity = self.intensity(now, draws);
        if intensity <= 0.0 {
            return 1.0;
        }
        self.rule.action.kind().quota_factor(now - self.rule.from, intensity)
    }
}
