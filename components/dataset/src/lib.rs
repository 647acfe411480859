//! Loaders of data sets.

mod csv;
mod empty;

pub use csv::{Csv, CsvError, Place, TabSeparated};
pub use empty::EmptyDatasetLoader;
