//! Processes that are killed between any two steps of a change. The process that is killed is this test binary with
//! one test alone.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use palladium_component::prelude::*;
use rustix::process::Signal;
use tempfile::TempDir;

use crate::fail_point;
use crate::testing::{answer, constant, initialize, persister};

/// Tell the child what to do, at which step to die, and where the store lies.
const OPERATION: &str = "PALLADIUM_TEST_OPERATION";
const STEP: &str = "PALLADIUM_TEST_STEP";
const FOLDER: &str = "PALLADIUM_TEST_STORE";

fn version(number: u64) -> Version {
    Version::new(number).unwrap()
}

fn store(folder: &Path) -> Arc<dyn Persister> {
    let path = Data::Text(folder.join("model-{version}").display().to_string());
    let store = persister("palladium.persistence.File", &[("path", path)]).unwrap();
    initialize(store.as_ref(), Mode::Fit).unwrap();
    store
}

fn perform(store: &dyn Persister, operation: &str) -> Result<(), PersistError> {
    let origin = Origin::default();
    match operation {
        "write" => store.write(&attached()).map(drop),
        "activate" => store.activate(version(2)),
        "delete" => store.delete(version(2)),
        "delete active" => store.delete_as(version(1), true, &origin),
        "attach" => store.attach(version(2), "more.txt", &b"more".as_slice()),
        "detach" => store.detach(version(2), "notes.txt"),
        "upgrade" => store.upgrade(Some(&"0.0".parse().unwrap()), None, &origin).map(drop),
        _ => panic!("there is no operation {operation}"),
    }
}

/// Returns a model with two attachments.
fn attached() -> TrainedModel {
    let mut model = constant(1.0, 10);
    model.metadata.annotate("attachments/notes.txt", "aGV5");
    model.metadata.annotate("attachments/a.csv", "MSwy");
    model
}

/// Returns a store of two models, of which the first is active unless it is to be upgraded.
fn prepared(operation: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path());
    store.write(&attached()).unwrap();
    store.write(&attached()).unwrap();
    if operation != "upgrade" {
        store.activate(version(1)).unwrap();
    }
    folder
}

fn copy(folder: &Path) -> TempDir {
    let copy = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), copy.path().join(entry.file_name())).unwrap();
    }
    copy
}

/// What a store says there is.
#[derive(Debug, PartialEq)]
struct State {
    models: Vec<Metadata>,
    properties: BTreeMap<String, String>,
    n_activations: usize,
}

fn state(store: &dyn Persister) -> State {
    State {
        models: store.list_models().unwrap(),
        properties: store.list_properties().unwrap(),
        n_activations: store.history().unwrap().len(),
    }
}

/// Checks that all that is listed is whole. What is being detached may be gone already.
fn check_whole(store: &dyn Persister, operation: &str) {
    for metadata in store.list_models().unwrap() {
        let version = metadata.version().unwrap();
        let model = store.read(Some(version)).unwrap();
        assert_eq!(answer(&model), 1.0);
        let listed = metadata.get("__attachments__").and_then(|list| list.as_array()).cloned().unwrap_or_default();
        for key in listed {
            let (key, contents) = (key.as_str().unwrap(), ["aGV5", "MSwy", "bW9yZQ=="]);
            match model.metadata.get(key) {
                Some(content) => assert!(contents.contains(&content.as_str().unwrap()), "{key}: {content}"),
                None => assert_eq!((operation, key, version.number()), ("detach", "attachments/notes.txt", 2)),
            }
        }
    }
}

/// Returns the names of all files but the lock and those of later models: the number that a killed write has used up is
/// not given again.
fn files(folder: &Path) -> BTreeSet<String> {
    let is_later = |name: &str| ["model-3", "model-4", "model-5"].iter().any(|later| name.starts_with(later));
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| !name.ends_with(".lock") && !is_later(name)).collect()
}

/// Not a test by itself: the process that is killed.
#[test]
fn child_that_is_killed_at_a_step() {
    let Ok(operation) = std::env::var(OPERATION) else { return };
    let store = store(Path::new(&std::env::var_os(FOLDER).unwrap()));
    fail_point::kill_at(std::env::var(STEP).unwrap().parse().unwrap());
    perform(store.as_ref(), &operation).unwrap();
}

/// Performs an operation in a process that is killed at a step; tells whether it came that far.
fn is_killed_at(step: usize, operation: &str, folder: &Path) -> bool {
    let status = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "file_like::killed::child_that_is_killed_at_a_step"])
        .env(OPERATION, operation)
        .env(STEP, step.to_string())
        .env(FOLDER, folder)
        .output()
        .unwrap()
        .status;
    let killed = status.signal() == Some(Signal::KILL.as_raw());
    assert!(killed || status.success(), "{operation} ended at step {step} with {status}");
    killed
}

/// Checks what is left after a kill, and that the operation can be repeated.
fn check_killed(operation: &str, folder: &Path, old: &State, new: &State, new_files: &BTreeSet<String>) {
    let store = store(folder);
    let found = state(store.as_ref());
    assert!(found == *old || found == *new, "neither old nor new: {found:?}");
    check_whole(store.as_ref(), operation);
    let is_over = found == *new && files(folder) == *new_files;
    let repeated = perform(store.as_ref(), operation).map_err(|error| error.to_string());
    let told_twice = match operation {
        "delete" => Some("No such version: 2"),
        "delete active" => Some("No such version: 1"),
        "attach" => Some("version 2 has an attachment `more.txt` already"),
        "detach" => Some("No such attachment of version 2: notes.txt"),
        _ => None,
    };
    match told_twice {
        Some(told) if is_over => assert_eq!(repeated, Err(told.to_owned())),
        _ => assert_eq!(repeated, Ok(())),
    }
    check_whole(store.as_ref(), operation);
    if operation != "write" {
        assert_eq!(state(store.as_ref()).models, new.models);
        assert_eq!(state(store.as_ref()).properties, new.properties);
    }
    // One more change clears away what is left.
    store.write(&constant(1.0, 1)).unwrap();
    assert_eq!(files(folder), *new_files);
}

#[test]
fn a_process_that_is_killed_at_any_step_leaves_the_old_store_or_the_new_one() {
    let operations = [
        ("write", 30),
        ("activate", 6),
        ("delete", 9),
        ("delete active", 9),
        ("attach", 12),
        ("detach", 7),
        ("upgrade", 6),
    ];
    for (operation, least_steps) in operations {
        let before = prepared(operation);
        let after = copy(before.path());
        perform(store(after.path()).as_ref(), operation).unwrap();
        let (old, new) = (state(store(before.path()).as_ref()), state(store(after.path()).as_ref()));
        assert_ne!(old, new, "{operation}");
        let new_files = files(after.path());
        let mut step = 0;
        loop {
            let folder = copy(before.path());
            if !is_killed_at(step, operation, folder.path()) {
                break;
            }
            check_killed(operation, folder.path(), &old, &new, &new_files);
            step += 1;
        }
        assert!(step >= least_steps, "{operation} has {step} steps");
    }
}
