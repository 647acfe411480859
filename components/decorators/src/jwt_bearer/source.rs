//! Where keys come from, and when they are fetched again.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
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
    Url(Arc<Published>),
}

/// A set of keys that a service publishes.
pub struct Published {
    url: Url,
    times: Times,
    remote: Remote,
    seen: Mutex<Seen>,
    /// Lets one in to fetch the set.
    fetching: Gate,
    /// Whether there is a thread that fetches it.
    is_aside: AtomicBool,
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
    /// When the last attempt ended.
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
        Published { url, times, remote, seen, fetching, is_aside: AtomicBool::new(false) }
    }

    fn known(&self) -> Option<Arc<KeySet>> {
        self.seen().keys.clone()
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn current(self: &Arc<Published>) -> Option<Arc<KeySet>> {
        let age = self.seen().age(self.times.refresh);
        match age {
            Age::Fresh => {}
            Age::Old => self.fetch_aside(),
            // One request fetches a new set, the others go on with the old one.
            Age::TooOld => self.fetch_alone(),
            Age::Unknown => {
                let fetching = self.fetching.enter(self.times.patient());
                if fetching.is_some() && self.known().is_none() {
                    self.fetch();
                }
            }
        }
        self.known()
    }

    /// Fetches the set on a thread of its own, of which there is one at a time.
    fn fetch_aside(self: &Arc<Published>) {
        if self.is_paused() || self.is_aside.swap(true, Ordering::AcqRel) {
            return;
        }
        let aside = Aside(Arc::clone(self));
        let started = thread::Builder::new().name("keys".to_owned()).spawn(move || aside.0.fetch_alone());
        if let Err(error) = started {
            tracing::error!(target: "palladium::auth", "the keys of tokens cannot be fetched: {error}");
        }
    }

    /// Fetches the set unless somebody does.
    fn fetch_alone(&self) {
        let at_once = Bounds { most: 1, queue: 0, wait: Duration::ZERO };
        if let Some(_fetching) = self.fetching.enter(at_once) {
            self.fetch();
        }
    }

    /// Tells whether an attempt has ended a moment ago.
    fn is_paused(&self) -> bool {
        self.seen().attempted.is_some_and(|attempted| attempted.elapsed() < self.times.pause)
    }

    /// Fetches the set unless that was tried a moment ago; what was there stays where it fails.
    fn fetch(&self) {
        if self.is_paused() {
            return;
        }
        let answer = self.ask();
        let mut seen = self.seen();
        let now = Instant::now();
        seen.attempted = Some(now);
        match answer {
            Ok(keys) => {
                seen.keys = Some(Arc::new(keys));
                seen.fetched = Some(now);
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

/// A thread that fetches the set; dropping it lets the next one be started.
struct Aside(Arc<Published>);

impl Drop for Aside {
    fn drop(&mut self) {
        self.0.is_aside.store(false, Ordering::Release);
    }
}

/// What becomes of a set.
enum Age {
    /// There is none.
    Unknown,
    /// It is used as it is.
    Fresh,
    /// It is used while another one is fetched.
    Old,
    /// It is used where there is no newer one.
    TooOld,
}

impl Seen {
    /// Returns the age of the set, which no request waits to have renewed while the service that publishes it is away.
    fn age(&self, refresh: Duration) -> Age {
        let Some(fetched) = self.fetched else { return Age::Unknown };
        match fetched.elapsed() {
            age if age < refresh => Age::Fresh,
            age if age < refresh * 2 || self.attempted > Some(fetched) => Age::Old,
            _ => Age::TooOld,
        }
    }
}
