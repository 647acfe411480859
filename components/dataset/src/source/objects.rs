//! Files in buckets of services that store objects.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures_util::{StreamExt, TryStreamExt};
use glob::Pattern;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use palladium_component::prelude::*;
use palladium_connect::BlockingRuntime;
use palladium_connect::objects::{AzureOptions, ClientError, GcsOptions, S3Options, warn_of_plain_http};

use super::error::SourceError;
use super::local::{MATCHING, check_count, is_mark, is_pattern};
use super::remote::{Fetched, RemoteError, Spool, within};
use super::storage::Storage;

/// Options that mean something for every service.
const COMMON: [&str; 7] = ["timeout", "max_time", "max_size", "retries", "endpoint", "allow_http", "anonymous"];

/// Files in a bucket.
pub(super) struct Objects {
    scheme: &'static str,
    bucket: String,
    key: Key,
    service: Service,
    storage: Storage,
    runtime: BlockingRuntime,
}

/// What stands behind the bucket.
enum Key {
    /// The name of an object.
    One(Path),
    /// The name of a folder, or nothing for the whole bucket.
    Folder(Path),
    /// A pattern, and the folder that all that fits it lies in.
    Pattern { pattern: Pattern, folder: Path },
}

enum Service {
    S3(Box<S3Options>),
    Gcs(Box<GcsOptions>),
    Azure(Box<AzureOptions>),
}

impl Objects {
    /// Tells whether objects have addresses of this scheme.
    pub(super) fn is_scheme(scheme: &str) -> bool {
        matches!(scheme, "s3" | "gs" | "az")
    }

    /// Returns the files of an address, which is split at `://`.
    pub(super) fn new(scheme: &str, rest: &str, storage: Storage) -> Result<Objects, ArgumentError> {
        let (scheme, service, own): (_, _, &[&str]) = match scheme {
            "s3" => {
                let own = &[
                    "region",
                    "profile",
                    "access_key_id",
                    "secret_access_key",
                    "session_token",
                    "ca_file",
                    "virtual_hosted_style",
                ];
                ("s3", Service::S3(Box::new(storage.s3())), own)
            }
            "gs" => ("gs", Service::Gcs(Box::new(storage.gcs())), &["service_account"]),
            _ => ("az", Service::Azure(Box::new(storage.azure())), &["account", "access_key", "sas_token", "emulator"]),
        };
        let known: Vec<&str> = COMMON.iter().chain(own).copied().collect();
        storage.check_for(&format!("an address that begins with `{scheme}://`"), &known)?;
        service.check().map_err(|error| ArgumentError { parameter: Some("storage"), ..error })?;
        let (bucket, key) = split(scheme, rest)?;
        let runtime = BlockingRuntime::new("palladium-objects");
        Ok(Objects { scheme, bucket, key, service, storage, runtime })
    }

    /// Returns the names and keys of the files, sorted by name.
    pub(super) fn files(&self) -> Result<Vec<(String, Path)>, SourceError> {
        let keys = match &self.key {
            Key::One(key) => return Ok(vec![(self.shown(key), key.clone())]),
            Key::Folder(folder) => self.list(folder, |key| {
                let name = key.prefix_match(folder).map(|mut rest| (rest.next(), rest.next()));
                matches!(name, Some((Some(name), None)) if !is_mark(name.as_ref()))
            })?,
            Key::Pattern { pattern, folder } => {
                self.list(folder, |key| pattern.matches_with(key.as_ref(), MATCHING))?
            }
        };
        match (keys.is_empty(), &self.key) {
            (true, Key::Pattern { pattern, .. }) => {
                let pattern = format!("{}://{}/{}", self.scheme, self.bucket, pattern.as_str());
                Err(SourceError::NoMatch { pattern })
            }
            (true, _) => Err(SourceError::EmptyFolder { folder: self.place() }),
            (false, _) => Ok(keys.into_iter().map(|key| (self.shown(&key), key)).collect()),
        }
    }

    /// Fetches an object.
    pub(super) fn fetch(&self, name: &str, key: &Path) -> Result<Fetched, SourceError> {
        let store = self.client()?;
        within(&self.runtime, self.storage.max_time, name, async {
            let found = store.get(key).await.map_err(|error| RemoteError::of(name, None, error))?;
            let mut spool = Spool::new(name, self.storage.max_size)?;
            let size = found.meta.size;
            spool.expect(size)?;
            let mut pieces = found.into_stream();
            while let Some(piece) = pieces.next().await {
                spool.push(&piece.map_err(|error| RemoteError::of(name, Some(spool.size()), error))?)?;
            }
            if spool.size() < size {
                let (file, read) = (name.to_owned(), spool.size());
                return Err(RemoteError::Cut { file, read, source: None }.into());
            }
            Ok(Fetched { file: spool.into_file(), encoding: None })
        })
    }

