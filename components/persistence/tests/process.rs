//! What concerns whole processes and other runtimes: being killed, being used and dropped inside another runtime.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[cfg(test)]
mod kinds;
#[cfg(test)]
mod servers;
#[cfg(test)]
#[path = "../src/testing.rs"]
mod testing;

use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
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

/// Returns the kinds that several processes can use at once.
fn shared() -> Vec<Kind> {
    kinds().into_iter().filter(|kind| kind.is_shared).collect()
}

/// Returns the store that a parent process names, nothing in a process without such a parent.
fn store_of_parent() -> Option<Arc<dyn Persister>> {
    parent_wish().map(|(kind, folder)| kind.open(&folder))
}

/// Returns the kind and the folder that a parent process names.
fn parent_wish() -> Option<(Kind, PathBuf)> {
    Some((kind(&std::env::var(KIND).ok()?), PathBuf::from(std::env::var_os(FOLDER)?)))
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
    let Some((kind, folder)) = parent_wish() else { return };
    let store = kind.open_to_be_killed(&folder);
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
    for kind in &shared() {
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
    for kind in &shared() {
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

/// Runs a test as a process of its own, after a script of the shell that changes what its folder lies on; nothing where
/// that is not possible.
fn prepared_child(script: &str, test: &str, kind: &str, folder: &Path) -> Option<String> {
    let output = Command::new("unshare")
        .args(["-rm", "sh", "-c", &format!("({script}) || exit 77; exec \"$0\" --exact \"$1\" --nocapture")])
        .arg(std::env::current_exe().unwrap())
        .arg(test)
        .env(KIND, kind)
        .env(FOLDER, folder)
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
    // Only who may make name spaces comes as far as the test.
    (output.status.success() || text.contains("running 1 test")).then_some(text)
}

fn listed_files(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Not a test by itself: the process of `a_full_disk_is_told_and_nothing_half_written_is_left`.
#[test]
fn child_that_fills_a_small_disk() {
    let Some(store) = store_of_parent() else { return };
    let folder = PathBuf::from(std::env::var_os(FOLDER).unwrap());
    let first = store.write(&attached()).unwrap();
    store.activate(first).unwrap();
    let before = listed_files(&folder);

    let is_full = |error: PersistError| {
        let text = error.to_string();
        assert!(text.starts_with("there is no room for `") && text.contains("/model-"), "{text}");
        assert!(text.ends_with("; nothing was changed"), "{text}");
    };
    let large = vec![7; 2 << 20];
    is_full(store.write(&constant(1.0, 400_000)).unwrap_err());
    is_full(store.attach(first, "large.bin", &large.as_slice()).unwrap_err());
    let mut model = attached();
    model.metadata.annotate("attachments/a.txt", "aGV5");
    model.metadata.annotate("attachments/z.bin", "AAAA".repeat(1 << 20));
    is_full(store.write(&model).unwrap_err());
    assert_eq!(listed_files(&folder), before);

    // Not even the list of models has room.
    if rustix::fs::statvfs(&folder).unwrap().f_blocks * 4096 <= 1 << 20 {
        let filler = folder.join("filler");
        std::fs::write(&filler, &large).unwrap_err();
        is_full(store.write(&attached()).unwrap_err());
        is_full(store.activate(first).unwrap_err());
        is_full(store.attach(first, "small.txt", &b"hey".as_slice()).unwrap_err());
        assert_eq!(check_whole(store.as_ref()), [first.number()]);
        std::fs::remove_file(filler).unwrap();
    }
    store.attach(first, "small.txt", &b"hey".as_slice()).unwrap();
    let second = store.write(&attached()).unwrap();
    assert_eq!(check_whole(store.as_ref()), [first.number(), second.number()]);
    assert_eq!(store.read(None).unwrap().metadata.version(), Some(first));
    println!("has room again");
}

#[test]
fn a_full_disk_is_told_and_nothing_half_written_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let test = "child_that_fills_a_small_disk";
    let mount = format!("mount -t tmpfs -o size=1m tmpfs '{}'", folder.path().display());
    let text = prepared_child(&mount, test, "files", folder.path()).unwrap_or_else(|| {
        let limited = "trap '' XFSZ; ulimit -f 1024; exec \"$0\" --exact \"$1\" --nocapture";
        let exe = std::env::current_exe().unwrap();
        let mut shell = Command::new("sh");
        shell.args(["-c", limited]).arg(exe).arg(test).env(KIND, "files").env(FOLDER, folder.path());
        String::from_utf8(shell.output().unwrap().stdout).unwrap()
    });
    assert!(text.contains("has room again"), "{text}");
}

/// Not a test by itself: the process of `a_database_on_a_full_disk_says_so_and_stays_usable`.
#[test]
fn child_that_fills_the_disk_of_a_database() {
    let Some(store) = store_of_parent() else { return };
    let first = store.write(&attached()).unwrap();
    store.activate(first).unwrap();
    let large = vec![7; 2 << 20];
    for error in [
        store.write(&constant(1.0, 400_000)).unwrap_err(),
        store.attach(first, "large.bin", &large.as_slice()).unwrap_err(),
    ] {
        let text = error.to_string();
        assert!(text.starts_with("there is no room for the database `"), "{text}");
        assert!(text.ends_with("; nothing was changed"), "{text}");
    }
    assert_eq!(check_whole(store.as_ref()), [first.number()]);
    let second = store.write(&attached()).unwrap();
    assert_eq!(check_whole(store.as_ref()), [first.number(), second.number()]);
    println!("has room again");
}

#[test]
fn a_database_on_a_full_disk_says_so_and_stays_usable() {
    let folder = tempfile::tempdir().unwrap();
    let mount = format!("mount -t tmpfs -o size=1m tmpfs '{}'", folder.path().display());
    let test = "child_that_fills_the_disk_of_a_database";
    match prepared_child(&mount, test, "SQLite", folder.path()) {
        Some(text) => assert!(text.contains("has room again"), "{text}"),
        None => println!("left out: no small disk can be made here"),
    }
}

/// Returns why each of the operations fails that change a store.
fn errors_of_changes(store: &dyn Persister) -> Vec<PersistError> {
    let version = Version::FIRST;
    let errors = [
        store.write(&attached()).err(),
        store.activate(version).err(),
        store.delete(version).err(),
        store.attach(version, "a.txt", &b"hey".as_slice()).err(),
        store.detach(version, "notes.txt").err(),
        store.upgrade(None, None, &Origin::default()).err(),
    ];
    let failed: Vec<PersistError> = errors.into_iter().flatten().collect();
    assert_eq!(failed.len(), 6, "an operation does not fail: {failed:?}");
    failed
}

/// Not a test by itself: the process of `a_database_that_is_read_only_can_be_read`.
#[test]
fn child_that_may_not_write_a_database() {
    let Some(store) = store_of_parent() else { return };
    assert_eq!(check_whole(store.as_ref()), [1]);
    for error in errors_of_changes(store.as_ref()) {
        assert!(error.to_string().ends_with("` is read-only"), "{error}");
        assert_eq!(error.help().unwrap(), "give this user the right to write the database");
    }
    assert_eq!(check_whole(store.as_ref()), [1]);
    println!("could read only");
}

#[test]
fn a_database_that_is_read_only_can_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let store = kind("SQLite").open(folder.path());
    store.write(&attached()).unwrap();
    store.activate(Version::FIRST).unwrap();
    let place = folder.path().display();
    let mount = format!("mount --bind '{place}' '{place}' && mount -o remount,bind,ro '{place}'");
    match prepared_child(&mount, "child_that_may_not_write_a_database", "SQLite", folder.path()) {
        Some(text) => assert!(text.contains("could read only"), "{text}"),
        None => println!("left out: no folder can be made read-only here"),
    }
}

/// Not a test by itself: the process of `a_read_only_folder_can_be_read`.
#[test]
fn child_that_may_not_write() {
    let Some(store) = store_of_parent() else { return };
    assert_eq!(check_whole(store.as_ref()), [1]);
    assert_eq!(answer(&store.read(None).unwrap()), 1.0);
    store.probe().unwrap();
    for error in errors_of_changes(store.as_ref()) {
        assert!(error.to_string().ends_with("` may not be read or written by this user"), "{error}");
        assert!(error.help().unwrap().starts_with("give this user the right to read and write"));
    }
    assert_eq!(check_whole(store.as_ref()), [1]);
    println!("could read only");
}

#[test]
fn a_read_only_folder_can_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let store = kind("files").open(folder.path());
    store.write(&attached()).unwrap();
    store.activate(Version::FIRST).unwrap();
    let test = "child_that_may_not_write";
    let place = folder.path().display();
    let mount = format!("mount --bind '{place}' '{place}' && mount -o remount,bind,ro '{place}'");
    let text = prepared_child(&mount, test, "files", folder.path()).unwrap_or_else(|| {
        // Whoever may not make name spaces is no superuser, who could write all the same.
        let mode = |mode| std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(mode)).unwrap();
        mode(0o500);
        std::fs::set_permissions(
            folder.path().join(".model-metadata.json.lock"),
            std::fs::Permissions::from_mode(0o400),
        )
        .unwrap();
        let output = child(test, &kind("files"), folder.path()).wait_with_output().unwrap();
        mode(0o700);
        String::from_utf8(output.stdout).unwrap()
    });
    assert!(text.contains("could read only"), "{text}");
}

#[test]
fn a_store_works_on_the_blocking_threads_of_another_runtime_and_is_dropped_there() {
    for kind in kinds() {
        let folder = tempfile::tempdir().unwrap();
        let store = kind.open(folder.path());
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
}
