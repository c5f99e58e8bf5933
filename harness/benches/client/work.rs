//! What is sent, as a scenario; the mock that answers it; and richter's own run of it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use richter::scenario::{load_text, plan::Plan};
use richter_reports::run_file::{LiveCell, PhaseCell, RunFile, Status};

use super::{Outcome, process::Server};

pub const MODEL: &str = "anthropic.claude-3-haiku-20240307-v1:0";
pub const REGION: &str = "us-east-1";
/// With its four other events a stream of so many tokens has 24.
const TOKENS: u32 = 20;

/// Requests at an even pace, to one model in one Region whose quotas are never reached.
#[derive(Debug, Clone, Copy)]
pub struct Work {
    pub api: &'static str,
    pub per_s: u32,
    pub seconds: u32,
    pub tokens: u32,
    /// Between tokens, and before the first.
    pub gap_ms: u32,
}

impl Work {
    pub fn at_once(api: &'static str, per_s: u32, seconds: u32) -> Work {
        Work { api, per_s, seconds, tokens: TOKENS, gap_ms: 0 }
    }

    fn text(&self) -> String {
        let Work { api, per_s, seconds, tokens, gap_ms } = self;
        format!(
            "version: 1
name: client
question: What does the client cost?
replications: 1
targets: {{ east: {{ on_demand: {{ region: {REGION}, model: {MODEL} }} }} }}
world:
  regions: {{ {REGION}: {{ rtt: 0ms }} }}
  models: {{ {MODEL}: {{ first_token: {gap_ms}ms, per_token: {gap_ms}ms, max_output: 4096, burndown: 1 }} }}
  quotas: {{ on_demand: {{ {REGION}: {{ requests: 1000M/min, tokens: 1000000M/min }} }} }}
traffic:
  mix: {{ ask: {{ share: 100%, api: {api}, input: 100, output: {tokens}, max_tokens: 2048 }} }}
  phases: [{{ name: all, for: {seconds}s, rate: {per_s}/s, arrivals: constant }}]
strategies: {{ direct: {{ direct: {{ target: east }} }} }}
drain: 90s
"
        )
    }

    pub fn plan(&self) -> Outcome<Plan> {
        let checked = load_text("client.yaml", &self.text(), Path::new(""));
        Ok(checked.map_err(|problems| problems.to_string())?.plan)
    }

    pub fn file(&self, folder: &Path) -> Outcome<PathBuf> {
        let path = folder.join("client.yaml");
        fs::write(&path, self.text())?;
        Ok(path)
    }

    /// The mock that answers it, as a process of its own.
    pub fn mock(&self, folder: &Path) -> Outcome<Server> {
        let file = self.file(folder)?;
        Server::foreign(|port| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_mock-bedrock"));
            command.arg("--scenario").arg(&file).args(["--port", &port.to_string()]);
            command
        })
    }
}

/// What came of a run.
#[derive(Debug)]
pub struct Ran {
    pub live: LiveCell,
    pub phase: PhaseCell,
    /// Why it should not be believed.
    pub doubts: Vec<String>,
}

/// Plays it with the binary and this client, against the server.
pub fn richter(work: &Work, client: &str, folder: &Path, server: &Server) -> Outcome<Ran> {
    let (file, out) = (work.file(folder)?, folder.join("out"));
    let mut command = Command::new(env!("CARGO_BIN_EXE_richter"));
    command.arg("run").arg(&file).args([
        "--on",
        "mock",
        "--endpoint-url",
        &format!("http://{}", server.addr),
    ]);
    command.args(["--client", client, "--view", "none", "--out"]).arg(&out).stdout(Stdio::null());
    let code = command.status()?;
    let run = RunFile::read(&out.join("client/run.json"))?;
    let (live, cell) = (run.live.ok_or("the run was live")?, run.cells.into_iter().next());
    if run.status != Status::Complete {
        return Err(format!("the run ended early ({code})").into());
    }
    Ok(Ran {
        live: live.cells.into_iter().next().ok_or("it has a cell")?,
        phase: cell.and_then(|cell| cell.phases.into_iter().next()).ok_or("it has a phase")?,
        doubts: live.doubts,
    })
}
