//! What one lane has to send and when: its part of the schedule, and what follows from requests that ended on it. It keeps no
//! time and waits for nothing.

use std::{
    collections::BTreeMap,
    iter::{Skip, StepBy},
};

use richter_mock_bedrock::Nanos;

use crate::load::{Arrival, Schedule, TraceError};

#[derive(Debug)]
pub struct Agenda {
    scheduled: StepBy<Skip<Schedule>>,
    next: Option<Arrival>,
    /// By time, then by number.
    follow_ups: BTreeMap<(Nanos, u64), Arrival>,
}

/// Which lane of how many.
#[derive(Debug, Clone, Copy)]
pub struct Part {
    pub lane: usize,
    pub lanes: usize,
}

impl Part {
    pub const ALL: Part = Part { lane: 0, lanes: 1 };
}

impl Agenda {
    /// The lanes take what is scheduled in turn.
    pub fn new(schedule: Schedule, part: Part) -> Result<Agenda, TraceError> {
        let mut scheduled = schedule.skip(part.lane).step_by(part.lanes.max(1));
        let next = scheduled.next().transpose()?;
        Ok(Agenda { scheduled, next, follow_ups: BTreeMap::new() })
    }

    pub fn follow(&mut self, arrival: Arrival) {
        self.follow_ups.insert((arrival.at, arrival.number), arrival);
    }

    /// When the next one is due, as far as is known now.
    pub fn next_at(&self) -> Option<Nanos> {
        let scheduled = self.next.map(|arrival| arrival.at);
        scheduled.into_iter().chain(self.following()).min()
    }

    /// Takes the earliest of those that are due.
    pub fn take_due(&mut self, now: Nanos) -> Result<Option<Arrival>, TraceError> {
        let Some(at) = self.next_at().filter(|at| *at <= now) else { return Ok(None) };
        if self.following() == Some(at) {
            return Ok(self.follow_ups.pop_first().map(|(_, arrival)| arrival));
        }
        let due = self.next.take();
        self.next = self.scheduled.next().transpose()?;
        Ok(due)
    }

    fn following(&self) -> Option<Nanos> {
        self.follow_ups.keys().next().map(|(at, _)| *at)
    }
}

#[cfg(test)]
mod tests {
    use richter_mock_bedrock::luck::Luck;

    use super::{super::pacer::tests::plan, *};

    /// Twenty arrivals, one every 5 ms.
    fn agenda(part: Part) -> Agenda {
        Agenda::new(plan().traffic.arrivals(Luck::new(1, 0)), part).expect("no trace is read")
    }

    fn all(mut agenda: Agenda) -> Vec<Nanos> {
        let mut all = Vec::new();
        while let Some(at) = agenda.next_at() {
            if let Some(before) = at.checked_sub(1) {
                assert_eq!(agenda.take_due(before).expect("no trace is read"), None, "too early");
            }
            all.extend(agenda.take_due(at).expect("no trace is read").map(|arrival| arrival.at));
        }
        all
    }

    #[test]
    fn lanes_take_the_schedule_in_turn_and_leave_nothing_out() {
        let whole = all(agenda(Part::ALL));
        assert_eq!(whole.len(), 20);
        let parts: Vec<Vec<Nanos>> = (0..3).map(|lane| all(agenda(Part { lane, lanes: 3 }))).collect();
        assert_eq!(parts.iter().map(Vec::len).collect::<Vec<_>>(), [7, 7, 6]);
        let mut together = parts.concat();
        together.sort_unstable();
        assert_eq!(together, whole);
    }

    #[test]
    fn what_follows_takes_its_place_by_time_and_goes_before_what_is_due_with_it() {
        let mut agenda = agenda(Part::ALL);
        let at = agenda.next_at().expect("there are twenty");
        let first = agenda.take_due(at).expect("no trace is read").expect("it is due");
        let at = agenda.next_at().expect("there are nineteen");
        for (number, at) in [(901, at + 1), (900, at), (902, at)] {
            agenda.follow(Arrival { number, at, ..first });
        }
        let mut next = || {
            let arrival = agenda.take_due(at + 1).expect("no trace is read")?;
            Some(Some(arrival.number).filter(|number| [900, 901, 902].contains(number)))
        };
        let came = [next(), next(), next(), next()];
        assert_eq!(came, [Some(Some(900)), Some(Some(902)), Some(None), Some(Some(901))]);
        assert_eq!(next(), None, "the rest is not due yet");
    }
}
