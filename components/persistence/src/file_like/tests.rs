use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::json;

use super::faulty::Faulty;
use super::told::logged;
use super::*;
use crate::memory_io::MemoryIO;
use crate::testing::{answer, component, constant, initialize, persister};

const PATH: &str = "a/model-{version}";

fn version(number: u64) -> Version {
    Version::new(number).unwrap()
}

/// Returns an initialized store over a store of objects.
fn over(io: Arc<dyn ArtifactStore>) -> FileLike {
    let store = FileLike { path: PATH.into(), io, kept: Kept::default() };
    store.check().unwrap();
    initialize(&store, Mode::Fit).unwrap();
    store
}

/// Returns an object as text.
fn object(io: &dyn ArtifactStore, name: &str) -> String {
    let mut text = String::new();
    io.open(name).unwrap().unwrap().reader.read_to_string(&mut text).unwrap();
    text
}

/// Changes the metadata as another program would.
fn edit(io: &dyn ArtifactStore, change: impl FnOnce(&mut serde_json::Value)) {
    let mut document = serde_json::from_str(&object(io, "a/model-metadata.json")).unwrap();
    change(&mut document);
    io.put("a/model-metadata.json", &document.to_string().as_bytes(), &Expected::Anything).unwrap();
}

fn told(error: &PersistError) -> String {
    error.help().map(|help| format!("{error} ({help})")).unwrap_or_else(|| error.to_string())
}

#[test]
fn arguments_are_checked_while_planning() {
    let make = |path: &str, io: &str| {
        let io = component(&format!("palladium.persistence.{io}"), &[]).unwrap();
        persister("palladium.persistence.FileLike", &[("path", Data::Text(path.into())), ("io", io)]).err()
    };
    let cases = [
        ("a/b", "FileIO", "the name of the file in `path` has to contain `{version}`"),
        ("a/b", "MemoryIO", "the name of the file in `path` has to contain `{version}`"),
        ("{version}/b-{version}", "MemoryIO", "the name of the file in `path` has to contain `{version}`"),
        ("a\0/{version}", "FileIO", "` is no name of a file"),
    ];
    for (path, io, expected) in cases {
        let found = make(path, io).unwrap_or_else(|| panic!("{path} is accepted"));
        assert!(found.ends_with(expected), "{path}: {found}");
    }
    assert_eq!(make("no-such-folder/model-{version}", "FileIO"), None);
    let store = component("palladium.persistence.File", &[("path", Data::Text("{version}".into()))]).unwrap();
    let arguments = [("path", Data::Text("{version}".into())), ("io", store)];
    let found = persister("palladium.persistence.FileLike", &arguments).err().unwrap();
    assert!(found.contains("an artifact store"), "{found}");
}

#[test]
fn a_store_without_locks_and_states_is_refused() {
    let store = over(Arc::new(Faulty { without_revisions: true, ..Faulty::default() }));
    let error = store.write(&constant(1.0, 1)).and_then(|_| store.write(&constant(1.0, 1))).unwrap_err();
    let expected = "`a/model-metadata.json (in memory)` cannot be changed safely: its store knows neither locks nor \
                    states of an object (use another kind of store)";
    assert_eq!(told(&error), expected);
}

#[test]
fn a_change_is_made_anew_where_a_lock_ran_out() {
    let io = Arc::new(Faulty { n_lost: Some(AtomicU32::new(3)), ..Faulty::default() });
    let store = over(Arc::<Faulty>::clone(&io));
    // The first number is taken back each time, as nothing was saved.
    assert_eq!(store.write(&constant(1.0, 1)).unwrap(), version(1));
    type Change = fn(&FileLike) -> Result<(), PersistError>;
    let activate: Change = |store| store.activate(version(1));
    let attach: Change = |store| store.attach(version(1), "a", &b"x".as_slice());
    for change in [activate, attach] {
        io.n_lost.as_ref().unwrap().store(2, Ordering::SeqCst);
        change(&store).unwrap();
        assert_eq!(io.n_lost.as_ref().unwrap().load(Ordering::SeqCst), 0);
    }
    assert_eq!(store.history().unwrap().len(), 1);
    assert_eq!(store.attachments(version(1)).unwrap().len(), 1);
}

