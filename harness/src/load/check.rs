//! From traffic as written to traffic resolved, or to everything that cannot work.

use std::{ffi::OsString, fmt::Display, path::Path, sync::Arc};

use indexmap::IndexMap;
use richter_core::request::Need;
use richter_mock_bedrock::{
    Nanos, SpecProblem,
    engine::PREFIX_MIN,
    units::{Share, Span},
};

use super::{
    ClassPlan, PhasePlan, Source, Traffic,
    arrival::{ArrivalSpec, Kind},
    mix::{Mix, whole_tokens},
    number::{MAX_AGAIN, MAX_COPIES, MAX_PHASES, MAX_USERS},
    population::Population,
    seconds,
    spec::{ClassSpec, PhaseSpec, PopulationSpec, SharedPrefixSpec, TraceFormat, TraceSpec, TrafficSpec},
    tenants::{self, Asking, Roll},
    trace::{
        Trace, place,
        survey::{MOST_ROWS, Survey},
    },
};

const MOST_CLASSES: usize = 256;
const MOST_ARRIVALS: f64 = 100e6;
const LONGEST_RUN: Span = Span(31 * 86_400_000_000_000);
/// How far the shares may miss 100 %, for people who write 33.3 % three times.
const SHARES_OFF: f64 = 0.001_5;
const TIME_SCALE: std::ops::RangeInclusive<f64> = 0.001..=1000.0;
const RATE_SCALE: std::ops::RangeInclusive<f64> = 0.001..=100.0;
const _: () = assert!(*RATE_SCALE.end() < MAX_COPIES as f64);

/// Collects problems under a path.
#[derive(Debug)]
pub struct Notes<'a> {
    found: &'a mut Vec<SpecProblem>,
    path: Vec<String>,
}

impl<'a> Notes<'a> {
    pub fn new(found: &'a mut Vec<SpecProblem>) -> Self {
        Notes { found, path: Vec::new() }
    }

    pub fn under(&mut self, key: impl Display) -> Notes<'_> {
        let mut path = self.path.clone();
        path.push(key.to_string());
        Notes { found: self.found, path }
    }

    pub fn here(&mut self, message: impl Into<String>, hint: impl Into<String>) {
        let (message, hint) = (message.into(), hint.into());
        self.found.push(SpecProblem { path: self.path.clone(), message, hint });
    }

    pub fn at(&mut self, key: impl Display, message: impl Into<String>, hint: impl Into<String>) {
        self.under(key).here(message, hint);
    }

    fn count(&self) -> usize {
        self.found.len()
    }
}

/// Looks up an environment variable.
type Env<'a> = &'a dyn Fn(&str) -> Option<OsString>;

impl TrafficSpec {
    /// Resolves the traffic, or says everything that cannot work. `folder` is where relative trace paths start.
    ///
    /// Reads every trace once, up to the last row that the run will play.
    pub fn resolve(&self, folder: &Path) -> Result<Traffic, Vec<SpecProblem>> {
        self.resolve_with(folder, &|name| std::env::var_os(name))
    }

    fn resolve_with(&self, folder: &Path, env: Env<'_>) -> Result<Traffic, Vec<SpecProblem>> {
        let mut found = Vec::new();
        let mut notes = Notes::new(&mut found);
        check_mix(&self.mix, &mut notes.under("mix"));
        check_count(self.phases.len(), &mut notes);
        let phases = place_phases(&self.phases, &mut notes);
        let sources: Vec<Source> = self
            .phases
            .iter()
            .enumerate()
            .filter_map(|(i, phase)| source(phase, folder, env, &mut notes.under("phases").under(i)))
            .collect();
        let mut roll = Roll::default();
        let asking: Vec<Asking> =
            self.mix.iter().map(|(name, spec)| roll.draw_for(name, spec.tenants.as_ref())).collect();
        check_tenants(roll.names().len(), &mut notes);
        let classes = self
            .mix
            .iter()
            .zip(&asking)
            .map(|((name, spec), asking)| class_plan(name, spec, asking))
            .collect();
        let mix = Mix::new(self.mix.values().zip(asking));
        let traffic = Traffic { phases, classes, tenants: roll.names().to_vec(), sources, mix };
        if notes.count() == 0 {
            check_total(&traffic, &mut notes);
        }
        if found.is_empty() { Ok(traffic) } else { Err(found) }
    }
}

