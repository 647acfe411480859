mod layouts;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::ConnectOptions;
use tempfile::TempDir;

use super::connection::Intent;
use super::error::Place;
use super::*;
use crate::properties::DB_VERSION;
use crate::testing::{answer, constant, initialize, persister};

/// Returns a store in a folder, initialized.
fn database(folder: &Path) -> Database {
    let database = Database {
        url: format!("sqlite:///{}", folder.join("models.db").display()),
        chunk_size: 4,
        table_postfix: String::new(),
        lock_timeout: 10.0,
        timeout: None,
        pool_size: None,
        pool_recycle: None,
        formats: OnceLock::new(),
        session: Session::default(),
    };
    initialize(&database, Mode::Fit).unwrap();
    database
}

fn folder() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("models.db");
    (folder, file)
}

/// Executes statements as another program would.
fn sql(file: &Path, statements: &str) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let options = sqlx::sqlite::SqliteConnectOptions::new().filename(file).create_if_missing(true);
        let mut connection = options.foreign_keys(false).connect().await.unwrap();
        sqlx::raw_sql(sqlx::AssertSqlSafe(statements)).execute(&mut connection).await.unwrap();
        sqlx::Connection::close(connection).await.unwrap();
    });
}

fn version(number: u64) -> Version {
    Version::new(number).unwrap()
}

fn versions(store: &dyn Persister) -> Vec<u64> {
    store.list_models().unwrap().iter().map(|metadata| metadata.version().unwrap().number()).collect()
}

fn properties(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    let current = (DB_VERSION.to_owned(), LAYOUT.to_owned());
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).chain([current]).collect()
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

/// Checks that all operations that look at the store fail with such a text.
fn all_fail(store: &Database, expected: &str) {
    let errors = [
        store.read(None).err(),
        store.write(&constant(1.0, 1)).err(),
        store.activate(version(1)).err(),
        store.delete(version(1)).err(),
        store.list_models().err(),
        store.list_properties().err(),
    ];
    for (index, error) in errors.iter().enumerate() {
        let told = told(error.as_ref().unwrap_or_else(|| panic!("operation {index} does not fail")));
        assert!(told.contains(expected), "operation {index}: {told}");
        assert!(told.contains("models.db"), "operation {index}: {told}");
    }
}

#[test]
fn versions_are_never_given_twice() {
    let (folder, file) = folder();
    let store = database(folder.path());
    for number in 1..=3 {
        assert_eq!(store.write(&constant(1.0, 1)).unwrap(), version(number));
        store.delete(version(number)).unwrap();
    }
    // Nor does a store give the number of an active model that was restored without its models.
    sql(&file, "DELETE FROM properties; INSERT INTO properties (name, value) VALUES ('active-model', '8')");
    assert_eq!(store.write(&constant(1.0, 1)).unwrap(), version(9));
    sql(&file, "UPDATE properties SET value = '9223372036854775807' WHERE name = 'active-model'");
    assert!(store.write(&constant(1.0, 1)).unwrap_err().to_string().contains("has used up its version numbers"));
    assert_eq!(versions(&store), [9]);
}

#[test]
fn looking_at_a_store_does_not_make_it() {
    let (folder, file) = folder();
    let store = database(folder.path());
    let looks_empty = || {
        assert_eq!(versions(&store), [0; 0]);
        assert_eq!(store.list_properties().unwrap(), properties(&[]));
        assert_eq!(store.read(None).err().unwrap().to_string(), "No model available");
        assert_eq!(store.read(Some(version(3))).err().unwrap().to_string(), "No such version: 3");
        assert_eq!(store.activate(version(3)).unwrap_err().to_string(), "No such version: 3");
        assert_eq!(store.delete(version(3)).unwrap_err().to_string(), "No such version: 3");
    };
    looks_empty();
    assert!(!file.exists());
    std::fs::write(&file, "").unwrap();
    looks_empty();
    // By now SQLite has made it a database, which holds no tables.
    looks_empty();
}

