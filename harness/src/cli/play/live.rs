//! `--on mock` and `--on bedrock`: from the command line to the live conductor.

use std::{path::Path, time::Duration};

use anyhow::Context as _;
#[cfg(feature = "observe")]
use aws_config::Region;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
#[cfg(feature = "observe")]
use richter_core::live::http_client;
use richter_core::live::{Names, Trust};
use richter_mock_bedrock::luck::Luck;

use super::{INTERRUPTED, LiveArgs, Loaded, On, Playing, consent};
use crate::{
    aws::{self, Access},
    cli::speaks_unicode,
    exit::Exit,
    ground::live::ask::Prompts,
    record::journal::ScenarioText,
    run::{
        Played,
        board::Board,
        guard::Limits,
        live::{self, LiveOptions},
    },
    scenario::{Checked, plan::Plan},
    telemetry::Telemetry,
    watch,
};
#[cfg(feature = "observe")]
use crate::{
    cli::observe,
    run::live::evidence::{self, Watched},
};

/// Plays the plan on the wall clock; or why it did not even begin.
pub fn play(playing: &Playing<'_>, loaded: &Loaded, folder: &Path) -> anyhow::Result<Result<Played, Exit>> {
    let (args, plan) = (playing.live, &loaded.plan);
    let real = playing.on == On::Bedrock;
    let endpoint = args.aws.endpoint_url.clone();
    let own_mock = !real && endpoint.is_none();
    if let Err(exit) = consent::ask(plan, args, service(real, endpoint.as_deref()), real) {
        return Ok(Err(exit));
    }
    let access = match real.then(|| access(plan, args)).transpose() {
        Ok(access) => access,
        Err(exit) => return Ok(Err(exit)),
    };
    let prompts = match &args.prompts {
        None => Prompts::words(Luck::new(plan.seed, 0), salt()),
        Some(path) => Prompts::file(path, Luck::new(plan.seed, 0), salt())?,
    };
    let lanes = args.lanes.map_or_else(lanes, usize::from);
    let telemetry = args.telemetry.wanted().then(|| telemetry(args)).transpose()?;
    #[cfg(feature = "observe")]
    let watched = match args.observe.then(|| watched(plan, args, own_mock, access.as_ref())).transpose()? {
        Some(Err(exit)) => return Ok(Err(exit)),
        Some(Ok(watched)) => Some(watched),
        None => None,
    };
    let config = || access.as_ref().map_or_else(for_the_mock, Access::with_own_connections);
    let board = Board::default();
    let options = LiveOptions {
        scenario: loaded.text.clone(),
        folder,
        ground: playing.on.ground(),
        endpoint,
        client: args.client,
        trust: access.as_ref().map_or(Trust::System, |access| access.trust().clone()),
        configs: &|| (0..lanes).map(|_| config()).collect(),
        prompts,
        limits: limits(args, real),
        in_flight_max: in_flight_max(args, own_mock),
        lag_max: args.lag_max,
        interleave: args.interleave,
        refill: if own_mock { Duration::ZERO } else { args.refill },
        trace: playing.trace,
        injections: args.inject.clone(),
        interrupted: &INTERRUPTED,
        board: board.clone(),
        telemetry: telemetry.as_ref(),
        #[cfg(feature = "observe")]
        watched,
    };
    let style = if playing.quiet { watch::Style::None } else { args.view };
    let look = watch::Look { color: playing.color.on_stderr(), unicode: speaks_unicode() };
    let watching = watch::Watching { style, look, board: &board, interrupted: &INTERRUPTED };
    let played = watch::alongside(watching, || live::play(plan, &options));
    let played = played.context("the live run could not be done")?;
    for lost in telemetry.map_or_else(Vec::new, Telemetry::finish) {
        eprintln!("warning: {lost}");
    }
    Ok(Ok(played))
}

