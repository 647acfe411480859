//! Where the rows of a table stand in their file.

use palladium_component::prelude::*;

/// A file whose rows are counted, from 1.
#[derive(Debug)]
pub(crate) struct Rows {
    /// Its name.
    pub(crate) file: String,
}

impl Provenance for Rows {
    fn place(&self, row: usize) -> String {
        format!("`{}`, row {}", self.file, row + 1)
    }

    fn text_cell(&self, _: &str) -> Option<String> {
        None
    }
}

/// A file of one row a line.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    /// Its name.
    file: String,
    /// Rows and their lines wherever the line is not the one after that of the row before.
    starts: Vec<(usize, u64)>,
    n_rows: usize,
}

impl Lines {
    /// Returns a file without rows.
    pub(crate) fn new(file: &str) -> Lines {
        Lines { file: file.to_owned(), ..Lines::default() }
    }

    /// Adds the line of the next row.
    pub(crate) fn push(&mut self, line: u64) {
        if self.line(self.n_rows) != Some(line) {
            self.starts.push((self.n_rows, line));
        }
        self.n_rows += 1;
    }

    fn line(&self, row: usize) -> Option<u64> {
        let after = self.starts.partition_point(|(start, _)| *start <= row);
        let (start, line) = self.starts.get(after.checked_sub(1)?)?;
        Some(line + (row - start) as u64)
    }
}

impl Provenance for Lines {
    fn place(&self, row: usize) -> String {
        match self.line(row) {
            Some(line) => format!("`{}`, line {line}", self.file),
            None => format!("`{}`", self.file),
        }
    }

    fn text_cell(&self, _: &str) -> Option<String> {
        None
    }
}
