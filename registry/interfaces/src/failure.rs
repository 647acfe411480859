//! What an operator reads when a component fails at its work.

use std::error::Error;
use std::fmt;

use palladium_data::{ColumnType, DataError};

/// An error of a component, with advice where there is some.
///
/// Component crates implement it for their own error enums; `?` turns those into a [`Failure`].
pub trait Explain: Error + Send + Sync + 'static {
    /// Says what to do about it.
    fn help(&self) -> Option<String> {
        None
    }
}

impl Explain for DataError {
    fn help(&self) -> Option<String> {
        match self {
            DataError::MissingValue { .. } | DataError::NotFinite { .. } => {
                Some("put a value into the cell, or leave the row or the column out".into())
            }
            DataError::WrongType { found: ColumnType::Text, .. } => {
                Some("correct the cells that hold text, or leave the column out".into())
            }
            DataError::NoRows => Some("check what the loader is told to leave out".into()),
            _ => None,
        }
    }
}

/// Any component's error.
pub struct Failure(Box<dyn Explain>);

impl Failure {
    /// Returns an error that is a text alone.
    pub fn message(text: impl Into<String>) -> Failure {
        Failure::from(Message { text: text.into(), help: None })
    }

    /// Returns an error that is a text with advice.
    pub fn with_help(text: impl Into<String>, help: impl Into<String>) -> Failure {
        Failure::from(Message { text: text.into(), help: Some(help.into()) })
    }

    /// Says what to do about it.
    pub fn help(&self) -> Option<String> {
        self.0.help()
    }
}

impl<E: Explain> From<E> for Failure {
    fn from(error: E) -> Failure {
        Failure(Box::new(error))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl Error for Failure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source()
    }
}

#[derive(Debug, thiserror::Error)]
#[error("{text}")]
struct Message {
    text: String,
    help: Option<String>,
}

impl Explain for Message {
    fn help(&self) -> Option<String> {
        self.help.clone()
    }
}
