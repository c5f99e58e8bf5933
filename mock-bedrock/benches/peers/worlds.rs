//! The worlds that are served: one model in one Region, quotas that are kept and never reached.

use richter_mock_bedrock::{
    dist::Sampler,
    engine::{Answer, Call, Engine, Operation, Served},
    luck::Luck,
    server::Settings,
    world::{RouteId, RouteKind, World, WorldSpec},
};
use serde_json::{Value, json};

pub const MODEL: &str = "anthropic.claude-3-haiku-20240307-v1:0";
const REGION: &str = "us-east-1";
const SEED: u64 = 42;
/// With its four other events a stream of so many tokens has 24.
pub const TOKENS: u32 = 20;
/// What a request reserves at most.
pub const MAX_TOKENS: u32 = 1_024;

/// How fast a world answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// No latency at all.
    Instant,
    /// A gap of 10 ms before each token.
    Steady,
    /// Drawn: the first token within 100 ms in the median, then one each 40 ms or so.
    Drawn,
    /// A token each second, for ten minutes.
    Slow,
}

impl Pace {
    fn of(name: &str) -> Option<Pace> {
        [Pace::Instant, Pace::Steady, Pace::Drawn, Pace::Slow].into_iter().find(|pace| pace.name() == name)
    }

    pub fn name(self) -> &'static str {
        match self {
            Pace::Instant => "instant",
            Pace::Steady => "steady",
            Pace::Drawn => "drawn",
            Pace::Slow => "slow",
        }
    }

    /// The gap between two events where it is always the same.
    pub fn gap_ms(self) -> u64 {
        match self {
            Pace::Instant => 0,
            Pace::Steady => 10,
            Pace::Drawn => 40,
            Pace::Slow => 1_000,
        }
    }

    pub fn tokens(self) -> u32 {
        if self == Pace::Slow { 600 } else { TOKENS }
    }

    fn latencies(self) -> (Value, Value) {
        let drawn = |p50: &str, p99: &str| json!({ "log_normal": { "p50": p50, "p99": p99 } });
        match self {
            Pace::Drawn => (drawn("100ms", "300ms"), drawn("40ms", "80ms")),
            _ => {
                let gap = format!("{}ms", self.gap_ms());
                (json!(gap), json!(gap))
            }
        }
    }
}

fn world(pace: Pace) -> World {
    let (first_token, per_token) = pace.latencies();
    let model =
        json!({ "first_token": first_token, "per_token": per_token, "max_output": 4_096, "burndown": 1 });
    let quota = json!({ "requests": "1000M/min", "tokens": "1000000M/min" });
    let spec: WorldSpec = serde_json::from_value(json!({
        "regions": { REGION: { "rtt": "0ms" } },
        "models": { MODEL: model },
        "quotas": { "on_demand": { REGION: quota } },
    }))
    .expect("a world as it is written");
    spec.resolve(&[(RouteKind::OnDemand, REGION, MODEL)]).expect("a world that fits together")
}

/// A server's settings, or none where no pace has that name.
pub fn settings(pace: &str) -> Option<Settings> {
    let pace = Pace::of(pace)?;
    Some(Settings {
        world: world(pace),
        luck: Luck::new(SEED, 0),
        output: Sampler::Constant(f64::from(pace.tokens())),
        ..Settings::default()
    })
}

/// What the engine asks of the server for a stream, by the same draws: the answer of a call at time 0.
pub fn asked(pace: Pace) -> impl FnMut(u64) -> Answer {
    let mut engine = Engine::new(world(pace), Vec::new(), Luck::new(SEED, 0));
    move |request| {
        let call = Call {
            route: RouteId(0),
            operation: Operation::ConverseStream,
            request,
            attempt: 0,
            input_tokens: 1,
            cache_read: 0,
            cache_write: 0,
            prefix: None,
            max_tokens: Some(MAX_TOKENS),
            output_tokens: pace.tokens(),
            tenant: 0,
            connect_within: None,
        };
        match engine.call(0, &call) {
            Served::Answer(answer) => {
                engine.abandon(0, answer.call);
                answer
            }
            other => panic!("quotas are never reached here: {other:?}"),
        }
    }
}
