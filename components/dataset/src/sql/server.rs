//! Databases on servers: connections, and limits on how long nothing may happen.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use palladium_component::prelude::*;
use palladium_connect::{BlockingRuntime, Meaning, Server, ServerOptions};
use sqlx::mysql::MySqlConnection;
use sqlx::postgres::PgConnection;
use sqlx::{
    AssertSqlSafe, Column, ConnectOptions, Connection as _, Executor as _, Row as _, SqlSafeStr, Statement as _,
};

use super::answer::Answer;
use super::load::{Limits, Request};
use super::places::Dialect;
use super::{SqlError, mysql, postgres};

/// How many connections are kept for their next use.
const POOL_SIZE: usize = 5;
/// How long a connection is used.
const LONGEST_LIFE: Duration = Duration::from_secs(1800);

/// The connections of a loader. None is made before the first call.
pub(crate) struct Pool {
    runtime: BlockingRuntime,
    /// Connections that wait for their next use, the last one used at the end.
    idle: Mutex<Vec<Connection>>,
}

/// A connection that reads and changes nothing.
struct Connection {
    inner: Inner,
    opened: Instant,
}

enum Inner {
    Postgres(PgConnection),
    MySql(MySqlConnection),
}

/// A database, and how it is asked.
#[derive(Clone, Copy)]
pub(crate) struct Database<'a> {
    pub(crate) server: &'a Server,
    pub(crate) place: &'a str,
    pub(crate) limits: Limits,
}

impl Default for Pool {
    fn default() -> Pool {
        Pool { runtime: BlockingRuntime::new("palladium-sql"), idle: Mutex::default() }
    }
}

impl Pool {
    /// Returns the rows of a query.
    pub(crate) fn load(&self, database: &Database<'_>, request: &Request<'_>) -> Result<Dataset, SqlError> {
        self.ask(database, request, true)?.finish(&request.shape)
    }

    /// Finds out whether a query can be asked, and returns how many columns its answer has.
    pub(crate) fn probe(&self, database: &Database<'_>, request: &Request<'_>) -> Result<usize, SqlError> {
        Ok(self.ask(database, request, false)?.n_columns())
    }

    fn ask(&self, database: &Database<'_>, request: &Request<'_>, with_rows: bool) -> Result<Answer, SqlError> {
        let place = || database.place.to_owned();
        let runtime = self.runtime.handle().map_err(|source| SqlError::Runtime { place: place(), source })?;
        runtime.block_on(async {
            let mut connection = self.connection(database).await?;
            let limit = database.limits.whole;
            let asked = tokio::time::timeout(limit, connection.ask(database, request, with_rows));
            let slow = SqlError::Slow { place: place(), seconds: limit.as_secs_f64() };
            let answer = asked.await.unwrap_or(Err(slow));
            if !matches!(&answer, Err(error) if error.breaks_connection()) {
                self.put_back(connection).await;
            }
            answer
        })
    }

    /// Returns a connection that works: one that waits, or a new one.
    async fn connection(&self, database: &Database<'_>) -> Result<Connection, SqlError> {
        loop {
            let waiting = self.lock().pop();
            let Some(mut connection) = waiting else { break };
            let is_young = connection.opened.elapsed() < LONGEST_LIFE;
            if is_young && matches!(tokio::time::timeout(database.limits.connect, connection.ping()).await, Ok(Ok(())))
            {
                return Ok(connection);
            }
            // Where one is broken, those that have waited longer are too.
            self.lock().clear();
        }
        let opened = tokio::time::timeout(database.limits.connect, Connection::open(database)).await;
        let seconds = database.limits.connect.as_secs_f64();
        opened.unwrap_or_else(|_| Err(SqlError::SlowToConnect { place: database.place.to_owned(), seconds }))
    }

    /// Keeps a connection for the next call.
    async fn put_back(&self, mut connection: Connection) {
        // A table may have other columns the next time.
        if !matches!(tokio::time::timeout(LONGEST_GOODBYE, connection.forget_statements()).await, Ok(Ok(()))) {
            return;
        }
        let mut idle = self.lock();
        if idle.len() < POOL_SIZE {
            idle.push(connection);
        }
    }

