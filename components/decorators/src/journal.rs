//! Files of lines that grow.

mod content;

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions, rename};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use indexmap::IndexMap;
use palladium_component::interfaces::{Explain, Failure, Probe};
use palladium_component::value::check_appendable;
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::io::Errno;
use serde_json::{Map as JsonMap, Value as Json};

/// A file to which lines of JSON are appended.
///
/// All that append to one file share it, those of the configuration before a reload too: each by itself would put aside
/// what another one still writes to.
pub struct Journal {
    file: Arc<Shared>,
    bounds: Option<Rotation>,
}

/// The files of this process by their paths.
static FILES: Mutex<Files> = Mutex::new(Files::new());

type Files = BTreeMap<PathBuf, Weak<Shared>>;

fn files() -> MutexGuard<'static, Files> {
    FILES.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Shared {
    path: PathBuf,
    state: Mutex<State>,
}

struct State {
    open: Open,
    /// Those of all that append.
    bounds: Vec<Option<Rotation>>,
}

/// When a file is put aside and a new one begun, and how many of them stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rotation {
    /// The bytes that a file holds at most.
    pub max_bytes: u64,
    /// How many files stay beside the one that grows: `name.1` is the youngest.
    pub keep: u32,
}

struct Open {
    file: File,
    /// The bytes that it holds, as far as is known.
    bytes: u64,
    /// Whether it ends within a line.
    is_torn: bool,
    /// Whether it holds lines of a journal for certain; one that was empty may have been filled by somebody else.
    is_own: bool,
}

/// A file that lines cannot be appended to.
#[derive(Debug, thiserror::Error)]
#[error("`{}` cannot be appended to", path.display())]
struct NotOpened {
    path: PathBuf,
    source: io::Error,
}

impl Explain for NotOpened {
    fn help(&self) -> Option<String> {
        let help = "name a file that is not there yet, in a folder that is, or one that such a decorator has begun";
        Some(help.to_owned())
    }
}

impl Journal {
    /// Opens a file, which need not be there. Without bounds it grows; of the bounds of all that append to it, the widest
    /// count.
    ///
    /// # Errors
    /// It cannot be opened for appending, holds something else than lines of a journal, or is a pipe that nobody reads.
    pub fn open(path: &Path, bounds: Option<Rotation>) -> Result<Journal, Failure> {
        let mut files = files();
        files.retain(|_, file| file.strong_count() > 0);
        let failed = |source| NotOpened { path: path.to_owned(), source };
        let open = check_appendable(path).and_then(|()| open(path)).map_err(failed)?;
        // What has no path of its own, such as a pipe behind `/dev/stdout`, goes by the one that is given.
        let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let file = files.get(&path).and_then(Weak::upgrade).unwrap_or_else(|| {
            let state = Mutex::new(State { open, bounds: Vec::new() });
            let file = Arc::new(Shared { path: path.clone(), state });
            files.insert(path, Arc::downgrade(&file));
            file
        });
        drop(files);
        file.lock().bounds.push(bounds);
        Ok(Journal { file, bounds })
    }

    /// Finds out whether a file can be appended to, without making it.
    ///
    /// # Errors
    /// Those of [`Journal::open`] that can be known before.
    pub fn probe(path: &Path) -> Result<Probe, Failure> {
        let failed = |source| NotOpened { path: path.to_owned(), source };
        check_appendable(path).and_then(|()| content::check(path)).map_err(failed)?;
        let new = if path.exists() { "" } else { ", which will be made" };
        Ok(Probe::Found(format!("the file `{}`{new}", path.display())))
    }

    /// Appends a line, and waits until it is on the disk where that is asked for. A file that was moved away or deleted
    /// since is begun anew.
    ///
    /// # Errors
    /// The file cannot be written or rotated, or what is in its place now holds something else.
    pub fn append(&self, line: &Json, sync: bool) -> io::Result<()> {
        let mut text = line.to_string();
        text.push('\n');
        let mut state = self.file.lock();
        if !state.open.is_at(&self.file.path) {
            state.open = open(&self.file.path)?;
            tracing::info!("`{}` was moved away or deleted, and is begun anew", self.file.path.display());
        }
        if !state.open.is_own && state.open.bytes > 0 {
            content::check(&self.file.path)?;
        }
        let bytes = state.open.bytes;
        let is_full = |bounds: &Rotation| bytes > 0 && bytes + text.len() as u64 > bounds.max_bytes;
        if let Some(bounds) = state.bounds().filter(is_full) {
            state.open = self.file.rotate(bounds)?;
        }
        state.open.append(text.as_bytes())?;
        if sync { state.open.file.sync_data() } else { Ok(()) }
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        let mut state = self.file.lock();
        if let Some(place) = state.bounds.iter().position(|bounds| *bounds == self.bounds) {
            state.bounds.swap_remove(place);
        }
    }
}

