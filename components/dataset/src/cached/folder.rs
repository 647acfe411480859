//! The folder of a cache: private, with one file for each entry, locked by key.
//!
//! `⟨digest⟩.cache` is an entry and the time of its last change that of its last use; `⟨digest⟩.part` one that is being
//! written, `⟨digest⟩.lock` what is locked meanwhile. `lock` is locked while entries are added and others give way to
//! them. `secret` makes digests of arguments that cannot be guessed without it.

use std::ffi::OsStr;
use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use palladium_component::prelude::*;
use ring::rand::{SecureRandom, SystemRandom};

use super::entry::{self, Broken, Head, NotStored};
use super::error::CacheError;

const ENTRY: &str = "cache";
const PART: &str = "part";
const LOCK: &str = "lock";
const SECRET: &str = "secret";
const SECRET_LENGTH: usize = 32;

/// How many hexadecimal digits name an entry.
pub(crate) const NAME_LENGTH: usize = 64;

/// The folder of a cache.
pub(crate) struct Folder {
    path: PathBuf,
}

/// An entry as the folder lists it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Listed {
    /// When it was used last.
    pub(crate) used: SystemTime,
    /// Its name.
    pub(crate) name: String,
    /// How many bytes it has.
    pub(crate) size: u64,
}

/// Returns where the cache is by default.
pub(crate) fn default_folder() -> Result<PathBuf, CacheError> {
    let variable = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let of_home = || {
        let caches = if cfg!(target_os = "macos") { "Library/Caches" } else { ".cache" };
        variable("HOME").map(|home| home.join(caches))
    };
    let caches = variable("XDG_CACHE_HOME").or_else(of_home).ok_or(CacheError::NoFolder)?;
    Ok(caches.join("palladium"))
}

impl Folder {
    /// Opens the folder, which is made if it is not there.
    ///
    /// # Errors
    /// It cannot be made, or others than its owner can write to it.
    pub(crate) fn open(path: &Path) -> Result<Folder, CacheError> {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
        made.map_err(CacheError::refused(path, "made"))?;
        Folder::existing(path)?.ok_or_else(|| CacheError::refused(path, "opened")(ErrorKind::NotFound.into()))
    }

