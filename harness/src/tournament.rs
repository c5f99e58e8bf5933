//! One scenario, every strategy that richter knows: how ours stands against each of them.
//!
//! The scenario gives the world, the targets, the traffic and the faults; its own strategies and expectations are left
//! aside. `line_up` says who plays; the playing and the recording are those of every run.

mod line_up;

use richter_reports::{
    metric::{Kind, Metric, Over},
    quantity::Value,
    run_file::RunFile,
    standing::{Score, Standing, standings},
    tally::View,
};

pub use line_up::{LineUp, OURS};

use crate::{
    run::{Options, RunError, simulate},
    scenario::plan::{Abort, Plan},
};

/// What came of one scenario.
#[derive(Debug)]
pub struct Match {
    pub scenario: String,
    /// Our goodput over the measured phases, and our attempts per request.
    pub goodput: Value,
    pub amplification: Value,
    /// Against each rival, the best one first.
    pub standings: Vec<Standing>,
    pub left_out: Vec<(String, String)>,
}

impl Match {
    /// The worst of all pairings.
    pub fn score(&self) -> Score {
        self.standings.iter().map(Standing::score).min().unwrap_or(Score::Ties)
    }
}

/// Plays the scenario with `line_up`, whose first strategy is ours.
pub fn play(mut plan: Plan, line_up: LineUp, options: &Options<'_>) -> Result<Match, RunError> {
    plan.strategies = line_up.strategies;
    plan.expect.clear();
    // A rule to stop early is for the strategies that it was written for.
    plan.abort = Abort::default();
    let played = simulate(&plan, options)?;
    Ok(Match::of(&played.run, line_up.left_out))
}

impl Match {
    fn of(run: &RunFile, left_out: Vec<(String, String)>) -> Match {
        let view = View::new(run);
        let over = Over { phases: view.measured_phases(), trigger: None };
        let ours = |kind| Metric::plain(kind).measure(&view, 0, &over).value;
        Match {
            scenario: run.scenario.name.clone(),
            goodput: ours(Kind::Goodput),
            amplification: ours(Kind::Amplification),
            standings: standings(&view, 0),
            left_out,
        }
    }
}
