//! What an expression says of one row.

use super::{
    expression::{Expression, Operator},
    value::Value,
};

/// Functions of one row, those of several are in `aggregate`.
const KNOWN: [&str; 26] = [
    "abs",
    "bin",
    "ceil",
    "coalesce",
    "concat",
    "dateceil",
    "datefloor",
    "floor",
    "frommillis",
    "greatest",
    "isblank",
    "isempty",
    "ispresent",
    "isnumeric",
    "least",
    "length",
    "log",
    "ltrim",
    "replace",
    "rtrim",
    "sqrt",
    "strcontains",
    "strlen",
    "substr",
    "tolower",
    "toupper",
];

pub fn is_known(name: &str) -> bool {
    KNOWN.contains(&name) || matches!(name, "tomillis" | "trim" | "if")
}

/// Where the values of fields are.
pub trait Row {
    fn field(&self, name: &str) -> Value;
    /// What an aggregate is over the row's group; rows of no group know none.
    fn aggregate(&self, name: &str, arguments: &[Expression]) -> Option<Value>;
}

pub fn evaluate(expression: &Expression, row: &dyn Row) -> Value {
    match expression {
        Expression::Literal(value) => value.clone(),
        Expression::Field(name) => row.field(name),
        Expression::Regex(_) | Expression::Star | Expression::List(_) => Value::Missing,
        Expression::Not(inner) => Value::Flag(!evaluate(inner, row).is_true()),
        Expression::Binary(operator, left, right) => binary(*operator, left, right, row),
        Expression::Call(name, arguments) => {
            row.aggregate(name, arguments).unwrap_or_else(|| call(name, arguments, row))
        }
    }
}

fn binary(operator: Operator, left: &Expression, right: &Expression, row: &dyn Row) -> Value {
    let value = |side: &Expression| evaluate(side, row);
    match operator {
        Operator::And => Value::Flag(value(left).is_true() && value(right).is_true()),
        Operator::Or => Value::Flag(value(left).is_true() || value(right).is_true()),
        Operator::Like => Value::Flag(like(&value(left), right, row)),
        Operator::NotLike => {
            let left = value(left);
            Value::Flag(!left.is_missing() && !like(&left, right, row))
        }
        Operator::In | Operator::NotIn => {
            let left = value(left);
            let Expression::List(list) = right else { return Value::Flag(false) };
            let found = list.iter().any(|one| value(one).equals(&left));
            Value::Flag(!left.is_missing() && found == (operator == Operator::In))
        }
        operator => combine(operator, &value(left), &value(right)),
    }
}

fn combine(operator: Operator, left: &Value, right: &Value) -> Value {
    if left.is_missing() || right.is_missing() {
        return if calculates(operator) { Value::Missing } else { Value::Flag(false) };
    }
    let order = || left.order(right);
    match operator {
        Operator::Equal => Value::Flag(left.equals(right)),
        Operator::NotEqual => Value::Flag(!left.equals(right)),
        Operator::Less => Value::Flag(order().is_lt()),
        Operator::LessOrEqual => Value::Flag(order().is_le()),
        Operator::Greater => Value::Flag(order().is_gt()),
        Operator::GreaterOrEqual => Value::Flag(order().is_ge()),
        operator => {
            let (Some(left), Some(right)) = (left.number(), right.number()) else { return Value::Missing };
            finite(match operator {
                Operator::Plus => left + right,
                Operator::Minus => left - right,
                Operator::Times => left * right,
                Operator::Over => left / right,
                Operator::Modulo => left % right,
                _ => libm::pow(left, right),
            })
        }
    }
}

fn calculates(operator: Operator) -> bool {
    use Operator::{Minus, Modulo, Over, Plus, Power, Times};
    matches!(operator, Plus | Minus | Times | Over | Modulo | Power)
}

/// A number, or nothing where the result is none.
pub fn finite(number: f64) -> Value {
    if number.is_finite() { Value::Number(number) } else { Value::Missing }
}

