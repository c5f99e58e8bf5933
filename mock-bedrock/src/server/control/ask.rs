//! Reading what was asked: the query, the body, their constraints, and pages of lists. What breaks a constraint is
//! refused in the words of AWS's own validation.

use std::fmt::Display;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use http::{Request, StatusCode};
use serde_json::{Map, Value};

use crate::{
    exception::{Exception, ExceptionKind},
    server::{
        path::decode,
        reply::{Layer, WireError},
    },
};

pub fn refuse(kind: ExceptionKind, text: impl Into<String>) -> WireError {
    WireError::from(&Exception::new(kind, text.into()))
}

pub fn invalid(text: impl Into<String>) -> WireError {
    refuse(ExceptionKind::ValidationException, text)
}

/// One constraint that a value breaks.
fn constraint(value: Option<&str>, at: &str, rule: impl Display) -> WireError {
    let value = value.map_or_else(|| "null".to_owned(), |value| format!("'{value}'"));
    invalid(format!(
        "1 validation error detected: Value {value} at '{at}' failed to satisfy constraint: {rule}"
    ))
}

pub fn required(at: &str) -> WireError {
    constraint(None, at, "Member must not be null")
}

pub fn above(value: impl Display, at: &str, most: impl Display) -> WireError {
    let rule = format!("Member must have value less than or equal to {most}");
    constraint(Some(&value.to_string()), at, rule)
}

pub fn below(value: impl Display, at: &str, least: impl Display) -> WireError {
    let rule = format!("Member must have value greater than or equal to {least}");
    constraint(Some(&value.to_string()), at, rule)
}

/// The query of a request.
#[derive(Debug, Clone, Copy)]
pub struct Query<'a>(&'a str);

impl<'a> Query<'a> {
    pub fn of<B>(request: &'a Request<B>) -> Query<'a> {
        Query(request.uri().query().unwrap_or_default())
    }

    pub fn get(&self, name: &str) -> Option<String> {
        let mut pairs = self.0.split('&').filter_map(|pair| pair.split_once('='));
        let value = pairs.find(|(key, _)| *key == name).map(|(_, value)| value.replace('+', " "))?;
        Some(decode(&value).unwrap_or(value)).filter(|value| !value.is_empty())
    }

    /// One of a set of values.
    pub fn one_of(&self, name: &str, known: &[&str]) -> Result<Option<String>, WireError> {
        match self.get(name) {
            Some(value) if !known.contains(&&*value) => {
                let rule = format!("Member must satisfy enum value set: [{}]", known.join(", "));
                Err(constraint(Some(&value), name, rule))
            }
            value => Ok(value),
        }
    }
}

/// Most entries on one page, where the caller does not say.
const PAGE: usize = 100;
const PAGE_MAX: usize = 1_000;

/// Cuts a list into pages. The token names the last key of the page, so entries that come or go in between shift
/// nothing.
pub fn page<T>(
    all: Vec<T>,
    key: impl Fn(&T) -> String,
    query: Query<'_>,
) -> Result<(Vec<T>, Option<String>), WireError> {
    let size = match query.get("maxResults") {
        None => PAGE,
        Some(text) => match text.parse::<i64>() {
            Ok(size) if size < 1 => return Err(below(size, "maxResults", 1)),
            Ok(size) if size > PAGE_MAX as i64 => return Err(above(size, "maxResults", PAGE_MAX)),
            Ok(size) => size as usize,
            Err(_) => return Err(serialization()),
        },
    };
    let token = query.get("nextToken");
    cut(all, key, size, token.as_deref()).ok_or_else(|| invalid("The provided next token is invalid."))
}

/// One page and the token of the next; none when the token is not of this list.
pub fn cut<T>(
    mut all: Vec<T>,
    key: impl Fn(&T) -> String,
    size: usize,
    token: Option<&str>,
) -> Option<(Vec<T>, Option<String>)> {
    let from = match token {
        None => 0,
        Some(token) => {
            let last = URL_SAFE_NO_PAD.decode(token).ok().and_then(|bytes| String::from_utf8(bytes).ok())?;
            all.iter().position(|entry| key(entry) == last)? + 1
        }
    };
    let mut rest = all.split_off(from);
    let more = rest.len() > size;
    rest.truncate(size);
    let next = rest.last().filter(|_| more).map(|last| URL_SAFE_NO_PAD.encode(key(last)));
    Some((rest, next))
}

/// A body, or a structure inside one.
#[derive(Debug, Clone, Default)]
pub struct Body<'a> {
    fields: Map<String, Value>,
    at: &'a str,
}

fn serialization() -> WireError {
    WireError::new(
        Layer::Front,
        StatusCode::BAD_REQUEST,
        "SerializationException",
        "The request could not be read.",
    )
}

