//! Stores of trained models.
//!
//! [`Database`] keeps models in a database, [`File`] in files of a folder; [`CachedUpdatePersister`] keeps the
//! active model of another store at hand. What a stored model looks like is the business of [`artifact`], whatever the
//! store.

pub mod artifact;
mod artifact_store;
mod attachments;
mod cached;
mod database;
mod fail_point;
mod file;
mod file_like;
mod folder;
#[cfg(test)]
mod killed;
#[cfg(test)]
#[path = "../tests/kinds/mod.rs"]
mod kinds;
mod properties;
#[cfg(test)]
mod testing;
mod upgrade;

pub use artifact::ArtifactError;
pub use artifact_store::StoreError;
pub use attachments::AttachmentError;
pub use cached::{CacheError, CachedUpdatePersister};
pub use database::{Database, DatabaseCLOB, DatabaseError};
pub use file::File;
pub use file_like::FileError;
pub use upgrade::UpgradeError;
