//! Rows by the values of some of their columns.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type};
use arrow_row::{RowConverter, Rows, SortField};
use arrow_schema::ArrowError;
use palladium_component::prelude::*;

/// Returns the rows of some columns in a form in which equal rows are equal bytes.
///
/// Missing values are equal to each other, as are all that are no numbers, and 0 and -0.
pub(crate) fn rows_of(columns: &[ArrayRef]) -> Result<Rows, DataError> {
    let columns: Vec<ArrayRef> = columns.iter().map(plain).collect();
    converter(&columns).and_then(|converter| converter.convert_columns(&columns)).map_err(|error| too_large(&error))
}

/// Returns the rows of columns of two tables, which have the same types, in the form of [`rows_of`].
pub(crate) fn rows_of_both(left: &[ArrayRef], right: &[ArrayRef]) -> Result<(Rows, Rows), DataError> {
    let [left, right] = [left, right].map(|columns| columns.iter().map(plain).collect::<Vec<_>>());
    let converter = converter(&left).map_err(|error| too_large(&error))?;
    let rows = |columns: &[ArrayRef]| converter.convert_columns(columns).map_err(|error| too_large(&error));
    Ok((rows(&left)?, rows(&right)?))
}

fn converter(columns: &[ArrayRef]) -> Result<RowConverter, ArrowError> {
    RowConverter::new(columns.iter().map(|column| SortField::new(column.data_type().clone())).collect())
}

fn too_large(error: &ArrowError) -> DataError {
    DataError::TooLarge(error.to_string())
}

/// Returns the columns of numbers as one type where one has whole numbers and the other fractions.
pub(crate) fn promoted(left: &ArrayRef, right: &ArrayRef) -> Option<(ArrayRef, ArrayRef)> {
    match (ColumnType::of(left.data_type())?, ColumnType::of(right.data_type())?) {
        (one, other) if one == other => Some((Arc::clone(left), Arc::clone(right))),
        (ColumnType::Int, ColumnType::Float) => Some((to_floats(left), Arc::clone(right))),
        (ColumnType::Float, ColumnType::Int) => Some((Arc::clone(left), to_floats(right))),
        _ => None,
    }
}

/// Returns a column of whole numbers as one of numbers, and every other as it is.
pub(crate) fn to_floats(column: &ArrayRef) -> ArrayRef {
    match column.as_primitive_opt::<Int64Type>() {
        Some(ints) => Arc::new(ints.unary::<_, Float64Type>(|int| int as f64)),
        None => Arc::clone(column),
    }
}

fn plain(column: &ArrayRef) -> ArrayRef {
    let plain = |number: f64| match number {
        number if number.is_nan() => f64::NAN,
        // Adding 0 makes 0 of -0 and changes nothing else.
        number => number + 0.0,
    };
    match column.as_primitive_opt::<Float64Type>() {
        Some(floats) => Arc::new(floats.unary::<_, Float64Type>(plain)),
        None => Arc::clone(column),
    }
}
