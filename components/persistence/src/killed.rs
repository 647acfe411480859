//! What becomes of a store whose process is killed between any two steps of a change. The process that is killed is this
//! test binary again, told by its environment what to do.

use std::path::Path;
use std::process::Command;

use palladium_component::prelude::*;

use crate::fail_point;
use crate::kinds::{Kind, kind, kinds};
use crate::testing::{answer, constant};

const KIND: &str = "PALLADIUM_TEST_KIND";
const FOLDER: &str = "PALLADIUM_TEST_STORE";
const CHANGE: &str = "PALLADIUM_TEST_CHANGE";
const STEP: &str = "PALLADIUM_TEST_STEP";

/// More steps than any change has.
const MOST_STEPS: i64 = 200;

/// What a store looks like: its versions with their attachments, and which one is active.
#[derive(Clone, Debug, PartialEq)]
struct State {
    versions: Vec<(u64, Vec<String>)>,
    active: Option<u64>,
    n_activations: usize,
}

/// A change of a store.
struct Change {
    name: &'static str,
    /// Prepares the store, if need be.
    before: fn(&dyn Persister),
    /// Makes the change.
    make: fn(&dyn Persister) -> Result<(), PersistError>,
    /// Makes the change in a description of the store. The version that is written has the number that was found.
    describe: fn(&mut State, Option<u64>),
}

const CHANGES: &[Change] = &[
    Change {
        name: "write",
        before: |_| {},
        make: |store| store.write(&attached(2.0)).map(drop),
        describe: |state, written| {
            let attachments = vec!["a.txt".to_owned(), "b.txt".to_owned()];
            state.versions.extend(written.map(|written| (written, attachments)));
        },
    },
    Change {
        name: "activate",
        before: |store| {
            write_two(store);
            store.activate(newest(store, 1)).unwrap();
        },
        make: |store| store.activate(newest(store, 0)),
        describe: |state, _| {
            state.active = state.versions.last().map(|(version, _)| *version);
            state.n_activations += 1;
        },
    },
    Change {
        name: "delete",
        before: write_two,
        make: |store| store.delete_as(newest(store, 1), false, &Origin::default()),
        describe: |state, _| drop(state.versions.remove(state.versions.len() - 2)),
    },
    Change {
        name: "delete the active one",
        before: |store| {
            write_two(store);
            store.activate(newest(store, 0)).unwrap();
        },
        make: |store| store.delete_as(newest(store, 0), true, &Origin::default()),
        describe: |state, _| {
            state.versions.pop();
            state.active = None;
            state.n_activations += 1;
        },
    },
    Change {
        name: "attach",
        before: write_two,
        make: |store| store.attach(newest(store, 0), "c.txt", &&b"more"[..]),
        describe: |state, _| state.versions.last_mut().unwrap().1.push("c.txt".to_owned()),
    },
    Change {
        name: "detach",
        before: write_two,
        make: |store| store.detach(newest(store, 0), "a.txt"),
        describe: |state, _| drop(state.versions.last_mut().unwrap().1.remove(0)),
    },
    Change {
        name: "upgrade",
        before: |store| {
            write_two(store);
            if store.list_properties().unwrap().contains_key("active-model") {
                let active = store.read(None).unwrap().metadata.version().unwrap();
                store.delete_as(active, true, &Origin::default()).unwrap();
            }
        },
        make: |store| store.upgrade(Some(&"0.0".parse().unwrap()), None, &Origin::default()).map(drop),
        describe: |state, _| {
            state.active = state.versions.last().map(|(version, _)| *version);
            state.n_activations += 1;
        },
    },
];

/// Returns a model with two attachments.
fn attached(number: f64) -> TrainedModel {
    let mut model = constant(number, 100);
    model.metadata.annotate("attachments/a.txt", "aGV5");
    model.metadata.annotate("attachments/b.txt", "aG8=");
    model
}

fn write_two(store: &dyn Persister) {
    for _ in 0..2 {
        store.write(&attached(2.0)).unwrap();
    }
}

/// Returns the newest version but so many.
fn newest(store: &dyn Persister, back: usize) -> Version {
    let models = store.list_models().unwrap();
    models[models.len() - 1 - back].version().unwrap()
}

