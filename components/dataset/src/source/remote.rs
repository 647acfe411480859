//! Files of servers: what goes wrong with them, and how they are fetched.

use std::fs::File;
use std::future::Future;
use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use palladium_component::prelude::*;
use palladium_component::value::seconds_text;
use palladium_connect::objects::{Cause, ClientError, Trouble};
use palladium_connect::{BlockingRuntime, TransportError};

use super::compression::Format;
use super::error::SourceError;

/// A server does not give a file.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RemoteError {
    /// The thread that talks to servers could not be started.
    #[error("no thread could be started to talk to a server")]
    Runtime(#[source] io::Error),
    /// No connections can be made.
    #[error(transparent)]
    Transport(TransportError),
    /// No client can be made.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The server cannot be reached.
    #[error("the server of `{file}` cannot be reached")]
    Unreachable {
        file: String,
        #[source]
        source: Reason,
    },
    /// Nothing has happened for too long.
    #[error("nothing was heard of the server of `{file}` for too long")]
    Stalled { file: String },
    /// It takes too long on the whole.
    #[error("`{file}` could not be fetched within {}", seconds_text(*seconds))]
    TooSlow { file: String, seconds: f64 },
    /// The file is too large.
    #[error("`{file}` is larger than {limit} bytes")]
    TooLarge { file: String, limit: u64 },
    /// The connection breaks off.
    #[error("`{file}` broke off after {read} bytes")]
    Cut {
        file: String,
        read: u64,
        #[source]
        source: Option<Reason>,
    },
    /// There is no such file.
    #[error("there is no `{file}`")]
    NotFound { file: String },
    /// There is no such bucket.
    #[error("`{file}` lies in a bucket that does not exist")]
    NoBucket { file: String },
    /// The server does not give it to everybody.
    #[error("`{file}` may not be read with these credentials")]
    Denied { file: String },
    /// Nobody says who is asking.
    #[error("there are no credentials for `{file}`")]
    NoCredentials {
        file: String,
        #[source]
        source: Reason,
    },
    /// The bucket is in another region.
    #[error("`{file}` lies in another region or behind another address")]
    Elsewhere {
        file: String,
        #[source]
        source: Reason,
    },
    /// The server says to look elsewhere.
    #[error("`{file}` is redirected to another server, `{to}`")]
    OtherServer { file: String, to: String },
    /// The server says to look elsewhere, again and again or nowhere.
    #[error("`{file}` is redirected too often, or to nowhere")]
    Redirects { file: String },
    /// The server answers otherwise.
    #[error("the server answered {status} when it was asked for `{file}`")]
    Status { file: String, status: u16 },
    /// The file is packed in a way that is not known.
    #[error("the server sends `{file}` in the encoding `{encoding}`, which was not asked for")]
    Encoding { file: String, encoding: String },
    /// Anything else.
    #[error("the server did not give `{file}`")]
    Failed {
        file: String,
        #[source]
        source: Reason,
    },
}

/// What a library says.
pub(crate) type Reason = Box<dyn std::error::Error + Send + Sync>;

impl Explain for RemoteError {
    fn help(&self) -> Option<String> {
        let text = match self {
            RemoteError::Transport(error) => return error.help(),
            RemoteError::Client(error) => return error.help(),
            RemoteError::Unreachable { .. } => "check the address and the network",
            RemoteError::Stalled { .. } => "try again later, or raise `timeout` in `storage`",
            RemoteError::TooSlow { .. } => "try again later, or raise `max_time` in `storage`",
            RemoteError::TooLarge { .. } => "raise `max_size` in `storage`",
            RemoteError::Cut { .. } => "try again",
            RemoteError::NotFound { .. } => "check `path`",
            RemoteError::NoBucket { .. } => "check the bucket in `path`, and `endpoint` and `region` in `storage`",
            RemoteError::Denied { .. } | RemoteError::NoCredentials { .. } => {
                "give credentials in `storage`, as `\"${environ.NAME}\"`; they have to allow to read files, and to list \
                 them for a folder or pattern"
            }
            RemoteError::Elsewhere { .. } => "correct `region` or `endpoint` in `storage`",
            RemoteError::OtherServer { .. } => {
                "write the address it leads to, or set `cross_origin_redirects: true` in `storage`"
            }
            RemoteError::Redirects { .. } | RemoteError::Status { .. } | RemoteError::Encoding { .. } => {
                "check the address, for instance with `curl`"
            }
            RemoteError::Runtime(_) | RemoteError::Failed { .. } => return None,
        };
        Some(text.to_owned())
    }
}

impl RemoteError {
    /// Returns what an error of a service of objects means.
    pub(super) fn of(file: &str, read: Option<u64>, error: object_store::Error) -> RemoteError {
        let file = file.to_owned();
        let trouble = Trouble::of(&error);
        let source: Reason = Box::new(Cause::from(error));
        match (trouble, read) {
            (Trouble::NoCredentials, _) => RemoteError::NoCredentials { file, source },
            (Trouble::NoBucket, _) => RemoteError::NoBucket { file },
            (Trouble::NoObject, _) => RemoteError::NotFound { file },
            (Trouble::Denied, _) => RemoteError::Denied { file },
            (Trouble::Elsewhere, _) => RemoteError::Elsewhere { file, source },
            (Trouble::Unreachable, _) => RemoteError::Unreachable { file, source },
            (Trouble::Stalled, _) => RemoteError::Stalled { file },
            (Trouble::Failed, Some(read)) => RemoteError::Cut { file, read, source: Some(source) },
            (Trouble::Failed, None) => RemoteError::Failed { file, source },
        }
    }
}

/// A file that was fetched.
#[derive(Clone, Debug)]
pub(super) struct Fetched {
    /// An unnamed temporary file.
    pub(super) file: Arc<File>,
    /// How the server says that it is packed.
    pub(super) encoding: Option<Format>,
}

/// A temporary file that fills up, to a limit.
pub(super) struct Spool<'a> {
    name: &'a str,
    file: File,
    size: u64,
    limit: u64,
}

impl<'a> Spool<'a> {
    /// Returns an empty one for a file of this name.
    pub(super) fn new(name: &'a str, limit: u64) -> Result<Spool<'a>, SourceError> {
        Ok(Spool { name, file: tempfile::tempfile().map_err(SourceError::Temporary)?, size: 0, limit })
    }

    /// Checks how large the file is said to be.
    pub(super) fn expect(&self, size: u64) -> Result<(), SourceError> {
        match size > self.limit {
            true => Err(RemoteError::TooLarge { file: self.name.to_owned(), limit: self.limit }.into()),
            false => Ok(()),
        }
    }

    /// Adds a piece.
    pub(super) fn push(&mut self, piece: &[u8]) -> Result<(), SourceError> {
        self.size += piece.len() as u64;
        self.expect(self.size)?;
        self.file.write_all(piece).map_err(SourceError::Temporary)
    }

    /// Returns the number of bytes so far.
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// Returns the file.
    pub(super) fn into_file(self) -> Arc<File> {
        Arc::new(self.file)
    }
}

/// Does work that has to end within some time.
pub(super) fn within<T>(
    runtime: &BlockingRuntime,
    limit: Duration,
    file: &str,
    work: impl Future<Output = Result<T, SourceError>>,
) -> Result<T, SourceError> {
    let handle = runtime.handle().map_err(RemoteError::Runtime)?;
    let too_slow = || RemoteError::TooSlow { file: file.to_owned(), seconds: limit.as_secs_f64() };
    handle.block_on(async { tokio::time::timeout(limit, work).await }).unwrap_or_else(|_| Err(too_slow().into()))
}
