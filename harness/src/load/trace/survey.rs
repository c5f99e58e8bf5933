//! One pass over a trace before the run: is every row that will be played in order, and what will it offer?

use std::io::BufRead;

use richter_mock_bedrock::{Nanos, luck::Luck, luck::Stream};

use super::{Replay, Trace};
use crate::load::TraceError;

/// Rates over time are kept for this many equal parts of the phase.
const PARTS: usize = 600;
/// More rows than this are refused: a run could not play them in reasonable time.
pub const MOST_ROWS: u64 = 20_000_000;

/// What a trace offers over its phase.
#[derive(Debug, Clone, PartialEq)]
pub struct Survey {
    /// Expected requests in each part of the phase.
    parts: Vec<f64>,
    part: f64,
    pub rows: u64,
    /// Rows that are read but beyond the limit are not counted.
    pub cut_short: bool,
    pub mean_input: f64,
    pub mean_output: f64,
}

impl Survey {
    /// Reads what a phase of this length would play.
    pub fn of(trace: &Trace, length: Nanos) -> Result<Survey, TraceError> {
        Survey::read(trace.once().open()?, trace.rate_scale, length)
    }

    fn read<R: BufRead>(mut replay: Replay<R>, rate_scale: f64, length: Nanos) -> Result<Survey, TraceError> {
        let part = (length as f64 / PARTS as f64).max(1.0);
        let mut survey = Survey {
            parts: vec![0.0; PARTS],
            part,
            rows: 0,
            cut_short: false,
            mean_input: 0.0,
            mean_output: 0.0,
        };
        // Without scaling every row plays once, whatever the luck.
        let draws = Luck::new(0, 0).stream(Stream::Arrivals);
        let (mut input, mut output) = (0.0, 0.0);
        while let Some(row) = replay.next(draws, 0)?.filter(|row| row.at < length) {
            if survey.rows == MOST_ROWS {
                survey.cut_short = true;
                break;
            }
            survey.rows += 1;
            survey.parts[((row.at as f64 / part) as usize).min(PARTS - 1)] += rate_scale;
            input += f64::from(row.input);
            output += f64::from(row.output);
        }
        survey.mean_input = input / survey.rows.max(1) as f64;
        survey.mean_output = output / survey.rows.max(1) as f64;
        Ok(survey)
    }

    /// Requests expected from the phase's start to `at`.
    pub fn expected(&self, at: Nanos) -> f64 {
        let place = at as f64 / self.part;
        let whole = (place as usize).min(PARTS);
        let rest = self.parts.get(whole).map_or(0.0, |part| part * (place - whole as f64));
        self.parts[..whole].iter().sum::<f64>() + rest
    }

    /// Requests per second around `at`.
    pub fn rate(&self, at: Nanos) -> f64 {
        let part = ((at as f64 / self.part) as usize).min(PARTS - 1);
        self.parts[part] / (self.part / 1e9)
    }
}
