//! `richter scenario from-logs FILE..`: a scenario out of what really happened.

#[cfg(feature = "observe")]
mod group;

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use jiff::Timestamp;
use richter_reports::run_file;

use super::{Color, play::folder_name};
use crate::{
    exit::Exit,
    observe::records::{self, Counts},
    scenario::{
        self,
        from_logs::{self, Throttled, Wish, gather::Log},
    },
};

const EXAMPLES: &str = "\
Examples:
  richter scenario from-logs AWSLogs/ --name incident         a folder of S3 delivery
  richter scenario from-logs export.json.gz --model us.amazon.nova-lite-v1:0
  aws logs filter-log-events --log-group-name LOGS > events.json && richter scenario from-logs events.json
  richter scenario from-logs --log-group /richter/bedrock --region us-east-1 --from 2026-11-27T10:00:00Z

Reads invocation records, one a line, as an export of a log group, or as the AWS CLI prints events; packed with gzip or \
not. Calls nobody but with --log-group, which reads that group of CloudWatch Logs.";

#[derive(Debug, Args)]
pub struct ScenarioArgs {
    #[command(subcommand)]
    command: ScenarioCommand,
}

#[derive(Debug, Subcommand)]
enum ScenarioCommand {
    /// Make a scenario of invocation logs: their calls as a trace, and a world fitted to how they fared.
    FromLogs(FromLogsArgs),
}

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
struct FromLogsArgs {
    /// Files of invocation records, or folders of them.
    #[cfg_attr(feature = "observe", arg(required_unless_present = "log_group", value_name = "FILE"))]
    #[cfg_attr(not(feature = "observe"), arg(required = true, value_name = "FILE"))]
    logs: Vec<PathBuf>,
    #[cfg(feature = "observe")]
    #[command(flatten)]
    group: group::GroupArgs,
    /// What the scenario is called; its files are NAME.yaml and NAME.csv.
    #[arg(long, value_name = "NAME", default_value = "from-logs")]
    name: String,
    /// Replay the calls of this model id, as the log has it; without it, the one that was called most.
    #[arg(long, value_name = "ID")]
    model: Option<String>,
    /// Replay the calls of this Region.
    #[arg(long, value_name = "REGION")]
    region: Option<String>,
    /// What to make of throttled calls: the log does not say which of them were retries.
    #[arg(long, value_name = "WHAT", value_enum, default_value_t)]
    throttled: Throttled,
    /// Leave out what was before this time, such as 2026-11-27T10:00:00Z.
    #[arg(long, value_name = "TIME")]
    from: Option<Timestamp>,
    /// Leave out this time and what was after it.
    #[arg(long, value_name = "TIME")]
    to: Option<Timestamp>,
    /// Folder for the two files; existing ones are left alone.
    #[arg(long, value_name = "DIR", default_value = ".")]
    out: PathBuf,
}

pub fn scenario(args: &ScenarioArgs, color: Color) -> anyhow::Result<Exit> {
    match &args.command {
        ScenarioCommand::FromLogs(args) => from_logs(args, color),
    }
}

/// Files, or a log group.
fn read(args: &FromLogsArgs, log: &mut Log) -> anyhow::Result<Result<Counts, Exit>> {
    #[cfg(feature = "observe")]
    if let Some(name) = &args.group.log_group {
        let window = group::window(args.from, args.to);
        return args.group.read(name, args.region.as_deref(), window, |line| log.take(line));
    }
    Ok(Ok(records::read_all(&records::files(&args.logs)?, |line, _| log.take(line))?))
}

fn from_logs(args: &FromLogsArgs, color: Color) -> anyhow::Result<Exit> {
    let name = folder_name(&args.name);
    let scenario_path = args.out.join(format!("{name}.yaml"));
    let trace_path = args.out.join(format!("{name}.csv"));
    for path in [&scenario_path, &trace_path] {
        if path.exists() {
            bail!("{} is already there and is left alone; choose another --name or --out", path.display());
        }
    }
    let mut log = Log::default();
    let counts = match read(args, &mut log)? {
        Ok(counts) => counts,
        Err(exit) => return Ok(exit),
    };
    if counts.damaged + counts.too_long > 0 {
        let damaged = counts.damaged + counts.too_long;
        eprintln!("warning: {damaged} lines are damaged and left out; {} records are read", counts.records);
    }
    let wish = Wish {
        name,
        model: args.model.clone(),
        region: args.region.clone(),
        throttled: args.throttled,
        from: args.from.map(Timestamp::as_second),
        to: args.to.map(Timestamp::as_second),
    };
    let made = match from_logs::make(&mut log, &wish) {
        Ok(made) => made,
        Err(refusal) => {
            eprintln!("error: {refusal}");
            return Ok(Exit::Broke);
        }
    };
    std::fs::create_dir_all(&args.out).with_context(|| format!("cannot create {}", args.out.display()))?;
    run_file::write_whole(&trace_path, made.trace.as_bytes())?;
    run_file::write_whole(&scenario_path, made.scenario.as_bytes())?;
    let path = scenario_path.display();
    super::print(
        (made.notes.join("\n") + &format!("\n\nscenario: {path}\ntrace:    {}\n", trace_path.display()))
            .as_bytes(),
    )?;
    // What was made must run as it is; if not, here is why.
    if let Err(problems) = scenario::load(&scenario_path) {
        eprint!("{}", problems.render(color.on_stderr()));
        return Ok(Exit::Scenario);
    }
    eprintln!("next: richter explain {path}, then richter run {path}");
    Ok(Exit::Passed)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use clap::Parser as _;

    use super::super::{Cli, dispatch};
    use crate::exit::Exit;

    fn richter(args: &[&str]) -> Exit {
        dispatch(Cli::try_parse_from([&["richter"], args].concat()).expect("a good command line"))
    }

    fn text(path: &Path) -> &str {
        path.to_str().expect("UTF-8")
    }

    #[test]
    fn a_folder_of_logs_becomes_a_scenario_that_loads_and_is_never_written_over() {
        let folder = tempfile::tempdir().expect("a folder");
        let logs = folder.path().join("logs");
        std::fs::create_dir(&logs).expect("made");
        let line = |second: u32| {
            format!(
                r#"{{"timestamp":"2025-12-17T01:00:{second:02}Z","region":"us-east-1","requestId":"{second}","operation":"Converse","modelId":"us.amazon.nova-lite-v1:0","input":{{"inputTokenCount":9}},"output":{{"outputTokenCount":5}}}}"#
            )
        };
        let lines: Vec<String> = (0..30).map(line).collect();
        std::fs::write(logs.join("a.json"), lines.join("\n")).expect("written");
        let out = folder.path().join("made");
        let args = ["scenario", "from-logs", text(&logs), "--name", "last week", "--out", text(&out)];
        assert_eq!(richter(&args), Exit::Passed);
        let made = out.join("last-week.yaml");
        assert!(crate::scenario::load(&made).is_ok());
        let before = std::fs::read(&made).expect("there");
        assert_eq!(richter(&args), Exit::Broke, "it is there already");
        assert_eq!(std::fs::read(&made).expect("still there"), before);
        let other =
            ["scenario", "from-logs", text(&logs), "--name", "x", "--out", text(&out), "--model", "y"];
        assert_eq!(richter(&other), Exit::Broke, "no such model");
        assert!(!out.join("x.yaml").exists(), "nothing is written when nothing can be made");
    }
}
