//! From a model to bytes.

use std::io::{self, BufRead, BufWriter, Read, Write};

use palladium_component::prelude::*;
use sha2::{Digest, Sha256};

use super::spool::{Spool, Spooled};
use super::{ArtifactError, FORMAT_VERSION, HEADER_LIMIT, Header, Limits, MAGIC};

/// zstd's own default: models shrink little more on higher levels and take several times as long.
const COMPRESSION_LEVEL: i32 = 3;

/// An encoded model that only lacks its version: what takes long is done before a store is locked.
pub struct Prepared {
    header: Header,
    payload: Spooled,
}

/// An encoded model with its version and checksum: the bytes that are stored.
pub struct Sealed<'a> {
    head: Vec<u8>,
    payload: &'a Spooled,
    metadata: String,
    sha256: [u8; 32],
}

/// Writes a model under a version.
///
/// # Errors
/// The model's own, the writer's, a model that is too large to be read again, and a temporary folder without room.
pub fn write(model: &TrainedModel, version: Version, writer: &mut dyn Write) -> Result<(), ArtifactError> {
    Ok(Prepared::new(model)?.seal(version)?.write_to(writer)?)
}

impl Prepared {
    /// Encodes and compresses a model.
    ///
    /// # Errors
    /// The model's own, a model that is too large to be read again, and a temporary folder without room.
    pub fn new(model: &TrainedModel) -> Result<Prepared, ArtifactError> {
        let mut compressor = Compressor::new()?;
        model.model.encode(&mut compressor).map_err(|error| compressor.failed(error))?;
        let payload_size = compressor.count;
        let payload = compressor.finish()?;
        let limit = Limits::default().payload;
        if payload_size > limit {
            return Err(ArtifactError::TooLarge { part: "payload", size: payload_size, limit });
        }
        let format = model.model.format();
        let header = Header {
            component: format.name.to_owned(),
            schema: format.version,
            payload_size,
            columns: model.columns.clone(),
            metadata: model.metadata.clone(),
        };
        Ok(Prepared { header, payload })
    }

    /// Replaces the metadata of the model.
    pub fn with_metadata(mut self, metadata: Metadata) -> Prepared {
        self.header.metadata = metadata;
        self
    }

    /// Adds the version.
    ///
    /// # Errors
    /// Metadata that could not be read again, and a temporary folder that fails.
    pub fn seal(&self, version: Version) -> Result<Sealed<'_>, ArtifactError> {
        let mut header = self.header.clone();
        header.metadata.annotate("version", version.number());
        let metadata = serde_json::to_string(&header.metadata).map_err(ArtifactError::Metadata)?;
        let header = serde_json::to_vec(&header).map_err(ArtifactError::Metadata)?;
        // Readers bound the depth of JSON, writers do not: what was not read here could not be read later.
        serde_json::from_slice::<Header>(&header).map_err(ArtifactError::Metadata)?;
        Sealed::new(&header, &self.payload, metadata)
    }
}

impl<'a> Sealed<'a> {
    pub(super) fn new(header: &[u8], payload: &'a Spooled, metadata: String) -> Result<Sealed<'a>, ArtifactError> {
        let header_size = header.len() as u64;
        let too_large = ArtifactError::TooLarge { part: "header", size: header_size, limit: HEADER_LIMIT };
        let length = u32::try_from(header_size).ok().filter(|_| header_size <= HEADER_LIMIT).ok_or(too_large)?;
        let mut head = MAGIC.to_vec();
        head.extend(FORMAT_VERSION.to_le_bytes());
        head.extend(length.to_le_bytes());
        head.extend(payload.size().to_le_bytes());
        head.extend(header);
        let sha256 = checksum(&head, payload)?;
        Ok(Sealed { head, payload, metadata, sha256 })
    }

    /// Returns the checksum at the end.
    pub fn sha256(&self) -> [u8; 32] {
        self.sha256
    }

    /// Returns the metadata, which say the version, as JSON.
    pub fn metadata(&self) -> &str {
        &self.metadata
    }
}

impl Content for Sealed<'_> {
    fn size(&self) -> u64 {
        self.payload.size() + (self.head.len() + self.sha256.len()) as u64
    }

    fn open(&self) -> io::Result<Box<dyn Read + Send + '_>> {
        Ok(Box::new(self.head.as_slice().chain(self.payload.open()).chain(self.sha256.as_slice())))
    }
}

/// Returns the checksum over everything that is stored before it.
fn checksum(head: &[u8], payload: &Spooled) -> io::Result<[u8; 32]> {
    let mut sha256 = Sha256::new().chain_update(head);
    let mut reader = payload.open();
    loop {
        let piece = match reader.fill_buf() {
            Ok([]) => return Ok(sha256.finalize().into()),
            Ok(piece) => piece,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        sha256.update(piece);
        let length = piece.len();
        reader.consume(length);
    }
}

/// Compresses what is written to it, and counts it before.
struct Compressor {
    writer: BufWriter<zstd::Encoder<'static, Spool>>,
    count: u64,
}

impl Compressor {
    fn new() -> io::Result<Compressor> {
        let encoder = zstd::Encoder::new(Spool::new(), COMPRESSION_LEVEL)?;
        Ok(Compressor { writer: BufWriter::with_capacity(1 << 16, encoder), count: 0 })
    }

    /// Returns why encoding failed: because of the place for what was compressed, or for this other reason.
    fn failed(&mut self, other: impl Into<ArtifactError>) -> ArtifactError {
        self.writer.get_mut().get_mut().failed(other)
    }

    fn finish(self) -> Result<Spooled, ArtifactError> {
        let encoder = self.writer.into_inner().map_err(|failed| {
            let (error, mut writer) = failed.into_parts();
            writer.get_mut().get_mut().failed(error)
        })?;
        let spool = encoder.try_finish().map_err(|(mut encoder, error)| encoder.get_mut().failed(error))?;
        Ok(spool.finish())
    }
}

impl Write for Compressor {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.writer.write(bytes)?;
        self.count += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}
