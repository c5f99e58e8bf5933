//! `richter mock`, which is also all of the binary `mock-bedrock`: a scenario's Bedrock over HTTP.

use std::{
    fs::File,
    io::Write as _,
    net::{IpAddr, Ipv4Addr},
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, bail};
use clap::{Args, Parser, ValueEnum};
use richter_mock_bedrock::{
    dist::Sampler,
    fault::Ground,
    luck::Luck,
    server::{
        self, Limits, Running, Settings,
        clock::StartBy,
        records::{Delivered, line},
        runtime::tools::ToolUse,
    },
};
use serde::de::DeserializeOwned;

use super::Color;
use crate::{exit::Exit, ground::served};

const EXAMPLES: &str = "\
Examples:
  mock-bedrock                                 current models with AWS's default quotas
  mock-bedrock --scenario spike.yaml           that scenario's world, quotas and faults
  mock-bedrock --echo --port 0                 for unit tests: answers repeat the question
  mock-bedrock --scenario spike.yaml --start first-request --speed 10";

/// A throttling Bedrock for clients in any language.
#[derive(Debug, Parser)]
#[command(name = "mock-bedrock", version, about, max_term_width = 100, after_help = EXAMPLES)]
pub struct Alone {
    #[command(flatten)]
    args: MockArgs,
}

impl Alone {
    pub fn run(self) -> Exit {
        mock(&self.args, Color::Auto).unwrap_or_else(|error| {
            eprintln!("error: {error:#}");
            Exit::Broke
        })
    }
}

