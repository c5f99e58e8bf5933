//! `richter tournament SCENARIO...`.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::atomic::AtomicBool,
};

use anyhow::Context as _;
use clap::Args;
use richter_reports::{
    metric::{Kind, Metric},
    standing::{Score, Standing},
};
use serde_json::{Value, json};

use super::Color;
use crate::{
    exit::Exit,
    run::{Options, progress::Progress},
    scenario::plan::Plan,
    tournament::{LineUp, Match, OURS, play},
};

const EXAMPLES: &str = "\
Examples:
  richter tournament mine.yaml
  richter tournament scenarios/*.yaml --seed 2026
  richter tournament mine.yaml --settings tuned.json --all

Each scenario's own strategies and expectations are left aside; its targets go to every system that can use them. \
Exits with 0 whatever the scores.";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct TournamentArgs {
    /// The scenario files.
    #[arg(required = true)]
    scenarios: Vec<PathBuf>,
    /// Use another seed than the scenarios': a whole number from 0.
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// How often each scenario is played; the pairs are compared.
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(3..=100))]
    replications: u32,
    /// Settings of a composed strategy as JSON, to play in place of the preset; its tiers are the scenarios'.
    #[arg(long, value_name = "FILE")]
    settings: Option<PathBuf>,
    /// Show every rival, not only the best one.
    #[arg(long)]
    all: bool,
    /// Simulations at once; results do not depend on it. Default: one for each core.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    jobs: Option<u16>,
}

pub fn tournament(args: &TournamentArgs, color: Color) -> anyhow::Result<Exit> {
    let ours = settings(args.settings.as_deref())?;
    let mut plans = Vec::new();
    for path in &args.scenarios {
        match super::load(path, color) {
            Ok(checked) => plans.push(checked.plan),
            Err(exit) => return Ok(exit),
        }
    }
    super::print(heading(args).as_bytes())?;
    let names: Vec<String> = plans.iter().map(|plan| plan.name.clone()).collect();
    let mut left_out = BTreeMap::new();
    for (plan, path) in plans.into_iter().zip(&args.scenarios) {
        let done = contest(plan, path, &ours, args)?;
        super::print(rows(&done, args.all).as_bytes())?;
        for (name, reason) in done.left_out {
            left_out.entry((name, reason)).or_insert_with(Vec::new).push(done.scenario.clone());
        }
    }
    super::print(absent(&left_out, &names).as_bytes())?;
    Ok(Exit::Passed)
}

fn settings(path: Option<&Path>) -> anyhow::Result<Value> {
    let Some(path) = path else {
        return Ok(json!({ "preset": OURS }));
    };
    let text = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let value: Value =
        serde_json::from_slice(&text).with_context(|| format!("{} is no JSON", path.display()))?;
    anyhow::ensure!(value.is_object(), "{}: expected an object of settings", path.display());
    Ok(value)
}

fn contest(mut plan: Plan, path: &Path, ours: &Value, args: &TournamentArgs) -> anyhow::Result<Match> {
    plan.seed = args.seed.unwrap_or(plan.seed);
    plan.replications = args.replications;
    let line_up = LineUp::new(&plan.targets, ours);
    if let Some((_, reason)) = line_up.left_out.iter().find(|(name, _)| name == OURS) {
        anyhow::bail!("our strategy cannot play {}: {reason}", path.display());
    }
    let file = path.to_string_lossy();
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let options = Options {
        jobs: args.jobs.map_or(cores, usize::from),
        trace: None,
        file: &file,
        interrupted: &AtomicBool::new(false),
        progress: &Progress::silent(),
    };
    Ok(play(plan, line_up, &options)?)
}

fn heading(args: &TournamentArgs) -> String {
    let seed = args.seed.map_or("each scenario's own seed".to_owned(), |seed| format!("seed {seed}"));
    format!(
        "goodput over {} paired replications, {seed}; difference in points, with its 95% interval\n\n\
         | scenario | {OURS} | tries | rival | its goodput | difference | score |\n\
         |---|---|---|---|---|---|---|\n",
        args.replications
    )
}

/// The best rival, and whoever else beats us; or all.
fn rows(done: &Match, all: bool) -> String {
    let wanted = |at: usize, one: &Standing| all || at == 0 || one.score() == Score::Loses;
    let pairs = done.standings.iter().enumerate().filter(|(at, one)| wanted(*at, one));
    pairs.map(|(at, one)| row(done, one, at == 0)).collect()
}

fn row(done: &Match, one: &Standing, first: bool) -> String {
    let percent = |value| Metric::plain(Kind::Goodput).show(value);
    let (scenario, ours, tries) = match first {
        true => (
            format!("`{}`", done.scenario),
            percent(done.goodput),
            Metric::plain(Kind::Amplification).show(done.amplification),
        ),
        false => Default::default(),
    };
    let difference = one.lead.map_or("unknown".to_owned(), |lead| {
        format!("{:+.2} ({:+.2} to {:+.2})", lead.mean * 100.0, lead.low * 100.0, lead.high * 100.0)
    });
    format!(
        "| {scenario} | {ours} | {tries} | {} | {} | {difference} | {} |\n",
        one.rival,
        percent(one.goodput),
        score(one.score())
    )
}

const fn score(score: Score) -> &'static str {
    match score {
        Score::Wins => "wins",
        Score::Ties => "ties",
        Score::Loses => "loses",
    }
}

fn absent(left_out: &BTreeMap<(String, String), Vec<String>>, scenarios: &[String]) -> String {
    let line = |((name, reason), without): (&(String, String), &Vec<String>)| {
        let played: Vec<&str> =
            scenarios.iter().filter(|scenario| !without.contains(scenario)).map(|name| &**name).collect();
        let whose = match played.len() {
            0 => "everywhere".to_owned(),
            few if few < without.len() => format!("everywhere but in {}", played.join(", ")),
            _ => format!("in {}", without.join(", ")),
        };
        format!("- {name} is left out {whose}: {reason}\n")
    };
    let lines: String = left_out.iter().map(line).collect();
    if lines.is_empty() { lines } else { format!("\n{lines}") }
}
