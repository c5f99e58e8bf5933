//! Two thousand streams held open at once, twenty tokens a second each, for a minute.

use std::path::Path;

use super::{
    Outcome,
    table::{count, number, table},
    work::{self, Work},
};

const STREAMS: u32 = 2_000;
/// They are opened over so many seconds, so that each lives for a minute.
const OPENED_IN_S: u32 = 10;
const GAP_MS: u32 = 50;
const TOKENS: u32 = 1_200;

pub fn measure(folder: &Path) -> Outcome<String> {
    let heads = [
        "client",
        "streams at once",
        "answered",
        "tokens",
        "seconds",
        "late by ms, p50",
        "p99",
        "most",
        "richter's CPU µs per token",
        "the mock's",
        "note",
    ];
    Ok(table(&heads, &[row("sdk", folder)?, row("lean", folder)?]))
}

fn row(client: &str, folder: &Path) -> Outcome<Vec<String>> {
    let per_s = STREAMS / OPENED_IN_S;
    let work = Work { api: "converse_stream", per_s, seconds: OPENED_IN_S, tokens: TOKENS, gap_ms: GAP_MS };
    let server = work.mock(folder)?;
    let before = server.cpu_s()?;
    let ran = work::richter(&work, client, folder, &server)?;
    let served = server.cpu_s()? - before;
    let live = &ran.live;
    let tokens = ran.phase.output_tokens as f64;
    let late = [live.lag_us_p50, live.lag_us_p99, live.lag_us_max].map(|us| number(us as f64 / 1e3));
    let mut row = vec![
        client.to_owned(),
        count(live.in_flight_max as usize),
        count(ran.phase.answered as usize),
        count(ran.phase.output_tokens as usize),
        number(live.took_s),
    ];
    row.extend(late);
    row.extend([live.cpu_s, served].map(|cpu| number(cpu * 1e6 / tokens)));
    row.push(if ran.doubts.is_empty() { "the run is valid".to_owned() } else { ran.doubts.join("; ") });
    Ok(row)
}
