//! Objects as local files. Each is written aside, brought to the disk and then put in place at once; no link is
//! followed and no file but those with the names that are asked for is touched.

mod error;
mod part;

pub use error::FileIOError;

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use palladium_component::prelude::*;
use palladium_component::value::{folder_of, near_file};
use rustix::fs::{Access, OFlags, access};

use crate::fail_point;
use part::Part;

/// Models may be as secret as what they were trained on.
const PRIVATE: u32 = 0o600;

/// The longest pause between two looks at a lock.
const LONGEST_PAUSE: Duration = Duration::from_millis(20);

/// Keeps objects in local files.
///
/// The names of objects are the paths of files, whose folders have to exist. Files are open to the user alone that the
/// process runs as, and symbolic links are not followed. Several processes may use one folder at once: while one of
/// them changes what is known about the models, the others wait for it up to thirty seconds.
///
/// ```ron
/// {
///     "model_persister": {
///         "!": "palladium.persistence.FileLike",
///         "path": "${here}/model-{version}",
///         "io": {"!": "palladium.persistence.FileIO"},
///     },
/// }
/// ```
///
/// `palladium.persistence.File` says the same in one line less.
#[component(ArtifactStore, name = "palladium.persistence.FileIO")]
#[derive(Default)]
pub struct FileIO {
    #[state]
    patience: Patience,
}

/// How long it is waited for a lock.
struct Patience(Duration);

impl Default for Patience {
    fn default() -> Patience {
        Patience(Duration::from_secs(30))
    }
}

/// A file that is locked until it is closed.
struct Lock {
    _file: File,
}

impl StoreLock for Lock {}

impl ArtifactStore for FileIO {
    fn check_name(&self, name: &str) -> Result<(), Failure> {
        Ok(path_of(name).map(drop)?)
    }

    fn shown(&self, name: &str) -> String {
        Path::new(name).display().to_string()
    }

    fn reach(&self, name: &str) -> Result<(), StoreError> {
        Ok(check_folder(folder_of(&path_of(name)?))?)
    }

    fn check_writable(&self, name: &str) -> Result<(), StoreError> {
        let folder = path_of(name)?;
        let folder = folder_of(&folder);
        let writable = access(folder, Access::WRITE_OK | Access::EXEC_OK);
        Ok(writable.map_err(|error| FileIOError::of_io(folder, error.into()))?)
    }

    fn lock(&self, name: &str) -> Result<Option<Box<dyn StoreLock>>, StoreError> {
        let path = path_of(name)?;
        let file = self.wait_for(&path)?;
        part::remove_leftovers(folder_of(&path))?;
        Ok(Some(Box::new(Lock { _file: file })))
    }

