//! The command line as a user meets it: exit codes, wrong flags, bad files, where the data goes.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use richter::exit::Exit;
use tempfile::TempDir;

#[path = "cli/gate.rs"]
mod gate;

const TINY: &str = "version: 1
name: tiny
question: Does it run?
replications: 3
targets:
  east: { on_demand: { region: us-east-1, model: m } }
world:
  models:
    m: { first_token: 100ms, per_token: 5ms, max_output: 100 }
  quotas: { on_demand: { us-east-1: { requests: 6000/min } } }
traffic:
  mix:
    ask: { share: 100%, api: converse, input: 10, output: 10, max_tokens: 50 }
  phases:
    - { name: all, for: 20s, rate: 20/s }
strategies:
  only: { direct: { target: east } }
  other: { sdk: { target: east } }
";

#[cfg(feature = "aws")]
#[path = "cli/aws.rs"]
mod aws;

struct Ran {
    code: u8,
    out: String,
    err: String,
}

struct Desk(TempDir);

impl Desk {
    fn new() -> Desk {
        Desk(TempDir::new().expect("a temporary folder"))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn file(&self, name: &str, text: &str) -> String {
        fs::write(self.path(name), text).expect("the file is written");
        name.to_owned()
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_richter"));
        command
            .current_dir(self.0.path())
            .env("NO_COLOR", "1")
            .env_remove("RICHTER_OUT")
            .env_remove("GITHUB_STEP_SUMMARY");
        command
    }

    fn richter(&self, args: &[&str]) -> Ran {
        Ran::of(self.command().args(args).output().expect("richter starts"))
    }
}

impl Ran {
    fn of(Output { status, stdout, stderr }: Output) -> Ran {
        Ran {
            code: status.code().and_then(|code| u8::try_from(code).ok()).expect("it exits by itself"),
            out: String::from_utf8(stdout).expect("text"),
            err: String::from_utf8(stderr).expect("text"),
        }
    }
}

fn expecting(that: &str) -> String {
    format!("{TINY}expect:\n  - {{ that: {that} }}\n")
}

#[test]
fn a_run_that_passes_exits_0_and_leaves_run_file_and_report() {
    let desk = Desk::new();
    let scenario = desk.file("s.yaml", &expecting("success >= 99%"));
    let ran = desk.richter(&["run", &scenario]);
    assert_eq!(ran.code, Exit::Passed.code(), "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("PASSED"), "{}", ran.out);
    assert!(desk.path("out/tiny/run.json").is_file());
    let report = fs::read_to_string(desk.path("out/tiny/report.txt")).expect("the report is there");
    assert!(report.contains("PASSED"), "{report}");
}

#[test]
fn an_expectation_that_does_not_hold_exits_99() {
    let desk = Desk::new();
    let scenario = desk.file("s.yaml", &expecting("success <= 10%"));
    let ran = desk.richter(&["run", &scenario]);
    assert_eq!(ran.code, Exit::Gate.code(), "{}", ran.out);
    assert!(ran.out.contains("FAILED"), "{}", ran.out);
}

#[test]
fn too_little_data_is_not_a_pass() {
    let desk = Desk::new();
    let scenario = desk.file("s.yaml", &expecting("ttft.p99.99 <= 10s"));
    let ran = desk.richter(&["run", &scenario, "--replications", "1"]);
    assert_eq!(ran.code, Exit::Gate.code(), "{}", ran.out);
    assert!(ran.out.to_lowercase().contains("not enough data"), "{}", ran.out);
}

#[test]
fn a_scenario_with_errors_exits_3_and_names_file_and_line() {
    let desk = Desk::new();
    let scenario = desk
        .file("bad.yaml", &TINY.replace("rate: 20/s", "rate: 20").replace("target: east", "target: eest"));
    let ran = desk.richter(&["run", &scenario]);
    assert_eq!(ran.code, Exit::Scenario.code(), "{}", ran.err);
    assert!(ran.err.contains("bad.yaml:15"), "{}", ran.err);
    assert!(ran.err.contains("east"), "{}", ran.err);
    assert!(!desk.path("out").exists(), "a bad scenario leaves nothing behind");
}

#[test]
fn a_missing_scenario_exits_3() {
    let ran = Desk::new().richter(&["run", "nowhere.yaml"]);
    assert_eq!(ran.code, Exit::Scenario.code(), "{}", ran.err);
    assert!(ran.err.contains("nowhere.yaml"), "{}", ran.err);
}

#[test]
fn wrong_words_exit_2() {
    let desk = Desk::new();
    let scenario = desk.file("s.yaml", TINY);
    for args in [
        vec!["fly"],
        vec!["run"],
        vec!["run", &scenario, "--replications", "0"],
        vec!["run", &scenario, "--jobs", "none"],
        vec!["run", &scenario, "--strategy", "onyl"],
        vec!["list", "everything"],
    ] {
        let ran = desk.richter(&args);
        assert_eq!(ran.code, Exit::Usage.code(), "{args:?}: {}", ran.err);
        assert!(!ran.err.is_empty(), "{args:?} says nothing");
    }
}

#[test]
fn a_ground_that_this_build_lacks_exits_4_and_one_that_costs_money_asks_first() {
    let desk = Desk::new();
    let scenario = desk.file("s.yaml", TINY);
    let ran = desk.richter(&["run", &scenario, "--on", "bedrock"]);
    let (code, said) = match cfg!(feature = "aws") {
        true => (Exit::Refused, "give --yes to agree"),
        false => (Exit::Access, "`aws`"),
    };
    assert!(ran.code == code.code() && ran.err.contains(said), "{}: {}", ran.code, ran.err);
}

#[test]
fn a_spend_limit_exits_5_and_a_success_limit_exits_1() {
    let desk = Desk::new();
    let prices = "prices: { m: { input: 100 USD/M, output: 100 USD/M } }\n";
    let spend = desk.file("spend.yaml", &format!("{TINY}{prices}abort: {{ spend: 0.01 USD }}\n"));
    let ran = desk.richter(&["run", &spend]);
    assert_eq!(ran.code, Exit::Refused.code(), "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("ABORTED"), "{}", ran.out);
    let starved = TINY.replace("6000/min", "6/min");
    let success = desk.file("success.yaml", &format!("{starved}abort: {{ success_below: 50% for 5s }}\n"));
    let ran = desk.richter(&["run", &success]);
    assert_eq!(ran.code, Exit::Broke.code(), "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("ABORTED"), "{}", ran.out);
}

#[test]
fn a_fault_that_never_fires_makes_the_run_invalid() {
    let desk = Desk::new();
    let fault = "faults:\n  - idle: { error_burst: { errors: { InternalServerException: 100% }, share: 100% }, on: { operation: converse_stream } }\n";
    let scenario = desk.file("s.yaml", &format!("{TINY}{fault}"));
    let ran = desk.richter(&["run", &scenario]);
    assert_eq!(ran.code, Exit::Broke.code(), "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("INVALID"), "{}", ran.out);
    assert!(ran.out.contains("idle"), "{}", ran.out);
}

#[test]
fn an_unwritable_folder_is_a_clear_error() {
    let desk = Desk::new();
    let scenario = desk.file("s.yaml", TINY);
    desk.file("taken", "a file where a folder should be");
    let ran = desk.richter(&["run", &scenario, "--out", "taken"]);
    assert_eq!(ran.code, Exit::Broke.code(), "{}", ran.err);
    assert!(ran.err.contains("taken"), "{}", ran.err);
}

#[test]
fn json_goes_to_standard_output_and_nothing_else_does() {
    let desk = Desk::new();
    let scenario = desk.file("s.yaml", TINY);
    let ran = desk.richter(&["run", &scenario, "--output", "json", "--strategy", "only"]);
    let run: serde_json::Value = serde_json::from_str(&ran.out).expect("standard output is JSON");
    assert_eq!(run["format"], "richter-run");
    assert_eq!(run["strategies"].as_array().map(Vec::len), Some(1));
    assert_eq!(desk.richter(&["run", &scenario, "--output", "quiet"]).out, "");
}

/// The run file with its times of day taken out.
fn bytes(path: &Path) -> String {
    let text = fs::read_to_string(path).expect("the run file is there");
    let mut run: serde_json::Value = serde_json::from_str(&text).expect("it is JSON");
    run["when"] = serde_json::Value::Null;
    run.to_string()
}

#[test]
fn two_processes_give_the_same_run_file_whatever_the_jobs() {
    let desk = Desk::new();
    let scenario = desk.file("s.yaml", TINY);
    for (jobs, out) in [("1", "a"), ("2", "b")] {
        let ran = desk.richter(&["run", &scenario, "--jobs", jobs, "--out", out]);
        assert_eq!(ran.code, Exit::Passed.code(), "{}", ran.err);
    }
    assert!(bytes(&desk.path("a/tiny/run.json")) == bytes(&desk.path("b/tiny/run.json")));
}

#[test]
fn check_proves_determinism() {
    let desk = Desk::new();
    let scenario = desk.file("s.yaml", TINY);
    let ran = desk.richter(&["run", &scenario, "--check"]);
    assert_eq!(ran.code, Exit::Passed.code(), "{}", ran.err);
    assert!(ran.err.contains("deterministic:"), "{}", ran.err);
}

#[test]
fn a_trace_has_one_line_per_attempt_in_the_order_of_the_jobs() {
    let desk = Desk::new();
    let scenario = desk.file("s.yaml", TINY);
    for (jobs, name) in [("1", "one.jsonl"), ("2", "two.jsonl")] {
        desk.richter(&["run", &scenario, "--jobs", jobs, "--trace", name]);
    }
    let text = fs::read_to_string(desk.path("one.jsonl")).expect("the trace is there");
    assert!(text == fs::read_to_string(desk.path("two.jsonl")).expect("the trace is there"));
    let run: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(desk.path("out/tiny/run.json")).expect("there"))
            .expect("JSON");
    let attempts: u64 = run["cells"]
        .as_array()
        .expect("cells")
        .iter()
        .map(|cell| cell["phases"][0]["attempts"].as_u64().expect("a count"))
        .sum();
    assert_eq!(text.lines().count() as u64, attempts);
    let line: serde_json::Value = serde_json::from_str(text.lines().next().expect("a line")).expect("JSON");
    assert_eq!((&line["strategy"], &line["result"]), (&"only".into(), &"answered".into()));
    assert_eq!(line["region"], "us-east-1");
    assert_eq!(fs::read_dir(desk.0.path()).expect("readable").count(), 4, "no parts are left behind");
}

#[test]
fn why_tells_a_request_s_story_and_refuses_a_changed_scenario() {
    let desk = Desk::new();
    let scenario = desk.file("s.yaml", TINY);
    desk.richter(&["run", &scenario]);
    let run: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(desk.path("out/tiny/run.json")).expect("there"))
            .expect("JSON");
    let name = run["cells"][0]["notable"]["slowest"][0]["request"].as_str().expect("a name");
    let ran = desk.richter(&["why", "out/tiny/run.json", name]);
    assert_eq!(ran.code, Exit::Passed.code(), "{}", ran.err);
    assert!(
        ran.out.contains("only (replication 0)") && ran.out.contains("attempt 1 sent to east"),
        "{}",
        ran.out
    );
    let place = name.strip_prefix("0.").expect("the first phase");
    assert_eq!(
        desk.richter(&["why", "out/tiny", place]).out,
        ran.out,
        "folder and packed number mean the same"
    );
    let ran = desk.richter(&["why", "out/tiny/run.json", "0.999999999999"]);
    assert!(ran.err.contains("no request is named 0.999999999999"), "{}", ran.err);
    let ran = desk.richter(&["why", "out/tiny/run.json", "slowest"]);
    assert_eq!(ran.code, Exit::Usage.code());
    assert!(ran.err.contains("such as 1.2756"), "{}", ran.err);
    desk.file("s.yaml", &TINY.replace("20/s", "21/s"));
    let ran = desk.richter(&["why", "out/tiny/run.json", name]);
    assert_eq!(ran.code, Exit::Broke.code());
    assert!(ran.err.contains("has changed"), "{}", ran.err);
}

#[test]
fn a_command_that_the_report_proposes_tells_a_story() {
    let desk = Desk::new();
    let scenario = desk.file("s.yaml", TINY);
    let report = desk.richter(&["run", &scenario, "--out", "my out"]).out;
    let command = report.lines().find_map(|line| line.strip_prefix("  richter ")).expect("a command");
    let args: Vec<&str> = command.split('\'').map(str::trim).collect();
    let [why, run, rest] = args[..] else { panic!("{command}") };
    let args: Vec<&str> = [why, run].into_iter().chain(rest.split(' ')).collect();
    let told = desk.richter(&args);
    assert_eq!(told.code, Exit::Passed.code(), "{command}: {}", told.err);
    assert!(told.out.contains("attempt 1 sent to east"), "{}", told.out);
}

#[test]
fn quiet_is_silent_about_a_pass_and_says_what_kept_a_run_from_passing() {
    let desk = Desk::new();
    let passes = desk.file("passes.yaml", &expecting("success >= 99%"));
    let ran = desk.richter(&["run", &passes, "--output", "quiet"]);
    assert_eq!((ran.code, ran.out.as_str(), ran.err.as_str()), (Exit::Passed.code(), "", ""));
    let fails = desk.file("fails.yaml", &expecting("success <= 10%"));
    let ran = desk.richter(&["run", &fails, "--output", "quiet"]);
    assert_eq!((ran.code, ran.out.as_str()), (Exit::Gate.code(), ""));
    assert!(ran.err.starts_with("tiny: failed: 2 of 2 expectations failed"), "{}", ran.err);
}

#[test]
fn a_number_below_zero_is_told_its_range_and_not_taken_for_a_flag() {
    let desk = Desk::new();
    let scenario = desk.file("s.yaml", TINY);
    for (flag, range) in [("--seed", "from 0 to"), ("--replications", "1..=1000"), ("--jobs", "1..=256")] {
        let ran = desk.richter(&["run", &scenario, flag, "-1"]);
        assert_eq!(ran.code, Exit::Usage.code());
        assert!(ran.err.contains(flag) && ran.err.contains(range), "{}", ran.err);
    }
}

#[test]
fn what_is_no_scenario_file_is_said_to_be_none() {
    let desk = Desk::new();
    fs::create_dir(desk.path("folder")).expect("made");
    for (name, hint) in
        [("-", "write /dev/stdin"), ("folder", "scenario files in it"), ("none.yaml", "check the name")]
    {
        let ran = desk.richter(&["explain", name]);
        assert_eq!(ran.code, Exit::Scenario.code());
        assert!(ran.err.contains(hint), "{}", ran.err);
    }
}

#[test]
fn a_report_can_be_printed_again_and_a_broken_run_file_is_refused() {
    let desk = Desk::new();
    let scenario = desk.file("s.yaml", &expecting("success >= 99%"));
    let first = desk.richter(&["run", &scenario]);
    let again = desk.richter(&["report", "out/tiny/run.json"]);
    assert_eq!(again.code, first.code, "{}", again.err);
    assert_eq!(again.out.lines().next(), first.out.lines().next());
    let broken = desk.file("broken.json", "{ \"format\": \"richter-run\", \"version\": 99 }");
    let ran = desk.richter(&["report", &broken]);
    assert_eq!(ran.code, Exit::Broke.code());
    assert!(ran.err.contains("broken.json") && ran.err.contains("99"), "{}", ran.err);
}

#[test]
fn init_writes_a_scenario_that_runs_and_never_overwrites() {
    let desk = Desk::new();
    assert_eq!(desk.richter(&["init", "mine.yaml"]).code, Exit::Passed.code());
    let ran = desk.richter(&["init", "mine.yaml"]);
    assert_eq!(ran.code, Exit::Broke.code());
    assert!(ran.err.contains("mine.yaml"), "{}", ran.err);
    let ran = desk.richter(&["explain", "mine.yaml"]);
    assert_eq!(ran.code, Exit::Passed.code(), "{}", ran.err);
    let ran = desk.richter(&["run", "mine.yaml", "--replications", "3"]);
    assert!(ran.code == Exit::Passed.code() || ran.code == Exit::Gate.code(), "{}{}", ran.out, ran.err);
}

#[test]
fn every_list_has_rows() {
    let desk = Desk::new();
    for what in ["strategies", "faults", "arrivals", "presets", "metrics", "measurements", "exit-codes"] {
        let ran = desk.richter(&["list", what]);
        assert_eq!(ran.code, Exit::Passed.code(), "{}", ran.err);
        assert!(ran.out.lines().count() >= 3, "{what}: {}", ran.out);
    }
}

#[cfg(unix)]
#[test]
fn ctrl_c_writes_what_is_done_and_exits_130() {
    use std::{io::Read as _, process::Stdio};
    let desk = Desk::new();
    // Long enough that the interrupt always comes first: a million requests in each of 3,000 cells.
    let long = TINY
        .replace("for: 20s, rate: 20/s", "for: 10h, rate: 30/s")
        .replace("replications: 3", "replications: 1000");
    let scenario = desk.file("s.yaml", &long);
    let mut child = desk
        .command()
        .args(["run", &scenario, "--jobs", "1"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("richter starts");
    // The folder is made after the handler is set.
    while !desk.path("out/tiny").is_dir() {
        assert!(child.try_wait().expect("the child can be asked").is_none(), "it ended too soon");
        std::thread::yield_now();
    }
    let asked = Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("kill runs");
    assert!(asked.success());
    let mut out = String::new();
    child.stdout.take().expect("it was piped").read_to_string(&mut out).expect("text");
    let status = child.wait().expect("the child ends");
    assert_eq!(status.code(), Some(i32::from(Exit::Interrupted.code())), "{out}");
    assert!(out.contains("INTERRUPTED"), "{out}");
    assert!(desk.path("out/tiny/run.json").is_file());
}

#[test]
fn a_tournament_pairs_our_strategy_with_every_system_that_the_targets_allow() {
    let desk = Desk::new();
    let tiny = desk.file("tiny.yaml", TINY);
    let ran = desk.richter(&["tournament", &tiny, "--replications", "3", "--all"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    for rival in ["sdk", "ordered", "connect-helper", "smart-balancer", "litellm-like", "linkerd-like"] {
        assert!(
            ran.out.contains(&format!("| {rival} | 100% | +0.00 (+0.00 to +0.00) | ties |")),
            "{}",
            ran.out
        );
    }
    assert!(ran.out.contains("- cris is left out everywhere: there is no profile"), "{}", ran.out);
    assert_eq!(ran.out, desk.richter(&["tournament", &tiny, "--replications", "3", "--all"]).out);
}

#[test]
fn a_tournament_takes_our_settings_from_a_file() {
    let desk = Desk::new();
    let tiny = desk.file("tiny.yaml", TINY);
    let once = desk.file("once.json", r#"{ "select": "first" }"#);
    let ran = desk.richter(&["tournament", &tiny, "--replications", "3", "--settings", &once]);
    assert!(ran.out.contains("| `tiny` | 100% | 1.00 |"), "{}{}", ran.out, ran.err);
    let wrong = desk.file("wrong.json", r#"{ "select": "best" }"#);
    let ran = desk.richter(&["tournament", &tiny, "--settings", &wrong]);
    assert!(ran.code != 0 && ran.err.contains("unknown variant `best`"), "{}", ran.err);
}
