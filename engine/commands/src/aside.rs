//! Files that are there complete or not at all.

use std::fs::{self, File, OpenOptions, Permissions, TryLockError};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use palladium_component::interfaces::{CommandError, Explain, Failure};
use palladium_component::value::{descriptor_of, folder_of};
use rustix::fs::OFlags;
use rustix::process::geteuid;
use tempfile::{NamedTempFile, TempPath};

use crate::descriptor;

/// A file that is written beside its place and moved there when it is complete. What is no file, such as a device or a
/// pipe, is written to as it is, and so is a descriptor such as `/dev/stdout`, whatever is behind it.
///
/// Its writer holds a lock on it as long as it lives: what has none was left by one that was killed, and the next file
/// that is to have the same place removes it.
pub struct Aside {
    path: PathBuf,
    writer: BufWriter<File>,
    /// Is removed unless it is moved.
    beside: Option<TempPath>,
}

/// A file could not be written.
#[derive(Debug, thiserror::Error)]
#[error("`{}` cannot be written", path.display())]
struct NotWritten {
    path: PathBuf,
    source: io::Error,
}

impl Explain for NotWritten {}

impl Aside {
    /// Creates the file beside its place.
    ///
    /// # Errors
    /// The system's.
    pub fn create(path: &Path) -> Result<Aside, CommandError> {
        Aside::open(path).map_err(|source| failed(path, source))
    }

    fn open(path: &Path) -> io::Result<Aside> {
        let as_it_is = |file| Aside { path: path.to_owned(), writer: BufWriter::new(file), beside: None };
        if let Some(descriptor) = descriptor_of(path) {
            return descriptor::open(descriptor).map(as_it_is);
        }
        let there = match fs::metadata(path) {
            Ok(metadata) => Some(metadata),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        if there.as_ref().is_some_and(|metadata| !metadata.is_file()) {
            return OpenOptions::new().write(true).open(path).map(as_it_is);
        }
        // Behind a link is the file that is replaced.
        let path = if there.is_some() { fs::canonicalize(path)? } else { path.to_owned() };
        let folder = folder_of(&path);
        fs::metadata(folder)?;
        let name = path.file_name().ok_or(io::ErrorKind::InvalidFilename)?.to_string_lossy().into_owned();
        remove_leftovers(folder, &name);
        // The whole error names the file beside, of which nobody knows.
        let beside = create(folder, &name).map_err(|error| io::Error::from(error.kind()))?;
        if let Some(metadata) = there {
            beside.as_file().set_permissions(metadata.permissions())?;
        }
        let (file, beside) = beside.into_parts();
        Ok(Aside { path, writer: BufWriter::new(file), beside: Some(beside) })
    }

    /// Returns what takes the text.
    pub fn writer(&mut self) -> &mut (dyn Write + Send) {
        &mut self.writer
    }

    /// Moves the file to its place.
    ///
    /// # Errors
    /// The system's; what was in its place stays.
    pub fn put_in_place(self) -> Result<(), CommandError> {
        let Aside { path, writer, beside } = self;
        let put = || {
            let file = writer.into_inner().map_err(io::IntoInnerError::into_error)?;
            match beside {
                Some(beside) => {
                    file.sync_all()?;
                    beside.persist(&path).map_err(|error| error.error)
                }
                None => Ok(()),
            }
        };
        put().map_err(|source| failed(&path, source))
    }
}

/// Tells whether something is at a path that [`Aside`] replaces.
pub fn is_replaced(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|metadata| metadata.is_file()) && descriptor_of(path).is_none()
}

/// Tells whether something is at a path to which [`Aside`] writes as it is.
pub fn is_written_as_it_is(path: &Path) -> bool {
    path.exists() && !is_replaced(path)
}

/// What the names of files beside their places end in.
const SUFFIX: &str = ".part";

/// Returns what the name of a file begins with that is written beside a place. It leaves room for the rest of a name,
/// which may have 255 bytes.
fn prefix(name: &str) -> String {
    const MOST: usize = 200;
    format!(".{}.palladium-", &name[..name.floor_char_boundary(MOST)])
}

/// Creates a file beside a place and locks it, where the file system has locks.
fn create(folder: &Path, name: &str) -> io::Result<NamedTempFile> {
    const TRIES: usize = 16;
    let prefix = prefix(name);
    let mut made = tempfile::Builder::new();
    made.prefix(&prefix).suffix(SUFFIX).permissions(Permissions::from_mode(0o666));
    for _ in 1..TRIES {
        let beside = made.tempfile_in(folder)?;
        match beside.as_file().try_lock() {
            Ok(()) if is_at(beside.as_file(), beside.path()) => return Ok(beside),
            Err(TryLockError::Error(_)) => return Ok(beside),
            // Somebody who clears away took the new file for one that was left.
            Ok(()) | Err(TryLockError::WouldBlock) => {}
        }
    }
    // Nobody clears away that often: locks are no locks here.
    made.tempfile_in(folder)
}

