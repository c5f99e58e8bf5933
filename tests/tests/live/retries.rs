//! The strategy `sdk` against the real SDK: the same failures, one after another, must bring the same attempts at the
//! same times, in both of its behaviours and in adaptive mode.
//!
//! The SDK draws its jitter from `fastrand`, whose generator belongs to the thread; seeding it, and giving the model
//! the same draws, makes even the waits equal. Its retry quota belongs to the process, keyed by a retry partition, so
//! every run has a partition of its own.
#![expect(clippy::unwrap_used, reason = "all of this file is test code, and a test may panic")]

use std::{
    collections::VecDeque,
    convert::Infallible,
    io,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
};

use aws_config::{BehaviorVersion, Region, timeout::TimeoutConfig};
use aws_credential_types::Credentials;
use aws_runtime::invocation_id::DefaultInvocationIdGenerator;
use aws_sdk_bedrockruntime::{
    Client, Config,
    config::{
        IdentityCache, StalledStreamProtectionConfig,
        retry::{RetryConfig, RetryPartition},
    },
};
use aws_smithy_runtime_api::client::{
    http::HttpConnector, http::HttpConnectorFuture, http::SharedHttpConnector, http::http_client_fn,
    orchestrator::HttpRequest, orchestrator::HttpResponse, result::ConnectorError,
};
use aws_smithy_types::retry::{RetryMode, RetrySpec};
use rand_core::{Infallible as Sure, TryRng};
use richter_core::{
    event::Blind,
    failure::Phase,
    live::{Break, Clock, How, Meaning, Names, Opening, Refusal, Sending, Shell, ShellParts, Transport},
    request::{Api, Needs, Priority, Request, Usage},
    strategy::StrategySpec,
    target::{Known, OnDemand, TargetId, TargetSpec},
};
use richter_mock_bedrock::Nanos;

use super::{ways::Stretched, wire};

const MILLISECOND: Nanos = 1_000_000;
const SECOND: Nanos = 1_000 * MILLISECOND;
/// How long each reply takes.
const REPLY: Nanos = 10 * MILLISECOND;
/// What the arithmetic of a wait may lose.
const ROUNDING: Nanos = 3;

/// One reply of the service.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Reply {
    Answer,
    Error {
        name: &'static str,
        status: u16,
        retry_after_ms: Option<u64>,
    },
    /// An error without a name.
    Blank(u16),
    Reset,
}

const fn error(name: &'static str, status: u16) -> Reply {
    Reply::Error { name, status, retry_after_ms: None }
}

const fn asking(name: &'static str, status: u16, ms: u64) -> Reply {
    Reply::Error { name, status, retry_after_ms: Some(ms) }
}

const THROTTLE: Reply = error("ThrottlingException", 429);
const FAULT: Reply = error("InternalServerException", 500);
const BUSY: Reply = error("ServiceUnavailableException", 503);
const NOT_READY: Reply = error("ModelNotReadyException", 429);

/// The replies still to come, shared by whoever answers; and when each attempt came, by request.
#[derive(Debug, Clone)]
struct Script {
    clock: Clock,
    replies: Arc<Mutex<VecDeque<Reply>>>,
    came: Arc<Mutex<Vec<Vec<Nanos>>>>,
}

impl Script {
    fn new(clock: Clock, replies: &[Reply]) -> Script {
        let replies = Arc::new(Mutex::new(replies.iter().copied().collect()));
        Script { clock, replies, came: Arc::default() }
    }

    /// A request begins.
    fn request(&self) {
        self.came.lock().unwrap().push(Vec::new());
    }

    /// An attempt of the latest request; after the last reply everything is answered.
    async fn attempt(&self) -> Reply {
        let now = self.clock.now();
        self.came.lock().unwrap().last_mut().unwrap().push(now);
        let reply = self.replies.lock().unwrap().pop_front().unwrap_or(Reply::Answer);
        self.clock.sleep_until(now + REPLY).await;
        reply
    }

