//! Small stories, one request a second: how each ending reaches the run file's counters.

use std::{path::Path, sync::atomic::AtomicBool};

use richter_reports::{run_file::PhaseCell, stats::unexplained};

use super::*;
use crate::{
    record::trace::AttemptLog,
    run::{Options, progress::Progress, simulate},
    scenario::load_text,
};

/// Head after 10 ms, ten tokens from 110 ms to 200 ms.
const STORY: &str = "version: 1
name: story
question: How does it end?
replications: 1
targets:
  east: { on_demand: { region: us-east-1, model: m } }
world:
  abandoned_work: WORK
  regions: { us-east-1: { rtt: 10ms } }
  models:
    m: { first_token: 100ms, per_token: 10ms, max_output: 100 }
traffic:
  mix:
    ask: { share: 100%, api: API, input: 7, output: 10, max_tokens: 50CALLER }
  phases:
    - { name: all, for: 10s, rate: 1/s, arrivals: constant }
FAULTSstrategies:
  only: { direct: { target: east, timeouts: { LIMITS } } }
";

mod streams;

const STREAM: &str = "converse_stream";
const UNARY: &str = "invoke_model";

/// What differs from one story to the next.
#[derive(Debug, Clone, Copy)]
struct Story {
    api: &'static str,
    fault: &'static str,
    limits: &'static str,
    caller: &'static str,
    work: &'static str,
}

const PLAIN: Story = Story { api: STREAM, fault: "", limits: "", caller: "", work: "stops" };

/// What a plan's only cell counted, and that nobody was lost.
fn told(plan: &Plan) -> PhaseCell {
    let (interrupted, progress) = (AtomicBool::new(false), Progress::silent());
    let options = Options { jobs: 1, trace: None, file: "", interrupted: &interrupted, progress: &progress };
    let run = simulate(plan, &options).expect("it runs").run;
    let phase = run.cells[0].phases[0].clone();
    assert_eq!(unexplained(&phase), 0);
    phase
}

impl Story {
    fn plan(self) -> Plan {
        let faults = match self.fault {
            "" => String::new(),
            fault => format!("faults:\n  - it: {{ {fault} }}\n"),
        };
        let caller = if self.caller.is_empty() { String::new() } else { format!(", {}", self.caller) };
        let text = STORY.replace("API", self.api).replace("WORK", self.work).replace("LIMITS", self.limits);
        let text = text.replace("CALLER", &caller).replace("FAULTS", &faults);
        load_text("story.yaml", &text, Path::new(""))
            .map_err(|problems| problems.to_string())
            .expect(&text)
            .plan
    }

    fn told(self) -> PhaseCell {
        told(&self.plan())
    }
}

/// The one ending of all requests, the class of failure, and output and wasted tokens per request.
fn ending(phase: &PhaseCell) -> (&'static str, String, u64, u64) {
    let counts = [
        ("answered", phase.answered),
        ("failed", phase.failed),
        ("broken", phase.broken),
        ("abandoned", phase.abandoned),
        ("open", phase.open),
    ];
    let all = counts.iter().find(|(_, count)| *count == phase.offered);
    let (name, _) = all.unwrap_or_else(|| panic!("requests end in several ways: {phase:?}"));
    let classes: Vec<&str> = phase.failed_by_class.keys().map(String::as_str).collect();
    assert_eq!(phase.failed_by_class, phase.attempts_failed_by_class, "one attempt each");
    (name, classes.join(" "), phase.output_tokens / phase.offered, phase.wasted_tokens / phase.offered)
}

