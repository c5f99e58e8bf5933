//! The runs in a folder: those that are done by their run files, those that go on by their journals.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use anyhow::Context as _;
use richter_reports::{
    export::Report,
    html::{self, Index, IndexRow},
    run_file::{Ground, RunFile},
};

use super::route;
use crate::cli::{JOURNAL, RUN_FILE};

/// Runs in a list; more are not looked at, the newest come first.
const RUNS_MAX: usize = 500;
/// A journal that has not grown for so long belongs to a run that was killed, or that waits.
const SILENT: Duration = Duration::from_secs(30);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Done,
    Going,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    pub name: String,
    pub folder: PathBuf,
    pub kind: Kind,
    pub changed: SystemTime,
    pub bytes: u64,
}

impl Run {
    pub fn journal(&self) -> PathBuf {
        self.folder.join(JOURNAL)
    }

    pub fn run_file(&self) -> PathBuf {
        self.folder.join(RUN_FILE)
    }

    fn of(folder: PathBuf) -> Option<Run> {
        let name = fs::canonicalize(&folder).ok()?.file_name()?.to_string_lossy().into_owned();
        let (kind, facts) = match fs::metadata(folder.join(JOURNAL)) {
            Ok(facts) => (Kind::Going, facts),
            Err(_) => (Kind::Done, fs::metadata(folder.join(RUN_FILE)).ok()?),
        };
        Some(Run { name, folder, kind, changed: facts.modified().ok()?, bytes: facts.len() })
    }
}

/// What a run file says in a line, as long as it has not changed.
type Known = BTreeMap<PathBuf, (SystemTime, u64, IndexRow)>;

#[derive(Debug)]
pub struct Runs {
    folder: PathBuf,
    known: Mutex<Known>,
}

impl Runs {
    pub fn new(folder: PathBuf) -> Runs {
        Runs { folder, known: Mutex::default() }
    }

    /// The newest first. The folder may be that of one run, or hold those of several.
    fn list(&self) -> anyhow::Result<Vec<Run>> {
        if let Some(run) = Run::of(self.folder.clone()) {
            return Ok(vec![run]);
        }
        let entries = fs::read_dir(&self.folder);
        let entries = entries.with_context(|| format!("cannot read {}", self.folder.display()))?;
        let mut runs: Vec<Run> =
            entries.flatten().filter_map(|entry| Run::of(entry.path())).take(10 * RUNS_MAX).collect();
        runs.sort_by(|a, b| b.changed.cmp(&a.changed).then_with(|| a.name.cmp(&b.name)));
        runs.truncate(RUNS_MAX);
        Ok(runs)
    }

    pub fn find(&self, name: &str) -> Option<Run> {
        self.list().ok()?.into_iter().find(|run| run.name == name)
    }

    pub fn index(&self) -> anyhow::Result<String> {
        let rows: Vec<IndexRow> = self.list()?.iter().map(|run| self.row(run)).collect();
        let going = rows.iter().any(|row| row.going);
        let index = Index { folder: self.folder.display().to_string(), rows, going };
        html::render_index(&index).context("the list cannot be drawn")
    }

    fn row(&self, run: &Run) -> IndexRow {
        if run.kind == Kind::Going {
            return going(run);
        }
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        match known.get(&run.folder) {
            Some((changed, bytes, row)) if (*changed, *bytes) == (run.changed, run.bytes) => row.clone(),
            _ => {
                let row = done(run);
                known.insert(run.folder.clone(), (run.changed, run.bytes, row.clone()));
                row
            }
        }
    }
}

fn going(run: &Run) -> IndexRow {
    let silent = crate::clock::age(run.changed);
    let answer = if silent > SILENT {
        let journal = run.journal();
        format!(
            "nothing new for {} s; if it was killed, richter recover {} saves what it measured",
            silent.as_secs(),
            journal.display()
        )
    } else {
        String::new()
    };
    IndexRow {
        name: run.name.clone(),
        href: route::path_of(&run.name),
        verdict: "running".into(),
        going: true,
        answer,
        ..IndexRow::default()
    }
}

fn done(run: &Run) -> IndexRow {
    let row = IndexRow { name: run.name.clone(), href: route::path_of(&run.name), ..IndexRow::default() };
    match RunFile::read(&run.run_file()) {
        Err(error) => IndexRow { verdict: "unreadable".into(), answer: error.to_string(), ..row },
        Ok(read) => {
            let report = Report::of(&read);
            IndexRow {
                verdict: report.verdict.name().to_owned(),
                question: read.scenario.question,
                answer: report.comparison.answer.sentence,
                ground: ground(read.ground).into(),
                started: read.when.started,
                ..row
            }
        }
    }
}

const fn ground(ground: Ground) -> &'static str {
    match ground {
        Ground::Sim => "simulated",
        Ground::Mock => "mock",
        Ground::Bedrock => "Amazon Bedrock",
    }
}

/// The page of a run that is done.
pub fn report(folder: &Path) -> anyhow::Result<String> {
    let run = RunFile::read(&folder.join(RUN_FILE))?;
    html::render(&Report::of(&run)).context("the page cannot be drawn")
}