#[test]
fn a_newer_layout_is_neither_read_nor_written() {
    let io = Arc::new(MemoryIO::default());
    let store = over(Arc::<MemoryIO>::clone(&io));
    store.write(&constant(1.0, 1)).unwrap();
    store.activate(version(1)).unwrap();
    edit(io.as_ref(), |document| document["properties"]["db-version"] = json!("1.1"));
    let before = object(io.as_ref(), "a/model-metadata.json");
    let errors = [
        store.read(None).err(),
        store.read(Some(version(1))).err(),
        store.write(&constant(1.0, 1)).err(),
        store.activate(version(1)).err(),
        store.delete(version(1)).err(),
        store.attach(version(1), "a", &b"x".as_slice()).err(),
        store.detach(version(1), "a").err(),
        store.attachments(version(1)).err(),
        store.list_models().err(),
        store.list_properties().err(),
        store.history().err(),
        store.upgrade(None, None, &Origin::default()).err(),
    ];
    let expected = "the store of `a/model-metadata.json (in memory)` has the layout 1.1, this binary knows up to 1.0 \
                    (use the palladium that laid it out, or a newer one)";
    for (index, error) in errors.iter().enumerate() {
        assert_eq!(error.as_ref().map(told).as_deref(), Some(expected), "operation {index}");
    }
    assert!(store.probe().is_err());
    assert_eq!(object(io.as_ref(), "a/model-metadata.json"), before);
}

#[test]
fn what_a_killed_attach_left_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model-{version}").display().to_string();
    let files = FileLike { path, io: Arc::new(crate::FileIO::default()), kept: Kept::default() };
    files.check().unwrap();
    initialize(&files, Mode::Fit).unwrap();
    fs::write(folder.path().join("model-1-a.txt"), "an older and longer text").unwrap();
    let io = Arc::new(MemoryIO::default());
    io.put("a/model-1-a.txt", &b"an older and longer text".as_slice(), &Expected::Nothing).unwrap();
    for store in [files, over(Arc::<MemoryIO>::clone(&io))] {
        store.write(&constant(1.0, 1)).unwrap();
        // The file lies beside a model that it does not belong to.
        assert_eq!(store.attachments(version(1)).unwrap(), []);
        assert_eq!(store.read(Some(version(1))).unwrap().metadata.get("attachments/a.txt"), None);
        store.attach(version(1), "a.txt", &b"new".as_slice()).unwrap();
        assert_eq!(store.attachments(version(1)).unwrap(), [Attachment { name: "a.txt".into(), size: 3 }]);
        let mut content = Vec::new();
        store.read_attachment(version(1), "a.txt", &mut content).unwrap();
        assert_eq!(content, b"new");
        assert_eq!(store.write(&constant(1.0, 1)).unwrap(), version(2));
    }
    let document: serde_json::Value = serde_json::from_str(&object(io.as_ref(), "a/model-metadata.json")).unwrap();
    assert_eq!(document["taken-over"], 1);
}

#[test]
fn a_model_that_is_not_listed_says_itself_what_belongs_to_it() {
    let io = Arc::new(MemoryIO::default());
    let store = over(Arc::<MemoryIO>::clone(&io));
    let mut model = constant(1.0, 1);
    model.metadata.annotate("attachments/notes.txt", "aGV5");
    store.write(&model).unwrap();
    store.attach(version(1), "more.txt", &b"more".as_slice()).unwrap();
    edit(io.as_ref(), |document| document["models"] = json!([]));
    let read = store.read(Some(version(1))).unwrap();
    assert_eq!(read.metadata.get("attachments/notes.txt"), Some(&json!("aGV5")));
    assert_eq!(read.metadata.get("attachments/more.txt"), None);
    assert!(store.attachments(version(1)).is_err());
}

#[test]
fn models_are_listed_in_the_order_of_their_versions() {
    let io = Arc::new(MemoryIO::default());
    let store = over(Arc::<MemoryIO>::clone(&io));
    for _ in 0..3 {
        store.write(&constant(1.0, 1)).unwrap();
    }
    edit(io.as_ref(), |document| document["models"].as_array_mut().unwrap().reverse());
    store.activate(version(2)).unwrap();
    let document: serde_json::Value = serde_json::from_str(&object(io.as_ref(), "a/model-metadata.json")).unwrap();
    let stored: Vec<_> = document["models"].as_array().unwrap().iter().map(|model| model["version"].clone()).collect();
    assert_eq!(stored, [1, 2, 3]);
}

