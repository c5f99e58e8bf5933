//! The engine over HTTP: a Bedrock that any client in any language can be pointed at.
//!
//! The life of a request: `front` accepts the connection and reads the request, within limits. [`caller`] says who asks
//! and of which Region, [`path`] what for. What the service decides is decided by the pure engine, which hears the time
//! from [`clock`]; this shell only turns its answer into bytes. Errors get their form in [`reply`].
//!
//! Nothing here reads a file or opens a connection outwards.

pub mod auth;
pub mod caller;
pub mod clock;
pub mod control;
mod front;
pub mod path;
pub mod reply;
pub mod tls;

use std::{
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response};
use tokio::{net::TcpListener, sync::watch};

use self::{
    caller::{Caller, Usual},
    clock::{Clock, StartBy},
    front::{Front, Phase},
    path::Place,
    reply::WireError,
};
use crate::{
    luck::{Draws, Luck, Stream},
    record::uuid,
};

/// Most bytes of a request's body; what Bedrock's own model of InvokeModel allows.
pub const BODY_BYTES_MAX: usize = 25_000_000;
/// Most bytes of a request's line and headers.
pub const HEADER_BYTES_MAX: usize = 64 << 10;
/// Most headers of a request.
pub const HEADERS_MAX: usize = 100;

/// How a server runs.
#[derive(Debug, Clone)]
pub struct Settings {
    pub bind: IpAddr,
    /// 0 lets the system choose.
    pub port: u16,
    /// Regions with a port of their own besides, each on the next port after `port`, or on any where that is 0.
    pub region_ports: Vec<String>,
    /// The Region of callers that name none.
    pub region: String,
    pub account: String,
    /// Seconds of the engine in a real one.
    pub speed: f64,
    pub start: StartBy,
    pub luck: Luck,
    pub limits: Limits,
}

/// What a server takes from its callers, at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    pub connections: usize,
    /// For a request's line and headers to arrive, the idle time of a connection included.
    pub headers_within: Duration,
    /// For a request's body to arrive.
    pub body_within: Duration,
    /// For open answers to end when the server stops.
    pub drain_within: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            connections: 20_000,
            headers_within: Duration::from_secs(350),
            body_within: Duration::from_secs(60),
            drain_within: Duration::from_secs(10),
        }
    }
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            bind: IpAddr::V4(Ipv4Addr::LOCALHOST),
            port: 0,
            region_ports: Vec::new(),
            region: "us-east-1".to_owned(),
            account: "111122223333".to_owned(),
            speed: 1.0,
            start: StartBy::Start,
            luck: Luck::new(42, 0),
            limits: Limits::default(),
        }
    }
}

/// Everything that requests share.
#[derive(Debug)]
pub(crate) struct Site {
    pub settings: Settings,
    pub clock: Clock,
    ids: Draws,
    asked: AtomicU64,
    pub connections: Arc<AtomicUsize>,
}

impl Site {
    fn new(settings: Settings) -> Site {
        Site {
            clock: Clock::new(settings.start, settings.speed),
            ids: settings.luck.stream(Stream::Routing),
            asked: AtomicU64::new(0),
            connections: Arc::default(),
            settings,
        }
    }

    /// A request id for an answer that the engine had no part in.
    pub fn request_id(&self) -> String {
        uuid(self.ids, self.asked.fetch_add(1, Ordering::Relaxed), u32::MAX)
    }

    fn usual(&self) -> Usual {
        Usual { region: self.settings.region.clone(), account: self.settings.account.clone(), only: false }
    }

    /// Answers one request that was read whole.
    pub async fn answer(&self, request: Request<Bytes>, usual: &Usual) -> Response<Bytes> {
        let _caller = Caller::of(&request, usual);
        match Place::of(request.method(), request.uri().path()) {
            Place::Runtime(..) | Place::Admin | Place::Elsewhere => {
                WireError::unknown_operation().reply(&self.request_id())
            }
        }
    }
}

/// Starts a server on the runtime that this is called on.
pub async fn start(settings: Settings) -> io::Result<Running> {
    let (bind, port) = (settings.bind, settings.port);
    let regions = settings.region_ports.clone();
    let site = Arc::new(Site::new(settings));
    let (phase, watched) = watch::channel(Phase::Open);
    let all = TcpListener::bind((bind, port)).await?;
    let addr = all.local_addr()?;
    let mut listeners = vec![(all, site.usual())];
    let mut region_addrs = Vec::new();
    for (place, region) in (1..).zip(regions) {
        let port = if port == 0 { 0 } else { port.saturating_add(place) };
        let listener = TcpListener::bind((bind, port)).await?;
        region_addrs.push((region.clone(), listener.local_addr()?));
        listeners.push((listener, Usual { region, only: true, ..site.usual() }));
    }
    let fronts = listeners.into_iter().map(|(listener, usual)| {
        let front = Front::new(site.clone(), usual, watched.clone());
        tokio::spawn(front.serve(listener))
    });
    Ok(Running { fronts: fronts.collect(), addr, region_addrs, phase, site })
}

/// A server under way. Dropping it stops it at once; [`Running::stop`] lets open answers end.
#[derive(Debug)]
pub struct Running {
    addr: SocketAddr,
    region_addrs: Vec<(String, SocketAddr)>,
    phase: watch::Sender<Phase>,
    fronts: Vec<tokio::task::JoinHandle<()>>,
    site: Arc<Site>,
}

impl Running {
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// What a client is given as endpoint.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// The endpoints of Regions that have a port of their own.
    pub fn region_urls(&self) -> impl Iterator<Item = (&str, String)> {
        self.region_addrs.iter().map(|(region, addr)| (&**region, format!("http://{addr}")))
    }

    /// Lets the engine's time run, where it waits for a signal.
    pub fn begin(&self) {
        self.site.clock.begin();
    }

    /// Takes no more connections, lets open answers end within the limit, then closes what is left.
    pub async fn stop(mut self) {
        self.phase.send_replace(Phase::Draining);
        let fronts = std::mem::take(&mut self.fronts);
        let ended = async {
            for front in fronts {
                // A front ends by itself and is never aborted.
                let _ = front.await;
            }
        };
        tokio::pin!(ended);
        if tokio::time::timeout(self.site.settings.limits.drain_within, &mut ended).await.is_err() {
            self.phase.send_replace(Phase::Closed);
            ended.await;
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.phase.send_replace(Phase::Closed);
    }
}

#[cfg(test)]
mod tests;
