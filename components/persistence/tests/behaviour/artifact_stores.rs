//! What every store of objects promises, written once and run against each of them.

use std::io::{self, Read};

use palladium_component::interfaces::{Component, Interface};
use palladium_component::prelude::*;

use crate::servers;
use crate::testing::component;

const STORES: [&str; 2] = ["palladium.persistence.FileIO", "palladium.persistence.MemoryIO"];

/// Runs a test on each store, with a name for an object of which there is none yet.
fn check(test: impl Fn(&dyn ArtifactStore, &str)) {
    for name in STORES {
        println!("{name}");
        let Data::Component(made) = component(name, &[]).unwrap() else { panic!("{name} is no component") };
        let store = <dyn ArtifactStore as Interface>::of(made.downcast_ref::<Component>().unwrap()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        test(store.as_ref(), &folder.path().join("model-1.model").display().to_string());
    }
    for place in servers::places() {
        println!("{}", place.kind);
        test(place.open().unwrap().as_ref(), &place.name("model-1.model"));
    }
}

fn text(store: &dyn ArtifactStore, name: &str) -> Option<String> {
    let mut text = String::new();
    store.open(name).unwrap()?.reader.read_to_string(&mut text).unwrap();
    Some(text)
}

fn is_conflict(result: &Result<(), StoreError>) -> bool {
    matches!(result, Err(StoreError::Conflict { .. }))
}

/// Content that breaks off in the middle.
struct Broken;

impl Content for Broken {
    fn size(&self) -> u64 {
        10
    }

    fn open(&self) -> io::Result<Box<dyn Read + Send + '_>> {
        struct Failing;
        impl Read for Failing {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::other("it broke off"))
            }
        }
        Ok(Box::new(b"half".as_slice().chain(Failing)))
    }
}

#[test]
fn objects_are_put_read_and_removed() {
    check(|store, name| {
        store.check_name(name).unwrap();
        store.check_name(&name.replace("model-1", "model-{version}")).unwrap();
        store.reach(name).unwrap();
        assert_eq!((text(store, name), store.size(name).unwrap()), (None, None));
        store.remove(name).unwrap();
        store.put(name, &b"first".as_slice(), &Expected::Nothing).unwrap();
        assert!(is_conflict(&store.put(name, &b"other".as_slice(), &Expected::Nothing)));
        assert_eq!((text(store, name).as_deref(), store.size(name).unwrap()), (Some("first"), Some(5)));
        store.put(name, &b"a second".as_slice(), &Expected::Anything).unwrap();
        assert_eq!((text(store, name).as_deref(), store.size(name).unwrap()), (Some("a second"), Some(8)));
        store.put(name, &b"".as_slice(), &Expected::Anything).unwrap();
        assert_eq!((text(store, name).as_deref(), store.size(name).unwrap()), (Some(""), Some(0)));
        let other = format!("{name}.json");
        store.put(&other, &b"{}".as_slice(), &Expected::Anything).unwrap();
        store.remove(name).unwrap();
        assert_eq!((text(store, name), text(store, &other).as_deref()), (None, Some("{}")));
        assert!(store.shown(name).contains("model-1.model"));
    });
}

#[test]
fn objects_are_told_about_without_being_read() {
    check(|store, name| {
        let other = name.replace("model-1", "model-2");
        assert_eq!((store.tail(name, 3).unwrap(), store.find(name).unwrap()), (None, None));
        store.put(name, &b"first".as_slice(), &Expected::Nothing).unwrap();
        store.put(&other, &b"".as_slice(), &Expected::Nothing).unwrap();
        for (length, expected) in [(0, ""), (3, "rst"), (5, "first"), (1 << 20, "first")] {
            assert_eq!(store.tail(name, length).unwrap().unwrap(), expected.as_bytes(), "{length}");
        }
        assert_eq!(store.tail(&other, 3).unwrap().unwrap(), b"");
        let found = store.find(name).unwrap().unwrap();
        assert_eq!((found.name.as_str(), found.size), (name, 5));
        if let Some(mut listed) = store.list(&name.replace("model-1", "model-metadata")).unwrap() {
            listed.sort_by_key(|object| object.size);
            let told: Vec<_> = listed.iter().map(|object| (object.name.as_str(), object.size)).collect();
            assert_eq!(told, [(other.as_str(), 0), (name, 5)]);
            assert!(listed.iter().all(|object| object.modified.is_some() && !object.is_temporary), "{listed:?}");
        }
    });
}

#[test]
fn changes_are_kept_apart_by_a_lock_or_by_states() {
    check(|store, name| {
        store.put(name, &b"0".as_slice(), &Expected::Nothing).unwrap();
        let has_locks = store.lock(name).unwrap().is_some();
        let count = || {
            let mut n_done = 0;
            while n_done < 20 {
                let lock = store.lock(name).unwrap();
                let StoredObject { mut reader, revision } = store.open(name).unwrap().unwrap();
                let mut text = String::new();
                reader.read_to_string(&mut text).unwrap();
                let next = (text.parse::<u32>().unwrap() + 1).to_string();
                let expected = revision.map_or(Expected::Anything, Expected::Revision);
                assert!(has_locks || matches!(expected, Expected::Revision(_)), "neither a lock nor a state");
                if let Some(lock) = &lock {
                    lock.check().unwrap();
                }
                match store.put(name, &next.as_bytes(), &expected) {
                    Err(StoreError::Conflict { .. }) if lock.is_none() => {}
                    put => {
                        put.unwrap();
                        n_done += 1;
                    }
                }
            }
        };
        std::thread::scope(|scope| (0..4).for_each(|_| drop(scope.spawn(count))));
        assert_eq!(text(store, name).as_deref(), Some("80"));
    });
}

#[test]
fn one_of_many_creates_an_object() {
    check(|store, name| {
        let create = |index: usize| store.put(name, &index.to_string().as_bytes(), &Expected::Nothing);
        let created: Vec<usize> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|index| (index, scope.spawn(move || create(index)))).collect();
            let results = threads.into_iter().map(|(index, thread)| (index, thread.join().unwrap()));
            results.filter_map(|(index, result)| (!is_conflict(&result)).then_some(index)).collect()
        });
        assert_eq!(created.iter().map(usize::to_string).collect::<Vec<_>>(), [text(store, name).unwrap()]);
    });
}

#[test]
fn content_that_breaks_off_leaves_what_was_there() {
    check(|store, name| {
        assert!(store.put(name, &Broken, &Expected::Nothing).is_err());
        assert_eq!(store.size(name).unwrap(), None);
        store.put(name, &b"whole".as_slice(), &Expected::Nothing).unwrap();
        assert!(store.put(name, &Broken, &Expected::Anything).is_err());
        assert_eq!(text(store, name).as_deref(), Some("whole"));
    });
}

#[test]
fn a_reader_sees_one_state_to_its_end() {
    check(|store, name| {
        let (old, new) = ("old ".repeat(100_000), "new ".repeat(100_000));
        store.put(name, &old.as_bytes(), &Expected::Nothing).unwrap();
        let mut reader = store.open(name).unwrap().unwrap().reader;
        let mut read = vec![0; 10];
        reader.read_exact(&mut read).unwrap();
        store.put(name, &new.as_bytes(), &Expected::Anything).unwrap();
        store.remove(name).unwrap();
        reader.read_to_end(&mut read).unwrap();
        assert_eq!(String::from_utf8(read).unwrap(), old);
    });
}
