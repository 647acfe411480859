//! Why a job failed.

use std::fmt;
use std::sync::Arc;

use palladium_component::interfaces::{Cancelled, Explain, Failure, PersistError, Persister, TrainedModel, Version};
use palladium_component::value::Diagnostic;

/// What to do where no version is active.
const NONE_ACTIVE: &str = "`palladium fit` stores a model and makes it the active one, `palladium admin activate` one \
                           that `palladium list` shows";

/// Why a job failed.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// The configuration or the options do not allow it.
    #[error(transparent)]
    Config(#[from] Box<Diagnostic>),
    /// A component failed.
    #[error("{step} failed")]
    Component {
        /// What was being done.
        step: Step,
        /// The component's error.
        source: Failure,
    },
    /// The loader at this key failed.
    #[error("loading the data of `{key}` failed")]
    Load {
        /// The key.
        key: String,
        /// The loader's error.
        source: Failure,
    },
    /// The job was asked to stop.
    #[error("the fit was cancelled: nothing was stored")]
    Cancelled,
}

/// What a job was doing, with the root key of the component that did it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Loading data through the loader of this root key.
    Load(&'static str),
    /// Fitting the model.
    Fit,
    /// Scoring on the data of this root key.
    Score(&'static str),
    /// Writing the model.
    Write,
    /// Looking for the store before anything is trained.
    Reach,
    /// Activating the version that the model was stored under.
    Activate(Version),
    /// Reading a model.
    Read,
    /// Reading a model through the persister that a predict service has for itself.
    ReadOwn,
    /// Listing the models.
    List,
    /// Doing this through the persister of this root key.
    Through(&'static str, &'static str),
    /// Calling the decorators of this root key.
    Decorate(&'static str),
}

impl fmt::Display for Step {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Step::Load(key) => write!(formatter, "loading the data of `{key}`"),
            Step::Fit => write!(formatter, "fitting `model`"),
            Step::Score(key) => write!(formatter, "scoring on the data of `{key}`"),
            Step::Write => write!(formatter, "writing through `model_persister`"),
            Step::Reach => write!(formatter, "reaching the store of `model_persister`"),
            Step::Activate(version) => {
                write!(formatter, "activating version {version}, which is stored, through `model_persister`")
            }
            Step::Read => write!(formatter, "reading through `model_persister`"),
            Step::ReadOwn => write!(formatter, "reading through the `model_persister` of the predict service"),
            Step::List => write!(formatter, "listing through `model_persister`"),
            Step::Through(doing, key) => write!(formatter, "{doing} through `{key}`"),
            Step::Decorate(key) => write!(formatter, "calling the decorators of `{key}`"),
        }
    }
}

impl Explain for JobError {
    fn help(&self) -> Option<String> {
        match self {
            JobError::Component { source, .. } | JobError::Load { source, .. } => source.help(),
            JobError::Config(_) | JobError::Cancelled => None,
        }
    }
}

impl From<Diagnostic> for JobError {
    fn from(diagnostic: Diagnostic) -> JobError {
        JobError::Config(Box::new(diagnostic))
    }
}

impl From<Cancelled> for JobError {
    fn from(_: Cancelled) -> JobError {
        JobError::Cancelled
    }
}

/// Reads a version, or the active one.
///
/// # Errors
/// There is no such version, or none is active; the store's.
pub(crate) fn read(
    persister: &dyn Persister,
    version: Option<Version>,
    step: Step,
) -> Result<Arc<TrainedModel>, JobError> {
    let told = |error| match error {
        PersistError::Lookup(said) if version.is_none() => Failure::with_help(said, NONE_ACTIVE).into(),
        other => other,
    };
    persister.read(version).map_err(told).during(step)
}

/// Adds what was being done to a component's error.
pub(crate) trait During<T> {
    fn during(self, step: Step) -> Result<T, JobError>;
}

impl<T> During<T> for Result<T, Failure> {
    fn during(self, step: Step) -> Result<T, JobError> {
        self.map_err(|source| JobError::Component { step, source })
    }
}

impl<T> During<T> for Result<T, PersistError> {
    fn during(self, step: Step) -> Result<T, JobError> {
        self.map_err(|error| JobError::Component { step, source: error.into() })
    }
}
