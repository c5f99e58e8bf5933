//! What a field is compared with: a text with wildcards at its ends, a number, or a regular expression.
//!
//! A number in the pattern is compared with numbers as a number, and with a text as a text. Order (`<` and its kin)
//! exists between numbers only. An asterisk inside a text stands for itself.

use regex_lite::{Regex, RegexBuilder};

use super::{PatternProblem, cursor::Cursor};

/// Most memory of one compiled expression.
const REGEX_BYTES_MAX: usize = 1 << 18;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    Equal,
    NotEqual,
    Less,
    Greater,
    LessOrEqual,
    GreaterOrEqual,
}

impl Operator {
    pub fn parse(cursor: &mut Cursor<'_>) -> Option<Operator> {
        const ALL: [(&str, Operator); 6] = [
            ("!=", Operator::NotEqual),
            ("<=", Operator::LessOrEqual),
            (">=", Operator::GreaterOrEqual),
            ("=", Operator::Equal),
            ("<", Operator::Less),
            (">", Operator::Greater),
        ];
        ALL.into_iter().find(|(text, _)| cursor.take(text)).map(|(_, operator)| operator)
    }

    fn orders(self) -> bool {
        !matches!(self, Operator::Equal | Operator::NotEqual)
    }
}

/// A value of a message that can be compared.
#[derive(Debug, Clone, Copy)]
pub struct Scalar<'a> {
    pub text: &'a str,
    pub number: Option<f64>,
}

#[derive(Debug, Clone)]
pub struct Operand {
    value: Wanted,
    operator: Operator,
}

#[derive(Debug, Clone)]
enum Wanted {
    Text { part: String, open_start: bool, open_end: bool },
    Number { number: f64, text: String },
    Regex(Regex),
}

impl Operand {
    /// Reads the value that follows an operator. `bare` are the characters that it may have without quotes.
    pub fn parse(
        cursor: &mut Cursor<'_>,
        operator: Operator,
        bare: impl Fn(char) -> bool,
    ) -> Result<Operand, PatternProblem> {
        cursor.skip_blanks();
        let value = match cursor.peek() {
            Some('"') => text(&cursor.quoted()?),
            Some('%') => Wanted::Regex(regex(cursor.between_percents()?)?),
            _ => match cursor.take_while(bare) {
                "" => return Err(cursor.unexpected("a value")),
                word => number(word).unwrap_or_else(|| text(word)),
            },
        };
        if operator.orders() && !matches!(value, Wanted::Number { .. }) {
            return Err(PatternProblem("The operators <, >, <= and >= need a number".to_owned()));
        }
        Ok(Operand { value, operator })
    }

    pub fn is_regex(&self) -> bool {
        matches!(self.value, Wanted::Regex(_))
    }

    pub fn holds(&self, found: Scalar<'_>) -> bool {
        match self.operator {
            Operator::Equal => self.value.fits(found),
            Operator::NotEqual => !self.value.fits(found),
            operator => {
                let (Wanted::Number { number, .. }, Some(found)) = (&self.value, found.number) else {
                    return false;
                };
                match operator {
                    Operator::Less => found < *number,
                    Operator::Greater => found > *number,
                    Operator::LessOrEqual => found <= *number,
                    _ => found >= *number,
                }
            }
        }
    }
}

impl Wanted {
    fn fits(&self, found: Scalar<'_>) -> bool {
        match self {
            Wanted::Number { number, text } => match found.number {
                Some(found) => found == *number,
                None => found.text == text,
            },
            Wanted::Regex(regex) => regex.is_match(found.text),
            Wanted::Text { part, open_start: true, open_end: true } => found.text.contains(&**part),
            Wanted::Text { part, open_start: true, open_end: false } => found.text.ends_with(&**part),
            Wanted::Text { part, open_start: false, open_end: true } => found.text.starts_with(&**part),
            Wanted::Text { part, open_start: false, open_end: false } => found.text == part,
        }
    }
}

fn text(word: &str) -> Wanted {
    let without_start = word.strip_prefix('*');
    let middle = without_start.unwrap_or(word);
    let without_end = middle.strip_suffix('*');
    let part = without_end.unwrap_or(middle).to_owned();
    Wanted::Text { part, open_start: without_start.is_some(), open_end: without_end.is_some() }
}

/// An integer or a decimal with an optional sign, perhaps with an exponent.
fn number(word: &str) -> Option<Wanted> {
    let digits = |c: char| c.is_ascii_digit() || matches!(c, '.' | '+' | '-' | 'e' | 'E');
    let begins = word.trim_start_matches(['+', '-']).starts_with(|c: char| c.is_ascii_digit() || c == '.');
    let number = word.parse().ok().filter(|_| begins && word.chars().all(digits));
    number
        .filter(|number: &f64| number.is_finite())
        .map(|number| Wanted::Number { number, text: word.to_owned() })
}

/// The part of regular expressions that filter patterns may use.
pub fn regex(text: &str) -> Result<Regex, PatternProblem> {
    const SYMBOLS: &str = ":_#=@/;,-^$?[]{}|\\*+. ";
    let mut escaped = false;
    for c in text.chars() {
        let fits = escaped && c.is_ascii() || c.is_ascii_alphanumeric() || SYMBOLS.contains(c);
        if !fits {
            return Err(PatternProblem(format!(
                "Invalid character '{c}' in the regular expression %{text}%"
            )));
        }
        escaped = c == '\\' && !escaped;
    }
    let built = RegexBuilder::new(text).size_limit(REGEX_BYTES_MAX).build();
    built.map_err(|_| PatternProblem(format!("Invalid regular expression %{text}%")))
}
