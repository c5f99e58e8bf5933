use serde_json::{Value, json};

use super::*;
use crate::world::{RouteId, RouteKind, WorldSpec};

mod faults;
mod lifecycle;
mod refusals;
mod story;
mod targets;
mod timing;

const SECOND: Nanos = 1_000_000_000;
const MS: Nanos = 1_000_000;

/// A model without chance: 100 ms to the first token, 10 ms for each further one; round trips of 20 ms.
fn still() -> Value {
    json!({
        "regions": { "us-east-1": { "rtt": "20ms" }, "us-west-2": { "rtt": "60ms" } },
        "models": {
            "m": { "first_token": "100ms", "per_token": "10ms", "max_output": 1000, "context": 5000, "burndown": 5.0 }
        },
        "hop": "30ms"
    })
}

fn with(mut world: Value, section: &str, value: Value) -> Value {
    world[section] = value;
    world
}

fn engine(world: Value, routes: &[(RouteKind, &str, &str)]) -> Engine {
    Engine::new(resolved(world, routes), Vec::new(), Luck::new(7, 0))
}

fn resolved(world: Value, routes: &[(RouteKind, &str, &str)]) -> World {
    let spec: WorldSpec = serde_json::from_value(world).expect("a readable world");
    spec.resolve(routes).expect("a world without problems")
}

const EAST: (RouteKind, &str, &str) = (RouteKind::OnDemand, "us-east-1", "m");

fn call(request: u64) -> Call {
    Call {
        route: RouteId(0),
        operation: Operation::Converse,
        request,
        attempt: 0,
        input_tokens: 100,
        cache_read: 0,
        cache_write: 0,
        prefix: None,
        max_tokens: Some(200),
        output_tokens: 51,
        tenant: 0,
        connect_within: None,
    }
}

fn answer(served: Served) -> Answer {
    match served {
        Served::Answer(answer) => answer,
        other => panic!("no answer but {other:?}"),
    }
}

fn error(served: Served) -> (Nanos, Exception) {
    match served {
        Served::Error { at, exception } => (at, exception),
        other => panic!("no error but {other:?}"),
    }
}
