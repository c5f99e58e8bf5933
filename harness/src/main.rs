//! The command line. Parsing lives here; each command lives in its file under `cli`.

use std::process::ExitCode;

use clap::Parser as _;
use richter::cli::{Cli, dispatch};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    dispatch(Cli::parse()).into()
}