    /// Finds out whether an object is there.
    pub(super) fn probe(&self, name: &str, key: &Path) -> Result<(), SourceError> {
        let store = self.client()?;
        within(&self.runtime, self.storage.max_time, name, async {
            // The answer to HEAD does not say whether it is the object or the bucket that is missing.
            store.get(key).await.map(drop).map_err(|error| RemoteError::of(name, None, error).into())
        })
    }

    fn list(&self, folder: &Path, fits: impl Fn(&Path) -> bool) -> Result<BTreeSet<Path>, SourceError> {
        let (store, place) = (self.client()?, self.place());
        within(&self.runtime, self.storage.max_time, &place, async {
            let mut keys = BTreeSet::new();
            let mut found = store.list(Some(folder).filter(|folder| !folder.as_ref().is_empty()));
            let failed = |error| RemoteError::of(&place, None, error);
            while let Some(meta) = found.try_next().await.map_err(failed)? {
                if fits(&meta.location) {
                    keys.insert(meta.location);
                    check_count(&place, keys.len())?;
                }
            }
            Ok(keys)
        })
    }

    fn client(&self) -> Result<Arc<dyn ObjectStore>, SourceError> {
        warn_of_plain_http(self.storage.endpoint(), "data");
        Ok(self.service.client(&self.bucket).map_err(RemoteError::Client)?)
    }

    fn shown(&self, key: &Path) -> String {
        format!("{}://{}/{key}", self.scheme, self.bucket)
    }

    /// Returns the folder or pattern as it stands in the configuration.
    fn place(&self) -> String {
        match &self.key {
            Key::One(key) => self.shown(key),
            Key::Folder(folder) if folder.as_ref().is_empty() => format!("{}://{}/", self.scheme, self.bucket),
            Key::Folder(folder) => format!("{}/", self.shown(folder)),
            Key::Pattern { pattern, .. } => format!("{}://{}/{}", self.scheme, self.bucket, pattern.as_str()),
        }
    }
}

impl Service {
    fn check(&self) -> Result<(), ArgumentError> {
        match self {
            Service::S3(options) => options.check(),
            Service::Gcs(options) => options.check(),
            Service::Azure(options) => options.check(),
        }
    }

    fn client(&self, bucket: &str) -> Result<Arc<dyn ObjectStore>, ClientError> {
        match self {
            Service::S3(options) => options.client(bucket),
            Service::Gcs(options) => options.client(bucket),
            Service::Azure(options) => options.client(bucket),
        }
    }
}

/// Takes an address apart that is to name a bucket and what lies in it.
fn split(scheme: &str, rest: &str) -> Result<(String, Key), ArgumentError> {
    let wrong = |what: &str| {
        ArgumentError::new("path", format!("`path` is no address of objects: {what}")).help(format!(
            "write `{scheme}://bucket/folder/name`, `{scheme}://bucket/folder/` or `{scheme}://bucket/*.csv`"
        ))
    };
    let (bucket, key) = rest.split_once('/').ok_or_else(|| wrong("a slash is to follow the name of the bucket"))?;
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '-' | '_' | '$');
    if bucket.is_empty() || bucket.starts_with('.') || !bucket.chars().all(is_plain) {
        return Err(wrong("it names no bucket"));
    }
    let parse = |key: &str| {
        Path::parse(key)
            .map_err(|_| wrong("a part of the name is empty, `.`, `..` or has a sign that cannot be printed"))
    };
    let key = if is_pattern(key) {
        let pattern = Pattern::new(key).map_err(|error| wrong(error.msg))?;
        let plain = key.split(['*', '?', '[']).next().unwrap_or_default();
        let folder = plain.rsplit_once('/').map_or("", |(folder, _)| folder);
        Key::Pattern { pattern, folder: parse(folder)? }
    } else if key.is_empty() || key.ends_with('/') {
        Key::Folder(parse(key.trim_end_matches('/'))?)
    } else {
        Key::One(parse(key)?)
    };
    Ok((bucket.to_owned(), key))
}

#[cfg(test)]
mod tests;
