//! How far from the time that the engine asked for tokens reach a client, at several numbers of streams at once.
//!
//! The engine's answer is a function of the request's number, so that the client makes it anew and knows when each token
//! was due, counted from the moment at which the request was sent. Whatever the request's way, the server, the system and
//! this client add is in the error.

use std::time::{Duration, Instant};

use super::{
    Outcome,
    process::Server,
    stream::{Stream, Told},
    table::{count, number, quantile, table},
    worlds::{Pace, TOKENS, asked},
};

const AT_ONCE: [usize; 3] = [1, 100, 1_000];
const LASTS: Duration = Duration::from_secs(20);
/// Connections begin one after the other within this time.
const SPREAD: Duration = Duration::from_secs(1);

/// Distances from the time asked for, in milliseconds.
#[derive(Debug, Default)]
struct Errors {
    first: Vec<f64>,
    gap: Vec<f64>,
}

pub fn measure() -> Outcome<String> {
    let mut rows = Vec::new();
    for at_once in AT_ONCE {
        let errors = errors(at_once)?;
        let of = |values: &[f64]| {
            let share = |share| number(quantile(values, share));
            [count(values.len()), share(0.5), share(0.99), share(1.0)]
        };
        let cells = [of(&errors.first), of(&errors.gap)].concat();
        rows.push([vec![count(at_once)], cells].concat());
    }
    let heads = [
        "streams at once",
        "first tokens",
        "off by ms, p50",
        "p99",
        "most",
        "gaps",
        "off by ms, p50",
        "p99",
        "most",
    ];
    Ok(table(&heads, &rows))
}

fn errors(at_once: usize) -> Outcome<Errors> {
    let server = Server::own("mock-drawn")?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let told = runtime.block_on(async {
        let mut streams = Vec::new();
        for _ in 0..at_once {
            streams.push(Stream::connect(server.addr).await?);
        }
        let start = Instant::now();
        let clients: Vec<_> = (0..)
            .zip(streams)
            .map(|(place, stream)| tokio::spawn(client(stream, place, at_once, start)))
            .collect();
        let mut told = Vec::new();
        for client in clients {
            told.extend(client.await??);
        }
        std::io::Result::Ok(told)
    })?;
    let mut answer = asked(Pace::Drawn);
    let mut errors = Errors::default();
    for (request, told) in told {
        let answer = answer(request);
        let due = (1..=TOKENS).map(|token| Duration::from_nanos(answer.token_at(token)));
        errors.add(&told, &due.collect::<Vec<_>>())?;
    }
    Ok(errors)
}

/// One stream after the other until the time is over. The requests' numbers are this client's alone.
async fn client(
    mut stream: Stream,
    place: usize,
    at_once: usize,
    start: Instant,
) -> std::io::Result<Vec<(u64, Told)>> {
    let begin = start + SPREAD.mul_f64(place as f64 / at_once as f64);
    tokio::time::sleep_until(begin.into()).await;
    let mut told = Vec::new();
    for turn in 0.. {
        if start.elapsed() > LASTS {
            break;
        }
        let request = 1 + (place + turn * at_once) as u64;
        told.push((request, stream.whole(Some(request)).await?));
    }
    Ok(told)
}

impl Errors {
    fn add(&mut self, told: &Told, due: &[Duration]) -> Outcome<()> {
        let came: Vec<Duration> =
            told.events.iter().filter(|event| event.delta).map(|event| event.at - told.sent).collect();
        if came.len() != due.len() {
            return Err(format!("{} tokens came of {}", came.len(), due.len()).into());
        }
        let off = |came: Duration, due: Duration| came.abs_diff(due).as_secs_f64() * 1e3;
        self.first.push(off(came[0], due[0]));
        let gaps = came.windows(2).zip(due.windows(2));
        self.gap.extend(gaps.map(|(came, due)| off(came[1] - came[0], due[1] - due[0])));
        Ok(())
    }
}
