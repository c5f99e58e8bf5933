//! The scenario's text and its trace. Numbers carry comments that say where they come from; whatever the log does not
//! say is named as an assumption.

use std::fmt::Write as _;

use richter_mock_bedrock::units::{Quantity as _, Share, Span};

use super::{
    Made, Refusal, Throttled, Wish,
    facts::{Class, Facts, HIDDEN_MODEL, Kind, Row},
    fit::Table,
    gather::{Call, Log, time},
    quota::Binding,
};

/// Longest text of a comment line, without its mark.
const WIDTH: usize = 112;

#[derive(Debug)]
pub struct Writer<'a> {
    log: &'a Log,
    wish: &'a Wish,
    facts: Facts,
    notes: Vec<String>,
}

impl<'a> Writer<'a> {
    pub fn new(log: &'a Log, way: u16, calls: &[Call], wish: &'a Wish) -> Result<Writer<'a>, Refusal> {
        let facts = Facts::of(log, way, calls, wish)?;
        let mut writer = Writer { log, wish, facts, notes: Vec::new() };
        writer.note_calls(way, calls.len());
        writer.note_world();
        Ok(writer)
    }

    pub fn write(self) -> Result<Made, Refusal> {
        Ok(Made { scenario: self.scenario(), trace: trace(&self.facts.rows), notes: self.notes })
    }

    fn note_calls(&mut self, way: u16, calls: usize) {
        let facts = &self.facts;
        let (first, last) = (time(facts.first_s), time(facts.first_s + facts.seconds - 1));
        let mut notes = vec![format!(
            "{calls} calls of {} from {first} to {last}; {} answered, {} throttled. {} are replayed.",
            facts.way,
            facts.answered,
            facts.seen.throttled,
            facts.rows.len()
        )];
        let others: Vec<String> = self
            .log
            .by_count()
            .iter()
            .filter(|(other, _)| *other != way)
            .take(5)
            .map(|(other, count)| format!("{} ({count})", self.log.way(*other)))
            .collect();
        if !others.is_empty() {
            notes.push(format!("Not replayed, choose with --model and --region: {}.", others.join(", ")));
        }
        if self.log.duplicates > 0 {
            notes.push(format!("{} records came twice and count once.", self.log.duplicates));
        }
        let left_out = self.log.left_out + self.log.other_operations;
        if left_out > 0 {
            notes.push(format!("{left_out} records of other operations or beyond the limits are left out."));
        }
        if facts.caller_faults > 0 {
            notes.push(format!(
                "{} calls that failed by the caller's own fault are left out.",
                facts.caller_faults
            ));
        }
        if facts.seen.throttled > 0 {
            notes.push(self.throttled());
        }
        if facts.borrowed > 0 {
            notes.push(format!(
                "{} refused calls have no sizes in the log and take those of the answered call before them.",
                facts.borrowed
            ));
        }
        notes.push(
            "The log has whole seconds: calls of one second are spread evenly over it. It does not say how long callers \
             would have waited, so they wait for ever."
                .to_owned(),
        );
        self.notes.extend(notes);
    }

    fn throttled(&self) -> String {
        match self.wish.throttled {
            Throttled::Keep => "Each throttled call is replayed as a request of its own. The log does not say which of them \
                                were one caller's retries, so where clients retried this is more than was asked for; \
                                --throttled drop is less."
                .to_owned(),
            Throttled::Drop => format!(
                "{} throttled calls are left out, so where clients gave up this is less than was asked for.",
                self.facts.throttled_left_out
            ),
        }
    }

    fn note_world(&mut self) {
        let facts = &self.facts;
        let mut notes = Vec::new();
        notes.push(match &facts.pace {
            Some(pace) => format!(
                "Latencies are those of {} logged answers{}: the median of pairs gives {} for each token, and the rest is \
                 time to the first one. The log times whole answers only.",
                pace.answers,
                if facts.pace_at_source { "" } else { " from all serving Regions" },
                span(pace.token_ms),
            ),
            None => "ASSUMED: first_token and per_token. Too few answers have a time in the log: only Converse and \
                     ConverseStream do, and only with bodies switched on."
                .to_owned(),
        });
        if facts.hop.is_none() && facts.rerouted() > 0.0 {
            notes.push(
                "ASSUMED: what a hop costs. Too few answers from the source or from elsewhere have a time."
                    .to_owned(),
            );
        }
        if let Some(room) = facts.room {
            notes.push(format!(
                "{} of the answers came from other Regions. The source Region's room is set to {room} answers at once: so \
                 many it was usually producing when a call was sent on. Why it was sent on is not logged.",
                Share(facts.rerouted())
            ));
        }
        notes.push(self.about_quota());
        if facts.base == HIDDEN_MODEL {
            notes.push(format!(
                "The base model behind the ARN is not logged; it is called {HIDDEN_MODEL} here."
            ));
        }
        notes.push(
            "ASSUMED: round trips of 10ms, and that quotas are token buckets. max_tokens is known only where bodies are \
             logged; without it the model's maximum is reserved."
                .to_owned(),
        );
        self.notes.extend(notes);
    }

    fn about_quota(&self) -> String {
        let seen = &self.facts.seen;
        let Some((binding, rate)) = self.facts.quota() else {
            let why = if seen.throttled == 0 {
                "no call was throttled"
            } else {
                "the throttles are too few or too short"
            };
            return format!(
                "No quota is set, since {why}: all that is known is that a minute with {} requests and {} tokens passed.",
                seen.busiest_requests, seen.busiest_tokens
            );
        };
        let requests = seen.requests_per_minute().unwrap_or_default();
        let tokens = seen.tokens_per_minute().unwrap_or_default();
        let what = match (seen.binding, binding) {
            (None, _) => {
                "taken for a quota of requests, since the log is too short to tell it from one of tokens"
            }
            (_, Binding::Requests) => "taken for a quota of requests, which came more evenly than tokens",
            (_, Binding::Tokens) => "taken for a quota of tokens, which came more evenly than requests",
        };
        format!(
            "ESTIMATED: the quota, {} a minute. While it refused, for {} s in all, the service admitted {} calls: {requests:.1} \
             requests and {tokens:.0} tokens a minute; {what}.",
            number(rate),
            seen.seconds,
            seen.admitted,
        )
    }

    fn scenario(&self) -> String {
        let mut out = String::new();
        let facts = &self.facts;
        for note in &self.notes {
            comment(&mut out, note);
        }
        let name = &self.wish.name;
        line(&mut out, "version: 1");
        line(&mut out, format!("name: {}", quoted(name)));
        line(&mut out, "question: What would another way of calling have made of this traffic?");
        line(&mut out, "replications: 3");
        line(&mut out, format!("\ntargets:\n  logged: {}", self.target()));
        out.push_str(&self.world());
        line(&mut out, "\ntraffic:\n  mix:");
        for (place, class) in facts.classes.iter().enumerate() {
            self.class(&mut out, class, place);
        }
        line(&mut out, "  phases:");
        line(
            &mut out,
            format!(
                "    - {{ name: replay, for: {}s, trace: {{ file: {}, format: csv, columns: {{ time: seconds, input: input, \
                 output: output }} }} }}",
                facts.seconds,
                quoted(&format!("{name}.csv"))
            ),
        );
        self.faults(&mut out);
        line(&mut out, "\nstrategies:");
        line(&mut out, "  one-attempt: { direct: { target: logged } }");
        line(&mut out, "  sdk-retries: { sdk: { target: logged, mode: standard } }");
        line(&mut out, "  richter: { composed: { preset: balanced, tiers: [[logged]] } }");
        out
    }

    fn target(&self) -> String {
        let Facts { way, kind, base, .. } = &self.facts;
        let (region, model) = (quoted(&way.region), quoted(&way.model));
        match kind {
            Kind::OnDemand => format!("{{ on_demand: {{ region: {region}, model: {} }} }}", quoted(base)),
            Kind::Profile | Kind::GlobalProfile => {
                format!("{{ profile: {{ source: {region}, id: {model} }} }}")
            }
            Kind::Provisioned => format!("{{ provisioned: {{ region: {region}, arn: {model} }} }}"),
            Kind::ApplicationProfile => format!(
                "{{ application_profile: {{ region: {region}, arn: {model}, copies: {} }} }}",
                quoted(base)
            ),
        }
    }

    fn world(&self) -> String {
        let mut out = String::from("\nworld:\n  regions:\n");
        let facts = &self.facts;
        let source = &facts.way.region;
        let others = facts.serving.iter().map(|serving| &serving.region).filter(|region| *region != source);
        for region in std::iter::once(source).chain(others) {
            line(&mut out, format!("    {}: {{}}", quoted(region)));
        }
        line(&mut out, format!("  models:\n    {}:", quoted(&facts.base)));
        match &facts.pace {
            Some(pace) => {
                line(&mut out, format!("      first_token: {}", table(&pace.first_ms, span)));
                line(&mut out, format!("      per_token: {}", span(pace.token_ms)));
            }
            None => {
                line(&mut out, "      first_token: { log_normal: { p50: 450ms, p99: 2s } } # assumed");
                line(&mut out, "      per_token: { log_normal: { p50: 9ms, p99: 30ms } } # assumed");
            }
        }
        line(
            &mut out,
            format!(
                "      max_output: {} # the longest answer or limit seen, or 4096",
                facts.most_output.max(4096)
            ),
        );
        self.profile(&mut out);
        self.quotas(&mut out);
        if let Some(hop) = &facts.hop {
            line(&mut out, format!("  hop: {} # what answers from elsewhere took longer", table(hop, span)));
        }
        out
    }

    fn profile(&self, out: &mut String) {
        let facts = &self.facts;
        if facts.serving.is_empty() {
            return;
        }
        line(out, "  # Who served, and the median, 90th and 99th percentile of whole answers:");
        for serving in &facts.serving {
            let times = serving.latency_ms.map_or("no times logged".to_owned(), |ms| ms.map(span).join(", "));
            line(out, format!("  #   {}: {} answers, {times}", serving.region, serving.answers));
        }
        let source = &facts.way.region;
        let mut regions: Vec<&str> = facts.serving.iter().map(|serving| &*serving.region).collect();
        // With the source first, that is the order in which `source_first` goes.
        regions.sort_by_key(|region| *region != source);
        let regions: Vec<String> = regions.into_iter().map(quoted).collect();
        let choice = if facts.rerouted() > 0.5 { "spread" } else { "source_first" };
        line(out, format!("  profiles:\n    {}:", quoted(&facts.way.model)));
        line(out, format!("      model: {}", quoted(&facts.base)));
        line(out, format!("      destinations: {{ {}: [{}] }}", quoted(source), regions.join(", ")));
        line(out, format!("      choice: {choice} # the log shows who served, not why"));
        if let Some(room) = facts.room {
            line(out, format!("  capacity:\n    {}: {{ concurrent: {room}, slowdown: 1 }}", quoted(source)));
        }
    }

    fn quotas(&self, out: &mut String) {
        let facts = &self.facts;
        let quota = facts.quota().map(|(binding, rate)| {
            let what = if binding == Binding::Requests { "requests" } else { "tokens" };
            format!("{what}: {}/min", number(rate))
        });
        if facts.kind == Kind::Provisioned {
            let limit = quota.map_or(String::new(), |quota| format!("\n      {quota}"));
            let model = quoted(&facts.base);
            line(
                out,
                format!("  provisioned:\n    {}:\n      model: {model}{limit}", quoted(&facts.way.model)),
            );
            return;
        }
        let pool = match facts.kind {
            Kind::Profile => "profile",
            Kind::GlobalProfile => "global_profile",
            _ => "on_demand",
        };
        if let Some(quota) = quota {
            let region = quoted(&facts.way.region);
            line(
                out,
                format!("  quotas:\n    {pool}:\n      {region}: {{ {quota} }} # estimated, see above"),
            );
        }
    }

    fn class(&self, out: &mut String, class: &Class, place: usize) {
        line(out, format!("    {}:", class.operation.api()));
        // The last one takes what rounding left.
        let before: f64 = self.facts.classes[..place].iter().map(|class| rounded(class.share)).sum();
        let last = place + 1 == self.facts.classes.len();
        let share = if last { 1.0 - before } else { rounded(class.share) };
        line(out, format!("      share: {}", Share(share)));
        line(out, format!("      api: {}", class.operation.api()));
        line(out, format!("      input: {} # as logged; the trace has each call's own", sizes(&class.input)));
        line(out, format!("      output: {}", sizes(&class.output)));
        if let Some(limit) = class.max_tokens {
            line(out, format!("      max_tokens: {limit} # what most calls set"));
        }
    }

    fn faults(&self, out: &mut String) {
        let Some(errors) = &self.facts.errors else { return };
        let all: u64 = errors.by_name.iter().map(|(_, count)| count).sum();
        let share = |count: u64| Share(rounded(count as f64 / all as f64).max(1e-4));
        let mix: Vec<String> =
            errors.by_name.iter().map(|(name, count)| format!("{name}: {}", share(*count))).collect();
        line(out, format!("\nfaults:\n  - logged_errors: # {all} calls that the service failed"));
        let burst = Share(rounded(errors.share).clamp(1e-4, 1.0));
        line(out, format!("      error_burst: {{ errors: {{ {} }}, share: {burst} }}", mix.join(", ")));
        let (from, length) = (errors.from_s, errors.length_s.min(self.facts.seconds - errors.from_s));
        line(out, format!("      during: {{ from: {from}s, for: {length}s }}"));
    }
}

