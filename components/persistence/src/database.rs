//! Models in a database: `palladium.persistence.Database` and `palladium.persistence.DatabaseCLOB`.

mod attached;
mod chunks;
mod connection;
mod dialect;
mod error;
mod history;
mod orphans;
mod rows;
mod schema;
mod session;
mod statement;
mod store;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use palladium_component::prelude::*;
use palladium_connect::Location;

pub use error::DatabaseError;

use connection::Patience;
use dialect::Coding;
use schema::Tables;
use session::{Session, Settings};
use store::Store;

use crate::persister::persister_by;

/// The layout of new stores. Layout 1.1 added the table of attachments.
const LAYOUT: &str = "1.1";

/// How many seconds a server may take to answer.
const ANSWER_SECONDS: f64 = 60.0;
/// How many connections to a server wait for their next use.
const POOL_SIZE: usize = 5;
/// How many seconds a connection to a server is used.
const RECYCLE_SECONDS: f64 = 1800.0;

/// Declares a persister. The two differ in name, manual page and in how bytes are stored only.
macro_rules! database {
    ($(#[doc = $doc:tt])* $type:ident, $name:tt, $coding:expr) => {
        $(#[doc = $doc])*
        #[component(
            Persister,
            name = $name,
            gone(poolclass = "leave it out; `pool_size` says how many connections to a server are kept, 0 is SQLAlchemy's \
                              `NullPool`, and `pool_recycle` for how long"),
            check,
            lifecycle
        )]
        pub struct $type {
            /// Where the database is, in the spelling of SQLAlchemy: `sqlite:///models.db` is a file in the working
            /// directory, `sqlite:////folder/models.db` a file elsewhere, and `sqlite://` lasts as long as the process;
            /// `postgresql://user:password@host:5432/name` and `mysql://user:password@host:3306/name` are on a
            /// server, `mariadb://` is the same as `mysql://`. After a `?` may stand `sslmode`, `sslrootcert`,
            /// `sslcert`, `sslkey`, `host` (the folder of a socket), `application_name` and `options` for PostgreSQL,
            /// `ssl_mode`, `ssl_ca`, `ssl_cert`, `ssl_key` and `unix_socket` for MySQL. Take the password from the
            /// environment: `${environ.DB_PASSWORD}`.
            url: String,
            /// The bytes of a model lie in rows of this many bytes; fewer where the server takes no statement that long.
            #[param(default = 4_194_304, min = 1, max = 536_870_912)]
            chunk_size: usize,
            /// Letters, digits and underscores that all table names end in, so that several stores fit into one
            /// database.
            #[param(default = "")]
            table_postfix: String,
            /// How many seconds to wait for another process that changes the store.
            #[param(default = 10.0, above = 0.0, max = 86400.0)]
            lock_timeout: f64,
            /// How many seconds a server may take to answer, null for 60. SQLite is no server.
            #[param(above = 0.0, max = 86400.0)]
            timeout: Option<f64>,
            /// How many connections to a server are kept for their next use, null for 5. With 0 each use has a
            /// connection of its own, as with SQLAlchemy's `NullPool`. SQLite always does without.
            #[param(max = 1000)]
            pool_size: Option<usize>,
            /// After how many seconds a connection to a server is replaced by a new one, null for 1800. SQLite does
            /// without.
            #[param(above = 0.0, max = 86400.0)]
            pool_recycle: Option<f64>,
            #[state]
            formats: OnceLock<Arc<ModelFormats>>,
            #[state]
            session: Session,
        }

        impl $type {
            fn check(&self) -> Result<(), ArgumentError> {
                let location = Location::parse(&self.url)
                    .map_err(|error| ArgumentError::new("url", error.to_string()).help(error.help()))?;
                Tables::new(&self.table_postfix, $coding)
                    .map_err(|error| ArgumentError::new("table_postfix", error.to_string()))?;
                let of_servers = [
                    ("timeout", self.timeout.is_some()),
                    ("pool_size", self.pool_size.is_some()),
                    ("pool_recycle", self.pool_recycle.is_some()),
                ];
                match of_servers.iter().find(|(_, is_given)| *is_given && !location.is_server()) {
                    Some((name, _)) => Err(ArgumentError::new(name, format!("`{name}` is for servers, and SQLite is none"))
                        .help("leave it out, or let `url` name a server")),
                    None => Ok(()),
                }
            }

            fn store(&self) -> Result<Store<'_>, DatabaseError> {
                let location = Location::parse(&self.url)?;
                let lock = Duration::from_secs_f64(self.lock_timeout);
                // A lock is waited for within an answer. SQLite bounds its waits by itself.
                let answer = match location.is_server() {
                    true => Duration::from_secs_f64(self.timeout.unwrap_or(ANSWER_SECONDS)).max(lock * 2),
                    false => Duration::MAX,
                };
                let settings = Settings {
                    location,
                    tables: Tables::new(&self.table_postfix, $coding)?,
                    patience: Patience { lock, answer },
                    pool_size: self.pool_size.unwrap_or(POOL_SIZE),
                    pool_recycle: Duration::from_secs_f64(self.pool_recycle.unwrap_or(RECYCLE_SECONDS)),
                };
                Ok(Store { settings, session: &self.session, formats: self.formats.get(), chunk_size: self.chunk_size })
            }
        }

        impl Lifecycle for $type {
            fn initialize(&self, context: &InitContext<'_>) -> Result<(), Failure> {
                // The formats are those of the binary: a second start has no others.
                self.formats.get_or_init(|| Arc::clone(context.formats));
                Ok(())
            }

            fn probe(&self) -> Result<Probe, Failure> {
                Ok(Probe::Found(self.store()?.probe()?))
            }
        }

        persister_by!($type, store);
    };
}

