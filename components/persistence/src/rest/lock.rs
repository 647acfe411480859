//! Locks on servers that know folders: whoever makes the folder holds the lock.
//!
//! The holder says in the folder who it is and says so again and again. A lock that has been silent for as long as its
//! holder promised not to be is broken by moving the folder away, which only one of those who wait can do. Each process
//! measures with its own clock how long that is; the clocks of two machines are never compared.

use std::io::Read;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use palladium_component::prelude::*;
use reqwest::StatusCode;
use reqwest::header::{HeaderName, HeaderValue};
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::address::Address;
use super::client::{Client, refused};
use super::error::RestError;

/// How many of its leases a lock is waited for, and for how long at least.
const LEASES_TO_WAIT: u32 = 3;
const SHORTEST_WAIT: Duration = Duration::from_secs(60);

const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_millis(300);

/// How many times in a row a folder may be refused to be made for another reason than that it is there.
const MOST_FAILURES: u32 = 10;

/// What the word of a holder may take up.
const LONGEST_WORD: u64 = 4096;

/// A promise to be broken after this time at most; whoever writes more is not believed.
const LONGEST_LEASE: Duration = Duration::from_secs(600);

/// What the holder of a lock says about itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Owner {
    /// Differs from that of any other holder.
    token: String,
    /// How long the holder may be silent.
    lease_seconds: f64,
    /// How often it has said this again.
    renewals: u64,
}

/// What a waiting process sees in the folder of a lock.
type Seen = Option<Vec<u8>>;

/// Tells whether a folder may well be made a little later.
fn is_passing(error: &RestError) -> bool {
    let is_refusal = matches!(error, RestError::Status { status, .. } if status.is_client_error());
    is_refusal || error.is_transient()
}

/// Holds a lock while it lives.
pub struct Lease {
    place: Arc<Place>,
    stop: Option<oneshot::Sender<()>>,
    renewal: Option<JoinHandle<()>>,
}

/// Where a lock lies, whose it is and for how long.
struct Place {
    client: Arc<Client>,
    folder: Address,
    word: Address,
    token: String,
    lease: Duration,
    /// When others may take the lock for abandoned, at the earliest; nothing if it is lost.
    until: Mutex<Option<Instant>>,
}

impl Lease {
    /// Waits until nobody holds the lock on an object, and takes it.
    pub fn take(client: &Arc<Client>, object: &Address, lease: Duration) -> Result<Lease, RestError> {
        let folder = object.with_suffix(".lock/");
        let word = object.with_suffix(".lock/owner");
        let mut waiting = Waiting { client, object, folder: &folder, word: &word, lease, watched: None };
        let begun = Instant::now();
        let wait = (lease * LEASES_TO_WAIT).max(SHORTEST_WAIT);
        let mut pause = FIRST_PAUSE;
        let mut failures = 0;
        let since = loop {
            match waiting.try_once() {
                Ok(Some(since)) => break since,
                Ok(None) => failures = 0,
                // Apache refuses what somebody else makes or removes at the same moment.
                Err(error) if is_passing(&error) && failures < MOST_FAILURES => failures += 1,
                Err(error) => return Err(error),
            }
            if begun.elapsed() > wait {
                return Err(RestError::Locked { object: folder.to_string(), seconds: wait.as_secs_f64() });
            }
            std::thread::sleep(pause.mul_f64(0.5 + fastrand::f64()));
            pause = (pause * 2).min(LONGEST_PAUSE);
        };
        Place::own(client, folder, word, lease, since)
    }
}

/// A process that waits for a lock.
struct Waiting<'a> {
    client: &'a Arc<Client>,
    object: &'a Address,
    folder: &'a Address,
    word: &'a Address,
    lease: Duration,
    /// What is seen in the folder, and since when.
    watched: Option<(Seen, Instant)>,
}

