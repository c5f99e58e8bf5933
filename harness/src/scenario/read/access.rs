//! Walking into lists, maps and variants; each step is added to the path of an error on its way out.

use serde::de::{
    DeserializeSeed, EnumAccess, MapAccess, SeqAccess, VariantAccess, Visitor, value::StrDeserializer,
};

use super::{Reader, error::ReadError};
use crate::scenario::tree::{Entry, Kind, Node, Step};

/// The living items of a list.
#[derive(Debug)]
pub struct Items<'t> {
    items: std::iter::Enumerate<std::slice::Iter<'t, Node>>,
}

impl<'t> Items<'t> {
    pub fn new(items: &'t [Node]) -> Items<'t> {
        Items { items: items.iter().enumerate() }
    }
}

impl<'de> SeqAccess<'de> for Items<'_> {
    type Error = ReadError;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, ReadError> {
        let Some((index, node)) = self.items.find(|(_, node)| !node.dead) else { return Ok(None) };
        seed.deserialize(Reader::new(node)).map(Some).map_err(|error| error.inside(Step::Item(index)))
    }
}

/// The living entries of a map.
#[derive(Debug)]
pub struct Entries<'t> {
    entries: std::slice::Iter<'t, Entry>,
    current: Option<&'t Entry>,
}

impl<'t> Entries<'t> {
    pub fn new(entries: &'t [Entry]) -> Entries<'t> {
        Entries { entries: entries.iter(), current: None }
    }
}

fn in_value(entry: &Entry) -> impl FnOnce(ReadError) -> ReadError + '_ {
    |error| error.inside(Step::Key(entry.key.clone()))
}

fn in_key(entry: &Entry) -> impl FnOnce(ReadError) -> ReadError + '_ {
    |error| error.about_key().inside(Step::Key(entry.key.clone()))
}

impl<'de> MapAccess<'de> for Entries<'_> {
    type Error = ReadError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, ReadError> {
        self.current = self.entries.find(|entry| !entry.value.dead);
        let Some(entry) = self.current else { return Ok(None) };
        seed.deserialize(StrDeserializer::new(&entry.key)).map(Some).map_err(in_key(entry))
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, ReadError> {
        let entry = self.current.take().expect("serde asks for a key before its value");
        seed.deserialize(Reader::new(&entry.value)).map_err(in_value(entry))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.entries.clone().filter(|entry| !entry.value.dead).count())
    }
}

/// A bare word, or a map with one key.
#[derive(Debug, Clone, Copy)]
pub enum Variant<'t> {
    Word(&'t str),
    Entry(&'t Entry),
}

impl<'t> Variant<'t> {
    pub fn of(node: &'t Node) -> Option<Variant<'t>> {
        match &node.kind {
            Kind::Scalar { text, .. } if !node.is_null() => Some(Variant::Word(text)),
            Kind::Map(entries) => {
                let mut living = entries.iter().filter(|entry| !entry.value.dead);
                let first = living.next()?;
                living.next().is_none().then_some(Variant::Entry(first))
            }
            _ => None,
        }
    }
}

impl<'de, 't> EnumAccess<'de> for Variant<'t> {
    type Error = ReadError;
    type Variant = Inside<'t>;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Inside<'t>), ReadError> {
        match self {
            Variant::Word(word) => {
                let value = seed.deserialize(StrDeserializer::<ReadError>::new(word))?;
                Ok((value, Inside(self)))
            }
            Variant::Entry(entry) => {
                let value = seed.deserialize(StrDeserializer::new(&entry.key)).map_err(in_key(entry))?;
                Ok((value, Inside(self)))
            }
        }
    }
}

/// What stands beside a variant's name.
#[derive(Debug)]
pub struct Inside<'t>(Variant<'t>);

impl<'t> Inside<'t> {
    fn entry(&self) -> Result<&'t Entry, ReadError> {
        match self.0 {
            Variant::Entry(entry) => Ok(entry),
            Variant::Word(word) => {
                let hint = format!("write them behind it: `{{ {word}: {{ .. }} }}`");
                Err(ReadError::wrong(format!("\"{word}\" needs settings"), hint))
            }
        }
    }
}

impl<'de> VariantAccess<'de> for Inside<'_> {
    type Error = ReadError;

    fn unit_variant(self) -> Result<(), ReadError> {
        match self.0 {
            Variant::Entry(entry) if !entry.value.is_null() => Err(in_value(entry)(ReadError::wrong(
                format!("\"{}\" takes no settings", entry.key),
                format!("write the bare word {}", entry.key),
            ))),
            _ => Ok(()),
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, ReadError> {
        let entry = self.entry()?;
        seed.deserialize(Reader::new(&entry.value)).map_err(in_value(entry))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, ReadError> {
        let entry = self.entry()?;
        Reader::new(&entry.value).items(visitor).map_err(in_value(entry))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        let entry = self.entry()?;
        serde::Deserializer::deserialize_struct(Reader::new(&entry.value), "", fields, visitor)
            .map_err(in_value(entry))
    }
}
