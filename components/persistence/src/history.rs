//! The log of activations in a table.

use chrono::{SecondsFormat, Utc};
use palladium_component::prelude::*;

use crate::DatabaseError;
use crate::connection::{Connection, statement};
use crate::statements::{ACTIVE_MODEL, Statements};

impl Statements {
    /// Makes a version the active one, or none, and writes that down; returns what was active before.
    pub fn set_active(
        &self,
        connection: &mut Connection,
        to: Option<Version>,
        origin: &Origin,
    ) -> Result<Option<String>, DatabaseError> {
        let before = self.property(connection, ACTIVE_MODEL)?;
        match to {
            Some(version) => self.set_property(connection, ACTIVE_MODEL, &version.to_string())?,
            None => self.remove_property(connection, ACTIVE_MODEL)?,
        }
        // Stores of the first builds have no such table.
        self.tables().create_activations(connection)?;
        let sql = format!(
            "INSERT INTO {} (time, from_version, to_version, principal, command) VALUES (?, ?, ?, ?, ?)",
            self.tables().activations
        );
        let from = before.as_deref().and_then(|text| text.parse::<Version>().ok());
        let insert = statement(sql)
            .bind(Utc::now().to_rfc3339_opts(SecondsFormat::Millis, true))
            .bind(from.map(number))
            .bind(to.map(number))
            .bind(origin.principal.clone())
            .bind(origin.command.clone());
        connection.execute(insert)?;
        Ok(before)
    }

    /// Returns the log, the oldest first.
    pub fn activations(&self, connection: &mut Connection) -> Result<Vec<Activation>, DatabaseError> {
        if !self.tables().has_activations(connection)? {
            return Ok(Vec::new());
        }
        let sql = format!(
            "SELECT time, from_version, to_version, principal, command FROM {} ORDER BY id",
            self.tables().activations
        );
        let rows = connection.rows(statement(sql))?;
        let version = |number: Option<i64>| number.and_then(|number| Version::new(u64::try_from(number).ok()?).ok());
        rows.iter()
            .map(|row| {
                Ok(Activation {
                    time: connection.value(row, 0)?,
                    from: version(connection.value(row, 1)?),
                    to: version(connection.value(row, 2)?),
                    principal: connection.value(row, 3)?,
                    command: connection.value(row, 4)?,
                })
            })
            .collect()
    }
}

/// Returns a version as databases count.
fn number(version: Version) -> i64 {
    version.number().cast_signed()
}
