//! Converse and ConverseStream: one dialect for all models.

use bytes::BytesMut;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json, value::RawValue};

use super::{Beat, Telling, Usage, bytes};
use crate::{
    exception::Exception,
    server::runtime::{
        ask::{Ask, Extras, Force, Tool, check_conversation, check_unit, invalid, one_of, parse},
        body::{Content, Message, Text, ToolChoice, ToolConfig},
        frame::Frames,
        prompt::Prompt,
        script::{Block, Kind, Stop},
    },
};

/// Entries of `requestMetadata`, at most.
const METADATA_MAX: usize = 16;
const STOP_SEQUENCES_MAX: usize = 2_500;
const RESPONSE_FIELDS_MAX: usize = 10;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::server::runtime) struct Request<'a> {
    #[serde(borrow, default)]
    pub messages: Vec<Message<'a>>,
    #[serde(borrow, default)]
    system: Content<'a>,
    #[serde(default)]
    inference_config: InferenceConfig,
    #[serde(borrow, default)]
    tool_config: Option<ToolConfig<'a>>,
    #[serde(default)]
    guardrail_config: Option<GuardrailConfig>,
    #[serde(borrow, default)]
    additional_model_request_fields: Option<&'a RawValue>,
    #[serde(default)]
    additional_model_response_field_paths: Vec<String>,
    #[serde(default)]
    request_metadata: Option<std::collections::BTreeMap<String, String>>,
    #[serde(borrow, default)]
    performance_config: Option<PerformanceConfig<'a>>,
    #[serde(borrow, default)]
    service_tier: Option<ServiceTier<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct InferenceConfig {
    max_tokens: Option<i64>,
    temperature: Option<f64>,
    top_p: Option<f64>,
    stop_sequences: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct GuardrailConfig {
    trace: Option<String>,
}

#[derive(Debug, Deserialize)]
struct PerformanceConfig<'a> {
    #[serde(borrow, default)]
    latency: Option<Text<'a>>,
}

#[derive(Debug, Deserialize)]
struct ServiceTier<'a> {
    #[serde(borrow, rename = "type")]
    kind: Text<'a>,
}

/// What makes a model think aloud, in the fields of Claude and of Nova.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Fields {
    thinking: Option<Switch>,
    reasoning_config: Option<Switch>,
    #[serde(rename = "reasoningConfig")]
    nova: Option<Switch>,
}

#[derive(Debug, Deserialize)]
struct Switch {
    #[serde(rename = "type", default)]
    kind: String,
}

pub(super) fn read(body: &[u8]) -> Result<Ask, Exception> {
    parse::<Request<'_>>(body)?.ask()
}

impl Request<'_> {
    pub(in crate::server::runtime) fn ask(self) -> Result<Ask, Exception> {
        check_conversation(&self.messages)?;
        self.check_limits()?;
        let mut prompt = Prompt::default();
        self.tool_config.iter().for_each(|config| prompt.tools(config));
        prompt.content(&self.system);
        prompt.messages(&self.messages);
        let extras = self.extras()?;
        let ask = Ask {
            max_tokens: max_tokens(self.inference_config.max_tokens, "inferenceConfig.maxTokens")?,
            stops: self.inference_config.stop_sequences.clone(),
            tools: self.tool_config.iter().flat_map(tools).collect(),
            force: self.tool_config.as_ref().map_or(Force::Auto, |config| force(&config.tool_choice)),
            reasoning: self.additional_model_request_fields.is_some_and(thinks),
            extras,
            ..Ask::default()
        };
        Ok(ask.with_prompt(&prompt)?.with_last(&self.messages))
    }

    fn check_limits(&self) -> Result<(), Exception> {
        check_unit(self.inference_config.temperature, "inferenceConfig.temperature")?;
        check_unit(self.inference_config.top_p, "inferenceConfig.topP")?;
        let limits = [
            (self.inference_config.stop_sequences.len(), STOP_SEQUENCES_MAX, "inferenceConfig.stopSequences"),
            (
                self.additional_model_response_field_paths.len(),
                RESPONSE_FIELDS_MAX,
                "additionalModelResponseFieldPaths",
            ),
            (
                self.request_metadata.as_ref().map_or(0, |metadata| metadata.len()),
                METADATA_MAX,
                "requestMetadata",
            ),
        ];
        match limits.into_iter().find(|(length, most, _)| length > most) {
            None => Ok(()),
            Some((_, most, path)) => Err(invalid(format!(
                "1 validation error detected: Value at '{path}' failed to satisfy constraint: Member must have length \
                 less than or equal to {most}"
            ))),
        }
    }

    fn extras(&self) -> Result<Extras, Exception> {
        let latency = self.performance_config.as_ref().and_then(|config| config.latency.as_ref());
        let trace = self.guardrail_config.as_ref().and_then(|config| config.trace.as_deref());
        Ok(Extras {
            metadata: self.request_metadata.clone().unwrap_or_default(),
            latency: latency
                .map(|latency| self::latency(&latency.0, "performanceConfig.latency"))
                .transpose()?,
            tier: self
                .service_tier
                .as_ref()
                .map(|tier| self::tier(&tier.kind.0, "serviceTier.type"))
                .transpose()?,
            guardrail_trace: trace.is_some_and(|trace| trace.starts_with("enabled")),
            wants_stop_sequence: self
                .additional_model_response_field_paths
                .iter()
                .any(|path| path == "/stop_sequence"),
        })
    }
}

