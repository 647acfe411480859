//! The log of activations in a table.

use chrono::{SecondsFormat, Utc};
use palladium_component::prelude::*;

use super::DatabaseError;
use super::rows::{Rows, number, version};
use super::statement::statement;
use crate::properties::ACTIVE_MODEL;

impl Rows<'_> {
    /// Makes a version the active one, or none, and writes that down; returns what was active before.
    pub fn set_active(&mut self, to: Option<Version>, origin: &Origin) -> Result<Option<String>, DatabaseError> {
        let before = self.property(ACTIVE_MODEL)?;
        match to {
            Some(version) => self.set_property(ACTIVE_MODEL, &version.to_string())?,
            None => self.remove_property(ACTIVE_MODEL)?,
        }
        if !self.present.activations {
            // Stores of the first builds have no such table.
            self.tables.create_activations(self.connection)?;
            self.present.activations = true;
        }
        let sql = format!(
            "INSERT INTO {} (time, from_version, to_version, principal, command) VALUES (?, ?, ?, ?, ?)",
            self.tables.activations
        );
        let from = before.as_deref().and_then(|text| text.parse::<Version>().ok());
        let insert = statement(sql)
            .bind(Utc::now().to_rfc3339_opts(SecondsFormat::Millis, true))
            .bind(from.map(number))
            .bind(to.map(number))
            .bind(origin.principal.as_str())
            .bind(origin.command.as_str());
        self.connection.execute(insert)?;
        Ok(before)
    }

    /// Returns the log, the oldest first.
    pub fn activations(&mut self) -> Result<Vec<Activation>, DatabaseError> {
        if !self.present.activations {
            return Ok(Vec::new());
        }
        let sql = format!(
            "SELECT time, from_version, to_version, principal, command FROM {} ORDER BY id",
            self.tables.activations
        );
        let connection = &mut *self.connection;
        let rows = connection.rows(statement(sql))?;
        rows.iter()
            .map(|row| {
                Ok(Activation {
                    time: connection.value(row, 0)?,
                    from: connection.value::<Option<i64>>(row, 1)?.and_then(version),
                    to: connection.value::<Option<i64>>(row, 2)?.and_then(version),
                    principal: connection.value(row, 3)?,
                    command: connection.value(row, 4)?,
                })
            })
            .collect()
    }
}
