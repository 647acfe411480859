//! Data sets as tables of a private SQLite in memory.

use arrow_array::cast::AsArray;
use arrow_array::temporal_conversions::timestamp_us_to_datetime;
use arrow_array::types::{Date32Type, Float64Type, Int32Type, Int64Type, TimestampMicrosecondType};
use arrow_array::{Date32Array, Int32Array, TimestampMicrosecondArray};
use palladium_component::prelude::*;
use palladium_connect::Meaning;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::types::{Null, ToSqlOutput, ValueRef};
use rusqlite::{Connection, ToSql};

use super::{QueryError, same};
use crate::sql::{Dialect, Limits, SqlError, Sqlite, quoted};

/// What the tables are called together in messages.
const PLACE: &str = "tables";

/// A database that is filled.
pub(super) struct Memory {
    connection: Connection,
}

impl Memory {
    /// Returns a database without tables. It has no journal, and nothing of it reaches a disk.
    pub(super) fn new() -> Result<Memory, SqlError> {
        let opened = Connection::open_in_memory().and_then(|connection| {
            connection.execute_batch("PRAGMA journal_mode = OFF; PRAGMA temp_store = MEMORY")?;
            Ok(Memory { connection })
        });
        opened.map_err(|source| SqlError::database(PLACE, Meaning::Other, source))
    }

    /// Returns a database with tables of these names, whose columns are not known yet.
    pub(super) fn outline(names: &[&str]) -> Result<Memory, SqlError> {
        let memory = Memory::new()?;
        for name in names {
            let sql = format!("CREATE TABLE {} (a)", quoted(name, Dialect::Sqlite));
            memory
                .connection
                .execute_batch(&sql)
                .map_err(|source| SqlError::database(PLACE, Meaning::Other, source))?;
        }
        Ok(memory)
    }

    /// Adds a table and its rows.
    pub(super) fn add(&self, name: &str, table: &Table) -> Result<(), QueryError> {
        let names: Vec<&str> = table.names().collect();
        if names.is_empty() {
            return Err(QueryError::NoColumns(name.to_owned()));
        }
        if let Some((first, second)) = same(&names) {
            let [first, second] = [first, second].map(str::to_owned);
            return Err(QueryError::SameColumns { table: name.to_owned(), first, second });
        }
        let failed = |source| QueryError::Table { table: name.to_owned(), source };
        let columns = table.specs().into_iter();
        let columns: Vec<String> = columns
            .map(|column| format!("{} {}", quoted(&column.name, Dialect::Sqlite), declared(column.kind)))
            .collect();
        let quoted_name = quoted(name, Dialect::Sqlite);
        let sql = format!("BEGIN; CREATE TABLE {quoted_name} ({})", columns.join(", "));
        self.connection.execute_batch(&sql).map_err(failed)?;
        let places = vec!["?"; names.len()].join(", ");
        let insert = format!("INSERT INTO {quoted_name} VALUES ({places})");
        let mut insert = self.connection.prepare(&insert).map_err(failed)?;
        let columns: Vec<Cells<'_>> = table.columns().iter().filter_map(Cells::of).collect();
        for row in 0..table.n_rows() {
            for (index, cells) in columns.iter().enumerate() {
                let cell = cells.get(row).ok_or_else(|| QueryError::TooFar {
                    table: name.to_owned(),
                    row: row + 1,
                    column: names[index].to_owned(),
                })?;
                insert.raw_bind_parameter(index + 1, cell).map_err(failed)?;
            }
            insert.raw_execute().map_err(failed)?;
        }
        self.connection.execute_batch("COMMIT").map_err(failed)
    }

    /// Returns the database for queries, which can do nothing but read its tables.
    pub(super) fn sealed(self, limits: Limits) -> Result<Sqlite, SqlError> {
        let sealed = self.connection.authorizer(Some(only_reads));
        sealed.map_err(|source| SqlError::database(PLACE, Meaning::Other, source))?;
        Sqlite::of(self.connection, PLACE.to_owned(), limits)
    }
}

