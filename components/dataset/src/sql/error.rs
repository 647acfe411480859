//! What can be wrong with a database, a query and its answer.

use std::error::Error;
use std::io;

use palladium_component::prelude::*;
use palladium_component::value::{nearest, seconds_text};
use palladium_connect::{LocationError, Meaning};

use super::asked::Asked;
use super::cells::{CellError, Cells};
use super::places::PlaceError;

/// Says what is wrong with a database, a query or its answer, and in which column and row.
#[derive(Debug, thiserror::Error)]
pub enum SqlError {
    /// The URL is none of a database that this build supports.
    #[error(transparent)]
    Url(#[from] LocationError),
    /// Values and places of a query do not fit together.
    #[error("{message}")]
    Places {
        /// How they do not.
        message: String,
        /// What to do about it.
        advice: String,
    },
    /// The thread that talks to the database could not be started.
    #[error("no thread could be started to talk to the database `{place}`")]
    Runtime {
        /// The database.
        place: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// There is no such file.
    #[error("there is no database `{place}`")]
    NoFile {
        /// The file.
        place: String,
        /// A file of a similar name.
        near: Option<String>,
    },
    /// There is a folder in its place.
    #[error("the database `{place}` cannot be opened, as it is a folder")]
    Folder {
        /// The folder.
        place: String,
    },
    /// The table is not there.
    #[error("the database `{place}` has no table `{table}`")]
    NoTable {
        /// The database.
        place: String,
        /// The table.
        table: String,
        /// A table of a similar name.
        near: Option<String>,
    },
    /// The database takes too long.
    #[error("the database `{place}` has not given all rows within {}", seconds_text(*seconds))]
    Slow {
        /// The database.
        place: String,
        /// How long it was waited for.
        seconds: f64,
    },
    /// The connection takes too long.
    #[error("the database `{place}` could not be connected to within {}", seconds_text(*seconds))]
    SlowToConnect {
        /// The database.
        place: String,
        /// How long it was waited for.
        seconds: f64,
    },
    /// The database says no.
    #[error("{}", told(.place, *.meaning))]
    Database {
        /// The database.
        place: String,
        /// What the error means.
        meaning: Meaning,
        /// What the database says.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// The database does not understand a query that may be meant as the name of a table.
    #[error("the database `{place}` refused the query")]
    NoQuery {
        /// The database.
        place: String,
        /// How the name would be written.
        written: String,
        /// What the database says.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// The statement does something else than reading.
    #[error("`sql` would do more than read the tables")]
    MoreThanReading,
    /// The statement has no columns to answer with.
    #[error("`sql` is a statement that gives no rows")]
    NoAnswer,
    /// A column that an option names is not in the answer.
    #[error("{what} has no column `{column}`, which `{parameter}` names; there are {}", listed(present))]
    NoColumn {
        /// The table or the answer.
        what: String,
        /// The column.
        column: String,
        /// The option.
        parameter: &'static str,
        /// The columns that are there.
        present: Vec<String>,
    },
    /// Two columns have the same name.
    #[error("two columns of the answer are named `{0}`")]
    TwoColumns(String),
    /// Tables have no type for what a column holds.
    #[error("column `{column}` has the type `{declared}`, which tables do not hold")]
    Unsupported {
        /// The column.
        column: String,
        /// Its type.
        declared: String,
        /// What to do about it.
        advice: String,
    },
    /// Tables have no type for what a cell holds.
    #[error("{what}, row {row}: column `{column}`{} holds {found}", of_type(declared))]
    Cell {
        /// The table or the answer.
        what: String,
        /// The row, from 1.
        row: usize,
        /// The column.
        column: String,
        /// Its type.
        declared: String,
        /// What the cell holds.
        found: String,
        /// What to do about it.
        advice: String,
    },
    /// The answer is no table.
    #[error(transparent)]
    Data(#[from] DataError),
}

impl SqlError {
    /// Returns what an error of a database means.
    pub(crate) fn database(place: &str, meaning: Meaning, source: impl Into<Box<dyn Error + Send + Sync>>) -> SqlError {
        SqlError::Database { place: place.to_owned(), meaning, source: source.into() }
    }

    /// Returns the error of a column to which a cell at a row from 0 was to be added.
    pub(super) fn cell(what: &str, pushed: usize, cells: &Cells, error: CellError) -> SqlError {
        let declared = &cells.declared;
        let row = if let CellError::Inexact { row, .. } = error { row } else { pushed };
        let (found, advice) = match error {
            CellError::Inexact { number, .. } => (
                format!("the whole number {number} among numbers that cannot tell it from its neighbours"),
                format!("cast the column: `CAST({} AS TEXT)` keeps each digit", cells.name),
            ),
            CellError::TooMuchText => (
                "a text with which those of the column are more than 2 GiB together".to_owned(),
                "read fewer rows, or a part of the column".to_owned(),
            ),
            CellError::Unusable { what, advice } => (what, advice.to_owned()),
        };
        SqlError::Cell {
            what: what.to_owned(),
            row: row + 1,
            column: cells.name.clone(),
            declared: declared.clone(),
            found,
            advice,
        }
    }

    /// Returns the error with the advice to put what looks like the name of a table into quotes.
    pub(super) fn about(self, asked: &Asked<'_>) -> SqlError {
        match (self, asked.as_name()) {
            (SqlError::Database { place, meaning: Meaning::Other, source }, Some(written)) => {
                SqlError::NoQuery { place, written, source }
            }
            (error, _) => error,
        }
    }

    /// Returns what SQLite says where it does not understand a query.
    pub(crate) fn words_of_sqlite(&self) -> Option<&str> {
        let SqlError::Database { source, meaning: Meaning::Other, .. } = self else { return None };
        source.downcast_ref::<Words>().map(|words| words.0.as_str())
    }

    /// Tells whether the connection can be used after this.
    pub(super) fn breaks_connection(&self) -> bool {
        match self {
            SqlError::Database { meaning, .. } => {
                matches!(meaning, Meaning::Lost | Meaning::Unreachable | Meaning::Untrusted)
            }
            SqlError::Slow { .. } | SqlError::SlowToConnect { .. } | SqlError::Cell { .. } => true,
            _ => false,
        }
    }
}

/// What SQLite says, without its codes.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Words(pub(super) String);

impl From<PlaceError> for SqlError {
    fn from(error: PlaceError) -> SqlError {
        SqlError::Places { message: error.to_string(), advice: error.help() }
    }
}

fn told(place: &str, meaning: Meaning) -> String {
    match meaning {
        Meaning::Locked => format!("the database `{place}` is locked by another process"),
        Meaning::Damaged => format!("the database `{place}` is damaged"),
        Meaning::CannotOpen => format!("the database `{place}` cannot be opened"),
        Meaning::NotADatabase => format!("`{place}` is not a database of SQLite"),
        Meaning::Unreachable => format!("the database `{place}` cannot be reached"),
        Meaning::Untrusted => format!("there is no connection to the database `{place}` that both sides trust"),
        Meaning::Refused => format!("the server of the database `{place}` does not let this user in"),
        Meaning::NoSuchDatabase => format!("there is no database `{place}` on its server"),
        Meaning::NotPermitted => format!("this user may not read that in the database `{place}`"),
        Meaning::ReadOnly => format!("`sql` would change the database `{place}`, which is only read"),
        Meaning::Lost => format!("the connection to the database `{place}` broke while it was read"),
        Meaning::Full | Meaning::NoSuchTable | Meaning::Contended | Meaning::TimedOut | Meaning::Other => {
            format!("the database `{place}` refused the query")
        }
    }
}

pub(super) fn of_type(declared: &str) -> String {
    if declared.is_empty() { String::new() } else { format!(" of the type `{declared}`") }
}

fn listed(names: &[String]) -> String {
    const SHOWN: usize = 20;
    let mut shown: Vec<String> = names.iter().take(SHOWN).map(|name| format!("`{name}`")).collect();
    if names.len() > SHOWN {
        shown.push(format!("and {} more", names.len() - SHOWN));
    }
    if shown.is_empty() { "none".to_owned() } else { shown.join(", ") }
}

impl Explain for SqlError {
    fn help(&self) -> Option<String> {
        let help = match self {
            SqlError::Url(error) => error.help(),
            SqlError::Places { advice, .. } | SqlError::Unsupported { advice, .. } | SqlError::Cell { advice, .. } => {
                advice
            }
            SqlError::NoFile { near: Some(near), .. } | SqlError::NoTable { near: Some(near), .. } => {
                return Some(format!("did you mean `{near}`?"));
            }
            SqlError::NoFile { near: None, .. } => {
                "a relative path counts from the folder that the command runs in; `sqlite:///${here}/data.db` counts \
                 from the configuration file"
            }
            SqlError::Folder { place } => {
                return Some(format!("name a file in it, such as `sqlite:///{place}/data.db`, in `url`"));
            }
            SqlError::NoTable { near: None, .. } => "check `sql`; a table of another schema is `schema.table`",
            SqlError::Slow { .. } => "ask for less, or give it more time by `timeout`",
            SqlError::SlowToConnect { .. } => "look after the server, or give it more time by `connect_timeout`",
            SqlError::NoQuery { written, .. } => {
                return Some(format!("if this is the name of a table, write it in quotes or brackets: `{written}`"));
            }
            SqlError::MoreThanReading => "write one query, such as `SELECT … FROM …`",
            SqlError::NoAnswer => "write a query, such as `SELECT … FROM …`, or the name of a table",
            SqlError::NoColumn { column, present, .. } => {
                let near = nearest(column, present.iter().map(String::as_str))?;
                return Some(format!("did you mean `{near}`?"));
            }
            SqlError::TwoColumns(_) => "give one of them another name: `SELECT … AS name`",
            SqlError::Database { meaning, .. } => match meaning {
                Meaning::Locked => "try again when the other process is done, or wait longer by `connect_timeout`",
                Meaning::Damaged => "restore it from a backup",
                Meaning::CannotOpen => "it has to be a file that this user may read",
                Meaning::NotADatabase => "point `url` at a database of SQLite",
                Meaning::Unreachable => "check host and port in `url`, and that the server runs",
                Meaning::Untrusted => {
                    "check the certificates that `url` names, and how much it asks for by `sslmode` or `ssl_mode`"
                }
                Meaning::Refused => "check user and password in `url`",
                Meaning::NoSuchDatabase => "create it, or correct the name in `url`",
                Meaning::NotPermitted => "let the user read the tables of the query",
                Meaning::ReadOnly => "write a query that reads: the loader changes nothing",
                Meaning::Lost => "try again",
                Meaning::Full | Meaning::NoSuchTable | Meaning::Contended | Meaning::TimedOut | Meaning::Other => {
                    return None;
                }
            },
            SqlError::Data(error) => return error.help(),
            SqlError::Runtime { .. } => return None,
        };
        Some(help.to_owned())
    }
}
