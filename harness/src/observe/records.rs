//! Invocation records out of files, one at a time: what S3 delivery writes (gzip, one record a line), what an export of
//! a log group holds (a time before each record), and what the AWS CLI prints of events. No call to AWS.
//!
//! Memory is bounded by one line. A file that is one JSON document has to be held whole, and may be so long at most.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read},
    path::{Path, PathBuf},
};

use flate2::read::MultiGzDecoder;
use serde::Deserialize;

use super::{join::Arrived, record::Line};

/// CloudWatch Logs takes no event longer than 1 MB, and an escaped one is at most some times as long.
const LINE_BYTES_MAX: usize = 4 << 20;
/// Longest JSON document, unpacked.
const DOCUMENT_BYTES_MAX: u64 = 256 << 20;
/// Most files of a folder.
const FILES_MAX: usize = 100_000;
/// Deepest folder: the layout of S3 delivery has nine levels.
const DEPTH_MAX: usize = 16;

#[derive(Debug, thiserror::Error)]
#[error("{}: {cause}", path.display())]
pub struct ReadError {
    pub path: PathBuf,
    pub cause: Cause,
}

#[derive(Debug, thiserror::Error)]
pub enum Cause {
    #[error("cannot be read: {0}")]
    Io(#[from] io::Error),
    #[error("a JSON document of more than {} MiB; convert it to one record a line, such as with jq -c '.events[]'", DOCUMENT_BYTES_MAX >> 20)]
    TooLong,
    #[error("neither one record a line nor a JSON document of events: {0}")]
    Json(String),
    #[error("more than {FILES_MAX} files; name a folder further down, such as one day's")]
    TooMany,
}

/// What a log was made of, besides its records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    pub records: u64,
    pub notices: u64,
    pub foreign: u64,
    pub damaged: u64,
    /// Lines of more bytes than any event can have.
    pub too_long: u64,
}

impl Counts {
    pub fn note(&mut self, line: &Line) {
        match line {
            Line::Record(_) => self.records += 1,
            Line::Notice => self.notices += 1,
            Line::Foreign => self.foreign += 1,
            Line::Damaged(_) => self.damaged += 1,
        }
    }
}

/// Files named by somebody, each folder with all files below it, in order of their names: S3 delivery's names sort by
/// time.
pub fn files(paths: &[PathBuf]) -> Result<Vec<PathBuf>, ReadError> {
    let mut found = Vec::new();
    for path in paths {
        below(path, DEPTH_MAX, &mut found)?;
    }
    Ok(found)
}

fn below(path: &Path, depth: usize, found: &mut Vec<PathBuf>) -> Result<(), ReadError> {
    let fail = |cause: Cause| ReadError { path: path.to_owned(), cause };
    if !std::fs::metadata(path).map_err(|error| fail(error.into()))?.is_dir() {
        found.push(path.to_owned());
        return if found.len() > FILES_MAX { Err(fail(Cause::TooMany)) } else { Ok(()) };
    }
    if depth == 0 {
        return Ok(());
    }
    let entries = std::fs::read_dir(path).map_err(|error| fail(error.into()))?;
    let mut paths: Vec<PathBuf> = entries
        .map(|entry| Ok(entry?.path()))
        .collect::<io::Result<_>>()
        .map_err(|error| fail(error.into()))?;
    paths.sort_unstable();
    paths.iter().try_for_each(|path| below(path, depth - 1, found))
}

/// Gives every line of the files to `each`, and what they were.
pub fn read_all(files: &[PathBuf], mut each: impl FnMut(Line, Arrived)) -> Result<Counts, ReadError> {
    let mut counts = Counts::default();
    for path in files {
        let fail = |cause: Cause| ReadError { path: path.clone(), cause };
        let file = File::open(path).map_err(|error| fail(error.into()))?;
        let file = BufReader::with_capacity(64 << 10, file);
        read(file, &mut counts, &mut each).map_err(fail)?;
    }
    Ok(counts)
}

