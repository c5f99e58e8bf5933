//! Attempts in the air: what the service will do with each, cut down to what the strategy's timeouts let happen.
//! Everything is known the moment an attempt is sent, so a timeout needs no event of its own.

use std::time::Duration;

use richter_core::{
    failure::{AttemptEnd, ErrorReply, Phase, Timer},
    flight::AttemptId,
    request::Usage,
    span,
    strategy::{PaceLimit, Timeouts},
    target::TargetId,
};
use richter_mock_bedrock::{
    Nanos,
    engine::{Answer, BodyEnd, CallId, Served, Stop},
    exception::Exception,
    world::{RegionId, RouteId},
};

use crate::ground::heap::AirId;

/// One attempt, from sending to its known end.
#[derive(Debug)]
pub struct Flown {
    pub attempt: AttemptId,
    pub target: TargetId,
    /// Whether it asks for less output than its caller does.
    pub lowered: bool,
    /// When the head of an answer comes, with status 200; `None` if the attempt ends before, or does not stream.
    pub head_at: Option<Nanos>,
    /// When the first content comes; `None` if the attempt ends before, or does not stream.
    pub first_at: Option<Nanos>,
    /// `Nanos::MAX` for an attempt that nothing ends.
    pub ends_at: Nanos,
    pub end: Planned,
    pub answer: Option<Produced>,
}

/// The answer that the service makes for an admitted call.
#[derive(Debug, Clone, Copy)]
pub struct Produced {
    pub call: CallId,
    pub route: RouteId,
    pub region: RegionId,
    /// Whether it stops at `max_tokens`, or at the model's maximum.
    pub stops_early: bool,
    /// The prompt as the cache left it; no output.
    pub input: Usage,
}

/// How an attempt will end, as far as the caller's side goes.
#[derive(Debug, Clone, PartialEq)]
pub enum Planned {
    Complete(Usage),
    Error { exception: Exception, in_stream: bool },
    Truncated,
    Transport(Phase),
    TimedOut(Timer),
    Cancelled,
}

impl Planned {
    pub fn as_attempt_end(&self) -> AttemptEnd<'_> {
        match self {
            Planned::Complete(usage) => AttemptEnd::Complete(*usage),
            Planned::Error { exception, in_stream } => AttemptEnd::Error(ErrorReply {
                name: Some(exception.kind.name()),
                message: &exception.message,
                status: (!in_stream).then(|| exception.kind.status()),
                retry_after_ms: exception.retry_after_ms,
                original_status: exception.original_status,
                in_stream: *in_stream,
            }),
            Planned::Truncated => AttemptEnd::Truncated,
            Planned::Transport(phase) => AttemptEnd::Transport(*phase),
            Planned::TimedOut(timer) => AttemptEnd::TimedOut(*timer),
            Planned::Cancelled => {
                unreachable!("a cancelled attempt is never reported to the router as ended")
            }
        }
    }
}

impl Flown {
    /// Whether our side ended it before the service was done.
    pub fn cut_short(&self) -> bool {
        matches!(self.end, Planned::TimedOut(_) | Planned::Cancelled)
    }
}

/// An attempt as it leaves.
#[derive(Debug, Clone, Copy)]
pub struct Sent {
    pub at: Nanos,
    pub attempt: AttemptId,
    pub target: TargetId,
    pub timeouts: Timeouts,
    pub streams: bool,
    pub lowered: bool,
}

/// What will become of an attempt.
pub fn plan(served: Served, sent: &Sent) -> Flown {
    let mut flown = Flown {
        attempt: sent.attempt,
        target: sent.target,
        lowered: sent.lowered,
        head_at: None,
        first_at: None,
        ends_at: Nanos::MAX,
        end: Planned::Truncated,
        answer: None,
    };
    let mut connected = true;
    let mut flow = SILENT;
    match served {
        Served::Refused { at } => {
            (flown.ends_at, flown.end) = (at, Planned::Transport(Phase::Connect));
        }
        Served::Silence => connected = false,
        Served::Error { at, exception } => {
            (flown.ends_at, flown.end) = (at, Planned::Error { exception, in_stream: false });
        }
        Served::Answer(answer) => flow = flown.take_answer(answer, sent.streams),
    }
    flown.cut(sent, connected, flow);
    flown
}

/// How a stream comes after its first content: a token each `gap`, and nothing during the longest pause.
#[derive(Debug, Clone, Copy)]
struct Flow {
    first: Nanos,
    gap: Nanos,
    pause: (Nanos, Nanos),
}
const SILENT: Flow = Flow { first: Nanos::MAX, gap: 0, pause: (0, 0) };

impl Flow {
    /// When a stretch as long as the limit says has brought too few tokens. What comes at its end still counts.
    fn too_slow(&self, limit: PaceLimit) -> Option<Nanos> {
        let (tokens, within) = (u64::from(limit.tokens), span::nanos(limit.within));
        if self.gap.saturating_mul(tokens) > within {
            return Some(self.first.saturating_add(within));
        }
        let (from, to) = self.pause;
        let others = self.gap.saturating_mul(tokens.saturating_sub(1));
        let lasts = to.saturating_sub(from).saturating_add(others);
        // The stretch begins with the last token that leaves too few until the pause is over.
        let begins = from.saturating_sub(others).max(self.first);
        (lasts > within).then(|| begins.saturating_add(within))
    }
}

