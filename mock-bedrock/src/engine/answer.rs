//! An admitted call's answer: latency, head and body, all at once.

use super::{
    Answer, BodyEnd, CallId, Engine, Garble, OpenCall, PREFIX_MIN, Prefix, Reported, Stop, Wire,
    cache::CacheKey, stages::Visit,
};
use crate::{
    Nanos,
    fault::{BodyFault, LatencyChange},
    latency::{Pace, Purpose, nanos},
    pool::Hold,
    world::RouteKind,
};

/// When the parts of an answer reach the caller, and how it ends.
#[derive(Debug, PartialEq)]
pub(super) struct Body {
    pub first_at: Nanos,
    pub last_at: Nanos,
    pub tokens: u32,
    pub gap: f64,
    pub silence_max: Nanos,
    pub silence_from: Nanos,
    pub end: BodyEnd,
}

/// An answer before it is handed over: what was made, and what of it the caller sees.
#[derive(Debug)]
struct Made {
    head_at: Nanos,
    pace: Pace,
    /// More than `body.tokens` where a unary answer breaks: it was made nevertheless.
    tokens: u32,
    stop: Stop,
    body: Body,
    wire: Option<Box<Wire>>,
}

/// About how long an event with one token is, with its headers, its framing and the mean padding.
const FRAME_BYTES: f64 = 230.0;
/// About how long a unary answer is besides its text, and how much text is one token.
const BODY_BYTES: f64 = 200.0;
const TOKEN_BYTES: f64 = 4.0;

impl Engine {
    /// Everything was granted: what the caller gets, and when.
    pub(super) fn answer(&mut self, visit: &Visit<'_>, hold: Hold) -> Answer {
        let made = self.make(visit);
        self.keep(visit, made.body.first_at);
        let usage = Reported { output: made.tokens, ..visit.prompt };
        let factor = if visit.quiet { 1.0 } else { self.faults.usage(visit.now, &visit.subject) };
        let call = self.hold_open(visit, hold, &made, usage);
        let Made { head_at, body, wire, .. } = made;
        Answer {
            call,
            route: visit.call.route,
            region: visit.subject.serving,
            head_at,
            first_at: body.first_at,
            last_at: body.last_at,
            tokens: body.tokens,
            gap: body.gap,
            silence_max: body.silence_max,
            silence_from: body.silence_from,
            end: body.end,
            prompt: visit.prompt,
            wire,
            usage: if factor == 1.0 { usage } else { usage.times(factor) },
        }
    }

    /// What of the prompt is in the cache of the Region that serves the call, and what has to be written to it.
    pub(super) fn look_up(&mut self, visit: &mut Visit<'_>) {
        let Some((key, prefix)) = cacheable(visit) else { return };
        let tokens = prefix.tokens.min(visit.prompt.input);
        visit.prompt.input -= tokens;
        match self.cache.reads(key, visit.now) {
            true => visit.prompt.cache_read = visit.prompt.cache_read.saturating_add(tokens),
            false => visit.prompt.cache_write = visit.prompt.cache_write.saturating_add(tokens),
        }
    }

    /// Keeps what was read anew. A unary answer's first token is made before the caller sees it, but who knows when.
    fn keep(&mut self, visit: &Visit<'_>, first_at: Nanos) {
        if visit.prompt.cache_write > visit.call.cache_write
            && let Some((key, _)) = cacheable(visit)
        {
            self.cache.writes(key, first_at, visit.now);
        }
    }

    fn make(&mut self, visit: &Visit<'_>) -> Made {
        let (call, subject) = (visit.call, &visit.subject);
        let change = if visit.quiet { LatencyChange::NONE } else { self.faults.latency(visit.now, subject) };
        let way = nanos(self.way(visit) * change.network + visit.picking);
        let head_at = visit.now.saturating_add(way).saturating_add(change.head_add);
        let pace = self.pace(visit, head_at, &change);
        let most = call.max_tokens.unwrap_or(self.world.model_at(visit.route.model).max_output);
        let tokens = call.output_tokens.min(most);
        let stop = if call.output_tokens > most { Stop::MaxTokens } else { Stop::EndTurn };
        let streams = call.operation.streams();
        // The caller of a unary operation sees all tokens at once, when the last is made.
        let seen = if streams { pace } else { change.at_once(&pace, tokens) };
        let head_at = if streams { head_at } else { seen.first };
        let whole = Body::whole(&seen, tokens, stop);
        let broken = if visit.quiet { None } else { self.faults.body(visit.now, subject, tokens) };
        let body = match broken {
            Some(fault) => whole.broken_by(fault, &seen, Begun { at: visit.now, head_at }),
            None => whole,
        };
        let wire = if visit.quiet { None } else { self.wire(visit, &change, body.tokens) };
        let tokens = if streams { body.tokens } else { tokens };
        Made { head_at, pace, tokens, stop, body, wire }
    }

