//! Live runs as a user meets them, each with a process of its own: on the mock, against a server that stalls, killed at
//! any moment, with the service gone in the middle. What is asserted holds on a machine of any speed.
#![cfg(feature = "aws")]

#[path = "live/bedrock.rs"]
mod bedrock;
#[path = "live/gate.rs"]
mod gate;
#[path = "live/observe.rs"]
mod observe;
#[path = "live/server.rs"]
mod server;

use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use richter_reports::{
    run_file::{PhaseCell, RunFile, Status},
    samples::Samples,
    stats::unexplained,
};
use server::{Play, Server};
use tempfile::TempDir;

/// Two Regions, one of which breaks for a while, and quotas that are too small for the spike.
const SPIKE: &str = "version: 1
name: spike
question: Does the mock tell the simulation's story?
seed: 7
replications: 1
slo: { first_token: 3s, total: 9s }
targets:
  east: { on_demand: { region: us-east-1, model: anthropic.claude-3-haiku-20240307-v1:0 } }
  west: { on_demand: { region: us-west-2, model: anthropic.claude-3-haiku-20240307-v1:0 } }
world:
  regions: { us-east-1: {}, us-west-2: { rtt: 20ms } }
  models:
    anthropic.claude-3-haiku-20240307-v1:0: { first_token: 100ms, per_token: 2ms, max_output: 4096 }
  quotas:
    on_demand: { us-east-1: { requests: 60/min }, us-west-2: { requests: 600/min } }
traffic:
  mix:
    chat: { share: 70%, api: converse_stream, input: 300, output: 30, max_tokens: 200 }
    ask: { share: 30%, api: invoke_model, input: 200, output: 30, max_tokens: 100 }
  phases:
    - { name: warm, for: 1s, rate: 10/s, measured: false }
    - { name: spike, for: 4s, rate: 40/s }
faults:
  - broken_west:
      error_burst: { errors: { ServiceUnavailableException: 100% }, share: 30% }
      on: { region: us-west-2 }
      during: { phase: spike, after: 1s, for: 2s }
strategies:
  one-region: { direct: { target: east } }
  failover: { ordered: { targets: [east, west] } }
drain: 10s
";

/// One target and one strategy, for servers that are not mocks.
fn plain(rate: &str, length: &str, strategy: &str) -> String {
    format!(
        "version: 1
name: plain
replications: 1
question: What did the server see?
targets: {{ east: {{ on_demand: {{ region: us-east-1, model: anthropic.claude-3-haiku-20240307-v1:0 }} }} }}
world: {{ regions: {{ us-east-1: {{}} }}, models: {{ anthropic.claude-3-haiku-20240307-v1:0: {{ first_token: 100ms, per_token: 5ms, max_output: 100 }} }} }}
traffic:
  mix: {{ ask: {{ share: 100%, api: converse, input: 20, output: 2, max_tokens: 50 }} }}
  phases: [{{ name: all, for: {length}, rate: {rate}, arrivals: constant }}]
strategies: {{ only: {strategy} }}
"
    )
}

struct Desk(TempDir);

impl Desk {
    fn new() -> Desk {
        Desk(TempDir::new().expect("a temporary folder"))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn file(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).expect("the file is written");
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_richter"));
        command.current_dir(self.0.path()).args(args).env_remove("RICHTER_OUT").env("NO_COLOR", "1");
        command.stdout(Stdio::null()).stderr(Stdio::piped());
        command
    }

    /// Runs it to its end; gives its exit code and what it said.
    fn richter(&self, args: &[&str]) -> (i32, String) {
        let output = self.command(args).output().expect("it starts");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status.code().unwrap_or(-1), said)
    }

    fn run(&self, name: &str) -> RunFile {
        RunFile::read(&self.path(&format!("{name}/run.json"))).expect("a run file")
    }
}

/// A phase of a strategy's only replication.
fn phase(run: &RunFile, strategy: usize, phase: usize) -> &PhaseCell {
    let cell = run.cells.iter().find(|cell| cell.strategy == strategy).expect("it ran");
    &cell.phases[phase]
}

