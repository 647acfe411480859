//! What is kept at hand, and when it is loaded.

mod refreshing;

use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::sync::mpsc::{Receiver, Sender};
use std::time::{Duration, Instant};

use super::*;
use crate::testing::{answer, constant, initialize, initialize_decorated};

/// A store in memory that counts what is read.
#[derive(Default)]
struct Fake {
    models: Mutex<BTreeMap<Version, f64>>,
    active: Mutex<Option<Version>>,
    reads: Mutex<Vec<Option<Version>>>,
    broken: AtomicBool,
    /// Whether it does not even say which version is active.
    unreachable: AtomicBool,
    panics: AtomicBool,
    /// How often it was looked which version is active.
    looks: AtomicUsize,
    /// The next read says that it has begun, and goes on when it is told to.
    held: Mutex<Option<(Sender<()>, Receiver<()>)>>,
}

impl Lifecycle for Fake {}

impl Persister for Fake {
    fn read(&self, version: Option<Version>) -> Result<Arc<TrainedModel>, PersistError> {
        self.reads.lock().unwrap().push(version);
        let held = self.held.lock().unwrap().take();
        if let Some((begins, goes_on)) = held {
            begins.send(()).unwrap();
            goes_on.recv().unwrap();
        }
        assert!(!self.panics.load(Ordering::Relaxed), "the store panics");
        if self.broken.load(Ordering::Relaxed) {
            return Err(PersistError::Failed(Failure::message("the store is broken")));
        }
        let lookup = |text: &str| PersistError::Lookup(text.to_owned());
        let version = version.or(*self.active.lock().unwrap()).ok_or_else(|| lookup("No model available"))?;
        let answer = self.models.lock().unwrap().get(&version).copied();
        let mut model = constant(answer.ok_or_else(|| lookup(&format!("No such version: {version}")))?, 0);
        model.metadata.annotate("version", version.number());
        Ok(Arc::new(model))
    }

    fn write(&self, model: &TrainedModel) -> Result<Version, PersistError> {
        let mut models = self.models.lock().unwrap();
        let version = Version::new(models.len() as u64 + 1).unwrap();
        models.insert(version, answer(model));
        Ok(version)
    }

    fn exists(&self) -> Result<bool, PersistError> {
        Ok(false)
    }

    fn store_place(&self) -> Option<StorePlace> {
        Some(StorePlace { shown: "fake".to_owned(), near: None })
    }

    fn activate(&self, version: Version) -> Result<(), PersistError> {
        *self.active.lock().unwrap() = Some(version);
        Ok(())
    }

    fn delete(&self, version: Version) -> Result<(), PersistError> {
        self.models.lock().unwrap().remove(&version);
        Ok(())
    }

    fn list_models(&self) -> Result<Vec<Metadata>, PersistError> {
        Ok(self.models.lock().unwrap().keys().map(|_| Metadata::default()).collect())
    }

    fn list_properties(&self) -> Result<BTreeMap<String, String>, PersistError> {
        self.looks.fetch_add(1, Ordering::Relaxed);
        if self.unreachable.load(Ordering::Relaxed) {
            return Err(PersistError::Failed(Failure::message("nobody answers at db.internal")));
        }
        let active = *self.active.lock().unwrap();
        Ok(active.into_iter().map(|version| ("active-model".to_owned(), version.to_string())).collect())
    }
}

impl Fake {
    fn n_reads(&self) -> usize {
        self.reads.lock().unwrap().len()
    }
}

/// Returns a store with the models 1 and 2, of which the first is active, and a cache in front of it.
fn cached(check_version: bool) -> (Arc<Fake>, CachedUpdatePersister) {
    let fake = Arc::new(Fake::default());
    for answer in [1.0, 2.0] {
        fake.write(&constant(answer, 0)).unwrap();
    }
    fake.activate(version(1)).unwrap();
    let store = Arc::clone(&fake) as Arc<dyn Persister>;
    (fake, cache(store, check_version))
}

fn cache(store: Arc<dyn Persister>, check_version: bool) -> CachedUpdatePersister {
    let (cache, task) = (Arc::default(), Mutex::default());
    CachedUpdatePersister { store, update_cache_rrule: None, check_version, cache, task }
}

fn version(number: u64) -> Version {
    Version::new(number).unwrap()
}

fn at_hand(cached: &CachedUpdatePersister) -> Option<f64> {
    cached.at_hand().map(|model| answer(&model.unwrap()))
}

