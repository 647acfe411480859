//! Looks for new models, by a rule and otherwise.

use std::sync::mpsc::channel;

use super::*;
use crate::testing::{component, persister};

/// Returns a rule as a configuration has it.
fn rule(entries: &[(&str, &str)]) -> Data {
    let span = Span::nowhere("test");
    let entry = |text: &str| Entry { key_span: span.clone(), value: Value::new(Data::Text(text.into()), span.clone()) };
    Data::Map(entries.iter().map(|(key, text)| ((*key).to_owned(), entry(text))).collect())
}

/// Returns the store of [`cached`] with a cache that looks for a new model each second.
fn secondly() -> (Arc<Fake>, CachedUpdatePersister) {
    let (fake, cached) = cached(true);
    let rule = Value::new(rule(&[("freq", "SECONDLY")]), Span::nowhere("test"));
    let update_cache_rrule = Some(Recurrence::from_argument(&rule).unwrap());
    (fake, CachedUpdatePersister { update_cache_rrule, ..cached })
}

/// Waits until something is so; a minute is for machines that have much else to do.
fn until(what: &str, is_so: impl Fn() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < Duration::from_secs(60), "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn looks(fake: &Fake) -> usize {
    fake.looks.load(Ordering::Relaxed)
}

#[test]
fn a_rule_takes_up_what_others_activate_until_it_is_closed() {
    let (fake, cached) = secondly();
    initialize(&cached, Mode::Serve).unwrap();
    assert_eq!(at_hand(&cached), Some(1.0));
    fake.activate(version(2)).unwrap();
    until("the model is taken up", || at_hand(&cached) == Some(2.0));

    // A store that fails and one that panics end nothing.
    fake.broken.store(true, Ordering::Relaxed);
    fake.activate(version(1)).unwrap();
    until("the failure is noted", || cached.refreshes().unwrap().error == Some(RefreshError::Unreadable));
    fake.panics.store(true, Ordering::Relaxed);
    until("the panic is noted", || cached.refreshes().unwrap().error == Some(RefreshError::BrokenOff));
    assert_eq!(at_hand(&cached), Some(2.0));
    fake.panics.store(false, Ordering::Relaxed);
    fake.broken.store(false, Ordering::Relaxed);
    until("the model is taken up again", || at_hand(&cached) == Some(1.0));

    // The task lets go of the store once the cache is closed, after the look that it may be at.
    cached.close();
    assert!(cached.task.lock().unwrap().is_none());
    until("the task has ended", || Arc::strong_count(&cached.store) == 2);
    assert_eq!(at_hand(&cached), Some(1.0));
}

#[test]
fn without_a_rule_and_in_fit_mode_there_is_no_task() {
    let (_, without) = cached(true);
    initialize(&without, Mode::Serve).unwrap();
    assert!(without.task.lock().unwrap().is_none());
    let (fake, fitting) = secondly();
    initialize(&fitting, Mode::Fit).unwrap();
    assert!(fitting.task.lock().unwrap().is_none());
    assert_eq!((looks(&fake), fitting.refreshes()), (0, None));
}

#[test]
fn a_refresh_without_a_change_is_one_look_at_the_properties() {
    let (fake, cached) = cached(true);
    initialize(&cached, Mode::Serve).unwrap();
    assert_eq!((looks(&fake), fake.n_reads()), (1, 1));
    for n_looks in 2..5 {
        cached.updater(Occasion::Rule).refresh();
        assert_eq!((looks(&fake), fake.n_reads()), (n_looks, 1));
    }
}

