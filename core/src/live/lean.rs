//! A client of our own for Amazon Bedrock, which does what a request needs and nothing else: it signs, sends, and reads of the
//! answer what the router must know. It costs about three fifths of the SDK's time, so that the machine that asks is not the one
//! that is measured.
//!
//! It decides nothing and must never differ from the SDK in what it tells the router: where a call goes and how it is
//! authorised it learns from the SDK (`place`), frames of streams are read by the SDK's own reader (`event`), TLS and proxies are
//! the SDK's. Its own are the signature's text (`sign`), the words of answers (`answer`), and connections to an address of
//! this machine (`link`).
//!
//! It does not correct a clock that is wrong, sends no metrics of use, keeps the bearer key that it found first, and has no
//! retries, which are the strategy's.

mod answer;
mod call;
mod event;
mod keys;
mod link;
mod place;
mod router;
mod sign;

pub use self::{
    call::LeanCall,
    event::{Exception, LeanPart},
    link::{NotConnected, connector},
    router::LeanRouter,
};

use std::sync::Arc;

use aws_smithy_http::event_stream::Receiver;
use aws_smithy_runtime_api::client::{
    connection::CaptureSmithyConnection,
    http::{HttpConnector, SharedHttpConnector},
    orchestrator::{HttpRequest, HttpResponse},
};
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use http::{HeaderValue, Method, Request, header};

use self::{
    place::{Place, Places},
    sign::{Signature, ToSign},
};
use super::{
    bedrock::{Clients, refusal},
    transport::{Break, Meaning, Opening, Sending, Transport},
};
use crate::{request::Api, target::TargetId};

/// What a service's logs call this client.
const AGENT: &str = concat!("richter-lean/", env!("CARGO_PKG_VERSION"));
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// Carries attempts of all four operations.
#[derive(Debug)]
pub struct Lean {
    places: Places,
    connector: SharedHttpConnector,
}

/// A whole answer, as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeanAnswer {
    body: Bytes,
}

impl LeanAnswer {
    /// The body, in the language of the operation.
    pub fn body(&self) -> &[u8] {
        &self.body
    }
}

impl Lean {
    fn new(clients: &Arc<Clients>, connector: SharedHttpConnector) -> Lean {
        Lean { places: Places::new(clients), connector }
    }

    async fn send(&self, place: &Place, operation: &str, body: Bytes) -> Result<HttpResponse, Break> {
        let request = self.request(place, Method::POST, &place.to(operation), body).await?;
        self.connector.call(request).await.map_err(refusal::of_connector)
    }

    async fn request(
        &self,
        place: &Place,
        method: Method,
        path: &place::Path,
        body: Bytes,
    ) -> Result<HttpRequest, Break> {
        let to_sign =
            ToSign { method: method.as_str(), host: &place.host, path: &path.canonical, body: &body };
        let signature = place.sign(&to_sign).await?;
        let mut request = Request::builder().method(method).uri(format!("{}{}", place.base, path.written));
        request = request.header(header::CONTENT_TYPE, JSON).header(header::USER_AGENT, AGENT);
        let Signature { authorization, date, token } = signature;
        if let Some(authorization) = authorization {
            request = request.header(header::AUTHORIZATION, authorization);
        }
        if let Some(date) = date {
            request = request.header(sign::DATE, date);
        }
        if let Some(token) = token {
            request = request.header(sign::TOKEN, token);
        }
        let request = request.body(SdkBody::from(body)).map_err(|error| refusal::not_sent(error.into()))?;
        let mut request = HttpRequest::try_from(request).map_err(|error| refusal::not_sent(error.into()))?;
        request.add_extension(CaptureSmithyConnection::new());
        Ok(request)
    }

    /// Learns the way to the target. What fails here fails again with the first request.
    async fn learn(&self, target: TargetId) {
        let _ = self.places.at(target).await;
    }

    /// Finds credentials and opens a connection.
    async fn knock(&self, target: TargetId) {
        let Ok(place) = self.places.at(target).await else { return };
        let root = place::Path::root();
        if let Ok(request) = self.request(place, Method::GET, &root, Bytes::new()).await {
            // The answer is a refusal; what counts is that it came.
            drop(self.connector.call(request).await);
        }
    }
}

impl Transport for Lean {
    type Call = LeanCall;
    type Answer = LeanAnswer;
    type Stream = Receiver<LeanPart, Exception>;
    type Part = LeanPart;

    async fn open(
        &self,
        sending: Sending,
        call: &LeanCall,
    ) -> Result<Opening<LeanAnswer, Receiver<LeanPart, Exception>>, Break> {
        let place = self.places.at(sending.target).await?;
        let body = call.body_for(sending.max_tokens, sending.prefill.as_deref());
        let response = self.send(place, call.operation(), body).await?;
        if !response.status().is_success() {
            return Err(answer::refused(response).await);
        }
        match call.api {
            Api::Converse | Api::InvokeModel => answer::whole(call.api, response).await,
            Api::ConverseStream | Api::InvokeModelWithResponseStream => {
                Ok(Opening::Stream(Receiver::new(event::Reader(call.api), response.into_body())))
            }
        }
    }

    async fn next(&self, stream: &mut Receiver<LeanPart, Exception>) -> Result<Option<LeanPart>, Break> {
        stream.recv().await.map_err(|error| refusal::of_stream(error, Exception::refusal))
    }

    fn meaning(&self, part: &LeanPart) -> Meaning {
        part.meaning
    }

    fn goes_on(&self, call: &LeanCall) -> bool {
        call.goes_on()
    }

    fn text<'p>(&self, part: &'p LeanPart) -> Option<&'p str> {
        part.text()
    }

    fn without(&self, part: LeanPart, bytes: usize) -> LeanPart {
        part.without(bytes)
    }
}
