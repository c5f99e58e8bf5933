//! From an arrival to the call that a caller would make: text of the length that was asked for, in the language of the
//! operation and of the model. No two prompts are alike beyond what the scenario lets them share, so that no cache
//! answers in the model's place.

mod body;
mod prompts;

use aws_sdk_bedrockruntime::{
    operation::{
        converse::{ConverseInput, builders::ConverseInputBuilder},
        converse_stream::{ConverseStreamInput, builders::ConverseStreamInputBuilder},
        invoke_model::{InvokeModelInput, builders::InvokeModelInputBuilder},
        invoke_model_with_response_stream::{
            InvokeModelWithResponseStreamInput, builders::InvokeModelWithResponseStreamInputBuilder,
        },
    },
    primitives::Blob,
    types::{
        CachePointBlock, CachePointType, ContentBlock, ConversationRole, InferenceConfiguration, Message,
    },
};

use richter_core::{
    live::LeanCall,
    request::{Api, Needs},
};

use self::prompts::Said;
pub use self::{
    body::{Language, NoLanguage},
    prompts::{PromptError, Prompts},
};
use crate::load::Arrival;

/// Makes the calls of one cell.
#[derive(Debug, Clone)]
pub struct Asker {
    prompts: Prompts,
    /// Of the bodies of InvokeModel.
    language: Language,
}

impl Asker {
    pub fn new(prompts: Prompts, language: Language) -> Asker {
        Asker { prompts, language }
    }

    pub fn converse(&self, arrival: &Arrival) -> ConverseInputBuilder {
        let input = ConverseInput::builder().messages(self.message(arrival));
        input.set_inference_config(limit(arrival))
    }

    pub fn converse_stream(&self, arrival: &Arrival) -> ConverseStreamInputBuilder {
        let input = ConverseStreamInput::builder().messages(self.message(arrival));
        input.set_inference_config(limit(arrival))
    }

    pub fn invoke(&self, arrival: &Arrival) -> InvokeModelInputBuilder {
        let input = InvokeModelInput::builder().body(self.body(arrival));
        input.content_type("application/json").accept("application/json")
    }

    pub fn invoke_stream(&self, arrival: &Arrival) -> InvokeModelWithResponseStreamInputBuilder {
        let input = InvokeModelWithResponseStreamInput::builder().body(self.body(arrival));
        input.content_type("application/json").accept("application/json")
    }

    /// The same call as the lean client takes it.
    pub fn lean(&self, api: Api, arrival: &Arrival) -> LeanCall {
        let (body, max_tokens) = match api {
            Api::InvokeModel | Api::InvokeModelWithResponseStream => {
                (self.body_text(arrival), self.language.limit(arrival.max_tokens))
            }
            Api::Converse | Api::ConverseStream => {
                (body::converse(&self.prompts.say(arrival), arrival.max_tokens), arrival.max_tokens)
            }
        };
        LeanCall { api, body: body.into(), max_tokens, needs: Needs::NONE }
    }

    fn message(&self, arrival: &Arrival) -> Message {
        let Said { shared, own } = self.prompts.say(arrival);
        let mut message = Message::builder().role(ConversationRole::User);
        if let Some(shared) = shared {
            let point = CachePointBlock::builder().r#type(CachePointType::Default).build();
            message = message.content(ContentBlock::Text(shared));
            message = message.content(ContentBlock::CachePoint(point.expect("it has a type")));
        }
        message.content(ContentBlock::Text(own)).build().expect("it has a role and content")
    }

    fn body(&self, arrival: &Arrival) -> Blob {
        Blob::new(self.body_text(arrival))
    }

    fn body_text(&self, arrival: &Arrival) -> Vec<u8> {
        let Said { shared, own } = self.prompts.say(arrival);
        self.language.body(shared.as_deref(), &own, arrival.max_tokens)
    }
}

fn limit(arrival: &Arrival) -> Option<InferenceConfiguration> {
    let most = i32::try_from(arrival.max_tokens?).unwrap_or(i32::MAX);
    Some(InferenceConfiguration::builder().max_tokens(most).build())
}
