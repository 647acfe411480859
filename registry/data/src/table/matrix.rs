//! Tables as matrices of numbers, and columns as vectors: without a copy where the layout allows it.

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type};
use arrow_array::{Array, ArrayRef, BooleanArray, Float64Array, Int64Array};
use arrow_buffer::NullBuffer;
use ndarray::{Array2, ArrayView2, CowArray, Ix1, Ix2, ShapeBuilder};

use super::Table;
use crate::{Column, ColumnType, DataError};

/// Rows that are transposed together are about so many bytes, which fit into the cache nearest to a core.
const BLOCK: usize = 16 << 10;

/// Matrices of so many cells and more are filled by several threads.
const LARGE: usize = 1 << 20;

impl Table {
    /// Returns all columns as one column-major matrix, rows × columns; a missing cell is NaN, a flag 0 or 1.
    ///
    /// # Errors
    /// A column of text, categories, dates or times.
    pub fn to_matrix(&self) -> Result<Array2<f64>, DataError> {
        let (n_rows, n_columns) = (self.n_rows(), self.n_columns());
        let cells = match self.cells.floats() {
            Some(cells) => cells.to_vec(),
            None => {
                let columns = self.all_numbers()?;
                let mut cells = vec![0.0; n_rows * n_columns];
                let places = cells.chunks_mut(n_rows.max(1)).zip(&columns).collect();
                share_out(places, n_rows * n_columns, |(places, column): (&mut [f64], &Numbers<'_>)| {
                    column.fill(0, places);
                });
                cells
            }
        };
        #[expect(clippy::expect_used, reason = "there is one cell for each place")]
        Ok(Array2::from_shape_vec((n_rows, n_columns).f(), cells).expect("one cell for each place"))
    }

    /// Returns the matrix of [`Table::to_matrix`] in row-major order, for methods that go through it row by row.
    ///
    /// # Errors
    /// A column of text, categories, dates or times.
    pub fn to_row_major_matrix(&self) -> Result<Array2<f64>, DataError> {
        let columns = self.all_numbers()?;
        let (n_rows, n_columns) = (self.n_rows(), columns.len());
        let mut cells = vec![0.0; n_rows * n_columns];
        let rows = (BLOCK / size_of::<f64>() / n_columns.max(1)).max(8);
        let blocks = cells.chunks_mut(rows * n_columns.max(1)).enumerate().collect();
        share_out(blocks, n_rows * n_columns, |(block, places): (usize, &mut [f64])| {
            for (index, column) in columns.iter().enumerate() {
                column.fill_strided(block * rows, &mut places[index..], n_columns);
            }
        });
        #[expect(clippy::expect_used, reason = "there is one cell for each place")]
        Ok(Array2::from_shape_vec((n_rows, n_columns), cells).expect("one cell for each place"))
    }

