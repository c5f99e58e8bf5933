//! CPU time of a client per request: richter's driver with all that it records, a bare loop of the SDK at the same pace, and other
//! load generators, all on the same kind of mock.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};

use super::{
    Outcome, Programs,
    process::Server,
    table::{median, number, table},
    work::{self, MODEL, Work},
};

const ROUNDS: usize = 5;
const SECONDS: u32 = 5;
/// Requests at once of those that know no rate.
const CLIENTS: u32 = 16;
/// Of the quick ones, and of llmeter, in one round.
const REQUESTS: u32 = 20_000;
const REQUESTS_SLOW: u32 = 1_600;

pub fn measure(programs: &Programs, folder: &Path) -> Outcome<String> {
    let whole = of("converse", 2_000, programs, folder)?;
    let stream = of("converse_stream", 1_000, programs, folder)?;
    Ok(format!("{whole}\n{stream}"))
}

/// One client and what it cost in each round.
struct Client<'a> {
    name: &'static str,
    note: String,
    run: Box<dyn Fn() -> Outcome<f64> + 'a>,
    cpu_us: Vec<f64>,
}

fn of(api: &'static str, per_s: u32, programs: &Programs, folder: &Path) -> Outcome<String> {
    let work = Work::at_once(api, per_s, SECONDS);
    let server = work.mock(folder)?;
    let mut clients = clients(&work, &server, programs, folder);
    for _ in 0..ROUNDS {
        for client in &mut clients {
            client.cpu_us.push((client.run)()?);
        }
    }
    let rows: Vec<Vec<String>> = clients.iter().map(|client| row(client, &clients[0])).collect();
    let heads = [api, "CPU µs per request (least to most)", "as a multiple of richter, pair by pair", "note"];
    Ok(table(&heads, &rows))
}

fn row(client: &Client<'_>, ours: &Client<'_>) -> Vec<String> {
    let ratios: Vec<f64> =
        client.cpu_us.iter().zip(&ours.cpu_us).map(|(theirs, ours)| theirs / ours).collect();
    let least = client.cpu_us.iter().copied().fold(f64::INFINITY, f64::min);
    let most = client.cpu_us.iter().copied().fold(0.0, f64::max);
    vec![
        client.name.to_owned(),
        format!("{} ({} to {})", number(median(&client.cpu_us)), number(least), number(most)),
        format!("× {}", number(median(&ratios))),
        client.note.clone(),
    ]
}

fn clients<'a>(
    work: &'a Work,
    server: &'a Server,
    programs: &'a Programs,
    folder: &'a Path,
) -> Vec<Client<'a>> {
    let mut clients = Vec::new();
    let mut add = |name, note: String, run: Box<dyn Fn() -> Outcome<f64> + 'a>| {
        clients.push(Client { name, note, run, cpu_us: Vec::new() });
    };
    let pace = format!("{}/s, signed, parsed", work.per_s);
    let recorded = format!("{pace}, recorded");
    for (name, client) in [("richter run", "sdk"), ("richter run --client lean", "lean")] {
        add(name, recorded.clone(), Box::new(move || richter(work, client, folder, server)));
    }
    add("bare loop of the SDK", pace, Box::new(move || bare(work, work.per_s, server)));
    let full = format!("as fast as it can, {CLIENTS} at once");
    add("bare loop of the SDK", format!("{full}, signed, parsed"), Box::new(move || bare(work, 0, server)));
    if let Some(python) = &programs.llmeter {
        let note = format!("{CLIENTS} clients, signed, parsed, recorded");
        add("llmeter", note, Box::new(move || llmeter(python, work, server)));
    }
    let url = format!("http://{}/model/{MODEL}/{}", server.addr, work.api.replace('_', "-"));
    if let Some(oha) = &programs.oha {
        let url = url.clone();
        add(
            "oha",
            format!("{full}, signed"),
            Box::new(move || child(Command::new(oha).args(oha_args(&url)), REQUESTS)),
        );
    }
    if let Some(hey) = &programs.hey {
        let url = url.clone();
        add("hey", full.clone(), Box::new(move || child(Command::new(hey).args(hey_args(&url)), REQUESTS)));
    }
    if let Some(wrk) = &programs.wrk {
        add("wrk", full, Box::new(move || wrk_run(wrk, &url, folder)));
    }
    clients
}

