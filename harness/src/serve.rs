//! `richter serve`: the runs in a folder as web pages on this machine, and a page that renews itself while a run is going
//! on. Everything is read from the files that runs write: run files when they are done, journals while they last. So
//! it needs nothing of the process that runs, and can be started and stopped beside it.
//!
//! Only this machine is listened to, and only for names of this machine, so that no page of somebody else's can read along.

mod answer;
mod live;
mod route;
mod runs;

use std::{
    convert::Infallible,
    io,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    sync::Arc,
};

use hyper::{Request, Response, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};

use self::{
    answer::Body,
    live::Lives,
    route::Route,
    runs::{Kind, Runs},
};

/// Connections at once; a browser holds half a dozen, and each page that renews itself one.
const CONNECTIONS_MAX: usize = 128;

/// What is served.
#[derive(Debug)]
struct Site {
    runs: Runs,
    lives: Lives,
}

/// A server that listens already.
#[derive(Debug)]
pub struct Serving {
    site: Arc<Site>,
    listener: TcpListener,
}

impl Serving {
    /// Listens on this machine's loopback; port 0 takes any that is free.
    pub async fn bind(folder: PathBuf, port: u16) -> io::Result<Serving> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        Ok(Serving { site: Arc::new(Site { runs: Runs::new(folder), lives: Lives::default() }), listener })
    }

    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves for ever; whoever drops the future ends it.
    pub async fn serve(self) -> Infallible {
        let seats = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        loop {
            let seat = Arc::clone(&seats).acquire_owned().await;
            let seat = seat.expect("the seats are never closed");
            match self.listener.accept().await {
                Ok((stream, _)) => {
                    let site = Arc::clone(&self.site);
                    tokio::spawn(async move {
                        connection(site, stream).await;
                        drop(seat);
                    });
                }
                // Too many open files, most likely: others will end.
                Err(_) => tokio::time::sleep(std::time::Duration::from_millis(50)).await,
            }
        }
    }
}

async fn connection(site: Arc<Site>, stream: TcpStream) {
    let service = service_fn(move |request| {
        let site = Arc::clone(&site);
        async move { Ok::<_, Infallible>(respond(site, &request).await) }
    });
    let mut builder = http1::Builder::new();
    builder.timer(hyper_util::rt::TokioTimer::new());
    // A reader who leaves in the middle is no news.
    let _ = builder.serve_connection(TokioIo::new(stream), service).await;
}

async fn respond(site: Arc<Site>, request: &Request<Incoming>) -> Response<Body> {
    let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
    if !route::is_this_machine(header(hyper::header::HOST)) {
        return answer::refused("this server answers only to localhost and 127.0.0.1");
    }
    match Route::of(request.method(), request.uri().path()) {
        Route::Index => in_background(move || site.index()).await,
        Route::Slash(path) => answer::moved(&path),
        Route::Page(name) => in_background(move || site.page(&name)).await,
        Route::Data(name) => in_background(move || site.data(&name)).await,
        Route::Events(name) => site.events(&name),
        Route::Icon => answer::nothing(),
        Route::Unknown => answer::not_found("no such page; the list of runs is at /"),
        Route::NotAllowed => answer::not_allowed(),
    }
}

/// Reading and drawing take a moment, in which others are served.
async fn in_background(work: impl FnOnce() -> Response<Body> + Send + 'static) -> Response<Body> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|_| answer::broken("the page could not be made; this is a bug of richter's"))
}

impl Site {
    fn index(&self) -> Response<Body> {
        match self.runs.index() {
            Ok(page) => answer::page(page),
            Err(error) => answer::broken(&format!("{error:#}")),
        }
    }

    fn page(&self, name: &str) -> Response<Body> {
        let Some(run) = self.runs.find(name) else { return unknown(name) };
        let page = match run.kind {
            Kind::Done => runs::report(&run.folder),
            Kind::Going => self.lives.page(&run.journal()),
        };
        match page {
            Ok(page) => answer::page(page),
            Err(error) => answer::broken(&format!("{error:#}")),
        }
    }

    fn data(&self, name: &str) -> Response<Body> {
        let Some(run) = self.runs.find(name) else { return unknown(name) };
        match std::fs::read(run.run_file()) {
            Ok(bytes) => answer::json(bytes),
            Err(error) => answer::not_found(&format!("{}: {error}", run.run_file().display())),
        }
    }

    fn events(&self, name: &str) -> Response<Body> {
        match self.runs.find(name) {
            Some(run) if run.kind == Kind::Going => match self.lives.news(&run.journal()) {
                Ok(news) => answer::events(news),
                Err(error) => answer::broken(&format!("{error:#}")),
            },
            // Whoever waits for news of a run that is over is told so.
            Some(_) => answer::over(),
            None => unknown(name),
        }
    }
}

fn unknown(name: &str) -> Response<Body> {
    answer::not_found(&format!("no run is called {name:?}; the list of runs is at /"))
}

#[cfg(test)]
mod tests;