fn check_tenants(count: usize, notes: &mut Notes<'_>) {
    if count > tenants::MOST {
        let message = format!("the classes have {count} tenants together, more than {}", tenants::MOST);
        notes.at("mix", message, "write fewer `tenants`");
    }
}

fn class_plan(name: &str, spec: &ClassSpec, asking: &Asking) -> ClassPlan {
    ClassPlan {
        name: name.to_owned(),
        api: spec.api,
        share: spec.share.0,
        mean_input: spec.input.sampler().mean(),
        mean_output: spec.output.sampler().mean(),
        output: spec.output.sampler(),
        max_tokens: spec.max_tokens.map(|tokens| whole_tokens(tokens.0 as f64)),
        priority: spec.priority,
        needs: spec.needs.iter().copied().collect(),
        tenants: asking.len(),
    }
}

fn check_mix(mix: &IndexMap<String, ClassSpec>, notes: &mut Notes<'_>) {
    if mix.is_empty() || mix.len() > MOST_CLASSES {
        let message = format!("{} classes are not between 1 and {MOST_CLASSES}", mix.len());
        notes.here(message, "name at least one class, with its share, api, input and output");
        return;
    }
    let sum: f64 = mix.values().map(|class| class.share.0).sum();
    if (sum - 1.0).abs() > SHARES_OFF {
        let shares: Vec<String> = mix.iter().map(|(name, class)| format!("{name} {}", class.share)).collect();
        let message = format!("the shares add up to {}, not 100%: {}", Share(sum), shares.join(", "));
        notes.here(message, "change the shares so that they add up to 100%");
    }
    for (name, class) in mix {
        check_class(class, &mut notes.under(name));
    }
}

fn check_shared(shared: SharedPrefixSpec, class: &ClassSpec, notes: &mut Notes<'_>) {
    if shared.prefixes == 0 {
        notes.at("prefixes", "there is no prompt to begin with", "write a count such as 50");
    }
    let tokens = shared.tokens.0;
    if tokens < u64::from(PREFIX_MIN) || tokens > u64::from(u32::MAX) {
        let hint = format!("write a count from {PREFIX_MIN} on, or leave `shared_prefix` out");
        notes.at("tokens", format!("no Region caches a beginning of {tokens} tokens"), hint);
    } else if class.input.sampler().at(0.5) <= tokens as f64 {
        let message = "half of the prompts are no longer than the beginning that they share";
        notes.at("tokens", message, "write less than the usual `input`");
    }
}

fn check_class(class: &ClassSpec, notes: &mut Notes<'_>) {
    if class.max_tokens.is_some_and(|tokens| tokens.0 == 0 || tokens.0 > u64::from(u32::MAX)) {
        notes.at("max_tokens", "max_tokens must be at least 1 and fit 32 bits", "write a count such as 1024");
    }
    if class.abandon_after.is_some_and(|span| span.0 == 0) {
        notes.at(
            "abandon_after",
            "a caller without any patience never asks",
            "write a length of time such as 30s",
        );
    }
    let follow = |need: &&Need| matches!(need, Need::Streaming | Need::Prefill);
    if let Some(need) = class.needs.iter().find(follow) {
        let message = format!("\"{}\" is nothing that a class of requests says by itself", need.name());
        notes.at(
            "needs",
            message,
            "write any of tools, images, json and thinking; `api` says whether it streams",
        );
    }
    if let Some(tenants) = &class.tenants {
        tenants.check(&mut notes.under("tenants"));
    }
    if let Some(shared) = &class.shared_prefix {
        check_shared(*shared, class, &mut notes.under("shared_prefix"));
    }
    if let Some(again) = &class.again
        && !(1..=MAX_AGAIN).contains(&again.times)
    {
        let message = format!("coming back {} times is not between 1 and {MAX_AGAIN}", again.times);
        notes.under("again").at("times", message, "write a count such as 3, or leave `again` out");
    }
}

