//! Plain values in both directions: JSON, cells of columns, columns of lists.

use std::sync::Arc;

use palladium_component::data::arrow_array::cast::AsArray;
use palladium_component::data::arrow_array::types::{Float64Type, Int64Type};
use palladium_component::data::arrow_array::{
    Array as _, ArrayRef, BooleanArray, Float64Array, Int64Array, StringArray,
};
use palladium_component::data::{ColumnType, LabelRef, Predictions, cell_text};
use rhai::{Array, Dynamic, Map};
use serde_json::Value as Json;

use crate::fault::Fault;
use crate::handle::describe;

/// How deep maps and lists may nest on their way into JSON.
const DEPTH: usize = 128;

/// Returns a JSON value as a value of scripts; a number beyond 64 bits becomes one with a fraction.
pub(crate) fn from_json(json: &Json) -> Dynamic {
    match json {
        Json::Null => Dynamic::UNIT,
        Json::Bool(flag) => Dynamic::from_bool(*flag),
        Json::Number(number) => match number.as_i64() {
            Some(number) => Dynamic::from_int(number),
            None => Dynamic::from_float(number.as_f64().unwrap_or(f64::NAN)),
        },
        Json::String(text) => text.as_str().into(),
        Json::Array(items) => Dynamic::from_array(items.iter().map(from_json).collect()),
        Json::Object(entries) => {
            Dynamic::from_map(entries.iter().map(|(key, value)| (key.as_str().into(), from_json(value))).collect())
        }
    }
}

/// Returns a value of scripts as JSON, if it is plain data.
pub(crate) fn to_json(value: &Dynamic) -> Result<Json, Fault> {
    json_within(value, DEPTH)
}

fn json_within(value: &Dynamic, depth: usize) -> Result<Json, Fault> {
    if depth == 0 {
        return Err(Fault::new(format!("more than {DEPTH} lists and maps inside each other")));
    }
    if let Ok(items) = value.as_array_ref() {
        return items.iter().map(|item| json_within(item, depth - 1)).collect();
    }
    if let Ok(entries) = value.as_map_ref() {
        return entries.iter().map(|(key, value)| Ok((key.to_string(), json_within(value, depth - 1)?))).collect();
    }
    match Cell::of(value) {
        Some(Cell::Missing) => Ok(Json::Null),
        Some(Cell::Bool(flag)) => Ok(Json::Bool(flag)),
        Some(Cell::Int(number)) => Ok(Json::from(number)),
        Some(Cell::Float(number)) => Ok(Json::from(number)),
        Some(Cell::Text(text)) => Ok(Json::String(text)),
        None => Err(Fault::new(format!("{} is no plain data", describe(value)))
            .help("flags, numbers, text, lists and maps are expected here")),
    }
}

/// A cell of a table.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Cell {
    Missing,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
}

impl Cell {
    /// Returns a value of scripts as a cell, if it can stand in one.
    pub(crate) fn of(value: &Dynamic) -> Option<Cell> {
        if value.is_unit() {
            return Some(Cell::Missing);
        }
        if let Ok(text) = value.as_immutable_string_ref() {
            return Some(Cell::Text(text.to_string()));
        }
        let number = value.as_int().map(Cell::Int).or_else(|_| value.as_float().map(Cell::Float));
        let flag = number.or_else(|_| value.as_bool().map(Cell::Bool));
        flag.or_else(|_| value.as_char().map(|character| Cell::Text(character.to_string()))).ok()
    }

    fn kind(&self) -> Option<ColumnType> {
        match self {
            Cell::Missing => None,
            Cell::Bool(_) => Some(ColumnType::Bool),
            Cell::Int(_) => Some(ColumnType::Int),
            Cell::Float(_) => Some(ColumnType::Float),
            Cell::Text(_) => Some(ColumnType::Text),
        }
    }
}

/// Returns a cell of a column as a value of scripts; a missing one is `()`, a date or a time is text in RFC 3339.
pub(crate) fn cell(column: &ArrayRef, row: usize) -> Dynamic {
    if row >= column.len() || column.is_null(row) {
        return Dynamic::UNIT;
    }
    match ColumnType::of(column.data_type()) {
        Some(ColumnType::Float) => Dynamic::from_float(column.as_primitive::<Float64Type>().value(row)),
        Some(ColumnType::Int) => Dynamic::from_int(column.as_primitive::<Int64Type>().value(row)),
        Some(ColumnType::Bool) => Dynamic::from_bool(column.as_boolean().value(row)),
        Some(_) => cell_text(column, row).map_or(Dynamic::UNIT, Dynamic::from),
        None => Dynamic::UNIT,
    }
}

