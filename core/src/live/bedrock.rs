//! The live router for Amazon Bedrock: what a service embeds.

mod accounts;
pub(super) mod body;
mod builder;
mod clients;
pub(super) mod converse;
mod invoke;
pub(super) mod loopback;
mod needs;
pub(super) mod refusal;

pub use accounts::of_profile;
pub use builder::Builder;
pub use loopback::{Trust, http_client};

use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use aws_sdk_bedrockruntime::operation::{
    converse::{ConverseOutput, builders::ConverseInputBuilder},
    converse_stream::builders::ConverseStreamInputBuilder,
    invoke_model::{InvokeModelOutput, builders::InvokeModelInputBuilder},
    invoke_model_with_response_stream::builders::InvokeModelWithResponseStreamInputBuilder,
};

pub(super) use self::clients::Clients;
use super::{AnswerStream, Answered, Carried, Clock, RouteError, Shell, Transport};
use crate::{
    Nanos,
    request::{Api, Needs, Priority, Request},
    target::TargetId,
};

/// The transports of the four operations.
pub mod operations {
    pub use super::{
        converse::{Converse, ConverseStream},
        invoke::{InvokeModel, InvokeModelWithResponseStream},
    };
}

/// An answer to ConverseStream that is coming; its parts are the SDK's own events.
pub type ConverseAnswer = AnswerStream<operations::ConverseStream>;

/// An answer to InvokeModelWithResponseStream that is coming; its parts are the SDK's own events.
pub type InvokeAnswer = AnswerStream<operations::InvokeModelWithResponseStream>;

/// Sends requests to Amazon Bedrock as one strategy decides, over any number of targets. Share it between tasks by
/// reference or in an `Arc`; each call is one request.
///
/// Calls take the SDK's own input builders. The router puts in the `modelId` of the target that it sends to; everything
/// else is sent as it is. Dropping a call's future, or a stream before its end, gives the request up.
///
/// ```no_run
/// use aws_sdk_bedrockruntime::{
///     operation::converse::ConverseInput,
///     types::{ContentBlock, ConversationRole, Message},
/// };
/// use richter_core::live::Router;
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let router = Router::builder()
///     .on_demand("east", "us-east-1", "anthropic.claude-3-haiku-20240307-v1:0")
///     .on_demand("west", "us-west-2", "anthropic.claude-3-haiku-20240307-v1:0")
///     .strategy(serde_json::from_str(r#"{ "ordered": { "targets": ["east", "west"] } }"#)?)
///     .build()
///     .await?;
/// let question = Message::builder()
///     .role(ConversationRole::User)
///     .content(ContentBlock::Text("What is a black hole?".into()))
///     .build()?;
/// let answered = router.converse(ConverseInput::builder().messages(question)).await?;
/// println!("{:?}\n{}", answered.output.output(), answered.trail);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Router {
    shell: Arc<Shell>,
    converse: Arc<operations::Converse>,
    converse_stream: Arc<operations::ConverseStream>,
    invoke_model: Arc<operations::InvokeModel>,
    invoke_model_stream: Arc<operations::InvokeModelWithResponseStream>,
    clients: Arc<Clients>,
    /// The strategy's.
    connect: Option<Duration>,
    /// Targets that the strategy may call.
    used: Vec<TargetId>,
    next: AtomicU64,
}

/// What a caller may tell the router of a request beside the call itself. What is left out is estimated, or takes the
/// obvious value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Hints {
    /// The request's number in events; by default they are counted.
    pub number: Option<u64>,
    /// The kind of traffic it belongs to. Core knows no kind by name; requests of one kind are taken to be alike.
    pub class: u16,
    /// On whose behalf it is made.
    pub tenant: u16,
    /// Whether it goes before others when there is not enough for all.
    pub priority: Priority,
    /// What its prompt begins with, if that may be in a cache; requests with one beginning share a number.
    pub prefix: Option<u64>,
    /// What it needs of a model beside what the call itself shows.
    pub needs: Needs,
    /// Tokens of the prompt. The default is a guess, one for every four bytes of text.
    pub input_tokens: Option<u32>,
    /// When it was due, on the router's clock; by default now.
    pub intended: Option<Nanos>,
}

/// What the router can see of a call by itself.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen {
    pub(super) api: Api,
    pub(super) needs: Needs,
    pub(super) input_tokens: u32,
    pub(super) max_tokens: Option<u32>,
}

impl Seen {
    /// The request, with what the caller knows of it. `number` is asked for if that is not told.
    pub(super) fn request(self, hints: &Hints, number: impl FnOnce() -> u64, clock: &Clock) -> Request {
        Request {
            number: hints.number.unwrap_or_else(number),
            api: self.api,
            class: hints.class,
            tenant: hints.tenant,
            priority: hints.priority,
            prefix: hints.prefix,
            needs: self.needs.and(hints.needs),
            input_tokens: hints.input_tokens.unwrap_or(self.input_tokens),
            max_tokens: self.max_tokens,
            intended: hints.intended.unwrap_or_else(|| clock.now()),
        }
    }
}

impl Router {
    /// Begins a router.
    pub fn builder() -> Builder {
        Builder::new()
    }

    fn new(shell: Arc<Shell>, clients: Clients, connect: Option<Duration>, used: Vec<TargetId>) -> Router {
        let clients = Arc::new(clients);
        Router {
            shell,
            converse: Arc::new(operations::Converse::new(&clients)),
            converse_stream: Arc::new(operations::ConverseStream::new(&clients)),
            invoke_model: Arc::new(operations::InvokeModel::new(&clients)),
            invoke_model_stream: Arc::new(operations::InvokeModelWithResponseStream::new(&clients)),
            clients,
            connect,
            used,
            next: AtomicU64::new(0),
        }
    }