#[test]
fn a_clock_that_went_backwards_changes_no_order() {
    let io = Arc::new(MemoryIO::default());
    let store = over(Arc::<MemoryIO>::clone(&io));
    for _ in 0..2 {
        store.write(&constant(1.0, 1)).unwrap();
    }
    store.activate(version(1)).unwrap();
    edit(io.as_ref(), |document| document["activations"][0]["time"] = json!("2999-01-01T00:00:00.000Z"));
    store.activate(version(2)).unwrap();
    store.activate(version(1)).unwrap();
    let history = store.history().unwrap();
    let order: Vec<_> = history.iter().map(|entry| (entry.from, entry.to)).collect();
    let (first, second) = (Some(version(1)), Some(version(2)));
    assert_eq!(order, [(None, first), (first, second), (second, first)]);
    assert!(history[0].time > history[2].time);
    assert_eq!(answer(&store.read(None).unwrap()), 1.0);
}

#[test]
fn an_active_version_that_is_gone_is_told() {
    let io = Arc::new(MemoryIO::default());
    let store = over(Arc::<MemoryIO>::clone(&io));
    store.write(&constant(1.0, 1)).unwrap();
    store.activate(version(1)).unwrap();
    io.remove("a/model-1.model").unwrap();
    let error = store.read(None).err().unwrap();
    assert_eq!(error.to_string(), "Activated model not available. Maybe it was deleted.");
    assert!(
        matches!(store.probe().unwrap(), Probe::Found(text) if text == format!("the store in `{PATH} (in memory)`"))
    );
    assert!(!Path::new("a").exists());
}

#[test]
fn a_deletion_of_the_active_model_is_warned_of() {
    type Delete = fn(&FileLike) -> Result<(), PersistError>;
    let plain: Delete = |store| store.delete(version(2));
    let forced: Delete = |store| store.delete_as(version(2), true, &Origin::default());
    for delete in [plain, forced] {
        let store = over(Arc::new(MemoryIO::default()));
        for _ in 0..2 {
            store.write(&constant(1.0, 1)).unwrap();
        }
        for (active, is_warned) in [(1, false), (2, true)] {
            store.write(&constant(1.0, 1)).unwrap();
            store.activate(version(active)).unwrap();
            let (deleted, log) = logged(|| if is_warned { delete(&store) } else { store.delete(version(3)) });
            deleted.unwrap();
            assert_eq!(log.contains("WARN") && log.contains("the active model was deleted"), is_warned, "{log}");
        }
    }
}

#[test]
fn what_was_stored_without_an_answer_is_removed_again() {
    let mut model = constant(1.0, 1);
    model.metadata.annotate("attachments/a.txt", "aGV5");
    for end in ["model-1.model", "model-1-a.txt"] {
        let io = Arc::new(Faulty::default());
        let store = over(Arc::<Faulty>::clone(&io));
        let lost = || StoreError::Failed(Failure::message("the answer was lost"));
        *io.after_put.lock().unwrap() = Some((end, Box::new(lost)));
        assert_eq!(store.write(&model).unwrap_err().to_string(), "the answer was lost");
        for name in ["a/model-1.model", "a/model-1-a.txt"] {
            assert_eq!(io.size(name).unwrap(), None, "{name} after {end}");
        }
    }
    // What was refused belongs to somebody else.
    let io = Arc::new(Faulty::default());
    let store = over(Arc::<Faulty>::clone(&io));
    let taken = || StoreError::Conflict { object: "model-1-a.txt".into() };
    *io.after_put.lock().unwrap() = Some(("model-1-a.txt", Box::new(taken)));
    assert_eq!(store.write(&model).unwrap(), version(2));
    assert_eq!((io.size("a/model-1.model").unwrap(), io.size("a/model-1-a.txt").unwrap()), (None, Some(3)));
}

#[test]
fn a_version_whose_object_is_missing_is_not_activated() {
    let io = Arc::new(MemoryIO::default());
    let store = over(Arc::<MemoryIO>::clone(&io));
    for _ in 0..2 {
        store.write(&constant(1.0, 1)).unwrap();
    }
    store.activate(version(2)).unwrap();
    io.remove("a/model-1.model").unwrap();
    let error = store.activate(version(1)).unwrap_err();
    assert_eq!(store.read(Some(version(1))).err().unwrap().to_string(), error.to_string());
    let expected = "No such version: 1. It is listed, but `a/model-1.model (in memory)` is missing: bring it \
                    back, or delete the version.";
    assert!(matches!(&error, PersistError::Lookup(text) if text == expected), "{error}");
    assert_eq!(store.list_properties().unwrap()["active-model"], "2");
    assert_eq!(store.history().unwrap().len(), 1);
}

