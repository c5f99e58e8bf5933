//! A server that answers Converse as it is told: late, not at all for a while, or with a refusal now and then. A thread for
//! each connection, and nothing of ours in it.
#![expect(
    clippy::disallowed_methods,
    reason = "it stands for a service on the other side of a socket, which has its own clock"
)]

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

const ANSWER: &str = r#"{"metrics":{"latencyMs":5},"output":{"message":{"content":[{"text":"Yes."}],"role":"assistant"}},"stopReason":"end_turn","usage":{"inputTokens":20,"outputTokens":2,"totalTokens":22}}"#;
const REFUSAL: &str = r#"{"message":"Too many requests, please wait before trying again."}"#;

/// What it does.
#[derive(Debug, Clone, Copy)]
pub struct Play {
    pub answer_after_ms: u64,
    /// Milliseconds from the first request between which nothing is answered.
    pub stall: Option<(u64, u64)>,
    /// Every n-th request is refused.
    pub refuse_each: Option<u64>,
}

impl Default for Play {
    fn default() -> Play {
        Play { answer_after_ms: 5, stall: None, refuse_each: None }
    }
}

#[derive(Debug, Default)]
struct Counts {
    seen: AtomicU64,
    refused: AtomicU64,
    connections: AtomicU64,
    began: OnceLock<Instant>,
}

#[derive(Debug)]
pub struct Server {
    addr: SocketAddr,
    counts: Arc<Counts>,
}

impl Server {
    pub fn start(play: Play) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let server = Server { addr: listener.local_addr().expect("bound"), counts: Arc::default() };
        let counts = Arc::clone(&server.counts);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                counts.connections.fetch_add(1, Ordering::Relaxed);
                let counts = Arc::clone(&counts);
                std::thread::spawn(move || serve(stream, play, &counts));
            }
        });
        server
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    pub fn seen(&self) -> u64 {
        self.counts.seen.load(Ordering::Relaxed)
    }

    pub fn refused(&self) -> u64 {
        self.counts.refused.load(Ordering::Relaxed)
    }

    pub fn connections(&self) -> u64 {
        self.counts.connections.load(Ordering::Relaxed)
    }
}

fn serve(stream: TcpStream, play: Play, counts: &Counts) {
    let _ = stream.set_nodelay(true);
    let Ok(mut writer) = stream.try_clone() else { return };
    let mut reader = BufReader::new(stream);
    while read_request(&mut reader).is_some() {
        let now = Instant::now();
        let began = *counts.began.get_or_init(|| now);
        let number = counts.seen.fetch_add(1, Ordering::Relaxed) + 1;
        let mut answer_at = now + Duration::from_millis(play.answer_after_ms);
        if let Some((from, to)) = play.stall {
            let (from, to) = (began + Duration::from_millis(from), began + Duration::from_millis(to));
            if now >= from && now < to {
                answer_at = to + Duration::from_millis(play.answer_after_ms);
            }
        }
        std::thread::sleep(answer_at.saturating_duration_since(Instant::now()));
        let refuse = play.refuse_each.is_some_and(|each| number.is_multiple_of(each));
        let (head, body) = if refuse {
            counts.refused.fetch_add(1, Ordering::Relaxed);
            ("HTTP/1.1 429 Too Many Requests\r\nx-amzn-errortype: ThrottlingException\r\n", REFUSAL)
        } else {
            ("HTTP/1.1 200 OK\r\n", ANSWER)
        };
        let length = body.len();
        let whole = format!("{head}content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}");
        if writer.write_all(whole.as_bytes()).is_err() {
            return;
        }
    }
}

/// One request with its body; `None` when the connection is over.
fn read_request(reader: &mut BufReader<TcpStream>) -> Option<()> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let line = line.trim_end();
        if line.is_empty() {
            break;
        }
        let header = line.split_once(':').filter(|(name, _)| name.eq_ignore_ascii_case("content-length"));
        if let Some((_, value)) = header {
            length = value.trim().parse().ok()?;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()
}
