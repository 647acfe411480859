//! What every store of models does alike, written once and run against each of them.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[cfg(test)]
#[path = "../src/testing.rs"]
mod testing;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use palladium_component::prelude::*;
use palladium_persistence as _;
use testing::{answer, as_persister, component, constant, initialize, persister};

/// A kind of store that lies in a folder.
struct Kind {
    name: &'static str,
    /// The parameter that says where, and its value before and after the folder.
    place: (&'static str, &'static str, &'static str),
    /// How the answer begins where no model is active.
    none_active: &'static str,
}

const KINDS: [Kind; 2] = [
    Kind {
        name: "palladium.persistence.Database",
        place: ("url", "sqlite:///", "/models.db"),
        none_active: "No model available",
    },
    Kind {
        name: "palladium.persistence.File",
        place: ("path", "", "/model-{version}"),
        none_active: "No active model available: /",
    },
];

impl Kind {
    fn arguments(&self, folder: &Path) -> [(&str, Data); 1] {
        let (parameter, before, after) = self.place;
        [(parameter, Data::Text(format!("{before}{}{after}", folder.display())))]
    }

    fn open(&self, folder: &Path) -> Arc<dyn Persister> {
        let store = persister(self.name, &self.arguments(folder)).unwrap();
        initialize(store.as_ref(), Mode::Fit).unwrap();
        store
    }
}

/// Runs a test on a new store of each kind.
#[expect(clippy::print_stdout, reason = "whoever reads a failure needs to know of which store it is")]
fn check(test: impl Fn(&Kind, &dyn Persister, &Path)) {
    for kind in &KINDS {
        println!("{}", kind.name);
        let folder = tempfile::tempdir().unwrap();
        test(kind, kind.open(folder.path()).as_ref(), folder.path());
    }
}

fn version(number: u64) -> Version {
    Version::new(number).unwrap()
}

fn versions(store: &dyn Persister) -> Vec<u64> {
    store.list_models().unwrap().iter().map(|metadata| metadata.version().unwrap().number()).collect()
}

fn properties(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    let layout = ("db-version", "1.0");
    pairs.iter().chain([&layout]).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn origin(command: &str) -> Origin {
    Origin { principal: "ada".into(), command: command.into() }
}

/// Checks that there is no such version for any operation.
fn is_absent(store: &dyn Persister, number: u64) {
    let version = version(number);
    let errors = [
        store.read(Some(version)).err(),
        store.activate(version).err(),
        store.delete(version).err(),
        store.delete_as(version, true, &origin("delete")).err(),
        store.verify(version).err(),
    ];
    for error in errors {
        let error = error.unwrap();
        let expected = format!("No such version: {number}");
        assert!(matches!(&error, PersistError::Lookup(text) if *text == expected), "{error}");
    }
}

#[test]
fn models_are_written_activated_read_and_deleted() {
    check(|kind, store, _| {
        assert_eq!(store.write(&constant(1.0, 10)).unwrap(), version(1));
        assert_eq!(store.list_properties().unwrap(), properties(&[]));
        let none = store.read(None).err().unwrap();
        assert!(matches!(&none, PersistError::Lookup(text) if text.starts_with(kind.none_active)), "{none}");
        assert_eq!(store.write(&constant(2.0, 10)).unwrap(), version(2));
        store.activate(version(2)).unwrap();
        assert_eq!(store.list_properties().unwrap(), properties(&[("active-model", "2")]));
        store.activate(version(1)).unwrap();
        assert_eq!(store.list_properties().unwrap(), properties(&[("active-model", "1")]));
        assert_eq!(answer(&store.read(None).unwrap()), 1.0);
        let second = store.read(Some(version(2))).unwrap();
        assert_eq!((answer(&second), second.metadata.version()), (2.0, Some(version(2))));
        let listed = store.list_models().unwrap();
        assert_eq!(listed.len(), 2);
        assert_eq!(listed[1], second.metadata);
        let sizes = store.list_sizes().unwrap();
        assert_eq!(sizes.keys().copied().collect::<Vec<_>>(), [version(1), version(2)]);
        assert!(sizes.values().all(|size| (100..1000).contains(size)), "{sizes:?}");

        store.delete(version(1)).unwrap();
        let deleted = "Activated model not available. Maybe it was deleted.";
        assert_eq!(store.read(None).err().unwrap().to_string(), deleted);
        assert_eq!(versions(store), [2]);
        is_absent(store, 1);
        is_absent(store, 3);
        assert_eq!(store.list_properties().unwrap(), properties(&[("active-model", "1")]));
    });
}

#[test]
fn versions_are_never_given_twice() {
    check(|kind, store, folder| {
        for number in 1..=3 {
            assert_eq!(store.write(&constant(1.0, 1)).unwrap(), version(number));
            store.delete(version(number)).unwrap();
        }
        assert_eq!(kind.open(folder).write(&constant(1.0, 1)).unwrap(), version(4));
        assert_eq!(versions(store), [4]);
    });
}

#[test]
fn looking_at_a_store_does_not_make_it() {
    check(|kind, store, folder| {
        assert_eq!(versions(store), [0; 0]);
        assert_eq!(store.list_properties().unwrap(), properties(&[]));
        assert!(store.read(None).err().unwrap().to_string().starts_with(kind.none_active));
        is_absent(store, 3);
        assert_eq!(store.history().unwrap(), []);
        assert_eq!(store.list_sizes().unwrap(), BTreeMap::new());
        store.probe().unwrap();
        assert_eq!(fs::read_dir(folder).unwrap().count(), 0);
    });
}

#[test]
fn a_store_that_was_not_initialized_says_so() {
    for kind in &KINDS {
        let folder = tempfile::tempdir().unwrap();
        let store = persister(kind.name, &kind.arguments(folder.path())).unwrap();
        let error = store.read(None).err().unwrap();
        assert_eq!(error.to_string(), "the persister was asked for a model before it was initialized");
    }
}

#[test]
fn a_missing_folder_is_told_when_a_model_is_written() {
    check(|kind, _, folder| {
        let store = kind.open(&folder.join("absent"));
        assert_eq!(versions(store.as_ref()), [0; 0]);
        let error = store.write(&constant(1.0, 1)).unwrap_err();
        assert!(error.to_string().contains("absent`"), "{error}");
        assert!(error.help().unwrap().starts_with("create the folder"));
        assert!(store.probe().is_err());
        assert!(!folder.join("absent").exists());
    });
}

#[test]
fn activations_are_written_down() {
    check(|_, store, _| {
        for number in 1..=2 {
            store.write(&constant(1.0, 1)).unwrap();
            store.activate_as(version(number), &origin(&format!("activate {number}"))).unwrap();
        }
        let refused = store.delete_as(version(2), false, &origin("delete")).unwrap_err();
        assert_eq!(refused.to_string(), "version 2 is the active one, and stays");
        store.delete_as(version(1), false, &origin("delete")).unwrap();
        store.delete_as(version(2), true, &origin("delete")).unwrap();
        assert_eq!(store.list_properties().unwrap(), properties(&[]));
        assert_eq!(versions(store), [0; 0]);
        let history = store.history().unwrap();
        let short: Vec<_> = history
            .iter()
            .map(|entry| (entry.from.map(Version::number), entry.to.map(Version::number), entry.command.as_str()))
            .collect();
        let expected = [(None, Some(1), "activate 1"), (Some(1), Some(2), "activate 2"), (Some(2), None, "delete")];
        assert_eq!(short, expected);
        assert!(history.iter().all(|entry| entry.principal == "ada" && entry.time.ends_with('Z')), "{history:?}");
        assert!(history.is_sorted_by_key(|entry| entry.time.clone()));
    });
}

#[test]
fn an_upgrade_can_be_repeated() {
    check(|_, store, _| {
        store.write(&constant(1.0, 1)).unwrap();
        store.write(&constant(2.0, 1)).unwrap();
        let first: Release = "0.0".parse().unwrap();
        let upgraded = store.upgrade(Some(&first), None, &origin("upgrade")).unwrap();
        assert_eq!((upgraded.steps.len(), upgraded.to), (1, "1.0".parse().unwrap()));
        assert_eq!(store.list_properties().unwrap(), properties(&[("active-model", "2")]));
        store.activate(version(1)).unwrap();
        store.upgrade(Some(&first), None, &origin("upgrade")).unwrap();
        assert_eq!(store.upgrade(None, None, &origin("upgrade")).unwrap().steps, []);
        assert_eq!(answer(&store.read(None).unwrap()), 1.0);
        assert!(store.upgrade(None, Some(&first), &origin("upgrade")).is_err());
    });
}

#[test]
fn writers_and_readers_work_at_once() {
    check(|kind, store, _| {
        std::thread::scope(|scope| {
            let write = || {
                let written = store.write(&constant(1.0, 5)).unwrap();
                store.activate(written).unwrap();
            };
            let read = || match store.read(None) {
                Ok(model) => assert_eq!(answer(&model), 1.0),
                Err(error) => assert!(error.to_string().starts_with(kind.none_active), "{error}"),
            };
            let writers: Vec<_> = (0..5).map(|_| scope.spawn(write)).collect();
            (0..5).for_each(|_| drop(scope.spawn(read)));
            writers.into_iter().for_each(|writer| writer.join().unwrap());
        });
        assert_eq!(versions(store), [1, 2, 3, 4, 5]);
        assert_eq!(answer(&store.read(None).unwrap()), 1.0);
    });
}

#[test]
fn readers_see_a_whole_model_or_none() {
    check(|_, store, _| {
        store.write(&constant(1.0, 1)).unwrap();
        store.activate(version(1)).unwrap();
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let read = || {
                let mut n_models = 0;
                while !done.load(Ordering::Relaxed) || n_models == 0 {
                    match store.read(None) {
                        Ok(model) => {
                            assert_eq!(answer(&model), 1.0);
                            n_models += 1;
                        }
                        // The version that was active when the reader looked is deleted by now.
                        Err(error) => assert!(matches!(&error, PersistError::Lookup(_)), "{error}"),
                    }
                    for metadata in store.list_models().unwrap() {
                        assert!(metadata.version().is_some());
                    }
                }
            };
            let readers: Vec<_> = (0..2).map(|_| scope.spawn(read)).collect();
            for number in 2..=20 {
                store.write(&constant(1.0, 500)).unwrap();
                store.activate(version(number)).unwrap();
                store.delete(version(number - 1)).unwrap();
            }
            done.store(true, Ordering::Relaxed);
            readers.into_iter().for_each(|reader| reader.join().unwrap());
        });
        assert_eq!(versions(store), [20]);
    });
}

#[test]
fn stores_work_behind_a_cache() {
    check(|kind, store, folder| {
        store.write(&constant(1.0, 1)).unwrap();
        store.write(&constant(2.0, 1)).unwrap();
        store.activate(version(1)).unwrap();
        let name = "palladium.persistence.CachedUpdatePersister";
        let inner = component(kind.name, &kind.arguments(folder)).unwrap();
        initialize(as_persister(&inner).as_ref(), Mode::Serve).unwrap();
        let cached = persister(name, &[("impl", inner)]).unwrap();
        initialize(cached.as_ref(), Mode::Serve).unwrap();
        assert_eq!(answer(&cached.at_hand().unwrap().unwrap()), 1.0);
        cached.activate(version(2)).unwrap();
        assert_eq!(answer(&cached.at_hand().unwrap().unwrap()), 2.0);
        assert_eq!(answer(&cached.read(Some(version(1))).unwrap()), 1.0);
    });
}