impl Waiting<'_> {
    /// Takes the lock if it is free and returns since when; else looks whether its holder is still there.
    fn try_once(&mut self) -> Result<Option<Instant>, RestError> {
        if let Some(since) = make(self.client, self.folder)? {
            return Ok(Some(since));
        }
        let seen = read_word(self.client, self.word)?;
        match &self.watched {
            Some((before, since)) if *before == seen => {
                if since.elapsed() > promised(&seen, self.lease) {
                    self.break_lock(&seen)?;
                    self.watched = None;
                }
            }
            _ => self.watched = Some((seen, Instant::now())),
        }
        Ok(None)
    }

    /// Removes the lock in which the same is seen as before, unless somebody else has done so meanwhile.
    fn break_lock(&self, seen: &Seen) -> Result<(), RestError> {
        if read_word(self.client, self.word)? != *seen {
            return Ok(());
        }
        let suffix = format!(".lock-broken-{}/", unique());
        let aside = self.object.with_suffix(&suffix);
        if !move_folder(self.client, self.folder, &aside)? {
            return Ok(());
        }
        // Between the look and the move another one may have broken the lock and taken it: then it gets it back.
        let moved = read_word(self.client, &self.object.with_suffix(&format!("{suffix}owner")))?;
        if moved != *seen && move_folder(self.client, &aside, self.folder)? {
            return Ok(());
        }
        self.client.delete(&aside)?;
        tracing::warn!(lock = %self.folder, "a lock was removed whose holder has been silent for too long");
        Ok(())
    }
}

impl StoreLock for Lease {
    fn check(&self) -> Result<(), StoreError> {
        let place = &self.place;
        // What follows takes a moment.
        let is_held = || place.remaining().is_some_and(|remaining| remaining > place.lease / 4);
        // A machine that slept does not notice by its clock, and the look itself may take long.
        if is_held() && place.is_own()? && is_held() {
            return Ok(());
        }
        place.lose();
        Err(StoreError::Conflict { object: place.folder.to_string() })
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(renewal) = self.renewal.take() {
            // It ends by itself: all its waits are bounded.
            self.place.client.handle().block_on(renewal).ok();
        }
        if let Err(error) = self.place.release() {
            tracing::warn!(lock = %self.place.folder, "the lock stays until it runs out: {error}");
        }
    }
}

impl Place {
    /// Says whose a lock is that was made at this time, and begins to say so again and again.
    fn own(
        client: &Arc<Client>,
        folder: Address,
        word: Address,
        lease: Duration,
        since: Instant,
    ) -> Result<Lease, RestError> {
        let client = Arc::clone(client);
        let until = Mutex::new(Some(since + lease));
        let place = Arc::new(Place { client, folder, word, token: unique(), lease, until });
        let body = place.word(0);
        let said = place.client.repeat(&place.word, || place.client.change("PUT", &place.word, &[], body.clone()));
        let (stop, stopped) = oneshot::channel();
        match said {
            Ok(status) if status.is_success() => {
                let renewal = place.client.handle().spawn(renew(Arc::clone(&place), stopped));
                Ok(Lease { place, stop: Some(stop), renewal: Some(renewal) })
            }
            said => {
                // Nobody else can have taken the lock within its first lease. If it stays, it runs out.
                place.remaining().map(|_| place.client.delete(&place.folder).ok());
                said.and_then(|status| Err(refused("PUT", &place.word, status)))
            }
        }
    }

    fn word(&self, renewals: u64) -> Vec<u8> {
        let owner = Owner { token: self.token.clone(), lease_seconds: self.lease.as_secs_f64(), renewals };
        serde_json::to_vec(&owner).unwrap_or_default()
    }

    /// Returns for how long nobody can take the lock.
    fn remaining(&self) -> Option<Duration> {
        (*self.until())?.checked_duration_since(Instant::now())
    }

    fn until(&self) -> MutexGuard<'_, Option<Instant>> {
        self.until.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that others may have taken the lock.
    fn lose(&self) {
        *self.until() = None;
    }

    /// Notes until when nobody can take the lock, unless it is lost.
    fn renew_until(&self, until: Instant) {
        if let Some(before) = self.until().as_mut() {
            *before = until;
        }
    }

