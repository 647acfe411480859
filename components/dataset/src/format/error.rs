//! What can be wrong with files of formats that know their columns.

use std::error::Error;

use palladium_component::prelude::*;
use palladium_component::value::nearest;

use crate::json::JsonError;
use crate::source::{SourceError, SourceFile};

/// A file cannot become a table.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FormatError {
    /// It cannot be read, or does not fit the other files.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// It is not JSON, or no table.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// The arguments are wrong.
    #[error("{}", .0.message)]
    Argument(ArgumentError),
    /// It lacks a column.
    #[error("`{file}` has no column `{name}`, which `{parameter}` names; there are {}", listed(present))]
    NoColumn { file: String, parameter: &'static str, name: String, present: Vec<String> },
    /// It is of another format, or broken.
    #[error("`{file}` cannot be read as {format}")]
    Broken {
        file: String,
        format: &'static str,
        #[source]
        reason: Box<dyn Error + Send + Sync>,
    },
    /// Nobody can read it without its keys.
    #[error("`{file}` is encrypted, which is not supported")]
    Encrypted { file: String },
    /// It ends too early.
    #[error("`{file}` breaks off: its {format} data are not complete")]
    Truncated { file: String, format: &'static str },
    /// It has a part that is too large.
    #[error("`{file}` has a part of {found} bytes, the most is {most}")]
    TooLarge { file: String, found: u64, most: u64 },
    /// A column does not become one of a table.
    #[error("`{file}`: {reason}")]
    Data { file: String, reason: DataError },
}

impl FormatError {
    /// Returns the error about a file that is of another format, or broken.
    pub(crate) fn broken(
        file: &SourceFile,
        format: &'static str,
        reason: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> FormatError {
        FormatError::Broken { file: file.name().to_owned(), format, reason: reason.into() }
    }

    /// Returns the error about a file that holds nothing.
    pub(crate) fn empty(file: &SourceFile) -> FormatError {
        FormatError::Source(SourceError::Empty { file: file.name().to_owned() })
    }

    /// Returns the error about a column.
    pub(crate) fn data(file: &SourceFile, reason: DataError) -> FormatError {
        FormatError::Data { file: file.name().to_owned(), reason }
    }
}

impl Explain for FormatError {
    fn help(&self) -> Option<String> {
        let text = match self {
            FormatError::Source(error) => return error.help(),
            FormatError::Json(error) => return error.help(),
            FormatError::Argument(error) => return error.help.clone(),
            FormatError::NoColumn { name, present, .. } => {
                let near = nearest(name, present.iter().map(String::as_str));
                return near.map(|near| format!("did you mean `{near}`?"));
            }
            FormatError::Broken { .. } => "check that the file is whole and of this format",
            FormatError::Encrypted { .. } => {
                "decrypt it first: have a program that has its keys, such as pyarrow or Spark, write it anew without \
                 encryption"
            }
            FormatError::Truncated { .. } => "fetch or write the file anew",
            FormatError::TooLarge { .. } => "write the file anew with smaller row groups",
            FormatError::Data { reason: DataError::UnsupportedType { .. }, .. } => {
                "leave the column out with `columns`, or write it as text, numbers, flags, dates or times"
            }
            FormatError::Data { reason: DataError::NotCast { .. }, .. } => {
                "leave the column out with `columns`, or write it as text or numbers"
            }
            FormatError::Data { reason, .. } => return reason.help(),
        };
        Some(text.to_owned())
    }
}

fn listed(names: &[String]) -> String {
    const SHOWN: usize = 20;
    if names.is_empty() {
        return "none".to_owned();
    }
    let mut shown: Vec<String> = names.iter().take(SHOWN).map(|name| format!("`{name}`")).collect();
    if names.len() > SHOWN {
        shown.push(format!("and {} more", names.len() - SHOWN));
    }
    shown.join(", ")
}