fn trace(rows: &[Row]) -> String {
    let mut text = String::from("seconds,input,output\n");
    for row in rows {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{:.3},{},{}", row.at_s, row.input, row.output);
    }
    text
}

fn line(out: &mut String, text: impl AsRef<str>) {
    out.push_str(text.as_ref());
    out.push('\n');
}

/// Wrapped at words. Names from the log cannot end a comment: they hold no line break by the time they come here.
fn comment(out: &mut String, text: &str) {
    let mut width = 0;
    out.push_str("# -");
    for word in text.replace(['\n', '\r', '\u{85}', '\u{2028}', '\u{2029}'], " ").split(' ') {
        if width + word.len() + 1 > WIDTH {
            out.push_str("\n#  ");
            width = 0;
        }
        out.push(' ');
        out.push_str(word);
        width += word.len() + 1;
    }
    out.push('\n');
}

/// A YAML string is a JSON string.
fn quoted(text: &str) -> String {
    let plain = text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
        && text.starts_with(|c: char| c.is_ascii_alphabetic());
    // A bare `no` or `null` is no string in YAML.
    let word = text.chars().all(|c| c.is_ascii_alphabetic()) && text.len() < 6;
    if plain && !word { text.to_owned() } else { serde_json::Value::from(text).to_string() }
}

