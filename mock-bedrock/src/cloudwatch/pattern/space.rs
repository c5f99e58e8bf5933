//! `[ip, .., status = 4*, bytes > 1000]` on text that is split at blanks.
//!
//! What stands in quotes or in brackets is one column. A pattern without an ellipsis wants exactly as many columns as
//! it has itself. `[]` takes every line.

use std::collections::BTreeMap;

use super::{
    PatternProblem,
    cursor::Cursor,
    logic::{self, Logic},
    operand::{Operand, Operator, Scalar},
};

#[derive(Debug, Clone)]
pub struct Columns {
    before: Vec<Column>,
    /// What follows the ellipsis, if there is one.
    after: Option<Vec<Column>>,
}

#[derive(Debug, Clone)]
struct Column {
    name: String,
    wanted: Option<Logic<Operand>>,
}

/// Reads what stands between the brackets. Also says how many regular expressions there are.
pub fn parse(text: &str) -> Result<(Columns, usize), PatternProblem> {
    let mut cursor = Cursor::new(text);
    let mut columns = Columns { before: Vec::new(), after: None };
    cursor.skip_blanks();
    if cursor.at_end() {
        columns.after = Some(Vec::new());
        return Ok((columns, 0));
    }
    loop {
        cursor.skip_blanks();
        if cursor.take("...") || cursor.take("\u{2026}") {
            if columns.after.replace(Vec::new()).is_some() {
                return Err(PatternProblem("A filter pattern may hold one ellipsis".to_owned()));
            }
        } else {
            let column = column(&mut cursor)?;
            columns.after.as_mut().unwrap_or(&mut columns.before).push(column);
        }
        cursor.skip_blanks();
        if cursor.at_end() {
            break;
        }
        if !cursor.take(",") {
            return Err(cursor.unexpected("a comma"));
        }
    }
    let regexes = columns.regexes();
    Ok((columns, regexes))
}

/// A name and perhaps what its value must be like; nothing at all for a column that does not matter.
fn column(cursor: &mut Cursor<'_>) -> Result<Column, PatternProblem> {
    let grouped = cursor.peek() == Some('(');
    let mut name = None;
    let mut condition = |cursor: &mut Cursor<'_>| {
        cursor.skip_blanks();
        let own = cursor.take_while(is_name);
        if name.get_or_insert_with(|| own.to_owned()) != own {
            let first = name.as_deref().unwrap_or_default();
            return Err(PatternProblem(format!(
                "The conditions of column {first} name another column, {own}"
            )));
        }
        cursor.skip_blanks();
        let Some(operator) = Operator::parse(cursor) else { return Ok(None) };
        Operand::parse(cursor, operator, is_bare).map(Some)
    };
    let wanted = logic::parse(cursor, &mut condition)?;
    let wanted = match wanted {
        Logic::Leaf(None) if !grouped => None,
        wanted => Some(complete(wanted).ok_or_else(|| cursor.unexpected("an operator"))?),
    };
    let name = name.unwrap_or_default();
    if name.is_empty() && wanted.is_some() {
        return Err(PatternProblem("A condition needs the name of its column".to_owned()));
    }
    Ok(Column { name, wanted })
}

/// None where a condition is only a name.
fn complete(wanted: Logic<Option<Operand>>) -> Option<Logic<Operand>> {
    let all = |parts: Vec<Logic<Option<Operand>>>| parts.into_iter().map(complete).collect::<Option<_>>();
    match wanted {
        Logic::Leaf(operand) => operand.map(Logic::Leaf),
        Logic::All(parts) => all(parts).map(Logic::All),
        Logic::Any(parts) => all(parts).map(Logic::Any),
    }
}

fn is_name(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '-' | '$' | '.')
}

fn is_bare(c: char) -> bool {
    !c.is_whitespace() && !matches!(c, ',' | ']' | '(' | ')' | '&' | '|' | '"' | '%' | '=' | '<' | '>' | '!')
}

impl Columns {
    fn regexes(&self) -> usize {
        let mut count = 0;
        for column in self.before.iter().chain(self.after.iter().flatten()) {
            if let Some(wanted) = &column.wanted {
                wanted.each(&mut |operand| count += usize::from(operand.is_regex()));
            }
        }
        count
    }

    /// The columns of a line that fits, by `$name` or by `$number`.
    pub fn split(&self, line: &str) -> Option<BTreeMap<String, String>> {
        let fields = fields(line);
        let (before, after) = (self.before.len(), self.after.as_ref().map_or(0, Vec::len));
        let enough = match self.after {
            None => fields.len() == before,
            Some(_) => fields.len() >= before + after,
        };
        if !enough {
            return None;
        }
        let tail = fields.len() - after;
        let column = |place: usize| match place {
            place if place < before => self.before.get(place),
            place if place >= tail => self.after.as_ref().and_then(|after| after.get(place - tail)),
            _ => None,
        };
        let mut named = BTreeMap::new();
        for (place, field) in fields.iter().enumerate() {
            let column = column(place);
            if !column.is_none_or(|column| column.accepts(field)) {
                return None;
            }
            let name = column.map(|column| &*column.name).filter(|name| !name.is_empty());
            let key = name.map_or_else(|| format!("${}", place + 1), |name| format!("${name}"));
            named.insert(key, (*field).to_owned());
        }
        Some(named)
    }
}

impl Column {
    fn accepts(&self, field: &str) -> bool {
        let number = field.parse().ok().filter(|number: &f64| number.is_finite());
        let found = Scalar { text: field, number };
        self.wanted.as_ref().is_none_or(|wanted| wanted.holds(&|operand| operand.holds(found)))
    }
}

/// Splits a line at blanks; quotes and brackets keep together, and go.
fn fields(line: &str) -> Vec<&str> {
    let mut fields = Vec::new();
    let mut rest = line.trim_start();
    while let Some(first) = rest.chars().next() {
        let closing = match first {
            '"' => Some('"'),
            '[' => Some(']'),
            _ => None,
        };
        let enclosed = closing.and_then(|closing| rest[1..].split_once(closing));
        let (field, after) = match enclosed {
            Some(parts) => parts,
            None => rest.split_at(rest.find(char::is_whitespace).unwrap_or(rest.len())),
        };
        fields.push(field);
        rest = after.trim_start();
    }
    fields
}
