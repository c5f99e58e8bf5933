//! Model invocation records, shaped as the service delivers them to CloudWatch Logs, key order included.
//!
//! Nothing is built unless somebody attached a [`RecordLog`]. The log is bounded: what does not fit is counted, and
//! the caller drains it.

use std::collections::{BTreeMap, VecDeque};

use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    Nanos,
    engine::{Call, CallId, Operation, Reported, Stop},
    exception::ExceptionKind,
    latency::Purpose,
    luck::Draws,
    world::{RegionId, RouteId, World},
};

/// One record. A throttled call has `errorCode` and neither input, output nor serving Region.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InvocationRecord {
    /// RFC 3339 in whole seconds.
    pub timestamp: String,
    pub account_id: String,
    /// Region that was called.
    pub region: String,
    pub request_id: String,
    pub operation: &'static str,
    /// As the caller sent it: an id or an ARN.
    pub model_id: String,
    pub identity: Identity,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_code: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input: Option<InputRecord>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<OutputRecord>,
    /// Region that served it, on profile calls only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inference_region: Option<String>,
    /// What the caller attached to the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_metadata: Option<BTreeMap<String, String>>,
    pub schema_type: &'static str,
    pub schema_version: &'static str,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Identity {
    pub arn: String,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InputRecord {
    pub input_content_type: &'static str,
    /// The simulated engine sees no bodies; a server that does fills it in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_body_json: Option<Value>,
    /// The uncached part alone.
    pub input_token_count: u32,
    pub cache_read_input_token_count: u32,
    pub cache_write_input_token_count: u32,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OutputRecord {
    pub output_content_type: &'static str,
    /// For the two Converse operations: stop reason, usage and latency, which is logged nowhere else.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_body_json: Option<Value>,
    pub output_token_count: u32,
}

/// Who calls, and what time of day the run starts at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordSettings {
    pub account_id: String,
    pub caller_arn: String,
    /// Milliseconds since 1970 at run time zero.
    pub starts_at_unix_ms: u64,
    /// Most records kept until drained.
    pub keep_max: usize,
}

/// What the engine knows of an answer when it is over.
#[derive(Debug, Clone, Copy)]
pub struct Closing {
    pub usage: Reported,
    /// The route that it took: of a prompt router, that of the model.
    pub route: RouteId,
    pub serving: RegionId,
    pub stop: Option<Stop>,
    /// From admission to the last token.
    pub took: Nanos,
}

/// A bounded log of records, oldest first.
#[derive(Debug)]
pub struct RecordLog {
    settings: RecordSettings,
    /// For request ids.
    draws: Draws,
    records: VecDeque<InvocationRecord>,
    /// Whoever drains the log knows ids, caller and bodies better.
    spare: bool,
    /// Calls under way, by slot: their record is written when they end.
    open: Vec<Option<(Nanos, Call)>>,
    dropped: u64,
}

impl RecordLog {
    pub(crate) fn new(settings: RecordSettings, draws: Draws) -> RecordLog {
        RecordLog { settings, draws, records: VecDeque::new(), spare: false, open: Vec::new(), dropped: 0 }
    }

    /// Says anew what time of day the run starts at, where that is not known before.
    pub fn start_at(&mut self, unix_ms: u64) {
        self.settings.starts_at_unix_ms = unix_ms;
    }

    /// Leaves ids, caller and bodies empty from now on: whoever drains the log fills them in.
    pub fn leave_out_what_is_known(&mut self) {
        self.spare = true;
    }

    /// Takes the records out, oldest first.
    pub fn drain(&mut self) -> impl Iterator<Item = InvocationRecord> {
        self.records.drain(..)
    }

