use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use arrow_array::types::Int32Type;
use arrow_array::{Date32Array, DictionaryArray, TimestampMicrosecondArray};
use serde_json::{Value as Json, json};

use super::folder::Listed;
use super::*;
use crate::testing::{data, findings, numbered, rows};

/// A loader that counts how often it loads, and depends on what it is told.
struct Counted {
    load: Box<dyn Fn() -> Result<Dataset, Failure> + Send + Sync>,
    inputs: Option<Vec<Input>>,
    calls: AtomicUsize,
}

impl Lifecycle for Counted {}

impl DatasetLoader for Counted {
    fn load(&self) -> Result<Dataset, Failure> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        (self.load)()
    }

    fn inputs(&self) -> Result<Option<Vec<Input>>, Failure> {
        Ok(self.inputs.clone())
    }
}

impl Counted {
    fn of(data: Dataset) -> Arc<Counted> {
        Counted::with(Some(Vec::new()), move || Ok(data.clone()))
    }

    fn with(
        inputs: Option<Vec<Input>>,
        load: impl Fn() -> Result<Dataset, Failure> + Send + Sync + 'static,
    ) -> Arc<Counted> {
        Arc::new(Counted { load: Box::new(load), inputs, calls: AtomicUsize::new(0) })
    }

    fn n_calls(&self) -> usize {
        self.calls.load(Ordering::Relaxed)
    }
}

/// The arguments of the loader inside, unless a test says otherwise.
fn arguments() -> Json {
    json!({"!": "example.Counted", "path": "a.csv", "options": {"x": 1, "y": [true, null, 2.5]}})
}

/// Returns a cache in a folder that is not initialized.
fn cache(source: &Arc<Counted>, folder: &Path) -> Cached {
    Cached {
        source: Arc::clone(source) as Arc<dyn DatasetLoader>,
        directory: Some(folder.join("cache")),
        key: None,
        max_size: Bytes(1 << 20),
        max_age: None,
        refresh: false,
        recipe: OnceLock::new(),
    }
}

/// Initializes a cache around a loader with these arguments, beside other keys of the configuration.
fn initialized(cached: Cached, arguments: &Json, release: &str, others: &Json) -> Cached {
    let mut root = json!({"train": {"!": COMPONENT, "impl": arguments}});
    root.as_object_mut().unwrap().extend(others.as_object().unwrap().clone());
    let root = Value::of_json(&root, &Span::nowhere("test"));
    initialized_in(cached, root, release)
}

fn initialized_in(cached: Cached, root: Value, release: &str) -> Cached {
    let registry = Registry::linked().unwrap();
    let blueprint = Blueprint::new(root, BTreeMap::from([("example.Counted", release.to_owned())]));
    let nothing = Value::new(Data::Null, Span::nowhere("test"));
    let context = InitContext {
        key: &KeyPath::parse("train"),
        mode: Mode::Fit,
        root: &nothing,
        blueprint: &blueprint,
        formats: registry.formats(),
        decorators: &Decorators::default(),
    };
    cached.initialize(&context).unwrap();
    cached
}

/// Returns a cache of data in a folder, and the loader inside.
fn cached(data: Dataset, folder: &Path) -> (Cached, Arc<Counted>) {
    let source = Counted::of(data);
    (ready(cache(&source, folder)), source)
}

fn ready(cached: Cached) -> Cached {
    initialized(cached, &arguments(), "example 1", &json!({}))
}

fn list(folder: &Path) -> Vec<Listed> {
    Folder::open(&folder.join("cache")).unwrap().list().unwrap()
}

/// Returns the files of the cache with an extension.
fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let files = fs::read_dir(folder.join("cache")).unwrap().map(|file| file.unwrap().path());
    files.filter(|file| file.extension().is_some_and(|found| found == extension)).collect()
}

#[test]
fn parallel_calls_load_once_and_get_equal_data() {
    const THREADS: usize = 9;
    let folder = tempfile::tempdir().unwrap();
    let expected = numbered(1000, |row| if row % 2 == 0 { "even" } else { "odd" });
    let source = Counted::of(expected.clone());
    let start = Barrier::new(THREADS);
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            // Each thread has a loader of its own, as two processes have.
            scope.spawn(|| {
                let cached = ready(cache(&source, folder.path()));
                start.wait();
                for _ in 0..2 {
                    assert_eq!(cached.load().unwrap().to_table().unwrap(), expected.to_table().unwrap());
                }
            });
        }
    });
    assert_eq!((source.n_calls(), list(folder.path()).len()), (1, 1));
}