/// Makes as if all the time had passed for which a cache leaves its store alone.
fn let_pauses_pass(cached: &CachedUpdatePersister) {
    let mut tried = cached.cache.tried.lock().unwrap_or_else(PoisonError::into_inner);
    (tried.rests_until, tried.looked_until) = (None, None);
    if let Some(failed) = &mut tried.failed {
        failed.until = Instant::now();
    }
}

#[test]
fn a_refresh_loads_what_is_new() {
    let (fake, cached) = cached(true);
    initialize(&cached, Mode::Serve).unwrap();
    assert_eq!(*fake.reads.lock().unwrap(), [Some(version(1))]);
    assert!(cached.update_cache(None).unwrap().is_none());
    assert_eq!(fake.n_reads(), 1);
    let second = cached.update_cache(Some(version(2))).unwrap().unwrap();
    assert_eq!(answer(&second), 2.0);
    assert_eq!(*fake.reads.lock().unwrap(), [Some(version(1)), Some(version(2))]);
    assert_eq!(at_hand(&cached), Some(2.0));
    assert_eq!(answer(&cached.update_cache(None).unwrap().unwrap()), 1.0);
}

#[test]
fn without_check_version_a_refresh_always_loads() {
    let (fake, cached) = cached(false);
    initialize(&cached, Mode::Serve).unwrap();
    assert!(cached.update_cache(None).unwrap().is_some());
    assert_eq!(fake.n_reads(), 2);
}

#[test]
fn reading_takes_the_model_at_hand_and_explicit_versions_from_the_store() {
    let (fake, cached) = cached(true);
    initialize(&cached, Mode::Serve).unwrap();
    for _ in 0..3 {
        assert_eq!(answer(&cached.read(None).unwrap()), 1.0);
        assert_eq!(at_hand(&cached), Some(1.0));
    }
    assert_eq!(fake.n_reads(), 1);
    assert_eq!(answer(&cached.read(Some(version(2))).unwrap()), 2.0);
    assert_eq!(cached.read(Some(version(77))).err().unwrap().to_string(), "No such version: 77");
    assert_eq!(at_hand(&cached), Some(1.0));
}

#[test]
fn in_fit_mode_and_before_it_is_initialized_nothing_is_kept() {
    let (fake, cached) = cached(true);
    for n_reads in [1, 2] {
        assert_eq!(answer(&cached.read(None).unwrap()), 1.0);
        assert_eq!(fake.n_reads(), n_reads);
    }
    initialize(&cached, Mode::Fit).unwrap();
    assert_eq!(fake.n_reads(), 2);
    cached.activate(version(2)).unwrap();
    assert_eq!(answer(&cached.read(None).unwrap()), 2.0);
    assert_eq!(*fake.reads.lock().unwrap(), [None; 3]);
    assert_eq!(at_hand(&cached), None);
}

#[test]
fn a_service_starts_without_a_model_and_finds_one_later() {
    let (fake, cached) = cached(true);
    *fake.active.lock().unwrap() = None;
    initialize(&cached, Mode::Serve).unwrap();
    assert_eq!(at_hand(&cached), None);
    let error = cached.read(None).err().unwrap();
    assert!(matches!(&error, PersistError::Lookup(text) if text == "No model available"), "{error}");
    fake.activate(version(2)).unwrap();
    assert_eq!(answer(&cached.read(None).unwrap()), 2.0);
    assert_eq!(at_hand(&cached), Some(2.0));
}

#[test]
fn a_service_starts_with_a_broken_store_and_finds_a_model_once_it_is_whole() {
    for (is_reachable, expected) in [(true, RefreshError::Unreadable), (false, RefreshError::Unreachable)] {
        let (fake, cached) = cached(true);
        let breaks = if is_reachable { &fake.broken } else { &fake.unreachable };
        breaks.store(true, Ordering::Relaxed);
        initialize(&cached, Mode::Serve).unwrap();
        assert_eq!(at_hand(&cached), None);
        let refreshes = cached.refreshes().unwrap();
        assert_eq!((refreshes.loaded, refreshes.error), (None, Some(expected)));
        assert!(refreshes.failing_since.is_some() && refreshes.failing_since == refreshes.last);

        breaks.store(false, Ordering::Relaxed);
        let_pauses_pass(&cached);
        assert_eq!(answer(&cached.read(None).unwrap()), 1.0);
        assert_eq!(at_hand(&cached), Some(1.0));
        assert_eq!(cached.refreshes().unwrap().error, None);
    }
}

