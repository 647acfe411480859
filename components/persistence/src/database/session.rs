//! From a call that blocks to a transaction: threads, connections and whether there is a store at all.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use palladium_component::value::near_file;
use tokio::runtime::Handle;

use super::DatabaseError;
use super::connection::{Connection, Intent, Patience};
use super::rows::Rows;
use super::schema::{Found, Present, Tables};
use palladium_connect::BlockingRuntime;
use palladium_connect::Location;

/// How often a transaction is begun anew that others were in the way of.
const MOST_ATTEMPTS: u32 = 12;

/// What a persister keeps while it lives. Nothing is started or opened before the first call.
///
/// A file has one connection for each call: opening one takes a fraction of a millisecond, and a file that was moved
/// or replaced in the meantime is noticed. Connections to a server are kept for the next call.
pub struct Session {
    runtime: BlockingRuntime,
    /// The connection to a database in memory, which lasts as long as its connection.
    memory: Mutex<Option<Connection>>,
    /// Connections to a server that wait for their next use, the last one used at the end.
    idle: Mutex<Vec<Connection>>,
    /// Whether the tables have been looked at and are those of a store.
    is_known: AtomicBool,
}

/// Which store a call is about, and how it talks to the database.
pub struct Settings {
    /// The database.
    pub location: Location,
    /// The tables in it.
    pub tables: Tables,
    /// How long is waited.
    pub patience: Patience,
    /// How many connections to a server are kept.
    pub pool_size: usize,
    /// How long a connection to a server is kept.
    pub pool_recycle: Duration,
}

impl Default for Session {
    fn default() -> Session {
        Session {
            runtime: BlockingRuntime::new("palladium-database"),
            memory: Mutex::default(),
            idle: Mutex::default(),
            is_known: AtomicBool::default(),
        }
    }
}

