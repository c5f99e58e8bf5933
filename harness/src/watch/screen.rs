//! A live run as a picture of a terminal: where it stands, strategies side by side, their good answers over time, and
//! what must be known. Pure: from a snapshot and a size to cells. What does not fit is left out from the right and from
//! below, so that the most important part stays.

use ratatui::{
    Frame,
    layout::{Constraint, Layout, Rect},
    style::{Color, Modifier, Style},
    text::{Line, Span},
    widgets::{Paragraph, Wrap},
};

use super::{bars::bars, keys};
use crate::run::board::{Snapshot, State, StrategyNow};

/// What the terminal can show.
#[derive(Debug, Clone, Copy, Default)]
pub struct Look {
    pub color: bool,
    pub unicode: bool,
}

/// One picture.
#[derive(Debug, Clone, Copy)]
pub struct Show<'a> {
    pub snapshot: &'a Snapshot,
    /// The picture is held while the run goes on.
    pub paused: bool,
    pub look: Look,
}

const HEAD_LINES: u16 = 4;

pub fn draw(frame: &mut Frame<'_>, show: &Show<'_>) {
    let strategies = show.snapshot.strategies.len() as u16;
    let said = show.said();
    let parts = [
        Constraint::Length(HEAD_LINES),
        Constraint::Length(strategies.saturating_add(2)),
        Constraint::Min(0),
        Constraint::Length(said.len() as u16),
        Constraint::Length(1),
    ];
    let [head, table, series, foot, help] = Layout::vertical(parts).areas(frame.area());
    frame.render_widget(Paragraph::new(show.head(head.width)), head);
    frame.render_widget(Paragraph::new(show.table(table.width)), table);
    frame.render_widget(Paragraph::new(show.series(series)), series);
    frame.render_widget(Paragraph::new(said).wrap(Wrap { trim: true }), foot);
    frame.render_widget(Paragraph::new(keys::HELP).style(show.look.faint()), help);
}

impl Look {
    fn colored(self, color: Color) -> Style {
        if self.color { Style::new().fg(color) } else { Style::new() }
    }

    fn faint(self) -> Style {
        Style::new().add_modifier(Modifier::DIM)
    }
}

