//! What a fit does with each of its options, with components that are fakes.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test fails by a panic")]

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use palladium_component::prelude::*;
use palladium_runtime::evaluate::evaluate;
use palladium_runtime::export::{Wanted, export};
use palladium_runtime::fit::{FitInputs, FitOptions, FitReport, Outcome, fit};
use palladium_runtime::{App, JobError};
use serde::{Deserialize, Serialize};

/// Loads rows of a column `x` and a target `y` that is its double plus an error.
struct Rows {
    error: f64,
    loads: AtomicUsize,
}

impl Lifecycle for Rows {}

impl DatasetLoader for Rows {
    fn load(&self) -> Result<Dataset, Failure> {
        self.loads.fetch_add(1, Ordering::SeqCst);
        let x: Vec<f64> = (1..=4).map(f64::from).collect();
        let y: Vec<f64> = x.iter().map(|x| 2.0 * x + if *x == 4.0 { self.error } else { 0.0 }).collect();
        let column = |numbers| Arc::new(Float64Array::from(numbers)) as ArrayRef;
        Ok(Dataset::split(Table::new(vec![("x".into(), column(x)), ("y".into(), column(y))])?, Some("y"))?)
    }
}

/// Learns to double.
struct Doubling {
    has_score: bool,
    cancel: Option<Arc<AtomicBool>>,
}

impl Lifecycle for Doubling {}

impl Estimator for Doubling {
    fn fit(&self, _: &Dataset, context: &FitContext) -> Result<Box<dyn Model>, Failure> {
        if let Some(cancel) = &self.cancel {
            cancel.store(true, Ordering::SeqCst);
        }
        context.check()?;
        Ok(Box::new(Double { factor: 2.0, has_score: self.has_score }))
    }

    fn has_score(&self) -> bool {
        self.has_score
    }
}

/// Doubles.
#[component(Model, name = "test.Doubling", version = 1)]
#[derive(Serialize, Deserialize)]
struct Double {
    factor: f64,
    has_score: bool,
}

impl Model for Double {
    fn predict(&self, samples: &Samples, _: &Parameters) -> Result<Predictions, PredictError> {
        Ok(Predictions::Numbers(samples.numeric()?.column(0).iter().map(|x| self.factor * x).collect()))
    }

    fn score(&self, data: &Dataset) -> Result<Option<f64>, Failure> {
        if !self.has_score {
            return Ok(None);
        }
        let Predictions::Numbers(guesses) = self.predict(&Samples::new(data.features.clone()), &Parameters::new())?
        else {
            return Ok(None);
        };
        let errors: f64 = data.numbers()?.iter().zip(guesses).map(|(truth, guess)| (truth - guess).abs()).sum();
        Ok(Some(1.0 - errors))
    }

    fn check(&self) -> Result<(), String> {
        Ok(())
    }
}

/// Scores everything alike.
struct Constant(f64);

impl Lifecycle for Constant {}

impl Scorer for Constant {
    fn score(&self, _: &TrainedModel, _: &Dataset) -> Result<f64, Failure> {
        Ok(self.0)
    }
}

/// Keeps metadata in memory.
#[derive(Default)]
struct Memory {
    written: Mutex<Vec<Metadata>>,
    active: Mutex<Option<Version>>,
    origin: Mutex<Option<Origin>>,
    /// What it cannot do.
    fails_at: Option<&'static str>,
}

impl Memory {
    fn try_to(&self, doing: &'static str) -> Result<(), PersistError> {
        match self.fails_at == Some(doing) {
            true => Err(Failure::message("the store is gone").into()),
            false => Ok(()),
        }
    }
}

impl Lifecycle for Memory {}

impl Persister for Memory {
    fn read(&self, version: Option<Version>) -> Result<Arc<TrainedModel>, PersistError> {
        let version = version.or(*self.active.lock().unwrap());
        let version = version.ok_or_else(|| PersistError::Lookup("No model available".into()))?;
        let written = self.written.lock().unwrap();
        let mut metadata = written.get(version.number() as usize - 1).cloned().unwrap_or_default();
        metadata.annotate("version", version.number());
        let columns = vec![ColumnSpec { name: "x".into(), kind: ColumnType::Float }];
        Ok(Arc::new(TrainedModel { model: Box::new(Double { factor: 2.0, has_score: true }), columns, metadata }))
    }

    fn write(&self, model: &TrainedModel) -> Result<Version, PersistError> {
        let mut written = self.written.lock().unwrap();
        written.push(model.metadata.clone());
        Ok(Version::new(written.len() as u64).unwrap())
    }