fn adds_up(run: &RunFile) {
    for cell in &run.cells {
        for phase in &cell.phases {
            assert_eq!(unexplained(phase), 0, "{phase:?}");
            let split = phase.split.as_ref().expect("live runs split each request's time");
            assert!(split.adds_up(), "{split:?}");
            assert_eq!(split.requests, phase.answered);
        }
    }
}

/// The nearest rank.
fn at(samples: &Samples, quantile: f64) -> f64 {
    let rank = (quantile * samples.len() as f64).ceil() as u64;
    let mut left = rank;
    let found = samples.counts().iter().find(|(_, count)| {
        let within = left <= *count;
        left = left.saturating_sub(*count);
        within
    });
    found.map_or(0.0, |(value, _)| *value as f64)
}

/// Plays plain.yaml against a server that is not of this program.
fn on_the_server(desk: &Desk, server: &Server, client: &str) {
    let to = ["--endpoint-url", &server.url(), "--client", client];
    let (code, said) =
        desk.richter(&[&["run", "plain.yaml", "--on", "mock", "--lag-max", "9s"], &to[..]].concat());
    assert_eq!(code, 0, "{said}");
}

fn good_share(phase: &PhaseCell) -> f64 {
    phase.good as f64 / phase.offered as f64
}

/// Both ways to make a call.
const CLIENTS: [&str; 2] = ["sdk", "lean"];

#[test]
fn the_mock_over_real_sockets_tells_the_simulation_s_story_with_either_client() {
    let desk = Desk::new();
    desk.file("spike.yaml", SPIKE);
    let (code, said) = desk.richter(&["run", "spike.yaml", "--out", "sim"]);
    assert_eq!(code, 0, "{said}");
    let sim = desk.run("sim/spike");
    for client in CLIENTS {
        let on_the_mock = ["--on", "mock", "--lag-max", "9s", "--client", client, "--out", client];
        let (code, said) = desk.richter(&[&["run", "spike.yaml"], &on_the_mock[..]].concat());
        assert_eq!(code, 0, "{said}");
        tells_the_same(&sim, &desk.run(&format!("{client}/spike")));
        let journal = desk.path(&format!("{client}/spike/run.journal"));
        assert!(!journal.exists(), "the journal goes once the run file is written");
    }
    let caveats = desk.run("lean/spike").live.expect("it was live").caveats;
    assert!(caveats.iter().any(|caveat| caveat.contains("not by the AWS SDK")), "{caveats:?}");
}

fn tells_the_same(sim: &RunFile, mock: &RunFile) {
    adds_up(mock);
    assert_eq!((mock.version, &mock.status), (3, &Status::Complete));
    for strategy in 0..2 {
        for place in 0..2 {
            let (simulated, real) = (phase(sim, strategy, place), phase(mock, strategy, place));
            assert_eq!(simulated.offered, real.offered, "the same arrivals");
            let (simulated, real) = (good_share(simulated), good_share(real));
            assert!((simulated - real).abs() <= 0.03, "strategy {strategy}: {simulated} and {real} are good");
        }
        // What the service made is known to the token.
        let (simulated, real) = (phase(sim, strategy, 0), phase(mock, strategy, 0));
        assert_eq!(simulated.output_tokens, real.output_tokens);
        assert_eq!(simulated.served_by_region, real.served_by_region);
    }
    assert!(good_share(phase(mock, 1, 1)) > good_share(phase(mock, 0, 1)), "the same ranking");
    let hits: u64 = mock.cells.iter().map(|cell| cell.faults[0].hit).sum();
    assert!(hits > 0, "the fault hit through sockets as well");
}

#[test]
fn a_service_that_stalls_is_felt_in_full_and_stops_no_arrival() {
    CLIENTS.into_iter().for_each(stalls);
}

