//! What every store of models does alike, written once and run against each of them.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[cfg(test)]
#[path = "behaviour/artifact_stores.rs"]
mod artifact_stores;
#[cfg(test)]
mod kinds;
#[cfg(test)]
mod servers;
#[cfg(test)]
#[path = "../src/testing.rs"]
mod testing;

use std::collections::BTreeMap;
use std::fs;
use std::hash::{DefaultHasher, Hasher};
use std::io::Write;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use kinds::{Kind, kinds};
use palladium_component::prelude::*;
use palladium_persistence as _;
use testing::{answer, as_persister, bulky, component, constant, initialize, persister};

/// Runs a test on a new store of each kind.
#[expect(clippy::print_stdout, reason = "whoever reads a failure needs to know of which store it is")]
fn check(test: impl Fn(&Kind, &dyn Persister, &Path)) {
    for kind in kinds() {
        println!("{}", kind.title);
        let folder = tempfile::tempdir().unwrap();
        test(&kind, kind.open(folder.path()).as_ref(), folder.path());
    }
}

fn version(number: u64) -> Version {
    Version::new(number).unwrap()
}

fn versions(store: &dyn Persister) -> Vec<u64> {
    store.list_models().unwrap().iter().map(|metadata| metadata.version().unwrap().number()).collect()
}

fn properties(kind: &Kind, pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    let layout = ("db-version", kind.layout);
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
        assert_eq!(store.list_properties().unwrap(), properties(kind, &[]));
        let none = store.read(None).err().unwrap();
        assert!(matches!(&none, PersistError::Lookup(text) if text.starts_with(kind.none_active)), "{none}");
        assert_eq!(store.write(&constant(2.0, 10)).unwrap(), version(2));
        store.activate(version(2)).unwrap();
        assert_eq!(store.list_properties().unwrap(), properties(kind, &[("active-model", "2")]));
        store.activate(version(1)).unwrap();
        assert_eq!(store.list_properties().unwrap(), properties(kind, &[("active-model", "1")]));
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
        assert_eq!(store.list_properties().unwrap(), properties(kind, &[("active-model", "1")]));
    });
}

