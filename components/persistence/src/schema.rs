//! The tables of a store.

use std::collections::BTreeMap;

use crate::DatabaseError;
use crate::connection::{Connection, statement};

const PROPERTIES: &[&str] = &["id", "name", "value"];
const MODELS: &[&str] = &["version", "metadata", "artifact_size", "sha256"];
const CHUNKS: &[&str] = &["model_version", "sequence", "blob"];
const ACTIVATIONS: &[&str] = &["id", "time", "from_version", "to_version", "principal", "command"];

/// What the Python original's tables hold instead.
const PYTHON_MODELS: &[&str] = &["metadata", "version"];
const PYTHON_CHUNKS: &[&str] = &["blob", "id", "model_version"];

/// The names of the tables.
#[derive(Clone, Debug)]
pub struct Tables {
    /// Pairs of name and value.
    pub properties: String,
    /// One row for each model.
    pub models: String,
    /// The bytes of the models.
    pub chunks: String,
    /// The log of activations, which stores of the first builds lack.
    pub activations: String,
}

/// A postfix holds characters that names of tables do not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`table_postfix` may hold the letters a to z, digits and underscores only")]
pub struct PostfixError;

/// What is found in a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// None of the tables.
    Nothing,
    /// All of them.
    Store,
}

impl Tables {
    /// Returns the names, which end in the postfix.
    ///
    /// # Errors
    /// A postfix with characters that would have to be quoted.
    pub fn new(postfix: &str) -> Result<Tables, PostfixError> {
        if !postfix.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_') {
            return Err(PostfixError);
        }
        let name = |stem: &str| if postfix.is_empty() { stem.to_owned() } else { format!("{stem}_{postfix}") };
        Ok(Tables {
            properties: name("properties"),
            models: name("models"),
            chunks: name("model_chunks"),
            activations: name("model_activations"),
        })
    }

    /// Looks which tables there are.
    ///
    /// # Errors
    /// Tables of these names that are something else, or some of them only.
    pub fn find(&self, connection: &mut Connection) -> Result<Found, DatabaseError> {
        let columns = self.columns(connection)?;
        if columns.is_empty() {
            return Ok(Found::Nothing);
        }
        let file = || connection.file().to_owned();
        let sorted = |table: &str| {
            let mut columns = columns.get(table).cloned().unwrap_or_default();
            columns.sort();
            columns
        };
        if sorted(&self.models) == PYTHON_MODELS && sorted(&self.chunks) == PYTHON_CHUNKS {
            return Err(DatabaseError::PythonStore { file: file() });
        }
        let mut tables = vec![(&self.properties, PROPERTIES), (&self.models, MODELS), (&self.chunks, CHUNKS)];
        if columns.contains_key(&self.activations) {
            tables.push((&self.activations, ACTIVATIONS));
        }
        for (table, expected) in tables {
            let found = columns.get(table).map(Vec::as_slice).unwrap_or_default();
            if found != expected {
                let difference = match found {
                    [] => format!("a store has a table `{table}` beside the ones that are there"),
                    _ => format!("`{table}` has the columns {}, a store's has {}", listed(found), listed(expected)),
                };
                return Err(DatabaseError::OtherTables { file: file(), difference });
            }
        }
        Ok(Found::Store)
    }

    /// Returns the columns of those tables that there are.
    fn columns(&self, connection: &mut Connection) -> Result<BTreeMap<String, Vec<String>>, DatabaseError> {
        let sql = "SELECT lower(t.name), c.name FROM sqlite_schema AS t JOIN pragma_table_info(t.name) AS c \
                   WHERE t.type IN ('table', 'view') AND lower(t.name) IN (lower(?), lower(?), lower(?), lower(?)) \
                   ORDER BY t.name, c.cid";
        let names = [&self.properties, &self.models, &self.chunks, &self.activations];
        let query = names.iter().fold(statement(sql.to_owned()), |query, name| query.bind(name.as_str()));
        let mut columns: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for row in connection.rows(query)? {
            let (table, column): (String, String) = (connection.value(&row, 0)?, connection.value(&row, 1)?);
            // SQLite does not tell names apart by case.
            let name = names.iter().find(|name| name.eq_ignore_ascii_case(&table));
            columns.entry(name.map_or(table, |name| (*name).clone())).or_default().push(column);
        }
        Ok(columns)
    }

    /// Creates the tables.
    pub fn create(&self, connection: &mut Connection) -> Result<(), DatabaseError> {
        let Tables { properties, models, chunks, activations: _ } = self;
        let tables = [
            format!(
                "CREATE TABLE {properties} (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, value TEXT NOT NULL)"
            ),
            format!(
                "CREATE TABLE {models} (version INTEGER PRIMARY KEY, metadata TEXT NOT NULL, \
                 artifact_size INTEGER NOT NULL, sha256 TEXT NOT NULL)"
            ),
            format!(
                "CREATE TABLE {chunks} (model_version INTEGER NOT NULL REFERENCES {models} (version) \
                 ON DELETE CASCADE, sequence INTEGER NOT NULL, blob BLOB NOT NULL, \
                 PRIMARY KEY (model_version, sequence))"
            ),
        ];
        tables.into_iter().try_for_each(|table| connection.execute(statement(table)).map(|_| ()))?;
        self.create_activations(connection)
    }

    /// Creates the table of activations if it is not there.
    pub fn create_activations(&self, connection: &mut Connection) -> Result<(), DatabaseError> {
        let sql = format!(
            "CREATE TABLE IF NOT EXISTS {} (id INTEGER PRIMARY KEY, time TEXT NOT NULL, from_version INTEGER, \
             to_version INTEGER, principal TEXT NOT NULL, command TEXT NOT NULL)",
            self.activations
        );
        connection.execute(statement(sql)).map(|_| ())
    }

    /// Tells whether there is a table of activations.
    pub fn has_activations(&self, connection: &mut Connection) -> Result<bool, DatabaseError> {
        Ok(self.columns(connection)?.contains_key(&self.activations))
    }
}

fn listed(columns: &[impl AsRef<str>]) -> String {
    let quoted: Vec<String> = columns.iter().map(|column| format!("`{}`", column.as_ref())).collect();
    quoted.join(", ")
}