fn stalls(client: &str) {
    let desk = Desk::new();
    let server = Server::start(Play { stall: Some((2_000, 3_000)), ..Play::default() });
    desk.file("plain.yaml", &plain("100/s", "5s", "{ direct: { target: east } }"));
    on_the_server(&desk, &server, client);
    let run = desk.run("out/plain");
    adds_up(&run);
    let all = phase(&run, 0, 0);
    assert_eq!((all.offered, all.answered, server.seen()), (500, 500, 500));
    let total = all.histograms.total.as_deref().expect("answers");
    let total = Samples::decode(total).expect("a histogram");
    // Arithmetic: a fifth of the requests wait evenly up to a second. A generator that waited would report less.
    for (quantile, truth_ms) in [(0.90, 505.0), (0.95, 755.0), (0.99, 955.0)] {
        let measured_ms = at(&total, quantile) / 1e3;
        assert!(measured_ms >= 0.98 * truth_ms, "{quantile}: {measured_ms} ms, truth {truth_ms}");
    }
    // While nothing was answered the arrivals went on: connections were opened for them.
    assert!(server.connections() >= 90, "{}", server.connections());
}

#[test]
fn answers_that_come_too_late_are_failures_and_not_lost() {
    let desk = Desk::new();
    let server = Server::start(Play { answer_after_ms: 600, ..Play::default() });
    let strategy = "{ direct: { target: east, timeouts: { total: 200ms } } }";
    desk.file("plain.yaml", &plain("10/s", "1500ms", strategy));
    on_the_server(&desk, &server, "sdk");
    let run = desk.run("out/plain");
    adds_up(&run);
    let all = phase(&run, 0, 0);
    assert_eq!((all.offered, all.answered, all.failed, all.attempts), (15, 0, 15, 15));
    assert_eq!((all.failed_by_class["timeout"], server.seen()), (15, 15));
}

#[test]
fn every_attempt_that_the_server_saw_is_told_and_no_more() {
    CLIENTS.into_iter().for_each(accounts);
}

fn accounts(client: &str) {
    let desk = Desk::new();
    let server = Server::start(Play { refuse_each: Some(4), ..Play::default() });
    desk.file("plain.yaml", &plain("50/s", "4s", "{ sdk: { target: east, mode: standard } }"));
    on_the_server(&desk, &server, client);
    let run = desk.run("out/plain");
    adds_up(&run);
    let all = phase(&run, 0, 0);
    assert_eq!(all.offered, 200);
    assert_eq!((all.attempts, server.seen()), (server.seen(), all.attempts));
    assert_eq!(all.attempts_failed_by_class["throttle"], server.refused());
    assert!(server.refused() >= 50 && all.answered + all.failed == 200, "{all:?}");
}

/// Waits until a line that holds the text is said.
fn wait_for(child: &mut Child, text: &str) -> String {
    let out = child.stdout.take().expect("it is piped");
    let mut lines = BufReader::new(out).lines();
    let found = lines.find_map(|line| line.ok().filter(|line| line.contains(text)));
    // Whoever prints on must not find the pipe closed.
    std::thread::spawn(move || lines.for_each(drop));
    found.unwrap_or_else(|| panic!("it never said {text}"))
}

