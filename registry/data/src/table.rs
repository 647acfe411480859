//! Named, typed columns of equal length.

use std::collections::HashSet;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type};
use arrow_array::{Array, ArrayRef, RecordBatch, RecordBatchOptions, UInt64Array};
use arrow_schema::{ArrowError, Field, Schema};
use arrow_select::concat::concat;
use arrow_select::take::take;
use ndarray::{Array2, ShapeBuilder};
use serde::{Deserialize, Serialize};

use crate::column_type::cast_cells;
use crate::provenance::{Origin, Stacked, Taken};
use crate::{ColumnType, DataError, Provenance};

/// Name and type of a column.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColumnSpec {
    /// The name.
    pub name: String,
    /// The type.
    #[serde(rename = "type")]
    pub kind: ColumnType,
}

/// Named, typed, null-aware columns of equal length. Cloning and slicing copy no data.
#[derive(Clone, Debug)]
pub struct Table {
    batch: RecordBatch,
    origin: Option<Origin>,
}

/// Tables are equal when their columns are; where they come from does not count.
impl PartialEq for Table {
    fn eq(&self, other: &Table) -> bool {
        self.batch == other.batch
    }
}

/// A table without columns and rows.
impl Default for Table {
    fn default() -> Table {
        Table { batch: RecordBatch::new_empty(Arc::new(Schema::empty())), origin: None }
    }
}

impl Table {
    /// Returns a table of these columns.
    ///
    /// # Errors
    /// Two columns of one name, columns of different lengths, a type that tables do not hold.
    pub fn new(columns: Vec<(String, ArrayRef)>) -> Result<Table, DataError> {
        let fields: Vec<Field> =
            columns.iter().map(|(name, array)| Field::new(name, array.data_type().clone(), true)).collect();
        Table::with_schema(Arc::new(Schema::new(fields)), columns.into_iter().map(|(_, array)| array).collect(), None)
    }

    /// Returns a table of these columns under a schema that is at hand; `n_rows` matters for a table without columns.
    ///
    /// # Errors
    /// As [`Table::new`], and columns of other types than the schema's.
    pub fn with_schema(schema: Arc<Schema>, columns: Vec<ArrayRef>, n_rows: Option<usize>) -> Result<Table, DataError> {
        let n_rows = columns.first().map_or(n_rows.unwrap_or(0), Array::len);
        if let Some(name) = repeated(schema.fields().iter().map(|field| field.name().as_str())) {
            return Err(DataError::DuplicateColumn(name.to_owned()));
        }
        for (field, array) in schema.fields().iter().zip(&columns) {
            let name = || field.name().clone();
            if array.len() != n_rows {
                return Err(DataError::UnequalLength { name: name(), found: array.len(), expected: n_rows });
            }
            if ColumnType::of(array.data_type()).is_none() || array.data_type() != field.data_type() {
                return Err(DataError::UnsupportedType { name: name(), found: array.data_type().to_string() });
            }
        }
        let options = RecordBatchOptions::new().with_row_count(Some(n_rows));
        let batch = RecordBatch::try_new_with_options(schema, columns, &options).map_err(|error| {
            DataError::UnsupportedType { name: String::from("of the table"), found: error.to_string() }
        })?;
        Ok(Table { batch, origin: None })
    }

    /// Says where the rows come from, for errors about them.
    #[must_use]
    pub fn with_provenance(self, provenance: Arc<dyn Provenance>) -> Table {
        Table { origin: Some(Origin { provenance, first_row: 0 }), ..self }
    }

    /// Returns where a row, counted from 0, comes from, if that is known.
    pub fn place(&self, row: usize) -> Option<String> {
        self.origin.as_ref().map(|origin| origin.place(row))
    }

    /// Returns place and text of a cell that makes a column text, if that is known.
    pub fn text_cell(&self, column: &str) -> Option<String> {
        self.origin.as_ref().and_then(|origin| origin.provenance.text_cell(column))
    }

    /// Returns the number of rows.
    pub fn n_rows(&self) -> usize {
        self.batch.num_rows()
    }

