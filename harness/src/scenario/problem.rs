//! A problem in a scenario file, and all of them together, shown the way compilers show theirs: what is wrong, where
//! exactly, and what to write instead.

use std::{fmt, ops::Range};

use annotate_snippets::{
    Annotation, AnnotationKind, Group, Level, Origin, Renderer, Snippet, normalize_untrusted_str,
};

use super::source::{FileId, Source, Sources, Spot};

/// Most problems shown; after that many, mending some first tells more than a longer list.
pub const PROBLEMS_MAX: usize = 50;
/// Most characters of one text; a whole file may stand where a short word was expected.
const TEXT_MAX: usize = 400;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The scenario cannot be run.
    Error,
    /// It can be run, but perhaps not as meant.
    Warning,
}

/// What is wrong with one setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    pub severity: Severity,
    pub file: FileId,
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// Bytes of the file.
    pub span: Range<usize>,
    /// Such as `traffic.phases[1].rate`; empty for the file as a whole.
    pub path: String,
    pub message: String,
    /// What to write; may be empty.
    pub hint: String,
    /// Another place that belongs to it, and why.
    pub also: Option<(Range<usize>, &'static str)>,
}

/// Everything found in a scenario, with the text that it was found in.
#[derive(Debug, Clone, Default)]
pub struct Problems {
    /// At most [`PROBLEMS_MAX`].
    pub list: Vec<Problem>,
    pub sources: Sources,
    /// Errors that were found when the list was full.
    unlisted: usize,
}

impl Problem {
    pub fn new(sources: &Sources, severity: Severity, spot: &Spot, message: impl Into<String>) -> Problem {
        let source = sources.get(spot.file);
        let span = source.clip(&spot.at);
        let (line, column) = source.position(span.start);
        Problem {
            severity,
            file: spot.file,
            line,
            column,
            span,
            path: String::new(),
            message: short(&message.into()),
            hint: String::new(),
            also: None,
        }
    }

    pub fn at(self, path: impl fmt::Display) -> Problem {
        Problem { path: short(&path.to_string()), ..self }
    }

    pub fn hint(self, hint: impl Into<String>) -> Problem {
        Problem { hint: short(&hint.into()), ..self }
    }

    fn title(&self) -> String {
        if self.path.is_empty() { self.message.clone() } else { format!("{}: {}", self.path, self.message) }
    }

    /// The lines that it speaks of, with marks below them.
    fn snippet<'s>(&self, source: &'s Source) -> Snippet<'s, Annotation<'s>> {
        let also = self.also.as_ref().map(|(at, why)| (source.clip(at), *why));
        let spans = || std::iter::once(&self.span).chain(also.as_ref().map(|(at, _)| at));
        let lines = || spans().map(|span| source.position(span.start).0);
        let (first, last) = (lines().min().unwrap_or(1), lines().max().unwrap_or(1));
        let (start, end) = (source.line(first).start, source.line(last).end);
        let mark = |kind: AnnotationKind, span: &Range<usize>| {
            kind.span(span.start - start..span.end.min(end) - start)
        };
        Snippet::source(&source.text[start..end])
            .path(&*source.name)
            .line_start(first)
            .annotation(mark(AnnotationKind::Primary, &self.span))
            .annotations(also.as_ref().map(|(at, why)| mark(AnnotationKind::Context, at).label(*why)))
    }

    fn report<'s>(&'s self, source: &'s Source) -> Group<'s> {
        let level = match self.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let title = level.primary_title(self.title());
        let group = if source.text.is_empty() {
            title.element(Origin::path(&*source.name))
        } else {
            title.element(self.snippet(source))
        };
        match self.hint.as_str() {
            "" => group,
            hint => group.element(Level::HELP.message(normalize_untrusted_str(hint))),
        }
    }
}

/// The text itself, or its beginning.
fn short(text: &str) -> String {
    match text.char_indices().nth(TEXT_MAX) {
        Some((end, _)) => format!("{}..", &text[..end]),
        None => text.to_owned(),
    }
}

impl Problems {
    pub fn push(&mut self, problem: Problem) {
        if self.is_full() {
            self.unlisted += usize::from(problem.severity == Severity::Error);
        } else if !self.list.contains(&problem) {
            // The same again comes of two uses of one alias, or of two checks that see the same thing.
            self.list.push(problem);
        }
    }

    /// Whether looking for more is of no use to anybody.
    pub fn is_full(&self) -> bool {
        self.list.len() >= PROBLEMS_MAX
    }

    fn listed(&self, severity: Severity) -> usize {
        self.list.iter().filter(|problem| problem.severity == severity).count()
    }

    pub fn errors(&self) -> usize {
        self.listed(Severity::Error) + self.unlisted
    }

    pub fn warnings(&self) -> usize {
        self.listed(Severity::Warning)
    }

    /// In the order of the files; errors and warnings mixed, because they explain each other.
    pub fn sort(&mut self) {
        self.list.sort_by_key(|problem| (problem.file, problem.span.start, problem.severity));
    }

    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// All problems with their places; nothing if there are none. The summary is a line of its own.
    pub fn render(&self, coloured: bool) -> String {
        let renderer = if coloured { Renderer::styled() } else { Renderer::plain() };
        let renderer = renderer.term_width(RENDER_WIDTH);
        let mut text = String::new();
        for problem in &self.list {
            text += &renderer.render(&[problem.report(self.sources.get(problem.file))]);
            text += "\n\n";
        }
        text
    }

    /// Such as `3 errors, 1 warning in scenarios/viral-spike.yaml`.
    pub fn summary(&self) -> String {
        let several = |count: usize, noun: &str| match count {
            1 => format!("1 {noun}"),
            _ => format!("{count} {noun}s"),
        };
        let counts = match (self.errors(), self.warnings()) {
            (errors, 0) => several(errors, "error"),
            (0, warnings) => several(warnings, "warning"),
            (errors, warnings) => format!("{}, {}", several(errors, "error"), several(warnings, "warning")),
        };
        let more = if self.is_full() { " and perhaps more" } else { "" };
        format!("{counts}{more} in {}", self.sources.get(FileId(0)).name)
    }
}

/// Columns of a rendered problem; longer lines are cut around the place.
const RENDER_WIDTH: usize = 120;

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.render(false), self.summary())
    }
}

impl std::error::Error for Problems {}