#[test]
fn changes_whose_answers_are_lost_are_made_once() {
    type Change = fn(&FileLike) -> Result<(), PersistError>;
    let cases: [(&str, Change, usize); 5] = [
        ("activate", |store| store.activate(version(1)), 1),
        ("delete", |store| store.delete(version(1)), 0),
        ("delete the active one", |store| store.delete_as(version(2), true, &Origin::default()), 1),
        ("attach", |store| store.attach(version(1), "b.txt", &b"x".as_slice()), 0),
        ("detach", |store| store.detach(version(1), "a.txt"), 0),
    ];
    let mut model = constant(1.0, 1);
    model.metadata.annotate("attachments/a.txt", "aGV5");
    for (title, change, n_activations) in cases {
        let made = |lost: bool| {
            let io = Arc::new(Faulty::default());
            let (store, other) = (over(Arc::<Faulty>::clone(&io)), over(Arc::<Faulty>::clone(&io)));
            for _ in 0..2 {
                store.write(&model).unwrap();
            }
            store.activate(version(2)).unwrap();
            let write = move || {
                other.write(&constant(1.0, 1)).unwrap();
                StoreError::Conflict { object: "model-metadata.json".into() }
            };
            if lost {
                *io.after_put.lock().unwrap() = Some(("model-metadata.json", Box::new(write)));
                change(&store).unwrap_or_else(|error| panic!("{title}: {error}"));
                assert!(io.after_put.lock().unwrap().is_none(), "{title}");
            } else {
                change(&store).unwrap();
                write();
            }
            assert_eq!(store.history().unwrap().len(), 1 + n_activations, "{title}");
            let attachments: Vec<_> = (1..=3).map(|number| store.attachments(version(number)).ok()).collect();
            let objects = ["1.model", "1-a.txt", "1-b.txt", "2.model", "2-a.txt"];
            let sizes = objects.map(|object| io.size(&format!("a/model-{object}")).unwrap());
            (store.list_models().unwrap(), store.list_properties().unwrap(), attachments, sizes)
        };
        assert_eq!(made(true), made(false), "{title}");
    }
}

/// Returns what the metadata say about the attachments of the first model.
fn fingerprints(io: &dyn ArtifactStore) -> serde_json::Value {
    let document: serde_json::Value = serde_json::from_str(&object(io, "a/model-metadata.json")).unwrap();
    document.get("attachments").cloned().unwrap_or_default()
}

#[test]
fn changed_attachments_are_noticed() {
    let io = Arc::new(MemoryIO::default());
    let store = over(Arc::<MemoryIO>::clone(&io));
    let mut model = constant(1.0, 1);
    model.metadata.annotate("attachments/a.txt", "aGV5");
    store.write(&model).unwrap();
    store.attach(version(1), "b.txt", &b"more".as_slice()).unwrap();
    let fingerprint = |text: &str| {
        let sha256 = hex::encode(<sha2::Sha256 as sha2::Digest>::digest(text));
        json!({"size": text.len(), "sha256": sha256})
    };
    let expected = json!({"1": {"a.txt": fingerprint("hey"), "b.txt": fingerprint("more")}});
    assert_eq!(fingerprints(io.as_ref()), expected);

    let put =
        |name: &str, text: &str| io.put(&format!("a/model-1-{name}"), &text.as_bytes(), &Expected::Anything).unwrap();
    let read = |name: &str| store.read_attachment(version(1), name, &mut Vec::new());
    let cases = [
        ("a.txt", "hey", "hex", "its checksum does not match"),
        ("a.txt", "hey", "he", "it has 2 bytes, 3 were stored"),
        ("b.txt", "more", "more and more", "it has 13 bytes, 4 were stored"),
        ("b.txt", "more", "", "it has 0 bytes, 4 were stored"),
    ];
    for (name, good, bad, what) in cases {
        put(name, bad);
        let expected = format!(
            "the attachment `{name}` of version 1 in `a/model-1-{name} (in memory)` is damaged: {what} (restore it from a \
             backup, or take it away with `palladium admin detach` and attach it again)"
        );
        assert_eq!(told(&read(name).unwrap_err()), expected);
        assert_eq!(told(&store.read(Some(version(1))).err().unwrap()), expected);
        put(name, good);
        read(name).unwrap();
    }
    store.read(Some(version(1))).unwrap();
    store.detach(version(1), "a.txt").unwrap();
    assert_eq!(fingerprints(io.as_ref()), json!({"1": {"b.txt": fingerprint("more")}}));
    put("b.txt", "other");
    store.detach(version(1), "b.txt").unwrap();
    assert_eq!(fingerprints(io.as_ref()), json!(null));
    store.attach(version(1), "b.txt", &b"x".as_slice()).unwrap();
    store.delete(version(1)).unwrap();
    assert_eq!(fingerprints(io.as_ref()), json!(null));
}

