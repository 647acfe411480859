//! A connection to SQLite whose calls block.

use std::time::Duration;

use sqlx::query::Query;
use sqlx::sqlite::{SqliteArguments, SqliteConnectOptions, SqliteConnection, SqliteRow, SqliteSynchronous};
use sqlx::{AssertSqlSafe, ColumnIndex, ConnectOptions, Connection as _, Decode, Row, Sqlite, Type};
use tokio::runtime::Handle;

use crate::DatabaseError;
use crate::location::Location;

/// A statement with its values.
pub type Statement<'q> = Query<'q, Sqlite, SqliteArguments>;

/// Returns a statement, in which table names are the only text that comes from a configuration: letters, digits and
/// underscores.
pub fn statement<'q>(sql: String) -> Statement<'q> {
    sqlx::query(AssertSqlSafe(sql))
}

/// What a transaction is going to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Intent {
    /// Read one state of the database.
    Read,
    /// Read and write; others wait from the start.
    Write,
}

/// A connection to SQLite.
pub struct Connection {
    runtime: Handle,
    inner: SqliteConnection,
    file: String,
    busy_timeout: Duration,
}

impl Connection {
    /// Opens a database; `create` makes the file if there is none.
    ///
    /// The journal is SQLite's own default, a rollback journal: it is there only during a write, so that a store is
    /// one file that can be copied, mounted read-only and put on a network folder, which a write-ahead log rules out.
    /// A database that someone switched to a write-ahead log stays so. `FULL` makes a commit survive a power cut.
    pub fn open(
        runtime: &Handle,
        location: &Location,
        create: bool,
        busy_timeout: Duration,
    ) -> Result<Connection, DatabaseError> {
        let file = location.to_string();
        let options = SqliteConnectOptions::new()
            .busy_timeout(busy_timeout)
            .create_if_missing(create)
            .foreign_keys(true)
            .synchronous(SqliteSynchronous::Full)
            .disable_statement_logging();
        let options = match location {
            // An absolute path cannot be taken for one of the names that mean something to SQLite.
            Location::File(path) => options.filename(std::path::absolute(path).unwrap_or_else(|_| path.clone())),
            Location::Memory => options.in_memory(true),
        };
        let inner = runtime
            .block_on(options.connect())
            .map_err(|source| DatabaseError::of_sqlite(&file, busy_timeout.as_secs_f64(), source))?;
        Ok(Connection { runtime: runtime.clone(), inner, file, busy_timeout })
    }

    /// Returns the name of the database for messages.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// Does some work in one transaction: all of it or, if it fails, nothing is done.
    pub fn transaction<T>(
        &mut self,
        intent: Intent,
        work: impl FnOnce(&mut Connection) -> Result<T, DatabaseError>,
    ) -> Result<T, DatabaseError> {
        let begin = match intent {
            Intent::Read => "BEGIN",
            Intent::Write => "BEGIN IMMEDIATE",
        };
        self.execute(sqlx::query(begin))?;
        let done = work(self).and_then(|done| self.execute(sqlx::query("COMMIT")).map(|_| done));
        if done.is_err() {
            // Some errors end the transaction by themselves; the first one is what matters.
            let _ = self.execute(sqlx::query("ROLLBACK"));
        }
        done
    }

    /// Executes a statement and returns the number of rows it changed.
    pub fn execute(&mut self, statement: Statement<'_>) -> Result<u64, DatabaseError> {
        let done = self.runtime.block_on(statement.execute(&mut self.inner));
        done.map(|result| result.rows_affected()).map_err(|source| self.error(source))
    }

    /// Returns the first row of a query.
    pub fn row(&mut self, statement: Statement<'_>) -> Result<Option<SqliteRow>, DatabaseError> {
        let row = self.runtime.block_on(statement.fetch_optional(&mut self.inner));
        row.map_err(|source| self.error(source))
    }

    /// Returns all rows of a query.
    pub fn rows(&mut self, statement: Statement<'_>) -> Result<Vec<SqliteRow>, DatabaseError> {
        let rows = self.runtime.block_on(statement.fetch_all(&mut self.inner));
        rows.map_err(|source| self.error(source))
    }

    /// Returns a value of a row.
    pub fn value<'r, T>(&self, row: &'r SqliteRow, column: usize) -> Result<T, DatabaseError>
    where
        T: Decode<'r, Sqlite> + Type<Sqlite>,
        usize: ColumnIndex<SqliteRow>,
    {
        row.try_get(column).map_err(|source| self.error(source))
    }

    /// Ends the connection; when this returns, the file is released.
    pub fn close(self) {
        // Whatever was done is committed or rolled back: closing has nothing left to fail at that matters.
        let _ = self.runtime.block_on(self.inner.close());
    }

    fn error(&self, source: sqlx::Error) -> DatabaseError {
        DatabaseError::of_sqlite(&self.file, self.busy_timeout.as_secs_f64(), source)
    }
}
