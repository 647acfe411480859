//! What can go wrong with a database.

use std::io;

use palladium_component::prelude::*;

use crate::ArtifactError;
use crate::location::LocationError;
use crate::schema::PostfixError;
use crate::upgrade::UpgradeError;

/// A store in a database did not do as it was asked.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// A model is not there.
    #[error("{0}")]
    Lookup(String),
    /// The version that is to be deleted is the active one.
    #[error("version {0} is the active one, and stays")]
    Active(Version),
    /// The layout of the store cannot be changed in this way.
    #[error(transparent)]
    Upgrade(#[from] UpgradeError),
    /// The URL is none that this build supports.
    #[error(transparent)]
    Url(#[from] LocationError),
    /// The names of the tables are none.
    #[error(transparent)]
    Postfix(#[from] PostfixError),
    /// The persister was used before it was told which models can be decoded.
    #[error("the persister was asked for a model before it was initialized")]
    NotInitialized,
    /// The threads that talk to the database could not be started.
    #[error("no thread could be started to talk to the database `{file}`")]
    Runtime {
        /// The database.
        file: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The folder of the database does not exist.
    #[error("the database `{file}` cannot be created: there is no folder `{folder}`")]
    MissingFolder {
        /// The database.
        file: String,
        /// The folder.
        folder: String,
    },
    /// The file cannot be opened.
    #[error("the database `{file}` cannot be opened")]
    CannotOpen {
        /// The database.
        file: String,
        /// Why.
        #[source]
        source: sqlx::Error,
    },
    /// The file is something else.
    #[error("`{file}` is not a database of SQLite")]
    NotADatabase {
        /// The file.
        file: String,
    },
    /// SQLite finds the file inconsistent.
    #[error("the database `{file}` is damaged")]
    Damaged {
        /// The database.
        file: String,
        /// What SQLite found.
        #[source]
        source: sqlx::Error,
    },
    /// The file may not be written.
    #[error("the database `{file}` is read-only")]
    ReadOnly {
        /// The database.
        file: String,
    },
    /// The disk is full.
    #[error("there is no room for the database `{file}` on its disk")]
    Full {
        /// The database.
        file: String,
    },
    /// Another process holds the lock.
    #[error("the database `{file}` was locked by another process for more than {seconds} seconds")]
    Locked {
        /// The database.
        file: String,
        /// How long it was waited for.
        seconds: f64,
    },
    /// Tables of these names exist and are something else.
    #[error("the database `{file}` holds tables of something else: {difference}")]
    OtherTables {
        /// The database.
        file: String,
        /// How they differ from those of a store.
        difference: String,
    },
    /// The store was written by the Python original.
    #[error("the database `{file}` is a store of Palladium for Python, whose pickled models cannot be read")]
    PythonStore {
        /// The database.
        file: String,
    },
    /// Rows of the store contradict each other.
    #[error("the store in `{file}` is damaged: {what}")]
    Inconsistent {
        /// The database.
        file: String,
        /// The contradiction.
        what: String,
    },
    /// The last possible version number has been given.
    #[error("the store in `{file}` has used up its version numbers")]
    VersionsUsedUp {
        /// The database.
        file: String,
    },
    /// A stored model cannot be read.
    #[error("version {version} in `{file}` cannot be read")]
    Unreadable {
        /// The database.
        file: String,
        /// The version.
        version: Version,
        /// Why.
        #[source]
        source: ArtifactError,
    },
    /// A model cannot be stored.
    #[error("the model cannot be stored in `{file}`")]
    Unwritable {
        /// The database.
        file: String,
        /// Why.
        #[source]
        source: ArtifactError,
    },
    /// SQLite refused a statement.
    #[error("the database `{file}` refused a statement")]
    Statement {
        /// The database.
        file: String,
        /// Why.
        #[source]
        source: sqlx::Error,
    },
}

impl DatabaseError {
    /// Returns what an error of SQLite means, by its primary result code.
    pub(crate) fn of_sqlite(file: &str, seconds: f64, source: sqlx::Error) -> DatabaseError {
        const PRIMARY: u32 = 0xff;
        let file = file.to_owned();
        let code = source.as_database_error().and_then(|error| error.code()?.parse::<u32>().ok());
        match code.map(|code| code & PRIMARY) {
            Some(5 | 6) => DatabaseError::Locked { file, seconds },
            Some(8) => DatabaseError::ReadOnly { file },
            Some(11) => DatabaseError::Damaged { file, source },
            Some(13) => DatabaseError::Full { file },
            Some(3 | 14) => DatabaseError::CannotOpen { file, source },
            Some(26) => DatabaseError::NotADatabase { file },
            _ => DatabaseError::Statement { file, source },
        }
    }
}

impl Explain for DatabaseError {
    fn help(&self) -> Option<String> {
        let help = match self {
            DatabaseError::Url(_) => LocationError::HELP,
            DatabaseError::MissingFolder { .. } => "create the folder, or correct `url`",
            DatabaseError::CannotOpen { .. } => {
                "it has to be a file in a folder, and both have to be open to this user for reading and writing"
            }
            DatabaseError::NotADatabase { .. } => "point `url` at a store of models, or at a file that does not exist",
            DatabaseError::Damaged { .. } | DatabaseError::Inconsistent { .. } => "restore it from a backup",
            DatabaseError::ReadOnly { .. } => "give this user the right to write the file and its folder",
            DatabaseError::Locked { .. } => "try again when the other process is done",
            DatabaseError::OtherTables { .. } => "set `table_postfix`, or point `url` at another file",
            DatabaseError::PythonStore { .. } => {
                "set `table_postfix`, or point `url` at a new file, and train the model again"
            }
            DatabaseError::Unreadable { source, .. } | DatabaseError::Unwritable { source, .. } => {
                return source.help();
            }
            DatabaseError::Upgrade(error) => return error.help(),
            DatabaseError::Lookup(_)
            | DatabaseError::Active(_)
            | DatabaseError::Postfix(_)
            | DatabaseError::NotInitialized
            | DatabaseError::Runtime { .. }
            | DatabaseError::Full { .. }
            | DatabaseError::VersionsUsedUp { .. }
            | DatabaseError::Statement { .. } => return None,
        };
        Some(help.to_owned())
    }
}

impl From<DatabaseError> for PersistError {
    fn from(error: DatabaseError) -> PersistError {
        match error {
            DatabaseError::Lookup(text) => PersistError::Lookup(text),
            DatabaseError::Active(version) => PersistError::refuse_active(version),
            error => PersistError::Failed(Failure::from(error)),
        }
    }
}
