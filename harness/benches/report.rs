//! How long a report takes, and how much memory: eight strategies, ten minutes, a million requests, from the run file to the page
//! and all pictures, on one thread.
//!
//! The run is simulated first, by this process; what is measured is a second process that only reports, so that its peak memory
//! is its own.

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::AtomicBool,
};

use richter::{
    clock::Stopwatch,
    run::{Options, progress::Progress, simulate},
    scenario::load_text,
};
use richter_reports::{
    export::Report,
    html,
    picture::{self, Setting},
    run_file::RunFile,
    verdict,
};

const SCENARIO: &str = include_str!("report.yaml");
const REPEATS: usize = 5;

fn main() {
    let mut args = std::env::args().skip(1).filter(|arg| arg != "--bench");
    match (args.next().as_deref(), args.next()) {
        (Some("--report"), Some(path)) => report(Path::new(&path)),
        _ => measure(),
    }
}

fn measure() {
    let folder = std::env::temp_dir().join(format!("richter-bench-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a temporary folder");
    let path = folder.join("run.json");
    write_run(&path);
    for _ in 0..REPEATS {
        let itself = std::env::current_exe().expect("this program has a path");
        let status = Command::new(itself).arg("--report").arg(&path).status().expect("it starts again");
        assert!(status.success(), "the report failed");
    }
    drop(std::fs::remove_dir_all(&folder));
}

fn write_run(path: &Path) {
    let checked = load_text("report.yaml", SCENARIO, Path::new("")).expect("a scenario without mistakes");
    let (interrupted, progress) = (AtomicBool::new(false), Progress::silent());
    let jobs = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let options =
        Options { jobs, trace: None, file: "report.yaml", interrupted: &interrupted, progress: &progress };
    let run = simulate(&checked.plan, &options).expect("it runs").run;
    let requests: u64 = run.cells.iter().flat_map(|cell| &cell.phases).map(|phase| phase.offered).sum();
    run.write(path).expect("a run file");
    let bytes = std::fs::metadata(path).map_or(0, |facts| facts.len());
    println!(
        "{requests} requests, {} strategies, {} replications; run file of {} kB",
        run.strategies.len(),
        run.scenario.replications,
        bytes / 1_000
    );
}

fn report(path: &Path) {
    let watch = Stopwatch::start();
    let mut lap = 0.0;
    let mut lapped = || {
        let now = watch.elapsed().as_secs_f64() * 1e3;
        let took = now - lap;
        lap = now;
        took
    };
    let run = RunFile::read(path).expect("a run file");
    let read = lapped();
    let report = Report::with(&run, verdict::judge(&run));
    let made = lapped();
    let page = html::render(&report).expect("a page");
    let rendered = lapped();
    let pictures: Vec<(PathBuf, Vec<u8>)> = report
        .charts
        .iter()
        .map(|chart| {
            let png = picture::png::write(&picture::draw(chart, Setting::Alone)).expect("a picture");
            (PathBuf::from(chart.id), png)
        })
        .collect();
    let drawn = lapped();
    println!(
        "read {read:.0} ms, report {made:.0} ms, page {rendered:.0} ms, {} pictures {drawn:.0} ms: {:.2} s; page of {} kB, \
         peak memory {} MB",
        pictures.len(),
        watch.elapsed().as_secs_f64(),
        page.len() / 1_000,
        peak_memory_kb().map_or("?".to_owned(), |kb| (kb / 1_000).to_string()),
    );
}

/// As Linux has it.
fn peak_memory_kb() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}
