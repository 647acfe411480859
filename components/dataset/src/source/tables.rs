//! The tables of several files as one table.

use std::collections::HashSet;

use palladium_component::prelude::*;

use super::error::SourceError;
use super::{Source, SourceFile};
use crate::keys::{Differ, common_to_all, retyped};

/// What a file holds.
pub(crate) enum Held<E> {
    /// A table.
    Table(Table),
    /// No rows, and hence no columns that are known; this becomes of it where no other file has columns.
    Nothing(Result<Table, E>),
}

impl Source {
    /// Reads all files into one table, in the order of their names. The columns are those of the first file, in its
    /// order; whole numbers beside fractions become numbers, and a column in which all is missing takes the type of the
    /// others. Rows keep the places that the tables of the files say.
    ///
    /// `read` is given a file and how many rows to read of it at most, which `n_rows` limits for all of them together;
    /// files after the last row are not read.
    ///
    /// # Errors
    /// What `read` says; two files with different columns or types.
    pub(crate) fn read<E: From<SourceError>>(
        &self,
        n_rows: Option<usize>,
        mut read: impl FnMut(&SourceFile, Option<usize>) -> Result<Held<E>, E>,
    ) -> Result<Table, E> {
        let files = self.files()?;
        let mut tables: Vec<(&str, Table)> = Vec::new();
        let mut nothing = None;
        let mut left = n_rows;
        for file in &files {
            if left == Some(0) && !tables.is_empty() {
                break;
            }
            let table = match read(file, left)? {
                Held::Table(table) => table,
                Held::Nothing(alone) => {
                    nothing.get_or_insert(alone);
                    continue;
                }
            };
            if let Some((first_name, first)) = tables.first() {
                check_columns(first, first_name, &table, file.name())?;
            }
            left = left.map(|left| left.saturating_sub(table.n_rows()));
            tables.push((file.name(), table));
        }
        match nothing {
            Some(alone) if tables.is_empty() => alone,
            _ => Ok(stacked(tables)?),
        }
    }
}

fn stacked(mut tables: Vec<(&str, Table)>) -> Result<Table, SourceError> {
    if tables.len() == 1 {
        return Ok(tables.remove(0).1);
    }
    let types = common_types(&tables)?;
    let first_name = tables.first().map_or("", |(name, _)| name).to_owned();
    let not_a_table = |reason| SourceError::NotATable { file: first_name.clone(), reason };
    let cast = |(_, table)| types.iter().try_fold(table, |table, (name, kind)| retyped(table, name, *kind));
    let tables: Result<Vec<Table>, DataError> = tables.into_iter().map(cast).collect();
    Table::concat(&tables.map_err(not_a_table)?).map_err(not_a_table)
}

/// Checks that a table has the columns of the first one.
fn check_columns(first: &Table, first_name: &str, table: &Table, name: &str) -> Result<(), SourceError> {
    let difference = [(first, table, name, first_name), (table, first, first_name, name)].into_iter().find_map(
        |(has, may_lack, lacking, having)| {
            let names: HashSet<&str> = may_lack.names().collect();
            let lacks = has.names().find(|name| !names.contains(name))?;
            Some(format!("`{lacking}` lacks `{lacks}`, which `{having}` has"))
        },
    );
    match difference {
        Some(difference) => {
            Err(SourceError::Columns { first: first_name.to_owned(), file: name.to_owned(), difference })
        }
        None => Ok(()),
    }
}

/// Returns the type that each column is to have in all tables.
fn common_types(tables: &[(&str, Table)]) -> Result<Vec<(String, ColumnType)>, SourceError> {
    let names = tables.first().map(|(_, table)| table.names().map(str::to_owned).collect::<Vec<_>>());
    let common = |column: String| {
        let columns = tables.iter().filter_map(|(_, table)| table.column(&column).ok()).collect::<Vec<_>>();
        let file = |index: usize| tables[index].0.to_owned();
        match common_to_all(&columns) {
            Ok(kind) => Ok((column, kind)),
            Err(Differ { first: (first, expected), other: (other, found) }) => {
                Err(SourceError::Types { column, found, file: file(other), expected, first: file(first) })
            }
        }
    };
    names.unwrap_or_default().into_iter().map(common).collect()
}
