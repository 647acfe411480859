//! What is kept in memory, and when it is loaded.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use super::*;
use crate::testing::{Fake, findings, numbered};

/// Loads as many rows as it was called times; the calls that are listed fail.
fn growing(failing: &'static [usize]) -> Arc<Fake> {
    Fake::new(move |call| match failing.contains(&call) {
        true => Err(Failure::message("nobody answers at db.internal")),
        false => Ok(numbered(call, |_| "a")),
    })
}

fn rule() -> Recurrence {
    let span = Span::nowhere("test");
    let value = Value::new(Data::Text("SECONDLY".into()), span.clone());
    let map = Map::from_iter([("freq".to_owned(), Entry { key_span: span.clone(), value })]);
    Recurrence::from_argument(&Value::new(Data::Map(map), span)).unwrap()
}

fn scheduled(source: &Arc<Fake>) -> ScheduledDatasetLoader {
    let source = Arc::clone(source) as Arc<dyn DatasetLoader>;
    let (update_cache_rrule, key) = (rule(), "data".to_owned());
    ScheduledDatasetLoader { source, update_cache_rrule, key, cache: Arc::default(), task: Mutex::default() }
}

fn initialize(loader: &ScheduledDatasetLoader, mode: Mode, decorators: &Decorators) -> Result<(), Failure> {
    let registry = Registry::linked().unwrap();
    let root = Value::new(Data::Null, Span::nowhere("test"));
    let key = KeyPath::parse("dataset_loader_train");
    loader.initialize(&InitContext {
        key: &key,
        mode,
        root: &root,
        blueprint: &Blueprint::default(),
        formats: registry.formats(),
        decorators,
    })
}

fn n_rows(loader: &ScheduledDatasetLoader) -> usize {
    loader.load().unwrap().n_rows()
}

fn refreshes(loader: &ScheduledDatasetLoader) -> Refreshes {
    loader.kept().unwrap().refreshes
}

#[test]
fn commands_load_once_when_they_need_the_data() {
    let source = growing(&[1]);
    let loader = scheduled(&source);
    initialize(&loader, Mode::Fit, &Decorators::default()).unwrap();
    assert_eq!((source.n_calls(), refreshes(&loader)), (0, Refreshes::default()));
    assert_eq!(loader.load().unwrap_err().to_string(), "nobody answers at db.internal");
    assert_eq!((n_rows(&loader), n_rows(&loader), source.n_calls()), (2, 2, 2), "what failed is tried again");
    assert!(loader.task.lock().unwrap().is_none(), "a command has no schedule");
}

#[test]
fn calls_at_once_load_once() {
    let source = growing(&[]);
    let loader = scheduled(&source);
    std::thread::scope(|scope| {
        let calls: Vec<_> = (0..8).map(|_| scope.spawn(|| n_rows(&loader))).collect();
        calls.into_iter().for_each(|call| assert_eq!(call.join().unwrap(), 1));
    });
    assert_eq!(source.n_calls(), 1);
}

#[test]
fn a_service_loads_when_it_starts_and_by_the_rule() {
    let source = growing(&[]);
    let loader = scheduled(&source);
    initialize(&loader, Mode::Serve, &Decorators::default()).unwrap();
    assert!(source.n_calls() >= 1 && refreshes(&loader).loaded.is_some());
    let started = Instant::now();
    while n_rows(&loader) < 3 {
        assert!(started.elapsed() < Duration::from_secs(60), "the data are not loaded anew");
        std::thread::sleep(Duration::from_millis(20));
    }
    loader.close();
    assert!(loader.task.lock().unwrap().is_none() && n_rows(&loader) >= 3, "the data stay");
}

#[test]
fn a_service_does_not_start_without_its_data() {
    let loader = scheduled(&growing(&[1]));
    let failure = initialize(&loader, Mode::Serve, &Decorators::default()).unwrap_err();
    assert_eq!(failure.to_string(), "nobody answers at db.internal");
    assert!(loader.task.lock().unwrap().is_none());
}