    /// Returns the number of columns.
    pub fn n_columns(&self) -> usize {
        self.batch.num_columns()
    }

    /// Returns the column names in order.
    pub fn names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.batch.schema_ref().fields().iter().map(|field| field.name().as_str())
    }

    /// Returns names and types in order.
    pub fn specs(&self) -> Vec<ColumnSpec> {
        (0..self.n_columns())
            .map(|index| ColumnSpec {
                name: self.batch.schema_ref().field(index).name().clone(),
                kind: self.column_type(index),
            })
            .collect()
    }

    /// Returns the type of the column at a position.
    ///
    /// # Panics
    /// If there is no such position.
    pub fn column_type(&self, index: usize) -> ColumnType {
        // Construction refuses every other Arrow type.
        ColumnType::of(self.batch.column(index).data_type()).unwrap_or(ColumnType::Text)
    }

    /// Returns the columns in order.
    pub fn columns(&self) -> &[ArrayRef] {
        self.batch.columns()
    }

    /// Returns the columns as an Arrow record batch.
    pub fn batch(&self) -> &RecordBatch {
        &self.batch
    }

    /// Returns the position of a column.
    ///
    /// # Errors
    /// No such column.
    pub fn index_of(&self, name: &str) -> Result<usize, DataError> {
        self.names().position(|other| other == name).ok_or_else(|| DataError::NoSuchColumn {
            name: name.to_owned(),
            present: self.names().map(str::to_owned).collect(),
        })
    }

    /// Returns a column by name.
    ///
    /// # Errors
    /// No such column.
    pub fn column(&self, name: &str) -> Result<&ArrayRef, DataError> {
        self.index_of(name).map(|index| self.batch.column(index))
    }

    /// Returns the columns at these positions, in this order.
    ///
    /// # Panics
    /// If there is no such position.
    #[must_use]
    pub fn project(&self, indices: &[usize]) -> Table {
        let fields: Vec<_> =
            indices.iter().map(|index| Arc::clone(&self.batch.schema_ref().fields()[*index])).collect();
        let columns = indices.iter().map(|index| Arc::clone(self.batch.column(*index))).collect();
        let options = RecordBatchOptions::new().with_row_count(Some(self.n_rows()));
        let schema = Arc::new(Schema::new(fields));
        #[expect(clippy::expect_used, reason = "columns of one batch have one length and their own types")]
        let batch = RecordBatch::try_new_with_options(schema, columns, &options).expect("columns of one batch");
        Table { batch, origin: self.origin.clone() }
    }

    /// Returns `length` rows from `offset` on.
    ///
    /// # Panics
    /// If the range exceeds the table.
    #[must_use]
    pub fn slice(&self, offset: usize, length: usize) -> Table {
        let moved = |origin: &Origin| Origin { first_row: origin.first_row + offset, ..origin.clone() };
        Table { batch: self.batch.slice(offset, length), origin: self.origin.as_ref().map(moved) }
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
        let schema = Arc::clone(self.batch.schema_ref());
        let taken = Table::with_schema(schema, columns, Some(rows.len()))?;
        let moved = |origin: &Origin| {
            let taken = Taken { origin: origin.clone(), rows: rows.to_vec() };
            Origin { provenance: Arc::new(taken), first_row: 0 }
        };
        Ok(Table { origin: self.origin.as_ref().map(moved), ..taken })
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

    /// Returns the table with a further column.
    ///
    /// # Errors
    /// There is a column of that name already, or the column is of another length or of a type that tables do not hold.
    pub fn with_column(&self, name: &str, values: &ArrayRef) -> Result<Table, DataError> {
        let mut fields = self.batch.schema_ref().fields().to_vec();
        fields.push(Arc::new(Field::new(name, values.data_type().clone(), true)));
        let columns = self.columns().iter().chain([values]).map(Arc::clone).collect();
        let table = Table::with_schema(Arc::new(Schema::new(fields)), columns, None)?;
        Ok(Table { origin: self.origin.clone(), ..table })
    }

    /// Returns the table with what becomes of each column, which may be of another type.
    ///
    /// # Errors
    /// A column becomes one of another length or of a type that tables do not hold.
    pub fn map_columns(&self, change: impl Fn(&str, &ArrayRef) -> ArrayRef) -> Result<Table, DataError> {
        let changed = self.names().zip(self.columns()).map(|(name, column)| (name.to_owned(), change(name, column)));
        let (fields, columns): (Vec<Field>, Vec<ArrayRef>) =
            changed.map(|(name, column)| (Field::new(name, column.data_type().clone(), true), column)).unzip();
        let table = Table::with_schema(Arc::new(Schema::new(fields)), columns, Some(self.n_rows()))?;
        Ok(Table { origin: self.origin.clone(), ..table })
    }

    /// Returns the table with a column as another type. Text is read as numbers, flags, dates and times are written in
    /// RFC 3339; a missing value stays one.
    ///
    /// # Errors
    /// No such column, or a cell that does not stand for a value of the type.
    pub fn cast(&self, name: &str, kind: ColumnType) -> Result<Table, DataError> {
        let index = self.index_of(name)?;
        let cells = cast_cells(&self.columns()[index], kind).map_err(|error| DataError::NotCast {
            name: name.to_owned(),
            expected: kind,
            reason: error.to_string(),
        })?;
        self.map_columns(|other, column| Arc::clone(if other == name { &cells } else { column }))
    }

    /// Returns the rows of tables one after another. The columns are those of the first table, in its order.
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
        let stacked = Table::with_schema(Arc::clone(first.batch.schema_ref()), columns, Some(n_rows))?;
        let mut end = 0;
        let parts = tables.iter().map(|table| {
            end += table.n_rows();
            Some((table.origin.clone()?, end))
        });
        let parts: Option<Vec<_>> = parts.collect();
        let origin = parts.map(|parts| Origin { provenance: Arc::new(Stacked { parts }), first_row: 0 });
        Ok(Table { origin, ..stacked })
    }

    /// Returns all columns as one column-major matrix, rows × columns; a missing cell is NaN, a flag 0 or 1.
    ///
    /// # Errors
    /// A column of text, categories, dates or times.
    pub fn to_matrix(&self) -> Result<Array2<f64>, DataError> {
        let n_rows = self.n_rows();
        let mut cells = Vec::with_capacity(n_rows * self.n_columns());
        for (name, column) in self.names().zip(self.columns()) {
            push_numbers(column, &mut cells).ok_or_else(|| DataError::WrongType {
                name: name.to_owned(),
                found: ColumnType::of(column.data_type()).unwrap_or(ColumnType::Text),
                expected: "a number",
                place: self.text_cell(name),
            })?;
        }
        #[expect(clippy::expect_used, reason = "each column pushed one cell for each row")]
        let matrix = Array2::from_shape_vec((n_rows, self.n_columns()).f(), cells).expect("one cell for each place");
        Ok(matrix)
    }

    /// Returns the matrix of [`Table::to_matrix`] for learners that need every cell.
    ///
    /// # Errors
    /// A column of text, categories, dates or times, a missing cell, an infinity or NaN.
    pub fn to_finite_matrix(&self) -> Result<Array2<f64>, DataError> {
        let matrix = self.to_matrix()?;
        for ((name, column), cells) in self.names().zip(self.columns()).zip(matrix.columns()) {
            if let Some(row) = cells.iter().position(|cell| !cell.is_finite()) {
                let (name, place) = (name.to_owned(), self.place(row));
                return Err(if column.is_null(row) {
                    DataError::MissingValue { name, row: row + 1, place }
                } else {
                    DataError::NotFinite { name, row: row + 1, place }
                });
            }
        }
        Ok(matrix)
    }
}