    /// Locks; what a thread left that panicked is a whole list.
    fn lock(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How long a connection may take to be ready for its next use.
const LONGEST_GOODBYE: Duration = Duration::from_secs(1);

impl Connection {
    async fn open(database: &Database<'_>) -> Result<Connection, SqlError> {
        let failed = |source: sqlx::Error| SqlError::database(database.place, Meaning::of(&source, true), source);
        // The server too ends what nobody waits for any more.
        let milliseconds = database.limits.whole.as_millis().clamp(1, i32::MAX as u128);
        let inner = match &database.server.options {
            ServerOptions::Postgres(options) => {
                let mut connection = options.clone().disable_statement_logging().connect().await.map_err(failed)?;
                let settings = format!(
                    "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY; SET statement_timeout = {milliseconds}"
                );
                sqlx::raw_sql(AssertSqlSafe(settings)).execute(&mut connection).await.map_err(failed)?;
                Inner::Postgres(connection)
            }
            ServerOptions::MySql(options) => {
                // The SQL means what it means to other clients of the server.
                let options = options.clone().pipes_as_concat(false).no_engine_substitution(false);
                let mut connection = options.disable_statement_logging().connect().await.map_err(failed)?;
                let version = sqlx::query("SELECT CAST(VERSION() AS CHAR)").fetch_one(&mut connection);
                let version: String = version.await.and_then(|row| row.try_get(0)).map_err(failed)?;
                let limit = match version.contains("MariaDB") {
                    true => format!("max_statement_time = {}", milliseconds as f64 / 1000.0),
                    false => format!("max_execution_time = {milliseconds}"),
                };
                let settings = format!("SET SESSION TRANSACTION READ ONLY; SET SESSION {limit}");
                sqlx::raw_sql(AssertSqlSafe(settings)).execute(&mut connection).await.map_err(failed)?;
                Inner::MySql(connection)
            }
        };
        Ok(Connection { inner, opened: Instant::now() })
    }

    async fn ask(
        &mut self,
        database: &Database<'_>,
        request: &Request<'_>,
        with_rows: bool,
    ) -> Result<Answer, SqlError> {
        let asked = match &mut self.inner {
            Inner::Postgres(connection) => postgres::ask(connection, request, database.place, with_rows).await,
            Inner::MySql(connection) => mysql::ask(connection, request, database.place, with_rows).await,
        };
        match asked {
            Ok(answer) => Ok(answer),
            Err(Asking::Answer(error)) => Err(error),
            Err(Asking::Library(source)) => match failed(database, request, source) {
                error @ SqlError::Database { meaning: Meaning::Other, .. } => {
                    Err(self.missing_column(database, request).await.unwrap_or(error))
                }
                error => Err(error),
            },
        }
    }

    /// Says which of the columns that are asked for by name the table does not have.
    async fn missing_column(&mut self, database: &Database<'_>, request: &Request<'_>) -> Option<SqlError> {
        let (present, dialect) = match &mut self.inner {
            Inner::Postgres(connection) => {
                let sql = AssertSqlSafe(request.all_columns(Dialect::Postgres)?).into_sql_str();
                (names(connection.prepare(sql).await.ok()?.columns()), Dialect::Postgres)
            }
            Inner::MySql(connection) => {
                let sql = AssertSqlSafe(request.all_columns(Dialect::MySql)?).into_sql_str();
                (names(connection.prepare(sql).await.ok()?.columns()), Dialect::MySql)
            }
        };
        request.missing_column(present, dialect, database.place)
    }

    async fn ping(&mut self) -> Result<(), sqlx::Error> {
        match &mut self.inner {
            Inner::Postgres(connection) => connection.ping().await,
            Inner::MySql(connection) => connection.ping().await,
        }
    }

    async fn forget_statements(&mut self) -> Result<(), sqlx::Error> {
        match &mut self.inner {
            Inner::Postgres(connection) => connection.clear_cached_statements().await,
            Inner::MySql(connection) => connection.clear_cached_statements().await,
        }
    }
}

fn names<C: Column>(columns: &[C]) -> Vec<String> {
    columns.iter().map(|column| column.name().to_owned()).collect()
}

/// Why there is no answer.
pub(super) enum Asking {
    /// The answer goes into no table, or the values do not fit the query.
    Answer(SqlError),
    /// The database or the way to it failed.
    Library(sqlx::Error),
}

impl<E: Into<SqlError>> From<E> for Asking {
    fn from(error: E) -> Asking {
        Asking::Answer(error.into())
    }
}

fn failed(database: &Database<'_>, request: &Request<'_>, source: sqlx::Error) -> SqlError {
    let place = database.place.to_owned();
    match (Meaning::of(&source, false), request.asked.table()) {
        (Meaning::TimedOut, _) => SqlError::Slow { place, seconds: database.limits.whole.as_secs_f64() },
        (Meaning::NoSuchTable, Some(table)) => SqlError::NoTable { place, table, near: None },
        (meaning, _) => SqlError::database(database.place, meaning, source),
    }
}
