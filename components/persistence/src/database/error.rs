//! What can go wrong with a database.

use std::io;

use palladium_component::prelude::*;
use palladium_component::value::seconds_text;

use super::connection::Patience;
use super::schema::PostfixError;
use crate::ArtifactError;
use crate::attachments::AttachmentError;
use crate::upgrade::UpgradeError;
use palladium_connect::{LocationError, Meaning};

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
    #[error("no thread could be started to talk to the database `{place}`")]
    Runtime {
        /// The database.
        place: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The folder of the database does not exist.
    #[error("there is no database `{place}`, as there is no folder `{folder}`")]
    MissingFolder {
        /// The database.
        place: String,
        /// The folder.
        folder: String,
        /// One of a similar name.
        near: Option<String>,
    },
    /// There is a folder in its place.
    #[error("the database `{place}` cannot be opened, as it is a folder")]
    Folder {
        /// The folder.
        place: String,
    },
    /// The file cannot be opened.
    #[error("the database `{place}` cannot be opened")]
    CannotOpen {
        /// The database.
        place: String,
        /// Why.
        #[source]
        source: sqlx::Error,
    },
    /// The server does not answer, or has no room for one more connection.
    #[error("the database `{place}` cannot be reached")]
    Unreachable {
        /// The database.
        place: String,
        /// Why.
        #[source]
        source: sqlx::Error,
    },
    /// One of the two does not trust the other's certificate, or has none to show.
    #[error("there is no connection to the database `{place}` that both sides trust")]
    Untrusted {
        /// The database.
        place: String,
        /// Why.
        #[source]
        source: sqlx::Error,
    },
    /// The server does not know the user or the password.
    #[error("the server of the database `{place}` does not let this user in")]
    Refused {
        /// The database.
        place: String,
        /// What it says.
        #[source]
        source: sqlx::Error,
    },
    /// There is no such database on the server.
    #[error("there is no database `{place}` on its server")]
    NoSuchDatabase {
        /// The database.
        place: String,
    },
    /// The user may not do that.
    #[error("this user may not do that in the database `{place}`")]
    NotPermitted {
        /// The database.
        place: String,
        /// What it says.
        #[source]
        source: sqlx::Error,
    },
    /// The server takes too long.
    #[error("the database `{place}` has not answered for {}", seconds_text(*seconds))]
    Slow {
        /// The database.
        place: String,
        /// How long it was waited for.
        seconds: f64,
    },
    /// The connection broke before anything was changed for good.
    #[error("the connection to the database `{place}` broke; nothing was changed")]
    Lost {
        /// The database.
        place: String,
        /// How.
        #[source]
        source: sqlx::Error,
    },
    /// The connection broke while a change was made for good.
    #[error(
        "the connection to the database `{place}` broke at the end of a change, which was made whole or not at all"
    )]
    LostCommit {
        /// The database.
        place: String,
        /// How.
        #[source]
        source: Box<DatabaseError>,
    },
    /// Others changed the same rows at the same time, again and again.
    #[error("others kept changing the store in `{place}` at the same time")]
    Contended {
        /// The database.
        place: String,
        /// What the database says.
        #[source]
        source: sqlx::Error,
    },
    /// The file is something else.
    #[error("`{place}` is not a database of SQLite")]
    NotADatabase {
        /// The database.
        place: String,
    },
    /// The database finds itself inconsistent.
    #[error("the database `{place}` is damaged")]
    Damaged {
        /// The database.
        place: String,
        /// What it found.
        #[source]
        source: sqlx::Error,
    },
    /// The database may not be written.
    #[error("the database `{place}` is read-only")]
    ReadOnly {
        /// The database.
        place: String,
    },
    /// The file or its folder may not be written.
    #[error("the database `{place}` may not be written by this user")]
    NotWritable {
        /// The database.
        place: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The disk is full.
    #[error("there is no room for the database `{place}` on its disk; nothing was changed")]
    Full {
        /// The database.
        place: String,
    },
    /// Another process holds the lock.
    #[error("the database `{place}` was locked by another process for more than {}", seconds_text(*seconds))]
    Locked {
        /// The database.
        place: String,
        /// How long it was waited for.
        seconds: f64,
    },
    /// Tables of these names exist and are something else.
    #[error("the database `{place}` holds tables of something else: {difference}")]
    OtherTables {
        /// The database.
        place: String,
        /// How they differ from those of a store.
        difference: String,
    },
    /// The bytes of the store are coded in the other way.
    #[error("the store in `{place}` keeps its models as {found}", found = if *.is_text { "text" } else { "bytes" })]
    OtherCoding {
        /// The database.
        place: String,
        /// Whether it keeps them as text.
        is_text: bool,
    },
    /// The store was made by a newer version of palladium.
    #[error("the store in `{place}` has the layout {found}, this binary knows layouts up to {known}")]
    NewerLayout {
        /// The database.
        place: String,
        /// Its layout.
        found: Release,
        /// The newest that is known.
        known: &'static str,
    },
    /// The store has no table for attachments.
    #[error("the store in `{place}` has an older layout, in which models have no attachments")]
    NoAttachments {
        /// The database.
        place: String,
    },
    /// An attachment cannot be stored or loaded.
    #[error(transparent)]
    Attachment(#[from] AttachmentError),
    /// The content of an attachment cannot be read, or not be passed on.
    #[error("the attachment `{name}` cannot be read or passed on")]
    AttachmentContent {
        /// Its name.
        name: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The store was written by the Python original.
    #[error("the database `{place}` is a store of Palladium for Python, whose pickled models cannot be read")]
    PythonStore {
        /// The database.
        place: String,
    },
    /// Rows of the store contradict each other.
    #[error("the store in `{place}` is damaged: {what}")]
    Inconsistent {
        /// The database.
        place: String,
        /// The contradiction.
        what: String,
    },
    /// The last possible version number has been given.
    #[error("the store in `{place}` has used up its version numbers")]
    VersionsUsedUp {
        /// The database.
        place: String,
    },
    /// A stored model cannot be read.
    #[error("version {version} in `{place}` cannot be read")]
    Unreadable {
        /// The database.
        place: String,
        /// The version.
        version: Version,
        /// Why.
        #[source]
        source: ArtifactError,
    },
    /// A model cannot be stored.
    #[error("the model cannot be stored in `{place}`")]
    Unwritable {
        /// The database.
        place: String,
        /// Why.
        #[source]
        source: ArtifactError,
    },
    /// The database refused a statement.
    #[error("the database `{place}` refused a statement")]
    Statement {
        /// The database.
        place: String,
        /// Why.
        #[source]
        source: sqlx::Error,
    },
}

/// What an error of the library is about.
pub(super) struct Place {
    /// The database.
    pub place: String,
    /// How long was waited at most.
    pub patience: Patience,
    /// Whether the connection was being made.
    pub is_connecting: bool,
}

impl DatabaseError {
    /// Returns what an error of the library means.
    pub(super) fn of(place: Place, source: sqlx::Error) -> DatabaseError {
        let Place { place, patience, is_connecting } = place;
        let seconds = patience.lock.as_secs_f64();
        match Meaning::of(&source, is_connecting) {
            Meaning::Locked => DatabaseError::Locked { place, seconds },
            Meaning::ReadOnly => DatabaseError::ReadOnly { place },
            Meaning::Damaged => DatabaseError::Damaged { place, source },
            Meaning::Full => DatabaseError::Full { place },
            Meaning::CannotOpen => DatabaseError::CannotOpen { place, source },
            Meaning::NotADatabase => DatabaseError::NotADatabase { place },
            Meaning::Unreachable => DatabaseError::Unreachable { place, source },
            Meaning::Untrusted => DatabaseError::Untrusted { place, source },
            Meaning::Refused => DatabaseError::Refused { place, source },
            Meaning::NoSuchDatabase => DatabaseError::NoSuchDatabase { place },
            Meaning::NotPermitted => DatabaseError::NotPermitted { place, source },
            Meaning::Lost => DatabaseError::Lost { place, source },
            Meaning::Contended => DatabaseError::Contended { place, source },
            Meaning::TimedOut | Meaning::NoSuchTable | Meaning::Other => DatabaseError::Statement { place, source },
        }
    }

    /// Returns the same for an error at the end of a transaction, of which nobody knows whether it was made.
    pub(super) fn while_committing(self) -> DatabaseError {
        match &self {
            DatabaseError::Lost { place, .. } | DatabaseError::Slow { place, .. } => {
                DatabaseError::LostCommit { place: place.clone(), source: Box::new(self) }
            }
            _ => self,
        }
    }

    /// Tells whether the same may succeed if it is done once more from its beginning.
    pub(super) fn is_transient(&self) -> bool {
        matches!(self, DatabaseError::Contended { .. } | DatabaseError::Lost { .. })
    }

    /// Tells whether the connection is of no use afterwards.
    pub(super) fn breaks_connection(&self) -> bool {
        matches!(
            self,
            DatabaseError::Lost { .. }
                | DatabaseError::Slow { .. }
                | DatabaseError::Unreachable { .. }
                | DatabaseError::Untrusted { .. }
        )
    }
}

impl Explain for DatabaseError {
    fn help(&self) -> Option<String> {
        let help = match self {
            DatabaseError::Url(error) => error.help(),
            DatabaseError::Folder { place } => {
                return Some(format!("name a file in it, such as `sqlite:///{place}/models.db`, in `url`"));
            }
            DatabaseError::MissingFolder { near: Some(near), .. } => {
                return Some(format!("did you mean `{near}`? If not, create the folder"));
            }
            DatabaseError::MissingFolder { near: None, .. } => "create the folder, or correct `url`",
            DatabaseError::CannotOpen { .. } => {
                "it has to be a file in a folder, and both have to be open to this user for reading and writing"
            }
            DatabaseError::NotWritable { .. } => "give this user the right to write the folder and the file",
            DatabaseError::Unreachable { .. } => "check host and port in `url`, and that the server runs",
            DatabaseError::Untrusted { .. } => {
                "check the certificates that `url` names, and how much it asks for by `sslmode` or `ssl_mode`"
            }
            DatabaseError::Refused { .. } => "check user and password in `url`",
            DatabaseError::NoSuchDatabase { .. } => "create it, or correct the name in `url`",
            DatabaseError::NotPermitted { .. } => {
                "let the user read and write the tables of the store, and create them once"
            }
            DatabaseError::Slow { .. } => "look after the server, or give it more time by `timeout`",
            DatabaseError::Lost { .. } | DatabaseError::Contended { .. } => "try again",
            DatabaseError::Full { .. } => "make room, and try again",
            DatabaseError::LostCommit { .. } => "`palladium list` shows whether it was made; try again if it was not",
            DatabaseError::NotADatabase { .. } => "point `url` at a store of models, or at a file that does not exist",
            DatabaseError::Damaged { .. } | DatabaseError::Inconsistent { .. } => "restore it from a backup",
            DatabaseError::ReadOnly { .. } => "give this user the right to write the database",
            DatabaseError::Locked { .. } => "try again when the other process is done",
            DatabaseError::OtherTables { .. } => "set `table_postfix`, or point `url` at another database",
            DatabaseError::OtherCoding { is_text: true, .. } => {
                "use `palladium.persistence.DatabaseCLOB` for it, or set `table_postfix`"
            }
            DatabaseError::OtherCoding { is_text: false, .. } => {
                "use `palladium.persistence.Database` for it, or set `table_postfix`"
            }
            DatabaseError::NewerLayout { .. } => "use the version of palladium that made it, or a newer one",
            DatabaseError::NoAttachments { .. } => "`palladium upgrade` brings the store to the current layout",
            DatabaseError::PythonStore { .. } => {
                "set `table_postfix`, or point `url` at a new database, and train the model again"
            }
            DatabaseError::Unreadable { source, .. } | DatabaseError::Unwritable { source, .. } => {
                return source.help();
            }
            DatabaseError::Upgrade(error) => return error.help(),
            DatabaseError::Attachment(error) => return error.help(),
            DatabaseError::Lookup(_)
            | DatabaseError::Active(_)
            | DatabaseError::Postfix(_)
            | DatabaseError::NotInitialized
            | DatabaseError::Runtime { .. }
            | DatabaseError::AttachmentContent { .. }
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
