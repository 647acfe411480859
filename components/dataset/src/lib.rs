//! Loaders of data sets.

mod csv;

pub use csv::{Csv, CsvError, Place, TabSeparated};
