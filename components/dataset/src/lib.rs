//! Loaders of data sets.

mod amounts;
mod cached;
mod concat;
mod csv;
mod empty;
mod inputs;
mod join;
mod keys;
mod openml;
mod sample;
mod scheduled;
mod size;
mod source;
mod split;
#[cfg(test)]
mod testing;

pub use cached::{CacheCommand, Cached};
pub use concat::Concat;
pub use csv::{Csv, CsvError, Place, TabSeparated};
pub use empty::EmptyDatasetLoader;
pub use join::Join;
pub use openml::OpenMl;
pub use sample::Sample;
pub use scheduled::ScheduledDatasetLoader;
pub use split::Split;
