//! Files that are written aside, under names that nobody looks for, until they are whole.

use std::fs::{self, File, TryLockError};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use palladium_component::prelude::*;
use palladium_component::value::folder_of;
use rustix::fs::{CWD, RenameFlags, renameat_with};

use super::{FileIOError, is_at, private};
use crate::fail_point;

/// What the names of these files begin with.
const PREFIX: &str = ".palladium-part-";

/// A whole file that has no name of its own yet. What is left of it disappears with this value.
///
/// Its writer holds a lock on it as long as it lives: a file without such a lock was left by one that was killed.
pub struct Part {
    path: PathBuf,
    _lock: File,
}

impl Part {
    /// Writes the file that is to have a path and brings it to the disk.
    pub fn write(path: &Path, content: &dyn Content) -> Result<Part, FileIOError> {
        // Nobody knows this file by its own name.
        let failed = |error| FileIOError::of_io(path, error);
        let (part, file) = Part::create(folder_of(path)).map_err(failed)?;
        fail_point::reached("a part was created");
        let mut writer = BufWriter::with_capacity(1 << 16, file);
        let written = content.write_to(&mut writer).and_then(|()| writer.flush());
        fail_point::reached("a part was written");
        let written = written.and_then(|()| writer.get_ref().sync_all());
        written.map_err(failed)?;
        fail_point::reached("a part was brought to the disk");
        Ok(part)
    }

    fn create(folder: &Path) -> io::Result<(Part, File)> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        loop {
            let count = COUNT.fetch_add(1, Ordering::Relaxed);
            let path = folder.join(format!("{PREFIX}{}-{count}-{:08x}", std::process::id(), fastrand::u32(..)));
            let lock = match private().write(true).create_new(true).open(&path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                opened => opened?,
            };
            match lock.try_lock() {
                Ok(()) if is_at(&lock, &path) => {
                    let file = lock.try_clone()?;
                    return Ok((Part { path, _lock: lock }, file));
                }
                // Somebody who clears away took the new file for one that was left.
                Ok(()) | Err(TryLockError::WouldBlock) => drop(fs::remove_file(&path)),
                Err(TryLockError::Error(error)) => {
                    drop(fs::remove_file(&path));
                    return Err(error);
                }
            }
        }
    }

    /// Gives the file its name if that is free; tells whether it was.
    pub fn place_new(self, path: &Path) -> Result<bool, FileIOError> {
        let placed = match fs::hard_link(&self.path, path) {
            // File systems without hard links.
            Err(error) if matches!(error.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::Unsupported) => {
                renameat_with(CWD, &self.path, CWD, path, RenameFlags::NOREPLACE).map_err(io::Error::from)
            }
            placed => placed,
        };
        fail_point::reached("a part was linked");
        match placed {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            placed => placed.map(|()| true).map_err(|error| FileIOError::of_io(path, error)),
        }
    }

    /// Gives the file its name, in the place of whatever had it.
    pub fn replace(self, path: &Path) -> Result<(), FileIOError> {
        let placed = fs::rename(&self.path, path).map_err(|error| FileIOError::of_io(path, error));
        fail_point::reached("a part was renamed");
        placed
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        // Mostly it is not there any more; whatever stays is removed by the next one who clears away.
        fs::remove_file(&self.path).ok();
    }
}

/// Removes the files in a folder whose writers were killed.
pub fn remove_leftovers(folder: &Path) -> Result<(), FileIOError> {
    for entry in fs::read_dir(folder).map_err(|error| FileIOError::of_io(folder, error))? {
        let entry = entry.map_err(|error| FileIOError::of_io(folder, error))?;
        if !entry.file_name().to_str().is_some_and(is_part) {
            continue;
        }
        let path = entry.path();
        // Whoever has the lock may remove the file.
        if let Some(_lock) = taken_over(&path) {
            fs::remove_file(&path).ok();
        }
    }
    Ok(())
}

/// Tells whether a file of this name is one that is written aside.
pub fn is_part(name: &str) -> bool {
    name.starts_with(PREFIX)
}

/// Tells whether the writer of a file was killed.
pub fn is_left(path: &Path) -> bool {
    taken_over(path).is_some()
}

/// Locks a file whose writer was killed. What cannot be opened is none of ours.
fn taken_over(path: &Path) -> Option<File> {
    let file = private().write(true).open(path).ok()?;
    (file.try_lock().is_ok() && is_at(&file, path)).then_some(file)
}
