//! The tables of several files as one table.

use std::collections::{HashMap, HashSet};

use palladium_component::prelude::*;

use super::error::SourceError;
use super::{Source, SourceFile};
use crate::keys::common;

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
    let types = common_types(&tables, &names)?;
    let not_a_table = |reason| SourceError::NotATable { file: names[0].to_owned(), reason };
    let cast = |table: &Table| types.iter().try_fold(table.clone(), |table, (name, kind)| table.cast(name, *kind));
    let tables: Result<Vec<Table>, DataError> = tables.iter().map(cast).collect();
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

/// Returns the columns that do not have one type in all tables, with the type that they are to have.
fn common_types(tables: &[Table], names: &[&str]) -> Result<HashMap<String, ColumnType>, SourceError> {
    let Some(first) = tables.first().map(Table::specs) else { return Ok(HashMap::new()) };
    let mut types = HashMap::new();
    for (table, file) in tables.iter().zip(names) {
        let found: HashMap<String, ColumnType> = table.specs().into_iter().map(|spec| (spec.name, spec.kind)).collect();
        for ColumnSpec { name, kind: expected } in &first {
            let Some(found) = found.get(name).copied() else { continue };
            let known = types.get(name).copied().unwrap_or(*expected);
            match common(known, found) {
                Some(kind) if kind == known && kind == found => {}
                Some(kind) => drop(types.insert(name.clone(), kind)),
                None => {
                    let (column, expected, first) = (name.clone(), *expected, names[0].to_owned());
                    return Err(SourceError::Types { column, found, file: (*file).to_owned(), expected, first });
                }
            }
        }
    }
    Ok(types)
}