#[test]
fn each_ending_is_counted_as_what_it_is_with_the_tokens_that_were_made() {
    let fault = |fault| Story { fault, ..PLAIN };
    let limits = |limits| Story { limits, ..PLAIN };
    let caller = |caller| Story { caller, ..PLAIN };
    let unary = |story| Story { api: UNARY, ..story };
    let on = |story| Story { work: "continues", ..story };
    let watched = |fault| Story { fault, limits: "idle: 1s", ..PLAIN };
    let error = "exception_mid_stream: { error: ModelStreamErrorException, after: 4 }";
    // (story; ending, class of failure, output tokens, those of them that nobody got)
    let table = [
        (PLAIN, "answered", "", 10, 0),
        (unary(PLAIN), "answered", "", 10, 0),
        (fault("outage: { mode: refuse }"), "failed", "transport", 0, 0),
        (fault("outage: { mode: unavailable }"), "failed", "capacity", 0, 0),
        (fault("access_denied: {}"), "failed", "access", 0, 0),
        (fault("error_burst: { errors: { ThrottlingException: 100% } }"), "failed", "throttle", 0, 0),
        (fault("outage: { mode: blackhole }"), "open", "", 0, 0),
        (Story { limits: "connect: 1s", ..fault("outage: { mode: blackhole }") }, "failed", "timeout", 0, 0),
        (
            Story { caller: "abandon_after: 2s", ..fault("outage: { mode: blackhole }") },
            "abandoned",
            "",
            0,
            0,
        ),
        (Story { limits: "connect: 1s", ..fault("connect_slow: { delay: 2s }") }, "failed", "timeout", 0, 0),
        (fault("reset_mid_stream: { after: 4 }"), "broken", "transport", 4, 4),
        (fault("reset_mid_stream: { after: 0 }"), "failed", "transport", 0, 0),
        (unary(fault("reset_mid_stream: { after: 4 }")), "failed", "transport", 10, 10),
        (fault("eof_mid_stream: { after: 4 }"), "broken", "stream_broken", 4, 4),
        (fault("eof_mid_stream: { after: 10 }"), "broken", "stream_broken", 10, 10),
        (fault(error), "broken", "stream_broken", 4, 4),
        (watched("stall_mid_stream: { after: 4 }"), "broken", "timeout", 4, 4),
        (on(watched("stall_mid_stream: { after: 4 }")), "broken", "timeout", 4, 4),
        (watched("stall_mid_stream: { after: 0 }"), "failed", "timeout", 0, 0),
        (watched("stall_mid_stream: { after: 4, for: 5s }"), "broken", "timeout", 10, 10),
        (limits("first_token: 50ms"), "failed", "timeout", 0, 0),
        (on(limits("first_token: 50ms")), "failed", "timeout", 10, 10),
        (limits("total: 155ms"), "broken", "timeout", 5, 5),
        (unary(limits("total: 155ms")), "failed", "timeout", 5, 5),
        (on(unary(limits("total: 155ms"))), "failed", "timeout", 10, 10),
        (limits("total: 200ms"), "answered", "", 10, 0),
        (unary(limits("idle: 150ms")), "failed", "timeout", 5, 5),
        (caller("abandon_after: 155ms"), "abandoned", "", 5, 5),
        (on(caller("abandon_after: 155ms")), "abandoned", "", 10, 10),
        (caller("abandon_after: 200ms"), "answered", "", 10, 0),
        (caller("abandon_after: 1ms"), "abandoned", "", 0, 0),
    ];
    for (story, name, class, output, wasted) in table {
        let told = story.told();
        assert_eq!(ending(&told), (name, class.to_owned(), output, wasted), "{story:?}");
        assert_eq!((told.offered, told.attempts), (10, 10), "{story:?}");
        assert_eq!(told.attempts_cancelled, told.abandoned, "{story:?}");
    }
}

#[test]
fn callers_come_again_as_requests_of_their_own_and_never_after_the_end() {
    let refused = Story { fault: "outage: { mode: refuse }", ..PLAIN };
    let again = |after| Story { caller: after, ..refused };
    let at_once = again("again: { share: 100%, after: 0s, times: 2 }").told();
    assert_eq!((at_once.offered, at_once.failed), (30, 30));
    let next_day = again("again: { share: 100%, after: 24h, times: 2 }").told();
    assert_eq!((next_day.offered, next_day.failed), (10, 10));
    let left = Story { caller: "abandon_after: 1ms, again: { share: 100%, after: 1ms, times: 1 }", ..PLAIN };
    assert_eq!(left.told().abandoned, 20, "who left comes again too");
}

#[test]
fn a_cancelled_attempt_s_region_is_not_written_to_the_next_one_s_line() {
    let fault = "outage: { mode: refuse }, during: { from: 5s }";
    let plan = Story { fault, caller: "abandon_after: 150ms", ..PLAIN }.plan();
    let log = AttemptLog::new(&plan, 0, 0, Vec::new());
    let mut simulation = Simulation::new(&plan, 0, 0, log).expect("it starts");
    while simulation.step().expect("no trace is read") {}
    let text = String::from_utf8(simulation.into_parts().0.finish().expect("written")).expect("text");
    let refused: Vec<&str> = text.lines().filter(|line| line.contains("transport")).collect();
    assert_eq!((refused.len(), text.lines().count()), (5, 10), "{text}");
    assert!(refused.iter().all(|line| !line.contains("region")), "{text}");
}

#[test]
fn a_whole_answer_that_the_client_throws_away_was_made_for_nobody() {
    let spill = "provisioned_spill: { primary: east, secondary: west, demo_fault: 3 }";
    let text = STORY.replace("direct: { target: east, timeouts: { LIMITS } }", spill);
    let text =
        text.replace("targets:\n", "targets:\n  west: { on_demand: { region: us-west-2, model: m } }\n");
    let text =
        text.replace("us-east-1: { rtt: 10ms } }", "us-east-1: { rtt: 10ms }, us-west-2: { rtt: 10ms } }");
    let text =
        text.replace("API", UNARY).replace("WORK", "stops").replace("CALLER", "").replace("FAULTS", "");
    let plan = load_text("story.yaml", &text, Path::new("")).map_err(|problems| problems.to_string());
    let told = told(&plan.expect(&text).plan);
    assert_eq!((told.offered, told.answered, told.attempts), (10, 10, 11));
    assert_eq!((told.output_tokens, told.wasted_tokens), (110, 10));
}

