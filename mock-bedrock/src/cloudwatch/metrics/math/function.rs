//! The functions of metric math.
//!
//! An aggregate of one line is a number; of several lines it is a line, of what there is at each time.

use super::{Line, Machine, Term, finite};
use crate::cloudwatch::Millis;

pub fn call(machine: &mut Machine<'_>, name: &str, arguments: &[Term]) -> Result<Term, String> {
    match (name, arguments) {
        ("METRICS", []) => machine.metrics("").map(Term::Lines),
        ("METRICS", [Term::Text(part)]) => machine.metrics(part).map(Term::Lines),
        ("PERIOD", [Term::Line(_)]) => Ok(Term::Number(machine.period() as f64 / 1_000.0)),
        ("TIME_SERIES", [Term::Number(number)]) => {
            Ok(Term::Line(machine.grid()?.map(|at| (at, *number)).filter(finite).collect()))
        }
        ("FILL", [term, filler]) => fill(machine, term, filler),
        ("IF", [Term::Number(condition), yes, no]) => Ok(if *condition == 0.0 { no } else { yes }.clone()),
        ("IF", [Term::Line(condition), yes]) => choose(condition, yes, None),
        ("IF", [Term::Line(condition), yes, no]) => choose(condition, yes, Some(no)),
        ("ABS", [term]) => term.map(f64::abs),
        ("CEIL", [term]) => term.map(libm::ceil),
        ("FLOOR", [term]) => term.map(libm::floor),
        ("LOG", [term]) => term.map(libm::log),
        ("LOG10", [term]) => term.map(libm::log10),
        ("RATE", [term]) => steps(term, |before, now| (now.1 - before.1) / seconds(now.0 - before.0)),
        ("DIFF", [term]) => steps(term, |before, now| now.1 - before.1),
        ("DIFF_TIME", [term]) => steps(term, |before, now| seconds(now.0 - before.0)),
        ("RUNNING_SUM", [term]) => each(term, |line| {
            let mut sum = 0.0;
            line.iter()
                .map(|(at, value)| {
                    sum += value;
                    (*at, sum)
                })
                .filter(finite)
                .collect()
        }),
        ("FIRST" | "LAST", [Term::Lines(lines)]) => {
            let line = if name == "FIRST" { lines.first() } else { lines.last() };
            line.cloned().map(Term::Line).ok_or_else(|| "the list is empty".to_owned())
        }
        (name, arguments) => aggregate(name, arguments),
    }
}

fn seconds(span: Millis) -> f64 {
    span as f64 / 1_000.0
}

fn aggregate(name: &str, arguments: &[Term]) -> Result<Term, String> {
    let of: fn(&[f64]) -> f64 = match name {
        "SUM" => |all| all.iter().sum(),
        "AVG" => |all| all.iter().sum::<f64>() / all.len() as f64,
        "MIN" => |all| all.iter().copied().fold(f64::INFINITY, f64::min),
        "MAX" => |all| all.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        "STDDEV" => deviation,
        "DATAPOINT_COUNT" => |all| all.len() as f64,
        "METRICS" | "PERIOD" | "TIME_SERIES" | "FILL" | "IF" | "ABS" | "CEIL" | "FLOOR" | "LOG" | "LOG10"
        | "RATE" | "DIFF" | "DIFF_TIME" | "RUNNING_SUM" | "FIRST" | "LAST" => {
            return Err(format!("{name} does not take these arguments"));
        }
        _ => return Err(format!("the function {name} is not known")),
    };
    match arguments {
        [Term::Line(line)] if line.is_empty() => Ok(Term::Number(0.0)),
        [Term::Line(line)] => Ok(Term::Number(of(&line.values().copied().collect::<Vec<_>>()))),
        [Term::Lines(lines)] => Ok(Term::Line(across(lines, of))),
        _ => Err(format!("{name} takes one time series or one list of them")),
    }
}

