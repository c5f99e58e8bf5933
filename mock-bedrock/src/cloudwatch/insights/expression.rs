//! Expressions, read by precedence: `or`, `and`, `not`, comparisons, `+ -`, `* / %`, `^`.

use regex_lite::Regex;

use super::{
    QueryProblem,
    reader::{Reader, compile},
    value::Value,
};

/// Most expressions inside one another.
const DEPTH_MAX: usize = 48;

#[derive(Debug, Clone)]
pub enum Expression {
    Literal(Value),
    Field(String),
    Regex(Regex),
    /// `count(*)`.
    Star,
    List(Vec<Expression>),
    Not(Box<Expression>),
    Binary(Operator, Box<Expression>, Box<Expression>),
    Call(String, Vec<Expression>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    Or,
    And,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Like,
    NotLike,
    In,
    NotIn,
    Plus,
    Minus,
    Times,
    Over,
    Modulo,
    Power,
}

pub fn parse(reader: &mut Reader<'_>) -> Result<Expression, QueryProblem> {
    or(reader, 0)
}

fn binary(operator: Operator, left: Expression, right: Expression) -> Expression {
    Expression::Binary(operator, Box::new(left), Box::new(right))
}

fn or(reader: &mut Reader<'_>, depth: usize) -> Result<Expression, QueryProblem> {
    if depth > DEPTH_MAX {
        return Err(reader.problem(&format!("expressions nest more than {DEPTH_MAX} deep")));
    }
    let mut left = and(reader, depth)?;
    while reader.take_word("or") {
        left = binary(Operator::Or, left, and(reader, depth)?);
    }
    Ok(left)
}

fn and(reader: &mut Reader<'_>, depth: usize) -> Result<Expression, QueryProblem> {
    let mut left = not(reader, depth)?;
    while reader.take_word("and") {
        left = binary(Operator::And, left, not(reader, depth)?);
    }
    Ok(left)
}

fn not(reader: &mut Reader<'_>, depth: usize) -> Result<Expression, QueryProblem> {
    let mut negations = 0;
    while reader.take_word("not") {
        negations += 1;
    }
    let inner = comparison(reader, depth)?;
    Ok(if negations % 2 == 1 { Expression::Not(Box::new(inner)) } else { inner })
}

fn comparison(reader: &mut Reader<'_>, depth: usize) -> Result<Expression, QueryProblem> {
    let left = sum(reader, depth)?;
    let Some(operator) = comparing(reader) else { return Ok(left) };
    let right = sum(reader, depth)?;
    Ok(binary(operator, left, right))
}

fn comparing(reader: &mut Reader<'_>) -> Option<Operator> {
    const SIGNS: [(&str, Operator); 8] = [
        ("=~", Operator::Like),
        ("==", Operator::Equal),
        ("!=", Operator::NotEqual),
        ("<=", Operator::LessOrEqual),
        (">=", Operator::GreaterOrEqual),
        ("=", Operator::Equal),
        ("<", Operator::Less),
        (">", Operator::Greater),
    ];
    if let Some((_, operator)) = SIGNS.into_iter().find(|(sign, _)| reader.take(sign)) {
        return Some(operator);
    }
    if reader.take_word("like") {
        return Some(Operator::Like);
    }
    if reader.take_word("in") {
        return Some(Operator::In);
    }
    let negative = reader.take_word("not");
    match negative {
        true if reader.take_word("like") => Some(Operator::NotLike),
        true if reader.take_word("in") => Some(Operator::NotIn),
        _ => None,
    }
}

fn sum(reader: &mut Reader<'_>, depth: usize) -> Result<Expression, QueryProblem> {
    let mut left = product(reader, depth)?;
    loop {
        let operator = if reader.take("+") {
            Operator::Plus
        } else if reader.take("-") {
            Operator::Minus
        } else {
            return Ok(left);
        };
        left = binary(operator, left, product(reader, depth)?);
    }
}

fn product(reader: &mut Reader<'_>, depth: usize) -> Result<Expression, QueryProblem> {
    let mut left = power(reader, depth)?;
    loop {
        let operator = if reader.take("*") {
            Operator::Times
        } else if reader.take("/") {
            Operator::Over
        } else if reader.take("%") {
            Operator::Modulo
        } else {
            return Ok(left);
        };
        left = binary(operator, left, power(reader, depth)?);
    }
}

fn power(reader: &mut Reader<'_>, depth: usize) -> Result<Expression, QueryProblem> {
    let left = single(reader, depth)?;
    if !reader.take("^") {
        return Ok(left);
    }
    Ok(binary(Operator::Power, left, single(reader, depth)?))
}

fn single(reader: &mut Reader<'_>, depth: usize) -> Result<Expression, QueryProblem> {
    if reader.take("(") {
        let inner = or(reader, depth + 1)?;
        return if reader.take(")") { Ok(inner) } else { Err(reader.unexpected("a closing parenthesis")) };
    }
    if reader.take("[") {
        return list(reader, "]", depth).map(Expression::List);
    }
    let negative = reader.take("-");
    if let Some(number) = reader.number() {
        return Ok(Expression::Literal(Value::Number(if negative { -number } else { number })));
    }
    if negative {
        let zero = Expression::Literal(Value::Number(0.0));
        if depth > DEPTH_MAX {
            return Err(reader.problem(&format!("expressions nest more than {DEPTH_MAX} deep")));
        }
        return Ok(binary(Operator::Minus, zero, single(reader, depth + 1)?));
    }
    match reader.peek() {
        Some('"' | '\'') => reader.quoted().map(|text| Expression::Literal(Value::Text(text))),
        Some('/') => reader.regex().map(Expression::Regex),
        Some(_) => field_or_call(reader, depth),
        None => Err(reader.unexpected("an expression")),
    }
}

fn field_or_call(reader: &mut Reader<'_>, depth: usize) -> Result<Expression, QueryProblem> {
    let from = reader.place();
    let quoted = reader.peek() == Some('`');
    let name = reader.name().map_err(|_| reader.unexpected("an expression"))?;
    if quoted || !reader.take("(") {
        return Ok(Expression::Field(name));
    }
    let lower = name.to_ascii_lowercase();
    if lower == "bin" || lower == "datefloor" || lower == "dateceil" {
        return span(reader, lower, depth);
    }
    if reader.take("*") {
        return if reader.take(")") {
            Ok(Expression::Call(lower, vec![Expression::Star]))
        } else {
            Err(reader.unexpected(")"))
        };
    }
    let arguments = list(reader, ")", depth)?;
    let known = super::aggregate::is_known(&lower) || super::evaluate::is_known(&lower);
    if known {
        Ok(Expression::Call(lower, arguments))
    } else {
        Err(reader.problem_at(from, &format!("unknown function '{name}'")))
    }
}

/// `bin(5m)`, or of a field: `datefloor(@timestamp, 1h)`.
fn span(reader: &mut Reader<'_>, name: String, depth: usize) -> Result<Expression, QueryProblem> {
    let mut of = Expression::Field("@timestamp".to_owned());
    if !reader.peek().is_some_and(|c| c.is_ascii_digit()) {
        of = or(reader, depth + 1)?;
        if !reader.take(",") {
            return Err(reader.unexpected("a comma"));
        }
    }
    let number = reader.number().ok_or_else(|| reader.unexpected("a length such as 5m"))?;
    let unit = match reader.word() {
        "ms" | "msec" => 1.0,
        "s" | "sec" | "second" | "seconds" => 1e3,
        "m" | "min" | "minute" | "minutes" => 6e4,
        "h" | "hr" | "hour" | "hours" => 3.6e6,
        "d" | "day" | "days" => 8.64e7,
        "w" | "week" | "weeks" => 6.048e8,
        _ => return Err(reader.problem("a length has a unit: ms, s, m, h, d or w")),
    };
    let length = Value::Number((number * unit).round());
    if !reader.take(")") {
        return Err(reader.unexpected("a closing parenthesis"));
    }
    Ok(Expression::Call(name, vec![of, Expression::Literal(length)]))
}

fn list(reader: &mut Reader<'_>, close: &str, depth: usize) -> Result<Vec<Expression>, QueryProblem> {
    let mut list = Vec::new();
    if reader.take(close) {
        return Ok(list);
    }
    loop {
        list.push(or(reader, depth + 1)?);
        if reader.take(close) {
            return Ok(list);
        }
        if !reader.take(",") {
            return Err(reader.unexpected("a comma"));
        }
    }
}

/// What `like` compares with, ready before the first row: a text is a part of what it is compared with, and a percent
/// sign in it stands for anything.
pub fn like(text: &str) -> Option<Regex> {
    let mut pattern = String::from("(?s)");
    for part in text.split_inclusive('%') {
        let (plain, any) = part.strip_suffix('%').map_or((part, false), |plain| (plain, true));
        pattern.push_str(&regex_lite::escape(plain));
        if any {
            pattern.push_str(".*");
        }
    }
    compile(&pattern)
}