fn mock_on(desk: &Desk, port: u16) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mock-bedrock"));
    let port = port.to_string();
    command.current_dir(desk.0.path()).args(["--port", &port, "--output-tokens", "5"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("it starts");
    wait_for(&mut child, "listens on");
    child
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("bound").port()
}

#[test]
fn a_service_that_dies_and_comes_back_costs_requests_and_nothing_else() {
    let desk = Desk::new();
    let port = free_port();
    let mut first = mock_on(&desk, port);
    let strategy = "{ direct: { target: east, timeouts: { connect: 500ms, total: 3s } } }";
    desk.file("plain.yaml", &plain("20/s", "6s", strategy));
    let url = format!("http://127.0.0.1:{port}");
    let args = ["run", "plain.yaml", "--on", "mock", "--endpoint-url", &url, "--lag-max", "9s"];
    let run = desk.command(&args).spawn().expect("it starts");
    rest(Duration::from_millis(2_500));
    first.kill().expect("it runs");
    first.wait().expect("it is gone");
    rest(Duration::from_millis(1_500));
    let mut second = mock_on(&desk, port);
    let output = run.wait_with_output().expect("it ends by itself");
    second.kill().expect("it runs");
    second.wait().expect("it is gone");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(!said.contains("panicked"), "{said}");
    let run = desk.run("out/plain");
    adds_up(&run);
    let all = phase(&run, 0, 0);
    assert_eq!(all.offered, 120);
    assert!(all.failed > 0 && all.answered > 0 && all.open == 0, "{all:?}");
    assert_eq!(all.failed_by_class["transport"], all.failed, "{all:?}");
}

/// The processes' own time, which nothing virtual can stand for.
fn rest(length: Duration) {
    let (_kept, never) = std::sync::mpsc::channel::<()>();
    let _ = never.recv_timeout(length);
}

fn kill_and_recover(place: usize) {
    let desk = Desk::new();
    desk.file("spike.yaml", SPIKE);
    let mut child = desk.command(&["run", "spike.yaml", "--on", "mock"]).spawn().expect("it starts");
    // Spread over the run by the golden section, from before its first request to its second strategy.
    let moment_ms = 600 + (place as u64 * 6_180 % 10_000) * 8 / 10;
    rest(Duration::from_millis(moment_ms));
    child.kill().expect("it can be killed");
    let output = child.wait_with_output().expect("it is gone");
    let said = String::from_utf8_lossy(&output.stderr);
    let journal = desk.path("out/spike/run.journal");
    if !journal.exists() {
        // It was over already, or had not come so far on a slow machine.
        assert!(desk.path("out/spike/run.json").exists() || moment_ms < 3_000, "at {moment_ms} ms: {said}");
        return;
    }
    recovers(&desk, &journal, moment_ms);
}

fn recovers(desk: &Desk, journal: &Path, moment_ms: u64) {
    // The scenario may be gone by then.
    fs::remove_file(desk.path("spike.yaml")).expect("it is there");
    let journal = journal.to_string_lossy();
    let (code, said) = desk.richter(&["recover", &journal]);
    assert_eq!(code, 0, "killed at {moment_ms} ms: {said}");
    let run = desk.run("out/spike");
    assert_eq!(run.status, Status::Interrupted, "killed at {moment_ms} ms");
    adds_up(&run);
    let begun: u64 = run.live.iter().flat_map(|live| &live.cells).map(|cell| cell.begun).sum();
    let offered: u64 = run.cells.iter().flat_map(|cell| &cell.phases).map(|phase| phase.offered).sum();
    assert_eq!(offered, begun);
}

#[test]
fn a_run_that_is_killed_at_any_of_twenty_moments_can_be_recovered() {
    let next = std::sync::atomic::AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..5 {
            scope.spawn(|| {
                loop {
                    let place = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                    if place >= 20 {
                        return;
                    }
                    kill_and_recover(place);
                }
            });
        }
    });
}

#[test]
fn what_cannot_be_done_is_said_before_anything_is_sent() {
    let desk = Desk::new();
    desk.file("spike.yaml", SPIKE);
    desk.file("out", "a file stands where the folder should be");
    let (code, said) = desk.richter(&["run", "spike.yaml", "--on", "mock"]);
    assert!(code == 1 && said.contains("cannot create out/spike"), "{code}: {said}");
    let (code, said) = desk.richter(&["recover", "spike.yaml"]);
    assert!(code == 1 && said.contains("is not a journal of a richter run"), "{code}: {said}");
    let (code, said) = desk.richter(&["run", "spike.yaml", "--on", "mock", "--lag-max", "5"]);
    assert!(code == 2 && said.contains("has no unit"), "{code}: {said}");
}

#[test]
fn an_interrupted_run_writes_what_it_has() {
    let desk = Desk::new();
    let server = Server::start(Play::default());
    desk.file("plain.yaml", &plain("20/s", "60s", "{ direct: { target: east } }"));
    let args = ["run", "plain.yaml", "--on", "mock", "--endpoint-url", &server.url(), "--lag-max", "9s"];
    let run = desk.command(&args).spawn().expect("it starts");
    while server.seen() < 5 {
        rest(Duration::from_millis(20));
    }
    let pid = run.id().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().expect("it is there").success());
    let output = run.wait_with_output().expect("it ends by itself");
    assert_eq!(output.status.code(), Some(130), "{}", String::from_utf8_lossy(&output.stderr));
    let run = desk.run("out/plain");
    assert_eq!(run.status, Status::Interrupted);
    adds_up(&run);
    assert!(phase(&run, 0, 0).answered >= 5);
}
