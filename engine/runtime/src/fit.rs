//! Trains a model and stores it.

use std::fmt;
use std::sync::Arc;

use chrono::{SecondsFormat, Utc};
use palladium_component::data::Dataset;
use palladium_component::interfaces::{
    Arguments, Cancelled, DatasetLoader, DecoratorList, Estimator, Failure, FitArguments, FitContext, Fitted, Metadata,
    Origin, Orphan, Persister, TrainedModel, Version,
};
use palladium_component::value::{Code, Diagnostic};
use tracing::{debug, info, warn};

use crate::error::During;
use crate::lineage::{Recorder, Sources};
use crate::loading::load;
use crate::root_keys::{FIT_DECORATORS, MODEL, PERSISTER, SCORING, TEST, TRAIN};
use crate::timer::timed;
use crate::waiting::unless_cancelled;
use crate::{App, JobError, Score, Scoring, Step, origin};

/// What a fit does beside fitting.
#[derive(Clone, Debug, PartialEq)]
pub struct FitOptions {
    /// Store the model.
    pub persist: bool,
    /// Make the stored model the active one.
    pub activate: bool,
    /// Score on the training data and, where there are some, on the test data.
    pub evaluate: bool,
    /// Store the model only if its test score is this good or better; implies `evaluate`.
    pub persist_if_better_than: Option<f64>,
}

impl Default for FitOptions {
    fn default() -> FitOptions {
        FitOptions { persist: true, activate: true, evaluate: false, persist_if_better_than: None }
    }
}

/// What a fit works with.
pub struct FitInputs {
    /// Loads the data to learn from.
    pub train: Arc<dyn DatasetLoader>,
    /// Loads the data to evaluate with.
    pub test: Option<Arc<dyn DatasetLoader>>,
    /// Learns the model.
    pub estimator: Arc<dyn Estimator>,
    /// Stores it; needed to persist.
    pub persister: Option<Arc<dyn Persister>>,
    /// Scores it.
    pub scoring: Scoring,
    /// Wraps the whole.
    pub decorators: DecoratorList,
    /// The configuration that all this is from, for the lineage of the model.
    pub sources: Sources,
    /// On whose behalf the model is activated.
    pub origin: Origin,
}

/// What a fit did.
pub struct FitReport {
    /// The model and its metadata.
    pub model: TrainedModel,
    /// The scores on the training data, if evaluated.
    pub train_scores: Vec<Score>,
    /// The scores on the test data, if evaluated.
    pub test_scores: Vec<Score>,
    /// What became of the model.
    pub outcome: Outcome,
}

/// What became of a model.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Outcome {
    /// It was not to be stored.
    NotPersisted,
    /// Its test score, or NaN, was not good enough.
    NotGoodEnough {
        /// The score.
        score: f64,
        /// What was asked for.
        threshold: f64,
    },
    /// It was stored.
    Persisted {
        /// Under this version.
        version: Version,
        /// Whether that is the active one now.
        activated: bool,
    },
}

impl fmt::Display for Outcome {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Outcome::NotPersisted => formatter.write_str("model not stored"),
            Outcome::NotGoodEnough { score, .. } if score.is_nan() => {
                formatter.write_str("model not stored: its test score is not a number, and so is not good enough")
            }
            Outcome::NotGoodEnough { score, threshold } => {
                write!(formatter, "model not stored: its test score {score} is less than {threshold}")
            }
            Outcome::Persisted { version, activated: true } => write!(formatter, "model version: {version} (active)"),
            Outcome::Persisted { version, activated: false } => {
                write!(formatter, "model version: {version} (not active)")
            }
        }
    }
}

impl FitInputs {
    /// Takes the inputs from an application and checks that the options can be met, before anything is loaded.
    ///
    /// # Errors
    /// A root key that is missing or holds something else; options that ask for what is not there.
    pub fn of(app: &App, options: &FitOptions) -> Result<FitInputs, JobError> {
        let inputs = FitInputs {
            train: app.get(TRAIN)?,
            test: app.find(TEST)?,
            estimator: app.get(MODEL)?,
            persister: if options.persist { Some(app.get(PERSISTER)?) } else { None },
            scoring: Scoring::of(app),
            decorators: app.decorators().list(FIT_DECORATORS),
            sources: Sources::default(),
            origin: origin("fit"),
        };
        if options.persist_if_better_than.is_some() && inputs.test.is_none() {
            let message = format!("a model can only be stored if it is good enough with a `{TEST}` to score it on");
            let help = format!("add `{TEST}` to the configuration, or leave out `--save-if-better-than`");
            return Err(Diagnostic::new(Code::MissingKey, message).help(help).into());
        }
        if options.evaluates() && inputs.scoring.is_own_score() && !inputs.estimator.has_score() {
            let message = format!("the models of `{MODEL}` have no score of their own");
            let help = format!("name a scorer under the root key `{SCORING}`");
            return Err(Diagnostic::new(Code::MissingKey, message).help(help).into());
        }
        Ok(inputs)
    }

