//! A connection to a database whose calls block.

use std::future::Future;
use std::path::Path;
use std::time::{Duration, Instant};

use futures_util::stream::BoxStream;
use futures_util::{StreamExt, TryStreamExt};
use sqlx::mysql::MySqlConnection;
use sqlx::postgres::PgConnection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteSynchronous};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection as _};
use tokio::runtime::Handle;

use super::DatabaseError;
use super::dialect::Dialect;
use super::error::Place;
use super::statement::{Datum, Field, Row, Statement, statement};
use crate::fail_point;
use palladium_connect::{Location, ServerOptions};

/// What a transaction is going to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Intent {
    /// Read one state of the database.
    Read,
    /// Read and write; others wait from the start.
    Write,
    /// Add what is in nobody's way.
    Add,
}

/// How long is waited.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// For a lock that another process holds.
    pub lock: Duration,
    /// For the answer of a server.
    pub answer: Duration,
}

/// A connection.
pub struct Connection {
    runtime: Handle,
    inner: Inner,
    place: String,
    patience: Patience,
    opened: Instant,
    /// Whether an answer may be under way that nobody waits for any more.
    is_broken: bool,
}

enum Inner {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
    MySql(MySqlConnection),
}

/// Does the same with a connection of each database.
macro_rules! each {
    ($inner:expr, $connection:ident => $work:expr) => {
        match $inner {
            Inner::Sqlite($connection) => $work,
            Inner::Postgres($connection) => $work,
            Inner::MySql($connection) => $work,
        }
    };
}

/// Returns the library's query with its values.
macro_rules! query {
    ($sql:expr, $values:expr) => {
        $values.into_iter().fold(sqlx::query(AssertSqlSafe($sql)), |query, value| match value {
            Datum::Int(number) => query.bind(number),
            Datum::Text(text) => query.bind(text),
            Datum::Bytes(bytes) => query.bind(bytes),
        })
    };
}

impl Connection {
    /// Opens a database; `create` makes the file of SQLite if there is none.
    ///
    /// The journal is SQLite's own default, a rollback journal: it is there only during a write, so that a store is
    /// one file that can be copied, mounted read-only and put on a network folder, which a write-ahead log rules out.
    /// A database that someone switched to a write-ahead log stays so. `FULL` makes a commit survive a power cut.
    pub fn open(
        runtime: &Handle,
        location: &Location,
        create: bool,
        patience: Patience,
    ) -> Result<Connection, DatabaseError> {
        let place = location.to_string();
        if location.file().is_some_and(Path::is_dir) {
            return Err(DatabaseError::Folder { place });
        }
        let sqlite = || {
            SqliteConnectOptions::new()
                .busy_timeout(patience.lock)
                .create_if_missing(create)
                .foreign_keys(true)
                .synchronous(SqliteSynchronous::Full)
                .disable_statement_logging()
        };
        let opened = runtime.block_on(async {
            let connect = async {
                Ok(match location {
                    Location::File(path) => {
                        // An absolute path cannot be taken for one of the names that mean something to SQLite.
                        let path = std::path::absolute(path).unwrap_or_else(|_| path.clone());
                        Inner::Sqlite(sqlite().filename(path).connect().await?)
                    }
                    Location::Memory => Inner::Sqlite(sqlite().in_memory(true).connect().await?),
                    Location::Server(server) => match &server.options {
                        ServerOptions::Postgres(options) => {
                            Inner::Postgres(options.clone().disable_statement_logging().connect().await?)
                        }
                        ServerOptions::MySql(options) => {
                            Inner::MySql(options.clone().disable_statement_logging().connect().await?)
                        }
                    },
                })
            };
            tokio::time::timeout(patience.answer, connect).await
        });
        let place_of = |place| Place { place, patience, is_connecting: true };
        let inner = match opened {
            Ok(Ok(inner)) => inner,
            Ok(Err(source)) => return Err(DatabaseError::of(place_of(place), source)),
            Err(_) => return Err(DatabaseError::Slow { place, seconds: patience.answer.as_secs_f64() }),
        };
        let opened = Instant::now();
        let mut connection = Connection { runtime: runtime.clone(), inner, place, patience, opened, is_broken: false };
        connection.bound_locks()?;
        Ok(connection)
    }

    /// Tells a server how long to wait for a lock; SQLite was told when the database was opened.
    fn bound_locks(&mut self) -> Result<(), DatabaseError> {
        let milliseconds = self.patience.lock.as_millis().clamp(1, i32::MAX as u128);
        match self.dialect() {
            Dialect::Sqlite => Ok(()),
            Dialect::Postgres => self.run(format!("SET lock_timeout = {milliseconds}")),
            Dialect::MySql => {
                let seconds = self.patience.lock.as_secs().max(1);
                self.run(format!("SET SESSION innodb_lock_wait_timeout = {seconds}, lock_wait_timeout = {seconds}"))
            }
        }
    }

