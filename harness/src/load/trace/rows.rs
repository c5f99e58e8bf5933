//! Rows of a recorded trace, read one line at a time: CSV with a header, or JSON Lines.
//!
//! CRLF, blank lines, a byte order mark and a missing last newline are normal. Everything else that does not fit is an
//! error naming the line. Rows must be in order of time, because a reader that sorts must hold the file.

use std::io::{self, BufRead, Read};

use jiff::{Timestamp, civil, tz::TimeZone};
use richter_mock_bedrock::Nanos;
use serde::Deserialize;

use crate::load::spec::{ColumnsSpec, TraceFormat};

/// Longer lines are refused. The longest prompts list a few thousand block ids, which is some ten kilobytes.
const LONGEST_LINE: usize = 256 * 1024;
/// How much of a wrong field an error repeats.
const QUOTED: usize = 32;

/// What is wrong with a trace, at which line; line 0 is the file as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadRow {
    pub line: u64,
    pub message: String,
}

/// One recorded request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// Since the first row of the file.
    pub at: Nanos,
    pub input: u32,
    pub output: u32,
}

#[derive(Debug)]
pub struct Rows<R> {
    reader: R,
    layout: Layout,
    text: Vec<u8>,
    line: u64,
    /// Time of the first row, in its own clock.
    zero: Option<i128>,
    last: Nanos,
}

#[derive(Debug, Clone, Copy)]
enum Layout {
    Lines,
    /// Places of time, input and output.
    Columns([usize; 3]),
}

impl<R: BufRead> Rows<R> {
    /// Reads the header, where the format has one.
    pub fn new(reader: R, format: TraceFormat, columns: Option<&ColumnsSpec>) -> Result<Self, BadRow> {
        let mut rows = Rows { reader, layout: Layout::Lines, text: Vec::new(), line: 0, zero: None, last: 0 };
        let names = match (format, columns) {
            (TraceFormat::Mooncake, _) => return Ok(rows),
            (TraceFormat::Csv, Some(columns)) => [&*columns.time, &*columns.input, &*columns.output],
            (TraceFormat::Azure, _) | (TraceFormat::Csv, None) => {
                ["TIMESTAMP", "ContextTokens", "GeneratedTokens"]
            }
        };
        if !rows.next_line()? {
            return Err(BadRow { line: 0, message: "the file is empty".into() });
        }
        rows.layout = Layout::Columns(rows.header(names)?);
        Ok(rows)
    }

    fn header(&self, names: [&str; 3]) -> Result<[usize; 3], BadRow> {
        let text = self.text()?;
        let mut places = [0; 3];
        for (place, name) in places.iter_mut().zip(names) {
            *place = fields(text).position(|field| field.trim() == name).ok_or_else(|| {
                self.bad(format!("there is no column \"{name}\"; the header is {}", quoted(text)))
            })?;
        }
        Ok(places)
    }

    /// The next row; none at the end of the file.
    pub fn read(&mut self) -> Result<Option<Row>, BadRow> {
        if !self.next_line()? {
            return Ok(None);
        }
        let raw = match self.layout {
            Layout::Lines => self.json_row()?,
            Layout::Columns(places) => self.csv_row(places)?,
        };
        let zero = *self.zero.get_or_insert(raw.at);
        let at = Nanos::try_from(raw.at - zero).ok().filter(|at| *at >= self.last);
        self.last = at.ok_or_else(|| {
            self.bad("this row is earlier than the one before; sort the trace by time".to_owned())
        })?;
        Ok(Some(Row { at: self.last, input: raw.input, output: raw.output }))
    }

    fn csv_row(&self, [time, input, output]: [usize; 3]) -> Result<RawRow, BadRow> {
        let text = self.text()?;
        let field = |place: usize| {
            let missing = || self.bad(format!("column {} is missing in {}", place + 1, quoted(text)));
            fields(text).nth(place).map(str::trim).ok_or_else(missing)
        };
        let time = field(time)?;
        let at = read_time(time)
            .ok_or_else(|| self.bad(format!("{} is neither seconds nor a date and time", quoted(time))))?;
        Ok(RawRow { at, input: self.tokens(field(input)?)?, output: self.tokens(field(output)?)? })
    }

    fn tokens(&self, field: &str) -> Result<u32, BadRow> {
        // Some tools write counts as 12.0.
        let count = field.parse::<f64>().ok().filter(|count| *count >= 0.0 && count.fract() == 0.0);
        let count = count.ok_or_else(|| self.bad(format!("{} is not a number of tokens", quoted(field))))?;
        Ok(count as u32)
    }

