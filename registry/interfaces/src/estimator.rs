//! Estimators.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use palladium_data::Dataset;

use crate::{Explain, Failure, Lifecycle, Model};

/// Learns a model from a data set. An estimator never changes; what fitting learned is the model it returns.
pub trait Estimator: Lifecycle {
    /// Learns a model.
    ///
    /// # Errors
    /// Data that the method cannot learn from, a cancelled run.
    fn fit(&self, data: &Dataset, context: &FitContext) -> Result<Box<dyn Model>, Failure>;

    /// Tells whether its models have a score of their own; without one, evaluating needs a `scoring`.
    fn has_score(&self) -> bool {
        true
    }
}

/// What a running fit hears from outside. Clones hear the same.
#[derive(Clone, Debug, Default)]
pub struct FitContext {
    cancelled: Arc<AtomicBool>,
}

/// A fit was asked to stop before it was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the fit was cancelled")]
pub struct Cancelled;

impl Explain for Cancelled {}

impl FitContext {
    /// Returns a context that is cancelled by setting the flag.
    pub fn cancelled_by(flag: Arc<AtomicBool>) -> FitContext {
        FitContext { cancelled: flag }
    }

    /// Fails if the fit was asked to stop. Methods call it in each of their iterations.
    ///
    /// # Errors
    /// The fit was asked to stop.
    pub fn check(&self) -> Result<(), Cancelled> {
        if self.cancelled.load(Ordering::Relaxed) { Err(Cancelled) } else { Ok(()) }
    }
}
