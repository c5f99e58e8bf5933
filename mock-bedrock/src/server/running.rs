//! A server under way: its listeners, and its end.

use std::{io, net::SocketAddr, sync::Arc};

use tokio::{net::TcpListener, sync::watch};

use super::{
    Settings, Site,
    asked::Asked,
    caller::Usual,
    cloud,
    front::{Front, Phase},
    records::Delivered,
    tls::Tls,
};

/// Starts a server on the runtime that this is called on.
pub async fn start(settings: Settings) -> io::Result<Running> {
    let (bind, port) = (settings.bind, settings.port);
    let regions = settings.region_ports.clone();
    let site = Arc::new(Site::new(settings)?);
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
    tokio::spawn(cloud::keep_told(Arc::downgrade(&site)));
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
    pub(super) site: Arc<Site>,
}

impl Running {
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// What a client is given as endpoint.
    pub fn base_url(&self) -> String {
        self.url(self.addr)
    }

    fn url(&self, addr: SocketAddr) -> String {
        let scheme = if self.site.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{addr}")
    }

    /// The certificate that clients must trust, where this server speaks TLS.
    pub fn tls(&self) -> Option<&Tls> {
        self.site.tls.as_ref()
    }

    /// The invocation records from number `from` on, as far as they are delivered.
    pub fn records_since(&self, from: u64) -> Delivered {
        self.site.records_since(from)
    }

    /// What was asked so far, as IAM would have judged it.
    pub fn asked(&self) -> Vec<Asked> {
        self.site.asked().0
    }

    /// The account of callers who prove no other.
    pub fn account(&self) -> &str {
        &self.site.settings.account
    }

    /// Whether records or points of metrics are on their way into log groups and metrics.
    pub fn still_logs(&self) -> bool {
        self.site.tell_cloud();
        self.site.cloud().waits()
    }

    /// The Region of callers that name none.
    pub fn region(&self) -> &str {
        &self.site.settings.region
    }

    /// The endpoints of Regions that have a port of their own.
    pub fn region_urls(&self) -> impl Iterator<Item = (&str, String)> {
        self.region_addrs.iter().map(|(region, addr)| (&**region, self.url(*addr)))
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
