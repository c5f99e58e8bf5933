//! Shows a live run while it goes on: strategies side by side on a terminal, elsewhere a line now and then. It looks at
//! the board and at nothing else, so that it can hold up nothing. What is shown is made by pure functions (`screen`,
//! `lines`, `keys`); this file is the shell that owns the terminal and gives it back however the run ends.

mod bars;
mod keys;
mod lines;
mod screen;

use std::{
    io::{self, IsTerminal as _, Stderr},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use clap::ValueEnum;
use ratatui::{
    Terminal,
    backend::CrosstermBackend,
    crossterm::{
        cursor, event, execute,
        terminal::{EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode},
    },
};

pub use self::screen::Look;
use self::{
    keys::{Act, Keys},
    lines::Lines,
    screen::Show,
};
use crate::{
    clock::Stopwatch,
    exit::Exit,
    run::board::{Ask, Board, Snapshot},
};

/// How to show a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Style {
    /// The screen on a terminal, else lines.
    #[default]
    Auto,
    /// Strategies side by side, renewed all the time.
    Screen,
    /// A line every ten seconds, and whenever another strategy or phase begins.
    Lines,
    /// Nothing.
    None,
}

impl Style {
    /// What is shown where `auto` is asked for. A job of a build machine reads lines, even if it has a terminal.
    pub fn settled(self) -> Style {
        let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_none_or(|term| term.is_empty() || term == "dumb");
        match self {
            Style::Auto if io::stderr().is_terminal() && io::stdin().is_terminal() && !dumb && !set("CI") => {
                Style::Screen
            }
            Style::Auto => Style::Lines,
            chosen => chosen,
        }
    }
}

/// How often the board is looked at, and how long a key may wait.
const TICK: Duration = Duration::from_millis(100);

/// Whether the terminal is ours at the moment.
static ON_SCREEN: AtomicBool = AtomicBool::new(false);

/// Whether what is printed now would land in the middle of a picture.
pub fn on_screen() -> bool {
    ON_SCREEN.load(Ordering::Acquire)
}

/// Gives the terminal back, if it is ours; for whoever must end the program from elsewhere.
pub fn give_back() {
    if ON_SCREEN.swap(false, Ordering::AcqRel) {
        // Nothing can be done about a terminal that takes nothing any more.
        let _ = execute!(io::stderr(), LeaveAlternateScreen, cursor::Show);
        let _ = disable_raw_mode();
    }
}

/// What the view needs to know.
#[derive(Debug, Clone, Copy)]
pub struct Watching<'a> {
    pub style: Style,
    pub look: Look,
    pub board: &'a Board,
    /// What Ctrl-C sets; on a screen it comes as a key.
    pub interrupted: &'a AtomicBool,
}

/// Does the work with the view beside it.
pub fn alongside<T>(watching: Watching<'_>, work: impl FnOnce() -> T) -> T {
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let view = std::thread::Builder::new().name("view".to_owned());
        // Without a view the run is the same.
        let view = view.spawn_scoped(scope, || show(watching, &over)).ok();
        let end = Over(&over);
        let done = work();
        drop(end);
        if let Some(view) = view {
            let _ = view.join();
        }
        done
    })
}

/// Ends the view also when the work panics.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

fn show(watching: Watching<'_>, over: &AtomicBool) {
    match watching.style.settled() {
        Style::None => {}
        // Who has no screen after all reads lines.
        Style::Screen if on_a_screen(watching, over).is_ok() => {}
        _ => in_lines(watching, over),
    }
}

fn in_lines(watching: Watching<'_>, over: &AtomicBool) {
    let mut lines = Lines::default();
    let watch = Stopwatch::start();
    loop {
        let last = over.load(Ordering::Acquire);
        if let Some(line) = lines.next(watch.elapsed(), &watching.board.newest()) {
            eprintln!("{line}");
        }
        if last {
            return;
        }
        crate::clock::rest(TICK);
    }
}

fn on_a_screen(watching: Watching<'_>, over: &AtomicBool) -> io::Result<()> {
    let mut screen = Screen::open()?;
    let mut keys = Keys::default();
    let mut held: Option<Arc<Snapshot>> = None;
    while !over.load(Ordering::Acquire) {
        let newest = watching.board.newest();
        let shown = held.as_ref().unwrap_or(&newest);
        let show = Show { snapshot: shown, paused: held.is_some(), look: watching.look };
        screen.terminal.draw(|frame| screen::draw(frame, &show))?;
        if !event::poll(TICK)? {
            continue;
        }
        match keys.pressed(&event::read()?, watching.interrupted.load(Ordering::Relaxed)) {
            None => {}
            Some(Act::Pause) => held = if held.is_some() { None } else { Some(newest) },
            Some(Act::Drain) => watching.interrupted.store(true, Ordering::Relaxed),
            Some(Act::Stop) => watching.board.ask(Ask::Stop),
            Some(Act::Leave) => {
                drop(screen);
                std::process::exit(i32::from(Exit::Interrupted.code()));
            }
        }
    }
    Ok(())
}

/// The terminal while it is ours.
struct Screen {
    terminal: Terminal<CrosstermBackend<Stderr>>,
}

impl Screen {
    fn open() -> io::Result<Screen> {
        enable_raw_mode()?;
        ON_SCREEN.store(true, Ordering::Release);
        let opened = execute!(io::stderr(), EnterAlternateScreen, cursor::Hide);
        let terminal = opened.and_then(|()| Terminal::new(CrosstermBackend::new(io::stderr())));
        terminal.map(|terminal| Screen { terminal }).inspect_err(|_| give_back())
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        give_back();
    }
}
