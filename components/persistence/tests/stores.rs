//! What every store of objects on a server does alike, written once and run against each of them.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[cfg(test)]
mod servers;
#[cfg(test)]
#[path = "../src/testing.rs"]
mod testing;

use std::io::{self, Read};
use std::time::{Duration, Instant};

use palladium_component::prelude::*;
use palladium_persistence as _;
use servers::{Place, places, rest, text};

/// Runs a test on a new store of each kind.
#[expect(clippy::print_stdout, reason = "whoever reads a failure needs to know of which store it is")]
fn check(test: impl Fn(&Place, &dyn ArtifactStore)) {
    for place in places() {
        println!("{}", place.kind);
        test(&place, place.open().unwrap().as_ref());
    }
}

fn read(store: &dyn ArtifactStore, name: &str) -> Option<(Vec<u8>, Option<Revision>)> {
    let StoredObject { mut reader, revision } = store.open(name).unwrap()?;
    let mut bytes = Vec::new();
    reader.read_to_end(&mut bytes).unwrap();
    Some((bytes, revision))
}

fn content(store: &dyn ArtifactStore, name: &str) -> Option<Vec<u8>> {
    read(store, name).map(|(bytes, _)| bytes)
}

#[track_caller]
fn is_conflict(result: &Result<(), StoreError>) {
    assert!(matches!(result, Err(StoreError::Conflict { .. })), "{result:?}");
}

#[test]
fn objects_are_stored_read_and_removed() {
    check(|place, store| {
        for last in ["model-1.model", "größe 1+2 %.txt", "a/b/c.json", "100% (x).txt"] {
            let name = place.name(last);
            store.check_name(&name).unwrap();
            assert_eq!(content(store, &name), None);
            assert_eq!(store.size(&name).unwrap(), None);
            store.put(&name, &b"one".as_slice(), &Expected::Nothing).unwrap();
            assert_eq!(content(store, &name).unwrap(), b"one");
            assert_eq!(store.size(&name).unwrap(), Some(3));
            is_conflict(&store.put(&name, &b"two".as_slice(), &Expected::Nothing));
            assert_eq!(content(store, &name).unwrap(), b"one");
            store.put(&name, &b"three".as_slice(), &Expected::Anything).unwrap();
            let (bytes, revision) = read(store, &name).unwrap();
            assert_eq!(bytes, b"three");
            store.put(&name, &b"".as_slice(), &Expected::Revision(revision.unwrap())).unwrap();
            assert_eq!((content(store, &name).unwrap(), store.size(&name).unwrap()), (Vec::new(), Some(0)));
            store.remove(&name).unwrap();
            store.remove(&name).unwrap();
            assert_eq!(content(store, &name), None);
        }
    });
}

#[test]
fn nothing_but_the_expected_state_is_replaced() {
    check(|place, store| {
        let name = place.name("state.json");
        // Stores with locks need not check it.
        let lock = store.lock(&name).unwrap();
        store.put(&name, &b"one".as_slice(), &Expected::Nothing).unwrap();
        let (_, first) = read(store, &name).unwrap();
        let first = Expected::Revision(first.unwrap());
        store.put(&name, &b"second".as_slice(), &first).unwrap();
        if let Some(lock) = lock {
            lock.check().unwrap();
            return;
        }
        is_conflict(&store.put(&name, &b"third".as_slice(), &first));
        assert_eq!(content(store, &name).unwrap(), b"second");
        store.remove(&name).unwrap();
        is_conflict(&store.put(&name, &b"third".as_slice(), &first));
        assert_eq!(content(store, &name), None);
    });
}

/// Bytes that look random and are never all in memory.
struct Large(u64);

impl Content for Large {
    fn size(&self) -> u64 {
        self.0
    }

    fn open(&self) -> io::Result<Box<dyn Read + Send + '_>> {
        Ok(Box::new(Numbers { next: 0, left: self.0 }))
    }
}

struct Numbers {
    next: u64,
    left: u64,
}

impl Read for Numbers {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let bytes = self.next.wrapping_mul(0x9E37_79B9_7F4A_7C15).to_le_bytes();
        let length = buffer.len().min(8).min(usize::try_from(self.left).unwrap_or(8));
        buffer[..length].copy_from_slice(&bytes[..length]);
        // A short read loses the rest of the number, as a reader of fixed buffers never asks for it.
        (self.next, self.left) = (self.next + 1, self.left - length as u64);
        Ok(length)
    }
}

#[test]
fn large_objects_arrive_whole() {
    check(|place, store| {
        let name = place.name("large.model");
        let large = Large(20 * 1024 * 1024);
        store.put(&name, &large, &Expected::Nothing).unwrap();
        assert_eq!(store.size(&name).unwrap(), Some(large.size()));
        let mut expected = Vec::new();
        large.open().unwrap().read_to_end(&mut expected).unwrap();
        assert!(content(store, &name).unwrap() == expected);
        is_conflict(&store.put(&name, &large, &Expected::Nothing));
        store.remove(&name).unwrap();
    });
}

/// Content that breaks off.
struct Broken;

impl Content for Broken {
    fn size(&self) -> u64 {
        20 * 1024 * 1024
    }

    fn open(&self) -> io::Result<Box<dyn Read + Send + '_>> {
        let failing = Numbers { next: 0, left: 12 * 1024 * 1024 };
        Ok(Box::new(failing.chain(Failing)))
    }
}

struct Failing;

impl Read for Failing {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(io::Error::other("the disk is gone"))
    }
}

