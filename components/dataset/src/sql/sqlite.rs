//! Databases of SQLite, read by the C library without a copy of each row on the way.

use std::time::Instant;

use palladium_component::prelude::*;
use palladium_component::value::{near_file, nearest};
use palladium_connect::{Location, Meaning};
use rusqlite::config::DbConfig;
use rusqlite::types::{ToSqlOutput, Value as Stored, ValueRef};
use rusqlite::{Connection, OpenFlags, Statement, ToSql};

use super::SqlError;
use super::answer::{Answer, Shape};
use super::cells::{CellError, Cells};
use super::error::Words;
use super::load::{Limits, Request};
use super::options::Datum;
use super::places::{Bound, Dialect};

/// How many steps of a query pass between two looks at the clock.
const STEPS: i32 = 10_000;

/// A database of SQLite.
pub(crate) struct Sqlite {
    connection: Connection,
    place: String,
    limits: Limits,
}

impl Sqlite {
    /// Opens a file to read it, or a database in memory that is empty.
    pub(crate) fn open(location: &Location, limits: Limits) -> Result<Sqlite, SqlError> {
        let place = location.to_string();
        let opened = match location.file() {
            Some(file) => {
                if matches!(file.try_exists(), Ok(false)) {
                    return Err(SqlError::NoFile {
                        place,
                        near: near_file(file).map(|near| near.display().to_string()),
                    });
                }
                if file.is_dir() {
                    return Err(SqlError::Folder { place });
                }
                // An absolute path cannot be taken for one of the names that mean something to SQLite.
                let file = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
                let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
                Connection::open_with_flags(file, flags)
            }
            None => Connection::open_in_memory(),
        };
        let opened = opened.and_then(|connection| {
            connection.busy_timeout(limits.connect)?;
            Ok(connection)
        });
        let connection = opened.map_err(|source| error(&place, limits, source))?;
        Sqlite::of(connection, place, limits)
    }

    /// Takes over a connection, whose queries end in time.
    pub(crate) fn of(connection: Connection, place: String, limits: Limits) -> Result<Sqlite, SqlError> {
        let deadline = Instant::now().checked_add(limits.whole);
        let prepared = (|| {
            // A misspelt column in double quotes is an error and no text, and no file runs more than it should.
            connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DML, false)?;
            connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
            connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
            connection.progress_handler(STEPS, Some(move || deadline.is_some_and(|deadline| Instant::now() > deadline)))
        })();
        prepared.map_err(|source| error(&place, limits, source))?;
        Ok(Sqlite { connection, place, limits })
    }

    /// Returns the rows of a query.
    pub(crate) fn load(&self, request: &Request<'_>) -> Result<Dataset, SqlError> {
        self.begin(request, |statement, bound, mut answer| {
            let values = bound.values.iter().map(|value| value as &dyn ToSql).collect::<Vec<_>>();
            let mut rows = statement.query(values.as_slice()).map_err(|source| self.error(source))?;
            while let Some(row) = rows.next().map_err(|source| self.error(source))? {
                // The answer has the columns of the statement, so that each is there.
                answer.push_row(|column, cells| push(cells, row.get_ref_unwrap(column)))?;
            }
            answer.finish(&request.shape)
        })
    }

    /// Finds out whether a query can be asked.
    pub(crate) fn probe(&self, request: &Request<'_>) -> Result<usize, SqlError> {
        self.begin(request, |_, _, answer| Ok(answer.n_columns()))
    }

    fn begin<T>(
        &self,
        request: &Request<'_>,
        work: impl FnOnce(&mut Statement<'_>, &Bound<'_>, Answer) -> Result<T, SqlError>,
    ) -> Result<T, SqlError> {
        let bound = request.bound(Dialect::Sqlite)?;
        let sql = bound.numbered(|value| format!("?{}", value + 1));
        let mut statement = self.connection.prepare(&sql).map_err(|source| self.refused(request, source))?;
        let answer = columns(&statement, &request.what(&self.place), &request.shape)?;
        work(&mut statement, &bound, answer)
    }

    /// Says what is wrong with a query, and which table of a similar name there is.
    fn refused(&self, request: &Request<'_>, source: rusqlite::Error) -> SqlError {
        let error = self.error(source);
        match (request.asked.table(), error.words_of_sqlite()) {
            (Some(table), Some(words)) if words.starts_with("no such table") => {
                let near = nearest(&table, self.tables().iter().map(String::as_str)).map(str::to_owned);
                SqlError::NoTable { place: self.place.clone(), table, near }
            }
            _ => self.missing_column(request).unwrap_or(error),
        }
    }

    /// Says which of the columns that are asked for by name the table does not have.
    fn missing_column(&self, request: &Request<'_>) -> Option<SqlError> {
        let statement = self.connection.prepare(&request.all_columns(Dialect::Sqlite)?).ok()?;
        let present = statement.column_names().into_iter().map(str::to_owned).collect();
        request.missing_column(present, Dialect::Sqlite, &self.place)
    }

    fn tables(&self) -> Vec<String> {
        let names = self.connection.prepare("SELECT name FROM sqlite_schema WHERE type IN ('table', 'view')");
        let names = names.and_then(|mut names| names.query_map([], |row| row.get(0))?.collect());
        names.unwrap_or_default()
    }

    fn error(&self, source: rusqlite::Error) -> SqlError {
        error(&self.place, self.limits, source)
    }
}

