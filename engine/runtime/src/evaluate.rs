//! Scores a stored model on the test data.

use palladium_component::interfaces::{DatasetLoader, Failure, LoadProgress, Persister, Version};
use palladium_component::value::{Code, Diagnostic, with_causes};
use tracing::info;

use crate::error::{During, read};
use crate::loading::load;
use crate::root_keys::{PERSISTER, SCORING, TEST};
use crate::timer::timed;
use crate::{App, JobError, Score, Scoring, Step};

/// The scores of a stored model.
#[derive(Clone, Debug, PartialEq)]
pub struct Evaluation {
    /// The version that was scored.
    pub version: Option<Version>,
    /// Its scores; the first decides.
    pub scores: Vec<Score>,
}

/// Scores a version, or the active one, on the data of `dataset_loader_test`; `progress` tells how far loading them is.
///
/// # Errors
/// A root key that is missing, a component that failed, a model without a score where no `scoring` is given.
pub fn evaluate(app: &App, version: Option<Version>, progress: &LoadProgress) -> Result<Evaluation, JobError> {
    let loader = app.get::<dyn DatasetLoader>(TEST)?;
    let persister = app.get::<dyn Persister>(PERSISTER)?;
    let scoring = Scoring::of(app);

    let test = timed("Loading data", || load(&loader, TEST, progress)).during(Step::Load(TEST))?;
    let model = timed("Reading model", || read(persister.as_ref(), version, Step::Read))?;
    let version = model.metadata.version();
    if let Some(version) = version {
        info!("Loaded model version {version}");
    }
    let scores = timed("Applying model", || scoring.score(&model, &test));
    let scores = scores.map_err(|failure| match failure.help() {
        // A model's own score fails at data that are other than those it was trained on.
        None if scoring.is_own_score() => Failure::with_help(
            with_causes(&failure),
            format!("`palladium data {TEST}` shows the columns of these data and their types"),
        ),
        _ => failure,
    });
    let scores = scores.during(Step::Score(TEST))?;
    if scores.is_empty() {
        let help = format!("name a scorer under the root key `{SCORING}`");
        return Err(Diagnostic::new(Code::MissingKey, "the model has no score of its own").help(help).into());
    }
    let listed: Vec<String> = scores.iter().map(|score| format!("{}: {}", score.label, score.value)).collect();
    info!("Score: {}.", listed.join("\n       "));
    Ok(Evaluation { version, scores })
}