    fn json_row(&self) -> Result<RawRow, BadRow> {
        #[derive(Deserialize)]
        struct Line {
            timestamp: f64,
            input_length: u64,
            output_length: u64,
        }
        let line: Line =
            serde_json::from_slice(&self.text).map_err(|error| self.bad(json_problem(&error)))?;
        let at = nanos(line.timestamp / 1e3).ok_or_else(|| self.bad("timestamp is not a time".to_owned()))?;
        let tokens = |count: u64| u32::try_from(count).unwrap_or(u32::MAX);
        Ok(RawRow { at, input: tokens(line.input_length), output: tokens(line.output_length) })
    }

    /// Reads the next line that is not blank, without its end.
    fn next_line(&mut self) -> Result<bool, BadRow> {
        loop {
            self.text.clear();
            let mut limited = self.reader.by_ref().take(LONGEST_LINE as u64 + 1);
            let read = limited.read_until(b'\n', &mut self.text).map_err(|error| self.unreadable(&error))?;
            if read == 0 {
                return Ok(false);
            }
            self.line += 1;
            if self.text.len() > LONGEST_LINE {
                return Err(self.bad(format!("the line is longer than {LONGEST_LINE} bytes")));
            }
            if self.line == 1 && self.text.starts_with(b"\xef\xbb\xbf") {
                self.text.drain(..3);
            }
            self.text.truncate(self.text.trim_ascii_end().len());
            if !self.text.is_empty() {
                return Ok(true);
            }
        }
    }

    fn text(&self) -> Result<&str, BadRow> {
        std::str::from_utf8(&self.text).map_err(|_| self.bad("the line is not UTF-8 text".to_owned()))
    }

    fn bad(&self, message: String) -> BadRow {
        BadRow { line: self.line, message }
    }

    fn unreadable(&self, error: &io::Error) -> BadRow {
        BadRow { line: self.line + 1, message: format!("it cannot be read: {error}") }
    }
}

struct RawRow {
    at: i128,
    input: u32,
    output: u32,
}

/// The fields of one CSV line. A field in quotes may hold commas; quotes doubled inside it stay doubled.
fn fields(line: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(line);
    std::iter::from_fn(move || {
        let text = rest?;
        if let Some(inside) = text.strip_prefix('"')
            && let Some(end) = inside.find("\",").or_else(|| inside.ends_with('"').then(|| inside.len() - 1))
        {
            rest = inside.get(end + 2..);
            return Some(&inside[..end]);
        }
        let (field, after) = text.split_once(',').map_or((text, None), |(field, after)| (field, Some(after)));
        rest = after;
        Some(field)
    })
}

/// Seconds as a number, or a date and time; one without a zone counts as UTC, since only differences matter.
fn read_time(text: &str) -> Option<i128> {
    if let Ok(seconds) = text.parse::<f64>() {
        return nanos(seconds);
    }
    if let Ok(stamp) = text.parse::<Timestamp>() {
        return Some(stamp.as_nanosecond());
    }
    let civil: civil::DateTime = text.parse().ok()?;
    TimeZone::UTC.to_timestamp(civil).ok().map(Timestamp::as_nanosecond)
}

fn nanos(seconds: f64) -> Option<i128> {
    // Beyond ten thousand years it is a mistake.
    (seconds.abs() < 3e11).then(|| libm::round(seconds * 1e9) as i128)
}

fn json_problem(error: &serde_json::Error) -> String {
    // The error's own position counts lines within the one line it was given.
    let text = error.to_string();
    text.split(" at line ").next().unwrap_or(&text).to_owned()
}

