//! A server without a door: it speaks HTTP over whatever carries bytes. The fuzzer has no sockets, and whoever embeds this
//! may have none either.

use std::{io, sync::Arc};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::watch,
};

use super::{
    Settings, Site,
    front::{Connection, Phase},
    line::Orders,
};

/// A server without listeners. TLS is not spoken here.
#[derive(Debug)]
pub struct Indoors {
    site: Arc<Site>,
    phase: watch::Sender<Phase>,
}

impl Indoors {
    pub fn new(settings: Settings) -> io::Result<Indoors> {
        let (phase, _) = watch::channel(Phase::Open);
        Ok(Indoors { site: Arc::new(Site::new(settings)?), phase })
    }

    /// One connection, until either side ends it.
    pub async fn speak(&self, io: impl AsyncRead + AsyncWrite + Unpin) {
        let (site, usual) = (self.site.clone(), Arc::new(self.site.usual()));
        let connection = Connection { site, usual, phase: self.phase.subscribe() };
        connection.speak(io, Arc::new(Orders::new())).await;
    }

    /// Everything as at the start.
    pub fn reset(&self) {
        self.site.reset();
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    #[test]
    fn a_request_over_a_pipe_is_answered() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let indoors = Indoors::new(Settings::default()).expect("it starts");
            let (mut client, server) = tokio::io::duplex(1 << 16);
            let ask = async {
                let request = b"GET /_richter/state HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
                client.write_all(request).await.expect("sent");
                let mut answer = String::new();
                client.read_to_string(&mut answer).await.expect("text until the end");
                answer
            };
            let (answer, ()) = tokio::join!(ask, indoors.speak(server));
            assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
        });
    }
}
