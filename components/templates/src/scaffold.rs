//! Writes the files of a scaffold.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};

use palladium_component::prelude::*;

/// A file to write.
pub struct File {
    /// Its name in the folder.
    pub name: &'static str,
    /// What is in it.
    pub contents: Vec<u8>,
}

/// A scaffold could not be written.
#[derive(Debug, thiserror::Error)]
pub enum ScaffoldError {
    /// Files are there that would be overwritten.
    #[error("`{}` holds {} already", folder.display(), files.iter().map(|file| format!("`{file}`")).collect::<Vec<_>>().join(", "))]
    Exists {
        /// The folder.
        folder: PathBuf,
        /// The files.
        files: Vec<&'static str>,
    },
    /// A file to write is the one that the data come from.
    #[error("the data are read from `{}`, which would be overwritten", file.display())]
    IsData {
        /// The file.
        file: PathBuf,
    },
    /// The operating system does not let it be written.
    #[error("cannot write `{}`", path.display())]
    Unwritable {
        /// The file or folder.
        path: PathBuf,
        /// What the operating system says.
        #[source]
        reason: std::io::Error,
    },
}

impl Explain for ScaffoldError {
    fn help(&self) -> Option<String> {
        match self {
            ScaffoldError::Exists { .. } => Some("name another folder, or overwrite with `--force`".to_owned()),
            ScaffoldError::IsData { .. } => Some("name another folder, or rename the file of the data".to_owned()),
            ScaffoldError::Unwritable { .. } => None,
        }
    }
}

/// Writes files into a folder, which is made if it is not there. Files that are there stay unless `force` is set; one
/// that the data come from always stays.
///
/// # Errors
/// A file that must not be overwritten, before anything is written; what the operating system refuses.
pub fn write(folder: &Path, files: &[File], force: bool, data: Option<&Path>) -> Result<(), ScaffoldError> {
    let data = data.and_then(|data| data.canonicalize().ok());
    for file in files.iter().map(|file| folder.join(file.name)) {
        if data.is_some() && file.canonicalize().ok() == data {
            return Err(ScaffoldError::IsData { file });
        }
    }
    let existing = files.iter().map(|file| file.name).filter(|name| folder.join(name).symlink_metadata().is_ok());
    let existing: Vec<&'static str> = existing.collect();
    if !existing.is_empty() && !force {
        return Err(ScaffoldError::Exists { folder: folder.to_owned(), files: existing });
    }
    let unwritable = |path: &Path| {
        let path = path.to_owned();
        move |reason| ScaffoldError::Unwritable { path, reason }
    };
    std::fs::create_dir_all(folder).map_err(unwritable(folder))?;
    for File { name, contents } in files {
        let path = folder.join(name);
        let mut options = OpenOptions::new();
        options.write(true);
        // Without `force` nothing is overwritten, not even what came into being a moment ago.
        let options = if force { options.create(true).truncate(true) } else { options.create_new(true) };
        options.open(&path).and_then(|mut file| file.write_all(contents)).map_err(unwritable(&path))?;
    }
    Ok(())
}
