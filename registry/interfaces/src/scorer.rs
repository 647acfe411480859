//! Scorers.

use palladium_data::Dataset;

use crate::{Failure, Lifecycle, TrainedModel};

/// Says how good a model is on a data set; greater is better.
pub trait Scorer: Lifecycle {
    /// Returns the score; NaN where it is not defined.
    ///
    /// # Errors
    /// A model or a target that the score does not apply to.
    fn score(&self, model: &TrainedModel, data: &Dataset) -> Result<f64, Failure>;
}