    /// Opens the folder if it is there.
    ///
    /// # Errors
    /// Others than its owner can write to it.
    pub(crate) fn existing(path: &Path) -> Result<Option<Folder>, CacheError> {
        let metadata = match std::fs::metadata(path) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(CacheError::refused(path, "opened")(error)),
        };
        let not_private = |reason| Err(CacheError::NotPrivate { folder: path.to_owned(), reason });
        if !metadata.is_dir() {
            return not_private("is no folder");
        }
        if metadata.uid() != rustix::process::geteuid().as_raw() {
            return not_private("belongs to another user");
        }
        if metadata.permissions().mode() & 0o022 != 0 {
            return not_private("can be written to by others");
        }
        Ok(Some(Folder { path: path.to_owned() }))
    }

    /// Returns where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    fn file(&self, name: &str, extension: &str) -> PathBuf {
        self.path.join(format!("{name}.{extension}"))
    }

    /// Returns what makes digests of arguments that cannot be guessed.
    pub(crate) fn secret(&self) -> Result<Vec<u8>, CacheError> {
        let path = self.path.join(SECRET);
        let mut secret = Vec::new();
        match File::open(&path).and_then(|file| file.take(SECRET_LENGTH as u64).read_to_end(&mut secret)) {
            Ok(SECRET_LENGTH) => return Ok(secret),
            Ok(_) => std::fs::remove_file(&path).map_err(CacheError::refused(&path, "replaced"))?,
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(CacheError::refused(path, "read")(error)),
        }
        secret = vec![0; SECRET_LENGTH];
        let filled = SystemRandom::new().fill(&mut secret).map_err(|_| io::Error::other("no random numbers"));
        let written = filled.and_then(|()| {
            let mut file = tempfile::NamedTempFile::new_in(&self.path)?;
            file.write_all(&secret)?;
            Ok(file)
        });
        let written = written.map_err(CacheError::refused(&path, "written"))?;
        match written.persist_noclobber(&path) {
            Ok(_) => Ok(secret),
            // Another process was faster.
            Err(error) if error.error.kind() == ErrorKind::AlreadyExists => self.secret(),
            Err(error) => Err(CacheError::refused(path, "written")(error.error)),
        }
    }

    /// Waits until nobody else loads or stores under a name, and keeps others from it until the file is dropped.
    pub(crate) fn lock(&self, name: &str) -> Result<File, CacheError> {
        self.lock_file(&self.file(name, LOCK), || {
            tracing::info!("The data of the entry {name} are being loaded elsewhere; waiting for them.");
        })
    }

    fn lock_file(&self, path: &Path, on_wait: impl FnOnce()) -> Result<File, CacheError> {
        let mut on_wait = Some(on_wait);
        let mut lock = || -> io::Result<Option<File>> {
            let file = create(path, false)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::Error(error)) => return Err(error),
                Err(TryLockError::WouldBlock) => {
                    if let Some(on_wait) = on_wait.take() {
                        on_wait();
                    }
                    file.lock()?;
                }
            }
            // Whoever removed the file meanwhile has left it to nobody else.
            Ok((file.metadata()?.nlink() > 0).then_some(file))
        };
        loop {
            if let Some(file) = lock().map_err(CacheError::refused(path, "locked"))? {
                return Ok(file);
            }
        }
    }

    /// Returns the data under a name and what is known about them, if there are any.
    pub(crate) fn read(&self, name: &str, key: &str) -> Result<Option<(Head, Dataset)>, Broken> {
        let file = match File::open(self.file(name, ENTRY)) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            file => file?,
        };
        let found = entry::read(&file, key)?;
        if let Err(error) = file.set_modified(SystemTime::now()) {
            tracing::debug!("The use of the entry {name} cannot be noted: {error}");
        }
        Ok(Some(found))
    }

    /// Returns what is known about the data under a name.
    pub(crate) fn head(&self, name: &str) -> Result<Head, Broken> {
        entry::read_head(&File::open(self.file(name, ENTRY))?)
    }

    /// Stores data under a name that the caller has locked. Entries whose use is longest ago give way to them.
    pub(crate) fn store(&self, name: &str, head: &Head, data: &Dataset, max_size: u64) -> Result<(), NotStored> {
        let part = self.file(name, PART);
        let stored = self.write(name, &part, head, data, max_size);
        if stored.is_err() {
            // What is left of it is removed later, if not now.
            let _ = std::fs::remove_file(&part);
        }
        stored
    }

    fn write(&self, name: &str, part: &Path, head: &Head, data: &Dataset, max_size: u64) -> Result<(), NotStored> {
        let file = create(part, true)?;
        // Nothing waits for the disk: what a loss of power leaves is found by its checksum.
        let size = entry::write(&file, head, data, max_size)?;
        let lock = self.lock_file(&self.path.join(LOCK), || ()).map_err(io::Error::other)?;
        self.make_room(name, max_size - size)?;
        std::fs::rename(part, self.file(name, ENTRY))?;
        drop(lock);
        Ok(())
    }

    /// Removes entries until all but that of a name have no more than so many bytes, and what nobody needs.
    fn make_room(&self, name: &str, room: u64) -> io::Result<()> {
        self.remove_leftovers()?;
        let mut others = self.list()?;
        others.retain(|listed| listed.name != name);
        others.sort();
        let mut total: u64 = others.iter().map(|listed| listed.size).sum();
        for oldest in others {
            if total <= room {
                break;
            }
            self.remove(&oldest.name)?;
            tracing::debug!("The entry {} gave way to a new one.", oldest.name);
            total -= oldest.size;
        }
        Ok(())
    }

    /// Returns all entries.
    pub(crate) fn list(&self) -> io::Result<Vec<Listed>> {
        let mut found = Vec::new();
        for name in self.names(ENTRY)? {
            match std::fs::metadata(self.file(&name, ENTRY)) {
                Ok(metadata) => found.push(Listed { used: metadata.modified()?, name, size: metadata.len() }),
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(found)
    }

    /// Returns the names that have a file with an extension.
    fn names(&self, extension: &str) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for file in std::fs::read_dir(&self.path)? {
            let path = file?.path();
            let name = path.file_stem().and_then(OsStr::to_str).filter(|name| is_name(name));
            if path.extension() == Some(OsStr::new(extension)) {
                names.extend(name.map(str::to_owned));
            }
        }
        Ok(names)
    }

    /// Removes an entry and tells whether it was there.
    pub(crate) fn remove(&self, name: &str) -> io::Result<bool> {
        match std::fs::remove_file(self.file(name, ENTRY)) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Removes what processes left that were stopped, and locks of entries that are gone.
    pub(crate) fn remove_leftovers(&self) -> io::Result<()> {
        for name in self.names(LOCK)? {
            let (lock, part) = (self.file(&name, LOCK), self.file(&name, PART));
            let file = create(&lock, false)?;
            // Whoever holds the lock is at work.
            if file.try_lock().is_err() {
                continue;
            }
            for path in [Some(part), (!self.file(&name, ENTRY).exists()).then_some(lock)].into_iter().flatten() {
                match std::fs::remove_file(&path) {
                    Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
                    _ => {}
                }
            }
        }
        Ok(())
    }
}

/// Tells whether a text can be the name of an entry.
fn is_name(text: &str) -> bool {
    text.len() == NAME_LENGTH && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Opens a file that only its owner can read, which is made if it is not there.
fn create(path: &Path, truncate: bool) -> io::Result<File> {
    OpenOptions::new().write(true).create(true).truncate(truncate).mode(0o600).open(path)
}
