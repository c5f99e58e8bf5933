//! On whose behalf requests are made: the tenants of each class of traffic, and how unevenly they ask.
//!
//! A class that names none is one tenant of its own name. Names are those of the whole traffic, so the same name in two
//! classes is one tenant.

use std::{borrow::Cow, fmt};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{
    Deserialize, Deserializer,
    de::{
        self,
        value::{MapAccessDeserializer, SeqAccessDeserializer},
    },
};

use super::check::Notes;

/// Their numbers fit 16 bits, and the report's reader can still take them in.
pub const MOST: usize = 10_000;
/// From where on the first tenant has nearly everything.
const STEEPEST: f64 = 5.0;

/// Written as a count, as a list of names, or as either with a skew.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TenantsSpec {
    pub count: Option<u32>,
    pub names: Vec<String>,
    /// The n-th tenant asks n to this power times less often than the first.
    pub skew: f64,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Skewed {
    /// So many tenants, called after the class: chat-1, chat-2 and so on.
    #[serde(default)]
    count: Option<u32>,
    /// Tenants by name, in place of a count.
    #[serde(default)]
    names: Vec<String>,
    /// How unevenly they ask: the n-th asks n to this power times less often than the first (Zipf). 0, the default, is
    /// evenly, 1 is steep.
    #[serde(default)]
    skew: f64,
}

impl<'de> Deserialize<'de> for TenantsSpec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader)
    }
}

struct Reader;

impl<'de> de::Visitor<'de> for Reader {
    type Value = TenantsSpec;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a count of tenants, a list of their names, or { count: 20, skew: 1 }")
    }

    fn visit_u64<E: de::Error>(self, count: u64) -> Result<TenantsSpec, E> {
        // What does not fit is refused with all other counts that are too large.
        let count = Some(u32::try_from(count).unwrap_or(u32::MAX));
        Ok(TenantsSpec { count, ..TenantsSpec::default() })
    }

    fn visit_seq<A: de::SeqAccess<'de>>(self, list: A) -> Result<TenantsSpec, A::Error> {
        let names = Vec::deserialize(SeqAccessDeserializer::new(list))?;
        Ok(TenantsSpec { names, ..TenantsSpec::default() })
    }

    fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<TenantsSpec, A::Error> {
        let Skewed { count, names, skew } = Skewed::deserialize(MapAccessDeserializer::new(map))?;
        Ok(TenantsSpec { count, names, skew })
    }
}

impl JsonSchema for TenantsSpec {
    fn schema_name() -> Cow<'static, str> {
        "Tenants".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [
            { "type": "integer", "minimum": 1, "maximum": MOST },
            { "type": "array", "items": { "type": "string" }, "minItems": 1 },
            generator.subschema_for::<Skewed>(),
        ] })
    }
}

impl TenantsSpec {
    pub fn check(&self, notes: &mut Notes<'_>) {
        match (self.count, self.names.as_slice()) {
            (Some(_), [_, ..]) => notes.here("there are both a count and names", "remove one of them"),
            (None, []) => notes.here("there are no tenants", "write a count such as 20, or a list of names"),
            (Some(count), []) if !(1..=MOST).contains(&(count as usize)) => {
                notes.here(
                    format!("{count} tenants are not between 1 and {MOST}"),
                    "write a count such as 20",
                );
            }
            (_, names) => {
                let twice = names.iter().enumerate().find(|(at, name)| names[..*at].contains(name));
                if let Some((_, name)) = twice {
                    notes.here(format!("tenant \"{name}\" is listed twice"), "list each tenant once");
                }
            }
        }
        if !(0.0..=STEEPEST).contains(&self.skew) {
            let message = format!("a skew of {} is not between 0 and {STEEPEST}", self.skew);
            notes.at("skew", message, "0 is evenly, 1 is steep");
        }
    }
}

/// All tenants of a traffic, by number.
#[derive(Debug, Clone, Default)]
pub struct Roll {
    names: Vec<String>,
}

impl Roll {
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Whom a class asks for.
    pub fn draw_for(&mut self, class: &str, spec: Option<&TenantsSpec>) -> Asking {
        let (names, skew): (Vec<String>, f64) = match spec {
            None => (vec![class.to_owned()], 0.0),
            Some(spec) => match spec.count {
                Some(count) => {
                    let count = count.min(MOST as u32);
                    ((1..=count).map(|n| format!("{class}-{n}")).collect(), spec.skew)
                }
                None => (spec.names.clone(), spec.skew),
            },
        };
        Asking::new(names.iter().map(|name| self.number(name)).collect(), skew)
    }

