//! Replay on small texts, and on the recorded traces where they are at hand.

use std::collections::BTreeMap;

use richter_mock_bedrock::luck::{Luck, Stream};

use super::*;
use crate::load::{Arrival, Traffic, spec::TrafficSpec};

const SECOND: Nanos = 1_000_000_000;

fn trace() -> Trace {
    Trace {
        path: "test.csv".into(),
        format: TraceFormat::Csv,
        columns: Some(ColumnsSpec { time: "t".into(), input: "i".into(), output: "o".into() }),
        time_scale: 1.0,
        rate_scale: 1.0,
        from: 0,
        to: Nanos::MAX,
        token_cap: u32::MAX,
    }
}

fn play(trace: &Trace, text: &str, seed: u64) -> Result<Vec<Replayed>, TraceError> {
    let draws = Luck::new(seed, 0).stream(Stream::Arrivals);
    let mut replay = trace.replay(text.as_bytes())?;
    std::iter::from_fn(|| replay.next(draws, 0).transpose()).collect()
}

const ROWS: &str = "t,i,o\n100,5,0\n101,60,1\n103,700,2\n103,8000,3\n110,9,4";

fn seconds(played: &[Replayed]) -> Vec<f64> {
    played.iter().map(|row| row.at as f64 / 1e9).collect()
}

#[test]
fn rows_play_from_the_first_one_on_with_at_least_one_token() {
    let played = play(&trace(), ROWS, 1).expect("good rows");
    assert_eq!(seconds(&played), [0.0, 1.0, 3.0, 3.0, 10.0]);
    let sizes: Vec<(u32, u32)> = played.iter().map(|row| (row.input, row.output)).collect();
    assert_eq!(sizes, [(5, 1), (60, 1), (700, 2), (8000, 3), (9, 4)]);
}

#[test]
fn a_window_is_cut_in_the_traces_own_time_and_then_scaled() {
    let cut = Trace { from: SECOND, to: 10 * SECOND, time_scale: 2.0, token_cap: 500, ..trace() };
    let played = play(&cut, ROWS, 1).expect("good rows");
    assert_eq!(seconds(&played), [0.0, 1.0, 1.0]);
    assert_eq!(played.iter().map(|row| row.input).collect::<Vec<_>>(), [60, 500, 500]);
}

#[test]
fn a_scale_of_two_plays_every_row_in_its_place_and_once_more_before_the_next() {
    let played = play(&Trace { rate_scale: 2.0, ..trace() }, ROWS, 1).expect("good rows");
    assert_eq!(played.len(), 10);
    assert!(played.windows(2).all(|pair| pair[0].at <= pair[1].at));
    for (pair, at) in played.chunks(2).zip([0, 1, 3, 3, 10]) {
        assert_eq!(pair[0].at, at * SECOND);
        assert!(pair[1].at <= pair[0].at + LONGEST_SPREAD, "{pair:?}");
        assert_eq!((pair[0].input, pair[0].output), (pair[1].input, pair[1].output));
        assert_ne!(pair[0].place, pair[1].place);
    }
    assert!(played[1].at > 0 && played[3].at > SECOND, "copies have moments of their own");
}

#[test]
fn thinning_keeps_the_same_rows_whatever_is_cut_before() {
    let text: String = std::iter::once("t,i,o\n".to_owned())
        .chain((0..10_000).map(|row| format!("{row},{},1\n", row + 1)))
        .collect();
    let half = Trace { rate_scale: 0.5, ..trace() };
    let all = play(&half, &text, 7).expect("good rows");
    assert!((4_800..5_200).contains(&all.len()), "{}", all.len());
    let late = play(&Trace { from: 4_000 * SECOND, ..half }, &text, 7).expect("good rows");
    let kept: Vec<u32> = all.iter().map(|row| row.input).filter(|row| *row > 4_000).collect();
    assert_eq!(late.iter().map(|row| row.input).collect::<Vec<_>>(), kept);
}

#[test]
fn a_bad_row_is_named_with_file_and_line() {
    let error = play(&trace(), "t,i,o\n1,2,3\n2,x,3\n", 1).expect_err("a bad row");
    assert_eq!(error.to_string(), "test.csv, line 3: \"x\" is not a number of tokens");
    let error = play(&trace(), "", 1).expect_err("no rows");
    assert_eq!(error.to_string(), "test.csv: the file is empty");
}

fn traffic(trace: &str, length: &str, folder: &std::path::Path) -> Traffic {
    let text = format!(
        "mix: {{ all: {{ share: 100%, api: converse, input: 1, output: 1 }} }}
phases: [{{ name: quiet, for: 10s, rate: 1/s }}, {{ name: x, for: {length}, trace: {trace} }}]"
    );
    let spec: TrafficSpec = serde_saphyr::from_str(&text).expect("valid");
    spec.resolve(folder).unwrap_or_else(|problems| panic!("{problems:#?}"))
}