    fn open(&self, name: &str) -> Result<Option<StoredObject<'_>>, StoreError> {
        let path = path_of(name)?;
        let file = match private().read(true).open(&path) {
            Ok(file) => file,
            Err(error) if is_absent(&error) => return Ok(check_folder(folder_of(&path)).map(|()| None)?),
            Err(error) => return Err(FileIOError::of_io(&path, error).into()),
        };
        if file.metadata().map_err(|error| FileIOError::of_io(&path, error))?.is_file() {
            Ok(Some(StoredObject { reader: Box::new(file), revision: None }))
        } else {
            Err(FileIOError::NotAFile { file: name.to_owned() }.into())
        }
    }

    fn size(&self, name: &str) -> Result<Option<u64>, StoreError> {
        let path = path_of(name)?;
        match fs::symlink_metadata(&path) {
            Ok(metadata) => Ok(Some(metadata.len())),
            Err(error) if is_absent(&error) => Ok(check_folder(folder_of(&path)).map(|()| None)?),
            Err(error) => Err(FileIOError::of_io(&path, error).into()),
        }
    }

    fn tail(&self, name: &str, length: usize) -> Result<Option<Vec<u8>>, StoreError> {
        let path = path_of(name)?;
        let mut file = match private().read(true).open(&path) {
            Ok(file) => file,
            Err(error) if is_absent(&error) => return Ok(check_folder(folder_of(&path)).map(|()| None)?),
            Err(error) => return Err(FileIOError::of_io(&path, error).into()),
        };
        let mut tail = Vec::new();
        let size = file.metadata().map(|metadata| metadata.len());
        let read = size.and_then(|size| {
            file.seek(SeekFrom::Start(size.saturating_sub(length as u64)))?;
            file.take(length as u64).read_to_end(&mut tail)
        });
        read.map_err(|error| FileIOError::of_io(&path, error))?;
        Ok(Some(tail))
    }

    fn list(&self, name: &str) -> Result<Option<Vec<ListedObject>>, StoreError> {
        let path = path_of(name)?;
        let folder = folder_of(&path);
        let before = &name[..name.rfind('/').map_or(0, |slash| slash + 1)];
        check_folder(folder)?;
        let failed = |error| FileIOError::of_io(folder, error);
        let mut listed = Vec::new();
        for entry in fs::read_dir(folder).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let Some(file) = entry.file_name().to_str().map(str::to_owned) else { continue };
            let is_temporary = part::is_part(&file);
            if is_temporary && !part::is_left(&entry.path()) {
                continue;
            }
            // What is removed meanwhile is not there; links are not followed.
            let Ok(metadata) = entry.metadata() else { continue };
            if metadata.is_file() {
                let (size, modified) = (metadata.len(), metadata.modified().ok());
                listed.push(ListedObject { name: format!("{before}{file}"), size, modified, is_temporary });
            }
        }
        Ok(Some(listed))
    }

    fn put(&self, name: &str, content: &dyn Content, expected: &Expected) -> Result<(), StoreError> {
        let path = path_of(name)?;
        let folder = folder_of(&path);
        check_folder(folder)?;
        let part = Part::write(&path, content)?;
        match expected {
            Expected::Nothing => {
                if !part.place_new(&path)? {
                    return Err(StoreError::Conflict { object: name.to_owned() });
                }
            }
            // The lock keeps others out who would change a state that was seen.
            Expected::Anything | Expected::Revision(_) => part.replace(&path)?,
        }
        Ok(sync(folder)?)
    }

    fn remove(&self, name: &str) -> Result<(), StoreError> {
        let path = path_of(name)?;
        match fs::remove_file(&path) {
            Err(error) if !is_absent(&error) => Err(FileIOError::of_io(&path, error).into()),
            _ => Ok(()),
        }
    }
}

