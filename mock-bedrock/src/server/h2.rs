//! HTTP/2, which the AWS SDK for JavaScript speaks to the runtime unless told otherwise: over TLS by negotiation, over
//! plain TCP without asking first.

use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame, SizeHint};
use hyper::{body::Incoming, server::conn::http2, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::watch,
};

use super::{
    HEADER_BYTES_MAX,
    front::{Phase, Seat},
    line::{Breakable, Orders},
    reply::Cut,
};

/// How every connection begins. No method of HTTP/1 has this name.
pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// What servers and clients call it when they negotiate.
pub const ALPN: &[u8] = b"h2";
/// Most requests at once on one connection; load balancers of AWS allow as many.
const STREAMS_MAX: u32 = 128;
/// For what was written to leave before a connection breaks. Unlike in HTTP/1 another task writes it.
const GRACE: Duration = Duration::from_millis(5);

/// Serves a connection until it ends, breaks, stays idle for too long, or the server stops.
pub async fn speak<F>(
    io: impl AsyncRead + AsyncWrite + Unpin,
    orders: Arc<Orders>,
    mut phase: watch::Receiver<Phase>,
    idle_max: Duration,
    respond: impl Fn(Request<Incoming>) -> F,
) where
    F: Future<Output = Result<Response<Breakable>, Cut>> + Send + 'static,
{
    let open = Arc::new(AtomicUsize::new(0));
    let asked = Arc::new(AtomicUsize::new(0));
    let service = service_fn(|request| {
        asked.fetch_add(1, Ordering::Relaxed);
        let seat = Seat::take(&open);
        let answer = respond(request);
        async move { answer.await.map(|response| response.map(|body| Seated { body, _seat: seat })) }
    });
    let connection = http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS_MAX)
        .max_header_list_size(HEADER_BYTES_MAX as u32)
        .serve_connection(TokioIo::new(io), service);
    tokio::pin!(connection);
    let mut asked_before = usize::MAX;
    // Once the other side asks for nothing more, there is nothing to wait for but what it is still told.
    let mut look_again = idle_max;
    loop {
        tokio::select! {
            biased;
            changed = phase.changed() => match (changed, *phase.borrow()) {
                (Ok(()), Phase::Open) => {}
                (Ok(()), Phase::Draining) => connection.as_mut().graceful_shutdown(),
                _ => return,
            },
            () = orders.broken_off() => {
                let _ = tokio::time::timeout(GRACE, connection.as_mut()).await;
                return;
            }
            _ = connection.as_mut() => return,
            () = orders.all_said() => look_again = GRACE,
            () = tokio::time::sleep(look_again) => {
                let asked = asked.load(Ordering::Relaxed);
                if open.load(Ordering::Relaxed) == 0 && asked == asked_before {
                    return;
                }
                asked_before = asked;
            }
        }
    }
}

/// An answer's body with its place among the open ones.
#[derive(Debug)]
struct Seated {
    body: Breakable,
    _seat: Seat,
}

impl Body for Seated {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
