//! Who arrives when, with what sizes: an absolute schedule made from the seed, streamed, never waiting for a reply.
//!
//! A phase's rate is a [`curve`]; [`points`] are scattered along it; the [`mix`] gives each its class and sizes. Traces,
//! herds and populations have files of their own. Every draw is keyed, so a change to one class, phase or size shifts
//! no other arrival. To add a shape or a way of arriving, open [`shape`] or [`arrival`].

pub mod arrival;
pub mod check;
pub mod curve;
pub mod gamma;
pub mod herd;
pub mod mix;
pub mod number;
pub mod points;
pub mod population;
pub mod schedule;
pub mod shape;
pub mod spec;
pub mod tenants;
pub mod trace;

use std::sync::Arc;

use richter_core::request::{Api, Needs, Priority};
use richter_mock_bedrock::{Nanos, dist::Sampler, engine::Prefix, luck::Luck};

pub use self::{
    arrival::{ARRIVALS, ArrivalInfo},
    schedule::Schedule,
};
use self::{
    curve::Curve,
    herd::Herd,
    mix::{Mix, Point},
    points::Process,
    population::Population,
    trace::{Trace, survey::Survey},
};

/// One request's intended arrival, with everything about it that chance decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrival {
    /// Intended time. Never moved, however late anything is.
    pub at: Nanos,
    /// Unique in the run; keys every draw for this request. See [`number`].
    pub number: u64,
    /// The phase that `at` lies in.
    pub phase: u16,
    pub class: u16,
    /// Its number in [`Traffic::tenants`].
    pub tenant: u16,
    pub input_tokens: u32,
    /// How many tokens the model would produce for it.
    pub output_tokens: u32,
    pub max_tokens: Option<u32>,
    /// The part of its prompt that others begin with, too.
    pub prefix: Option<Prefix>,
    /// How long the caller waits before leaving.
    pub patience: Option<Nanos>,
}

/// Traffic, resolved: classes and phases with absolute times, in order, without overlap.
#[derive(Debug, Clone)]
pub struct Traffic {
    pub phases: Vec<PhasePlan>,
    pub classes: Vec<ClassPlan>,
    /// Names of the tenants, by number.
    pub tenants: Vec<String>,
    /// One for each phase.
    sources: Vec<Source>,
    mix: Mix,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PhasePlan {
    pub name: String,
    pub from: Nanos,
    pub to: Nanos,
    pub measured: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub struct ClassPlan {
    pub name: String,
    pub api: Api,
    /// Of all requests, as a part of 1.
    pub share: f64,
    /// Mean sizes as written; a trace brings its own.
    pub mean_input: f64,
    pub mean_output: f64,
    /// How much the model would produce.
    pub output: Sampler,
    pub max_tokens: Option<u32>,
    pub priority: Priority,
    /// What its requests need of a model beside text.
    pub needs: Needs,
    /// How many tenants ask.
    pub tenants: usize,
}

/// Where a phase's requests come from.
#[derive(Debug, Clone)]
enum Source {
    Rated { curve: Arc<Curve>, process: Process },
    Herd(Herd),
    Population(Population),
    Trace(Box<(Trace, Survey)>),
}

/// Why a schedule stopped early: a trace that cannot be read any further.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TraceError(pub String);

fn seconds(nanos: Nanos) -> f64 {
    nanos as f64 / 1e9
}

impl Traffic {
    /// The open-loop schedule of one replication, in order of time. Streams: memory does not grow with its length.
    pub fn arrivals(&self, luck: Luck) -> Schedule {
        Schedule::new(self, luck)
    }

    /// Whether anything ever comes of an ended request.
    pub fn may_follow_up(&self) -> bool {
        let population = self.sources.iter().any(|source| matches!(source, Source::Population(_)));
        population || self.mix.anybody_comes_again()
    }

    /// What comes of an ended request: a caller who tries again, or a closed population's next request.
    ///
    /// A user asks something new each turn, so that one request that can never succeed does not hold the user for
    /// good. A caller who comes `again` asks the same once more; it counts where its new arrival lies.
    pub fn follow_up(&self, luck: Luck, arrival: &Arrival, ended: Nanos, answered: bool) -> Option<Arrival> {
        if number::is_user(arrival.number) {
            return self.next_turn(luck, arrival, ended, answered);
        }
        if answered {
            return None;
        }
        let again = self.mix.again(luck, arrival, ended)?;
        (again.at < self.end()).then(|| Arrival { phase: self.phase_at(again.at), ..again })
    }

    fn next_turn(&self, luck: Luck, arrival: &Arrival, ended: Nanos, answered: bool) -> Option<Arrival> {
        let phase = number::first_phase(arrival.number);
        let Some(Source::Population(population)) = self.sources.get(usize::from(phase)) else {
            return None;
        };
        let at = population.returns(luck, arrival.number, ended, answered);
        if at >= self.phases[usize::from(phase)].to {
            return None;
        }
        let number = number::next_turn(arrival.number)?;
        Some(self.mix.arrival(mix::Keys::new(luck), Point { at, number, phase, sizes: None }))
    }

    /// The phase that has begun last.
    pub fn phase_at(&self, at: Nanos) -> u16 {
        self.phases.partition_point(|phase| phase.from <= at).saturating_sub(1) as u16
    }

    /// End of the last phase.
    pub fn end(&self) -> Nanos {
        self.phases.last().map_or(0, |phase| phase.to)
    }

    /// Expected requests offered per second at `at`, for `explain` and for the quota check. A herd counts with its
    /// mean, a trace with the mean over a six-hundredth of its phase, a population with the most it could ask.
    pub fn expected_rate(&self, at: Nanos) -> f64 {
        let index = usize::from(self.phase_at(at));
        match (self.phases.get(index), self.sources.get(index)) {
            (Some(phase), Some(source)) if (phase.from..phase.to).contains(&at) => {
                source.rate(at - phase.from)
            }
            _ => 0.0,
        }
    }

    /// Requests expected to arrive in `from..to`, without callers who come again.
    pub fn expected(&self, from: Nanos, to: Nanos) -> f64 {
        let within = |(phase, source): (&PhasePlan, &Source)| {
            let (from, to) = (from.clamp(phase.from, phase.to), to.clamp(phase.from, phase.to));
            source.expected(to - phase.from) - source.expected(from - phase.from)
        };
        self.phases.iter().zip(&self.sources).map(within).sum()
    }

    /// Mean input and output tokens of a class within a phase.
    pub fn mean_sizes(&self, phase: usize, class: usize) -> (f64, f64) {
        match (self.sources.get(phase), self.classes.get(class)) {
            (Some(Source::Trace(trace)), _) => (trace.1.mean_input, trace.1.mean_output),
            (_, Some(class)) => (class.mean_input, class.mean_output),
            _ => (0.0, 0.0),
        }
    }
}

impl Source {
    fn rate(&self, at: Nanos) -> f64 {
        match self {
            Source::Rated { curve, .. } => curve.rate(seconds(at)),
            Source::Herd(herd) => f64::from(herd.count) / seconds(herd.every),
            Source::Population(population) => population.rate(),
            Source::Trace(trace) => trace.1.rate(at),
        }
    }

    /// Requests expected from the phase's start to `at`.
    fn expected(&self, at: Nanos) -> f64 {
        match self {
            Source::Rated { curve, .. } => curve.area(seconds(at)),
            Source::Herd(herd) => herd.expected(at),
            Source::Population(population) => population.rate() * seconds(at),
            Source::Trace(trace) => trace.1.expected(at),
        }
    }
}

#[cfg(test)]
mod tests;
