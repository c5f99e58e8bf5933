//! An HTTP client for the AWS SDK that has no socket: requests go to the mock's engine in this process, and answers
//! come back as Bedrock writes them.
//!
//! What it must mind: the SDK watches whether a request's body is read, so it is read to its end; an answer's body is
//! polled once more after its end, so it stays ended; nothing here reads a clock but the test's.

use std::{
    collections::BTreeMap,
    fmt, io,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll},
    time::Duration,
};

use aws_smithy_runtime_api::client::{
    http::{HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector},
    orchestrator::{HttpRequest, HttpResponse},
    result::ConnectorError,
    runtime_components::RuntimeComponents,
};
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use http_body_util::BodyExt;
use richter_core::target::{TargetId, TargetSpec};
use richter_mock_bedrock::{
    engine::{Call, Operation},
    exception::Exception,
};
use serde_json::Value;

use super::{
    direct::Ask,
    service::{Body, BodyPart, Met, Service},
    wire::{self, Language},
};

/// What the wire does not tell, by request number.
pub type Asks = Arc<BTreeMap<u64, Ask>>;

/// The engine, as the SDK calls it.
#[derive(Clone)]
pub struct InProcess {
    service: Service,
    targets: Arc<Vec<TargetSpec>>,
    asks: Asks,
    /// Attempts so far, by request number.
    attempts: Arc<Mutex<BTreeMap<u64, u32>>>,
}

/// One connector for each limit on connecting.
#[derive(Debug)]
struct Connector {
    client: InProcess,
    connect: Option<Duration>,
}

impl InProcess {
    pub fn new(service: Service, targets: Vec<TargetSpec>, asks: Asks) -> InProcess {
        InProcess { service, targets: Arc::new(targets), asks, attempts: Arc::default() }
    }

    /// For one limit on connecting.
    pub fn connector(&self, connect: Option<Duration>) -> SharedHttpConnector {
        SharedHttpConnector::new(Connector { client: self.clone(), connect })
    }

    async fn serve(
        self,
        request: HttpRequest,
        connect: Option<Duration>,
    ) -> Result<HttpResponse, ConnectorError> {
        let url = request.uri().to_owned();
        let body = request.into_body().collect().await.expect("the body is in memory").to_bytes();
        let call = self.read(&url, &body, connect);
        let language = Language::of(call.operation);
        let unreachable = |kind| io::Error::new(kind, "in process");
        match self.service.call(&call, connect).await {
            Met::Whole(usage) => Ok(reply(200, None, language.answer(usage).to_string().into())),
            Met::Cut => {
                let whole = language.answer(Default::default()).to_string();
                Ok(reply(200, None, whole[..whole.len() / 2].into()))
            }
            Met::Error(exception) => Ok(error(&exception)),
            Met::Stream(body) => Ok(reply(200, None, SdkBody::from_body_1_x(Streamed::new(body, language)))),
            Met::Refused => {
                let refused = unreachable(io::ErrorKind::ConnectionRefused);
                Err(ConnectorError::io(refused.into()).never_connected())
            }
            Met::NotConnected => {
                Err(ConnectorError::timeout(unreachable(io::ErrorKind::TimedOut).into()).never_connected())
            }
            Met::Reset => Err(ConnectorError::io(unreachable(io::ErrorKind::ConnectionReset).into())),
        }
    }

    /// The request as the engine takes it: Region and model from the address, its number from its text.
    fn read(&self, url: &str, body: &[u8], connect: Option<Duration>) -> Call {
        let url: http::Uri = url.parse().expect("the SDK makes sound addresses");
        let host = url.host().expect("the SDK's addresses have a host");
        let region = host.split('.').nth(1).expect("bedrock-runtime.REGION.amazonaws.com");
        let path: Vec<&str> = url.path().split('/').collect();
        let ["", "model", model, operation] = path[..] else {
            panic!("{url} is no call of the inference operations");
        };
        let model = percent_decoded(model);
        let target = self.targets.iter().position(|t| t.region() == region && t.model_id() == model);
        let target = target.unwrap_or_else(|| panic!("{url} leads to none of the targets"));
        let body: Value = serde_json::from_slice(body).expect("the SDK sends JSON");
        let operation = match operation {
            "converse" => Operation::Converse,
            "converse-stream" => Operation::ConverseStream,
            "invoke" => Operation::InvokeModel,
            "invoke-with-response-stream" => Operation::InvokeModelWithResponseStream,
            other => panic!("{other} is not in this test"),
        };
        let said = Language::of(operation).read(&body);
        let ask = self.asks[&said.number].after(said.prefill.as_deref());
        let ask = Ask { max_tokens: said.max_tokens, ..ask };
        let call = ask.call(operation, TargetId(target as u16), self.attempt(ask.number));
        Call { connect_within: connect.map(|limit| limit.as_nanos() as u64), ..call }
    }

    fn attempt(&self, number: u64) -> u32 {
        let mut attempts = self.attempts.lock().expect("nobody panics while counting");
        let next = attempts.entry(number).or_default();
        std::mem::replace(next, *next + 1)
    }
}

fn percent_decoded(text: &str) -> String {
    text.replace("%3A", ":").replace("%2F", "/")
}

fn reply(status: u16, error: Option<&Exception>, body: SdkBody) -> HttpResponse {
    let mut reply = http::Response::builder().status(status).header("content-type", "application/json");
    if let Some(exception) = error {
        reply = reply.header("x-amzn-errortype", exception.kind.name());
        if let Some(ms) = exception.retry_after_ms {
            reply = reply.header("x-amz-retry-after", ms.to_string());
        }
    }
    let reply = reply.body(body).expect("status and headers are sound");
    HttpResponse::try_from(reply).expect("headers are text")
}

fn error(exception: &Exception) -> HttpResponse {
    let body = wire::error_body(exception).to_string();
    reply(exception.kind.status(), Some(exception), body.into())
}

/// A stream's body. It owns the wait for its next event, so that being polled is enough.
struct Streamed {
    language: Language,
    next: Option<Wait>,
}

type Wait = Pin<Box<dyn Future<Output = (Body, BodyPart)> + Send + Sync>>;

impl Streamed {
    fn new(body: Body, language: Language) -> Streamed {
        Streamed { language, next: Some(Streamed::wait(body)) }
    }

    fn wait(mut body: Body) -> Wait {
        Box::pin(async move {
            let part = body.next().await;
            (body, part)
        })
    }
}

impl http_body::Body for Streamed {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, io::Error>>> {
        let Some(next) = &mut self.next else {
            return Poll::Ready(None);
        };
        let (body, part) = std::task::ready!(next.as_mut().poll(context));
        self.next = None;
        let bytes = match part {
            BodyPart::End => return Poll::Ready(None),
            BodyPart::Reset => {
                return Poll::Ready(Some(Err(io::Error::from(io::ErrorKind::ConnectionReset))));
            }
            BodyPart::Exception(exception) => wire::exception(&exception),
            part => self.language.event(&part),
        };
        self.next = Some(Streamed::wait(body));
        Poll::Ready(Some(Ok(http_body::Frame::data(bytes))))
    }
}

impl HttpClient for InProcess {
    fn http_connector(&self, settings: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        self.connector(settings.connect_timeout())
    }
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        HttpConnectorFuture::new(self.client.clone().serve(request, self.connect))
    }
}

impl fmt::Debug for InProcess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InProcess")
    }
}
