//! On which ground a fault can be shown, and why it cannot on another.
//!
//! The simulation knows outcomes and times but no bytes, so that it cannot show what changes bytes alone. The server has
//! sockets, but neither its clients' resolver nor, unless it speaks TLS, a handshake.

use super::FaultRule;

/// Where faults are played out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ground {
    Simulation,
    /// The server.
    Wire {
        tls: bool,
    },
}

/// What can show a kind with its settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shows {
    Everywhere,
    /// A server cannot do it to its clients.
    InSimulation,
    /// Only bytes show it; no outcome and no time tells.
    OnWire,
    /// Both grounds, the server only where it speaks TLS.
    InHandshake,
    /// Only where calls are logged.
    InLogs,
}

impl Shows {
    /// Why a ground cannot show it; `None` if it can.
    pub const fn obstacle(self, ground: Ground) -> Option<&'static str> {
        match (self, ground) {
            (Shows::OnWire, Ground::Simulation) => {
                Some("it changes bytes and neither outcome nor time, so only the mock server can show it")
            }
            (Shows::InLogs, Ground::Simulation) => Some(
                "it changes what is logged and counted, and a simulation logs nothing, so only the mock server can show it",
            ),
            (Shows::InSimulation, Ground::Wire { .. }) => Some(
                "it happens on the client's side, where no server reaches, so only the simulation can show it",
            ),
            (Shows::InHandshake, Ground::Wire { tls: false }) => Some(
                "it happens in the handshake of TLS, which this server does not speak; start it with --tls",
            ),
            _ => None,
        }
    }
}

impl FaultRule {
    /// Why the rule can never strike on this ground; `None` if it can.
    pub fn obstacle(&self, ground: Ground) -> Option<&'static str> {
        self.action.kind().shows().obstacle(ground)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_ground_says_what_it_cannot_show() {
        let grounds = [Ground::Simulation, Ground::Wire { tls: false }, Ground::Wire { tls: true }];
        for (shows, shown) in [
            (Shows::Everywhere, [true, true, true]),
            (Shows::InSimulation, [true, false, false]),
            (Shows::OnWire, [false, true, true]),
            (Shows::InHandshake, [true, false, true]),
            (Shows::InLogs, [false, true, true]),
        ] {
            assert_eq!(grounds.map(|ground| shows.obstacle(ground).is_none()), shown, "{shows:?}");
        }
    }
}
