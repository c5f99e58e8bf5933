//! Where calls leave the program: an HTTP client around that of the SDK or of the lean client, one for each lane. It writes onto calls for a
//! mock what they need to meet the same luck as in the simulation, and strikes calls with faults of our own. A call's
//! task carries what is to be written. How long calls wait for a connection is measured in `links`.

pub mod inject;
pub mod links;

use std::{cell::Cell, io, sync::Arc};

use aws_smithy_runtime_api::{
    box_error::BoxError,
    client::{
        connection::CaptureSmithyConnection,
        http::{
            HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
            SharedHttpConnector,
        },
        orchestrator::{HttpRequest, HttpResponse},
        result::ConnectorError,
        runtime_components::{RuntimeComponents, RuntimeComponentsBuilder},
    },
};
use aws_smithy_types::{body::SdkBody, config_bag::ConfigBag};
use richter_mock_bedrock::luck::Stream;

use self::inject::Kind;
use super::crew::Crew;
use crate::{
    load::Arrival,
    observe::join::folded,
    record::tape::{Tape, Told},
};

tokio::task_local! {
    static ON_THE_WIRE: OnTheWire;
}

/// What the calls of one request carry.
#[derive(Debug)]
pub struct OnTheWire {
    crew: Arc<Crew>,
    arrival: Arrival,
    /// The number of the next attempt.
    attempt: Cell<u32>,
}

impl OnTheWire {
    pub fn new(crew: &Arc<Crew>, arrival: &Arrival) -> OnTheWire {
        OnTheWire { crew: Arc::clone(crew), arrival: *arrival, attempt: Cell::new(0) }
    }

    fn next_attempt(&self) -> u32 {
        self.attempt.replace(self.attempt.get() + 1)
    }
}

/// Runs one request; calls that it makes carry this.
pub async fn carrying<T>(on_the_wire: OnTheWire, request: impl Future<Output = T>) -> T {
    ON_THE_WIRE.scope(on_the_wire, request).await
}

/// An HTTP client for one lane.
pub fn client(inner: SharedHttpClient) -> SharedHttpClient {
    SharedHttpClient::new(Wire(inner))
}

/// The same around a connector.
pub fn connector(inner: SharedHttpConnector) -> SharedHttpConnector {
    SharedHttpConnector::new(Wire(inner))
}

#[derive(Debug)]
struct Wire<C>(C);

impl HttpClient for Wire<SharedHttpClient> {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        connector(self.0.http_connector(settings, components))
    }

    fn validate_base_client_config(
        &self,
        components: &RuntimeComponentsBuilder,
        config: &ConfigBag,
    ) -> Result<(), BoxError> {
        self.0.validate_base_client_config(components, config)
    }
}

impl HttpConnector for Wire<SharedHttpConnector> {
    fn call(&self, mut request: HttpRequest) -> HttpConnectorFuture {
        // Calls that belong to no request, such as those for credentials, carry nothing.
        let ready = ON_THE_WIRE.try_with(|on_the_wire| prepare(on_the_wire, &mut request)).ok();
        let Ready { struck, naming, watched } = ready.unwrap_or_default();
        match struck {
            None => send(&self.0, request, watched, naming),
            Some(Kind::Throttle) => HttpConnectorFuture::ready(Ok(throttle())),
            Some(Kind::Reset) => {
                let broken = io::Error::from(io::ErrorKind::ConnectionReset);
                HttpConnectorFuture::ready(Err(ConnectorError::io(broken.into())))
            }
            Some(Kind::Delay(length)) => {
                let inner = self.0.clone();
                HttpConnectorFuture::new(async move {
                    tokio::time::sleep(length).await;
                    send(&inner, request, watched, naming).await
                })
            }
        }
    }
}

fn send(
    inner: &SharedHttpConnector,
    request: HttpRequest,
    watched: Option<Arc<Crew>>,
    naming: Option<Naming>,
) -> HttpConnectorFuture {
    let capture = request.extension::<CaptureSmithyConnection>().cloned();
    let mut call = inner.call(request);
    if let (Some(crew), Some(capture)) = (watched, capture) {
        call = links::watch(&crew, capture, call);
    }
    match naming {
        None => call,
        Some(naming) => naming.listen(call),
    }
}

/// As the service would have sent it.
fn throttle() -> HttpResponse {
    const BODY: &str = r#"{"message":"Too many requests, please wait before trying again."}"#;
    let status = 429_u16.try_into().expect("429 is a status");
    let mut response = HttpResponse::new(status, SdkBody::from(BODY));
    response.headers_mut().insert("x-amzn-errortype", "ThrottlingException");
    response.headers_mut().insert("content-type", "application/json");
    response
}

/// What becomes of a call.
#[derive(Debug, Default)]
struct Ready {
    struck: Option<Kind>,
    naming: Option<Naming>,
    /// Where the wait for its connection counts.
    watched: Option<Arc<Crew>>,
}

/// Tells the tape what the service calls an attempt.
#[derive(Debug)]
struct Naming {
    tape: Arc<Tape>,
    request: u64,
    attempt: u32,
}

/// The header that names a call in the service's log. The SDK's own accessor looks into parsed answers only.
const REQUEST_ID: &str = "x-amzn-requestid";

impl Naming {
    fn listen(self, call: HttpConnectorFuture) -> HttpConnectorFuture {
        HttpConnectorFuture::new(async move {
            let response = call.await?;
            if let Some(id) = response.headers().get(REQUEST_ID) {
                let Naming { tape, request, attempt } = self;
                let id = folded(id);
                tape.tell(Told::Named { request, attempt, id: [(id >> 64) as u64, id as u64] });
            }
            Ok(response)
        })
    }
}

/// Writes what a mock reads, and says what strikes the call and whether its name is wanted.
fn prepare(on_the_wire: &OnTheWire, request: &mut HttpRequest) -> Ready {
    let attempt = on_the_wire.next_attempt();
    let OnTheWire { crew, arrival, .. } = on_the_wire;
    if crew.keyed {
        write_keys(crew, arrival, attempt, request);
    }
    let naming =
        crew.named.then(|| Naming { tape: Arc::clone(&crew.tape), request: arrival.number, attempt });
    let watched = Some(Arc::clone(crew));
    if crew.injections.is_empty() {
        return Ready { struck: None, naming, watched };
    }
    let draws = crew.luck.stream(Stream::Clients);
    let region = inject::signed_region(request.headers().get("authorization"));
    let struck = inject::struck(&crew.injections, draws, (arrival.number, attempt), region);
    Ready { struck, naming, watched }
}

/// The headers are not signed, since they come after the signature; a mock reads them all the same.
fn write_keys(crew: &Crew, arrival: &Arrival, attempt: u32, request: &mut HttpRequest) {
    let headers = request.headers_mut();
    headers.insert("x-richter-request", arrival.number.to_string());
    headers.insert("x-richter-attempt", attempt.to_string());
    headers.insert("x-richter-input-tokens", arrival.input_tokens.to_string());
    headers.insert("x-richter-output-tokens", arrival.output_tokens.to_string());
    let class = &crew.traffic.classes[usize::from(arrival.class)].name;
    let tenant = &crew.traffic.tenants[usize::from(arrival.tenant)];
    for (name, value) in [("x-richter-class", class), ("x-richter-tenant", tenant)] {
        // A name that no header can hold is not sent; the mock then goes by the operation.
        if value.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ') {
            headers.insert(name, value.clone());
        }
    }
}