    fn wire(&mut self, visit: &Visit<'_>, change: &LatencyChange, tokens: u32) -> Option<Box<Wire>> {
        let quirk = || self.faults.quirk(visit.now, &visit.subject, Some(tokens));
        let quirk = visit.subject.line.is_some().then(quirk).flatten();
        Wire { slow_head: change.head_add, bytes_per_s: change.bytes_per_s, quirk }.unusual()
    }

    fn hold_open(&mut self, visit: &Visit<'_>, hold: Hold, made: &Made, usage: Reported) -> CallId {
        let serving = visit.subject.serving;
        let loads = (visit.route.kind != RouteKind::Provisioned).then_some(serving);
        if let Some(region) = loads {
            let load = &mut self.load[usize::from(region.0)];
            load.running = load.running.saturating_add(1);
        }
        self.open.open(OpenCall {
            hold,
            route: visit.call.route,
            serving,
            loads,
            tokens: made.tokens,
            pace: made.pace,
            began: visit.now,
            ends: made.body.last_at,
            stop: matches!(made.body.end, BodyEnd::Complete { .. }).then_some(made.stop),
            usage,
        })
    }

    /// The way there and back: network, and a hop for each time the profile sent the call to another Region.
    fn way(&self, visit: &Visit<'_>) -> f64 {
        if visit.hops == 0 {
            return visit.network;
        }
        let salt = self.world.region_at(visit.subject.serving).salt;
        visit.network + f64::from(visit.hops) * visit.chance.sample(self.world.hop(), Purpose::Hop, salt)
    }

    fn pace(&self, visit: &Visit<'_>, head_at: Nanos, change: &LatencyChange) -> Pace {
        let serving = visit.subject.serving;
        let model = self.world.model_at(visit.route.model);
        let salt = self.world.region_at(serving).salt ^ model.salt;
        // What the cache holds need not be read again.
        let prompt = visit.prompt.input.saturating_add(visit.prompt.cache_write);
        let speed = model.latency.draw(&visit.chance, salt, prompt);
        let load = match visit.route.kind {
            RouteKind::Provisioned => 1.0,
            _ => self.load[usize::from(serving.0)].factor(),
        };
        let first = nanos(speed.first * load * change.prefill).saturating_add(change.first_token_add);
        // A stream's events cannot come faster than their bytes.
        let gap = (speed.gap * load * change.decode).max(FRAME_BYTES / change.bytes_per_s * 1e9);
        Pace { first: head_at.saturating_add(first.max(1)), gap }
    }
}

impl LatencyChange {
    /// A unary answer's pace: all tokens at once, when the last is made and its bytes have come.
    fn at_once(&self, pace: &Pace, tokens: u32) -> Pace {
        let bytes = BODY_BYTES + TOKEN_BYTES * f64::from(tokens);
        Pace { first: pace.at(tokens).saturating_add(nanos(bytes / self.bytes_per_s * 1e9)), gap: 0.0 }
    }
}

/// When a call came, and when its head is due.
#[derive(Debug, Clone, Copy)]
struct Begun {
    at: Nanos,
    head_at: Nanos,
}

/// The beginning of the prompt, if it is long enough to be cached, and where.
fn cacheable(visit: &Visit<'_>) -> Option<(CacheKey, Prefix)> {
    let prefix = visit.call.prefix.filter(|prefix| prefix.tokens >= PREFIX_MIN)?;
    Some(((visit.subject.serving, visit.route.model, prefix.key), prefix))
}

