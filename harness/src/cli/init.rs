//! `richter init [FILE]`.

use std::{
    fs::OpenOptions,
    io::{ErrorKind, Write as _},
    path::PathBuf,
};

use anyhow::{Context as _, bail};
use clap::Args;

use crate::{exit::Exit, scenario::init::starter};

#[derive(Debug, Args)]
pub struct InitArgs {
    /// Where to write it; an existing file is left alone.
    #[arg(default_value = "scenario.yaml")]
    file: PathBuf,
}

pub fn init(args: &InitArgs) -> anyhow::Result<Exit> {
    let path = args.file.display();
    let mut file = match OpenOptions::new().write(true).create_new(true).open(&args.file) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            bail!("{path} is already there and is left alone; name another file: richter init FILE")
        }
        Err(error) => return Err(error).with_context(|| format!("cannot create {path}")),
    };
    file.write_all(starter().as_bytes()).with_context(|| format!("cannot write {path}"))?;
    eprintln!("wrote {path}; next: richter explain {path}, then richter run {path}");
    Ok(Exit::Passed)
}
