//! Stores of older and newer layouts, and the way from one to the next.

use super::*;

fn release(text: &str) -> Release {
    text.parse().unwrap()
}

#[test]
fn an_upgrade_activates_the_newest_version() {
    let (folder, file) = folder();
    let store = database(folder.path());
    for _ in 0..2 {
        store.write(&constant(1.0, 1)).unwrap();
    }
    let upgrade = |from: Option<&str>, to: Option<&str>| {
        store.upgrade(from.map(release).as_ref(), to.map(release).as_ref(), &origin("upgrade"))
    };
    assert_eq!(upgrade(None, None).unwrap().steps, []);
    assert_eq!(store.list_properties().unwrap(), properties(&[]));

    sql(&file, "UPDATE properties SET value = '0.9.1' WHERE name = 'db-version'");
    let done = upgrade(Some("0.0"), Some("1.0")).unwrap();
    assert_eq!(done.steps, [(release("1.0"), "version 2 is the active one now".to_owned())]);
    let expected = [("active-model", "2"), ("db-version", "1.0")].map(|(name, value)| (name.into(), value.into()));
    assert_eq!(store.list_properties().unwrap(), BTreeMap::from(expected));
    store.activate(version(1)).unwrap();
    let again = upgrade(Some("0.0"), None).unwrap();
    let expected = [
        (release("1.0"), "version 1 stays the active one".to_owned()),
        (release("1.1"), "the table of attachments is there already".to_owned()),
    ];
    assert_eq!(again.steps, expected);
    assert_eq!(log(&store), ["0 2 ada upgrade", "2 1 unknown unknown"]);

    // Models without any property, and stores of the first builds, begin before 1.0 by themselves.
    for before in ["DELETE FROM properties", "UPDATE properties SET value = '0.33' WHERE name = 'db-version'"] {
        sql(&file, &format!("{before}; DELETE FROM properties WHERE name = 'active-model'"));
        assert_eq!(upgrade(None, None).unwrap().steps.len(), 2, "{before}");
        assert_eq!(store.list_properties().unwrap(), properties(&[("active-model", "2")]));
    }
}

#[test]
fn an_upgrade_that_cannot_be_made_changes_nothing() {
    let (folder, file) = folder();
    let store = database(folder.path());
    store.write(&constant(1.0, 1)).unwrap();
    for (stored, to) in [("2.0", None), ("1.0", Some("0.9")), ("1.0", Some("3.0")), ("x", None)] {
        sql(&file, &format!("UPDATE properties SET value = '{stored}' WHERE name = 'db-version'"));
        assert!(store.upgrade(None, to.map(release).as_ref(), &origin("upgrade")).is_err(), "{stored} {to:?}");
        assert_eq!(store.list_properties().unwrap(), BTreeMap::from([(DB_VERSION.to_owned(), stored.to_owned())]));
    }
    let fresh = tempfile::tempdir().unwrap();
    let store = database(fresh.path());
    store.upgrade(None, None, &origin("upgrade")).unwrap();
    assert_eq!(store.list_properties().unwrap(), properties(&[]));
    assert!(fresh.path().join("models.db").exists());
}

#[test]
fn a_failed_upgrade_leaves_the_store_as_it_was() {
    let (folder, file) = folder();
    let store = database(folder.path());
    store.write(&constant(1.0, 1)).unwrap();
    sql(
        &file,
        "UPDATE properties SET value = '0.1.0' WHERE name = 'db-version'; CREATE TRIGGER full BEFORE INSERT ON \
         model_activations BEGIN SELECT raise(ABORT, 'no'); END",
    );
    assert!(store.upgrade(None, None, &origin("upgrade")).is_err());
    assert_eq!(store.list_properties().unwrap(), BTreeMap::from([(DB_VERSION.to_owned(), "0.1.0".to_owned())]));
    sql(&file, "DROP TRIGGER full");
    assert_eq!(store.upgrade(None, None, &origin("upgrade")).unwrap().steps.len(), 2);
    assert_eq!(store.list_properties().unwrap(), properties(&[("active-model", "1")]));
}

