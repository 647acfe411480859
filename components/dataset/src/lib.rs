//! Loaders of data sets.

mod arrow;
mod concat;
mod csv;
mod empty;
mod format;
mod join;
mod json;
mod keys;
mod parquet;
mod sample;
mod scheduled;
mod size;
mod source;
mod split;
#[cfg(test)]
mod testing;

pub use arrow::Arrow;
pub use concat::Concat;
pub use csv::{Csv, CsvError, Place, TabSeparated};
pub use empty::EmptyDatasetLoader;
pub use join::Join;
pub use json::{Json, JsonLines};
pub use parquet::Parquet;
pub use sample::Sample;
pub use scheduled::ScheduledDatasetLoader;
pub use split::Split;
