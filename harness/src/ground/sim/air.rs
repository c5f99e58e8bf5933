//! Attempts in the air: what the service will do with each, cut down to what the strategy's timeouts let happen.
//! Everything is known the moment an attempt is sent, so a timeout needs no event of its own.

use std::time::Duration;

use richter_core::{
    failure::{AttemptEnd, ErrorReply, Phase, Timer},
    flight::{AttemptId, Content},
    request::Usage,
    span,
    strategy::{HoldBack, PaceLimit, Timeouts},
    target::TargetId,
};
use richter_mock_bedrock::{
    Nanos,
    engine::{Answer, BodyEnd, CallId, Page, Served, Stop},
    exception::{Exception, Missing},
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
    /// When content that is kept back goes out; `None` if none is, or the end comes first.
    pub released_at: Option<Nanos>,
    /// Content tokens by then, if it ends as no answer should.
    pub came: u32,
    /// Tokens that it goes on with.
    pub prefill: Option<u32>,
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
    Error {
        exception: Exception,
        in_stream: bool,
    },
    /// An error of nobody that the client knows: it has a status and nothing else.
    Stranger {
        status: u16,
    },
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
                name: (exception.missing != Missing::Type).then(|| exception.kind.name()),
                message: &exception.message,
                status: (!in_stream).then(|| exception.kind.status()),
                retry_after_ms: exception.retry_after_ms,
                original_status: exception.original_status,
                in_stream: *in_stream,
            }),
            Planned::Stranger { status } => AttemptEnd::Error(ErrorReply {
                name: None,
                message: "",
                status: Some(*status),
                retry_after_ms: None,
                original_status: None,
                in_stream: false,
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
    /// What came of an answer that is not whole. In a simulation all content is text.
    pub fn content(&self) -> Option<Content> {
        let broke = self.first_at.is_some() && !matches!(self.end, Planned::Complete(_));
        broke.then_some(Content { tokens: self.came, is_text: true })
    }

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
    pub hold_back: Option<HoldBack>,
    pub prefill: Option<u32>,
}

/// What will become of an attempt.
pub fn plan(served: Served, sent: &Sent) -> Flown {
    let mut flown = Flown {
        attempt: sent.attempt,
        target: sent.target,
        lowered: sent.lowered,
        head_at: None,
        first_at: None,
        released_at: None,
        came: 0,
        prefill: sent.prefill,
        ends_at: Nanos::MAX,
        end: Planned::Truncated,
        answer: None,
    };
    let mut connected = true;
    let mut answered = None;
    match served {
        Served::Refused { at } => {
            (flown.ends_at, flown.end) = (at, Planned::Transport(Phase::Connect));
        }
        Served::Reset { at } => {
            (flown.ends_at, flown.end) = (at, Planned::Transport(Phase::Await));
        }
        Served::Page { at, page } => (flown.ends_at, flown.end) = (at, stranger(&page)),
        Served::Silence => connected = false,
        Served::Error { at, exception } => {
            (flown.ends_at, flown.end) = (at, Planned::Error { exception, in_stream: false });
        }
        Served::Answer(answer) => {
            flown.take_answer(&answer, sent.streams);
            answered = Some(answer);
        }
    }
    flown.cut(sent, connected, answered.as_ref());
    if let Some(answer) = answered {
        flown.count(&answer, sent.hold_back);
    }
    flown
}

/// What stands in an answer's place is known by its status; under that of an answer it is one that cannot be read.
fn stranger(page: &Page) -> Planned {
    match page.status {
        200..=299 => Planned::Truncated,
        status => Planned::Stranger { status },
    }
}

/// When a stretch as long as the limit says has brought too few tokens. What comes at its end still counts.
fn too_slow(answer: &Answer, limit: PaceLimit) -> Option<Nanos> {
    let within = span::nanos(limit.within);
    // The stretches in which fewest come begin with the first token, and with the last one that leaves too few before
    // the longest pause.
    let paused_after = by(answer, answer.silence_from);
    let starts = [1, paused_after.saturating_sub(limit.tokens - 1).max(1)];
    let ends = starts.into_iter().filter_map(|start| {
        let from = answer.token_at(start);
        let enough_at = match start.saturating_add(limit.tokens) {
            // What never comes is too late.
            nth if nth > answer.tokens && answer.last_at == Nanos::MAX => Nanos::MAX,
            nth => answer.token_at(nth),
        };
        (enough_at > from.saturating_add(within)).then(|| from.saturating_add(within))
    });
    ends.min()
}

/// Tokens that have come by then, of an answer's.
fn by(answer: &Answer, at: Nanos) -> u32 {
    // Their times only grow.
    let (mut came, mut beyond) = (0, answer.tokens);
    while came < beyond {
        let middle = came + (beyond - came).div_ceil(2);
        if answer.token_at(middle) <= at {
            came = middle;
        } else {
            beyond = middle - 1;
        }
    }
    came
}

impl Flown {
    /// Fills in an answer's course.
    fn take_answer(&mut self, answer: &Answer, streams: bool) {
        self.head_at = (streams && answer.end != BodyEnd::Lost).then_some(answer.head_at);
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
        self.end = match &answer.end {
            BodyEnd::Complete { .. } => Planned::Complete(usage),
            BodyEnd::Eof => Planned::Truncated,
            BodyEnd::Reset => Planned::Transport(if streams { Phase::Body } else { Phase::Await }),
            BodyEnd::Lost => Planned::Transport(Phase::Await),
            BodyEnd::Bare { reset: true } if streams => Planned::Transport(Phase::Body),
            BodyEnd::Bare { .. } | BodyEnd::Garbled(_) => Planned::Truncated,
            BodyEnd::Exception(exception) => {
                Planned::Error { exception: exception.clone(), in_stream: streams }
            }
            // Ends at `Nanos::MAX`: never, but for a timeout.
            BodyEnd::Stalled { .. } => Planned::Truncated,
        };
        let content = streams && answer.tokens > 0 && answer.first_at <= self.ends_at;
        self.first_at = content.then_some(answer.first_at);
    }

    /// Applies the timeouts: the earliest one that runs out before the attempt's own end wins. What comes in the same
    /// instant as a timeout still counts.
    fn cut(&mut self, sent: &Sent, connected: bool, answer: Option<&Answer>) {
        let Timeouts { connect, first_token, idle, total, pace } = sent.timeouts;
        let after = |limit: Option<Duration>| limit.map(|limit| sent.at.saturating_add(span::nanos(limit)));
        let content_at = self.first_at.unwrap_or(self.ends_at);
        let flows = answer.filter(|_| self.first_at.is_some());
        let pause = flows.map_or((0, 0), |answer| {
            (answer.silence_from, answer.silence_from.saturating_add(answer.silence_max))
        });
        let idle_at = idle.filter(|_| connected).and_then(|idle| self.falls_silent(sent, idle, pause));
        let slow_at = pace.zip(flows).and_then(|(pace, answer)| too_slow(answer, pace));
        let limits = [
            (after(total), Timer::Total),
            (after(first_token).filter(|at| *at < content_at), Timer::FirstToken),
            (after(connect).filter(|_| !connected), Timer::Connect),
            (idle_at, Timer::Idle),
            (slow_at, Timer::Pace),
        ];
        for (at, timer) in limits {
            if let Some(at) = at.filter(|at| *at < self.ends_at) {
                (self.ends_at, self.end) = (at, Planned::TimedOut(timer));
            }
        }
        self.head_at = self.head_at.filter(|head| *head <= self.ends_at);
        self.first_at = self.first_at.filter(|first| *first <= self.ends_at);
    }

    /// When the kept content goes out, and how much there is when an answer breaks.
    fn count(&mut self, answer: &Answer, hold_back: Option<HoldBack>) {
        let Some(first) = self.first_at else { return };
        let ends_at = self.ends_at;
        if let Some(rule) = hold_back {
            let enough = rule.tokens.filter(|tokens| *tokens <= answer.tokens);
            let enough = enough.map(|tokens| answer.token_at(tokens));
            let late = rule.within.map(|within| first.saturating_add(span::nanos(within)));
            self.released_at = enough.into_iter().chain(late).min().filter(|at| *at <= ends_at);
        }
        if !matches!(self.end, Planned::Complete(_)) {
            self.came = by(answer, ends_at);
        }
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