/// Returns what a store looks like, and checks that all that is in it is whole.
fn state(store: &dyn Persister) -> State {
    let mut versions = Vec::new();
    for listed in store.list_models().unwrap() {
        let version = listed.version().unwrap();
        let model = store.read(Some(version)).unwrap();
        assert_eq!(answer(&model), 2.0);
        let attachments = store.attachments(version).unwrap();
        for Attachment { name, size } in &attachments {
            let mut content = Vec::new();
            store.read_attachment(version, name, &mut content).unwrap();
            assert_eq!(content.len() as u64, *size);
            assert!(model.metadata.get(&format!("attachments/{name}")).is_some());
        }
        versions.push((version.number(), attachments.into_iter().map(|attachment| attachment.name).collect()));
    }
    let active = store.list_properties().unwrap().get("active-model").map(|active| active.parse().unwrap());
    if active.is_some() {
        store.read(None).unwrap();
    }
    State { versions, active, n_activations: store.history().unwrap().len() }
}

/// Not a test by itself: the process that is killed.
#[test]
fn child_that_is_killed() {
    let variable = |name: &str| std::env::var(name).ok();
    let (Some(title), Some(name)) = (variable(KIND), variable(CHANGE)) else { return };
    let store = kind(&title).open_to_be_killed(Path::new(&variable(FOLDER).unwrap()));
    let change = CHANGES.iter().find(|change| change.name == name).unwrap();
    fail_point::kill_at(variable(STEP).unwrap().parse().unwrap());
    (change.make)(store.as_ref()).unwrap();
}

/// Lets a process make a change that is killed at a step, and tells whether it came to the end.
fn makes(change: &Change, kind: &Kind, folder: &Path, step: i64) -> bool {
    let status = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "killed::child_that_is_killed", "--nocapture"])
        .env(KIND, kind.title)
        .env(FOLDER, folder)
        .env(CHANGE, change.name)
        .env(STEP, step.to_string())
        .output()
        .unwrap()
        .status;
    assert!(status.success() || status.code().is_none(), "{status}");
    status.success()
}

/// Makes a change again and again, killed at one step later each time, until it comes to its end.
fn check(change: &Change, kind: &Kind) {
    let folder = tempfile::tempdir().unwrap();
    let store = kind.open(folder.path());
    let (mut n_old, mut n_new) = (0, 0);
    for step in 0..MOST_STEPS {
        (change.before)(store.as_ref());
        let old = state(store.as_ref());
        let is_done = makes(change, kind, folder.path(), step);
        let found = state(kind.open(folder.path()).as_ref());
        let written = found.versions.last().map(|(version, _)| *version).filter(|_| change.name == "write");
        let mut new = old.clone();
        (change.describe)(&mut new, written);
        let place = format!("{}, {}, step {step}: {found:?}", kind.title, change.name);
        assert!(found == new || found == old && !is_done, "{place} after {old:?}");
        *(if found == old { &mut n_old } else { &mut n_new }) += 1;
        if is_done {
            // A change is killed before it takes effect, and what is done stays done.
            assert!(n_old > 0 && n_new > 0, "{place}: {n_old} old, {n_new} new");
            return;
        }
        if found == old {
            (change.make)(store.as_ref()).unwrap_or_else(|error| panic!("{place}: again: {error}"));
        }
    }
    panic!("{} {} does not end", kind.title, change.name);
}

/// Runs a test on all kinds at once: they wait for their disks and servers most of the time.
fn on_all_kinds(test: impl Fn(&Kind) + Sync) {
    // How bytes are coded makes no difference to the steps.
    let is_other = |kind: &Kind| kind.is_shared && !kind.title.ends_with("as text");
    let kinds: Vec<Kind> = kinds().into_iter().filter(is_other).collect();
    std::thread::scope(|scope| kinds.iter().for_each(|kind| drop(scope.spawn(|| test(kind)))));
}

#[test]
fn every_step_leaves_the_old_or_the_new_state() {
    on_all_kinds(|kind| CHANGES.iter().for_each(|change| check(change, kind)));
}

#[test]
fn a_store_whose_creation_is_killed_can_be_made_again() {
    on_all_kinds(|kind| {
        for step in 0..MOST_STEPS {
            let folder = tempfile::tempdir().unwrap();
            let is_done = makes(&CHANGES[0], kind, folder.path(), step);
            let store = kind.open(folder.path());
            let found = state(store.as_ref());
            assert!(found.versions.len() <= 1 && (found.versions.len() == 1 || !is_done), "{}: {found:?}", kind.title);
            let again = store.write(&attached(2.0)).unwrap();
            store.activate(again).unwrap();
            assert_eq!(answer(&store.read(None).unwrap()), 2.0);
            assert_eq!(store.list_properties().unwrap()["db-version"], kind.layout, "{}", kind.title);
            if is_done {
                return;
            }
        }
        panic!("{} does not end", kind.title);
    });
}
