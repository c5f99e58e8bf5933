//! The AWS SDK and nothing else: calls at their times, each answer read to its end, nothing recorded and nothing decided. It has
//! the pacer, the allocator, the HTTP client and the single thread that a lane of richter has, so that what differs is what
//! richter adds.

use std::{sync::Arc, time::Duration};

use aws_config::{BehaviorVersion, Region};
use aws_credential_types::Credentials;
use aws_sdk_bedrockruntime::{
    Client,
    config::{Builder, retry::RetryConfig},
    types::{ContentBlock, ConversationRole, InferenceConfiguration, Message},
};
use richter::{
    ground::live::{
        agenda::Part,
        pacer::{Pacer, Sink},
    },
    load::Arrival,
};
use richter_core::live::{Clock, Trust, http_client};
use richter_mock_bedrock::luck::Luck;
use rustix::time::{ClockId, clock_gettime};

use super::{
    Outcome,
    work::{MODEL, REGION, Work},
};

/// As fast as it can, so many at once, where no rate is given.
const AT_ONCE: usize = 16;
const WARM_UP: usize = 200;

/// `client bare API RATE SECONDS URL`: prints the CPU time of a request in microseconds. A rate of 0 is as fast as it can.
pub fn run(api: &str, per_s: &str, seconds: &str, url: &str) -> Outcome<()> {
    let (per_s, seconds): (u32, u32) = (per_s.parse()?, seconds.parse()?);
    let call = if api == "converse" { Call::Whole } else { Call::Stream };
    let client = client(url);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let cpu_us = runtime.block_on(async {
        for _ in 0..WARM_UP {
            call.make(&client).await;
        }
        match per_s {
            0 => at_full_speed(call, &client, seconds).await,
            _ => Ok(paced(call, &client, Work::at_once("converse", per_s, seconds)).await?),
        }
    });
    println!("{}", cpu_us?);
    Ok(())
}

#[derive(Debug, Clone, Copy)]
enum Call {
    Whole,
    Stream,
}

impl Call {
    async fn make(self, client: &Client) {
        let text = "word ".repeat(100);
        let message = Message::builder().role(ConversationRole::User).content(ContentBlock::Text(text));
        let message = message.build().expect("role and content are set");
        let limits = InferenceConfiguration::builder().max_tokens(2_048).build();
        match self {
            Call::Whole => {
                let call = client.converse().model_id(MODEL).messages(message).inference_config(limits);
                call.send().await.expect("the mock answers");
            }
            Call::Stream => {
                let call =
                    client.converse_stream().model_id(MODEL).messages(message).inference_config(limits);
                let mut answer = call.send().await.expect("the mock answers");
                while answer.stream.recv().await.expect("the mock goes on").is_some() {}
            }
        }
    }
}

fn client(url: &str) -> Client {
    let config = Builder::new()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(REGION))
        .credentials_provider(Credentials::new("mock", "mock", None, None, "bench"))
        .retry_config(RetryConfig::disabled())
        .http_client(http_client(&Trust::System))
        .endpoint_url(url);
    Client::from_conf(config.build())
}

async fn at_full_speed(call: Call, client: &Client, seconds: u32) -> Outcome<f64> {
    let (start, until) = (cpu_us(), tokio::time::Instant::now() + Duration::from_secs(u64::from(seconds)));
    let one = |client: Client| async move {
        let mut calls = 0_u32;
        while tokio::time::Instant::now() < until {
            call.make(&client).await;
            calls += 1;
        }
        calls
    };
    let tasks: Vec<_> = (0..AT_ONCE).map(|_| tokio::spawn(one(client.clone()))).collect();
    let mut calls = 0;
    for task in tasks {
        calls += task.await?;
    }
    Ok((cpu_us() - start) / f64::from(calls))
}

/// Makes a call of each arrival.
struct Caller<'a> {
    call: Call,
    client: &'a Client,
    made: Vec<tokio::task::JoinHandle<()>>,
}

impl Sink for Caller<'_> {
    fn due(&mut self, _: Arrival) {
        let (call, client) = (self.call, self.client.clone());
        self.made.push(tokio::spawn(async move { call.make(&client).await }));
    }

    fn stopped(&self) -> bool {
        false
    }

    fn may_follow(&self) -> bool {
        false
    }
}

async fn paced(call: Call, client: &Client, work: Work) -> Outcome<f64> {
    let plan = work.plan()?;
    let schedule = plan.traffic.arrivals(Luck::new(plan.seed, 0));
    let start = cpu_us();
    let clock = Clock::starting_in(Duration::from_millis(10));
    let pacer = Pacer::new(clock, schedule, Part::ALL, Arc::default())?;
    let mut caller = Caller { call, client, made: Vec::new() };
    pacer.run(|| (), &mut caller).await?;
    let count = caller.made.len();
    for call in caller.made {
        call.await?;
    }
    Ok((cpu_us() - start) / count as f64)
}

/// Processor time of this program.
fn cpu_us() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 * 1e6 + time.tv_nsec as f64 / 1e3
}
