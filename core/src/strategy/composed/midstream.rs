//! Streams beyond their first content: what is kept back of them, and who goes on with one that broke.

use rand_core::Rng;

use super::{
    choose::{Ask, Bits, Found, Question},
    state::Composed,
};
use crate::{
    Nanos,
    flight::FlightView,
    policy::{
        remedy::{Action, actions},
        selector,
    },
    request::{Need, Request},
    strategy::{Reason, Send, Step, StreamRules},
};

impl Composed {
    /// What becomes of the content of this attempt.
    pub(super) fn rules(&self, ask: &Ask<'_>) -> StreamRules {
        let request = ask.flight.request;
        // After the last attempt there is nobody to retry unseen.
        let more = ask.flight.attempts.len() as u32 + 1 < self.settings.retry.attempts_max;
        let hold_back = self.settings.hold_back.filter(|_| more && request.api.streams());
        StreamRules {
            hold_back: hold_back.map(|spec| spec.rule()),
            keeps_text: self.settings.continue_prefill.is_some() && request.may_continue(),
        }
    }

    /// An attempt that goes on with the answer that just broke in its caller's hands.
    pub(super) fn mended(&mut self, flight: &FlightView<'_>, now: Nanos, dice: &mut dyn Rng) -> Option<Send> {
        let spec = self.settings.continue_prefill?;
        let last = flight.attempts.last()?;
        let before = flight.attempts.iter().filter(|attempt| attempt.prefill.is_some()).count() as u32;
        if !flight.request.may_continue() || !spec.allows(before) {
            return None;
        }
        let remedies = actions(last.failure()?);
        if !remedies.contains(&Action::NextTarget) {
            return None;
        }
        self.jitter = selector::share(dice);
        self.asked_at = now;
        self.asks(flight, dice);
        let max_tokens = self.left_to_say(flight, now);
        let needs = flight.request.needed().with(Need::Prefill);
        let ask = &mut Ask { flight, now, max_tokens, needs, dice };
        let again = self.settings.retry.same_target && remedies.contains(&Action::RetrySame);
        let at = self.goes_on(ask, again)?;
        match self.send(ask, at, Reason::Continued).step {
            Step::Send(send) => Some(send),
            Step::AskAgain { .. } | Step::Stop => None,
        }
    }

    /// Best in another failure domain, then at another target, then where it broke.
    fn goes_on(&mut self, ask: &mut Ask<'_>, again: bool) -> Option<usize> {
        let broke = self.at(ask.flight.attempts.last()?.target)?;
        let tried = ask.flight.attempts.iter().filter_map(|attempt| self.at(attempt.target));
        let tried = tried.fold(0, |bits: Bits, at| bits | 1 << at);
        let untried = Question { without_places: tried, ..Question::default() };
        let elsewhere = Question { without_domains: 1 << self.places[broke].domain, ..untried };
        let anywhere = Question { without_places: if again { 0 } else { tried }, ..untried };
        [elsewhere, untried, anywhere].into_iter().find_map(|question| match self.choose(ask, question) {
            Found::Place { at, .. } => Some(at),
            Found::Nothing { .. } => None,
        })
    }

    /// What is left of the limit on the answer.
    fn left_to_say(&mut self, flight: &FlightView<'_>, now: Nanos) -> Option<u32> {
        let limit = self.clamped(flight.request, now).or(flight.request.max_tokens)?;
        Some(limit.saturating_sub(flight.shown).max(1))
    }

    /// Whether nobody in the tiers can do what the request needs, however long it waits.
    pub(super) fn is_beyond_all(&self, request: &Request) -> bool {
        let tiered = self.tiered();
        (0..tiered).all(|at| request.needed().meets(self.places[at].lacks))
    }
}
