//! Reading a request's members, and refusing what breaks a constraint in the words of the service that was asked.

use serde_json::{Map, Value};

use super::Refusal;

/// Whose words refusals have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    Logs,
    Metrics,
}

/// A structure of a request.
#[derive(Debug, Clone)]
pub struct Fields<'a> {
    map: &'a Map<String, Value>,
    style: Style,
    /// Where it stands in the request, with a dot behind; empty for the request itself.
    at: String,
}

impl<'a> Fields<'a> {
    pub fn new(map: &'a Map<String, Value>, style: Style) -> Fields<'a> {
        Fields { map, style, at: String::new() }
    }

    fn value(&self, name: &str) -> Option<&'a Value> {
        self.map.get(name).filter(|value| !value.is_null())
    }

    pub fn has(&self, name: &str) -> bool {
        self.value(name).is_some()
    }

    /// The member as it was sent.
    pub fn raw(&self, name: &str) -> Option<&'a Value> {
        self.value(name)
    }

    pub fn path(&self, name: &str) -> String {
        format!("{}{name}", self.at)
    }

    pub fn missing(&self, name: &str) -> Refusal {
        let at = self.path(name);
        match self.style {
            Style::Logs => self.invalid(format!(
                "1 validation error detected: Value null at '{at}' failed to satisfy constraint: Member must not be null"
            )),
            Style::Metrics => {
                Refusal::new("MissingRequiredParameterException", format!("The parameter {at} is required."))
            }
        }
    }

    /// The request is refused for this reason.
    pub fn invalid(&self, text: impl Into<String>) -> Refusal {
        let name = match self.style {
            Style::Logs => "InvalidParameterException",
            Style::Metrics => "InvalidParameterValueException",
        };
        Refusal::new(name, text)
    }

    /// One member breaks a constraint.
    pub fn breaks(&self, name: &str, value: impl std::fmt::Display, rule: &str) -> Refusal {
        let at = self.path(name);
        match self.style {
            Style::Logs => self.invalid(format!(
                "1 validation error detected: Value '{value}' at '{at}' failed to satisfy constraint: {rule}"
            )),
            Style::Metrics => {
                self.invalid(format!("The value {value} for parameter {at} is invalid: {rule}"))
            }
        }
    }

    fn wrong_type(&self, name: &str) -> Refusal {
        Refusal::new("SerializationException", format!("The member {} has the wrong type", self.path(name)))
    }

    pub fn text(&self, name: &str) -> Result<Option<&'a str>, Refusal> {
        self.value(name).map(|value| value.as_str().ok_or_else(|| self.wrong_type(name))).transpose()
    }

    /// A text of at least one and at most so many characters.
    pub fn limited(&self, name: &str, most: usize) -> Result<Option<&'a str>, Refusal> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        if text.is_empty() {
            return Err(self.breaks(name, text, "Member must have length greater than or equal to 1"));
        }
        if text.chars().count() > most {
            let rule = format!("Member must have length less than or equal to {most}");
            return Err(self.breaks(name, text, &rule));
        }
        Ok(Some(text))
    }

    pub fn required(&self, name: &str, most: usize) -> Result<&'a str, Refusal> {
        self.limited(name, most)?.ok_or_else(|| self.missing(name))
    }

    pub fn one_of(&self, name: &str, known: &[&str]) -> Result<Option<&'a str>, Refusal> {
        let found = self.text(name)?;
        match found {
            Some(value) if !known.contains(&value) => {
                let rule = format!("Member must satisfy enum value set: [{}]", known.join(", "));
                Err(self.breaks(name, value, &rule))
            }
            found => Ok(found),
        }
    }

    pub fn number(&self, name: &str) -> Result<Option<f64>, Refusal> {
        self.value(name).map(|value| number(value).ok_or_else(|| self.wrong_type(name))).transpose()
    }

    pub fn integer(&self, name: &str) -> Result<Option<i64>, Refusal> {
        let whole = |value: &Value| {
            let number = number(value)?;
            // Saturates: what is far out of range is refused for that.
            (number.fract() == 0.0).then(|| value.as_i64().unwrap_or(number as i64))
        };
        self.value(name).map(|value| whole(value).ok_or_else(|| self.wrong_type(name))).transpose()
    }

    /// An integer within bounds.
    pub fn within(&self, name: &str, least: i64, most: i64) -> Result<Option<i64>, Refusal> {
        match self.integer(name)? {
            Some(value) if value < least => {
                let rule = format!("Member must have value greater than or equal to {least}");
                Err(self.breaks(name, value, &rule))
            }
            Some(value) if value > most => {
                let rule = format!("Member must have value less than or equal to {most}");
                Err(self.breaks(name, value, &rule))
            }
            value => Ok(value),
        }
    }

    pub fn flag(&self, name: &str) -> Result<Option<bool>, Refusal> {
        self.value(name).map(|value| value.as_bool().ok_or_else(|| self.wrong_type(name))).transpose()
    }

    pub fn list(&self, name: &str) -> Result<Option<&'a [Value]>, Refusal> {
        let list = self.value(name).map(|value| value.as_array().ok_or_else(|| self.wrong_type(name)));
        Ok(list.transpose()?.map(Vec::as_slice))
    }

    pub fn numbers(&self, name: &str) -> Result<Option<Vec<f64>>, Refusal> {
        let Some(list) = self.list(name)? else { return Ok(None) };
        list.iter()
            .map(|value| number(value).ok_or_else(|| self.wrong_type(name)))
            .collect::<Result<_, _>>()
            .map(Some)
    }

    pub fn texts(&self, name: &str) -> Result<Option<Vec<&'a str>>, Refusal> {
        let Some(list) = self.list(name)? else { return Ok(None) };
        list.iter()
            .map(|value| value.as_str().ok_or_else(|| self.wrong_type(name)))
            .collect::<Result<_, _>>()
            .map(Some)
    }

    /// The members of a list of structures.
    pub fn structures(&self, name: &str) -> Result<Option<Vec<Fields<'a>>>, Refusal> {
        let Some(list) = self.list(name)? else { return Ok(None) };
        let member = |(place, value): (usize, &'a Value)| match value {
            Value::Object(map) => {
                let at = format!("{}{name}.{}.member.", self.at, place + 1);
                Ok(Fields { map, style: self.style, at })
            }
            _ => Err(self.wrong_type(name)),
        };
        list.iter().enumerate().map(member).collect::<Result<_, _>>().map(Some)
    }

    pub fn structure(&self, name: &str) -> Result<Option<Fields<'a>>, Refusal> {
        match self.value(name) {
            None => Ok(None),
            Some(Value::Object(map)) => {
                Ok(Some(Fields { map, style: self.style, at: format!("{}{name}.", self.at) }))
            }
            Some(_) => Err(self.wrong_type(name)),
        }
    }

    /// A map of texts.
    pub fn map(&self, name: &str) -> Result<Option<Vec<(&'a str, &'a str)>>, Refusal> {
        let Some(value) = self.value(name) else { return Ok(None) };
        let map = value.as_object().ok_or_else(|| self.wrong_type(name))?;
        let pair = |(key, value): (&'a String, &'a Value)| Some((key.as_str(), value.as_str()?));
        map.iter().map(pair).collect::<Option<_>>().map(Some).ok_or_else(|| self.wrong_type(name))
    }
}

/// A number, or the text of one that JSON cannot hold.
fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => match text.as_str() {
            "NaN" => Some(f64::NAN),
            "Infinity" => Some(f64::INFINITY),
            "-Infinity" => Some(f64::NEG_INFINITY),
            _ => None,
        },
        _ => None,
    }
}
