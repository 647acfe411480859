//! Statements and rows that are the same for every database.

use sqlx::Row as _;
use sqlx::mysql::MySqlRow;
use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;

/// A statement with its values. Each `?` stands for one of them; none stands in a text.
pub struct Statement {
    /// The text, in which table names are all that comes from a configuration: letters, digits and underscores.
    pub sql: String,
    /// The values.
    pub values: Vec<Datum>,
}

/// A value of a statement.
#[derive(Clone, Debug)]
pub enum Datum {
    /// A whole number or NULL.
    Int(Option<i64>),
    /// A text.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
}

/// Returns a statement without values so far.
pub fn statement(sql: impl Into<String>) -> Statement {
    Statement { sql: sql.into(), values: Vec::new() }
}

impl Statement {
    /// Adds a value.
    #[must_use]
    pub fn bind(mut self, value: impl Into<Datum>) -> Statement {
        self.values.push(value.into());
        self
    }

    /// Returns the text with numbered places for the values, as PostgreSQL wants them.
    pub fn numbered(&self) -> String {
        let mut numbered = String::with_capacity(self.sql.len() + 8);
        for (index, part) in self.sql.split('?').enumerate() {
            if index > 0 {
                numbered.push_str(&format!("${index}"));
            }
            numbered.push_str(part);
        }
        numbered
    }
}

impl From<i64> for Datum {
    fn from(number: i64) -> Datum {
        Datum::Int(Some(number))
    }
}

impl From<Option<i64>> for Datum {
    fn from(number: Option<i64>) -> Datum {
        Datum::Int(number)
    }
}

impl From<&str> for Datum {
    fn from(text: &str) -> Datum {
        Datum::Text(text.to_owned())
    }
}

impl From<String> for Datum {
    fn from(text: String) -> Datum {
        Datum::Text(text)
    }
}

impl From<Vec<u8>> for Datum {
    fn from(bytes: Vec<u8>) -> Datum {
        Datum::Bytes(bytes)
    }
}

/// A row of an answer.
pub enum Row {
    /// Of SQLite.
    Sqlite(SqliteRow),
    /// Of PostgreSQL.
    Postgres(PgRow),
    /// Of MySQL or MariaDB.
    MySql(MySqlRow),
}

/// A type that a column of an answer can have.
pub trait Field: Sized {
    /// Returns the value in a column of a row.
    ///
    /// # Errors
    /// The column has another type.
    fn of(row: &Row, column: usize) -> Result<Self, sqlx::Error>;
}

macro_rules! fields {
    ($($type:ty),*) => {$(
        impl Field for $type {
            fn of(row: &Row, column: usize) -> Result<Self, sqlx::Error> {
                match row {
                    Row::Sqlite(row) => row.try_get(column),
                    Row::Postgres(row) => row.try_get(column),
                    Row::MySql(row) => row.try_get(column),
                }
            }
        }
    )*};
}

fields!(i64, Option<i64>, String, Option<String>, Vec<u8>);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_have_numbered_places() {
        let numbered = |sql: &str| statement(sql).numbered();
        assert_eq!(numbered("SELECT 1"), "SELECT 1");
        assert_eq!(numbered("a = ? AND b IN (?, ?)"), "a = $1 AND b IN ($2, $3)");
    }
}