#[test]
fn arguments_are_checked() {
    let text = |text: &str| Data::Text(text.into());
    let url = || ("url", text("sqlite:///models.db"));
    let cases = [
        (vec![], "needs `url`"),
        (vec![("url", text("postgresql://user:secret@host"))], "names a server but no database on it"),
        (vec![("url", text("models.db"))], "`url` has to begin with `sqlite://`, `postgresql://` or `mysql://`"),
        (vec![url(), ("table_postfix", text("a; drop"))], "`table_postfix` may hold the letters"),
        (vec![url(), ("chunk_size", Data::Int(0))], "`chunk_size` of `palladium.persistence.Database` has to be"),
        (vec![url(), ("table_postfix", text(&"x".repeat(41)))], "at most 40 of them"),
        (vec![url(), ("pool_size", Data::Int(3))], "`pool_size` is for servers, and SQLite is none"),
        (vec![url(), ("pool_recycle", Data::Int(3))], "`pool_recycle` is for servers, and SQLite is none"),
        (vec![url(), ("timeout", Data::Int(3))], "`timeout` is for servers, and SQLite is none"),
        (vec![url(), ("poolclass", Data::Null)], "has no parameter `poolclass`"),
        (vec![url(), ("session", Data::Null)], "has no parameter `session`"),
    ];
    for (arguments, expected) in cases {
        let found = persister("palladium.persistence.Database", &arguments).err().unwrap();
        assert!(found.contains(expected), "{found}");
        assert!(!found.contains("secret"), "{found}");
    }
}

#[test]
fn stores_with_different_postfixes_share_a_file() {
    let (folder, _) = folder();
    let plain = database(folder.path());
    let other = Database { table_postfix: "Other_1".into(), ..database(folder.path()) };
    initialize(&other, Mode::Fit).unwrap();
    plain.write(&constant(1.0, 1)).unwrap();
    assert_eq!(versions(&other), [0; 0]);
    other.write(&constant(2.0, 1)).unwrap();
    other.activate(version(1)).unwrap();
    assert_eq!(answer(&other.read(None).unwrap()), 2.0);
    assert_eq!(plain.list_properties().unwrap(), properties(&[]));
}

#[test]
fn a_store_in_memory_lasts_as_long_as_its_persister() {
    let store = Database { url: "sqlite://".into(), ..database(Path::new("/")) };
    initialize(&store, Mode::Fit).unwrap();
    assert_eq!(versions(&store), [0; 0]);
    store.write(&constant(1.0, 1)).unwrap();
    store.activate(version(1)).unwrap();
    assert!(store.activate(version(2)).is_err());
    assert_eq!(answer(&store.read(None).unwrap()), 1.0);
}

#[test]
fn changed_rows_are_noticed() {
    let cases = [
        ("UPDATE model_chunks SET blob = x'00000000' WHERE sequence = 20", "its checksum does not match"),
        ("DELETE FROM model_chunks WHERE sequence = 20", "is incomplete"),
        ("DELETE FROM model_chunks", "is incomplete"),
        ("INSERT INTO model_chunks SELECT 1, max(sequence) + 1, x'00' FROM model_chunks", "is followed by bytes"),
        ("UPDATE models SET artifact_size = 3", "its checksum does not match"),
        ("UPDATE models SET sha256 = 'x'", "its checksum does not match"),
        ("UPDATE models SET version = 2; UPDATE model_chunks SET model_version = 2", "says that it is version 1"),
        ("UPDATE model_chunks SET blob = x'00000000' WHERE sequence = 0", "no model that palladium stored"),
    ];
    for (change, expected) in cases {
        let (folder, file) = folder();
        let store = database(folder.path());
        store.write(&constant(1.0, 5)).unwrap();
        sql(&file, change);
        let read = store.read(store.list_models().unwrap()[0].version());
        let told = told(&read.err().unwrap());
        assert!(told.contains(expected) && told.contains("models.db"), "{change}: {told}");
    }
    let (folder, file) = folder();
    let store = database(folder.path());
    store.write(&constant(1.0, 5)).unwrap();
    sql(&file, "UPDATE models SET metadata = '['; INSERT INTO properties (name, value) VALUES ('active-model', 'x')");
    assert!(store.list_models().unwrap_err().to_string().contains("the metadata of version 1"));
    assert!(store.read(None).err().unwrap().to_string().contains("the property `active-model` is wrong"));
}

