//! A place in a query's text. Blanks and comments (from `#` to the line's end) lie between words.

use regex_lite::{Regex, RegexBuilder};

use super::QueryProblem;

const REGEX_BYTES_MAX: usize = 1 << 20;

#[derive(Debug)]
pub struct Reader<'a> {
    text: &'a str,
    at: usize,
    /// Where the last word ended, blanks and comments behind it left out.
    end: usize,
}

impl<'a> Reader<'a> {
    pub fn new(text: &'a str) -> Reader<'a> {
        let mut reader = Reader { text, at: 0, end: 0 };
        reader.skip();
        reader
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn step(&mut self, bytes: usize) {
        self.at += bytes;
        self.end = self.at;
        self.skip();
    }

    fn skip(&mut self) {
        loop {
            let rest = self.rest();
            let blanks = rest.len() - rest.trim_start().len();
            self.at += blanks;
            if !self.rest().starts_with('#') {
                return;
            }
            self.at += self.rest().find('\n').unwrap_or(self.rest().len());
        }
    }

    pub fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    pub fn at_end(&self) -> bool {
        self.rest().is_empty()
    }

    pub fn place(&self) -> usize {
        self.at
    }

    /// What was read since a place.
    pub fn since(&self, place: usize) -> &'a str {
        &self.text[place..self.end.max(place)]
    }

    pub fn take(&mut self, what: &str) -> bool {
        let found = self.rest().starts_with(what);
        if found {
            self.step(what.len());
        }
        found
    }

    /// A keyword, however its letters are written.
    pub fn take_word(&mut self, word: &str) -> bool {
        let Some(start) = self.rest().get(..word.len()) else { return false };
        let ends = !self.rest()[word.len()..].starts_with(is_inside_name);
        let found = start.eq_ignore_ascii_case(word) && ends;
        if found {
            self.step(word.len());
        }
        found
    }

    /// The word that is next; empty where none is.
    pub fn word(&mut self) -> &'a str {
        let rest = self.rest();
        let word = &rest[..rest.find(|c| !is_inside_name(c)).unwrap_or(rest.len())];
        self.step(word.len());
        word
    }

    /// A field's name: words with points and `@`, or anything between backticks.
    pub fn name(&mut self) -> Result<String, QueryProblem> {
        if self.peek() == Some('`') {
            let inner = &self.rest()[1..];
            let end = inner.find('`').ok_or_else(|| self.problem("a backtick is not closed"))?;
            self.step(end + 2);
            return Ok(inner[..end].to_owned());
        }
        match self.word() {
            "" => Err(self.unexpected("a field's name")),
            word => Ok(word.to_owned()),
        }
    }

    pub fn integer(&mut self) -> Result<usize, QueryProblem> {
        let from = self.place();
        self.word().parse().map_err(|_| self.problem_at(from, "a whole number was expected"))
    }

    /// A number, if one is next.
    pub fn number(&mut self) -> Option<f64> {
        let rest = self.rest();
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let number = rest[..end].parse().ok().filter(|_| rest.starts_with(|c: char| c.is_ascii_digit()))?;
        self.step(end);
        Some(number)
    }

    /// A text in quotes, the first of which is next.
    pub fn quoted(&mut self) -> Result<String, QueryProblem> {
        let from = self.place();
        let quote = self.peek().unwrap_or('"');
        let mut text = String::new();
        let mut letters = self.rest().char_indices().skip(1);
        while let Some((place, letter)) = letters.next() {
            match letter {
                '\\' => match letters.next() {
                    Some((_, escaped)) if escaped == quote || escaped == '\\' => text.push(escaped),
                    Some((_, other)) => text.extend(['\\', other]),
                    None => break,
                },
                letter if letter == quote => {
                    self.step(place + 1);
                    return Ok(text);
                }
                letter => text.push(letter),
            }
        }
        Err(self.problem_at(from, "a quote is not closed"))
    }

    /// A regular expression between slashes, the first of which is next.
    pub fn regex(&mut self) -> Result<Regex, QueryProblem> {
        let from = self.place();
        let mut escaped = false;
        let end = self.rest().char_indices().skip(1).find_map(|(place, letter)| {
            let closes = letter == '/' && !escaped;
            escaped = letter == '\\' && !escaped;
            closes.then_some(place)
        });
        let end = end.ok_or_else(|| self.problem_at(from, "a regular expression is not closed"))?;
        let text = self.rest()[1..end].replace("\\/", "/");
        self.step(end + 1);
        compile(&text).ok_or_else(|| self.problem_at(from, "this is no regular expression"))
    }

    pub fn problem(&self, message: &str) -> QueryProblem {
        self.problem_at(self.at, message)
    }

    pub fn problem_at(&self, place: usize, message: &str) -> QueryProblem {
        QueryProblem { message: message.to_owned(), at: self.text[..place].chars().count() }
    }

    pub fn unexpected(&self, wanted: &str) -> QueryProblem {
        match self.peek() {
            Some(c) => self.problem(&format!("unexpected '{c}'; {wanted} was expected")),
            None => self.problem(&format!("the query ends where {wanted} was expected")),
        }
    }
}

pub fn compile(text: &str) -> Option<Regex> {
    RegexBuilder::new(text).size_limit(REGEX_BYTES_MAX).build().ok()
}

fn is_inside_name(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '@' | '.')
}