impl Session {
    /// Works on a store in one transaction, if there is a store. The work is done again from its beginning where others
    /// were in its way.
    pub fn existing<T>(
        &self,
        settings: &Settings,
        intent: Intent,
        mut work: impl FnMut(&mut Rows<'_>) -> Result<T, DatabaseError>,
    ) -> Result<Option<T>, DatabaseError> {
        if settings.location.file().is_some_and(|file| matches!(file.try_exists(), Ok(false))) {
            // A typo must not look like a store in which nothing is.
            return check_folder(&settings.location).map(|()| None);
        }
        self.connected(settings, false, |connection| {
            connection.transaction(intent, |connection| match settings.tables.find(connection)? {
                Found::Nothing | Found::Begun => Ok(None),
                Found::Store(present) => self.work(settings, connection, present, intent, &mut work).map(Some),
            })
        })
    }

    /// Asks a store one question outside a transaction, if it is known that there is a store; nothing means that it is
    /// not, or that the question cannot be answered.
    pub fn ask<T>(
        &self,
        settings: &Settings,
        question: impl Fn(&mut Rows<'_>) -> Result<T, DatabaseError>,
    ) -> Option<T> {
        if !self.is_known.load(Ordering::Relaxed) {
            return None;
        }
        // Whatever is wrong is told by the transaction that comes next.
        let present = Present { activations: true, attachments: true };
        let ask = |connection: &mut Connection| question(&mut Rows::new(connection, &settings.tables, present));
        self.connected(settings, false, ask).ok()
    }

    /// Works on a store in one transaction and makes the store if there is none.
    pub fn creating<T>(
        &self,
        settings: &Settings,
        mut work: impl FnMut(&mut Rows<'_>) -> Result<T, DatabaseError>,
    ) -> Result<T, DatabaseError> {
        check_folder(&settings.location)?;
        let tables = &settings.tables;
        self.connected(settings, true, |connection| {
            let first = match connection.dialect().creates_in_transactions() {
                true => None,
                false => Some(found_or_made(tables, connection)?),
            };
            connection.transaction(Intent::Write, |connection| {
                let present = first.map_or_else(|| found_or_made(tables, connection), Ok)?;
                self.work(settings, connection, present, Intent::Write, &mut work)
            })
        })
    }

    fn work<T>(
        &self,
        settings: &Settings,
        connection: &mut Connection,
        present: Present,
        intent: Intent,
        work: &mut impl FnMut(&mut Rows<'_>) -> Result<T, DatabaseError>,
    ) -> Result<T, DatabaseError> {
        let mut rows = Rows::new(connection, &settings.tables, present);
        if intent == Intent::Write {
            rows.lock()?;
        }
        self.is_known.store(true, Ordering::Relaxed);
        work(&mut rows)
    }

    /// Works with a connection, and does it again where that may help.
    fn connected<T>(
        &self,
        settings: &Settings,
        create: bool,
        mut work: impl FnMut(&mut Connection) -> Result<T, DatabaseError>,
    ) -> Result<T, DatabaseError> {
        let mut attempt = 1;
        loop {
            match self.connected_once(settings, create, &mut work) {
                Err(error) if error.is_transient() && attempt < MOST_ATTEMPTS => {
                    tracing::debug!(attempt, "a transaction is begun anew: {error}");
                    std::thread::sleep(Duration::from_millis(fastrand::u64(1..=5 << attempt.min(8))));
                    attempt += 1;
                }
                done => return done,
            }
        }
    }

    fn connected_once<T>(
        &self,
        settings: &Settings,
        create: bool,
        work: &mut impl FnMut(&mut Connection) -> Result<T, DatabaseError>,
    ) -> Result<T, DatabaseError> {
        let location = &settings.location;
        let open = || Connection::open(&self.runtime(location)?, location, create, settings.patience);
        match location {
            Location::File(_) => {
                let mut connection = open()?;
                let done = work(&mut connection);
                connection.close();
                done
            }
            Location::Memory => {
                let mut memory = lock(&self.memory);
                let mut connection = memory.take().map_or_else(open, Ok)?;
                let done = work(&mut connection);
                *memory = Some(connection);
                done
            }
            Location::Server(_) => {
                let idle = lock(&self.idle).pop().filter(|idle| idle.is_usable(settings.pool_recycle));
                let mut connection = idle.map_or_else(open, Ok)?;
                let done = work(&mut connection);
                self.put_back(settings, connection);
                done
            }
        }
    }

    /// Keeps a connection for the next call.
    fn put_back(&self, settings: &Settings, connection: Connection) {
        let mut idle = lock(&self.idle);
        if !connection.is_usable(settings.pool_recycle) {
            // Where one is broken, those that have waited longer are too.
            idle.clear();
        } else if idle.len() < settings.pool_size {
            idle.push(connection);
        } else {
            drop(idle);
            connection.close();
        }
    }

    fn runtime(&self, location: &Location) -> Result<Handle, DatabaseError> {
        self.runtime.handle().map_err(|source| DatabaseError::Runtime { place: location.to_string(), source })
    }
}

/// Looks which tables there are and makes those that are missing.
fn found_or_made(tables: &Tables, connection: &mut Connection) -> Result<Present, DatabaseError> {
    let found = tables.find(connection)?;
    if let Found::Store(present) = found {
        let is_complete = present.activations && present.attachments;
        let is_made_later = connection.dialect().creates_in_transactions();
        // Elsewhere a table that is made in a transaction would end it.
        if is_made_later || is_complete && !Rows::new(connection, tables, present).is_untouched()? {
            return Ok(present);
        }
    }
    // Where the creation of tables is not part of a transaction, it may have been interrupted.
    tables.create(connection)?;
    let present = Present { activations: true, attachments: true };
    Rows::new(connection, tables, present).begin_properties()?;
    Ok(present)
}

/// Checks that the folder is there in which the file lies or will lie.
pub fn check_folder(location: &Location) -> Result<(), DatabaseError> {
    match location.file().and_then(Path::parent) {
        Some(folder) if !folder.as_os_str().is_empty() && !folder.is_dir() => {
            let near = near_file(folder).filter(|near| near.is_dir()).map(|near| near.display().to_string());
            let (place, folder) = (location.to_string(), folder.display().to_string());
            Err(DatabaseError::MissingFolder { place, folder, near })
        }
        _ => Ok(()),
    }
}

/// Locks; what a thread left that panicked is a whole connection or none.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
