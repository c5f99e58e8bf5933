use super::*;
use crate::{
    expect::ExpectSpec,
    run_file::{RunFile, Status},
    synthetic::{self, sketches},
    verdict::judge,
};

fn usual() -> RunFile {
    let mut run = synthetic::usual();
    let expect = |json: &str| -> ExpectSpec { serde_json::from_str(json).expect("valid") };
    run.expect = vec![
        expect(r#"{"that":"success >= 97%","of":"richter","in":"spike"}"#),
        expect(r#"{"that":"recovery <= 30s","of":["richter","sdk-retries"],"after":"spike"}"#),
        expect(r#"{"that":"goodput","of":"richter","better_than":"one-region","by":"20%"}"#),
        expect(r#"{"that":"ttft.p99.99 <= 2s","of":"richter","in":"after"}"#),
    ];
    run
}

fn rendered(run: &RunFile, options: &Options) -> String {
    render(&judge(run), options)
}

fn with_files(width: usize) -> Options {
    let files = [("run file", "out/viral-spike/run.json"), ("report", "out/viral-spike/report.html")];
    let files = files.map(|(what, path)| (what.to_owned(), path.to_owned())).to_vec();
    Options { width, run_file: Some(files[0].1.clone()), files, ..Options::default() }
}

#[test]
fn a_report_reads_from_the_verdict_down() {
    insta::assert_snapshot!(rendered(&usual(), &with_files(100)));
}

#[test]
fn at_80_columns_the_least_important_columns_go_and_the_report_says_so() {
    insta::assert_snapshot!(rendered(&usual(), &with_files(80)));
}

#[test]
fn one_replication_of_one_strategy_claims_little() {
    let mut run = synthetic::run(&sketches()[..1], 1);
    run.scenario.slo.first_token_ms = None;
    insta::assert_snapshot!(rendered(&run, &Options::default()));
}

#[test]
fn an_invalid_run_says_why_before_anything_else() {
    let mut run = usual();
    run.cells[3].phases[1].answered += 7;
    for cell in &mut run.cells {
        cell.faults[0].hit = 0;
    }
    let text = rendered(&run, &Options::default());
    let head: Vec<&str> = text.lines().take(3).collect();
    insta::assert_snapshot!(head.join("\n"));
}

#[test]
fn no_line_is_wider_than_asked_but_for_paths() {
    for width in [40, 60, 72, 80, 100, 120, 200] {
        for line in rendered(&usual(), &Options { width, unicode: true, ..Options::default() }).lines() {
            assert!(line.chars().count() <= width, "{width}: {line}");
            assert_eq!(line.trim_end(), line);
        }
    }
}

#[test]
fn a_command_names_the_run_file_as_a_shell_takes_it() {
    let look_at = |path: &str| {
        let options = Options { run_file: Some(path.to_owned()), ..Options::default() };
        let text = rendered(&usual(), &options);
        text.lines().find(|line| line.contains("richter why")).expect("a command").to_owned()
    };
    assert_eq!(look_at("out/a/run.json"), "  richter why out/a/run.json 1.12");
    assert_eq!(look_at("my out/it's.json"), "  richter why 'my out/it'\\''s.json' 1.12");
}

#[test]
fn colour_adds_nothing_but_colour() {
    let plain = rendered(&usual(), &Options::default());
    let mut coloured = rendered(&usual(), &Options { color: true, ..Options::default() });
    assert!(coloured.starts_with("\x1b[1;31mFAILED\x1b[0m"));
    for code in ["\x1b[0m", "\x1b[1m", "\x1b[2m", "\x1b[1;32m", "\x1b[1;31m", "\x1b[1;33m"] {
        coloured = coloured.replace(code, "");
    }
    assert_eq!(coloured, plain);
}

#[test]
fn names_from_a_file_cannot_command_the_terminal() {
    let mut run = usual();
    run.strategies[0].name = "evil\x1b[2J\nname".to_owned();
    run.phases[1].name = "sp\rike\x07".to_owned();
    run.scenario.question = "what\x1b]0;title\x07?".to_owned();
    run.faults[0].name = "f\x1b[31m".to_owned();
    run.status = Status::Aborted { rule: "spend\x1b[0m".to_owned(), spend: true };
    let text = rendered(&run, &with_files(100));
    assert!(text.chars().all(|c| c == '\n' || !c.is_control()), "{text:?}");
}

#[test]
fn what_a_strategy_turned_away_or_cut_off_itself_stands_in_the_findings() {
    let mut run = usual();
    for cell in run.cells.iter_mut().filter(|cell| cell.strategy == 0) {
        let spike = &mut cell.phases[1];
        // A tenth of the spike's failures were the strategy's own, and 12 of its answers are only parts.
        let own = spike.failed / 10;
        spike.failed_by_class.insert("throttle".to_owned(), spike.failed - own);
        spike.failed_by_class.insert("local_reject".to_owned(), own);
        spike.rejected_by_reason.insert("queue_full".to_owned(), own - own / 4);
        spike.rejected_by_reason.insert("shed_by_priority".to_owned(), own / 4);
        cell.phases.iter_mut().for_each(|phase| phase.cut_short = Some(0));
        cell.phases[1].cut_short = Some(12);
    }
    let text = rendered(&run, &Options { width: 120, ..Options::default() });
    let told: Vec<&str> =
        text.lines().filter(|line| line.contains("turned away") || line.contains("cut off")).collect();
    insta::assert_snapshot!(told.join("\n"));
    assert!(!rendered(&usual(), &Options::default()).contains("turned away"));
}