fn deviation(all: &[f64]) -> f64 {
    let mean = all.iter().sum::<f64>() / all.len() as f64;
    libm::sqrt(all.iter().map(|value| (value - mean) * (value - mean)).sum::<f64>() / all.len() as f64)
}

/// One line of several: at each time, of those that have a point there.
fn across(lines: &[Line], of: impl Fn(&[f64]) -> f64) -> Line {
    let mut at: std::collections::BTreeMap<Millis, Vec<f64>> = std::collections::BTreeMap::new();
    for (time, value) in lines.iter().flatten() {
        at.entry(*time).or_default().push(*value);
    }
    at.into_iter().map(|(time, values)| (time, of(&values))).filter(finite).collect()
}

fn each(term: &Term, change: impl Fn(&Line) -> Line) -> Result<Term, String> {
    match term {
        Term::Line(line) => Ok(Term::Line(change(line))),
        Term::Lines(lines) => Ok(Term::Lines(lines.iter().map(change).collect())),
        Term::Number(_) | Term::Text(_) => Err("a time series is wanted".to_owned()),
    }
}

fn steps(term: &Term, of: impl Fn((Millis, f64), (Millis, f64)) -> f64) -> Result<Term, String> {
    each(term, |line| {
        let points: Vec<(Millis, f64)> = line.iter().map(|(at, value)| (*at, *value)).collect();
        points.windows(2).map(|pair| (pair[1].0, of(pair[0], pair[1]))).filter(finite).collect()
    })
}

/// Puts something where a line has no point: a number, another line's value, the last one, or what lies on the way to the
/// next.
fn fill(machine: &mut Machine<'_>, term: &Term, filler: &Term) -> Result<Term, String> {
    let lines = match term {
        Term::Line(_) => 1,
        Term::Lines(lines) => lines.len(),
        Term::Number(_) | Term::Text(_) => return Err("FILL takes a time series first".to_owned()),
    };
    let grid: Vec<Millis> = machine.grid()?.collect();
    machine.spend(grid.len().saturating_mul(lines))?;
    let how = |line: &Line, at: Millis| -> Option<f64> {
        match filler {
            Term::Number(number) => Some(*number),
            Term::Line(other) => other.get(&at).copied(),
            Term::Text(word) => between(word, line, at),
            Term::Lines(_) => None,
        }
    };
    if let Term::Text(word) = filler
        && !["REPEAT", "LINEAR"].contains(&word.as_str())
    {
        return Err("FILL fills with a number, a time series, REPEAT or LINEAR".to_owned());
    }
    each(term, |line| {
        let mut filled = line.clone();
        for at in &grid {
            if !line.contains_key(at)
                && let Some(value) = how(line, *at)
            {
                filled.insert(*at, value);
            }
        }
        filled
    })
}

fn between(word: &str, line: &Line, at: Millis) -> Option<f64> {
    let (before_at, before) = line.range(..at).next_back()?;
    if word == "REPEAT" {
        return Some(*before);
    }
    let (after_at, after) = line.range(at..).next()?;
    let share = (at - before_at) as f64 / (after_at - before_at) as f64;
    Some(before + (after - before) * share)
}

fn choose(condition: &Line, yes: &Term, no: Option<&Term>) -> Result<Term, String> {
    let value = |term: &Term, at: Millis| match term {
        Term::Number(number) => Ok(Some(*number)),
        Term::Line(line) => Ok(line.get(&at).copied()),
        Term::Lines(_) | Term::Text(_) => Err("IF chooses between numbers and time series".to_owned()),
    };
    let mut chosen = Line::new();
    for (at, holds) in condition {
        let from = if *holds == 0.0 { no } else { Some(yes) };
        if let Some(found) = from.map(|term| value(term, *at)).transpose()?.flatten() {
            chosen.insert(*at, found);
        }
    }
    Ok(Term::Line(chosen))
}