    fn activate(&self, version: Version) -> Result<(), PersistError> {
        self.try_to("activate")?;
        *self.active.lock().unwrap() = Some(version);
        Ok(())
    }

    fn activate_as(&self, version: Version, origin: &Origin) -> Result<(), PersistError> {
        *self.origin.lock().unwrap() = Some(origin.clone());
        self.activate(version)
    }

    fn delete(&self, version: Version) -> Result<(), PersistError> {
        Err(PersistError::Lookup(format!("No such version: {version}")))
    }

    fn list_models(&self) -> Result<Vec<Metadata>, PersistError> {
        self.try_to("list")?;
        Ok(self.written.lock().unwrap().clone())
    }

    fn list_properties(&self) -> Result<BTreeMap<String, String>, PersistError> {
        Ok(BTreeMap::new())
    }
}

/// An application of fakes and what is asked about it afterwards.
struct Fakes {
    store: Arc<Memory>,
    train: Arc<Rows>,
    test: Arc<Rows>,
    components: Vec<(&'static str, Component)>,
    entries: Vec<(&'static str, Value)>,
}

fn fakes(test_error: f64) -> Fakes {
    let rows = |error| Arc::new(Rows { error, loads: AtomicUsize::new(0) });
    let (store, train, test) = (Arc::new(Memory::default()), rows(0.5), rows(test_error));
    let components = vec![
        ("dataset_loader_train", Component::DatasetLoader(train.clone())),
        ("dataset_loader_test", Component::DatasetLoader(test.clone())),
        ("model", Component::Estimator(Arc::new(Doubling { has_score: true, cancel: None }))),
        ("model_persister", Component::Persister(store.clone())),
    ];
    Fakes { store, train, test, components, entries: Vec::new() }
}

impl Fakes {
    fn without(mut self, key: &str) -> Fakes {
        self.components.retain(|(name, _)| *name != key);
        self
    }

    fn with(mut self, key: &'static str, component: Component) -> Fakes {
        self = self.without(key);
        self.components.push((key, component));
        self
    }

    fn app(&self) -> App {
        App::of_components(self.components.clone(), self.entries.clone())
    }

    fn fit(&self, options: &FitOptions) -> Result<FitReport, JobError> {
        fit(&FitInputs::of(&self.app(), options)?, options, &FitContext::default())
    }
}

fn entry(key: &Option<Metadata>, name: &str) -> Option<f64> {
    key.as_ref().and_then(|metadata| metadata.get(name)).and_then(serde_json::Value::as_f64)
}

#[test]
fn each_option_has_its_effect() {
    let better = |threshold| FitOptions { persist_if_better_than: Some(threshold), ..FitOptions::default() };
    let first = Version::FIRST;
    let stored = |activated| Outcome::Persisted { version: first, activated };
    let default = FitOptions::default;
    let cases = [
        (default(), stored(true), (None, None), 0),
        (FitOptions { activate: false, ..default() }, stored(false), (None, None), 0),
        (FitOptions { persist: false, ..default() }, Outcome::NotPersisted, (None, None), 0),
        (FitOptions { evaluate: true, ..default() }, stored(true), (Some(0.5), Some(0.75)), 1),
        (better(0.75), stored(true), (Some(0.5), Some(0.75)), 1),
        (better(0.8), Outcome::NotGoodEnough { score: 0.75, threshold: 0.8 }, (None, None), 1),
    ];
    for (options, outcome, (train, test), test_loads) in cases {
        let fakes = fakes(0.25);
        let report = fakes.fit(&options).unwrap();
        assert_eq!(report.outcome, outcome, "{options:?}");
        assert_eq!(fakes.train.loads.load(Ordering::SeqCst), 1, "{options:?}");
        assert_eq!(fakes.test.loads.load(Ordering::SeqCst), test_loads, "{options:?}");
        let written = fakes.store.written.lock().unwrap().first().cloned();
        assert_eq!(written.is_some(), matches!(outcome, Outcome::Persisted { .. }), "{options:?}");
        assert_eq!((entry(&written, "score_train"), entry(&written, "score_test")), (train, test), "{options:?}");
        let active = *fakes.store.active.lock().unwrap();
        assert_eq!(active, matches!(outcome, Outcome::Persisted { activated: true, .. }).then_some(first));
        if let Some(written) = written {
            let time = written.get("train_timestamp").unwrap().as_str().unwrap();
            chrono::DateTime::parse_from_rfc3339(time).unwrap();
        }
    }
}

#[test]
fn a_model_tells_what_it_came_from() {
    let lineage = |options: &FitOptions| {
        let fakes = fakes(0.25);
        fakes.fit(options).unwrap();
        let written = fakes.store.written.lock().unwrap();
        assert_eq!(written[0].for_listing().get(Metadata::LINEAGE), None);
        assert_eq!(written[0].for_listing().entries().count() + 1, written[0].entries().count());
        written[0].get(Metadata::LINEAGE).unwrap().clone()
    };
    let steps = |lineage: &serde_json::Value| -> Vec<String> {
        let seconds = lineage["seconds"].as_object().unwrap();
        assert!(seconds.values().all(|taken| taken.as_f64().is_some_and(|taken| taken >= 0.0)), "{seconds:?}");
        seconds.keys().cloned().collect()
    };
    let fitted = lineage(&FitOptions::default());
    assert_eq!(fitted["palladium_version"], palladium_runtime::VERSION);
    assert_eq!(fitted["data"]["dataset_loader_train"]["rows"], 4);
    assert_eq!(fitted["data"].as_object().unwrap().len(), 1, "only what was loaded");
    assert_eq!(steps(&fitted), ["fit", "load"]);
    let evaluated = lineage(&FitOptions { evaluate: true, ..FitOptions::default() });
    assert_eq!(steps(&evaluated), ["evaluate", "fit", "load"]);
    let digests = ["dataset_loader_train", "dataset_loader_test"].map(|key| evaluated["data"][key]["digest"].clone());
    assert_eq!(digests[0], fitted["data"]["dataset_loader_train"]["digest"], "the same data");
    assert_ne!(digests[0], digests[1], "one cell is another");
}

#[test]
fn a_score_that_is_nan_is_never_good_enough() {
    let fakes = fakes(f64::NAN);
    let options = FitOptions { persist_if_better_than: Some(f64::NEG_INFINITY), ..FitOptions::default() };
    // The fake's own score of a NaN target fails, so that a scorer has to answer.
    let mut fakes = fakes;
    fakes.entries.push(("scoring", component(Component::Scorer(Arc::new(Constant(f64::NAN))))));
    let outcome = fakes.fit(&options).unwrap().outcome;
    assert!(matches!(outcome, Outcome::NotGoodEnough { .. }));
    let told = "model not stored: its test score is not a number, and so is not good enough";
    assert_eq!(outcome.to_string(), told);
    let low = Outcome::NotGoodEnough { score: 0.5, threshold: 0.75 };
    assert_eq!(low.to_string(), "model not stored: its test score 0.5 is less than 0.75");
    fakes.fit(&FitOptions { evaluate: true, ..FitOptions::default() }).unwrap();
    let written = fakes.store.written.lock().unwrap()[0].clone();
    assert_eq!(written.get("score_test"), Some(&serde_json::Value::Null), "JSON has no NaN");
}

fn component(component: Component) -> Value {
    Value::new(Data::Component(Arc::new(component)), Span::nowhere("test"))
}

#[test]
fn scoring_stands_in_for_the_own_score() {
    let mut fakes =
        fakes(0.25).with("model", Component::Estimator(Arc::new(Doubling { has_score: false, cancel: None })));
    let options = FitOptions { evaluate: true, ..FitOptions::default() };
    let error = fakes.fit(&options).err().unwrap().to_string();
    assert!(error.contains("no score of their own") && error.contains("scoring"), "{error}");
    assert_eq!(fakes.train.loads.load(Ordering::SeqCst), 0, "found before anything is loaded");

    let scorer = |value| component(Component::Scorer(Arc::new(Constant(value))));
    let labels = [("a", 3.0), ("b", 4.0)]
        .map(|(label, value)| (label.to_owned(), Entry { key_span: Span::nowhere("test"), value: scorer(value) }));
    fakes.entries.push(("scoring", Value::new(Data::Map(Map::from_iter(labels)), Span::nowhere("test"))));
    let report = fakes.fit(&options).unwrap();
    let scores: Vec<_> = report.test_scores.iter().map(|score| (score.label.as_str(), score.value)).collect();
    assert_eq!(scores, [("a", 3.0), ("b", 4.0)]);
    let written = fakes.store.written.lock().unwrap().first().cloned();
    let annotated = ["score_test", "score_test_a", "score_test_b", "score_train_b"].map(|key| entry(&written, key));
    assert_eq!(annotated, [Some(3.0), Some(3.0), Some(4.0), Some(4.0)]);
}

#[test]
fn missing_parts_are_found_before_anything_is_loaded() {
    let better = FitOptions { persist_if_better_than: Some(0.5), ..FitOptions::default() };
    let cases = [
        ("dataset_loader_train", FitOptions::default(), "no `dataset_loader_train`"),
        ("model", FitOptions::default(), "no `model`"),
        ("model_persister", FitOptions::default(), "no `model_persister`"),
        ("dataset_loader_test", better, "with a `dataset_loader_test`"),
    ];
    for (key, options, mention) in cases {
        let fakes = fakes(0.0).without(key);
        let error = fakes.fit(&options).err().unwrap().to_string();
        assert!(error.contains(mention), "{key}: {error}");
        assert_eq!(fakes.train.loads.load(Ordering::SeqCst), 0);
    }
    let fakes = fakes(0.0).without("model_persister");
    let options = FitOptions { persist: false, ..FitOptions::default() };
    assert_eq!(fakes.fit(&options).unwrap().outcome, Outcome::NotPersisted, "without persisting none is needed");
}

#[test]
fn what_a_fit_needs_in_the_end_is_looked_for_before_the_training() {
    let evaluated = FitOptions { evaluate: true, ..FitOptions::default() };
    let gone = || Component::Persister(Arc::new(Memory { fails_at: Some("list"), ..Memory::default() }));
    let broken = || Component::DatasetLoader(Arc::new(Broken));
    let cases = [
        ("model_persister", gone(), FitOptions::default(), "reaching the store of `model_persister` failed", 0),
        ("dataset_loader_test", broken(), evaluated, "loading the data of `dataset_loader_test` failed", 1),
    ];
    for (key, component, options, expected, train_loads) in cases {
        let trained = Arc::new(AtomicBool::new(false));
        let estimator = Doubling { has_score: true, cancel: Some(Arc::clone(&trained)) };
        let fakes = fakes(0.0).with("model", Component::Estimator(Arc::new(estimator))).with(key, component);
        assert_eq!(fakes.fit(&options).err().unwrap().to_string(), expected);
        assert!(!trained.load(Ordering::SeqCst), "{key}");
        assert_eq!(fakes.train.loads.load(Ordering::SeqCst), train_loads, "{key}");
    }
    let unstored = FitOptions { persist: false, ..FitOptions::default() };
    fakes(0.0).with("model_persister", gone()).fit(&unstored).unwrap();
    fakes(0.0).with("dataset_loader_test", broken()).fit(&FitOptions::default()).unwrap();
}

#[test]
fn what_was_stored_and_could_not_be_activated_is_told() {
    let store = Memory { fails_at: Some("activate"), ..Memory::default() };
    let fakes = fakes(0.0).with("model_persister", Component::Persister(Arc::new(store)));
    let error = fakes.fit(&FitOptions::default()).err().unwrap().to_string();
    assert_eq!(error, "activating version 1, which is stored, through `model_persister` failed");
}

/// Waits for a server that does not answer, and has the fit cancelled while it does.
struct Waiting {
    cancel: Arc<AtomicBool>,
    server: Mutex<std::sync::mpsc::Receiver<()>>,
}

impl Lifecycle for Waiting {}

impl DatasetLoader for Waiting {
    fn load(&self) -> Result<Dataset, Failure> {
        self.cancel.store(true, Ordering::SeqCst);
        let _ = self.server.lock().unwrap().recv();
        Err(Failure::message("there is no answer"))
    }
}

#[test]
fn a_load_that_waits_is_given_up() {
    let (flag, (_answer, server)) = (Arc::new(AtomicBool::new(false)), std::sync::mpsc::channel());
    let loader = Waiting { cancel: Arc::clone(&flag), server: Mutex::new(server) };
    let fakes = fakes(0.0).with("dataset_loader_train", Component::DatasetLoader(Arc::new(loader)));
    let options = FitOptions { persist: true, ..FitOptions::default() };
    let inputs = FitInputs::of(&fakes.app(), &options).unwrap();
    let context = FitContext::cancelled_by(flag).leaving_work_by(Arc::new(|| Some(Box::new(()))));
    let error = fit(&inputs, &options, &context).err().unwrap();
    assert!(matches!(error, JobError::Cancelled), "{error:?}");
}

#[test]
fn a_cancelled_fit_stores_nothing() {
    let flag = Arc::new(AtomicBool::new(false));
    let estimator = Doubling { has_score: true, cancel: Some(Arc::clone(&flag)) };
    let fakes = fakes(0.0).with("model", Component::Estimator(Arc::new(estimator)));
    let options = FitOptions::default();
    let inputs = FitInputs::of(&fakes.app(), &options).unwrap();
    let error = fit(&inputs, &options, &FitContext::cancelled_by(flag)).err().unwrap();
    assert!(matches!(error, JobError::Cancelled));
    assert!(fakes.store.written.lock().unwrap().is_empty());
}

#[test]
fn a_fit_tells_how_far_it_is_and_in_whose_name_it_activates() {
    let phases = |options: &FitOptions, cancel_at: &'static str| {
        let (fakes, entered, flag) = (fakes(0.0), Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicBool::new(false)));
        let (notes, cancelled) = (Arc::clone(&entered), Arc::clone(&flag));
        let watch = move |phase| {
            notes.lock().unwrap().push(phase);
            cancelled.fetch_or(phase == cancel_at, Ordering::SeqCst);
        };
        let context = FitContext::cancelled_by(flag).watched_by(Arc::new(watch));
        let origin = Origin { principal: "ada".into(), command: "test".into() };
        let inputs = FitInputs::of(&fakes.app(), options).unwrap().on_behalf_of(origin.clone());
        let is_done = fit(&inputs, options, &context).is_ok();
        assert_eq!(*fakes.store.origin.lock().unwrap(), (is_done && options.persist).then_some(origin));
        let entered = entered.lock().unwrap().clone();
        (entered, is_done)
    };
    let usual = FitOptions::default();
    let evaluated = FitOptions { evaluate: true, ..usual.clone() };
    let unstored = FitOptions { persist: false, ..usual.clone() };
    let cases = [
        (&usual, "", &["load", "fit", "write", "activate"][..], true),
        (&evaluated, "", &["load", "fit", "evaluate", "write", "activate"][..], true),
        (&unstored, "", &["load", "fit"][..], true),
        (&usual, "load", &["load"][..], false),
        (&evaluated, "evaluate", &["load", "fit", "evaluate"][..], false),
        // What is written is activated as well.
        (&usual, "write", &["load", "fit", "write", "activate"][..], true),
    ];
    for (options, cancel_at, expected, is_done) in cases {
        assert_eq!(phases(options, cancel_at), (expected.to_vec(), is_done), "{options:?} {cancel_at}");
    }
}

