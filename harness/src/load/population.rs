//! A closed population: users who ask, wait for the answer, think, and ask again; after a failure they come back
//! sooner. Their load depends on the service, which is what lets an overload feed itself.
//!
//! First requests come through the schedule, spread evenly over one mean thinking time. Every later request follows
//! from the end of the one before. A user stops at the end of the phase.

use richter_mock_bedrock::{
    Nanos,
    dist::Sampler,
    luck::{Draws, Luck, Stream},
};

use super::number;

const FIRST: u32 = 0;
const PAUSE: u32 = 1;

/// No user asks twice within this time, so a service that refuses at once cannot stop the clock.
const SHORTEST_PAUSE: Nanos = 1_000_000;
/// A guess at the time to an answer, only to bound the load that users without thinking time could make.
const QUICK_ANSWER_S: f64 = 0.1;

#[derive(Debug, Clone, PartialEq)]
pub struct Population {
    pub users: u32,
    pub think: Sampler,
    pub retry_after: Sampler,
}

impl Population {
    /// The most requests per second that the users could make: as if every answer took a tenth of a second.
    pub fn rate(&self) -> f64 {
        f64::from(self.users) / (self.think.mean() / 1e9 + QUICK_ANSWER_S)
    }

    /// When the user of request `number`, which ended at `ended`, asks again.
    pub fn returns(&self, luck: Luck, number: u64, ended: Nanos, answered: bool) -> Nanos {
        let unit = luck.stream(Stream::Users).draw(number, 0, PAUSE).unit();
        let pause = if answered { &self.think } else { &self.retry_after };
        ended.saturating_add((pause.at(unit) as Nanos).max(SHORTEST_PAUSE))
    }
}

/// The users' first requests.
#[derive(Debug, Clone)]
pub struct Firsts {
    users: u32,
    spread: f64,
    draws: Draws,
    phase: u16,
    user: u32,
}

impl Firsts {
    pub fn new(population: &Population, luck: Luck, phase: u16) -> Firsts {
        let draws = luck.stream(Stream::Users);
        Firsts { users: population.users, spread: population.think.mean(), draws, phase, user: 0 }
    }
}

impl Iterator for Firsts {
    /// Request number and nanoseconds from the phase's start.
    type Item = (u64, Nanos);

    fn next(&mut self) -> Option<(u64, Nanos)> {
        if self.user == self.users {
            return None;
        }
        let number = number::first_turn(self.phase, self.user);
        // Each user has an own slice of the thinking time, so the sequence is in order.
        let slice = f64::from(self.user) + self.draws.draw(number, 0, FIRST).unit();
        self.user += 1;
        Some((number, (slice / f64::from(self.users) * self.spread) as Nanos))
    }
}
