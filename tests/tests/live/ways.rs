//! The four ways to play one scenario: on the event heap, as async code that calls the engine directly, and through
//! the real SDK client and the lean client with a connector in this process. All but the first run under a paused clock in which one
//! nanosecond of the scenario is a millisecond of tokio's, so that no timer is rounded.

use std::{collections::BTreeMap, path::Path, sync::Arc, time::Duration};

use aws_config::{BehaviorVersion, SdkConfig};
use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use aws_sdk_bedrockruntime::{
    operation::{
        converse::ConverseInput, converse_stream::ConverseStreamInput, invoke_model::InvokeModelInput,
        invoke_model_with_response_stream::InvokeModelWithResponseStreamInput,
    },
    primitives::Blob,
    types::{ContentBlock, ConversationRole, InferenceConfiguration, Message},
};
use aws_smithy_async::{
    rt::sleep::{AsyncSleep, Sleep},
    time::TimeSource,
};
use richter::{
    ground::sim::Simulation,
    load::Arrival,
    scenario::{load, plan::Plan},
};
use richter_core::{
    live::{
        AnswerStream, Builder, Carried, Clock, Hints, LeanCall, MakeDice, Names, Router, Shell, ShellParts,
        Transport,
    },
    request::{Api, Needs, Request},
    target::{Known, TargetId},
};
use richter_mock_bedrock::{
    engine::Engine,
    luck::{Luck, Stream},
};

use super::{
    connector::{Asks, InProcess},
    direct::{Ask, Direct},
    log::Log,
    service::Service,
};

const NANOSECONDS_PER_MILLISECOND: u32 = 1_000_000;

/// A scenario of the conformance tests.
pub fn plan(name: &str) -> Plan {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/live/{name}.yaml"));
    load(&path).unwrap_or_else(|problems| panic!("{}", problems.render(false))).plan
}

/// On the event heap.
pub fn by_heap(plan: &Plan, strategy: usize) -> Log {
    let mut simulation = Simulation::new(plan, strategy, 0, Log::default()).expect("the traffic is made up");
    while simulation.step().expect("the traffic is made up") {}
    simulation.into_parts().0
}

/// As async code, straight to the engine.
pub fn by_trait(plan: &Plan, strategy: usize) -> Log {
    paused(async {
        let way = Way::new(plan);
        let log = Log::default();
        let targets = plan.targets.iter().map(|target| (target.name.clone(), target.spec.clone()));
        let find = |name: &str| {
            let at = plan.targets.iter().position(|target| target.name == name)?;
            Some(Known { id: TargetId(at as u16), spec: &plan.targets[at].spec })
        };
        let shell = Shell::new(ShellParts {
            strategy: plan.strategies[strategy].spec.build(&find).expect("the plan was checked"),
            targets: targets.collect(),
            clock: way.clock,
            dice: dice(plan),
            observer: Box::new(log.clone()),
            names: Names::default(),
        });
        let transport = Arc::new(Direct(way.service.clone()));
        way.drive(|arrival| {
            let (shell, transport) = (Arc::clone(&shell), Arc::clone(&transport));
            let (ask, request) = (way.asks[&arrival.number], request(plan, arrival));
            async move {
                if let Ok(Carried::Stream(stream)) = shell.carry(transport, ask, request, None).await {
                    read(stream).await;
                }
            }
        })
        .await;
        assert_eq!(shell.flying(), 0, "a request was lost");
        log
    })
}

/// Through the SDK.
pub fn by_sdk(plan: &Plan, strategy: usize) -> Log {
    paused(async {
        let way = Way::new(plan);
        let log = Log::default();
        let router = way.builder(plan, strategy, &log).sdk_config(way.sdk_config(plan)).build().await;
        let router = Arc::new(router.expect("the plan was checked"));
        way.drive(|arrival| {
            let router = Arc::clone(&router);
            let request = request(plan, arrival);
            async move { call(&router, &request).await }
        })
        .await;
        assert_eq!(router.shell().flying(), 0, "a request was lost");
        log
    })
}

