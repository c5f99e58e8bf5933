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

#[cfg(test)]
mod tests {
    use std::{
        fs,
        sync::{Arc, Mutex},
    };

    use aws_credential_types::Credentials;
    use aws_sdk_bedrockruntime::{
        Client,
        config::{BehaviorVersion, Builder, Region},
    };
    use aws_smithy_runtime_api::client::{
        http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn},
        orchestrator::HttpRequest,
        result::ConnectorError,
    };
    use richter_mock_bedrock::{engine::Prefix, luck::Luck};

    use super::{prompts::tests::arrival, *};

    /// Keeps the body of the call that the SDK would send.
    #[derive(Debug, Clone, Default)]
    struct Sent(Arc<Mutex<Vec<u8>>>);

    impl HttpConnector for Sent {
        fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
            *self.0.lock().expect("no test panics here") =
                request.body().bytes().expect("in memory").to_vec();
            HttpConnectorFuture::ready(Err(ConnectorError::other("kept".into(), None)))
        }
    }

    impl Sent {
        fn client(&self) -> Client {
            let connector = SharedHttpConnector::new(self.clone());
            let config = Builder::new()
                .behavior_version(BehaviorVersion::latest())
                .region(Region::new("us-east-1"))
                .credentials_provider(Credentials::new("key", "secret", None, None, "test"))
                .retry_config(aws_config::retry::RetryConfig::disabled())
                .http_client(http_client_fn(move |_, _| connector.clone()));
            Client::from_conf(config.build())
        }
    }

    async fn by_the_sdk(asker: &Asker, api: Api, arrival: &Arrival) -> Vec<u8> {
        let sent = Sent::default();
        let client = sent.client();
        // None of them gets an answer.
        match api {
            Api::Converse => drop(asker.converse(arrival).model_id("m").send_with(&client).await),
            Api::ConverseStream => {
                drop(asker.converse_stream(arrival).model_id("m").send_with(&client).await)
            }
            Api::InvokeModel => drop(asker.invoke(arrival).model_id("m").send_with(&client).await),
            Api::InvokeModelWithResponseStream => {
                drop(asker.invoke_stream(arrival).model_id("m").send_with(&client).await);
            }
        }
        let body = sent.0.lock().expect("no test panics here").clone();
        assert!(!body.is_empty());
        body
    }

    #[tokio::test]
    async fn both_clients_send_the_same_to_the_letter() {
        let folder = tempfile::tempdir().expect("a folder");
        let own = folder.path().join("prompts.jsonl");
        fs::write(&own, r#"{"prompt": "Why \"is\" the sky\nblue — or \u0007 grün?"}"#).expect("written");
        let own = Prompts::file(&own, Luck::new(1, 0), 7).expect("a prompt");
        let prefix = Some(Prefix { key: 99, tokens: 30 });
        for prompts in [Prompts::words(Luck::new(1, 0), 7), own] {
            let asker = Asker::new(prompts, Language::Anthropic);
            for (prefix, max_tokens) in [(None, None), (prefix, None), (None, Some(77)), (prefix, Some(77))] {
                let arrival = Arrival { max_tokens, ..arrival(5, 60, prefix) };
                for api in
                    [Api::Converse, Api::ConverseStream, Api::InvokeModel, Api::InvokeModelWithResponseStream]
                {
                    let sdk = by_the_sdk(&asker, api, &arrival).await;
                    let lean = asker.lean(api, &arrival);
                    let text = |body: &[u8]| String::from_utf8_lossy(body).into_owned();
                    assert_eq!(text(&lean.body), text(&sdk), "{api:?}");
                }
            }
        }
    }
}
