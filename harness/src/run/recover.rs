//! From the journal of a run that was killed to its run file: everything goes through the books once more, as it did
//! when it happened.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use richter_reports::run_file::{FaultHits, Ground, Live, LiveCell, RunFile, Status, When};

use super::run_file;
use crate::{
    observe::join::{CellId, Sent},
    record::{
        books::Books,
        export::{self, Aside, Place},
        journal::{Head, Journal, JournalError, Line, Recording, ScenarioText},
        names::Names,
        tape::Told,
    },
    scenario::{self, Checked, plan::Plan, problem::Problems},
};

#[derive(Debug, thiserror::Error)]
pub enum RecoverError {
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error("the scenario in the journal cannot be read any more:\n{0}")]
    Scenario(String),
    #[error("cannot put the journal's scenario into {path}: {source}")]
    Scratch { path: PathBuf, source: io::Error },
    #[error("the journal was written for a scenario with digest {then}, and what it holds has {now}")]
    Changed { then: String, now: String },
}

/// What was recovered, and how whole it is.
#[derive(Debug)]
pub struct Recovered {
    pub run: RunFile,
    /// Cells that went to their end, and cells that the run should have had.
    pub whole: usize,
    pub planned: usize,
    /// The journal's last line was torn or damaged.
    pub torn: bool,
}

/// Reads a journal to its end, or to where it is torn.
pub fn recover(path: &Path) -> Result<Recovered, RecoverError> {
    let mut journal = Journal::open(path)?;
    let plan = plan_of(&journal.head)?;
    let mut cells = Cells::new(&plan, journal.head.told_by_service);
    let torn = loop {
        match journal.read()? {
            Recording::Line(line) => cells.take(line),
            Recording::End { torn } => break torn,
        }
    };
    cells.close();
    let planned = plan.strategies.len() * plan.replications as usize;
    let run = cells.run(&journal.head, planned);
    Ok(Recovered { run, whole: cells.whole, planned, torn })
}

/// What a journal says was sent, for the service's log to be held against.
#[derive(Debug)]
pub struct Sending {
    pub plan: Plan,
    pub started: String,
    pub sent: Sent,
}

/// The attempts of a journal by their request ids. There are none where the run did not ask for them.
pub fn sent(path: &Path) -> Result<Sending, RecoverError> {
    let mut journal = Journal::open(path)?;
    let plan = plan_of(&journal.head)?;
    let mut cells = Cells::new(&plan, journal.head.told_by_service);
    cells.named = Some(Sent::default());
    while let Recording::Line(line) = journal.read()? {
        cells.take(line);
    }
    cells.close();
    let sent = cells.named.take().unwrap_or_default();
    Ok(Sending { started: journal.head.started.clone(), plan, sent })
}

/// The scenario as it is now if it is still the same, else as the journal has it.
pub(super) fn plan_of(head: &Head) -> Result<Plan, RecoverError> {
    let file =
        Path::new(&head.scenario.folder).join(Path::new(&head.scenario.file).file_name().unwrap_or_default());
    let still = scenario::load(&file).ok().filter(|checked| checked.plan.digest == head.scenario.digest);
    let mut plan = match still {
        Some(checked) => checked.plan,
        None => from_text(&head.scenario)?.plan,
    };
    if plan.digest != head.scenario.digest {
        return Err(RecoverError::Changed { then: head.scenario.digest.clone(), now: plan.digest });
    }
    (plan.seed, plan.replications) = (head.seed, head.replications);
    plan.keep_strategies(&head.strategies);
    Ok(plan)
}

/// The included file has to lie beside the scenario, so both are put into a folder for as long as they are read.
fn from_text(text: &ScenarioText) -> Result<Checked, RecoverError> {
    let told = |problems: Problems| RecoverError::Scenario(problems.to_string());
    let Some((name, included)) = &text.include else {
        return scenario::load_text(&text.file, &text.text, Path::new(&text.folder)).map_err(told);
    };
    let folder = std::env::temp_dir().join(format!("richter-recover-{}", std::process::id()));
    let path = folder.join(name);
    let fail = |source| RecoverError::Scratch { path: path.clone(), source };
    fs::create_dir_all(path.parent().unwrap_or(&folder)).map_err(fail)?;
    fs::write(&path, included).map_err(fail)?;
    let checked = scenario::load_text(&text.file, &text.text, &folder).map_err(told);
    // It was of use only now; what is left behind harms nobody.
    let _ = fs::remove_dir_all(&folder);
    checked
}

/// The cells of a journal, as far as it was read.
pub(super) struct Cells<'p> {
    plan: &'p Plan,
    told_by_service: bool,
    present: Option<Present<'p>>,
    done: Vec<(Place, export::Written)>,
    stopped: Option<String>,
    whole: usize,
    /// What was sent, by the names of the calls, where somebody wants it.
    named: Option<Sent>,
}