/// Returns all cells of a column.
pub(crate) fn cells(column: &ArrayRef) -> Array {
    (0..column.len()).map(|row| cell(column, row)).collect()
}

/// Makes a column of values: whole numbers beside others become such others, nothing becomes a missing cell.
pub(crate) fn column<'a>(name: &str, values: impl Iterator<Item = &'a Dynamic>) -> Result<ArrayRef, Fault> {
    let mut kind: Option<ColumnType> = None;
    let mut cells = Vec::with_capacity(values.size_hint().0);
    for (row, value) in values.enumerate() {
        let cell = Cell::of(value).ok_or_else(|| {
            Fault::new(format!("row {} of column `{name}` is {}", row + 1, describe(value)))
                .help("cells are flags, numbers or text; `()` is a missing one")
        })?;
        kind = match (kind, cell.kind()) {
            (known, None) => known,
            (None, found) => found,
            (Some(known), Some(found)) if known == found => Some(known),
            (Some(ColumnType::Int | ColumnType::Float), Some(ColumnType::Int | ColumnType::Float)) => {
                Some(ColumnType::Float)
            }
            (Some(known), Some(found)) => {
                let message = format!("column `{name}` holds {known} and, in row {}, {found}", row + 1);
                return Err(Fault::new(message).help("a column has one type"));
            }
        };
        cells.push(cell);
    }
    let cells = cells.into_iter();
    Ok(match kind.unwrap_or(ColumnType::Float) {
        ColumnType::Bool => Arc::new(
            cells.map(|cell| if let Cell::Bool(flag) = cell { Some(flag) } else { None }).collect::<BooleanArray>(),
        ),
        ColumnType::Int => Arc::new(
            cells.map(|cell| if let Cell::Int(number) = cell { Some(number) } else { None }).collect::<Int64Array>(),
        ),
        ColumnType::Float => Arc::new(cells.map(|cell| float(&cell)).collect::<Float64Array>()),
        _ => Arc::new(
            cells.map(|cell| if let Cell::Text(text) = cell { Some(text) } else { None }).collect::<StringArray>(),
        ),
    })
}

fn float(cell: &Cell) -> Option<f64> {
    match cell {
        Cell::Int(number) => Some(*number as f64),
        Cell::Float(number) => Some(*number),
        _ => None,
    }
}

/// Returns predictions as a list of labels or numbers.
pub(crate) fn predictions(predictions: &Predictions) -> Array {
    match predictions {
        Predictions::Numbers(numbers) => numbers.iter().copied().map(Dynamic::from_float).collect(),
        Predictions::Classes { labels, codes } => {
            let label = |code: &u32| labels.get(*code as usize).map_or(Dynamic::UNIT, label);
            codes.iter().map(label).collect()
        }
    }
}

fn label(label: LabelRef<'_>) -> Dynamic {
    match label {
        LabelRef::Bool(flag) => Dynamic::from_bool(flag),
        LabelRef::Int(number) => Dynamic::from_int(number),
        LabelRef::Float(number) => Dynamic::from_float(number),
        LabelRef::Text(text) => text.into(),
    }
}

/// Returns a label as the name of a column.
pub(crate) fn label_name(label: LabelRef<'_>) -> String {
    match label {
        LabelRef::Bool(flag) => flag.to_string(),
        LabelRef::Int(number) => number.to_string(),
        LabelRef::Float(number) => number.to_string(),
        LabelRef::Text(text) => text.to_owned(),
    }
}

/// Returns a number of rows or a position, which is never negative.
pub(crate) fn count(number: i64, what: &str) -> Result<usize, Fault> {
    usize::try_from(number).map_err(|_| Fault::new(format!("{what} is 0 or greater, this is {number}")))
}

/// Checks that every key of a map of options is known.
pub(crate) fn known_keys(options: &Map, known: &[&str]) -> Result<(), Fault> {
    match options.keys().find(|key| !known.contains(&key.as_str())) {
        None => Ok(()),
        Some(key) => {
            let fault = Fault::new(format!("there is no option `{key}`"));
            Err(match palladium_component::value::nearest(key, known.iter().copied()) {
                Some(near) => fault.help(format!("did you mean `{near}`?")),
                None => fault.help(format!("the options are `{}`", known.join("`, `"))),
            })
        }
    }
}
