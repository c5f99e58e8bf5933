//! Where a scenario is played out. Every ground drives the same routing core and reports to the same [`Witness`].

pub mod heap;
#[cfg(feature = "aws")]
pub mod live;
#[cfg(feature = "mock")]
pub mod served;
pub mod sim;

use richter_core::{event::Observer, flight::AttemptId, request::Usage, target::TargetId};
use richter_mock_bedrock::{
    Nanos,
    world::{RegionId, RouteId},
};

use crate::load::Arrival;

/// Work that the service did for one attempt, told once, when its extent is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Work {
    pub attempt: AttemptId,
    pub target: TargetId,
    /// The route that it took: the target's own, or that of the model which a prompt router picked.
    pub route: RouteId,
    /// Region that served it; the real service does not say it of a profile.
    pub region: Option<RegionId>,
    /// What of the prompt was read anew, from the cache, and written to it; no output.
    pub input: Usage,
    /// Made by the service, whoever still listened.
    pub output_tokens: u32,
    /// Whether the answer stopped at a `max_tokens` that the strategy had set below the caller's.
    pub cut_short: bool,
    /// Whether the caller got the whole answer; otherwise its output was for nobody.
    pub delivered: bool,
    /// Output tokens of earlier attempts that the caller has, and that this delivered one went on with.
    pub built_on: u32,
    /// Time from the first to the last token of a delivered stream with at least two tokens.
    pub streamed_for: Option<Nanos>,
}

/// Sees everything that a ground does: the router's events and what only the ground knows.
pub trait Witness: Observer {
    /// A request is about to begin; the router's events for it follow.
    fn arrived(&mut self, arrival: &Arrival);
    /// Just before the attempt's end is reported, or just after it was cancelled, if the service did any work for it.
    fn worked(&mut self, now: Nanos, work: &Work);
}
