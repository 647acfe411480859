//! What can go wrong with a web server.

use std::io;

use palladium_component::prelude::*;
use palladium_component::value::seconds_text;
use reqwest::StatusCode;

use super::address::AddressError;
use palladium_connect::TransportError;

/// A web server did not do as it was asked.
#[derive(Debug, thiserror::Error)]
pub enum RestError {
    /// The name of an object is no URL of one.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// No connections can be made.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// The thread that talks to servers could not be started.
    #[error("no thread could be started to talk to a server")]
    Runtime(#[source] io::Error),
    /// There is no connection to the server.
    #[error("the server `{server}` cannot be reached")]
    Unreachable {
        /// The server.
        server: String,
        /// Why.
        #[source]
        source: reqwest::Error,
    },
    /// Nothing has happened for too long.
    #[error("nothing was heard of `{object}` for {}", seconds_text(*seconds))]
    Stalled {
        /// The URL.
        object: String,
        /// How long.
        seconds: f64,
    },
    /// The connection ended too early.
    #[error("the connection broke off while `{object}` was transferred")]
    Cut {
        /// The URL.
        object: String,
        /// Why.
        #[source]
        source: reqwest::Error,
    },
    /// The server answers with an error.
    #[error("the server answered {status} to {method} `{object}`")]
    Status {
        /// What was asked for.
        method: &'static str,
        /// The URL.
        object: String,
        /// The answer.
        status: StatusCode,
    },
    /// The server sends to another one.
    #[error("`{object}` leads elsewhere, to `{target}`, and nothing is sent there")]
    Redirect {
        /// The URL.
        object: String,
        /// The server that it leads to.
        target: String,
    },
    /// The content that is to be stored cannot be read.
    #[error("what is to be stored in `{object}` cannot be read")]
    Content {
        /// The URL.
        object: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Others have held the lock for too long.
    #[error("the store was locked by another process for more than {}, by `{object}`", seconds_text(*seconds))]
    Locked {
        /// The URL of the lock.
        object: String,
        /// How long it was waited for.
        seconds: f64,
    },
}

impl RestError {
    /// Tells whether the same request may well succeed a little later.
    pub fn is_transient(&self) -> bool {
        match self {
            RestError::Unreachable { .. } | RestError::Cut { .. } => true,
            RestError::Status { status, .. } => is_transient(*status),
            _ => false,
        }
    }
}

/// Tells whether an answer says that the same request may well succeed a little later.
pub fn is_transient(status: StatusCode) -> bool {
    matches!(status.as_u16(), 429 | 502..=504)
}

impl Explain for RestError {
    fn help(&self) -> Option<String> {
        let help = match self {
            RestError::Address(error) => error.help(),
            RestError::Transport(error) => return error.help(),
            RestError::Unreachable { .. } => {
                "check the host, the port and the network; `ca_file` makes the certificate of a private authority known"
            }
            RestError::Stalled { .. } => "try again later, or raise `timeout`",
            RestError::Cut { .. } => "try again",
            RestError::Status { status, .. } => return help_on(*status).map(str::to_owned),
            RestError::Redirect { .. } => "correct the URL if that server is the right one",
            RestError::Locked { .. } => "try again when the other process is done",
            RestError::Runtime(_) | RestError::Content { .. } => return None,
        };
        Some(help.to_owned())
    }
}

fn help_on(status: StatusCode) -> Option<&'static str> {
    Some(match status.as_u16() {
        401 => "check `auth` or `token`",
        403 => "give this user the right to read, write and delete objects there",
        404 | 409 => "the folder has to exist on the server",
        405 | 501 => "the server has to allow GET, HEAD, PUT and DELETE at this URL",
        413 => "let the server accept larger objects",
        429 | 502..=504 => "try again later",
        507 => "make room on the server",
        _ => return None,
    })
}

impl From<RestError> for StoreError {
    fn from(error: RestError) -> StoreError {
        StoreError::Failed(Failure::from(error))
    }
}
