//! Connections. Those to an address of this machine without TLS are plain HTTP/1.1, kept here after use; all others are the SDK's
//! own, with its TLS and the proxy that the environment names.

use std::{
    collections::BTreeMap,
    io,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, ready},
    time::Duration,
};

use aws_smithy_runtime_api::client::{
    connection::{CaptureSmithyConnection, ConnectionMetadata},
    http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector},
    orchestrator::{HttpRequest, HttpResponse},
    result::ConnectorError,
};
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use http::{HeaderValue, Request, Uri, header, uri::Authority};
use http_body::{Body, Frame, SizeHint};
use hyper::{
    body::Incoming,
    client::conn::http1::{SendRequest, handshake},
};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpStream, time::timeout};

use crate::live::bedrock::loopback::{self, Trust};

/// Connections that nobody uses are kept up to this many for each address; more are closed.
const IDLE_MAX: usize = 4_096;

/// A connection that is still busy with its last request after this is given up.
const READY_WITHIN: Duration = Duration::from_millis(10);

/// No connection could be made.
#[derive(Debug, thiserror::Error)]
#[error("cannot connect to {address}: {source}")]
pub struct NotConnected {
    /// Where to.
    address: String,
    source: io::Error,
}

/// What the calls of the lean client leave by. It is for one runtime: connections belong to the one that they were made on.
pub fn connector(trust: &Trust, connect: Option<Duration>) -> SharedHttpConnector {
    let (near, far) = loopback::connectors(trust, connect);
    SharedHttpConnector::new(ByAddress { plain: Plain { connect, shelf: Arc::default() }, near, far })
}

#[derive(Debug)]
struct ByAddress {
    plain: Plain,
    near: SharedHttpConnector,
    far: SharedHttpConnector,
}

impl HttpConnector for ByAddress {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        match (loopback::is_near(request.uri()), request.uri().starts_with("http://")) {
            (true, true) => self.plain.call(request),
            (true, false) => self.near.call(request),
            (false, _) => self.far.call(request),
        }
    }
}

/// Makes connections and keeps those that are idle.
#[derive(Debug, Clone)]
struct Plain {
    connect: Option<Duration>,
    shelf: Arc<Shelf>,
}

type Link = SendRequest<SdkBody>;

#[derive(Debug, Default)]
struct Shelf(Mutex<BTreeMap<String, Vec<Link>>>);

impl Shelf {
    /// The one that was used last: the others may then grow old, and are fewer than they were at the peak.
    fn take(&self, address: &str) -> Option<Link> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get_mut(address)?.pop()
    }

    fn put(&self, address: &str, link: Link) {
        let mut shelf = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match shelf.get_mut(address) {
            Some(links) => {
                if links.len() >= IDLE_MAX {
                    links.retain(|link| !link.is_closed());
                }
                if links.len() < IDLE_MAX {
                    links.push(link);
                }
            }
            None => {
                shelf.insert(address.to_owned(), vec![link]);
            }
        }
    }
}

impl HttpConnector for Plain {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let plain = self.clone();
        HttpConnectorFuture::new(async move {
            let capture = request.extension::<CaptureSmithyConnection>().cloned();
            let request = request.try_into_http1x().map_err(|error| ConnectorError::user(error.into()))?;
            plain.send(request, capture).await
        })
    }
}

impl Plain {
    async fn send(
        &self,
        mut request: Request<SdkBody>,
        capture: Option<CaptureSmithyConnection>,
    ) -> Result<HttpResponse, ConnectorError> {
        let authority = to_origin(&mut request).map_err(ConnectorError::user)?;
        let address = address(&authority);
        loop {
            let (mut link, new) = self.link(&address).await?;
            if let Some(capture) = &capture {
                capture.set_connection_retriever(metadata);
            }
            match link.try_send_request(request).await {
                Ok(response) => {
                    let home = (Arc::clone(&self.shelf), address);
                    let response = response.map(|body| Lent { body, link: Some(link), home }.into_body());
                    return response.try_into().map_err(|error: aws_smithy_runtime_api::http::HttpError| {
                        ConnectorError::other(error.into(), None)
                    });
                }
                // It was closed while it lay idle, and nothing of the request has left.
                Err(mut failed) if !new && failed.message().is_some() => {
                    request = failed.take_message().expect("it was just seen");
                }
                Err(failed) => return Err(ConnectorError::io(failed.into_error().into())),
            }
        }
    }

    /// One that can be used, and whether it is new.
    async fn link(&self, address: &str) -> Result<(Link, bool), ConnectorError> {
        while let Some(mut link) = self.shelf.take(address) {
            if link.is_ready() || matches!(timeout(READY_WITHIN, link.ready()).await, Ok(Ok(()))) {
                return Ok((link, false));
            }
        }
        let wrong = |source| NotConnected { address: address.to_owned(), source };
        let connecting = TcpStream::connect(address);
        let stream = match self.connect {
            None => connecting.await,
            Some(limit) => match timeout(limit, connecting).await {
                Ok(connected) => connected,
                Err(late) => return Err(ConnectorError::timeout(late.into())),
            },
        };
        let stream = stream.map_err(|error| ConnectorError::io(wrong(error).into()))?;
        stream.set_nodelay(true).map_err(|error| ConnectorError::io(error.into()))?;
        let (link, connection) =
            handshake(TokioIo::new(stream)).await.map_err(|error| ConnectorError::io(error.into()))?;
        tokio::spawn(connection);
        Ok((link, true))
    }
}

/// Makes it a request to the server itself, and gives the server.
fn to_origin(
    request: &mut Request<SdkBody>,
) -> Result<Authority, aws_smithy_runtime_api::box_error::BoxError> {
    let mut parts = std::mem::take(request.uri_mut()).into_parts();
    let authority = parts.authority.take().ok_or("the address has no host")?;
    parts.scheme = None;
    *request.uri_mut() = Uri::from_parts(parts)?;
    // As it is signed: without the port that is usual.
    let usual = authority.port_u16() == Some(80);
    let host = HeaderValue::from_str(if usual { authority.host() } else { authority.as_str() })?;
    request.headers_mut().entry(header::HOST).or_insert(host);
    Ok(authority)
}

/// With the port that it has if it names none.
fn address(authority: &Authority) -> String {
    let host = authority.host();
    format!("{host}:{}", authority.port_u16().unwrap_or(80))
}

fn metadata() -> Option<ConnectionMetadata> {
    Some(ConnectionMetadata::builder().proxied(false).poison_fn(|| {}).build())
}

/// A body whose connection goes back when it has been read to its end. Dropped before that, it closes the connection.
#[derive(Debug)]
struct Lent {
    body: Incoming,
    link: Option<Link>,
    home: (Arc<Shelf>, String),
}

impl Lent {
    fn into_body(mut self) -> SdkBody {
        self.give_back();
        SdkBody::from_body_1_x(self)
    }

    fn give_back(&mut self) {
        if self.body.is_end_stream()
            && let Some(link) = self.link.take()
        {
            self.home.0.put(&self.home.1, link);
        }
    }
}

impl Body for Lent {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        match &frame {
            None => {
                if let Some(link) = self.link.take() {
                    self.home.0.put(&self.home.1, link);
                }
            }
            Some(Ok(_)) => self.give_back(),
            Some(Err(_)) => self.link = None,
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
