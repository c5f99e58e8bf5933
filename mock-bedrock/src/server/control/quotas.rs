//! Service Quotas, for Bedrock: the world's quotas under names and codes like those that AWS gives them.
//!
//! A quota that the world does not limit is not listed. Codes that are publicly known are used; the others are made
//! from the name, in the same form, and are the same in every run.

use bytes::Bytes;
use http::{Response, StatusCode};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::{
    Ask,
    arn::partition,
    ask::cut,
    atlas::{Atlas, Pool},
    form::{TARGET, aws_json, json_error},
    naming::Naming,
};
/// Most quotas on one page, and as many as without `MaxResults`.
const PAGE_MAX: usize = 100;

/// Known codes, by name.
const CODES: [(&str, &str); 9] = [
    ("Cross-Model Max Tokens Per Day", "L-E3F10727"),
    ("Cross-Region InvokeModel tokens per minute for Anthropic Claude Haiku 4.5", "L-58BE175A"),
    ("Cross-Region InvokeModel tokens per minute for Anthropic Claude Opus 5", "L-99296DCD"),
    ("Cross-Region InvokeModel tokens per minute for Anthropic Claude Opus 5.5", "L-A4430697"),
    ("Cross-Region InvokeModel tokens per minute for Anthropic Claude Sonnet 4.5", "L-8EA73537"),
    ("Cross-Region InvokeModel tokens per minute for Amazon Nova Pro", "L-C0326783"),
    ("Global cross-Region model inference tokens per minute for Anthropic Claude Opus 5", "L-D73B1244"),
    ("Global cross-Region model inference tokens per minute for Anthropic Claude Opus 5.5", "L-A103A344"),
    ("On-demand InvokeModel tokens per minute for Amazon Nova Pro", "L-CE33604C"),
];

pub fn answer(atlas: &Atlas, ask: &Ask<'_>, request_id: &str) -> Response<Bytes> {
    let target = ask.request.headers().get(TARGET).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let operation = target.rsplit_once('.').map_or("", |(_, operation)| operation);
    let Ok(Value::Object(body)) = serde_json::from_slice(ask.request.body()) else {
        return json_error("SerializationException", "The request could not be read.", request_id);
    };
    let answer = match operation {
        "ListServiceQuotas" | "ListAWSDefaultServiceQuotas" => list(atlas, ask, &body),
        "GetServiceQuota" | "GetAWSDefaultServiceQuota" => get(atlas, ask, &body),
        _ => Err(("UnknownOperationException", String::new())),
    };
    match answer {
        Ok(body) => aws_json(StatusCode::OK, &body, request_id),
        Err((name, text)) => json_error(name, &text, request_id),
    }
}

type Refusal = (&'static str, String);

fn text<'a>(body: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    body.get(name).and_then(Value::as_str)
}

fn is_bedrock(body: &Map<String, Value>) -> Result<(), Refusal> {
    match text(body, "ServiceCode") {
        Some("bedrock") => Ok(()),
        Some(_) => {
            let text = "The request failed because the specified service does not exist.";
            Err(("NoSuchResourceException", text.to_owned()))
        }
        None => Err(("IllegalArgumentException", "ServiceCode must not be null.".to_owned())),
    }
}

fn list(atlas: &Atlas, ask: &Ask<'_>, body: &Map<String, Value>) -> Result<Value, Refusal> {
    is_bedrock(body)?;
    let size = match body.get("MaxResults").map(|size| size.as_u64().unwrap_or(0)) {
        None => PAGE_MAX,
        Some(size) if (1..=PAGE_MAX as u64).contains(&size) => size as usize,
        Some(_) => {
            return Err(("IllegalArgumentException", format!("MaxResults must be from 1 to {PAGE_MAX}.")));
        }
    };
    let code = text(body, "QuotaCode");
    let all =
        quotas(atlas, ask).into_iter().filter(|quota| code.is_none_or(|code| quota["QuotaCode"] == code));
    let key = |quota: &Value| quota["QuotaCode"].to_string();
    let Some((page, next)) = cut(all.collect(), key, size, text(body, "NextToken")) else {
        let text = "The pagination token is invalid.";
        return Err(("InvalidPaginationTokenException", text.to_owned()));
    };
    let mut answer = json!({ "Quotas": page });
    if let Some(next) = next {
        answer["NextToken"] = next.into();
    }
    Ok(answer)
}

fn get(atlas: &Atlas, ask: &Ask<'_>, body: &Map<String, Value>) -> Result<Value, Refusal> {
    is_bedrock(body)?;
    let Some(code) = text(body, "QuotaCode") else {
        return Err(("IllegalArgumentException", "QuotaCode must not be null.".to_owned()));
    };
    let found = quotas(atlas, ask).into_iter().find(|quota| quota["QuotaCode"] == code);
    found.map(|quota| json!({ "Quota": quota })).ok_or_else(|| {
        let text = "The request failed because the specified service quota does not exist.";
        ("NoSuchResourceException", text.to_owned())
    })
}

/// Every quota that limits something in the caller's Region.
fn quotas(atlas: &Atlas, ask: &Ask<'_>) -> Vec<Value> {
    let region = &*ask.caller.region;
    let day = atlas.tokens_per_day(region);
    let day = day.map(|cap| quota(ask, "Cross-Model Max Tokens Per Day".to_owned(), cap));
    let per_minute = atlas.quotas(region).flat_map(|(pool, model, limits)| {
        let (label, name) = (label(pool), Naming::of(model).full());
        let of = |what: &str, most: Option<f64>| {
            most.map(|most| quota(ask, format!("{label} {what} per minute for {name}"), plain(most)))
        };
        [of("requests", limits.requests), of("tokens", limits.tokens)].into_iter().flatten()
    });
    day.into_iter().chain(per_minute).collect()
}

fn label(pool: Pool) -> &'static str {
    match pool {
        Pool::OnDemand => "On-demand InvokeModel",
        Pool::Geographic => "Cross-Region InvokeModel",
        Pool::Global => "Global cross-Region model inference",
    }
}

fn quota(ask: &Ask<'_>, name: String, value: f64) -> Value {
    let (region, account) = (&ask.caller.region, &ask.caller.account);
    let code = code(&name);
    json!({
        "ServiceCode": "bedrock",
        "ServiceName": "Amazon Bedrock",
        "QuotaArn": format!("arn:{}:servicequotas:{region}:{account}:bedrock/{code}", partition(region)),
        "QuotaCode": code,
        "QuotaName": name,
        "Value": value,
        "Unit": "None",
        "Adjustable": true,
        "GlobalQuota": false,
        "QuotaAppliedAtLevel": "ACCOUNT",
    })
}

fn code(name: &str) -> String {
    let known = CODES.iter().find(|(known, _)| *known == name).map(|(_, code)| (*code).to_owned());
    known.unwrap_or_else(|| {
        let digest = Sha256::digest(name.as_bytes());
        let digits: String = digest.iter().take(4).map(|byte| format!("{byte:02X}")).collect();
        format!("L-{digits}")
    })
}

/// Without the dust of having been a rate per second.
fn plain(quota: f64) -> f64 {
    (quota * 1e6).round() / 1e6
}
