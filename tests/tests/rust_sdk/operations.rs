//! Where all goes well.

use aws_sdk_bedrockruntime::{
    Client,
    types::{
        CachePointBlock, CachePointType, ContentBlockDelta, ContentBlockStart, ConverseStreamOutput,
        ConverseTokensRequest, CountTokensInput, ReasoningContentBlock, ReasoningContentBlockDelta,
        ResponseStream, StopReason, Tool, ToolConfiguration, ToolInputSchema, ToolResultBlock,
        ToolResultContentBlock, ToolSpecification,
    },
};
use aws_smithy_types::Document;

use super::*;

/// Model, a body in its own dialect, and where its answer has its text.
fn families() -> [(&'static str, Value, &'static str); 5] {
    let messages = json!([{ "role": "user", "content": [{ "text": "hi" }] }]);
    [
        (PROFILE, claude(), "/content/0/text"),
        ("us.amazon.nova-lite-v1:0", json!({ "messages": messages }), "/output/message/content/0/text"),
        ("us.meta.llama3-3-70b-instruct-v1:0", json!({ "prompt": "hi" }), "/generation"),
        ("amazon.titan-text-express-v1", json!({ "inputText": "hi" }), "/results/0/outputText"),
        ("mistral.mistral-large-2402-v1:0", json!({ "prompt": "hi" }), "/outputs/0/text"),
    ]
}

fn document(value: &Value) -> Document {
    match value {
        Value::String(text) => Document::from(text.clone()),
        Value::Number(number) => Document::from(number.as_u64().expect("a count")),
        Value::Array(all) => Document::Array(all.iter().map(document).collect()),
        Value::Object(all) => {
            Document::Object(all.iter().map(|(key, value)| (key.clone(), document(value))).collect())
        }
        other => panic!("no need for {other}"),
    }
}

fn tools() -> ToolConfiguration {
    let schema =
        json!({ "type": "object", "properties": { "city": { "type": "string" } }, "required": ["city"] });
    let spec =
        ToolSpecification::builder().name("weather").input_schema(ToolInputSchema::Json(document(&schema)));
    let tool = Tool::ToolSpec(spec.build().expect("a tool"));
    ToolConfiguration::builder().tools(tool).build().expect("tools")
}

/// Every event of a stream, and the model's own events in a native one.
async fn events(client: &Client, model: &str) -> Vec<ConverseStreamOutput> {
    let mut stream =
        client.converse_stream().model_id(model).messages(hello()).send().await.expect("a stream").stream;
    let mut events = Vec::new();
    while let Some(event) = stream.recv().await.expect("it is whole") {
        events.push(event);
    }
    events
}

async fn chunks(client: &Client, model: &str, body: &Value) -> Vec<Value> {
    let call = client.invoke_model_with_response_stream().model_id(model).body(blob(body));
    let mut stream = call.send().await.expect("a stream").body;
    let mut chunks = Vec::new();
    while let Some(event) = stream.recv().await.expect("it is whole") {
        let ResponseStream::Chunk(part) = event else { panic!("{event:?}") };
        chunks.push(serde_json::from_slice(part.bytes().expect("bytes").as_ref()).expect("JSON"));
    }
    chunks
}

#[test]
fn converse_answers() {
    case(&["Converse"], async |mock| {
        let answer = mock.client().converse().model_id(PROFILE).messages(hello()).send().await;
        let answer = answer.expect("an answer");
        assert_eq!(answer.stop_reason(), &StopReason::EndTurn);
        let usage = answer.usage().expect("usage");
        assert_eq!(usage.total_tokens(), usage.input_tokens() + usage.output_tokens());
        assert!(answer.metrics().is_some_and(|metrics| metrics.latency_ms() > 0));
    });
}

