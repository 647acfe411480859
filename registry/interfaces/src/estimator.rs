//! Estimators.

use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use palladium_data::Dataset;

use crate::{Explain, Failure, Lifecycle, LoadProgress, Model};

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

/// What work that a cancelled fit has left to itself holds until it ends.
pub type WorkGuard = Box<dyn Any + Send>;

/// What a running fit hears from outside, and whom it tells how far it is. Clones hear and tell the same.
#[derive(Clone, Default)]
pub struct FitContext {
    cancelled: Arc<AtomicBool>,
    watch: Option<Arc<dyn Fn(&'static str) + Send + Sync>>,
    load_progress: LoadProgress,
    leave: Option<Arc<dyn Fn() -> Option<WorkGuard> + Send + Sync>>,
}

impl fmt::Debug for FitContext {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (cancelled, watched) = (self.cancelled.load(Ordering::Relaxed), self.watch.is_some());
        formatter.debug_struct("FitContext").field("cancelled", &cancelled).field("watched", &watched).finish()
    }
}

/// A fit was asked to stop before it was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the fit was cancelled")]
pub struct Cancelled;

impl Explain for Cancelled {}

impl FitContext {
    /// Returns a context that is cancelled by setting the flag.
    pub fn cancelled_by(flag: Arc<AtomicBool>) -> FitContext {
        FitContext { cancelled: flag, ..FitContext::default() }
    }

    /// Sets what is told of each phase that the fit enters: `load`, `fit`, `evaluate`, `write`, `activate`.
    #[must_use]
    pub fn watched_by(mut self, watch: Arc<dyn Fn(&'static str) + Send + Sync>) -> FitContext {
        self.watch = Some(watch);
        self
    }

    /// Sets what the loads of the fit tell how far they are.
    #[must_use]
    pub fn with_load_progress(mut self, progress: LoadProgress) -> FitContext {
        self.load_progress = progress;
        self
    }

    /// Returns what loads tell how far they are.
    pub fn load_progress(&self) -> &LoadProgress {
        &self.load_progress
    }

    /// Sets what is asked, once the fit is cancelled, whether work that waits for others may be left to itself: it returns
    /// what that work holds until it ends, or nothing where the work has to be waited for, as it is where nothing is set.
    #[must_use]
    pub fn leaving_work_by(mut self, leave: Arc<dyn Fn() -> Option<WorkGuard> + Send + Sync>) -> FitContext {
        self.leave = Some(leave);
        self
    }

    /// Tells whether there may be work that is left to itself, which takes a thread of its own.
    pub fn may_leave_work(&self) -> bool {
        self.leave.is_some()
    }

    /// Asks whether the work of the fit, which is cancelled, may be left to itself, and returns what it has to hold.
    pub fn leave_work(&self) -> Option<WorkGuard> {
        self.leave.as_ref().and_then(|leave| leave())
    }

    /// Tells whoever watches that the fit enters a phase.
    pub fn enter(&self, phase: &'static str) {
        if let Some(watch) = &self.watch {
            watch(phase);
        }
    }

    /// Fails if the fit was asked to stop. Methods call it in each of their iterations.
    ///
    /// # Errors
    /// The fit was asked to stop.
    pub fn check(&self) -> Result<(), Cancelled> {
        if self.cancelled.load(Ordering::Relaxed) { Err(Cancelled) } else { Ok(()) }
    }
}
