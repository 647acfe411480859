//! What a store asks of its tables.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use palladium_component::prelude::*;

use super::connection::Connection;
use super::dialect::{Coding, Dialect};
use super::schema::{Present, Tables};
use super::statement::{Datum, Field, Row, Statement, statement};
use super::{DatabaseError, LAYOUT};
use crate::properties::{ACTIVE_MODEL, DB_VERSION};

/// The property that says which version was given last, so that none is given twice. Listings leave it out.
const LAST_VERSION: &str = "last-version";

/// The tables of a store during a transaction.
pub struct Rows<'a> {
    pub(super) connection: &'a mut Connection,
    pub(super) tables: &'a Tables,
    pub(super) present: Present,
}

/// The row of a model.
pub struct ModelRow {
    /// How many bytes its chunks hold together.
    pub artifact_size: i64,
    /// The checksum of the stored model.
    pub sha256: String,
}

impl<'a> Rows<'a> {
    /// Returns the tables of a store that are there.
    pub fn new(connection: &'a mut Connection, tables: &'a Tables, present: Present) -> Rows<'a> {
        Rows { connection, tables, present }
    }

    /// Returns the name of the database for messages.
    pub fn place(&self) -> &str {
        self.connection.place()
    }

    /// Keeps other writers out until the transaction ends. A transaction of SQLite that writes does that from its
    /// beginning; elsewhere the row is locked that tells the last version.
    pub fn lock(&mut self) -> Result<(), DatabaseError> {
        if self.connection.dialect() == Dialect::Sqlite {
            return Ok(());
        }
        let lock = format!("SELECT value FROM {} WHERE name = ? FOR UPDATE", self.tables.properties);
        if self.connection.row(statement(&lock).bind(LAST_VERSION))?.is_none() {
            self.keep_or_set_property(LAST_VERSION, "0")?;
            self.connection.row(statement(lock).bind(LAST_VERSION))?;
        }
        Ok(())
    }

    /// Checks that the layout is none that a newer version of the program has made.
    pub fn check_layout(&mut self) -> Result<(), DatabaseError> {
        let Some(stored) = self.property(DB_VERSION)? else { return Ok(()) };
        match (stored.parse::<Release>(), LAYOUT.parse::<Release>()) {
            (Ok(found), Ok(known)) if found > known => {
                Err(DatabaseError::NewerLayout { place: self.place().to_owned(), found, known: LAYOUT })
            }
            // What is no layout is told by an upgrade, which can be told what to begin at.
            _ => Ok(()),
        }
    }

    /// Sets the properties of a new store.
    pub fn begin_properties(&mut self) -> Result<(), DatabaseError> {
        self.keep_or_set_property(DB_VERSION, LAYOUT)
    }

    /// Tells whether nothing has ever been stored.
    pub fn is_untouched(&mut self) -> Result<bool, DatabaseError> {
        let sql = format!(
            "SELECT (SELECT count(*) FROM {}) + (SELECT count(*) FROM {})",
            self.tables.properties, self.tables.models
        );
        Ok(self.first::<i64>(statement(sql))? == Some(0))
    }

    /// Returns a property.
    pub fn property(&mut self, name: &str) -> Result<Option<String>, DatabaseError> {
        let sql = format!("SELECT value FROM {} WHERE name = ?", self.tables.properties);
        self.first(statement(sql).bind(name))
    }

    /// Sets a property.
    pub fn set_property(&mut self, name: &str, value: &str) -> Result<(), DatabaseError> {
        let replace = self.connection.dialect().or_replace_value();
        let sql = format!("INSERT INTO {} (name, value) VALUES (?, ?) {replace}", self.tables.properties);
        self.connection.execute(statement(sql).bind(name).bind(value)).map(drop)
    }

    fn keep_or_set_property(&mut self, name: &str, value: &str) -> Result<(), DatabaseError> {
        let keep = self.connection.dialect().or_keep_value();
        let sql = format!("INSERT INTO {} (name, value) VALUES (?, ?) {keep}", self.tables.properties);
        self.connection.execute(statement(sql).bind(name).bind(value)).map(drop)
    }

    /// Removes a property if it is there.
    pub fn remove_property(&mut self, name: &str) -> Result<(), DatabaseError> {
        let sql = format!("DELETE FROM {} WHERE name = ?", self.tables.properties);
        self.connection.execute(statement(sql).bind(name)).map(drop)
    }

    /// Returns the properties that users see.
    pub fn properties(&mut self) -> Result<BTreeMap<String, String>, DatabaseError> {
        let sql = format!("SELECT name, value FROM {} WHERE name <> ?", self.tables.properties);
        let rows = self.connection.rows(statement(sql).bind(LAST_VERSION))?;
        rows.iter().map(|row| Ok((self.connection.value(row, 0)?, self.connection.value(row, 1)?))).collect()
    }

    /// Returns the version that is said to be active, whether or not it is there.
    pub fn active(&mut self) -> Result<Option<Version>, DatabaseError> {
        self.version_property(ACTIVE_MODEL)
    }

    fn version_property(&mut self, name: &str) -> Result<Option<Version>, DatabaseError> {
        let text = self.property(name)?.filter(|text| name != LAST_VERSION || text != "0");
        let Some(text) = text else { return Ok(None) };
        text.parse().map(Some).map_err(|error| DatabaseError::Inconsistent {
            place: self.place().to_owned(),
            what: format!("the property `{name}` is wrong: {error}"),
        })
    }

    /// Returns a version that no model has had, and remembers it.
    ///
    /// Besides the last version that was given, the models and the active version count: a store whose properties
    /// were restored without its models, or the reverse, gives no number again that still means something.
    pub fn allocate(&mut self) -> Result<Version, DatabaseError> {
        let last = self.version_property(LAST_VERSION)?.map_or(0, Version::number);
        let active = self.active()?.map_or(0, Version::number);
        let stored = self.newest()?.map_or(0, Version::number);
        let next = Version::new(last.max(active).max(stored) + 1);
        let version = next.map_err(|_| DatabaseError::VersionsUsedUp { place: self.place().to_owned() })?;
        self.set_property(LAST_VERSION, &version.to_string())?;
        Ok(version)
    }

    /// Returns the row of a model.
    pub fn model(&mut self, version: Version) -> Result<Option<ModelRow>, DatabaseError> {
        let sql = format!("SELECT artifact_size, sha256 FROM {} WHERE version = ?", self.tables.models);
        let Some(row) = self.connection.row(statement(sql).bind(number(version)))? else { return Ok(None) };
        Ok(Some(ModelRow { artifact_size: self.connection.value(&row, 0)?, sha256: self.connection.value(&row, 1)? }))
    }

    /// Adds the row of a model.
    pub fn insert_model(&mut self, version: Version, metadata: &str, row: &ModelRow) -> Result<(), DatabaseError> {
        let sql = format!(
            "INSERT INTO {} (version, metadata, artifact_size, sha256) VALUES (?, ?, ?, ?)",
            self.tables.models
        );
        let insert = statement(sql).bind(number(version)).bind(metadata).bind(row.artifact_size);
        self.connection.execute(insert.bind(row.sha256.as_str())).map(drop)
    }

    /// Deletes a model with its chunks and attachments and tells whether it was there.
    pub fn delete_model(&mut self, version: Version) -> Result<bool, DatabaseError> {
        // Tables of other programs may have lost their foreign keys: nothing of a model may stay behind.
        let mut of_model = vec![&self.tables.chunks];
        of_model.extend(self.present.attachments.then_some(&self.tables.attachments));
        for table in of_model {
            let sql = format!("DELETE FROM {table} WHERE model_version = ?");
            self.connection.execute(statement(sql).bind(number(version)))?;
        }
        let sql = format!("DELETE FROM {} WHERE version = ?", self.tables.models);
        Ok(self.connection.execute(statement(sql).bind(number(version)))? > 0)
    }

    /// Returns versions and metadata of all models in the order of their versions.
    pub fn models(&mut self) -> Result<Vec<(i64, String)>, DatabaseError> {
        let sql = format!("SELECT version, metadata FROM {} ORDER BY version", self.tables.models);
        let rows = self.connection.rows(statement(sql))?;
        rows.iter().map(|row| Ok((self.connection.value(row, 0)?, self.connection.value(row, 1)?))).collect()
    }

    /// Returns the versions of all models in order.
    pub fn versions(&mut self) -> Result<Vec<Version>, DatabaseError> {
        let sql = format!("SELECT version FROM {} ORDER BY version", self.tables.models);
        let rows = self.connection.rows(statement(sql))?;
        let numbers = rows.iter().map(|row| Ok(version(self.connection.value(row, 0)?)));
        numbers.filter_map(Result::transpose).collect()
    }

    /// Returns what is listed about a model that is there.
    pub fn metadata(&mut self, version: Version) -> Result<String, DatabaseError> {
        let sql = format!("SELECT metadata FROM {} WHERE version = ?", self.tables.models);
        Ok(self.first(statement(sql).bind(number(version)))?.unwrap_or_default())
    }

    /// Returns how many bytes each model takes.
    pub fn sizes(&mut self) -> Result<BTreeMap<Version, u64>, DatabaseError> {
        let sql = format!("SELECT version, artifact_size FROM {}", self.tables.models);
        let mut sizes = BTreeMap::new();
        for row in self.connection.rows(statement(sql))? {
            let (number, size): (i64, i64) = (self.connection.value(&row, 0)?, self.connection.value(&row, 1)?);
            if let (Some(version), Ok(size)) = (version(number), u64::try_from(size)) {
                sizes.insert(version, size);
            }
        }
        Ok(sizes)
    }

    /// Returns the newest version that is stored.
    pub fn newest(&mut self) -> Result<Option<Version>, DatabaseError> {
        let newest =
            self.first::<Option<i64>>(statement(format!("SELECT max(version) FROM {}", self.tables.models)))?;
        Ok(newest.flatten().and_then(version))
    }

    /// Returns how many bytes of a model fit into a row if it is to have so many.
    pub fn longest_chunk(&mut self, wanted: usize) -> Result<usize, DatabaseError> {
        /// The rest of a statement, and more.
        const REST: usize = 16 << 10;
        let Some(longest) = self.connection.longest_statement()? else { return Ok(wanted) };
        let bytes = longest.saturating_sub(REST);
        let fits = match self.tables.coding {
            Coding::Binary => bytes,
            Coding::Base64 => bytes / 4 * 3,
        };
        Ok(wanted.min(fits.max(1)))
    }

    /// Returns the value of the first column of the first row.
    pub(super) fn first<T: Field>(&mut self, query: Statement) -> Result<Option<T>, DatabaseError> {
        let row = self.connection.row(query)?;
        row.map(|row| self.connection.value(&row, 0)).transpose()
    }

    /// Returns bytes as they are stored.
    pub(super) fn coded(&self, bytes: Vec<u8>) -> Datum {
        match self.tables.coding {
            Coding::Binary => Datum::Bytes(bytes),
            Coding::Base64 => Datum::Text(STANDARD.encode(bytes)),
        }
    }

    /// Returns stored bytes as they were; `what` says whose they are.
    pub(super) fn decoded(&self, row: &Row, what: impl FnOnce() -> String) -> Result<Vec<u8>, DatabaseError> {
        match self.tables.coding {
            Coding::Binary => self.connection.value(row, 0),
            Coding::Base64 => of_base64(self.place(), self.connection.value(row, 0)?, what),
        }
    }
}

/// Returns the bytes that are stored as text; `what` says whose they are.
pub(super) fn of_base64(place: &str, text: String, what: impl FnOnce() -> String) -> Result<Vec<u8>, DatabaseError> {
    STANDARD.decode(text).map_err(|error| DatabaseError::Inconsistent {
        place: place.to_owned(),
        what: format!("{} is not text in base64: {error}", what()),
    })
}

/// Returns a version as databases count.
pub(super) fn number(version: Version) -> i64 {
    version.number().cast_signed()
}

/// Returns what a database has counted as a version, if it is one.
pub(super) fn version(number: i64) -> Option<Version> {
    Version::new(u64::try_from(number).ok()?).ok()
}