    /// Returns the matrix of [`Table::to_matrix`], and does so without a copy where the table was made by
    /// [`Table::with_floats`] or is one column of numbers none of which is missing.
    ///
    /// # Errors
    /// A column of text, categories, dates or times.
    pub fn matrix(&self) -> Result<CowArray<'_, f64, Ix2>, DataError> {
        if let Some(cells) = self.cells.floats()
            && let Ok(view) = ArrayView2::from_shape((self.n_rows(), self.n_columns()).f(), cells)
        {
            return Ok(view.into());
        }
        let columns = self.all_numbers()?;
        if let [column] = columns.as_slice()
            && let Some(cells) = column.as_slice()
            && let Ok(view) = ArrayView2::from_shape((cells.len(), 1).f(), cells)
        {
            return Ok(view.into());
        }
        self.to_matrix().map(CowArray::from)
    }

    /// Returns a column as numbers; a missing cell is NaN, a flag 0 or 1. Numbers none of which is missing are not copied.
    ///
    /// # Errors
    /// No such column, or one of text, categories, dates or times.
    pub fn numbers(&self, name: &str) -> Result<CowArray<'_, f64, Ix1>, DataError> {
        let index = self.index_of(name)?;
        Ok(self.column_numbers(index)?.to_array())
    }

    /// Returns each column as [`Table::numbers`] does, for methods that go through a table column by column.
    ///
    /// # Errors
    /// A column of text, categories, dates or times.
    pub fn all_columns_as_numbers(&self) -> Result<Vec<CowArray<'_, f64, Ix1>>, DataError> {
        Ok(self.all_numbers()?.iter().map(Numbers::to_array).collect())
    }

    /// Returns the matrix of [`Table::to_matrix`] for learners that need every cell.
    ///
    /// # Errors
    /// A column of text, categories, dates or times, a missing cell, an infinity or NaN.
    pub fn to_finite_matrix(&self) -> Result<Array2<f64>, DataError> {
        let matrix = self.to_matrix()?;
        if matrix.as_slice_memory_order().is_some_and(|cells| cells.iter().all(|cell| cell.is_finite())) {
            return Ok(matrix);
        }
        for ((name, column), cells) in self.names().zip(self.columns()).zip(matrix.columns()) {
            if let Some(row) = cells.iter().position(|cell| !cell.is_finite()) {
                return Err(not_finite(name, column, row).located(self));
            }
        }
        Ok(matrix)
    }

    fn all_numbers(&self) -> Result<Vec<Numbers<'_>>, DataError> {
        (0..self.n_columns()).map(|index| self.column_numbers(index)).collect()
    }

    fn column_numbers(&self, index: usize) -> Result<Numbers<'_>, DataError> {
        Numbers::of(&self.columns()[index]).ok_or_else(|| {
            let name = self.cells.schema().field(index).name();
            let (found, place) = (self.column_type(index), self.text_cell(name));
            DataError::WrongType { name: name.clone(), found, expected: "a number", place }
        })
    }
}

impl Column {
    /// Returns the cells as finite numbers; numbers none of which is missing are not copied.
    ///
    /// # Errors
    /// A column of text, categories, dates or times, a missing cell, an infinity or NaN.
    pub fn finite_numbers(&self) -> Result<CowArray<'_, f64, Ix1>, DataError> {
        let numbers = Numbers::of(&self.values).ok_or_else(|| {
            let (name, found) = (self.name.clone(), self.kind());
            DataError::WrongType { name, found, expected: "a number", place: None }
        })?;
        let numbers = numbers.to_array();
        match numbers.iter().position(|number| !number.is_finite()) {
            Some(row) => Err(not_finite(&self.name, &self.values, row)),
            None => Ok(numbers),
        }
    }
}

/// Returns the error of a cell that is no finite number.
fn not_finite(name: &str, column: &ArrayRef, row: usize) -> DataError {
    let (name, is_missing) = (name.to_owned(), column.is_null(row));
    let row = row + 1;
    match is_missing {
        true => DataError::MissingValue { name, row, place: None },
        false => DataError::NotFinite { name, row, place: None },
    }
}

