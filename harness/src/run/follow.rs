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
