//! The tables of several files as one table.

use std::collections::HashSet;
use std::sync::Arc;

use palladium_component::prelude::*;

use super::error::SourceError;
use super::{Source, SourceFile};
use crate::keys::to_floats;

impl Source {
    /// Reads all files into one table, in the order of their names. The columns are those of the first file, in its
    /// order; whole numbers beside fractions become numbers. Rows keep the places that the tables of the files say.
    ///
    /// `read` is given a file and how many rows to read of it at most, which `n_rows` limits for all of them together;
    /// files after the last row are not read.
    ///
    /// # Errors
    /// What `read` says; two files with different columns or types.
    pub(crate) fn read<E: From<SourceError>>(
        &self,
        n_rows: Option<usize>,
        mut read: impl FnMut(&SourceFile, Option<usize>) -> Result<Table, E>,
    ) -> Result<Table, E> {
        let files = self.files()?;
        let mut tables: Vec<Table> = Vec::new();
        let mut left = n_rows;
        for file in &files {
            if left == Some(0) && !tables.is_empty() {
                break;
            }
            let table = read(file, left)?;
            if let Some(first) = tables.first() {
                check_columns(first, files[0].name(), &table, file.name())?;
            }
            left = left.map(|left| left.saturating_sub(table.n_rows()));
            tables.push(table);
        }
        Ok(stacked(tables, &files)?)
    }
}

fn stacked(mut tables: Vec<Table>, files: &[SourceFile]) -> Result<Table, SourceError> {
    if tables.len() == 1 {
        return Ok(tables.remove(0));
    }
    let names: Vec<&str> = files.iter().map(SourceFile::name).collect();
    let fractional = fractional_columns(&tables, &names)?;
    let tables: Result<Vec<Table>, DataError> = tables
        .iter()
        .map(|table| {
            table.map_columns(|name, column| match fractional.contains(name) {
                true => to_floats(column),
                false => Arc::clone(column),
            })
        })
        .collect();
    let not_a_table = |reason| SourceError::NotATable { file: names[0].to_owned(), reason };
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

/// Returns the columns of whole numbers that are to become numbers.
fn fractional_columns(tables: &[Table], names: &[&str]) -> Result<HashSet<String>, SourceError> {
    let Some(first) = tables.first().map(Table::specs) else { return Ok(HashSet::new()) };
    let mut fractional = HashSet::new();
    for (table, file) in tables.iter().zip(names) {
        let found: std::collections::HashMap<String, ColumnType> =
            table.specs().into_iter().map(|spec| (spec.name, spec.kind)).collect();
        for spec in &first {
            let Some(kind) = found.get(&spec.name) else { continue };
            match (spec.kind, *kind) {
                (one, other) if one == other => {}
                (ColumnType::Int, ColumnType::Float) | (ColumnType::Float, ColumnType::Int) => {
                    fractional.insert(spec.name.clone());
                }
                (expected, found) => {
                    let (column, first) = (spec.name.clone(), names[0].to_owned());
                    return Err(SourceError::Types { column, found, file: (*file).to_owned(), expected, first });
                }
            }
        }
    }
    Ok(fractional)
}