#[test]
fn evaluate_scores_the_active_or_a_given_version() {
    let fakes = fakes(0.25);
    let none = evaluate(&fakes.app(), None, &LoadProgress::default()).unwrap_err();
    assert_eq!(none.to_string(), "reading through `model_persister` failed");
    fakes.fit(&FitOptions::default()).unwrap();
    fakes.fit(&FitOptions { activate: false, ..FitOptions::default() }).unwrap();
    for (version, expected) in [(None, 1), (Some(2), 2)] {
        let version = version.map(|number| Version::new(number).unwrap());
        let evaluation = evaluate(&fakes.app(), version, &LoadProgress::default()).unwrap();
        assert_eq!(evaluation.version.map(Version::number), Some(expected));
        assert_eq!(evaluation.scores[0].value, 0.75);
    }
}

/// Writes down what a fit is told and did, or answers in its place.
struct Watch {
    answers: bool,
    seen: Mutex<Vec<String>>,
}

impl Lifecycle for Watch {}

impl Decorator for Watch {
    fn call(&self, call: Call<'_>) -> Result<Returned, Failure> {
        let Arguments::Fit(arguments) = call.arguments() else { panic!("a fit has options") };
        let fitted = match self.answers {
            false => Fitted::try_from(call.proceed()?)?,
            true => Fitted {
                metadata: Metadata::default(),
                train_scores: Vec::new(),
                test_scores: Vec::new(),
                version: None,
                activated: false,
            },
        };
        let line = format!("{} {:?} {}", arguments.evaluate, fitted.version, fitted.activated);
        self.seen.lock().unwrap().push(line);
        Ok(fitted.into())
    }
}

