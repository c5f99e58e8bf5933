//! A connection that does what faults say: it is closed with a reset instead of an orderly end, holds the rest of a
//! head back, or lets an answer through drop by drop.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::{Duration, Instant},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf},
    net::TcpStream,
    sync::Notify,
};

use super::{
    Site,
    clock::instant,
    pacer::is_due,
    reply::{Cut, Out},
};
use crate::{Nanos, engine::Line as Age};

/// Bytes of a head that come before the rest of it: HTTP's version, and nothing that could be read.
const HEAD_BEGINS: usize = 9;
/// How often a second drops fall, at most.
const DROPS_PER_S: f64 = 50.0;

/// How an answer leaves, where it is not at once.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Leaving {
    /// When the rest of the head may follow its first bytes.
    pub rest_at: Option<Instant>,
    pub bytes_per_s: f64,
}

/// What those who answer tell the connection, and what it knows of itself.
#[derive(Debug)]
pub struct Orders {
    begun: Instant,
    breaks: AtomicBool,
    /// Wakes who waits for it to break.
    broken: Notify,
    /// Wakes who waits for the other side to send no more.
    done: Notify,
    slow: AtomicBool,
    inside: Mutex<Inside>,
}

#[derive(Debug, Default)]
struct Inside {
    answered: Option<Instant>,
    leaving: Option<Leaving>,
    /// Bytes of the answer that have left.
    left: usize,
    /// When the next drop may fall.
    next: Option<Instant>,
}

impl Orders {
    pub fn new() -> Orders {
        Orders {
            begun: instant(),
            breaks: AtomicBool::new(false),
            broken: Notify::new(),
            done: Notify::new(),
            slow: AtomicBool::new(false),
            inside: Mutex::default(),
        }
    }

    /// The connection is reset when it is dropped.
    pub fn break_off(&self) {
        self.breaks.store(true, Ordering::Relaxed);
        self.broken.notify_one();
    }

    pub fn breaks(&self) -> bool {
        self.breaks.load(Ordering::Relaxed)
    }

    /// Ready once it is to break.
    pub async fn broken_off(&self) {
        self.broken.notified().await;
    }

    fn said_all(&self) {
        self.done.notify_one();
    }

    /// Ready once the other side has closed its half.
    pub async fn all_said(&self) {
        self.done.notified().await;
    }

    /// How the next answer leaves.
    pub fn leave(&self, leaving: Option<Leaving>) {
        self.slow.store(leaving.is_some(), Ordering::Relaxed);
        if leaving.is_some() {
            let mut inside = self.lock();
            (inside.leaving, inside.left, inside.next) = (leaving, 0, None);
        }
    }

    fn answered(&self) {
        self.lock().answered = Some(instant());
    }

    /// Age and idleness in the engine's time.
    pub fn age(&self, speed: f64) -> Age {
        let now = instant();
        let since = |at: Instant| (now.saturating_duration_since(at).as_nanos() as f64 * speed) as Nanos;
        Age { age: since(self.begun), idle: self.lock().answered.map(since) }
    }

    fn lock(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many bytes may leave now, or when the next may.
    fn let_through(&self) -> Result<usize, Instant> {
        let inside = self.lock();
        let Some(leaving) = inside.leaving else { return Ok(usize::MAX) };
        let rest_at = leaving.rest_at.filter(|at| !is_due(*at));
        if let Some(at) = rest_at {
            return if inside.left < HEAD_BEGINS { Ok(HEAD_BEGINS - inside.left) } else { Err(at) };
        }
        match inside.next.filter(|at| !is_due(*at)) {
            Some(at) => Err(at),
            None if leaving.bytes_per_s.is_finite() => {
                Ok((leaving.bytes_per_s / DROPS_PER_S).max(1.0) as usize)
            }
            None => Ok(usize::MAX),
        }
    }

    fn passed(&self, bytes: usize) {
        let mut inside = self.lock();
        inside.left = inside.left.saturating_add(bytes);
        if let Some(leaving) = inside.leaving.filter(|leaving| leaving.bytes_per_s.is_finite()) {
            let takes = Duration::try_from_secs_f64(bytes as f64 / leaving.bytes_per_s);
            // Drops that could not fall in time catch up with nothing.
            inside.next = instant().checked_add(takes.unwrap_or(Duration::MAX));
        }
    }
}

/// A TCP stream under orders.
#[derive(Debug)]
pub struct Line {
    stream: TcpStream,
    site: Arc<Site>,
    /// What was read to see what is spoken, and is to be read again.
    ahead: Bytes,
    pub orders: Arc<Orders>,
}

impl Line {
    pub fn new(stream: TcpStream, site: Arc<Site>) -> Line {
        Line { stream, site, ahead: Bytes::new(), orders: Arc::new(Orders::new()) }
    }

