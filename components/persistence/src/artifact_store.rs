//! Where a store of single objects keeps them: a folder, a server, a bucket. What the objects mean is the business of
//! [`FileLike`](crate::file_like::FileLike).

use std::io::{self, Read, Write};

use palladium_component::prelude::*;
use rustix::io::Errno;

/// Writes the content of an object.
pub type Content<'a> = &'a dyn Fn(&mut dyn Write) -> io::Result<()>;

/// Objects under names. A reader sees an object whole or not at all, whatever happens to its writer.
pub trait ArtifactStore: Send + Sync {
    /// Keeps other writers out while it lives.
    type Lock;

    /// Returns where an object lies, in words for the operator.
    fn shown(&self, name: &str) -> String;

    /// Finds out whether objects can be looked for at all.
    ///
    /// # Errors
    /// The place does not exist or does not answer.
    fn probe(&self) -> Result<(), StoreError>;

    /// Waits until no other process changes the store, and clears away what killed writers have left.
    ///
    /// # Errors
    /// The store's, and [`StoreError::Locked`] where the wait takes too long.
    fn lock(&self) -> Result<Self::Lock, StoreError>;

    /// Opens an object for reading; nothing means that there is none.
    ///
    /// # Errors
    /// The store's.
    fn open(&self, name: &str) -> Result<Option<Box<dyn Read + '_>>, StoreError>;

    /// Returns how many bytes an object has; nothing means that there is none.
    ///
    /// # Errors
    /// The store's.
    fn size(&self, name: &str) -> Result<Option<u64>, StoreError>;

    /// Stores an object under a name that is free.
    ///
    /// # Errors
    /// The store's and the content's, and [`StoreError::Taken`] where there is something under the name.
    fn create(&self, name: &str, content: Content<'_>) -> Result<(), StoreError>;

    /// Stores an object in the place of the one that was there.
    ///
    /// # Errors
    /// The store's and the content's.
    fn replace(&self, name: &str, content: Content<'_>) -> Result<(), StoreError>;

    /// Removes an object; that there is none is no error.
    ///
    /// # Errors
    /// The store's.
    fn remove(&self, name: &str) -> Result<(), StoreError>;
}

/// An object could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The folder does not exist.
    #[error("nothing can be stored in `{folder}`: there is no such folder")]
    MissingFolder {
        /// The folder.
        folder: String,
    },
    /// A name would lead out of the store.
    #[error("`{name}` is no name of a file")]
    Name {
        /// The name.
        name: String,
    },
    /// The name is taken.
    #[error("`{file}` is there already and is not overwritten")]
    Taken {
        /// The file.
        file: String,
    },
    /// A symbolic link lies where a file is expected.
    #[error("`{file}` is a symbolic link, which a store does not follow")]
    Link {
        /// The link.
        file: String,
    },
    /// A folder or a device lies where a file is expected.
    #[error("`{file}` is no ordinary file")]
    NotAFile {
        /// What lies there.
        file: String,
    },
    /// The file system says no.
    #[error("`{file}` may not be read or written by this user")]
    Denied {
        /// The file.
        file: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The disk is full.
    #[error("there is no room for `{file}` on its disk")]
    Full {
        /// The file.
        file: String,
    },
    /// Another process holds the lock.
    #[error("the store was locked by another process for more than {seconds} seconds, by `{file}`")]
    Locked {
        /// The file that is locked.
        file: String,
        /// How long it was waited for.
        seconds: f64,
    },
    /// The file system knows no locks.
    #[error("`{file}` cannot be locked")]
    NoLocks {
        /// The file.
        file: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Anything else.
    #[error("`{file}` cannot be read or written")]
    Failed {
        /// The file.
        file: String,
        /// Why.
        #[source]
        source: io::Error,
    },
}

impl StoreError {
    /// Returns what an error of the operating system means for a file.
    pub fn of_io(file: String, source: io::Error) -> StoreError {
        match source.kind() {
            _ if source.raw_os_error() == Some(Errno::LOOP.raw_os_error()) => StoreError::Link { file },
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => StoreError::Denied { file, source },
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => StoreError::Full { file },
            io::ErrorKind::AlreadyExists => StoreError::Taken { file },
            io::ErrorKind::IsADirectory => StoreError::NotAFile { file },
            _ => StoreError::Failed { file, source },
        }
    }
}

impl Explain for StoreError {
    fn help(&self) -> Option<String> {
        let help = match self {
            StoreError::MissingFolder { .. } => "create the folder, or correct `path`",
            StoreError::Taken { .. } | StoreError::NotAFile { .. } => "move it away, or choose another `path`",
            StoreError::Link { .. } => {
                "put the file itself there, or let `path` name the folder that the link leads to"
            }
            StoreError::Denied { .. } => "give this user the right to read and write the folder and its files",
            StoreError::Locked { .. } => "try again when the other process is done",
            StoreError::NoLocks { .. } => "choose a `path` on a file system with locks, or use another kind of store",
            StoreError::Name { .. } | StoreError::Full { .. } | StoreError::Failed { .. } => return None,
        };
        Some(help.to_owned())
    }
}