#[test]
fn requests_ask_a_store_that_failed_once_a_second() {
    let (fake, cached) = cached(true);
    fake.unreachable.store(true, Ordering::Relaxed);
    initialize(&cached, Mode::Serve).unwrap();
    let n_looks = || fake.looks.load(Ordering::Relaxed);
    for expected in 2..4 {
        let_pauses_pass(&cached);
        let started = Instant::now();
        for _ in 0..100 {
            let error = cached.read(None).err().unwrap();
            assert!(matches!(error, PersistError::Lookup(_)));
            assert_eq!(error.to_string(), "No model available: the store cannot be reached");
        }
        assert!(n_looks() == expected || started.elapsed() > Duration::from_secs(1), "{} looks", n_looks());
    }
    // Whoever asks for a look, and the rule, do not wait.
    let before = n_looks();
    assert!(cached.update_cache(None).is_err());
    cached.updater(Occasion::Rule).refresh();
    assert_eq!(n_looks(), before + 2);
}

/// Returns what is in memory after somebody has asked whether a model is there.
fn looked(cached: &CachedUpdatePersister) -> Option<f64> {
    cached.look_in_memory().map(|model| answer(&model))
}

#[test]
fn who_asks_whether_there_is_a_model_finds_it_with_one_look_a_second() {
    let (fake, cached) = cached(true);
    *fake.active.lock().unwrap() = None;
    assert_eq!((looked(&cached), fake.looks.load(Ordering::Relaxed)), (None, 0), "nothing is kept yet");
    initialize(&cached, Mode::Serve).unwrap();
    let n_looks = || fake.looks.load(Ordering::Relaxed);
    for expected in 2..4 {
        let_pauses_pass(&cached);
        let started = Instant::now();
        (0..100).for_each(|_| assert_eq!(looked(&cached), None));
        assert!(n_looks() == expected || started.elapsed() > Duration::from_secs(1), "{} looks", n_looks());
    }
    fake.activate(version(2)).unwrap();
    let_pauses_pass(&cached);
    assert_eq!(looked(&cached), Some(2.0));
    let before = n_looks();
    fake.activate(version(1)).unwrap();
    let_pauses_pass(&cached);
    assert_eq!((looked(&cached), n_looks()), (Some(2.0), before), "one that is there is enough");
}

#[test]
fn who_asks_whether_there_is_a_model_leaves_a_damaged_version_alone() {
    let (fake, cached) = cached(true);
    fake.broken.store(true, Ordering::Relaxed);
    initialize(&cached, Mode::Serve).unwrap();
    (0..8).for_each(|_| assert!(cached.update_cache(None).is_err()));
    for _ in 0..3 {
        let mut tried = cached.cache.tried.lock().unwrap();
        (tried.rests_until, tried.looked_until) = (None, None);
        drop(tried);
        assert_eq!(looked(&cached), None);
    }
    assert_eq!((fake.n_reads(), fake.looks.load(Ordering::Relaxed)), (9, 12));
}

#[test]
fn requests_do_not_load_a_damaged_version_again_and_again() {
    let (fake, cached) = cached(true);
    fake.broken.store(true, Ordering::Relaxed);
    initialize(&cached, Mode::Serve).unwrap();
    // Failures enough for a pause of some minutes.
    (0..8).for_each(|_| assert!(cached.update_cache(None).is_err()));
    for _ in 0..3 {
        cached.cache.tried.lock().unwrap().rests_until = None;
        let error = cached.read(None).err().unwrap();
        assert_eq!(error.to_string(), "No model available: the active version cannot be read");
    }
    assert_eq!((fake.n_reads(), fake.looks.load(Ordering::Relaxed)), (9, 12));
}

#[test]
fn activation_refreshes_and_a_broken_version_keeps_the_last_good_one() {
    let (fake, cached) = cached(true);
    initialize(&cached, Mode::Serve).unwrap();
    cached.activate(version(2)).unwrap();
    assert_eq!(at_hand(&cached), Some(2.0));

    assert_eq!(*fake.reads.lock().unwrap(), [Some(version(1)), Some(version(2))], "it is read once");

    fake.broken.store(true, Ordering::Relaxed);
    let error = cached.activate(version(1)).unwrap_err();
    assert_eq!(error.to_string(), "version 1 cannot be read and is not activated: nothing was changed");
    assert!(error.help().unwrap().contains("`palladium admin verify`"));
    assert_eq!((at_hand(&cached), *fake.active.lock().unwrap()), (Some(2.0), Some(version(2))));
    assert_eq!(cached.refreshes().unwrap().error, None, "no look has failed");
    fake.broken.store(false, Ordering::Relaxed);
    let error = cached.activate(version(9)).unwrap_err();
    assert!(matches!(&error, PersistError::Lookup(text) if text == "No such version: 9"), "{error}");

    fake.unreachable.store(true, Ordering::Relaxed);
    let error = cached.activate(version(1)).unwrap_err();
    let expected =
        "version 1 is active in the store now, but it cannot be loaded: this process keeps on using version 2";
    assert_eq!(error.to_string(), expected);
    assert_eq!(at_hand(&cached), Some(2.0));
    fake.unreachable.store(false, Ordering::Relaxed);
    assert_eq!(answer(&cached.update_cache(None).unwrap().unwrap()), 1.0);
}

