//! What this machine gives the run: processor time, and how many files may be open.

use std::time::Duration;

use rustix::{
    process::{Resource, Rlimit, getrlimit, setrlimit},
    time::{ClockId, clock_gettime},
};

use crate::clock::Stopwatch;

/// Files that a program has open besides its connections.
const FILES_SPARE: u64 = 200;

/// Processor time of this program since the start.
#[derive(Debug)]
pub struct CpuWatch {
    watch: Stopwatch,
    cpu: Duration,
}

/// What was used.
#[derive(Debug, Clone, Copy)]
pub struct Used {
    /// Of all cores.
    pub share: f64,
    pub cpu_s: f64,
}

impl CpuWatch {
    pub fn start() -> CpuWatch {
        CpuWatch { watch: Stopwatch::start(), cpu: cpu() }
    }

    pub fn used(&self) -> Used {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get) as f64;
        let wall = self.watch.elapsed().as_secs_f64().max(1e-9);
        let cpu_s = cpu().saturating_sub(self.cpu).as_secs_f64();
        Used { share: cpu_s / wall / cores, cpu_s }
    }
}

fn cpu() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// Lets this program open as many files as it may, and gives how many connections that is.
pub fn connections_max() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    let now = if setrlimit(Resource::Nofile, raised).is_ok() { limit.maximum } else { limit.current };
    now.map_or(u64::MAX, |files| files.saturating_sub(FILES_SPARE))
}
