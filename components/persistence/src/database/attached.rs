//! The files that belong to models, in rows.

use std::collections::BTreeMap;
use std::io::{Read, Write};

use palladium_component::prelude::*;

use super::DatabaseError;
use super::rows::{Rows, number, version};
use super::schema::BLOB;
use super::statement::statement;
use crate::attachments::{self, AttachmentError};

impl Rows<'_> {
    /// Returns the names of the attachments of all models.
    pub fn attachment_names(&mut self) -> Result<BTreeMap<Version, Vec<String>>, DatabaseError> {
        let mut names: BTreeMap<Version, Vec<String>> = BTreeMap::new();
        if !self.present.attachments {
            return Ok(names);
        }
        let sql = format!(
            "SELECT model_version, name FROM {} WHERE sequence = 0 ORDER BY model_version, name",
            self.tables.attachments
        );
        for row in self.connection.rows(statement(sql))? {
            if let Some(version) = version(self.connection.value(&row, 0)?) {
                names.entry(version).or_default().push(self.connection.value(&row, 1)?);
            }
        }
        Ok(names)
    }

    /// Returns the attachments of a model in the order of their names.
    pub fn attachments(&mut self, version: Version) -> Result<Vec<Attachment>, DatabaseError> {
        if !self.present.attachments {
            return Ok(Vec::new());
        }
        // The databases disagree on the type of a sum.
        let sql = format!(
            "SELECT name, size FROM {} WHERE model_version = ? ORDER BY name, sequence",
            self.tables.attachments
        );
        let mut attachments: Vec<Attachment> = Vec::new();
        for row in self.connection.rows(statement(sql).bind(number(version)))? {
            let (name, size): (String, i64) = (self.connection.value(&row, 0)?, self.connection.value(&row, 1)?);
            let size = u64::try_from(size).unwrap_or_default();
            match attachments.last_mut() {
                Some(last) if last.name == name => last.size += size,
                _ => attachments.push(Attachment { name, size }),
            }
        }
        Ok(attachments)
    }

    /// Writes the content of an attachment and tells whether there is one of this name.
    pub fn read_attachment(
        &mut self,
        version: Version,
        name: &str,
        writer: &mut dyn Write,
    ) -> Result<bool, DatabaseError> {
        if !self.present.attachments {
            return Ok(false);
        }
        let (blob, table) = (self.connection.dialect().quoted(BLOB), &self.tables.attachments);
        let sql = format!("SELECT {blob} FROM {table} WHERE model_version = ? AND name = ? AND sequence = ?");
        for sequence in 0.. {
            let query = statement(&sql).bind(number(version)).bind(name).bind(sequence);
            let Some(row) = self.connection.row(query)? else { return Ok(sequence > 0) };
            let chunk = self.decoded(&row, || format!("the attachment `{name}` of version {version}"))?;
            writer.write_all(&chunk).map_err(|error| content(name, error))?;
        }
        Ok(true)
    }

    /// Adds an attachment in rows of this many bytes.
    pub fn insert_attachment(
        &mut self,
        version: Version,
        name: &str,
        content_of: &dyn Content,
        chunk_size: usize,
    ) -> Result<(), DatabaseError> {
        if !self.present.attachments {
            return Err(DatabaseError::NoAttachments { place: self.place().to_owned() });
        }
        if content_of.size() > attachments::LIMIT {
            return Err(AttachmentError::TooLarge(name.to_owned()).into());
        }
        let (blob, table) = (self.connection.dialect().quoted(BLOB), &self.tables.attachments);
        let sql = format!("INSERT INTO {table} (model_version, name, sequence, size, {blob}) VALUES (?, ?, ?, ?, ?)");
        let mut reader = content_of.open().map_err(|error| content(name, error))?.take(attachments::LIMIT);
        for sequence in 0.. {
            let mut chunk = Vec::new();
            (&mut reader).take(chunk_size as u64).read_to_end(&mut chunk).map_err(|error| content(name, error))?;
            // A file without content has one row all the same.
            if chunk.is_empty() && sequence > 0 {
                break;
            }
            let size = i64::try_from(chunk.len()).unwrap_or(i64::MAX);
            let insert = statement(&sql).bind(number(version)).bind(name).bind(sequence).bind(size);
            self.connection.execute(insert.bind(self.coded(chunk)))?;
        }
        Ok(())
    }

    /// Removes an attachment and tells whether it was there.
    pub fn delete_attachment(&mut self, version: Version, name: &str) -> Result<bool, DatabaseError> {
        if !self.present.attachments {
            return Ok(false);
        }
        let sql = format!("DELETE FROM {} WHERE model_version = ? AND name = ?", self.tables.attachments);
        Ok(self.connection.execute(statement(sql).bind(number(version)).bind(name))? > 0)
    }
}

fn content(name: &str, source: std::io::Error) -> DatabaseError {
    DatabaseError::AttachmentContent { name: name.to_owned(), source }
}
