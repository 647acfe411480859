use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, mpsc};

use serde_json::json;
use tempfile::TempDir;

use super::*;
use crate::testing::{answer, constant, initialize, persister};

const GOLDEN: &[u8] = include_bytes!("../../tests/golden/format-1.model");

/// Returns an initialized store with this template in a folder.
fn files(folder: &Path, template: &str) -> Arc<dyn Persister> {
    let path = Data::Text(folder.join(template).display().to_string());
    let store = persister("palladium.persistence.File", &[("path", path)]).unwrap();
    initialize(store.as_ref(), Mode::Fit).unwrap();
    store
}

fn store() -> (TempDir, Arc<dyn Persister>) {
    let folder = tempfile::tempdir().unwrap();
    let store = files(folder.path(), "model-{version}");
    (folder, store)
}

fn version(number: u64) -> Version {
    Version::new(number).unwrap()
}

/// Returns the names of all files but the lock.
fn listed(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.filter(|name| name != ".model-metadata.json.lock").collect();
    names.sort();
    names
}

fn metadata(folder: &Path) -> PathBuf {
    folder.join("model-metadata.json")
}

fn attached(attachments: &[(&str, &str)]) -> TrainedModel {
    let mut model = constant(1.0, 10);
    for (name, text) in attachments {
        model.metadata.annotate(&format!("attachments/{name}"), *text);
    }
    model
}

/// Returns an error with its sources and its advice.
fn told(error: &PersistError) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text.push_str(&format!(": {cause}"));
        source = cause.source();
    }
    error.help().map(|help| format!("{text} ({help})")).unwrap_or(text)
}

#[test]
fn the_path_is_checked() {
    for path in ["", "model", "models/{version}/model", "{version}/", "{version}/..", "{version}/x-{version}", "/"] {
        let found = persister("palladium.persistence.File", &[("path", Data::Text(path.into()))]).err();
        let found = found.unwrap_or_else(|| panic!("{path} is accepted"));
        assert!(found.ends_with("the name of the file in `path` has to contain `{version}`"), "{path}: {found}");
    }
    let found = persister("palladium.persistence.File", &[]).err().unwrap();
    assert!(found.contains("needs `path`"), "{found}");
    for path in ["{version}", "models/model-{version}.pickle", "/srv/{version}{version}"] {
        assert!(persister("palladium.persistence.File", &[("path", Data::Text(path.into()))]).is_ok(), "{path}");
    }
    let file = File { path: "model".into(), kept: Kept::default() };
    assert_eq!(file.check().unwrap_err().help.unwrap(), "write for example `${here}/model-{version}`");
    let found = persister("palladium.persistence.File", &[("path", Data::Text("a\0/{version}".into()))]).err().unwrap();
    assert!(found.ends_with("is no name of a file"), "{found}");
}

#[test]
fn attachments_lie_beside_their_model() {
    let (folder, store) = store();
    let first = attached(&[("myatt.txt", "aGV5"), ("my2ndatt.txt", "aG8=")]);
    store.write(&first).unwrap();
    assert_eq!(first.metadata.get("attachments/myatt.txt"), Some(&json!("aGV5")));
    store.write(&attached(&[("myatt.txt", "aGV5")])).unwrap();
    let both = [
        "model-1-my2ndatt.txt",
        "model-1-myatt.txt",
        "model-1.model",
        "model-2-myatt.txt",
        "model-2.model",
        "model-metadata.json",
    ];
    assert_eq!(listed(folder.path()), both);
    assert_eq!(fs::read(folder.path().join(both[0])).unwrap(), b"ho");
    assert_eq!(fs::read(folder.path().join(both[1])).unwrap(), b"hey");

    let read = store.read(Some(version(1))).unwrap();
    assert_eq!(read.metadata.get("attachments/myatt.txt"), Some(&json!("aGV5")));
    assert_eq!(read.metadata.get("attachments/my2ndatt.txt"), Some(&json!("aG8=")));
    let keys = json!(["attachments/myatt.txt", "attachments/my2ndatt.txt"]);
    let listing = store.list_models().unwrap();
    assert_eq!(listing[0].get("__attachments__"), Some(&keys));
    assert!(listing.iter().all(|metadata| metadata.entries().all(|(key, _)| !key.starts_with("attachments/"))));

    // What was read can be written again, and what somebody removed is left out.
    assert_eq!(store.write(&read).unwrap(), version(3));
    fs::remove_file(folder.path().join("model-3-myatt.txt")).unwrap();
    let third = store.read(Some(version(3))).unwrap();
    assert_eq!(third.metadata.get("attachments/myatt.txt"), None);
    assert_eq!(third.metadata.get("attachments/my2ndatt.txt"), Some(&json!("aG8=")));
    store.delete(version(3)).unwrap();
    store.delete(version(1)).unwrap();
    assert_eq!(listed(folder.path()), ["model-2-myatt.txt", "model-2.model", "model-metadata.json"]);
}

