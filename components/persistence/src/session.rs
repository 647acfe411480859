//! From a call that blocks to a transaction: threads, connections and whether there is a store at all.

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::runtime::{Builder, Handle, Runtime};

use crate::DatabaseError;
use crate::connection::{Connection, Intent};
use crate::location::Location;
use crate::schema::Found;
use crate::statements::{DB_VERSION, Statements};

/// What a persister keeps while it lives. Nothing is started or opened before the first call.
///
/// A file has one connection for each call: opening one takes a fraction of a millisecond, and a file that was moved
/// or replaced in the meantime is noticed.
pub struct Session {
    runtime: Mutex<Option<Runtime>>,
    /// The connection to a database in memory, which lasts as long as its connection.
    memory: Mutex<Option<Connection>>,
    /// How long a call waits for a lock that another process holds.
    pub busy_timeout: Duration,
}

impl Default for Session {
    fn default() -> Session {
        Session { runtime: Mutex::default(), memory: Mutex::default(), busy_timeout: Duration::from_secs(10) }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // Dropping a runtime waits for its threads, which panics inside another asynchronous runtime.
        if let Some(runtime) = lock(&self.runtime).take() {
            runtime.shutdown_background();
        }
    }
}

impl Session {
    /// Works on a store in one transaction, if there is a store.
    pub fn existing<T>(
        &self,
        location: &Location,
        statements: &Statements,
        intent: Intent,
        work: impl FnOnce(&mut Connection) -> Result<T, DatabaseError>,
    ) -> Result<Option<T>, DatabaseError> {
        if location.file().is_some_and(|file| matches!(file.try_exists(), Ok(false))) {
            return Ok(None);
        }
        self.connected(location, false, |connection| {
            connection.transaction(intent, |connection| match statements.tables().find(connection)? {
                Found::Nothing => Ok(None),
                Found::Store => work(connection).map(Some),
            })
        })
    }

    /// Works on a store in one transaction and makes the store if there is none.
    pub fn creating<T>(
        &self,
        location: &Location,
        statements: &Statements,
        db_version: &str,
        work: impl FnOnce(&mut Connection) -> Result<T, DatabaseError>,
    ) -> Result<T, DatabaseError> {
        check_folder(location)?;
        self.connected(location, true, |connection| {
            connection.transaction(Intent::Write, |connection| {
                if statements.tables().find(connection)? == Found::Nothing {
                    statements.tables().create(connection)?;
                    statements.set_property(connection, DB_VERSION, db_version)?;
                }
                work(connection)
            })
        })
    }

    fn connected<T>(
        &self,
        location: &Location,
        create: bool,
        work: impl FnOnce(&mut Connection) -> Result<T, DatabaseError>,
    ) -> Result<T, DatabaseError> {
        let open = || Connection::open(&self.runtime(location)?, location, create, self.busy_timeout);
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
        }
    }

    fn runtime(&self, location: &Location) -> Result<Handle, DatabaseError> {
        let mut runtime = lock(&self.runtime);
        if let Some(runtime) = runtime.as_ref() {
            return Ok(runtime.handle().clone());
        }
        let built =
            Builder::new_multi_thread().worker_threads(1).thread_name("palladium-database").enable_all().build();
        let built = built.map_err(|source| DatabaseError::Runtime { file: location.to_string(), source })?;
        Ok(runtime.insert(built).handle().clone())
    }
}

/// Checks that the folder is there in which the file lies or will lie.
pub fn check_folder(location: &Location) -> Result<(), DatabaseError> {
    match location.file().and_then(Path::parent) {
        Some(folder) if !folder.as_os_str().is_empty() && !folder.is_dir() => {
            Err(DatabaseError::MissingFolder { file: location.to_string(), folder: folder.display().to_string() })
        }
        _ => Ok(()),
    }
}

/// Locks; what a thread left that panicked is a whole connection or none.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
