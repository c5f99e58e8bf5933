//! `ERROR "exact phrase" -DEBUG`, `?this ?that`, `%regex%`: terms that a text must hold, anywhere and inside words too.
//!
//! Where terms with a question mark stand beside others they count for nothing; alone, one of them must be there.

use regex_lite::Regex;

use super::{PatternProblem, cursor::Cursor, operand::regex};

#[derive(Debug, Clone, Default)]
pub struct Terms {
    all: Vec<Term>,
    any: Vec<Term>,
    none: Vec<Term>,
}

#[derive(Debug, Clone)]
enum Term {
    Text(String),
    Regex(Regex),
}

impl Terms {
    /// No term at all takes everything.
    pub fn parse(text: &str) -> Result<Terms, PatternProblem> {
        let mut terms = Terms::default();
        let mut cursor = Cursor::new(text);
        loop {
            cursor.skip_blanks();
            if cursor.at_end() {
                return Ok(terms);
            }
            let list = if cursor.take("?") {
                &mut terms.any
            } else if cursor.take("-") {
                // The guide writes this sign with and without a blank behind it.
                cursor.skip_blanks();
                &mut terms.none
            } else {
                &mut terms.all
            };
            list.push(term(&mut cursor)?);
        }
    }

    pub fn regexes(&self) -> usize {
        let all = self.all.iter().chain(&self.any).chain(&self.none);
        all.filter(|term| matches!(term, Term::Regex(_))).count()
    }

    pub fn match_text(&self, text: &str) -> bool {
        let alone = self.all.is_empty() && self.none.is_empty();
        let one_of = || self.any.is_empty() || self.any.iter().any(|term| term.is_in(text));
        self.all.iter().all(|term| term.is_in(text))
            && !self.none.iter().any(|term| term.is_in(text))
            && (!alone || one_of())
    }
}

fn term(cursor: &mut Cursor<'_>) -> Result<Term, PatternProblem> {
    match cursor.peek() {
        Some('"') => cursor.quoted().map(|phrase| match phrase.trim() {
            // Blanks alone take everything.
            "" => Term::Text(String::new()),
            _ => Term::Text(phrase),
        }),
        Some('%') => regex(cursor.between_percents()?).map(Term::Regex),
        _ => {
            let word = cursor.take_while(|c| !c.is_whitespace());
            let plain = !word.is_empty() && word.chars().all(|c| c.is_alphanumeric() || c == '_');
            if !plain {
                return Err(PatternProblem(format!("Invalid character(s) in term '{word}'")));
            }
            Ok(Term::Text(word.to_owned()))
        }
    }
}

impl Term {
    fn is_in(&self, text: &str) -> bool {
        match self {
            Term::Text(part) => text.contains(&**part),
            Term::Regex(regex) => regex.is_match(text),
        }
    }
}
