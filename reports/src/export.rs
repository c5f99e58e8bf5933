//! The report as data: everything that is to be said about a run, as versioned JSON. The page is made from it, and so
//! is whatever people make with templates of their own.

use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    chart::{self, Chart},
    comparison::{COLUMNS, Comparison},
    expect::ExpectResult,
    paired::{Better, Interval},
    quantity::{Unit, Value},
    run_file::{
        FaultFacts, Ground, PhaseFacts, RequestName, RunFile, ScenarioFacts, Status, StoryLine,
        StrategyFacts, TargetFacts, When,
    },
    standing::{self, Score},
    tally::View,
    verdict::{Judgement, Verdict, judge},
};

pub const FORMAT: &str = "richter-report";
pub const VERSION: u32 = 1;
/// Strategies whose differences are told pair by pair.
const PAIRS_MAX: usize = chart::STRATEGIES_MAX;

#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Report {
    /// Always `richter-report`.
    pub format: &'static str,
    pub version: u32,
    /// Name and version of the program that played the run.
    pub written_by: String,
    pub when: When,
    pub scenario: ScenarioFacts,
    pub ground: Ground,
    /// What the ground cannot show; empty for the real service.
    pub ground_limits: String,
    pub status: Status,
    pub verdict: Verdict,
    /// Most important first; never empty.
    pub why: Vec<String>,
    pub expectations: Vec<ExpectResult>,
    pub comparison: Comparison,
    /// Of the comparison's tables.
    pub columns: Vec<ReportColumn>,
    pub differences: Vec<Difference>,
    pub strategies: Vec<StrategyFacts>,
    pub phases: Vec<PhaseFacts>,
    pub targets: Vec<TargetFacts>,
    pub faults: Vec<FaultFacts>,
    pub requests: Vec<Requests>,
    pub stories: Vec<ReportStory>,
    pub charts: Vec<Chart>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ReportColumn {
    /// Its name in machine formats.
    pub id: &'static str,
    pub name: String,
    pub unit: Unit,
    pub better: Better,
    pub meaning: &'static str,
}

/// How far one strategy's goodput is above another's, pair by pair.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Difference {
    pub strategy: String,
    pub than: String,
    /// Share of one; absent with too few replications to tell.
    pub lead: Option<Interval>,
    /// The whole interval lies above zero.
    pub is_real: bool,
}

/// The slowest and the first failed requests of one strategy.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Requests {
    pub strategy: String,
    pub slowest: Vec<SlowRequest>,
    pub failed: Vec<FailedRequest>,
}

#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct SlowRequest {
    pub request: String,
    pub replication: u32,
    pub total: Value,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct FailedRequest {
    pub request: String,
    pub replication: u32,
}

#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct ReportStory {
    pub strategy: String,
    pub request: String,
    pub replication: u32,
    pub lines: Vec<StoryLine>,
}

impl Report {
    pub fn of(run: &RunFile) -> Report {
        Report::with(run, judge(run))
    }

    /// With a judgement that was made already.
    pub fn with(run: &RunFile, judgement: Judgement) -> Report {
        let view = View::new(run);
        let Judgement { verdict, why, expectations, comparison } = judgement;
        let column = |column: &crate::comparison::Column| ReportColumn {
            id: column.id,
            name: column.name(),
            unit: column.unit(),
            better: column.better(),
            meaning: column.meaning(),
        };
        Report {
            format: FORMAT,
            version: VERSION,
            written_by: run.written_by.clone(),
            when: run.when.clone(),
            scenario: run.scenario.clone(),
            ground: run.ground,
            ground_limits: crate::comparison::ground_limits(run.ground).unwrap_or_default().to_owned(),
            status: run.status.clone(),
            verdict,
            why,
            expectations,
            comparison,
            columns: COLUMNS.iter().map(column).collect(),
            differences: differences(&view),
            strategies: run.strategies.clone(),
            phases: run.phases.clone(),
            targets: run.targets.clone(),
            faults: run.faults.clone(),
            requests: requests(&view),
            stories: stories(run),
            charts: chart::charts(&view),
        }
    }

    pub fn to_json(&self) -> serde_json::Result<Vec<u8>> {
        let mut bytes = serde_json::to_vec(self)?;
        bytes.push(b'\n');
        Ok(bytes)
    }
}

