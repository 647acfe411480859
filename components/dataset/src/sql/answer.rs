//! The columns of an answer, and what becomes of them when all rows have arrived.

use std::collections::HashMap;
use std::sync::Arc;

use palladium_component::prelude::*;

use super::SqlError;
use super::cells::{CellError, Cells, Finished, Misfit};
use super::dates;
use super::error::of_type;
use super::options::ParseDates;

/// What the options say about the columns of an answer.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Shape<'a> {
    pub(crate) target_column: Option<&'a str>,
    pub(crate) index_col: Option<&'a Texts>,
    pub(crate) parse_dates: Option<&'a ParseDates>,
    /// Counts the rows.
    pub(crate) progress: Option<&'a LoadProgress>,
}

/// So many rows are counted at once.
const COUNTED: usize = 4096;

/// The columns of an answer while its rows arrive.
pub(crate) struct Answer {
    /// The table or the answer, for messages.
    what: String,
    columns: Vec<Cells>,
    n_rows: usize,
    progress: LoadProgress,
}

impl Answer {
    /// Returns an answer without rows.
    ///
    /// # Errors
    /// No columns, two of one name, one is missing that an option names.
    pub(crate) fn new(what: &str, columns: Vec<Cells>, shape: &Shape<'_>) -> Result<Answer, SqlError> {
        if columns.is_empty() {
            return Err(SqlError::NoAnswer);
        }
        let twice = columns
            .iter()
            .enumerate()
            .find(|(index, column)| columns[..*index].iter().any(|other| other.name == column.name));
        if let Some((_, column)) = twice {
            return Err(SqlError::TwoColumns(column.name.clone()));
        }
        let target = shape.target_column.map(|name| ("target_column", name));
        let index = shape.index_col.iter().flat_map(|names| &names.0).map(|name| ("index_col", name.as_str()));
        let dates = shape.parse_dates.iter().flat_map(|dates| dates.0.keys());
        let dates = dates.map(|name| ("parse_dates", name.as_str()));
        let mut named = target.into_iter().chain(index).chain(dates);
        match named.find(|(_, name)| !columns.iter().any(|column| column.name == *name)) {
            Some((parameter, name)) => Err(SqlError::NoColumn {
                what: what.to_owned(),
                column: name.to_owned(),
                parameter,
                present: columns.into_iter().map(|column| column.name).collect(),
            }),
            None => {
                let progress = shape.progress.cloned().unwrap_or_default();
                Ok(Answer { what: what.to_owned(), columns, n_rows: 0, progress })
            }
        }
    }

    /// Returns the number of columns.
    pub(crate) fn n_columns(&self) -> usize {
        self.columns.len()
    }

    /// Adds a row; `push` adds the cell of a column at a position.
    ///
    /// # Errors
    /// A cell that does not go into a table.
    pub(crate) fn push_row(
        &mut self,
        mut push: impl FnMut(usize, &mut Cells) -> Result<(), CellError>,
    ) -> Result<(), SqlError> {
        for (index, cells) in self.columns.iter_mut().enumerate() {
            if let Err(error) = push(index, cells) {
                return Err(SqlError::cell(&self.what, self.n_rows, cells, error));
            }
        }
        self.n_rows += 1;
        if self.n_rows.is_multiple_of(COUNTED) {
            self.progress.add_rows(COUNTED as u64);
        }
        Ok(())
    }

    /// Returns the data set of all rows.
    ///
    /// # Errors
    /// A cell of `parse_dates` that is no date.
    pub(crate) fn finish(self, shape: &Shape<'_>) -> Result<Dataset, SqlError> {
        let Answer { what, columns, .. } = self;
        let (mut finished, mut text_cells) = (Vec::new(), HashMap::new());
        for cells in columns {
            let column = cells.finish();
            let is_label = shape.index_col.is_some_and(|names| names.0.contains(&column.name));
            if is_label {
                continue;
            }
            let values = match shape.parse_dates.and_then(|dates| dates.0.get(&column.name)) {
                None => {
                    if let Some(misfit) = &column.misfit {
                        let place = format!("{what}, row {}", misfit.row + 1);
                        warn_of(&column, misfit, &place);
                        if ColumnType::of(column.values.data_type()) == Some(ColumnType::Text) {
                            text_cells.insert(column.name.clone(), format!("{place}: `{}`", misfit.value));
                        }
                    }
                    column.values
                }
                Some(format) => dates::parsed(&column.values, format).map_err(|error| SqlError::Cell {
                    what: what.clone(),
                    row: error.row + 1,
                    column: column.name.clone(),
                    declared: column.declared,
                    found: error.what,
                    advice: "correct it, or say in `parse_dates` how the dates of the column are written".into(),
                })?,
            };
            finished.push((column.name, values));
        }
        let table = Table::new(finished)?.with_provenance(Arc::new(Rows { what, text_cells }));
        Ok(Dataset::split(table, shape.target_column)?)
    }
}

/// Tells the log which cell gave a column another type.
fn warn_of(column: &Finished, misfit: &Misfit, place: &str) {
    let (name, declared, value) = (&column.name, of_type(&column.declared), &misfit.value);
    let kind = ColumnType::of(column.values.data_type()).map_or_else(String::new, |kind| kind.to_string());
    let advice = match column.kind.is_some_and(ColumnType::is_temporal) {
        true => "correct the value, cast the column in the query, or read it by `parse_dates`",
        false => "correct the value, or cast the column in the query",
    };
    tracing::warn!("column `{name}`{declared} becomes {kind} because of `{value}` in {place}; {advice}");
}

/// Where the rows of a table come from.
#[derive(Debug)]
struct Rows {
    what: String,
    text_cells: HashMap<String, String>,
}

impl Provenance for Rows {
    fn place(&self, row: usize) -> String {
        format!("{}, row {}", self.what, row + 1)
    }

    fn text_cell(&self, column: &str) -> Option<String> {
        self.text_cells.get(column).cloned()
    }
}
