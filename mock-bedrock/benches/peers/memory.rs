//! Resident memory of a server per open stream.

use std::{
    fs,
    time::{Duration, Instant},
};

use super::{
    Outcome,
    process::Server,
    stream::Stream,
    table::{count, number, table},
    worlds::Pace,
};

const STREAMS: usize = 5_000;
/// For tokens to come on all of them.
const SETTLE: Duration = Duration::from_secs(5);

/// Bytes of memory that are resident.
fn resident(server: &Server) -> Outcome<f64> {
    let status = fs::read_to_string(format!("/proc/{}/status", server.id()))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
    let kib: f64 = line.split_whitespace().next().ok_or("no number")?.parse()?;
    Ok(kib * 1024.0)
}

pub fn measure() -> Outcome<String> {
    let rows = [("mock-bedrock", "mock-slow"), ("bare hyper, tokio's timers", "bare-slow")];
    let rows = rows.map(|(name, server)| row(name, server));
    let rows = rows.into_iter().collect::<Outcome<Vec<_>>>()?;
    Ok(table(&["open streams", "streams", "MiB before", "MiB with them", "KiB per stream"], &rows))
}

fn row(name: &str, server: &str) -> Outcome<Vec<String>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (before, open) = runtime.block_on(opened(Server::own(server)?))?;
    let mib = |bytes: f64| number(bytes / f64::from(1 << 20));
    let each = (open - before) / STREAMS as f64 / 1024.0;
    Ok(vec![name.into(), count(STREAMS), mib(before), mib(open), number(each)])
}

/// Resident bytes before and while the streams are open, each of them with some tokens told.
async fn opened(server: Server) -> Outcome<(f64, f64)> {
    let mut first = Stream::connect(server.addr).await?;
    first.ask(None, Pace::Slow.tokens()).await?;
    first.more().await?;
    let before = resident(&server)?;
    let mut streams = Vec::new();
    for _ in 0..STREAMS {
        let mut stream = Stream::connect(server.addr).await?;
        stream.ask(None, Pace::Slow.tokens()).await?;
        streams.push(stream);
    }
    let until = Instant::now() + SETTLE;
    while Instant::now() < until {
        for stream in &mut streams {
            stream.drain();
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let silent = streams.iter().filter(|stream| stream.reads() < 2).count();
    if silent > 0 {
        return Err(format!("{silent} of {STREAMS} streams are silent").into());
    }
    Ok((before, resident(&server)?))
}