impl Flown {
    /// Fills in an answer's course; gives what comes after its first content.
    fn take_answer(&mut self, answer: Answer, streams: bool) -> Flow {
        self.head_at = streams.then_some(answer.head_at);
        let usage = Usage {
            input: answer.usage.input,
            output: answer.usage.output,
            cache_read: answer.usage.cache_read,
            cache_write: answer.usage.cache_write,
        };
        let input = Usage {
            input: answer.prompt.input,
            output: 0,
            cache_read: answer.prompt.cache_read,
            cache_write: answer.prompt.cache_write,
        };
        let stops_early = matches!(answer.end, BodyEnd::Complete { stop: Stop::MaxTokens });
        self.answer = Some(Produced {
            call: answer.call,
            route: answer.route,
            region: answer.region,
            stops_early,
            input,
        });
        self.ends_at = answer.last_at;
        self.end = match answer.end {
            BodyEnd::Complete { .. } => Planned::Complete(usage),
            BodyEnd::Eof => Planned::Truncated,
            BodyEnd::Reset => Planned::Transport(if streams { Phase::Body } else { Phase::Await }),
            BodyEnd::Exception(exception) => Planned::Error { exception, in_stream: streams },
            // Ends at `Nanos::MAX`: never, but for a timeout.
            BodyEnd::Stalled { .. } => Planned::Truncated,
        };
        let content = streams && answer.tokens > 0 && answer.first_at <= self.ends_at;
        if !content {
            return SILENT;
        }
        self.first_at = Some(answer.first_at);
        let pause = (answer.silence_from, answer.silence_from.saturating_add(answer.silence_max));
        Flow { first: answer.first_at, gap: answer.gap as Nanos, pause }
    }

    /// Applies the timeouts: the earliest one that runs out before the attempt's own end wins. What comes in the same
    /// instant as a timeout still counts.
    fn cut(&mut self, sent: &Sent, connected: bool, flow: Flow) {
        let Timeouts { connect, first_token, idle, total, pace } = sent.timeouts;
        let after = |limit: Option<Duration>| limit.map(|limit| sent.at.saturating_add(span::nanos(limit)));
        let content_at = self.first_at.unwrap_or(self.ends_at);
        let idle_at = idle.filter(|_| connected).and_then(|idle| self.falls_silent(sent, idle, flow.pause));
        let limits = [
            (after(total), Timer::Total),
            (after(first_token).filter(|at| *at < content_at), Timer::FirstToken),
            (after(connect).filter(|_| !connected), Timer::Connect),
            (idle_at, Timer::Idle),
            (pace.and_then(|pace| flow.too_slow(pace)), Timer::Pace),
        ];
        for (at, timer) in limits {
            if let Some(at) = at.filter(|at| *at < self.ends_at) {
                (self.ends_at, self.end) = (at, Planned::TimedOut(timer));
            }
        }
        self.head_at = self.head_at.filter(|head| *head <= self.ends_at);
        self.first_at = self.first_at.filter(|first| *first <= self.ends_at);
    }

    /// When nothing has come for as long as `idle`: before the head, between head and content, or inside the body.
    fn falls_silent(&self, sent: &Sent, idle: Duration, pause: (Nanos, Nanos)) -> Option<Nanos> {
        let idle = span::nanos(idle);
        let content_at = self.first_at.unwrap_or(self.ends_at);
        let head_at = self.head_at.unwrap_or(content_at);
        let pauses = [(sent.at, head_at), (head_at, content_at), pause];
        let long = pauses.into_iter().find(|(from, to)| to.saturating_sub(*from) > idle);
        long.map(|(from, _)| from.saturating_add(idle))
    }
}

/// All attempts in the air. Slots are reused; a generation keeps a late event from reaching a newer attempt.
#[derive(Debug, Default)]
pub struct Air {
    slots: Vec<(u32, Option<Flown>)>,
    free: Vec<u32>,
}

impl Air {
    pub fn add(&mut self, flown: Flown) -> AirId {
        if let Some(slot) = self.free.pop() {
            let entry = &mut self.slots[slot as usize];
            entry.1 = Some(flown);
            return AirId { slot, generation: entry.0 };
        }
        self.slots.push((0, Some(flown)));
        AirId { slot: (self.slots.len() - 1) as u32, generation: 0 }
    }

    pub fn get(&self, id: AirId) -> Option<&Flown> {
        let (generation, flown) = self.slots.get(id.slot as usize)?;
        if *generation == id.generation { flown.as_ref() } else { None }
    }

    pub fn take(&mut self, id: AirId) -> Option<Flown> {
        let (generation, flown) = self.slots.get_mut(id.slot as usize)?;
        if *generation != id.generation {
            return None;
        }
        let taken = flown.take()?;
        *generation = generation.wrapping_add(1);
        self.free.push(id.slot);
        Some(taken)
    }
}

#[cfg(test)]
mod tests;