#[test]
fn a_service_without_a_model_finds_one_at_a_refresh() {
    let (fake, cached) = cached(true);
    *fake.active.lock().unwrap() = None;
    initialize(&cached, Mode::Serve).unwrap();
    cached.updater(Occasion::Rule).refresh();
    let refreshes = cached.refreshes().unwrap();
    assert_eq!((refreshes.loaded, refreshes.error), (None, Some(RefreshError::NoneActive)));
    fake.activate(version(2)).unwrap();
    cached.updater(Occasion::Rule).refresh();
    assert_eq!(at_hand(&cached), Some(2.0));
    // None active any more: the last one stays.
    *fake.active.lock().unwrap() = None;
    cached.updater(Occasion::Rule).refresh();
    assert_eq!(at_hand(&cached), Some(2.0));
    assert_eq!(cached.refreshes().unwrap().error, Some(RefreshError::NoneActive));
}

#[test]
fn what_came_of_the_looks_is_told() {
    let (fake, cached) = cached(true);
    assert_eq!(cached.refreshes(), None);
    initialize(&cached, Mode::Serve).unwrap();
    let first = cached.refreshes().unwrap();
    assert!(first.loaded.is_some() && first.loaded <= first.last, "{first:?}");
    assert_eq!((&first.error, &first.failing_since), (&None, &None));

    cached.updater(Occasion::Rule).refresh();
    let unchanged = cached.refreshes().unwrap();
    assert!(unchanged.last > first.last && unchanged.loaded == first.loaded, "{unchanged:?}");

    fake.broken.store(true, Ordering::Relaxed);
    fake.activate(version(2)).unwrap();
    cached.updater(Occasion::Rule).refresh();
    let failed = cached.refreshes().unwrap();
    assert_eq!((failed.loaded, failed.error), (first.loaded.clone(), Some(RefreshError::Unreadable)));
    assert!(failed.failing_since.is_some() && failed.failing_since == failed.last);
    cached.updater(Occasion::Rule).refresh();
    let still = cached.refreshes().unwrap();
    assert!(still.failing_since == failed.failing_since && still.last > failed.last, "{still:?}");

    fake.broken.store(false, Ordering::Relaxed);
    let_pauses_pass(&cached);
    cached.updater(Occasion::Rule).refresh();
    let good = cached.refreshes().unwrap();
    assert!(good.loaded > first.loaded, "{good:?}");
    assert_eq!((good.error, good.failing_since), (None, None));
    // A look that leaves the damaged version alone is none that failed.
    assert_eq!([first.failures, failed.failures, still.failures, good.failures], [0, 1, 1, 1]);
}

#[test]
fn a_damaged_version_is_loaded_again_after_ever_longer_pauses() {
    let (fake, cached) = cached(true);
    initialize(&cached, Mode::Serve).unwrap();
    fake.broken.store(true, Ordering::Relaxed);
    fake.activate(version(2)).unwrap();
    let refresh = || cached.updater(Occasion::Rule).refresh();
    let mut pauses = Vec::new();
    for n_failures in 1..=14 {
        refresh();
        let told = cached.refreshes().unwrap();
        let before = (looks(&fake), fake.n_reads());
        assert_eq!(before.1, 1 + n_failures);
        let until = cached.cache.tried.lock().unwrap().failed.as_ref().unwrap().until;
        pauses.push((until - Instant::now()).as_secs_f64().ceil());
        // The first pause is too short for a machine that has much else to do.
        if n_failures > 3 {
            refresh();
            assert_eq!((looks(&fake), fake.n_reads()), (before.0 + 1, before.1), "one look at the properties");
            let still = cached.refreshes().unwrap();
            assert_eq!((still.error, still.failing_since), (Some(RefreshError::Unreadable), told.failing_since));
            assert!(still.last > told.last);
        }
        let_pauses_pass(&cached);
    }
    let expected = (0..14).map(|power| f64::from(1 << power).min(59.0 * 60.0));
    for (pause, expected) in pauses.into_iter().zip(expected) {
        assert!(pause <= expected && pause > expected - 30.0, "{pause} of {expected} seconds");
    }

    // Another version is tried at once, and so is this one when it is active again or asked for.
    refresh();
    let n_reads = fake.n_reads();
    fake.broken.store(false, Ordering::Relaxed);
    refresh();
    assert_eq!((fake.n_reads(), at_hand(&cached)), (n_reads, Some(1.0)));
    fake.write(&constant(3.0, 0)).unwrap();
    fake.activate(version(3)).unwrap();
    refresh();
    assert_eq!(at_hand(&cached), Some(3.0));
    fake.activate(version(2)).unwrap();
    refresh();
    assert_eq!(at_hand(&cached), Some(2.0));
}

