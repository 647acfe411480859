//! Files that are read again when they have changed.

use std::fs;
use std::io::{self, Read};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use palladium_component::interfaces::Explain;

/// What a file holds, as it was when it last could be read.
pub struct Watched<T> {
    seen: Mutex<Option<Seen<T>>>,
}

struct Seen<T> {
    content: Arc<T>,
    stamp: Option<Stamp>,
    looked: Instant,
}

#[derive(Clone, PartialEq, Eq)]
struct Stamp {
    modified: Option<SystemTime>,
    bytes: u64,
    #[cfg(unix)]
    inode: u64,
}

/// Why a file is of no use.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// It cannot be read.
    #[error("`{path}` cannot be read")]
    Read {
        /// The file.
        path: String,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// It is longer than anything of its kind.
    #[error("`{path}` is larger than {MOST_BYTES} bytes")]
    TooLarge {
        /// The file.
        path: String,
    },
    /// It does not hold what it should; the message shows nothing of what it holds.
    #[error("`{path}`: {problem}")]
    Content {
        /// The file.
        path: String,
        /// What is wrong.
        problem: String,
    },
}

impl Explain for FileError {}

const MOST_BYTES: u64 = 4 << 20;

/// How often a file is looked at.
pub const PERIOD: Duration = Duration::from_secs(1);

impl<T> Default for Watched<T> {
    fn default() -> Watched<T> {
        Watched { seen: Mutex::new(None) }
    }
}

impl<T> Watched<T> {
    /// Returns what the file holds. One that has become unreadable is logged and counts as it was.
    ///
    /// # Errors
    /// It cannot be read, and never could.
    pub fn get(&self, path: &Path, parse: impl Fn(&str) -> Result<T, String>) -> Result<Arc<T>, FileError> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let Some(before) = seen.as_mut() else {
            let (stamp, content) = (stamp(path), Arc::new(read(path, parse)?));
            *seen = Some(Seen { content: Arc::clone(&content), stamp, looked: now });
            return Ok(content);
        };
        if now.duration_since(before.looked) < PERIOD {
            return Ok(Arc::clone(&before.content));
        }
        before.looked = now;
        let stamp = stamp(path);
        if stamp != before.stamp {
            before.stamp = stamp;
            match read(path, parse) {
                Ok(content) => {
                    before.content = Arc::new(content);
                    tracing::info!(target: "palladium::auth", "`{}` has changed and is read again", path.display());
                }
                Err(error) => {
                    tracing::error!(target: "palladium::auth", "what was read before stays in use: {error}");
                }
            }
        }
        Ok(Arc::clone(&before.content))
    }
}

fn stamp(path: &Path) -> Option<Stamp> {
    let metadata = fs::metadata(path).ok()?;
    #[cfg(unix)]
    let inode = std::os::unix::fs::MetadataExt::ino(&metadata);
    Some(Stamp {
        modified: metadata.modified().ok(),
        bytes: metadata.len(),
        #[cfg(unix)]
        inode,
    })
}

/// Reads a file once.
///
/// # Errors
/// It cannot be read, or holds what it should not.
pub fn read<T>(path: &Path, parse: impl Fn(&str) -> Result<T, String>) -> Result<T, FileError> {
    let shown = || path.display().to_string();
    let failed = |source| FileError::Read { path: shown(), source };
    let mut text = String::new();
    fs::File::open(path).and_then(|file| file.take(MOST_BYTES + 1).read_to_string(&mut text)).map_err(failed)?;
    if text.len() as u64 > MOST_BYTES {
        return Err(FileError::TooLarge { path: shown() });
    }
    // Some editors put a byte order mark at the start.
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    parse(text).map_err(|problem| FileError::Content { path: shown(), problem })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_again_what_has_changed_and_keeps_what_was_good() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("number");
        let parse = |text: &str| text.trim().parse::<u32>().map_err(|_| "this is no number".to_owned());
        let watched = Watched::default();
        let get = || watched.get(&path, parse).map(|content| *content).map_err(|error| error.to_string());
        let later = || watched.seen.lock().unwrap().as_mut().unwrap().looked -= 2 * PERIOD;

        assert!(get().unwrap_err().contains("cannot be read"));
        fs::write(&path, "1").unwrap();
        assert_eq!(get(), Ok(1));
        fs::write(&path, "22").unwrap();
        assert_eq!(get(), Ok(1), "it is not looked at for each request");
        later();
        assert_eq!(get(), Ok(22));
        for broken in ["no number", ""] {
            fs::write(&path, broken).unwrap();
            later();
            assert_eq!(get(), Ok(22), "{broken}");
        }
        fs::remove_file(&path).unwrap();
        later();
        assert_eq!(get(), Ok(22));
        fs::write(&path, "333").unwrap();
        later();
        assert_eq!(get(), Ok(333));
        fs::write(&path, "\u{feff}4444").unwrap();
        later();
        assert_eq!(get(), Ok(4444), "a byte order mark is no part of it");
    }
}
