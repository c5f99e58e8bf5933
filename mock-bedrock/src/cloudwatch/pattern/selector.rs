//! Where in a message a value is: `$.a.b`, `$.list[0]`, `$.list[*].id`, `$.['odd name']`; or `$column`.

use serde_json::Value;

use super::{PatternProblem, cursor::Cursor};

/// Most steps of one selector.
const STEPS_MAX: usize = 64;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selector {
    steps: Vec<Step>,
    /// What a space-delimited pattern calls it.
    column: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Key(String),
    Index(usize),
    Every,
}

impl Selector {
    /// A selector that stands alone.
    pub fn parse(text: &str) -> Result<Selector, PatternProblem> {
        let mut cursor = Cursor::new(text.trim());
        let mut selector = Selector::read(&mut cursor)?;
        if selector.steps.is_empty() {
            let name = cursor.take_while(is_name);
            selector.column = Some(format!("${name}")).filter(|_| !name.is_empty());
        }
        let says_something = selector.column.is_some() || !selector.steps.is_empty();
        if says_something && cursor.at_end() { Ok(selector) } else { Err(cursor.unexpected("a field")) }
    }

    /// The selector that is next.
    pub fn read(cursor: &mut Cursor<'_>) -> Result<Selector, PatternProblem> {
        if !cursor.take("$") {
            return Err(cursor.unexpected("a selector such as $.field"));
        }
        let mut steps = Vec::new();
        while let Some(step) = step(cursor)? {
            steps.push(step);
            if steps.len() > STEPS_MAX {
                return Err(PatternProblem(format!("A selector has more than {STEPS_MAX} steps")));
            }
        }
        if steps.iter().filter(|step| **step == Step::Every).count() > 1 {
            return Err(PatternProblem("A selector may hold one wildcard".to_owned()));
        }
        Ok(Selector { steps, column: None })
    }

    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    pub fn has_wildcard(&self) -> bool {
        self.steps.contains(&Step::Every)
    }

    /// The column that it names, with its dollar.
    pub fn column(&self) -> Option<String> {
        self.column.clone()
    }

    /// Whether one of the values that it selects is as wanted.
    pub fn any(&self, root: &Value, wanted: &impl Fn(&Value) -> bool) -> bool {
        any(root, &self.steps, wanted)
    }

    /// The one value that it selects, or the first of them.
    pub fn first<'a>(&self, root: &'a Value) -> Option<&'a Value> {
        if self.steps.is_empty() {
            return None;
        }
        first(root, &self.steps)
    }
}

/// Names need no quotes where they are made of these.
fn is_name(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '-')
}

fn step(cursor: &mut Cursor<'_>) -> Result<Option<Step>, PatternProblem> {
    if cursor.take(".") {
        if cursor.peek() == Some('[') {
            return in_brackets(cursor).map(Some);
        }
        if cursor.take("*") {
            return Ok(Some(Step::Every));
        }
        return match cursor.take_while(is_name) {
            "" => Err(cursor.unexpected("a field's name")),
            name => Ok(Some(Step::Key(name.to_owned()))),
        };
    }
    if cursor.peek() == Some('[') { in_brackets(cursor).map(Some) } else { Ok(None) }
}

fn in_brackets(cursor: &mut Cursor<'_>) -> Result<Step, PatternProblem> {
    cursor.next();
    let step = match cursor.peek() {
        Some('*') => {
            cursor.next();
            Step::Every
        }
        Some('"') => Step::Key(cursor.quoted()?),
        Some('\'') => {
            cursor.next();
            let name = cursor.take_while(|c| c != '\'').to_owned();
            if !cursor.take("'") {
                return Err(cursor.unexpected("a closing quote"));
            }
            Step::Key(name)
        }
        _ => {
            let digits = cursor.take_while(|c| c.is_ascii_digit());
            Step::Index(digits.parse().map_err(|_| cursor.unexpected("an index, * or a quoted name"))?)
        }
    };
    if cursor.take("]") { Ok(step) } else { Err(cursor.unexpected("a closing bracket")) }
}

fn any(value: &Value, steps: &[Step], wanted: &impl Fn(&Value) -> bool) -> bool {
    let Some((step, rest)) = steps.split_first() else { return wanted(value) };
    match (step, value) {
        (Step::Key(key), Value::Object(fields)) => {
            fields.get(key).is_some_and(|value| any(value, rest, wanted))
        }
        (Step::Index(index), Value::Array(list)) => {
            list.get(*index).is_some_and(|value| any(value, rest, wanted))
        }
        (Step::Every, Value::Array(list)) => list.iter().any(|value| any(value, rest, wanted)),
        (Step::Every, Value::Object(fields)) => fields.values().any(|value| any(value, rest, wanted)),
        _ => false,
    }
}

fn first<'a>(value: &'a Value, steps: &[Step]) -> Option<&'a Value> {
    let Some((step, rest)) = steps.split_first() else { return Some(value) };
    match (step, value) {
        (Step::Key(key), Value::Object(fields)) => first(fields.get(key)?, rest),
        (Step::Index(index), Value::Array(list)) => first(list.get(*index)?, rest),
        (Step::Every, Value::Array(list)) => list.iter().find_map(|value| first(value, rest)),
        (Step::Every, Value::Object(fields)) => fields.values().find_map(|value| first(value, rest)),
        _ => None,
    }
}
