//! One object as a row.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::columns::{Cell, Columns};
use super::error::{JsonError, Place};
use super::records::Record;
use crate::format::FormatError;
use crate::source::SourceFile;

/// What is wrong with a row, apart from its place.
pub(super) enum Problem {
    /// A value is a list or an object.
    Nested { column: String, found: &'static str },
    /// A value is of another type than those before it.
    Mixed { column: String, found: &'static str, expected: palladium_component::data::ColumnType },
    /// A key stands twice.
    Twice { column: String },
    /// There are too many keys.
    TooManyColumns { most: usize },
    /// Nearly all values are missing.
    Sparse { n_columns: usize, n_rows: usize },
    /// A column has too much text.
    TextTooLong { column: String },
}

/// Adds the row of an object to the columns.
pub(super) fn read(file: &SourceFile, record: &Record<'_>, columns: &mut Columns) -> Result<(), FormatError> {
    let mut problem = None;
    let mut deserializer = serde_json::Deserializer::from_slice(record.text);
    let read = Row { columns, problem: &mut problem }.deserialize(&mut deserializer).and_then(|()| deserializer.end());
    let Err(error) = read else { return Ok(()) };
    let (line, column) = (error.line() as u64, error.column() as u64);
    let place = Place {
        file: file.name().to_owned(),
        line: record.line + line.saturating_sub(1),
        column: if line <= 1 { record.column + column.saturating_sub(1) } else { column },
    };
    Err(located(problem, &error, place).into())
}

fn located(problem: Option<Problem>, error: &serde_json::Error, place: Place) -> JsonError {
    match problem {
        Some(Problem::Nested { column, found }) => JsonError::Nested { place, column, found },
        Some(Problem::Mixed { column, found, expected }) => JsonError::Mixed { place, column, found, expected },
        Some(Problem::Twice { column }) => JsonError::Twice { place, column },
        Some(Problem::TooManyColumns { most }) => JsonError::TooManyColumns { place, most },
        Some(Problem::Sparse { n_columns, n_rows }) => JsonError::Sparse { place, n_columns, n_rows },
        Some(Problem::TextTooLong { column }) => JsonError::TextTooLong { place, column },
        None => {
            let text = error.to_string();
            let position = format!(" at line {} column {}", error.line(), error.column());
            JsonError::Syntax { place, reason: text.strip_suffix(&position).unwrap_or(&text).to_owned() }
        }
    }
}

/// Notes a problem, and returns the error that ends the reading.
fn stop<E: Error>(slot: &mut Option<Problem>, problem: Problem) -> E {
    *slot = Some(problem);
    E::custom("the row does not fit")
}

struct Row<'a> {
    columns: &'a mut Columns,
    problem: &'a mut Option<Problem>,
}

impl<'de> DeserializeSeed<'de> for Row<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Row<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        self.columns.begin_row().map_err(|problem| stop(self.problem, problem))?;
        loop {
            let key = map.next_key_seed(Key { columns: &mut *self.columns })?;
            match key {
                None => return Ok(()),
                Some(Ok(Some(index))) => {
                    map.next_value_seed(Value { columns: &mut *self.columns, problem: &mut *self.problem, index })?;
                }
                Some(Ok(None)) => {
                    map.next_value::<IgnoredAny>()?;
                }
                Some(Err(problem)) => return Err(stop(self.problem, problem)),
            }
        }
    }
}

/// A key, as the position of its column; nothing for one that is not read.
struct Key<'a> {
    columns: &'a mut Columns,
}

impl<'de> DeserializeSeed<'de> for Key<'_> {
    type Value = Result<Option<usize>, Problem>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Key<'_> {
    type Value = Result<Option<usize>, Problem>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a key")
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<Self::Value, E> {
        Ok(self.columns.position(key))
    }
}

struct Value<'a> {
    columns: &'a mut Columns,
    problem: &'a mut Option<Problem>,
    index: usize,
}

impl Value<'_> {
    fn push<E: Error>(self, cell: Cell<'_>) -> Result<(), E> {
        self.columns.push(self.index, cell).map_err(|problem| stop(self.problem, problem))
    }

    fn nested<E: Error>(self, found: &'static str) -> E {
        let column = self.columns.name(self.index).to_owned();
        stop(self.problem, Problem::Nested { column, found })
    }
}

impl<'de> DeserializeSeed<'de> for Value<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Value<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a number, a text, a flag or null")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E: Error>(self, flag: bool) -> Result<(), E> {
        self.push(Cell::Bool(flag))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<(), E> {
        self.push(Cell::Int(number))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<(), E> {
        self.push(i64::try_from(number).map_or(Cell::Float(number as f64), Cell::Int))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<(), E> {
        self.push(Cell::Float(number))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        self.push(Cell::Text(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, _: A) -> Result<(), A::Error> {
        Err(self.nested("a list"))
    }

    fn visit_map<A: MapAccess<'de>>(self, _: A) -> Result<(), A::Error> {
        Err(self.nested("an object"))
    }
}