#[test]
fn each_version_has_a_digest_of_its_own() {
    check(|_, store, _| {
        store.write(&constant(1.0, 10)).unwrap();
        store.write(&constant(1.0, 10)).unwrap();
        let digests: Vec<String> = [1, 2].map(|number| store.digest(version(number)).unwrap().unwrap()).into();
        assert!(digests.iter().all(|digest| digest.len() == 64) && digests[0] != digests[1], "{digests:?}");
        store.attach(version(1), "a.txt", &b"x".as_slice()).unwrap();
        store.activate(version(1)).unwrap();
        assert_eq!(store.digest(version(1)).unwrap().unwrap(), digests[0]);
        assert_eq!(store.digest(version(3)).unwrap_err().to_string(), "No such version: 3");
        assert_eq!((store.orphans().unwrap(), store.remove_orphans().unwrap()), (vec![], vec![]));
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
        assert_eq!(store.list_properties().unwrap(), properties(kind, &[]));
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
    for kind in kinds() {
        let folder = tempfile::tempdir().unwrap();
        let store = persister(kind.name, &kind.arguments(folder.path())).unwrap();
        let error = store.read(None).err().unwrap();
        assert_eq!(error.to_string(), "the persister was asked for a model before it was initialized");
    }
}

#[test]
fn a_missing_folder_is_no_empty_store() {
    check(|kind, _, folder| {
        if !kind.is_local {
            return;
        }
        let store = kind.open(&folder.join("absent"));
        let errors = [
            store.write(&constant(1.0, 1)).err(),
            store.read(None).err(),
            store.read(Some(version(1))).err(),
            store.list_models().err(),
            store.list_properties().err(),
            store.list_sizes().err(),
            store.attachments(version(1)).err(),
            store.history().err(),
        ];
        for (index, error) in errors.into_iter().enumerate() {
            let error = error.unwrap_or_else(|| panic!("{}: operation {index} does not fail", kind.title));
            assert!(error.to_string().contains("absent`"), "operation {index}: {error}");
            assert!(error.help().unwrap().starts_with("create the folder"), "operation {index}");
        }
        assert!(store.probe().is_err());
        assert!(!folder.join("absent").exists());
    });
}

#[test]
fn activations_are_written_down() {
    check(|kind, store, _| {
        for number in 1..=2 {
            store.write(&constant(1.0, 1)).unwrap();
            store.activate_as(version(number), &origin(&format!("activate {number}"))).unwrap();
        }
        let refused = store.delete_as(version(2), false, &origin("delete")).unwrap_err();
        assert_eq!(refused.to_string(), "version 2 is the active one, and stays");
        store.delete_as(version(1), false, &origin("delete")).unwrap();
        store.delete_as(version(2), true, &origin("delete")).unwrap();
        assert_eq!(store.list_properties().unwrap(), properties(kind, &[]));
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
    check(|kind, store, _| {
        store.write(&constant(1.0, 1)).unwrap();
        store.write(&constant(2.0, 1)).unwrap();
        let first: Release = "0.0".parse().unwrap();
        let upgraded = store.upgrade(Some(&first), None, &origin("upgrade")).unwrap();
        assert_eq!(upgraded.to, kind.layout.parse().unwrap());
        assert_eq!(upgraded.steps[0].1, "version 2 is the active one now");
        assert_eq!(store.list_properties().unwrap(), properties(kind, &[("active-model", "2")]));
        store.activate(version(1)).unwrap();
        store.upgrade(Some(&first), None, &origin("upgrade")).unwrap();
        assert_eq!(store.upgrade(None, None, &origin("upgrade")).unwrap().steps, []);
        assert_eq!(answer(&store.read(None).unwrap()), 1.0);
        assert!(store.upgrade(None, Some(&first), &origin("upgrade")).is_err());
    });
}

#[test]
fn writers_and_readers_work_at_once() {
    const N_WRITERS: u64 = 8;
    check(|kind, store, _| {
        std::thread::scope(|scope| {
            let write = || {
                let written = store.write(&constant(1.0, 5)).unwrap();
                store.activate(written).unwrap();
                written.number()
            };
            let read = || match store.read(None) {
                Ok(model) => assert_eq!(answer(&model), 1.0),
                Err(error) => assert!(error.to_string().starts_with(kind.none_active), "{error}"),
            };
            let writers: Vec<_> = (0..N_WRITERS).map(|_| scope.spawn(write)).collect();
            (0..5).for_each(|_| drop(scope.spawn(read)));
            let mut written: Vec<u64> = writers.into_iter().map(|writer| writer.join().unwrap()).collect();
            written.sort_unstable();
            assert_eq!(written, (1..=N_WRITERS).collect::<Vec<_>>());
        });
        assert_eq!(versions(store), (1..=N_WRITERS).collect::<Vec<_>>());
        assert_eq!(store.history().unwrap().len() as u64, N_WRITERS);
        assert_eq!(answer(&store.read(None).unwrap()), 1.0);
    });
}

#[test]
fn readers_see_a_whole_model_each_time() {
    check(|_, store, _| {
        let mut model = constant(1.0, 500);
        model.metadata.annotate("attachments/notes.txt", "aGV5");
        store.write(&model).unwrap();
        store.activate(version(1)).unwrap();
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let read = || {
                let mut n_models = 0;
                while !done.load(Ordering::Relaxed) || n_models == 0 {
                    let found = store.read(None).unwrap();
                    assert_eq!(answer(&found), 1.0);
                    let notes = found.metadata.get("attachments/notes.txt");
                    assert_eq!(notes, model.metadata.get("attachments/notes.txt"));
                    n_models += 1;
                    for metadata in store.list_models().unwrap() {
                        assert!(metadata.version().is_some());
                    }
                }
            };
            let readers: Vec<_> = (0..2).map(|_| scope.spawn(read)).collect();
            for number in 2..=20 {
                store.write(&model).unwrap();
                store.activate(version(number)).unwrap();
                store.delete(version(number - 1)).unwrap();
            }
            done.store(true, Ordering::Relaxed);
            readers.into_iter().for_each(|reader| reader.join().unwrap());
        });
        assert_eq!(versions(store), [20]);
    });
}

fn attachment(name: &str, size: u64) -> Attachment {
    Attachment { name: name.to_owned(), size }
}

/// Returns the attachments that metadata list, sorted.
fn listed(metadata: &Metadata) -> Vec<&str> {
    let keys = metadata.get("__attachments__").map(|keys| keys.as_array().unwrap().as_slice()).unwrap_or_default();
    let mut keys: Vec<&str> = keys.iter().map(|key| key.as_str().unwrap()).collect();
    keys.sort_unstable();
    keys
}

/// Returns the content of an attachment.
fn attached(store: &dyn Persister, number: u64, name: &str) -> Result<String, PersistError> {
    let mut content = Vec::new();
    store.read_attachment(version(number), name, &mut content)?;
    Ok(String::from_utf8(content).unwrap())
}

#[test]
fn files_are_added_to_models_and_taken_from_them() {
    check(|_, store, _| {
        let mut model = constant(1.0, 1);
        model.metadata.annotate("attachments/notes.txt", "aGV5");
        store.write(&model).unwrap();
        store.write(&constant(2.0, 1)).unwrap();
        store.attach(version(1), "a.csv", &b"1,2".as_slice()).unwrap();
        assert_eq!(store.attachments(version(1)).unwrap(), [attachment("a.csv", 3), attachment("notes.txt", 3)]);
        assert_eq!(store.attachments(version(2)).unwrap(), []);
        assert_eq!(attached(store, 1, "a.csv").unwrap(), "1,2");
        assert_eq!(attached(store, 1, "notes.txt").unwrap(), "hey");

        // What is listed counts, not what the stored model says.
        let read = store.read(Some(version(1))).unwrap().metadata.clone();
        assert_eq!(read.get("attachments/a.csv").unwrap(), "MSwy");
        for metadata in [&read, &store.list_models().unwrap()[0]] {
            assert_eq!(listed(metadata), ["attachments/a.csv", "attachments/notes.txt"]);
        }
        store.detach(version(1), "notes.txt").unwrap();
        store.detach(version(1), "a.csv").unwrap();
        let read = store.read(Some(version(1))).unwrap().metadata.clone();
        assert!(read.entries().all(|(key, _)| !key.contains("attachments")), "{read:?}");
        store.attach(version(1), "notes.txt", &b"new".as_slice()).unwrap();
        assert_eq!(attached(store, 1, "notes.txt").unwrap(), "new");

        let taken = store.attach(version(1), "notes.txt", &b"x".as_slice()).unwrap_err();
        assert_eq!(taken.to_string(), "version 1 has an attachment `notes.txt` already");
        let name = store.attach(version(1), "../notes.txt", &b"x".as_slice()).unwrap_err();
        assert_eq!(name.to_string(), "`../notes.txt` is no name of an attachment");
        assert_eq!(attached(store, 1, "notes.txt").unwrap(), "new");
        let absent = [
            (store.attach(version(3), "a", &b"x".as_slice()).unwrap_err(), "No such version: 3"),
            (store.detach(version(3), "a").unwrap_err(), "No such version: 3"),
            (store.attachments(version(3)).unwrap_err(), "No such version: 3"),
            (attached(store, 3, "a").unwrap_err(), "No such version: 3"),
            (store.detach(version(1), "a.csv").unwrap_err(), "No such attachment of version 1: a.csv"),
            (attached(store, 1, "a.csv").unwrap_err(), "No such attachment of version 1: a.csv"),
            (attached(store, 1, "../x").unwrap_err(), "No such attachment of version 1: ../x"),
        ];
        for (error, expected) in absent {
            assert!(matches!(&error, PersistError::Lookup(text) if text == expected), "{error}");
        }
    });
}

#[test]
fn one_of_those_who_attach_the_same_name_at_once_wins() {
    check(|_, store, _| {
        store.write(&constant(1.0, 1)).unwrap();
        for round in 0..10 {
            let name = format!("{round}.txt");
            let attach = |text: String| {
                let done = store.attach(version(1), &name, &text.as_bytes());
                done.map(|()| text).map_err(|error| error.to_string())
            };
            let results: Vec<_> = std::thread::scope(|scope| {
                let attach = &attach;
                let threads: Vec<_> = (0..4).map(|index| scope.spawn(move || attach(format!("by {index}")))).collect();
                threads.into_iter().map(|thread| thread.join().unwrap()).collect()
            });
            let won: Vec<&String> = results.iter().flatten().collect();
            assert_eq!(won, [&attached(store, 1, &name).unwrap()]);
            for error in results.iter().filter_map(|result| result.as_ref().err()) {
                assert_eq!(*error, format!("version 1 has an attachment `{name}` already"));
            }
        }
        assert_eq!(store.attachments(version(1)).unwrap().len(), 10);
        assert_eq!(versions(store), [1]);
    });
}

#[test]
fn what_is_attached_while_the_model_is_deleted_goes_with_it() {
    check(|_, store, folder| {
        for number in 1..=10 {
            store.write(&constant(1.0, 1)).unwrap();
            std::thread::scope(|scope| {
                scope.spawn(|| match store.attach(version(number), "notes.txt", &b"hey".as_slice()) {
                    Ok(()) => {}
                    Err(error) => assert_eq!(error.to_string(), format!("No such version: {number}")),
                });
                store.delete(version(number)).unwrap();
            });
        }
        let left = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        assert!(left.into_iter().all(|name| name.contains("metadata") || name.ends_with(".db")), "no object is left");
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

#[test]
fn attachments_go_where_their_model_goes_and_never_into_listings() {
    check(|_, store, _| {
        let mut model = constant(1.0, 1);
        model.metadata.annotate("attachments/myatt.txt", "aGV5");
        model.metadata.annotate("attachments/my2ndatt.txt", "aG8=");
        store.write(&model).unwrap();
        let expected = [attachment("my2ndatt.txt", 2), attachment("myatt.txt", 3)];
        assert_eq!(store.attachments(version(1)).unwrap(), expected);
        let metadata = &store.list_models().unwrap()[0];
        assert_eq!(listed(metadata), ["attachments/my2ndatt.txt", "attachments/myatt.txt"]);
        assert!(metadata.entries().all(|(key, _)| !key.starts_with("attachments/")), "{metadata:?}");

        // What was read can be written elsewhere.
        let read = store.read(Some(version(1))).unwrap();
        store.write(&read).unwrap();
        store.delete(version(1)).unwrap();
        assert!(matches!(store.attachments(version(1)), Err(PersistError::Lookup(_))));
        assert_eq!(store.attachments(version(2)).unwrap(), expected);
        assert_eq!(store.read(Some(version(2))).unwrap().metadata.get("attachments/my2ndatt.txt").unwrap(), "aG8=");
    });
}

#[test]
fn attachments_may_be_large_or_empty_and_have_names_in_any_language() {
    check(|_, store, _| {
        store.write(&constant(1.0, 1)).unwrap();
        let large: Vec<u8> = (0..5_000_000_u32).map(|number| (number.wrapping_mul(0x9E37_79B1) >> 24) as u8).collect();
        store.attach(version(1), "größe 1.bin", &large.as_slice()).unwrap();
        store.attach(version(1), "empty", &b"".as_slice()).unwrap();
        let expected = [attachment("empty", 0), attachment("größe 1.bin", 5_000_000)];
        assert_eq!(store.attachments(version(1)).unwrap(), expected);
        let mut content = Vec::new();
        store.read_attachment(version(1), "größe 1.bin", &mut content).unwrap();
        assert!(content == large);
        assert_eq!(attached(store, 1, "empty").unwrap(), "");
        assert_eq!(store.read(Some(version(1))).unwrap().metadata.get("attachments/empty").unwrap(), "");
    });
}

#[test]
fn names_of_attachments_lead_nowhere_else() {
    check(|_, store, folder| {
        store.write(&constant(1.0, 1)).unwrap();
        let before = fs::read_dir(folder).unwrap().count();
        for name in ["", "..", "../x", "a/b", "/etc/passwd", "a\\b", ".hidden", "a\0b", "%2e%2e%2fx", "a?b", "a#b"] {
            let refused = store.attach(version(1), name, &b"x".as_slice()).unwrap_err();
            assert_eq!(refused.to_string(), format!("`{name}` is no name of an attachment"));
            assert!(store.detach(version(1), name).is_err());
            assert!(attached(store, 1, name).is_err());
        }
        assert_eq!(store.attachments(version(1)).unwrap(), []);
        assert_eq!(fs::read_dir(folder).unwrap().count(), before);
    });
}

#[test]
fn models_of_200_megabytes_are_stored_and_read() {
    check(|_, store, _| {
        let model = bulky(200 << 20);
        let written = store.write(&model).unwrap();
        let size = store.list_sizes().unwrap()[&written];
        assert!(size > 200 << 20, "{size} bytes");
        let read = store.read(Some(written)).unwrap();
        assert!(encoded(&read) == encoded(&model));
        store.delete(written).unwrap();
    });
}

/// Returns a digest of what a model is stored as.
fn encoded(model: &TrainedModel) -> u64 {
    let mut digest = Digest(DefaultHasher::new());
    model.model.encode(&mut digest).unwrap();
    digest.0.finish()
}

struct Digest(DefaultHasher);

impl Write for Digest {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.write(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
