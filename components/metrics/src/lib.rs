//! Scorers: how good a model is on a data set, as one number of which greater is better.
//!
//! Names and meaning are scikit-learn's. Each file holds a subject: pure functions over rows, and the scorers that
//! apply them, one short declaration each. How rows come from a model and a data set is in `inputs`, why there is no
//! score in `error`.
//!
//! Where scikit-learn's scorer refuses a data set in which a class of the model does not occur, the scorers of
//! probabilities take the classes from the model, as scikit-learn's functions do when they are given `labels`.

#[macro_use]
mod declare;

pub mod averaging;
pub mod classification;
mod error;
mod inputs;
pub mod probability;
mod ranking;
pub mod regression;

pub use error::{Problem, ScoreError};
