//! `&&`, `||` and parentheses over conditions of any kind. `&&` binds tighter.

use super::{PatternProblem, cursor::Cursor};

/// Most parentheses inside one another.
const DEPTH_MAX: usize = 32;

#[derive(Debug, Clone)]
pub enum Logic<L> {
    Leaf(L),
    All(Vec<Logic<L>>),
    Any(Vec<Logic<L>>),
}

impl<L> Logic<L> {
    pub fn holds(&self, leaf: &impl Fn(&L) -> bool) -> bool {
        match self {
            Logic::Leaf(condition) => leaf(condition),
            Logic::All(parts) => parts.iter().all(|part| part.holds(leaf)),
            Logic::Any(parts) => parts.iter().any(|part| part.holds(leaf)),
        }
    }

    pub fn each(&self, visit: &mut impl FnMut(&L)) {
        match self {
            Logic::Leaf(condition) => visit(condition),
            Logic::All(parts) | Logic::Any(parts) => parts.iter().for_each(|part| part.each(visit)),
        }
    }
}

/// Reads conditions until something comes that joins none.
pub fn parse<L>(
    cursor: &mut Cursor<'_>,
    leaf: &mut impl FnMut(&mut Cursor<'_>) -> Result<L, PatternProblem>,
) -> Result<Logic<L>, PatternProblem> {
    any(cursor, leaf, 0)
}

fn any<L>(
    cursor: &mut Cursor<'_>,
    leaf: &mut impl FnMut(&mut Cursor<'_>) -> Result<L, PatternProblem>,
    depth: usize,
) -> Result<Logic<L>, PatternProblem> {
    let mut parts = vec![all(cursor, leaf, depth)?];
    while joined(cursor, "||") {
        parts.push(all(cursor, leaf, depth)?);
    }
    Ok(one_or(parts, Logic::Any))
}

fn all<L>(
    cursor: &mut Cursor<'_>,
    leaf: &mut impl FnMut(&mut Cursor<'_>) -> Result<L, PatternProblem>,
    depth: usize,
) -> Result<Logic<L>, PatternProblem> {
    let mut parts = vec![single(cursor, leaf, depth)?];
    while joined(cursor, "&&") {
        parts.push(single(cursor, leaf, depth)?);
    }
    Ok(one_or(parts, Logic::All))
}

fn single<L>(
    cursor: &mut Cursor<'_>,
    leaf: &mut impl FnMut(&mut Cursor<'_>) -> Result<L, PatternProblem>,
    depth: usize,
) -> Result<Logic<L>, PatternProblem> {
    cursor.skip_blanks();
    if !cursor.take("(") {
        return leaf(cursor).map(Logic::Leaf);
    }
    if depth == DEPTH_MAX {
        let text = format!("The filter pattern nests parentheses more than {DEPTH_MAX} deep");
        return Err(PatternProblem(text));
    }
    let inner = any(cursor, leaf, depth + 1)?;
    cursor.skip_blanks();
    if cursor.take(")") { Ok(inner) } else { Err(cursor.unexpected("&&, || or a closing parenthesis")) }
}

fn joined(cursor: &mut Cursor<'_>, by: &str) -> bool {
    cursor.skip_blanks();
    cursor.take(by)
}

fn one_or<L>(mut parts: Vec<Logic<L>>, many: impl Fn(Vec<Logic<L>>) -> Logic<L>) -> Logic<L> {
    match parts.pop() {
        Some(only) if parts.is_empty() => only,
        Some(last) => {
            parts.push(last);
            many(parts)
        }
        None => many(parts),
    }
}