/// Through the lean client.
pub fn by_lean(plan: &Plan, strategy: usize) -> Log {
    paused(async {
        let way = Way::new(plan);
        let log = Log::default();
        let in_process = way.in_process(plan);
        let routers = way
            .builder(plan, strategy, &log)
            .build_each_lean(vec![way.sdk_config(plan)], |connect| in_process.connector(connect))
            .await;
        let router = Arc::new(routers.expect("the plan was checked").remove(0));
        way.drive(|arrival| {
            let router = Arc::clone(&router);
            let request = request(plan, arrival);
            async move {
                if let Ok(Carried::Stream(stream)) = router.send(lean_call(&request), &hints(&request)).await
                {
                    read(stream).await;
                }
            }
        })
        .await;
        assert_eq!(router.shell().flying(), 0, "a request was lost");
        log
    })
}

fn paused<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("a runtime without sockets needs nothing").block_on(work)
}

/// What both async ways need.
struct Way {
    clock: Clock,
    service: Service,
    arrivals: Vec<Arrival>,
    asks: Asks,
}

impl Way {
    fn new(plan: &Plan) -> Way {
        let clock = Clock::stretched(NANOSECONDS_PER_MILLISECOND);
        let luck = Luck::new(plan.seed, 0);
        let arrivals: Result<Vec<Arrival>, _> = plan.traffic.arrivals(luck).collect();
        let arrivals = arrivals.expect("the traffic is made up");
        let asks: BTreeMap<u64, Ask> =
            arrivals.iter().map(|arrival| (arrival.number, ask(arrival))).collect();
        let engine = Engine::new(plan.world.clone(), plan.faults.clone(), luck);
        Way { clock, service: Service::new(clock, engine), arrivals, asks: Arc::new(asks) }
    }

    /// A router that tells the log, but for its client.
    fn builder(&self, plan: &Plan, strategy: usize, log: &Log) -> Builder {
        let targets = plan.targets.iter();
        let builder = targets
            .fold(Router::builder(), |builder, target| builder.target(&target.name, target.spec.clone()));
        let builder = builder.strategy(plan.strategies[strategy].spec.clone());
        builder.clock(self.clock).dice(dice(plan)).observer(log.clone())
    }

    /// Begins each request when it is due, and waits for all of them. Callers leave when their patience ends.
    async fn drive<F: Future<Output = ()> + Send + 'static>(&self, begin: impl Fn(&Arrival) -> F) {
        let mut tasks = Vec::new();
        for arrival in &self.arrivals {
            self.clock.sleep_until(arrival.at).await;
            let (clock, request) = (self.clock, begin(arrival));
            let leaves_at = arrival.patience.map(|patience| arrival.at + patience);
            tasks.push(tokio::spawn(async move {
                match leaves_at {
                    None => request.await,
                    Some(at) => tokio::select! {
                        biased;
                        () = request => {}
                        () = clock.sleep_until(at) => {}
                    },
                }
            }));
        }
        for task in tasks {
            task.await.expect("no request panics");
        }
    }

    fn in_process(&self, plan: &Plan) -> InProcess {
        let targets = plan.targets.iter().map(|target| target.spec.clone()).collect();
        InProcess::new(self.service.clone(), targets, Arc::clone(&self.asks))
    }

    fn sdk_config(&self, plan: &Plan) -> SdkConfig {
        let client = self.in_process(plan);
        let credentials = Credentials::new("key", "secret", None, None, "test");
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .http_client(client)
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .sleep_impl(Stretched(self.clock))
            .time_source(Stretched(self.clock))
            .build()
    }
}

/// The test's clock, as the SDK wants it.
#[derive(Debug, Clone)]
pub struct Stretched(pub Clock);

impl AsyncSleep for Stretched {
    fn sleep(&self, duration: Duration) -> Sleep {
        Sleep::new(tokio::time::sleep(self.0.stretch(duration)))
    }
}

impl TimeSource for Stretched {
    fn now(&self) -> std::time::SystemTime {
        // Some time in 2026; only signatures depend on it.
        std::time::UNIX_EPOCH + Duration::from_secs(1_780_000_000) + Duration::from_nanos(self.0.now())
    }
}

