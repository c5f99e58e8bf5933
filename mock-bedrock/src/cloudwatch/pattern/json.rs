//! `{ $.field OPERATOR value && .. || .. }` on messages that are JSON.
//!
//! A comparison needs a text, a number or a flag to compare with: a field that is missing, null, a list or an object
//! fulfils none, `!=` included. That is how a filter for calls which another Region served leaves throttled calls out,
//! whose records have no such field. With a wildcard in the selector one of the values must fulfil it.

use serde_json::Value;

use super::{
    PatternProblem,
    cursor::Cursor,
    logic::{self, Logic},
    operand::{Operand, Operator, Scalar},
    selector::Selector,
};

/// Most wildcards in the selectors of a pattern.
const WILDCARDS_MAX: usize = 3;

#[derive(Debug, Clone)]
pub struct Condition {
    selector: Selector,
    test: Test,
}

#[derive(Debug, Clone)]
enum Test {
    Compare(Operand),
    IsNull,
    NotExists,
    Is(bool),
}

/// Reads what stands between the braces. Also says how many regular expressions there are.
pub fn parse(text: &str) -> Result<(Logic<Condition>, usize), PatternProblem> {
    let mut cursor = Cursor::new(text);
    let conditions = logic::parse(&mut cursor, &mut condition)?;
    cursor.skip_blanks();
    if !cursor.at_end() {
        return Err(cursor.unexpected("&&, || or the end"));
    }
    let (mut wildcards, mut regexes) = (0, 0);
    conditions.each(&mut |condition| {
        wildcards += usize::from(condition.selector.has_wildcard());
        regexes += usize::from(matches!(&condition.test, Test::Compare(operand) if operand.is_regex()));
    });
    if wildcards > WILDCARDS_MAX {
        let text = format!("A filter pattern may hold at most {WILDCARDS_MAX} wildcard selectors");
        return Err(PatternProblem(text));
    }
    Ok((conditions, regexes))
}

fn condition(cursor: &mut Cursor<'_>) -> Result<Condition, PatternProblem> {
    cursor.skip_blanks();
    let selector = Selector::read(cursor)?;
    if selector.is_empty() {
        return Err(cursor.unexpected("a field such as $.field"));
    }
    cursor.skip_blanks();
    let test = if cursor.take_word("IS") {
        is(cursor)?
    } else if cursor.take_word("NOT") {
        if !cursor.take_word("EXISTS") {
            return Err(cursor.unexpected("EXISTS"));
        }
        Test::NotExists
    } else {
        let operator = Operator::parse(cursor).ok_or_else(|| cursor.unexpected("an operator"))?;
        Test::Compare(Operand::parse(cursor, operator, is_bare)?)
    };
    Ok(Condition { selector, test })
}

fn is(cursor: &mut Cursor<'_>) -> Result<Test, PatternProblem> {
    let words = [("NULL", Test::IsNull), ("TRUE", Test::Is(true)), ("FALSE", Test::Is(false))];
    let found = words.into_iter().find(|(word, _)| cursor.take_word(word));
    found.map(|(_, test)| test).ok_or_else(|| cursor.unexpected("NULL, TRUE or FALSE"))
}

/// What a value may have without quotes: letters and digits, and what the guide's own examples have besides.
fn is_bare(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | '*' | ':' | '/' | '+')
}

impl Condition {
    pub fn holds(&self, root: &Value) -> bool {
        match &self.test {
            Test::Compare(operand) => self.selector.any(root, &|value| compare(operand, value)),
            Test::IsNull => self.selector.any(root, &Value::is_null),
            Test::NotExists => !self.selector.any(root, &|_| true),
            Test::Is(flag) => self.selector.any(root, &|value| value.as_bool() == Some(*flag)),
        }
    }
}

fn compare(operand: &Operand, value: &Value) -> bool {
    match value {
        Value::String(text) => operand.holds(Scalar { text, number: None }),
        Value::Number(number) => operand.holds(Scalar { text: &number.to_string(), number: number.as_f64() }),
        Value::Bool(flag) => {
            operand.holds(Scalar { text: if *flag { "true" } else { "false" }, number: None })
        }
        Value::Null | Value::Array(_) | Value::Object(_) => false,
    }
}
