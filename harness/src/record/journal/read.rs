//! Reading a journal: everything up to the first line that is torn or damaged.

use std::{
    fs::{self, File, Metadata},
    io::{self, BufRead as _, BufReader},
    path::{Path, PathBuf},
};

use super::{FORMAT, Head, Line, VERSION, crc};

/// Longest line read: a scenario with its include stays far below.
const LINE_BYTES_MAX: u64 = 16 << 20;

#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    #[error("cannot read {path}: {source}")]
    Io { path: PathBuf, source: io::Error },
    #[error("{path} is not a journal of a richter run; name the run.journal in the run's folder")]
    NoJournal { path: PathBuf },
    #[error("{path} is of journal version {version}, and this richter reads version {VERSION}")]
    Version { path: PathBuf, version: u32 },
}

/// A journal that is being read.
#[derive(Debug)]
pub struct Journal {
    pub head: Head,
    lines: BufReader<File>,
    path: PathBuf,
    buffer: Vec<u8>,
}

/// What came of reading a line.
#[derive(Debug)]
pub enum Recording {
    Line(Line),
    /// Nothing more; bytes of a torn or damaged rest that were left unread at least in part.
    End {
        torn: bool,
    },
}

impl Journal {
    pub fn open(path: &Path) -> Result<Journal, JournalError> {
        let fail = |source| JournalError::Io { path: path.to_owned(), source };
        let mut lines = BufReader::new(File::open(path).map_err(fail)?);
        let mut buffer = Vec::new();
        let first = next(&mut lines, &mut buffer).map_err(fail)?;
        let Recording::Line(Line::Head(head)) = first else {
            return Err(JournalError::NoJournal { path: path.to_owned() });
        };
        if head.format != FORMAT {
            return Err(JournalError::NoJournal { path: path.to_owned() });
        }
        if head.version != VERSION {
            return Err(JournalError::Version { path: path.to_owned(), version: head.version });
        }
        Ok(Journal { head: *head, lines, path: path.to_owned(), buffer })
    }

    /// The next line. What is torn now may be whole when it is asked for again, if the journal is still being written.
    pub fn read(&mut self) -> Result<Recording, JournalError> {
        let read = next(&mut self.lines, &mut self.buffer);
        read.map_err(|source| JournalError::Io { path: self.path.clone(), source })
    }

    /// Whether the file that is read is still the one of this name: it goes when the run file is written, and makes
    /// room when another run begins.
    pub fn is_there(&self) -> bool {
        use std::os::unix::fs::MetadataExt as _;
        let same = |open: Metadata, named: Metadata| (open.dev(), open.ino()) == (named.dev(), named.ino());
        match (self.lines.get_ref().metadata(), fs::metadata(&self.path)) {
            (Ok(open), Ok(named)) => same(open, named),
            _ => false,
        }
    }
}

fn next(lines: &mut BufReader<File>, buffer: &mut Vec<u8>) -> io::Result<Recording> {
    if buffer.ends_with(b"\n") {
        buffer.clear();
    }
    let room = LINE_BYTES_MAX.saturating_sub(buffer.len() as u64);
    let read = io::Read::take(&mut *lines, room).read_until(b'\n', buffer)?;
    if read == 0 {
        return Ok(Recording::End { torn: !buffer.is_empty() });
    }
    Ok(whole(buffer).map_or(Recording::End { torn: true }, Recording::Line))
}

/// A line whose end is there and whose CRC is right.
fn whole(bytes: &[u8]) -> Option<Line> {
    let line = bytes.strip_suffix(b"\n")?;
    let (check, json) = (line.get(..8)?, line.get(9..)?);
    let check = u32::from_str_radix(std::str::from_utf8(check).ok()?, 16).ok()?;
    if check != crc(json) {
        return None;
    }
    serde_json::from_slice(json).ok()
}

#[cfg(test)]
mod tests {
    use super::{
        super::{Place, Told, Writer},
        *,
    };
    use crate::record::journal::ScenarioText;

