//! Where loaders read from: a file, a compressed file, or the files of a folder or pattern, on this machine ([`local`]), a
//! web server ([`http`]) or in a bucket ([`objects`]).
//!
//! A [`Source`] is what the arguments `path` and `storage` say. It finds its files each time it is asked, and each
//! [`SourceFile`] can be opened several times. What a loader makes of the files one by one becomes one table by
//! [`Source::read`].

mod compression;
mod error;
mod http;
mod local;
mod objects;
mod read_at;
mod remote;
#[cfg(test)]
mod server;
mod storage;
mod tables;
#[cfg(test)]
mod tests;
mod zip;

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use palladium_component::prelude::*;

pub(crate) use compression::Compression;
pub(crate) use error::SourceError;
pub(crate) use read_at::ReadAt;
pub(crate) use storage::Storage;
pub(crate) use tables::Held;

use compression::Format;
use http::Http;
use objects::Objects;
use remote::Fetched;

/// Where data come from, as the arguments `path` and `storage` say.
pub(crate) struct Source {
    place: Place,
    storage: Storage,
    progress: LoadProgress,
}

/// What kind of place it is.
enum Place {
    /// Files of this machine.
    Local(String),
    /// A file of a web server.
    Http(Arc<Http>),
    /// Files in a bucket.
    Objects(Arc<Objects>),
}

/// One of the files of a source.
pub(crate) struct SourceFile {
    name: String,
    content: Content,
    /// How many bytes a compressed file may become.
    max_size: u64,
    /// Counts what is read.
    progress: LoadProgress,
    /// What was fetched of a server, which is kept for the next time it is opened.
    fetched: OnceLock<Fetched>,
}