/// Returns a column of every type, each with a missing value.
fn every_type() -> Vec<(String, ArrayRef)> {
    let micros = || TimestampMicrosecondArray::from(vec![Some(1), None, Some(-1)]);
    let categories: DictionaryArray<Int32Type> = vec![Some("b"), None, Some("a")].into_iter().collect();
    let columns: [(&str, ArrayRef); 8] = [
        ("float", Arc::new(Float64Array::from(vec![Some(f64::NEG_INFINITY), None, Some(-0.0)]))),
        ("int", Arc::new(Int64Array::from(vec![Some(i64::MIN), None, Some(i64::MAX)]))),
        ("bool", Arc::new(BooleanArray::from(vec![Some(true), None, Some(false)]))),
        ("text", Arc::new(StringArray::from(vec![Some(""), None, Some("ä\0\n")]))),
        ("category", Arc::new(categories)),
        ("date", Arc::new(Date32Array::from(vec![Some(0), None, Some(-1)]))),
        ("time", Arc::new(micros())),
        ("time in UTC", Arc::new(micros().with_timezone("UTC"))),
    ];
    columns.map(|(name, cells)| (name.to_owned(), cells)).to_vec()
}

#[test]
fn everything_about_a_table_comes_back() {
    #[derive(Debug)]
    struct Lines;

    impl Provenance for Lines {
        fn place(&self, row: usize) -> String {
            format!("`a.csv`, line {}", row + 2)
        }

        fn text_cell(&self, column: &str) -> Option<String> {
            (column == "text").then(|| "`a.csv`, line 4, `x`".to_owned())
        }
    }

    let placed = |data: Dataset| Dataset { features: data.features.with_provenance(Arc::new(Lines)), ..data };
    let whole = Table::new(every_type()).unwrap();
    let twice = Column { name: "int".to_owned(), values: Arc::clone(whole.column("text").unwrap()) };
    let no_columns = whole.project(&[]);
    let cases = [
        placed(Dataset::split(whole.clone(), None).unwrap()),
        Dataset::split(whole.clone(), Some("category")).unwrap(),
        Dataset { features: whole.clone(), target: Some(twice) },
        Dataset { features: whole.slice(1, 2), target: None },
        Dataset { features: whole.slice(0, 0), target: None },
        Dataset { features: Table::default(), target: None },
        Dataset { features: no_columns, target: None },
    ];
    for expected in cases {
        let folder = tempfile::tempdir().unwrap();
        let (cached, source) = cached(expected.clone(), folder.path());
        cached.load().unwrap();
        let found = cached.load().unwrap();
        assert_eq!(source.n_calls(), 1);
        assert_eq!((&found.features, found.n_rows()), (&expected.features, expected.n_rows()));
        assert_eq!(format!("{:?}", found.target), format!("{:?}", expected.target));
        for row in 0..expected.n_rows() {
            assert_eq!(found.features.place(row), expected.features.place(row));
        }
        assert_eq!(found.features.text_cell("text"), expected.features.text_cell("text"));
    }
}

