//! Samples that a function of the configuration makes of what a request holds.

use std::fmt;
use std::sync::Arc;

use palladium_component::prelude::*;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map as JsonMap, Value as Json};

use crate::blocks::{Block, model_value};
use crate::column::ColumnBuilder;
use crate::convert::Given;
use crate::faults::{is_too_large, missing, not_a_body, not_an_object, too_large, twice, wrong};
use crate::field::Mapping;
use crate::plain;
use crate::rows::{scalars, stop};

/// Has a function make the samples of a request: of the pairs of the query string, or of each object of the body. Where
/// samples are single values, it may return the value.
///
/// # Errors
/// A request that cannot be understood, or that the function refuses; values that are not what the mapping says.
pub fn read(
    mapping: &Mapping,
    is_value: bool,
    block: &Block<'_>,
    model: &Arc<TrainedModel>,
    request: &PredictRequest,
) -> Result<Table, PredictError> {
    let (columns, errors) = (mapping.builders(), InputErrors::default());
    let (model, is_list) = (model_value(model), request.body.is_some());
    let mut making =
        Making { mapping, is_value, block, model, columns, errors, row: 0, is_list, field: None, failed: None };
    match &request.body {
        None => making.take(plain::of_pairs(&request.query))?,
        Some(body) => making.read(body, request.max_rows)?,
    }
    match making.errors.is_empty() {
        true => Ok(mapping.table(making.columns)?),
        false => Err(PredictError::Invalid(making.errors)),
    }
}

struct Making<'a> {
    mapping: &'a Mapping,
    /// Whether a sample is a single value.
    is_value: bool,
    block: &'a Block<'a>,
    model: Value,
    columns: Vec<ColumnBuilder>,
    errors: InputErrors,
    row: usize,
    /// Whether the sample is one of a list.
    is_list: bool,
    /// The field whose value could not be read.
    field: Option<String>,
    /// Why reading has stopped, if that is not the text's fault.
    failed: Option<PredictError>,
}

impl Making<'_> {
    fn read(&mut self, body: &[u8], max_rows: Option<usize>) -> Result<(), PredictError> {
        let limit = max_rows.unwrap_or(usize::MAX);
        let mut json = serde_json::Deserializer::from_slice(body);
        let read = List { making: &mut *self, limit }.deserialize(&mut json).and_then(|()| json.end());
        match (self.failed.take(), read) {
            (Some(failed), _) => Err(failed),
            (None, Err(error)) => {
                let row = self.row + 1;
                self.errors.push(|| match self.field.take() {
                    Some(field) if is_too_large(&error) => too_large(row, &field),
                    _ => not_a_body(body, &error),
                });
                Ok(())
            }
            (None, Ok(())) => Ok(()),
        }
    }

    /// Has the function make a sample and adds its values to the columns.
    fn take(&mut self, data: Value) -> Result<(), PredictError> {
        let returned = self.block.call(vec![self.model.clone(), data])?;
        let row = self.is_list.then_some(self.row + 1);
        for (index, field) in self.mapping.fields().iter().enumerate() {
            let given = match &returned.data {
                Data::Map(entries) => entries.get(&field.name).map(|entry| &entry.value),
                Data::List(items) => items.get(index),
                _ if self.is_value => Some(&returned),
                _ => {
                    let expected = "a map or a list of the fields of the mapping";
                    return Err(self.block.wrong(&format!("returned {}, not {expected}", returned.describe())));
                }
            };
            match given.map(of_value) {
                None => self.errors.push(|| missing(row, field, "field", "")),
                Some(given) if self.columns[index].push(given).is_none() => {
                    // What the request says has other names.
                    self.errors.push(|| InputError { is_sent: false, ..wrong(row, field, given, "") });
                }
                Some(_) => {}
            }
        }
        self.row += 1;
        Ok(())
    }
}

/// Returns a value of a function as what a request might hold.
pub fn of_value(value: &Value) -> Given<'_> {
    match &value.data {
        Data::Null => Given::Null,
        Data::Bool(flag) => Given::Bool(*flag),
        Data::Int(number) => Given::Int(*number),
        Data::Float(number) => Given::Float(*number),
        Data::Text(text) => Given::Text(text),
        Data::List(_) => Given::List,
        Data::Map(_) | Data::Function(_) | Data::Component(_) => Given::Object,
    }
}

struct List<'m, 'a> {
    making: &'m mut Making<'a>,
    limit: usize,
}

impl<'de> DeserializeSeed<'de> for List<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for List<'_, '_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list of objects")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let List { making, limit } = self;
        while items.next_element_seed(Item(&mut *making))?.is_some() {
            if making.row > limit {
                making.failed = Some(PredictError::TooManyRows { limit });
                return Err(stop());
            }
        }
        Ok(())
    }
}

/// One object, or what stands in its place.
struct Item<'m, 'a>(&'m mut Making<'a>);

impl Item<'_, '_> {
    fn refuse<E: Error>(self, given: Given<'_>) -> Result<(), E> {
        let Item(making) = self;
        making.row += 1;
        making.errors.push(|| not_an_object(making.row, given));
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Item<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Item<'_, '_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        let Item(making) = self;
        let (mut fields, mut is_clear) = (JsonMap::new(), true);
        while let Some(name) = entries.next_key::<String>()? {
            let value = entries.next_value::<Json>().inspect_err(|_| making.field = Some(name.clone()))?;
            if fields.contains_key(&name) {
                making.errors.push(|| twice(making.row + 1, &name));
                is_clear = false;
            }
            fields.insert(name, value);
        }
        // A function is not asked about what could mean two things.
        if !is_clear {
            making.row += 1;
            return Ok(());
        }
        making.take(plain::of_json(&Json::Object(fields))).map_err(|error| {
            making.failed = Some(error);
            stop()
        })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        self.refuse(Given::List)
    }

    scalars!(refuse);
}
