//! Loaders of data sets.

mod amounts;
mod arrow;
mod cached;
mod concat;
mod csv;
mod empty;
mod format;
mod inputs;
mod join;
mod json;
mod keys;
mod openml;
mod parquet;
mod query;
mod sample;
mod scheduled;
mod size;
mod source;
mod split;
mod sql;
#[cfg(test)]
mod testing;

pub use arrow::Arrow;
pub use cached::{CacheCommand, Cached};
pub use concat::Concat;
pub use csv::{Csv, CsvError, Place, TabSeparated};
pub use empty::EmptyDatasetLoader;
pub use join::Join;
pub use json::{Json, JsonLines};
pub use openml::OpenMl;
pub use parquet::Parquet;
pub use query::Query;
pub use sample::Sample;
pub use scheduled::ScheduledDatasetLoader;
pub use split::Split;
pub use sql::{Sql, SqlError};
