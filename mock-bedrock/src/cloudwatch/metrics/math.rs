//! Metric math: arithmetic, comparisons and functions over lines of points.
//!
//! A line has no point where one of its parts has none, nor where a result is no number (a division by zero). What an
//! expression gives must be lines; a plain number becomes one by `TIME_SERIES`.

mod expression;
mod function;

use std::collections::BTreeMap;

use self::expression::{Expression, Operator};
use super::query::{Asks, Query, Span};
use crate::cloudwatch::Millis;

/// Values by their times.
pub type Line = BTreeMap<Millis, f64>;

/// Most points that the expressions of one request may make.
const WORK_MAX: usize = 5_000_000;

/// What expressions are evaluated over.
#[derive(Debug)]
pub struct Frame {
    pub span: Span,
    /// The shortest period of the metrics.
    pub period: Millis,
    /// Metrics by id, with their periods.
    pub lines: BTreeMap<String, (Millis, Line)>,
}

/// What an expression gives.
#[derive(Debug, Clone, PartialEq)]
enum Term {
    Number(f64),
    Line(Line),
    Lines(Vec<Line>),
    Text(String),
}

/// Evaluates all expressions, whatever their order; each may name the others, but not itself by way of them.
pub fn evaluate_all(queries: &[Query], frame: &mut Frame) -> Result<BTreeMap<String, Vec<Line>>, String> {
    let mut parsed = BTreeMap::new();
    for query in queries {
        if let Asks::Expression { text, .. } = &query.asks {
            let expression = expression::parse(text).map_err(|why| error(&query.id, &why))?;
            parsed.insert(query.id.as_str(), expression);
        }
    }
    let mut machine = Machine { frame, parsed: &parsed, known: BTreeMap::new(), open: Vec::new(), work: 0 };
    let mut made = BTreeMap::new();
    for id in parsed.keys() {
        let lines = match machine.named(id).map_err(|why| error(id, &why))? {
            Term::Line(line) => vec![line],
            Term::Lines(lines) => lines,
            Term::Number(_) | Term::Text(_) => {
                return Err(error(id, "the expression must return a time series"));
            }
        };
        made.insert((*id).to_owned(), lines);
    }
    Ok(made)
}

fn error(id: &str, why: &str) -> String {
    format!("Error in expression '{id}': {why}")
}

#[derive(Debug)]
struct Machine<'a> {
    frame: &'a Frame,
    parsed: &'a BTreeMap<&'a str, Expression>,
    known: BTreeMap<String, Term>,
    /// Expressions whose evaluation has begun.
    open: Vec<String>,
    work: usize,
}

impl Machine<'_> {
    fn named(&mut self, id: &str) -> Result<Term, String> {
        if let Some((_, line)) = self.frame.lines.get(id) {
            self.spend(line.len())?;
            return Ok(Term::Line(line.clone()));
        }
        if let Some(term) = self.known.get(id).cloned() {
            self.spend(term.points())?;
            return Ok(term);
        }
        let Some(expression) = self.parsed.get(id) else {
            return Err(format!("there is no query with the id {id}"));
        };
        if self.open.iter().any(|open| open == id) {
            return Err("expressions name one another in a circle".to_owned());
        }
        self.open.push(id.to_owned());
        let term = self.evaluate(expression)?;
        self.open.pop();
        self.known.insert(id.to_owned(), term.clone());
        Ok(term)
    }

    fn evaluate(&mut self, expression: &Expression) -> Result<Term, String> {
        match expression {
            Expression::Number(number) => Ok(Term::Number(*number)),
            Expression::Text(text) => Ok(Term::Text(text.clone())),
            Expression::Name(id) => self.named(id),
            Expression::Negative(inner) => {
                let zero = Term::Number(0.0);
                let inner = self.evaluate(inner)?;
                combine(Operator::Minus, &zero, &inner)
            }
            Expression::Binary(operator, left, right) => {
                let (left, right) = (self.evaluate(left)?, self.evaluate(right)?);
                self.spend(left.points().max(right.points()))?;
                combine(*operator, &left, &right)
            }
            Expression::List(parts) => {
                let mut lines = Vec::new();
                for part in parts {
                    lines.extend(self.evaluate(part)?.into_lines()?);
                }
                Ok(Term::Lines(lines))
            }
            Expression::Call(name, arguments) => {
                let arguments = arguments
                    .iter()
                    .map(|argument| self.evaluate(argument))
                    .collect::<Result<Vec<_>, _>>()?;
                function::call(self, name, &arguments)
            }
        }
    }

    fn spend(&mut self, points: usize) -> Result<(), String> {
        self.work = self.work.saturating_add(points);
        if self.work > WORK_MAX { Err("the expressions are too much work".to_owned()) } else { Ok(()) }
    }

    /// The beginnings of all periods.
    fn grid(&mut self) -> Result<impl Iterator<Item = Millis> + use<>, String> {
        let Span { from, to } = self.frame.span;
        let period = self.frame.period.max(1);
        let first = from - from.rem_euclid(period);
        self.spend(usize::try_from((to - first) / period).unwrap_or(usize::MAX))?;
        Ok((0..).map(move |n| first + n * period).take_while(move |at| *at < to))
    }

    /// The period of the metric that an id names; of an expression, the shortest that there is.
    fn period(&self) -> Millis {
        self.frame.period
    }

    /// Metrics whose ids hold a text.
    fn metrics(&mut self, part: &str) -> Result<Vec<Line>, String> {
        let found = self.frame.lines.iter().filter(|(id, _)| id.contains(part));
        let lines: Vec<Line> = found.map(|(_, (_, line))| line.clone()).collect();
        self.spend(lines.iter().map(Line::len).sum())?;
        Ok(lines)
    }
}