impl Body<'_> {
    pub fn of(request: &Request<Bytes>) -> Result<Body<'static>, WireError> {
        if request.body().is_empty() {
            return Ok(Body::default());
        }
        match serde_json::from_slice(request.body()) {
            Ok(Value::Object(fields)) => Ok(Body { fields, at: "" }),
            _ => Err(serialization()),
        }
    }

    fn path(&self, name: &str) -> String {
        if self.at.is_empty() { name.to_owned() } else { format!("{}.{name}", self.at) }
    }

    fn value(&self, name: &str) -> Option<&Value> {
        self.fields.get(name).filter(|value| !value.is_null())
    }

    pub fn text(&self, name: &str) -> Result<Option<&str>, WireError> {
        match self.value(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(serialization()),
        }
    }

    pub fn required_text(&self, name: &str) -> Result<&str, WireError> {
        self.text(name)?.ok_or_else(|| required(&self.path(name)))
    }

    /// A text of at least one and at most so many characters, all of which are allowed.
    pub fn limited(&self, name: &str, most: usize, allowed: Allowed) -> Result<Option<&str>, WireError> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        let at = self.path(name);
        if text.is_empty() {
            return Err(constraint(Some(text), &at, "Member must have length greater than or equal to 1"));
        }
        if text.chars().count() > most {
            let rule = format!("Member must have length less than or equal to {most}");
            return Err(constraint(Some(text), &at, rule));
        }
        if !allowed.accepts(text) {
            let rule = format!("Member must satisfy regular expression pattern: {}", allowed.pattern());
            return Err(constraint(Some(text), &at, rule));
        }
        Ok(Some(text))
    }

    pub fn one_of(&self, name: &str, known: &[&str]) -> Result<Option<&str>, WireError> {
        match self.text(name)? {
            Some(value) if !known.contains(&value) => {
                let rule = format!("Member must satisfy enum value set: [{}]", known.join(", "));
                Err(constraint(Some(value), &self.path(name), rule))
            }
            value => Ok(value),
        }
    }

    pub fn number(&self, name: &str) -> Result<Option<f64>, WireError> {
        self.value(name).map(|value| value.as_f64().ok_or_else(serialization)).transpose()
    }

    pub fn flag(&self, name: &str) -> Result<Option<bool>, WireError> {
        self.value(name).map(|value| value.as_bool().ok_or_else(serialization)).transpose()
    }

    pub fn inner<'a>(&self, name: &str, at: &'a str) -> Result<Option<Body<'a>>, WireError> {
        match self.value(name) {
            None => Ok(None),
            Some(Value::Object(fields)) => Ok(Some(Body { fields: fields.clone(), at })),
            Some(_) => Err(serialization()),
        }
    }

    pub fn list(&self, name: &str) -> Result<Option<&[Value]>, WireError> {
        self.value(name)
            .map(|value| value.as_array().map(Vec::as_slice).ok_or_else(serialization))
            .transpose()
    }

    /// Members of a list of structures.
    pub fn structures<'a>(&self, name: &str, at: &'a str) -> Result<Option<Vec<Body<'a>>>, WireError> {
        let Some(list) = self.list(name)? else { return Ok(None) };
        let member = |value: &Value| match value {
            Value::Object(fields) => Ok(Body { fields: fields.clone(), at }),
            _ => Err(serialization()),
        };
        list.iter().map(member).collect::<Result<_, _>>().map(Some)
    }
}

/// The patterns of names in Bedrock's own model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Allowed {
    /// Letters and digits, each with at most one of ` _-` behind it.
    Name,
    /// The same without blanks.
    Id,
    /// Letters, digits, colons and points, each with at most one of ` _-` behind it.
    Description,
    Anything,
}

impl Allowed {
    fn pattern(self) -> &'static str {
        match self {
            Allowed::Name => "([0-9a-zA-Z][ _-]?)+",
            Allowed::Id => "([0-9a-zA-Z][_-]?)+",
            Allowed::Description => "([0-9a-zA-Z:.][ _-]?)+",
            Allowed::Anything => ".*",
        }
    }

    fn accepts(self, text: &str) -> bool {
        let joins = |c: char| matches!(c, '_' | '-') || c == ' ' && self != Allowed::Id;
        let solid =
            |c: char| c.is_ascii_alphanumeric() || matches!(c, ':' | '.') && self == Allowed::Description;
        let mut before = ' ';
        self == Allowed::Anything
            || text.chars().all(|c| {
                let fits = solid(c) || joins(c) && solid(before);
                before = c;
                fits
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_held_to_their_patterns() {
        use Allowed::{Anything, Description, Id, Name};
        let table = [
            (Name, "my profile-1", true),
            (Name, "my  profile", false),
            (Name, "-x", false),
            (Name, "a.b", false),
            (Id, "a_b-c", true),
            (Id, "a b", false),
            (Description, "see x.y: z", true),
            (Description, "no, comma", false),
            (Anything, "\u{2019}", true),
        ];
        for (allowed, text, expected) in table {
            assert_eq!(allowed.accepts(text), expected, "{allowed:?} {text}");
        }
    }

    #[test]
    fn pages_follow_one_another_and_a_strange_token_is_none() {
        let all = vec!["a", "b", "c", "d", "e"];
        let key = |entry: &&str| (*entry).to_owned();
        let (first, next) = cut(all.clone(), key, 2, None).expect("a page");
        let (second, after) = cut(all.clone(), key, 2, next.as_deref()).expect("a page");
        let (third, end) = cut(all.clone(), key, 2, after.as_deref()).expect("a page");
        assert_eq!((first, second, third, end), (vec!["a", "b"], vec!["c", "d"], vec!["e"], None));
        assert_eq!(cut(all, key, 2, Some("???")), None);
    }

    #[test]
    fn a_token_stays_good_when_entries_come_and_go() {
        let key = |entry: &&str| (*entry).to_owned();
        let (_, next) = cut(vec!["a", "b", "c"], key, 2, None).expect("a page");
        let (rest, _) = cut(vec!["b", "bb", "c"], key, 2, next.as_deref()).expect("a page");
        assert_eq!(rest, ["bb", "c"]);
    }
}