impl Body {
    fn whole(pace: &Pace, tokens: u32, stop: Stop) -> Body {
        Body {
            first_at: pace.first,
            last_at: pace.at(tokens),
            tokens,
            gap: pace.gap,
            silence_max: if tokens > 1 { nanos(pace.gap) } else { 0 },
            silence_from: pace.first,
            end: BodyEnd::Complete { stop },
        }
    }

    /// The caller gets `after` tokens, or all if there are fewer; then it breaks where the next would have come.
    fn broken_by(self, fault: BodyFault, pace: &Pace, begun: Begun) -> Body {
        match fault {
            BodyFault::Stall { after, silence: Some(silence) } => self.paused(after, silence, pace),
            BodyFault::Stall { after, silence: None } => self.stalled(after, pace, begun.head_at),
            BodyFault::Reset { after } => self.cut(after, pace, BodyEnd::Reset),
            BodyFault::Eof { after } => self.cut(after, pace, BodyEnd::Eof),
            BodyFault::Exception { after, exception } => self.cut(after, pace, BodyEnd::Exception(exception)),
            BodyFault::Lost { wait } => {
                let given_up = wait.map_or(Nanos::MAX, |wait| begun.at.saturating_add(wait));
                self.nothing(begun.head_at.min(given_up), BodyEnd::Lost)
            }
            BodyFault::Bare { reset } => self.nothing(begun.head_at, BodyEnd::Bare { reset }),
            BodyFault::Garbled { how: how @ (Garble::NoStop | Garble::Gzip), .. } => {
                Body { end: BodyEnd::Garbled(how), ..self }
            }
            BodyFault::Garbled { after, how: Garble::TooLong } => self.swallowed(after, pace, begun.head_at),
            BodyFault::Garbled { after, how } => self.cut(after, pace, BodyEnd::Garbled(how)),
        }
    }

    fn nothing(self, at: Nanos, end: BodyEnd) -> Body {
        Body { first_at: at, last_at: at, tokens: 0, silence_max: 0, silence_from: at, end, ..self }
    }

    /// What comes behind the first tokens is taken for the inside of one event that never ends.
    fn swallowed(self, after: u32, pace: &Pace, head_at: Nanos) -> Body {
        let tokens = after.min(self.tokens);
        let silence_from = if tokens == 0 { head_at } else { pace.at(tokens) };
        Body {
            first_at: if tokens == 0 { self.last_at } else { self.first_at },
            tokens,
            silence_from,
            silence_max: self.last_at.saturating_sub(silence_from),
            end: BodyEnd::Garbled(Garble::TooLong),
            ..self
        }
    }

    fn cut(self, after: u32, pace: &Pace, end: BodyEnd) -> Body {
        let tokens = after.min(self.tokens);
        let last_at = pace.at(tokens.saturating_add(1)).min(self.last_at);
        let first_at = if tokens == 0 { last_at } else { self.first_at };
        let silence_max = if tokens > 0 { self.silence_max } else { 0 };
        Body { first_at, last_at, tokens, silence_max, end, ..self }
    }

    /// A silence that ends: before the first token it is the first token that comes late.
    fn paused(self, after: u32, silence: Nanos, pace: &Pace) -> Body {
        let last_at = self.last_at.saturating_add(silence).min(Nanos::MAX - 1);
        if after == 0 || self.tokens == 0 {
            let first_at = self.first_at.saturating_add(silence).min(last_at);
            return Body { first_at, last_at, silence_from: first_at, ..self };
        }
        let before = after.min(self.tokens);
        let usual = if before < self.tokens { nanos(pace.gap) } else { 0 };
        let silence_max = silence.saturating_add(usual).max(self.silence_max);
        Body { last_at, silence_max, silence_from: pace.at(before), ..self }
    }

    fn stalled(self, after: u32, pace: &Pace, head_at: Nanos) -> Body {
        let tokens = after.min(self.tokens);
        let silent_from = if tokens == 0 { head_at } else { pace.at(tokens) };
        Body {
            first_at: if tokens == 0 { Nanos::MAX } else { self.first_at },
            last_at: Nanos::MAX,
            tokens,
            silence_max: Nanos::MAX,
            gap: self.gap,
            silence_from: silent_from,
            end: BodyEnd::Stalled { silent_from },
        }
    }
}

