//! Linear models.
//!
//! `logistic_regression` is the component; `kernel` does its work on matrices and can be used with linfa alone.

mod blocks;
mod exponential;
mod kernel;
mod lbfgs;
mod line_search;
mod logistic_regression;
mod softmax_loss;
mod softmax_weights;

pub use kernel::{LogisticClassifier, LogisticError, LogisticFit, LogisticParameters};
pub use logistic_regression::{LogisticModel, LogisticRegression};
pub use softmax_weights::SoftmaxWeights;