/// Returns the cells at these positions; a null stands for a missing cell.
///
/// # Errors
/// The texts become too long together.
pub(crate) fn take_cells(column: &ArrayRef, positions: &UInt64Array) -> Result<ArrayRef, DataError> {
    take(column, positions, None).map_err(|error| too_large(&error))
}

/// Returns the cells of columns of one type one after another.
fn concat_cells(parts: &[&ArrayRef]) -> Result<ArrayRef, DataError> {
    let parts: Vec<&dyn Array> = parts.iter().map(AsRef::as_ref).collect();
    concat(&parts).map_err(|error| too_large(&error))
}

fn too_large(error: &ArrowError) -> DataError {
    DataError::TooLarge(error.to_string())
}

/// Returns the first name that stands twice; the few names of a request are compared without a hash table.
fn repeated<'a>(names: impl ExactSizeIterator<Item = &'a str> + Clone) -> Option<&'a str> {
    const FEW: usize = 16;
    if names.len() <= FEW {
        return names
            .clone()
            .enumerate()
            .find(|(index, name)| names.clone().take(*index).any(|other| other == *name))
            .map(|(_, name)| name);
    }
    let mut seen = HashSet::with_capacity(names.len());
    names.into_iter().find(|name| !seen.insert(*name))
}

/// Appends a column's cells as numbers; returns nothing for a column of another type.
pub(crate) fn push_numbers(column: &ArrayRef, cells: &mut Vec<f64>) -> Option<()> {
    match ColumnType::of(column.data_type())? {
        ColumnType::Float => {
            let column = column.as_primitive::<Float64Type>();
            match column.null_count() {
                0 => cells.extend_from_slice(column.values()),
                _ => cells.extend(column.iter().map(|cell| cell.unwrap_or(f64::NAN))),
            }
        }
        ColumnType::Int => {
            let column = column.as_primitive::<Int64Type>();
            cells.extend(column.iter().map(|cell| cell.map_or(f64::NAN, |number| number as f64)));
        }
        ColumnType::Bool => {
            let column = column.as_boolean();
            cells.extend(column.iter().map(|cell| cell.map_or(f64::NAN, |flag| f64::from(u8::from(flag)))));
        }
        _ => return None,
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::{BooleanArray, Float64Array, Int64Array, StringArray};

    fn column(name: &str, array: impl Array + 'static) -> (String, ArrayRef) {
        (name.to_owned(), Arc::new(array))
    }

    #[test]
    fn makes_matrices() {
        let table = Table::new(vec![
            column("a", Float64Array::from(vec![Some(1.5), None])),
            column("b", Int64Array::from(vec![2, 3])),
            column("c", BooleanArray::from(vec![true, false])),
        ])
        .unwrap();
        let matrix = table.to_matrix().unwrap();
        assert_eq!(matrix.row(0).to_vec(), [1.5, 2.0, 1.0]);
        assert!(matrix[[1, 0]].is_nan());
        assert_eq!(table.to_finite_matrix(), Err(DataError::MissingValue { name: "a".into(), row: 2, place: None }));
        assert_eq!(table.slice(0, 1).to_finite_matrix().unwrap().shape(), [1, 3]);
        assert_eq!(table.project(&[2, 1]).names().collect::<Vec<_>>(), ["c", "b"]);
    }

    #[derive(Debug)]
    struct Lines;

    impl Provenance for Lines {
        fn place(&self, row: usize) -> String {
            format!("line {}", row + 2)
        }

        fn text_cell(&self, column: &str) -> Option<String> {
            (column == "t").then(|| "line 3, `x`".to_owned())
        }
    }

    #[test]
    fn errors_tell_where_rows_come_from() {
        let numbers = column("a", Float64Array::from(vec![Some(1.0), None, Some(f64::NAN)]));
        let table = Table::new(vec![numbers]).unwrap().with_provenance(Arc::new(Lines));
        let error = |table: &Table| table.to_finite_matrix().unwrap_err().to_string();
        assert_eq!(error(&table), "line 3: column `a` has no value, where one is needed");
        assert_eq!(
            error(&table.slice(2, 1)),
            "line 4: column `a` holds an infinite number or NaN, where a finite one is needed"
        );
        let text = column("t", StringArray::from(vec!["1", "x"]));
        let table = Table::new(vec![text]).unwrap().with_provenance(Arc::new(Lines));
        assert_eq!(error(&table), "line 3, `x`: column `t` holds text, a number is needed");
    }

    #[test]
    fn takes_rows_and_stacks_tables_and_knows_where_they_come_from() {
        let ints = |cells: Vec<Option<i64>>| Table::new(vec![column("a", Int64Array::from(cells))]).unwrap();
        let table = ints(vec![Some(10), None, Some(30)]).with_provenance(Arc::new(Lines));
        let taken = table.slice(1, 2).take(&[1, 0, 1]).unwrap();
        assert_eq!(taken, ints(vec![Some(30), None, Some(30)]));
        assert_eq!([0, 1, 2].map(|row| taken.place(row).unwrap()), ["line 4", "line 3", "line 4"]);
        assert_eq!(taken.text_cell("t").unwrap(), "line 3, `x`");

        let stacked = Table::concat(&[table.slice(0, 0), taken, table.slice(2, 1)]).unwrap();
        assert_eq!(stacked, ints(vec![Some(30), None, Some(30), Some(30)]));
        let places: Vec<_> = (0..4).map(|row| stacked.place(row).unwrap()).collect();
        assert_eq!(places, ["line 4", "line 3", "line 4", "line 4"]);
        assert_eq!(stacked.slice(1, 3).place(0).unwrap(), "line 3");
        assert_eq!(Table::concat(&[stacked, ints(vec![None])]).unwrap().place(0), None, "not all places are known");

        let missing = table.take_or_missing(&[Some(2), None]).unwrap();
        assert_eq!(missing, ints(vec![Some(30), None]));
        let no_columns = table.project(&[]);
        assert_eq!(no_columns.take(&[0, 0]).unwrap().n_rows(), 2);
        assert_eq!(Table::concat(&[no_columns.clone(), no_columns]).unwrap().n_rows(), 6);

        let more = table.with_column("b", &table.columns()[0]).unwrap();
        assert_eq!((more.names().collect::<Vec<_>>(), more.place(0).unwrap()), (vec!["a", "b"], "line 2".to_owned()));
        assert!(table.with_column("a", &table.columns()[0]).is_err());
        let mapped = more.map_columns(|name, column| match name {
            "a" => Arc::new(StringArray::from(vec!["x"; 3])),
            _ => Arc::clone(column),
        });
        let mapped = mapped.unwrap();
        assert_eq!(mapped.specs()[0].kind, ColumnType::Text);
        assert_eq!((mapped.project(&[1]), mapped.place(0).unwrap()), (more.project(&[1]), "line 2".to_owned()));
        let texts = Table::new(vec![column("a", StringArray::from(vec!["1"]))]).unwrap();
        assert!(matches!(Table::concat(&[table.clone(), texts]), Err(DataError::UnsupportedType { .. })));
        assert!(matches!(Table::concat(&[table, Table::default()]), Err(DataError::NoSuchColumn { .. })));
        assert_eq!(Table::concat(&[]), Err(DataError::NoRows));
    }

    #[test]
    fn refuses_what_is_no_table() {
        let two = || Int64Array::from(vec![1, 2]);
        let cases = [
            (vec![column("a", two()), column("a", two())], "two columns are named `a`"),
            (
                vec![column("a", two()), column("b", Int64Array::from(vec![1]))],
                "column `b` has 1 rows where the others have 2",
            ),
            (
                vec![column("a", arrow_array::Int8Array::from(vec![1]))],
                "column `a` has the type Int8, which tables do not hold",
            ),
        ];
        for (columns, expected) in cases {
            assert_eq!(Table::new(columns).unwrap_err().to_string(), expected);
        }
        let text = Table::new(vec![column("t", StringArray::from(vec!["x"]))]).unwrap();
        assert_eq!(text.to_matrix().unwrap_err().to_string(), "column `t` holds text, a number is needed");
        assert_eq!(text.column("u").unwrap_err().to_string(), "no column `u`; there are `t`");
    }
}
