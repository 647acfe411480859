//! Columns of samples while a request is read.

use std::sync::Arc;

use palladium_component::data::arrow_array::builder::StringBuilder;
use palladium_component::prelude::*;
use smallvec::SmallVec;

use crate::convert::Given;
use crate::field::FieldType;

/// A column to which converted values are added; the one number of most requests costs no allocation.
pub enum ColumnBuilder {
    Float(SmallVec<[f64; 1]>),
    Int(Vec<i64>),
    Bool(Vec<bool>),
    Text(StringBuilder),
}

impl ColumnBuilder {
    /// Returns an empty column; most requests are one sample.
    pub fn new(kind: FieldType) -> ColumnBuilder {
        match kind {
            FieldType::Float => ColumnBuilder::Float(SmallVec::new()),
            FieldType::Int => ColumnBuilder::Int(Vec::with_capacity(1)),
            FieldType::Bool => ColumnBuilder::Bool(Vec::with_capacity(1)),
            FieldType::Str => ColumnBuilder::Text(StringBuilder::with_capacity(1, 32)),
        }
    }

    /// Returns the number of values.
    pub fn len(&self) -> usize {
        match self {
            ColumnBuilder::Float(values) => values.len(),
            ColumnBuilder::Int(values) => values.len(),
            ColumnBuilder::Bool(values) => values.len(),
            ColumnBuilder::Text(builder) => builder.offsets_slice().len() - 1,
        }
    }

    /// Adds a value; returns nothing where it cannot be converted.
    #[must_use]
    pub fn push(&mut self, given: Given<'_>) -> Option<()> {
        match self {
            ColumnBuilder::Float(values) => values.push(given.to_float()?),
            ColumnBuilder::Int(values) => values.push(given.to_int()?),
            ColumnBuilder::Bool(values) => values.push(given.to_bool()?),
            ColumnBuilder::Text(builder) => {
                let text = given.to_text()?;
                // Arrow counts the bytes of a column in 32 bits and panics past them.
                i32::try_from(builder.values_slice().len() + text.len()).ok()?;
                builder.append_value(text);
            }
        }
        Some(())
    }

    /// Returns the numbers of columns one after the other, if all of them hold floating-point numbers.
    pub fn floats(columns: &[ColumnBuilder]) -> Option<Vec<f64>> {
        if !columns.iter().all(|column| matches!(column, ColumnBuilder::Float(_))) {
            return None;
        }
        let mut floats = Vec::with_capacity(columns.iter().map(ColumnBuilder::len).sum());
        for column in columns {
            if let ColumnBuilder::Float(values) = column {
                floats.extend_from_slice(values);
            }
        }
        Some(floats)
    }

    /// Returns the column.
    pub fn finish(self) -> ArrayRef {
        match self {
            ColumnBuilder::Float(values) => Arc::new(Float64Array::new(values.into_vec().into(), None)),
            ColumnBuilder::Int(values) => Arc::new(Int64Array::new(values.into(), None)),
            ColumnBuilder::Bool(values) => Arc::new(BooleanArray::from(values)),
            ColumnBuilder::Text(mut builder) => Arc::new(builder.finish()),
        }
    }
}
