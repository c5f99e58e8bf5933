//! CPU time of a server per answer, with load from wrk on the same machine: this mock, others, and bare hyper.

use std::{fs, net::SocketAddr, path::Path, process::Command};

use super::{
    Outcome, Programs,
    load::Load,
    process::Server,
    stream,
    table::{median, number, table},
};

/// Each server is measured so often, in turn with the others.
const ROUNDS: usize = 5;
const SECONDS: u32 = 3;
const WARM_UP_SECONDS: u32 = 1;
/// Requests at once; as many as there are streams where those have pauses.
const CONNECTIONS: u32 = 16;
const PACED: u32 = 256;

/// One server and one operation.
struct Subject {
    name: &'static str,
    verb: &'static str,
    connections: u32,
    server: Server,
    /// Events of one of its streams, as counted here.
    events: Option<usize>,
    rounds: Vec<Round>,
}

struct Round {
    cpu_us: f64,
    per_s: f64,
    errors: u64,
}

pub fn measure(programs: &Programs) -> Outcome<String> {
    let wrk = programs.wrk.as_deref().ok_or("where is wrk? say --wrk PROGRAM")?;
    let folder = programs.folder.clone().unwrap_or_else(std::env::temp_dir);
    let load = Load::new(wrk, &folder)?;
    let whole = rounds(&load, converse(programs, &folder)?)?;
    let streams = rounds(&load, streamed(programs, &folder)?)?;
    let paced = rounds(&load, paced()?)?;
    Ok(format!(
        "{}\n{}\n{}",
        shown("Converse", &whole),
        shown("stream, all at once", &streams),
        shown("stream, 10 ms between tokens", &paced)
    ))
}

fn converse(programs: &Programs, folder: &Path) -> Outcome<Vec<Subject>> {
    let mut subjects = vec![
        subject("mock-bedrock", "converse", Server::own("mock-instant")?)?,
        subject("bare hyper", "converse", Server::own("bare")?)?,
        subject("wiremock", "converse", Server::own("wiremock")?)?,
    ];
    for (name, server) in peers(programs, folder)? {
        subjects.push(subject(name, "converse", server)?);
    }
    if let Some(program) = &programs.moto {
        let server = moto(program)?;
        subjects.push(subject("moto (InvokeModel)", "invoke", server)?);
    }
    Ok(subjects)
}

fn streamed(programs: &Programs, folder: &Path) -> Outcome<Vec<Subject>> {
    let mut subjects = vec![
        subject("mock-bedrock", "converse-stream", Server::own("mock-instant")?)?,
        subject("bare hyper", "converse-stream", Server::own("bare")?)?,
        subject("wiremock, as one body", "converse-stream", Server::own("wiremock")?)?,
    ];
    for (name, server) in peers(programs, folder)? {
        subjects.push(subject(name, "converse-stream", server)?);
    }
    Ok(subjects)
}

fn paced() -> Outcome<Vec<Subject>> {
    let mut subjects = vec![
        subject("mock-bedrock", "converse-stream", Server::own("mock-steady")?)?,
        subject("bare hyper, tokio's timers", "converse-stream", Server::own("bare-steady")?)?,
    ];
    subjects.iter_mut().for_each(|subject| subject.connections = PACED);
    Ok(subjects)
}

/// Those that answer Converse, each with an answer of its own that is about as long as ours.
fn peers(programs: &Programs, folder: &Path) -> Outcome<Vec<(&'static str, Server)>> {
    let mut peers = Vec::new();
    if let Some(script) = &programs.aimock {
        let fixtures = folder.join("aimock.json");
        let text = "word ".repeat(16);
        let said = serde_json::json!({ "fixtures": [{ "match": {}, "response": { "content": text } }] });
        fs::write(&fixtures, said.to_string())?;
        let server = Server::foreign(|port| {
            let mut command = Command::new("node");
            command.arg(script).arg("--fixtures").arg(&fixtures);
            // 20 deltas of four characters.
            command.args(["--chunk-size", "4", "--log-level", "silent", "--port", &port.to_string()]);
            command
        })?;
        peers.push(("aimock", server));
    }
    if let Some(program) = &programs.vidaimock {
        let server = Server::foreign(|port| {
            let mut command = Command::new(program);
            command.args(["--port", &port.to_string()]).current_dir(folder);
            command
        })?;
        peers.push(("VidaiMock", server));
    }
    Ok(peers)
}

fn moto(program: &Path) -> Outcome<Server> {
    Server::foreign(|port| {
        let mut command = Command::new(program);
        command.args(["-H", "127.0.0.1", "-p", &port.to_string()]);
        command
    })
}

fn subject(name: &'static str, verb: &'static str, server: Server) -> Outcome<Subject> {
    let events = if verb.ends_with("-stream") { Some(events(server.addr)?) } else { None };
    Ok(Subject { name, verb, connections: CONNECTIONS, server, events, rounds: Vec::new() })
}

fn events(addr: SocketAddr) -> Outcome<usize> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut stream = stream::Stream::connect(addr).await?;
        Ok(stream.whole(None).await?.events.len())
    })
}

fn rounds(load: &Load, mut subjects: Vec<Subject>) -> Outcome<Vec<Subject>> {
    for subject in &subjects {
        load.run(subject.server.addr, subject.verb, subject.connections, WARM_UP_SECONDS)?;
    }
    for _ in 0..ROUNDS {
        for subject in &mut subjects {
            let before = subject.server.cpu_s()?;
            let served = load.run(subject.server.addr, subject.verb, subject.connections, SECONDS)?;
            let cpu = subject.server.cpu_s()? - before;
            subject.rounds.push(Round {
                cpu_us: cpu * 1e6 / served.requests,
                per_s: served.requests / f64::from(SECONDS),
                errors: served.errors,
            });
        }
    }
    Ok(subjects)
}

fn shown(what: &str, subjects: &[Subject]) -> String {
    let ours = cpu_us(&subjects[0]);
    let rows: Vec<Vec<String>> = subjects.iter().map(|subject| row(subject, ours)).collect();
    let heads = [
        what,
        "CPU µs per answer (least to most)",
        "answers per CPU-second",
        "as a multiple of mock-bedrock",
        "answers/s",
        "note",
    ];
    table(&heads, &rows)
}

fn row(subject: &Subject, ours: f64) -> Vec<String> {
    let of = |pick: fn(&Round) -> f64| subject.rounds.iter().map(pick).collect::<Vec<_>>();
    let (all, cpu) = (of(|round| round.cpu_us), cpu_us(subject));
    let least = all.iter().copied().fold(f64::INFINITY, f64::min);
    let most = all.iter().copied().fold(0.0, f64::max);
    let errors: u64 = subject.rounds.iter().map(|round| round.errors).sum();
    let mut notes = Vec::new();
    notes.extend(subject.events.map(|events| format!("{events} events")));
    notes.extend((errors > 0).then(|| format!("{errors} errors")));
    vec![
        subject.name.to_owned(),
        format!("{} ({} to {})", number(cpu), number(least), number(most)),
        number(1e6 / cpu),
        format!("× {}", number(cpu / ours)),
        number(median(&of(|round| round.per_s))),
        notes.join(", "),
    ]
}

fn cpu_us(subject: &Subject) -> f64 {
    median(&subject.rounds.iter().map(|round| round.cpu_us).collect::<Vec<_>>())
}
