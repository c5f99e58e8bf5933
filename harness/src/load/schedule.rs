//! The arrivals of one replication, phase by phase. Holds one phase's state, however long the run.

use std::{fs::File, io::BufReader, iter::FusedIterator, sync::Arc};

use richter_mock_bedrock::{
    Nanos,
    luck::{Draws, Luck, Stream},
};

use super::{
    Arrival, Source, TraceError, Traffic,
    herd::Visits,
    mix::{Keys, Point},
    number,
    points::Points,
    population::Firsts,
    trace::Replay,
};

/// The arrivals of one replication.
#[derive(Debug)]
pub struct Schedule {
    traffic: Traffic,
    luck: Luck,
    keys: Keys,
    draws: Draws,
    /// Place of the phase that is running.
    phase: usize,
    running: Running,
}

/// The state of the source that is running.
#[derive(Debug)]
enum Running {
    /// No phase has begun, or the last one is over.
    Idle,
    Rated(Points),
    Herd(Visits),
    Population(Firsts),
    Trace(Box<Replay<BufReader<File>>>),
}

/// One arrival of the running phase: its number, nanoseconds from the phase's start, and sizes if they are recorded.
type Next = Option<(u64, Nanos, Option<(u32, u32)>)>;

impl Schedule {
    pub(super) fn new(traffic: &Traffic, luck: Luck) -> Schedule {
        Schedule {
            traffic: traffic.clone(),
            luck,
            keys: Keys::new(luck),
            draws: luck.stream(Stream::Arrivals),
            phase: 0,
            running: Running::Idle,
        }
    }

    fn start(&self) -> Result<Running, TraceError> {
        let phase = self.phase as u16;
        Ok(match self.traffic.sources.get(self.phase) {
            None => Running::Idle,
            Some(Source::Rated { curve, process }) => {
                Running::Rated(Points::new(Arc::clone(curve), *process, self.draws, phase))
            }
            Some(Source::Herd(herd)) => Running::Herd(Visits::new(*herd, self.draws, phase)),
            Some(Source::Population(population)) => {
                Running::Population(Firsts::new(population, self.luck, phase))
            }
            Some(Source::Trace(trace)) => Running::Trace(Box::new(trace.0.open()?)),
        })
    }

    #[inline]
    fn advance(&mut self) -> Result<Next, TraceError> {
        let phase = self.phase as u16;
        Ok(match &mut self.running {
            Running::Idle => None,
            Running::Rated(points) => points
                .next()
                .map(|(place, time)| (number::scheduled(phase, place), (time * 1e9) as Nanos, None)),
            Running::Herd(visits) => {
                visits.next().map(|(place, at)| (number::scheduled(phase, place), at, None))
            }
            Running::Population(firsts) => firsts.next().map(|(number, at)| (number, at, None)),
            Running::Trace(replay) => replay
                .next(self.draws, phase)?
                .map(|row| (number::scheduled(phase, row.place), row.at, Some((row.input, row.output)))),
        })
    }

    fn stop(&mut self, error: TraceError) -> Option<Result<Arrival, TraceError>> {
        self.phase = self.traffic.phases.len();
        self.running = Running::Idle;
        Some(Err(error))
    }
}

impl Iterator for Schedule {
    type Item = Result<Arrival, TraceError>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let plan = self.traffic.phases.get(self.phase)?;
            let (from, length) = (plan.from, plan.to - plan.from);
            if matches!(self.running, Running::Idle) {
                match self.start() {
                    Ok(running) => self.running = running,
                    Err(error) => return self.stop(error),
                }
            }
            match self.advance() {
                Ok(Some((number, offset, sizes))) if offset < length => {
                    let point = Point { at: from + offset, number, phase: self.phase as u16, sizes };
                    return Some(Ok(self.traffic.mix.arrival(self.keys, point)));
                }
                Ok(_) => {
                    self.phase += 1;
                    self.running = Running::Idle;
                }
                Err(error) => return self.stop(error),
            }
        }
    }
}

impl FusedIterator for Schedule {}
