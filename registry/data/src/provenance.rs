//! Where the rows of a table come from.

use std::fmt::Debug;
use std::sync::Arc;

/// Where the rows of a table come from, in the words of the loader that read them.
pub trait Provenance: Debug + Send + Sync {
    /// Returns the place of a row, counted from 0: `` `data.csv`, line 5 ``.
    fn place(&self, row: usize) -> String;

    /// Returns place and text of a cell that makes a column text, if the loader found out the types itself.
    fn text_cell(&self, column: &str) -> Option<String>;
}

/// Where the rows of a table or a part of one come from.
#[derive(Clone, Debug)]
pub(crate) struct Origin {
    pub(crate) provenance: Arc<dyn Provenance>,
    /// The row of the loader's that is the first here.
    pub(crate) first_row: usize,
}

/// Rows that were taken from a table in another order.
#[derive(Debug)]
pub(crate) struct Taken {
    pub(crate) origin: Origin,
    /// The row of the table for each row here.
    pub(crate) rows: Vec<usize>,
}

impl Provenance for Taken {
    fn place(&self, row: usize) -> String {
        self.origin.place(self.rows[row])
    }

    fn text_cell(&self, column: &str) -> Option<String> {
        self.origin.provenance.text_cell(column)
    }
}

/// Rows of several tables one after another.
#[derive(Debug)]
pub(crate) struct Stacked {
    /// For each table where its rows come from and the row here that comes after its last.
    pub(crate) parts: Vec<(Origin, usize)>,
}

impl Provenance for Stacked {
    fn place(&self, row: usize) -> String {
        let part = self.parts.partition_point(|(_, end)| *end <= row);
        let start = part.checked_sub(1).map_or(0, |before| self.parts[before].1);
        self.parts[part].0.place(row - start)
    }

    fn text_cell(&self, column: &str) -> Option<String> {
        self.parts.iter().find_map(|(origin, _)| origin.provenance.text_cell(column))
    }
}

impl Origin {
    pub(crate) fn place(&self, row: usize) -> String {
        self.provenance.place(self.first_row + row)
    }
}