#[test]
fn attachments_lead_nowhere_else() {
    let outer = tempfile::tempdir().unwrap();
    let folder = outer.path().join("store");
    fs::create_dir(&folder).unwrap();
    fs::write(outer.path().join("secret"), "secret").unwrap();
    let store = files(&folder, "model-{version}");
    for name in ["../secret", "/../../secret", "x/../../secret", "", "..", ".", "a/b", "a\\..\\b", "a\0b"] {
        let told = told(&store.write(&attached(&[(name, "aGV5")])).unwrap_err());
        assert!(told.contains("is no name of an attachment (letters, digits"), "{told}");
    }
    assert_eq!(listed(&folder), [""; 0]);
    // Nor does a list that somebody else wrote.
    store.write(&constant(1.0, 1)).unwrap();
    let mut document: serde_json::Value = serde_json::from_slice(&fs::read(metadata(&folder)).unwrap()).unwrap();
    document["models"][0]["__attachments__"] = json!(["attachments//../../secret", "attachments/../../secret"]);
    fs::write(metadata(&folder), document.to_string()).unwrap();
    store.delete(version(1)).unwrap();
    assert_eq!(listed(&folder), ["model-metadata.json"]);
    assert_eq!(fs::read(outer.path().join("secret")).unwrap(), b"secret");
}

#[test]
fn links_are_not_followed() {
    let (folder, store) = store();
    let outside = tempfile::tempdir().unwrap();
    let target = outside.path().join("target");
    fs::write(&target, "precious").unwrap();
    for name in ["model-1.model", "model-metadata.json", ".model-metadata.json.lock"] {
        let link = folder.path().join(name);
        symlink(&target, &link).unwrap();
        if name == "model-1.model" {
            let told = told(&store.read(Some(version(1))).err().unwrap());
            assert!(told.contains("model-1.model` is a symbolic link"), "{told}");
            assert_eq!(store.write(&constant(1.0, 1)).unwrap(), version(2));
            store.delete(version(2)).unwrap();
        } else {
            let told = told(&store.write(&constant(1.0, 1)).unwrap_err());
            assert!(told.contains("is a symbolic link"), "{name}: {told}");
        }
        fs::remove_file(&link).unwrap();
        fs::remove_file(metadata(folder.path())).ok();
        fs::remove_file(folder.path().join(".model-metadata.json.lock")).ok();
    }
    assert_eq!(fs::read(&target).unwrap(), b"precious");
    fs::create_dir(metadata(folder.path())).unwrap();
    assert!(told(&store.list_models().unwrap_err()).contains("model-metadata.json` is no ordinary file"));
}

#[test]
fn nothing_is_attached_through_a_link() {
    let (folder, store) = store();
    let outside = tempfile::tempdir().unwrap();
    let target = outside.path().join("target");
    fs::write(&target, "precious").unwrap();
    store.write(&constant(1.0, 1)).unwrap();
    symlink(&target, folder.path().join("model-1-notes.txt")).unwrap();
    let told = told(&store.attach(version(1), "notes.txt", &b"hey".as_slice()).unwrap_err());
    assert!(told.contains("model-1-notes.txt` is a symbolic link"), "{told}");
    assert_eq!(store.attachments(version(1)).unwrap(), []);
    assert_eq!(fs::read(&target).unwrap(), b"precious");
}

/// Content that is there once somebody says so.
struct Slow(Mutex<mpsc::Receiver<()>>);