/// The JSON Schema of the exported report.
pub fn schema() -> schemars::Schema {
    schemars::generate::SchemaSettings::draft2020_12()
        .for_serialize()
        .into_generator()
        .into_root_schema_for::<Report>()
}

/// Every pair once, the better one first; those that are real first.
fn differences(view: &View<'_>) -> Vec<Difference> {
    let names: Vec<&str> = view.run.strategies.iter().map(|strategy| strategy.name.as_str()).collect();
    let mut differences = Vec::new();
    for (ours, name) in names.iter().enumerate().take(PAIRS_MAX) {
        for standing in standing::standings_among(view, ours, PAIRS_MAX) {
            let is_real = standing.score() == Score::Wins;
            let rival = names.iter().position(|name| *name == standing.rival);
            let is_first = rival.is_some_and(|rival| ours < rival);
            let undecided = standing.score() == Score::Ties && is_first;
            if is_real || undecided {
                let (strategy, than) = ((*name).to_owned(), standing.rival);
                differences.push(Difference { strategy, than, lead: standing.lead, is_real });
            }
        }
    }
    differences.sort_by_key(|difference| !difference.is_real);
    differences
}

fn requests(view: &View<'_>) -> Vec<Requests> {
    const EACH_MAX: usize = 3;
    let strategies = view.run.strategies.iter().enumerate().take(PAIRS_MAX);
    strategies
        .map(|(index, strategy)| {
            let mut slowest: Vec<(f64, SlowRequest)> = view
                .cells(index)
                .flat_map(|cell| cell.notable.slowest.iter().map(move |slow| (slow, cell.replication)))
                .map(|(slow, replication)| {
                    let request = RequestName(slow.request).to_string();
                    let total = Value::Finite(slow.total_ms / 1e3);
                    (slow.total_ms, SlowRequest { request, replication, total })
                })
                .collect();
            slowest.sort_by(|a, b| b.0.total_cmp(&a.0));
            let failed = view
                .cells(index)
                .flat_map(|cell| cell.notable.failed.iter().map(move |failed| (*failed, cell.replication)))
                .map(|(failed, replication)| FailedRequest {
                    request: RequestName(failed).to_string(),
                    replication,
                });
            Requests {
                strategy: strategy.name.clone(),
                slowest: slowest.into_iter().map(|(_, slow)| slow).take(EACH_MAX).collect(),
                failed: failed.take(EACH_MAX).collect(),
            }
        })
        .collect()
}

fn stories(run: &RunFile) -> Vec<ReportStory> {
    let told = run.stories.iter().filter(|story| !story.lines.is_empty());
    told.map(|story| ReportStory {
        strategy: run.strategies.get(story.strategy).map_or(String::new(), |strategy| strategy.name.clone()),
        request: RequestName(story.request).to_string(),
        replication: story.replication,
        lines: story.lines.clone(),
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::synthetic;

    #[test]
    fn every_pair_of_strategies_is_told_once_and_real_differences_come_first() {
        let report = Report::of(&synthetic::usual());
        let pairs: Vec<(&str, &str, bool)> = (report.differences.iter())
            .map(|one| (one.strategy.as_str(), one.than.as_str(), one.is_real))
            .collect();
        let expected = [
            ("one-region", "sdk-retries", true),
            ("richter", "one-region", true),
            ("richter", "sdk-retries", true),
        ];
        assert_eq!(pairs, expected);
        let alone = Report::of(&synthetic::run(&synthetic::sketches()[..2], 1));
        assert_eq!(alone.differences.len(), 1);
        assert!(alone.differences[0].lead.is_none() && !alone.differences[0].is_real);
    }

    #[test]
    fn slow_and_failed_requests_are_named_with_their_replication() {
        let report = Report::of(&synthetic::usual());
        assert_eq!(report.requests[1].slowest[0].request, "1.2756");
        assert_eq!(report.requests[1].slowest[0].replication, 4);
        assert_eq!(report.requests[1].failed[0].request, "1.12");
        assert_eq!((report.stories.len(), report.stories[0].request.as_str()), (1, "1.12"));
    }

    #[test]
    fn the_committed_schema_is_that_of_the_code() {
        let committed: serde_json::Value =
            serde_json::from_str(include_str!("../report.schema.json")).expect("JSON");
        let renew = "stale; run: cargo run -- schema report > reports/report.schema.json";
        assert!(committed == serde_json::to_value(schema()).expect("JSON"), "{renew}");
    }
}