database! {
    /// Stores models in a database: SQLite, PostgreSQL, MySQL or MariaDB.
    ///
    /// A database of SQLite is one file, the others are on a server. Models, their metadata, their attachments and which one is active lie in five tables. The tables, and the file,
    /// are made when the first model is stored; until then the store is empty. Each change is one transaction: a process
    /// that is killed in the middle of it leaves the store as it was. Any number of processes may use one store at
    /// once; who changes it waits for the others, ten seconds unless `lock_timeout` says otherwise. On a server nobody
    /// waits while a model is stored; with SQLite those who read wait too while the bytes of a large model reach the
    /// disk.
    ///
    /// ```ron
    /// {
    ///     "model_persister": {
    ///         "!": "palladium.persistence.Database",
    ///         "url": "sqlite:///${here}/models.db",
    ///     },
    /// }
    /// ```
    ///
    /// On a server:
    ///
    /// ```ron
    /// {
    ///     "model_persister": {
    ///         "!": "palladium.persistence.Database",
    ///         "url": "postgresql://palladium:${environ.DB_PASSWORD:-}@127.0.0.1:5432/models?sslmode=prefer",
    ///         "table_postfix": "iris",
    ///     },
    /// }
    /// ```
    ///
    /// Version numbers count from 1 and are never given twice, also after the newest model was deleted. Models that
    /// Palladium for Python stored cannot be read: they are pickles, which can run any code.
    ///
    /// Each activation is written to a table of its own, which `palladium admin history` shows. The property
    /// `db-version` is the number of the layout of the tables, not that of the program; `palladium upgrade` brings an
    /// older store to the current layout.
    ///
    /// On a server the user needs the right to create tables once, and to read and write them. A connection that breaks
    /// is replaced, and what was not yet done is done again.
    Database, "palladium.persistence.Database", Coding::Binary
}

database! {
    /// Stores models in a database as text in base64.
    ///
    /// Everything else is as in `palladium.persistence.Database`. Models take a third more room.
    ///
    /// ```ron
    /// {
    ///     "model_persister": {
    ///         "!": "palladium.persistence.DatabaseCLOB",
    ///         "url": "sqlite:///${here}/models-as-text.db",
    ///     },
    /// }
    /// ```
    DatabaseCLOB, "palladium.persistence.DatabaseCLOB", Coding::Base64
}

#[cfg(test)]
mod tests;