    fn came(&self) -> Vec<Vec<Nanos>> {
        self.came.lock().unwrap().clone()
    }
}

/// One comparison: how the client is set, what it meets, and how its requests follow one another.
#[derive(Debug, Clone)]
struct Case<'a> {
    behaviour: &'static str,
    mode: &'static str,
    replies: &'a [Reply],
    requests: u32,
    /// From the end of one request to the beginning of the next.
    pause: Nanos,
    seed: u64,
}

impl Case<'_> {
    fn new<'a>(behaviour: &'static str, replies: &'a [Reply], requests: u32) -> Case<'a> {
        Case { behaviour, mode: "standard", replies, requests, pause: 60 * SECOND, seed: 7 }
    }
}

const BEHAVIOURS: [&str; 2] = ["before_2026", "since_2026"];

fn paused<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.unwrap().block_on(work)
}

/// When the real SDK sends.
fn real(case: &Case<'_>) -> Vec<Vec<Nanos>> {
    paused(async {
        let script = Script::new(Clock::stretched(1_000_000), case.replies);
        let client = client(case, &script);
        fastrand::seed(case.seed);
        for _ in 0..case.requests {
            script.request();
            drop(client.converse().model_id("m").send().await);
            script.clock.sleep_until(script.clock.now() + case.pause).await;
        }
        script.came()
    })
}

fn client(case: &Case<'_>, script: &Script) -> Client {
    static RUNS: AtomicU32 = AtomicU32::new(0);
    let run = RUNS.fetch_add(1, Ordering::Relaxed);
    let spec = if case.behaviour == "since_2026" { RetrySpec::v2_1() } else { RetrySpec::v2_0() };
    let mode = if case.mode == "adaptive" { RetryMode::Adaptive } else { RetryMode::Standard };
    let connector = SharedHttpConnector::new(Scripted(script.clone()));
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("key", "secret", None, None, "test"))
        .retry_config(RetryConfig::standard().with_retry_mode(mode).with_retry_spec(spec))
        .retry_partition(RetryPartition::new(format!("retries-{run}")))
        .timeout_config(TimeoutConfig::disabled())
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        // The cache of credentials would draw, too.
        .identity_cache(IdentityCache::no_cache())
        .invocation_id_generator(DefaultInvocationIdGenerator::with_seed(1))
        .sleep_impl(Stretched(script.clock))
        .time_source(Stretched(script.clock))
        .http_client(http_client_fn(move |_, _| connector.clone()));
    Client::from_conf(config.build())
}

/// Answers the SDK from a script.
#[derive(Debug)]
struct Scripted(Script);

impl HttpConnector for Scripted {
    fn call(&self, _: HttpRequest) -> HttpConnectorFuture {
        let script = self.0.clone();
        HttpConnectorFuture::new(async move {
            let reply = script.attempt().await;
            let (status, name, retry_after) = match reply {
                Reply::Answer => (200, None, None),
                Reply::Error { name, status, retry_after_ms } => (status, Some(name), retry_after_ms),
                Reply::Blank(status) => (status, None, None),
                Reply::Reset => {
                    let reset = io::Error::from(io::ErrorKind::ConnectionReset);
                    return Err(ConnectorError::io(reset.into()));
                }
            };
            let mut head = http::Response::builder().status(status);
            if let Some(name) = name {
                head = head.header("x-amzn-errortype", name);
            }
            if let Some(ms) = retry_after {
                head = head.header("x-amz-retry-after", ms.to_string());
            }
            let body = if status == 200 { wire::answer(Default::default()).to_string() } else { "{}".into() };
            Ok(HttpResponse::try_from(head.body(body.into()).unwrap()).unwrap())
        })
    }
}

