//! Columns that grow row by row, and find out their types on the way.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::builder::{ArrayBuilder, BooleanBuilder, Float64Builder, Int64Builder, StringBuilder};
use palladium_component::prelude::*;

use super::row::Problem;
use crate::format::FormatError;
use crate::source::SourceFile;

/// How many keys the rows may have together.
const MOST_COLUMNS: usize = 100_000;

/// A table with more cells than these has a value in one of [`SPARSE`] at least.
const MANY_CELLS: usize = 10_000_000;

const SPARSE: usize = 100;

/// How many keys are remembered that are not read, to tell which there are.
const REMEMBERED: usize = 100;

/// A value that is not missing.
pub(super) enum Cell<'a> {
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(&'a str),
}

/// The columns of a table that is being read.
pub(super) struct Columns {
    columns: Vec<Column>,
    positions: HashMap<String, usize>,
    /// Whether further keys are further columns.
    is_open: bool,
    others: Vec<String>,
    n_rows: usize,
    n_cells: usize,
    /// The column whose key is likely to come next, as rows are often alike.
    next: usize,
}

struct Column {
    name: String,
    cells: Cells,
    /// The row in which its key stood last, from 1.
    last_row: usize,
}

enum Cells {
    /// Nothing but missing values.
    Missing,
    Bool(BooleanBuilder),
    Int(Int64Builder),
    Float(Float64Builder),
    Text(StringBuilder),
}

impl Columns {
    /// Returns columns without rows: those that are chosen, or as many as there will be keys.
    pub(super) fn new(chosen: Option<&[String]>) -> Columns {
        let names = chosen.unwrap_or_default();
        Columns {
            columns: names.iter().map(|name| Column::new(name)).collect(),
            positions: names.iter().cloned().zip(0..).collect(),
            is_open: chosen.is_none(),
            others: Vec::new(),
            n_rows: 0,
            n_cells: 0,
            next: 0,
        }
    }

    /// Returns the number of rows so far.
    pub(super) fn n_rows(&self) -> usize {
        self.n_rows
    }

    /// Begins a row, in which all is missing.
    pub(super) fn begin_row(&mut self) -> Result<(), Problem> {
        self.n_rows += 1;
        self.next = 0;
        self.check_density()
    }

    /// Checks that there are not many more cells than values.
    fn check_density(&self) -> Result<(), Problem> {
        let n_all = self.n_rows.saturating_mul(self.columns.len());
        match n_all > MANY_CELLS && self.n_cells < n_all / SPARSE {
            true => Err(Problem::Sparse { n_columns: self.columns.len(), n_rows: self.n_rows }),
            false => Ok(()),
        }
    }

    /// Returns the name of a column.
    pub(super) fn name(&self, index: usize) -> &str {
        &self.columns[index].name
    }

    /// Returns the column of a key of this row; nothing for one that is not read.
    pub(super) fn position(&mut self, key: &str) -> Result<Option<usize>, Problem> {
        let known = match self.columns.get(self.next) {
            Some(column) if column.name == key => Some(self.next),
            _ => self.positions.get(key).copied(),
        };
        let index = match known {
            Some(index) => index,
            None if self.is_open => self.open(key)?,
            None => {
                if self.others.len() < REMEMBERED && !self.others.iter().any(|other| other == key) {
                    self.others.push(key.to_owned());
                }
                return Ok(None);
            }
        };
        self.next = index + 1;
        let column = &mut self.columns[index];
        if std::mem::replace(&mut column.last_row, self.n_rows) == self.n_rows {
            return Err(Problem::Twice { column: key.to_owned() });
        }
        Ok(Some(index))
    }

    fn open(&mut self, key: &str) -> Result<usize, Problem> {
        if self.columns.len() == MOST_COLUMNS {
            return Err(Problem::TooManyColumns { most: MOST_COLUMNS });
        }
        self.columns.push(Column::new(key));
        self.positions.insert(key.to_owned(), self.columns.len() - 1);
        self.check_density()?;
        Ok(self.columns.len() - 1)
    }

    /// Puts a value into a column of this row.
    pub(super) fn push(&mut self, index: usize, cell: Cell<'_>) -> Result<(), Problem> {
        self.n_cells += 1;
        self.columns[index].push(self.n_rows - 1, cell)
    }