#[test]
fn a_fit_is_decorated() {
    let watch = |answers| Arc::new(Watch { answers, seen: Mutex::default() });
    let decorated = |fakes: &Fakes, watch: Arc<Watch>| {
        let mut decorators = Decorators::default();
        decorators.insert(DecoratorList::new("fit_decorators", vec![watch]));
        let options = FitOptions { activate: false, evaluate: true, ..FitOptions::default() };
        let inputs = FitInputs::of(&fakes.app().decorated_by(decorators), &options).unwrap();
        fit(&inputs, &options, &FitContext::default())
    };
    let (fakes, first) = (fakes(0.25), watch(false));
    let report = decorated(&fakes, first.clone()).unwrap();
    assert_eq!(report.outcome, Outcome::Persisted { version: Version::FIRST, activated: false });
    assert_eq!(*first.seen.lock().unwrap(), [format!("true {:?} false", Some(Version::FIRST))]);

    let error = decorated(&fakes, watch(true)).err().unwrap();
    let source = std::error::Error::source(&error).unwrap().to_string();
    assert_eq!(error.to_string(), "calling the decorators of `fit_decorators` failed");
    assert_eq!(source, "a decorator has answered in the place of the fit");
    assert_eq!(fakes.store.written.lock().unwrap().len(), 1);

    // The fit's own error is what the caller gets.
    let broken = fakes.with("dataset_loader_train", Component::DatasetLoader(Arc::new(Broken)));
    let error = decorated(&broken, watch(false)).err().unwrap();
    assert_eq!(error.to_string(), "loading the data of `dataset_loader_train` failed");
}

