//! The routers, as far as they make a request wait: each decides about one request after another, in the order of
//! their arrival, reading the table anew for each.
//!
//! A request is given the router that is free first, at its arrival and for good. Writes that nobody could foresee
//! delay all who wait for the same router. A caller that leaves does not shorten the line: its router reads in vain.

use crate::{
    Nanos,
    flight::{FlightId, FlightView},
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// The table has been read.
    Decide,
    Wait {
        until: Nanos,
    },
}

/// What every decision takes of a router's time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    /// Before it.
    pub(super) read: Nanos,
    /// After it, always.
    pub(super) write: Nanos,
}

#[derive(Debug)]
pub(super) enum Desks {
    /// A router for each request, as functions have it.
    Many(Pace),
    Few(Line),
}

#[derive(Debug)]
pub(super) struct Line {
    pace: Pace,
    desks: Vec<Desk>,
    /// By the slot of the flight, so that there are never more than flights in the air.
    tickets: Vec<Ticket>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Desk {
    free: Nanos,
    /// All that it was delayed by so far.
    delays: Nanos,
}

#[derive(Debug, Clone, Copy, Default)]
struct Ticket {
    desk: usize,
    /// When the table will have been read, if the desk's delays stay what they were.
    due: Nanos,
    delays: Nanos,
}

impl Desks {
    pub(super) fn new(routers: Option<u32>, pace: Pace) -> Desks {
        match routers {
            None => Desks::Many(pace),
            Some(routers) => {
                let desks = vec![Desk::default(); routers as usize];
                Desks::Few(Line { pace, desks, tickets: Vec::new() })
            }
        }
    }

    /// Whether this request's decision is due.
    pub(super) fn turn(&mut self, flight: &FlightView<'_>, now: Nanos) -> Turn {
        let due = match self {
            Desks::Many(pace) => flight.begun.saturating_add(pace.read),
            Desks::Few(line) => {
                // The first asking is at the arrival, and every other is later.
                if now == flight.begun {
                    line.join(flight.id, now);
                }
                line.due(flight.id)
            }
        };
        if due > now { Turn::Wait { until: due } } else { Turn::Decide }
    }

    /// The decision of this request keeps its router busy for so much longer than it always does.
    pub(super) fn delay(&mut self, flight: FlightId, by: Nanos) {
        if let Desks::Few(line) = self {
            let desk = &mut line.desks[line.tickets[flight.slot as usize].desk];
            desk.free = desk.free.saturating_add(by);
            desk.delays = desk.delays.saturating_add(by);
        }
    }
}

impl Line {
    fn join(&mut self, flight: FlightId, now: Nanos) {
        let places = self.desks.iter_mut().enumerate();
        let Some((place, desk)) = places.min_by_key(|(_, desk)| desk.free) else {
            return;
        };
        let due = desk.free.max(now).saturating_add(self.pace.read);
        desk.free = due.saturating_add(self.pace.write);
        let ticket = Ticket { desk: place, due, delays: desk.delays };
        let slot = flight.slot as usize;
        if slot >= self.tickets.len() {
            self.tickets.resize(slot + 1, Ticket::default());
        }
        self.tickets[slot] = ticket;
    }

    fn due(&mut self, flight: FlightId) -> Nanos {
        let ticket = &mut self.tickets[flight.slot as usize];
        let delays = self.desks[ticket.desk].delays;
        ticket.due = ticket.due.saturating_add(delays - ticket.delays);
        ticket.delays = delays;
        ticket.due
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        request::Api,
        rig::{self, MS},
    };

    const READ: Nanos = 10 * MS;

    fn id(slot: u32) -> FlightId {
        FlightId { slot, generation: 0 }
    }

    fn desks(routers: Option<u32>) -> Desks {
        Desks::new(routers, Pace { read: READ, write: 0 })
    }

    /// Times in milliseconds: the flight's slot, its beginning and now.
    fn turn(desks: &mut Desks, slot: u32, begun: Nanos, now: Nanos) -> Turn {
        let request = rig::request(u64::from(slot), Api::Converse, begun * MS);
        let view = FlightView {
            id: id(slot),
            request: &request,
            attempts: &[],
            begun: begun * MS,
            shown: 0,
            asked: None,
        };
        desks.turn(&view, now * MS)
    }

    fn wait(ms: Nanos) -> Turn {
        Turn::Wait { until: ms * MS }
    }

    #[test]
    fn with_a_router_for_each_request_nobody_waits_for_another() {
        let mut desks = desks(None);
        assert_eq!([0, 1].map(|slot| turn(&mut desks, slot, 0, 0)), [wait(10); 2]);
        assert_eq!([0, 1].map(|slot| turn(&mut desks, slot, 0, 10)), [Turn::Decide; 2]);
    }

    #[test]
    fn one_router_takes_requests_one_after_another() {
        let mut desks = desks(Some(1));
        assert_eq!([0, 1, 2].map(|slot| turn(&mut desks, slot, 0, 0)), [10, 20, 30].map(wait));
        assert_eq!(turn(&mut desks, 0, 0, 10), Turn::Decide);
        assert_eq!(turn(&mut desks, 1, 0, 20), Turn::Decide);
        assert_eq!(turn(&mut desks, 0, 21, 21), wait(40));
    }

    #[test]
    fn a_write_that_always_comes_is_part_of_the_plan_and_any_other_delays_who_waits() {
        let mut desks = Desks::new(Some(1), Pace { read: READ, write: 2 * MS });
        assert_eq!([0, 1].map(|slot| turn(&mut desks, slot, 0, 0)), [10, 22].map(wait));
        assert_eq!(turn(&mut desks, 0, 0, 10), Turn::Decide);
        desks.delay(id(0), 5 * MS);
        assert_eq!(turn(&mut desks, 1, 0, 22), wait(27));
        assert_eq!(turn(&mut desks, 1, 0, 27), Turn::Decide);
        assert_eq!(turn(&mut desks, 2, 28, 28), wait(39));
    }

    #[test]
    fn two_routers_decide_at_the_same_time_and_a_third_request_waits_for_the_first_that_is_free() {
        let mut desks = desks(Some(2));
        assert_eq!(turn(&mut desks, 0, 0, 0), wait(10));
        assert_eq!(turn(&mut desks, 1, 4, 4), wait(14));
        assert_eq!(turn(&mut desks, 2, 5, 5), wait(20));
        desks.delay(id(1), MS);
        assert_eq!(turn(&mut desks, 2, 5, 20), Turn::Decide, "it waits for the other");
    }
}
