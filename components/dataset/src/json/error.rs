//! What can be wrong with JSON that is to be a table.

use std::fmt;

use palladium_component::prelude::*;

/// JSON that is not a table.
#[derive(Debug, thiserror::Error)]
pub(crate) enum JsonError {
    /// It is no JSON.
    #[error("{place}: {reason}")]
    Syntax { place: Place, reason: String },
    /// The file holds something else than an array.
    #[error("{place}: an array of objects is needed, this is none")]
    NotAnArray { place: Place },
    /// A row is something else than an object.
    #[error("{place}: a row is to be an object, this is none")]
    NotAnObject { place: Place, is_array: bool },
    /// Something follows the array.
    #[error("{place}: nothing may follow the array")]
    Trailing { place: Place },
    /// The file ends within the array.
    #[error("{place}: the file breaks off within the array")]
    Open { place: Place },
    /// A row is too long.
    #[error("{place}: the row has more than {most} bytes")]
    TooLong { place: Place, most: usize },
    /// A value is a list or an object.
    #[error("{place}: column `{column}` holds {found}, a number, a text or a flag is needed")]
    Nested { place: Place, column: String, found: &'static str },
    /// A value is of another type than those before it.
    #[error("{place}: column `{column}` holds {found}, and {expected} before")]
    Mixed { place: Place, column: String, found: &'static str, expected: ColumnType },
    /// An object has a key twice.
    #[error("{place}: the row has `{column}` twice")]
    Twice { place: Place, column: String },
    /// There are too many columns.
    #[error("{place}: the rows have more than {most} keys together")]
    TooManyColumns { place: Place, most: usize },
    /// A column of text does not fit into memory as one.
    #[error("{place}: column `{column}` holds more than 2 GiB of text")]
    TextTooLong { place: Place, column: String },
    /// Nearly all values are missing.
    #[error("{place}: there are {n_columns} keys in {n_rows} rows so far, and hardly any row has them")]
    Sparse { place: Place, n_columns: usize, n_rows: usize },
}

/// Where something stands in a file.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(super) file: String,
    pub(super) line: u64,
    pub(super) column: u64,
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "`{}`, line {}, column {}", self.file, self.line, self.column)
    }
}

impl Explain for JsonError {
    fn help(&self) -> Option<String> {
        let text = match self {
            JsonError::Syntax { .. } | JsonError::Trailing { .. } => {
                "correct the file; `palladium.dataset.JSONLines` reads one \
                 object a line, `palladium.dataset.JSON` an array of objects"
            }
            JsonError::NotAnArray { .. } => "`palladium.dataset.JSONLines` reads a file of one object a line",
            JsonError::NotAnObject { is_array: true, .. } => "`palladium.dataset.JSON` reads an array of objects",
            JsonError::NotAnObject { .. } => "write each row as an object, with the names of the columns as keys",
            JsonError::Open { .. } => "fetch or write the file anew",
            JsonError::TooLong { .. } => "is this a file of one object a row?",
            JsonError::Nested { .. } => {
                "leave the column out with `columns`, or write its parts as columns of their own"
            }
            JsonError::Mixed { .. } => "make the values of the column alike, or leave it out with `columns`",
            JsonError::Twice { .. } => "remove one of them",
            JsonError::TooManyColumns { .. } | JsonError::Sparse { .. } => {
                "name the columns to read with `columns`; keys are the names of columns, not data"
            }
            JsonError::TextTooLong { .. } => "leave the column out with `columns`, or read fewer rows with `nrows`",
        };
        Some(text.to_owned())
    }
}
