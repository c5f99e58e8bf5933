//! Lines of text: colour, wrapping, and nothing in them that could command a terminal.

pub(crate) use crate::plain::clean;

/// How a report looks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    pub width: usize,
    /// ANSI colours; off for files and pipes.
    pub color: bool,
    /// Bullets and ellipses outside ASCII.
    pub unicode: bool,
    /// Where the run file is, for the commands that ask it for more.
    pub run_file: Option<String>,
    /// What was written and where, shown last.
    pub files: Vec<(String, String)>,
}

impl Default for Options {
    fn default() -> Self {
        Options { width: 100, color: false, unicode: false, run_file: None, files: Vec::new() }
    }
}

/// Narrower than this nothing is readable; wider than this no sentence is.
const WIDTH_MIN: usize = 40;
const WIDTH_OF_SENTENCES: usize = 120;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    Plain,
    Bold,
    Dim,
    Good,
    Bad,
    Warn,
}

impl Style {
    const fn code(self) -> &'static str {
        match self {
            Style::Plain => "",
            Style::Bold => "\x1b[1m",
            Style::Dim => "\x1b[2m",
            Style::Good => "\x1b[1;32m",
            Style::Bad => "\x1b[1;31m",
            Style::Warn => "\x1b[1;33m",
        }
    }
}

impl Options {
    pub(crate) fn columns(&self) -> usize {
        self.width.max(WIDTH_MIN)
    }

    pub(crate) fn paint(&self, text: &str, style: Style) -> String {
        match self.color && style != Style::Plain && !text.is_empty() {
            true => format!("{}{text}\x1b[0m", style.code()),
            false => text.to_owned(),
        }
    }

    /// Breaks a sentence between words; lines after the first are indented.
    pub(crate) fn wrap(&self, sentence: &str, indent: usize) -> Vec<String> {
        broken(sentence, self.columns().min(WIDTH_OF_SENTENCES), indent)
    }

    /// A sentence behind a label, its later lines under its first word.
    pub(crate) fn hanging(&self, label: &str, style: Style, sentence: &str) -> Vec<String> {
        let indent = label.chars().count() + 2;
        let width = self.columns().min(WIDTH_OF_SENTENCES).saturating_sub(indent);
        let margin = " ".repeat(indent);
        let mut lines = broken(sentence, width, 0).into_iter();
        let first = format!("{}  {}", self.paint(label, style), lines.next().unwrap_or_default());
        std::iter::once(first).chain(lines.map(|line| format!("{margin}{line}"))).collect()
    }
}

/// A word longer than a line has the line to itself and juts out.
fn broken(sentence: &str, width: usize, indent: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut line = String::new();
    let mut used = 0;
    for word in clean(sentence).split_whitespace() {
        let length = word.chars().count();
        if used > 0 && used + 1 + length > width {
            lines.push(std::mem::take(&mut line));
            line.push_str(&" ".repeat(indent));
            used = indent;
        } else if used > 0 {
            line.push(' ');
            used += 1;
        }
        line.push_str(word);
        used += length;
    }
    lines.push(line);
    lines
}
