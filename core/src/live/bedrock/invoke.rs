//! InvokeModel and InvokeModelWithResponseStream. What their bodies mean depends on the model; see `body`.

use std::{convert::Infallible, sync::Arc};

use aws_sdk_bedrockruntime::{
    operation::{
        invoke_model::{InvokeModelOutput, builders::InvokeModelInputBuilder},
        invoke_model_with_response_stream::builders::InvokeModelWithResponseStreamInputBuilder,
    },
    primitives::{Blob, event_stream::EventReceiver},
    types::{ResponseStream, error::ResponseStreamError},
};

use super::{Seen, body, clients::Clients, converse::BYTES_PER_TOKEN, needs, refusal};
use crate::{
    live::transport::{Break, How, Meaning, Opening, Sending, Transport},
    request::{Api, Usage},
};

/// Carries attempts of InvokeModel.
#[derive(Debug)]
pub struct InvokeModel {
    clients: Arc<Clients>,
}

/// Carries attempts of InvokeModelWithResponseStream.
#[derive(Debug)]
pub struct InvokeModelWithResponseStream {
    clients: Arc<Clients>,
}

/// What the SDK gives a stream's events through.
type Events = EventReceiver<ResponseStream, ResponseStreamError>;

impl InvokeModel {
    pub(super) fn new(clients: &Arc<Clients>) -> InvokeModel {
        InvokeModel { clients: Arc::clone(clients) }
    }
}

impl InvokeModelWithResponseStream {
    pub(super) fn new(clients: &Arc<Clients>) -> InvokeModelWithResponseStream {
        InvokeModelWithResponseStream { clients: Arc::clone(clients) }
    }
}

impl Transport for InvokeModel {
    type Call = InvokeModelInputBuilder;
    type Answer = InvokeModelOutput;
    type Stream = Infallible;
    type Part = Infallible;

    async fn open(
        &self,
        sending: Sending,
        call: &InvokeModelInputBuilder,
    ) -> Result<Opening<InvokeModelOutput, Infallible>, Break> {
        let at = self.clients.at(sending.target, sending.connect);
        let body = limited(call.get_body(), sending.max_tokens);
        let input = call.clone().model_id(at.model).set_body(body);
        let answer = input.send_with(&at.client).await.map_err(refusal::of_call)?;
        // Nothing else tells that a part of it is missing: to the SDK the body is any bytes.
        let is_json = answer.content_type().starts_with("application/json");
        match body::usage(answer.body().as_ref()) {
            Some(usage) => Ok(Opening::Whole { answer, usage }),
            None if is_json => Err(Break { how: How::Truncated, source: None }),
            None => Ok(Opening::Whole { answer, usage: Usage::default() }),
        }
    }

    async fn next(&self, stream: &mut Infallible) -> Result<Option<Infallible>, Break> {
        match *stream {}
    }

    fn meaning(&self, part: &Infallible) -> Meaning {
        match *part {}
    }
}

impl Transport for InvokeModelWithResponseStream {
    type Call = InvokeModelWithResponseStreamInputBuilder;
    type Answer = Infallible;
    type Stream = Events;
    type Part = ResponseStream;

    async fn open(
        &self,
        sending: Sending,
        call: &InvokeModelWithResponseStreamInputBuilder,
    ) -> Result<Opening<Infallible, Events>, Break> {
        let at = self.clients.at(sending.target, sending.connect);
        let body = limited(call.get_body(), sending.max_tokens);
        let input = call.clone().model_id(at.model).set_body(body);
        let output = input.send_with(&at.client).await.map_err(refusal::of_call)?;
        Ok(Opening::Stream(output.body))
    }

    async fn next(&self, stream: &mut Events) -> Result<Option<ResponseStream>, Break> {
        stream.recv().await.map_err(|error| refusal::of_stream(error, refusal::refusal))
    }

    fn meaning(&self, part: &ResponseStream) -> Meaning {
        match part {
            ResponseStream::Chunk(chunk) => {
                body::meaning(chunk.bytes().map(AsRef::as_ref).unwrap_or_default())
            }
            _ => Meaning::default(),
        }
    }
}

/// What the router can see of a body.
pub(super) fn seen(api: Api, body: &[u8]) -> Seen {
    let input_tokens = u32::try_from(body.len().div_ceil(BYTES_PER_TOKEN)).unwrap_or(u32::MAX);
    Seen { api, needs: needs::of_body(body), input_tokens, max_tokens: body::max_tokens(body) }
}

fn limited(body: &Option<Blob>, max_tokens: Option<u32>) -> Option<Blob> {
    let written = max_tokens.zip(body.as_ref()).and_then(|(most, body)| body::limited(body.as_ref(), most));
    written.map(Blob::new).or_else(|| body.clone())
}
