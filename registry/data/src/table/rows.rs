//! Rows of tables: parts of one, and several tables one after another.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Int32Type;
use arrow_array::{Array, ArrayRef, BooleanArray, UInt64Array};
use arrow_schema::ArrowError;
use arrow_select::concat::concat;
use arrow_select::filter::{filter_record_batch, prep_null_mask_filter};
use arrow_select::take::take;

use super::Table;
use crate::provenance::{Origin, Stacked, Taken};
use crate::{DataError, category};

impl Table {
    /// Returns `length` rows from `offset` on.
    ///
    /// # Panics
    /// If the range exceeds the table.
    #[must_use]
    pub fn slice(&self, offset: usize, length: usize) -> Table {
        let moved = |origin: &Origin| Origin { first_row: origin.first_row + offset, ..origin.clone() };
        Table::of(self.batch().slice(offset, length), self.origin.as_ref().map(moved))
    }

    /// Returns the rows at these positions, in this order; a row may stand several times.
    ///
    /// # Errors
    /// The texts of a column become too long together.
    ///
    /// # Panics
    /// If there is no such position.
    pub fn take(&self, rows: &[usize]) -> Result<Table, DataError> {
        let positions = UInt64Array::from_iter_values(rows.iter().map(|row| *row as u64));
        let columns = self.columns().iter().map(|column| take_cells(column, &positions)).collect::<Result<_, _>>()?;
        let schema = self.schema();
        let taken = Table::with_schema(schema, columns, Some(rows.len()))?;
        let moved = |origin: &Origin| {
            let taken = Taken { origin: origin.clone(), rows: rows.to_vec() };
            Origin { provenance: Arc::new(taken), first_row: 0 }
        };
        Ok(Table { origin: self.origin.as_ref().map(moved), ..taken })
    }

    /// Returns the rows for which a mask is true, in their order; a missing flag counts as false.
    ///
    /// # Errors
    /// The mask has another length than the table.
    pub fn filter(&self, mask: &BooleanArray) -> Result<Table, DataError> {
        if mask.len() != self.n_rows() {
            return Err(DataError::MaskLength { found: mask.len(), expected: self.n_rows() });
        }
        let mask = if mask.null_count() == 0 { mask.clone() } else { prep_null_mask_filter(mask) };
        let batch = filter_record_batch(self.batch(), &mask).map_err(|error| too_large(&error))?;
        let kept = |origin: &Origin| Origin {
            provenance: Arc::new(Taken { origin: origin.clone(), rows: mask.values().set_indices().collect() }),
            first_row: 0,
        };
        Ok(Table::of(batch, self.origin.as_ref().map(kept)))
    }

    /// Returns the rows at these positions, in this order, all of whose cells are missing where there is no position.
    /// Where the rows come from is not known.
    ///
    /// # Errors
    /// The texts of a column become too long together.
    ///
    /// # Panics
    /// If there is no such position.
    pub fn take_or_missing(&self, rows: &[Option<usize>]) -> Result<Table, DataError> {
        let positions: UInt64Array = rows.iter().map(|row| row.map(|row| row as u64)).collect();
        let columns = self.names().zip(self.columns());
        let taken = columns.map(|(name, column)| Ok((name.to_owned(), take_cells(column, &positions)?)));
        Table::new(taken.collect::<Result<_, DataError>>()?)
    }

    /// Returns the rows of tables one after another. The columns are those of the first table, in its order; columns of
    /// categories may have different ones.
    ///
    /// # Errors
    /// No table; a table lacks a column or holds one of another type; the texts of a column become too long together.
    pub fn concat(tables: &[Table]) -> Result<Table, DataError> {
        let first = tables.first().ok_or(DataError::NoRows)?;
        let columns = first.names().map(|name| {
            let parts = tables.iter().map(|table| table.column(name)).collect::<Result<Vec<_>, _>>()?;
            let expected = parts[0].data_type();
            if let Some(other) = parts.iter().find(|part| part.data_type() != expected) {
                return Err(DataError::UnsupportedType { name: name.to_owned(), found: other.data_type().to_string() });
            }
            concat_cells(&parts)
        });
        let columns = columns.collect::<Result<Vec<_>, _>>()?;
        let n_rows = tables.iter().map(Table::n_rows).sum();
        let stacked = Table::with_schema(first.schema(), columns, Some(n_rows))?;
        let mut end = 0;
        let parts = tables.iter().map(|table| {
            end += table.n_rows();
            Some((table.origin.clone()?, end))
        });
        let parts: Option<Vec<_>> = parts.collect();
        let origin = parts.map(|parts| Origin { provenance: Arc::new(Stacked { parts }), first_row: 0 });
        Ok(Table { origin, ..stacked })
    }
}

/// Returns the cells at these positions; a null stands for a missing cell.
///
/// # Errors
/// The texts become too long together.
pub(crate) fn take_cells(column: &ArrayRef, positions: &UInt64Array) -> Result<ArrayRef, DataError> {
    take(column, positions, None).map_err(|error| too_large(&error))
}

/// Returns the cells of columns of one type one after another. Each category is stored once, whatever stacks it has been in.
fn concat_cells(parts: &[&ArrayRef]) -> Result<ArrayRef, DataError> {
    let parts: Vec<&dyn Array> = parts.iter().map(AsRef::as_ref).collect();
    let stacked = concat(&parts).map_err(|error| too_large(&error))?;
    Ok(match stacked.as_dictionary_opt::<Int32Type>() {
        Some(categories) => Arc::new(category::distinct(categories)?),
        None => stacked,
    })
}

fn too_large(error: &ArrowError) -> DataError {
    DataError::TooLarge(error.to_string())
}
