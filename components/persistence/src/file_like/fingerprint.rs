//! Size and SHA-256 of attachments, which tell whether they still are what was stored.

use std::io::{self, Read, Write};
use std::sync::{Mutex, PoisonError};

use palladium_component::prelude::*;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// What tells the content of an object from any other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fingerprint {
    /// The number of bytes.
    size: u64,
    /// The SHA-256 of the bytes, in hexadecimal digits.
    sha256: String,
}

impl Fingerprint {
    /// Returns the fingerprint of bytes.
    pub fn of(bytes: &[u8]) -> Fingerprint {
        let mut running = Running::default();
        running.add(bytes);
        running.fingerprint()
    }

    /// Says what is wrong with content that has another fingerprint.
    pub fn difference(&self, found: &Fingerprint) -> String {
        if self.size == found.size {
            "its checksum does not match".to_owned()
        } else {
            format!("it has {} bytes, {} were stored", found.size, self.size)
        }
    }
}

/// A fingerprint that is being taken.
#[derive(Default)]
struct Running {
    sha256: Sha256,
    size: u64,
}

impl Running {
    fn add(&mut self, bytes: &[u8]) {
        self.sha256.update(bytes);
        self.size += bytes.len() as u64;
    }

    fn fingerprint(&self) -> Fingerprint {
        Fingerprint { size: self.size, sha256: hex::encode(self.sha256.clone().finalize()) }
    }
}

/// Passes on what is written, and takes its fingerprint.
pub struct Checked<W> {
    writer: W,
    running: Running,
}

impl<W: Write> Checked<W> {
    /// Returns a writer that passes everything on to another one.
    pub fn new(writer: W) -> Checked<W> {
        Checked { writer, running: Running::default() }
    }

    /// Returns the fingerprint of what was written so far.
    pub fn fingerprint(&self) -> Fingerprint {
        self.running.fingerprint()
    }
}

impl<W: Write> Write for Checked<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let n_written = self.writer.write(bytes)?;
        self.running.add(&bytes[..n_written]);
        Ok(n_written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

/// Content whose fingerprint is taken while it is stored, so that it is not read for that alone.
pub struct Observed<'a> {
    content: &'a dyn Content,
    /// The fingerprint of what was read to its end last.
    seen: Mutex<Option<Fingerprint>>,
}

impl<'a> Observed<'a> {
    /// Returns the same content.
    pub fn new(content: &'a dyn Content) -> Observed<'a> {
        Observed { content, seen: Mutex::new(None) }
    }

    /// Returns the fingerprint of the content, which is read for it if nobody has read it.
    ///
    /// # Errors
    /// Of the place where the content lies.
    pub fn fingerprint(&self) -> io::Result<Fingerprint> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone();
        seen.map_or_else(
            || {
                let mut checked = Checked::new(io::sink());
                self.content.write_to(&mut checked)?;
                Ok(checked.fingerprint())
            },
            Ok,
        )
    }
}

impl Content for Observed<'_> {
    fn size(&self) -> u64 {
        self.content.size()
    }

    fn open(&self) -> io::Result<Box<dyn Read + Send + '_>> {
        let reader = self.content.open()?;
        Ok(Box::new(Reading { reader, running: Running::default(), observed: self }))
    }
}

struct Reading<'a> {
    reader: Box<dyn Read + Send + 'a>,
    running: Running,
    observed: &'a Observed<'a>,
}

impl Read for Reading<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n_read = self.reader.read(buffer)?;
        self.running.add(&buffer[..n_read]);
        // Whoever knows the size does not look for the end.
        if self.running.size == self.observed.size() || (n_read == 0 && !buffer.is_empty()) {
            let mut seen = self.observed.seen.lock().unwrap_or_else(PoisonError::into_inner);
            *seen = Some(self.running.fingerprint());
        }
        Ok(n_read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_taken_of_what_is_read() {
        for content in [b"".as_slice(), b"hey"] {
            let expected = Fingerprint::of(content);
            let observed = Observed::new(&content);
            assert_eq!(observed.fingerprint().unwrap(), expected, "not read yet");
            // Half of it is no fingerprint, and the exact number of bytes is enough.
            let mut some = vec![0; content.len() / 2];
            observed.open().unwrap().read_exact(&mut some).unwrap();
            assert_eq!(*observed.seen.lock().unwrap(), None);
            let mut all = vec![0; content.len()];
            observed.open().unwrap().read_exact(&mut all).unwrap();
            let seen = observed.seen.lock().unwrap().clone();
            assert_eq!(seen, (!content.is_empty()).then(|| expected.clone()));
            observed.write_to(&mut io::sink()).unwrap();
            assert_eq!(*observed.seen.lock().unwrap(), Some(expected));
        }
        // From FIPS 180-2.
        let known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(Fingerprint::of(b"abc"), Fingerprint { size: 3, sha256: known.to_owned() });
    }

    #[test]
    fn differences_are_told() {
        let stored = Fingerprint::of(b"abc");
        assert_eq!(stored.difference(&Fingerprint::of(b"abd")), "its checksum does not match");
        assert_eq!(stored.difference(&Fingerprint::of(b"ab")), "it has 2 bytes, 3 were stored");
    }
}
