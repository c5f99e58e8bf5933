//! `richter observe export` and `role`: what setup would make, as code. Nobody is called.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde_json::json;

use super::{Subject, account, put};
use crate::{
    cli::Color,
    exit::Exit,
    observe::export::{cloudformation, terraform},
};

#[derive(Debug, Args)]
pub struct ExportArgs {
    #[command(flatten)]
    subject: Subject,
    /// The account's twelve digits: they stand in the role's conditions.
    #[arg(long, value_name = "ID")]
    account: String,
    #[arg(long, value_name = "WHAT", value_enum)]
    format: Format,
    /// Write it there instead of printing it.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct RoleArgs {
    #[command(flatten)]
    subject: Subject,
    /// The account's twelve digits.
    #[arg(long, value_name = "ID")]
    account: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A CloudFormation template, as JSON.
    Cloudformation,
    /// A Terraform configuration.
    Terraform,
}

pub fn export(args: &ExportArgs, color: Color) -> anyhow::Result<Exit> {
    let read = args.subject.read(account(&args.account)?, color);
    let wanted = match read.and_then(|(spec, scenes)| args.subject.wanted(&spec, &scenes)) {
        Ok(wanted) => wanted,
        Err(exit) => return Ok(exit),
    };
    let [wanted] = wanted.as_slice() else {
        let regions: Vec<&str> = wanted.iter().map(|wanted| &*wanted.region).collect();
        eprintln!("error: one text is for one Region, and these are {}", regions.join(", "));
        eprintln!("help: choose with --region");
        return Ok(Exit::Usage);
    };
    let text = match args.format {
        Format::Cloudformation => serde_json::to_string_pretty(&cloudformation(wanted))? + "\n",
        Format::Terraform => terraform(wanted),
    };
    put(&text, args.out.as_ref())?;
    Ok(Exit::Passed)
}

pub fn role(args: &RoleArgs, color: Color) -> anyhow::Result<Exit> {
    let subject = Subject { create_role: true, ..copied(&args.subject) };
    let read = subject.read(account(&args.account)?, color);
    let wanted = match read.and_then(|(spec, scenes)| subject.wanted(&spec, &scenes)) {
        Ok(wanted) => wanted,
        Err(exit) => return Ok(exit),
    };
    for wanted in &wanted {
        let text = json!({
            "region": wanted.region,
            "trustPolicy": wanted.trust_policy(),
            "permissions": wanted.role_policy(),
        });
        put(&(serde_json::to_string_pretty(&text)? + "\n"), None)?;
    }
    Ok(Exit::Passed)
}

fn copied(subject: &Subject) -> Subject {
    Subject {
        scenario: subject.scenario.clone(),
        models: subject.models.clone(),
        log_group: subject.log_group.clone(),
        role_arn: None,
        create_role: true,
        existing: subject.existing,
        aws: subject.aws.clone(),
    }
}
