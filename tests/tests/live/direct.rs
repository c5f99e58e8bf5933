//! A transport without any client: the router's attempts go straight to the engine.

use richter_core::{
    failure::Phase,
    live::{Break, How, Meaning, Opening, Refusal, Sending, Transport},
    request::{Api, Usage},
    target::TargetId,
};
use richter_mock_bedrock::{
    engine::{Call, Operation, Reported},
    exception::Exception,
    world::RouteId,
};

use super::service::{Body, BodyPart, Met, Service};

/// What one request asks of the engine, whatever the attempt.
#[derive(Debug, Clone, Copy)]
pub struct Ask {
    pub number: u64,
    pub tenant: u16,
    pub input_tokens: u32,
    pub output_tokens: u32,
    pub max_tokens: Option<u32>,
}

/// Goes to the engine directly.
#[derive(Debug)]
pub struct Direct(pub Service);

pub fn operation(api: Api) -> Operation {
    match api {
        Api::Converse => Operation::Converse,
        Api::ConverseStream => Operation::ConverseStream,
        Api::InvokeModel => Operation::InvokeModel,
        Api::InvokeModelWithResponseStream => Operation::InvokeModelWithResponseStream,
    }
}

/// The text of a token, wherever one is needed: by its length the tokens of a text are counted.
pub const WORD: &str = "word";

impl Ask {
    /// The same for whoever goes on with so much text.
    pub fn after(self, said: Option<&str>) -> Ask {
        let said = said.map_or(0, |text| (text.len() / WORD.len()) as u32);
        if said == 0 {
            return self;
        }
        let left = |tokens: u32| tokens.saturating_sub(said).max(1);
        let max_tokens = self.max_tokens.map(left);
        Ask {
            input_tokens: self.input_tokens + said,
            output_tokens: left(self.output_tokens),
            max_tokens,
            ..self
        }
    }

    /// The n-th attempt at it, to this target.
    pub fn call(&self, operation: Operation, target: TargetId, attempt: u32) -> Call {
        Call {
            route: RouteId(target.0),
            operation,
            request: self.number,
            attempt,
            input_tokens: self.input_tokens,
            cache_read: 0,
            cache_write: 0,
            max_tokens: self.max_tokens,
            output_tokens: self.output_tokens,
            tenant: self.tenant,
            // No traffic of these tests shares the beginning of its prompts.
            prefix: None,
            connect_within: None,
        }
    }
}

impl Transport for Direct {
    type Call = Ask;
    type Answer = Usage;
    type Stream = Body;
    type Part = BodyPart;

    async fn open(&self, sending: Sending, ask: &Ask) -> Result<Opening<Usage, Body>, Break> {
        let ask = ask.after(sending.prefill.as_deref());
        let ask = Ask { max_tokens: sending.max_tokens.or(ask.max_tokens), ..ask };
        let call = ask.call(operation(sending.request.api), sending.target, sending.attempt.number);
        let connect_within = sending.connect.map(|limit| limit.as_nanos() as u64);
        let how = match self.0.call(&Call { connect_within, ..call }, sending.connect).await {
            Met::Whole(usage) => {
                return Ok(Opening::Whole { answer: of(usage), usage: of(usage) });
            }
            Met::Stream(body) => return Ok(Opening::Stream(body)),
            Met::Refused => How::Transport(Phase::Connect),
            Met::NotConnected => How::NotConnected,
            Met::Error(exception) => {
                let status = Some(exception.kind.status());
                How::Refused(Refusal { status, ..refusal(exception) })
            }
            Met::Reset => How::Transport(Phase::Await),
            Met::Cut => How::Truncated,
        };
        Err(Break { how, source: None })
    }

    async fn next(&self, body: &mut Body) -> Result<Option<BodyPart>, Break> {
        let how = match body.next().await {
            BodyPart::End => return Ok(None),
            BodyPart::Exception(exception) => How::Refused(refusal(exception)),
            BodyPart::Reset => How::Transport(Phase::Body),
            part => return Ok(Some(part)),
        };
        Err(Break { how, source: None })
    }

    fn meaning(&self, part: &BodyPart) -> Meaning {
        match part {
            BodyPart::Content(tokens) => Meaning { content: true, tokens: *tokens, ..Meaning::default() },
            BodyPart::Stop => Meaning { end_mark: true, ..Meaning::default() },
            BodyPart::Usage(usage) => Meaning { usage: Some(of(*usage)), ..Meaning::default() },
            _ => Meaning::default(),
        }
    }

    fn goes_on(&self, _: &Ask) -> bool {
        true
    }

    fn text<'p>(&self, part: &'p BodyPart) -> Option<&'p str> {
        matches!(part, BodyPart::Content(1)).then_some(WORD)
    }
}

fn of(usage: Reported) -> Usage {
    Usage {
        input: usage.input,
        output: usage.output,
        cache_read: usage.cache_read,
        cache_write: usage.cache_write,
    }
}

fn refusal(exception: Exception) -> Refusal {
    Refusal {
        name: Some(exception.kind.name().to_owned()),
        message: exception.message.into_owned(),
        status: None,
        retry_after_ms: exception.retry_after_ms,
        original_status: exception.original_status,
    }
}
