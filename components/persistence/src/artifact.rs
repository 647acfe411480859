//! The form in which every store keeps a model: data only, bounded, checked before it is decoded.
//!
//! ```text
//! offset      bytes  content
//! 0               8  89 50 4C 44 4D 0D 0A 1A: "PLDM" between bytes that a transfer as text would change
//! 8               4  format version, 1; whole numbers are unsigned and little endian
//! 12              4  length of the header, H
//! 16              8  length of the payload, P
//! 24              H  header: JSON
//! 24 + H          P  payload: MessagePack with field names, compressed with zstd
//! 24 + H + P     32  SHA-256 of everything before
//! ```
//!
//! The header says `component` and `schema` (whose model it is, and the version of its stored form), `metadata`,
//! `columns` (name and type of each training column) and `payload_size` (the length of the decompressed payload).
//! Entries that a reader does not know are skipped, so that later versions can add some.
//!
//! A later format keeps the first twelve bytes, and every reader reads all formats before its own. `FORMAT.md` beside
//! the sources of this crate is the specification: what a reader checks in which order, and what may change.
//!
//! Compressed payloads of more than 8 MiB lie in a file without a name in the temporary folder, which `TMPDIR` names,
//! while a model is written or read.

mod ahead;
mod aside;
mod error;
mod reading;
mod spool;
mod writing;

pub use error::ArtifactError;
pub use reading::{Opened, open, read};
pub use writing::{Prepared, Sealed, write};

use palladium_component::prelude::*;
use serde::{Deserialize, Serialize};

const MAGIC: [u8; 8] = *b"\x89PLDM\r\n\x1a";
const FORMAT_VERSION: u32 = 1;
const HEADER_LIMIT: u64 = 64 << 20;

/// How many bytes the checksum at the end has.
pub const CHECKSUM: usize = 32;

/// How large a stored model may be.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of the decompressed payload.
    pub payload: u64,
}

impl Default for Limits {
    /// Returns 8 GiB.
    fn default() -> Limits {
        Limits { payload: 8 << 30 }
    }
}

impl Limits {
    /// Returns how long a payload within the limits can be when it is compressed: what cannot be compressed grows.
    fn compressed(self) -> u64 {
        self.payload.saturating_add(self.payload / 128).saturating_add(1024)
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Header {
    component: String,
    schema: u32,
    payload_size: u64,
    columns: Vec<ColumnSpec>,
    metadata: Metadata,
}

#[cfg(test)]
mod tests;
