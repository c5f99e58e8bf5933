//! How much server an answer costs, beside other mocks and a bare hyper server; how much memory an open stream takes;
//! and how far from their time tokens come. `scripts/bench-mock` installs the others, runs this and prints its tables.
//!
//! Every server is a process of its own on loopback, with a port that the system chose. What counts is the CPU time that
//! the system charged it, since wall time on a busy machine says little; rounds go in turn, and medians are told. Start
//! at `main`; `ceiling`, `memory` and `timing` are the three measurements.
#![expect(clippy::disallowed_methods, reason = "a benchmark reads the clock and waits")]

mod bare;
mod ceiling;
mod load;
mod memory;
mod process;
mod serve;
mod stream;
mod table;
mod timing;
mod worlds;

use std::{path::PathBuf, process::ExitCode};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const USAGE: &str = "\
usage: peers [--wrk PROGRAM] [--moto PROGRAM] [--aimock SCRIPT] [--vidaimock PROGRAM] [--folder FOLDER] [PART..]
       peers serve NAME
PART is ceiling, memory or timing; without one, all three. A peer that is not named is not measured.";

fn main() -> ExitCode {
    // Cargo passes --bench.
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let done = match arguments.split_first() {
        Some((first, [name])) if first == "serve" => serve::serve(name),
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

/// Where the programs are that this one runs.
#[derive(Debug, Default)]
pub struct Programs {
    pub wrk: Option<PathBuf>,
    pub moto: Option<PathBuf>,
    pub aimock: Option<PathBuf>,
    pub vidaimock: Option<PathBuf>,
    /// For files that programs read.
    pub folder: Option<PathBuf>,
}

/// What is told when something fails; a benchmark has nobody who could act on more.
type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

fn measure(arguments: &[String]) -> Outcome<()> {
    let mut programs = Programs::default();
    let mut parts: Vec<&str> = Vec::new();
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        let slot = match &**argument {
            "--wrk" => &mut programs.wrk,
            "--moto" => &mut programs.moto,
            "--aimock" => &mut programs.aimock,
            "--vidaimock" => &mut programs.vidaimock,
            "--folder" => &mut programs.folder,
            "ceiling" | "memory" | "timing" => {
                parts.push(argument);
                continue;
            }
            _ => return Err(USAGE.into()),
        };
        *slot = Some(rest.next().ok_or(USAGE)?.into());
    }
    let wants = |part| parts.is_empty() || parts.contains(&part);
    if wants("ceiling") {
        println!("{}", ceiling::measure(&programs)?);
    }
    if wants("memory") {
        println!("{}", memory::measure()?);
    }
    if wants("timing") {
        println!("{}", timing::measure()?);
    }
    Ok(())
}
