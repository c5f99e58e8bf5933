//! The attempt trace of a run: each job writes a part of its own, and the parts are joined in the order of the jobs,
//! whatever order they ran in. Parts never outlive the run, however it ends.

use std::{
    fs::{self, File},
    io::{self, BufWriter, Write as _},
    path::{Path, PathBuf},
};

/// The parts of one trace file.
#[derive(Debug)]
pub struct Parts<'a> {
    path: &'a Path,
    jobs: usize,
}

impl<'a> Parts<'a> {
    pub fn new(path: &'a Path, jobs: usize) -> Parts<'a> {
        Parts { path, jobs }
    }

    pub fn create(&self, job: usize) -> io::Result<BufWriter<File>> {
        File::create(self.part(job)).map(BufWriter::new)
    }

    /// Joins the parts of these jobs, so that the trace has the attempts of exactly the jobs that were recorded. The
    /// file is there whole or not at all.
    pub fn join(&self, jobs: impl Iterator<Item = usize>) -> io::Result<()> {
        let whole = self.beside("whole");
        let mut out = BufWriter::new(File::create(&whole)?);
        for job in jobs {
            let part = self.part(job);
            io::copy(&mut File::open(&part)?, &mut out)?;
            fs::remove_file(&part)?;
        }
        out.flush()?;
        out.get_ref().sync_all()?;
        fs::rename(&whole, self.path)
    }

    fn part(&self, job: usize) -> PathBuf {
        self.beside(&format!("part{job}"))
    }

    /// With the process in its name, so that neither another run nor what a crashed one left is taken for a part.
    fn beside(&self, what: &str) -> PathBuf {
        let mut name = std::ffi::OsString::from(".");
        name.push(self.path.file_name().unwrap_or_default());
        name.push(format!(".{}.{what}", std::process::id()));
        self.path.with_file_name(name)
    }
}

impl Drop for Parts<'_> {
    fn drop(&mut self) {
        let parts = (0..self.jobs).map(|job| self.part(job));
        // Most are gone already, and one that cannot be removed harms nobody.
        parts.chain([self.beside("whole")]).for_each(|path| drop(fs::remove_file(path)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).expect("a folder");
        entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect()
    }

    fn write(parts: &Parts<'_>, job: usize) {
        writeln!(parts.create(job).expect("a part"), "job {job}").expect("written");
    }

    #[test]
    fn parts_are_joined_in_the_order_of_the_jobs_and_those_of_unfinished_jobs_are_dropped() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("trace.jsonl");
        let parts = Parts::new(&path, 4);
        [2, 0, 1].into_iter().for_each(|job| write(&parts, job));
        parts.join([0, 2].into_iter()).expect("joined");
        drop(parts);
        assert_eq!(fs::read_to_string(&path).expect("a trace"), "job 0\njob 2\n");
        assert_eq!(names(folder.path()), ["trace.jsonl"]);
    }

    #[test]
    fn a_run_that_fails_leaves_nothing_behind_and_an_older_trace_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("trace.jsonl");
        fs::write(&path, "older").expect("written");
        let parts = Parts::new(&path, 2);
        write(&parts, 0);
        assert!(parts.join([0, 1].into_iter()).is_err(), "the second part was never made");
        drop(parts);
        assert_eq!(fs::read_to_string(&path).expect("a trace"), "older");
        assert_eq!(names(folder.path()), ["trace.jsonl"]);
    }
}