fn only_reads(context: AuthContext<'_>) -> Authorization {
    match context.action {
        AuthAction::Select | AuthAction::Read { .. } | AuthAction::Function { .. } | AuthAction::Recursive => {
            Authorization::Allow
        }
        _ => Authorization::Deny,
    }
}

/// Returns the declared type of a column, which the reader takes for the same type again.
fn declared(kind: ColumnType) -> &'static str {
    match kind {
        ColumnType::Float => "REAL",
        ColumnType::Int => "INTEGER",
        ColumnType::Bool => "BOOLEAN",
        ColumnType::Text => "TEXT",
        // The second word keeps texts that look like numbers what they are.
        ColumnType::Category => "CATEGORY TEXT",
        ColumnType::Date => "DATE",
        ColumnType::Timestamp => "TIMESTAMP",
        ColumnType::TimestampUtc => "TIMESTAMPTZ",
    }
}

/// The cells of a column.
enum Cells<'a> {
    Float(&'a Float64Array),
    Int(&'a Int64Array),
    Bool(&'a BooleanArray),
    Text(&'a StringArray),
    Category(&'a Int32Array, &'a StringArray),
    Date(&'a Date32Array),
    Time(&'a TimestampMicrosecondArray),
}

impl<'a> Cells<'a> {
    fn of(column: &'a ArrayRef) -> Option<Cells<'a>> {
        Some(match ColumnType::of(column.data_type())? {
            ColumnType::Float => Cells::Float(column.as_primitive::<Float64Type>()),
            ColumnType::Int => Cells::Int(column.as_primitive::<Int64Type>()),
            ColumnType::Bool => Cells::Bool(column.as_boolean()),
            ColumnType::Text => Cells::Text(column.as_string()),
            ColumnType::Category => {
                let categories = column.as_dictionary::<Int32Type>();
                Cells::Category(categories.keys(), categories.values().as_string())
            }
            ColumnType::Date => Cells::Date(column.as_primitive::<Date32Type>()),
            ColumnType::Timestamp | ColumnType::TimestampUtc => {
                Cells::Time(column.as_primitive::<TimestampMicrosecondType>())
            }
        })
    }

    /// Returns a cell, and nothing for a date or time that the calendar does not reach.
    fn get(&self, row: usize) -> Option<Cell<'a>> {
        Some(match self {
            Cells::Float(cells) if cells.is_valid(row) => Cell::Float(cells.value(row)),
            Cells::Int(cells) if cells.is_valid(row) => Cell::Int(cells.value(row)),
            Cells::Bool(cells) if cells.is_valid(row) => Cell::Int(i64::from(cells.value(row))),
            Cells::Text(cells) if cells.is_valid(row) => Cell::Text(cells.value(row)),
            Cells::Category(keys, texts) if keys.is_valid(row) => {
                Cell::Text(texts.value(usize::try_from(keys.value(row)).ok()?))
            }
            Cells::Date(cells) if cells.is_valid(row) => Cell::Written(cells.value_as_date(row)?.to_string()),
            Cells::Time(cells) if cells.is_valid(row) => {
                let time = timestamp_us_to_datetime(cells.value(row))?;
                Cell::Written(time.format("%Y-%m-%d %H:%M:%S%.f").to_string())
            }
            _ => Cell::Missing,
        })
    }
}

/// A cell as SQLite holds it.
enum Cell<'a> {
    Missing,
    Float(f64),
    Int(i64),
    Text(&'a str),
    Written(String),
}

impl ToSql for Cell<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        match self {
            Cell::Missing => Ok(ToSqlOutput::from(Null)),
            Cell::Float(number) => Ok(ToSqlOutput::from(*number)),
            Cell::Int(number) => Ok(ToSqlOutput::from(*number)),
            Cell::Text(text) => Ok(ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes()))),
            Cell::Written(text) => Ok(ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes()))),
        }
    }
}
