//! What can be wrong with a stored model.

use std::io;

use palladium_component::prelude::*;

/// A model could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum ArtifactError {
    /// The first bytes are others.
    #[error("this is no model that palladium stored")]
    NotAnArtifact,
    /// A newer version of palladium wrote it.
    #[error("the stored model has format version {found}, this binary reads up to {known}")]
    NewerFormat {
        /// The version it has.
        found: u32,
        /// The newest that is known.
        known: u32,
    },
    /// It ends too early.
    #[error("the stored model is incomplete: of the {expected} bytes of its {part} {found} are there")]
    Truncated {
        /// Where it ends.
        part: &'static str,
        /// How long that part is said to be.
        expected: u64,
        /// How much of it is there.
        found: u64,
    },
    /// Something stands behind it.
    #[error("the stored model is followed by bytes that do not belong to it")]
    TrailingBytes,
    /// Its bytes were changed.
    #[error("the stored model is damaged: its checksum does not match")]
    Checksum,
    /// A part of it is larger than is allowed.
    #[error("the {part} of the stored model has {size} bytes, {limit} are allowed")]
    TooLarge {
        /// The part.
        part: &'static str,
        /// How large it is, or claims to be.
        size: u64,
        /// How large it may be.
        limit: u64,
    },
    /// The header is not what this version writes.
    #[error("the header of the stored model cannot be read")]
    Header(#[source] serde_json::Error),
    /// The metadata are such that the model could not be read again.
    #[error("the metadata of the model cannot be stored")]
    Metadata(#[source] serde_json::Error),
    /// The decompressed payload is longer or shorter than the header says.
    #[error("the payload of the stored model has another length than the {declared} bytes it is said to have")]
    PayloadSize {
        /// The length in the header.
        declared: u64,
    },
    /// The model is of another version than the one it is stored under.
    #[error("the stored model says that it is version {found}, it is stored as version {expected}", found = .found.map_or("unknown".to_owned(), |version| version.to_string()))]
    OtherVersion {
        /// The version in its metadata.
        found: Option<Version>,
        /// The version it is stored under.
        expected: Version,
    },
    /// The payload is not a model that can be read.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// The model could not be turned into bytes.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// A large model has no place outside the memory.
    #[error("the temporary folder `{folder}` cannot hold the model while it is written or read")]
    TemporaryFolder {
        /// The folder.
        folder: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Reading or writing failed.
    #[error("the stored model cannot be read or written")]
    Io(#[from] io::Error),
}

impl Explain for ArtifactError {
    fn help(&self) -> Option<String> {
        match self {
            ArtifactError::NewerFormat { .. } => {
                Some("use the version of palladium that wrote it, or a newer one".into())
            }
            ArtifactError::NotAnArtifact
            | ArtifactError::Truncated { .. }
            | ArtifactError::TrailingBytes
            | ArtifactError::Checksum
            | ArtifactError::Header(_)
            | ArtifactError::OtherVersion { .. }
            | ArtifactError::PayloadSize { .. } => {
                Some("activate another version, and restore this one from a backup or train it again".into())
            }
            ArtifactError::Metadata(_) => Some("nest metadata less than a hundred levels deep".into()),
            ArtifactError::TemporaryFolder { .. } => {
                Some("make room there, or let the environment variable `TMPDIR` name another folder".into())
            }
            ArtifactError::Decode(error) => error.help(),
            ArtifactError::Encode(error) => error.help(),
            ArtifactError::TooLarge { .. } | ArtifactError::Io(_) => None,
        }
    }
}
