//! How long calls wait for a connection, and whether this machine had any to give. A client that runs out of ports or files
//! looks like a service that is down, so the run must know.

use std::{
    future::poll_fn,
    io,
    pin::pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use aws_smithy_runtime_api::client::{
    connection::CaptureSmithyConnection, http::HttpConnectorFuture, result::ConnectorError,
};
use richter_mock_bedrock::Nanos;
use rustix::io::Errno;

use super::Crew;
use crate::record::tally::Latency;

/// Of all calls of one cell.
#[derive(Debug, Default)]
pub struct Links {
    waits: Mutex<Latency>,
    refused: AtomicU64,
}

/// What they come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Linked {
    pub wait_us_p99: u64,
    pub wait_us_max: u64,
    /// Calls for which this machine had no port or no file.
    pub refused: u64,
}

impl Links {
    pub fn linked(&self) -> Linked {
        let waits = self.waits.lock().unwrap_or_else(PoisonError::into_inner);
        Linked {
            wait_us_p99: waits.histogram().value_at_quantile(0.99),
            wait_us_max: waits.histogram().max(),
            refused: self.refused.load(Ordering::Relaxed),
        }
    }

    fn got(&self, after: Nanos) {
        self.waits.lock().unwrap_or_else(PoisonError::into_inner).record(after);
    }

    fn failed(&self, error: &ConnectorError) {
        if is_ours(error) {
            self.refused.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Watches a call until it has its connection. `capture` knows when that is: a call is woken when its connection is there, and
/// goes on to send.
pub(super) fn watch(
    crew: &Arc<Crew>,
    capture: CaptureSmithyConnection,
    call: HttpConnectorFuture,
) -> HttpConnectorFuture {
    let crew = Arc::clone(crew);
    let asked = crew.clock.now();
    HttpConnectorFuture::new(async move {
        let mut call = pin!(call);
        let mut waits = true;
        let answer = poll_fn(|woken| {
            let polled = call.as_mut().poll(woken);
            if waits && capture.get().is_some() {
                waits = false;
                crew.links.got(crew.clock.now() - asked);
            }
            polled
        });
        answer.await.inspect_err(|error| crew.links.failed(error))
    })
}

/// Whether it failed for want of something that this machine has too few of.
fn is_ours(error: &ConnectorError) -> bool {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        let code = error.downcast_ref::<io::Error>().and_then(io::Error::raw_os_error);
        if code.map(Errno::from_raw_os_error).is_some_and(|code| OURS.contains(&code)) {
            return true;
        }
        cause = error.source();
    }
    false
}

/// No file is left for the program, none for the system, no port is left for an address.
const OURS: [Errno; 3] = [Errno::MFILE, Errno::NFILE, Errno::ADDRNOTAVAIL];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_this_machine_lacks_is_its_own_fault() {
        let failed = |error: Errno| ConnectorError::io(Box::new(io::Error::from(error)));
        let links = Links::default();
        for error in [Errno::MFILE, Errno::NFILE, Errno::ADDRNOTAVAIL, Errno::CONNREFUSED, Errno::CONNRESET] {
            links.failed(&failed(error));
        }
        links.failed(&ConnectorError::other("odd".into(), None));
        assert_eq!(links.linked(), Linked { refused: 3, ..Linked::default() });
    }
}
