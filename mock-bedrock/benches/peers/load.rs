//! wrk as the load: one thread, a fixed number of connections, each with its next request as soon as it is answered.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::json;

use super::{
    Outcome,
    worlds::{MAX_TOKENS, MODEL},
};

/// As every client sends one; moto finds no service without. Nobody checks it here.
pub const AUTHORIZATION: &str = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261127/us-east-1/bedrock/aws4_request, \
                                 SignedHeaders=host, Signature=0";

/// What wrk sends, and how.
#[derive(Debug)]
pub struct Load {
    program: PathBuf,
    script: PathBuf,
}

/// What came of it.
#[derive(Debug, Clone, Copy)]
pub struct Served {
    pub requests: f64,
    /// Answers with a status of 400 or above, and connections that broke.
    pub errors: u64,
}

impl Load {
    pub fn new(program: &Path, folder: &Path) -> Outcome<Load> {
        let script = folder.join("post.lua");
        let text = format!(
            "wrk.method = \"POST\"\n\
             wrk.body = [[{}]]\n\
             wrk.headers[\"content-type\"] = \"application/json\"\n\
             wrk.headers[\"accept\"] = \"application/json\"\n\
             wrk.headers[\"authorization\"] = \"{AUTHORIZATION}\"\n",
            body()
        );
        fs::write(&script, text)?;
        Ok(Load { program: program.to_owned(), script })
    }

    /// For so many seconds. Some of the connections' last requests are answered and not counted, at most one of each.
    pub fn run(&self, to: SocketAddr, verb: &str, connections: u32, seconds: u32) -> Outcome<Served> {
        let mut command = Command::new(&self.program);
        command.args([format!("-c{connections}"), format!("-d{seconds}s"), "-t1".into(), "-s".into()]);
        let output = command.arg(&self.script).arg(format!("http://{to}{}", path(verb))).output()?;
        let told = String::from_utf8_lossy(&output.stdout);
        let requests = told.lines().find_map(|line| line.trim().split_once(" requests in "));
        let requests = requests.ok_or_else(|| format!("wrk counts no requests: {told}"))?.0.parse()?;
        Ok(Served { requests, errors: errors(&told) })
    }
}

fn errors(told: &str) -> u64 {
    let numbers = |line: &str| {
        line.split(|c: char| !c.is_ascii_digit()).filter_map(|word| word.parse::<u64>().ok()).sum()
    };
    let lines = told.lines().map(str::trim);
    let of = lines.filter_map(|line| {
        line.strip_prefix("Non-2xx or 3xx responses:").or(line.strip_prefix("Socket errors:"))
    });
    of.map(numbers).collect::<Vec<u64>>().iter().sum()
}

pub fn path(verb: &str) -> String {
    format!("/model/{}/{verb}", MODEL.replace(':', "%3A"))
}

/// A prompt of a hundred words.
pub fn body() -> String {
    json!({
        "messages": [{ "role": "user", "content": [{ "text": "word ".repeat(100) }] }],
        "inferenceConfig": { "maxTokens": MAX_TOKENS },
    })
    .to_string()
}
