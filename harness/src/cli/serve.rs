//! `richter serve [FOLDER]`: runs as web pages on this machine.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;

use crate::{exit::Exit, serve::Serving};

const EXAMPLES: &str = "\
Examples:
  richter serve                    the runs in out/, at http://127.0.0.1:4600/
  richter serve out/viral-spike    that run alone; its page renews itself while it is going on
  richter serve --port 0           on any port that is free";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct ServeArgs {
    /// A folder with runs, or the folder of one run.
    #[arg(value_name = "FOLDER", env = "RICHTER_OUT", default_value = "out")]
    folder: PathBuf,
    /// Port to listen on, on this machine alone; 0 takes any that is free.
    #[arg(long, value_name = "PORT", default_value_t = 4600)]
    port: u16,
}

pub fn serve(args: &ServeArgs) -> anyhow::Result<Exit> {
    let folder = &args.folder;
    std::fs::read_dir(folder).with_context(|| format!("cannot serve {}", folder.display()))?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let serving = Serving::bind(folder.clone(), args.port).await;
        let serving = serving.with_context(|| format!("cannot listen on 127.0.0.1 port {}", args.port))?;
        super::print(
            format!("richter serves {} at http://{}/\n", folder.display(), serving.address()?).as_bytes(),
        )?;
        eprintln!("Ctrl-C ends it");
        use tokio::signal::unix::{SignalKind, signal};
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        tokio::select! {
            never = serving.serve() => match never {},
            _ = terminate.recv() => Ok(Exit::Passed),
            _ = interrupt.recv() => Ok(Exit::Passed),
        }
    })
}