#[test]
fn whatever_counts_makes_another_entry_and_nothing_else_does() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.csv");
    fs::write(&file, "first").unwrap();
    let revision = |revision: &str| {
        Some(vec![Input::Revision { place: "https://example.com/a".to_owned(), revision: revision.to_owned() }])
    };
    let of_file = || Some(vec![Input::File(file.clone())]);
    // Loads with these, and tells whether it had to.
    let loads = |arguments: &Json, release: &str, others: &Json, inputs: Option<Vec<Input>>, key: Option<&str>| {
        let source = Counted::with(inputs, || Ok(numbered(3, |_| "a")));
        let cached = Cached { key: key.map(str::to_owned), ..cache(&source, folder.path()) };
        initialized(cached, arguments, release, others).load().unwrap();
        source.n_calls() == 1
    };
    let none = || Some(Vec::new());
    let with = |change: &dyn Fn(&mut Json)| {
        let mut arguments = arguments();
        change(&mut arguments);
        arguments
    };
    let reordered = json!({"options": {"y": [true, null, 2.5], "x": 1}, "path": "a.csv", "!": "example.Counted"});
    let decorated = |name: &str| json!({"load_data_decorators": [{"!": name}]});
    let (same, one, other) = (arguments(), "example 1", json!({}));

    assert!(loads(&same, one, &other, none(), None));
    assert!(!loads(&same, one, &other, none(), None));
    assert!(!loads(&reordered, one, &other, none(), None));
    assert!(!loads(&same, one, &json!({"other": 1, "load_data_decorators": null}), none(), None));
    let changed = [
        with(&|arguments| arguments["path"] = "b.csv".into()),
        with(&|arguments| arguments["options"]["x"] = 2.into()),
        with(&|arguments| arguments["options"]["x"] = "1".into()),
        with(&|arguments| arguments["options"]["x"] = 1.0.into()),
        with(&|arguments| arguments["options"]["y"][0] = false.into()),
        with(&|arguments| arguments["options"]["y"][1] = 0.into()),
        with(&|arguments| arguments["options"]["y"] = json!([null, true, 2.5])),
        with(&|arguments| arguments["more"] = Json::Null),
        with(&|arguments| arguments["!"] = "example.Other".into()),
    ];
    for changed in &changed {
        assert!(loads(changed, one, &other, none(), None), "{changed}");
        assert!(!loads(changed, one, &other, none(), None), "{changed}");
    }
    let times = [
        (loads(&same, "example 2", &other, none(), None), "another version of the crate"),
        (loads(&same, one, &decorated("example.Counted"), none(), None), "a decorator"),
        (loads(&same, one, &decorated("example.Other"), none(), None), "another decorator"),
        (loads(&same, one, &other, none(), Some("a")), "a key"),
        (loads(&same, one, &other, none(), Some("b")), "another key"),
        (loads(&same, one, &other, revision("1"), None), "a revision"),
        (loads(&same, one, &other, revision("2"), None), "another revision"),
        (loads(&same, one, &other, None, Some("a")), "unknown inputs with a key"),
        (loads(&same, one, &other, of_file(), None), "a file"),
    ];
    for (has_loaded, what) in times {
        assert!(has_loaded, "{what}");
    }
    assert!(!loads(&same, one, &other, revision("1"), None));
    assert!(!loads(&same, one, &other, of_file(), None));
    fs::write(&file, "other").unwrap();
    assert!(loads(&same, one, &other, of_file(), None), "of the same size");
    let times = fs::metadata(&file).unwrap().modified().unwrap();
    fs::write(&file, "third").unwrap();
    fs::File::open(&file).unwrap().set_modified(times).unwrap();
    assert!(loads(&same, one, &other, of_file(), None), "with the time of modification set back");
    let copy = folder.path().join("copy");
    fs::copy(&file, &copy).unwrap();
    fs::rename(&copy, &file).unwrap();
    assert!(loads(&same, one, &other, of_file(), None), "another file in its place");
    assert!(!loads(&same, one, &other, of_file(), None));
}

#[test]
fn nothing_is_kept_where_nobody_knows_when_it_changes() {
    let folder = tempfile::tempdir().unwrap();
    let source = Counted::with(None, || Ok(numbered(3, |_| "a")));
    let failure = ready(cache(&source, folder.path())).load().unwrap_err();
    assert_eq!(
        failure.to_string(),
        "`example.Counted` cannot tell when its data change, so that it is not known how long they can be kept"
    );
    assert!(failure.help().unwrap().contains("`max_age`"));
    assert_eq!(source.n_calls(), 0);

    // A pipe or a folder is no file that could be told from another.
    let of_folder = Counted::with(Some(vec![Input::File(folder.path().to_owned())]), || Ok(numbered(3, |_| "a")));
    assert!(ready(cache(&of_folder, folder.path())).load().unwrap_err().to_string().contains("cannot tell when"));

    let none = cache(&source, folder.path()).load().unwrap_err();
    assert!(none.to_string().contains("stands in a configuration"), "{none}");
}