impl Content for Slow {
    fn size(&self) -> u64 {
        3
    }

    fn open(&self) -> io::Result<Box<dyn Read + Send + '_>> {
        self.0.lock().unwrap().recv().unwrap();
        Ok(Box::new(b"hey".as_slice()))
    }
}

#[test]
fn nobody_waits_for_content_that_is_being_stored() {
    let (folder, store) = store();
    store.write(&constant(1.0, 1)).unwrap();
    let (sender, receiver) = mpsc::channel();
    let slow = Slow(Mutex::new(receiver));
    std::thread::scope(|scope| {
        let attach = scope.spawn(|| store.attach(version(1), "notes.txt", &slow));
        let parts = || listed(folder.path()).iter().filter(|name| name.contains("-part-")).count();
        while parts() == 0 {
            std::thread::yield_now();
        }
        // Whoever holds the lock leaves the file alone that another one is still writing.
        store.write(&constant(2.0, 1)).unwrap();
        store.activate(version(2)).unwrap();
        assert_eq!(parts(), 1);
        sender.send(()).unwrap();
        attach.join().unwrap().unwrap();
        assert_eq!(parts(), 0);
    });
    assert_eq!(fs::read(folder.path().join("model-1-notes.txt")).unwrap(), b"hey");
}

#[test]
fn files_are_private_and_laid_out_as_told() {
    let (folder, store) = store();
    store.write(&constant(1.0, 1)).unwrap();
    store.activate_as(version(1), &Origin { principal: "ada".into(), command: "fit".into() }).unwrap();
    for name in ["model-1.model", "model-metadata.json", ".model-metadata.json.lock"] {
        let mode = fs::metadata(folder.path().join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    let time = store.history().unwrap()[0].time.clone();
    let text = fs::read_to_string(metadata(folder.path())).unwrap().replace(&time, "TIME");
    let expected = r#"{
    "models": [
        {
            "train_timestamp": "2026-11-23T12:00:00+00:00",
            "version": 1
        }
    ],
    "properties": {
        "db-version": "1.0",
        "active-model": "1"
    },
    "last-version": 1,
    "activations": [
        {
            "time": "TIME",
            "from": null,
            "to": 1,
            "principal": "ada",
            "command": "fit"
        }
    ]
}
"#;
    assert_eq!(text, expected);
}

/// A store as this version writes it, which every later version has to read.
#[test]
fn the_golden_store_is_read() {
    let (folder, store) = store();
    let golden = include_str!("../../tests/golden/file-metadata-1.json");
    fs::write(metadata(folder.path()), golden).unwrap();
    fs::write(folder.path().join("model-7.model"), GOLDEN).unwrap();
    fs::write(folder.path().join("model-7-notes.txt"), "hey").unwrap();
    assert_eq!(answer(&store.read(None).unwrap()), 2.5);
    assert_eq!(store.list_models().unwrap().len(), 1);
    assert_eq!(store.list_properties().unwrap()["active-model"], "7");
    assert_eq!(store.history().unwrap().len(), 1);
    assert_eq!(store.list_sizes().unwrap()[&version(7)], GOLDEN.len() as u64);
    assert_eq!(store.write(&constant(1.0, 1)).unwrap(), version(10));
    assert!(fs::read_to_string(metadata(folder.path())).unwrap().contains("\"other-program\": {\n"));
    store.delete(version(7)).unwrap();
    assert_eq!(listed(folder.path()), ["model-10.model", "model-metadata.json"]);
}

#[test]
fn what_killed_writers_left_is_cleared_away_and_its_numbers_skipped() {
    let (folder, store) = store();
    for name in ["model-1.model", "model-2-notes.txt", ".palladium-part-123-0", ".other.json.part-1-0"] {
        fs::write(folder.path().join(name), "half").unwrap();
    }
    assert_eq!(store.list_models().unwrap(), []);
    assert_eq!(store.write(&attached(&[("notes.txt", "aGV5")])).unwrap(), version(3));
    let left = [
        ".other.json.part-1-0",
        "model-1.model",
        "model-2-notes.txt",
        "model-3-notes.txt",
        "model-3.model",
        "model-metadata.json",
    ];
    assert_eq!(listed(folder.path()), left);
    assert_eq!(fs::read(folder.path().join("model-1.model")).unwrap(), b"half");
    // Files that somebody removed count as deleted.
    store.activate(version(3)).unwrap();
    fs::remove_file(folder.path().join("model-3.model")).unwrap();
    let deleted = "Activated model not available. Maybe it was deleted.";
    assert_eq!(store.read(None).err().unwrap().to_string(), deleted);
    store.delete(version(3)).unwrap();
    assert_eq!(store.list_models().unwrap(), []);
}

#[test]
fn a_deletion_that_was_killed_is_completed() {
    let (folder, store) = store();
    store.write(&attached(&[("notes.txt", "aGV5")])).unwrap();
    let model = fs::read(folder.path().join("model-1.model")).unwrap();
    store.delete(version(1)).unwrap();
    // The list is written first, and here the process is killed.
    fs::write(folder.path().join("model-1.model"), model).unwrap();
    fs::write(folder.path().join("model-1-notes.txt"), "hey").unwrap();
    assert_eq!(store.list_models().unwrap(), []);
    assert_eq!(store.write(&constant(2.0, 1)).unwrap(), version(2));
    assert_eq!(listed(folder.path()), ["model-2.model", "model-metadata.json"]);
    // That is done once: what comes later from a backup stays.
    fs::write(folder.path().join("model-1.model"), "backup").unwrap();
    store.activate(version(2)).unwrap();
    assert_eq!(listed(folder.path()), ["model-1.model", "model-2.model", "model-metadata.json"]);
}

#[test]
fn a_relative_path_is_shown_as_it_is_written() {
    let store = files(Path::new(""), "no-such-model-{version}");
    assert_eq!(store.read(None).err().unwrap().to_string(), "No active model available: no-such-model-{version}");
    assert!(matches!(store.probe(), Ok(Probe::Found(_))));
}

#[test]
fn damaged_metadata_are_told() {
    let python = "belongs to a store of Palladium for Python, whose pickled models cannot be read (let `path` name";
    let cases = [
        ("", "model-metadata.json` is not JSON: EOF"),
        ("{\"models\": [{\"ver", "model-metadata.json` is not JSON: EOF"),
        ("no JSON", "model-metadata.json` is not JSON: expected"),
        ("3", "model-metadata.json` is damaged: it is no map (restore it"),
        ("{\"models\": 3}", "model-metadata.json` is damaged: it has no list `models`"),
        ("{\"models\": [], \"properties\": {\"active-model\": \"../1\"}}", "the property `active-model` is wrong"),
        ("[{\"version\": 1}]", python),
        ("{\"models\": [{\"version\": 1}], \"properties\": {\"active-model\": \"1\"}}", python),
    ];
    for (text, expected) in cases {
        let (folder, store) = store();
        fs::write(metadata(folder.path()), text).unwrap();
        fs::write(folder.path().join("model-1.pkl.gz"), "pickle").unwrap();
        let errors = [
            store.read(None).err(),
            store.write(&constant(1.0, 1)).err(),
            store.activate(version(1)).err(),
            store.delete(version(1)).err(),
            store.list_models().err(),
            store.list_properties().err(),
            store.upgrade(None, None, &Origin::default()).err(),
        ];
        for (index, error) in errors.iter().enumerate() {
            let told = told(error.as_ref().unwrap_or_else(|| panic!("{text}: operation {index} does not fail")));
            assert!(told.contains(expected), "{text}: operation {index}: {told}");
        }
        assert!(store.probe().is_err(), "{text}");
        assert_eq!(fs::read_to_string(metadata(folder.path())).unwrap(), text);
        let read = told(&store.read(Some(version(1))).err().unwrap());
        assert!(read.contains("model-1.pkl.gz` belongs to a store of Palladium for Python"), "{read}");
    }
}

#[test]
fn changed_models_are_noticed_and_the_store_stays_usable() {
    let (folder, store) = store();
    store.write(&constant(1.0, 5)).unwrap();
    store.write(&constant(2.0, 5)).unwrap();
    let file = folder.path().join("model-1.model");
    let good = fs::read(&file).unwrap();
    for position in 0..good.len() {
        let mut bytes = good.clone();
        bytes[position] ^= 1 << (position % 8);
        fs::write(&file, &bytes).unwrap();
        assert!(store.read(Some(version(1))).is_err(), "bit {} of byte {position}", position % 8);
    }
    fs::write(&file, &good[..good.len() / 2]).unwrap();
    let cut = told(&store.read(Some(version(1))).err().unwrap());
    assert!(cut.contains("version 1 in `") && cut.contains("is incomplete"), "{cut}");
    fs::copy(folder.path().join("model-2.model"), &file).unwrap();
    let other = told(&store.read(Some(version(1))).err().unwrap());
    assert!(other.contains("says that it is version 2, it is stored as version 1"), "{other}");
    assert_eq!(answer(&store.read(Some(version(2))).unwrap()), 2.0);
    assert_eq!(store.write(&constant(3.0, 1)).unwrap(), version(3));
}

#[test]
fn a_failed_write_leaves_nothing() {
    let (folder, store) = store();
    store.write(&constant(1.0, 1)).unwrap();
    let mut nested = json!(1);
    // The model's own header can still be read, the list of models one level below could not.
    for _ in 0..125 {
        nested = json!([nested]);
    }
    let mut model = constant(1.0, 1);
    model.metadata.annotate("nested", nested);
    let error = told(&store.write(&model).unwrap_err());
    assert!(error.contains("the model cannot be stored beside `") && error.contains("nest metadata less"), "{error}");
    // A file name that is too long for the disk fails after the model itself was stored.
    let long = files(folder.path(), &format!("{}-{{version}}", "x".repeat(150)));
    assert!(long.write(&attached(&[(&"y".repeat(140), "aGV5")])).is_err());
    let kept = listed(folder.path()).into_iter().filter(|name| !name.starts_with('.')).collect::<Vec<_>>();
    assert_eq!(kept, ["model-1.model", "model-metadata.json"]);
}

/// The superuser may write everywhere but where the kernel itself refuses, so a folder of the kernel's stands for one
/// that is read-only.
#[test]
fn a_folder_that_cannot_be_written_is_told() {
    let store = files(Path::new("/proc/self"), "model-{version}");
    assert_eq!(store.list_models().unwrap(), []);
    let told = told(&store.write(&constant(1.0, 1)).unwrap_err());
    assert!(told.contains("/proc/self/.model-metadata.json.lock` "), "{told}");
}

#[test]
fn probing_changes_nothing() {
    let (folder, store) = store();
    let Probe::Found(found) = store.probe().unwrap() else { panic!("nothing found") };
    assert!(found.starts_with("no store in `") && found.ends_with("model-{version}` yet: the first fit makes it"));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    store.write(&constant(1.0, 1)).unwrap();
    let Probe::Found(found) = store.probe().unwrap() else { panic!("nothing found") };
    assert!(found.starts_with("the store in `"), "{found}");
    let absent = files(&folder.path().join("absent"), "model-{version}").probe().unwrap_err();
    assert!(absent.to_string().contains("there is no such folder"), "{absent}");
    assert_eq!(absent.help().unwrap(), "create the folder, or correct `path`");
    fs::create_dir(folder.path().join("absend")).unwrap();
    let help = files(&folder.path().join("absent"), "model-{version}").probe().unwrap_err().help().unwrap();
    assert!(help.starts_with("did you mean `") && help.ends_with("absend`? If not, create the folder"), "{help}");
}

#[test]
fn a_store_of_a_similar_name_is_found_where_there_is_none() {
    let (folder, store) = store();
    let near = |template: &str| {
        let place = files(folder.path(), template).store_place().unwrap();
        assert!(place.shown.ends_with(template), "{}", place.shown);
        place.near
    };
    assert_eq!(near("modle-{version}"), None);
    store.write(&constant(1.0, 1)).unwrap();
    let there = folder.path().join("model-{version}").display().to_string();
    for template in ["modle-{version}", "models-{version}", "{version}-model", "Model-{version}"] {
        assert_eq!(near(template).as_ref(), Some(&there), "{template}");
    }
    for template in ["model-{version}", "other-{version}", "{version}"] {
        assert_eq!(near(template), None, "{template}");
    }
}
