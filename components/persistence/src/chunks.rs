//! The bytes of a model in rows, of which only one is in memory at a time.

use std::io::{self, Read, Write};

use palladium_component::prelude::*;

use crate::connection::Connection;
use crate::statements::Statements;

/// Reads the rows of a model.
pub struct ChunkReader<'a> {
    connection: &'a mut Connection,
    statements: &'a Statements,
    version: Version,
    next: i64,
    chunk: Vec<u8>,
    position: usize,
}

/// Writes the rows of a model.
pub struct ChunkWriter<'a> {
    connection: &'a mut Connection,
    statements: &'a Statements,
    version: Version,
    next: i64,
    chunk: Vec<u8>,
    chunk_size: usize,
}

impl<'a> ChunkReader<'a> {
    /// Returns a reader of the rows of a version.
    pub fn new(connection: &'a mut Connection, statements: &'a Statements, version: Version) -> ChunkReader<'a> {
        ChunkReader { connection, statements, version, next: 0, chunk: Vec::new(), position: 0 }
    }
}

impl Read for ChunkReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.position == self.chunk.len() {
            let chunk = self.statements.chunk(self.connection, self.version, self.next).map_err(io::Error::other)?;
            let Some(chunk) = chunk else { return Ok(0) };
            (self.chunk, self.position, self.next) = (chunk, 0, self.next + 1);
        }
        let length = buffer.len().min(self.chunk.len() - self.position);
        buffer[..length].copy_from_slice(&self.chunk[self.position..self.position + length]);
        self.position += length;
        Ok(length)
    }
}

impl<'a> ChunkWriter<'a> {
    /// Returns a writer of rows of this many bytes.
    pub fn new(
        connection: &'a mut Connection,
        statements: &'a Statements,
        version: Version,
        chunk_size: usize,
    ) -> ChunkWriter<'a> {
        ChunkWriter { connection, statements, version, next: 0, chunk: Vec::new(), chunk_size }
    }
}

impl Write for ChunkWriter<'_> {
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
        self.statements.insert_chunk(self.connection, self.version, self.next, chunk).map_err(io::Error::other)?;
        self.next += 1;
        Ok(())
    }
}
