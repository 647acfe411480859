//! Model persisters.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::{Failure, Lifecycle, Metadata, TrainedModel, Version};

/// Stores trained models under versions, one of which may be active.
pub trait Persister: Lifecycle {
    /// Reads a version, or the active one.
    ///
    /// # Errors
    /// [`PersistError::Lookup`] where there is no such version or none is active.
    fn read(&self, version: Option<Version>) -> Result<Arc<TrainedModel>, PersistError>;

    /// Returns the active model if that takes no input or output, as a cache can do: nothing means that it has to
    /// be read.
    fn at_hand(&self) -> Option<Result<Arc<TrainedModel>, PersistError>> {
        None
    }

    /// Returns the active model if it is in memory, to say what is known about it: no call that reads a model, and so
    /// without decorators.
    fn in_memory(&self) -> Option<Arc<TrainedModel>> {
        self.at_hand()?.ok()
    }

    /// Stores a model under the next version and returns that. The model is not active, and its stored metadata
    /// say the version.
    ///
    /// # Errors
    /// The store's.
    fn write(&self, model: &TrainedModel) -> Result<Version, PersistError>;

    /// Makes a version the only active one.
    ///
    /// # Errors
    /// [`PersistError::Lookup`] where there is no such version.
    fn activate(&self, version: Version) -> Result<(), PersistError>;

    /// Deletes a version.
    ///
    /// # Errors
    /// [`PersistError::Lookup`] where there is no such version.
    fn delete(&self, version: Version) -> Result<(), PersistError>;

    /// Returns the metadata of all models in the order of their versions.
    ///
    /// # Errors
    /// The store's.
    fn list_models(&self) -> Result<Vec<Metadata>, PersistError>;

    /// Returns the properties of the store, such as `active-model` and `db-version`.
    ///
    /// # Errors
    /// The store's.
    fn list_properties(&self) -> Result<BTreeMap<String, String>, PersistError>;
}

/// Why a store did not do as it was asked.
#[derive(Debug, thiserror::Error)]
pub enum PersistError {
    /// What was asked for is not there.
    #[error("{0}")]
    Lookup(String),
    /// The store failed.
    #[error(transparent)]
    Failed(#[from] Failure),
}

impl crate::Explain for PersistError {
    fn help(&self) -> Option<String> {
        match self {
            PersistError::Lookup(_) => Some("`palladium list` shows the versions there are".into()),
            PersistError::Failed(failure) => failure.help(),
        }
    }
}
