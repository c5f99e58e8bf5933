//! What serde found wrong, kept as data until it is known where in the file it happened.

use std::fmt;

use serde::de::{self, Unexpected};

use crate::scenario::{
    tree::{Kind, Node, Path, Step},
    words,
};

/// One thing that stopped the reading of a tree.
#[derive(Debug, Clone, PartialEq)]
pub struct ReadError {
    /// Innermost step first: each level adds its own on the way out.
    steps: Vec<Step>,
    /// Whether it concerns the last key itself and not its value.
    pub about_key: bool,
    pub what: What,
}

#[derive(Debug, Clone, PartialEq)]
pub enum What {
    /// A word where only certain ones have a meaning: a key or a choice.
    Unknown {
        word: String,
        known: &'static [&'static str],
        noun: &'static str,
    },
    Missing {
        key: &'static str,
    },
    Wrong {
        message: String,
        hint: String,
    },
}

impl ReadError {
    pub fn wrong(message: impl Into<String>, hint: impl Into<String>) -> ReadError {
        What::Wrong { message: message.into(), hint: hint.into() }.into()
    }

    pub fn inside(mut self, step: Step) -> ReadError {
        self.steps.push(step);
        self
    }

    pub fn about_key(mut self) -> ReadError {
        self.about_key = true;
        self
    }

    pub fn path(&self) -> Path {
        Path(self.steps.iter().rev().cloned().collect())
    }
}

impl From<What> for ReadError {
    fn from(what: What) -> ReadError {
        ReadError { steps: Vec::new(), about_key: false, what }
    }
}

impl What {
    /// What is wrong, and what to write instead.
    pub fn texts(&self) -> (String, String) {
        match self {
            What::Unknown { word, known, noun } => {
                (format!("unknown {noun} \"{word}\""), words::suggest(word, known))
            }
            What::Missing { key } => (format!("\"{key}\" is missing"), format!("add `{key}: ..`")),
            What::Wrong { message, hint } => (message.clone(), hint.clone()),
        }
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path(), self.what.texts().0)
    }
}

impl std::error::Error for ReadError {}

impl de::Error for ReadError {
    /// Texts of the parts read "what is wrong; what to write".
    fn custom<T: fmt::Display>(text: T) -> ReadError {
        let text = text.to_string();
        match text.rsplit_once("; ") {
            Some((message, hint)) => ReadError::wrong(message, hint),
            None => ReadError::wrong(text, ""),
        }
    }

    fn invalid_type(unexpected: Unexpected<'_>, expected: &dyn de::Expected) -> ReadError {
        ReadError::wrong(format!("expected {expected}, found {}", unexpected_words(unexpected)), "")
    }

    fn invalid_value(unexpected: Unexpected<'_>, expected: &dyn de::Expected) -> ReadError {
        ReadError::invalid_type(unexpected, expected)
    }

    fn invalid_length(length: usize, expected: &dyn de::Expected) -> ReadError {
        ReadError::wrong(format!("expected {expected}, found {length} of them"), "")
    }

    fn unknown_variant(word: &str, known: &'static [&'static str]) -> ReadError {
        What::Unknown { word: word.into(), known, noun: "choice" }.into()
    }

    fn unknown_field(word: &str, known: &'static [&'static str]) -> ReadError {
        What::Unknown { word: word.into(), known, noun: "key" }.into()
    }

    fn missing_field(key: &'static str) -> ReadError {
        What::Missing { key }.into()
    }
}

fn unexpected_words(unexpected: Unexpected<'_>) -> String {
    match unexpected {
        Unexpected::Bool(truth) => truth.to_string(),
        Unexpected::Unsigned(number) => number.to_string(),
        Unexpected::Signed(number) => number.to_string(),
        Unexpected::Float(number) => number.to_string(),
        Unexpected::Str(text) => format!("\"{text}\""),
        Unexpected::Unit | Unexpected::Option => "nothing".into(),
        Unexpected::Seq => "a list".into(),
        Unexpected::Map => "a map".into(),
        other => other.to_string(),
    }
}

/// A node in words.
pub fn found(node: &Node) -> String {
    match &node.kind {
        _ if node.is_null() => "nothing".into(),
        Kind::Scalar { text, plain: true } => text.clone(),
        Kind::Scalar { text, plain: false } => format!("\"{text}\""),
        Kind::List(_) => "a list".into(),
        Kind::Map(entries) => {
            let keys: Vec<&str> =
                entries.iter().filter(|entry| !entry.value.dead).map(|entry| &*entry.key).collect();
            match keys.as_slice() {
                [] => "an empty map".into(),
                [one] => format!("a map with the key \"{one}\""),
                several => format!("a map with the keys {}", words::list(several)),
            }
        }
    }
}