impl Show<'_> {
    fn head(&self, width: u16) -> Vec<Line<'static>> {
        let Snapshot { scenario, ground, service, .. } = self.snapshot;
        let ground = if ground == "bedrock" { "Amazon Bedrock" } else { "the mock" };
        let bold = Style::new().add_modifier(Modifier::BOLD);
        let (word, color) = self.word();
        let title = vec![
            Span::styled(scenario.clone(), bold),
            Span::raw(format!(" on {ground}, at {service}  ")),
            Span::styled(word, self.look.colored(color).add_modifier(Modifier::BOLD)),
        ];
        vec![Line::from(title), Line::raw(cell_of(self.snapshot)), self.progress(width), Line::raw("")]
    }

    fn word(&self) -> (&'static str, Color) {
        match self.snapshot.state {
            _ if self.paused => ("VIEW PAUSED, THE RUN GOES ON", Color::Yellow),
            State::Waiting => ("WAITING", Color::Yellow),
            State::Running => ("RUNNING", Color::Green),
            State::Draining => ("DRAINING", Color::Yellow),
            State::Done => ("DONE", Color::Green),
        }
    }

    fn progress(&self, width: u16) -> Line<'static> {
        let Snapshot { now_s, end_s, left_s, spent_usd, spend_max_usd, .. } = self.snapshot;
        let bar = usize::from(width / 4).clamp(5, 30);
        let share = if *end_s > 0.0 { (now_s / end_s).clamp(0.0, 1.0) } else { 0.0 };
        let full = (share * bar as f64).round() as usize;
        let (on, off) = if self.look.unicode { ("━", "─") } else { ("#", "-") };
        let mut text = format!("{} of {}, {} left", span(*now_s), span(*end_s), span(*left_s));
        match (spent_usd, spend_max_usd) {
            (Some(spent), Some(most)) => {
                text.push_str(&format!(", {} of {} spent", dollars(*spent), dollars(*most)))
            }
            (Some(spent), None) => text.push_str(&format!(", {} spent", dollars(*spent))),
            (None, _) => {}
        }
        Line::from(vec![
            Span::styled(on.repeat(full), self.look.colored(Color::Cyan)),
            Span::styled(off.repeat(bar - full), self.look.faint()),
            Span::raw(format!(" {text}")),
        ])
    }

    fn table(&self, width: u16) -> Vec<Line<'static>> {
        let strategies = &self.snapshot.strategies;
        let widest = strategies.iter().map(|now| Span::raw(&now.name).width()).max().unwrap_or(0);
        let names = widest.clamp("strategy".len(), 24) + 3;
        let mut room = usize::from(width).saturating_sub(names);
        let fitting = |column: &&Column| {
            let fits = column.width <= room;
            room = if fits { room - column.width } else { 0 };
            fits
        };
        let columns: Vec<&Column> = COLUMNS.iter().take_while(fitting).collect();
        let served_room = if columns.len() == COLUMNS.len() { room.saturating_sub(2) } else { 0 };
        let mut heading = pad("  strategy", names);
        columns.iter().for_each(|column| heading.push_str(&format!("{:>1$}", column.title, column.width)));
        if served_room >= "served by".len() {
            heading.push_str("  served by");
        }
        let mut lines = vec![Line::styled(heading, self.look.faint())];
        lines.extend(strategies.iter().map(|now| self.row(now, names, &columns, served_room)));
        lines
    }

    fn row(&self, now: &StrategyNow, names: usize, columns: &[&Column], served_room: usize) -> Line<'static> {
        let mark = match (now.running, self.look.unicode) {
            (true, true) => "▶ ",
            (true, false) => "> ",
            (false, _) => "  ",
        };
        let mut text = pad(&format!("{mark}{}", cut(&now.name, names - 3)), names);
        for column in columns {
            text.push_str(&format!("{:>1$}", (column.text)(now), column.width));
        }
        if served_room >= "served by".len() {
            text.push_str(&format!("  {}", cut(&mix(now), served_room)));
        }
        let style = if now.running { Style::new().add_modifier(Modifier::BOLD) } else { Style::new() };
        Line::styled(text, style)
    }

    /// Good answers over time, on one scale for all, beside what was offered where there is room.
    fn series(&self, area: Rect) -> Vec<Line<'static>> {
        let begun: Vec<&StrategyNow> =
            self.snapshot.strategies.iter().filter(|now| !now.offered_over_time.is_empty()).collect();
        let most = begun.iter().flat_map(|now| &now.offered_over_time).max().copied().unwrap_or(0);
        if begun.is_empty() || most == 0 || area.height < 2 {
            return Vec::new();
        }
        let room = usize::from(area.height) - 1;
        let both = begun.len() * 2 <= room;
        let widest = begun.iter().map(|now| Span::raw(&now.name).width()).max().unwrap_or(0);
        let names = widest.clamp(8, 24) + 2;
        let width = usize::from(area.width).saturating_sub(names + "offered ".len());
        let heading = format!("good answers over time; a full bar is {most} requests");
        let mut lines = vec![Line::styled(heading, self.look.faint())];
        let bar = |values: &[u32]| bars(values, most, width, self.look.unicode);
        for now in begun {
            let good = Span::styled(bar(&now.good_over_time), self.look.colored(Color::Green));
            let name = pad(&cut(&now.name, names - 2), names);
            lines.push(Line::from(vec![Span::raw(format!("{name}good    ")), good]));
            if both {
                let offered = format!("{}offered {}", pad("", names), bar(&now.offered_over_time));
                lines.push(Line::styled(offered, self.look.faint()));
            }
        }
        lines.truncate(usize::from(area.height));
        lines
    }

    /// What must be known, worst first.
    fn said(&self) -> Vec<Line<'static>> {
        let warned = self.snapshot.warnings.iter().map(|warning| {
            Line::styled(format!("invalid if it stays so: {warning}"), self.look.colored(Color::Red))
        });
        let note = Some(&self.snapshot.note).filter(|note| !note.is_empty());
        warned.chain(note.map(|note| Line::styled(note.clone(), self.look.colored(Color::Yellow)))).collect()
    }
}

