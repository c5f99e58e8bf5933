//! Checks against baselines on the wall clock: through the mock, over real sockets, in seconds.

use std::fs;

use richter_reports::run_file::{Ground, RunFile};

use super::Desk;

/// Answers whose time hardly varies, so that a busy machine is all the noise there is.
const BRIEF: &str = "version: 1
name: brief
replications: 4
question: Does it change on the wall clock?
targets: { east: { on_demand: { region: us-east-1, model: anthropic.claude-3-haiku-20240307-v1:0 } } }
world: { regions: { us-east-1: {} }, models: { anthropic.claude-3-haiku-20240307-v1:0: { first_token: 100ms, per_token: 2ms, max_output: 100 } } }
traffic:
  mix: { ask: { share: 100%, api: converse, input: 20, output: 5, max_tokens: 50 } }
  phases: [{ name: all, for: 1s, rate: 50/s, arrivals: constant }]
strategies: { only: { direct: { target: east } } }
";

const LIVE: [&str; 4] = ["--on", "mock", "--lag-max", "9s"];

impl Desk {
    /// Plays the scenario on the mock, and keeps it as the baseline.
    fn with_live_baseline(replications: &str) -> (Desk, String) {
        let desk = Desk::new();
        desk.file("brief.yaml", BRIEF);
        let (code, said) =
            desk.richter(&[&["run", "brief.yaml", "--replications", replications], &LIVE[..]].concat());
        assert_eq!(code, 0, "{said}");
        let (code, said) = desk.richter(&["baseline", "save", "out/brief"]);
        assert_eq!(code, 0, "{said}");
        (desk, said)
    }

    /// Checks with some options, and gives what it wrote for machines as well.
    fn check(&self, options: &[&str]) -> (i32, String, serde_json::Value) {
        let _ = fs::remove_file(self.path("c.json"));
        let check = ["check", "brief.yaml", "--json", "c.json", "--quiet"];
        let (code, said) = self.richter(&[&check[..], options].concat());
        let json = fs::read(self.path("c.json")).unwrap_or_else(|_| b"null".to_vec());
        (code, said, serde_json::from_slice(&json).expect("JSON"))
    }
}

fn outcomes(check: &serde_json::Value) -> Vec<(String, String)> {
    let metrics = check["checks"][0]["strategies"][0]["metrics"].as_array().expect("compared");
    let text = |value: &serde_json::Value| value.as_str().map_or_else(String::new, str::to_owned);
    metrics.iter().map(|metric| (text(&metric["metric"]), text(&metric["outcome"]))).collect()
}

fn has(found: &[(String, String)], metric: &str, outcome: &str) -> bool {
    found.iter().any(|one| (one.0.as_str(), one.1.as_str()) == (metric, outcome))
}

#[test]
fn an_unchanged_service_raises_no_alarm_and_a_slower_one_exits_99() {
    let (desk, _) = Desk::with_live_baseline("4");
    let kept = RunFile::read(&desk.path("baselines/brief.json")).expect("a baseline");
    assert_eq!((kept.ground, kept.cells.len()), (Ground::Mock, 4));
    // As wide as a machine with other work needs it, and far from what is changed below.
    let wide = ["--tolerance", "100%"];
    let (code, said, check) = desk.check(&[&LIVE[..], &wide].concat());
    assert_eq!(code, 0, "{said} {check}");
    assert_eq!(check["checks"][0]["method"], "paired");
    let found = outcomes(&check);
    assert!(found.iter().all(|(_, outcome)| outcome == "same" || outcome == "not_enough_data"), "{found:?}");
    assert!(has(&found, "success", "same"), "{found:?}");
    assert!(!desk.path("out/brief/run.journal").exists(), "all of it is in the run file");

    desk.file("brief.yaml", &BRIEF.replace("first_token: 100ms", "first_token: 600ms"));
    let (code, said, check) = desk.check(&[&LIVE[..], &wide].concat());
    assert_eq!(code, 99, "{said} {check}");
    assert!(said.contains("regressed"), "{said}");
    assert!(has(&outcomes(&check), "ttft_p50", "regressed"), "{check}");
}

#[test]
fn too_few_repeats_are_said_to_be_too_few() {
    let (desk, said) = Desk::with_live_baseline("1");
    assert!(said.contains("repeats are compared, at least 3, and this run has 1"), "{said}");
    let (code, said, check) = desk.check(&LIVE);
    assert_eq!(code, 99, "{said}");
    assert!(
        said.starts_with("brief: there is not enough data to tell anything: 1 repeat is too few"),
        "{said}"
    );
    assert!(outcomes(&check).iter().all(|(_, outcome)| outcome == "not_enough_data"), "{check}");
}

#[test]
fn what_cannot_be_compared_is_refused_before_anything_is_sent() {
    let (desk, _) = Desk::with_live_baseline("1");
    fs::remove_dir_all(desk.path("out")).expect("the run is there");
    let (code, said, _) = desk.check(&[]);
    assert!(
        code == 1 && said.contains("was made on mock, and this check is on sim; give --on mock"),
        "{said}"
    );
    desk.file("brief.yaml", &BRIEF.replace("for: 1s", "for: 2s"));
    let (code, said, _) = desk.check(&LIVE);
    assert!(code == 1 && said.contains("nothing was run") && said.contains("the phases were all"), "{said}");
    desk.file("brief.yaml", BRIEF);
    let (code, said, check) = desk.check(&["--on", "mock", "--dry-run"]);
    assert!(code == 0 && check.is_null(), "{code}: {said}");
    assert!(!desk.path("out/brief/run.json").exists(), "nothing was played");
}
