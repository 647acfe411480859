//! The samples of a JSON body, read straight into columns.
//!
//! No tree of JSON values is built: names are matched where they are read, the one that the order of the mapping
//! promises first, and values go into their column. What goes wrong is kept beside the parser, whose own errors know
//! only lines and columns.

use std::fmt;

use palladium_component::prelude::*;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::column::ColumnBuilder;
use crate::convert::{Given, refusal};
use crate::field::Mapping;
use crate::query::misspelt;

/// Reads the samples of a JSON list of objects. Fields that the mapping does not name are skipped.
///
/// # Errors
/// A body that is no JSON or no list of objects, a feature that is missing, given twice or cannot be converted.
pub fn read(mapping: &Mapping, body: &[u8]) -> Result<Table, PredictError> {
    let mut reading = Reading { mapping, columns: mapping.builders(), row: 0, problem: None };
    let mut json = serde_json::Deserializer::from_slice(body);
    match Samples(&mut reading).deserialize(&mut json).and_then(|()| json.end()) {
        Ok(()) => Ok(mapping.table(reading.columns)?),
        Err(error) => {
            let (row, problem) = (reading.row, reading.problem);
            Err(PredictError::BadRequest(explain(mapping, body, row, problem, &error)))
        }
    }
}

struct Reading<'m> {
    mapping: &'m Mapping,
    columns: Vec<ColumnBuilder>,
    row: usize,
    problem: Option<Problem>,
}

/// What is wrong with a body that is JSON.
enum Problem {
    /// It is no list.
    NoList(String),
    /// A sample has something to say.
    InSample(String),
    /// A sample lacks a field.
    Missing(usize),
    /// The value of a field is no JSON.
    Unreadable(usize),
}

impl Reading<'_> {
    fn stop<E: Error>(&mut self, problem: Problem) -> E {
        self.problem = Some(problem);
        E::custom("not a list of samples")
    }
}

fn explain(mapping: &Mapping, body: &[u8], row: usize, problem: Option<Problem>, error: &serde_json::Error) -> String {
    let sample = row + 1;
    match problem {
        Some(Problem::NoList(given)) => format!("the body has to be a list of objects, got {given}"),
        Some(Problem::InSample(text)) => format!("sample {sample}: {text}"),
        Some(Problem::Missing(index)) => {
            let field = &mapping.fields()[index];
            let names = names_of(body, row);
            let instead = misspelt(field, mapping, names.iter().map(String::as_str));
            format!("sample {sample}: the field `{}` is missing{instead}", field.name)
        }
        Some(Problem::Unreadable(index)) => {
            let name = &mapping.fields()[index].name;
            format!("sample {sample}: the field `{name}` is not JSON: {error}")
        }
        None if body.iter().all(u8::is_ascii_whitespace) => {
            "the body is empty, it has to be a JSON list of objects".to_owned()
        }
        None => format!("the body is not JSON: {error}"),
    }
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

impl Samples<'_, '_> {
    fn refuse<E: Error>(self, given: Given<'_>) -> Result<(), E> {
        Err(self.0.stop(Problem::NoList(given.to_string())))
    }
}

impl<'de> DeserializeSeed<'de> for Samples<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
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
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, _: A) -> Result<(), A::Error> {
        self.refuse(Given::Object)
    }

    scalars!(refuse);
}

/// One object.
struct Sample<'r, 'm>(&'r mut Reading<'m>);

impl Sample<'_, '_> {
    fn refuse<E: Error>(self, given: Given<'_>) -> Result<(), E> {
        Err(self.0.stop(Problem::InSample(format!("a sample has to be an object, got {given}"))))
    }
}

impl<'de> DeserializeSeed<'de> for Sample<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
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
            if reading.columns[index].len() > reading.row {
                let name = &reading.mapping.fields()[index].name;
                return Err(reading.stop(Problem::InSample(format!("the field `{name}` is given twice"))));
            }
            if let Err(error) = entries.next_value_seed(Cell { reading, index }) {
                // Without a problem of ours the parser has stopped within the value.
                reading.problem.get_or_insert(Problem::Unreadable(index));
                return Err(error);
            }
            expected = index + 1;
            filled += 1;
        }
        if filled == reading.columns.len() {
            return Ok(());
        }
        let missing = reading.columns.iter().position(|column| column.len() <= reading.row).unwrap_or_default();
        Err(reading.stop(Problem::Missing(missing)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, _: A) -> Result<(), A::Error> {
        self.refuse(Given::List)
    }

    scalars!(refuse);
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

/// The value of a field.
struct Cell<'r, 'm> {
    reading: &'r mut Reading<'m>,
    index: usize,
}

impl Cell<'_, '_> {
    fn take<E: Error>(self, given: Given<'_>) -> Result<(), E> {
        match self.reading.columns[self.index].push(given) {
            Some(()) => Ok(()),
            None => {
                let field = &self.reading.mapping.fields()[self.index];
                Err(self.reading.stop(Problem::InSample(refusal(field, given))))
            }
        }
    }
}

impl<'de> DeserializeSeed<'de> for Cell<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Cell<'_, '_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a flag, a number or a text")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, _: A) -> Result<(), A::Error> {
        self.take(Given::List)
    }

    fn visit_map<A: MapAccess<'de>>(self, _: A) -> Result<(), A::Error> {
        self.take(Given::Object)
    }

    scalars!(take);
}

/// Returns the names in the object at a position, for the message about one that is missing there.
fn names_of(body: &[u8], row: usize) -> Vec<String> {
    let mut names = Vec::new();
    let mut json = serde_json::Deserializer::from_slice(body);
    // The parser stops once the names are there, and what it says then is of no interest.
    let _ = json.deserialize_seq(NamesAt { row, names: &mut names });
    names
}

struct NamesAt<'n> {
    row: usize,
    names: &'n mut Vec<String>,
}

impl<'de> Visitor<'de> for NamesAt<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list of objects")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut samples: A) -> Result<(), A::Error> {
        for _ in 0..self.row {
            samples.next_element::<IgnoredAny>()?;
        }
        samples.next_element_seed(Names(self.names))?;
        Ok(())
    }
}

struct Names<'n>(&'n mut Vec<String>);

impl<'de> DeserializeSeed<'de> for Names<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Names<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        while let Some((name, _)) = entries.next_entry::<String, IgnoredAny>()? {
            self.0.push(name);
        }
        Ok(())
    }
}
