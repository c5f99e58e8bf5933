//! Random scenarios with random faults: whatever is written, no request is lost, none is counted twice, and the same
//! again gives the same.

mod scenario;

use std::{collections::BTreeSet, path::Path};

use proptest::{prelude::*, strategy::ValueTree as _, test_runner::TestRunner};
use richter::{
    ground::{Witness, Work, sim::Simulation},
    load::Arrival,
    record::{Both, cell::Recorder},
    scenario::{load_text, plan::Plan},
};
use richter_core::event::{Event, Observer};
use richter_mock_bedrock::Nanos;
use richter_reports::{run_file::PhaseCell, stats::unexplained, verdict::judge};

use self::scenario::any_scenario;
use crate::scenarios::run;

fn plan(text: &str) -> Plan {
    match load_text("random.yaml", text, Path::new("")) {
        Ok(checked) => checked.plan,
        Err(problems) => panic!("{}\n{text}", problems.render(false)),
    }
}

/// Counts by itself what the recorder counts, and holds the ground to its promises.
#[derive(Debug, Default)]
struct Auditor {
    now: Nanos,
    in_air: usize,
    open: usize,
    worked: u64,
    output: u64,
}

impl Observer for Auditor {
    fn on(&mut self, now: Nanos, event: &Event<'_>) {
        assert!(now >= self.now, "time goes back");
        self.now = now;
        match event {
            Event::Begun { request, .. } => {
                assert_eq!(request.intended, now, "the simulation begins every request when it is due");
                self.open += 1;
            }
            Event::Sent { .. } => self.in_air += 1,
            Event::AttemptEnded { .. } => self.in_air -= 1,
            Event::Finished { .. } => self.open -= 1,
            Event::Decided { .. } | Event::Opened { .. } | Event::Committed { .. } => {}
        }
    }
}

impl Witness for Auditor {
    fn arrived(&mut self, _: &Arrival) {}

    fn worked(&mut self, _: Nanos, work: &Work) {
        self.worked += 1;
        self.output += u64::from(work.output_tokens);
    }
}

/// One phase, whatever happened in it.
fn adds_up(cell: &PhaseCell, worst_attempts: u32) {
    assert_eq!(unexplained(cell), 0);
    assert!(cell.good <= cell.answered && cell.answered <= cell.attempts);
    assert!(cell.attempts <= cell.offered * u64::from(worst_attempts));
    assert_eq!(cell.attempts, cell.attempts_by_target.iter().sum::<u64>());
    assert_eq!(cell.answered, cell.answered_by_target.iter().sum::<u64>());
    assert_eq!(cell.answered, cell.answered_by_model.values().sum::<u64>());
    assert_eq!(cell.failed + cell.broken, cell.failed_by_class.values().sum::<u64>());
    let attempts_failed = cell.attempts_failed_by_class.values().sum::<u64>();
    let ended = cell.answered + attempts_failed + cell.attempts_cancelled;
    assert!(ended <= cell.attempts, "{ended} of {} attempts ended", cell.attempts);
    assert!(cell.open > 0 || ended == cell.attempts, "an attempt outlived its request");
    assert!(cell.wasted_tokens <= cell.output_tokens);
    assert!(cell.served_by_region.values().sum::<u64>() <= cell.attempts);
}

fn check_run(text: &str) {
    let plan = plan(text);
    let run_file = run(&plan, 1);
    for cell in &run_file.cells {
        let worst = plan.strategies[cell.strategy].worst.attempts;
        cell.phases.iter().for_each(|phase| adds_up(phase, worst));
        let offered: u64 = cell.phases.iter().map(|phase| phase.offered).sum();
        let over_time: u64 = cell.series.offered.iter().copied().map(u64::from).sum();
        assert_eq!(offered, over_time, "the series counts the same requests");
    }
    let judgement = judge(&run_file);
    assert!(!judgement.why.is_empty());
    let again = run(&plan, 2);
    assert!(run_file == again, "the same plan gave two different runs");
}

/// Plays one strategy to its end and asks the engine and an independent witness.
fn check_ground(text: &str) {
    let plan = plan(text);
    for strategy in 0..plan.strategies.len() {
        let witness = Both(Recorder::new(&plan), Auditor::default());
        let mut simulation = Simulation::new(&plan, strategy, 0, witness).expect("it starts");
        while simulation.step().expect("no trace is read") {}
        let (Both(recorder, auditor), engine) = simulation.into_parts();
        let open: u64 = recorder.open_by_phase().iter().sum();
        assert_eq!(open, auditor.open as u64, "requests that are still open");
        assert!(open > 0 || auditor.in_air == 0, "an attempt outlived its request");
        let output: u64 = recorder.tallies.iter().flat_map(|tally| &tally.output_by_route).sum();
        assert_eq!(output, auditor.output);
        if open == 0 && !text.contains("abandoned_work: continues") {
            assert_eq!(engine.open_calls(), 0, "the service works for nobody");
        }
    }
}

#[test]
fn random_scenarios_bring_about_every_ending_and_every_failure_that_a_service_can_cause() {
    let mut runner = TestRunner::deterministic();
    let mut seen = BTreeSet::new();
    for _ in 0..128 {
        let text = any_scenario().new_tree(&mut runner).expect("a scenario").current();
        for phase in run(&plan(&text), 1).cells.iter().flat_map(|cell| &cell.phases) {
            let endings = [
                ("answered", phase.answered),
                ("failed", phase.failed),
                ("broken", phase.broken),
                ("abandoned", phase.abandoned),
                ("open", phase.open),
                ("cancelled", phase.attempts_cancelled),
                ("wasted", phase.wasted_tokens),
            ];
            seen.extend(endings.iter().filter(|(_, count)| *count > 0).map(|(name, _)| (*name).to_owned()));
            seen.extend(phase.attempts_failed_by_class.keys().cloned());
        }
    }
    let expected = [
        "answered",
        "failed",
        "broken",
        "abandoned",
        "open",
        "cancelled",
        "wasted",
        "throttle",
        "capacity",
        "server_fault",
        "transport",
        "timeout",
        "access",
        "stream_broken",
    ];
    let missing: Vec<&str> = expected.into_iter().filter(|name| !seen.contains(*name)).collect();
    assert!(missing.is_empty(), "never seen: {missing:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn conservation_holds_for_random_scenarios_with_random_faults(text in any_scenario()) {
        check_run(&text);
    }

    #[test]
    fn the_ground_leaves_nothing_behind_in_random_scenarios(text in any_scenario()) {
        check_ground(&text);
    }
}
