//! Who served the calls of a profile, from the service's own log: on a mock in the same process with one command, and on
//! a server of its own by the way that leads to AWS.
#![cfg(feature = "observe")]

use std::process::Child;

use richter_reports::run_file::{Observed, RunFile};

use super::{Desk, free_port, mock_on};

/// A profile whose source Region has room for a few; records are lost in one phase and doubled in the other.
const PROFILE: &str = "version: 1
name: profile
question: Who serves it?
seed: 11
replications: 1
slo: { first_token: 3s, total: 9s }
targets:
  us: { profile: { source: us-east-1, id: us.anthropic.claude-3-haiku-20240307-v1:0 } }
world:
  regions: { us-east-1: {}, us-east-2: {}, us-west-2: { rtt: 20ms } }
  capacity: { us-east-1: { concurrent: 3 } }
  models:
    anthropic.claude-3-haiku-20240307-v1:0: { first_token: 100ms, per_token: 5ms, max_output: 4096 }
  profiles:
    us.anthropic.claude-3-haiku-20240307-v1:0:
      { destinations: { us-east-1: [us-east-1, us-east-2, us-west-2] } }
traffic:
  mix: { chat: { share: 100%, api: converse_stream, input: 100, output: 30, max_tokens: 100 } }
  phases:
    - { name: one, for: 2s, rate: 40/s }
    - { name: two, for: 2s, rate: 40/s }
strategies: { cris: { cris: { profile: us } } }
drain: 10s
";

const LOSSES: &str = "faults:
  - lost: { log_drop: { share: 25% }, during: { phase: one } }
  - doubled: { log_dup: { after: 100ms, share: 25% }, during: { phase: two } }
  - shuffled: { log_reorder: { within: 500ms } }
  - nameless: { log_field_missing: { share: 30% }, during: { phase: two } }
";

/// A server that ends with its test, however that ends.
struct Kept(Child);

