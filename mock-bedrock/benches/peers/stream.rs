//! A client of streams that does little besides noting when bytes come: one connection, one request at a time.

use std::{
    io,
    net::SocketAddr,
    time::{Duration, Instant},
};

use tokio::{io::AsyncWriteExt as _, net::TcpStream};

use super::{
    load::{body, path},
    worlds::TOKENS,
};

/// Read at once, at most.
const READ_BYTES: usize = 16 << 10;
/// For a stream to come to its end.
const PATIENCE: Duration = Duration::from_secs(60);
/// How a body in chunks ends.
const LAST_CHUNK: &[u8] = b"\r\n0\r\n\r\n";

#[derive(Debug)]
pub struct Stream {
    stream: TcpStream,
    raw: Vec<u8>,
    /// How much had been read when.
    read: Vec<(usize, Instant)>,
}

/// A stream that was read to its end.
#[derive(Debug)]
pub struct Told {
    pub sent: Instant,
    /// Each event with the time at which it was there whole.
    pub events: Vec<Event>,
}

#[derive(Debug, Clone, Copy)]
pub struct Event {
    pub at: Instant,
    pub delta: bool,
}

impl Stream {
    pub async fn connect(addr: SocketAddr) -> io::Result<Stream> {
        let stream = TcpStream::connect(addr).await?;
        stream.set_nodelay(true)?;
        Ok(Stream { stream, raw: Vec::new(), read: Vec::new() })
    }

    /// Asks for a stream, of a known number where the draws are to be known.
    pub async fn ask(&mut self, request: Option<u64>, tokens: u32) -> io::Result<Instant> {
        let keys = request.map_or(String::new(), |n| {
            format!(
                "x-richter-request: {n}\r\nx-richter-input-tokens: 1\r\nx-richter-output-tokens: {tokens}\r\n"
            )
        });
        let body = body();
        let head = format!(
            "POST {} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n{keys}content-length: {}\r\n\r\n",
            path("converse-stream"),
            body.len()
        );
        let bytes = head + &body;
        self.raw.clear();
        self.read.clear();
        let sent = Instant::now();
        self.stream.write_all(bytes.as_bytes()).await?;
        Ok(sent)
    }

    /// Waits for some bytes; false at the end of the connection.
    pub async fn more(&mut self) -> io::Result<bool> {
        loop {
            self.stream.readable().await?;
            let now = Instant::now();
            self.raw.reserve(READ_BYTES);
            match self.stream.try_read_buf(&mut self.raw) {
                Ok(0) => return Ok(false),
                Ok(_) => {
                    self.read.push((self.raw.len(), now));
                    return Ok(true);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Takes what is there and throws it away.
    pub fn drain(&mut self) {
        while let Ok(1..) = self.stream.try_read_buf(&mut self.raw) {
            self.read.push((self.raw.len(), Instant::now()));
            self.raw.clear();
        }
    }

    /// How often something was there to read.
    pub fn reads(&self) -> usize {
        self.read.len()
    }

    /// A stream from asking to its end.
    pub async fn whole(&mut self, request: Option<u64>) -> io::Result<Told> {
        let sent = self.ask(request, TOKENS).await?;
        let reading = async {
            while !self.is_whole() && self.more().await? {}
            io::Result::Ok(())
        };
        tokio::time::timeout(PATIENCE, reading).await??;
        let events = self.events().ok_or_else(|| {
            io::Error::other(format!("no event stream: {}", String::from_utf8_lossy(&self.raw)))
        })?;
        Ok(Told { sent, events })
    }

    fn is_whole(&self) -> bool {
        self.raw.ends_with(LAST_CHUNK) || self.announced().is_some_and(|length| self.raw.len() >= length)
    }

    /// How long the answer is with its head, where that says so.
    fn announced(&self) -> Option<usize> {
        let head = self.raw.windows(4).position(|part| part == b"\r\n\r\n")?;
        let text = std::str::from_utf8(&self.raw[..head]).ok()?.to_ascii_lowercase();
        let length = text.lines().find_map(|line| line.strip_prefix("content-length:"))?;
        Some(head + 4 + length.trim().parse::<usize>().ok()?)
    }

    /// The events in what was read; none where it is something else.
    fn events(&self) -> Option<Vec<Event>> {
        if !self.raw.starts_with(b"HTTP/1.1 200") {
            return None;
        }
        let head = self.raw.windows(4).position(|part| part == b"\r\n\r\n")? + 4;
        let (body, places) = match self.announced() {
            Some(_) => (self.raw[head..].to_vec(), vec![(0, head)]),
            None => unchunk(&self.raw, head)?,
        };
        let mut events = Vec::new();
        let mut from = 0;
        while from < body.len() {
            let length = u32::from_be_bytes(body.get(from..from + 4)?.try_into().ok()?) as usize;
            let frame = body.get(from..from + length)?;
            from += length;
            // Where the frame's last byte lay in what was read.
            let (start, raw) = *places.iter().rev().find(|(start, _)| *start < from)?;
            let end = raw + (from - start);
            let at = self.read.iter().find(|(read, _)| *read >= end)?.1;
            let delta = frame.windows(17).any(|part| part == b"contentBlockDelta");
            events.push(Event { at, delta });
        }
        Some(events)
    }
}

/// For each chunk where it begins in the body, and where in what was read.
type Places = Vec<(usize, usize)>;

/// The body without its chunks' heads.
fn unchunk(raw: &[u8], head: usize) -> Option<(Vec<u8>, Places)> {
    let (mut body, mut places, mut at) = (Vec::new(), Vec::new(), head);
    loop {
        let line = raw.get(at..)?.windows(2).position(|part| part == b"\r\n")?;
        let length = usize::from_str_radix(std::str::from_utf8(&raw[at..at + line]).ok()?.trim(), 16).ok()?;
        at += line + 2;
        if length == 0 {
            return Some((body, places));
        }
        places.push((body.len(), at));
        body.extend_from_slice(raw.get(at..at + length)?);
        at += length + 2;
    }
}