/// One file, packed or not.
fn read(
    mut file: impl BufRead,
    counts: &mut Counts,
    each: &mut impl FnMut(Line, Arrived),
) -> Result<(), Cause> {
    let packed = file.fill_buf()?.starts_with(&[0x1f, 0x8b]);
    if packed {
        return unpacked(BufReader::with_capacity(64 << 10, MultiGzDecoder::new(file)), counts, each);
    }
    unpacked(file, counts, each)
}

fn unpacked(
    mut file: impl BufRead,
    counts: &mut Counts,
    each: &mut impl FnMut(Line, Arrived),
) -> Result<(), Cause> {
    let mut line = Vec::new();
    let mut first = true;
    while next_line(&mut file, &mut line, counts)? {
        if std::mem::take(&mut first) && opens_document(&line) {
            return document(line, file, counts, each);
        }
        tell(&String::from_utf8_lossy(&line), counts, each);
    }
    Ok(())
}

/// The next line that is no longer than any event; false at the end of the file.
fn next_line(file: &mut impl BufRead, line: &mut Vec<u8>, counts: &mut Counts) -> io::Result<bool> {
    loop {
        line.clear();
        let read = file.by_ref().take(LINE_BYTES_MAX as u64 + 1).read_until(b'\n', line)?;
        if read <= LINE_BYTES_MAX {
            return Ok(read > 0);
        }
        counts.too_long += 1;
        skip_line(file, line)?;
    }
}

