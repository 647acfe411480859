//! A file that several readers read at once, each from its own position.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use palladium_component::prelude::*;

/// Reads a file from its start, whatever others do with it.
pub(crate) struct ReadAt {
    file: Arc<File>,
    position: u64,
    progress: LoadProgress,
}

impl ReadAt {
    /// Returns a reader of the whole file, which counts what it reads.
    pub(crate) fn new(file: Arc<File>, progress: &LoadProgress) -> ReadAt {
        ReadAt { file, position: 0, progress: progress.clone() }
    }
}

impl Read for ReadAt {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.file.read_at(buffer, self.position)?;
        self.position += length as u64;
        self.progress.add_bytes(length as u64);
        Ok(length)
    }
}

impl Seek for ReadAt {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset),
            SeekFrom::End(offset) => self.file.metadata()?.len().checked_add_signed(offset),
        };
        self.position = position.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        Ok(self.position)
    }
}