    fn number(&mut self, name: &str) -> u16 {
        let at = self.names.iter().position(|known| known == name).unwrap_or_else(|| {
            self.names.push(name.to_owned());
            self.names.len() - 1
        });
        u16::try_from(at).unwrap_or(u16::MAX)
    }
}

/// The tenants of one class, and how often each of them asks.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Asking {
    numbers: Vec<u16>,
    /// Upper end of each tenant's part of 0..1.
    until: Vec<f64>,
}

impl Asking {
    fn new(numbers: Vec<u16>, skew: f64) -> Asking {
        let weights: Vec<f64> = (1..=numbers.len()).map(|n| libm::pow(n as f64, -skew)).collect();
        let whole: f64 = weights.iter().sum();
        let mut until = 0.0;
        let ends = weights.iter().map(|weight| {
            until += weight / whole;
            until
        });
        Asking { until: ends.collect(), numbers }
    }

    pub fn len(&self) -> usize {
        self.numbers.len()
    }

    pub fn is_empty(&self) -> bool {
        self.numbers.is_empty()
    }

    /// `unit` is only drawn where there is a choice.
    #[inline]
    pub fn pick(&self, unit: impl FnOnce() -> f64) -> u16 {
        match self.numbers.as_slice() {
            [] => 0,
            [one] => *one,
            several => {
                let unit = unit();
                // Parts add up to 1 only nearly, so the last takes what rounding leaves.
                several[self.until.partition_point(|end| *end <= unit).min(several.len() - 1)]
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> TenantsSpec {
        serde_saphyr::from_str(text).unwrap_or_else(|error| panic!("{error} in {text}"))
    }

    fn problems(text: &str) -> Vec<String> {
        let mut found = Vec::new();
        read(text).check(&mut Notes::new(&mut found));
        found.into_iter().map(|problem| problem.message).collect()
    }

    #[test]
    fn tenants_are_a_count_a_list_or_either_with_a_skew() {
        assert_eq!(read("20"), TenantsSpec { count: Some(20), ..TenantsSpec::default() });
        assert_eq!(read("[acme, globex]").names, ["acme", "globex"]);
        assert_eq!(read("{ count: 5, skew: 1.5 }"), TenantsSpec { count: Some(5), skew: 1.5, names: vec![] });
        assert!(serde_saphyr::from_str::<TenantsSpec>("many").is_err());
        assert!(serde_saphyr::from_str::<TenantsSpec>("{ count: 5, skwe: 1 }").is_err());
    }

    #[test]
    fn tenants_that_cannot_be_are_refused() {
        assert_eq!(problems("20"), [""; 0]);
        assert_eq!(problems("0"), ["0 tenants are not between 1 and 10000"]);
        assert_eq!(problems("{ skew: 1 }"), ["there are no tenants"]);
        assert_eq!(problems("{ count: 2, names: [a] }"), ["there are both a count and names"]);
        assert_eq!(problems("[a, b, a]"), ["tenant \"a\" is listed twice"]);
        assert_eq!(problems("{ count: 3, skew: 9 }"), ["a skew of 9 is not between 0 and 5"]);
    }

    #[test]
    fn a_class_without_tenants_is_one_and_a_name_is_one_tenant_wherever_it_stands() {
        let mut roll = Roll::default();
        let chat = roll.draw_for("chat", None);
        let batch = roll.draw_for("batch", Some(&read("2")));
        let mail = roll.draw_for("mail", Some(&read("[acme, chat]")));
        assert_eq!(roll.names(), ["chat", "batch-1", "batch-2", "acme"]);
        assert_eq!((chat.numbers, batch.numbers, mail.numbers), (vec![0], vec![1, 2], vec![3, 0]));
    }

    #[test]
    fn the_first_tenants_ask_most_as_the_skew_says() {
        let count = |asking: &Asking| {
            let mut counts = vec![0; asking.len()];
            (0..1_000).for_each(|n| counts[usize::from(asking.pick(|| f64::from(n) / 1_000.0))] += 1);
            counts
        };
        assert_eq!(count(&Asking::new(vec![0, 1, 2, 3], 0.0)), [250; 4]);
        assert_eq!(count(&Asking::new(vec![0, 1, 2], 1.0)), [546, 273, 181]);
        assert_eq!(Asking::new(vec![7, 8], 0.0).pick(|| 1.0), 8);
    }

    #[test]
    fn where_there_is_no_choice_nothing_is_drawn() {
        assert_eq!(Asking::new(vec![7], 1.0).pick(|| panic!("a draw for one tenant")), 7);
    }
}