#[test]
fn converse_stream_comes_event_by_event() {
    case(&["ConverseStream"], async |mock| {
        let events = events(&mock.client(), PROFILE).await;
        let deltas = events.iter().filter(|event| event.is_content_block_delta()).count();
        assert!(events[0].is_message_start(), "{:?}", events[0]);
        assert!(!events.iter().any(ConverseStreamOutput::is_content_block_start), "text opens no block");
        let [.., stop, end, metadata] = &events[..] else { panic!("{events:?}") };
        assert!(stop.is_content_block_stop() && end.is_message_stop(), "{stop:?} {end:?}");
        let usage = metadata.as_metadata().expect("metadata is last").usage().expect("usage");
        assert_eq!(usage.output_tokens(), deltas as i32);
    });
}

#[test]
fn invoke_model_speaks_every_family() {
    case(&["InvokeModel"], async |mock| {
        for (model, body, path) in families() {
            let answer = mock.client().invoke_model().model_id(model).body(blob(&body)).send().await;
            let answer: Value =
                serde_json::from_slice(answer.expect("an answer").body().as_ref()).expect("JSON");
            assert!(
                answer.pointer(path).and_then(Value::as_str).is_some_and(|text| !text.is_empty()),
                "{answer}"
            );
        }
    });
}

#[test]
fn native_streams_end_with_their_counts() {
    case(&["InvokeModelWithResponseStream"], async |mock| {
        for (model, body, _) in families() {
            let chunks = chunks(&mock.client(), model, &body).await;
            let last = chunks.last().expect("chunks");
            assert!(
                last["amazon-bedrock-invocationMetrics"]["outputTokenCount"].as_u64() > Some(0),
                "{last}"
            );
        }
    });
}

#[test]
fn count_tokens_says_what_converse_bills() {
    case(&["CountTokens"], async |mock| {
        let billed = mock.client().converse().model_id(PROFILE).messages(hello()).send().await;
        let input = CountTokensInput::Converse(ConverseTokensRequest::builder().messages(hello()).build());
        let counted = mock.client().count_tokens().model_id(MODEL).input(input).send().await;
        let billed = billed.expect("an answer").usage().expect("usage").input_tokens();
        assert_eq!(counted.expect("a count").input_tokens(), billed);
    });
}

#[test]
fn a_tool_is_called_and_its_result_is_answered() {
    case(&["Converse", "tool use"], async |mock| {
        let ask = mock.client().converse().model_id(PROFILE).tool_config(tools()).messages(hello());
        let asked = ask.clone().send().await.expect("an answer");
        assert_eq!(asked.stop_reason(), &StopReason::ToolUse);
        let said = asked.output().and_then(|output| output.as_message().ok()).expect("a message").clone();
        let call = said.content().iter().find_map(|block| block.as_tool_use().ok()).expect("a call");
        let city = call.input().as_object().and_then(|input| input.get("city")).expect("it fits the schema");
        assert!(city.as_string().is_some());
        let result = ToolResultBlock::builder()
            .tool_use_id(call.tool_use_id())
            .content(ToolResultContentBlock::Text("blue".into()));
        let result = ContentBlock::ToolResult(result.build().expect("a result"));
        let result = Message::builder().role(ConversationRole::User).content(result).build();
        let told = ask.messages(said).messages(result.expect("a message")).send().await.expect("an answer");
        assert_eq!(told.stop_reason(), &StopReason::EndTurn);
    });
}

#[test]
fn a_tools_input_comes_in_fragments() {
    case(&["ConverseStream", "tool use"], async |mock| {
        let call = mock.client().converse_stream().model_id(PROFILE).tool_config(tools()).messages(hello());
        let mut stream = call.send().await.expect("a stream").stream;
        let (mut name, mut input) = (None, String::new());
        while let Some(event) = stream.recv().await.expect("it is whole") {
            if let ConverseStreamOutput::ContentBlockStart(start) = &event
                && let Some(ContentBlockStart::ToolUse(tool)) = start.start()
            {
                name = Some(tool.name().to_owned());
            }
            if let ConverseStreamOutput::ContentBlockDelta(delta) = &event
                && let Some(ContentBlockDelta::ToolUse(part)) = delta.delta()
            {
                input += part.input();
            }
        }
        let input: Value = serde_json::from_str(&input).expect("JSON");
        assert!(name.as_deref() == Some("weather") && input["city"].is_string(), "{name:?} {input}");
    });
}

