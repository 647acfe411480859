//! From bytes to a model.

use std::io::{self, BufReader, Read, Write};

use palladium_component::prelude::*;
use sha2::{Digest, Sha256};

use super::ahead::read_ahead;
use super::aside::{LaidAside, lay_aside};
use super::spool::{Spool, Spooled};
use super::{ArtifactError, FORMAT_VERSION, HEADER_LIMIT, Header, Limits, MAGIC};

/// How much room is made for a part before any of it has arrived: its declared length may be a lie.
const FIRST_RESERVATION: u64 = 1 << 20;

/// How much of a payload is taken from the store at once.
const PIECE: usize = 1 << 18;

/// Payloads from this size are hashed and laid aside beside being read, and decompressed beside being decoded.
const BESIDE: u64 = 4 << 20;

/// A stored model that has its right length and checksum and is not decoded yet.
pub struct Opened {
    header: Header,
    payload: Spooled,
    size: u64,
    sha256: [u8; 32],
}

/// Reads a model.
///
/// # Errors
/// Bytes that are not a whole stored model, one that is too large, one that no linked component can decode, and a
/// temporary folder without room.
pub fn read(reader: &mut dyn Read, formats: &ModelFormats, limits: Limits) -> Result<TrainedModel, ArtifactError> {
    open(reader, limits)?.decode(formats)
}

/// Reads a stored model to its end and checks length and checksum.
///
/// # Errors
/// Bytes that are not a whole stored model, one that is too large, and a temporary folder without room.
pub fn open(reader: &mut dyn Read, limits: Limits) -> Result<Opened, ArtifactError> {
    let mut parts = Parts { reader, sha256: Sha256::new(), size: 0 };
    let magic = parts.up_to(MAGIC.len() as u64)?;
    if !MAGIC.starts_with(&magic) {
        return Err(ArtifactError::NotAnArtifact);
    }
    check_length("first bytes", &magic, MAGIC.len() as u64)?;
    match u32::from_le_bytes(parts.array("format version")?) {
        FORMAT_VERSION => {}
        0 => return Err(ArtifactError::NotAnArtifact),
        found => return Err(ArtifactError::NewerFormat { found, known: FORMAT_VERSION }),
    }
    let header_size = u64::from(u32::from_le_bytes(parts.array("lengths")?));
    let payload_size = u64::from_le_bytes(parts.array("lengths")?);
    check_limit("header", header_size, HEADER_LIMIT)?;
    check_limit("payload", payload_size, limits.compressed())?;
    let header = parts.exactly("header", header_size)?;
    let payload = parts.spooled("payload", payload_size)?;

    let sha256: [u8; 32] = parts.sha256.clone().finalize().into();
    let stored: [u8; 32] = parts.array("checksum")?;
    if !parts.up_to(1)?.is_empty() {
        return Err(ArtifactError::TrailingBytes);
    }
    if stored != sha256 {
        return Err(ArtifactError::Checksum);
    }
    let header: Header = serde_json::from_slice(&header).map_err(ArtifactError::Header)?;
    check_limit("decompressed payload", header.payload_size, limits.payload)?;
    Ok(Opened { header, payload, size: parts.size, sha256 })
}

impl Opened {
    /// Returns the number of bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Returns the checksum at the end.
    pub fn sha256(&self) -> [u8; 32] {
        self.sha256
    }

    /// Returns the version that the metadata say.
    pub fn version(&self) -> Option<Version> {
        self.header.metadata.version()
    }

    /// Decodes the model.
    ///
    /// # Errors
    /// A component that is not linked, a newer schema, data that do not make a model.
    pub fn decode(self, formats: &ModelFormats) -> Result<TrainedModel, ArtifactError> {
        let Header { component, schema, payload_size, columns, metadata } = self.header;
        let decompressed = zstd::stream::read::Decoder::with_buffer(self.payload.open())?;
        // A byte more tells whether the payload ends where it is said to.
        let mut decompressed = decompressed.take(payload_size.saturating_add(1));
        let decode = |source: &mut dyn Read| decode_whole(source, payload_size, &component, schema, formats);
        let model = if payload_size < BESIDE { decode(&mut decompressed)? } else { read_ahead(decompressed, decode)?? };
        Ok(TrainedModel { model, columns, metadata })
    }
}

