//! Loaders of data sets.

use palladium_data::Dataset;

use crate::{Failure, Lifecycle};

/// Loads a data set.
pub trait DatasetLoader: Lifecycle {
    /// Loads the data set; each call reads anew.
    ///
    /// # Errors
    /// Data that is missing or broken; the error names the file and the row and column, or the table.
    fn load(&self) -> Result<Dataset, Failure>;
}
