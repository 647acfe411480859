//! Loaders of data sets.

mod concat;
mod csv;
mod empty;
mod join;
mod keys;
mod query;
mod sample;
mod scheduled;
mod size;
mod split;
mod sql;
#[cfg(test)]
mod testing;

pub use concat::Concat;
pub use csv::{Csv, CsvError, Place, TabSeparated};
pub use empty::EmptyDatasetLoader;
pub use join::Join;
pub use query::Query;
pub use sample::Sample;
pub use scheduled::ScheduledDatasetLoader;
pub use split::Split;
pub use sql::{Sql, SqlError};