/// One number of each strategy.
struct Column {
    title: &'static str,
    width: usize,
    text: fn(&StrategyNow) -> String,
}

/// The most important first: a narrow terminal shows those alone.
const COLUMNS: [Column; 8] = [
    Column { title: "good", width: 9, text: |now| rate(now.good_per_s) },
    Column { title: "offered", width: 9, text: |now| rate(now.offered_per_s) },
    Column { title: "ttft p50", width: 10, text: |now| millis(now.first_token_ms_p50) },
    Column { title: "ttft p99", width: 10, text: |now| millis(now.first_token_ms_p99) },
    Column { title: "throttled", width: 11, text: |now| rate(now.throttles_per_s) },
    Column { title: "good of all", width: 13, text: good_share },
    Column { title: "open", width: 7, text: |now| count(now.in_flight) },
    Column { title: "spent", width: 9, text: |now| now.spent_usd.map_or_else(|| "-".into(), dollars) },
];

/// Of the requests that are over.
fn good_share(now: &StrategyNow) -> String {
    let ended = now.offered.saturating_sub(now.in_flight);
    if ended == 0 { "-".into() } else { format!("{:.1}%", 100.0 * now.good as f64 / ended as f64) }
}

/// Which cell runs, and where in it the run is.
pub fn cell_of(snapshot: &Snapshot) -> String {
    let Snapshot { strategy, strategies, replication, replications, phase, .. } = snapshot;
    let Some(now) = strategies.get(*strategy) else { return String::new() };
    let mut text = format!("{}, strategy {} of {}", now.name, strategy + 1, strategies.len());
    if *replications > 1 {
        text.push_str(&format!(", replication {} of {replications}", replication + 1));
    }
    if !phase.is_empty() {
        text.push_str(&format!(", {phase}"));
    }
    text
}

/// Who served, the largest share first: Regions as far as they are known, else targets.
pub fn mix(now: &StrategyNow) -> String {
    let mut served = if now.regions.is_empty() { now.targets.clone() } else { now.regions.clone() };
    let all: u64 = served.iter().map(|(_, count)| count).sum();
    served.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    let share = |(name, count): &(String, u64)| format!("{name} {:.0}%", 100.0 * *count as f64 / all as f64);
    served.iter().filter(|(_, count)| *count > 0).map(share).collect::<Vec<_>>().join(" ")
}

pub fn rate(per_s: f64) -> String {
    if per_s >= 100.0 { format!("{per_s:.0}/s") } else { format!("{per_s:.1}/s") }
}

pub fn millis(ms: Option<f64>) -> String {
    match ms {
        None => "-".into(),
        Some(ms) if ms >= 1000.0 => format!("{:.2} s", ms / 1e3),
        Some(ms) => format!("{ms:.0} ms"),
    }
}

pub fn dollars(usd: f64) -> String {
    if usd >= 100.0 {
        format!("${usd:.0}")
    } else if usd >= 0.1 || usd == 0.0 {
        format!("${usd:.2}")
    } else {
        format!("${usd:.4}")
    }
}

pub fn count(number: u64) -> String {
    if number >= 100_000 { format!("{}k", number / 1000) } else { number.to_string() }
}

/// A length of time to the second.
pub fn span(seconds: f64) -> String {
    let whole = seconds.max(0.0).round() as u64;
    match (whole / 3600, whole / 60 % 60, whole % 60) {
        (0, 0, s) => format!("{s} s"),
        (0, m, s) => format!("{m}m {s:02}s"),
        (h, m, _) => format!("{h}h {m:02}m"),
    }
}

fn pad(text: &str, width: usize) -> String {
    let spaces = width.saturating_sub(Span::raw(text).width());
    format!("{text}{}", " ".repeat(spaces))
}

/// As much of it as fits.
fn cut(text: &str, width: usize) -> String {
    let mut kept = String::new();
    for sign in text.chars() {
        kept.push(sign);
        if Span::raw(&kept).width() > width {
            kept.pop();
            break;
        }
    }
    kept
}

#[cfg(test)]
pub mod tests;
