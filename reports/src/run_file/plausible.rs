//! Whether a run file can be what it says: every index and length fits, and no number is beyond what a run can have. What passes
//! here can be added, divided and drawn by everything after it, without asking again.

use std::collections::BTreeSet;

use super::{Cell, PhaseCell, RunFile};

/// Cells of one file: more than ten thousand strategies in ten replications.
const CELLS_MAX: usize = 100_000;
/// As many phases as the name of a request can tell apart.
const PHASES_MAX: usize = 256;
/// Of any count, tokens included: a hundred million requests of a million tokens. So many cells of it still add up.
const COUNT_MAX: u64 = 100_000_000_000_000;
/// Three years, for times within a run.
const SECONDS_MAX: f64 = 1e8;
const SECONDS_MIN: f64 = 0.001;
const USD_MAX: f64 = 1e12;
const MS_MAX: f64 = 1e12;

impl RunFile {
    pub(super) fn check_shape(&self) -> Result<(), String> {
        most("cells", self.cells.len(), CELLS_MAX)?;
        most("phases", self.phases.len(), PHASES_MAX)?;
        self.check_names()?;
        self.check_frame()?;
        for (index, cell) in self.cells.iter().enumerate() {
            self.check_cell(cell).map_err(|told| format!("cells[{index}]{told}"))?;
        }
        if let Some(story) = self.stories.iter().find(|story| story.strategy >= self.strategies.len()) {
            let (place, known) = (story.strategy, self.strategies.len());
            return Err(format!("a story is of strategy {place}, but there are {known}"));
        }
        let observed = self.observed.as_ref();
        observed.and_then(|seen| seen.problem(self.strategies.len())).map_or(Ok(()), Err)
    }

    /// Runs are compared name by name, and replication by replication: each has to be one thing.
    fn check_names(&self) -> Result<(), String> {
        once("strategies", self.strategies.iter().map(|strategy| &strategy.name))?;
        once("targets", self.targets.iter().map(|target| &target.name))?;
        once("phases", self.phases.iter().map(|phase| &phase.name))?;
        once("faults", self.faults.iter().map(|fault| &fault.name))?;
        let mut seen = BTreeSet::new();
        match self.cells.iter().find(|cell| !seen.insert((cell.strategy, cell.replication))) {
            Some(Cell { strategy, replication, .. }) => {
                Err(format!("two cells are of strategy {strategy} in replication {replication}"))
            }
            None => Ok(()),
        }
    }

    fn check_frame(&self) -> Result<(), String> {
        for phase in &self.phases {
            if phase.to_s < phase.from_s || phase.from_s < 0.0 {
                return Err(format!("phase {} ends before it starts", phase.name));
            }
            within(&format!("the end of phase {}", phase.name), phase.to_s, SECONDS_MAX)?;
        }
        for fault in &self.faults {
            for at in [fault.from_s, fault.to_s] {
                within(&format!("a time of fault {}", fault.name), at, SECONDS_MAX)?;
            }
        }
        let slo = [self.scenario.slo.first_token_ms, self.scenario.slo.total_ms];
        slo.into_iter().flatten().try_for_each(|ms| within("an SLO", ms, MS_MAX))
    }

    fn check_cell(&self, cell: &Cell) -> Result<(), String> {
        let fit = |what: &str, is: usize, should: usize| match is == should {
            true => Ok(()),
            false => Err(format!(" has {is} {what}, expected {should}")),
        };
        if cell.strategy >= self.strategies.len() {
            return Err(format!(".strategy is {}, but there are {}", cell.strategy, self.strategies.len()));
        }
        fit("phases", cell.phases.len(), self.phases.len())?;
        if let Some(by_target) = &cell.series.by_target {
            fit("series.by_target", by_target.len(), self.targets.len())?;
        }
        if let Some(windows) = &cell.windows {
            fit("windows.quota_used", windows.quota_used.len(), cell.pools.len())?;
        }
        fit("faults", cell.faults.len(), self.faults.len())?;
        for phase in &cell.phases {
            fit("attempts_by_target", phase.attempts_by_target.len(), self.targets.len())?;
            fit("answered_by_target", phase.answered_by_target.len(), self.targets.len())?;
        }
        self.check_numbers(cell)
    }

    fn check_numbers(&self, cell: &Cell) -> Result<(), String> {
        let window_s = cell.windows.as_ref().map(|windows| ("windows.window_s", windows.window_s));
        for (what, seconds) in [("series.bucket_s", cell.series.bucket_s)].into_iter().chain(window_s) {
            if seconds.is_nan() || seconds < SECONDS_MIN {
                return Err(format!(".{what} is {seconds}, less than {SECONDS_MIN}"));
            }
            within(what, seconds, SECONDS_MAX).map_err(|told| format!(": {told}"))?;
        }
        let counts = cell.phases.iter().flat_map(counts).chain(cell.reasons.values().copied());
        let hits = cell.faults.iter().flat_map(|fault| [fault.rolled, fault.hit, fault.missed]);
        let pools = cell.pools.iter().flat_map(|pool| [pool.admitted, pool.throttled]);
        if let Some(count) = counts.chain(hits).chain(pools).find(|count| *count > COUNT_MAX) {
            return Err(format!(" counts {count} of something, more than a run can have ({COUNT_MAX})"));
        }
        let costs = cell.phases.iter().filter_map(|phase| phase.cost_usd);
        for usd in costs {
            if !(0.0..=USD_MAX).contains(&usd) {
                return Err(format!(" costs {usd} USD, expected 0 to {USD_MAX}"));
            }
        }
        let slow = cell.notable.slowest.iter().map(|slow| slow.total_ms);
        slow.into_iter()
            .try_for_each(|ms| within("the slowest answer", ms, MS_MAX))
            .map_err(|told| format!(": {told}"))
    }
}

