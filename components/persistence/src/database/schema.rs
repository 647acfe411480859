//! The tables of a store.

use std::collections::BTreeMap;

use super::DatabaseError;
use super::connection::Connection;
use super::dialect::{Coding, Dialect};
use super::statement::statement;

const PROPERTIES: &[&str] = &["id", "name", "value"];
const MODELS: &[&str] = &["version", "metadata", "artifact_size", "sha256"];
const CHUNKS: &[&str] = &["model_version", "sequence", BLOB];
const ACTIVATIONS: &[&str] = &["id", "time", "from_version", "to_version", "principal", "command"];
const ATTACHMENTS: &[&str] = &["model_version", "name", "sequence", "size", "sha256", BLOB];

/// The column of bytes.
pub const BLOB: &str = "blob";

/// What the Python original's tables hold instead.
const PYTHON_MODELS: &[&str] = &["metadata", "version"];
const PYTHON_CHUNKS: &[&str] = &[BLOB, "id", "model_version"];

/// The longest postfix: PostgreSQL cuts longer names off, and two stores would meet.
const LONGEST_POSTFIX: usize = 40;

/// The names of the tables, and how they are laid out.
#[derive(Clone, Debug)]
pub struct Tables {
    /// Pairs of name and value.
    pub properties: String,
    /// One row for each model.
    pub models: String,
    /// The bytes of the models.
    pub chunks: String,
    /// The log of activations.
    pub activations: String,
    /// The files that belong to models.
    pub attachments: String,
    /// How bytes are stored.
    pub coding: Coding,
}

/// A postfix holds characters that names of tables do not have, or too many.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`table_postfix` may hold the letters a to z, digits and underscores only, and at most {LONGEST_POSTFIX} of them"
)]
pub struct PostfixError;

/// What is found in a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// None of the tables.
    Nothing,
    /// Some of the tables, which a process has begun to make that was killed.
    Begun,
    /// A store.
    Store(Present),
}

/// Which tables a store has that older layouts lack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Present {
    /// The log of activations.
    pub activations: bool,
    /// The files that belong to models.
    pub attachments: bool,
}

/// Columns with their types by table.
type Columns = BTreeMap<String, Vec<(String, String)>>;

