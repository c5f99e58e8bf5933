//! From a run file to a judgement: did the run hold what the scenario expects, and can it be believed at all?
//!
//! In this order: a run that did not go to its end is interrupted or aborted; one that cannot be believed is
//! invalid; then an expectation that did not hold, or could not be told, fails it.

use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    comparison::{Comparison, compare},
    expect::{self, ExpectResult, Outcome},
    run_file::{RunFile, Status},
    stats,
    tally::View,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Passed,
    /// An expectation did not hold, or there was not enough data to tell.
    Failed,
    /// The numbers cannot be trusted, or the scenario did not test what it says.
    Invalid,
    /// An abort rule of the scenario stopped it.
    Aborted,
    Interrupted,
}

impl Verdict {
    pub const fn name(self) -> &'static str {
        match self {
            Verdict::Passed => "passed",
            Verdict::Failed => "failed",
            Verdict::Invalid => "invalid",
            Verdict::Aborted => "aborted",
            Verdict::Interrupted => "interrupted",
        }
    }
}

/// All that is to be said about a run.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Judgement {
    pub verdict: Verdict,
    /// Why, most important first; never empty.
    pub why: Vec<String>,
    pub expectations: Vec<ExpectResult>,
    pub comparison: Comparison,
}

pub fn judge(run: &RunFile) -> Judgement {
    let view = View::new(run);
    let expectations: Vec<ExpectResult> =
        run.expect.iter().flat_map(|spec| expect::judge(&view, spec)).collect();
    let doubts = doubts(&view);
    let (verdict, why) = match &run.status {
        Status::Interrupted => (Verdict::Interrupted, vec!["interrupted before its end".to_owned()]),
        Status::Aborted { rule, .. } => {
            (Verdict::Aborted, vec![format!("stopped by its abort rule: {rule}")])
        }
        Status::Complete if !doubts.is_empty() => (Verdict::Invalid, doubts),
        Status::Complete => held(&expectations),
    };
    Judgement { verdict, why, expectations, comparison: compare(&view) }
}

/// More than a reader needs to stop believing.
const DOUBTS_MAX: usize = 40;

/// Why the run's numbers are not to be believed.
fn doubts(view: &View<'_>) -> Vec<String> {
    let mut doubts: Vec<String> =
        view.damage.iter().map(|damage| format!("a histogram cannot be read: {damage}")).collect();
    doubts.extend(breaches(view));
    doubts.extend(view.run.live.iter().flat_map(|live| live.doubts.clone()));
    doubts.extend(split_wrongly(view));
    doubts.extend(empty_phases(view));
    doubts.extend(silent_faults(view));
    let more = doubts.len().saturating_sub(DOUBTS_MAX);
    doubts.truncate(DOUBTS_MAX);
    if more > 0 {
        doubts.push(format!("and {more} more"));
    }
    doubts
}

/// Requests that the recorder lost or counted twice.
fn breaches(view: &View<'_>) -> Vec<String> {
    let mut breaches = Vec::new();
    for cell in &view.run.cells {
        for (phase, counts) in view.run.phases.iter().zip(&cell.phases) {
            let unexplained = stats::unexplained(counts);
            if unexplained != 0 {
                let strategy = strategy_name(view, cell.strategy);
                breaches.push(format!(
                    "requests do not add up: {strategy}, replication {}, {}: {} offered, {unexplained} unexplained",
                    cell.replication, phase.name, counts.offered
                ));
            }
        }
    }
    breaches
}

/// Requests whose parts do not sum to their whole.
fn split_wrongly(view: &View<'_>) -> Option<String> {
    let splits = view.run.cells.iter().flat_map(|cell| &cell.phases).filter_map(|phase| phase.split.as_ref());
    let wrong = splits.filter(|split| !split.adds_up()).count();
    (wrong > 0).then(|| format!("the parts of requests' times do not sum to their totals in {wrong} phases"))
}

fn strategy_name<'a>(view: &View<'a>, strategy: usize) -> &'a str {
    view.run.strategies.get(strategy).map_or("?", |strategy| strategy.name.as_str())
}

fn empty_phases(view: &View<'_>) -> Vec<String> {
    let measured = view.measured_phases();
    if measured.is_empty() {
        return vec!["no phase is measured".to_owned()];
    }
    let mut empty = Vec::new();
    for (index, strategy) in view.run.strategies.iter().enumerate() {
        for phase in &measured {
            if view.tally(index, &[*phase]).counts.offered == 0 {
                empty.push(format!("{} met no request in {}", strategy.name, view.run.phases[*phase].name));
            }
        }
    }
    empty
}

/// Faults that never changed anything: the run did not test what its scenario says.
fn silent_faults(view: &View<'_>) -> Vec<String> {
    let faults = view.run.faults.iter().enumerate();
    let silent = faults.filter(|(index, _)| {
        view.run.cells.iter().all(|cell| cell.faults.get(*index).is_none_or(|hits| hits.hit == 0))
    });
    let told = silent.map(|(_, fault)| match &fault.cannot_show {
        None => format!("the fault {} hit nothing", fault.name),
        Some(why) => format!("the fault {} hit nothing: {why}", fault.name),
    });
    told.collect()
}

