//! The binary `mock-bedrock`: what `richter mock` does, for those who need nothing else of richter.
//!
//! It lives here and not with the mock's library, because it reads the same scenario files by the same reader.

use std::process::ExitCode;

use clap::Parser as _;
use richter::cli::mock::Alone;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    Alone::parse().run().into()
}