/// Removes the files beside a place whose writers were killed. What cannot be removed stays: it is in nobody's way.
fn remove_leftovers(folder: &Path, name: &str) {
    let prefix = prefix(name);
    let is_beside = |file: &str| file.starts_with(&prefix) && file.ends_with(SUFFIX);
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_name().to_str().is_some_and(is_beside)
            && let Some(_lock) = taken_over(&entry.path())
        {
            fs::remove_file(entry.path()).ok();
        }
    }
}

/// Locks a file of this user whose writer was killed. Without locks nobody knows whether it was. The lock is one that NFS
/// gives who reads, too.
fn taken_over(path: &Path) -> Option<File> {
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path).ok()?;
    let metadata = file.metadata().ok()?;
    let is_own = metadata.is_file() && metadata.uid() == geteuid().as_raw();
    (is_own && file.try_lock_shared().is_ok() && is_at(&file, path)).then_some(file)
}

/// Tells whether an open file still has this name.
fn is_at(file: &File, path: &Path) -> bool {
    match (file.metadata(), fs::symlink_metadata(path)) {
        (Ok(open), Ok(found)) => (open.dev(), open.ino()) == (found.dev(), found.ino()),
        _ => false,
    }
}

/// Returns the error of a file that could not be written.
pub fn failed(path: &Path, source: io::Error) -> CommandError {
    CommandError::Failed(Failure::from(NotWritten { path: path.to_owned(), source }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_is_replaced_when_it_is_complete() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("a"), folder.path().join("link"));
        fs::write(&file, "old").unwrap();
        fs::set_permissions(&file, Permissions::from_mode(0o640)).unwrap();
        std::os::unix::fs::symlink("a", &link).unwrap();

        let mut dropped = Aside::create(&link).unwrap();
        dropped.writer().write_all(b"half").unwrap();
        drop(dropped);
        assert_eq!((fs::read_to_string(&file).unwrap().as_str(), names(folder.path()).len()), ("old", 2));

        let mut kept = Aside::create(&link).unwrap();
        kept.writer().write_all(b"new").unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), "old");
        kept.put_in_place().unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), "new");
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o640);
        assert_eq!(names(folder.path()), ["a", "link"]);
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    }

    #[test]
    fn what_a_killed_writer_has_left_is_removed_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str| fs::write(folder.path().join(name), "half").unwrap();
        let (left, living) = (".a.palladium-AbC123.part", Aside::create(&folder.path().join("a")).unwrap());
        let others =
            [".a.AbC123.part", ".ab.palladium-AbC123.part", ".a.palladium-AbC123.part.txt", "a.palladium-b.part"];
        others.iter().for_each(|name| write(name));
        write(left);
        fs::create_dir(folder.path().join(".a.palladium-folder.part")).unwrap();
        std::os::unix::fs::symlink(others[0], folder.path().join(".a.palladium-link.part")).unwrap();
        let before = names(folder.path());

        let other = Aside::create(&folder.path().join("b")).unwrap();
        drop(other);
        assert_eq!(names(folder.path()), before, "it is left beside another place");
        let next = Aside::create(&folder.path().join("a")).unwrap();
        next.put_in_place().unwrap();
        let mut expected: Vec<String> =
            before.into_iter().filter(|name| name != left).chain(["a".to_owned()]).collect();
        expected.sort();
        assert_eq!(names(folder.path()), expected);
        living.put_in_place().unwrap();
        assert_eq!(names(folder.path()).len(), expected.len() - 1);
    }

    #[test]
    fn names_may_be_as_long_as_the_system_has_them() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["x".repeat(255), "ü".repeat(127)] {
            let path = folder.path().join(&name);
            Aside::create(&path).unwrap().put_in_place().unwrap();
            assert!(path.is_file(), "{name}");
        }
    }

    #[test]
    fn devices_stay_what_they_are() {
        let mut aside = Aside::create(Path::new("/dev/null")).unwrap();
        aside.writer().write_all(b"text").unwrap();
        aside.put_in_place().unwrap();
        assert!(!fs::metadata("/dev/null").unwrap().is_file());
        assert!(Aside::create(Path::new("/no/such/folder/file")).is_err());
    }
}