/// A story under a composed strategy: 500 unary requests of two tenants, three in a hundred with answers that are much
/// longer than the others. Nobody sets `max_tokens`.
fn composed(parts: &str) -> PhaseCell {
    let strategy = format!("composed: {{ tiers: [[east]], {parts} }}");
    let sizes =
        "output: { empirical: [{ at: 0%, value: 8 }, { at: 97%, value: 10 }, { at: 100%, value: 99 }] }";
    let text = STORY
        .replace("direct: { target: east, timeouts: { LIMITS } }", &strategy)
        .replace("output: 10, max_tokens: 50CALLER", &format!("{sizes}, tenants: [acme, globex]"))
        .replace("for: 10s, rate: 1/s", "for: 100s, rate: 5/s")
        .replace("API", UNARY)
        .replace("WORK", "stops")
        .replace("FAULTS", "");
    let plan = load_text("story.yaml", &text, Path::new("")).map_err(|problems| problems.to_string());
    told(&plan.expect(&text).plan)
}

/// A stream a second for a hundred seconds, of sixty tokens each, which come in 0.6 s in the west and take a minute in the
/// east.
fn trickling(guard: &str) -> PhaseCell {
    let strategy =
        format!("composed: {{ tiers: [[east, west]], select: weighted, throughput_guard: {guard} }}");
    let text = STORY
        .replace("direct: { target: east, timeouts: { LIMITS } }", &strategy)
        .replace("targets:\n", "targets:\n  west: { on_demand: { region: us-west-2, model: m } }\n")
        .replace("us-east-1: { rtt: 10ms } }", "us-east-1: { rtt: 10ms }, us-west-2: { rtt: 10ms } }")
        .replace("output: 10, max_tokens: 50CALLER", "output: 60, max_tokens: 60")
        .replace("for: 10s, rate: 1/s", "for: 100s, rate: 1/s")
        .replace("API", STREAM)
        .replace("WORK", "stops")
        .replace(
            "FAULTS",
            "faults:\n  - trickle: { tokens_slow: { factor: 100 }, on: { region: us-east-1 } }\n",
        );
    let plan = load_text("story.yaml", &text, Path::new("")).map_err(|problems| problems.to_string());
    told(&plan.expect(&text).plan)
}

#[test]
fn a_guard_on_throughput_keeps_requests_from_a_region_whose_streams_trickle() {
    let from_east = |told: &PhaseCell| told.served_by_region["us-east-1"];
    let (plain, spared, ended) = (trickling("off"), trickling("{}"), trickling("{ abort: true }"));
    // Without `abort` it takes a whole minute until the first slow answer is known; with it, ten seconds.
    let slow = [&plain, &spared, &ended].map(from_east);
    assert!(slow[1] * 4 < slow[0] * 3 && slow[2] * 2 < slow[1], "{slow:?} of 100");
    assert_eq!([plain.answered, spared.answered, ended.answered + ended.broken], [100; 3]);
    // Each stream that was slow was ended by then, visibly, after the first of its tokens and ten more.
    assert_eq!((ended.broken, ended.failed_by_class["timeout"]), (slow[2], slow[2]));
    assert_eq!(ended.wasted_tokens, 11 * slow[2]);
}

#[test]
fn what_a_strategy_refuses_is_told_apart_from_what_the_service_does_with_its_reason() {
    let told = composed("tenants: { requests: 1/s }");
    let refused = told.failed_by_class["local_reject"];
    assert_eq!((told.failed, told.failed_by_class.len()), (refused, 1));
    assert_eq!(told.rejected_by_reason["tenant_over_rate"], refused);
    // Each of the two tenants gets one a second of its two and a half, and ten more at the start.
    assert!((200..=222).contains(&told.answered) && told.attempts == told.answered, "{told:?}");
    assert_eq!(told.cut_short, Some(0));
}

#[test]
fn answers_that_a_clamp_cuts_off_are_counted_and_not_good() {
    let plain = composed("quota: {}");
    assert_eq!((plain.answered, plain.good, plain.cut_short), (500, 500, Some(0)));
    let clamped = composed("quota: {}, clamp_output: { quantile: 95%, min: 11, samples_min: 50 }");
    let cut = clamped.cut_short.expect("counted");
    assert!((5..=20).contains(&cut), "{cut} of about 13 long answers");
    assert_eq!((clamped.answered, clamped.good), (500, 500 - cut));
    assert!(clamped.output_tokens < plain.output_tokens);
}