impl Reported {
    fn times(self, factor: f64) -> Reported {
        // Saturates at both ends, and takes what is not a number for zero.
        let of = |count: u32| (f64::from(count) * factor).round() as u32;
        Reported {
            input: of(self.input),
            output: of(self.output),
            cache_read: of(self.cache_read),
            cache_write: of(self.cache_write),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exception::Exception;

    const MS: Nanos = 1_000_000;

    /// How a whole answer of 5 tokens (head at 20 ms, first at 100 ms, then one each 10 ms) breaks.
    #[test]
    fn each_body_fault_breaks_the_answer_where_it_says() {
        let error = Exception::no_capacity();
        let exception = |after| BodyFault::Exception { after, exception: error.clone() };
        let pause = |after| BodyFault::Stall { after, silence: Some(SECOND) };
        let hang = |after| BodyFault::Stall { after, silence: None };
        let whole = BodyEnd::Complete { stop: Stop::EndTurn };
        let stalled = |ms| BodyEnd::Stalled { silent_from: ms * MS };
        const SECOND: Nanos = 1_000 * MS;
        const NEVER: Nanos = Nanos::MAX;
        let pace = Pace { first: 100 * MS, gap: 10e6 };
        let begun = Begun { at: 0, head_at: 20 * MS };
        let lost = |ms: Option<u64>| BodyFault::Lost { wait: ms.map(|ms| ms * MS) };
        let garbled = |after, how| BodyFault::Garbled { after, how };
        let broken = BodyEnd::Garbled;
        // (fault, first, last, tokens, longest silence, from, end); times in ms
        let table = [
            (BodyFault::Reset { after: 0 }, 100, 100, 0, 0, 100, BodyEnd::Reset),
            (BodyFault::Reset { after: 2 }, 100, 120, 2, 10, 100, BodyEnd::Reset),
            (BodyFault::Eof { after: 4 }, 100, 140, 4, 10, 100, BodyEnd::Eof),
            (BodyFault::Eof { after: 5 }, 100, 140, 5, 10, 100, BodyEnd::Eof),
            (BodyFault::Eof { after: 900 }, 100, 140, 5, 10, 100, BodyEnd::Eof),
            (exception(1), 100, 110, 1, 10, 100, BodyEnd::Exception(error.clone())),
            (pause(0), 1100, 1140, 5, 10, 1100, whole.clone()),
            (pause(3), 100, 1140, 5, 1010, 120, whole.clone()),
            (pause(5), 100, 1140, 5, 1000, 140, whole),
            (lost(None), 20, 20, 0, 0, 20, BodyEnd::Lost),
            (lost(Some(5)), 5, 5, 0, 0, 5, BodyEnd::Lost),
            (lost(Some(900)), 20, 20, 0, 0, 20, BodyEnd::Lost),
            (BodyFault::Bare { reset: true }, 20, 20, 0, 0, 20, BodyEnd::Bare { reset: true }),
            (garbled(2, Garble::CutFrame), 100, 120, 2, 10, 100, broken(Garble::CutFrame)),
            (garbled(2, Garble::TooLong), 100, 140, 2, 30, 110, broken(Garble::TooLong)),
            (garbled(0, Garble::TooLong), 140, 140, 0, 120, 20, broken(Garble::TooLong)),
            (garbled(0, Garble::NoStop), 100, 140, 5, 10, 100, broken(Garble::NoStop)),
            (hang(0), NEVER / MS, NEVER / MS, 0, NEVER / MS, 20, stalled(20)),
            (hang(3), 100, NEVER / MS, 3, NEVER / MS, 120, stalled(120)),
        ];
        for (fault, first, last, tokens, silence, from, end) in table {
            let body = Body::whole(&pace, 5, Stop::EndTurn).broken_by(fault.clone(), &pace, begun);
            let found = (
                body.first_at / MS,
                body.last_at / MS,
                body.tokens,
                body.silence_max / MS,
                body.silence_from / MS,
            );
            assert_eq!(found, (first, last, tokens, silence, from), "{fault:?}");
            assert_eq!(body.end, end, "{fault:?}");
        }
    }
}