impl Term {
    fn points(&self) -> usize {
        match self {
            Term::Number(_) | Term::Text(_) => 1,
            Term::Line(line) => line.len(),
            Term::Lines(lines) => lines.iter().map(Line::len).sum(),
        }
    }

    fn into_lines(self) -> Result<Vec<Line>, String> {
        match self {
            Term::Line(line) => Ok(vec![line]),
            Term::Lines(lines) => Ok(lines),
            Term::Number(_) | Term::Text(_) => Err("a list may hold time series only".to_owned()),
        }
    }

    /// The same with each value changed; what is no number then is left out.
    fn map(&self, change: impl Fn(f64) -> f64) -> Result<Term, String> {
        let each =
            |line: &Line| line.iter().map(|(at, value)| (*at, change(*value))).filter(finite).collect();
        match self {
            Term::Number(number) => Ok(Term::Number(change(*number))),
            Term::Line(line) => Ok(Term::Line(each(line))),
            Term::Lines(lines) => Ok(Term::Lines(lines.iter().map(each).collect())),
            Term::Text(_) => Err("a text stands where a number or a time series is wanted".to_owned()),
        }
    }
}

fn finite((_, value): &(Millis, f64)) -> bool {
    value.is_finite()
}

fn combine(operator: Operator, left: &Term, right: &Term) -> Result<Term, String> {
    let apply = |left, right| operator.apply(left, right);
    match (left, right) {
        (term, Term::Number(right)) => term.map(|left| apply(left, *right)),
        (Term::Number(left), term) => term.map(|right| apply(*left, right)),
        (Term::Line(left), Term::Line(right)) => Ok(Term::Line(both(left, right, &apply))),
        (Term::Lines(all), Term::Line(right)) => {
            Ok(Term::Lines(all.iter().map(|left| both(left, right, &apply)).collect()))
        }
        (Term::Line(left), Term::Lines(all)) => {
            Ok(Term::Lines(all.iter().map(|right| both(left, right, &apply)).collect()))
        }
        (Term::Lines(left), Term::Lines(right)) if left.len() == right.len() => {
            Ok(Term::Lines(left.iter().zip(right).map(|(left, right)| both(left, right, &apply)).collect()))
        }
        (Term::Lines(_), Term::Lines(_)) => {
            Err("two lists of different lengths cannot be combined".to_owned())
        }
        (Term::Text(_), _) | (_, Term::Text(_)) => Err("a text cannot be calculated with".to_owned()),
    }
}

fn both(left: &Line, right: &Line, apply: &impl Fn(f64, f64) -> f64) -> Line {
    let at_both = left.iter().filter_map(|(at, left)| Some((*at, apply(*left, *right.get(at)?))));
    at_both.filter(finite).collect()
}