    /// Tells whether the lock says that it is still this process's.
    fn is_own(&self) -> Result<bool, RestError> {
        Ok(read_word(&self.client, &self.word)?
            .and_then(|word| owner(&word))
            .is_some_and(|owner| owner.token == self.token))
    }

    fn release(&self) -> Result<(), RestError> {
        // A lock that has run out may be somebody else's by now.
        let Some(remaining) = self.remaining() else { return Ok(()) };
        if remaining > self.lease / 2 || self.is_own()? { self.client.delete(&self.folder) } else { Ok(()) }
    }
}

/// Says again and again who holds a lock, until it is told to stop or the lock is lost.
async fn renew(place: Arc<Place>, mut stopped: oneshot::Receiver<()>) {
    let mut renewals = 0;
    while timeout(place.lease / 3, &mut stopped).await.is_err() {
        let before = Instant::now();
        if place.remaining().is_none() {
            return place.lose();
        }
        renewals += 1;
        let body = place.word(renewals);
        let said = timeout(place.lease / 3, place.client.change_async("PUT", &place.word, &[], body)).await;
        match said {
            Ok(Ok(answer)) if answer.status.is_success() => place.renew_until(before + place.lease),
            _ => tracing::debug!(lock = %place.folder, "the lock was not renewed"),
        }
    }
}

/// Makes the folder of a lock and returns when it was not there yet; nothing means that it is there already.
fn make(client: &Client, folder: &Address) -> Result<Option<Instant>, RestError> {
    let before = Instant::now();
    let status = client.change("MKCOL", folder, &[], Vec::new())?.status;
    match status {
        StatusCode::CREATED => Ok(Some(before)),
        StatusCode::METHOD_NOT_ALLOWED => Ok(None),
        status => Err(refused("MKCOL", folder, status)),
    }
}

/// Moves a folder to a name that is free, and tells whether it did.
pub fn move_folder(client: &Client, from: &Address, to: &Address) -> Result<bool, RestError> {
    let headers = [("destination", to.url().as_str()), ("overwrite", "F")].map(|(name, value)| {
        // A URL consists of letters that may stand in a header.
        (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap_or(HeaderValue::from_static("")))
    });
    Ok(client.change("MOVE", from, &headers, Vec::new())?.status.is_success())
}

fn read_word(client: &Arc<Client>, word: &Address) -> Result<Seen, RestError> {
    let Some((reader, _)) = client.get(word)? else { return Ok(None) };
    let mut bytes = Vec::new();
    match reader.take(LONGEST_WORD).read_to_end(&mut bytes) {
        Ok(_) => Ok(Some(bytes)),
        Err(source) => Err(RestError::Content { object: word.to_string(), source }),
    }
}

fn owner(word: &[u8]) -> Option<Owner> {
    serde_json::from_slice(word).ok()
}

/// Returns how long a lock may be silent. One without a word is given longer, as its holder may be about to speak.
fn promised(seen: &Seen, usual: Duration) -> Duration {
    let Some(word) = seen else { return usual * 2 };
    let promised = owner(word).and_then(|owner| Duration::try_from_secs_f64(owner.lease_seconds).ok());
    promised.unwrap_or(usual).min(LONGEST_LEASE)
}

/// Returns letters and digits that nobody else has.
pub fn unique() -> String {
    format!("{:032x}", fastrand::Rng::new().u128(..))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn promises_are_bounded() {
        let usual = Duration::from_secs(30);
        let word = |text: &str| Some(text.as_bytes().to_vec());
        let cases = [
            (None, 60),
            (word(r#"{"token": "x", "lease_seconds": 5.0, "renewals": 0}"#), 5),
            (word(r#"{"token": "x", "lease_seconds": 1e9, "renewals": 0}"#), 600),
            (word(r#"{"token": "x", "lease_seconds": -1.0, "renewals": 0}"#), 30),
            (word("nonsense"), 30),
        ];
        for (seen, expected) in cases {
            assert_eq!(promised(&seen, usual).as_secs(), expected, "{seen:?}");
        }
    }
}