    /// Records that found no room.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    pub(crate) fn opened(&mut self, now: Nanos, id: CallId, call: &Call) {
        let slot = id.slot as usize;
        if slot >= self.open.len() {
            self.open.resize(slot + 1, None);
        }
        self.open[slot] = Some((now, *call));
    }

    /// Calls refused by the service are recorded with their code, except before the caller was authorised.
    pub(crate) fn refused(&mut self, world: &World, now: Nanos, call: &Call, kind: ExceptionKind) {
        if kind != ExceptionKind::AccessDeniedException {
            let mut record = self.blank(world, now, call);
            record.error_code = Some(kind.name());
            self.push(record);
        }
    }

    pub(crate) fn closed(&mut self, world: &World, id: CallId, closing: &Closing) {
        let Some((began, call)) = self.open.get_mut(id.slot as usize).and_then(Option::take) else { return };
        let mut record = self.blank(world, began, &call);
        record.input = Some(InputRecord {
            input_content_type: "application/json",
            input_body_json: None,
            input_token_count: closing.usage.input,
            cache_read_input_token_count: closing.usage.cache_read,
            cache_write_input_token_count: closing.usage.cache_write,
        });
        record.output = Some(OutputRecord {
            output_content_type: "application/json",
            output_body_json: if self.spare { None } else { converse_body(call.operation, closing) },
            output_token_count: closing.usage.output,
        });
        record.inference_region = inference_region(world, closing);
        self.push(record);
    }

    fn push(&mut self, record: InvocationRecord) {
        if self.records.len() < self.settings.keep_max {
            self.records.push_back(record);
        } else {
            self.dropped += 1;
        }
    }

    fn blank(&self, world: &World, at: Nanos, call: &Call) -> InvocationRecord {
        let seconds = self.settings.starts_at_unix_ms.saturating_add(at / 1_000_000) / 1_000;
        let unless_spare = |text: &str| if self.spare { String::new() } else { text.to_owned() };
        let account = world.route_account(call.route).unwrap_or(&self.settings.account_id);
        InvocationRecord {
            timestamp: rfc3339(seconds),
            account_id: unless_spare(account),
            region: world.region_name(world.route_region(call.route)).to_owned(),
            request_id: if self.spare { String::new() } else { request_id(self.draws, call) },
            operation: call.operation.name(),
            model_id: unless_spare(world.route_id(call.route)),
            identity: Identity { arn: unless_spare(&self.settings.caller_arn) },
            error_code: None,
            input: None,
            output: None,
            inference_region: None,
            request_metadata: None,
            schema_type: "ModelInvocationLog",
            schema_version: "1.0",
        }
    }
}

/// Absent on calls that name no profile, and, unless the world says otherwise, when the source Region served.
fn inference_region(world: &World, closing: &Closing) -> Option<String> {
    let serving = closing.serving;
    let profile = world.route(closing.route).is_some_and(|route| route.through_profile);
    let elsewhere = serving != world.route_region(closing.route);
    (profile && (elsewhere || world.logs_source_region())).then(|| world.region_name(serving).to_owned())
}

fn converse_body(operation: Operation, closing: &Closing) -> Option<Value> {
    if !matches!(operation, Operation::Converse | Operation::ConverseStream) {
        return None;
    }
    let usage = closing.usage;
    let stop = closing.stop.map(|stop| match stop {
        Stop::EndTurn => "end_turn",
        Stop::MaxTokens => "max_tokens",
    });
    Some(json!({
        "output": { "message": { "role": "assistant", "content": [] } },
        "stopReason": stop,
        "metrics": { "latencyMs": closing.took / 1_000_000 },
        "usage": {
            "inputTokens": usage.input,
            "outputTokens": usage.output,
            "totalTokens": u64::from(usage.input) + u64::from(usage.output),
            "cacheReadInputTokens": usage.cache_read,
            "cacheWriteInputTokens": usage.cache_write,
        },
    }))
}

fn request_id(draws: Draws, call: &Call) -> String {
    uuid(draws, call.request, call.attempt)
}

/// A version 4 UUID from keyed draws: every attempt has its own, the same in every run of a seed.
pub(crate) fn uuid(draws: Draws, request: u64, attempt: u32) -> String {
    let high = draws.draw(request, attempt, Purpose::RequestId as u32).bits();
    let low = draws.draw(request, attempt, Purpose::RequestId as u32 | 0x10).bits();
    format!(
        "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
        high >> 32,
        high >> 16 & 0xffff,
        high & 0xfff,
        low >> 48 & 0x3fff | 0x8000,
        low & 0xffff_ffff_ffff
    )
}

/// Days to civil date by Howard Hinnant's public algorithm, counting years from March.
pub(crate) fn rfc3339(unix_s: u64) -> String {
    let (days, second) = (unix_s / 86_400 + 719_468, unix_s % 86_400);
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests;
