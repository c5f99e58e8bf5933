//! The live grounds: the same arrivals and the same strategies on the wall clock, through the real client and real
//! sockets, against the mock or the real service.
//!
//! A `lane` is a thread with a single-threaded runtime and clients of its own; all lanes share one strategy, so that it
//! sees all traffic. Its `pacer` goes by its `agenda`, the lane's part of the schedule, and sends each arrival at its
//! time, whatever became of those before. `ask` makes the call of an arrival, `wire` stands where calls leave the program. What
//! happens goes onto the tape ([`crate::record::tape`]); nothing here counts or judges.

pub mod agenda;
pub mod alarm;
pub mod ask;
pub mod caller;
pub mod crew;
pub mod errand;
pub mod lane;
pub mod mock;
pub mod pacer;
pub mod wire;

use std::{sync::Arc, time::Duration};

use aws_config::SdkConfig;
use richter_core::{
    live::{BuildError, Clock, Router, Trust, http_client, lean_connector},
    strategy::StrategySpec,
};
use richter_mock_bedrock::luck::{Luck, Stream};

use self::caller::{Caller, Client};
use crate::{
    record::tape::{Tape, Teller},
    scenario::plan::Plan,
};

/// From the last preparation to the first moment of the schedule, in which the lanes open their connections.
pub const LEAD: Duration = Duration::from_millis(500);
/// The same where the service is far away, or asks for credentials that have to be fetched.
pub const LEAD_FAR: Duration = Duration::from_secs(3);

/// The callers of one cell: one for each configuration, all with the same strategy and the same luck as in the
/// simulation.
pub async fn callers(
    plan: &Plan,
    strategy: &StrategySpec,
    wiring: Wiring<'_>,
) -> Result<Vec<Caller>, BuildError> {
    let Wiring { client, configs, trust, endpoint, luck, clock, tape } = wiring;
    let jitter = luck.stream(Stream::Strategy);
    let mut builder = Router::builder()
        .strategy(strategy.clone())
        .clock(clock)
        .observer(Teller(Arc::clone(tape)))
        .dice(Box::new(move |request, step| Box::new(jitter.dice(request, step, 0))));
    for target in &plan.targets {
        builder = builder.target(&target.name, target.spec.clone());
    }
    if let Some(url) = endpoint {
        builder = builder.endpoint_url(url);
    }
    match client {
        Client::Sdk => {
            let configs = configs.into_iter().map(wired).collect();
            Ok(builder.build_each(configs).await?.into_iter().map(Caller::Sdk).collect())
        }
        Client::Lean => {
            let connector = |connect| wire::connector(lean_connector(trust, connect));
            let routers = builder.build_each_lean(configs, connector).await?;
            Ok(routers.into_iter().map(Caller::Lean).collect())
        }
    }
}

/// Calls leave by way of `wire`.
fn wired(config: SdkConfig) -> SdkConfig {
    let inner = config.http_client().unwrap_or_else(|| http_client(&Trust::System));
    config.to_builder().http_client(wire::client(inner)).build()
}

/// How clients reach the service, and what they go by.
#[derive(Debug)]
pub struct Wiring<'a> {
    pub client: Client,
    /// One for each lane.
    pub configs: Vec<SdkConfig>,
    /// Who vouches for servers, where the configurations do not bring their own way to them.
    pub trust: &'a Trust,
    /// Where everything goes instead of to the service's own endpoints.
    pub endpoint: Option<String>,
    pub luck: Luck,
    pub clock: Clock,
    /// Is told everything.
    pub tape: &'a Arc<Tape>,
}
