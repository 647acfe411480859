//! Files that are there complete or not at all.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use palladium_component::interfaces::{CommandError, Explain, Failure};
use palladium_component::value::folder_of;
use tempfile::TempPath;

/// A file that is written beside its place and moved there when it is complete. What is no file, such as a device or a
/// pipe, is written to as it is.
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
        let there = match fs::metadata(path) {
            Ok(metadata) => Some(metadata),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        if there.as_ref().is_some_and(|metadata| !metadata.is_file()) {
            let file = OpenOptions::new().write(true).open(path)?;
            return Ok(Aside { path: path.to_owned(), writer: BufWriter::new(file), beside: None });
        }
        // Behind a link is the file that is replaced.
        let path = if there.is_some() { fs::canonicalize(path)? } else { path.to_owned() };
        let folder = folder_of(&path);
        fs::metadata(folder)?;
        let name = path.file_name().ok_or(io::ErrorKind::InvalidFilename)?.to_string_lossy().into_owned();
        let beside = tempfile::Builder::new()
            .prefix(&format!(".{name}."))
            .suffix(".part")
            .permissions(Permissions::from_mode(0o666))
            .tempfile_in(folder)
            // The whole error names the file beside, of which nobody knows.
            .map_err(|error| io::Error::from(error.kind()))?;
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
    fn devices_stay_what_they_are() {
        let mut aside = Aside::create(Path::new("/dev/null")).unwrap();
        aside.writer().write_all(b"text").unwrap();
        aside.put_in_place().unwrap();
        assert!(!fs::metadata("/dev/null").unwrap().is_file());
        assert!(Aside::create(Path::new("/no/such/folder/file")).is_err());
    }
}