fn check_count(phases: usize, notes: &mut Notes<'_>) {
    if phases == 0 || phases > MAX_PHASES {
        let message = format!("{phases} phases are not between 1 and {MAX_PHASES}");
        let hint = match phases {
            0 => "write at least one, such as { name: steady, for: 5m, rate: 4/s }",
            _ => "join some: a rate may be a ramp, steps or a wave",
        };
        notes.at("phases", message, hint);
    }
}

/// Gives every phase its absolute times.
fn place_phases(specs: &[PhaseSpec], notes: &mut Notes<'_>) -> Vec<PhasePlan> {
    let notes = &mut notes.under("phases");
    let mut plans: Vec<PhasePlan> = Vec::with_capacity(specs.len());
    for (i, spec) in specs.iter().enumerate() {
        let notes = &mut notes.under(i);
        if let Some(twin) = plans.iter().position(|plan| plan.name == spec.name) {
            let message = format!("phase {} is already called \"{}\"", twin + 1, spec.name);
            notes.at("name", message, "give every phase its own name");
        }
        let free = plans.last().map_or(0, |plan| plan.to);
        let from = spec.from.map_or(free, |from| from.0);
        if from < free {
            let before = &plans[i - 1].name;
            let message =
                format!("the phase starts at {}, before \"{before}\" ends at {}", Span(from), Span(free));
            notes.at("from", message, format!("leave `from` out, or write at least {}", Span(free)));
        }
        let to = from.saturating_add(spec.length.0);
        check_length(spec.length, to, notes);
        plans.push(PhasePlan { name: spec.name.clone(), from, to, measured: spec.measured });
    }
    plans
}

fn check_length(length: Span, to: Nanos, notes: &mut Notes<'_>) {
    if length.0 == 0 {
        notes.at("for", "a phase of no length offers nothing", "write a length of time such as 5m");
    } else if to > LONGEST_RUN.0 {
        let message = format!("the phase ends at {}, later than the {LONGEST_RUN} a run may take", Span(to));
        notes.at("for", message, "shorten the phases");
    }
}

/// Where a phase's requests come from; none if that is not clear or cannot work.
fn source(spec: &PhaseSpec, folder: &Path, env: Env<'_>, notes: &mut Notes<'_>) -> Option<Source> {
    let before = notes.count();
    let herd = matches!(spec.arrivals, Some(ArrivalSpec::Herd { .. }));
    let given: Vec<&str> = [
        ("rate", spec.rate.is_some()),
        ("population", spec.population.is_some()),
        ("trace", spec.trace.is_some()),
        ("arrivals", herd || (spec.arrivals.is_some() && spec.rate.is_none())),
    ]
    .into_iter()
    .filter_map(|(key, given)| given.then_some(key))
    .collect();
    match given[..] {
        [] => notes.here(
            "the phase does not say where its requests come from",
            "write rate: 40/s, or give a population, a trace or a herd",
        ),
        ["arrivals"] if !herd => notes.at(
            "arrivals",
            "there is no rate for the arrivals to scatter around",
            "add a rate such as rate: 40/s",
        ),
        [first, second, ..] => notes.at(
            second,
            format!("a phase has one source of requests, and this one has both {first} and {second}"),
            format!("remove {first} or {second}, or make two phases"),
        ),
        [_] => {}
    }
    check_parts(spec, notes);
    if notes.count() > before || spec.length.0 == 0 {
        return None;
    }
    build(spec, folder, env, notes)
}

fn check_parts(spec: &PhaseSpec, notes: &mut Notes<'_>) {
    if let Some(rate) = &spec.rate {
        rate.check(spec.length, &mut notes.under("rate"));
    }
    if let Some(arrivals) = &spec.arrivals {
        arrivals.check(&mut notes.under("arrivals"));
    }
    if let Some(population) = &spec.population
        && !(1..=MAX_USERS).contains(&population.users)
    {
        let message = format!("{} users are not between 1 and {MAX_USERS}", population.users);
        notes.under("population").at("users", message, "write a count such as 200");
    }
    if let Some(trace) = &spec.trace {
        check_trace(trace, &mut notes.under("trace"));
    }
}

