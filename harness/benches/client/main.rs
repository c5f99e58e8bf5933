//! What the live driver costs, and how punctual it is: beside a bare loop of the SDK, and beside other load generators on the same
//! mock. `scripts/bench-client` installs the others, runs this and prints its tables.
//!
//! Driver and server are processes of their own on loopback. CPU time is what the system charged for a request, so it holds on
//! busy machines; times do not. Start at `main`; `arrivals`, `cost` and `held` are the three measurements.
#![expect(clippy::disallowed_methods, reason = "a benchmark reads the clock and waits")]

mod arrivals;
mod bare;
mod cost;
mod echo;
mod held;
#[path = "../../../mock-bedrock/benches/peers/process.rs"]
mod process;
#[path = "../../../mock-bedrock/benches/peers/table.rs"]
mod table;
mod work;

use std::{path::PathBuf, process::ExitCode};

// As the binary has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const USAGE: &str = "\
usage: client [--wrk PROGRAM] [--hey PROGRAM] [--oha PROGRAM] [--llmeter PYTHON] [--folder FOLDER] [PART..]
       client serve NAME | client bare API RATE SECONDS URL
PART is arrivals, cost or held; without one, all three. A peer that is not named is not measured.";

/// Where the programs are that this one runs.
#[derive(Debug, Default)]
pub struct Programs {
    pub wrk: Option<PathBuf>,
    pub hey: Option<PathBuf>,
    pub oha: Option<PathBuf>,
    /// A Python that has llmeter.
    pub llmeter: Option<PathBuf>,
    /// For files that programs read and write.
    pub folder: Option<PathBuf>,
}

/// What is told when something fails; a benchmark has nobody who could act on more.
type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

fn main() -> ExitCode {
    // Cargo passes --bench.
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match words[..] {
        ["serve", "echo"] => echo::serve(),
        ["bare", api, rate, seconds, url] => bare::run(api, rate, seconds, url),
        _ => measure(&arguments),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("!! {error}");
            ExitCode::FAILURE
        }
    }
}

fn measure(arguments: &[String]) -> Outcome<()> {
    let mut programs = Programs::default();
    let mut parts: Vec<&str> = Vec::new();
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        let slot = match &**argument {
            "--wrk" => &mut programs.wrk,
            "--hey" => &mut programs.hey,
            "--oha" => &mut programs.oha,
            "--llmeter" => &mut programs.llmeter,
            "--folder" => &mut programs.folder,
            "arrivals" | "cost" | "held" => {
                parts.push(argument);
                continue;
            }
            _ => return Err(USAGE.into()),
        };
        *slot = Some(rest.next().ok_or(USAGE)?.into());
    }
    let folder = programs.folder.clone().unwrap_or_else(std::env::temp_dir);
    let wants = |part| parts.is_empty() || parts.contains(&part);
    if wants("arrivals") {
        println!("{}", arrivals::measure(&folder)?);
    }
    if wants("cost") {
        println!("{}", cost::measure(&programs, &folder)?);
    }
    if wants("held") {
        println!("{}", held::measure(&folder)?);
    }
    Ok(())
}
