//! Loads that tell how far they are.

use std::sync::Arc;

use palladium_component::data::Dataset;
use palladium_component::interfaces::{DatasetLoader, Failure, LoadProgress};

/// Loads the data of the loader under a key.
pub(crate) fn load(loader: &Arc<dyn DatasetLoader>, key: &str, progress: &LoadProgress) -> Result<Dataset, Failure> {
    let _running = progress.begin(key);
    loader.load_with_progress(progress)
}
