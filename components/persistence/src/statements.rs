//! What a store asks of its tables.

use std::collections::BTreeMap;

use palladium_component::prelude::*;

use crate::DatabaseError;
use crate::connection::{Connection, statement};
use crate::schema::Tables;

/// The property that says which model is active.
pub const ACTIVE_MODEL: &str = "active-model";
/// The property that says which layout the store has.
pub const DB_VERSION: &str = "db-version";
/// The property that says which version was given last, so that none is given twice. Listings leave it out.
const LAST_VERSION: &str = "last-version";

/// The statements on the tables of one store.
pub struct Statements {
    tables: Tables,
}

/// The row of a model.
pub struct ModelRow {
    /// How many bytes its chunks hold together.
    pub artifact_size: i64,
    /// The checksum of the stored model.
    pub sha256: String,
}

impl Statements {
    /// Returns the statements on these tables.
    pub fn new(tables: Tables) -> Statements {
        Statements { tables }
    }

    /// Returns the names of the tables.
    pub fn tables(&self) -> &Tables {
        &self.tables
    }

    /// Returns a property.
    pub fn property(&self, connection: &mut Connection, name: &str) -> Result<Option<String>, DatabaseError> {
        let sql = format!("SELECT value FROM {} WHERE name = ?", self.tables.properties);
        let row = connection.row(statement(sql).bind(name))?;
        row.map(|row| connection.value(&row, 0)).transpose()
    }

    /// Sets a property.
    pub fn set_property(&self, connection: &mut Connection, name: &str, value: &str) -> Result<(), DatabaseError> {
        let sql = format!(
            "INSERT INTO {} (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            self.tables.properties
        );
        connection.execute(statement(sql).bind(name).bind(value)).map(|_| ())
    }

    /// Removes a property if it is there.
    pub fn remove_property(&self, connection: &mut Connection, name: &str) -> Result<(), DatabaseError> {
        let sql = format!("DELETE FROM {} WHERE name = ?", self.tables.properties);
        connection.execute(statement(sql).bind(name)).map(|_| ())
    }

    /// Returns the properties that users see.
    pub fn properties(&self, connection: &mut Connection) -> Result<BTreeMap<String, String>, DatabaseError> {
        let sql = format!("SELECT name, value FROM {} WHERE name <> ?", self.tables.properties);
        let rows = connection.rows(statement(sql).bind(LAST_VERSION))?;
        rows.iter().map(|row| Ok((connection.value(row, 0)?, connection.value(row, 1)?))).collect()
    }

    /// Returns the version that is said to be active, whether or not it is there.
    pub fn active(&self, connection: &mut Connection) -> Result<Option<Version>, DatabaseError> {
        self.version_property(connection, ACTIVE_MODEL)
    }

    fn version_property(&self, connection: &mut Connection, name: &str) -> Result<Option<Version>, DatabaseError> {
        let Some(text) = self.property(connection, name)? else { return Ok(None) };
        text.parse().map(Some).map_err(|error| DatabaseError::Inconsistent {
            file: connection.file().to_owned(),
            what: format!("the property `{name}` is wrong: {error}"),
        })
    }

    /// Returns a version that no model has had, and remembers it.
    ///
    /// Besides the last version that was given, the models and the active version count: a store whose properties
    /// were restored without its models, or the reverse, gives no number again that still means something.
    pub fn allocate(&self, connection: &mut Connection) -> Result<Version, DatabaseError> {
        let last = self.version_property(connection, LAST_VERSION)?.map_or(0, Version::number);
        let active = self.active(connection)?.map_or(0, Version::number);
        let sql = format!("SELECT coalesce(max(version), 0) FROM {}", self.tables.models);
        let stored: i64 = match connection.row(statement(sql))? {
            Some(row) => connection.value(&row, 0)?,
            None => 0,
        };
        let highest = last.max(active).max(u64::try_from(stored).unwrap_or(0));
        let next = Version::new(highest + 1);
        let version = next.map_err(|_| DatabaseError::VersionsUsedUp { file: connection.file().to_owned() })?;
        self.set_property(connection, LAST_VERSION, &version.to_string())?;
        Ok(version)
    }

