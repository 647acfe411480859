//! Rows by the values of some of their columns, and the types that columns have in common.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::new_null_array;
use arrow_array::types::Float64Type;
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

/// Returns the type that columns of two types have in common: numbers for whole numbers and numbers, text for text and
/// categories.
pub(crate) fn common(one: ColumnType, other: ColumnType) -> Option<ColumnType> {
    match (one, other) {
        (one, other) if one == other => Some(one),
        (ColumnType::Int | ColumnType::Float, ColumnType::Int | ColumnType::Float) => Some(ColumnType::Float),
        (one, other) if one.is_text() && other.is_text() => Some(ColumnType::Text),
        _ => None,
    }
}

/// Two of several columns whose types have none in common, by their positions.
#[derive(Debug)]
pub(crate) struct Differ {
    /// The first of them.
    pub(crate) first: (usize, ColumnType),
    /// The one that differs.
    pub(crate) other: (usize, ColumnType),
}

/// Returns the type that columns of several tables have in common. One in which all is missing takes that of the others,
/// but makes numbers of whole numbers.
pub(crate) fn common_to_all(columns: &[&ArrayRef]) -> Result<ColumnType, Differ> {
    let kind = |column: &ArrayRef| ColumnType::of(column.data_type()).unwrap_or(ColumnType::Text);
    let mut typed = columns.iter().enumerate().filter(|(_, column)| !is_missing(column));
    let Some((index, column)) = typed.next() else { return Ok(ColumnType::Float) };
    let first = (index, kind(column));
    let common = typed.try_fold(first.1, |known, (index, column)| {
        common(known, kind(column)).ok_or(Differ { first, other: (index, kind(column)) })
    })?;
    let has_missing = columns.iter().any(|column| is_missing(column) && !column.is_empty());
    Ok(if common == ColumnType::Int && has_missing { ColumnType::Float } else { common })
}

/// Tells whether all is missing in a column, which is then one of numbers where its type is not declared.
fn is_missing(column: &ArrayRef) -> bool {
    column.as_primitive_opt::<Float64Type>().is_some_and(|numbers| numbers.null_count() == numbers.len())
}

/// Returns a table with a column as the type that it has in common with others.
pub(crate) fn retyped(table: Table, name: &str, kind: ColumnType) -> Result<Table, DataError> {
    let column = table.column(name)?;
    if *column.data_type() == kind.data_type() {
        return Ok(table);
    }
    if !is_missing(column) {
        return table.cast(name, kind);
    }
    let missing = new_null_array(&kind.data_type(), column.len());
    table.map_columns(|other, column| Arc::clone(if other == name { &missing } else { column }))
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
