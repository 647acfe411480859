//! What can go wrong with a store of single objects.

use std::io;

use palladium_component::prelude::*;

use crate::ArtifactError;
use crate::attachments::AttachmentError;
use crate::upgrade::{LAYOUT, UpgradeError};

/// A store of single objects did not do as it was asked.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// A model is not there.
    #[error("{0}")]
    Lookup(String),
    /// The version that is to be deleted is the active one.
    #[error("version {0} is the active one, and stays")]
    Active(Version),
    /// The layout of the store cannot be changed in this way.
    #[error(transparent)]
    Upgrade(#[from] UpgradeError),
    /// The persister was used before it was told which models can be decoded.
    #[error("the persister was asked for a model before it was initialized")]
    NotInitialized,
    /// An object cannot be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// An object could be opened, but not read to its end, or what was read could not be passed on.
    #[error("`{file}` cannot be read to its end")]
    Reading {
        /// The object.
        file: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The metadata are something else than JSON, or end too early.
    #[error("the metadata file `{file}` is not JSON")]
    NotJson {
        /// The file.
        file: String,
        /// Where it is not.
        #[source]
        source: serde_json::Error,
    },
    /// The metadata are JSON of another shape.
    #[error("the metadata file `{file}` is damaged: {what}")]
    Damaged {
        /// The file.
        file: String,
        /// What it should be and is not.
        what: String,
    },
    /// The metadata file is too large.
    #[error("the metadata file `{file}` is larger than the {limit} bytes that are allowed")]
    TooLarge {
        /// The file.
        file: String,
        /// How large it may be.
        limit: u64,
    },
    /// The store was written by the Python original.
    #[error("`{file}` belongs to a store of Palladium for Python, whose pickled models cannot be read")]
    PythonStore {
        /// A file that tells it.
        file: String,
    },
    /// A newer version of this program has laid out the store.
    #[error("the store of `{file}` has the layout {found}, this binary knows up to {LAYOUT}")]
    NewerLayout {
        /// The metadata file.
        file: String,
        /// The layout it has.
        found: String,
    },
    /// Others changed the store all the time.
    #[error("others changed `{file}` again and again, and were faster each time")]
    Overtaken {
        /// What they changed.
        file: String,
    },
    /// The store of objects cannot keep two changes apart.
    #[error("`{file}` cannot be changed safely: its store knows neither locks nor states of an object")]
    Unguarded {
        /// What was to be changed.
        file: String,
    },
    /// The last possible version number has been given.
    #[error("the store of `{file}` has used up its version numbers")]
    VersionsUsedUp {
        /// The metadata file.
        file: String,
    },
    /// A stored model cannot be read.
    #[error("version {version} in `{file}` cannot be read")]
    Unreadable {
        /// Its file.
        file: String,
        /// The version.
        version: Version,
        /// Why.
        #[source]
        source: ArtifactError,
    },
    /// A model cannot be stored.
    #[error("the model cannot be stored beside `{file}`")]
    Unwritable {
        /// The metadata file.
        file: String,
        /// Why.
        #[source]
        source: ArtifactError,
    },
    /// An attachment is not what was stored.
    #[error("the attachment `{name}` of version {version} in `{file}` is damaged: {what}")]
    DamagedAttachment {
        /// Its object.
        file: String,
        /// The version.
        version: Version,
        /// Its name.
        name: String,
        /// How it differs.
        what: String,
    },
    /// An attachment is listed and not there.
    #[error("the attachment `{name}` of version {version} is listed, but `{file}` is missing")]
    MissingAttachment {
        /// Its object.
        file: String,
        /// The version.
        version: Version,
        /// Its name.
        name: String,
    },
    /// The metadata of a model in the list of models and in the stored model differ.
    #[error(
        "the list of models says something else about version {version} than the stored model in `{file}`: `{keys}`"
    )]
    OtherMetadata {
        /// The stored model.
        file: String,
        /// The version.
        version: Version,
        /// The keys whose values differ.
        keys: String,
    },
    /// An attachment cannot be stored or loaded.
    #[error(transparent)]
    Attachment(#[from] AttachmentError),
}

impl Explain for FileError {
    fn help(&self) -> Option<String> {
        let help = match self {
            FileError::NotJson { .. } | FileError::Damaged { .. } => "restore it from a backup",
            FileError::PythonStore { .. } => "let `path` name other files, and train the model again",
            FileError::NewerLayout { .. } => "use the palladium that laid it out, or a newer one",
            FileError::Overtaken { .. } => "try again when they are done",
            FileError::Unguarded { .. } => "use another kind of store",
            FileError::DamagedAttachment { .. } => {
                "restore it from a backup, or take it away with `palladium admin detach` and attach it again"
            }
            FileError::MissingAttachment { .. } => {
                "restore it from a backup, or take it off the list with `palladium admin detach`"
            }
            FileError::OtherMetadata { .. } => "restore both from a backup, or train the model again",
            FileError::TooLarge { .. } => "delete models that are no longer needed",
            FileError::Upgrade(error) => return error.help(),
            FileError::Store(error) => return error.help(),
            FileError::Attachment(error) => return error.help(),
            FileError::Unreadable { source, .. } | FileError::Unwritable { source, .. } => return source.help(),
            FileError::Lookup(_)
            | FileError::Active(_)
            | FileError::NotInitialized
            | FileError::Reading { .. }
            | FileError::VersionsUsedUp { .. } => return None,
        };
        Some(help.to_owned())
    }
}

impl From<FileError> for PersistError {
    fn from(error: FileError) -> PersistError {
        match error {
            FileError::Lookup(text) => PersistError::Lookup(text),
            FileError::Active(version) => PersistError::refuse_active(version),
            error => PersistError::Failed(Failure::from(error)),
        }
    }
}
