//! The operations on models: a request becomes a call of the engine, and what the engine decides becomes bytes at
//! absolute times.
//!
//! `ask` is what a request wants, whatever its dialect; `families` read and write the dialects; `script` is what an
//! answer says; `deliver` and `stream` are its way out, and `damage` what faults do to it there. Start at `serve`.

pub mod answer;
pub mod ask;
mod body;
pub mod cache;
mod count;
mod damage;
mod deliver;
pub mod families;
mod frame;
mod prompt;
mod script;
pub mod stream;
pub mod tools;

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Request, Response};

use self::{
    answer::Mode,
    ask::{Ask, Overrides},
    families::{Dialect, Telling, Usage},
    frame::Frames,
    script::Words,
};
use super::{
    Site, asked,
    caller::Caller,
    live::{CacheOrder, Met, Order},
    path::RuntimeOperation,
    records::Sheet,
    reply::{self, Cut, Out},
};
use crate::{
    Nanos,
    engine::{Answer, Call, Line, Operation},
    exception::Exception,
    latency::salt,
    luck::Stream,
    world::{RouteId, World},
};

/// A request that was read and understood.
#[derive(Debug)]
struct Errand {
    operation: Operation,
    dialect: Dialect,
    route: RouteId,
    invoked: Option<String>,
    ask: Ask,
    overrides: Overrides,
    request: u64,
    attempt: u32,
    request_id: String,
    line: Line,
    sheet: Sheet,
}

/// Answers one request to a model.
pub(super) async fn serve(
    site: &Arc<Site>,
    operation: RuntimeOperation,
    model: &str,
    caller: &Caller,
    request: Request<Bytes>,
) -> Result<Response<Out>, Cut> {
    site.clock.touch();
    let operation = match operation {
        RuntimeOperation::Converse => Operation::Converse,
        RuntimeOperation::ConverseStream => Operation::ConverseStream,
        RuntimeOperation::InvokeModel => Operation::InvokeModel,
        RuntimeOperation::InvokeModelWithResponseStream => Operation::InvokeModelWithResponseStream,
        RuntimeOperation::CountTokens => {
            return Ok(count::serve(site, model, caller, &request).map(Out::whole));
        }
    };
    match errand(site, operation, model, caller, request) {
        Ok(errand) => {
            let forbidden = &site.settings.forbidden;
            match forbidden.refuses_route(&site.world, errand.route, (caller, asked::action(operation))) {
                Some(refusal) => Ok(refusal.reply(&errand.request_id).map(Out::whole)),
                None => run(site, errand).await,
            }
        }
        Err(exception) => Ok(reply::error(&exception, &site.request_id()).map(Out::whole)),
    }
}

fn errand(
    site: &Site,
    operation: Operation,
    model: &str,
    caller: &Caller,
    request: Request<Bytes>,
) -> Result<Errand, Exception> {
    let (head, body) = request.into_parts();
    let (route, invoked) = site.lead(caller, model)?;
    let base = site.world.model_name(site.world.route_model(route));
    let dialect = match operation {
        Operation::Converse | Operation::ConverseStream => Dialect::Converse,
        _ => Dialect::of_model(base),
    };
    let mut ask = dialect.read(&body)?;
    if dialect != Dialect::Converse {
        read_headers(&head.headers, &mut ask)?;
    }
    check_model(base, &caller.region, &ask)?;
    let overrides = Overrides::read(&head.headers, &ask.extras.metadata);
    if let Some(now) = overrides.at_ns {
        site.clock.tell(now);
    }
    let request = overrides.request.unwrap_or_else(|| site.live.number());
    let attempt = overrides.attempt.unwrap_or(0);
    // Not by the key: two runs may send the same one, and a log tells their calls apart.
    let request_id = site.request_id();
    let sheet = Sheet {
        operation,
        request_id: request_id.clone(),
        model_id: model.to_owned(),
        account: caller.account.clone(),
        arn: caller.arn(),
        metadata: ask.extras.metadata.clone(),
        // A copy, since as it came it would keep the connection's whole buffer for as long as the answer takes.
        input: Bytes::copy_from_slice(&body),
    };
    // Every request that comes in over a connection is told of it.
    let line = head.extensions.get::<Line>().copied().unwrap_or(Line { age: 0, idle: None });
    Ok(Errand {
        operation,
        dialect,
        route,
        invoked,
        ask,
        overrides,
        request,
        attempt,
        request_id,
        line,
        sheet,
    })
}