#[test]
fn a_deleted_active_model_is_told_and_the_one_at_hand_stays() {
    let (fake, cached) = cached(false);
    initialize(&cached, Mode::Serve).unwrap();
    cached.delete(version(1)).unwrap();
    let error = cached.update_cache(None).err().unwrap();
    assert_eq!(error.to_string(), "Activated model not available. Maybe it was deleted.");
    assert_eq!(answer(&cached.read(None).unwrap()), 1.0);
    assert_eq!(fake.n_reads(), 2);
}

#[test]
fn an_activation_on_somebodys_behalf_refreshes_too() {
    let (_, cached) = cached(true);
    initialize(&cached, Mode::Serve).unwrap();
    cached.activate_as(version(2), &Origin::default()).unwrap();
    assert_eq!(at_hand(&cached), Some(2.0));
}

#[test]
fn a_store_without_a_log_says_what_it_cannot_do() {
    let (fake, cached) = cached(true);
    assert_eq!(cached.history().unwrap_err().to_string(), "this store keeps no history of activations");
    let upgraded = cached.upgrade(None, None, &Origin::default());
    assert_eq!(upgraded.unwrap_err().to_string(), "this store cannot be upgraded");
    assert!(cached.list_sizes().unwrap().is_empty() && !cached.exists().unwrap());
    assert_eq!(cached.store_place().unwrap().shown, "fake");
    for (force, expected) in
        [(false, "version 1 is the active one, and stays"), (true, "this store cannot be without an active version")]
    {
        assert_eq!(cached.delete_as(version(1), force, &Origin::default()).unwrap_err().to_string(), expected);
    }
    cached.delete_as(version(2), false, &Origin::default()).unwrap();
    assert_eq!(fake.models.lock().unwrap().len(), 1);
    cached.verify(version(1)).unwrap();
    assert_eq!(*fake.reads.lock().unwrap(), [Some(version(1))]);
    assert!(cached.verify(version(2)).is_err());
}

#[test]
fn everything_else_is_the_stores() {
    let (fake, cached) = cached(true);
    assert_eq!(cached.write(&constant(3.0, 0)).unwrap(), version(3));
    assert_eq!(cached.list_models().unwrap().len(), 3);
    assert_eq!(cached.list_properties().unwrap(), fake.list_properties().unwrap());
}

/// Writes down the updates that are made.
#[derive(Default)]
struct Updates(Mutex<Vec<String>>);

impl Lifecycle for Updates {}

impl Decorator for Updates {
    fn call(&self, call: Call<'_>) -> Result<Returned, Failure> {
        let place = format!("{} of {}", call.name(), call.subject().unwrap());
        let returned = call.proceed();
        let outcome = returned.as_ref().map_or_else(ToString::to_string, |returned| returned.describe().to_owned());
        self.0.lock().unwrap().push(format!("{place}: {outcome}"));
        returned
    }
}

#[test]
fn updates_are_decorated() {
    let (_, cached) = cached(true);
    let updates = Arc::new(Updates::default());
    let mut decorators = Decorators::default();
    decorators.insert(DecoratorList::new(UPDATE_DECORATORS, vec![updates.clone()]));
    initialize_decorated(&cached, Mode::Serve, &decorators).unwrap();
    assert!(cached.update_cache(None).unwrap().is_none());
    assert!(matches!(cached.update_cache(Some(version(9))), Err(PersistError::Lookup(_))));
    assert_eq!(at_hand(&cached), Some(1.0));
    let expected = ["a model", "nothing", "No such version: 9"];
    let expected = expected.map(|outcome| format!("update_model_decorators of model_persister: {outcome}"));
    assert_eq!(*updates.0.lock().unwrap(), expected);
}