#[test]
fn reasoning_comes_before_the_text() {
    case(&["Converse", "ConverseStream", "reasoning"], async |mock| {
        let thinking = document(&json!({ "thinking": { "type": "enabled", "budget_tokens": 1024 } }));
        let client = mock.client();
        let whole = client.converse().model_id(PROFILE).messages(hello());
        let whole = whole.additional_model_request_fields(thinking.clone()).send().await.expect("an answer");
        let said = whole.output().and_then(|output| output.as_message().ok()).expect("a message");
        let Some(ContentBlock::ReasoningContent(ReasoningContentBlock::ReasoningText(text))) =
            said.content().first()
        else {
            panic!("{said:?}")
        };
        assert!(text.signature().is_some());
        let call = client.converse_stream().model_id(PROFILE).messages(hello());
        let mut stream =
            call.additional_model_request_fields(thinking).send().await.expect("a stream").stream;
        let mut signed = false;
        while let Some(event) = stream.recv().await.expect("it is whole") {
            if let ConverseStreamOutput::ContentBlockDelta(delta) = event
                && let Some(ContentBlockDelta::ReasoningContent(part)) = delta.delta()
            {
                signed |= matches!(part, ReasoningContentBlockDelta::Signature(_));
            }
        }
        assert!(signed);
    });
}

#[test]
fn the_prompt_cache_is_written_and_read() {
    case(&["Converse", "prompt cache"], async |mock| {
        let point = CachePointBlock::builder().r#type(CachePointType::Default).build().expect("a point");
        let message = Message::builder()
            .role(ConversationRole::User)
            .content(ContentBlock::Text("x".repeat(20_000)))
            .content(ContentBlock::CachePoint(point))
            .content(ContentBlock::Text("And this?".into()))
            .build()
            .expect("a message");
        let ask = mock.client().converse().model_id(PROFILE).messages(message);
        let first = ask.clone().send().await.expect("an answer").usage().expect("usage").clone();
        let second = ask.send().await.expect("an answer").usage().expect("usage").clone();
        assert_eq!(first.cache_write_input_tokens(), Some(5_000));
        assert_eq!(second.cache_read_input_tokens(), Some(5_000));
    });
}

#[test]
fn point_01_a_model_id_is_one_encoded_segment() {
    case(&["ARNs as model ids", "profiles"], async |mock| {
        let source = format!("arn:aws:bedrock:us-east-1::foundation-model/{ON_DEMAND}");
        let create = json!({ "inferenceProfileName": "mine", "modelSource": { "copyFrom": source } });
        let own = mock.page("POST", "/inference-profiles", create).await;
        let own = own["inferenceProfileArn"].as_str().expect("an ARN").to_owned();
        let profile = format!("arn:aws:bedrock:us-east-1:111122223333:inference-profile/{PROFILE}");
        for model in
            [ON_DEMAND.to_owned(), source, PROFILE.to_owned(), profile, format!("global.{MODEL}"), own]
        {
            let client = mock.client();
            let answer = client.converse().model_id(&model).messages(hello()).send().await;
            assert!(answer.is_ok(), "{model}: {answer:?}");
            assert!(events(&client, &model).await.len() > 4);
            let answer = client.invoke_model().model_id(&model).body(blob(&claude())).send().await;
            assert!(answer.is_ok(), "{model}: {answer:?}");
            assert!(chunks(&client, &model, &claude()).await.len() > 4);
            let records = mock.0.records_since(0).records;
            assert_eq!(records.last().map(|record| &*record.model_id), Some(&*model));
        }
    });
}