/// When the strategy `sdk` sends.
fn modelled(case: &Case<'_>) -> Vec<Vec<Nanos>> {
    let settings = serde_json::json!({
        "sdk": { "target": "a", "client": "rust", "behaviour": case.behaviour, "mode": case.mode }
    });
    let spec: StrategySpec = serde_json::from_value(settings).unwrap();
    let target = TargetSpec::OnDemand(OnDemand {
        region: "us-east-1".into(),
        model: "m".into(),
        ..OnDemand::default()
    });
    paused(async {
        let script = Script::new(Clock::stretched(1_000_000), case.replies);
        let draws = Arc::new(Mutex::new(fastrand::Rng::with_seed(case.seed)));
        let shell = Shell::new(ShellParts {
            strategy: spec.build(&|_| Some(Known { id: TargetId(0), spec: &target })).unwrap(),
            targets: vec![("a".into(), target.clone())],
            clock: script.clock,
            dice: Box::new(move |_, _| Box::new(SameDraws(Arc::clone(&draws)))),
            observer: Box::new(Blind),
            names: Names::default(),
        });
        let transport = Arc::new(script.clone());
        for number in 0..case.requests {
            script.request();
            let request = Request {
                number: number.into(),
                api: Api::Converse,
                class: 0,
                tenant: 0,
                priority: Priority::Default,
                input_tokens: 1,
                max_tokens: None,
                prefix: None,
                needs: Needs::NONE,
                intended: script.clock.now(),
            };
            drop(shell.carry(Arc::clone(&transport), (), request, None).await);
            script.clock.sleep_until(script.clock.now() + case.pause).await;
        }
        script.came()
    })
}

/// The draws that the SDK makes, as dice.
struct SameDraws(Arc<Mutex<fastrand::Rng>>);

impl TryRng for SameDraws {
    type Error = Sure;

    fn try_next_u32(&mut self) -> Result<u32, Sure> {
        self.try_next_u64().map(|word| (word >> 32) as u32)
    }

    fn try_next_u64(&mut self) -> Result<u64, Sure> {
        let share = self.0.lock().unwrap().f64();
        Ok(((share * (1u64 << 53) as f64) as u64) << 11)
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Sure> {
        bytes.fill(0);
        Ok(())
    }
}

impl Transport for Script {
    type Call = ();
    type Answer = ();
    type Stream = Infallible;
    type Part = Infallible;

    async fn open(&self, _: Sending, (): &()) -> Result<Opening<(), Infallible>, Break> {
        let refused = |name: Option<&str>, status, retry_after_ms| {
            let name = name.map(str::to_owned);
            How::Refused(Refusal { name, status: Some(status), retry_after_ms, ..Refusal::default() })
        };
        let how = match self.attempt().await {
            Reply::Answer => return Ok(Opening::Whole { answer: (), usage: Usage::default() }),
            Reply::Error { name, status, retry_after_ms } => refused(Some(name), status, retry_after_ms),
            Reply::Blank(status) => refused(None, status, None),
            Reply::Reset => How::Transport(Phase::Await),
        };
        Err(Break { how, source: None })
    }

    async fn next(&self, stream: &mut Infallible) -> Result<Option<Infallible>, Break> {
        match *stream {}
    }