    /// Returns the names of the columns and then those of some keys that were not read.
    pub(super) fn names(&self) -> Vec<String> {
        // A column that was asked for is there if a row had its key.
        let present = self.columns.iter().filter(|column| column.last_row > 0);
        present.map(|column| column.name.clone()).chain(self.others.iter().cloned()).collect()
    }

    /// Returns the columns at these positions of [`Columns::names`] as a table.
    pub(super) fn finish(self, file: &SourceFile, chosen: &[usize]) -> Result<Table, FormatError> {
        let n_rows = self.n_rows;
        let present = self.columns.into_iter().filter(|column| column.last_row > 0);
        let mut columns: Vec<Option<(String, ArrayRef)>> =
            present.map(|column| Some((column.name.clone(), column.finish(n_rows)))).collect();
        let chosen = chosen.iter().filter_map(|position| columns.get_mut(*position)?.take()).collect();
        Table::new(chosen).map_err(|reason| FormatError::data(file, reason))
    }
}

/// Adds what is missing up to a row.
macro_rules! pad {
    ($builder:expr, $n_rows:expr) => {{
        let missing = $n_rows - $builder.len();
        $builder.append_nulls(missing);
    }};
}

impl Column {
    fn new(name: &str) -> Column {
        Column { name: name.to_owned(), cells: Cells::Missing, last_row: 0 }
    }

    fn push(&mut self, row: usize, cell: Cell<'_>) -> Result<(), Problem> {
        if let Cells::Missing = self.cells {
            self.cells = match cell {
                Cell::Bool(_) => Cells::Bool(BooleanBuilder::new()),
                Cell::Int(_) => Cells::Int(Int64Builder::new()),
                Cell::Float(_) => Cells::Float(Float64Builder::new()),
                Cell::Text(_) => Cells::Text(StringBuilder::new()),
            };
        }
        if let (Cells::Int(ints), Cell::Float(_)) = (&mut self.cells, &cell) {
            let mut floats = Float64Builder::new();
            ints.finish().iter().for_each(|int| floats.append_option(int.map(|int| int as f64)));
            self.cells = Cells::Float(floats);
        }
        match (&mut self.cells, cell) {
            (Cells::Bool(builder), Cell::Bool(flag)) => {
                pad!(builder, row);
                builder.append_value(flag);
            }
            (Cells::Int(builder), Cell::Int(number)) => {
                pad!(builder, row);
                builder.append_value(number);
            }
            (Cells::Float(builder), Cell::Float(number)) => {
                pad!(builder, row);
                builder.append_value(number);
            }
            (Cells::Float(builder), Cell::Int(number)) => {
                pad!(builder, row);
                builder.append_value(number as f64);
            }
            (Cells::Text(builder), Cell::Text(text)) => {
                if builder.values_slice().len() + text.len() > i32::MAX as usize {
                    return Err(Problem::TextTooLong { column: self.name.clone() });
                }
                pad!(builder, row);
                builder.append_value(text);
            }
            (_, cell) => {
                let found = match cell {
                    Cell::Bool(_) => "a flag",
                    Cell::Int(_) => "a whole number",
                    Cell::Float(_) => "a number",
                    Cell::Text(_) => "a text",
                };
                let (column, expected) = (self.name.clone(), self.cells.kind());
                return Err(Problem::Mixed { column, found, expected });
            }
        }
        Ok(())
    }

    fn finish(self, n_rows: usize) -> ArrayRef {
        match self.cells {
            Cells::Missing => Arc::new(Float64Array::new_null(n_rows)),
            Cells::Bool(mut builder) => {
                pad!(builder, n_rows);
                Arc::new(builder.finish())
            }
            Cells::Int(mut builder) => {
                pad!(builder, n_rows);
                Arc::new(builder.finish())
            }
            Cells::Float(mut builder) => {
                pad!(builder, n_rows);
                Arc::new(builder.finish())
            }
            Cells::Text(mut builder) => {
                pad!(builder, n_rows);
                Arc::new(builder.finish())
            }
        }
    }
}

impl Cells {
    fn kind(&self) -> ColumnType {
        match self {
            Cells::Bool(_) => ColumnType::Bool,
            Cells::Int(_) => ColumnType::Int,
            Cells::Float(_) | Cells::Missing => ColumnType::Float,
            Cells::Text(_) => ColumnType::Text,
        }
    }
}