struct Present<'p> {
    place: Place,
    books: Books<'p, io::Sink>,
    aside: Option<Aside>,
    /// When something was heard last.
    at: u64,
}

impl<'p> Cells<'p> {
    pub(super) fn new(plan: &'p Plan, told_by_service: bool) -> Cells<'p> {
        Cells { plan, told_by_service, present: None, done: Vec::new(), stopped: None, whole: 0, named: None }
    }

    pub(super) fn take(&mut self, line: Line) {
        match line {
            Line::Head(_) => {}
            Line::Cell(place) => {
                self.close();
                let known = place.strategy < self.plan.strategies.len();
                let mut books = Books::new(self.plan, self.told_by_service);
                books.names = self.named.as_ref().map(|_| Names::default());
                self.present = known.then_some(Present { place, books, aside: None, at: 0 });
            }
            Line::Told(told) => {
                if let Some(present) = &mut self.present {
                    present.at = present.at.max(time_of(&told));
                    present.books.write(&told);
                }
            }
            Line::Aside(aside) => {
                if let Some(present) = &mut self.present {
                    present.aside = Some(*aside);
                }
            }
            Line::CellEnd(live) => {
                self.whole += 1;
                self.end(Some(*live));
            }
            Line::Stopped(why) => self.stopped = Some(why),
        }
    }

    /// The cell that was under way goes no further.
    fn close(&mut self) {
        self.end(None);
    }

    fn end(&mut self, live: Option<LiveCell>) {
        let Some(mut present) = self.present.take() else { return };
        present.books.close(present.at);
        if let (Some(sent), Some(names)) = (&mut self.named, present.books.names.take()) {
            let Place { strategy, replication } = present.place;
            sent.and(names.close(CellId { strategy, replication }));
        }
        self.done.push((present.place, present.written(self.plan, self.told_by_service, live)));
    }

    fn run(&mut self, head: &Head, planned: usize) -> RunFile {
        let done = std::mem::take(&mut self.done);
        self.of(head, planned, done, Some("recovered from its journal"))
    }

    /// The run up to now, with the cell that is under way as far as it has come.
    #[cfg(feature = "mock")]
    pub(super) fn so_far(&self, head: &Head, planned: usize) -> RunFile {
        let mut done = self.done.clone();
        let present = self.present.as_ref();
        done.extend(present.map(|now| (now.place, now.written(self.plan, self.told_by_service, None))));
        self.of(head, planned, done, None)
    }

    fn of(
        &self,
        head: &Head,
        planned: usize,
        mut done: Vec<(Place, export::Written)>,
        how: Option<&str>,
    ) -> RunFile {
        done.sort_by_key(|(place, _)| (place.strategy, place.replication));
        let mut run = run_file(self.plan, &head.scenario.file, head.ground);
        run.when = When { started: head.started.clone(), took_ms: 0 };
        if !self.told_by_service || head.ground == Ground::Bedrock {
            run.faults.clear();
        }
        run.status = if self.whole == planned { Status::Complete } else { Status::Interrupted };
        let mut caveats: Vec<String> = how.map(str::to_owned).into_iter().collect();
        caveats.extend(self.stopped.clone());
        caveats.extend(head.caveats.iter().cloned());
        let (mut cells, mut live) = (Vec::new(), Vec::new());
        for (_, written) in done {
            cells.push(written.cell);
            live.push(written.live);
        }
        run.when.took_ms = live.iter().map(|cell| (cell.took_s * 1e3) as u64).sum();
        run.cells = cells;
        run.live = Some(Live {
            service: head.service.clone(),
            doubts: Vec::new(),
            caveats,
            client_faults: head.client_faults.clone(),
            cells: live,
        });
        run
    }
}

impl Present<'_> {
    fn written(&self, plan: &Plan, told_by_service: bool, live: Option<LiveCell>) -> export::Written {
        let faults = if told_by_service { plan.faults.len() } else { 0 };
        let mut aside = self.aside.clone().unwrap_or_default();
        aside.faults.resize(faults, FaultHits { rolled: 0, hit: 0, missed: 0 });
        let live = live.unwrap_or_else(|| export::live_cell(&self.books, self.at));
        export::written(plan, self.place, &self.books, aside, live)
    }
}

const fn time_of(told: &Told) -> u64 {
    match told {
        Told::Event { at, .. } | Told::Shed { at, .. } | Told::Heard { at, .. } | Told::Made { at, .. } => {
            *at
        }
        Told::Named { .. } => 0,
    }
}
