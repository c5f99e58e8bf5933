//! Single requests' stories, by playing their replication again up to the end of the request. The simulation is
//! deterministic, so a run need not keep what few will ask for.

use std::collections::BTreeMap;

use richter_core::event::{Event, Observer};
use richter_mock_bedrock::Nanos;
use richter_reports::{
    comparison::Notable,
    run_file::{RequestName, Story as Told, StoryLine},
};

use crate::{
    ground::{Witness, Work, sim::Simulation},
    load::{Arrival, TraceError},
    record::story::Story,
    scenario::plan::Plan,
};

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

/// The stories of notable requests, each under the strategies that it is notable for. A cell is played once for all of its
/// requests, up to the last of them.
pub fn of_notable(plan: &Plan, notable: &[Notable]) -> Result<Vec<Told>, TraceError> {
    let mut wanted: Vec<(usize, u32, u64)> = Vec::new();
    for one in notable {
        let Ok(RequestName(request)) = one.request.parse() else { continue };
        for strategy in one.strategies.iter().copied() {
            let place = (strategy, one.replication, request);
            if !wanted.contains(&place) {
                wanted.push(place);
            }
        }
    }
    let mut cells: Vec<(usize, u32)> =
        wanted.iter().map(|(strategy, replication, _)| (*strategy, *replication)).collect();
    cells.sort_unstable();
    cells.dedup();
    let mut found: BTreeMap<(usize, u32, u64), Vec<StoryLine>> = BTreeMap::new();
    for (strategy, replication) in cells {
        let of_cell = wanted.iter().filter(|one| (one.0, one.1) == (strategy, replication));
        let stories = Stories(of_cell.map(|one| Story::new(plan, one.2)).collect());
        let mut simulation = Simulation::new(plan, strategy, replication, stories)?;
        while !simulation.witness().finished() && simulation.step()? {}
        let told = simulation.into_parts().0.0.into_iter();
        found.extend(told.map(|story| ((strategy, replication, story.number()), story.lines().to_vec())));
    }
    let told = wanted.into_iter().filter_map(|place| {
        let (strategy, replication, request) = place;
        Some(Told { strategy, replication, request, lines: found.remove(&place)? })
    });
    Ok(told.collect())
}

/// Several requests of one cell.
#[derive(Debug)]
struct Stories<'p>(Vec<Story<'p>>);

impl Stories<'_> {
    fn finished(&self) -> bool {
        self.0.iter().all(Story::finished)
    }
}

impl Observer for Stories<'_> {
    fn on(&mut self, now: Nanos, event: &Event<'_>) {
        self.0.iter_mut().for_each(|story| story.on(now, event));
    }
}

impl Witness for Stories<'_> {
    fn arrived(&mut self, _: &Arrival) {}

    fn worked(&mut self, now: Nanos, work: &Work) {
        self.0.iter_mut().for_each(|story| story.worked(now, work));
    }
}