/// A column whose cells are numbers.
pub(crate) enum Numbers<'t> {
    Float(&'t Float64Array),
    Int(&'t Int64Array),
    Bool(&'t BooleanArray),
}

impl<'t> Numbers<'t> {
    /// Returns a column as numbers, if that is what it holds.
    pub(crate) fn of(column: &'t ArrayRef) -> Option<Numbers<'t>> {
        Some(match ColumnType::of(column.data_type())? {
            ColumnType::Float => Numbers::Float(column.as_primitive::<Float64Type>()),
            ColumnType::Int => Numbers::Int(column.as_primitive::<Int64Type>()),
            ColumnType::Bool => Numbers::Bool(column.as_boolean()),
            _ => return None,
        })
    }

    /// Returns the cells themselves, if they are numbers of which none is missing.
    fn as_slice(&self) -> Option<&'t [f64]> {
        match self {
            Numbers::Float(column) if column.null_count() == 0 => Some(column.values()),
            _ => None,
        }
    }

    /// Returns the cells, a missing one as NaN.
    pub(crate) fn to_array(&self) -> CowArray<'t, f64, Ix1> {
        match self.as_slice() {
            Some(cells) => CowArray::from(cells),
            None => {
                let mut cells = vec![0.0; self.len()];
                self.fill(0, &mut cells);
                ndarray::Array1::from_vec(cells).into()
            }
        }
    }

    fn len(&self) -> usize {
        match self {
            Numbers::Float(column) => column.len(),
            Numbers::Int(column) => column.len(),
            Numbers::Bool(column) => column.len(),
        }
    }

    fn nulls(&self) -> Option<&NullBuffer> {
        match self {
            Numbers::Float(column) => column.nulls(),
            Numbers::Int(column) => column.nulls(),
            Numbers::Bool(column) => column.nulls(),
        }
    }

    /// Writes the cells from a row on into places that stand one behind the other, a missing one as NaN.
    fn fill(&self, first: usize, places: &mut [f64]) {
        match self.as_slice() {
            Some(cells) => places.copy_from_slice(&cells[first..first + places.len()]),
            None => self.fill_strided(first, places, 1),
        }
    }

    /// Writes the cells from a row on into every so manyth place, a missing one as NaN.
    fn fill_strided(&self, first: usize, places: &mut [f64], stride: usize) {
        let stride = stride.max(1);
        let targets = places.iter_mut().step_by(stride);
        match self {
            Numbers::Float(column) => {
                targets.zip(&column.values()[first..]).for_each(|(place, number)| *place = *number);
            }
            Numbers::Int(column) => {
                targets.zip(&column.values()[first..]).for_each(|(place, number)| *place = *number as f64);
            }
            Numbers::Bool(column) => {
                let flags = column.values().slice(first, column.len() - first);
                targets.zip(&flags).for_each(|(place, flag)| *place = f64::from(u8::from(flag)));
            }
        }
        if let Some(nulls) = self.nulls().filter(|nulls| nulls.null_count() > 0) {
            let rows = first..nulls.len();
            let missing = places.iter_mut().step_by(stride).zip(rows).filter(|(_, row)| nulls.is_null(*row));
            missing.for_each(|(place, _)| *place = f64::NAN);
        }
    }
}

/// Does pieces of work on so many cells, on several threads where it is worth it.
fn share_out<J: Send>(jobs: Vec<J>, n_cells: usize, work: impl Fn(J) + Sync) {
    let n_threads = if n_cells < LARGE { 1 } else { std::thread::available_parallelism().map_or(1, usize::from) };
    let n_threads = n_threads.min(jobs.len());
    if n_threads <= 1 {
        return jobs.into_iter().for_each(work);
    }
    let per_thread = jobs.len().div_ceil(n_threads);
    let mut jobs = jobs.into_iter();
    std::thread::scope(|scope| {
        let work = &work;
        for _ in 1..n_threads {
            let share: Vec<J> = jobs.by_ref().take(per_thread).collect();
            scope.spawn(move || share.into_iter().for_each(work));
        }
        jobs.for_each(work);
    });
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn table(n_rows: usize) -> Table {
        let floats: Vec<Option<f64>> = (0..n_rows).map(|row| (row % 7 != 3).then_some(row as f64 + 0.5)).collect();
        let ints: Vec<Option<i64>> = (0..n_rows).map(|row| (row % 5 != 1).then_some(row as i64)).collect();
        let flags: Vec<Option<bool>> = (0..n_rows).map(|row| (row % 3 != 2).then_some(row % 2 == 0)).collect();
        let complete: Vec<f64> = (0..n_rows).map(|row| row as f64 * 2.0).collect();
        let columns: Vec<(String, ArrayRef)> = vec![
            ("floats".into(), Arc::new(Float64Array::from(floats))),
            ("ints".into(), Arc::new(Int64Array::from(ints))),
            ("flags".into(), Arc::new(BooleanArray::from(flags))),
            ("complete".into(), Arc::new(Float64Array::from(complete))),
        ];
        Table::new(columns).unwrap()
    }

    /// Returns the cell that is to stand at a place of the matrix, computed cell by cell.
    fn expected(row: usize, column: usize) -> f64 {
        match column {
            0 if row % 7 != 3 => row as f64 + 0.5,
            1 if row % 5 != 1 => row as f64,
            2 if row % 3 != 2 => f64::from(u8::from(row.is_multiple_of(2))),
            3 => row as f64 * 2.0,
            _ => f64::NAN,
        }
    }

    fn check(table: &Table, first_row: usize) {
        let (columns, rows) = (table.to_matrix().unwrap(), table.to_row_major_matrix().unwrap());
        assert!(rows.is_standard_layout() && columns.t().is_standard_layout());
        for matrix in [columns, rows] {
            assert_eq!(matrix.shape(), [table.n_rows(), 4]);
            for ((row, column), cell) in matrix.indexed_iter() {
                let wanted = expected(first_row + row, column);
                assert!(*cell == wanted || cell.is_nan() && wanted.is_nan(), "{row} {column}: {cell} {wanted}");
            }
        }
    }

    #[test]
    fn both_orders_hold_the_same_cells() {
        for n_rows in [0, 1, 2, 100, 1500] {
            check(&table(n_rows), 0);
        }
        check(&table(1000).slice(301, 600), 301);
        // Several threads fill this one.
        check(&table(LARGE / 4 + 7), 0);
    }

    #[test]
    fn floats_in_one_piece_are_the_columns_that_they_stand_for() {
        let numbers = |cells: [f64; 3]| Arc::new(Float64Array::from(cells.to_vec())) as ArrayRef;
        let columns = vec![("a".to_owned(), numbers([1.0, 2.0, 3.0])), ("b".to_owned(), numbers([4.0, 5.0, 6.0]))];
        let table = Table::new(columns).unwrap();
        let floats = table.slice(0, 0).with_floats(vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]).unwrap();
        assert!(floats.matrix().unwrap().is_view());
        for read in [Table::to_matrix, Table::to_row_major_matrix, Table::to_finite_matrix] {
            assert_eq!(read(&floats).unwrap(), read(&table).unwrap());
        }
        assert_eq!((floats.n_rows(), floats.n_columns(), floats.specs()), (3, 2, table.specs()));
        assert_eq!(floats.matrix().unwrap(), table.matrix().unwrap());
        assert_eq!(floats.columns(), table.columns());
        assert_eq!(floats.clone(), table);
        assert_eq!(floats.slice(1, 2), table.slice(1, 2));
        assert_eq!(floats.project(&[1]), table.project(&[1]));
        let infinite = table.with_floats(vec![1.0, 2.0, f64::INFINITY, 4.0, 5.0, 6.0]).unwrap();
        let error = DataError::NotFinite { name: "a".into(), row: 3, place: None };
        assert_eq!(infinite.to_finite_matrix(), Err(error));
        let none = Table::default().with_floats(Vec::new()).unwrap();
        assert_eq!((none.n_rows(), none.to_matrix().unwrap().shape()), (0, &[0, 0][..]));
        for (table, cells) in [(&table, vec![1.0, 2.0, 3.0]), (&Table::default(), vec![1.0])] {
            assert!(matches!(table.with_floats(cells), Err(DataError::UnequalLength { .. })));
        }
        let error = super::tests::table(1).with_floats(vec![0.0; 4]).unwrap_err();
        assert_eq!(error.to_string(), "column `ints` holds whole numbers, a floating-point number is needed");
    }

    #[test]
    fn numbers_of_which_none_is_missing_are_not_copied() {
        let table = table(10);
        let complete = table.numbers("complete").unwrap();
        assert!(
            complete.is_view()
                && std::ptr::eq(&complete[0], &table.columns()[3].as_primitive::<Float64Type>().values()[0])
        );
        assert!(!table.numbers("floats").unwrap().is_view() && !table.numbers("ints").unwrap().is_view());
        assert!(table.project(&[3]).matrix().unwrap().is_view());
        assert!(
            !table.project(&[0]).matrix().unwrap().is_view() && !table.project(&[3, 0]).matrix().unwrap().is_view()
        );
        assert_eq!(table.project(&[3]).matrix().unwrap(), table.project(&[3]).to_matrix().unwrap());
        let views: Vec<bool> = table.all_columns_as_numbers().unwrap().iter().map(CowArray::is_view).collect();
        assert_eq!(views, [false, false, false, true]);
        let sliced = table.slice(4, 2);
        assert_eq!(sliced.numbers("complete").unwrap().to_vec(), [8.0, 10.0]);
    }
}