/// Decodes a model that takes exactly so many bytes.
fn decode_whole(
    source: &mut dyn Read,
    size: u64,
    component: &str,
    schema: u32,
    formats: &ModelFormats,
) -> Result<Box<dyn Model>, ArtifactError> {
    let mut reader = BufReader::with_capacity(1 << 16, source.take(size));
    let model = formats.decode(component, schema, &mut reader)?;
    // A model ends where its payload ends.
    let unread = reader.buffer().len() as u64 + reader.get_ref().limit();
    let beyond = reader.into_inner().into_inner().read(&mut [0])?;
    if unread > 0 || beyond > 0 { Err(ArtifactError::PayloadSize { declared: size }) } else { Ok(model) }
}

/// The bytes in order: counted, hashed and bounded.
struct Parts<'a> {
    reader: &'a mut dyn Read,
    sha256: Sha256,
    size: u64,
}

impl Parts<'_> {
    fn up_to(&mut self, length: u64) -> Result<Vec<u8>, ArtifactError> {
        let mut bytes = Vec::with_capacity(length.min(FIRST_RESERVATION) as usize);
        (&mut *self.reader).take(length).read_to_end(&mut bytes)?;
        self.sha256.update(&bytes);
        self.size += bytes.len() as u64;
        Ok(bytes)
    }

    fn exactly(&mut self, part: &'static str, length: u64) -> Result<Vec<u8>, ArtifactError> {
        let bytes = self.up_to(length)?;
        check_length(part, &bytes, length)?;
        Ok(bytes)
    }

    /// Lays a part aside that may be large: only what has really arrived takes room.
    fn spooled(&mut self, part: &'static str, length: u64) -> Result<Spooled, ArtifactError> {
        let mut spool = Spool::new();
        if length >= BESIDE {
            return match lay_aside(self.reader, length, &mut self.sha256, &mut spool)? {
                LaidAside::NotTaken(error) => Err(spool.failed(error)),
                LaidAside::Found(found) if found < length => {
                    Err(ArtifactError::Truncated { part, expected: length, found })
                }
                LaidAside::Found(found) => {
                    self.size += found;
                    Ok(spool.finish())
                }
            };
        }
        let mut buffer = vec![0; PIECE.min(usize::try_from(length).unwrap_or(PIECE))];
        let mut found = 0;
        while found < length {
            let wanted = usize::try_from(length - found).map_or(PIECE, |rest| rest.min(PIECE));
            let piece = match self.reader.read(&mut buffer[..wanted]) {
                Ok(0) => return Err(ArtifactError::Truncated { part, expected: length, found }),
                Ok(read) => &buffer[..read],
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error.into()),
            };
            self.sha256.update(piece);
            found += piece.len() as u64;
            spool.write_all(piece).map_err(|error| spool.failed(error))?;
        }
        self.size += found;
        Ok(spool.finish())
    }

    fn array<const LENGTH: usize>(&mut self, part: &'static str) -> Result<[u8; LENGTH], ArtifactError> {
        let bytes = self.exactly(part, LENGTH as u64)?;
        let found = bytes.len() as u64;
        bytes.try_into().map_err(|_| ArtifactError::Truncated { part, expected: LENGTH as u64, found })
    }
}

fn check_length(part: &'static str, bytes: &[u8], expected: u64) -> Result<(), ArtifactError> {
    match bytes.len() as u64 {
        found if found < expected => Err(ArtifactError::Truncated { part, expected, found }),
        _ => Ok(()),
    }
}

fn check_limit(part: &'static str, size: u64, limit: u64) -> Result<(), ArtifactError> {
    if size > limit { Err(ArtifactError::TooLarge { part, size, limit }) } else { Ok(()) }
}
