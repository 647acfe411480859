//! Where keys come from, and when they are fetched again.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use palladium_component::interfaces::Failure;
use url::Url;

use super::keys::KeySet;
use crate::gate::{Bounds, Gate};
use crate::remote::{Remote, RemoteError, host_of};
use crate::watched::Watched;

/// Where keys come from.
pub enum KeySource {
    /// A secret that is known from the start.
    Secret(Arc<KeySet>),
    /// A file with a set of keys.
    JwksFile(PathBuf, Watched<KeySet>),
    /// A file with one public key.
    PemFile(PathBuf, Watched<KeySet>),
    /// A service that publishes a set of keys.
    Url(Published),
}

/// A set of keys that a service publishes.
pub struct Published {
    url: Url,
    times: Times,
    remote: Remote,
    seen: Mutex<Seen>,
    /// Lets one in to fetch the set.
    fetching: Gate,
}

/// When a set is fetched.
#[derive(Clone, Copy)]
pub struct Times {
    /// How long a request may take.
    pub timeout: Duration,
    /// How old a set may become.
    pub refresh: Duration,
    /// How long to wait after an attempt before the next one.
    pub pause: Duration,
}

impl Times {
    /// Returns the bounds of those that wait until another request has fetched the set.
    fn patient(self) -> Bounds {
        const QUEUE: usize = 32;
        Bounds { most: 1, queue: QUEUE, wait: self.timeout }
    }
}

#[derive(Default)]
struct Seen {
    keys: Option<Arc<KeySet>>,
    fetched: Option<Instant>,
    attempted: Option<Instant>,
}

impl KeySource {
    /// Returns the keys; nothing stands for a service that has not answered yet.
    ///
    /// # Errors
    /// A file cannot be read.
    pub fn keys(&self) -> Result<Option<Arc<KeySet>>, Failure> {
        match self {
            KeySource::Secret(keys) => Ok(Some(Arc::clone(keys))),
            KeySource::JwksFile(path, watched) => Ok(Some(watched.get(path, KeySet::of_jwks)?)),
            KeySource::PemFile(path, watched) => Ok(Some(watched.get(path, KeySet::of_pem)?)),
            KeySource::Url(published) => Ok(published.current()),
        }
    }

    /// Returns the keys after a token has named one that is not among them; nothing stands for the same as before.
    pub fn newer(&self, than: &Arc<KeySet>) -> Option<Arc<KeySet>> {
        let KeySource::Url(published) = self else { return None };
        let _fetching = published.fetching.enter(published.times.patient())?;
        let newer = || published.known().filter(|keys| !Arc::ptr_eq(keys, than));
        // Somebody else may have fetched them meanwhile.
        newer().or_else(|| {
            published.fetch();
            newer()
        })
    }
}

impl Published {
    /// Returns a set that was not fetched yet.
    pub fn new(url: Url, times: Times) -> Published {
        let (remote, seen, fetching) = (Remote::default(), Mutex::default(), Gate::default());
        Published { url, times, remote, seen, fetching }
    }

    fn known(&self) -> Option<Arc<KeySet>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).keys.clone()
    }

    fn is_fresh(&self) -> bool {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.fetched.is_some_and(|fetched| fetched.elapsed() < self.times.refresh)
    }

    fn current(&self) -> Option<Arc<KeySet>> {
        if self.is_fresh() {
            return self.known();
        }
        match self.known() {
            // One request fetches a new set, the others go on with the old one.
            Some(_) => {
                let at_once = Bounds { most: 1, queue: 0, wait: Duration::ZERO };
                if let Some(_fetching) = self.fetching.enter(at_once) {
                    self.fetch();
                }
            }
            None => {
                let fetching = self.fetching.enter(self.times.patient());
                if fetching.is_some() && self.known().is_none() {
                    self.fetch();
                }
            }
        }
        self.known()
    }

    /// Fetches the set unless that was tried a moment ago; what was there stays where it fails.
    fn fetch(&self) {
        {
            let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            if seen.attempted.is_some_and(|attempted| attempted.elapsed() < self.times.pause) {
                return;
            }
            seen.attempted = Some(Instant::now());
        }
        match self.ask() {
            Ok(keys) => {
                let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
                seen.keys = Some(Arc::new(keys));
                seen.fetched = Some(Instant::now());
            }
            Err(error) => tracing::error!(target: "palladium::auth", "the keys of tokens cannot be fetched: {error}"),
        }
    }

    /// Fetches the set.
    ///
    /// # Errors
    /// The service does not answer, or with something else.
    pub fn ask(&self) -> Result<KeySet, RemoteError> {
        let body = self.remote.ask(&self.url, self.times.timeout, |client| client.get(self.url.clone()))?;
        let keys = std::str::from_utf8(&body).ok().and_then(|text| KeySet::of_jwks(text).ok());
        keys.ok_or_else(|| RemoteError::Content { host: host_of(&self.url), expected: "a JSON Web Key Set" })
    }
}