#[test]
fn content_that_cannot_be_read_leaves_nothing_behind() {
    check(|place, store| {
        let name = place.name("broken.model");
        let error = store.put(&name, &Broken, &Expected::Nothing).unwrap_err();
        let source = std::error::Error::source(&error).unwrap().to_string();
        assert!(source.contains("the disk is gone"), "{error}: {source}");
        assert_eq!(store.size(&name).unwrap(), None);
        store.put(&name, &b"whole".as_slice(), &Expected::Anything).unwrap();
    });
}

#[test]
fn writers_at_once_lose_nothing() {
    const N_THREADS: u64 = 8;
    const N_INCREMENTS: u64 = 10;
    check(|place, _| {
        let name = place.name("counter.json");
        let increment = |store: &dyn ArtifactStore| {
            loop {
                let lock = store.lock(&name).unwrap();
                let found = read(store, &name);
                let count: u64 =
                    found.as_ref().map_or(0, |(bytes, _)| std::str::from_utf8(bytes).unwrap().parse().unwrap());
                let expected = found.map_or(Expected::Nothing, |(_, revision)| Expected::Revision(revision.unwrap()));
                if let Some(lock) = &lock {
                    lock.check().unwrap();
                }
                match store.put(&name, &(count + 1).to_string().as_bytes(), &expected) {
                    Ok(()) => return,
                    Err(StoreError::Conflict { .. }) if lock.is_none() => {}
                    Err(error) => panic!("{error}"),
                }
            }
        };
        std::thread::scope(|scope| {
            for _ in 0..N_THREADS {
                scope.spawn(|| {
                    let store = place.open().unwrap();
                    (0..N_INCREMENTS).for_each(|_| increment(store.as_ref()));
                });
            }
        });
        let count = content(place.open().unwrap().as_ref(), &name).unwrap();
        assert_eq!(String::from_utf8(count).unwrap(), (N_THREADS * N_INCREMENTS).to_string());
    });
}

#[test]
fn a_lock_keeps_others_out_until_it_is_given_back() {
    let Some(place) = rest() else { return };
    let name = place.name("metadata.json");
    let store = place.open().unwrap();
    let lock = store.lock(&name).unwrap().unwrap();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| {
            let begun = Instant::now();
            let lock = place.open().unwrap().lock(&name).unwrap().unwrap();
            lock.check().unwrap();
            begun.elapsed()
        });
        // Three leases pass, and the lock is still held.
        std::thread::sleep(Duration::from_secs(3));
        lock.check().unwrap();
        drop(lock);
        let waited = waiting.join().unwrap();
        assert!(waited > Duration::from_secs(2), "{waited:?}");
    });
}

#[test]
fn a_lock_of_a_holder_that_is_gone_is_broken_once() {
    let Some(place) = rest() else { return };
    let name = place.name("metadata.json");
    let store = place.open().unwrap();
    for word in [Some(r#"{"token": "gone", "lease_seconds": 1.0, "renewals": 7}"#), Some("nonsense"), None] {
        drop(store.lock(&name).unwrap());
        // What a killed process leaves: the folder, with its word or before it was said.
        let word_name = format!("{name}.lock/owner");
        store.put(&word_name, &word.unwrap_or_default().as_bytes(), &Expected::Anything).unwrap();
        if word.is_none() {
            store.remove(&word_name).unwrap();
        }
        let begun = Instant::now();
        let holders = std::sync::atomic::AtomicU32::new(0);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let lock = place.open().unwrap().lock(&name).unwrap().unwrap();
                    assert_eq!(holders.fetch_add(1, std::sync::atomic::Ordering::SeqCst), 0);
                    lock.check().unwrap();
                    std::thread::sleep(Duration::from_millis(50));
                    holders.fetch_sub(1, std::sync::atomic::Ordering::SeqCst);
                });
            }
        });
        let waited = begun.elapsed();
        assert!(waited > Duration::from_millis(900) && waited < Duration::from_secs(20), "{word:?}: {waited:?}");
    }
}

#[test]
fn a_lock_that_was_taken_away_is_noticed() {
    let Some(place) = rest() else { return };
    let name = place.name("metadata.json");
    let store = place.open().unwrap();
    let lock = store.lock(&name).unwrap().unwrap();
    let word = r#"{"token": "other", "lease_seconds": 1.0, "renewals": 0}"#;
    store.put(&format!("{name}.lock/owner"), &word.as_bytes(), &Expected::Anything).unwrap();
    is_conflict(&lock.check());
}

#[test]
fn places_are_checked_without_a_change() {
    check(|place, store| {
        store.reach(&place.name("metadata.json")).unwrap();
        let wrong = match place.kind {
            "Rest" => ("auth", servers::list(&["palladium", "canary-secret"])),
            "S3" => ("endpoint", text("http://127.0.0.1:9")),
            _ => ("access_key", text("Y2FuYXJ5LXNlY3JldA==")),
        };
        let place = Place { kind: place.kind, prefix: place.prefix.clone(), arguments: place.arguments.clone() };
        let refused = place.with(wrong.0, wrong.1).with("retries", Data::Int(0));
        let error = refused.open().unwrap().reach(&refused.name("metadata.json")).unwrap_err();
        assert!(error.help().is_some(), "{error}");
        let told = format!("{error} {error:?} {:?}", std::error::Error::source(&error));
        assert!(!told.contains("canary-secret") && !told.contains("Y2FuYXJ5LXNlY3JldA"), "{told}");
    });
}
