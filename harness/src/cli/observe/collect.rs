//! `richter observe collect`: what the service's log and metrics say of a run that is over.

use std::{path::PathBuf, time::Duration};

use anyhow::Context as _;
use aws_config::SdkConfig;
use clap::Args;
use richter_core::span as lengths;
use richter_reports::{
    export::Report,
    run_file::{Observed, RunFile},
    verdict,
};

use crate::{
    aws::{self, AwsArgs},
    cli::{Color, JOURNAL, outputs::Outputs, run},
    clock,
    exit::Exit,
    observe::{
        cloud::{
            Cloud, Patience,
            collect::{Collector, Place, Search, Window},
        },
        join::Sent,
        records,
        scene::scenes,
    },
    record::series,
    run::{
        live::evidence,
        recover::{self, Sending},
    },
    scenario::plan::Plan,
};

#[derive(Debug, Args)]
pub struct CollectArgs {
    /// The folder of a run that was done with --observe. On a mock in its own process it needs --keep-journal, too.
    run: PathBuf,
    /// Read these files or folders instead of CloudWatch, and call nobody: what S3 delivery wrote, an export of the log
    /// group, or events as the AWS CLI prints them.
    #[arg(long, value_name = "FILE", num_args = 1..)]
    logs: Vec<PathBuf>,
    /// How long to wait for records that are not there yet.
    #[arg(long, value_name = "TIME", default_value = "5m", value_parser = span)]
    wait: Duration,
    #[command(flatten)]
    aws: AwsArgs,
}

fn span(text: &str) -> Result<Duration, String> {
    lengths::parse(text).map_err(|error| error.to_string())
}

pub async fn collect(args: &CollectArgs, color: Color) -> anyhow::Result<Exit> {
    let path = crate::cli::run_file(&args.run);
    let mut run = RunFile::read(&path)?;
    let journal = path.with_file_name(JOURNAL);
    if !journal.exists() {
        eprintln!("error: {} is not there, which says what was sent", journal.display());
        eprintln!("help: run with --observe, and on a mock in its own process with --keep-journal, too");
        return Ok(Exit::Usage);
    }
    let Sending { plan, started, sent } = recover::sent(&journal)?;
    if sent.attempts.is_empty() {
        eprintln!("error: the journal has no request ids");
        eprintln!("help: run with --observe, which keeps them");
        return Ok(Exit::Usage);
    }
    let mut collector = Collector::new(series::width(plan.length()) as f64 / 1e9);
    if args.logs.is_empty() {
        let from: jiff::Timestamp = started.parse().context("the journal does not say when it began")?;
        let to_ms = from.as_millisecond().saturating_add(i64::try_from(run.when.took_ms).unwrap_or(i64::MAX));
        let window = Window::around(from.as_millisecond(), to_ms);
        if let Some(exit) = read(&mut collector, &plan, args, sent, window).await? {
            return Ok(exit);
        }
    } else {
        collector.import(sent, &records::files(&args.logs)?)?;
    }
    run.observed = Some(collector.finish());
    rewrite(&run, &path, color)?;
    Ok(exit(run.observed.as_ref()))
}

/// Records that are missing are no failure of the run, but somebody should know.
fn exit(observed: Option<&Observed>) -> Exit {
    let missing = observed.map_or(0, |observed| observed.counts.missing);
    if missing == 0 { Exit::Passed } else { Exit::Gate }
}

async fn read(
    collector: &mut Collector,
    plan: &Plan,
    args: &CollectArgs,
    sent: Sent,
    window: Window,
) -> anyhow::Result<Option<Exit>> {
    let region = plan.targets.first().map(|target| target.spec.region());
    let access = match aws::load(&args.aws, region).await {
        Ok(access) => access,
        Err(error) => {
            eprintln!("error: {error}");
            eprintln!("help: {}", error.fix);
            return Ok(Some(Exit::Access));
        }
    };
    let places = match places(plan, |region| access.in_region(region)).await? {
        Ok(places) => places,
        Err(exit) => return Ok(Some(exit)),
    };
    let wait = evidence::wait(false, Some(args.wait));
    let search = Search { places: &places, window, wait, pending: &|| true };
    let told = |found, wanted| eprintln!("{found} of {wanted} records, {}", clock::time_of_day());
    collector.collect(sent, search, told).await?;
    Ok(None)
}

/// The log group of each Region that the plan calls, as the account's own logging names it.
pub async fn places(
    plan: &Plan,
    in_region: impl Fn(&str) -> SdkConfig,
) -> anyhow::Result<Result<Vec<Place>, Exit>> {
    let mut places = Vec::new();
    for scene in scenes(plan, "") {
        let region = scene.region;
        let cloud = Cloud::new(&in_region(&region), Patience::default());
        let logging =
            cloud.logging().await.with_context(|| format!("cannot read the logging of {region}"))?;
        let Some(to) = logging.and_then(|logging| logging.cloud_watch_config) else {
            eprintln!(
                "error: {region} does not log its calls to CloudWatch, so nobody can say who serves them"
            );
            eprintln!("help: richter observe setup SCENARIO");
            return Ok(Err(Exit::Usage));
        };
        let namespace = plan.written.observe.namespace.clone();
        places.push(Place { cloud, region, group: to.log_group_name, namespace });
    }
    Ok(Ok(places))
}

/// The run file and its reports, with what was found.
fn rewrite(run: &RunFile, path: &std::path::Path, color: Color) -> anyhow::Result<()> {
    let judgement = verdict::judge(run);
    let folder = path.parent().unwrap_or(std::path::Path::new(""));
    let mut files = run::write(folder, run, &judgement, None)?;
    let reports = [Report::with(run, judgement.clone())];
    let page = Outputs { html: Some(folder.join("report.html")), ..Outputs::default() };
    files.extend(page.write(std::slice::from_ref(run), &reports)?);
    crate::cli::print(run::report_text(&judgement, path, files, color).as_bytes())
}