#[test]
fn who_asks_for_a_look_waits_for_no_pause() {
    let (fake, cached) = cached(true);
    initialize(&cached, Mode::Serve).unwrap();
    fake.broken.store(true, Ordering::Relaxed);
    fake.activate(version(2)).unwrap();
    for n_reads in 2..5 {
        assert!(cached.update_cache(None).is_err());
        assert_eq!(fake.n_reads(), n_reads);
    }
    // The version before is active again for a while.
    fake.activate(version(1)).unwrap();
    cached.updater(Occasion::Rule).refresh();
    assert_eq!(cached.refreshes().unwrap().error, None);
    fake.broken.store(false, Ordering::Relaxed);
    fake.activate(version(2)).unwrap();
    cached.updater(Occasion::Rule).refresh();
    assert_eq!(at_hand(&cached), Some(2.0));
}

#[test]
fn a_store_that_is_down_or_has_no_such_version_is_tried_at_each_refresh() {
    let (fake, cached) = cached(true);
    initialize(&cached, Mode::Serve).unwrap();
    let check = |expected: RefreshError| {
        for _ in 0..3 {
            let before = looks(&fake);
            cached.updater(Occasion::Rule).refresh();
            assert_eq!(looks(&fake), before + 1);
            assert_eq!(cached.refreshes().unwrap().error, Some(expected));
        }
    };
    fake.unreachable.store(true, Ordering::Relaxed);
    check(RefreshError::Unreachable);
    fake.unreachable.store(false, Ordering::Relaxed);
    fake.activate(version(9)).unwrap();
    let n_reads = fake.n_reads();
    check(RefreshError::NotStored);
    assert_eq!(fake.n_reads(), n_reads + 3);
}

/// Keeps the level and the message of what is logged.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<String>>>);

impl tracing::Subscriber for Lines {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        metadata.target().contains("cached")
    }

    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }

    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}

    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        let mut line = event.metadata().level().to_string();
        event.record(&mut |field: &tracing::field::Field, value: &dyn std::fmt::Debug| {
            if field.name() == "message" {
                line += &format!(" {value:?}");
            }
        });
        self.0.lock().unwrap().push(line.replace("CachedUpdatePersister: ", ""));
    }

    fn enter(&self, _: &tracing::span::Id) {}

    fn exit(&self, _: &tracing::span::Id) {}
}

#[test]
fn a_failure_is_logged_when_it_changes() {
    let (fake, cached) = cached(true);
    let lines = Lines::default();
    tracing::subscriber::with_default(lines.clone(), || {
        let refresh_twice = || (0..2).for_each(|_| cached.updater(Occasion::Rule).refresh());
        initialize(&cached, Mode::Serve).unwrap();
        fake.unreachable.store(true, Ordering::Relaxed);
        refresh_twice();
        fake.unreachable.store(false, Ordering::Relaxed);
        fake.activate(version(9)).unwrap();
        refresh_twice();
        fake.activate(version(2)).unwrap();
        refresh_twice();
        fake.unreachable.store(true, Ordering::Relaxed);
        refresh_twice();
    });
    let expected = [
        "INFO initial fill of cache done.",
        "ERROR no new model: nobody answers at db.internal",
        "DEBUG still no new model: nobody answers at db.internal",
        "WARN no new model: Activated model not available. Maybe it was deleted.",
        "DEBUG still no new model: Activated model not available. Maybe it was deleted.",
        "INFO another model is in use",
        "ERROR no new model: nobody answers at db.internal",
        "DEBUG still no new model: nobody answers at db.internal",
    ];
    assert_eq!(*lines.0.lock().unwrap(), expected);
}