/// Where the evidence will be; or what is not set up.
#[cfg(feature = "observe")]
fn watched(
    plan: &Plan,
    args: &LiveArgs,
    own_mock: bool,
    access: Option<&Access>,
) -> anyhow::Result<Result<Watched, Exit>> {
    let wait = evidence::wait(own_mock, args.observe_wait);
    if own_mock {
        return Ok(Ok(Watched { places: Vec::new(), wait }));
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let in_region = |region: &str| match access {
        Some(access) => access.in_region(region),
        None => {
            let config = for_the_mock().into_builder().region(Region::new(region.to_owned()));
            let config = config.http_client(http_client(&Trust::System));
            config.endpoint_url(args.aws.endpoint_url.clone().unwrap_or_default()).build()
        }
    };
    let found = runtime.block_on(observe::places(plan, in_region));
    Ok(found?.map(|places| Watched { places, wait }))
}

/// Tells the outside, as the arguments ask for it.
fn telemetry(args: &LiveArgs) -> anyhow::Result<Telemetry> {
    let telemetry = Telemetry::start(&args.telemetry, Names::from_env())?;
    if let Some(address) = telemetry.address() {
        eprintln!("Prometheus can fetch http://{address}/metrics");
    }
    Ok(telemetry)
}

fn service(real: bool, endpoint: Option<&str>) -> &str {
    match (endpoint, real) {
        (Some(url), _) => url,
        (None, true) => "Amazon Bedrock",
        (None, false) => "a mock in this process",
    }
}

fn limits(args: &LiveArgs, real: bool) -> Limits {
    Limits {
        spend_usd: args.max_spend,
        requests: args.max_requests,
        tokens: args.max_tokens,
        // Whoever gets nothing but refusals is told early.
        failures: args.stop_at_failures.or(real.then_some(1.0)),
    }
}

/// Credentials for the real service, found before anything is sent.
fn access(plan: &Plan, args: &LiveArgs) -> Result<Access, Exit> {
    let region = plan.targets.first().map(|target| target.spec.region());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| {
        eprintln!("error: cannot start a runtime: {error}");
        Exit::Broke
    })?;
    runtime.block_on(aws::load(&args.aws, region)).map_err(|error| {
        eprintln!("error: {error}");
        eprintln!("help: {}", error.fix);
        Exit::Access
    })
}

/// Half of the cores, since the other half has a service to serve or a machine to run.
fn lanes() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get).div_ceil(2)
}

/// Requests open at once, if nobody says how many.
const IN_FLIGHT: u64 = 10_000;

/// A mock in this process needs a file for its end of each connection.
fn in_flight_max(args: &LiveArgs, own_mock: bool) -> u64 {
    let files = live::connections_max();
    let possible = if own_mock { files / 2 } else { files };
    let wanted = args.in_flight_max.unwrap_or(IN_FLIGHT);
    if args.in_flight_max.is_some_and(|wanted| wanted > possible) {
        eprintln!(
            "warning: this system lets the program open so few files that only {possible} requests can be open at \
             once; raise it with `ulimit -n`"
        );
    }
    wanted.min(possible)
}

/// Of this run: what no cache can remember from the last one.
fn salt() -> u64 {
    u64::from(std::process::id()) ^ crate::clock::nanos_of_day().rotate_left(17)
}

/// A mock takes any credentials, and gives none away.
fn for_the_mock() -> SdkConfig {
    let credentials = Credentials::new("mock", "mock", None, None, "richter");
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .build()
}

/// The scenario as it was read, for the journal.
pub fn text_of(path: &Path, checked: &Checked) -> ScenarioText {
    let sources = &checked.warnings.sources;
    let folder = std::path::absolute(path.parent().unwrap_or(Path::new(""))).unwrap_or_default();
    ScenarioText {
        file: path.to_string_lossy().into_owned(),
        folder: folder.to_string_lossy().into_owned(),
        digest: checked.plan.digest.clone(),
        text: sources.all().first().map_or_else(String::new, |file| file.text.clone()),
        include: sources.all().get(1).map(|file| (as_written(path, &file.name), file.text.clone())),
    }
}

/// An included file by its way from the scenario's folder.
fn as_written(scenario: &Path, included: &str) -> String {
    let folder = scenario.parent().unwrap_or(Path::new(""));
    let inside = Path::new(included).strip_prefix(folder).unwrap_or(Path::new(included));
    inside.to_string_lossy().into_owned()
}
