//! The bytes of a model in rows, of which only one is in memory at a time.

use std::io::{self, Read, Write};

use palladium_component::prelude::*;

use super::DatabaseError;
use super::connection::RowStream;
use super::dialect::{Coding, Dialect};
use super::rows::{Rows, number, of_base64};
use super::schema::BLOB;
use super::statement::statement;

/// Reads bytes row by row.
pub struct ChunkReader<'r, 'a> {
    source: Source<'r, 'a>,
    version: Version,
    next: i64,
    chunk: Vec<u8>,
    position: usize,
}

/// Where rows come from.
enum Source<'r, 'a> {
    /// Each is asked for by itself. The library would read many rows of SQLite ahead, and they are large.
    Single(&'r mut Rows<'a>),
    /// A server sends them one after the other.
    Streamed(RowStream<'r>, Coding),
}

/// Writes bytes row by row.
pub struct ChunkWriter<'r, 'a> {
    rows: &'r mut Rows<'a>,
    version: Version,
    next: i64,
    chunk: Vec<u8>,
    chunk_size: usize,
}

impl Rows<'_> {
    /// Returns a chunk of a model.
    fn chunk(&mut self, version: Version, sequence: i64) -> Result<Option<Vec<u8>>, DatabaseError> {
        let (blob, chunks) = (self.connection.dialect().quoted(BLOB), &self.tables.chunks);
        let sql = format!("SELECT {blob} FROM {chunks} WHERE model_version = ? AND sequence = ?");
        let row = self.connection.row(statement(sql).bind(number(version)).bind(sequence))?;
        row.map(|row| self.decoded(&row, || row_of(version, sequence))).transpose()
    }

    /// Asks for all chunks of a model in their order, with their numbers.
    fn chunks(&mut self, version: Version) -> RowStream<'_> {
        let (blob, chunks) = (self.connection.dialect().quoted(BLOB), &self.tables.chunks);
        let sql = format!("SELECT {blob}, sequence FROM {chunks} WHERE model_version = ? ORDER BY sequence");
        self.connection.stream(statement(sql).bind(number(version)))
    }

    /// Adds a chunk to a model.
    fn insert_chunk(&mut self, version: Version, sequence: i64, chunk: Vec<u8>) -> Result<(), DatabaseError> {
        let (blob, chunks) = (self.connection.dialect().quoted(BLOB), &self.tables.chunks);
        let sql = format!("INSERT INTO {chunks} (model_version, sequence, {blob}) VALUES (?, ?, ?)");
        let insert = statement(sql).bind(number(version)).bind(sequence).bind(self.coded(chunk));
        self.connection.execute(insert).map(drop)
    }
}

impl<'r, 'a> ChunkReader<'r, 'a> {
    /// Returns a reader of the rows of a version.
    pub fn new(rows: &'r mut Rows<'a>, version: Version) -> ChunkReader<'r, 'a> {
        let coding = rows.tables.coding;
        let source = match rows.connection.dialect() {
            Dialect::Sqlite => Source::Single(rows),
            Dialect::Postgres | Dialect::MySql => Source::Streamed(rows.chunks(version), coding),
        };
        ChunkReader { source, version, next: 0, chunk: Vec::new(), position: 0 }
    }

    /// Returns the next chunk; nothing means that there are no more, or that one is missing.
    fn next_chunk(&mut self) -> Result<Option<Vec<u8>>, DatabaseError> {
        let (version, next) = (self.version, self.next);
        let (rows, coding) = match &mut self.source {
            Source::Single(rows) => return rows.chunk(version, next),
            Source::Streamed(rows, coding) => (rows, *coding),
        };
        let Some(row) = rows.next()? else { return Ok(None) };
        if rows.value::<i64>(&row, 1)? != next {
            return Ok(None);
        }
        match coding {
            Coding::Binary => rows.value(&row, 0).map(Some),
            Coding::Base64 => of_base64(rows.place(), rows.value(&row, 0)?, || row_of(version, next)).map(Some),
        }
    }
}

fn row_of(version: Version, sequence: i64) -> String {
    format!("row {sequence} of version {version}")
}

impl Read for ChunkReader<'_, '_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.position == self.chunk.len() {
            let chunk = self.next_chunk().map_err(io::Error::other)?;
            let Some(chunk) = chunk else { return Ok(0) };
            (self.chunk, self.position, self.next) = (chunk, 0, self.next + 1);
        }
        let length = buffer.len().min(self.chunk.len() - self.position);
        buffer[..length].copy_from_slice(&self.chunk[self.position..self.position + length]);
        self.position += length;
        Ok(length)
    }
}

impl<'r, 'a> ChunkWriter<'r, 'a> {
    /// Returns a writer of rows of this many bytes.
    pub fn new(rows: &'r mut Rows<'a>, version: Version, chunk_size: usize) -> ChunkWriter<'r, 'a> {
        ChunkWriter { rows, version, next: 0, chunk: Vec::new(), chunk_size }
    }
}

impl Write for ChunkWriter<'_, '_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let length = bytes.len().min(self.chunk_size - self.chunk.len());
        self.chunk.extend_from_slice(&bytes[..length]);
        if self.chunk.len() == self.chunk_size {
            self.flush()?;
        }
        Ok(length)
    }

    /// Writes what is there as a row.
    fn flush(&mut self) -> io::Result<()> {
        let chunk = std::mem::take(&mut self.chunk);
        if chunk.is_empty() {
            return Ok(());
        }
        self.rows.insert_chunk(self.version, self.next, chunk).map_err(io::Error::other)?;
        self.next += 1;
        Ok(())
    }
}
