//! Loaders of data sets.

mod csv;
mod empty;
mod scheduled;
#[cfg(test)]
mod testing;

pub use csv::{Csv, CsvError, Place, TabSeparated};
pub use empty::EmptyDatasetLoader;
pub use scheduled::ScheduledDatasetLoader;