impl State {
    /// Returns the widest bounds.
    fn bounds(&self) -> Option<Rotation> {
        let wider = |one: Rotation, other: Rotation| Rotation {
            max_bytes: one.max_bytes.max(other.max_bytes),
            keep: one.keep.max(other.keep),
        };
        self.bounds.iter().copied().reduce(|one, other| Some(wider(one?, other?))).flatten()
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts the files aside and begins a new one. Whatever step fails, none that is kept is lost, this time or the next.
    fn rotate(&self, bounds: Rotation) -> io::Result<Open> {
        let beside = |ending: &str| {
            let mut name = self.path.clone().into_os_string();
            name.push(format!(".{ending}"));
            PathBuf::from(name)
        };
        let numbered = |number: u32| beside(&number.to_string());
        // It comes first: where no file can be opened, all others stay where they are.
        let begun = beside("new");
        let opened = open(&begun)?;
        // Nobody looks for the file in the moment in which there is none.
        let _files = files();
        if bounds.keep > 0 {
            // What was put aside only moves as far as it has to, and so into a gap that a failure left.
            let gap = (1..bounds.keep).find(|number| !numbered(*number).exists()).unwrap_or(bounds.keep);
            for number in (1..gap).rev() {
                rename(numbered(number), numbered(number + 1))?;
            }
            ignore_missing(rename(&self.path, numbered(1)))?;
        }
        rename(begun, &self.path)?;
        Ok(opened)
    }
}

impl Open {
    /// Tells whether a path still leads to the file, and takes notice of what others have appended to it.
    fn is_at(&mut self, path: &Path) -> bool {
        let (Ok(open), Ok(found)) = (self.file.metadata(), path.metadata()) else { return false };
        self.bytes = open.len();
        (open.dev(), open.ino()) == (found.dev(), found.ino())
    }

    /// Appends a line, and what ends a torn one before it. Nothing of a line that cannot be written stays.
    fn append(&mut self, line: &[u8]) -> io::Result<()> {
        let end: &[u8] = if self.is_torn { b"\n" } else { b"" };
        let text = [end, line].concat();
        let mut n_written = 0;
        while n_written < text.len() {
            match self.file.write(&text[n_written..]) {
                Ok(0) => {
                    self.take_back(n_written as u64);
                    return Err(io::ErrorKind::WriteZero.into());
                }
                Ok(n_bytes) => n_written += n_bytes,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.take_back(n_written as u64);
                    return Err(error);
                }
            }
        }
        self.bytes += n_written as u64;
        self.is_torn = false;
        self.is_own = true;
        Ok(())
    }

    /// Takes the written part of a line back. It stays where that cannot be done, or where another process has appended
    /// something since; the next line then ends it.
    fn take_back(&mut self, n_written: u64) {
        let is_last = self.file.metadata().is_ok_and(|found| found.len() == self.bytes + n_written);
        if n_written > 0 && !(is_last && self.file.set_len(self.bytes).is_ok()) {
            self.bytes += n_written;
            self.is_torn = true;
        }
    }
}

fn ignore_missing(result: io::Result<()>) -> io::Result<()> {
    result.or_else(|error| if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) })
}

fn open(path: &Path) -> io::Result<Open> {
    content::check(path)?;
    // What callers do is not everybody's business.
    let mut options = OpenOptions::new();
    options.create(true).append(true).mode(0o600).custom_flags(OFlags::NONBLOCK.bits() as i32);
    let file = options.open(path).map_err(|error| {
        let is_pipe = path.metadata().is_ok_and(|found| found.file_type().is_fifo());
        let is_unread = is_pipe && error.raw_os_error() == Some(Errno::NXIO.raw_os_error());
        if is_unread { io::Error::other("it is a pipe that nobody reads; start its reader first") } else { error }
    })?;
    // Opening must not wait until somebody reads a pipe; writing may.
    fcntl_setfl(&file, fcntl_getfl(&file)? - OFlags::NONBLOCK)?;
    let bytes = file.metadata()?.len();
    // What cannot be read may end within a line.
    let is_torn = bytes > 0 && !ends_line(path).unwrap_or(false);
    Ok(Open { file, bytes, is_torn, is_own: bytes > 0 })
}

/// Tells whether a file, which is not empty, ends with its last line: a process that was killed may have left a part.
fn ends_line(path: &Path) -> io::Result<bool> {
    let mut file = File::open(path)?;
    file.seek(SeekFrom::End(-1))?;
    let mut last = [0];
    file.read_exact(&mut last)?;
    Ok(last == *b"\n")
}

/// Returns fields as an object, in which a name that stands several times has a list of all its values.
pub fn grouped(fields: impl IntoIterator<Item = (String, Json)>) -> JsonMap<String, Json> {
    let mut values: IndexMap<String, Vec<Json>> = IndexMap::new();
    for (name, value) in fields {
        values.entry(name).or_default().push(value);
    }
    let value = |mut values: Vec<Json>| match values.len() {
        1 => values.remove(0),
        _ => Json::Array(values),
    };
    values.into_iter().map(|(name, values)| (name, value(values))).collect()
}

#[cfg(test)]
mod tests;