/// Loads nothing.
struct Broken;

impl Lifecycle for Broken {}

impl DatasetLoader for Broken {
    fn load(&self) -> Result<Dataset, Failure> {
        Err(Failure::message("there is no data"))
    }
}

/// Holds one model and never lets go of it.
struct Keeping(Arc<TrainedModel>);

impl Lifecycle for Keeping {}

impl Persister for Keeping {
    fn read(&self, _: Option<Version>) -> Result<Arc<TrainedModel>, PersistError> {
        Ok(Arc::clone(&self.0))
    }

    fn write(&self, _: &TrainedModel) -> Result<Version, PersistError> {
        Err(PersistError::Lookup("full".into()))
    }

    fn activate(&self, _: Version) -> Result<(), PersistError> {
        Ok(())
    }

    fn delete(&self, _: Version) -> Result<(), PersistError> {
        Ok(())
    }

    fn list_models(&self) -> Result<Vec<Metadata>, PersistError> {
        Ok(vec![self.0.metadata.clone()])
    }

    fn list_properties(&self) -> Result<BTreeMap<String, String>, PersistError> {
        Ok(BTreeMap::from([("active-model".to_owned(), "x".to_owned())]))
    }
}

#[test]
fn an_export_tells_what_keeps_it_from_copying() {
    let memory = Arc::new(Memory::default());
    let mut written = Metadata::default();
    written.annotate("version", 1);
    memory.written.lock().unwrap().push(written);
    let model = memory.read(Some(Version::FIRST)).unwrap();
    let keeping = Arc::new(Keeping(model));
    let attempt = |source: Arc<dyn Persister>, target: Arc<dyn Persister>, wanted| {
        let components = vec![
            ("model_persister", Component::Persister(source)),
            ("model_persister_export", Component::Persister(target)),
        ];
        let mut copied = Vec::new();
        let done = export(&App::of_components(components, Vec::new()), wanted, true, &mut |model| copied.push(model));
        (done.map_err(|error| format!("{error}: {}", std::error::Error::source(&error).unwrap())), copied)
    };
    let kept = "reading through `model_persister` failed: a decorator of `read_model_decorators` has kept the model";
    let cases = [
        (attempt(keeping.clone(), memory.clone(), Wanted::Active), kept),
        (
            attempt(keeping.clone(), memory.clone(), Wanted::All),
            "listing through `model_persister` failed: the property `active-model` of the store is wrong: `x` is no \
             version: versions are whole numbers from 1 on",
        ),
        (
            attempt(memory.clone(), keeping, Wanted::Version(Version::FIRST)),
            "writing through `model_persister_export` failed: full",
        ),
        (
            attempt(memory.clone(), memory.clone(), Wanted::Active),
            "reading through `model_persister` failed: No model available",
        ),
    ];
    for ((done, copied), expected) in cases {
        assert_eq!(done.unwrap_err(), expected);
        assert_eq!(copied, []);
    }
    let (done, copied) = attempt(memory.clone(), memory.clone(), Wanted::All);
    assert_eq!((done, copied.len(), copied[0].activated), (Ok(()), 1, false), "none was active");
    assert_eq!(memory.written.lock().unwrap()[1].get("exported_from_version"), Some(&serde_json::json!(1)));
}