impl Tables {
    /// Returns the names, which end in the postfix.
    ///
    /// # Errors
    /// A postfix that would have to be quoted, or is too long.
    pub fn new(postfix: &str, coding: Coding) -> Result<Tables, PostfixError> {
        let is_plain = postfix.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_');
        if !is_plain || postfix.len() > LONGEST_POSTFIX {
            return Err(PostfixError);
        }
        // Some databases tell names apart by case and some do not.
        let postfix = postfix.to_ascii_lowercase();
        let name = |stem: &str| if postfix.is_empty() { stem.to_owned() } else { format!("{stem}_{postfix}") };
        Ok(Tables {
            properties: name("properties"),
            models: name("models"),
            chunks: name("model_chunks"),
            activations: name("model_activations"),
            attachments: name("model_attachments"),
            coding,
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
        let place = || connection.place().to_owned();
        let names = |table: &str| columns.get(table).map(|columns| named(columns)).unwrap_or_default();
        let sorted = |table: &str| {
            let mut names = names(table);
            names.sort_unstable();
            names
        };
        if sorted(&self.models) == PYTHON_MODELS && sorted(&self.chunks) == PYTHON_CHUNKS {
            return Err(DatabaseError::PythonStore { place: place() });
        }
        let begun = !connection.dialect().creates_in_transactions() && !columns.contains_key(&self.properties);
        let required = [&self.models, &self.chunks, &self.properties];
        for (table, expected) in self.layout() {
            let found = names(table);
            let may_lack = begun || !required.contains(&table);
            if found != expected && !(found.is_empty() && may_lack) {
                let difference = match found.as_slice() {
                    [] => format!("a store has a table `{table}` beside the ones that are there"),
                    found => format!("`{table}` has the columns {}, a store's has {}", listed(found), listed(expected)),
                };
                return Err(DatabaseError::OtherTables { place: place(), difference });
            }
        }
        if begun {
            return Ok(Found::Begun);
        }
        self.check_coding(connection, &columns)?;
        let has = |table: &String| columns.contains_key(table);
        Ok(Found::Store(Present { activations: has(&self.activations), attachments: has(&self.attachments) }))
    }

    /// Returns the tables with their columns in the order in which they are made. The properties come last: a store
    /// whose creation was interrupted has none.
    fn layout(&self) -> [(&String, &'static [&'static str]); 5] {
        [
            (&self.models, MODELS),
            (&self.chunks, CHUNKS),
            (&self.activations, ACTIVATIONS),
            (&self.attachments, ATTACHMENTS),
            (&self.properties, PROPERTIES),
        ]
    }

    /// Checks that the bytes lie in the tables as this store would put them there.
    fn check_coding(&self, connection: &Connection, columns: &Columns) -> Result<(), DatabaseError> {
        let kind = columns.get(&self.chunks).into_iter().flatten().find(|(name, _)| name == BLOB);
        let is_text = kind.is_some_and(|(_, kind)| kind.contains("text"));
        match (self.coding, is_text) {
            (Coding::Binary, false) | (Coding::Base64, true) => Ok(()),
            _ => Err(DatabaseError::OtherCoding { place: connection.place().to_owned(), is_text }),
        }
    }

    /// Returns the columns of those tables that there are.
    fn columns(&self, connection: &mut Connection) -> Result<Columns, DatabaseError> {
        let tables = self.layout();
        let query = statement(connection.dialect().columns_query(tables.len()));
        let query = tables.iter().fold(query, |query, (table, _)| query.bind(table.as_str()));
        let mut columns = Columns::new();
        for row in connection.rows(query)? {
            let table: String = connection.value(&row, 0)?;
            columns.entry(table).or_default().push((connection.value(&row, 1)?, connection.value(&row, 2)?));
        }
        if connection.dialect() == Dialect::MySql {
            // It hides the tables of which a user may do nothing: asked for one of them, it says so.
            for (table, _) in tables.iter().filter(|(table, _)| !columns.contains_key(*table)) {
                match connection.rows(statement(format!("SELECT 1 FROM {table} LIMIT 0"))) {
                    Err(error @ DatabaseError::NotPermitted { .. }) => return Err(error),
                    Err(error) if error.breaks_connection() => return Err(error),
                    Ok(_) | Err(_) => {}
                }
            }
        }
        Ok(columns)
    }

    /// Creates the tables, and leaves those that are there already.
    pub fn create(&self, connection: &mut Connection) -> Result<(), DatabaseError> {
        let Tables { models, chunks, properties, coding, .. } = self;
        let dialect = connection.dialect();
        let (int, text, options) = (dialect.int(), dialect.text(), dialect.table_options());
        let (blob, bytes) = (dialect.quoted(BLOB), dialect.bytes(*coding));
        connection.run(format!(
            "CREATE TABLE IF NOT EXISTS {models} (version {int} PRIMARY KEY, metadata {text} NOT NULL, \
             artifact_size {int} NOT NULL, sha256 {text} NOT NULL){options}"
        ))?;
        connection.run(format!(
            "CREATE TABLE IF NOT EXISTS {chunks} (model_version {int} NOT NULL, sequence {int} NOT NULL, \
             {blob} {bytes} NOT NULL, PRIMARY KEY (model_version, sequence), \
             FOREIGN KEY (model_version) REFERENCES {models} (version) ON DELETE CASCADE){options}"
        ))?;
        self.store_as_is(connection, chunks)?;
        self.create_activations(connection)?;
        self.create_attachments(connection)?;
        connection.run(format!(
            "CREATE TABLE IF NOT EXISTS {properties} (id {counter}, name {name} NOT NULL UNIQUE, \
             value {text} NOT NULL){options}",
            counter = dialect.counter(),
            name = dialect.key_text(),
        ))
    }

    /// Creates the table of activations, if it is not there.
    pub fn create_activations(&self, connection: &mut Connection) -> Result<(), DatabaseError> {
        let dialect = connection.dialect();
        let (int, text) = (dialect.int(), dialect.text());
        connection.run(format!(
            "CREATE TABLE IF NOT EXISTS {} (id {}, time {text} NOT NULL, from_version {int}, to_version {int}, \
             principal {text} NOT NULL, command {text} NOT NULL){}",
            self.activations,
            dialect.counter(),
            dialect.table_options(),
        ))
    }

    /// Creates the table of attachments, if it is not there.
    pub fn create_attachments(&self, connection: &mut Connection) -> Result<(), DatabaseError> {
        let dialect = connection.dialect();
        let int = dialect.int();
        connection.run(format!(
            "CREATE TABLE IF NOT EXISTS {attachments} (model_version {int} NOT NULL, name {name} NOT NULL, \
             sequence {int} NOT NULL, size {int} NOT NULL, sha256 {text} NOT NULL, {blob} {bytes} NOT NULL, \
             PRIMARY KEY (model_version, name, sequence), \
             FOREIGN KEY (model_version) REFERENCES {models} (version) ON DELETE CASCADE){options}",
            attachments = self.attachments,
            name = dialect.key_text(),
            text = dialect.text(),
            blob = dialect.quoted(BLOB),
            bytes = dialect.bytes(self.coding),
            models = self.models,
            options = dialect.table_options(),
        ))?;
        self.store_as_is(connection, &self.attachments)
    }

    /// Tells PostgreSQL not to try to compress what is compressed already.
    fn store_as_is(&self, connection: &mut Connection, table: &str) -> Result<(), DatabaseError> {
        if connection.dialect() != Dialect::Postgres || self.coding != Coding::Binary {
            return Ok(());
        }
        connection.run(format!("ALTER TABLE {table} ALTER COLUMN \"{BLOB}\" SET STORAGE EXTERNAL"))
    }
}

fn named(columns: &[(String, String)]) -> Vec<&str> {
    columns.iter().map(|(name, _)| name.as_str()).collect()
}

fn listed(columns: &[&str]) -> String {
    let quoted: Vec<String> = columns.iter().map(|column| format!("`{column}`")).collect();
    quoted.join(", ")
}