    /// Makes every client that the strategy may need, finds its credentials and opens a connection, all at once, so that the
    /// first requests need not wait
    /// for it. What is sent for that is a signed `GET /`, which the service refuses and nobody counts; nothing is sent to an
    /// address that was given by hand. What fails here fails again with the first request, and is told then.
    pub async fn warm(&self) {
        self.clients.warm(&self.used, self.connect).await;
    }

    /// The machine and its clock.
    pub fn shell(&self) -> &Arc<Shell> {
        &self.shell
    }

    /// Converse.
    pub async fn converse(
        &self,
        input: ConverseInputBuilder,
    ) -> Result<Answered<ConverseOutput>, RouteError> {
        self.converse_with(input, &Hints::default()).await
    }

    /// Converse, with what the caller knows of the request.
    pub async fn converse_with(
        &self,
        input: ConverseInputBuilder,
        hints: &Hints,
    ) -> Result<Answered<ConverseOutput>, RouteError> {
        let seen = Seen {
            api: Api::Converse,
            needs: needs::of_converse(
                input.get_messages(),
                input.get_tool_config(),
                input.get_output_config(),
                input.get_additional_model_request_fields(),
            ),
            input_tokens: converse::prompt_tokens(input.get_messages(), input.get_system()),
            max_tokens: converse::max_tokens(input.get_inference_config()),
        };
        let model = input.get_model_id().clone();
        let request = self.request(seen, hints);
        whole(self.shell.carry(Arc::clone(&self.converse), input, request, model.as_deref()).await?)
    }

    /// ConverseStream. It returns when the first content is there; until then another target may still be tried.
    pub async fn converse_stream(
        &self,
        input: ConverseStreamInputBuilder,
    ) -> Result<ConverseAnswer, RouteError> {
        self.converse_stream_with(input, &Hints::default()).await
    }

    /// ConverseStream, with what the caller knows of the request.
    pub async fn converse_stream_with(
        &self,
        input: ConverseStreamInputBuilder,
        hints: &Hints,
    ) -> Result<ConverseAnswer, RouteError> {
        let seen = Seen {
            api: Api::ConverseStream,
            needs: needs::of_converse(
                input.get_messages(),
                input.get_tool_config(),
                input.get_output_config(),
                input.get_additional_model_request_fields(),
            ),
            input_tokens: converse::prompt_tokens(input.get_messages(), input.get_system()),
            max_tokens: converse::max_tokens(input.get_inference_config()),
        };
        let model = input.get_model_id().clone();
        let request = self.request(seen, hints);
        let transport = Arc::clone(&self.converse_stream);
        stream(self.shell.carry(transport, input, request, model.as_deref()).await?)
    }

    /// InvokeModel. The body is in the language of the model, so every target must speak the same.
    pub async fn invoke_model(
        &self,
        input: InvokeModelInputBuilder,
    ) -> Result<Answered<InvokeModelOutput>, RouteError> {
        self.invoke_model_with(input, &Hints::default()).await
    }

    /// InvokeModel, with what the caller knows of the request.
    pub async fn invoke_model_with(
        &self,
        input: InvokeModelInputBuilder,
        hints: &Hints,
    ) -> Result<Answered<InvokeModelOutput>, RouteError> {
        let body = input.get_body().as_ref().map(AsRef::as_ref).unwrap_or_default();
        let seen = invoke::seen(Api::InvokeModel, body);
        let model = input.get_model_id().clone();
        let request = self.request(seen, hints);
        whole(self.shell.carry(Arc::clone(&self.invoke_model), input, request, model.as_deref()).await?)
    }

    /// InvokeModelWithResponseStream. It returns when the first content is there. The body is in the language of the
    /// model, so every target must speak the same.
    pub async fn invoke_model_with_response_stream(
        &self,
        input: InvokeModelWithResponseStreamInputBuilder,
    ) -> Result<InvokeAnswer, RouteError> {
        self.invoke_model_with_response_stream_with(input, &Hints::default()).await
    }

    /// InvokeModelWithResponseStream, with what the caller knows of the request.
    pub async fn invoke_model_with_response_stream_with(
        &self,
        input: InvokeModelWithResponseStreamInputBuilder,
        hints: &Hints,
    ) -> Result<InvokeAnswer, RouteError> {
        let body = input.get_body().as_ref().map(AsRef::as_ref).unwrap_or_default();
        let seen = invoke::seen(Api::InvokeModelWithResponseStream, body);
        let model = input.get_model_id().clone();
        let request = self.request(seen, hints);
        let transport = Arc::clone(&self.invoke_model_stream);
        stream(self.shell.carry(transport, input, request, model.as_deref()).await?)
    }

    fn request(&self, seen: Seen, hints: &Hints) -> Request {
        seen.request(hints, || self.next.fetch_add(1, Ordering::Relaxed), self.shell.clock())
    }
}

fn whole<T: Transport<Stream = Infallible>>(carried: Carried<T>) -> Result<Answered<T::Answer>, RouteError> {
    match carried {
        Carried::Whole(answered) => Ok(answered),
        Carried::Stream(_) => unreachable!("a transport without streams never opens one"),
    }
}

fn stream<T: Transport<Answer = Infallible>>(carried: Carried<T>) -> Result<AnswerStream<T>, RouteError> {
    match carried {
        Carried::Stream(stream) => Ok(stream),
        Carried::Whole(answered) => match answered.output {},
    }
}
