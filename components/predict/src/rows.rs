//! The samples of a JSON body, read straight into columns.
//!
//! No tree of JSON values is built: names are matched where they are read, the one that the order of the mapping
//! promises first, and values go into their column. Reading stops at the first thing that is wrong; `faults.rs` then
//! reads the body once more and says everything that is.

use std::fmt;

use palladium_component::prelude::*;
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::column::ColumnBuilder;
use crate::convert::Given;
use crate::faults;
use crate::field::Mapping;

/// Reads the samples of a JSON list of objects. Fields that the mapping does not name are skipped.
///
/// # Errors
/// A body that is no JSON or no list of objects or too long a list, features that are missing, given twice or cannot be
/// converted.
pub fn read(mapping: &Mapping, body: &[u8], max_rows: Option<usize>) -> Result<Table, PredictError> {
    let limit = max_rows.unwrap_or(usize::MAX);
    let mut reading = Reading { mapping, columns: mapping.builders(), row: 0, limit };
    let mut json = serde_json::Deserializer::from_slice(body);
    match Samples(&mut reading).deserialize(&mut json).and_then(|()| json.end()) {
        Ok(()) => Ok(mapping.table(reading.columns)?),
        Err(_) => Err(faults::of(mapping, body, limit)),
    }
}

struct Reading<'m> {
    mapping: &'m Mapping,
    columns: Vec<ColumnBuilder>,
    row: usize,
    /// So many rows may be read.
    limit: usize,
}

/// Returns an error whose text nobody reads.
pub fn stop<E: Error>() -> E {
    E::custom("not a list of samples")
}

/// Sends every sort of value but lists and objects to one method.
macro_rules! scalars {
    ($method:ident) => {
        fn visit_bool<E: Error>(self, flag: bool) -> Result<Self::Value, E> {
            self.$method(Given::Bool(flag))
        }

        fn visit_i64<E: Error>(self, number: i64) -> Result<Self::Value, E> {
            self.$method(Given::Int(number))
        }

        fn visit_u64<E: Error>(self, number: u64) -> Result<Self::Value, E> {
            self.$method(i64::try_from(number).map_or(Given::BigInt(number), Given::Int))
        }

        fn visit_f64<E: Error>(self, number: f64) -> Result<Self::Value, E> {
            self.$method(Given::Float(number))
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
            self.$method(Given::Text(text))
        }

        fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
            self.$method(Given::Null)
        }
    };
}
pub(crate) use scalars;

/// The list.
struct Samples<'r, 'm>(&'r mut Reading<'m>);

impl<'de> DeserializeSeed<'de> for Samples<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Samples<'_, '_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list of objects")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut samples: A) -> Result<(), A::Error> {
        while samples.next_element_seed(Sample(&mut *self.0))?.is_some() {
            self.0.row += 1;
            if self.0.row > self.0.limit {
                return Err(stop());
            }
        }
        Ok(())
    }
}

/// One object.
struct Sample<'r, 'm>(&'r mut Reading<'m>);

impl<'de> DeserializeSeed<'de> for Sample<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Sample<'_, '_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        let Sample(reading) = self;
        let (mut expected, mut filled) = (0, 0);
        while let Some(position) = entries.next_key_seed(Name { mapping: reading.mapping, expected })? {
            let Some(index) = position else {
                entries.next_value::<IgnoredAny>()?;
                continue;
            };
            let column = &mut reading.columns[index];
            if column.len() > reading.row {
                return Err(stop());
            }
            entries.next_value_seed(Cell(column))?;
            expected = index + 1;
            filled += 1;
        }
        if filled == reading.columns.len() { Ok(()) } else { Err(stop()) }
    }
}

/// The name of a field, as its position in the mapping.
struct Name<'m> {
    mapping: &'m Mapping,
    expected: usize,
}

impl<'de> DeserializeSeed<'de> for Name<'_> {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<usize>, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Name<'_> {
    type Value = Option<usize>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a name")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Option<usize>, E> {
        Ok(self.mapping.position(name, self.expected))
    }
}

/// The value of a field, for its column.
struct Cell<'c>(&'c mut ColumnBuilder);

impl Cell<'_> {
    fn take<E: Error>(self, given: Given<'_>) -> Result<(), E> {
        self.0.push(given).ok_or_else(stop)
    }

    /// Takes a value of a column of text as JSON writes it: a number keeps all its digits.
    fn take_json<E: Error>(self, json: &str) -> Result<(), E> {
        match json.as_bytes() {
            [b'"', text @ .., b'"'] if !text.contains(&b'\\') => self.take(Given::Text(&json[1..json.len() - 1])),
            [b'-' | b'0'..=b'9', ..] => self.take(Given::Text(json)),
            _ => serde_json::Deserializer::from_str(json).deserialize_any(self).map_err(|_| stop()),
        }
    }
}

impl<'de> DeserializeSeed<'de> for Cell<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        match self.0 {
            ColumnBuilder::Text(_) => self.take_json(<&RawValue>::deserialize(deserializer)?.get()),
            _ => deserializer.deserialize_any(self),
        }
    }
}

impl<'de> Visitor<'de> for Cell<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a flag, a number or a text")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, _: A) -> Result<(), A::Error> {
        Err(stop())
    }

    fn visit_map<A: MapAccess<'de>>(self, _: A) -> Result<(), A::Error> {
        Err(stop())
    }

    scalars!(take);
}
