//! Runs that are going on: one thread for each that somebody looks at reads its journal as it grows. A page is drawn
//! when it is asked for, from what was read up to then, and once for all who ask.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use anyhow::Context as _;
use richter_reports::{export::Report, html, run_file::RunFile};
use tokio::sync::watch;

use crate::run::follow::{self, Heard};

/// What those who wait are told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct News {
    pub version: u64,
    pub over: bool,
}

#[derive(Debug, Default)]
pub struct Lives(Mutex<BTreeMap<PathBuf, Arc<Life>>>);

#[derive(Debug)]
struct Life {
    now: Mutex<Now>,
    news: watch::Receiver<News>,
}

#[derive(Debug, Default)]
struct Now {
    version: u64,
    run: Option<Arc<RunFile>>,
    /// The page of this version, once it was drawn.
    page: Option<(u64, String)>,
}

impl Lives {
    pub fn news(&self, journal: &Path) -> anyhow::Result<watch::Receiver<News>> {
        Ok(self.of(journal)?.news.clone())
    }

    pub fn page(&self, journal: &Path) -> anyhow::Result<String> {
        let life = self.of(journal)?;
        let (version, run) = {
            let now = life.now();
            match (&now.page, &now.run) {
                (Some((drawn, page)), _) if *drawn == now.version => return Ok(page.clone()),
                (_, Some(run)) => (now.version, Arc::clone(run)),
                (_, None) => anyhow::bail!("the run has only just begun; look again in a moment"),
            }
        };
        let page = html::render_live(&Report::of(&run)).context("the page cannot be drawn")?;
        life.now().page = Some((version, page.clone()));
        Ok(page)
    }

    /// The one who reads this journal, begun if nobody does.
    fn of(&self, journal: &Path) -> anyhow::Result<Arc<Life>> {
        let mut lives = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(life) = lives.get(journal).filter(|life| life.goes_on()) {
            return Ok(Arc::clone(life));
        }
        let life = Life::begin(journal)?;
        lives.retain(|_, life| life.goes_on());
        lives.insert(journal.to_owned(), Arc::clone(&life));
        Ok(life)
    }
}

impl Life {
    /// Reads what is there before it returns, so that there is something to show.
    fn begin(journal: &Path) -> anyhow::Result<Arc<Life>> {
        let mut follower = follow::Follower::open(journal)?;
        let (tell, news) = watch::channel(News { version: 1, over: false });
        let (first, heard) = std::sync::mpsc::sync_channel(1);
        let now = Mutex::new(Now { version: 1, ..Now::default() });
        let life = Arc::new(Life { now, news });
        let told = Arc::downgrade(&life);
        let read = move || {
            let mut version = 0;
            follower.read_on(|heard| {
                // Nobody looks any more.
                let Some(life) = told.upgrade() else { return false };
                let over = matches!(heard, Heard::Over);
                if let Heard::More(run) = heard {
                    version += 1;
                    let mut now = life.now();
                    (now.version, now.run) = (version, Some(Arc::new(*run)));
                }
                // Only the first waits to be heard, and nobody waits for the others.
                let _ = first.try_send(());
                tell.send(News { version, over }).is_ok()
            });
        };
        std::thread::Builder::new()
            .name("follower".to_owned())
            .spawn(read)
            .context("cannot start a thread")?;
        // A reader that ends at once has nothing to show, which the page then says.
        let _ = heard.recv();
        Ok(life)
    }

    fn now(&self) -> MutexGuard<'_, Now> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn goes_on(&self) -> bool {
        !self.news.borrow().over && self.news.has_changed().is_ok()
    }
}
