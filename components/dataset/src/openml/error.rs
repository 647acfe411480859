//! What can be wrong with a data set of OpenML.

use std::io;

use palladium_component::prelude::*;
use palladium_connect::TransportError;
use reqwest::StatusCode;
use url::Url;

use super::arff::ArffError;

/// A data set of OpenML cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenMlError {
    /// Connections cannot be made.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// No thread can be started.
    #[error("no thread can be started that asks OpenML")]
    Runtime(#[source] io::Error),
    /// Nobody answers, or not to the end.
    #[error("`{url}` cannot be read")]
    Unreachable {
        /// The address.
        url: Url,
        /// Why.
        #[source]
        source: reqwest::Error,
    },
    /// The server answers with an error.
    #[error("`{url}` answered {status}{}", if message.is_empty() { String::new() } else { format!(": {message}") })]
    Status {
        /// The address.
        url: Url,
        /// The status.
        status: StatusCode,
        /// What the server says.
        message: String,
    },
    /// The answer is longer than allowed.
    #[error("`{url}` answers with more than {limit} bytes")]
    TooLarge {
        /// The address.
        url: Url,
        /// The limit.
        limit: u64,
    },
    /// The data are said to be elsewhere.
    #[error("`{from}` leads to `{to}`, which is no server of OpenML")]
    Elsewhere {
        /// Who says so.
        from: Url,
        /// Where they are said to be.
        to: String,
    },
    /// The answer is not understood.
    #[error("the answer of `{url}` is not understood: {reason}")]
    Answer {
        /// The address.
        url: Url,
        /// What is wrong with it.
        reason: String,
    },
    /// There is no such data set.
    #[error("OpenML has no {0}")]
    NoDataset(String),
    /// The data have another format.
    #[error("{dataset} has the format `{format}`, and only ARFF can be read")]
    Format {
        /// The data set.
        dataset: String,
        /// The format.
        format: String,
    },
    /// The file is another one than OpenML says.
    #[error("the file of {dataset} has the MD5 checksum {found}, and OpenML says {expected}")]
    Checksum {
        /// The data set.
        dataset: String,
        /// The checksum it has.
        found: String,
        /// The checksum it is to have.
        expected: String,
    },
    /// The file is broken.
    #[error("{dataset}, {error}")]
    Arff {
        /// The data set.
        dataset: String,
        /// What is wrong, and where.
        error: ArffError,
    },
    /// The target is not among the columns.
    #[error("{dataset} has no column `{target}` for the target; there are {}", listed(present))]
    NoTarget {
        /// The data set.
        dataset: String,
        /// The target.
        target: String,
        /// The columns.
        present: Vec<String>,
    },
    /// The data set is made to learn several columns.
    #[error("{dataset} has several targets: {}", listed(targets))]
    Targets {
        /// The data set.
        dataset: String,
        /// The targets.
        targets: Vec<String>,
    },
    /// A file of the cache is refused by the operating system.
    #[error("`{file}` cannot be {done}")]
    File {
        /// The file.
        file: String,
        /// What was done with it.
        done: &'static str,
        /// Why.
        #[source]
        source: io::Error,
    },
}

fn listed(names: &[String]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

impl OpenMlError {
    /// Tells whether the same request may well succeed a little later.
    pub(crate) fn is_transient(&self) -> bool {
        match self {
            OpenMlError::Unreachable { .. } => true,
            OpenMlError::Status { status, .. } => matches!(status.as_u16(), 429 | 502..=504),
            _ => false,
        }
    }
}

impl Explain for OpenMlError {
    fn help(&self) -> Option<String> {
        let help = match self {
            OpenMlError::Transport(error) => return error.help(),
            OpenMlError::Unreachable { source, .. } if source.is_timeout() => "try again later, or raise `timeout`",
            OpenMlError::Unreachable { .. } => "check the network, and `url` if it is given",
            OpenMlError::TooLarge { .. } => "raise `max_size` if the data set is to be that large",
            OpenMlError::NoDataset(_) => {
                "https://www.openml.org/search?type=data finds data sets: their names are spelt in full there, and each \
                 has a number that can be given as `data_id`"
            }
            OpenMlError::Format { .. } => "take another data set, or download the file and load it with its own loader",
            OpenMlError::Checksum { .. } => "try again: the file may have been cut or changed on its way",
            OpenMlError::NoTarget { .. } => "name one of them as `target_column`, or give null to have no target",
            OpenMlError::Targets { .. } => "name one of them as `target_column`; the others are features then",
            OpenMlError::Elsewhere { .. } => "check `url` if it is given",
            OpenMlError::Runtime(_)
            | OpenMlError::Status { .. }
            | OpenMlError::Answer { .. }
            | OpenMlError::Arff { .. }
            | OpenMlError::File { .. } => return None,
        };
        Some(help.to_owned())
    }
}