/// Runs something while a refresh waits for its store; returns when the refresh is done.
fn while_refreshing(fake: &Fake, cached: &CachedUpdatePersister, then: impl FnOnce(&dyn Fn())) {
    let (begins, has_begun) = channel();
    let (go_on, goes_on) = channel();
    *fake.held.lock().unwrap() = Some((begins, goes_on));
    std::thread::scope(|scope| {
        scope.spawn(|| cached.updater(Occasion::Rule).refresh());
        has_begun.recv().unwrap();
        then(&|| go_on.send(()).unwrap());
    });
}

#[test]
fn no_request_waits_for_a_refresh() {
    let (fake, cached) = cached(true);
    initialize(&cached, Mode::Serve).unwrap();
    fake.activate(version(2)).unwrap();
    while_refreshing(&fake, &cached, |go_on| {
        assert_eq!(at_hand(&cached), Some(1.0));
        assert_eq!(answer(&cached.read(None).unwrap()), 1.0);
        assert_eq!(answer(&cached.in_memory().unwrap()), 1.0);
        assert_eq!(cached.refreshes().unwrap().error, None);
        go_on();
    });
    assert_eq!(at_hand(&cached), Some(2.0));
}

#[test]
fn no_request_waits_for_the_first_model_of_another() {
    let (fake, cached) = cached(true);
    *fake.active.lock().unwrap() = None;
    initialize(&cached, Mode::Serve).unwrap();
    fake.activate(version(1)).unwrap();
    let failing_since = cached.refreshes().unwrap().failing_since;
    while_refreshing(&fake, &cached, |go_on| {
        let error = cached.read(None).err().unwrap();
        assert!(matches!(error, PersistError::Lookup(_)));
        assert_eq!(error.to_string(), "No model available: it is being loaded");
        let n_looks = looks(&fake);
        assert_eq!((looked(&cached), looks(&fake)), (None, n_looks), "nor does who asks whether there is a model");
        assert_eq!(cached.refreshes().unwrap().failing_since, failing_since);
        go_on();
    });
    assert_eq!(answer(&cached.read(None).unwrap()), 1.0);
}

#[test]
fn an_activation_during_a_refresh_has_the_last_word() {
    let (fake, cached) = cached(false);
    initialize(&cached, Mode::Serve).unwrap();
    while_refreshing(&fake, &cached, |go_on| {
        // The refresh has read which version is active, and reads that.
        std::thread::scope(|scope| {
            let activation = scope.spawn(|| cached.activate(version(2)));
            until("the version is active", || *fake.active.lock().unwrap() == Some(version(2)));
            go_on();
            activation.join().unwrap().unwrap();
        });
        assert_eq!(at_hand(&cached), Some(2.0));
    });
    assert_eq!(at_hand(&cached), Some(2.0));
    assert_eq!(*fake.reads.lock().unwrap(), [Some(version(1)), Some(version(1)), Some(version(2))]);
}

#[test]
fn a_damaged_version_does_not_replace_the_one_in_use() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model-{version}").to_str().unwrap().to_owned();
    let store = persister("palladium.persistence.File", &[("path", Data::Text(path))]).unwrap();
    initialize(store.as_ref(), Mode::Serve).unwrap();
    for number in [1.0, 2.0] {
        store.write(&constant(number, 1000)).unwrap();
    }
    store.activate(version(1)).unwrap();
    let cached = cache(Arc::clone(&store), true);
    initialize(&cached, Mode::Serve).unwrap();

    let file = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path());
    let file = file.into_iter().find(|path| path.to_str().unwrap().contains("model-2")).unwrap();
    let whole = std::fs::read(&file).unwrap();
    let mut damaged = whole.clone();
    let middle = damaged.len() / 2;
    damaged[middle] ^= 1;
    std::fs::write(&file, damaged).unwrap();
    store.activate(version(2)).unwrap();
    cached.updater(Occasion::Rule).refresh();
    assert_eq!(at_hand(&cached), Some(1.0));
    assert!(cached.refreshes().unwrap().failing_since.is_some());

    std::fs::write(&file, whole).unwrap();
    let_pauses_pass(&cached);
    cached.updater(Occasion::Rule).refresh();
    assert_eq!(at_hand(&cached), Some(2.0));
    // The store goes away altogether.
    drop(folder);
    cached.updater(Occasion::Rule).refresh();
    assert!(cached.refreshes().unwrap().error.is_some());
    assert_eq!(at_hand(&cached), Some(2.0));
}

