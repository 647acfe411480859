//! Where loaders read from: a file, a compressed file, or the files of a folder or pattern.
//!
//! A [`Source`] is what the arguments `path` and `storage` say. It finds its files each time it is asked, and each
//! [`SourceFile`] can be opened several times. What a loader makes of the files one by one becomes one table by
//! [`Source::read`].

mod compression;
mod error;
mod local;
mod read_at;
mod storage;
mod tables;
#[cfg(test)]
mod tests;
mod zip;

use std::fs::File;
use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;

use palladium_component::prelude::*;

pub(crate) use compression::Compression;
pub(crate) use error::SourceError;
pub(crate) use storage::Storage;

use read_at::ReadAt;

/// Where data come from, as the arguments `path` and `storage` say.
#[derive(Debug)]
pub(crate) struct Source {
    place: Place,
    storage: Storage,
}

/// What kind of place it is.
#[derive(Debug)]
enum Place {
    /// Files of this machine.
    Local(String),
}

/// One of the files of a source.
#[derive(Debug)]
pub(crate) struct SourceFile {
    name: String,
    content: Content,
    /// How many bytes a compressed file may become.
    max_size: u64,
}

/// What a file is read from.
#[derive(Debug)]
enum Content {
    /// A file of this machine.
    Path(PathBuf),
}

/// A file that is open for reading.
pub(crate) struct Opened {
    /// Reads the file from its start, unpacked. What goes wrong there becomes a [`SourceError`] by
    /// [`SourceFile::failed`].
    pub(crate) reader: Box<dyn Read + Send>,
    /// The file itself where it is not compressed and can be read at any offset. Its own position means nothing: it is
    /// to be mapped, or read at offsets.
    pub(crate) file: Option<File>,
}

impl Source {
    /// Returns what the arguments describe; nothing is opened.
    ///
    /// # Errors
    /// What is wrong with them, as far as that can be told now.
    pub(crate) fn new(path: &str, storage: Option<&Storage>) -> Result<Source, ArgumentError> {
        if path.is_empty() {
            return Err(ArgumentError::new("path", "`path` is empty, the name of a file is needed"));
        }
        let storage = storage.cloned().unwrap_or_default();
        let place = match scheme(path) {
            None => Place::Local(path.to_owned()),
            Some(("file", rest)) => Place::Local(local::of_url(rest)?),
            Some((scheme, _)) => {
                let message = format!("`path` is a `{scheme}` address, which is not supported");
                return Err(ArgumentError::new("path", message).help("fetch the file first and give its path"));
            }
        };
        Ok(Source { place, storage })
    }

    /// Returns the files, sorted by name: those of a folder or pattern, or the one that the path names.
    ///
    /// # Errors
    /// There is none.
    pub(crate) fn files(&self) -> Result<Vec<SourceFile>, SourceError> {
        match &self.place {
            Place::Local(path) => {
                let file =
                    |(name, path)| SourceFile { name, content: Content::Path(path), max_size: self.storage.max_size };
                Ok(local::files(path)?.into_iter().map(file).collect())
            }
        }
    }

    /// Finds out whether there are files, and whether the first of them can be read.
    pub(crate) fn probe(&self) -> Result<Probe, SourceError> {
        let files = self.files()?;
        let Some(first) = files.first() else { return Ok(Probe::Nothing) };
        first.probe()?;
        let others = match files.len() - 1 {
            0 => String::new(),
            1 => " and another one".to_owned(),
            others => format!(" and {others} others"),
        };
        Ok(Probe::Found(format!("the file `{}`{others}", first.name)))
    }
}

impl SourceFile {
    /// Returns the name for messages, which holds no secret.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Opens the file for reading from its start.
    ///
    /// # Errors
    /// It is not there, may not be read or is no archive with exactly one member.
    pub(crate) fn open(&self, compression: Compression) -> Result<Opened, SourceError> {
        let format = compression.of(&self.name);
        let Content::Path(path) = &self.content;
        let file = local::open(&self.name, path)?;
        let metadata = file.metadata().map_err(|reason| error::cannot_open(&self.name, reason))?;
        let file = Arc::new(file);
        match format {
            None if metadata.is_file() => {
                let copy = file.try_clone().map_err(|reason| error::cannot_open(&self.name, reason))?;
                Ok(Opened { reader: Box::new(ReadAt::new(file)), file: Some(copy) })
            }
            // What is no file on disk, such as a pipe, can be read once only.
            None => Ok(Opened { reader: Box::new(file), file: None }),
            Some(format) => {
                let reader = compression::decoder(&self.name, format, file, metadata.is_file(), self.max_size)?;
                Ok(Opened { reader, file: None })
            }
        }
    }

    /// Returns what an error of a reader of this file means.
    pub(crate) fn failed(&self, error: std::io::Error) -> SourceError {
        SourceError::of(&self.name, error)
    }

    fn probe(&self) -> Result<(), SourceError> {
        let Content::Path(path) = &self.content;
        let mut file = local::open(&self.name, path)?;
        file.read(&mut [0]).map_err(|reason| self.failed(reason))?;
        Ok(())
    }
}

/// Splits a URL into its scheme and what follows `://`.
fn scheme(path: &str) -> Option<(&str, &str)> {
    let is_scheme = |text: &str| {
        text.starts_with(|first: char| first.is_ascii_alphabetic())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
    };
    path.split_once("://").filter(|(scheme, _)| is_scheme(scheme))
}
