//! A place in a pattern's text.

use super::PatternProblem;

#[derive(Debug)]
pub struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Cursor<'a> {
    pub fn new(text: &'a str) -> Cursor<'a> {
        Cursor { text, at: 0 }
    }

    pub fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    pub fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    pub fn next(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.at += next.len_utf8();
        Some(next)
    }

    pub fn skip_blanks(&mut self) {
        self.take_while(char::is_whitespace);
    }

    pub fn take_while(&mut self, fits: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let taken = &rest[..rest.find(|c| !fits(c)).unwrap_or(rest.len())];
        self.at += taken.len();
        taken
    }

    /// Steps over `what`, if it is next.
    pub fn take(&mut self, what: &str) -> bool {
        let found = self.rest().starts_with(what);
        if found {
            self.at += what.len();
        }
        found
    }

    /// Steps over a word, blanks before it included, if it is next and ends there.
    pub fn take_word(&mut self, word: &str) -> bool {
        let before = self.at;
        self.skip_blanks();
        let found = self.take(word) && !self.peek().is_some_and(|c| c.is_alphanumeric() || c == '_');
        if !found {
            self.at = before;
        }
        found
    }

    pub fn at_end(&self) -> bool {
        self.at >= self.text.len()
    }

    /// A phrase in double quotes, the first of which is next. A backslash takes the next letter as it is.
    pub fn quoted(&mut self) -> Result<String, PatternProblem> {
        self.next();
        let mut phrase = String::new();
        loop {
            match self.next() {
                None => return Err(PatternProblem("Unterminated quote in the filter pattern".to_owned())),
                Some('"') => return Ok(phrase),
                Some('\\') => match self.next() {
                    Some(c @ ('"' | '\\')) => phrase.push(c),
                    Some(c) => phrase.extend(['\\', c]),
                    None => {}
                },
                Some(c) => phrase.push(c),
            }
        }
    }

    /// What stands between two `%`, the first of which is next. An escaped `%` does not end it.
    pub fn between_percents(&mut self) -> Result<&'a str, PatternProblem> {
        self.next();
        let from = self.at;
        loop {
            let end = self.at;
            match self.next() {
                None => {
                    return Err(PatternProblem("Unterminated regular expression; it ends with %".to_owned()));
                }
                Some('%') => return Ok(&self.text[from..end]),
                Some('\\') => drop(self.next()),
                Some(_) => {}
            }
        }
    }

    /// The problem that this is not what may stand here.
    pub fn unexpected(&self, wanted: &str) -> PatternProblem {
        match self.peek() {
            Some(c) => PatternProblem(format!(
                "Invalid character '{c}' in the filter pattern; {wanted} was expected"
            )),
            None => PatternProblem(format!("The filter pattern ends where {wanted} was expected")),
        }
    }
}
