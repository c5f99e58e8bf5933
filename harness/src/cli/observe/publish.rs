//! `richter observe publish`: a run's own results as CloudWatch metrics.

use std::path::PathBuf;

use clap::Args;
use richter_reports::run_file::RunFile;

use super::{Subject, account::Account};
use crate::{
    cli::Color,
    clock,
    exit::Exit,
    observe::publish::{self, NAMESPACE},
};

#[derive(Debug, Args)]
pub struct PublishArgs {
    /// The run file, or the folder it lies in.
    run: PathBuf,
    #[command(flatten)]
    subject: Subject,
}

pub async fn publish(args: &PublishArgs, color: Color) -> anyhow::Result<Exit> {
    let run = RunFile::read(&crate::cli::run_file(&args.run))?;
    let points = publish::points(&run, i64::try_from(clock::unix_s()).unwrap_or(i64::MAX))?;
    let account = match Account::of(&args.subject, color).await {
        Ok(account) => account,
        Err(exit) => return Ok(exit),
    };
    let wanted = args.subject.aws.regions.first().or(run.targets.first().map(|target| &target.region));
    let Some(region) = wanted else {
        eprintln!("error: no Region is named, and the run has no target that names one");
        eprintln!("help: say --region");
        return Ok(Exit::Usage);
    };
    let requests = account.cloud(region).publish(&points).await?;
    eprintln!("{} points in {requests} requests are in the namespace {NAMESPACE} of {region}", points.len());
    Ok(Exit::Passed)
}