type Make<'a> = &'a dyn Fn(&Path);

#[test]
fn other_files_are_told_apart() {
    let no_database = |file: &Path| std::fs::write(file, "sepal length,sepal width\n".repeat(100)).unwrap();
    let python = "CREATE TABLE properties (id INTEGER PRIMARY KEY, name TEXT, value TEXT NOT NULL); \
                  CREATE TABLE models (version INTEGER PRIMARY KEY, metadata TEXT NOT NULL); \
                  CREATE TABLE model_chunks (id INTEGER PRIMARY KEY, model_version INTEGER, blob BLOB NOT NULL)";
    let cases: [(Make<'_>, &str); 5] = [
        (&no_database, "is not a database of SQLite"),
        (&|file| std::fs::create_dir(file).unwrap(), "cannot be opened, as it is a folder"),
        (&|file| sql(file, "CREATE TABLE Models (name TEXT)"), "`models` has the columns `name`, a store's has"),
        (
            &|file| sql(file, "CREATE TABLE properties (id, name, value)"),
            "a store has a table `models` beside the ones",
        ),
        (&|file| sql(file, python), "Palladium for Python, whose pickled models cannot be read (set `table_postfix`"),
    ];
    for (make, expected) in cases {
        let (folder, file) = folder();
        make(&file);
        all_fail(&database(folder.path()), expected);
    }

    let (folder, file) = folder();
    let store = database(folder.path());
    store.write(&constant(1.0, 5000)).unwrap();
    let mut bytes = std::fs::read(&file).unwrap();
    bytes[4096..].fill(0xff);
    std::fs::write(&file, bytes).unwrap();
    all_fail(&store, "is damaged");
}

#[test]
fn a_damaged_database_takes_no_model_that_it_cannot_give_back() {
    let (folder, file) = folder();
    let store = database(folder.path());
    store.write(&constant(1.0, 1)).unwrap();
    let index = "WHERE name LIKE 'sqlite_autoindex_model_attachments%'";
    sql(&file, &format!("PRAGMA writable_schema = ON; UPDATE sqlite_master SET rootpage = 2 {index}"));
    let error = store.write(&constant(1.0, 1)).unwrap_err();
    assert!(told(&error).contains("is damaged"), "{}", told(&error));
    assert_eq!(store.versions().unwrap(), [version(1)]);
}

#[test]
fn a_store_is_there_once_a_model_was_stored() {
    let (folder, file) = folder();
    let store = database(folder.path());
    assert!(!store.exists().unwrap());
    sql(&file, "CREATE TABLE others (id INTEGER)");
    assert!(!store.exists().unwrap(), "a database is no store");
    store.write(&constant(1.0, 1)).unwrap();
    assert!(store.exists().unwrap());
}

#[test]
fn a_database_of_a_similar_name_is_found_where_there_is_none() {
    let (folder, file) = folder();
    let near = |name: &str| {
        let mut store = database(folder.path());
        store.url = format!("sqlite:///{}", folder.path().join(name).display());
        let place = store.store_place().unwrap();
        assert!(place.shown.ends_with(name), "{}", place.shown);
        place.near
    };
    let there = Some(file.display().to_string());
    assert_eq!(near("modles.db"), None);
    database(folder.path()).write(&constant(1.0, 1)).unwrap();
    for (name, expected) in [("modles.db", &there), ("Models.db", &there), ("models.db", &None), ("a.db", &None)] {
        assert_eq!(near(name), *expected, "{name}");
    }
    std::fs::write(folder.path().join("note.db"), "a text that is no database").unwrap();
    assert_eq!(near("notes.db"), None);
}

#[test]
fn other_tables_in_the_file_are_left_alone() {
    let (folder, file) = folder();
    sql(&file, "CREATE TABLE customers (name TEXT)");
    let store = database(folder.path());
    assert_eq!(versions(&store), [0; 0]);
    store.write(&constant(1.0, 1)).unwrap();
    assert_eq!(versions(&store), [1]);
    sql(&file, "INSERT INTO customers VALUES ('Ada')");
}

#[test]
fn a_missing_folder_is_told_when_a_model_is_written() {
    let (folder, _) = folder();
    let store = database(&folder.path().join("absent"));
    let error = store.write(&constant(1.0, 1)).unwrap_err();
    let told = told(&error);
    assert!(told.contains("models.db`, as there is no folder `") && told.contains("absent`"), "{told}");
    assert_eq!(error.help().unwrap(), "create the folder, or correct `url`");
    std::fs::create_dir(folder.path().join("absend")).unwrap();
    let help = store.write(&constant(1.0, 1)).unwrap_err().help().unwrap();
    assert!(help.starts_with("did you mean `") && help.ends_with("absend`? If not, create the folder"), "{help}");
}

#[test]
fn a_lock_is_waited_for_and_then_told() {
    let (folder, _) = folder();
    let mut store = database(folder.path());
    store.write(&constant(1.0, 1)).unwrap();
    store.lock_timeout = 0.001;
    let other = database(folder.path());
    let other = other.store().unwrap();
    other
        .session
        .existing(&other.settings, Intent::Write, |_| {
            assert_eq!(versions(&store), [1]);
            let told = told(&store.write(&constant(1.0, 1)).unwrap_err());
            assert!(told.contains("models.db` was locked by another process for more than 0.001 seconds"), "{told}");
            Ok(())
        })
        .unwrap();
    assert_eq!(store.write(&constant(1.0, 1)).unwrap(), version(2));
}

#[test]
fn errors_of_sqlite_are_told_apart() {
    let (folder, file) = folder();
    database(folder.path()).write(&constant(1.0, 1)).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let error = runtime.block_on(async {
        let options = sqlx::sqlite::SqliteConnectOptions::new().filename(&file).read_only(true);
        let mut connection = options.connect().await.unwrap();
        sqlx::query("DELETE FROM models").execute(&mut connection).await.unwrap_err()
    });
    let patience = Patience { lock: Duration::from_secs(1), answer: Duration::from_secs(1) };
    let error = DatabaseError::of(Place { place: "models.db".into(), patience, is_connecting: false }, error);
    assert_eq!(error.to_string(), "the database `models.db` is read-only");
}

#[test]
fn a_failed_write_leaves_nothing() {
    let (folder, file) = folder();
    let store = database(folder.path());
    store.write(&constant(1.0, 1)).unwrap();
    sql(
        &file,
        "CREATE TRIGGER full BEFORE INSERT ON model_chunks WHEN new.sequence = 9 BEGIN SELECT raise(ABORT, 'no'); END",
    );
    let told = told(&store.write(&constant(1.0, 1)).unwrap_err());
    assert!(told.contains("models.db` refused a statement"), "{told}");
    sql(&file, "DROP TRIGGER full");
    assert_eq!(versions(&store), [1]);
    assert_eq!(store.write(&constant(1.0, 1)).unwrap(), version(2));
}

/// Returns the log of activations without times: from, to, who and by what.
fn log(store: &dyn Persister) -> Vec<String> {
    let number = |version: Option<Version>| version.map_or(0, Version::number);
    let entries = store.history().unwrap();
    assert!(entries.iter().all(|entry| entry.time.len() == 24 && entry.time.ends_with('Z')), "{entries:?}");
    assert!(entries.is_sorted_by_key(|entry| entry.time.clone()));
    let line = |entry: &Activation| {
        format!("{} {} {} {}", number(entry.from), number(entry.to), entry.principal, entry.command)
    };
    entries.iter().map(line).collect()
}

fn origin(command: &str) -> Origin {
    Origin { principal: "ada".into(), command: command.into() }
}

#[test]
fn activations_are_written_down() {
    let (folder, file) = folder();
    let store = database(folder.path());
    assert_eq!(log(&store), [""; 0]);
    assert!(!file.exists());
    for _ in 0..3 {
        store.write(&constant(1.0, 1)).unwrap();
    }
    store.activate_as(version(1), &origin("fit")).unwrap();
    store.activate(version(2)).unwrap();
    assert!(store.activate_as(version(7), &origin("a mistake")).is_err());
    let expected = ["0 1 ada fit", "1 2 unknown unknown"];
    assert_eq!(log(&store), expected);

    // A store of the first builds has no such table until it is written to.
    sql(&file, "DROP TABLE model_activations; UPDATE properties SET value = '0.1.0' WHERE name = 'db-version'");
    assert_eq!(log(&store), [""; 0]);
    assert_eq!(versions(&store), [1, 2, 3]);
    assert_eq!(answer(&store.read(None).unwrap()), 1.0);
    store.activate_as(version(3), &origin("later")).unwrap();
    assert_eq!(log(&store), ["2 3 ada later"]);

    sql(&file, "DROP TABLE model_activations; CREATE TABLE Model_Activations (name TEXT)");
    all_fail(&database(folder.path()), "`model_activations` has the columns `name`, a store's has `id`, `time`");
}

#[test]
fn the_active_version_is_deleted_by_force_only() {
    let (folder, _) = folder();
    let store = database(folder.path());
    assert_eq!(store.delete_as(version(1), true, &origin("x")).unwrap_err().to_string(), "No such version: 1");
    for _ in 0..2 {
        store.write(&constant(1.0, 1)).unwrap();
    }
    store.activate_as(version(2), &origin("fit")).unwrap();
    store.delete_as(version(1), false, &origin("delete")).unwrap();
    let refused = told(&store.delete_as(version(2), false, &origin("delete")).unwrap_err());
    assert!(refused.starts_with("version 2 is the active one, and stays (activate another version first"), "{refused}");
    assert_eq!(answer(&store.read(None).unwrap()), 1.0);

    store.delete_as(version(2), true, &origin("delete --force")).unwrap();
    assert_eq!(versions(&store), [0; 0]);
    assert_eq!(store.list_properties().unwrap(), properties(&[]));
    assert_eq!(store.read(None).err().unwrap().to_string(), "No model available");
    assert_eq!(log(&store), ["0 2 ada fit", "2 0 ada delete --force"]);
    assert_eq!(store.write(&constant(1.0, 1)).unwrap(), version(3));
}

#[test]
fn sizes_are_those_of_the_rows() {
    let (folder, _) = folder();
    let store = database(folder.path());
    assert_eq!(store.list_sizes().unwrap(), BTreeMap::new());
    store.write(&constant(1.0, 1)).unwrap();
    store.write(&constant(1.0, 1000)).unwrap();
    let sizes = store.list_sizes().unwrap();
    assert!(sizes[&version(1)] < 1000 && sizes[&version(2)] > 8000, "{sizes:?}");
}

#[test]
fn verifying_finds_changed_rows() {
    let (folder, file) = folder();
    let store = database(folder.path());
    store.write(&constant(1.0, 5)).unwrap();
    store.write(&constant(1.0, 5)).unwrap();
    sql(&file, "DELETE FROM model_chunks WHERE model_version = 2 AND sequence = 20");
    store.verify(version(1)).unwrap();
    assert!(told(&store.verify(version(2)).unwrap_err()).contains("is incomplete"));
    assert_eq!(store.verify(version(3)).unwrap_err().to_string(), "No such version: 3");
}

#[test]
fn changed_attachments_are_noticed() {
    let cases = [
        ("UPDATE model_attachments SET blob = x'00' WHERE sequence = 1", "is not what was stored"),
        ("DELETE FROM model_attachments WHERE sequence = 1", "is not what was stored"),
        ("DELETE FROM model_attachments WHERE sequence = 0", ""),
        ("UPDATE model_attachments SET size = 3", "is not what was stored"),
        ("UPDATE model_attachments SET size = 'many'", "holds a value of another type"),
        ("UPDATE model_attachments SET name = '../evil.txt'", "`../evil.txt` is no name of an attachment"),
    ];
    for (change, expected) in cases {
        let (folder, file) = folder();
        let store = database(folder.path());
        store.write(&constant(1.0, 1)).unwrap();
        store.attach(version(1), "notes.txt", &b"0123456789".as_slice()).unwrap();
        store.verify(version(1)).unwrap();
        sql(&file, change);
        if expected.is_empty() {
            assert_eq!(store.attachments(version(1)).unwrap(), []);
            continue;
        }
        let told = told(&store.verify(version(1)).unwrap_err());
        assert!(told.contains(expected), "{change}: {told}");
        assert!(store.read_attachment(version(1), "notes.txt", &mut Vec::new()).is_err());
    }
}

#[test]
fn names_that_databases_take_for_each_other_are_refused() {
    let (folder, _) = folder();
    let store = database(folder.path());
    store.write(&constant(1.0, 1)).unwrap();
    store.attach(version(1), "a.txt", &b"x".as_slice()).unwrap();
    assert!(store.attach(version(1), "a.txt ", &b"y".as_slice()).is_err());
    assert!(store.detach(version(1), "a.txt ").is_err());
    assert!(store.read_attachment(version(1), "a.txt ", &mut Vec::new()).is_err());
    assert_eq!(store.attachments(version(1)).unwrap().len(), 1);
}

#[test]
fn verifying_compares_what_is_listed_and_looks_at_each_version() {
    let (folder, file) = folder();
    let store = database(folder.path());
    for _ in 0..3 {
        store.write(&constant(1.0, 1)).unwrap();
    }
    sql(
        &file,
        "UPDATE models SET metadata = '{\"score_test\": 9.9}' WHERE version = 1; \
         UPDATE models SET metadata = 'x' WHERE version = 2",
    );
    assert_eq!(Persister::versions(&store).unwrap(), [version(1), version(2), version(3)]);
    let told = |number| told(&store.verify(version(number)).unwrap_err());
    assert!(told(1).contains("the list of models says something else about version 1"), "{}", told(1));
    assert!(told(2).contains("the metadata of version 2 are not what was stored"), "{}", told(2));
    store.verify(version(3)).unwrap();
}

#[test]
fn a_clock_that_went_backwards_changes_no_order() {
    let (folder, file) = folder();
    let store = database(folder.path());
    for number in 1..=2 {
        store.write(&constant(1.0, 1)).unwrap();
        store.activate_as(version(number), &origin("fit")).unwrap();
    }
    sql(&file, "UPDATE model_activations SET time = '2999-01-01T00:00:00.000Z'");
    store.activate_as(version(1), &origin("later")).unwrap();
    let history = store.history().unwrap();
    let commands: Vec<&str> = history.iter().map(|entry| entry.command.as_str()).collect();
    assert_eq!(commands, ["fit", "fit", "later"]);
    assert!(history[2].time < history[1].time);
    assert_eq!(store.write(&constant(1.0, 1)).unwrap(), version(3));
}

#[test]
fn rows_without_a_model_are_found_and_removed() {
    let (folder, file) = folder();
    let store = database(folder.path());
    assert_eq!((store.orphans().unwrap(), store.remove_orphans().unwrap()), (vec![], vec![]));
    assert!(!file.exists(), "a store is not made by looking");
    for _ in 0..3 {
        store.write(&constant(1.0, 1)).unwrap();
    }
    store.attach(version(2), "a.txt", &b"x".as_slice()).unwrap();
    assert_eq!((store.orphans().unwrap(), store.remove_orphans().unwrap()), (vec![], vec![]));
    sql(
        &file,
        "DELETE FROM models WHERE version = 2; DELETE FROM model_chunks WHERE model_version = 2 AND sequence > 0",
    );
    let rows =
        |table: &str| Orphan { what: format!("1 row of `{table}` for version 2, which is not stored"), size: None };
    let expected = [rows("model_chunks"), rows("model_attachments")];
    assert_eq!(store.orphans().unwrap(), expected);
    assert_eq!(store.remove_orphans().unwrap(), expected);
    assert_eq!(store.orphans().unwrap(), []);
    assert_eq!(versions(&store), [1, 3]);
    store.verify(version(3)).unwrap();
}
