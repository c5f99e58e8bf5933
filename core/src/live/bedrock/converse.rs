//! Converse and ConverseStream.

use std::{convert::Infallible, sync::Arc};

use aws_sdk_bedrockruntime::{
    operation::{
        converse::{ConverseOutput, builders::ConverseInputBuilder},
        converse_stream::builders::ConverseStreamInputBuilder,
    },
    primitives::event_stream::EventReceiver,
    types::{
        ContentBlock, ContentBlockDelta, ConversationRole, ConverseStreamOutput, InferenceConfiguration,
        Message, ReasoningContentBlockDelta, SystemContentBlock, TokenUsage,
        error::ConverseStreamOutputError,
    },
};

use super::{clients::Clients, refusal};
use crate::{
    live::transport::{Break, How, Meaning, Opening, Sending, Transport},
    request::Usage,
};

/// Bytes of text that make a token, for a guess.
pub(super) const BYTES_PER_TOKEN: usize = 4;

/// Carries attempts of Converse.
#[derive(Debug)]
pub struct Converse {
    clients: Arc<Clients>,
}

/// Carries attempts of ConverseStream.
#[derive(Debug)]
pub struct ConverseStream {
    clients: Arc<Clients>,
}

/// What the SDK gives a stream's events through.
type Events = EventReceiver<ConverseStreamOutput, ConverseStreamOutputError>;

impl Converse {
    pub(super) fn new(clients: &Arc<Clients>) -> Converse {
        Converse { clients: Arc::clone(clients) }
    }
}

impl ConverseStream {
    pub(super) fn new(clients: &Arc<Clients>) -> ConverseStream {
        ConverseStream { clients: Arc::clone(clients) }
    }
}

impl Transport for Converse {
    type Call = ConverseInputBuilder;
    type Answer = ConverseOutput;
    type Stream = Infallible;
    type Part = Infallible;

    async fn open(
        &self,
        sending: Sending,
        call: &ConverseInputBuilder,
    ) -> Result<Opening<ConverseOutput, Infallible>, Break> {
        let at = self.clients.at(sending.target, sending.connect);
        let limits = limited(call.get_inference_config(), sending.max_tokens);
        let input = call.clone().model_id(at.model).set_inference_config(limits);
        let answer = input.send_with(&at.client).await.map_err(refusal::of_call)?;
        let usage = answer.usage().map(usage).unwrap_or_default();
        Ok(Opening::Whole { answer, usage })
    }

    async fn next(&self, stream: &mut Infallible) -> Result<Option<Infallible>, Break> {
        match *stream {}
    }

    fn meaning(&self, part: &Infallible) -> Meaning {
        match *part {}
    }
}

impl Transport for ConverseStream {
    type Call = ConverseStreamInputBuilder;
    type Answer = Infallible;
    type Stream = Events;
    type Part = ConverseStreamOutput;

    async fn open(
        &self,
        sending: Sending,
        call: &ConverseStreamInputBuilder,
    ) -> Result<Opening<Infallible, Events>, Break> {
        let at = self.clients.at(sending.target, sending.connect);
        let limits = limited(call.get_inference_config(), sending.max_tokens);
        let mut input = call.clone().model_id(at.model).set_inference_config(limits);
        if let Some(said) = &sending.prefill {
            input = input.messages(beginning(said)?);
        }
        let output = input.send_with(&at.client).await.map_err(refusal::of_call)?;
        Ok(Opening::Stream(output.stream))
    }

    async fn next(&self, stream: &mut Events) -> Result<Option<ConverseStreamOutput>, Break> {
        stream.recv().await.map_err(|error| refusal::of_stream(error, refusal::refusal))
    }

    fn meaning(&self, part: &ConverseStreamOutput) -> Meaning {
        match part {
            ConverseStreamOutput::ContentBlockDelta(event) => {
                let tokens = event.delta().map_or(1, tokens_of);
                Meaning { content: true, tokens, ..Meaning::default() }
            }
            ConverseStreamOutput::MessageStart(_) | ConverseStreamOutput::ContentBlockStart(_) => {
                Meaning { opening: true, ..Meaning::default() }
            }
            ConverseStreamOutput::MessageStop(_) => Meaning { end_mark: true, ..Meaning::default() },
            ConverseStreamOutput::Metadata(metadata) => {
                Meaning { usage: metadata.usage().map(usage), ..Meaning::default() }
            }
            _ => Meaning::default(),
        }
    }

    /// Not if a guardrail looks at the whole of an answer.
    fn goes_on(&self, call: &ConverseStreamInputBuilder) -> bool {
        let last = call.get_messages().as_ref().and_then(|messages| messages.last());
        let asks = last.is_some_and(|message| *message.role() == ConversationRole::User);
        asks && call.get_guardrail_config().is_none()
    }