    /// Sets the configuration that all this is from.
    #[must_use]
    pub fn with_sources(mut self, sources: Sources) -> FitInputs {
        self.sources = sources;
        self
    }

    /// Sets on whose behalf the model is activated; it is the user of the process otherwise.
    #[must_use]
    pub fn on_behalf_of(mut self, origin: Origin) -> FitInputs {
        self.origin = origin;
        self
    }
}

impl FitOptions {
    fn evaluates(&self) -> bool {
        self.evaluate || self.persist_if_better_than.is_some()
    }
}

/// Looks for the store and loads the data, fits, scores, and stores the model if it is good enough; all in the
/// decorators of `fit_decorators`, which see what was done and cannot change it.
///
/// # Errors
/// A component or a decorator failed, or the fit was cancelled; the store is as it was if it was not a decorator.
pub fn fit(inputs: &FitInputs, options: &FitOptions, context: &FitContext) -> Result<FitReport, JobError> {
    if inputs.decorators.is_empty() {
        return fit_undecorated(inputs, options, context);
    }
    let mut done = None;
    let arguments = FitArguments {
        persist: options.persist,
        activate: options.activate,
        evaluate: options.evaluates(),
        persist_if_better_than: options.persist_if_better_than,
    };
    let failed = |source| JobError::Component { step: Step::Decorate(FIT_DECORATORS), source };
    let work = || {
        let report = fit_undecorated(inputs, options, context)?;
        Ok(done.insert(report).summary())
    };
    inputs.decorators.wrap::<Fitted, JobError>(None, &Arguments::Fit(&arguments), work, failed)?;
    done.ok_or_else(|| failed(Failure::message("a decorator has answered in the place of the fit")))
}

impl FitReport {
    /// Returns the report as plain data.
    pub fn summary(&self) -> Fitted {
        let plain = |scores: &[Score]| scores.iter().map(|score| (score.label.clone(), score.value)).collect();
        let (version, activated) = match self.outcome {
            Outcome::Persisted { version, activated } => (Some(version), activated),
            Outcome::NotPersisted | Outcome::NotGoodEnough { .. } => (None, false),
        };
        Fitted {
            metadata: self.model.metadata.clone(),
            train_scores: plain(&self.train_scores),
            test_scores: plain(&self.test_scores),
            version,
            activated,
        }
    }
}

/// Returns a model that nobody else holds: a scoring function has seen it and let go of it.
fn alone(model: &mut Arc<TrainedModel>) -> Result<&mut TrainedModel, JobError> {
    Arc::get_mut(model).ok_or_else(kept)
}

fn kept() -> JobError {
    let help = format!("a function under `{SCORING}` must not store its arguments in variables from outside it");
    Diagnostic::new(Code::ScriptFailed, "a scoring function has kept the model that it scored").help(help).into()
}

