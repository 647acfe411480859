//! What can go wrong with services that store objects.

use std::io;

use palladium_component::prelude::*;
use palladium_connect::objects::{Cause, ClientError, Trouble};

use super::name::NameError;

/// A service that stores objects did not do as it was asked.
#[derive(Debug, thiserror::Error)]
pub enum ObjectStorageError {
    /// The name of an object is none.
    #[error(transparent)]
    Name(#[from] NameError),
    /// No client can be made.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// Nobody says who is asking.
    #[error("there are no credentials for `{object}`")]
    NoCredentials {
        /// Where the object lies.
        object: String,
        /// What was tried last.
        #[source]
        source: Cause,
    },
    /// There is no such bucket.
    #[error("`{object}` lies in a bucket that does not exist")]
    NoBucket {
        /// Where the object lies.
        object: String,
    },
    /// The credentials are wrong, or not enough.
    #[error("`{object}` may not be read or written with these credentials")]
    Denied {
        /// Where the object lies.
        object: String,
        /// What the service says.
        #[source]
        source: Cause,
    },
    /// The bucket is in another region.
    #[error("`{object}` lies in another region or behind another address")]
    Elsewhere {
        /// Where the object lies.
        object: String,
        /// What the service says.
        #[source]
        source: Cause,
    },
    /// There is no connection to the service.
    #[error("the service that stores `{object}` cannot be reached")]
    Unreachable {
        /// Where the object lies.
        object: String,
        /// Why.
        #[source]
        source: Cause,
    },
    /// Nothing has happened for too long.
    #[error("nothing was heard of `{object}` for too long")]
    Stalled {
        /// Where the object lies.
        object: String,
        /// What was tried.
        #[source]
        source: Cause,
    },
    /// The service ignores conditions.
    #[error(
        "the service that stores `{object}` does not tell which of two writers was first: one would lose its model"
    )]
    Unconditional {
        /// Where the object lies.
        object: String,
    },
    /// An object is shorter than it should be.
    #[error("`{object}` broke off after {read} of {size} bytes")]
    Cut {
        /// Where the object lies.
        object: String,
        /// How many bytes came.
        read: u64,
        /// How many there are.
        size: u64,
    },
    /// The content that is to be stored cannot be read.
    #[error("what is to be stored in `{object}` cannot be read")]
    Content {
        /// Where the object lies.
        object: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The thread that talks to services could not be started.
    #[error("no thread could be started to talk to a service")]
    Runtime(#[source] io::Error),
    /// Anything else.
    #[error("the service refused to read or write `{object}`")]
    Failed {
        /// Where the object lies.
        object: String,
        /// What it says.
        #[source]
        source: Cause,
    },
}

impl ObjectStorageError {
    /// Returns what an error of the library means for an object.
    pub fn of(object: String, error: object_store::Error) -> ObjectStorageError {
        let trouble = Trouble::of(&error);
        let source = Cause::from(error);
        match trouble {
            Trouble::NoCredentials => ObjectStorageError::NoCredentials { object, source },
            Trouble::NoBucket => ObjectStorageError::NoBucket { object },
            Trouble::Elsewhere => ObjectStorageError::Elsewhere { object, source },
            Trouble::Denied => ObjectStorageError::Denied { object, source },
            Trouble::Unreachable => ObjectStorageError::Unreachable { object, source },
            Trouble::Stalled => ObjectStorageError::Stalled { object, source },
            Trouble::NoObject | Trouble::Failed => ObjectStorageError::Failed { object, source },
        }
    }
}

impl Explain for ObjectStorageError {
    fn help(&self) -> Option<String> {
        let help = match self {
            ObjectStorageError::Name(_) => NameError::HELP,
            ObjectStorageError::Client(error) => return error.help(),
            ObjectStorageError::NoCredentials { .. } => {
                "give them as arguments, as `\"${environ.NAME}\"`, or in the way that the service describes for programs"
            }
            ObjectStorageError::NoBucket { .. } => "create it, or correct its name, the region or the endpoint",
            ObjectStorageError::Denied { .. } => {
                "check the credentials; they have to allow to list the bucket and to read, write and delete objects in it"
            }
            ObjectStorageError::Elsewhere { .. } => "correct `region` or `endpoint`",
            ObjectStorageError::Unreachable { .. } => "check the endpoint, the region and the network",
            ObjectStorageError::Stalled { .. } => "try again later, or raise `timeout`",
            ObjectStorageError::Unconditional { .. } => {
                "use a service that honours `If-Match` and `If-None-Match`, or set `unguarded: true` if there is only \
                 one writer at a time"
            }
            ObjectStorageError::Cut { .. } => "try again",
            ObjectStorageError::Content { .. } | ObjectStorageError::Runtime(_) | ObjectStorageError::Failed { .. } => {
                return None;
            }
        };
        Some(help.to_owned())
    }
}

impl From<ObjectStorageError> for StoreError {
    fn from(error: ObjectStorageError) -> StoreError {
        StoreError::Failed(Failure::from(error))
    }
}