    /// Returns the row of a model.
    pub fn model(&self, connection: &mut Connection, version: Version) -> Result<Option<ModelRow>, DatabaseError> {
        let sql = format!("SELECT artifact_size, sha256 FROM {} WHERE version = ?", self.tables.models);
        let Some(row) = connection.row(statement(sql).bind(number(version)))? else { return Ok(None) };
        Ok(Some(ModelRow { artifact_size: connection.value(&row, 0)?, sha256: connection.value(&row, 1)? }))
    }

    /// Adds the row of a model.
    pub fn insert_model(
        &self,
        connection: &mut Connection,
        version: Version,
        metadata: &str,
        row: &ModelRow,
    ) -> Result<(), DatabaseError> {
        let sql = format!(
            "INSERT INTO {} (version, metadata, artifact_size, sha256) VALUES (?, ?, ?, ?)",
            self.tables.models
        );
        let insert = statement(sql).bind(number(version)).bind(metadata).bind(row.artifact_size).bind(&row.sha256);
        connection.execute(insert).map(|_| ())
    }

    /// Deletes a model with its chunks and tells whether it was there.
    pub fn delete_model(&self, connection: &mut Connection, version: Version) -> Result<bool, DatabaseError> {
        let chunks = format!("DELETE FROM {} WHERE model_version = ?", self.tables.chunks);
        connection.execute(statement(chunks).bind(number(version)))?;
        let model = format!("DELETE FROM {} WHERE version = ?", self.tables.models);
        Ok(connection.execute(statement(model).bind(number(version)))? > 0)
    }

    /// Returns versions and metadata of all models in the order of their versions.
    pub fn models(&self, connection: &mut Connection) -> Result<Vec<(i64, String)>, DatabaseError> {
        let sql = format!("SELECT version, metadata FROM {} ORDER BY version", self.tables.models);
        let rows = connection.rows(statement(sql))?;
        rows.iter().map(|row| Ok((connection.value(row, 0)?, connection.value(row, 1)?))).collect()
    }

    /// Returns how many bytes each model takes.
    pub fn sizes(&self, connection: &mut Connection) -> Result<BTreeMap<Version, u64>, DatabaseError> {
        let sql = format!("SELECT version, artifact_size FROM {}", self.tables.models);
        let mut sizes = BTreeMap::new();
        for row in connection.rows(statement(sql))? {
            let (version, size): (i64, i64) = (connection.value(&row, 0)?, connection.value(&row, 1)?);
            if let (Ok(version), Ok(size)) = (u64::try_from(version), u64::try_from(size))
                && let Ok(version) = Version::new(version)
            {
                sizes.insert(version, size);
            }
        }
        Ok(sizes)
    }

    /// Returns the newest version that is stored.
    pub fn newest(&self, connection: &mut Connection) -> Result<Option<Version>, DatabaseError> {
        let sql = format!("SELECT max(version) FROM {}", self.tables.models);
        let newest: Option<i64> = match connection.row(statement(sql))? {
            Some(row) => connection.value(&row, 0)?,
            None => None,
        };
        Ok(newest.and_then(|number| Version::new(u64::try_from(number).ok()?).ok()))
    }

    /// Returns a chunk of a model.
    pub fn chunk(
        &self,
        connection: &mut Connection,
        version: Version,
        sequence: i64,
    ) -> Result<Option<Vec<u8>>, DatabaseError> {
        let sql = format!("SELECT blob FROM {} WHERE model_version = ? AND sequence = ?", self.tables.chunks);
        let row = connection.row(statement(sql).bind(number(version)).bind(sequence))?;
        row.map(|row| connection.value(&row, 0)).transpose()
    }

    /// Adds a chunk to a model.
    pub fn insert_chunk(
        &self,
        connection: &mut Connection,
        version: Version,
        sequence: i64,
        chunk: Vec<u8>,
    ) -> Result<(), DatabaseError> {
        let sql = format!("INSERT INTO {} (model_version, sequence, blob) VALUES (?, ?, ?)", self.tables.chunks);
        connection.execute(statement(sql).bind(number(version)).bind(sequence).bind(chunk)).map(|_| ())
    }
}

/// Returns a version as databases count.
fn number(version: Version) -> i64 {
    version.number().cast_signed()
}
