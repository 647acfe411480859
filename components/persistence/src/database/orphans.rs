//! Rows that belong to no model. No transaction of this program leaves any: other programs do, and databases whose
//! foreign keys are not checked.

use palladium_component::prelude::*;

use super::DatabaseError;
use super::rows::Rows;
use super::statement::statement;

/// The rows of a table for a version that is not stored.
#[derive(Debug, PartialEq, Eq)]
pub struct OrphanRows {
    table: String,
    version: i64,
    count: i64,
}

impl OrphanRows {
    /// Says what they are.
    pub fn told(self) -> Orphan {
        let OrphanRows { table, version, count } = self;
        let rows = if count == 1 { "row" } else { "rows" };
        Orphan { what: format!("{count} {rows} of `{table}` for version {version}, which is not stored"), size: None }
    }
}

impl Rows<'_> {
    /// Returns the rows that belong to no model. A model that is being stored by somebody else is not seen at all.
    pub fn orphans(&mut self) -> Result<Vec<OrphanRows>, DatabaseError> {
        let mut tables = vec![self.tables.chunks.clone()];
        tables.extend(self.present.attachments.then(|| self.tables.attachments.clone()));
        let mut orphans = Vec::new();
        for table in tables {
            let sql = format!(
                "SELECT model_version, count(*) FROM {table} \
                 WHERE NOT EXISTS (SELECT 1 FROM {models} WHERE {models}.version = {table}.model_version) \
                 GROUP BY model_version ORDER BY model_version",
                models = self.tables.models
            );
            for row in self.connection.rows(statement(sql))? {
                let (version, count) = (self.connection.value(&row, 0)?, self.connection.value(&row, 1)?);
                orphans.push(OrphanRows { table: table.clone(), version, count });
            }
        }
        Ok(orphans)
    }

    /// Deletes such rows.
    pub fn delete_rows(&mut self, orphans: &OrphanRows) -> Result<(), DatabaseError> {
        let sql = format!("DELETE FROM {} WHERE model_version = ?", orphans.table);
        self.connection.execute(statement(sql).bind(orphans.version)).map(drop)
    }
}
