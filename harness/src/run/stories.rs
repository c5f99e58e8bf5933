//! Single requests' stories, by playing their replication again up to the end of the request. The simulation is
//! deterministic, so a run need not keep what few will ask for.

use richter_reports::{
    comparison::Notable,
    run_file::{RequestName, Story as Told, StoryLine},
};

use crate::{ground::sim::Simulation, load::TraceError, record::story::Story, scenario::plan::Plan};

/// What happened to one request under one strategy; empty if that strategy never saw it.
pub fn story(
    plan: &Plan,
    strategy: usize,
    replication: u32,
    request: u64,
) -> Result<Vec<StoryLine>, TraceError> {
    let story = Story::new(plan, request);
    let mut simulation = Simulation::new(plan, strategy, replication, story)?;
    while !simulation.witness().finished() && simulation.step()? {}
    Ok(simulation.witness().lines().to_vec())
}

/// The stories of notable requests, each under the strategies that it is notable for.
pub fn of_notable(plan: &Plan, notable: &[Notable]) -> Result<Vec<Told>, TraceError> {
    let mut told = Vec::new();
    for one in notable {
        let Ok(RequestName(request)) = one.request.parse() else { continue };
        for strategy in one.strategies.iter().copied() {
            let lines = story(plan, strategy, one.replication, request)?;
            told.push(Told { strategy, replication: one.replication, request, lines });
        }
    }
    Ok(told)
}