/// A function that knows of itself what it is, or does not.
struct Named(Option<&'static str>);

impl Callable for Named {
    fn name(&self) -> &str {
        "named"
    }

    fn parameters(&self) -> Option<Vec<String>> {
        None
    }

    fn identity(&self) -> Option<String> {
        self.0.map(str::to_owned)
    }

    fn call(&self, _arguments: Vec<Value>) -> Result<Value, Box<Diagnostic>> {
        Ok(Value::new(Data::Null, Span::nowhere("test")))
    }

    fn as_any(&self) -> &dyn std::any::Any {
        self
    }
}

#[test]
fn functions_count_by_what_they_do_as_far_as_that_is_known() {
    let folder = tempfile::tempdir().unwrap();
    let load = |identity: Option<&'static str>| {
        let source = Counted::of(numbered(3, |_| "a"));
        let mut root = Value::of_json(&json!({"train": {"impl": arguments()}}), &Span::nowhere("test"));
        let function = Value::new(Data::Function(Arc::new(Named(identity))), Span::nowhere("test"));
        let entry = Entry { key_span: Span::nowhere("test"), value: function };
        let train = &mut root.as_map_mut().unwrap().get_mut("train").unwrap().value;
        let source_of_train = &mut train.as_map_mut().unwrap().get_mut("impl").unwrap().value;
        source_of_train.as_map_mut().unwrap().insert("converter".to_owned(), entry);
        let loaded = initialized_in(cache(&source, folder.path()), root, "example 1").load();
        loaded.map(|_| source.n_calls()).map_err(|failure| failure.to_string())
    };
    assert_eq!([load(Some("a")), load(Some("a")), load(Some("b"))], [Ok(1), Ok(0), Ok(1)]);
    assert!(load(None).unwrap_err().contains("cannot tell when its data change"));
}

#[test]
fn damaged_entries_are_loaded_anew() {
    let folder = tempfile::tempdir().unwrap();
    let expected = data(every_type(), Some("category"));
    let (cached, source) = cached(expected.clone(), folder.path());
    cached.load().unwrap();
    let file = files(folder.path(), "cache").pop().unwrap();
    let whole = fs::read(&file).unwrap();
    let mut damaged: Vec<Vec<u8>> =
        (0..whole.len()).step_by(whole.len() / 50).map(|cut| whole[..cut].to_vec()).collect();
    damaged.extend((0..whole.len()).step_by(whole.len() / 50).map(|place| {
        let mut flipped = whole.clone();
        flipped[place] ^= 1;
        flipped
    }));
    damaged.push([whole.as_slice(), b"more"].concat());
    for (round, bytes) in damaged.iter().enumerate() {
        fs::write(&file, bytes).unwrap();
        let found = cached.load().unwrap();
        assert_eq!(found.to_table().unwrap(), expected.to_table().unwrap());
        assert_eq!(source.n_calls(), round + 2);
        assert_eq!(entry::read_head(&fs::File::open(&file).unwrap()).unwrap().rows, 3, "it is repaired");
    }
    // An entry under the name of another is none.
    let other = Cached { key: Some("other".to_owned()), ..cache(&source, folder.path()) };
    let other = ready(other);
    other.load().unwrap();
    let before = source.n_calls();
    for copied in files(folder.path(), "cache").into_iter().filter(|found| *found != file) {
        fs::copy(&file, copied).unwrap();
    }
    other.load().unwrap();
    assert_eq!(source.n_calls(), before + 1);
}

/// Returns a cache of a data set of its own in a folder.
fn of_key(folder: &Path, key: &str, n_rows: usize) -> (Cached, Arc<Counted>) {
    let source = Counted::of(numbered(n_rows, |_| "a"));
    (ready(Cached { key: Some(key.to_owned()), ..cache(&source, folder) }), source)
}

