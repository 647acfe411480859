//! What concerns whole processes and other runtimes: being killed, being used and dropped inside another runtime.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod kinds;
#[cfg(test)]
#[path = "../src/testing.rs"]
mod testing;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use kinds::{Kind, kind, kinds};
use palladium_component::prelude::*;
use palladium_persistence as _;
use testing::{answer, constant};

/// Tells the child which store to write, and in which folder it lies.
const KIND: &str = "PALLADIUM_TEST_KIND";
const FOLDER: &str = "PALLADIUM_TEST_STORE";
const N_KILLS: u64 = 20;
const N_WRITERS: u64 = 8;
const N_WRITES: u64 = 5;

/// Returns the store that a parent process names, nothing in a process without such a parent.
fn store_of_parent() -> Option<Arc<dyn Persister>> {
    Some(kind(&std::env::var(KIND).ok()?).open(Path::new(&std::env::var_os(FOLDER)?)))
}

fn child(test: &str, kind: &Kind, folder: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(KIND, kind.title)
        .env(FOLDER, folder)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Returns a model with an attachment, which stores of files keep in a file of its own.
fn attached() -> TrainedModel {
    let mut model = constant(1.0, 2000);
    model.metadata.annotate("attachments/notes.txt", "aGV5");
    model
}

/// Checks that all that is listed is whole, and returns the versions.
fn check_whole(store: &dyn Persister) -> Vec<u64> {
    let listed = store.list_models().unwrap();
    let versions: Vec<Version> = listed.iter().map(|metadata| metadata.version().unwrap()).collect();
    for version in &versions {
        let model = store.read(Some(*version)).unwrap();
        assert_eq!(answer(&model), 1.0);
        assert_eq!(model.metadata.get("attachments/notes.txt").unwrap(), "aGV5");
    }
    versions.into_iter().map(Version::number).collect()
}

/// Not a test by itself: the process that `a_killed_process_leaves_a_whole_store` kills.
#[test]
fn child_that_writes_until_it_is_killed() {
    let Some(store) = store_of_parent() else { return };
    loop {
        let version = store.write(&attached()).unwrap();
        store.activate(version).unwrap();
        // A write that was killed may have used up a number.
        for listed in store.list_models().unwrap().iter().rev().skip(3) {
            store.delete(listed.version().unwrap()).unwrap();
        }
        println!("wrote {version}");
    }
}

#[test]
fn a_killed_process_leaves_a_whole_store() {
    for kind in &kinds() {
        let folder = tempfile::tempdir().unwrap();
        let mut highest = 0;
        for round in 0..N_KILLS {
            let mut child = child("child_that_writes_until_it_is_killed", kind, folder.path());
            let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
            assert!(lines.any(|line| line.unwrap().contains("wrote")));
            // The instant is any within a few writes; the numbers spread over the interval.
            std::thread::sleep(Duration::from_micros(round * 0x9E37 % 15_000));
            child.kill().unwrap();
            child.wait().unwrap();

            let store = kind.open(folder.path());
            let listed = check_whole(store.as_ref());
            let last = *listed.last().unwrap();
            assert!(last > highest, "the number {last} after {highest}");
            highest = last;
            let active = store.read(None).unwrap().metadata.version().unwrap().number();
            let newest = &listed[listed.len().saturating_sub(2)..];
            assert!(newest.contains(&active), "active is {active} of {listed:?}");
            assert_eq!(store.list_properties().unwrap()["active-model"], active.to_string());
        }
        let store = kind.open(folder.path());
        assert!(store.write(&attached()).unwrap().number() > highest);
        let left = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name());
        let parts: Vec<_> = left.filter(|name| name.to_string_lossy().contains(".part-")).collect();
        assert_eq!(parts, [""; 0]);
    }
}

/// Not a test by itself: one of the processes of `processes_that_write_at_once_lose_nothing`.
#[test]
fn child_that_writes_a_few_models() {
    let Some(store) = store_of_parent() else { return };
    for _ in 0..N_WRITES {
        let version = store.write(&attached()).unwrap();
        store.activate(version).unwrap();
        println!("wrote {version}.");
    }
}

#[test]
fn processes_that_write_at_once_lose_nothing() {
    for kind in &kinds() {
        let folder = tempfile::tempdir().unwrap();
        let writer = |_| child("child_that_writes_a_few_models", kind, folder.path());
        let writers: Vec<Child> = (0..N_WRITERS).map(writer).collect();
        let mut told = Vec::new();
        for writer in writers {
            let output = writer.wait_with_output().unwrap();
            let text = String::from_utf8(output.stdout).unwrap();
            assert!(output.status.success(), "{}: {text}", kind.title);
            let numbers = text.split("wrote ").skip(1).map(|rest| rest.split('.').next().unwrap().to_owned());
            told.extend(numbers.map(|number| number.parse::<u64>().unwrap()));
        }
        told.sort_unstable();
        let expected: Vec<u64> = (1..=N_WRITERS * N_WRITES).collect();
        assert_eq!(told, expected, "{}", kind.title);
        let store = kind.open(folder.path());
        assert_eq!(check_whole(store.as_ref()), expected, "{}", kind.title);
        assert_eq!(store.history().unwrap().len(), expected.len());
        store.read(None).unwrap();
    }
}

#[test]
fn a_store_works_on_the_blocking_threads_of_another_runtime_and_is_dropped_there() {
    let folder = tempfile::tempdir().unwrap();
    let store = kind("SQLite").open(folder.path());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
    runtime.block_on(async move {
        let in_thread = Arc::clone(&store);
        let written = tokio::task::spawn_blocking(move || {
            let version = in_thread.write(&constant(4.0, 1)).unwrap();
            in_thread.activate(version).unwrap();
            answer(&in_thread.read(None).unwrap())
        });
        assert_eq!(written.await.unwrap(), 4.0);
        drop(store);
    });
}