    fn meaning(&self, part: &Infallible) -> Meaning {
        match *part {}
    }
}

/// The first request at which the two part, if they do. Waits may differ by what rounding makes of a nanosecond.
fn parts(real: &[Vec<Nanos>], modelled: &[Vec<Nanos>], tolerance: Nanos) -> Option<String> {
    let waits = |came: &[Nanos]| came.windows(2).map(|pair| pair[1] - pair[0]).collect::<Vec<_>>();
    let begin = |came: &[Vec<Nanos>], n: usize| match n.checked_sub(1) {
        Some(before) => came[n][0] - came[before].last().unwrap(),
        None => came[n][0],
    };
    (0..real.len().max(modelled.len())).find_map(|n| {
        let (a, b) = (waits(&real[n]), waits(&modelled[n]));
        let near = |(a, b): (&Nanos, &Nanos)| a.abs_diff(*b) <= tolerance;
        let same =
            a.len() == b.len() && a.iter().zip(&b).all(near) && near((&begin(real, n), &begin(modelled, n)));
        (!same).then(|| format!("request {n}: the SDK waits {a:?}, the model {b:?}"))
    })
}

fn compare(case: &Case<'_>, tolerance: Nanos) -> Vec<Vec<Nanos>> {
    let (real, modelled) = (real(case), modelled(case));
    if let Some(parts) = parts(&real, &modelled, tolerance) {
        panic!("{}, {}: {parts}", case.mode, case.behaviour);
    }
    real
}

#[test]
fn the_model_retries_and_waits_as_the_sdk_does_whatever_fails() {
    let failures = [
        THROTTLE,
        FAULT,
        BUSY,
        NOT_READY,
        Reply::Reset,
        Reply::Blank(500),
        Reply::Blank(502),
        Reply::Blank(504),
        Reply::Blank(429),
        error("ModelTimeoutException", 408),
        error("ModelErrorException", 424),
        error("ValidationException", 400),
        error("AccessDeniedException", 403),
        error("RequestTimeoutException", 400),
        error("ServiceQuotaExceededException", 400),
        error("overloaded_error", 529),
        error("BrandNewException", 429),
        asking("ThrottlingException", 429, 100),
        asking("ThrottlingException", 429, 3_000),
        asking("ThrottlingException", 429, 60_000),
        asking("InternalServerException", 500, 3_000),
        asking("ModelNotReadyException", 429, 3_000),
    ];
    let cases = BEHAVIOURS.into_iter().flat_map(|behaviour| failures.map(|failure| (behaviour, failure)));
    let differ: Vec<String> = cases
        .filter_map(|(behaviour, failure)| {
            let replies = [failure; 3];
            let case = Case::new(behaviour, &replies, 1);
            let real = real(&case);
            assert!(matches!(real[0].len(), 1 | 3), "{failure:?}: {real:?}");
            let parts = parts(&real, &modelled(&case), ROUNDING)?;
            Some(format!("{failure:?}, {behaviour}: {parts}"))
        })
        .collect();
    assert!(differ.is_empty(), "{}", differ.join("\n"));
}

#[test]
fn the_models_quota_runs_dry_and_fills_again_when_the_sdks_does() {
    // Long runs of failures of all kinds, with successes between them, in an order that is only fixed.
    let kinds = [THROTTLE, FAULT, Reply::Reset, BUSY, NOT_READY, Reply::Answer, Reply::Answer];
    let mut order = fastrand::Rng::with_seed(3);
    let mixed: Vec<Reply> = (0..600).map(|_| kinds[order.usize(..kinds.len())]).collect();
    for behaviour in BEHAVIOURS {
        for replies in [&mixed[..], &[FAULT; 400], &[THROTTLE; 500], &[NOT_READY; 400], &[Reply::Reset; 300]]
        {
            let requests = 200.min(replies.len() as u32 / 2);
            let came = compare(&Case::new(behaviour, replies, requests), ROUNDING);
            let once = came.iter().filter(|attempts| attempts.len() == 1).count();
            assert!(once > 20, "the quota never ran dry: {once} of {requests} requests had one attempt");
        }
    }
}

#[test]
fn the_models_limiter_holds_back_as_the_sdks_does() {
    // Answers to measure a rate by, throttles to turn the limiter on, and answers again to let it grow.
    let replies: Vec<Reply> = [Reply::Answer; 40]
        .into_iter()
        .chain([THROTTLE, Reply::Answer, THROTTLE, THROTTLE])
        .chain([Reply::Answer; 80])
        .collect();
    for behaviour in BEHAVIOURS {
        let case = Case { mode: "adaptive", pause: 90 * MILLISECOND, ..Case::new(behaviour, &replies, 110) };
        let came = compare(&case, 2 * MILLISECOND);
        let begun: Vec<Nanos> = came.iter().map(|attempts| attempts[0]).collect();
        let longest = begun.windows(2).map(|pair| pair[1] - pair[0]).max();
        assert!(longest > Some(SECOND), "{behaviour}: the limiter was never felt: {longest:?}");
    }
}
