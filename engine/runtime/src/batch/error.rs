//! Why rows were not predicted.

use std::io;

use palladium_component::interfaces::{Explain, PredictError};

use crate::JobError;

/// Why rows were not predicted.
#[derive(Debug, thiserror::Error)]
pub enum BatchError {
    /// The service or its model is not there.
    #[error(transparent)]
    Job(#[from] JobError),
    /// The columns of the input do not fit.
    #[error("`{name}`: {reason}")]
    Columns {
        /// The input.
        name: String,
        /// What is missing, or there too often.
        reason: String,
        /// What to do about it.
        help: Option<String>,
    },
    /// The input is to be a Parquet file, and is none.
    #[error("`{0}` is no Parquet file, or not a whole one")]
    NotParquet(String),
    /// The input is a Parquet file that nobody can read without its keys.
    #[error("`{0}` is an encrypted Parquet file, which is not supported")]
    EncryptedParquet(String),
    /// The input has a column that the predictions fill.
    #[error("`{name}` has a column `{column}` already, which the predictions would fill")]
    Taken {
        /// The input.
        name: String,
        /// The column.
        column: String,
    },
    /// A row has no prediction, and there is nowhere to put it.
    #[error("`{name}`, line {line}: {reason}")]
    Row {
        /// The input.
        name: String,
        /// The line, from 1.
        line: u64,
        /// Why it has none.
        reason: String,
    },
    /// A quote is never closed: what follows may be rows or the rest of a cell.
    #[error("`{name}`, line {line}: {reason}")]
    Endless {
        /// The input.
        name: String,
        /// The line where the quote is opened, from 1.
        line: u64,
        /// What is not closed.
        reason: String,
    },
    /// The model or the service fails whatever the row is.
    #[error("predicting failed")]
    Predict(#[source] PredictError),
    /// The input cannot be read.
    #[error("`{name}` cannot be read")]
    Input {
        /// The input.
        name: String,
        /// What the system says.
        source: io::Error,
    },
    /// The predictions cannot be written.
    #[error("the predictions cannot be written")]
    Output(#[source] io::Error),
    /// The rejected rows cannot be written.
    #[error("the rejected rows cannot be written")]
    Reject(#[source] io::Error),
    /// It was asked to stop.
    #[error("the prediction was interrupted")]
    Cancelled,
}

impl Explain for BatchError {
    fn help(&self) -> Option<String> {
        match self {
            BatchError::Job(error) => error.help(),
            BatchError::Columns { help, .. } => help.clone(),
            BatchError::Predict(PredictError::NoParameter { .. } | PredictError::NoProbabilities) => {
                Some("`palladium check --connect` shows where the predict service asks for it".to_owned())
            }
            BatchError::Row { .. } => Some("`--reject FILE` puts such rows aside and goes on".to_owned()),
            BatchError::Endless { .. } => {
                let help = "close it with another `\"`; a quote within quotes is written as two. No row behind it is known, \
                            so that `--reject` cannot go on";
                Some(help.to_owned())
            }
            BatchError::NotParquet(_) => {
                Some("say what it is written in: `--format csv`, `--format tsv` or `--format ndjson`".to_owned())
            }
            BatchError::EncryptedParquet(_) => {
                let help = "decrypt it first: have a program that has its keys, such as pyarrow or Spark, write it anew \
                            without encryption";
                Some(help.to_owned())
            }
            BatchError::Taken { .. } => Some("rename the column or leave it out".to_owned()),
            _ => None,
        }
    }
}
