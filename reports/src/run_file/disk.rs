//! Reading and writing run files: refused clearly when they cannot be trusted, written whole or not at all.

use std::{
    ffi::OsString,
    fs::{self, File},
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

use serde::Deserialize;

use super::{FORMAT, RunFile, VERSION};

/// A day's run of twenty strategies stays below; anything larger is not a run file.
const BYTES_MAX: u64 = 256 << 20;

#[derive(Debug, thiserror::Error)]
#[error("{path}: {cause}")]
pub struct ReadError {
    pub path: PathBuf,
    pub cause: ReadCause,
}

#[derive(Debug, thiserror::Error)]
pub enum ReadCause {
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("larger than {} MiB, which no run file is", BYTES_MAX >> 20)]
    TooLarge,
    /// Its text ends with the line and the column.
    #[error("not a run file: {0}")]
    Json(#[from] serde_json::Error),
    #[error("format is \"{0}\", not \"{FORMAT}\"; give the run.json of a richter run")]
    Format(String),
    #[error("format version {0} is newer than {VERSION}, the newest that this richter reads; update richter")]
    Newer(u32),
    #[error("there is no format version {0}; known versions are 1 to {VERSION}")]
    NoSuchVersion(u32),
    #[error("damaged: {0}")]
    Damaged(String),
}

#[derive(Debug, thiserror::Error)]
#[error("cannot write {path}: {cause}")]
pub struct WriteError {
    pub path: PathBuf,
    pub cause: io::Error,
}

/// As much of any version as it takes to know which one it is.
#[derive(Deserialize)]
struct Head {
    format: String,
    version: u32,
}

impl RunFile {
    pub fn read(path: &Path) -> Result<RunFile, ReadError> {
        let fail = |cause| ReadError { path: path.to_owned(), cause };
        let bytes = read_limited(path).map_err(fail)?;
        RunFile::from_json(&bytes).map_err(fail)
    }

    pub fn from_json(bytes: &[u8]) -> Result<RunFile, ReadCause> {
        let head: Head = serde_json::from_slice(bytes)?;
        match head {
            Head { format, .. } if format != FORMAT => return Err(ReadCause::Format(format)),
            Head { version, .. } if version > VERSION => return Err(ReadCause::Newer(version)),
            Head { version: 0, .. } => return Err(ReadCause::NoSuchVersion(0)),
            Head { .. } => {}
        }
        let run: RunFile = serde_json::from_slice(bytes)?;
        run.check_shape().map_err(ReadCause::Damaged)?;
        Ok(run)
    }

    /// The bytes that `write` writes: equal runs give equal bytes.
    pub fn to_json(&self) -> io::Result<Vec<u8>> {
        let mut bytes = serde_json::to_vec(self).map_err(io::Error::other)?;
        bytes.push(b'\n');
        Ok(bytes)
    }

    pub fn write(&self, path: &Path) -> Result<(), WriteError> {
        let bytes = self.to_json().map_err(|cause| WriteError { path: path.to_owned(), cause })?;
        write_whole(path, &bytes)
    }
}

/// Writes a file whole: to a temporary name beside it, synced, renamed.
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), WriteError> {
    let fail = |cause| WriteError { path: path.to_owned(), cause };
    let temporary = temporary_name(path);
    let written = write_synced(&temporary, bytes).and_then(|()| fs::rename(&temporary, path));
    if written.is_err() {
        // The write's own error is the one to report.
        let _ = fs::remove_file(&temporary);
    }
    written.map_err(fail)?;
    sync_folder(path).map_err(fail)
}

