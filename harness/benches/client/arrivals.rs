//! How far from their time requests are: when the pacer hands them over, when the strategy has them, and when the server does.

use std::{
    collections::BTreeMap,
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    path::Path,
    sync::Arc,
    time::{Duration, SystemTime},
};

use richter::{
    ground::live::{
        agenda::Part,
        pacer::{Pacer, Sink},
    },
    load::Arrival,
};
use richter_core::live::Clock;
use richter_mock_bedrock::luck::Luck;

use super::{
    Outcome,
    process::Server,
    table::{count, median, number, quantile, table},
    work::{self, Work},
};

const RATES: [u32; 3] = [100, 1_000, 5_000];
const SECONDS: u32 = 10;
const ROUNDS: usize = 3;
/// What hands requests over, and where they are seen.
const SEEN: [(&str, &str); 5] = [
    ("the pacer alone", "when handed over"),
    ("with a call of the SDK each", "when the strategy has it"),
    ("with a call of the SDK each", "when the server has it"),
    ("with a call of the lean client each", "when the strategy has it"),
    ("with a call of the lean client each", "when the server has it"),
];

pub fn measure(folder: &Path) -> Outcome<String> {
    let mut rows = Vec::new();
    for per_s in RATES {
        let work = Work::at_once("converse", per_s, SECONDS);
        let mut seen_at = SEEN.map(|_| Vec::new());
        for _ in 0..ROUNDS {
            for (all, late) in seen_at.iter_mut().zip(round(&work, folder)?) {
                all.push(late);
            }
        }
        rows.extend(SEEN.iter().zip(&seen_at).map(|(seen, rounds)| row(*seen, per_s, rounds)));
    }
    let heads = ["arrivals", "seen", "asked", "requests", "late by µs, p50", "p99", "most"];
    Ok(table(&heads, &rows))
}

/// One round, at the three places of [`SEEN`].
fn round(work: &Work, folder: &Path) -> Outcome<[Late; 5]> {
    let alone = Late::of(&alone(work)?);
    let [sdk_begun, sdk_seen] = with(work, "sdk", folder)?;
    let [lean_begun, lean_seen] = with(work, "lean", folder)?;
    Ok([alone, sdk_begun, sdk_seen, lean_begun, lean_seen])
}

/// With calls of this client: at the strategy, and at the server.
fn with(work: &Work, client: &str, folder: &Path) -> Outcome<[Late; 2]> {
    let server = Server::own("echo")?;
    let ran = work::richter(work, client, folder, &server)?;
    if !ran.doubts.is_empty() {
        eprintln!("!! {client} at {}/s: {}", work.per_s, ran.doubts.join("; "));
    }
    let us = [ran.live.lag_us_p50, ran.live.lag_us_p99, ran.live.lag_us_max].map(|us| us as f64);
    let begun = Late { requests: ran.live.begun as usize, us };
    Ok([begun, Late::of(&seen(work, &ran, server.addr)?)])
}

/// How late requests were: in the median, at p99, and the latest.
struct Late {
    requests: usize,
    us: [f64; 3],
}

impl Late {
    fn of(late_us: &[f64]) -> Late {
        let most = late_us.iter().copied().fold(0.0, f64::max);
        Late { requests: late_us.len(), us: [quantile(late_us, 0.5), quantile(late_us, 0.99), most] }
    }
}

/// The medians of the rounds, and the latest of all.
fn row((what, seen): (&str, &str), per_s: u32, rounds: &[Late]) -> Vec<String> {
    let of = |place: usize| rounds.iter().map(|round| round.us[place]).collect::<Vec<_>>();
    let most = of(2).into_iter().fold(0.0, f64::max);
    let requests = rounds.iter().map(|round| round.requests).sum();
    let mut row = vec![what.to_owned(), seen.to_owned(), format!("{per_s}/s"), count(requests)];
    row.extend([median(&of(0)), median(&of(1)), most].map(number));
    row
}

/// Takes what is due and does nothing with it.
struct Nobody {
    clock: Clock,
    late_us: Vec<f64>,
}

impl Sink for Nobody {
    fn due(&mut self, arrival: Arrival) {
        self.late_us.push(self.clock.now().saturating_sub(arrival.at) as f64 / 1e3);
    }

    fn stopped(&self) -> bool {
        false
    }

    fn may_follow(&self) -> bool {
        false
    }
}

fn alone(work: &Work) -> Outcome<Vec<f64>> {
    let plan = work.plan()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let clock = Clock::starting_in(Duration::from_millis(100));
        let schedule = plan.traffic.arrivals(Luck::new(plan.seed, 0));
        let mut nobody = Nobody { clock, late_us: Vec::new() };
        Pacer::new(clock, schedule, Part::ALL, Arc::default())?.run(|| (), &mut nobody).await?;
        Ok(nobody.late_us)
    })
}

/// How late each request was at the server, in microseconds.
fn seen(work: &Work, ran: &work::Ran, server: SocketAddr) -> Outcome<Vec<f64>> {
    let plan = work.plan()?;
    let zero: jiff::Timestamp = ran.live.began.parse()?;
    let zero = SystemTime::from(zero).duration_since(SystemTime::UNIX_EPOCH)?.as_nanos();
    let due: BTreeMap<u64, u64> = plan
        .traffic
        .arrivals(Luck::new(plan.seed, 0))
        .map(|arrival| arrival.map(|arrival| (arrival.number, arrival.at)))
        .collect::<Result<_, _>>()?;
    let mut late_us = Vec::new();
    for line in came(server)?.lines() {
        let (number, at) = line.split_once(' ').ok_or("a number and a time")?;
        let due = due.get(&number.parse()?).ok_or("a request that was due")?;
        let at: u128 = at.parse()?;
        late_us.push((at as f64 - zero as f64 - *due as f64).abs() / 1e3);
    }
    Ok(late_us)
}

fn came(server: SocketAddr) -> Outcome<String> {
    let mut socket = TcpStream::connect(server)?;
    socket.write_all(b"GET / HTTP/1.1\r\nhost: echo\r\nconnection: close\r\n\r\n")?;
    let mut told = String::new();
    socket.read_to_string(&mut told)?;
    Ok(told.split_once("\r\n\r\n").ok_or("a head and a body")?.1.to_owned())
}