#[derive(Debug, Args)]
pub struct MockArgs {
    /// The scenario whose world and faults are served; without one, current models with AWS's default quotas.
    #[arg(long, value_name = "FILE")]
    scenario: Option<PathBuf>,
    /// Port to listen on; 0 takes any that is free.
    #[arg(long, value_name = "PORT", default_value_t = 4599)]
    port: u16,
    /// Address to listen on. Nothing else than this machine's loopback is safe: there is no real authentication.
    #[arg(long, value_name = "ADDRESS", default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    bind: IpAddr,
    /// Region of callers that name none, by signature or host.
    #[arg(long, value_name = "REGION")]
    region: Option<String>,
    /// Give a Region a port of its own, the next ones after --port; may be given several times.
    #[arg(long, value_name = "REGION")]
    region_port: Vec<String>,
    /// The account that calls.
    #[arg(long, value_name = "ID", default_value = "111122223333")]
    account: String,
    /// Root of all chance; the scenario's, or 42.
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// How many seconds of the scenario pass in a real one.
    #[arg(long, value_name = "FACTOR", default_value_t = 1.0)]
    speed: f64,
    /// When the scenario's time begins, and with it its faults.
    #[arg(long, value_name = "WHEN", value_enum, default_value_t = Begin::Now)]
    start: Begin,
    /// Answer with what was said instead of generated words.
    #[arg(long)]
    echo: bool,
    /// Prepared answers: a JSON list of { when, text, reasoning, tool: { name, input } }, the first that fits.
    #[arg(long, value_name = "FILE")]
    fixtures: Option<PathBuf>,
    /// When the model calls a tool that it is offered.
    #[arg(long, value_name = "WHEN", value_enum, default_value_t = Tools::Offered)]
    tools: Tools,
    /// Length of generated answers, where the scenario's traffic does not say.
    #[arg(long, value_name = "TOKENS")]
    output_tokens: Option<u32>,
    /// Tokens in one event of a stream.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    tokens_per_event: u32,
    /// Count cached tokens in totalTokens too.
    #[arg(long)]
    total_counts_cache: bool,
    /// Append each invocation record to this file as a line of JSON, as CloudWatch Logs would get it.
    #[arg(long, value_name = "FILE")]
    journal: Option<PathBuf>,
    /// Seconds from a call's end until its record is delivered.
    #[arg(long, value_name = "SECONDS", default_value_t = 0.0)]
    journal_delay: f64,
    /// Seconds from making or changing an IAM role until Bedrock can use it.
    #[arg(long, value_name = "SECONDS", default_value_t = 0.0)]
    role_delay: f64,
    /// Seconds from a call's end until its record is in CloudWatch Logs.
    #[arg(long, value_name = "SECONDS", default_value_t = 0.0)]
    log_delay: f64,
    /// Seconds from a point of a metric until CloudWatch shows it.
    #[arg(long, value_name = "SECONDS", default_value_t = 0.0)]
    metric_delay: f64,
    /// Invocation records kept for the admin page.
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    records: usize,
    /// Speak TLS by a certificate made for this run; boto3 sends API keys over nothing else.
    #[arg(long)]
    tls: bool,
    /// Write the authority that clients must trust (AWS_CA_BUNDLE) to this file; implies --tls.
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// Whom to let in, as JSON: { access_keys: { ID: { secret } }, api_keys: [{ key }] }. Without it, everybody.
    #[arg(long, value_name = "FILE")]
    credentials: Option<PathBuf>,
    /// Most connections at once.
    #[arg(long, value_name = "N", default_value_t = Limits::default().connections)]
    connections: usize,
    /// Most answers under way at once, streams among them.
    #[arg(long, value_name = "N", default_value_t = Limits::default().answers)]
    answers: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Begin {
    /// When the server starts.
    Now,
    /// With the first request to a model.
    FirstRequest,
    /// On SIGUSR1.
    Signal,
    /// It passes only as requests say in x-richter-at-ns, and answers come at once.
    Told,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Tools {
    /// Whenever it is offered one, unless the last message brings a tool's result.
    Offered,
    /// Only when the request forces it.
    Forced,
}

pub(super) fn mock(args: &MockArgs, color: Color) -> anyhow::Result<Exit> {
    if !(args.speed.is_finite() && args.speed > 0.0) {
        bail!("--speed must be above 0, such as 1 or 10");
    }
    let base = match &args.scenario {
        None => Settings::default(),
        Some(path) => match super::load(path, color) {
            Err(exit) => return Ok(exit),
            Ok(checked) => served::settings(&checked.plan).map_err(|problems| {
                let texts =
                    problems.iter().map(|problem| format!("{}: {}", problem.path.join("."), problem.message));
                anyhow::anyhow!(texts.collect::<Vec<_>>().join("\n"))
            })?,
        },
    };
    let settings = args.over(base)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(serve(settings, args))
}

impl MockArgs {
    fn over(&self, base: Settings) -> anyhow::Result<Settings> {
        let mut settings = Settings {
            bind: self.bind,
            port: self.port,
            region_ports: self.region_port.clone(),
            account: self.account.clone(),
            speed: self.speed,
            start: self.start.into(),
            tokens_per_event: self.tokens_per_event,
            total_counts_cache: self.total_counts_cache,
            ..base
        };
        settings.limits.connections = self.connections;
        settings.limits.answers = self.answers;
        settings.records_max = self.records;
        settings.records_after =
            Duration::try_from_secs_f64(self.journal_delay).context("--journal-delay")?;
        settings.role_usable_after = Duration::try_from_secs_f64(self.role_delay).context("--role-delay")?;
        settings.log_delay = Duration::try_from_secs_f64(self.log_delay).context("--log-delay")?;
        settings.metric_delay = Duration::try_from_secs_f64(self.metric_delay).context("--metric-delay")?;
        settings.tls = self.tls || self.ca.is_some();
        if let Some(path) = &self.credentials {
            settings.credentials = read_json(path).context("these are no credentials")?;
        }
        settings.answers.echo = self.echo;
        settings.answers.tools = self.tools.into();
        if let Some(path) = &self.fixtures {
            settings.answers.fixtures = read_json(path).context("these are no fixtures")?;
        }
        if let Some(region) = &self.region {
            settings.region.clone_from(region);
        }
        if let Some(seed) = self.seed {
            settings.luck = Luck::new(seed, 0);
        }
        if let Some(tokens) = self.output_tokens {
            settings.output = Sampler::Constant(f64::from(tokens));
        }
        Ok(settings)
    }
}

fn read_json<T: DeserializeOwned>(path: &Path) -> anyhow::Result<T> {
    let text = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_slice(&text).with_context(|| format!("cannot use {}", path.display()))
}

impl From<Begin> for StartBy {
    fn from(begin: Begin) -> StartBy {
        match begin {
            Begin::Now => StartBy::Start,
            Begin::FirstRequest => StartBy::FirstRequest,
            Begin::Signal => StartBy::Signal,
            Begin::Told => StartBy::Told,
        }
    }
}

impl From<Tools> for ToolUse {
    fn from(tools: Tools) -> ToolUse {
        match tools {
            Tools::Offered => ToolUse::WhenOffered,
            Tools::Forced => ToolUse::WhenForced,
        }
    }
}

async fn serve(settings: Settings, args: &MockArgs) -> anyhow::Result<Exit> {
    let (bind, port, drain) = (settings.bind, settings.port, settings.limits.drain_within);
    if !bind.is_loopback() {
        eprintln!(
            "warning: {bind} can be reached from other machines, and whoever reaches it may call this server"
        );
    }
    for rule in &settings.faults {
        if let Some(obstacle) = rule.obstacle(Ground::Wire { tls: settings.tls }) {
            eprintln!("warning: the fault {} ({}) will hit nothing: {obstacle}", rule.name, rule.kind);
        }
    }
    let about = about(&settings);
    let started = server::start(settings).await;
    let running = started.with_context(|| format!("cannot listen on {bind} port {port}"))?;
    if let (Some(path), Some(tls)) = (&args.ca, running.tls()) {
        tls.write_authority(path).with_context(|| format!("cannot write {}", path.display()))?;
    }
    let mut journal = args.journal.as_deref().map(Journal::open).transpose()?;
    super::print((endpoints(&running) + &about).as_bytes())?;
    wait(&running, journal.as_mut()).await?;
    eprintln!("stopping; open answers have {}", seconds(drain));
    running.stop().await;
    Ok(Exit::Passed)
}

fn seconds(span: Duration) -> String {
    format!("{} s to end", span.as_secs())
}

/// Until somebody wants it to end. SIGUSR1 lets time begin.
async fn wait(running: &Running, mut journal: Option<&mut Journal>) -> anyhow::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut begin = signal(SignalKind::user_defined1())?;
    let mut tick = tokio::time::interval(JOURNAL_EVERY);
    loop {
        tokio::select! {
            biased;
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
            _ = begin.recv() => running.begin(),
            _ = tick.tick(), if journal.is_some() => {
                if let Some(journal) = &mut journal {
                    journal.write(running)?;
                }
            }
        }
    }
    journal.map_or(Ok(()), |journal| journal.write(running))
}

/// How often the journal is written. Records that fall out of the ring in the meantime are lost, and counted.
const JOURNAL_EVERY: Duration = Duration::from_millis(100);

/// The file that records are appended to.
#[derive(Debug)]
struct Journal {
    file: File,
    written: u64,
}

impl Journal {
    fn open(path: &Path) -> anyhow::Result<Journal> {
        let file = File::options().create(true).append(true).open(path);
        Ok(Journal { file: file.with_context(|| format!("cannot write {}", path.display()))?, written: 0 })
    }

