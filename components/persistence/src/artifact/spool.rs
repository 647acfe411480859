//! The compressed payload between a model and its store: in memory while it is small, otherwise in a temporary file
//! without a name, which is gone when the process is.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::fs::FileExt;

use tempfile::{SpooledData, SpooledTempFile};

use super::ArtifactError;

/// More bytes than these go to a file.
const IN_MEMORY: usize = 8 << 20;

/// How much is read from the temporary file at once.
const BUFFER: usize = 1 << 18;

/// Takes bytes in.
pub(super) struct Spool {
    data: SpooledTempFile,
    size: u64,
    /// What went wrong, as encoders and compressors pass on no more than its text.
    failure: Option<io::Error>,
}

/// Bytes that can be read several times, also at once.
pub(super) struct Spooled {
    data: SpooledData,
    size: u64,
}

impl Spool {
    pub(super) fn new() -> Spool {
        Spool { data: SpooledTempFile::new(IN_MEMORY), size: 0, failure: None }
    }

    /// Returns what was written.
    pub(super) fn finish(self) -> Spooled {
        Spooled { data: self.data.into_inner(), size: self.size }
    }

    /// Returns why something failed that wrote here: because of the temporary file, or for this other reason.
    pub(super) fn failed(&mut self, other: impl Into<ArtifactError>) -> ArtifactError {
        let folder = || tempfile::env::temp_dir().display().to_string();
        match self.failure.take() {
            Some(source) => ArtifactError::TemporaryFolder { folder: folder(), source },
            None => other.into(),
        }
    }
}

impl Write for Spool {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.data.write(bytes) {
            Ok(written) => {
                self.size += written as u64;
                Ok(written)
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Err(error),
            Err(error) => {
                let kind = error.kind();
                self.failure = Some(error);
                Err(kind.into())
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Spooled {
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// Begins to read from the first byte, whoever else reads.
    pub(super) fn open(&self) -> Box<dyn BufRead + Send + '_> {
        match &self.data {
            SpooledData::InMemory(bytes) => Box::new(bytes.get_ref().as_slice()),
            SpooledData::OnDisk(file) => Box::new(BufReader::with_capacity(BUFFER, Positioned { file, position: 0 })),
        }
    }
}

/// Reads a file from a position of its own: the one of the file belongs to all readers.
struct Positioned<'a> {
    file: &'a File,
    position: u64,
}

impl Read for Positioned<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.file.read_at(buffer, self.position)?;
        self.position += length as u64;
        Ok(length)
    }
}