    fn text<'p>(&self, part: &'p ConverseStreamOutput) -> Option<&'p str> {
        match part {
            ConverseStreamOutput::ContentBlockDelta(event) => Some(event.delta()?.as_text().ok()?),
            _ => None,
        }
    }

    fn without(&self, part: ConverseStreamOutput, bytes: usize) -> ConverseStreamOutput {
        match part {
            ConverseStreamOutput::ContentBlockDelta(mut event) => {
                if let Some(ContentBlockDelta::Text(text)) = &mut event.delta {
                    text.drain(..bytes.min(text.len()));
                }
                ConverseStreamOutput::ContentBlockDelta(event)
            }
            other => other,
        }
    }
}

/// What the model is to go on from. No model takes a beginning that ends with white space.
fn beginning(said: &str) -> Result<Message, Break> {
    let content = ContentBlock::Text(said.trim_end().to_owned());
    let message = Message::builder().role(ConversationRole::Assistant).content(content).build();
    message.map_err(|error| Break { how: How::Truncated, source: Some(Box::new(error)) })
}

/// As many as its bytes make, and at least one.
fn tokens_of(delta: &ContentBlockDelta) -> u32 {
    let bytes = match delta {
        ContentBlockDelta::Text(text) => text.len(),
        ContentBlockDelta::ToolUse(tool) => tool.input().len(),
        ContentBlockDelta::ReasoningContent(ReasoningContentBlockDelta::Text(text)) => text.len(),
        _ => 0,
    };
    tokens_in(bytes)
}

/// Of content so long.
pub(in crate::live) fn tokens_in(bytes: usize) -> u32 {
    u32::try_from(bytes.div_ceil(BYTES_PER_TOKEN)).unwrap_or(u32::MAX).max(1)
}

fn usage(usage: &TokenUsage) -> Usage {
    let count = |tokens: i32| u32::try_from(tokens).unwrap_or(0);
    Usage {
        input: count(usage.input_tokens()),
        output: count(usage.output_tokens()),
        cache_read: usage.cache_read_input_tokens().map_or(0, count),
        cache_write: usage.cache_write_input_tokens().map_or(0, count),
    }
}

pub(super) fn max_tokens(config: &Option<InferenceConfiguration>) -> Option<u32> {
    config.as_ref()?.max_tokens().and_then(|most| u32::try_from(most).ok())
}

/// The caller's settings, with the router's limit on the answer's length if it has one.
fn limited(
    config: &Option<InferenceConfiguration>,
    max_tokens: Option<u32>,
) -> Option<InferenceConfiguration> {
    let Some(most) = max_tokens else {
        return config.clone();
    };
    let mut config = config.clone().unwrap_or_else(|| InferenceConfiguration::builder().build());
    config.max_tokens = Some(i32::try_from(most).unwrap_or(i32::MAX));
    Some(config)
}

/// A guess; only text counts.
pub(super) fn prompt_tokens(
    messages: &Option<Vec<Message>>,
    system: &Option<Vec<SystemContentBlock>>,
) -> u32 {
    let messages = messages.iter().flatten().flat_map(Message::content).map(|block| match block {
        ContentBlock::Text(text) => text.len(),
        _ => 0,
    });
    let system = system.iter().flatten().map(|block| match block {
        SystemContentBlock::Text(text) => text.len(),
        _ => 0,
    });
    let bytes: usize = messages.chain(system).sum();
    u32::try_from(bytes.div_ceil(BYTES_PER_TOKEN)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use aws_sdk_bedrockruntime::types::ConversationRole;

    use super::*;

    #[test]
    fn a_prompt_is_guessed_from_its_text_and_its_system_text() {
        let message = |text: &str| {
            let content = ContentBlock::Text(text.into());
            Message::builder().role(ConversationRole::User).content(content).build().unwrap()
        };
        let messages = Some(vec![message("12345678"), message("1")]);
        assert_eq!(prompt_tokens(&messages, &Some(vec![SystemContentBlock::Text("123".into())])), 3);
        assert_eq!(prompt_tokens(&None, &None), 0);
    }

    #[test]
    fn a_limit_on_the_answer_replaces_the_callers_and_leaves_the_rest() {
        let mine = Some(InferenceConfiguration::builder().max_tokens(900).temperature(0.5).build());
        let given = limited(&mine, Some(100)).unwrap();
        assert_eq!((given.max_tokens(), given.temperature()), (Some(100), Some(0.5)));
        assert_eq!(limited(&mine, None), mine);
        assert_eq!(limited(&None, Some(7)).unwrap().max_tokens(), Some(7));
        assert_eq!((max_tokens(&mine), max_tokens(&None)), (Some(900), None));
    }
}
