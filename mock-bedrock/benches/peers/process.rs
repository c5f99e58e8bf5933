//! Servers as processes: started on a free port, asked of the system what they used, and killed when they are dropped.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    net::{SocketAddr, TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use super::Outcome;

/// A server under way.
#[derive(Debug)]
pub struct Server {
    child: Child,
    pub addr: SocketAddr,
}

impl Server {
    /// One of this program's own, by name.
    pub fn own(name: &str) -> Outcome<Server> {
        let mut command = Command::new(std::env::current_exe()?);
        let mut child = command.args(["serve", name]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let mut url = String::new();
        let printed = child.stdout.take().ok_or("it has an output")?;
        BufReader::new(printed).read_line(&mut url)?;
        let addr = url.trim().trim_start_matches("http://").parse();
        Ok(Server { child, addr: addr.map_err(|_| format!("{name} did not start"))? })
    }

    /// A foreign one, which is told the port that it shall listen on.
    pub fn foreign(command: impl FnOnce(u16) -> Command) -> Outcome<Server> {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let mut command = command(port);
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let child = child.map_err(|error| format!("{command:?}: {error}"))?;
        let server = Server { child, addr: SocketAddr::from(([127, 0, 0, 1], port)) };
        // Python and Node take seconds on a busy machine.
        for _ in 0..300 {
            if TcpStream::connect(server.addr).is_ok() {
                return Ok(server);
            }
            thread::sleep(Duration::from_millis(100));
        }
        Err(format!("{command:?} does not listen").into())
    }

    /// Seconds of CPU that the system charged it so far, its own and the kernel's for it.
    pub fn cpu_s(&self) -> Outcome<f64> {
        const TICKS_PER_S: f64 = 100.0;
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.id()))?;
        // The name in brackets may hold spaces.
        let fields = stat.rsplit_once(')').ok_or("no brackets")?.1;
        let ticks = fields.split_whitespace().skip(11).take(2).map(str::parse::<f64>);
        Ok(ticks.sum::<Result<f64, _>>()? / TICKS_PER_S)
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Whoever is dead already needs no killing.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