fn richter(work: &Work, client: &str, folder: &Path, server: &Server) -> Outcome<f64> {
    let ran = work::richter(work, client, folder, server)?;
    if ran.phase.answered != ran.live.begun {
        return Err(format!("{} of {} requests were answered", ran.phase.answered, ran.live.begun).into());
    }
    Ok(ran.live.cpu_s * 1e6 / ran.live.begun as f64)
}

fn bare(work: &Work, per_s: u32, server: &Server) -> Outcome<f64> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["bare", work.api, &per_s.to_string(), &SECONDS.to_string()]);
    let output = command.arg(format!("http://{}", server.addr)).stderr(Stdio::inherit()).output()?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().parse()?)
}

fn llmeter(python: &Path, work: &Work, server: &Server) -> Outcome<f64> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/client/llmeter_load.py");
    let mut command = Command::new(python);
    command.args([script, work.api, &format!("http://{}", server.addr), MODEL]);
    let output = command.args([REQUESTS_SLOW.to_string(), CLIENTS.to_string()]).output()?;
    let told = String::from_utf8_lossy(&output.stdout);
    let cpu = told.lines().find_map(|line| line.strip_prefix("cpu_us "));
    let cpu = cpu.ok_or_else(|| format!("llmeter failed: {}", String::from_utf8_lossy(&output.stderr)))?;
    Ok(cpu.trim().parse()?)
}

fn body() -> String {
    serde_json::json!({
        "messages": [{ "role": "user", "content": [{ "text": "word ".repeat(100) }] }],
        "inferenceConfig": { "maxTokens": 2_048 },
    })
    .to_string()
}

fn oha_args(url: &str) -> Vec<String> {
    let (requests, clients) = (REQUESTS.to_string(), CLIENTS.to_string());
    let fixed =
        ["--no-tui", "-m", "POST", "-T", "application/json", "--aws-sigv4", "aws:amz:us-east-1:bedrock"];
    let named = ["-a", "mock:mock", "-n", &requests, "-c", &clients, "-d", &body(), url].map(str::to_owned);
    fixed.map(str::to_owned).into_iter().chain(named).collect()
}

fn hey_args(url: &str) -> Vec<String> {
    let (requests, clients) = (REQUESTS.to_string(), CLIENTS.to_string());
    let named = ["-m", "POST", "-T", "application/json", "-n", &requests, "-c", &clients, "-d", &body(), url];
    named.map(str::to_owned).to_vec()
}

fn wrk_run(wrk: &Path, url: &str, folder: &Path) -> Outcome<f64> {
    let script = folder.join("client.lua");
    let text = format!(
        "wrk.method = \"POST\"\nwrk.body = [[{}]]\nwrk.headers[\"content-type\"] = \"application/json\"\n",
        body()
    );
    fs::write(&script, text)?;
    let before = children_cpu_s()?;
    let mut command = Command::new(wrk);
    command.args([format!("-c{CLIENTS}"), format!("-d{SECONDS}s"), "-t1".into(), "-s".into()]);
    let output = command.arg(&script).arg(url).output()?;
    let told = String::from_utf8_lossy(&output.stdout);
    let requests = told.lines().find_map(|line| line.trim().split_once(" requests in "));
    let requests: f64 = requests.ok_or_else(|| format!("wrk counts no requests: {told}"))?.0.parse()?;
    if told.contains("Non-2xx") {
        return Err(format!("wrk was refused: {told}").into());
    }
    Ok((children_cpu_s()? - before) * 1e6 / requests)
}

/// A program that sends so many requests and ends.
fn child(command: &mut Command, requests: u32) -> Outcome<f64> {
    let before = children_cpu_s()?;
    let output = command.stdin(Stdio::null()).output()?;
    let told = String::from_utf8_lossy(&output.stdout);
    let all_good = told.contains(&format!("[200] {requests} responses"))
        || told.contains(&format!("[200]\t{requests} responses"));
    if !output.status.success() || !all_good {
        return Err(format!("{command:?}: {told}{}", String::from_utf8_lossy(&output.stderr)).into());
    }
    Ok((children_cpu_s()? - before) * 1e6 / f64::from(requests))
}

/// Of all children that have ended and were waited for, their own time and the kernel's for them.
fn children_cpu_s() -> Outcome<f64> {
    const TICKS_PER_S: f64 = 100.0;
    let stat = fs::read_to_string("/proc/self/stat")?;
    // The name in brackets may hold spaces.
    let fields = stat.rsplit_once(')').ok_or("no brackets")?.1;
    let ticks = fields.split_whitespace().skip(13).take(2).map(str::parse::<f64>);
    Ok(ticks.sum::<Result<f64, _>>()? / TICKS_PER_S)
}
