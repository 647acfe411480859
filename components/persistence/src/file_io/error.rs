//! What can go wrong with files.

use std::io;
use std::path::Path;

use palladium_component::prelude::*;
use palladium_component::value::seconds_text;
use rustix::io::Errno;

/// A file could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum FileIOError {
    /// The folder does not exist.
    #[error("no store can be in `{folder}`: there is no such folder")]
    MissingFolder {
        /// The folder.
        folder: String,
        /// One of a similar name.
        near: Option<String>,
    },
    /// A path is not that of a file.
    #[error("`{name}` is no name of a file")]
    Name {
        /// The path.
        name: String,
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
    #[error("there is no room for `{file}` on its disk; nothing was changed")]
    Full {
        /// The file.
        file: String,
    },
    /// Another process holds the lock.
    #[error("the store was locked by another process for more than {}, by `{file}`", seconds_text(*seconds))]
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

impl FileIOError {
    /// Returns what an error of the operating system means for a file.
    pub(crate) fn of_io(path: &Path, source: io::Error) -> FileIOError {
        let file = path.display().to_string();
        match source.kind() {
            _ if source.raw_os_error() == Some(Errno::LOOP.raw_os_error()) => FileIOError::Link { file },
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => FileIOError::Denied { file, source },
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
                FileIOError::Full { file }
            }
            io::ErrorKind::IsADirectory => FileIOError::NotAFile { file },
            _ => FileIOError::Failed { file, source },
        }
    }
}

impl Explain for FileIOError {
    fn help(&self) -> Option<String> {
        let help = match self {
            FileIOError::MissingFolder { near: Some(near), .. } => {
                return Some(format!("did you mean `{near}`? If not, create the folder"));
            }
            FileIOError::MissingFolder { near: None, .. } => "create the folder, or correct `path`",
            FileIOError::Name { .. } => "let the path end in the name of a file, such as `${here}/model-{version}`",
            FileIOError::NotAFile { .. } => "move it away, or choose another `path`",
            FileIOError::Link { .. } => {
                "put the file itself there, or let `path` name the folder that the link leads to"
            }
            FileIOError::Denied { .. } => "give this user the right to read and write the folder and its files",
            FileIOError::Locked { .. } => "try again when the other process is done",
            FileIOError::NoLocks { .. } => "choose a `path` on a file system with locks, or use another kind of store",
            FileIOError::Full { .. } => "make room, and try again",
            FileIOError::Failed { .. } => return None,
        };
        Some(help.to_owned())
    }
}

impl From<FileIOError> for StoreError {
    fn from(error: FileIOError) -> StoreError {
        StoreError::Failed(Failure::from(error))
    }
}
