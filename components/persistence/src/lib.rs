//! Stores of trained models.
//!
//! [`Database`] keeps models in a database, [`File`] in files of a folder, [`Rest`] on a web server, [`S3`], [`GCS`] and
//! [`Azure`] in buckets of these services, [`FileLike`] in any store of objects; [`CachedUpdatePersister`] keeps the
//! active model of another store at hand. What a stored model looks like is the business of [`artifact`], whatever the
//! store.

pub mod artifact;
mod attachments;
mod cached;
mod database;
mod fail_point;
mod file;
mod file_io;
mod file_like;
#[cfg(test)]
mod killed;
#[cfg(test)]
#[path = "../tests/kinds/mod.rs"]
mod kinds;
mod memory_io;
mod object_storage;
mod persister;
mod process_lock;
mod properties;
mod rest;
#[cfg(test)]
#[path = "../tests/servers/mod.rs"]
mod servers;
#[cfg(test)]
mod testing;
mod upgrade;

pub use artifact::ArtifactError;
pub use attachments::AttachmentError;
pub use cached::CachedUpdatePersister;
pub use database::{Database, DatabaseCLOB, DatabaseError};
pub use file::File;
pub use file_io::{FileIO, FileIOError};
pub use file_like::{FileError, FileLike};
pub use memory_io::MemoryIO;
pub use object_storage::{Azure, AzureIO, GCS, GCSIO, NameError, ObjectStorageError, S3, S3IO};
pub use rest::{Rest, RestError, RestIO};
pub use upgrade::UpgradeError;
