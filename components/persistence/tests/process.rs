//! What concerns whole processes and other runtimes: being killed, being used and dropped inside another runtime.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[cfg(test)]
#[path = "../src/testing.rs"]
mod testing;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use palladium_component::prelude::*;
use palladium_persistence as _;
use testing::{answer, constant, initialize, persister};

/// Tells the child which file to write.
const FILE: &str = "PALLADIUM_TEST_STORE";
const N_KILLS: u64 = 20;

fn database(file: &Path) -> Arc<dyn Persister> {
    let url = Data::Text(format!("sqlite:///{}", file.display()));
    let store = persister("palladium.persistence.Database", &[("url", url), ("chunk_size", Data::Int(1000))]).unwrap();
    initialize(store.as_ref(), Mode::Fit).unwrap();
    store
}

/// Not a test by itself: the process that `a_killed_process_leaves_a_whole_store` kills.
#[test]
fn child_that_writes_until_it_is_killed() {
    let Some(file) = std::env::var_os(FILE) else { return };
    let store = database(Path::new(&file));
    loop {
        let version = store.write(&constant(1.0, 2000)).unwrap();
        store.activate(version).unwrap();
        if version.number() > 3 {
            store.delete(Version::new(version.number() - 3).unwrap()).ok();
        }
        println!("wrote {version}");
    }
}

#[test]
fn a_killed_process_leaves_a_whole_store() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("models.db");
    let mut highest = 0;
    for round in 0..N_KILLS {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child_that_writes_until_it_is_killed", "--nocapture"])
            .env(FILE, &file)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert!(lines.any(|line| line.unwrap().contains("wrote")));
        // The instant is any within a few writes; the numbers spread over the interval.
        std::thread::sleep(Duration::from_micros(round * 0x9E37 % 15_000));
        child.kill().unwrap();
        child.wait().unwrap();

        let store = database(&file);
        let listed = store.list_models().unwrap();
        let last = listed.last().unwrap().version().unwrap().number();
        assert!(last > highest, "the number {last} after {highest}");
        highest = last;
        for metadata in listed {
            assert_eq!(answer(&store.read(metadata.version()).unwrap()), 1.0);
        }
        let active = store.read(None).unwrap().metadata.version().unwrap().number();
        assert!((last - 1..=last).contains(&active), "active is {active} of {last}");
        assert_eq!(store.list_properties().unwrap()["active-model"], active.to_string());
    }
}

#[test]
fn a_store_works_on_the_blocking_threads_of_another_runtime_and_is_dropped_there() {
    let folder = tempfile::tempdir().unwrap();
    let store = database(&folder.path().join("models.db"));
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
