//! What a strategy sends in the simulation, and what it is told.

use std::collections::BTreeMap;

use richter::{
    ground::{Witness, Work, sim::Simulation},
    load::Arrival,
    scenario::plan::Plan,
};
use richter_core::{
    event::{AttemptResult, Event, Observer},
    failure::Failure,
    flight::AttemptId,
    request::Api,
    target::TargetId,
};
use richter_mock_bedrock::Nanos;

use super::ms;

/// One attempt.
#[derive(Debug)]
pub struct Sent {
    pub at: Nanos,
    pub arrival: Arrival,
    pub api: Api,
    pub attempt: u32,
    pub target: TargetId,
    pub told: Told,
}

/// What became of it, as a client on either ground can know it.
#[derive(Debug, Clone, PartialEq)]
pub struct Told {
    /// Input and output tokens of an answer.
    pub result: Result<(u32, u32), Failure>,
    pub total_ms: Option<u64>,
    /// Only native streams tell it.
    pub first_ms: Option<u64>,
}

impl Told {
    pub fn failed(failure: Failure) -> Told {
        Told { result: Err(failure), total_ms: None, first_ms: None }
    }

    pub fn kind(&self) -> String {
        self.result.map_or_else(|failure| format!("{:?}", failure.class()), |_| "answered".to_owned())
    }
}

/// Plays a strategy to its end.
pub fn play(plan: &Plan, strategy: &str) -> Vec<Sent> {
    let place = plan.strategies.iter().position(|known| known.name == strategy).expect("it is listed");
    let mut simulation = Simulation::new(plan, place, 0, Noted::default()).expect("the traffic is made up");
    while simulation.step().expect("the traffic is made up") {}
    let Noted { sends, open, .. } = simulation.into_parts().0;
    assert!(open.is_empty(), "{} attempts are still in the air", open.len());
    sends
}

#[derive(Debug, Default)]
struct Noted {
    arrivals: BTreeMap<u64, Arrival>,
    sends: Vec<Sent>,
    open: BTreeMap<(u64, u32), usize>,
}

impl Witness for Noted {
    fn arrived(&mut self, arrival: &Arrival) {
        self.arrivals.insert(arrival.number, *arrival);
    }

    fn worked(&mut self, _: Nanos, _: &Work) {}
}

impl Observer for Noted {
    fn on(&mut self, now: Nanos, event: &Event<'_>) {
        match *event {
            Event::Sent { attempt: AttemptId { number, .. }, request, target } => {
                self.open.insert((request.number, number), self.sends.len());
                let arrival = self.arrivals[&request.number];
                // Until it is told otherwise.
                let told = Told::failed(Failure::LocalReject);
                let (api, attempt) = (request.api, number);
                self.sends.push(Sent { at: now, arrival, api, attempt, target, told });
            }
            Event::AttemptEnded { attempt: AttemptId { number, .. }, request, end } => {
                let at = self.open.remove(&(request.number, number)).expect("it was sent");
                let natively = request.api == Api::InvokeModelWithResponseStream;
                self.sends[at].told = match end.result {
                    AttemptResult::Answered(usage) => Told {
                        result: Ok((usage.input, usage.output)),
                        total_ms: Some(ms(now - end.sent)),
                        first_ms: end.first.filter(|_| natively).map(|first| ms(first - end.sent)),
                    },
                    AttemptResult::Failed(failure) => Told::failed(failure),
                    AttemptResult::Cancelled => panic!("nothing cancels here"),
                };
            }
            _ => {}
        }
    }
}