    /// Whether the other side begins with these bytes; they stay to be read.
    pub async fn begins_with(&mut self, expected: &[u8]) -> io::Result<bool> {
        let mut seen = Vec::with_capacity(expected.len());
        while seen.len() < expected.len() && expected.starts_with(&seen) {
            let rest = (expected.len() - seen.len()) as u64;
            if (&mut self.stream).take(rest).read_buf(&mut seen).await? == 0 {
                break;
            }
        }
        let begins = seen == expected;
        self.ahead = seen.into();
        Ok(begins)
    }

    fn is_slow(&self) -> bool {
        self.orders.slow.load(Ordering::Relaxed)
    }

    fn write_slowly(&mut self, cx: &mut Context<'_>, from: &[u8]) -> Poll<io::Result<usize>> {
        match self.orders.let_through() {
            Err(at) => {
                self.site.pacer.wake_at(at, cx.waker().clone());
                Poll::Pending
            }
            Ok(most) => {
                let part = &from[..most.min(from.len())];
                let written = Pin::new(&mut self.stream).poll_write(cx, part);
                if let Poll::Ready(Ok(bytes)) = written {
                    self.orders.passed(bytes);
                }
                written
            }
        }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        if self.orders.breaks() {
            // Where that fails the connection is closed in order, which is the next best break.
            let _ = self.stream.set_zero_linger();
        }
    }
}

impl AsyncRead for Line {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.ahead.is_empty() {
            let fits = self.ahead.len().min(into.remaining());
            into.put_slice(&self.ahead.split_to(fits));
            return Poll::Ready(Ok(()));
        }
        let before = into.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, into);
        if matches!(read, Poll::Ready(Ok(()))) && into.filled().len() == before && into.remaining() > 0 {
            self.orders.said_all();
        }
        read
    }
}

impl AsyncWrite for Line {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, from: &[u8]) -> Poll<io::Result<usize>> {
        if self.is_slow() {
            return self.write_slowly(cx, from);
        }
        Pin::new(&mut self.stream).poll_write(cx, from)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        from: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.is_slow() {
            let first = from.iter().find(|slice| !slice.is_empty());
            return first.map_or(Poll::Ready(Ok(0)), |first| self.write_slowly(cx, first));
        }
        Pin::new(&mut self.stream).poll_write_vectored(cx, from)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // An orderly end first would spoil the reset.
        if self.orders.breaks() { Poll::Ready(Ok(())) } else { Pin::new(&mut self.stream).poll_shutdown(cx) }
    }
}

/// A body whose failure breaks its connection, and whose end begins the connection's idleness.
#[derive(Debug)]
pub struct Breakable {
    pub body: Out,
    pub orders: Arc<Orders>,
}

impl Body for Breakable {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        if matches!(polled, Poll::Ready(Some(Err(Cut::Reset)))) {
            self.orders.break_off();
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Breakable {
    fn drop(&mut self) {
        self.orders.answered();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rest_of_a_head_waits_for_its_time_and_drops_for_theirs() {
        let orders = Orders::new();
        assert_eq!(orders.let_through(), Ok(usize::MAX));
        let later = instant() + Duration::from_secs(3600);
        orders.leave(Some(Leaving { rest_at: Some(later), bytes_per_s: f64::INFINITY }));
        assert_eq!(orders.let_through(), Ok(HEAD_BEGINS));
        orders.passed(4);
        assert_eq!(orders.let_through(), Ok(HEAD_BEGINS - 4));
        orders.passed(HEAD_BEGINS - 4);
        assert_eq!(orders.let_through(), Err(later));
        orders.leave(Some(Leaving { rest_at: None, bytes_per_s: 100.0 }));
        assert_eq!(orders.let_through(), Ok(2));
        orders.passed(2);
        assert!(orders.let_through().is_err_and(|at| at <= instant() + Duration::from_millis(20)));
    }

    #[test]
    fn a_connection_is_idle_since_its_last_answer() {
        let orders = Orders::new();
        assert_eq!(orders.age(1.0).idle, None);
        orders.answered();
        let Age { age, idle } = orders.age(1.0);
        assert!(idle.is_some_and(|idle| idle <= age));
    }
}
