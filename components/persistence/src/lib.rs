//! Stores of trained models.
//!
//! [`Database`] keeps models in a file of SQLite, [`CachedUpdatePersister`] keeps the active model of another store at
//! hand. What a stored model looks like is the business of [`artifact`], whatever the store.

pub mod artifact;
mod cached;
mod chunks;
mod connection;
mod database;
mod error;
mod location;
mod schema;
mod session;
mod statements;
#[cfg(test)]
mod testing;

pub use artifact::ArtifactError;
pub use cached::{CacheError, CachedUpdatePersister};
pub use database::Database;
pub use error::DatabaseError;