fn read_limited(path: &Path) -> Result<Vec<u8>, ReadCause> {
    let mut bytes = Vec::new();
    File::open(path)?.take(BYTES_MAX + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > BYTES_MAX { Err(ReadCause::TooLarge) } else { Ok(bytes) }
}

/// Beside the target, so that the rename stays within one file system; with the process in it, so that two runs
/// do not share it.
fn temporary_name(path: &Path) -> PathBuf {
    let mut name = OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(format!(".{}.tmp", std::process::id()));
    path.with_file_name(name)
}

fn write_synced(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Makes the rename itself durable.
fn sync_folder(path: &Path) -> io::Result<()> {
    if !cfg!(unix) {
        return Ok(()); // Elsewhere a folder cannot be opened as a file.
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::synthetic;

    /// Written by the first version of the format. Never renew it: it stands for the files that people have kept.
    const V1: &[u8] = include_bytes!("fixtures/v1.json");

    #[test]
    fn a_file_of_version_1_is_still_read() {
        let run = RunFile::from_json(V1).expect("readable");
        assert_eq!((run.version, run.scenario.name.as_str(), run.cells.len()), (1, "viral-spike", 6));
        assert_eq!(run.expect[0].that, "success >= 97%");
        let judgement = crate::verdict::judge(&run);
        assert_eq!(judgement.verdict, crate::verdict::Verdict::Passed, "{:?}", judgement.why);
    }

    /// As version 2 was written by a run of a small scenario. Never renew it.
    const V2: &[u8] = include_bytes!("fixtures/v2.json");

    #[test]
    fn a_file_of_version_2_is_still_read() {
        let run = RunFile::from_json(V2).expect("readable");
        assert_eq!((run.version, run.scenario.name.as_str(), run.cells.len()), (2, "tiny", 2));
        assert!(run.cells.iter().all(|cell| cell.windows.is_some() && cell.decisions.is_none()));
        assert!(!run.stories.is_empty());
        assert_eq!(crate::verdict::judge(&run).verdict, crate::verdict::Verdict::Passed);
    }

    #[test]
    fn what_is_written_is_what_is_read() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("run.json");
        let run = synthetic::usual();
        run.write(&path).expect("writes");
        run.write(&path).expect("writes over the old one");
        assert_eq!(RunFile::read(&path).expect("reads"), run);
        let names: Vec<_> = fs::read_dir(folder.path()).expect("lists").collect();
        assert_eq!(names.len(), 1, "the temporary file is gone: {names:?}");
    }

    #[test]
    fn a_file_that_cannot_be_written_leaves_nothing_behind() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("run.json");
        fs::create_dir_all(path.join("in-the-way")).expect("makes a folder");
        let error = synthetic::usual().write(&path).expect_err("a folder stands there");
        assert!(error.to_string().starts_with(&format!("cannot write {}: ", path.display())), "{error}");
        assert_eq!(fs::read_dir(folder.path()).expect("lists").count(), 1);
        let nowhere = folder.path().join("no/such/folder/run.json");
        assert!(synthetic::usual().write(&nowhere).is_err());
        assert!(
            RunFile::read(&nowhere).expect_err("not there").to_string().contains("run.json: No such file")
        );
    }

    #[test]
    fn what_version_1_lacks_is_absent_and_not_zero() {
        let run = RunFile::from_json(V1).expect("readable");
        assert!(run.stories.is_empty());
        assert!(run.cells.iter().all(|cell| cell.windows.is_none() && cell.series.by_target.is_none()));
    }

    /// Changes the fixture's text and says what reading it answers.
    fn told(change: impl Fn(String) -> String) -> String {
        let text = change(String::from_utf8(V1.to_vec()).expect("text"));
        RunFile::from_json(text.as_bytes()).expect_err("refused").to_string()
    }

    #[test]
    fn a_file_that_cannot_be_trusted_is_refused_with_the_reason() {
        let replace = |from: &'static str, to: &'static str| move |text: String| text.replacen(from, to, 1);
        for (told, expected) in [
            (
                told(replace("\"version\":1", "\"version\":4")),
                "format version 4 is newer than 3, the newest that this richter reads; update richter",
            ),
            (
                told(replace("\"version\":1", "\"version\":0")),
                "there is no format version 0; known versions are 1 to 3",
            ),
            (
                told(replace("richter-run", "k6-summary")),
                "format is \"k6-summary\", not \"richter-run\"; give the run.json of a richter run",
            ),
            (told(|_| "{}".to_owned()), "not a run file: missing field `format` at line 1 column 2"),
            (told(|_| "{\n  oops".to_owned()), "not a run file: key must be a string at line 2 column 3"),
            (told(|_| String::new()), "not a run file: EOF while parsing a value at line 1 column 0"),
            (
                told(replace("\"strategy\":1", "\"strategy\":9")),
                "damaged: cells[2].strategy is 9, but there are 3",
            ),
            (
                told(replace("\"attempts_by_target\":[", "\"attempts_by_target\":[0,")),
                "damaged: cells[0] has 3 attempts_by_target, expected 2",
            ),
            (
                told(replace("\"bucket_s\":1.0", "\"bucket_s\":0.0")),
                "damaged: cells[0].series.bucket_s is 0, less than 0.001",
            ),
        ] {
            assert_eq!(told, expected);
        }
        let typo = told(replace("\"offered\"", "\"offred\""));
        assert!(typo.starts_with("not a run file: unknown field `offred`"), "{typo}");
    }

    #[test]
    fn a_cut_off_file_is_refused_wherever_it_was_cut() {
        for length in (0..V1.len() - 2).step_by(97) {
            assert!(RunFile::from_json(&V1[..length]).is_err(), "{length}");
        }
    }
}