#[test]
fn a_phase_plays_a_file_and_knows_what_to_expect() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(folder.path().join("a.csv"), ROWS).expect("written");
    let settings = "{ file: a.csv, format: csv, columns: { time: t, input: i, output: o }, rate_scale: 3 }";
    let traffic = traffic(settings, "10s", folder.path());
    let all: Result<Vec<Arrival>, _> = traffic.arrivals(Luck::new(1, 0)).collect();
    let all: Vec<Arrival> =
        all.expect("good rows").into_iter().filter(|arrival| arrival.phase == 1).collect();
    // The last row lies at the end of the phase, which does not belong to it.
    assert_eq!(all.len(), 12);
    assert_eq!((all[0].at, all[0].input_tokens), (10 * SECOND, 5));
    assert!((traffic.expected(10 * SECOND, 20 * SECOND) - 12.0).abs() < 1e-9);
    assert!((traffic.expected(10 * SECOND, 12 * SECOND) - 6.0).abs() < 1e-9);
    assert_eq!(traffic.expected_rate(17 * SECOND), 0.0);
    assert_eq!(traffic.mean_sizes(1, 0), ((5 + 60 + 700 + 8000) as f64 / 4.0, 7.0 / 4.0));
}

#[test]
fn a_file_that_changed_under_a_run_ends_the_schedule_with_an_error() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("a.csv");
    std::fs::write(&path, ROWS).expect("written");
    let settings = "{ file: a.csv, format: csv, columns: { time: t, input: i, output: o } }";
    let traffic = traffic(settings, "60s", folder.path());
    std::fs::write(&path, ROWS.replace("103,700", "99,700")).expect("written");
    let mut schedule = traffic.arrivals(Luck::new(1, 0)).skip_while(Result::is_ok);
    let error = schedule.next().expect("an error").expect_err("the row goes back");
    assert!(error.0.contains("line 4: this row is earlier"), "{error}");
    assert!(schedule.next().is_none());
}

/// The folder of recorded traces. They are not part of the repository.
fn recorded() -> Option<PathBuf> {
    let folder = std::env::var_os("RICHTER_TRACES").map(PathBuf::from);
    if folder.is_none() && std::env::var_os("CI").is_some() {
        eprintln!("WARNING: RICHTER_TRACES is not set in CI: the recorded traces were NOT replayed");
    } else if folder.is_none() {
        eprintln!("skipped: set RICHTER_TRACES to the folder of the recorded traces to replay them");
    }
    folder
}

fn replayed(file: &str, rate_scale: f64, seed: u64) -> Vec<Arrival> {
    let format = if file.ends_with("csv") { "azure" } else { "mooncake" };
    let settings = format!("{{ file: $RICHTER_TRACES/{file}, format: {format}, rate_scale: {rate_scale} }}");
    let traffic = traffic(&settings, "1h", std::path::Path::new("/nonexistent"));
    let all = traffic.arrivals(Luck::new(seed, 0)).map(|arrival| arrival.expect("a good row"));
    let all: Vec<Arrival> = all.filter(|arrival| arrival.phase == 1).collect();
    assert!(all.windows(2).all(|pair| pair[0].at <= pair[1].at));
    let expected = traffic.expected(10 * SECOND, traffic.end());
    assert!((all.len() as f64 / expected - 1.0).abs() < 0.03, "{} of {expected}", all.len());
    all
}

/// Variance of the counts per window over their mean, and the busiest window over the mean.
fn burstiness(all: &[Arrival], window_s: u64) -> (f64, f64) {
    let mut counts: BTreeMap<u64, f64> = BTreeMap::new();
    all.iter().for_each(|arrival| *counts.entry(arrival.at / (window_s * SECOND)).or_default() += 1.0);
    let windows = 3600.0 / window_s as f64;
    let mean = all.len() as f64 / windows;
    let squares: f64 = counts.values().map(|count| count * count).sum::<f64>() / windows;
    (squares / mean - mean, counts.values().fold(0.0, |most: f64, count| most.max(*count)) / mean)
}

#[test]
fn recorded_traces_are_read_whole() {
    if recorded().is_none() {
        return;
    }
    for (file, rows, median, longest) in [
        ("azure_llm_2023_code.csv", 8_819, 1_469, 7_437),
        ("azure_llm_2023_conv.csv", 19_366, 1_020, 14_050),
        ("mooncake_fast25_conversation.jsonl", 12_031, 6_909, 126_195),
        ("mooncake_fast25_synthetic.jsonl", 3_993, 11_587, 191_378),
    ] {
        let all = replayed(file, 1.0, 1);
        assert_eq!(all.len(), rows, "{file}");
        let mut inputs: Vec<u32> = all.iter().map(|arrival| arrival.input_tokens).collect();
        inputs.sort_unstable();
        assert_eq!((inputs[rows / 2], inputs[rows - 1]), (median, longest), "{file}");
    }
}

/// More callers of the same kind make the counts' excess over Poisson grow with their number, fewer make it shrink:
/// variance over mean is 1 + scale × (what it was − 1), and the peaks stay as high above the mean.
#[test]
fn scaling_the_rate_of_a_bursty_trace_keeps_its_bursts() {
    if recorded().is_none() {
        return;
    }
    let plain = replayed("azure_llm_2023_code.csv", 1.0, 1);
    for scale in [0.5, 2.0, 3.5] {
        let scaled = replayed("azure_llm_2023_code.csv", scale, 1);
        for window_s in [10, 60] {
            let (dispersion, peak) = burstiness(&plain, window_s);
            let (found, scaled_peak) = burstiness(&scaled, window_s);
            let expected = 1.0 + scale * (dispersion - 1.0);
            assert!((found / expected - 1.0).abs() < 0.1, "{found} against {expected} at {scale}");
            assert!((scaled_peak / peak - 1.0).abs() < 0.12, "{scaled_peak} against {peak} at {scale}");
        }
    }
}