fn like(left: &Value, right: &Expression, row: &dyn Row) -> bool {
    let Some(text) = left.text() else { return false };
    match right {
        Expression::Regex(regex) => regex.is_match(&text),
        right => {
            let part = evaluate(right, row).text().unwrap_or_default();
            match part.contains('%') {
                true => super::expression::like(&part).is_some_and(|regex| regex.is_match(&text)),
                false => text.contains(&part),
            }
        }
    }
}

fn call(name: &str, arguments: &[Expression], row: &dyn Row) -> Value {
    let all: Vec<Value> = arguments.iter().map(|argument| evaluate(argument, row)).collect();
    let number = |place: usize| all.get(place).and_then(Value::number);
    let text = |place: usize| all.get(place).and_then(Value::text);
    let of_number =
        |change: fn(f64) -> f64| number(0).map_or(Value::Missing, |number| finite(change(number)));
    let of_text = |change: &dyn Fn(String) -> Value| text(0).map_or(Value::Missing, change);
    match name {
        "ispresent" => Value::Flag(all.iter().all(|value| !value.is_missing())),
        "isempty" => Value::Flag(text(0).is_none_or(|text| text.is_empty())),
        "isblank" => Value::Flag(text(0).is_none_or(|text| text.trim().is_empty())),
        "isnumeric" => Value::Flag(number(0).is_some()),
        "coalesce" => all.into_iter().find(|value| !value.is_missing()).unwrap_or(Value::Missing),
        "if" => match all.first().is_some_and(Value::is_true) {
            true => all.get(1).cloned().unwrap_or(Value::Missing),
            false => all.get(2).cloned().unwrap_or(Value::Missing),
        },
        "abs" => of_number(f64::abs),
        "ceil" => of_number(libm::ceil),
        "floor" => of_number(libm::floor),
        "log" => of_number(libm::log),
        "sqrt" => of_number(libm::sqrt),
        "greatest" => {
            all.into_iter().filter(|value| !value.is_missing()).max_by(Value::order).unwrap_or(Value::Missing)
        }
        "least" => {
            all.into_iter().filter(|value| !value.is_missing()).min_by(Value::order).unwrap_or(Value::Missing)
        }
        "bin" | "datefloor" => rounded(number(0), number(1), libm::floor),
        "dateceil" => rounded(number(0), number(1), libm::ceil),
        "frommillis" => number(0).map_or(Value::Missing, |number| Value::Time(number as i64)),
        "tomillis" => number(0).map_or(Value::Missing, Value::Number),
        "strlen" | "length" => of_text(&|text| Value::Number(text.chars().count() as f64)),
        "tolower" => of_text(&|text| Value::Text(text.to_lowercase())),
        "toupper" => of_text(&|text| Value::Text(text.to_uppercase())),
        "trim" => of_text(&|text| Value::Text(text.trim().to_owned())),
        "ltrim" => of_text(&|text| Value::Text(text.trim_start().to_owned())),
        "rtrim" => of_text(&|text| Value::Text(text.trim_end().to_owned())),
        "concat" => Value::Text(all.iter().filter_map(Value::text).collect()),
        "strcontains" => match (text(0), text(1)) {
            (Some(text), Some(part)) => Value::Flag(text.contains(&part)),
            _ => Value::Flag(false),
        },
        "replace" => match (text(0), text(1), text(2)) {
            (Some(text), Some(from), Some(to)) if !from.is_empty() => Value::Text(text.replace(&from, &to)),
            (Some(text), ..) => Value::Text(text),
            _ => Value::Missing,
        },
        "substr" => of_text(&|text| {
            let skip = number(1).unwrap_or(0.0).max(0.0) as usize;
            let take = number(2).map_or(usize::MAX, |length| length.max(0.0) as usize);
            Value::Text(text.chars().skip(skip).take(take).collect())
        }),
        _ => Value::Missing,
    }
}

fn rounded(at: Option<f64>, length: Option<f64>, round: fn(f64) -> f64) -> Value {
    match (at, length) {
        (Some(at), Some(length)) if length > 0.0 => Value::Time((round(at / length) * length) as i64),
        _ => Value::Missing,
    }
}
