//! Filter patterns of CloudWatch Logs, in the three forms that are documented: terms in any text, `{ conditions }` on
//! JSON, and `[columns]` of text that is split at blanks.
//!
//! Facts are those of the user guide's pages on filter patterns; what they leave open is decided in the file of its
//! form. Parsing refuses with a text, never panics, and a parsed pattern takes time linear in the message's length.

mod cursor;
mod json;
mod logic;
mod operand;
mod selector;
mod space;
mod terms;

use std::{cell::OnceCell, collections::BTreeMap};

use serde_json::Value;

pub use selector::Selector;

use self::{json::Condition, logic::Logic, space::Columns, terms::Terms};

/// Most characters of a pattern.
pub const PATTERN_MAX: usize = 1_024;
/// Most regular expressions in a pattern.
pub const REGEX_MAX: usize = 2;

/// Why a text is no pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct PatternProblem(pub String);

/// A message with what has been found out about it, so that several patterns read it once.
#[derive(Debug)]
pub struct Message<'a> {
    text: &'a str,
    json: OnceCell<Option<Value>>,
}

impl<'a> Message<'a> {
    pub fn new(text: &'a str) -> Message<'a> {
        Message { text, json: OnceCell::new() }
    }

    pub fn text(&self) -> &'a str {
        self.text
    }

    /// The message as JSON, where it is an object or a list.
    pub fn json(&self) -> Option<&Value> {
        let read = || serde_json::from_str(self.text).ok().filter(|value: &Value| !is_plain(value));
        // Most lines that are no JSON show it in their first letter.
        let may_be = || self.text.trim_start().starts_with(['{', '[']);
        self.json.get_or_init(|| may_be().then(read).flatten()).as_ref()
    }
}

fn is_plain(value: &Value) -> bool {
    !matches!(value, Value::Object(_) | Value::Array(_))
}

/// What a message must be like to pass.
#[derive(Debug, Clone)]
pub struct Pattern {
    form: Form,
    regexes: usize,
}

#[derive(Debug, Clone)]
enum Form {
    Terms(Terms),
    Json(Logic<Condition>),
    Space(Columns),
}

impl Pattern {
    pub fn parse(text: &str) -> Result<Pattern, PatternProblem> {
        if text.chars().count() > PATTERN_MAX {
            return Err(PatternProblem(format!(
                "The filter pattern is longer than {PATTERN_MAX} characters"
            )));
        }
        let trimmed = text.trim();
        let (form, regexes) = match trimmed.chars().next() {
            Some('{') => {
                let (condition, regexes) = json::parse(inside(trimmed, '{', '}')?)?;
                (Form::Json(condition), regexes)
            }
            Some('[') => {
                let (columns, regexes) = space::parse(inside(trimmed, '[', ']')?)?;
                (Form::Space(columns), regexes)
            }
            _ => {
                let terms = Terms::parse(trimmed)?;
                let regexes = terms.regexes();
                (Form::Terms(terms), regexes)
            }
        };
        if regexes > REGEX_MAX {
            let text = format!("A filter pattern may hold at most {REGEX_MAX} regular expressions");
            return Err(PatternProblem(text));
        }
        Ok(Pattern { form, regexes })
    }

    pub fn matches(&self, message: &Message<'_>) -> bool {
        match &self.form {
            Form::Terms(terms) => terms.match_text(message.text),
            Form::Json(condition) => {
                message.json().is_some_and(|value| condition.holds(&|leaf| leaf.holds(value)))
            }
            Form::Space(columns) => columns.split(message.text).is_some(),
        }
    }

    /// What TestMetricFilter shows of a message that matches: the columns by name, or by number where they have none.
    /// The other forms extract nothing.
    pub fn extracted(&self, message: &Message<'_>) -> BTreeMap<String, String> {
        match &self.form {
            Form::Space(columns) => columns.split(message.text).unwrap_or_default(),
            Form::Terms(_) | Form::Json(_) => BTreeMap::new(),
        }
    }

    /// The value that `$.field` or `$column` has in a message that matches, as text, and whether it is a number.
    pub fn value(&self, message: &Message<'_>, selector: &Selector) -> Option<Extracted> {
        match &self.form {
            Form::Json(_) => selector.first(message.json()?).and_then(Extracted::of),
            Form::Space(columns) => {
                let text = columns.split(message.text)?.remove(&selector.column()?)?;
                Some(Extracted { number: text.parse().ok().filter(|number: &f64| number.is_finite()), text })
            }
            Form::Terms(_) => None,
        }
    }

    /// Whether values can be taken out of messages, for a metric's value or its dimensions.
    pub fn has_fields(&self) -> bool {
        !matches!(self.form, Form::Terms(_))
    }

    /// How many regular expressions it holds.
    pub fn regexes(&self) -> usize {
        self.regexes
    }
}

/// A value found in a message.
#[derive(Debug, Clone, PartialEq)]
pub struct Extracted {
    pub text: String,
    pub number: Option<f64>,
}

impl Extracted {
    fn of(value: &Value) -> Option<Extracted> {
        match value {
            Value::String(text) => Some(Extracted { text: text.clone(), number: None }),
            Value::Number(number) => Some(Extracted { text: number.to_string(), number: number.as_f64() }),
            Value::Bool(flag) => Some(Extracted { text: flag.to_string(), number: None }),
            Value::Null | Value::Array(_) | Value::Object(_) => None,
        }
    }
}

fn inside(text: &str, open: char, close: char) -> Result<&str, PatternProblem> {
    text.strip_prefix(open).and_then(|rest| rest.strip_suffix(close)).ok_or_else(|| {
        PatternProblem(format!("If a filter pattern starts with '{open}' it must end with '{close}'"))
    })
}

#[cfg(test)]
mod tests;
