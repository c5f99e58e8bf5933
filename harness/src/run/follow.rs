//! A run that is going on in another process, seen through its journal as it grows: the same books as a recovery, read
//! on and on, and a run file of what came in up to now whenever something did.

use std::{path::Path, time::Duration};

use richter_reports::run_file::RunFile;

use super::recover::{Cells, RecoverError, plan_of};
use crate::{
    clock,
    record::journal::{Journal, JournalError, Recording},
    scenario::plan::Plan,
};

/// How often the journal is looked at.
const EVERY: Duration = Duration::from_secs(1);

/// What a follower hears.
#[derive(Debug)]
pub enum Heard {
    /// There is more than before: the run up to now.
    More(Box<RunFile>),
    /// The journal is gone, because its run file was written, or cannot be read any more.
    Over,
}

/// Reads one journal.
#[derive(Debug)]
pub struct Follower {
    journal: Journal,
    plan: Plan,
}

impl Follower {
    pub fn open(path: &Path) -> Result<Follower, RecoverError> {
        let journal = Journal::open(path)?;
        let plan = plan_of(&journal.head)?;
        Ok(Follower { journal, plan })
    }

    /// Reads for as long as the journal is there and `tell` wants more.
    pub fn read_on(&mut self, mut tell: impl FnMut(Heard) -> bool) {
        let Follower { journal, plan } = self;
        let planned = plan.strategies.len() * plan.replications as usize;
        let mut cells = Cells::new(plan, journal.head.told_by_service);
        let mut first = true;
        loop {
            // Asked first: what is written before the journal goes is read.
            let there = journal.is_there();
            let Ok(news) = read(journal, &mut cells) else { break };
            if (news || first) && !tell(Heard::More(Box::new(cells.so_far(&journal.head, planned)))) {
                return;
            }
            first = false;
            if !there {
                break;
            }
            clock::rest(EVERY);
        }
        tell(Heard::Over);
    }
}

/// Reads all that is there; whether there was anything.
fn read(journal: &mut Journal, cells: &mut Cells<'_>) -> Result<bool, JournalError> {
    let mut news = false;
    while let Recording::Line(line) = journal.read()? {
        cells.take(line);
        news = true;
    }
    Ok(news)
}

#[cfg(test)]
pub mod tests {
    use std::fs;

    use richter_reports::run_file::Ground;

    use super::*;
    use crate::{
        record::{
            export::Place,
            journal::{FORMAT, Head, Line, ScenarioText, VERSION, Writer},
            tape::Told,
        },
        scenario,
    };

    const SCENARIO: &str = include_str!("../scenario/init/starter.yaml");

    /// The head of a journal of the starter scenario.
    pub fn head() -> Head {
        let checked = scenario::load_text("starter.yaml", SCENARIO, Path::new("")).expect("it is sound");
        Head {
            format: FORMAT.into(),
            version: VERSION,
            written_by: "test".into(),
            started: "2026-11-27T00:00:00Z".into(),
            ground: Ground::Mock,
            service: "nobody".into(),
            scenario: ScenarioText {
                file: "starter.yaml".into(),
                folder: String::new(),
                digest: checked.plan.digest.clone(),
                text: SCENARIO.into(),
                include: None,
            },
            seed: checked.plan.seed,
            replications: 1,
            strategies: vec![checked.plan.strategies[0].name.clone()],
            caveats: Vec::new(),
            client_faults: Vec::new(),
            told_by_service: false,
        }
    }

    #[test]
    fn a_follower_hears_what_came_in_and_then_that_it_is_over() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("run.journal");
        let mut writer = Writer::create(&path).expect("a journal");
        writer.line(&Line::Head(Box::new(head())));
        writer.line(&Line::Cell(Place { strategy: 0, replication: 0 }));
        writer.line(&Line::Told(Told::Shed { at: 1, due: 1 }));
        writer.sync().expect("written");
        let mut follower = Follower::open(&path).expect("it can be followed");
        let mut shed = Vec::new();
        let mut over = false;
        follower.read_on(|heard| {
            match heard {
                Heard::More(run) => {
                    shed.push(
                        run.cells.iter().flat_map(|cell| &cell.phases).map(|phase| phase.shed).sum::<u64>(),
                    );
                    if shed.len() == 1 {
                        writer.line(&Line::Told(Told::Shed { at: 2, due: 2 }));
                        writer.sync().expect("written");
                        fs::remove_file(&path).expect("gone");
                    }
                }
                Heard::Over => over = true,
            }
            true
        });
        assert_eq!((shed, over), (vec![1, 2], true), "what was written before the journal went is heard");
    }
}
