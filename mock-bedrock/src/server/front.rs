//! The door: accepts connections, reads requests whole and within limits, and closes up when the server stops.

use std::{
    convert::Infallible,
    io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header};
use http_body::Body as _;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::{mpsc, watch},
};

use super::{
    BODY_BYTES_MAX, HEADER_BYTES_MAX, HEADERS_MAX, Site,
    caller::{Usual, region_of_host},
    h2,
    line::{Breakable, Leaving, Line, Orders},
    reply::{Cut, Layer, Out, WireError},
    tls::{Certificate, Tls},
};
use tokio_rustls::{LazyConfigAcceptor, StartHandshake, rustls::server::Acceptor, server::TlsStream};

use crate::{
    exception::{Exception, ExceptionKind},
    fault::HandshakeFault,
};

/// Where the server is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    Open,
    /// No new requests; open answers may end.
    Draining,
    Closed,
}

/// How long to wait when the system has no more file descriptors.
const BREATH: Duration = Duration::from_millis(20);
/// How long to wait, after the last answer, for the other side to close.
const LINGER: Duration = Duration::from_secs(1);
/// A body above the limit is read up to this and thrown away, so that a client that is still sending hears why.
const DISCARD_BYTES_MAX: usize = 4 * BODY_BYTES_MAX;

/// One listener's settings.
#[derive(Debug)]
pub(super) struct Front {
    site: Arc<Site>,
    usual: Arc<Usual>,
    phase: watch::Receiver<Phase>,
    open: Arc<AtomicUsize>,
}

impl Front {
    pub fn new(site: Arc<Site>, usual: Usual, phase: watch::Receiver<Phase>) -> Front {
        let open = site.connections.clone();
        Front { site, usual: Arc::new(usual), phase, open }
    }

    /// Accepts until told to stop, then waits for its connections.
    pub async fn serve(mut self, listener: TcpListener) {
        // Nothing is ever sent: the channel is closed when the last connection has dropped its end.
        let (alive, mut all_gone) = mpsc::channel::<Infallible>(1);
        loop {
            tokio::select! {
                biased;
                _ = self.phase.changed() => break,
                accepted = listener.accept() => match accepted {
                    Ok((stream, _)) => self.admit(stream, alive.clone()),
                    Err(_) => tokio::time::sleep(BREATH).await,
                },
            }
        }
        drop((listener, alive));
        all_gone.recv().await;
    }

    fn admit(&self, stream: TcpStream, alive: mpsc::Sender<Infallible>) {
        let most = self.site.settings.limits.connections;
        let seat = Seat::take(&self.open);
        if self.open.load(Ordering::Relaxed) > most {
            tokio::spawn(async move {
                turn_away(stream).await;
                drop((seat, alive));
            });
            return;
        }
        let connection =
            Connection { site: self.site.clone(), usual: self.usual.clone(), phase: self.phase.clone() };
        tokio::spawn(async move {
            connection.serve(stream).await;
            drop((seat, alive));
        });
    }
}

/// One connection's place among those that may be open.
#[derive(Debug)]
pub(super) struct Seat(Arc<AtomicUsize>);

