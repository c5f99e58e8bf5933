//! Whether the generator did what it was to do. A run in which it did not is invalid, whatever its numbers say: they
//! would tell of this machine and not of the service.

use std::time::Duration;

use richter_reports::run_file::LiveCell;

/// More of all cores than this, and requests wait for a processor.
pub const CPU_SHARE_MAX: f64 = 0.95;
/// Less than this share of what fell due was sent, and another load was measured than was asked for.
pub const SENT_SHARE_MIN: f64 = 0.99;
/// Waits for a connection beyond this tell of the way to the service, and not of the service.
pub const CONNECT_US_P99_MAX: u64 = 1_000_000;

/// What speaks against believing a cell.
pub fn of(live: &LiveCell, lag_max: Duration) -> Vec<String> {
    let mut doubts = Vec::new();
    let lag_max_us = u64::try_from(lag_max.as_micros()).unwrap_or(u64::MAX);
    if live.lag_us_p99 > lag_max_us {
        doubts.push(format!(
            "the generator was late: {:.1} ms at p99, and {:.1} ms are allowed",
            live.lag_us_p99 as f64 / 1e3,
            lag_max_us as f64 / 1e3
        ));
    }
    let sent = live.begun as f64 / live.due.max(1) as f64;
    if live.due > 0 && sent < SENT_SHARE_MIN {
        doubts.push(format!(
            "less was sent than asked for: {} of {} requests ({:.1} %); the others found --in-flight-max requests open",
            live.begun,
            live.due,
            100.0 * sent
        ));
    }
    if live.connect_us_p99 > CONNECT_US_P99_MAX {
        doubts.push(format!(
            "calls waited for connections: {:.1} s at p99, and {:.1} s are allowed",
            live.connect_us_p99 as f64 / 1e6,
            CONNECT_US_P99_MAX as f64 / 1e6
        ));
    }
    if live.connect_refused_here > 0 {
        doubts.push(format!(
            "this machine had no port or no open file left for {} calls, which therefore failed",
            live.connect_refused_here
        ));
    }
    if live.cpu_share > CPU_SHARE_MAX {
        doubts.push(format!("the processors were busy: {:.0} % of all cores", 100.0 * live.cpu_share));
    }
    if live.dropped > 0 {
        doubts.push(format!("{} events were lost on their way to the recorder", live.dropped));
    }
    doubts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_doubted_for_each_bound_that_it_breaks() {
        let sound = LiveCell { due: 100, begun: 100, lag_us_p99: 900, cpu_share: 0.5, ..LiveCell::default() };
        let lag_max = Duration::from_millis(1);
        assert!(of(&sound, lag_max).is_empty());
        let late = LiveCell { lag_us_p99: 1_001, ..sound.clone() };
        let busy = LiveCell { cpu_share: 0.99, ..sound.clone() };
        let deaf = LiveCell { dropped: 1, ..sound.clone() };
        let short = LiveCell { begun: 98, ..sound.clone() };
        let unconnected = LiveCell { connect_us_p99: 1_500_000, ..sound.clone() };
        let poor = LiveCell { connect_refused_here: 7, ..sound };
        let table = [
            (short, "98 of 100 requests (98.0 %)"),
            (unconnected, "1.5 s at p99, and 1.0 s are allowed"),
            (poor, "no open file left for 7 calls"),
            (late, "late: 1.0 ms at p99"),
            (busy, "99 % of all cores"),
            (deaf, "1 events were lost"),
        ];
        for (live, expected) in table {
            let doubts = of(&live, lag_max);
            assert!(doubts.len() == 1 && doubts[0].contains(expected), "{doubts:?}");
        }
    }
}