    fn write(&mut self, running: &Running) -> anyhow::Result<()> {
        let mut lines = Vec::new();
        let Delivered { records, from, next } = running.records_since(self.written);
        records.iter().for_each(|record| line(record, &mut lines));
        if from > self.written {
            let lost = from - self.written;
            eprintln!(
                "warning: {lost} records fell out of the ring before they were written; raise --records"
            );
        }
        self.written = next;
        self.file.write_all(&lines).context("cannot write the journal")
    }
}

fn endpoints(running: &Running) -> String {
    use std::fmt::Write as _;
    let url = running.base_url();
    let mut text = format!(
        "mock-bedrock listens on {url}\n\n\
         export AWS_ENDPOINT_URL_BEDROCK_RUNTIME={url}\n\
         export AWS_ENDPOINT_URL_BEDROCK={url}\n\
         export AWS_ENDPOINT_URL_CLOUDWATCH_LOGS={url}\n\
         export AWS_ENDPOINT_URL_CLOUDWATCH={url}\n\
         export AWS_ENDPOINT_URL_IAM={url}\n\
         export AWS_ACCESS_KEY_ID=mock AWS_SECRET_ACCESS_KEY=mock\n\
         export AWS_REGION={region} AWS_DEFAULT_REGION={region}\n\n\
         These suit boto3, the AWS CLI and the AWS SDKs for Rust, JavaScript, Go, Java and .NET. The Region that a client\n\
         is configured for is the Region that it calls.\n",
        region = running.region()
    );
    for (region, url) in running.region_urls() {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{region} alone: {url}");
    }
    text
}

/// The world as it was resolved: what can be called where, and the quotas.
fn about(settings: &Settings) -> String {
    use std::fmt::Write as _;
    let world = &settings.world;
    let mut text = String::from("\nmodels:\n");
    for index in 0..world.models() {
        let model = richter_mock_bedrock::world::ModelId(u16::try_from(index).unwrap_or(u16::MAX));
        let _ = writeln!(text, "  {}", world.model_name(model));
    }
    let _ = writeln!(
        text,
        "{} Regions, {} ways in, {} quota pools, {} faults",
        world.regions(),
        world.routes(),
        world.pools(),
        settings.faults.len()
    );
    text
}