fn span(ms: f64) -> String {
    Span::from_base(libm::round(ms * 1e3) * 1e3).to_string()
}

fn table(table: &Table, value: impl Fn(f64) -> String) -> String {
    let points: Vec<String> = table
        .iter()
        .map(|(at, number)| format!("{{ at: {}, value: {} }}", Share(*at), value(*number)))
        .collect();
    format!("{{ empirical: [{}] }}", points.join(", "))
}

fn sizes(values: &[f64]) -> String {
    let tokens = |value: f64| format!("{}", value.max(1.0) as u64);
    match super::fit::table(values.to_vec()) {
        Some(found) => table(&found, tokens),
        None => tokens(super::fit::median(values.to_vec()).unwrap_or(1.0)),
    }
}

/// To a hundredth of a percent.
fn rounded(share: f64) -> f64 {
    libm::round(share * 1e4) / 1e4
}

/// Three digits: the estimate has no more.
fn number(rate: f64) -> String {
    let scale = libm::pow(10.0, libm::floor(libm::log10(rate.max(1e-3))) - 2.0);
    let value = libm::round(rate / scale) * scale;
    if value >= 100.0 {
        format!("{value:.0}")
    } else {
        format!("{:.2}", value).trim_end_matches('0').trim_end_matches('.').to_owned()
    }
}
