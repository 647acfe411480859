//! Objects on a web server.

mod address;
mod client;
mod error;
mod lock;
mod means;
mod writing;

pub use error::RestError;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::DateTime;
use palladium_component::prelude::*;
use palladium_component::value::mask_urls;
use reqwest::header::{CONTENT_LENGTH, LAST_MODIFIED};

use crate::file_like::persister::{self, OverObjects, persister_over_objects};
use crate::process_lock::ProcessLocks;
use address::Address;
use client::{Client, Credentials};
use lock::Lease;
use means::Means;
use palladium_connect::Options;

macro_rules! rest {
    ($(#[$attribute:meta])* $name:ident { $($own:tt)* }) => {
        $(#[$attribute])*
        pub struct $name {
            $($own)*
            /// User and password, as a list of two: `("${environ.STORE_USER}", "${environ.STORE_PASSWORD}")`.
            auth: Option<(String, String)>,
            /// A bearer token, in the place of `auth`.
            token: Option<String>,
            /// For how many seconds a connection may not be made, and nothing may be heard of the server.
            #[param(default = 30.0, min = 0.1, max = 3600.0)]
            timeout: f64,
            /// How often a request is repeated that may well succeed a little later.
            #[param(default = 3, max = 20)]
            retries: u32,
            /// A file with the certificates, in the format PEM, of authorities that are trusted besides those of the
            /// system.
            ca_file: Option<PathBuf>,
            /// For how many seconds the lock of a process may be silent that was killed, before others remove it.
            #[param(default = 30.0, min = 0.2, max = 600.0)]
            lease: f64,
        }

        impl From<&$name> for RestIO {
            fn from(given: &$name) -> RestIO {
                RestIO {
                    auth: given.auth.clone(),
                    token: given.token.clone(),
                    timeout: given.timeout,
                    retries: given.retries,
                    ca_file: given.ca_file.clone(),
                    lease: given.lease,
                    kept: Kept::default(),
                }
            }
        }
    };
}

rest! {
    /// Keeps objects on a web server that knows PUT and DELETE, such as Artifactory or a server with WebDAV.
    ///
    /// The names of objects are URLs. They have no user and no password in them: those are `auth`.
    ///
    /// Writers are kept apart by a lock where the server knows folders (MKCOL and MOVE of WebDAV), else by conditional
    /// requests (`If-Match`) where it honours them. Before its first change a process finds out which of them works,
    /// with objects of random names beside the real ones that it removes again. Where neither works a warning says so,
    /// and of two processes that write at once one may lose what it wrote.
    ///
    /// A lock is a folder beside the object whose name ends in `.lock`. A process that is killed may leave one; others
    /// that wait for it remove it when it has been silent for as long as `lease` says.
    ///
    /// Connections that break off and the answers 429, 502, 503 and 504 are met by asking again, a little later each
    /// time; so is silence where nothing is changed. A redirect is followed to the same server only.
    #[component(ArtifactStore, name = "palladium.persistence.RestIO", check)]
    RestIO {
        #[state]
        kept: Kept,
    }
}

rest! {
    /// Stores models on a web server that knows PUT and DELETE, such as Artifactory or a server with WebDAV.
    ///
    /// With the URL `https://host/models/model-{version}` the first model is `https://host/models/model-1.model`, and
    /// `https://host/models/model-metadata.json` says which models there are, what is known about each of them and which
    /// one is active. A process that is killed leaves the store as it was before or as it should be afterwards.
    ///
    /// ```ron
    /// {
    ///     "model_persister": {
    ///         "!": "palladium.persistence.Rest",
    ///         "url": "https://host/models/model-{version}",
    ///         "auth": ("${environ.STORE_USER:-palladium}", "${environ.STORE_PASSWORD:-}"),
    ///     },
    /// }
    /// ```
    ///
    /// Several processes may use one store at once. They are kept apart by a lock where the server knows folders (MKCOL
    /// and MOVE of WebDAV), else by conditional requests (`If-Match`) where it honours them. Before its first change a
    /// process finds out which of them works, with objects of random names beside the real ones that it removes again.
    /// Where neither works a warning says so, and of two processes that write at once one may lose its model.
    ///
    /// A lock is a folder beside the models whose name ends in `.lock`. A process that is killed may leave one; others
    /// that wait for it remove it when it has been silent for as long as `lease` says.
    ///
    /// Connections that break off and the answers 429, 502, 503 and 504 are met by asking again, a little later each
    /// time; so is silence where nothing is changed. A redirect is followed to the same server only.
    #[component(Persister, name = "palladium.persistence.Rest", check, lifecycle)]
    Rest {
        /// The URL of the objects up to what is added to it, with `{version}` in the last part. It has no user and no
        /// password in it: those are `auth`.
        url: String,
        #[state]
        kept: persister::Kept,
    }
}

impl OverObjects for Rest {
    const PARAMETER: &'static str = "url";
    const EXAMPLE: &'static str = "https://host/models/model-{version}";

    fn template(&self) -> &str {
        &self.url
    }

    fn store(&self) -> Result<Arc<dyn ArtifactStore>, ArgumentError> {
        let io = RestIO::from(self);
        io.check()?;
        Ok(Arc::new(io))
    }

    fn kept(&self) -> &persister::Kept {
        &self.kept
    }
}

persister_over_objects!(Rest);

/// What is kept between two calls.
#[derive(Default)]
struct Kept {
    client: Mutex<Option<Arc<Client>>>,
    /// By which means writers are kept apart in a folder.
    means: Mutex<BTreeMap<String, Means>>,
    locks: ProcessLocks,
    /// The objects whose locks callers hold.
    held: Arc<Mutex<BTreeSet<Address>>>,
}

/// The lock on an object, in the hands of a caller who is going to store it.
struct Held {
    lease: Lease,
    object: Address,
    held: Arc<Mutex<BTreeSet<Address>>>,
}

impl StoreLock for Held {
    fn check(&self) -> Result<(), StoreError> {
        self.lease.check()
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        lock(&self.held).remove(&self.object);
    }
}

impl ArtifactStore for RestIO {
    fn check_name(&self, name: &str) -> Result<(), Failure> {
        Address::parse(name).map_err(RestError::from)?;
        Ok(())
    }

    fn shown(&self, name: &str) -> String {
        mask_urls(name).into_owned()
    }

    fn reach(&self, name: &str) -> Result<(), StoreError> {
        self.client()?.head(&parse(name)?)?;
        Ok(())
    }

    fn lock(&self, name: &str) -> Result<Option<Box<dyn StoreLock>>, StoreError> {
        let (client, object) = (self.client()?, parse(name)?);
        match self.means(&client, &object)? {
            Means::Locks => {
                let lease = self.take(&client, &object)?;
                let held = Arc::clone(&self.kept.held);
                lock(&held).insert(object.clone());
                Ok(Some(Box::new(Held { lease, object, held })))
            }
            Means::Conditions => Ok(None),
            // At least the threads of this process are kept apart.
            Means::Nothing => Ok(Some(self.kept.locks.take())),
        }
    }

    fn open(&self, name: &str) -> Result<Option<StoredObject<'_>>, StoreError> {
        let (client, object) = (self.client()?, parse(name)?);
        Ok(client.get(&object)?.map(|(reader, revision)| StoredObject { reader: Box::new(reader), revision }))
    }

    fn size(&self, name: &str) -> Result<Option<u64>, StoreError> {
        let (client, object) = (self.client()?, parse(name)?);
        let Some(headers) = client.head(&object)? else { return Ok(None) };
        let told = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
        if told.is_some() {
            return Ok(told);
        }
        // Some servers make answers while they send them, and know their lengths afterwards only.
        let Some((mut reader, _)) = client.get(&object)? else { return Ok(None) };
        let read = io::copy(&mut reader, &mut io::sink());
        Ok(Some(read.map_err(|source| RestError::Content { object: object.to_string(), source })?))
    }

    fn find(&self, name: &str) -> Result<Option<ListedObject>, StoreError> {
        let Some(headers) = self.client()?.head(&parse(name)?)? else { return Ok(None) };
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let size = text(CONTENT_LENGTH).and_then(|length| length.parse().ok()).unwrap_or_default();
        let modified = text(LAST_MODIFIED).and_then(|time| DateTime::parse_from_rfc2822(time).ok()).map(Into::into);
        Ok(Some(ListedObject { name: name.to_owned(), size, modified, is_temporary: false }))
    }

    fn put(&self, name: &str, content: &dyn Content, expected: &Expected) -> Result<(), StoreError> {
        let (client, object) = (self.client()?, parse(name)?);
        let mut lock = None;
        if *expected == Expected::Nothing {
            // Servers with locks often ignore the condition.
            if self.means(&client, &object)? == Means::Locks && !self.holds(&object) {
                lock = Some(self.take(&client, &object)?);
            }
            if client.head(&object)?.is_some() {
                return Err(conflict(&object));
            }
        }
        writing::put(&client, &object, content, expected)?;
        drop(lock);
        Ok(())
    }

    fn remove(&self, name: &str) -> Result<(), StoreError> {
        Ok(self.client()?.delete(&parse(name)?)?)
    }
}

impl RestIO {
    fn check(&self) -> Result<(), ArgumentError> {
        if self.auth.is_some() && self.token.is_some() {
            let error = ArgumentError::new("token", "`auth` and `token` are given, and only one of them can be sent");
            return Err(error.help("leave one of them out"));
        }
        Ok(())
    }

    fn client(&self) -> Result<Arc<Client>, RestError> {
        let mut client = lock(&self.kept.client);
        if let Some(client) = client.as_ref() {
            return Ok(Arc::clone(client));
        }
        let credentials = match (&self.auth, &self.token) {
            (Some((user, password)), _) => Credentials::Basic(user.clone(), password.clone()),
            (None, Some(token)) => Credentials::Bearer(token.clone()),
            (None, None) => Credentials::None,
        };
        let patience = Duration::from_secs_f64(self.timeout);
        let ca_file = self.ca_file.clone();
        let options = Options { connect: patience, patience, ca_file, https_only: false, http1_only: false };
        Ok(Arc::clone(client.insert(Arc::new(Client::new(credentials, &options, self.retries)?))))
    }

    fn take(&self, client: &Arc<Client>, object: &Address) -> Result<Lease, RestError> {
        Lease::take(client, object, Duration::from_secs_f64(self.lease))
    }

    /// Tells whether a caller holds the lock on an object that it is about to store.
    fn holds(&self, object: &Address) -> bool {
        lock(&self.kept.held).contains(object)
    }

    /// Returns by which means writers are kept apart where an object lies, which is found out once.
    fn means(&self, client: &Client, object: &Address) -> Result<Means, RestError> {
        let mut means = lock(&self.kept.means);
        if let Some(means) = means.get(object.folder()) {
            return Ok(*means);
        }
        let found = Means::find(client, object)?;
        if found == Means::Nothing {
            let folder = object.folder();
            tracing::warn!(
                folder,
                "the server knows neither locks nor conditions: two processes that write at once may lose a model"
            );
        }
        means.insert(object.folder().to_owned(), found);
        Ok(found)
    }
}

fn parse(name: &str) -> Result<Address, RestError> {
    Ok(Address::parse(name)?)
}

fn conflict(object: &Address) -> StoreError {
    StoreError::Conflict { object: object.to_string() }
}

/// Locks; what a thread left that panicked is whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