/// What a file is read from.
enum Content {
    /// A file of this machine.
    Path(PathBuf),
    /// A file of a web server.
    Http(Arc<Http>),
    /// A file in a bucket.
    Object(Arc<Objects>, object_store::path::Path),
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
            Some(("http" | "https", _)) => Place::Http(Arc::new(Http::new(path, storage.clone())?)),
            Some((scheme, rest)) if Objects::is_scheme(scheme) => {
                Place::Objects(Arc::new(Objects::new(scheme, rest, storage.clone())?))
            }
            Some(("file", rest)) => Place::Local(local::of_url(rest)?),
            Some((scheme, _)) => return Err(unsupported(scheme)),
            None => Place::Local(path.to_owned()),
        };
        if let Place::Local(_) = place {
            storage.check_for("files of this machine", &["max_size"])?;
        }
        Ok(Source { place, storage, progress: LoadProgress::default() })
    }

    /// Has what is read counted.
    pub(crate) fn with_progress(self, progress: &LoadProgress) -> Source {
        Source { progress: progress.clone(), ..self }
    }

    /// Returns what the data depend on; nothing where another machine would have to be asked.
    ///
    /// # Errors
    /// There is no file.
    pub(crate) fn inputs(&self) -> Result<Option<Vec<Input>>, SourceError> {
        match &self.place {
            Place::Local(path) => {
                Ok(Some(local::files(path)?.into_iter().map(|(_, path)| Input::File(path)).collect()))
            }
            Place::Http(_) | Place::Objects(_) => Ok(None),
        }
    }

    /// Returns the files, sorted by name: those of a folder or pattern, or the one that the path names.
    ///
    /// # Errors
    /// There is none.
    pub(crate) fn files(&self) -> Result<Vec<SourceFile>, SourceError> {
        let file = |name: String, content| SourceFile {
            name,
            content,
            max_size: self.storage.max_size,
            progress: self.progress.clone(),
            fetched: OnceLock::new(),
        };
        Ok(match &self.place {
            Place::Local(path) => {
                local::files(path)?.into_iter().map(|(name, path)| file(name, Content::Path(path))).collect()
            }
            Place::Http(http) => vec![file(http.name().to_owned(), Content::Http(Arc::clone(http)))],
            Place::Objects(objects) => {
                let object = |(name, key)| file(name, Content::Object(Arc::clone(objects), key));
                objects.files()?.into_iter().map(object).collect()
            }
        })
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
        let (file, encoding, is_seekable) = self.content()?;
        if is_seekable && let Ok(metadata) = file.metadata() {
            self.progress.expect_bytes(metadata.len());
        }
        let format = compression.of(&self.name).or(encoding.filter(|_| compression == Compression::Infer));
        match format {
            None if is_seekable => {
                let copy = file.try_clone().map_err(|reason| error::cannot_open(&self.name, reason))?;
                Ok(Opened { reader: Box::new(ReadAt::new(file, &self.progress)), file: Some(copy) })
            }
            // What is no file on disk, such as a pipe, can be read once only.
            None => Ok(Opened { reader: Box::new(file), file: None }),
            Some(format) => {
                let reader =
                    compression::decoder(&self.name, format, file, is_seekable, self.max_size, &self.progress)?;
                Ok(Opened { reader, file: None })
            }
        }
    }

    /// Returns the file as it lies there or was fetched, how a server says that it is packed, and whether it can be read
    /// at any offset.
    fn content(&self) -> Result<(Arc<File>, Option<Format>, bool), SourceError> {
        if let Content::Path(path) = &self.content {
            let file = local::open(&self.name, path)?;
            let metadata = file.metadata().map_err(|reason| error::cannot_open(&self.name, reason))?;
            return Ok((Arc::new(file), None, metadata.is_file()));
        }
        let fetched = match self.fetched.get() {
            Some(fetched) => fetched,
            None => {
                let fetched = self.fetch()?;
                self.fetched.get_or_init(|| fetched)
            }
        };
        Ok((Arc::clone(&fetched.file), fetched.encoding, true))
    }

    fn fetch(&self) -> Result<Fetched, SourceError> {
        match &self.content {
            Content::Http(http) => http.fetch(),
            Content::Object(objects, key) => objects.fetch(&self.name, key),
            Content::Path(path) => Ok(Fetched { file: Arc::new(local::open(&self.name, path)?), encoding: None }),
        }
    }

    /// Opens the file for reading at any offset; what is compressed or no file on disk is copied to a temporary file.
    ///
    /// # Errors
    /// As [`SourceFile::open`]; it cannot be read to its end.
    pub(crate) fn open_file(&self, compression: Compression) -> Result<Arc<File>, SourceError> {
        let mut opened = self.open(compression)?;
        if let Some(file) = opened.file {
            return Ok(Arc::new(file));
        }
        let mut copy = tempfile::tempfile().map_err(SourceError::Temporary)?;
        std::io::copy(&mut opened.reader, &mut copy).map_err(|error| self.failed(error))?;
        Ok(Arc::new(copy))
    }

    /// Returns what counts what is read.
    pub(crate) fn progress(&self) -> &LoadProgress {
        &self.progress
    }

    /// Returns what an error of a reader of this file means.
    pub(crate) fn failed(&self, error: std::io::Error) -> SourceError {
        SourceError::of(&self.name, error)
    }

    fn probe(&self) -> Result<(), SourceError> {
        match &self.content {
            Content::Path(path) => {
                let mut file = local::open(&self.name, path)?;
                file.read(&mut [0]).map(drop).map_err(|reason| self.failed(reason))
            }
            Content::Http(http) => http.probe(),
            Content::Object(objects, key) => objects.probe(&self.name, key),
        }
    }
}

/// Shows no more than the name.
impl fmt::Debug for SourceFile {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("SourceFile").field(&self.name).finish()
    }
}

/// Returns the error about an address that nothing is read from.
fn unsupported(scheme: &str) -> ArgumentError {
    let (why, help) = match scheme {
        "ftp" | "ftps" => ("; it sends passwords and data in the clear", "an `https://` address"),
        _ => ("", "an address that begins with `https://`, `s3://`, `gs://` or `az://`, or fetch the file first"),
    };
    ArgumentError::new("path", format!("`path` is an `{scheme}` address, which is not supported{why}"))
        .help(format!("give {help}"))
}

/// Splits a URL into its scheme and what follows `://`.
fn scheme(path: &str) -> Option<(&str, &str)> {
    let is_scheme = |text: &str| {
        text.starts_with(|first: char| first.is_ascii_alphabetic())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
    };
    path.split_once("://").filter(|(scheme, _)| is_scheme(scheme))
}
