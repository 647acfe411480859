//! Files of lines that grow.

use std::fs::{File, OpenOptions, rename};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use indexmap::IndexMap;
use serde_json::{Map as JsonMap, Value as Json};

/// A file to which lines of JSON are appended.
pub struct Journal {
    path: PathBuf,
    bounds: Option<Rotation>,
    open: Mutex<Open>,
}

/// When a file is put aside and a new one begun, and how many of them stay.
#[derive(Clone, Copy, Debug)]
pub struct Rotation {
    /// The bytes that a file holds at most.
    pub max_bytes: u64,
    /// How many files stay beside the one that grows: `name.1` is the youngest.
    pub keep: u32,
}

struct Open {
    file: File,
    bytes: u64,
}

impl Journal {
    /// Opens a file, which need not be there.
    ///
    /// # Errors
    /// It cannot be opened for appending.
    pub fn open(path: &Path, bounds: Option<Rotation>) -> io::Result<Journal> {
        Ok(Journal { path: path.to_owned(), bounds, open: Mutex::new(open(path)?) })
    }

    /// Appends a line, and waits until it is on the disk where that is asked for.
    ///
    /// # Errors
    /// The file cannot be written or rotated.
    pub fn append(&self, line: &Json, sync: bool) -> io::Result<()> {
        let mut text = line.to_string();
        text.push('\n');
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let is_full = |bounds: &Rotation| open.bytes > 0 && open.bytes + text.len() as u64 > bounds.max_bytes;
        if let Some(bounds) = self.bounds.filter(is_full) {
            *open = self.rotate(bounds)?;
        }
        open.file.write_all(text.as_bytes())?;
        open.bytes += text.len() as u64;
        if sync { open.file.sync_data() } else { Ok(()) }
    }

    /// Puts the files aside and begins a new one.
    fn rotate(&self, bounds: Rotation) -> io::Result<Open> {
        let numbered = |number: u32| {
            let mut name = self.path.clone().into_os_string();
            name.push(format!(".{number}"));
            PathBuf::from(name)
        };
        for number in (1..bounds.keep).rev() {
            ignore_missing(rename(numbered(number), numbered(number + 1)))?;
        }
        match bounds.keep {
            0 => ignore_missing(std::fs::remove_file(&self.path))?,
            _ => ignore_missing(rename(&self.path, numbered(1)))?,
        }
        open(&self.path)
    }
}

fn ignore_missing(result: io::Result<()>) -> io::Result<()> {
    result.or_else(|error| if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) })
}

fn open(path: &Path) -> io::Result<Open> {
    let mut options = OpenOptions::new();
    options.create(true).append(true);
    // What callers do is not everybody's business.
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path)?;
    let bytes = file.metadata()?.len();
    Ok(Open { file, bytes })
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
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn files_are_put_aside_when_they_are_full() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let bounds = |keep| Some(Rotation { max_bytes: 20, keep });
        let journal = Journal::open(&path, bounds(2)).unwrap();
        for number in 0..10 {
            journal.append(&json!({"n": number}), false).unwrap();
        }
        let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
        assert_eq!(read("log"), "{\"n\":8}\n{\"n\":9}\n");
        assert_eq!(read("log.1"), "{\"n\":6}\n{\"n\":7}\n");
        assert_eq!(read("log.2"), "{\"n\":4}\n{\"n\":5}\n");
        assert_eq!(folder.path().read_dir().unwrap().count(), 3);

        let journal = Journal::open(&path, bounds(0)).unwrap();
        journal.append(&json!({"n": "larger than a file may be"}), true).unwrap();
        assert_eq!((read("log").lines().count(), read("log.1").lines().count()), (1, 2));
        assert!(Journal::open(&folder.path().join("no/log"), None).is_err());
    }
}