/// What InvokeModel takes in headers, Converse has in its body.
fn read_headers(headers: &HeaderMap, ask: &mut Ask) -> Result<(), Exception> {
    let text = |name: &'static str| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(metadata) = text("x-amzn-bedrock-request-metadata") {
        ask.extras.metadata = serde_json::from_str(metadata).map_err(|_| {
            ask::invalid("The value of X-Amzn-Bedrock-Request-Metadata is not a JSON object of strings.")
        })?;
    }
    let latency = text("x-amzn-bedrock-performanceconfig-latency");
    let tier = text("x-amzn-bedrock-service-tier");
    ask.extras.latency =
        latency.map(|value| families::converse::latency(value, "performanceConfigLatency")).transpose()?;
    ask.extras.tier = tier.map(|value| families::converse::tier(value, "serviceTier")).transpose()?;
    Ok(())
}

/// What a request asks of a model that cannot do it.
fn check_model(model: &str, region: &str, ask: &Ask) -> Result<(), Exception> {
    const QUICK: [&str; 4] = ["nova-pro", "claude-3-5-haiku", "llama3-1-70b", "llama3-1-405b"];
    const BLIND: [&str; 5] = ["nova-micro", "titan-text", "llama3-1-", "llama3-3-", "mistral-7b"];
    if ask.extras.latency == Some("optimized") && !QUICK.iter().any(|name| model.contains(name)) {
        return Err(ask::invalid(format!(
            "Latency performance configuration is not supported for {model} in {region}"
        )));
    }
    if ask.images && BLIND.iter().any(|name| model.contains(name)) {
        return Err(ask::invalid(
            "This model doesn't support the image field for user messages. Remove image and try again.",
        ));
    }
    Ok(())
}

async fn run(site: &Arc<Site>, errand: Errand) -> Result<Response<Out>, Cut> {
    let Errand {
        operation,
        dialect,
        route,
        invoked,
        ask,
        overrides,
        request,
        attempt,
        request_id,
        line,
        sheet,
    } = errand;
    let world = &site.world;
    let class = site.settings.class(operation, overrides.class.as_deref());
    let tenant = site.settings.tenant(overrides.tenant.as_deref(), class);
    let words = Words { draws: site.settings.luck.stream(Stream::Words), request, block: 0 };
    let mode = Mode {
        settings: &site.settings.answers,
        output: class.map_or(&site.settings.output, |class| &class.output),
        sizes: site.settings.luck.stream(Stream::Sizes),
    };
    let mut script = mode.script(&ask, words, overrides.output_tokens);
    let most = ask.max_tokens.unwrap_or(world.max_output(world.route_model(route)));
    script.cut(most);
    let call = Call {
        route,
        operation,
        request,
        attempt,
        input_tokens: overrides.input_tokens.unwrap_or(ask.tokens),
        cache_read: 0,
        cache_write: 0,
        max_tokens: ask.max_tokens,
        output_tokens: script.tokens(),
        tenant,
        prefix: None,
        connect_within: None,
    };
    let model = world.model_name(world.route_model(route));
    let owner = u64::from(salt(&sheet.account)) << 32
        | u64::from(salt(model)) ^ u64::from(salt(world_region(world, route)));
    let cached = !ask.points.is_empty();
    let cache = CacheOrder { owner, points: &ask.points, least: cache::least_tokens(model) };
    let extras = ask.extras;
    let totals = site.settings.total_counts_cache;
    let tell = |answer: &Answer, used: cache::Use, now: Nanos| Telling {
        dialect,
        model: model.to_owned(),
        script,
        words,
        usage: Usage {
            input: answer.usage.input,
            output: answer.usage.output,
            read: answer.usage.cache_read,
            write: answer.usage.cache_write,
            write_1h: used.write_1h,
            cached,
            total_counts_cache: totals,
        },
        latency_ms: ms(answer.last_at, now),
        first_byte_ms: ms(answer.first_at, now),
        extras,
        invoked: invoked.or_else(|| (answer.route != route).then(|| world.route_id(answer.route).to_owned())),
    };
    match site.live.meet(&site.clock, Order { call, line, cache, sheet }, tell) {
        Met::Answer(admitted) => {
            let frames = Frames::new(words.draws, request, attempt);
            deliver::answer(site, operation, &request_id, admitted, frames).await
        }
        Met::Turned(served, moment) => deliver::turned(site, served, moment, &request_id).await,
    }
}

fn world_region(world: &World, route: RouteId) -> &str {
    world.region_name(world.route_region(route))
}

fn ms(at: Nanos, since: Nanos) -> u64 {
    if at == Nanos::MAX { 0 } else { at.saturating_sub(since) / 1_000_000 }
}