#[test]
fn a_refresh_that_fails_leaves_the_data_and_is_told_until_one_does_not() {
    let source = growing(&[2, 3]);
    let loader = scheduled(&source);
    loader.update_cache().unwrap();
    let first = refreshes(&loader);
    assert_eq!((first.error, first.failing_since.clone(), first.failures), (None, None, 0));

    loader.cache.refresh(source.as_ref());
    let second = refreshes(&loader);
    assert_eq!((second.error, second.failures), (Some(RefreshError::NoData), 1));
    assert_eq!((&second.loaded, &second.failing_since), (&first.loaded, &second.last));
    assert!(loader.update_cache().is_err());
    let third = refreshes(&loader);
    assert_eq!((&third.failing_since, third.failures), (&second.failing_since, 2));
    assert_eq!(n_rows(&loader), 1, "the old data are there");

    assert_eq!(loader.update_cache().unwrap().n_rows(), 4);
    let fourth = refreshes(&loader);
    assert_eq!((fourth.error, fourth.failing_since, fourth.failures), (None, None, 2));
    assert!(fourth.loaded > first.loaded && n_rows(&loader) == 4);
}

#[test]
fn a_loader_that_panics_counts_as_failed() {
    let source = Fake::new(|call| match call {
        2 => panic!("the loader panics"),
        _ => Ok(numbered(call, |_| "a")),
    });
    let loader = scheduled(&source);
    loader.update_cache().unwrap();
    assert!(catch_unwind(AssertUnwindSafe(|| loader.update_cache())).is_err());
    assert_eq!((refreshes(&loader).failures, n_rows(&loader)), (1, 1));
    loader.update_cache().unwrap();
    assert_eq!((refreshes(&loader).error, n_rows(&loader)), (None, 3));
}

/// Notes what is called, and makes the call or answers itself.
struct Notes {
    calls: Mutex<Vec<String>>,
    proceeds: bool,
}

impl Lifecycle for Notes {}

impl Decorator for Notes {
    fn call(&self, call: Call<'_>) -> Result<Returned, Failure> {
        self.calls.lock().unwrap().push(format!("{} of {}", call.name(), call.subject().unwrap()));
        match self.proceeds {
            true => call.proceed(),
            false => Ok(Returned::Dataset(numbered(9, |_| "b"))),
        }
    }
}

#[test]
fn refreshes_are_decorated_and_not_the_calls() {
    for proceeds in [true, false] {
        let loader = scheduled(&growing(&[]));
        let notes = Arc::new(Notes { calls: Mutex::default(), proceeds });
        let mut decorators = Decorators::default();
        decorators.insert(DecoratorList::new("update_data_decorators", vec![Arc::clone(&notes) as Arc<dyn Decorator>]));
        initialize(&loader, Mode::Fit, &decorators).unwrap();
        if proceeds {
            assert_eq!((n_rows(&loader), n_rows(&loader)), (1, 1));
        } else {
            let failure = loader.load().unwrap_err().to_string();
            assert_eq!(failure, "no data were loaded: a decorator has answered in the place of the refresh");
            assert!(refreshes(&loader).loaded.is_none());
        }
        assert_eq!(*notes.calls.lock().unwrap(), ["update_data_decorators of dataset_loader_train"]);
    }
}

#[test]
fn the_data_have_a_name_and_a_rule() {
    let name = "palladium.dataset.ScheduledDatasetLoader";
    let missing = findings(name, &[("key", Data::Text(String::new()))]);
    assert_eq!(missing, [format!("`{name}` needs `update_cache_rrule`")]);
    let loader = ScheduledDatasetLoader { key: "train".into(), ..scheduled(&growing(&[])) };
    assert_eq!(loader.kept().unwrap().key, "train");
    let loader = ScheduledDatasetLoader { key: String::new(), ..scheduled(&growing(&[])) };
    assert_eq!(loader.check().unwrap_err().parameter, Some("key"));
}