impl Seat {
    pub fn take(open: &Arc<AtomicUsize>) -> Seat {
        open.fetch_add(1, Ordering::Relaxed);
        Seat(open.clone())
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Says why before closing: a bare reset would look like a network fault.
async fn turn_away(stream: TcpStream) {
    const TEXT: &str = "HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\n\
        x-amzn-errortype: ServiceUnavailableException:http://internal.amazon.com/coral/com.amazon.bedrock/\r\n\
        content-length: 68\r\nconnection: close\r\n\r\n\
        {\"message\":\"Too many connections, please wait before trying again.\"}";
    let mut rest = TEXT.as_bytes();
    while !rest.is_empty() && stream.writable().await.is_ok() {
        match stream.try_write(rest) {
            Ok(written) => rest = &rest[written..],
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(_) => return,
        }
    }
}

/// What one connection needs.
#[derive(Debug)]
pub(super) struct Connection {
    pub site: Arc<Site>,
    pub usual: Arc<Usual>,
    pub phase: watch::Receiver<Phase>,
}

impl Connection {
    async fn serve(self, stream: TcpStream) {
        // Answers are written in pieces that must not wait for an acknowledgement.
        let _ = stream.set_nodelay(true);
        let mut line = Line::new(stream, self.site.clone());
        let orders = line.orders.clone();
        // What few connections need, or all for a moment, is kept out of the size of each.
        match self.site.tls.clone() {
            None => match Box::pin(self.second(&mut line)).await {
                Some(true) => Box::pin(self.speak_h2(line, orders)).await,
                Some(false) => self.speak(line, orders).await,
                None => {}
            },
            Some(tls) => Box::pin(self.speak_tls(line, orders, tls)).await,
        }
    }

    async fn speak_tls(self, line: Line, orders: Arc<Orders>, tls: Tls) {
        let within = self.site.settings.limits.body_within;
        let shaking = Box::pin(shake_hands(&self.site, &self.usual, &tls, line));
        // A client that does not trust the certificate says so to its own user.
        let Ok(Some(stream)) = tokio::time::timeout(within, shaking).await else { return };
        if stream.get_ref().1.alpn_protocol() == Some(h2::ALPN) {
            Box::pin(self.speak_h2(stream, orders)).await;
        } else {
            Box::pin(self.speak(stream, orders)).await;
        }
    }

    /// Whether HTTP/2 is what is spoken; none when nothing is, for too long or until the server stops.
    async fn second(&self, line: &mut Line) -> Option<bool> {
        let mut phase = self.phase.clone();
        tokio::select! {
            biased;
            _ = phase.changed() => None,
            begins = tokio::time::timeout(self.site.settings.limits.headers_within, line.begins_with(h2::PREFACE)) => {
                begins.ok()?.ok()
            }
        }
    }

    async fn speak_h2(self, io: impl AsyncRead + AsyncWrite + Unpin, orders: Arc<Orders>) {
        let Connection { site, usual, phase } = self;
        let idle_max = site.settings.limits.headers_within;
        let told = orders.clone();
        let answer = move |request| {
            let (site, usual, orders) = (site.clone(), usual.clone(), told.clone());
            async move { respond(&site, &usual, request, &orders).await }
        };
        h2::speak(io, orders, phase, idle_max, answer).await;
    }

    /// HTTP/1 until either side ends it.
    pub async fn speak(self, mut io: impl AsyncRead + AsyncWrite + Unpin, orders: Arc<Orders>) {
        let Connection { site, usual, mut phase } = self;
        let limits = site.settings.limits;
        let told = orders.clone();
        let respond = service_fn(move |request| {
            let (site, usual, orders) = (site.clone(), usual.clone(), told.clone());
            // In a box, it is gone while a stream is told; in place, each connection would keep room for it.
            Box::pin(async move { respond(&site, &usual, request, &orders).await })
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(limits.headers_within)
            .max_buf_size(HEADER_BYTES_MAX)
            .max_headers(HEADERS_MAX)
            .serve_connection(TokioIo::new(&mut io), respond);
        let mut connection = Box::pin(connection);
        loop {
            tokio::select! {
                biased;
                changed = phase.changed() => match (changed, *phase.borrow()) {
                    (Ok(()), Phase::Open) => {}
                    (Ok(()), Phase::Draining) => connection.as_mut().graceful_shutdown(),
                    _ => return,
                },
                // A client that breaks off, or speaks no HTTP, is nobody's error but its own.
                _ = connection.as_mut() => break,
            }
        }
        drop(connection);
        if !orders.breaks() {
            tokio::select! {
                _ = phase.wait_for(|phase| *phase != Phase::Open) => {}
                () = linger(&mut io) => {}
            }
        }
    }
}

/// Throws away what the other side still sends: closing over unread bytes resets the connection, and the reset can
/// overtake the answer that says what was wrong.
async fn linger(io: &mut (impl AsyncRead + Unpin)) {
    let rest = io.take(DISCARD_BYTES_MAX as u64);
    let _ = tokio::time::timeout(LINGER, tokio::io::copy(&mut { rest }, &mut tokio::io::sink())).await;
}

/// The handshake, as faults of the Region's endpoint want it. `None` where it fails.
async fn shake_hands(site: &Site, usual: &Usual, tls: &Tls, line: Line) -> Option<TlsStream<Line>> {
    let start = LazyConfigAcceptor::new(Acceptor::default(), line).await.ok()?;
    let (fault, moment) = {
        let hello = start.client_hello();
        let asked = hello.server_name().and_then(region_of_host).filter(|_| !usual.only);
        site.handshake(asked.unwrap_or(&usual.region))
    };
    let certificate = match fault {
        Some(HandshakeFault::Alert(number)) => {
            let StartHandshake { mut io, .. } = start;
            // A fatal alert in a record of its own, as TLS 1.2 and 1.3 both send it at this point.
            io.write_all(&[0x15, 0x03, 0x03, 0x00, 0x02, 0x02, number]).await.ok()?;
            io.shutdown().await.ok()?;
            return None;
        }
        Some(HandshakeFault::Slow(longer)) => {
            site.pacer.until(moment.instant_of(moment.now.saturating_add(longer))).await;
            Certificate::Good
        }
        Some(HandshakeFault::Expired) => Certificate::Expired,
        Some(HandshakeFault::WrongName) => Certificate::WrongName,
        Some(HandshakeFault::UnknownAuthority) => Certificate::UnknownAuthority,
        None => Certificate::Good,
    };
    start.into_stream(tls.config(certificate)).await.ok()
}

async fn respond(
    site: &Arc<Site>,
    usual: &Usual,
    mut request: Request<Incoming>,
    orders: &Arc<Orders>,
) -> Result<Response<Breakable>, Cut> {
    request.extensions_mut().insert(orders.age(site.clock.speed()));
    let answered = match read(site, request).await {
        Ok(request) => site.answer(request, usual).await,
        Err(error) => {
            let mut response = error.reply(&site.request_id());
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
            Ok(response.map(Out::whole))
        }
    };
    match &answered {
        Ok(response) => orders.leave(response.extensions().get::<Leaving>().copied()),
        Err(Cut::Reset) => orders.break_off(),
        Err(Cut::Close) => {}
    }
    answered.map(|response| response.map(|body| Breakable { body, orders: orders.clone() }))
}

/// Reads the body, up to the limit and within the time for it.
async fn read(site: &Site, request: Request<Incoming>) -> Result<Request<Bytes>, WireError> {
    let (head, body) = request.into_parts();
    if body.is_end_stream() {
        return Ok(Request::from_parts(head, Bytes::new()));
    }
    let limit = site.settings.limits.body_within;
    let reading = tokio::time::timeout(limit, whole(body));
    match reading.await {
        Ok(Ok(body)) => Ok(Request::from_parts(head, body)),
        Ok(Err(error)) => Err(error),
        Err(_) => {
            let text = format!("The request body did not arrive within {} seconds.", limit.as_secs());
            Err(WireError::new(Layer::Front, StatusCode::REQUEST_TIMEOUT, "RequestTimeoutException", text))
        }
    }
}

async fn whole(mut body: Incoming) -> Result<Bytes, WireError> {
    let announced = body.size_hint().lower();
    if announced > BODY_BYTES_MAX as u64 {
        if announced <= DISCARD_BYTES_MAX as u64 {
            while let Some(Ok(_)) = body.frame().await {}
        }
        return Err(too_large());
    }
    match Limited::new(body, BODY_BYTES_MAX).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(too_large()),
        Err(_) => {
            let text = "The request body could not be read.";
            Err(WireError::new(Layer::Front, StatusCode::BAD_REQUEST, "SerializationException", text))
        }
    }
}

fn too_large() -> WireError {
    let text = format!(
        "1 validation error detected: Value at 'body' failed to satisfy constraint: Member must have length less than \
         or equal to {BODY_BYTES_MAX}"
    );
    WireError::from(&Exception::new(ExceptionKind::ValidationException, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seats_are_counted_while_they_are_taken() {
        let open = Arc::new(AtomicUsize::new(0));
        let seats = [Seat::take(&open), Seat::take(&open)];
        assert_eq!(open.load(Ordering::Relaxed), 2);
        drop(seats);
        assert_eq!(open.load(Ordering::Relaxed), 0);
    }
}
