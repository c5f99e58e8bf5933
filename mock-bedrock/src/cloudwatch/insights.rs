//! Logs Insights: the part of its query language that guides for Bedrock use.
//!
//! Commands are `fields`, `display`, `filter`, `stats .. by ..`, `sort`, `limit`, `dedup` and `parse`, joined by `|`; how
//! expressions are read is in `expression`, what they mean in `value`, `evaluate` and `aggregate`, and what commands do to
//! rows in `run`. A field is looked up in what commands made before, among the fields that begin with `@`, and in the
//! message where it is JSON (`output.outputBodyJson.metrics.latencyMs`, `messages.0.text`). What is missing is absent and
//! fulfils no comparison.

mod aggregate;
mod evaluate;
mod expression;
mod reader;
mod run;
#[cfg(test)]
mod tests;
mod value;

pub use self::run::{Found, Line, run};

use self::{expression::Expression, reader::Reader};

/// Most characters of a query.
pub const QUERY_MAX: usize = 10_000;
/// Most rows of a result, and as many as without `limit`.
pub const ROWS_MAX: usize = 100_000;
pub const ROWS: usize = 10_000;
/// Most commands of a query.
const COMMANDS_MAX: usize = 64;

/// Why a text is no query, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueryProblem {
    pub message: String,
    /// In characters.
    pub at: usize,
}

#[derive(Debug, Clone)]
pub struct Query {
    commands: Vec<Command>,
}

/// An expression and what it is called.
#[derive(Debug, Clone)]
struct Named {
    name: String,
    expression: Expression,
}

#[derive(Debug, Clone)]
enum Command {
    Fields(Vec<Named>),
    Display(Vec<Named>),
    Filter(Expression),
    Stats { columns: Vec<Named>, by: Vec<Named> },
    Sort(Vec<(Expression, bool)>),
    Limit(usize),
    Dedup(Vec<Named>),
    Parse { from: Expression, pattern: Pattern, names: Vec<String> },
}

/// How `parse` takes a text apart.
#[derive(Debug, Clone)]
enum Pattern {
    /// The texts between its asterisks.
    Glob(Vec<String>),
    Regex(regex_lite::Regex),
}

impl Query {
    pub fn parse(text: &str) -> Result<Query, QueryProblem> {
        let mut reader = Reader::new(text);
        let mut commands = Vec::new();
        loop {
            commands.push(command(&mut reader)?);
            if commands.len() > COMMANDS_MAX {
                return Err(reader.problem(&format!("more than {COMMANDS_MAX} commands")));
            }
            if reader.at_end() {
                return Ok(Query { commands });
            }
            if !reader.take("|") {
                return Err(reader.unexpected("| or the end"));
            }
        }
    }
}

fn command(reader: &mut Reader<'_>) -> Result<Command, QueryProblem> {
    let from = reader.place();
    match reader.word() {
        "fields" => named_list(reader).map(Command::Fields),
        "display" => named_list(reader).map(Command::Display),
        "dedup" => named_list(reader).map(Command::Dedup),
        "filter" => expression::parse(reader).map(Command::Filter),
        "stats" => {
            let columns = named_list(reader)?;
            let by = if reader.take_word("by") { named_list(reader)? } else { Vec::new() };
            Ok(Command::Stats { columns, by })
        }
        "sort" => {
            let mut keys = Vec::new();
            loop {
                let key = expression::parse(reader)?;
                let descending = reader.take_word("desc");
                reader.take_word("asc");
                keys.push((key, descending));
                if !reader.take(",") {
                    return Ok(Command::Sort(keys));
                }
            }
        }
        "limit" | "head" => reader.integer().map(|rows| Command::Limit(rows.min(ROWS_MAX))),
        "parse" => parse(reader),
        other => {
            let known = "fields, display, filter, stats, sort, limit, dedup, parse";
            Err(reader.problem_at(from, &format!("unknown command '{other}'; known are {known}")))
        }
    }
}

fn named_list(reader: &mut Reader<'_>) -> Result<Vec<Named>, QueryProblem> {
    let mut list = Vec::new();
    loop {
        let from = reader.place();
        let expression = expression::parse(reader)?;
        let written = reader.since(from);
        let name = if reader.take_word("as") { reader.name()? } else { written.trim_matches('`').to_owned() };
        list.push(Named { name, expression });
        // Lists are written with commas, and by some with blanks alone; only commas go on here.
        if !reader.take(",") {
            return Ok(list);
        }
    }
}

fn parse(reader: &mut Reader<'_>) -> Result<Command, QueryProblem> {
    let from = match reader.peek() {
        Some('"' | '\'' | '/') => Expression::Field("@message".to_owned()),
        // A name alone: a slash behind it begins the pattern and divides nothing.
        _ => Expression::Field(reader.name()?),
    };
    let (pattern, mut names) = match reader.peek() {
        Some('/') => {
            let regex = reader.regex()?;
            let names = regex.capture_names().flatten().map(str::to_owned).collect();
            (Pattern::Regex(regex), names)
        }
        Some('"' | '\'') => {
            (Pattern::Glob(reader.quoted()?.split('*').map(str::to_owned).collect()), Vec::new())
        }
        _ => return Err(reader.unexpected("a pattern in quotes or slashes")),
    };
    if reader.take_word("as") {
        names = vec![reader.name()?];
        while reader.take(",") {
            names.push(reader.name()?);
        }
    }
    let wanted = match &pattern {
        Pattern::Glob(parts) => parts.len() - 1,
        Pattern::Regex(_) => names.len(),
    };
    if names.is_empty() || names.len() != wanted {
        return Err(reader.problem(&format!("the pattern has {wanted} parts and {} names", names.len())));
    }
    Ok(Command::Parse { from, pattern, names })
}
