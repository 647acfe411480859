//! The files that belong to models, in rows.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};

use palladium_component::prelude::*;
use sha2::{Digest, Sha256};

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
                let name: String = self.connection.value(&row, 1)?;
                self.check_stored_name(&name)?;
                names.entry(version).or_default().push(name);
            }
        }
        Ok(names)
    }

    /// Returns the attachments of a model in the order of their names.
    pub fn attachments(&mut self, version: Version) -> Result<Vec<Attachment>, DatabaseError> {
        if !self.present.attachments {
            return Ok(Vec::new());
        }
        let sql = format!(
            "SELECT name, size FROM {} WHERE model_version = ? AND sequence = 0 ORDER BY name",
            self.tables.attachments
        );
        let mut attachments = Vec::new();
        for row in self.connection.rows(statement(sql).bind(number(version)))? {
            let (name, size): (String, i64) = (self.connection.value(&row, 0)?, self.connection.value(&row, 1)?);
            self.check_stored_name(&name)?;
            attachments.push(Attachment { name, size: u64::try_from(size).unwrap_or_default() });
        }
        Ok(attachments)
    }

    /// Writes the content of an attachment and tells whether there is one of this name. Each row is checked before it
    /// is passed on.
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
        let sql =
            format!("SELECT {blob}, size, sha256 FROM {table} WHERE model_version = ? AND name = ? AND sequence = ?");
        let (mut found, mut size) = (0, None);
        for sequence in 0.. {
            let query = statement(&sql).bind(number(version)).bind(name).bind(sequence);
            let Some(row) = self.connection.row(query)? else { break };
            let chunk = self.decoded(&row, || format!("the attachment `{name}` of version {version}"))?;
            let (of_all, sha256): (i64, String) = (self.connection.value(&row, 1)?, self.connection.value(&row, 2)?);
            if hex::encode(Sha256::digest(&chunk)) != sha256 || size.is_some_and(|size| size != of_all) {
                return Err(self.damaged(version, name));
            }
            writer.write_all(&chunk).map_err(|error| content(name, error))?;
            (found, size) = (found + chunk.len() as i64, Some(of_all));
        }
        match size {
            Some(size) if size != found => Err(self.damaged(version, name)),
            size => Ok(size.is_some()),
        }
    }

    /// Adds an attachment in rows of this many bytes, each of which tells the size of the whole.
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
        let size = content_of.size();
        if size > attachments::LIMIT {
            return Err(AttachmentError::TooLarge(name.to_owned()).into());
        }
        let (blob, table) = (self.connection.dialect().quoted(BLOB), &self.tables.attachments);
        let sql = format!(
            "INSERT INTO {table} (model_version, name, sequence, size, sha256, {blob}) VALUES (?, ?, ?, ?, ?, ?)"
        );
        let mut reader = content_of.open().map_err(|error| content(name, error))?;
        let mut found = 0;
        for sequence in 0.. {
            let mut chunk = Vec::new();
            (&mut reader).take(chunk_size as u64).read_to_end(&mut chunk).map_err(|error| content(name, error))?;
            // A file without content has one row all the same.
            if chunk.is_empty() && sequence > 0 {
                break;
            }
            found += chunk.len() as u64;
            if found > size {
                break;
            }
            let insert = statement(&sql).bind(number(version)).bind(name).bind(sequence).bind(size.cast_signed());
            let insert = insert.bind(hex::encode(Sha256::digest(&chunk)));
            self.connection.execute(insert.bind(self.coded(chunk)))?;
        }
        match found == size {
            true => Ok(()),
            false => Err(content(name, io::Error::other("its size has changed while it was read"))),
        }
    }

    /// Removes an attachment and tells whether it was there.
    pub fn delete_attachment(&mut self, version: Version, name: &str) -> Result<bool, DatabaseError> {
        if !self.present.attachments {
            return Ok(false);
        }
        let sql = format!("DELETE FROM {} WHERE model_version = ? AND name = ?", self.tables.attachments);
        Ok(self.connection.execute(statement(sql).bind(number(version)).bind(name))? > 0)
    }

    /// Checks a name that lay in the database, where anybody may have put it.
    fn check_stored_name(&self, name: &str) -> Result<(), DatabaseError> {
        attachments::check_name(name).map_err(|error| DatabaseError::Inconsistent {
            place: self.place().to_owned(),
            what: format!("{error}, and it is stored as one"),
        })
    }

    fn damaged(&self, version: Version, name: &str) -> DatabaseError {
        DatabaseError::Inconsistent {
            place: self.place().to_owned(),
            what: format!("the attachment `{name}` of version {version} is not what was stored"),
        }
    }
}

fn content(name: &str, source: io::Error) -> DatabaseError {
    DatabaseError::AttachmentContent { name: name.to_owned(), source }
}
