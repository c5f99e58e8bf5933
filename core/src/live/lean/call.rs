//! A request as the lean client takes it: a body that is written already.

use bytes::Bytes;
use serde_json::{Value, json};

use crate::{
    live::bedrock::body,
    request::{Api, Needs},
};

/// A call whose body is ready. What the router would have to read in it stands beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeanCall {
    /// The operation.
    pub api: Api,
    /// Its body, without the model.
    pub body: Bytes,
    /// The limit on the answer's length that the body sets.
    pub max_tokens: Option<u32>,
    /// What the body needs of a model.
    pub needs: Needs,
}

impl LeanCall {
    pub(super) fn operation(&self) -> &'static str {
        match self.api {
            Api::Converse => "converse",
            Api::ConverseStream => "converse-stream",
            Api::InvokeModel => "invoke",
            Api::InvokeModelWithResponseStream => "invoke-with-response-stream",
        }
    }

    fn converses(&self) -> bool {
        matches!(self.api, Api::Converse | Api::ConverseStream)
    }

    /// The body with the router's limit on the answer's length, and with the beginning of an answer that is to be gone on with.
    pub(super) fn body_for(&self, max_tokens: Option<u32>, said: Option<&str>) -> Bytes {
        let limited = |most: u32| match self.converses() {
            true => self.with(|body| {
                let limits = body.as_object_mut()?.entry("inferenceConfig").or_insert_with(|| json!({}));
                limits.as_object_mut()?.insert("maxTokens".to_owned(), most.into());
                Some(())
            }),
            false => body::limited(&self.body, most).map(Bytes::from),
        };
        let limited = max_tokens.and_then(limited);
        let Some(said) = said else { return limited.unwrap_or_else(|| self.body.clone()) };
        let call = LeanCall { body: limited.unwrap_or_else(|| self.body.clone()), ..self.clone() };
        // No model takes a beginning that ends with white space.
        let content = json!([{ "text": said.trim_end() }]);
        let begun = call.with(|body| {
            let messages = body.get_mut("messages")?.as_array_mut()?;
            messages.push(json!({ "role": "assistant", "content": content }));
            Some(())
        });
        begun.unwrap_or(call.body)
    }

    /// Whether another attempt can go on with what one began. Not if a guardrail looks at the whole of an answer.
    pub(super) fn goes_on(&self) -> bool {
        let read = || serde_json::from_slice::<Value>(&self.body).ok();
        self.api == Api::ConverseStream
            && read().is_some_and(|body| {
                let last = body["messages"].as_array().and_then(|messages| messages.last());
                last.is_some_and(|message| message["role"] == "user") && body.get("guardrailConfig").is_none()
            })
    }

    /// None if it is not of the form that a change needs.
    fn with(&self, change: impl FnOnce(&mut Value) -> Option<()>) -> Option<Bytes> {
        let mut body: Value = serde_json::from_slice(&self.body).ok()?;
        change(&mut body)?;
        serde_json::to_vec(&body).ok().map(Bytes::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(api: Api, body: Value) -> LeanCall {
        let body = body.to_string().into_bytes().into();
        LeanCall { api, body, max_tokens: None, needs: Needs::NONE }
    }

    fn read(body: &Bytes) -> Value {
        serde_json::from_slice(body).unwrap()
    }

    #[test]
    fn a_limit_is_set_where_the_operation_has_it_and_the_rest_stays() {
        let asked = json!({ "messages": [{ "role": "user", "content": [{ "text": "why" }] }] });
        let converse = call(Api::Converse, asked.clone());
        assert_eq!(converse.body_for(None, None), converse.body);
        let limited = read(&converse.body_for(Some(7), None));
        assert_eq!(
            (&limited["inferenceConfig"]["maxTokens"], &limited["messages"]),
            (&json!(7), &asked["messages"])
        );
        let invoke = call(Api::InvokeModel, json!({ "max_tokens": 900, "messages": [] }));
        assert_eq!(read(&invoke.body_for(Some(7), None)), json!({ "max_tokens": 7, "messages": [] }));
        let odd = call(Api::InvokeModel, json!({ "prompt": "x" }));
        assert_eq!(odd.body_for(Some(7), None), odd.body, "a language that is not known is left alone");
        for odd in [json!({ "inferenceConfig": "x" }), json!({ "messages": 1 }), json!([1]), json!("x")] {
            let odd = call(Api::ConverseStream, odd);
            assert!(!odd.goes_on() && odd.body_for(None, Some("Because")) == odd.body, "{odd:?}");
            drop(odd.body_for(Some(7), None));
        }
    }

    #[test]
    fn an_answer_that_broke_is_put_behind_the_question_without_its_last_space() {
        let asked = json!({ "messages": [{ "role": "user", "content": [{ "text": "why" }] }] });
        let stream = call(Api::ConverseStream, asked.clone());
        assert!(stream.goes_on());
        let begun = read(&stream.body_for(Some(7), Some("Because ")));
        assert_eq!(begun["messages"][1], json!({ "role": "assistant", "content": [{ "text": "Because" }] }));
        assert_eq!(begun["inferenceConfig"]["maxTokens"], 7);
        assert!(!call(Api::Converse, asked.clone()).goes_on());
        let mut guarded = asked;
        guarded["guardrailConfig"] = json!({ "guardrailIdentifier": "g" });
        assert!(!call(Api::ConverseStream, guarded).goes_on());
        let answered = json!({ "messages": [{ "role": "assistant", "content": [] }] });
        assert!(!call(Api::ConverseStream, answered).goes_on());
    }
}
