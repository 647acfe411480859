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

impl Origin {
    pub(crate) fn place(&self, row: usize) -> String {
        self.provenance.place(self.first_row + row)
    }
}
