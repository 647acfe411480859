//! The only file in a zip archive.

use std::io::{self, BufRead, Read, Seek, SeekFrom};

use ::zip::{CompressionMethod, ZipArchive};
use flate2::CrcReader;
use flate2::bufread::DeflateDecoder;

use super::compression::{Format, broken};
use super::error::SourceError;
use super::read_at::ReadAt;

/// Where the only file of an archive lies in it, and how.
pub(super) struct Member {
    start: u64,
    packed_size: u64,
    size: u64,
    crc: u32,
    is_deflated: bool,
}

/// Finds the only file of an archive.
pub(super) fn find(name: &str, archive: ReadAt) -> Result<Member, SourceError> {
    let file = || name.to_owned();
    let failed = |error: ::zip::result::ZipError| broken(name, Format::Zip, error.into());
    let mut archive = ZipArchive::new(archive).map_err(failed)?;
    if archive.len() != 1 {
        return Err(SourceError::Members { file: file(), found: archive.len() });
    }
    let member = archive.by_index_raw(0).map_err(failed)?;
    if member.encrypted() {
        return Err(SourceError::Member { file: file(), what: "encrypted".to_owned() });
    }
    let is_deflated = match member.compression() {
        CompressionMethod::Stored => false,
        CompressionMethod::Deflated => true,
        method => {
            let what = format!("compressed by the method `{method}`, which is not supported");
            return Err(SourceError::Member { file: file(), what });
        }
    };
    let missing = || SourceError::Truncated { file: file(), format: Format::Zip };
    Ok(Member {
        start: member.data_start().ok_or_else(missing)?,
        packed_size: member.compressed_size(),
        size: member.size(),
        crc: member.crc32(),
        is_deflated,
    })
}

impl Member {
    /// Returns the packed bytes.
    pub(super) fn packed(&self, mut archive: ReadAt) -> io::Result<Box<dyn Read + Send>> {
        archive.seek(SeekFrom::Start(self.start))?;
        Ok(Box::new(archive.take(self.packed_size)))
    }

    /// Returns a reader of the content, which checks it in the end.
    pub(super) fn unpacked(&self, packed: impl BufRead + Send + 'static) -> Checked {
        let content: Box<dyn Read + Send> =
            if self.is_deflated { Box::new(DeflateDecoder::new(packed)) } else { Box::new(packed) };
        Checked { content: CrcReader::new(content), size: self.size, crc: self.crc }
    }
}

/// Content whose size and check sum are known.
pub(super) struct Checked {
    content: CrcReader<Box<dyn Read + Send>>,
    size: u64,
    crc: u32,
}

impl Read for Checked {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.content.read(buffer)?;
        if length > 0 || buffer.is_empty() {
            return Ok(length);
        }
        // The check sum counts bytes in 32 bits.
        match (self.content.crc().amount() == self.size as u32, self.content.crc().sum() == self.crc) {
            (true, true) => Ok(0),
            (false, _) => Err(io::ErrorKind::UnexpectedEof.into()),
            (true, false) => Err(io::Error::new(io::ErrorKind::InvalidData, "the check sum is another one")),
        }
    }
}
