//! `richter doctor SCENARIO`.

use std::{fmt::Write as _, path::PathBuf};

use clap::Args;

use super::Color;
use crate::{
    aws::AwsArgs,
    doctor::{Check, Report, Status, examine},
    exit::Exit,
};

const EXAMPLES: &str = "\
Examples:
  richter doctor viral-spike.yaml --profile dev
  richter doctor viral-spike.yaml --json | jq '.checks[] | select(.status == \"fail\")'
  richter doctor viral-spike.yaml --endpoint-url http://127.0.0.1:4599    with mock-bedrock

Nothing is changed and nothing costs anything. Exits with 0 if no check failed, 4 if one did; \
`richter iam-policy SCENARIO --mode doctor` prints what it needs to be allowed.";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct DoctorArgs {
    /// The scenario file.
    scenario: PathBuf,
    /// Print the checks as JSON; `richter schema doctor` describes them.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    aws: AwsArgs,
}

pub fn doctor(args: &DoctorArgs, color: Color) -> anyhow::Result<Exit> {
    let plan = match super::load(&args.scenario, color) {
        Ok(checked) => checked.plan,
        Err(exit) => return Ok(exit),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let report = runtime.block_on(examine(&plan, &args.aws));
    let text = match args.json {
        true => serde_json::to_string_pretty(&report)? + "\n",
        false => render(&report, color.on_stdout()),
    };
    super::print(text.as_bytes())?;
    Ok(if report.fail > 0 { Exit::Access } else { Exit::Passed })
}

/// Widest line, and where the text of a check begins.
const WIDTH: usize = 100;
const INDENT: usize = 19;

fn render(report: &Report, color: bool) -> String {
    let mut text = String::new();
    for check in &report.checks {
        one(&mut text, check, color);
    }
    // Writing to a String cannot fail.
    let _ =
        writeln!(text, "\n{}: {} ok, {} warn, {} fail", report.scenario, report.ok, report.warn, report.fail);
    text
}

fn one(text: &mut String, check: &Check, color: bool) {
    let mark = match check.status {
        Status::Ok => "32",
        Status::Warn => "33",
        Status::Fail => "31;1",
    };
    let (status, name) = (check.status.name(), check.check.name());
    let status = if color { format!("\u{1b}[{mark}m{status:<4}\u{1b}[0m") } else { format!("{status:<4}") };
    let about = if check.about.is_empty() { String::new() } else { format!("{}: ", check.about) };
    let mut lines = wrapped(&format!("{about}{}", check.says));
    if let Some(fix) = &check.fix {
        lines.extend(wrapped(&format!("fix: {fix}")));
    }
    for (place, line) in lines.iter().enumerate() {
        let _ = match place {
            0 => writeln!(text, "{status}  {name:<13}{line}"),
            _ => writeln!(text, "{:INDENT$}{line}", ""),
        };
    }
}

/// Lines that fit behind the indent; a word that is longer has one to itself.
fn wrapped(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = vec![String::new()];
    for word in text.split_whitespace() {
        let last = lines.last_mut().expect("there is a first line");
        if last.is_empty() {
            last.push_str(word);
        } else if last.chars().count() + word.chars().count() < WIDTH - INDENT {
            last.extend([" ", word]);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines
}