    /// Returns the name of the database for messages.
    pub fn place(&self) -> &str {
        &self.place
    }

    /// Returns which SQL is spoken.
    pub fn dialect(&self) -> Dialect {
        match &self.inner {
            Inner::Sqlite(_) => Dialect::Sqlite,
            Inner::Postgres(_) => Dialect::Postgres,
            Inner::MySql(_) => Dialect::MySql,
        }
    }

    /// Tells whether the connection can be used for something else.
    pub fn is_usable(&self, longest_life: Duration) -> bool {
        !self.is_broken && self.opened.elapsed() < longest_life
    }

    /// Does some work in one transaction: all of it or, if it fails, nothing is done.
    pub fn transaction<T>(
        &mut self,
        intent: Intent,
        work: impl FnOnce(&mut Connection) -> Result<T, DatabaseError>,
    ) -> Result<T, DatabaseError> {
        for sql in begin(self.dialect(), intent) {
            self.run(*sql)?;
        }
        let done = work(self).and_then(|done| {
            fail_point::reached("commit");
            self.run("COMMIT").map_err(DatabaseError::while_committing)?;
            fail_point::reached("committed");
            Ok(done)
        });
        if done.is_err() && !self.is_broken {
            // Some errors end the transaction by themselves; the first one is what matters.
            let _ = self.run("ROLLBACK");
        }
        done
    }

    /// Executes a statement without values.
    pub fn run(&mut self, sql: impl Into<String>) -> Result<(), DatabaseError> {
        fail_point::reached("statement");
        let (runtime, sql) = (self.runtime.clone(), AssertSqlSafe(sql.into()));
        let patience = self.patience.answer;
        let done = each!(&mut self.inner, connection => {
            let executed = async { sqlx::raw_sql(sql).execute(connection).await.map(drop) };
            wait(&runtime, patience, executed)
        });
        self.told(done)
    }

    /// Executes a statement and returns the number of rows it changed.
    pub fn execute(&mut self, statement: Statement) -> Result<u64, DatabaseError> {
        fail_point::reached("statement");
        let (runtime, patience) = (self.runtime.clone(), self.patience.answer);
        let sql = self.text(&statement);
        let done = each!(&mut self.inner, connection => {
            let executed = query!(sql, statement.values).execute(connection);
            wait(&runtime, patience, async { executed.await.map(|done| done.rows_affected()) })
        });
        self.told(done)
    }

    /// Returns the first row of a query.
    pub fn row(&mut self, statement: Statement) -> Result<Option<Row>, DatabaseError> {
        Ok(self.rows(statement)?.into_iter().next())
    }

    /// Returns all rows of a query.
    pub fn rows(&mut self, statement: Statement) -> Result<Vec<Row>, DatabaseError> {
        let (runtime, patience) = (self.runtime.clone(), self.patience.answer);
        let (sql, values) = (self.text(&statement), statement.values);
        let rows = match &mut self.inner {
            Inner::Sqlite(connection) => {
                let fetched = query!(sql, values).fetch_all(connection);
                wait(&runtime, patience, async { Ok(fetched.await?.into_iter().map(Row::Sqlite).collect()) })
            }
            Inner::Postgres(connection) => {
                let fetched = query!(sql, values).fetch_all(connection);
                wait(&runtime, patience, async { Ok(fetched.await?.into_iter().map(Row::Postgres).collect()) })
            }
            Inner::MySql(connection) => {
                let fetched = query!(sql, values).fetch_all(connection);
                wait(&runtime, patience, async { Ok(fetched.await?.into_iter().map(Row::MySql).collect()) })
            }
        };
        self.told(rows)
    }