#[test]
fn entries_whose_use_is_longest_ago_give_way() {
    let folder = tempfile::tempdir().unwrap();
    let loaders = ["a", "b", "c"].map(|key| of_key(folder.path(), key, 100));
    for (cached, _) in &loaders {
        cached.load().unwrap();
    }
    let size = list(folder.path())[0].size;
    // `a` was used last, then `c`, then `b`.
    let order: Vec<PathBuf> = files(folder.path(), "cache");
    for file in &order {
        fs::File::open(file).unwrap().set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(1)).unwrap();
    }
    for used in [2, 0] {
        let before = SystemTime::now();
        loaders[used].0.load().unwrap();
        assert!(list(folder.path()).iter().any(|listed| listed.used >= before - Duration::from_secs(1)));
        assert_eq!(loaders[used].1.n_calls(), 1);
    }
    let (added, source) = of_key(folder.path(), "d", 100);
    let added = Cached { max_size: Bytes(3 * size), ..added };
    added.load().unwrap();
    assert_eq!(list(folder.path()).len(), 3);
    for (index, expected) in [(0, 1), (2, 1), (1, 2)] {
        loaders[index].0.load().unwrap();
        assert_eq!(loaders[index].1.n_calls(), expected, "{index}");
    }

    let (large, large_source) = of_key(folder.path(), "e", 1000);
    let large = Cached { max_size: Bytes(3 * size), ..large };
    for calls in 1..3 {
        assert_eq!(large.load().unwrap().n_rows(), 1000);
        assert_eq!(large_source.n_calls(), calls, "it is not stored");
    }
    assert_eq!((list(folder.path()).len(), source.n_calls()), (4, 1), "nothing gave way to it");
    assert!(files(folder.path(), "part").is_empty());
}

#[test]
fn data_are_loaded_anew_when_they_are_old_or_somebody_wants_it() {
    let folder = tempfile::tempdir().unwrap();
    let counter = Arc::new(AtomicUsize::new(0));
    let source = Counted::with(None, move || {
        let call = counter.fetch_add(1, Ordering::Relaxed) + 1;
        Ok(numbered(call, |_| "a"))
    });
    let with = |max_age: f64, refresh: bool| {
        let max_age = Some(Age(Duration::from_secs_f64(max_age)));
        ready(Cached { max_age, refresh, ..cache(&source, folder.path()) }).load().unwrap().n_rows()
    };
    assert_eq!([with(3600.0, false), with(3600.0, false)], [1, 1]);
    assert_eq!(with(0.0, false), 2, "too old");
    assert_eq!(with(3600.0, false), 2);
    assert_eq!([with(3600.0, true), with(3600.0, true)], [3, 4]);
    assert_eq!(with(3600.0, false), 4, "what was loaded anew is stored");
    assert_eq!(list(folder.path()).len(), 1);
}

#[test]
fn what_changes_while_it_is_loaded_is_not_stored() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.csv");
    fs::write(&file, "a").unwrap();
    let written = file.clone();
    let source = Counted::with(Some(vec![Input::File(file.clone())]), move || {
        fs::write(&written, "b").unwrap();
        Ok(numbered(3, |_| "a"))
    });
    assert_eq!(ready(cache(&source, folder.path())).load().unwrap().n_rows(), 3);
    assert!(list(folder.path()).is_empty());

    fs::remove_file(&file).unwrap();
    let missing = Counted::with(Some(vec![Input::File(file)]), || Err(Failure::message("there is no file")));
    let failure = ready(cache(&missing, folder.path())).load().unwrap_err();
    assert_eq!(failure.to_string(), "there is no file", "the loader says it best");
    assert!(list(folder.path()).is_empty());
}

#[test]
fn the_folder_is_private_and_holds_no_secret() {
    let folder = tempfile::tempdir().unwrap();
    let source = Counted::of(numbered(3, |_| "a"));
    let secret = json!({
        "!": "example.Counted", "url": "mysql://user:canary@host", "password": "canary", "pin": 987_654,
        "list": ["canary"], "nested": {"token": "canary"},
    });
    let cached = Cached { key: Some("canary".to_owned()), ..cache(&source, folder.path()) };
    initialized(cached, &secret, "example 1", &json!({})).load().unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let inside = folder.path().join("cache");
    assert_eq!(mode(&inside), 0o700);
    let found: Vec<PathBuf> = fs::read_dir(&inside).unwrap().map(|file| file.unwrap().path()).collect();
    assert_eq!(found.len(), 4, "{found:?}");
    for file in found {
        assert_eq!(mode(&file), 0o600, "{}", file.display());
        let content = fs::read(&file).unwrap();
        for secret in ["canary", "987654"] {
            assert!(!content.windows(secret.len()).any(|part| part == secret.as_bytes()), "{}", file.display());
        }
    }

    let (cached, _) = self::cached(numbered(3, |_| "a"), folder.path());
    for (wrong, expected) in [(0o777, "can be written to by others"), (0o720, "can be written to by others")] {
        fs::set_permissions(&inside, fs::Permissions::from_mode(wrong)).unwrap();
        let failure = cached.load().unwrap_err();
        assert!(failure.to_string().ends_with(expected), "{failure}");
        assert!(failure.help().unwrap().contains("chmod 700"));
    }
    fs::set_permissions(&inside, fs::Permissions::from_mode(0o755)).unwrap();
    cached.load().unwrap();
    fs::remove_dir_all(&inside).unwrap();
    fs::write(&inside, "").unwrap();
    assert!(cached.load().is_err(), "a file is no folder");
}