#[test]
fn stores_of_layout_1_0_are_used_and_upgraded() {
    let (folder, file) = folder();
    let store = database(folder.path());
    store.write(&constant(1.0, 1)).unwrap();
    store.activate(version(1)).unwrap();
    sql(&file, "DROP TABLE model_attachments; UPDATE properties SET value = '1.0' WHERE name = 'db-version'");
    let mut attached = constant(2.0, 1);
    attached.metadata.annotate("attachments/a.txt", "aGV5");
    for error in [store.write(&attached).err(), store.attach(version(1), "a.txt", &&b"hey"[..]).err()] {
        let told = told(&error.unwrap());
        assert!(
            told.ends_with("models have no attachments (`palladium upgrade` brings the store to the current layout)")
        );
    }
    assert_eq!(store.write(&constant(2.0, 1)).unwrap(), version(2));
    assert_eq!(store.attachments(version(1)).unwrap(), []);
    assert!(
        told(&store.detach(version(1), "a.txt").unwrap_err()).starts_with("No such attachment of version 1: a.txt")
    );
    store.delete(version(2)).unwrap();
    assert_eq!(answer(&store.read(None).unwrap()), 1.0);

    let done = store.upgrade(None, None, &origin("upgrade")).unwrap();
    let expected = "attachments lie in the table `model_attachments` now".to_owned();
    assert_eq!(done.steps, [(release("1.1"), expected)]);
    store.attach(version(1), "a.txt", &&b"hey"[..]).unwrap();
    assert_eq!(store.read(None).unwrap().metadata.get("attachments/a.txt").unwrap(), "aGV5");
    assert_eq!(store.list_properties().unwrap(), properties(&[("active-model", "1")]));
}

#[test]
fn stores_of_newer_layouts_are_left_alone() {
    let (folder, file) = folder();
    let store = database(folder.path());
    store.write(&constant(1.0, 1)).unwrap();
    store.activate(version(1)).unwrap();
    sql(&file, "UPDATE properties SET value = '7.0' WHERE name = 'db-version'");
    let errors = [
        store.read(None).err(),
        store.write(&constant(1.0, 1)).err(),
        store.activate(version(1)).err(),
        store.delete_as(version(1), true, &origin("delete")).err(),
        store.list_models().err(),
        store.upgrade(None, None, &origin("upgrade")).err(),
    ];
    for error in errors {
        let told = told(&error.unwrap());
        assert!(told.contains("models.db` has the layout 7.0, this binary knows layouts up to 1.1"), "{told}");
    }
    assert_eq!(store.list_properties().unwrap()["db-version"], "7.0");
}

#[test]
fn stores_of_text_and_of_bytes_are_told_apart() {
    let (folder, file) = folder();
    let arguments = [("url", Data::Text(format!("sqlite:///{}", file.display())))];
    let text = persister("palladium.persistence.DatabaseCLOB", &arguments).unwrap();
    initialize(text.as_ref(), Mode::Fit).unwrap();
    text.write(&constant(3.0, 1)).unwrap();
    text.activate(version(1)).unwrap();
    assert_eq!(answer(&text.read(None).unwrap()), 3.0);
    all_fail(&database(folder.path()), "keeps its models as text (use `palladium.persistence.DatabaseCLOB` for it");
    sql(&file, "UPDATE model_chunks SET blob = 'ü'");
    assert!(told(&text.read(None).err().unwrap()).contains("row 0 of version 1 is not text in base64"));

    let other = tempfile::tempdir().unwrap();
    database(other.path()).write(&constant(1.0, 1)).unwrap();
    let arguments = [("url", Data::Text(format!("sqlite:///{}/models.db", other.path().display())))];
    let text = persister("palladium.persistence.DatabaseCLOB", &arguments).unwrap();
    assert!(told(&text.list_models().unwrap_err()).contains("keeps its models as bytes"));
}

/// Stores as each layout was made: a version with a log of activations, and from 1.1 on with an attachment.
const GOLDEN: &[(&str, &str)] = &[
    ("1.0", include_str!("../../../tests/golden/database-1.0.sql")),
    ("1.1", include_str!("../../../tests/golden/database-1.1.sql")),
];

#[test]
fn golden_stores_of_all_layouts_are_read_and_upgraded() {
    assert_eq!(GOLDEN.last().unwrap().0, LAYOUT);
    for (layout, statements) in GOLDEN {
        let (folder, file) = folder();
        sql(&file, statements);
        let store = database(folder.path());
        assert_eq!(store.list_properties().unwrap()["db-version"], *layout);
        let read = store.read(None).unwrap();
        assert_eq!((answer(&read), read.metadata.version()), (2.5, Some(version(2))));
        store.verify(version(2)).unwrap();
        assert_eq!(log(&store), ["0 1 ada fit", "1 2 ada admin activate 2"]);
        let expected: &[Attachment] = match *layout {
            "1.0" => &[],
            _ => &[Attachment { name: "notes.txt".to_owned(), size: 3 }],
        };
        assert_eq!(store.attachments(version(2)).unwrap(), expected);
        store.upgrade(None, None, &origin("upgrade")).unwrap();
        assert_eq!(store.list_properties().unwrap(), properties(&[("active-model", "2")]));
        store.attach(version(2), "more.txt", &b"x".as_slice()).unwrap();
        assert_eq!(store.write(&constant(1.0, 1)).unwrap(), version(3));
    }
}
