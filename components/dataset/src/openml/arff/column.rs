//! The columns of an ARFF file: their types, and their cells while they are gathered.

use std::sync::Arc;

use arrow_array::builder::StringBuilder;
use arrow_array::types::Int32Type;
use arrow_array::{Date32Array, DictionaryArray, Int32Array, TimestampMicrosecondArray};
use indexmap::IndexSet;
use palladium_component::prelude::*;

use super::ArffError;
use super::date::{DateFormat, Instant};
use super::line::{Cell, Line};

/// How much text one column can hold.
const MAX_TEXT: usize = i32::MAX as usize;

/// A column that is being read.
pub(super) struct ArffColumn {
    pub(super) name: String,
    cells: Cells,
}

/// The cells by type.
enum Cells {
    Numbers(Vec<Option<f64>>),
    /// Numbers that were declared to be whole, which they need not be.
    Integers(Vec<Option<f64>>),
    Text(StringBuilder),
    /// What there is to choose from, and for each cell its position.
    Nominal(IndexSet<String>, Vec<Option<i32>>),
    Dates(DateFormat, Vec<Option<Instant>>),
}

impl ArffColumn {
    /// Reads name and type of a declaration.
    pub(super) fn declared(line: &mut Line<'_>) -> Result<ArffColumn, ArffError> {
        let name = line.name()?.into_owned();
        line.skip_spaces();
        let start = line.clone();
        if line.skip('{') {
            return Ok(ArffColumn { name, cells: Cells::Nominal(choices(line)?, Vec::new()) });
        }
        let cells = match line.word().to_ascii_lowercase().as_str() {
            "numeric" | "real" => Cells::Numbers(Vec::new()),
            "integer" => Cells::Integers(Vec::new()),
            "string" => Cells::Text(StringBuilder::new()),
            "date" => {
                line.skip_spaces();
                let place = line.clone();
                let format = if line.rest().is_empty() { DateFormat::iso() } else { DateFormat::java(&line.name()?) };
                Cells::Dates(format.map_err(|what| place.error(&what))?, Vec::new())
            }
            "relational" => return Err(start.error("tables within tables are not supported")),
            _ => {
                return Err(start.error("a type is expected: numeric, real, integer, string, date or values in braces"));
            }
        };
        match line.is_at_end() {
            true => Ok(ArffColumn { name, cells }),
            false => Err(line.error("nothing is expected behind the type")),
        }
    }

    /// Adds a cell.
    pub(super) fn push(&mut self, cell: &Cell<'_>, line: &Line<'_>) -> Result<(), ArffError> {
        let (name, value) = (&self.name, cell.value.as_deref());
        let wrong = |what: &str| {
            line.error_in(cell, &format!("`{}` is no {what} of the attribute `{name}`", value.unwrap_or_default()))
        };
        match &mut self.cells {
            Cells::Numbers(numbers) | Cells::Integers(numbers) => {
                let number = value.map(|value| fast_float2::parse::<f64, _>(value).map_err(|_| wrong("number")));
                numbers.push(number.transpose()?.filter(|number| !number.is_nan()));
            }
            Cells::Text(texts) => {
                if texts.values_slice().len() + value.map_or(0, str::len) > MAX_TEXT {
                    return Err(line.error_in(cell, "the column holds more than 2 GiB of text"));
                }
                texts.append_option(value);
            }
            Cells::Nominal(choices, codes) => {
                let code = value.map(|value| choices.get_index_of(value).ok_or_else(|| wrong("value")));
                // Choices are declared in one line, so that there are no more of them than fit.
                codes.push(code.transpose()?.and_then(|code| i32::try_from(code).ok()));
            }
            Cells::Dates(format, instants) => {
                let instant = value.map(|value| format.read(value).ok_or_else(|| wrong("date")));
                instants.push(instant.transpose()?);
            }
        }
        Ok(())
    }

    /// Returns name and cells.
    pub(super) fn finish(self) -> (String, ArrayRef) {
        let cells: ArrayRef = match self.cells {
            Cells::Numbers(numbers) => Arc::new(Float64Array::from(numbers)),
            Cells::Integers(numbers) => {
                let whole: Option<Vec<i64>> = numbers.iter().map(|number| number.and_then(as_whole)).collect();
                match whole {
                    Some(whole) => Arc::new(Int64Array::from(whole)),
                    None => Arc::new(Float64Array::from(numbers)),
                }
            }
            Cells::Text(mut texts) => Arc::new(texts.finish()),
            Cells::Nominal(choices, codes) => {
                let texts: StringArray = choices.into_iter().map(Some).collect();
                Arc::new(DictionaryArray::<Int32Type>::new(Int32Array::from(codes), Arc::new(texts)))
            }
            Cells::Dates(format, instants) if format.has_time() => {
                let instants = instants.into_iter().map(|instant| instant.map(|instant| instant.microseconds));
                let instants: TimestampMicrosecondArray = instants.collect();
                Arc::new(if format.has_zone() { instants.with_timezone("UTC") } else { instants })
            }
            Cells::Dates(_, instants) => {
                let days = instants.into_iter().map(|instant| instant.map(|instant| instant.days));
                Arc::new(days.collect::<Date32Array>())
            }
        };
        (self.name, cells)
    }
}

/// Returns a number as a whole one, unless it is none or so large that digits may have been lost.
fn as_whole(number: f64) -> Option<i64> {
    const EXACT: f64 = (1_i64 << 53) as f64;
    (number.fract() == 0.0 && number.abs() < EXACT).then_some(number as i64)
}

/// Reads the values of a nominal attribute behind the opening brace.
fn choices(line: &mut Line<'_>) -> Result<IndexSet<String>, ArffError> {
    let mut choices = IndexSet::new();
    loop {
        line.skip_spaces();
        let place = line.clone();
        let value = line.value(&[',', '}'])?.value.ok_or_else(|| place.error("a value is expected"))?;
        if !choices.insert(value.into_owned()) {
            return Err(place.error("the value stands twice"));
        }
        if line.skip('}') {
            return match line.is_at_end() {
                true => Ok(choices),
                false => Err(line.error("nothing is expected behind the values")),
            };
        }
        if !line.skip(',') {
            return Err(line.error("the brace that opens the values is never closed"));
        }
    }
}