fn once<'a>(what: &str, names: impl Iterator<Item = &'a String>) -> Result<(), String> {
    let (mut seen, mut names) = (BTreeSet::new(), names);
    match names.find(|name| !seen.insert(*name)) {
        Some(name) => Err(format!("two {what} are named \"{name}\"")),
        None => Ok(()),
    }
}

fn most(what: &str, is: usize, most: usize) -> Result<(), String> {
    if is > most { Err(format!("{is} {what}, more than a run file has ({most})")) } else { Ok(()) }
}

fn within(what: &str, is: f64, most: f64) -> Result<(), String> {
    if is.abs() <= most { Ok(()) } else { Err(format!("{what} is {is}, more than {most}")) }
}

/// Every count of a phase.
fn counts(phase: &PhaseCell) -> impl Iterator<Item = u64> {
    let plain = [
        phase.offered,
        phase.answered,
        phase.good,
        phase.cut_short.unwrap_or(0),
        phase.failed,
        phase.broken,
        phase.abandoned,
        phase.shed,
        phase.open,
        phase.attempts,
        phase.attempts_cancelled,
        phase.input_tokens,
        phase.output_tokens,
        phase.wasted_tokens,
    ];
    let named = [
        &phase.failed_by_class,
        &phase.rejected_by_reason,
        &phase.attempts_failed_by_class,
        &phase.answered_by_model,
        &phase.served_by_region,
    ];
    let placed = phase.attempts_by_target.iter().chain(&phase.answered_by_target);
    plain.into_iter().chain(named.into_iter().flat_map(|counts| counts.values()).chain(placed).copied())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::synthetic;

    fn told(change: impl Fn(&mut RunFile)) -> String {
        let mut run = synthetic::usual();
        change(&mut run);
        RunFile::from_json(&run.to_json().expect("JSON")).expect_err("refused").to_string()
    }

    #[test]
    fn numbers_that_no_run_can_have_are_refused_with_their_place() {
        let count = |run: &mut RunFile| run.cells[3].phases[1].input_tokens = u64::MAX;
        assert_eq!(
            told(count),
            "damaged: cells[3] counts 18446744073709551615 of something, more than a run can have (100000000000000)"
        );
        let target = |run: &mut RunFile| run.cells[0].phases[0].attempts_by_target[1] = u64::MAX / 2;
        assert!(told(target).starts_with("damaged: cells[0] counts "));
        assert_eq!(
            told(|run| run.cells[1].phases[0].cost_usd = Some(-1.0)),
            "damaged: cells[1] costs -1 USD, expected 0 to 1000000000000"
        );
        assert_eq!(
            told(|run| run.phases[2].to_s = 1e300),
            format!("damaged: the end of phase after is {}, more than 100000000", 1e300)
        );
        assert_eq!(
            told(|run| run.faults[0].to_s = 1e9),
            "damaged: a time of fault brown_out_west is 1000000000, more than 100000000"
        );
        assert_eq!(
            told(|run| run.cells[0].series.bucket_s = 1e9),
            "damaged: cells[0]: series.bucket_s is 1000000000, more than 100000000"
        );
        assert_eq!(
            told(|run| run.scenario.slo.total_ms = Some(1e300)),
            format!("damaged: an SLO is {}, more than 1000000000000", 1e300)
        );
        let phases = |run: &mut RunFile| run.phases = vec![run.phases[0].clone(); 257];
        assert_eq!(told(phases), "damaged: 257 phases, more than a run file has (256)");
    }

    #[test]
    fn two_of_one_name_and_two_cells_of_one_replication_are_refused() {
        let strategy = |run: &mut RunFile| run.strategies[1].name = run.strategies[0].name.clone();
        let name = synthetic::usual().strategies[0].name.clone();
        assert_eq!(told(strategy), format!("damaged: two strategies are named \"{name}\""));
        let cell = |run: &mut RunFile| run.cells[1].replication = run.cells[0].replication;
        assert_eq!(told(cell), "damaged: two cells are of strategy 0 in replication 0");
    }

    /// `NaN` and infinity have no spelling in JSON; what stands for them elsewhere is refused.
    #[test]
    fn what_is_no_number_is_refused() {
        let text = String::from_utf8(synthetic::usual().to_json().expect("JSON")).expect("text");
        for bad in ["NaN", "null", "1e999", "-Infinity", "\"1.0\""] {
            let text = text.replacen("\"bucket_s\":1.0", &format!("\"bucket_s\":{bad}"), 1);
            let error = RunFile::from_json(text.as_bytes()).expect_err(bad).to_string();
            assert!(error.starts_with("not a run file: "), "{bad}: {error}");
        }
    }

    #[test]
    fn deep_nesting_is_refused_before_it_can_hurt() {
        for open in ["[", "{\"a\":"] {
            let text =
                format!("{{\"format\":\"richter-run\",\"version\":2,\"when\":{}", open.repeat(200_000));
            let error = RunFile::from_json(text.as_bytes()).expect_err("refused").to_string();
            assert!(error.starts_with("not a run file: "), "{error}");
            let closed = format!("{text}0{}}}", if open == "[" { "]" } else { "}" }.repeat(200_000));
            assert!(RunFile::from_json(closed.as_bytes()).is_err());
        }
    }
}