fn fit_undecorated(inputs: &FitInputs, options: &FitOptions, context: &FitContext) -> Result<FitReport, JobError> {
    let mut lineage = Recorder::new(&inputs.sources);
    context.enter("load");
    // A fit may take hours: whatever it needs in the end is looked for first.
    if let Some(persister) = inputs.persister.clone() {
        unless_cancelled(context, Step::Reach, move || reach(persister.as_ref()))?;
    }
    let train =
        lineage.load(TRAIN, || timed("Loading data", || load_unless_cancelled(&inputs.train, TRAIN, context)))?;
    context.check()?;
    let test = match inputs.test.as_ref().filter(|_| options.evaluates()) {
        Some(loader) => {
            Some(lineage.load(TEST, || timed("Loading test data", || load_unless_cancelled(loader, TEST, context)))?)
        }
        None => None,
    };
    context.check()?;
    context.enter("fit");
    let fitted = lineage.fit(|| timed("Fitting model", || inputs.estimator.fit(&train, context)));
    context.check()?;
    let mut model = Arc::new(TrainedModel {
        model: fitted.during(Step::Fit)?,
        columns: train.features.specs(),
        metadata: Metadata::default(),
    });

    let (mut train_scores, mut test_scores) = (Vec::new(), Vec::new());
    if options.evaluates() {
        context.enter("evaluate");
        debug!("Evaluating model on train set");
        train_scores = lineage.evaluate(|| inputs.scoring.score(&model, &train)).during(Step::Score(TRAIN))?;
        annotate(&mut alone(&mut model)?.metadata, "score_train", &train_scores);
        info!("Train score: {}", listed(&train_scores));
    }
    drop(train);
    if let Some(test) = test {
        debug!("Evaluating model on test set");
        test_scores = lineage.evaluate(|| inputs.scoring.score(&model, &test)).during(Step::Score(TEST))?;
        annotate(&mut alone(&mut model)?.metadata, "score_test", &test_scores);
        info!("Test score:  {}", listed(&test_scores));
    } else if options.evaluates() {
        warn!("There is no `{TEST}`: the model was scored on the data that it was trained on alone");
    }
    let mut model = Arc::try_unwrap(model).map_err(|_| kept())?;
    model.metadata.annotate(Metadata::LINEAGE, lineage.finish());

    let outcome = match (&inputs.persister, not_good_enough(options, &test_scores)) {
        (None, _) => Outcome::NotPersisted,
        (Some(_), Some((score, threshold))) => {
            info!("Not persisting model that has a test score {score}, not {threshold} or greater");
            Outcome::NotGoodEnough { score, threshold }
        }
        (Some(persister), None) => persist(persister.as_ref(), &mut model, options, inputs, context)?,
    };
    Ok(FitReport { model, train_scores, test_scores, outcome })
}

/// Looks for the store, and for models in it that nothing lists.
fn reach(persister: &dyn Persister) -> Result<(), JobError> {
    persister.versions().during(Step::Reach)?;
    persister.check_writable().during(Step::Reach)?;
    let unlisted = persister.unlisted().during(Step::Reach)?;
    if let Some(Orphan { what, .. }) = unlisted.first() {
        let others = match unlisted.len() - 1 {
            0 => String::new(),
            others => format!(" (and {others} more)"),
        };
        warn!("There is {what}{others}: see `palladium admin verify`");
    }
    Ok(())
}

fn load_unless_cancelled(
    loader: &Arc<dyn DatasetLoader>,
    key: &'static str,
    context: &FitContext,
) -> Result<Dataset, JobError> {
    let (loader, progress) = (Arc::clone(loader), context.load_progress().clone());
    unless_cancelled(context, Step::Load(key), move || load(&loader, key, &progress).during(Step::Load(key)))
}

/// Returns score and threshold where the score does not reach it; NaN reaches none, an equal score does.
fn not_good_enough(options: &FitOptions, test_scores: &[Score]) -> Option<(f64, f64)> {
    let threshold = options.persist_if_better_than?;
    let score = test_scores.first().map_or(f64::NAN, |score| score.value);
    (score.is_nan() || score < threshold).then_some((score, threshold))
}

fn persist(
    persister: &dyn Persister,
    model: &mut TrainedModel,
    options: &FitOptions,
    inputs: &FitInputs,
    context: &FitContext,
) -> Result<Outcome, JobError> {
    context.check().map_err(|Cancelled| JobError::Cancelled)?;
    context.enter("write");
    model.metadata.annotate("train_timestamp", Utc::now().to_rfc3339_opts(SecondsFormat::Micros, false));
    let version = timed("Writing model", || persister.write(model)).during(Step::Write)?;
    model.metadata.annotate("version", version.number());
    info!("Wrote model with version {version}.");
    if options.activate {
        context.enter("activate");
        persister.activate_as(version, &inputs.origin).during(Step::Activate(version))?;
    }
    Ok(Outcome::Persisted { version, activated: options.activate })
}

/// Annotates the deciding score under `key` and, where scores have labels, each under `key_label`. JSON has no NaN and no
/// infinity: null stands for them.
fn annotate(metadata: &mut Metadata, key: &str, scores: &[Score]) {
    if let Some(deciding) = scores.first() {
        metadata.annotate(key, deciding.value);
    }
    for Score { label, value } in scores {
        let key = if label == "score" { key.to_owned() } else { format!("{key}_{label}") };
        metadata.annotate(&key, *value);
        if !value.is_finite() {
            warn!("`{key}` is {value}, which is no finite number: null is kept in its place");
        }
    }
}

fn listed(scores: &[Score]) -> String {
    match scores {
        [score] if score.label == "score" => score.value.to_string(),
        scores => {
            let scores: Vec<String> = scores.iter().map(|score| format!("{}: {}", score.label, score.value)).collect();
            scores.join(", ")
        }
    }
}
