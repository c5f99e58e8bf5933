//! The endpoint that Prometheus fetches from: one page, under `/metrics`, in the text format. It is no web server: it
//! reads a request line, answers, and closes.

use std::{
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Condvar, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use opentelemetry_prometheus::PrometheusExporter;
use prometheus::{Encoder as _, Registry, TextEncoder};

use super::TelemetryError;

/// Most bytes of a request that are read, and how long it may take.
const REQUEST_MAX: u64 = 8 << 10;
const WITHIN: Duration = Duration::from_secs(5);

/// Listens until it is dropped.
#[derive(Debug)]
pub struct Scrape {
    address: SocketAddr,
    page: Arc<Page>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Page {
    registry: Registry,
    served: Mutex<u64>,
    fetched: Condvar,
    stop: AtomicBool,
}

impl Scrape {
    pub fn start(address: SocketAddr) -> Result<(PrometheusExporter, Scrape), TelemetryError> {
        let failed = |error: io::Error| TelemetryError::Prometheus(address, error);
        let listener = TcpListener::bind(address).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let registry = Registry::new();
        let exporter = opentelemetry_prometheus::exporter()
            .with_registry(registry.clone())
            .build()
            .map_err(|error| failed(io::Error::other(error.to_string())))?;
        let page = Arc::new(Page {
            registry,
            served: Mutex::new(0),
            fetched: Condvar::new(),
            stop: AtomicBool::new(false),
        });
        let thread = {
            let page = Arc::clone(&page);
            std::thread::Builder::new().name("prometheus".to_owned()).spawn(move || page.serve(&listener))
        };
        let thread = Some(thread.map_err(failed)?);
        Ok((exporter, Scrape { address, page, thread }))
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stays until the page was fetched once more, but no longer than one scrape interval.
    pub fn linger(&self, most: Duration) {
        let served = self.page.served.lock().unwrap_or_else(PoisonError::into_inner);
        let from = *served;
        // How it ends makes no difference.
        drop(self.page.fetched.wait_timeout_while(served, most, |served| *served == from));
    }
}

impl Drop for Scrape {
    fn drop(&mut self) {
        self.page.stop.store(true, Ordering::Relaxed);
        // Wakes it from waiting for a connection.
        drop(TcpStream::connect_timeout(&self.address, WITHIN));
        if let Some(thread) = self.thread.take() {
            // It only ends by itself.
            let _ = thread.join();
        }
    }
}

impl Page {
    fn serve(&self, listener: &TcpListener) {
        for stream in listener.incoming() {
            if self.stop.load(Ordering::Relaxed) {
                return;
            }
            if let Ok(stream) = stream {
                // Whoever breaks off has nothing to be told.
                let _ = self.answer(stream);
            }
        }
    }

    fn answer(&self, mut stream: TcpStream) -> io::Result<()> {
        stream.set_read_timeout(Some(WITHIN))?;
        stream.set_write_timeout(Some(WITHIN))?;
        let mut line = String::new();
        let mut reader = BufReader::new((&stream).take(REQUEST_MAX));
        reader.read_line(&mut line)?;
        // The rest of the head is read and not looked at, so that closing does not reset what is answered.
        let mut rest = String::new();
        while reader.read_line(&mut rest)? > 2 {
            rest.clear();
        }
        let mut words = line.split_whitespace();
        let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let (status, body) = match (method, path.split('?').next().unwrap_or_default()) {
            ("GET", "/metrics") => ("200 OK", self.text()),
            ("GET", _) => ("404 Not Found", b"see /metrics\n".to_vec()),
            _ => ("405 Method Not Allowed", b"only GET\n".to_vec()),
        };
        let kind = if status.starts_with("200") { prometheus::TEXT_FORMAT } else { "text/plain" };
        let length = body.len();
        write!(
            stream,
            "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
        )?;
        stream.write_all(&body)?;
        stream.flush()?;
        if status.starts_with("200") {
            *self.served.lock().unwrap_or_else(PoisonError::into_inner) += 1;
            self.fetched.notify_all();
        }
        Ok(())
    }

    fn text(&self) -> Vec<u8> {
        let mut text = Vec::new();
        // It writes to memory, and what it writes was made by the same library.
        let _ = TextEncoder::new().encode(&self.registry.gather(), &mut text);
        text
    }
}