    fn head() -> Head {
        Head {
            format: FORMAT.into(),
            version: VERSION,
            written_by: "test".into(),
            started: String::new(),
            ground: richter_reports::run_file::Ground::Mock,
            service: "nobody".into(),
            scenario: ScenarioText {
                file: "a.yaml".into(),
                folder: String::new(),
                digest: "0".into(),
                text: "version: 1\n".into(),
                include: None,
            },
            seed: 1,
            replications: 1,
            strategies: vec!["a".into()],
            caveats: Vec::new(),
            client_faults: Vec::new(),
            told_by_service: false,
        }
    }

    fn lines(path: &Path) -> (usize, bool) {
        let mut journal = Journal::open(path).expect("a journal");
        let mut count = 0;
        loop {
            match journal.read().expect("readable") {
                Recording::Line(_) => count += 1,
                Recording::End { torn } => return (count, torn),
            }
        }
    }

    #[test]
    fn a_journal_that_is_cut_off_anywhere_gives_every_whole_line_before_the_cut() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("run.journal");
        let mut writer = Writer::create(&path).expect("it begins");
        writer.line(&Line::Head(Box::new(head())));
        writer.line(&Line::Cell(Place { strategy: 0, replication: 0 }));
        for due in 0..20 {
            writer.line(&Line::Told(Told::Shed { at: due, due }));
        }
        writer.sync().expect("written");
        let bytes = fs::read(&path).expect("there");
        assert_eq!(bytes.len() as u64, writer.written());
        let first = bytes.iter().position(|byte| *byte == b'\n').expect("a line") + 1;
        for length in first..=bytes.len() {
            fs::write(&path, &bytes[..length]).expect("cut");
            let whole = bytes[first..length].iter().filter(|byte| **byte == b'\n').count();
            assert_eq!(lines(&path), (whole, bytes[length - 1] != b'\n'), "at {length}");
        }
        let mut damaged = bytes.clone();
        damaged[first + 12] ^= 1;
        fs::write(&path, damaged).expect("damaged");
        assert_eq!(lines(&path), (0, true));
    }

    #[test]
    fn a_journal_that_grows_is_read_on_from_where_it_was_torn() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("run.journal");
        let mut writer = Writer::create(&path).expect("it begins");
        writer.line(&Line::Head(Box::new(head())));
        writer.line(&Line::Told(Told::Shed { at: 1, due: 1 }));
        writer.sync().expect("written");
        let bytes = fs::read(&path).expect("there");
        let first = bytes.iter().position(|byte| *byte == b'\n').expect("a line") + 1;
        for cut in first + 1..bytes.len() {
            fs::write(&path, &bytes[..cut]).expect("cut");
            let mut journal = Journal::open(&path).expect("a journal");
            assert!(matches!(journal.read(), Ok(Recording::End { torn: true })), "at {cut}");
            assert!(matches!(journal.read(), Ok(Recording::End { torn: true })), "at {cut}, again");
            let mut rest = File::options().append(true).open(&path).expect("open");
            io::Write::write_all(&mut rest, &bytes[cut..]).expect("grown");
            assert!(matches!(journal.read(), Ok(Recording::Line(Line::Told(_)))), "at {cut}");
            assert!(matches!(journal.read(), Ok(Recording::End { torn: false })), "at {cut}");
            assert!(journal.is_there());
            fs::remove_file(&path).expect("gone");
            assert!(!journal.is_there());
        }
    }

    #[test]
    fn what_is_no_journal_is_refused_with_what_to_name_instead() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("run.json");
        for text in ["", "{}\n", "00000000 {}\n"] {
            fs::write(&path, text).expect("written");
            let error = Journal::open(&path).expect_err("refused").to_string();
            assert!(error.contains("is not a journal of a richter run; name the run.journal"), "{error}");
        }
    }

    #[test]
    fn an_older_journal_is_kept_beside_the_new_one() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("run.journal");
        for _ in 0..2 {
            Writer::create(&path).expect("it begins");
        }
        assert!(folder.path().join("run.journal.before").exists());
    }
}
