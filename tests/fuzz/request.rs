//! Feeds mutated bytes to the mock server as if a client had sent them: whatever comes in, what comes out is HTTP, and nothing
//! breaks. `scripts/fuzz request` builds and runs this.
#![no_main]

use std::{cell::RefCell, time::Duration};

use libfuzzer_sys::{Corpus, fuzz_target};
use richter_mock_bedrock::{
    server::{Indoors, Settings, ways},
    world::WorldSpec,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, duplex},
    runtime::{Builder, Runtime},
};

/// Most bytes of answers that are read.
const ANSWERS_MAX: usize = 1 << 22;
/// A client may start a fault that leaves it without an answer; it gives up then.
const PATIENCE: Duration = Duration::from_millis(500);
/// Inputs after which the server forgets what clients made and changed.
const FORGETS_AFTER: u32 = 200;

struct House {
    runtime: Runtime,
    server: Indoors,
    inputs: u32,
}

thread_local! {
    static HOUSE: RefCell<House> = RefCell::new(House::new());
}

impl House {
    /// A world in which nothing takes any time.
    fn new() -> House {
        let still = r#"{ "first_token": "0ms", "per_token": "0ms", "max_output": 500 }"#;
        let names = [
            "m",
            "anthropic.claude-3-haiku-20240307-v1:0",
            "amazon.nova-lite-v1:0",
            "meta.llama3-8b-instruct-v1:0",
        ];
        let models: Vec<String> = names.iter().map(|name| format!("\"{name}\": {still}")).collect();
        let text = format!(
            r#"{{ "regions": {{ "us-east-1": {{ "rtt": "0ms" }} }}, "models": {{ {} }} }}"#,
            models.join(", ")
        );
        let spec: WorldSpec = serde_json::from_str(&text).expect("a world");
        let world = spec.resolve(&ways::all(&spec, Vec::new())).expect("no problems");
        let server = Indoors::new(Settings { world, ..Settings::default() }).expect("it starts");
        let runtime = Builder::new_current_thread().enable_time().build().expect("a runtime");
        House { runtime, server, inputs: 0 }
    }

    fn hear(&mut self, bytes: &[u8]) -> Vec<u8> {
        let House { runtime, server, inputs } = self;
        *inputs += 1;
        let mut answers = Vec::new();
        let heard = runtime.block_on(async {
            let (mut client, door) = duplex(1 << 16);
            let talk = async {
                // Who sends more than is read meanwhile would wait for ever; inputs are smaller than the pipe.
                let _ = client.write_all(bytes).await;
                let _ = client.shutdown().await;
                let mut rest = client.take(ANSWERS_MAX as u64);
                let _ = rest.read_to_end(&mut answers).await;
            };
            tokio::time::timeout(PATIENCE, async { tokio::join!(talk, server.speak(door)) }).await
        });
        if heard.is_err() || inputs.is_multiple_of(FORGETS_AFTER) {
            server.reset();
        }
        answers
    }
}

fuzz_target!(|bytes: &[u8]| -> Corpus {
    let answers = HOUSE.with_borrow_mut(|house| house.hear(bytes));
    assert!(
        answers.is_empty() || answers.starts_with(b"HTTP/1."),
        "no HTTP: {}",
        String::from_utf8_lossy(&answers)
    );
    Corpus::Keep
});
