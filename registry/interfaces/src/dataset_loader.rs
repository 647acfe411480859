//! Loaders of data sets.

use std::path::PathBuf;

use palladium_data::Dataset;

use crate::{Failure, Lifecycle, LoadProgress, Refreshes};

/// Loads a data set.
pub trait DatasetLoader: Lifecycle {
    /// Loads the data set; each call reads anew, except where the loader keeps the data in memory.
    ///
    /// # Errors
    /// Data that is missing or broken; the error names the file and the row and column, or the table.
    fn load(&self) -> Result<Dataset, Failure>;

    /// Does what [`DatasetLoader::load`] does, and tells how far it is. A loader that counts what it reads, or that asks
    /// other loaders, does its work here and has `load` call this with a progress that nobody looks at.
    ///
    /// # Errors
    /// Those of [`DatasetLoader::load`].
    fn load_with_progress(&self, progress: &LoadProgress) -> Result<Dataset, Failure> {
        let _ = progress;
        self.load()
    }

    /// Returns what is known about the data that the loader keeps in memory, if it does so.
    fn kept(&self) -> Option<KeptData> {
        None
    }

    /// Returns what the data depend on besides the arguments of the loader; nothing where the loader cannot say.
    ///
    /// # Errors
    /// Somebody has to be asked and does not answer.
    fn inputs(&self) -> Result<Option<Vec<Input>>, Failure> {
        Ok(None)
    }
}

/// What the data of a loader depend on besides its arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// The content of a file.
    File(PathBuf),
    /// Content that is elsewhere.
    Revision {
        /// Where it is.
        place: String,
        /// A text that is another one whenever the content is: a checksum, an `ETag`, a version.
        revision: String,
    },
}

/// What is known about data that a loader keeps in memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptData {
    /// The name of the data, by which `/alive` may require them.
    pub key: String,
    /// When they were loaded, and what came of loading them anew.
    pub refreshes: Refreshes,
}
