//! What is expected of a target for one request: when its answer would be whole, and what it would cost. Selectors that
//! look ahead are told so, and hear of first-token times.

use super::{
    learn::{FAILURE_LATENCY, Heard, is_fault},
    state::Composed,
};
use crate::{
    Nanos,
    failure::Failure,
    policy::{SECOND, seconds},
    request::Request,
    strategy::Lesson,
};

/// Weight of the newest answer in the usual length of answers.
const SMOOTH: f64 = 0.05;
/// Weight of the newest first token in a target's usual one. Unlike the latency that `p2c` sees it does not drift back
/// with time alone: a target that is too slow would get everybody back before it had answered once.
const FIRST_SMOOTH: f64 = 0.2;
/// What is believed of a target that nobody knows, in seconds.
const FIRST_SEED: f64 = 1.0;

impl Composed {
    /// Seconds to the last token, and the price.
    pub(super) fn outlook(&self, at: usize, request: &Request) -> (f64, f64) {
        let place = &self.places[at];
        let most = f64::from(request.max_tokens.unwrap_or(u32::MAX));
        let output = self.usual_output.unwrap_or(0.0).min(most);
        let finish = place.usual_first.unwrap_or(FIRST_SEED) + output * place.pace.unwrap_or(0.0);
        let cost = place.price.map_or(0.0, |price| price.of(f64::from(request.input_tokens), output));
        (finish, cost)
    }

    pub(super) fn tell_selector(&mut self, heard: Heard<'_>, lesson: &Lesson) {
        let Heard { at, attempt, now, .. } = heard;
        let took = match *lesson {
            Lesson::Answered { usage, .. } => {
                self.usual(usage.output.saturating_add(attempt.prefill.unwrap_or(0)));
                (self.places[at].first_token_of(attempt, usage, now) * SECOND as f64) as Nanos
            }
            // A silence that ended at a limit lasted at least that long; else who fails fastest would look best.
            Lesson::Failed { failure: Failure::Timeout(_), .. } if attempt.first.is_none() => {
                now.saturating_sub(attempt.sent)
            }
            Lesson::Failed { failure, .. } if is_fault(failure) => (FAILURE_LATENCY * SECOND as f64) as Nanos,
            _ => return,
        };
        let (place, seconds) = (&mut self.places[at], seconds(0, took));
        let usual = place.usual_first.unwrap_or(seconds);
        place.usual_first = Some(usual + (seconds - usual) * FIRST_SMOOTH);
        self.selector.took(at, took, now);
    }

    fn usual(&mut self, output: u32) {
        let output = f64::from(output);
        self.usual_output = Some(self.usual_output.map_or(output, |old| old + (output - old) * SMOOTH));
    }
}