fn held(expectations: &[ExpectResult]) -> (Verdict, Vec<String>) {
    let count = |outcome| expectations.iter().filter(|result| result.outcome == outcome).count();
    let all = expectations.len();
    match (count(Outcome::Failed), count(Outcome::NotEnoughData)) {
        (0, 0) if all == 0 => (Verdict::Passed, vec!["nothing was expected".to_owned()]),
        (0, 0) => (Verdict::Passed, vec![format!("{all} of {all} expectations held")]),
        (0, unclear) => {
            (Verdict::Failed, vec![format!("{unclear} of {all} expectations had not enough data to tell")])
        }
        (failed, 0) => (Verdict::Failed, vec![format!("{failed} of {all} expectations failed")]),
        (failed, unclear) => (
            Verdict::Failed,
            vec![format!("{failed} of {all} expectations failed, {unclear} had not enough data to tell")],
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{expect::ExpectSpec, synthetic};

    fn expecting(that: &str) -> RunFile {
        let mut run = synthetic::usual();
        run.expect = vec![ExpectSpec { that: that.to_owned(), ..ExpectSpec::default() }];
        run
    }

    fn verdict(run: &RunFile) -> (Verdict, String) {
        let judgement = judge(run);
        (judgement.verdict, judgement.why.join("; "))
    }

    #[test]
    fn a_run_passes_when_every_expectation_held() {
        assert_eq!(verdict(&synthetic::usual()), (Verdict::Passed, "nothing was expected".to_owned()));
        let held = (Verdict::Passed, "3 of 3 expectations held".to_owned());
        assert_eq!(verdict(&expecting("success >= 10%")), held);
    }

    #[test]
    fn a_run_fails_when_one_did_not_hold_or_could_not_be_told() {
        let failed = (Verdict::Failed, "2 of 3 expectations failed".to_owned());
        assert_eq!(verdict(&expecting("success >= 90%")), failed);
        let mut run = expecting("ttft.p99.99 <= 60s");
        let unclear = (Verdict::Failed, "3 of 3 expectations had not enough data to tell".to_owned());
        run.phases[1].measured = false; // 12,000 requests are left; p99.99 needs 50,000.
        assert_eq!(verdict(&run), unclear);
        run.expect.extend(expecting("success >= 99%").expect);
        let both = "1 of 6 expectations failed, 3 had not enough data to tell";
        assert_eq!(verdict(&run), (Verdict::Failed, both.to_owned()));
    }

    #[test]
    fn requests_that_do_not_add_up_make_a_run_invalid() {
        let mut run = expecting("success >= 10%");
        run.cells[6].phases[1].offered += 2;
        let why = "requests do not add up: sdk-retries, replication 1, spike: 6002 offered, 2 unexplained";
        assert_eq!(verdict(&run), (Verdict::Invalid, why.to_owned()));
    }

    #[test]
    fn a_fault_that_hit_nothing_makes_a_run_invalid_and_one_that_hit_some_does_not() {
        let mut run = expecting("success >= 10%");
        for cell in &mut run.cells[1..] {
            cell.faults[0].hit = 0;
        }
        assert_eq!(verdict(&run).0, Verdict::Passed);
        let caveats = judge(&run).comparison.caveats;
        let told = "the fault brown_out_west never hit sdk-retries, richter";
        assert!(caveats.iter().any(|caveat| caveat == told), "{caveats:?}");
        run.cells[0].faults[0].hit = 0;
        assert_eq!(verdict(&run), (Verdict::Invalid, "the fault brown_out_west hit nothing".to_owned()));
        run.faults[0].cannot_show = Some("nobody can".to_owned());
        assert_eq!(verdict(&run).1, "the fault brown_out_west hit nothing: nobody can");
    }

    #[test]
    fn a_measured_phase_without_requests_makes_a_run_invalid() {
        let mut run = expecting("success >= 10%");
        for cell in &mut run.cells {
            cell.phases[2] = Default::default();
        }
        assert!(verdict(&run).1.starts_with("one-region met no request in after; sdk-retries met"));
        assert_eq!(verdict(&run).0, Verdict::Invalid);
        run.phases.iter_mut().for_each(|phase| phase.measured = false);
        assert_eq!(verdict(&run), (Verdict::Invalid, "no phase is measured".to_owned()));
    }

    #[test]
    fn a_histogram_that_cannot_be_read_makes_a_run_invalid() {
        let mut run = expecting("success >= 10%");
        run.cells[0].phases[0].histograms.total = Some("nonsense".to_owned());
        assert_eq!(verdict(&run).0, Verdict::Invalid);
    }

    #[test]
    fn how_a_run_ended_outranks_what_it_measured() {
        let mut run = expecting("success >= 90%");
        run.cells[6].phases[1].offered += 2;
        run.status = Status::Aborted { rule: "spend: 5 USD".to_owned(), spend: true };
        assert_eq!(verdict(&run), (Verdict::Aborted, "stopped by its abort rule: spend: 5 USD".to_owned()));
        run.status = Status::Interrupted;
        assert_eq!(verdict(&run).0, Verdict::Interrupted);
    }

    #[test]
    fn a_run_of_which_nothing_is_left_is_judged_without_a_panic() {
        let mut run = synthetic::usual();
        run.cells.clear();
        assert_eq!(verdict(&run).0, Verdict::Invalid);
        run.strategies.clear();
        run.phases.clear();
        run.faults.clear();
        assert_eq!(verdict(&run).0, Verdict::Invalid);
    }
}