fn quoted(text: &str) -> String {
    let short: String = text.chars().take(QUOTED).collect();
    let more = if short.len() < text.len() { ".." } else { "" };
    format!("{short:?}{more}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, format: TraceFormat) -> Result<Vec<(Nanos, u32, u32)>, BadRow> {
        let columns =
            ColumnsSpec { time: "when".into(), input: "prompt".into(), output: "completion".into() };
        let mut rows = Rows::new(text.as_bytes(), format, Some(&columns))?;
        let mut all = Vec::new();
        while let Some(row) = rows.read()? {
            all.push((row.at, row.input, row.output));
        }
        Ok(all)
    }

    const AZURE: &str = "TIMESTAMP,ContextTokens,GeneratedTokens\r\n\
        2023-11-16 18:17:03.9799600,4808,10\r\n\
        2023-11-16 18:17:04.0319600,3180,8";

    #[test]
    fn azure_rows_are_read_with_crlf_seven_decimals_no_zone_and_no_last_newline() {
        assert_eq!(read(AZURE, TraceFormat::Azure), Ok(vec![(0, 4808, 10), (52_000_000, 3180, 8)]));
        let plain = format!("\u{feff}{}\n\n", AZURE.replace("\r\n", "\n"));
        assert_eq!(read(&plain, TraceFormat::Azure), read(AZURE, TraceFormat::Azure));
    }

    #[test]
    fn mooncake_rows_are_read_and_their_other_keys_passed_over() {
        let text = "{\"timestamp\": 27000, \"input_length\": 6758, \"output_length\": 500, \"hash_ids\": [0, 1]}\n\
            {\"timestamp\": 27001.5, \"input_length\": 1, \"output_length\": 2}";
        assert_eq!(read(text, TraceFormat::Mooncake), Ok(vec![(0, 6758, 500), (1_500_000, 1, 2)]));
    }

    #[test]
    fn any_csv_is_read_through_its_column_names() {
        for (times, gap) in [
            (["5", "5.25"], 250_000_000),
            (["2024-05-10 00:00:00.009930+00:00", "2024-05-10 02:00:01.009930+02:00"], 1_000_000_000),
            (["2024-05-10T00:00:00Z", "2024-05-10T00:00:02Z"], 2_000_000_000),
        ] {
            let text = format!(
                "completion,\"a, b\", when ,prompt\n1,\"x, y\",{},2\n3,,{},4.0\n",
                times[0], times[1]
            );
            assert_eq!(read(&text, TraceFormat::Csv), Ok(vec![(0, 2, 1), (gap, 4, 3)]), "{times:?}");
        }
    }

    #[test]
    fn what_does_not_fit_is_named_with_its_line() {
        let long = format!("when,prompt,completion\n1,{},3", "9".repeat(LONGEST_LINE));
        let cases: &[(&str, TraceFormat, u64, &str)] = &[
            ("", TraceFormat::Csv, 0, "empty"),
            ("when,prompt\n", TraceFormat::Csv, 1, "no column \"completion\""),
            ("when,prompt,completion\n1,2,3\n2,2\n", TraceFormat::Csv, 3, "column 3 is missing"),
            ("when,prompt,completion\n1,2,3\n\nsoon,2,3\n", TraceFormat::Csv, 4, "\"soon\" is neither"),
            ("when,prompt,completion\n1,many,3\n", TraceFormat::Csv, 2, "\"many\" is not a number of tokens"),
            ("when,prompt,completion\n1,-2,3\n", TraceFormat::Csv, 2, "\"-2\" is not"),
            ("when,prompt,completion\n1,2.5,3\n", TraceFormat::Csv, 2, "\"2.5\" is not"),
            ("when,prompt,completion\nNaN,2,3\n", TraceFormat::Csv, 2, "\"NaN\" is neither"),
            ("when,prompt,completion\n2,2,3\n1,2,3\n", TraceFormat::Csv, 3, "earlier than the one before"),
            (&long, TraceFormat::Csv, 2, "longer than"),
            ("{\"timestamp\": 1, \"input_length\": 2}", TraceFormat::Mooncake, 1, "output_length"),
            ("{\"timestamp\": 1, ", TraceFormat::Mooncake, 1, "EOF"),
            ("when", TraceFormat::Azure, 1, "no column \"TIMESTAMP\""),
        ];
        for (text, format, line, message) in cases {
            let bad = read(text, *format).expect_err(message);
            assert_eq!(bad.line, *line, "{bad:?}");
            assert!(bad.message.contains(message), "{bad:?} should say {message}");
            assert!(bad.message.len() < 200, "{bad:?}");
        }
        let latin = Rows::new(&b"when,\xe9,completion"[..], TraceFormat::Csv, None).expect_err("not UTF-8");
        assert!(latin.message.contains("UTF-8"), "{latin:?}");
    }

    /// Makes a trace as it is read, so that no file has to be as long as the test.
    struct Endless {
        line: Vec<u8>,
        at: usize,
        left: u64,
    }

    impl Read for Endless {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            unreachable!("rows are read through the buffer")
        }
    }

    impl BufRead for Endless {
        fn fill_buf(&mut self) -> io::Result<&[u8]> {
            if self.at == self.line.len() && self.left > 0 {
                self.left -= 1;
                self.at = 0;
            }
            Ok(&self.line[self.at..])
        }
        fn consume(&mut self, bytes: usize) {
            self.at += bytes;
        }
    }

    #[test]
    fn a_long_trace_takes_no_more_memory_than_its_longest_line() {
        let line = b"{\"timestamp\": 7, \"input_length\": 2, \"output_length\": 3}\n".to_vec();
        let endless = Endless { at: line.len(), line, left: 300_000 };
        let mut rows = Rows::new(endless, TraceFormat::Mooncake, None).expect("no header");
        let mut read = 0;
        while rows.read().expect("good rows").is_some() {
            read += 1;
        }
        assert_eq!(read, 300_000);
        assert!(rows.text.capacity() < 256, "{}", rows.text.capacity());
    }
}
