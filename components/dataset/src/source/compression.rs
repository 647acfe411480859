//! Unpacking of compressed files, within bounds.

use std::fmt;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use palladium_component::prelude::*;

use super::error::SourceError;
use super::read_at::ReadAt;
use super::zip;

/// How many bytes are read of a compressed file at once.
const BUFFER: usize = 1 << 16;

/// How many times larger a file may become by being unpacked; what is more is meant to fill the memory.
const MAX_RATIO: u64 = 2000;

/// A file that becomes no larger than this may have any ratio.
const ANY_RATIO: u64 = 64 << 20;

/// How much memory, in KiB, xz may ask for; its highest level asks for 65 MiB.
const XZ_MEMORY: u32 = 512 << 10;

/// The parameter `compression`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Compression {
    /// The name of the file tells.
    Infer,
    /// There is none.
    Plain,
    /// This one.
    Format(Format),
}

/// How a file is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Gzip,
    Bzip2,
    Zip,
    Xz,
    Zstd,
}

/// Each format, what pandas calls it and the extensions of its files.
const FORMATS: [(Format, &str, &str); 5] = [
    (Format::Gzip, "gzip", "gz"),
    (Format::Bzip2, "bz2", "bz2"),
    (Format::Zip, "zip", "zip"),
    (Format::Xz, "xz", "xz"),
    (Format::Zstd, "zstd", "zst"),
];

impl FromArgument for Compression {
    const TYPE: ParamType = ParamType::Optional(&ParamType::Choice(&["infer", "gzip", "bz2", "zip", "xz", "zstd"]));

    fn from_argument(value: &Value) -> Result<Self, Mismatch> {
        let named = |text: &str| match FORMATS.iter().find(|(_, name, _)| *name == text) {
            Some((format, _, _)) => Some(Compression::Format(*format)),
            None => (text == "infer").then_some(Compression::Infer),
        };
        match &value.data {
            Data::Null => Ok(Compression::Plain),
            Data::Text(text) => named(text).ok_or_else(|| Mismatch::wrong(Self::TYPE, value)),
            Data::Map(_) => Err(Mismatch::Refused {
                message: "a map of options for a compression is not supported, for files are only read".into(),
                value: value.clone(),
                label: format!("name the compression alone: {}", Self::TYPE),
            }),
            _ => Err(Mismatch::wrong(Self::TYPE, value)),
        }
    }
}

impl Compression {
    /// Returns how a file of this name is compressed.
    pub(crate) fn of(self, name: &str) -> Option<Format> {
        let extension = Path::new(name).extension().and_then(|extension| extension.to_str()).map(str::to_lowercase);
        match self {
            Compression::Plain => None,
            Compression::Format(format) => Some(format),
            Compression::Infer => {
                let (format, _, _) = FORMATS.iter().find(|(_, _, usual)| Some(*usual) == extension.as_deref())?;
                Some(*format)
            }
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(FORMATS.iter().find(|(format, _, _)| format == self).map_or("", |(_, name, _)| name))
    }
}

/// Returns a reader of the unpacked content of a file.
pub(super) fn decoder(
    name: &str,
    format: Format,
    file: Arc<File>,
    is_seekable: bool,
    max_size: u64,
    progress: &LoadProgress,
) -> Result<Box<dyn Read + Send>, SourceError> {
    let n_packed = Arc::new(AtomicU64::new(0));
    let packed = |input: Box<dyn Read + Send>| {
        let counted = Counted { input, name: name.to_owned(), count: Arc::clone(&n_packed) };
        BufReader::with_capacity(BUFFER, counted)
    };
    let input: Box<dyn Read + Send> =
        if is_seekable { Box::new(ReadAt::new(Arc::clone(&file), progress)) } else { Box::new(Arc::clone(&file)) };
    let decoder: Box<dyn Read + Send> = match format {
        Format::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(packed(input))),
        Format::Bzip2 => Box::new(bzip2::bufread::MultiBzDecoder::new(packed(input))),
        Format::Xz => Box::new(lzma_rust2::XzReader::new_mem_limit(packed(input), true, XZ_MEMORY)),
        Format::Zstd => {
            let decoder = zstd::stream::read::Decoder::with_buffer(packed(input));
            Box::new(decoder.map_err(|reason| broken(name, format, reason))?)
        }
        Format::Zip if is_seekable => {
            let member = zip::find(name, ReadAt::new(Arc::clone(&file), &LoadProgress::default()))?;
            let input = member.packed(ReadAt::new(file, progress)).map_err(|reason| SourceError::of(name, reason))?;
            Box::new(member.unpacked(packed(input)))
        }
        Format::Zip => return Err(SourceError::NotAFile { file: name.to_owned() }),
    };
    Ok(Box::new(Unpacked { decoder, name: name.to_owned(), format, n_packed, n_unpacked: 0, max_size }))
}

/// Returns what an error of a decoder means.
pub(super) fn broken(file: &str, format: Format, error: io::Error) -> SourceError {
    match SourceError::take_from(error) {
        Ok(error) => error,
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            SourceError::Truncated { file: file.to_owned(), format }
        }
        Err(reason) => SourceError::Corrupt { file: file.to_owned(), format, reason },
    }
}

/// Counts what is read of a compressed file, and tells errors of reading from those of unpacking.
struct Counted {
    input: Box<dyn Read + Send>,
    name: String,
    count: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.input.read(buffer).map_err(|error| match error.kind() {
            io::ErrorKind::Interrupted => error,
            _ => io::Error::other(SourceError::of(&self.name, error)),
        })?;
        self.count.fetch_add(length as u64, Ordering::Relaxed);
        Ok(length)
    }
}

/// The unpacked content of a file, which is not larger than it may be.
struct Unpacked {
    decoder: Box<dyn Read + Send>,
    name: String,
    format: Format,
    n_packed: Arc<AtomicU64>,
    n_unpacked: u64,
    max_size: u64,
}

impl Read for Unpacked {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = match self.decoder.read(buffer) {
            Ok(length) => length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Err(error),
            Err(error) => return Err(io::Error::other(broken(&self.name, self.format, error))),
        };
        self.n_unpacked += length as u64;
        if self.n_unpacked > self.max_size {
            return Err(io::Error::other(SourceError::TooLarge { file: self.name.clone(), limit: self.max_size }));
        }
        let n_packed = self.n_packed.load(Ordering::Relaxed);
        if self.n_unpacked > ANY_RATIO && self.n_unpacked / MAX_RATIO > n_packed {
            return Err(io::Error::other(SourceError::Inflates { file: self.name.clone(), ratio: MAX_RATIO }));
        }
        Ok(length)
    }
}