fn ask(arrival: &Arrival) -> Ask {
    Ask {
        number: arrival.number,
        tenant: arrival.tenant,
        input_tokens: arrival.input_tokens,
        output_tokens: arrival.output_tokens,
        max_tokens: arrival.max_tokens,
    }
}

/// The simulation's dice.
fn dice(plan: &Plan) -> Box<MakeDice> {
    let jitter = Luck::new(plan.seed, 0).stream(Stream::Strategy);
    Box::new(move |number, step| Box::new(jitter.dice(number, step, 0)))
}

/// As the simulation asks it.
fn request(plan: &Plan, arrival: &Arrival) -> Request {
    let class = &plan.traffic.classes[usize::from(arrival.class)];
    Request {
        number: arrival.number,
        api: class.api,
        class: arrival.class,
        tenant: arrival.tenant,
        priority: class.priority,
        input_tokens: arrival.input_tokens,
        max_tokens: arrival.max_tokens,
        prefix: None,
        needs: class.needs,
        intended: arrival.at,
    }
}

/// One request through the SDK; its number travels as its text.
async fn call(router: &Router, request: &Request) {
    let hints = hints(request);
    let content = ContentBlock::Text(request.number.to_string());
    let message = Message::builder().role(ConversationRole::User).content(content);
    let message = message.build().expect("role and content are set");
    let limit =
        request.max_tokens.map(|most| InferenceConfiguration::builder().max_tokens(most as i32).build());
    match request.api {
        Api::Converse => {
            let input = ConverseInput::builder().messages(message).set_inference_config(limit);
            // What came of it is in the log.
            drop(router.converse_with(input, &hints).await);
        }
        Api::ConverseStream => {
            let input = ConverseStreamInput::builder().messages(message).set_inference_config(limit);
            if let Ok(stream) = router.converse_stream_with(input, &hints).await {
                read(stream).await;
            }
        }
        Api::InvokeModel => {
            let input = InvokeModelInput::builder().body(body(request));
            drop(router.invoke_model_with(input, &hints).await);
        }
        Api::InvokeModelWithResponseStream => {
            let input = InvokeModelWithResponseStreamInput::builder().body(body(request));
            if let Ok(stream) = router.invoke_model_with_response_stream_with(input, &hints).await {
                read(stream).await;
            }
        }
    }
}

fn hints(request: &Request) -> Hints {
    Hints {
        number: Some(request.number),
        class: request.class,
        tenant: request.tenant,
        priority: request.priority,
        prefix: request.prefix,
        needs: request.needs,
        input_tokens: Some(request.input_tokens),
        intended: Some(request.intended),
    }
}

/// The same request as the lean client takes it.
fn lean_call(request: &Request) -> LeanCall {
    let body = match request.api {
        Api::InvokeModel | Api::InvokeModelWithResponseStream => body(request).into_inner(),
        Api::Converse | Api::ConverseStream => {
            let content = serde_json::json!([{ "text": request.number.to_string() }]);
            let mut body = serde_json::json!({ "messages": [{ "role": "user", "content": content }] });
            if let Some(most) = request.max_tokens {
                body["inferenceConfig"] = serde_json::json!({ "maxTokens": most });
            }
            body.to_string().into_bytes()
        }
    };
    LeanCall { api: request.api, body: body.into(), max_tokens: request.max_tokens, needs: Needs::NONE }
}

/// In the language of a model.
fn body(request: &Request) -> Blob {
    let message = serde_json::json!({ "role": "user", "content": request.number.to_string() });
    let mut body = serde_json::json!({ "anthropic_version": "bedrock-2023-05-31", "messages": [message] });
    if let Some(most) = request.max_tokens {
        body["max_tokens"] = most.into();
    }
    Blob::new(body.to_string())
}

/// To its end, good or bad.
async fn read<T: Transport>(mut stream: AnswerStream<T>) {
    while let Ok(Some(_)) = stream.recv().await {}
}