/// Returns the resident memory of this process in kB.
fn resident() -> u64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches("kB").trim().parse().unwrap()
}

/// Tells a process that it runs one test alone.
const ALONE: &str = "PALLADIUM_TEST_ALONE";

#[test]
fn a_thousand_refreshes_take_no_more_memory_than_a_few() {
    if std::env::var_os(ALONE).is_none() {
        // Other tests take memory of the same process: a panic reads the names of all functions, for its report.
        let name = format!("{}::a_thousand_refreshes_take_no_more_memory_than_a_few", module_path!());
        let name = name.split_once("::").unwrap().1;
        let mut command = std::process::Command::new(std::env::current_exe().unwrap());
        let output = command.args(["--exact", name]).env(ALONE, "1").output().unwrap();
        let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success() && said.contains("1 passed"), "{said}");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:///{}/models.db", folder.path().display());
    let store = persister("palladium.persistence.Database", &[("url", Data::Text(url))]).unwrap();
    initialize(store.as_ref(), Mode::Serve).unwrap();
    store.write(&constant(1.0, 40_000)).unwrap();
    store.activate(version(1)).unwrap();
    let cached = cache(store, false);
    initialize(&cached, Mode::Serve).unwrap();
    let refresh = |times: u64| (0..times).for_each(|_| cached.updater(Occasion::Rule).refresh());
    refresh(50);
    let before = resident();
    refresh(1000);
    let after = resident();
    assert!(after < before + 20 * 1024, "{before} kB became {after}");
}

#[test]
fn a_rule_is_checked_while_a_configuration_is_planned() {
    let store = || component("palladium.persistence.Database", &[("url", Data::Text("sqlite://".into()))]).unwrap();
    let check = |rule| {
        let arguments = [("impl", store()), ("update_cache_rrule", rule)];
        component("palladium.persistence.CachedUpdatePersister", &arguments).map(drop)
    };
    check(rule(&[("freq", "hourly"), ("dtstart", "2026-10-30 13:21"), ("tz", "Europe/Berlin")])).unwrap();
    check(Data::Null).unwrap();
    let name = "palladium.persistence.CachedUpdatePersister";
    let cases = [
        (Data::Int(1), format!("`update_cache_rrule` of `{name}` has to be a map with `freq`, a recurrence rule")),
        (
            rule(&[("freq", "HOURLY"), ("byhuor", "1")]),
            format!("`update_cache_rrule` of `{name}`: a recurrence rule has no key `byhuor`"),
        ),
    ];
    for (rule, expected) in cases {
        assert_eq!(check(rule).unwrap_err(), expected);
    }
}

#[test]
fn the_key_is_the_whole_path_of_the_component() {
    let (_, cached) = cached(true);
    let updates = Arc::new(Updates::default());
    let mut decorators = Decorators::default();
    decorators.insert(DecoratorList::new(UPDATE_DECORATORS, vec![updates.clone()]));
    let (key, root) = (KeyPath::parse("services.iris.model_persister"), Value::new(Data::Null, Span::nowhere("test")));
    let registry = Registry::linked().unwrap();
    let (formats, decorators) = (registry.formats(), &decorators);
    cached
        .initialize(&InitContext {
            key: &key,
            mode: Mode::Serve,
            root: &root,
            blueprint: &Blueprint::default(),
            formats,
            decorators,
        })
        .unwrap();
    assert_eq!(*updates.0.lock().unwrap(), ["update_model_decorators of services.iris.model_persister: a model"]);
}