pub(in crate::server::runtime) fn latency(value: &str, path: &str) -> Result<&'static str, Exception> {
    one_of(value, path, &["optimized", "standard"])
}

pub(in crate::server::runtime) fn tier(value: &str, path: &str) -> Result<&'static str, Exception> {
    one_of(value, path, &["priority", "default", "flex", "reserved"])
}

/// 0 and numbers above the model's limit are for the engine to refuse.
pub(super) fn max_tokens(value: Option<i64>, path: &str) -> Result<Option<u32>, Exception> {
    match value {
        Some(negative) if negative < 0 => Err(invalid(format!(
            "1 validation error detected: Value '{negative}' at '{path}' failed to satisfy constraint: Member must have \
             value greater than or equal to 1"
        ))),
        value => Ok(value.map(|value| u32::try_from(value).unwrap_or(u32::MAX))),
    }
}

pub(super) fn tools<'a>(config: &'a ToolConfig<'_>) -> impl Iterator<Item = Tool> + 'a {
    config.tools.iter().filter_map(|tool| {
        let spec = tool.tool_spec.as_ref()?;
        let schema = spec.input_schema.as_ref().and_then(|schema| schema.json);
        Some(Tool { name: spec.name.clone(), schema: schema.map(|json| json.get().to_owned()) })
    })
}

pub(super) fn force(choice: &ToolChoice) -> Force {
    match choice {
        ToolChoice { tool: Some(tool), .. } => Force::Tool(tool.name.clone()),
        ToolChoice { any: Some(_), .. } => Force::Any,
        _ => Force::Auto,
    }
}

/// Fields of another shape are another model's and nobody's mistake here.
fn thinks(fields: &RawValue) -> bool {
    let fields: Fields = serde_json::from_str(fields.get()).unwrap_or_default();
    let on = |switch: Option<Switch>| switch.is_some_and(|switch| switch.kind != "disabled");
    on(fields.thinking) || on(fields.reasoning_config) || on(fields.nova)
}

/// Keys in alphabetical order, as they come from the service.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Whole<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    additional_model_response_fields: Option<Value>,
    metrics: Metrics,
    output: Output<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    performance_config: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    service_tier: Option<Value>,
    stop_reason: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    trace: Option<Value>,
    usage: UsageBody,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Metrics {
    latency_ms: u64,
}

#[derive(Debug, Serialize)]
struct Output<'a> {
    message: Said<'a>,
}

#[derive(Debug, Serialize)]
struct Said<'a> {
    content: Vec<SaidBlock<'a>>,
    role: &'static str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
enum SaidBlock<'a> {
    Text(std::borrow::Cow<'a, str>),
    ToolUse(Value),
    ReasoningContent(Value),
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct UsageBody {
    #[serde(skip_serializing_if = "Option::is_none")]
    cache_details: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cache_read_input_token_count: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cache_read_input_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cache_write_input_token_count: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cache_write_input_tokens: Option<u32>,
    input_tokens: u32,
    output_tokens: u32,
    server_tool_usage: Nothing,
    total_tokens: u64,
}

/// `{}`
#[derive(Debug, Serialize)]
struct Nothing {}

pub(super) fn whole(telling: &Telling) -> Whole<'_> {
    let content = telling.script.blocks.iter().map(|block| said(telling, block)).collect();
    Whole {
        additional_model_response_fields: response_fields(telling),
        metrics: Metrics { latency_ms: telling.latency_ms },
        output: Output { message: Said { content, role: "assistant" } },
        performance_config: telling.extras.latency.map(|latency| json!({ "latency": latency })),
        service_tier: telling.extras.tier.map(|tier| json!({ "type": tier })),
        stop_reason: stop_reason(&telling.script.stop),
        trace: trace(telling),
        usage: UsageBody::of(&telling.usage),
    }
}

fn said<'a>(telling: &Telling, block: &'a Block) -> SaidBlock<'a> {
    match &block.kind {
        Kind::Text => SaidBlock::Text(block.whole()),
        Kind::Reasoning => SaidBlock::ReasoningContent(json!({
            "reasoningText": { "signature": telling.signature(), "text": block.whole() }
        })),
        Kind::Tool { id, name } => SaidBlock::ToolUse(json!({
            "input": tool_input(block), "name": name, "toolUseId": id, "type": "tool_use"
        })),
    }
}

/// A tool's input as an object; cut short it is none any more, and what could not be read becomes empty.
pub(super) fn tool_input(block: &Block) -> Value {
    serde_json::from_str(&block.whole()).unwrap_or_else(|_| json!({}))
}