    /// Asks a query whose rows are taken one by one as they arrive: a server sends the next one meanwhile.
    pub fn stream(&mut self, statement: Statement) -> RowStream<'_> {
        let (sql, values) = (self.text(&statement), statement.values);
        let Connection { runtime, inner, place, patience, is_broken, .. } = self;
        let rows = match inner {
            Inner::Sqlite(connection) => query!(sql, values).fetch(connection).map_ok(Row::Sqlite).boxed(),
            Inner::Postgres(connection) => query!(sql, values).fetch(connection).map_ok(Row::Postgres).boxed(),
            Inner::MySql(connection) => query!(sql, values).fetch(connection).map_ok(Row::MySql).boxed(),
        };
        RowStream { rows, runtime, place, patience: *patience, is_broken }
    }

    /// Returns a value of a row.
    pub fn value<T: Field>(&self, row: &Row, column: usize) -> Result<T, DatabaseError> {
        value(&self.place, self.patience, row, column)
    }

    /// Returns how many bytes a statement may have with all its values, if that is limited.
    pub fn longest_statement(&mut self) -> Result<Option<usize>, DatabaseError> {
        if self.dialect() != Dialect::MySql {
            return Ok(None);
        }
        let row = self.row(statement("SELECT CAST(@@max_allowed_packet AS SIGNED)"))?;
        let longest = row.map(|row| self.value::<i64>(&row, 0)).transpose()?;
        Ok(longest.and_then(|longest| usize::try_from(longest).ok()))
    }

    /// Ends the connection; when this returns, a file is released.
    pub fn close(self) {
        if self.is_broken {
            return;
        }
        // Whatever was done is committed or rolled back: closing has nothing left to fail at that matters.
        let _ = each!(self.inner, connection => {
            wait(&self.runtime, self.patience.answer, connection.close())
        });
    }

    fn text(&self, statement: &Statement) -> String {
        match self.dialect() {
            Dialect::Postgres => statement.numbered(),
            Dialect::Sqlite | Dialect::MySql => statement.sql.clone(),
        }
    }

    /// Notes whether the connection can still be used after this.
    fn told<T>(&mut self, done: Result<T, Waited>) -> Result<T, DatabaseError> {
        told(done, &self.place, self.patience, &mut self.is_broken)
    }
}

/// The rows of an answer, of which one is in memory at a time.
pub struct RowStream<'c> {
    rows: BoxStream<'c, Result<Row, sqlx::Error>>,
    runtime: &'c Handle,
    place: &'c str,
    patience: Patience,
    is_broken: &'c mut bool,
}

impl RowStream<'_> {
    /// Returns the next row; nothing means that there are no more.
    pub fn next(&mut self) -> Result<Option<Row>, DatabaseError> {
        let next = wait(self.runtime, self.patience.answer, self.rows.try_next());
        told(next, self.place, self.patience, self.is_broken)
    }

    /// Returns the name of the database for messages.
    pub fn place(&self) -> &str {
        self.place
    }

    /// Returns a value of a row.
    pub fn value<T: Field>(&self, row: &Row, column: usize) -> Result<T, DatabaseError> {
        value(self.place, self.patience, row, column)
    }
}

/// Returns a value of a row.
fn value<T: Field>(place: &str, patience: Patience, row: &Row, column: usize) -> Result<T, DatabaseError> {
    T::of(row, column).map_err(|source| match source {
        // Whoever changed the row did not go by the types of its columns.
        sqlx::Error::ColumnDecode { index, .. } => DatabaseError::Inconsistent {
            place: place.to_owned(),
            what: format!("the column {index} of a row holds a value of another type than it should"),
        },
        source => error(place, patience, source),
    })
}

/// Notes whether a connection can still be used after this.
fn told<T>(done: Result<T, Waited>, place: &str, patience: Patience, is_broken: &mut bool) -> Result<T, DatabaseError> {
    let error = match done {
        Ok(done) => return Ok(done),
        Err(Waited::TooLong) => DatabaseError::Slow { place: place.to_owned(), seconds: patience.answer.as_secs_f64() },
        Err(Waited::Failed(source)) => error(place, patience, source),
    };
    *is_broken |= error.breaks_connection();
    Err(error)
}

fn error(place: &str, patience: Patience, source: sqlx::Error) -> DatabaseError {
    DatabaseError::of(Place { place: place.to_owned(), patience, is_connecting: false }, source)
}

/// Why there is no answer.
enum Waited {
    TooLong,
    Failed(sqlx::Error),
}

/// Waits for an answer, but not for ever.
fn wait<T>(
    runtime: &Handle,
    patience: Duration,
    answer: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, Waited> {
    match runtime.block_on(async { tokio::time::timeout(patience, answer).await }) {
        Ok(answered) => answered.map_err(Waited::Failed),
        Err(_) => Err(Waited::TooLong),
    }
}

/// Returns the statements that begin a transaction.
fn begin(dialect: Dialect, intent: Intent) -> &'static [&'static str] {
    match (dialect, intent) {
        (Dialect::Sqlite, Intent::Read) => &["BEGIN"],
        (Dialect::Sqlite, Intent::Write | Intent::Add) => &["BEGIN IMMEDIATE"],
        (Dialect::Postgres, Intent::Read) => &["BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"],
        (Dialect::Postgres, Intent::Write | Intent::Add) => &["BEGIN ISOLATION LEVEL READ COMMITTED"],
        (Dialect::MySql, Intent::Read) => &[
            "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ",
            "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY",
        ],
        (Dialect::MySql, Intent::Write | Intent::Add) => {
            &["SET TRANSACTION ISOLATION LEVEL READ COMMITTED", "START TRANSACTION"]
        }
    }
}
