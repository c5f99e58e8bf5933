//! Replay of a recorded trace: its times and sizes, cut to a window, played faster or slower, denser or thinner.
//!
//! `rate_scale` works row by row, so bursts and silences stay where they are and every count grows or shrinks alike. A
//! scale of 0.4 keeps each row with probability 0.4. A scale of 2.4 plays each row at its own time and once more, and
//! for 4 rows in 10 twice more; the copies have the row's sizes and fall at random between the row and the next one,
//! at most a second after it. The draw is keyed by the row: another scale or window changes no other row's fate.

pub mod place;
pub mod rows;
pub mod survey;

use std::{
    fs::File,
    io::{BufRead, BufReader},
    path::PathBuf,
};

use richter_mock_bedrock::{Nanos, luck::Draws};

use self::rows::{BadRow, Row, Rows};
use super::{
    TraceError, herd, number,
    spec::{ColumnsSpec, TraceFormat},
};

const KEEP: u32 = 4;
const SPREAD: u32 = 5;

/// A copy of a row comes at most this much later, in the trace's own time.
const LONGEST_SPREAD: Nanos = 1_000_000_000;

/// A trace and what to do with it.
#[derive(Debug, Clone, PartialEq)]
pub struct Trace {
    pub path: PathBuf,
    pub format: TraceFormat,
    pub columns: Option<ColumnsSpec>,
    pub time_scale: f64,
    pub rate_scale: f64,
    /// The part to use, in the trace's own time.
    pub from: Nanos,
    pub to: Nanos,
    pub token_cap: u32,
}

impl Trace {
    pub fn open(&self) -> Result<Replay<BufReader<File>>, TraceError> {
        let file = File::open(&self.path).map_err(|error| self.error(&unopened(&error)))?;
        self.replay(BufReader::with_capacity(64 * 1024, file))
    }

    /// The same rows, each once.
    fn once(&self) -> Trace {
        Trace { rate_scale: 1.0, ..self.clone() }
    }

    fn replay<R: BufRead>(&self, reader: R) -> Result<Replay<R>, TraceError> {
        let rows = Rows::new(reader, self.format, self.columns.as_ref()).map_err(|bad| self.error(&bad))?;
        Ok(Replay { trace: self.clone(), rows, ahead: None, row: 0, copies: Copies::default() })
    }

    fn error(&self, bad: &BadRow) -> TraceError {
        let path = self.path.display();
        TraceError(match bad.line {
            0 => format!("{path}: {}", bad.message),
            line => format!("{path}, line {line}: {}", bad.message),
        })
    }
}

fn unopened(error: &std::io::Error) -> BadRow {
    BadRow { line: 0, message: format!("cannot be opened: {error}") }
}

/// One replayed request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Replayed {
    pub place: u64,
    /// Since the start of the phase.
    pub at: Nanos,
    pub input: u32,
    pub output: u32,
}

/// A trace as it plays. Holds one row and one line of the file.
#[derive(Debug)]
pub struct Replay<R> {
    trace: Trace,
    rows: Rows<R>,
    /// The row after the one being copied.
    ahead: Option<Row>,
    /// Rows taken from the file so far.
    row: u64,
    copies: Copies,
}

/// What is left to play of one row.
#[derive(Debug, Clone, Copy, Default)]
struct Copies {
    row: Option<Row>,
    index: u64,
    done: u64,
    count: u64,
    /// Time until the next row, and the share of it that has passed.
    gap: Nanos,
    passed: f64,
}

impl<R: BufRead> Replay<R> {
    /// The next request in order of time.
    pub fn next(&mut self, draws: Draws, phase: u16) -> Result<Option<Replayed>, TraceError> {
        while self.copies.done == self.copies.count {
            if !self.next_row(draws, phase)? {
                return Ok(None);
            }
        }
        Ok(self.copy(draws, phase))
    }

    fn copy(&mut self, draws: Draws, phase: u16) -> Option<Replayed> {
        let copies = &mut self.copies;
        let row = copies.row?;
        let place = number::copied(copies.index, copies.done);
        if copies.done > 0 {
            let left = (copies.count - copies.done) as f64;
            copies.passed =
                herd::later(copies.passed, left, draws.draw(place, u32::from(phase), SPREAD).unit());
        }
        copies.done += 1;
        let after = (copies.passed * copies.gap as f64) as Nanos;
        let at = (row.at - self.trace.from + after) as f64 / self.trace.time_scale;
        let input = row.input.clamp(1, self.trace.token_cap);
        Some(Replayed { place, at: at as Nanos, input, output: row.output.max(1) })
    }

    /// Moves to the next row within the window; false at its end.
    fn next_row(&mut self, draws: Draws, phase: u16) -> Result<bool, TraceError> {
        let row = loop {
            match self.take_row()? {
                None => return Ok(false),
                Some(row) if row.at >= self.trace.to => return Ok(false),
                Some(row) if row.at >= self.trace.from => break row,
                Some(_) => {}
            }
        };
        let index = self.row - 1;
        let scale = self.trace.rate_scale;
        let more = draws.draw(index, u32::from(phase), KEEP).unit() < scale.fract();
        let gap = self.ahead.map_or(0, |ahead| (ahead.at - row.at).min(LONGEST_SPREAD));
        let count = scale as u64 + u64::from(more);
        self.copies = Copies { row: Some(row), index, done: 0, count, gap, passed: 0.0 };
        Ok(true)
    }

    fn take_row(&mut self) -> Result<Option<Row>, TraceError> {
        let row = match self.ahead.take() {
            Some(row) => Some(row),
            None => self.read()?,
        };
        if row.is_some() {
            self.row += 1;
            self.ahead = self.read()?;
        }
        Ok(row)
    }

    fn read(&mut self) -> Result<Option<Row>, TraceError> {
        self.rows.read().map_err(|bad| self.trace.error(&bad))
    }
}

#[cfg(test)]
mod tests;