impl UsageBody {
    fn of(usage: &Usage) -> UsageBody {
        let cached = |count: u32| usage.cached.then_some(count);
        let detail = |ttl: &str, tokens: u32| json!({ "inputTokens": tokens, "ttl": ttl });
        let details = (usage.cached && usage.write > 0).then(|| {
            let parts = [("1h", usage.write_1h), ("5m", usage.write.saturating_sub(usage.write_1h))];
            parts
                .into_iter()
                .filter(|(_, tokens)| *tokens > 0)
                .map(|(ttl, tokens)| detail(ttl, tokens))
                .collect()
        });
        UsageBody {
            cache_details: details,
            cache_read_input_token_count: cached(usage.read),
            cache_read_input_tokens: cached(usage.read),
            cache_write_input_token_count: cached(usage.write),
            cache_write_input_tokens: cached(usage.write),
            input_tokens: usage.input,
            output_tokens: usage.output,
            server_tool_usage: Nothing {},
            total_tokens: usage.total(),
        }
    }
}

pub(super) fn stop_reason(stop: &Stop) -> &'static str {
    match stop {
        Stop::EndTurn => "end_turn",
        Stop::MaxTokens => "max_tokens",
        Stop::ToolUse => "tool_use",
        Stop::Sequence(_) => "stop_sequence",
    }
}

fn response_fields(telling: &Telling) -> Option<Value> {
    telling.extras.wants_stop_sequence.then(|| match &telling.script.stop {
        Stop::Sequence(sequence) => json!({ "stop_sequence": sequence }),
        _ => json!({ "stop_sequence": null }),
    })
}

fn trace(telling: &Telling) -> Option<Value> {
    let mut trace = serde_json::Map::new();
    if telling.extras.guardrail_trace {
        trace.insert("guardrail".into(), json!({ "inputAssessment": {}, "outputAssessments": {} }));
    }
    if let Some(model) = &telling.invoked {
        trace.insert("promptRouter".into(), json!({ "invokedModelId": model }));
    }
    (!trace.is_empty()).then_some(Value::Object(trace))
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Delta<'a> {
    content_block_index: usize,
    delta: DeltaPart<'a>,
    p: &'static str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
enum DeltaPart<'a> {
    Text(&'a str),
    ToolUse(ToolDelta<'a>),
    ReasoningContent(ReasoningDelta<'a>),
}

#[derive(Debug, Serialize)]
struct ToolDelta<'a> {
    input: &'a str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
enum ReasoningDelta<'a> {
    Text(&'a str),
    Signature(String),
}

pub(super) fn write(telling: &Telling, beat: &Beat<'_>, frames: &mut Frames, out: &mut BytesMut) {
    let mut send = |name, mut payload: Value| {
        payload["p"] = frames.padding().into();
        frames.event(out, name, bytes(&payload));
    };
    match beat {
        Beat::Start => send("messageStart", json!({ "role": "assistant" })),
        Beat::Open { index, block } => {
            // Text and reasoning begin with their first delta and have no start of their own.
            if let Kind::Tool { id, name } = &block.kind {
                let start = json!({ "toolUse": { "name": name, "toolUseId": id, "type": "tool_use" } });
                send("contentBlockStart", json!({ "contentBlockIndex": index, "start": start }));
                let empty = json!({ "contentBlockIndex": index, "delta": { "toolUse": { "input": "" } } });
                send("contentBlockDelta", empty);
            }
        }
        Beat::Part { index, block, text, .. } => {
            let delta = match &block.kind {
                Kind::Text => DeltaPart::Text(text),
                Kind::Reasoning => DeltaPart::ReasoningContent(ReasoningDelta::Text(text)),
                Kind::Tool { .. } => DeltaPart::ToolUse(ToolDelta { input: text }),
            };
            write_delta(*index, delta, frames, out);
        }
        Beat::Close { index, block } => {
            if block.kind == Kind::Reasoning {
                let signature = ReasoningDelta::Signature(telling.signature());
                write_delta(*index, DeltaPart::ReasoningContent(signature), frames, out);
            }
            let p = frames.padding();
            frames.event(out, "contentBlockStop", bytes(&json!({ "contentBlockIndex": index, "p": p })));
        }
        Beat::End => {
            let mut stop = json!({ "stopReason": stop_reason(&telling.script.stop) });
            if let Some(fields) = response_fields(telling) {
                stop["additionalModelResponseFields"] = fields;
            }
            send("messageStop", stop);
            send("metadata", metadata(telling));
        }
    }
}

fn write_delta(index: usize, delta: DeltaPart<'_>, frames: &mut Frames, out: &mut BytesMut) {
    let payload = Delta { content_block_index: index, delta, p: frames.padding() };
    frames.event(out, "contentBlockDelta", bytes(&payload));
}

fn metadata(telling: &Telling) -> Value {
    let mut metadata = json!({
        "metrics": { "latencyMs": telling.latency_ms },
        "usage": UsageBody::of(&telling.usage),
    });
    let extras = &telling.extras;
    let optional = [
        ("performanceConfig", extras.latency.map(|latency| json!({ "latency": latency }))),
        ("serviceTier", extras.tier.map(|tier| json!({ "type": tier }))),
        ("trace", trace(telling)),
    ];
    for (key, value) in optional {
        if let Some(value) = value {
            metadata[key] = value;
        }
    }
    metadata
}