fn skip_line(file: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<()> {
    while line.last().is_some_and(|byte| *byte != b'\n') {
        line.clear();
        file.by_ref().take(64 << 10).read_until(b'\n', line)?;
    }
    Ok(())
}

/// Whether the file is one JSON value over many lines, or a list. Anything else that begins with a brace is a record
/// a line, damaged or not.
fn opens_document(line: &[u8]) -> bool {
    let text = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line).trim_ascii();
    text == b"{"
        || text.starts_with(b"[")
        || text.starts_with(b"{\"events\"")
        || text.starts_with(b"{ \"events\"")
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Document {
    Page { events: Vec<Event> },
    List(Vec<Entry>),
    One(serde_json::Value),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    message: String,
    #[serde(default)]
    timestamp: Option<i64>,
    #[serde(default)]
    ingestion_time: Option<i64>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Entry {
    Event(Event),
    Other(serde_json::Value),
}

fn document(
    begun: Vec<u8>,
    file: impl BufRead,
    counts: &mut Counts,
    each: &mut impl FnMut(Line, Arrived),
) -> Result<(), Cause> {
    let mut bytes = begun;
    file.take(DOCUMENT_BYTES_MAX + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > DOCUMENT_BYTES_MAX {
        return Err(Cause::TooLong);
    }
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
    match serde_json::from_slice(text).map_err(|error| Cause::Json(error.to_string()))? {
        Document::Page { events } => events.iter().for_each(|event| event.tell(counts, each)),
        Document::List(entries) => entries.iter().for_each(|entry| match entry {
            Entry::Event(event) => event.tell(counts, each),
            Entry::Other(value) => tell(&value.to_string(), counts, each),
        }),
        Document::One(value) => tell(&value.to_string(), counts, each),
    }
    Ok(())
}

/// A line as it stands: a record, a record behind the time that an export writes before it, or an event around one.
fn tell(text: &str, counts: &mut Counts, each: &mut impl FnMut(Line, Arrived)) {
    let text = text.trim_start_matches('\u{feff}').trim();
    match Line::of(behind_time(text)) {
        line @ (Line::Foreign | Line::Damaged(_)) => match serde_json::from_str::<Event>(text) {
            Ok(event) => event.tell(counts, each),
            Err(_) => give(line, Arrived::default(), counts, each),
        },
        line => give(line, Arrived::default(), counts, each),
    }
}

fn give(line: Line, arrived: Arrived, counts: &mut Counts, each: &mut impl FnMut(Line, Arrived)) {
    counts.note(&line);
    each(line, arrived);
}

impl Event {
    fn tell(&self, counts: &mut Counts, each: &mut impl FnMut(Line, Arrived)) {
        let arrived = Arrived { event_ms: self.timestamp, ingested_ms: self.ingestion_time };
        give(Line::of(&self.message), arrived, counts, each);
    }
}

fn behind_time(text: &str) -> &str {
    match text.split_once(' ') {
        Some((time, rest)) if time.parse::<jiff::Timestamp>().is_ok() => rest,
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::{Compression, write::GzEncoder};

    use super::*;

    fn record(id: u32) -> String {
        format!(
            r#"{{"timestamp":"2025-12-17T01:09:56Z","region":"us-east-1","requestId":"{id}","operation":"Converse","modelId":"m","schemaType":"ModelInvocationLog"}}"#
        )
    }

    fn ids(bytes: &[u8]) -> (Vec<String>, Counts) {
        let (mut ids, mut counts) = (Vec::new(), Counts::default());
        let mut each = |line, _| {
            if let Line::Record(record) = line {
                ids.push(record.request_id);
            }
        };
        read(bytes, &mut counts, &mut each).expect("read");
        (ids, counts)
    }

    fn packed(text: &str) -> Vec<u8> {
        let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
        packer.write_all(text.as_bytes()).expect("packed");
        packer.finish().expect("packed")
    }

    #[test]
    fn every_form_in_which_records_are_found_is_read() {
        let message = |id| serde_json::to_string(&record(id)).expect("JSON");
        let lines = format!("{}\n{}\n", record(1), record(2));
        let exported =
            format!("2025-12-17T01:09:56.000Z {}\n2025-12-17T01:09:57.123Z {}", record(1), record(2));
        let events =
            format!("{{\"timestamp\":1,\"message\":{}}}\r\n{{\"message\":{}}}\r\n", message(1), message(2));
        let page = format!(
            "{{\n  \"events\": [\n {{\"message\": {}}},\n {{\"message\": {}, \"eventId\": \"3\"}}], \"searchedLogStreams\": []\n}}",
            message(1),
            message(2)
        );
        let list = format!("[\n{},\n{}\n]", record(1), record(2));
        let list_of_events = format!("[{{\"message\": {}}}, {}]", message(1), record(2));
        for text in [&lines, &exported, &events, &page, &list, &list_of_events] {
            assert_eq!(ids(text.as_bytes()).0, ["1", "2"], "{text}");
            assert_eq!(ids(&packed(text)).0, ["1", "2"], "packed: {text}");
        }
        let members = [packed(&lines), packed(&lines)].concat();
        assert_eq!(ids(&members).0, ["1", "2", "1", "2"], "gzip files joined end to end");
    }

    #[test]
    fn what_is_no_record_is_counted_and_passed_over() {
        let text = format!(
            "Permissions are correctly set for Amazon Bedrock logs.\n{}\n{{\"a\":1}}\n{{\"requestId\":\n{}{}\n{}\n",
            record(1),
            "x".repeat(LINE_BYTES_MAX),
            "y".repeat(99),
            record(2)
        );
        let (found, counts) = ids(text.as_bytes());
        assert_eq!(found, ["1", "2"]);
        assert_eq!(counts, Counts { records: 2, notices: 1, foreign: 1, damaged: 1, too_long: 1 });
    }

    #[test]
    fn a_broken_document_and_a_broken_archive_are_errors() {
        let read = |bytes: &[u8]| read(bytes, &mut Counts::default(), &mut |_, _| {});
        assert!(matches!(read(b"[1, 2"), Err(Cause::Json(_))));
        let mut torn = packed(&record(1));
        torn.truncate(torn.len() - 9);
        assert!(matches!(read(&torn), Err(Cause::Io(_))));
    }

    #[test]
    fn a_folder_stands_for_all_files_below_it_in_order() {
        let folder = tempfile::tempdir().expect("a folder");
        for name in ["b/2.json.gz", "b/1.json.gz", "a.json"] {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("made");
            std::fs::write(&path, packed(&record(1))).expect("written");
        }
        let found = files(&[folder.path().to_owned()]).expect("listed");
        let names: Vec<_> =
            found.iter().map(|path| path.strip_prefix(folder.path()).expect("below")).collect();
        assert_eq!(names, [Path::new("a.json"), Path::new("b/1.json.gz"), Path::new("b/2.json.gz")]);
        let counts = read_all(&found, |_, _| {}).expect("read");
        assert_eq!(counts.records, 3);
        assert!(files(&[folder.path().join("c")]).is_err());
    }
}