impl Drop for Kept {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn observed(run: &RunFile) -> &Observed {
    run.observed.as_ref().expect("the log was read")
}

/// Each metric beside what the records make it.
fn metrics_agree(observed: &Observed) {
    assert!(observed.metrics.iter().any(|metric| metric.name == "LoggedCalls"), "{:?}", observed.metrics);
    for metric in &observed.metrics {
        assert!((metric.counted - metric.in_log as f64).abs() < 0.5, "{metric:?}");
    }
}

fn served(observed: &Observed, region: &str) -> u32 {
    observed.cells.iter().filter_map(|cell| cell.served_by_region.get(region)).flatten().sum()
}

#[test]
fn one_command_on_a_mock_says_who_served_and_all_three_counts_agree() {
    let desk = Desk::new();
    desk.file("profile.yaml", PROFILE);
    let (code, said) = desk.richter(&["run", "profile.yaml", "--on", "mock", "--observe", "--lag-max", "5s"]);
    assert_eq!(code, 0, "{said}");
    let run = desk.run("out/profile");
    let observed = observed(&run);
    let counts = observed.counts;
    assert_eq!((counts.attempts, counts.records, counts.missing), (160, 160, 0), "{counts:?}");
    assert_eq!(counts.matched, counts.attempts);
    assert_eq!(observed.metrics[0].in_log, 160, "{:?}", observed.metrics);
    metrics_agree(observed);
    assert!(observed.differences.is_empty(), "{:?}", observed.differences);
    let elsewhere = served(observed, "us-east-2") + served(observed, "us-west-2");
    assert!(served(observed, "us-east-1") > 0 && elsewhere > 0, "{:?}", observed.cells);
    let report = std::fs::read_to_string(desk.path("out/profile/report.txt")).expect("a report");
    assert!(report.contains("client count = log count = metric count: 160"), "{report}");
}

#[test]
fn faults_of_the_log_are_told_by_how_much_and_why() {
    let desk = Desk::new();
    desk.file("profile.yaml", &PROFILE.replace("strategies:", &format!("{LOSSES}strategies:")));
    let (code, said) = desk.richter(&["run", "profile.yaml", "--on", "mock", "--observe", "--lag-max", "5s"]);
    assert_eq!(code, 0, "{said}");
    let run = desk.run("out/profile");
    let hits = |name: &str| {
        let place = run.faults.iter().position(|fault| fault.name == name).expect("a fault of that name");
        run.cells[0].faults[place].hit
    };
    let observed = observed(&run);
    let counts = observed.counts;
    assert!(hits("lost") > 5 && hits("doubled") > 5 && hits("nameless") > 5, "{:?}", run.cells[0].faults);
    assert_eq!((counts.missing, counts.duplicates), (hits("lost"), hits("doubled")), "{counts:?}");
    assert_eq!(counts.records, counts.attempts - hits("lost") + hits("doubled"));
    metrics_agree(observed);
    let told = observed.differences.join("\n");
    assert!(told.contains(&format!("{} calls", hits("lost"))), "{told}");
    assert!(told.contains(&format!("{} records came again", hits("doubled"))), "{told}");
    let report = std::fs::read_to_string(desk.path("out/profile/report.txt")).expect("a report");
    assert!(
        report.contains(&format!("client count {}, log count {}", counts.attempts, counts.records)),
        "{report}"
    );
}

#[test]
fn a_service_of_its_own_is_set_up_run_read_twice_and_left_as_it_was() {
    let desk = Desk::new();
    // Two strategies make the same calls into one log.
    let twice = PROFILE.replace(
        "{ cris: { cris: { profile: us } } }",
        "{ a: { cris: { profile: us } }, b: { direct: { target: us } } }",
    );
    desk.file("spike.yaml", &twice);
    let port = free_port();
    let _mock = Kept(mock_on(&desk, port));
    let url = format!("http://127.0.0.1:{port}");
    let with = |args: &[&str]| {
        let args = [args, &["--endpoint-url", &url]].concat();
        let mut command = desk.command(&args);
        command.env("AWS_ACCESS_KEY_ID", "mock").env("AWS_SECRET_ACCESS_KEY", "mock");
        command.env("AWS_CONFIG_FILE", "/dev/null").env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null");
        // The role and STS are the mock's as well.
        command.env("AWS_ENDPOINT_URL", &url);
        let output = command.output().expect("it starts");
        (output.status.code().unwrap_or(-1), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let run = ["run", "spike.yaml", "--on", "mock", "--observe", "--refill", "0s", "--lag-max", "5s"];
    let (code, said) = with(&run);
    assert_eq!(code, 2, "nothing is set up yet: {said}");
    assert!(said.contains("observe setup"), "{said}");
    let (code, said) = with(&["observe", "setup", "spike.yaml", "--create-role", "--yes"]);
    assert_eq!(code, 0, "{said}");
    let (code, said) = with(&run);
    assert_eq!(code, 0, "{said}");
    let first = desk.run("out/profile");
    let counts = observed(&first).counts;
    assert_eq!((counts.missing, counts.duplicates, counts.foreign), (0, 0, 0), "{counts:?}");
    assert!(counts.attempts >= 320, "{counts:?}");
    metrics_agree(observed(&first));
    let (code, said) = with(&["observe", "collect", "out/profile", "--wait", "20s"]);
    assert_eq!(code, 0, "{said}");
    let again = desk.run("out/profile");
    assert_eq!(observed(&again).counts, observed(&first).counts);
    assert_eq!(observed(&again).hops, observed(&first).hops);
    let (code, said) = with(&["observe", "teardown", "spike.yaml", "--yes"]);
    assert_eq!(code, 0, "{said}");
    let (code, _) = with(&["observe", "status", "spike.yaml", "--create-role"]);
    assert_eq!(code, 99, "nothing is set up any more");
}
