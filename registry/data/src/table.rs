//! Named, typed columns of equal length.

mod cast;
mod cells;
mod matrix;
mod rows;

use std::collections::HashSet;
use std::sync::Arc;

use arrow_array::{Array, ArrayRef, RecordBatch, RecordBatchOptions};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use serde::{Deserialize, Serialize};

use crate::provenance::Origin;
use crate::{ColumnType, DataError, Provenance, category};

use self::cells::{Cells, Floats};
pub(crate) use self::matrix::Numbers;
pub(crate) use self::rows::take_cells;

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
    cells: Cells,
    origin: Option<Origin>,
}

/// Tables are equal when their columns are; where they come from does not count.
impl PartialEq for Table {
    fn eq(&self, other: &Table) -> bool {
        self.batch() == other.batch()
    }
}

/// A table without columns and rows.
impl Default for Table {
    fn default() -> Table {
        Table::of(RecordBatch::new_empty(Arc::new(Schema::empty())), None)
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
        Table::checked(schema, columns, n_rows)
    }

    /// Returns a table whose columns have the names and types of this one's, and these values.
    ///
    /// # Errors
    /// Other columns than this table's, or of different lengths.
    pub fn with_values(&self, columns: Vec<ArrayRef>) -> Result<Table, DataError> {
        let n_rows = columns.first().map_or(0, Array::len);
        Table::checked(self.schema(), columns, n_rows)
    }

    /// Returns a table whose columns have the names of this one's, all of which hold floating-point numbers, and these
    /// values, one column after the other.
    ///
    /// # Errors
    /// A column of another type, or values that do not make columns of one length.
    pub fn with_floats(&self, cells: Vec<f64>) -> Result<Table, DataError> {
        let fields = self.cells.schema().fields();
        if let Some(index) = fields.iter().position(|field| *field.data_type() != DataType::Float64) {
            let (name, found) = (fields[index].name().clone(), self.column_type(index));
            return Err(DataError::WrongType { name, found, expected: "a floating-point number", place: None });
        }
        let n_rows = cells.len().checked_div(fields.len()).unwrap_or(0);
        let surplus = cells.len() - n_rows * fields.len();
        if surplus > 0 {
            let name = fields.first().map_or_else(String::new, |field| field.name().clone());
            return Err(DataError::UnequalLength { name, found: n_rows + surplus, expected: n_rows });
        }
        Ok(Table { cells: Cells::Floats(Floats::new(self.schema(), cells, n_rows)), origin: None })
    }

    /// Returns a table under a schema that no two columns have one name in.
    fn checked(schema: SchemaRef, columns: Vec<ArrayRef>, n_rows: usize) -> Result<Table, DataError> {
        let columns = columns.into_iter().map(category::plain).collect();
        let options = RecordBatchOptions::new().with_row_count(Some(n_rows));
        let batch = RecordBatch::try_new_with_options(schema, columns, &options).map_err(|error| {
            DataError::UnsupportedType { name: String::from("of the table"), found: error.to_string() }
        })?;
        Ok(Table::of(batch, None))
    }

    fn of(batch: RecordBatch, origin: Option<Origin>) -> Table {
        Table { cells: Cells::Batch(batch), origin }
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
        self.cells.n_rows()
    }

    /// Returns the number of columns.
    pub fn n_columns(&self) -> usize {
        self.cells.schema().fields().len()
    }

    /// Returns the column names in order.
    pub fn names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.cells.schema().fields().iter().map(|field| field.name().as_str())
    }

    /// Returns names and types in order.
    pub fn specs(&self) -> Vec<ColumnSpec> {
        (0..self.n_columns())
            .map(|index| ColumnSpec {
                name: self.cells.schema().field(index).name().clone(),
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
        ColumnType::of(self.cells.schema().field(index).data_type()).unwrap_or(ColumnType::Text)
    }

    /// Returns the Arrow schema.
    pub fn schema(&self) -> SchemaRef {
        Arc::clone(self.cells.schema())
    }

    /// Returns the columns in order.
    pub fn columns(&self) -> &[ArrayRef] {
        self.batch().columns()
    }

    /// Returns the columns as an Arrow record batch.
    pub fn batch(&self) -> &RecordBatch {
        self.cells.batch()
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
        self.index_of(name).map(|index| self.batch().column(index))
    }

    /// Returns the columns at these positions, in this order.
    ///
    /// # Panics
    /// If there is no such position.
    #[must_use]
    pub fn project(&self, indices: &[usize]) -> Table {
        let fields: Vec<_> = indices.iter().map(|index| Arc::clone(&self.cells.schema().fields()[*index])).collect();
        let columns = indices.iter().map(|index| Arc::clone(self.batch().column(*index))).collect();
        let options = RecordBatchOptions::new().with_row_count(Some(self.n_rows()));
        let schema = Arc::new(Schema::new(fields));
        #[expect(clippy::expect_used, reason = "columns of one batch have one length and their own types")]
        let batch = RecordBatch::try_new_with_options(schema, columns, &options).expect("columns of one batch");
        Table::of(batch, self.origin.clone())
    }

    /// Returns the columns of these names, in this order.
    ///
    /// # Errors
    /// No such column, or a name that stands twice.
    pub fn select(&self, names: &[&str]) -> Result<Table, DataError> {
        let indices = names.iter().map(|name| self.index_of(name)).collect::<Result<Vec<_>, _>>()?;
        match repeated(names.iter().copied()) {
            Some(name) => Err(DataError::DuplicateColumn(name.to_owned())),
            None => Ok(self.project(&indices)),
        }
    }

    /// Returns the table without the columns of these names.
    ///
    /// # Errors
    /// No such column.
    pub fn drop(&self, names: &[&str]) -> Result<Table, DataError> {
        let dropped = names.iter().map(|name| self.index_of(name)).collect::<Result<HashSet<_>, _>>()?;
        let kept: Vec<usize> = (0..self.n_columns()).filter(|index| !dropped.contains(index)).collect();
        Ok(self.project(&kept))
    }

    /// Returns the table with other names for some columns, given as the name there is and the one that takes its place.
    ///
    /// # Errors
    /// No such column, or two columns of one name.
    pub fn rename(&self, names: &[(&str, &str)]) -> Result<Table, DataError> {
        let mut fields: Vec<Field> = self.schema().fields().iter().map(|field| field.as_ref().clone()).collect();
        for (old, new) in names {
            let index = self.index_of(old)?;
            fields[index].set_name(*new);
        }
        let columns = self.columns().to_vec();
        let table = Table::with_schema(Arc::new(Schema::new(fields)), columns, Some(self.n_rows()))?;
        Ok(Table { origin: self.origin.clone(), ..table })
    }

    /// Returns the table with a further column.
    ///
    /// # Errors
    /// There is a column of that name already, or the column is of another length or of a type that tables do not hold.
    pub fn with_column(&self, name: &str, values: &ArrayRef) -> Result<Table, DataError> {
        let mut fields = self.cells.schema().fields().to_vec();
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

#[cfg(test)]
mod tests;
