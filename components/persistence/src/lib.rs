//! Stores of trained models.
//!
//! [`Database`] keeps models in a file of SQLite, [`File`] in files of a folder, [`Rest`] on a web server, [`S3`], [`GCS`]
//! and [`Azure`] in buckets of these services, [`FileLike`] in any store of objects; [`CachedUpdatePersister`] keeps the
//! active model of another store at hand. What a stored model looks like is the business of [`artifact`], whatever the
//! store.

pub mod artifact;
mod attachments;
mod blocking;
mod cached;
mod chunks;
mod connection;
mod database;
mod error;
mod fail_point;
mod file;
mod file_io;
mod file_like;
mod history;
mod location;
mod memory_io;
mod object_storage;
mod process_lock;
mod rest;
mod schema;
mod session;
mod statements;
#[cfg(test)]
mod testing;
mod transport;
mod upgrade;

pub use artifact::ArtifactError;
pub use attachments::AttachmentError;
pub use cached::{CacheError, CachedUpdatePersister};
pub use database::Database;
pub use error::DatabaseError;
pub use file::File;
pub use file_io::{FileIO, FileIOError};
pub use file_like::{FileError, FileLike};
pub use memory_io::MemoryIO;
pub use object_storage::{Azure, AzureIO, GCS, GCSIO, NameError, ObjectStorageError, ProfileError, S3, S3IO};
pub use rest::{Rest, RestError, RestIO};
pub use transport::TransportError;
pub use upgrade::UpgradeError;