fn check_trace(spec: &TraceSpec, notes: &mut Notes<'_>) {
    match (spec.format, &spec.columns) {
        (TraceFormat::Csv, None) => notes.here(
            "format csv does not say which columns to read",
            "add columns: { time: NAME, input: NAME, output: NAME }",
        ),
        (TraceFormat::Azure | TraceFormat::Mooncake, Some(_)) => {
            notes.at("columns", "this format has its own columns", "remove columns, or write format: csv");
        }
        _ => {}
    }
    for (key, scale, limits) in
        [("time_scale", spec.time_scale, TIME_SCALE), ("rate_scale", spec.rate_scale, RATE_SCALE)]
    {
        if let Some(scale) = scale.filter(|scale| !limits.contains(scale)) {
            let message = format!("{scale} is not between {} and {}", limits.start(), limits.end());
            notes.at(key, message, "2 doubles, 0.5 halves");
        }
    }
    if spec.window.is_some_and(|window| window.length.0 == 0) {
        notes.under("window").at(
            "for",
            "a window of no length holds nothing",
            "write a length of time such as 10m",
        );
    }
    if spec.token_cap.is_some_and(|cap| cap.0 == 0) {
        notes.at("token_cap", "a request has at least one token", "write a count such as \"100k\"");
    }
}

fn build(spec: &PhaseSpec, folder: &Path, env: Env<'_>, notes: &mut Notes<'_>) -> Option<Source> {
    if let Some(population) = &spec.population {
        return Some(Source::Population(population.resolved()));
    }
    if let Some(trace) = &spec.trace {
        return survey(trace, spec.length, folder, env, &mut notes.under("trace"));
    }
    match (spec.arrivals.clone().unwrap_or_default().kind(), &spec.rate) {
        (Kind::Herd(herd), _) => Some(Source::Herd(herd)),
        (Kind::Rated(process), Some(rate)) => {
            Some(Source::Rated { curve: Arc::new(rate.curve(seconds(spec.length.0))), process })
        }
        (Kind::Rated(_), None) => None,
    }
}

impl PopulationSpec {
    fn resolved(&self) -> Population {
        Population {
            users: self.users,
            think: self.think.sampler(),
            retry_after: self.retry_after.as_ref().unwrap_or(&self.think).sampler(),
        }
    }
}

fn survey(
    spec: &TraceSpec,
    length: Span,
    folder: &Path,
    env: Env<'_>,
    notes: &mut Notes<'_>,
) -> Option<Source> {
    let path = match place::locate(&spec.file, folder, env) {
        Ok(path) => path,
        Err(misplaced) => {
            notes.at("file", misplaced.message, misplaced.hint);
            return None;
        }
    };
    let trace = Trace {
        path,
        format: spec.format,
        columns: spec.columns.clone(),
        time_scale: spec.time_scale.unwrap_or(1.0),
        rate_scale: spec.rate_scale.unwrap_or(1.0),
        from: spec.window.map_or(0, |window| window.from.0),
        to: spec.window.map_or(Nanos::MAX, |window| window.from.0.saturating_add(window.length.0)),
        token_cap: spec.token_cap.map_or(u32::MAX, |cap| u32::try_from(cap.0).unwrap_or(u32::MAX)),
    };
    match Survey::of(&trace, length.0) {
        Err(error) => notes.at("file", error.0, "correct the file, or check `format`"),
        Ok(survey) if survey.rows == 0 => {
            notes.at("file", "no row of the trace falls into this phase", "check `window` and `time_scale`");
        }
        Ok(survey) if survey.cut_short => notes.at(
            "file",
            format!("the phase would play more than {MOST_ROWS} rows"),
            "cut the trace with `window`, or shorten the phase",
        ),
        Ok(survey) => return Some(Source::Trace(Box::new((trace, survey)))),
    }
    None
}

fn check_total(traffic: &Traffic, notes: &mut Notes<'_>) {
    let total = traffic.expected(0, traffic.end());
    if total > MOST_ARRIVALS {
        notes.at(
            "phases",
            format!("the run would offer {total:.0} requests, more than {MOST_ARRIVALS:.0}"),
            "lower the rates or shorten the phases",
        );
    }
}
