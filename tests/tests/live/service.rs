//! The mock's engine under an async clock: what a call meets, waited for. It is shared by the transport that calls
//! it directly and by the connector that the SDK calls it through.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use richter_core::live::Clock;
use richter_mock_bedrock::{
    Nanos,
    engine::{Answer, BodyEnd, Call, CallId, Engine, Reported, Served},
    exception::Exception,
};

/// The service, for any number of callers.
#[derive(Debug, Clone)]
pub struct Service {
    pub clock: Clock,
    engine: Arc<Mutex<Engine>>,
}

/// What a caller meets first.
#[derive(Debug)]
pub enum Met {
    Refused,
    NotConnected,
    Error(Exception),
    /// A unary answer, whole.
    Whole(Reported),
    /// A unary answer whose connection was reset.
    Reset,
    /// A unary answer that ended too early.
    Cut,
    Stream(Body),
}

/// A stream's next event.
#[derive(Debug)]
pub enum BodyPart {
    Start,
    /// So many tokens.
    Content(u32),
    Stop,
    Usage(Reported),
    Exception(Exception),
    Reset,
    End,
}

/// A stream's body: what comes, and when.
#[derive(Debug)]
pub struct Body {
    clock: Clock,
    parts: VecDeque<(Nanos, BodyPart)>,
    ends: Nanos,
    open: Open,
}

/// A call under way. Whoever drops it before its end has left.
#[derive(Debug)]
struct Open {
    service: Service,
    call: CallId,
    over: bool,
}

impl Service {
    pub fn new(clock: Clock, engine: Engine) -> Service {
        Service { clock, engine: Arc::new(Mutex::new(engine)) }
    }

    /// Calls the engine, and waits for the first that comes of it.
    pub async fn call(&self, call: &Call, connect: Option<Duration>) -> Met {
        let now = self.clock.now();
        let served = self.engine().call(now, call);
        match served {
            Served::Refused { at } => {
                self.clock.sleep_until(at).await;
                Met::Refused
            }
            // The live conformance has no faults of bytes; a reset says all that matters of them here.
            Served::Reset { at } | Served::Page { at, .. } => {
                self.clock.sleep_until(at).await;
                Met::Reset
            }
            Served::Silence => match connect {
                Some(limit) => {
                    self.clock.sleep_until(now + limit.as_nanos() as Nanos).await;
                    Met::NotConnected
                }
                None => std::future::pending().await,
            },
            Served::Error { at, exception } => {
                self.clock.sleep_until(at).await;
                Met::Error(exception)
            }
            Served::Answer(answer) => {
                let open = Open { service: self.clone(), call: answer.call, over: false };
                if call.operation.streams() {
                    self.clock.sleep_until(answer.head_at).await;
                    Met::Stream(Body::new(self.clock, answer, open))
                } else {
                    self.unary(answer, open).await
                }
            }
        }
    }

    async fn unary(&self, answer: Answer, mut open: Open) -> Met {
        if answer.last_at == Nanos::MAX {
            return std::future::pending().await;
        }
        self.clock.sleep_until(answer.last_at).await;
        open.finish();
        match answer.end {
            BodyEnd::Complete { .. } => Met::Whole(answer.usage),
            BodyEnd::Eof | BodyEnd::Bare { .. } | BodyEnd::Garbled(_) => Met::Cut,
            BodyEnd::Reset | BodyEnd::Lost => Met::Reset,
            BodyEnd::Exception(exception) => Met::Error(exception),
            BodyEnd::Stalled { .. } => unreachable!("a stall has no last byte"),
        }
    }

    fn engine(&self) -> MutexGuard<'_, Engine> {
        self.engine.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Body {
    fn new(clock: Clock, answer: Answer, open: Open) -> Body {
        let mut parts = VecDeque::from([(answer.head_at, BodyPart::Start)]);
        let last_at = match answer.end {
            BodyEnd::Stalled { silent_from } => silent_from,
            _ => answer.last_at,
        };
        if answer.tokens > 0 && answer.first_at <= last_at {
            let times = (1..=answer.tokens).map(|nth| answer.token_at(nth));
            parts.extend(times.map(|at| (at.min(last_at), BodyPart::Content(1))));
        }
        let end = |part| (last_at, part);
        match answer.end {
            BodyEnd::Complete { .. } => {
                parts.extend([BodyPart::Stop, BodyPart::Usage(answer.usage), BodyPart::End].map(end));
            }
            BodyEnd::Eof | BodyEnd::Bare { reset: false } | BodyEnd::Garbled(_) => {
                parts.push_back(end(BodyPart::End));
            }
            BodyEnd::Reset | BodyEnd::Lost | BodyEnd::Bare { reset: true } => {
                parts.push_back(end(BodyPart::Reset));
            }
            BodyEnd::Exception(exception) => parts.push_back(end(BodyPart::Exception(exception))),
            BodyEnd::Stalled { .. } => {}
        }
        Body { clock, parts, ends: answer.last_at, open }
    }

    /// The next event; it is safe to drop the future and ask again. After the end there is nothing but the end.
    pub async fn next(&mut self) -> BodyPart {
        let Some((at, _)) = self.parts.front() else {
            if self.open.over {
                return BodyPart::End;
            }
            return std::future::pending().await;
        };
        let at = *at;
        self.clock.sleep_until(at).await;
        if at >= self.ends && !matches!(self.parts.front(), Some((_, BodyPart::Content(_)))) {
            self.open.finish();
        }
        self.parts.pop_front().map_or(BodyPart::End, |(_, part)| part)
    }
}

impl Open {
    fn finish(&mut self) {
        if !std::mem::replace(&mut self.over, true) {
            let now = self.service.clock.now();
            self.service.engine().finish(now, self.call);
        }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        if self.over {
            return;
        }
        let (service, call) = (self.service.clone(), self.call);
        let abandoned = service.engine().abandon(service.clock.now(), call);
        let Some(until) = abandoned.and_then(|abandoned| abandoned.works_until) else {
            return;
        };
        // At the end of a test there may be no runtime left to settle in.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                service.clock.sleep_until(until).await;
                service.engine().finish(service.clock.now(), call);
            });
        }
    }
}