impl FileIO {
    /// Locks the file that stands for a store.
    fn wait_for(&self, path: &Path) -> Result<File, FileIOError> {
        check_folder(folder_of(path))?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let path = path.with_file_name(format!(".{name}.lock"));
        let (started, mut pause) = (Instant::now(), Duration::from_millis(1));
        loop {
            let file = private().read(true).write(true).create(true).truncate(false).open(&path);
            let file = file.map_err(|error| FileIOError::of_io(&path, error))?;
            match file.try_lock() {
                // A lock on a file that was removed meanwhile keeps nobody out.
                Ok(()) if is_at(&file, &path) => return Ok(file),
                Ok(()) | Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(source)) => {
                    return Err(FileIOError::NoLocks { file: path.display().to_string(), source });
                }
            }
            let Patience(patience) = self.patience;
            if started.elapsed() >= patience {
                let seconds = patience.as_secs_f64();
                return Err(FileIOError::Locked { file: path.display().to_string(), seconds });
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}

/// Returns the path that a name is, which has to end in the name of a file.
fn path_of(name: &str) -> Result<PathBuf, FileIOError> {
    let path = Path::new(name);
    match path.file_name().and_then(|file| file.to_str()) {
        // What the path itself ignores stands behind the name of the file: a slash, a slash and a dot.
        Some(file) if name.ends_with(file) && !name.contains('\0') => Ok(path.to_owned()),
        _ => Err(FileIOError::Name { name: name.to_owned() }),
    }
}

fn check_folder(folder: &Path) -> Result<(), FileIOError> {
    match fs::metadata(folder) {
        Ok(metadata) if metadata.is_dir() => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Err(FileIOError::of_io(folder, error)),
        Ok(_) | Err(_) => {
            let near = near_file(folder).filter(|near| near.is_dir()).map(|near| near.display().to_string());
            Err(FileIOError::MissingFolder { folder: folder.display().to_string(), near })
        }
    }
}

/// Brings the names in a folder to the disk.
fn sync(folder: &Path) -> Result<(), FileIOError> {
    let synced = File::open(folder).and_then(|folder| folder.sync_all());
    fail_point::reached("a folder was brought to the disk");
    synced.map_err(|error| FileIOError::of_io(folder, error))
}

/// Returns options that open no link and do not wait for the other end of a pipe.
fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.mode(PRIVATE).custom_flags((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits() as i32);
    options
}

/// Returns whether the path still leads to the open file.
fn is_at(file: &File, path: &Path) -> bool {
    match (file.metadata(), fs::symlink_metadata(path)) {
        (Ok(open), Ok(found)) => (open.dev(), open.ino()) == (found.dev(), found.ino()),
        _ => false,
    }
}

/// Returns whether there is no such file, whether or not there is its folder.
fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_is_waited_for_and_then_told() {
        let folder = tempfile::tempdir().unwrap();
        let name = folder.path().join("model-metadata.json").display().to_string();
        let lock = FileIO::default().lock(&name).unwrap();
        let impatient = FileIO { patience: Patience(Duration::from_millis(1)) };
        let error = impatient.lock(&name).err().unwrap();
        assert!(error.to_string().contains("for more than 0.001 seconds, by `"), "{error}");
        assert_eq!(error.help().unwrap(), "try again when the other process is done");
        drop(lock);
        impatient.lock(&name).unwrap();
    }

    #[test]
    fn names_are_paths_of_files() {
        let io = FileIO::default();
        for name in ["..", ".", "", "/", "a/", "a/..", "a/.", "a\0b", "a/\0"] {
            assert!(io.check_name(name).unwrap_err().to_string().ends_with("` is no name of a file"), "{name:?}");
            assert!(io.open(name).is_err() && io.remove(name).is_err() && io.size(name).is_err(), "{name:?}");
            assert!(io.put(name, &b"x".as_slice(), &Expected::Anything).is_err(), "{name:?}");
        }
        for name in ["a", "a/b", "/a", "../a", "./a", "a b/{version}"] {
            assert!(io.check_name(name).is_ok(), "{name:?}");
        }
    }

    #[test]
    fn a_missing_folder_is_no_empty_one() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("file"), "").unwrap();
        let io = FileIO::default();
        let name = |folders: &str| folder.path().join(folders).join("model-1.model").display().to_string();
        for folders in ["absent", "absent/absent", "file"] {
            let name = name(folders);
            let errors = [io.open(&name).err(), io.size(&name).err(), io.lock(&name).err(), io.reach(&name).err()];
            for error in errors {
                let error = error.unwrap();
                assert!(error.to_string().ends_with("`: there is no such folder"), "{folders}: {error}");
                assert_eq!(error.help().unwrap(), "create the folder, or correct `path`");
            }
        }
        assert!(io.open(&name("")).unwrap().is_none() && io.size(&name("")).unwrap().is_none());
    }

    #[test]
    fn parts_of_dead_writers_alone_are_cleared_away() {
        let folder = tempfile::tempdir().unwrap();
        let name = folder.path().join("model-metadata.json").display().to_string();
        let dead = folder.path().join(".palladium-part-1-0-0");
        fs::write(&dead, "half").unwrap();
        let alive = Part::write(Path::new(&name), &b"whole".as_slice()).unwrap();
        FileIO::default().lock(&name).unwrap();
        assert!(!dead.exists());
        assert!(alive.place_new(Path::new(&name)).unwrap());
        assert_eq!(fs::read(&name).unwrap(), b"whole");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "the file and the lock");
    }
}