#[test]
fn what_stopped_processes_left_is_removed() {
    let folder = tempfile::tempdir().unwrap();
    let (first, _) = of_key(folder.path(), "a", 3);
    first.load().unwrap();
    let name = "0".repeat(64);
    let inside = folder.path().join("cache");
    for extension in ["part", "lock"] {
        fs::write(inside.join(format!("{name}.{extension}")), "half").unwrap();
    }
    fs::write(inside.join("notes.txt"), "somebody's").unwrap();
    let (second, _) = of_key(folder.path(), "b", 3);
    second.load().unwrap();
    assert!(files(folder.path(), "part").is_empty());
    assert_eq!(files(folder.path(), "cache").len(), 2);
    assert!(!inside.join(format!("{name}.lock")).exists() && inside.join("notes.txt").exists());

    // Whoever waits for a lock that is removed meanwhile takes the one that came after it.
    let opened = Folder::open(&inside).unwrap();
    let held = opened.lock(&name).unwrap();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| opened.lock(&name).unwrap());
        fs::remove_file(inside.join(format!("{name}.lock"))).unwrap();
        drop(held);
        let taken = waiting.join().unwrap();
        let again = fs::OpenOptions::new().write(true).open(inside.join(format!("{name}.lock"))).unwrap();
        assert!(again.try_lock().is_err(), "the file that is there is the one that is locked");
        drop(taken);
    });
}

#[test]
fn a_failure_is_not_stored_and_the_next_call_tries_again() {
    let folder = tempfile::tempdir().unwrap();
    let counter = AtomicUsize::new(0);
    let source = Counted::with(Some(Vec::new()), move || match counter.fetch_add(1, Ordering::Relaxed) {
        0 => Err(Failure::message("not now")),
        _ => Ok(numbered(3, |_| "a")),
    });
    let cached = ready(cache(&source, folder.path()));
    assert_eq!(cached.load().unwrap_err().to_string(), "not now");
    assert_eq!(rows(&cached.load().unwrap()), [0, 1, 2]);
    cached.load().unwrap();
    assert_eq!(source.n_calls(), 2);
}

#[test]
fn arguments_are_checked() {
    let text = |text: &str| Data::Text(text.into());
    let cases = [
        (("max_size", Data::Int(0)), "`max_size` of `palladium.dataset.Cached` has to be a number of bytes"),
        (("max_size", text("much")), "`max_size` of `palladium.dataset.Cached` has to be a number of bytes"),
        (("max_age", text("soon")), "`max_age` of `palladium.dataset.Cached` has to be a number of seconds"),
        (("max_age", Data::Int(-1)), "`max_age` of `palladium.dataset.Cached` has to be a number of seconds"),
        (("directory", text("")), "`directory` of `palladium.dataset.Cached` has to be a path, which is not empty"),
        (("refresh", Data::Int(1)), "`refresh` of `palladium.dataset.Cached` has to be a flag"),
    ];
    for (argument, expected) in cases {
        let found = findings(COMPONENT, &[argument]);
        assert!(found.len() == 1 && found[0].contains(expected), "{expected}: {found:?}");
    }
    let given = [("max_size", text("1 MiB")), ("max_age", text("2h")), ("key", text("x")), ("directory", text("here"))];
    assert!(findings(COMPONENT, &given).is_empty());
}