#[test]
fn attachments_of_older_catalogues_are_not_checked() {
    let io = Arc::new(MemoryIO::default());
    let store = over(Arc::<MemoryIO>::clone(&io));
    store.write(&constant(1.0, 1)).unwrap();
    store.attach(version(1), "a.txt", &b"hey".as_slice()).unwrap();
    edit(io.as_ref(), |document| drop(document.as_object_mut().unwrap().remove("attachments")));
    io.put("a/model-1-a.txt", &b"changed".as_slice(), &Expected::Anything).unwrap();
    let mut content = Vec::new();
    store.read_attachment(version(1), "a.txt", &mut content).unwrap();
    assert_eq!(content, b"changed");
    store.read(Some(version(1))).unwrap();
}

#[test]
fn verification_names_what_is_missing_or_damaged() {
    let mut model = constant(1.0, 1);
    model.metadata.annotate("score_test", 0.1 + 0.2);
    model.metadata.annotate("attachments/a.txt", "aGV5");
    let advice = "or take it off the list with `palladium admin detach`)";
    type Damage = fn(&MemoryIO);
    let cases: [(&str, Damage, String); 8] = [
        ("nothing", |_| {}, String::new()),
        (
            "a missing model",
            |io| io.remove("a/model-1.model").unwrap(),
            "No such version: 1. It is listed, but `a/model-1.model (in memory)` is missing: bring it back".into(),
        ),
        (
            "a damaged model",
            |io| io.put("a/model-1.model", &b"no model".as_slice(), &Expected::Anything).unwrap(),
            "version 1 in `a/model-1.model (in memory)` cannot be read".into(),
        ),
        (
            "a missing attachment",
            |io| io.remove("a/model-1-a.txt").unwrap(),
            format!(
                "the attachment `a.txt` of version 1 is listed, but `a/model-1-a.txt (in memory)` is missing (restore \
                 it from a backup, {advice}"
            ),
        ),
        (
            "a damaged attachment",
            |io| io.put("a/model-1-b.txt", &b"m".as_slice(), &Expected::Anything).unwrap(),
            "the attachment `b.txt` of version 1 in `a/model-1-b.txt (in memory)` is damaged: it has 1 bytes".into(),
        ),
        (
            "other metadata",
            |io| {
                edit(io, |document| {
                    document["models"][0]["score_test"] = json!(0.9);
                    document["models"][0]["added"] = json!(1);
                });
            },
            "the list of models says something else about version 1 than the stored model in `a/model-1.model (in \
             memory)`: `added`, `score_test` (restore both"
                .into(),
        ),
        (
            "metadata that are missing",
            |io| edit(io, |document| drop(document["models"][0].as_object_mut().unwrap().remove("score_test"))),
            "the list of models says something else about version 1 than the stored model".into(),
        ),
        ("a model that is not listed", |io| edit(io, |document| document["models"] = json!([])), String::new()),
    ];
    for (title, damage, expected) in cases {
        let io = Arc::new(MemoryIO::default());
        let store = over(Arc::<MemoryIO>::clone(&io));
        store.write(&model).unwrap();
        store.attach(version(1), "b.txt", &b"more".as_slice()).unwrap();
        damage(&io);
        let verified = store.objects().unwrap().verify(version(1)).map_err(PersistError::from);
        let found = verified.map_or_else(|error| told(&error), |()| String::new());
        assert!(found.starts_with(&expected) && found.is_empty() == expected.is_empty(), "{title}: {found}");
        let absent = store.objects().unwrap().verify(version(2)).unwrap_err();
        assert_eq!(absent.to_string(), "No such version: 2", "{title}");
    }
}

#[test]
fn versions_are_those_that_are_listed() {
    let store = over(Arc::new(MemoryIO::default()));
    for _ in 0..3 {
        store.write(&constant(1.0, 1)).unwrap();
    }
    store.delete(version(2)).unwrap();
    assert_eq!(store.objects().unwrap().versions().unwrap(), [version(1), version(3)]);
}
