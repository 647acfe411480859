//! Objects as files of one folder. Each is written aside, brought to the disk and then put in place at once; no link
//! is followed and no file but those with the names that are asked for is touched.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, BufWriter, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rustix::fs::OFlags;

use crate::artifact_store::{ArtifactStore, Content, StoreError};

/// Models may be as secret as what they were trained on.
const PRIVATE: u32 = 0o600;

/// The longest pause between two looks at a lock.
const LONGEST_PAUSE: Duration = Duration::from_millis(20);

/// A folder that exists already.
pub struct Folder {
    path: PathBuf,
    /// What the names of the store's own hidden files begin with, so that several stores share a folder.
    stem: String,
    /// How long a writer waits for another.
    pub lock_timeout: Duration,
}

impl Folder {
    /// Returns the store in a folder whose hidden files have names with this in it.
    pub fn new(path: PathBuf, stem: &str) -> Folder {
        Folder { path, stem: format!(".{stem}"), lock_timeout: Duration::from_secs(30) }
    }

    /// Returns the folder as the operating system wants it: without a name it is the working directory.
    fn place(&self) -> &Path {
        if self.path.as_os_str().is_empty() { Path::new(".") } else { &self.path }
    }

    /// Returns the path of a file, whose name has to be that of a file in this folder.
    fn file(&self, name: &str) -> Result<PathBuf, StoreError> {
        match Path::new(name).file_name() {
            Some(file_name) if file_name == name => Ok(self.path.join(name)),
            _ => Err(StoreError::Name { name: name.to_owned() }),
        }
    }

    fn part_prefix(&self) -> String {
        format!("{}.part-", self.stem)
    }

    /// Removes what writers have left that were killed: nobody but the holder of the lock writes aside.
    fn remove_leftovers(&self) -> Result<(), StoreError> {
        let prefix = self.part_prefix();
        for entry in fs::read_dir(self.place()).map_err(|error| failed(self.place(), error))? {
            let entry = entry.map_err(|error| failed(self.place(), error))?;
            if entry.file_name().to_str().is_some_and(|name| name.starts_with(&prefix)) {
                remove(&entry.path())?;
            }
        }
        Ok(())
    }

    fn write_aside(&self, content: Content<'_>) -> Result<Aside, StoreError> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        self.probe()?;
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = self.path.join(format!("{}{}-{count}", self.part_prefix(), std::process::id()));
        let file = private().write(true).create_new(true).open(&path).map_err(|error| failed(&path, error))?;
        let aside = Aside { path };
        let mut writer = BufWriter::with_capacity(1 << 16, file);
        let written = content(&mut writer).and_then(|()| writer.flush()).and_then(|()| writer.get_ref().sync_all());
        written.map_err(|error| failed(&aside.path, error))?;
        Ok(aside)
    }

    /// Brings the names in the folder to the disk.
    fn sync(&self) -> Result<(), StoreError> {
        File::open(self.place()).and_then(|folder| folder.sync_all()).map_err(|error| failed(self.place(), error))
    }
}

impl ArtifactStore for Folder {
    type Lock = File;

    fn shown(&self, name: &str) -> String {
        self.path.join(name).display().to_string()
    }

    fn probe(&self) -> Result<(), StoreError> {
        match fs::metadata(self.place()) {
            Ok(metadata) if metadata.is_dir() => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Err(failed(self.place(), error)),
            Ok(_) | Err(_) => Err(StoreError::MissingFolder { folder: self.place().display().to_string() }),
        }
    }

    fn lock(&self) -> Result<File, StoreError> {
        self.probe()?;
        let path = self.path.join(format!("{}.lock", self.stem));
        let (started, mut pause) = (Instant::now(), Duration::from_millis(1));
        loop {
            let file = private().read(true).write(true).create(true).truncate(false).open(&path);
            let file = file.map_err(|error| failed(&path, error))?;
            match file.try_lock() {
                // A lock on a file that was removed meanwhile keeps nobody out.
                Ok(()) if is_at(&file, &path) => {
                    self.remove_leftovers()?;
                    return Ok(file);
                }
                Ok(()) | Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(source)) => {
                    return Err(StoreError::NoLocks { file: path.display().to_string(), source });
                }
            }
            if started.elapsed() >= self.lock_timeout {
                let seconds = self.lock_timeout.as_secs_f64();
                return Err(StoreError::Locked { file: path.display().to_string(), seconds });
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    fn open(&self, name: &str) -> Result<Option<Box<dyn Read + '_>>, StoreError> {
        let path = self.file(name)?;
        let file = match private().read(true).open(&path) {
            Ok(file) => file,
            Err(error) if is_absent(&error) => return Ok(None),
            Err(error) => return Err(failed(&path, error)),
        };
        if file.metadata().map_err(|error| failed(&path, error))?.is_file() {
            Ok(Some(Box::new(file)))
        } else {
            Err(StoreError::NotAFile { file: path.display().to_string() })
        }
    }

    fn size(&self, name: &str) -> Result<Option<u64>, StoreError> {
        let path = self.file(name)?;
        match fs::symlink_metadata(&path) {
            Ok(metadata) => Ok(Some(metadata.len())),
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) => Err(failed(&path, error)),
        }
    }

    fn create(&self, name: &str, content: Content<'_>) -> Result<(), StoreError> {
        let path = self.file(name)?;
        let aside = self.write_aside(content)?;
        let placed = match fs::hard_link(&aside.path, &path) {
            // File systems without hard links.
            Err(error) if matches!(error.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::Unsupported) => {
                let free = private().write(true).create_new(true).open(&path);
                free.and_then(|_| fs::rename(&aside.path, &path))
            }
            placed => placed,
        };
        placed.map_err(|error| failed(&path, error))?;
        self.sync()
    }

    fn replace(&self, name: &str, content: Content<'_>) -> Result<(), StoreError> {
        let path = self.file(name)?;
        let aside = self.write_aside(content)?;
        fs::rename(&aside.path, &path).map_err(|error| failed(&path, error))?;
        self.sync()
    }

    fn remove(&self, name: &str) -> Result<(), StoreError> {
        remove(&self.file(name)?)
    }
}

/// A file under a name that nobody looks for. What is left of it disappears with this value.
struct Aside {
    path: PathBuf,
}

impl Drop for Aside {
    fn drop(&mut self) {
        // Mostly it is not there any more; whatever stays is removed by the next writer.
        fs::remove_file(&self.path).ok();
    }
}

/// Returns options that open no link and do not wait for the other end of a pipe.
fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.mode(PRIVATE).custom_flags((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits() as i32);
    options
}

fn remove(path: &Path) -> Result<(), StoreError> {
    match fs::remove_file(path) {
        Err(error) if !is_absent(&error) => Err(failed(path, error)),
        _ => Ok(()),
    }
}

/// Returns whether the path still leads to the open file.
fn is_at(file: &File, path: &Path) -> bool {
    match (file.metadata(), fs::symlink_metadata(path)) {
        (Ok(open), Ok(found)) => (open.dev(), open.ino()) == (found.dev(), found.ino()),
        _ => false,
    }
}

/// A folder that is not there holds no files.
fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

fn failed(path: &Path, error: io::Error) -> StoreError {
    StoreError::of_io(path.display().to_string(), error)
}