/// Returns the columns of an answer, which have the types that they were declared with where a column of a table stands
/// for itself.
fn columns(statement: &Statement<'_>, what: &str, shape: &Shape<'_>) -> Result<Answer, SqlError> {
    let columns = statement.columns().into_iter().map(|column| {
        let declared = column.decl_type().unwrap_or_default();
        Cells::of_texts(column.name().to_owned(), declared.to_owned(), kind(declared))
    });
    Answer::new(what, columns.collect(), shape)
}

/// Returns what a declared type means: <https://www.sqlite.org/datatype3.html>, and further the dates, times, flags and
/// decimals that other databases have.
fn kind(declared: &str) -> Option<ColumnType> {
    let declared = declared.to_ascii_uppercase();
    let has = |words: &[&str]| words.iter().any(|word| declared.contains(word));
    Some(match declared.split(['(', ' ']).next()? {
        "" | "BLOB" | "ANY" => return None,
        "BOOL" | "BOOLEAN" => ColumnType::Bool,
        "DATE" => ColumnType::Date,
        "DATETIME" | "TIMESTAMP" if has(&["WITH TIME ZONE"]) => ColumnType::TimestampUtc,
        "DATETIME" | "TIMESTAMP" => ColumnType::Timestamp,
        "TIMESTAMPTZ" => ColumnType::TimestampUtc,
        "CATEGORY" | "ENUM" => ColumnType::Category,
        "DECIMAL" | "NUMERIC" => ColumnType::Float,
        _ if has(&["INT"]) => ColumnType::Int,
        _ if has(&["CHAR", "CLOB", "TEXT"]) => ColumnType::Text,
        _ if has(&["REAL", "FLOA", "DOUB"]) => ColumnType::Float,
        _ => return None,
    })
}

fn push(cells: &mut Cells, value: ValueRef<'_>) -> Result<(), CellError> {
    match value {
        ValueRef::Null => {
            cells.push_missing();
            Ok(())
        }
        ValueRef::Integer(number) => cells.push_int(number),
        ValueRef::Real(number) => cells.push_float(number),
        ValueRef::Text(text) => match std::str::from_utf8(text) {
            Ok(text) => cells.push_text(text),
            Err(_) => Err(CellError::unusable("a text that is no UTF-8", "correct it, or read it by `hex(…)`")),
        },
        ValueRef::Blob(_) => Err(CellError::unusable(
            "bytes, which tables do not hold",
            "leave the column out, or read it as text: `CAST(… AS TEXT)` or `hex(…)`",
        )),
    }
}

impl ToSql for Datum {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Datum::Null => ToSqlOutput::Owned(Stored::Null),
            Datum::Bool(flag) => ToSqlOutput::Owned(Stored::Integer(i64::from(*flag))),
            Datum::Int(number) => ToSqlOutput::Owned(Stored::Integer(*number)),
            Datum::Float(number) => ToSqlOutput::Owned(Stored::Real(*number)),
            Datum::Text(text) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
        })
    }
}

/// Returns what an error of the library means.
fn error(place: &str, limits: Limits, source: rusqlite::Error) -> SqlError {
    /// The code of any error in a statement.
    const ERROR: u32 = 1;
    let code = source.sqlite_error().map_or(ERROR, |error| error.extended_code.cast_unsigned());
    let words = match source {
        rusqlite::Error::SqlInputError { msg, .. } | rusqlite::Error::SqliteFailure(_, Some(msg)) => msg,
        rusqlite::Error::MultipleStatement => "it has more than one statement".to_owned(),
        source => source.to_string(),
    };
    match Meaning::of_sqlite(code) {
        Meaning::TimedOut => SqlError::Slow { place: place.to_owned(), seconds: limits.whole.as_secs_f64() },
        Meaning::NotPermitted => SqlError::MoreThanReading,
        meaning => SqlError::database(place, meaning, Words(words)),
    }
}
