//! How far a run is: a bar on a terminal, a line now and then elsewhere. Goes to standard error only.

use std::{
    io::{IsTerminal as _, Write as _},
    sync::{
        Condvar, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use richter_mock_bedrock::Nanos;

use crate::clock::Stopwatch;

const BAR_EVERY: Duration = Duration::from_millis(150);
const LINE_EVERY: Duration = Duration::from_secs(10);
const BAR_WIDTH: usize = 30;

/// Ends the reporting also when the work panics: the reporter would wait for ever, and the panic with it.
struct Over<'a>(&'a Progress);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// Virtual time played so far, over all jobs.
#[derive(Debug, Default)]
pub struct Progress {
    total: Nanos,
    done: AtomicU64,
    over: Mutex<bool>,
    changed: Condvar,
    silent: bool,
}

impl Progress {
    pub fn new(total: Nanos) -> Progress {
        Progress { total, ..Progress::default() }
    }

    /// For those who want no output.
    pub fn silent() -> Progress {
        Progress { silent: true, ..Progress::default() }
    }

    #[inline]
    pub fn advance(&self, nanos: Nanos) {
        self.done.fetch_add(nanos, Ordering::Relaxed);
    }

    /// Runs `work` while another thread reports on it.
    pub fn report_on<T>(&self, work: impl FnOnce() -> T) -> T {
        if self.silent {
            return work();
        }
        std::thread::scope(|scope| {
            scope.spawn(|| self.report());
            let _over = Over(self);
            work()
        })
    }

    fn end(&self) {
        *self.over.lock().expect("the reporter does not panic") = true;
        self.changed.notify_all();
    }

    fn report(&self) {
        let watch = Stopwatch::start();
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let bar = std::io::stderr().is_terminal() && !dumb;
        let every = if bar { BAR_EVERY } else { LINE_EVERY };
        let mut drawn = false;
        let mut over = self.over.lock().expect("the worker does not panic");
        while !*over {
            let waited = self.changed.wait_timeout_while(over, every, |over| !*over);
            let (guard, timeout) = waited.expect("the worker does not panic");
            over = guard;
            if timeout.timed_out() {
                drawn = bar;
                self.draw(watch.elapsed(), bar);
            }
        }
        if drawn {
            let _ = write!(std::io::stderr(), "\r\x1b[2K");
        }
    }

    /// A progress report that cannot be written is not worth stopping for.
    fn draw(&self, elapsed: Duration, bar: bool) {
        let text = self.text(elapsed, bar);
        let mut err = std::io::stderr();
        let _ = if bar { write!(err, "\r\x1b[2K{text}") } else { writeln!(err, "{text}") };
    }

    fn text(&self, elapsed: Duration, bar: bool) -> String {
        let done = self.done.load(Ordering::Relaxed);
        let share = (done as f64 / self.total.max(1) as f64).min(1.0);
        let speed = done as f64 / 1e9 / elapsed.as_secs_f64().max(1e-3);
        let percent = share * 100.0;
        let mut tail = format!("{percent:>3.0} %  {speed:.0} times real time");
        if done > 0 {
            let left = elapsed.as_secs_f64() * (1.0 - share) / share;
            tail.push_str(&format!(", about {left:.0} s left"));
        }
        if !bar {
            return format!("simulated {}", tail.trim_start());
        }
        let full = (share * BAR_WIDTH as f64) as usize;
        format!("[{}{}] {tail}", "#".repeat(full), "-".repeat(BAR_WIDTH - full))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_tells_share_speed_and_time_left() {
        let progress = Progress::new(400_000_000_000);
        progress.advance(100_000_000_000);
        let elapsed = Duration::from_secs(2);
        assert_eq!(progress.text(elapsed, false), "simulated 25 %  50 times real time, about 6 s left");
        let nothing_yet = Progress::new(1).text(elapsed, false);
        assert_eq!(nothing_yet, "simulated 0 %  0 times real time");
        assert!(progress.text(elapsed, true).starts_with("[#######-----------------------]  25 %"));
    }
    #[test]
    #[should_panic(expected = "the work's own")]
    fn a_panic_in_the_work_is_not_held_up() {
        Progress::new(1).report_on(|| panic!("the work's own"));
    }
}
