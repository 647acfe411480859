//! Why there is no score.

use std::error::Error;

use palladium_component::prelude::*;

/// A scorer does not apply to a model and a data set.
#[derive(Debug)]
pub struct ScoreError {
    /// The scorer's short name.
    pub scorer: &'static str,
    /// Why it does not apply.
    pub problem: Problem,
}

/// Why a scorer does not apply.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// The data set has no target, or one of a type that does not fit.
    #[error(transparent)]
    Target(#[from] DataError),
    /// The model did not predict.
    #[error(transparent)]
    Predict(PredictError),
    /// The model has no class probabilities.
    #[error("the model has no class probabilities")]
    NoProbabilities,
    /// Classes are needed, the model predicts numbers.
    #[error("the model predicts numbers, classes are needed")]
    PredictsNumbers,
    /// Numbers are needed, the model predicts classes.
    #[error("the model predicts classes, numbers are needed")]
    PredictsClasses,
    /// There is not one prediction for each row.
    #[error("there are {predicted} predictions for {expected} rows")]
    RowCount {
        /// The rows of the target.
        expected: usize,
        /// The predictions.
        predicted: usize,
    },
    /// The model speaks of a class that it does not have.
    #[error("the model has {classes} classes, but answers as if it had {answered}")]
    ClassCount {
        /// The classes it has.
        classes: usize,
        /// The classes that its answer needs.
        answered: usize,
    },
    /// The target holds a label for which the model has no probability.
    #[error("the target holds the label {label} in row {row}, for which the model has no probability")]
    UnknownLabel {
        /// The label as text.
        label: String,
        /// The row, from 1.
        row: usize,
    },
    /// The model knows one class only.
    #[error("the model knows one class only, two are needed")]
    OneClass,
    /// There are too many classes for a score of two.
    #[error("there are {0} classes, two are needed")]
    MoreThanTwoClasses(usize),
    /// Of two classes none is the positive one.
    #[error("none of the classes has the label 1, which marks the positive class")]
    NoPositiveClass,
    /// A probability is not from 0 to 1.
    #[error("the model gives the probability {value} in row {row}, a number from 0 to 1 is needed")]
    NotProbability {
        /// The row, from 1.
        row: usize,
        /// What was given.
        value: f64,
    },
    /// The probabilities of a row do not sum to one.
    #[error("the model's probabilities in row {row} sum to {sum}, 1 is needed")]
    NotNormalized {
        /// The row, from 1.
        row: usize,
        /// Their sum.
        sum: f64,
    },
    /// A predicted number is infinite or NaN.
    #[error("the model predicts {value} in row {row}, where a finite number is needed")]
    NotFinite {
        /// The row, from 1.
        row: usize,
        /// What was predicted.
        value: f64,
    },
    /// There is no logarithm.
    #[error("the {what} is {value} in row {row}, a number greater than -1 is needed")]
    NoLogarithm {
        /// Target or prediction.
        what: &'static str,
        /// The row, from 1.
        row: usize,
        /// The number.
        value: f64,
    },
}

/// Lets `?` tell a model without probabilities from one that failed.
impl From<PredictError> for Problem {
    fn from(error: PredictError) -> Problem {
        match error {
            PredictError::NoProbabilities => Problem::NoProbabilities,
            other => Problem::Predict(other),
        }
    }
}

/// The problem is part of the text, so that what lies behind it comes next.
impl std::fmt::Display for ScoreError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "no score `{}`: {}", self.scorer, self.problem)
    }
}

impl Error for ScoreError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.problem.source()
    }
}

impl Explain for ScoreError {
    fn help(&self) -> Option<String> {
        let scorer = self.scorer;
        let help = match &self.problem {
            Problem::Target(DataError::WrongType { .. } | DataError::FractionalClass { .. }) => {
                "the target has to be of the type that the model was trained on: whole numbers, flags or text for \
                 classes, numbers for a regressor"
            }
            Problem::Target(_) | Problem::RowCount { .. } | Problem::ClassCount { .. } => return None,
            Problem::Predict(error) => return error.help(),
            Problem::NoProbabilities => {
                "take a scorer of predicted classes, such as `accuracy`, `balanced_accuracy` or `f1_macro`, or a \
                 model with probabilities"
            }
            Problem::PredictsNumbers => {
                "take a scorer of numbers, such as `r2`, `neg_mean_absolute_error` or `neg_root_mean_squared_error`"
            }
            Problem::PredictsClasses => {
                "take a scorer of classes, such as `accuracy`, `balanced_accuracy`, `f1_macro` or `neg_log_loss`"
            }
            Problem::UnknownLabel { .. } => {
                "train on data that holds every class, or take a scorer of predicted classes, such as `accuracy`"
            }
            Problem::OneClass => "train on data that holds at least two classes",
            Problem::MoreThanTwoClasses(_) if scorer == "roc_auc" => {
                "take `roc_auc_ovr`, `roc_auc_ovo`, `roc_auc_ovr_weighted` or `roc_auc_ovo_weighted`"
            }
            Problem::NoPositiveClass if scorer == "average_precision" => {
                "label the positive class with 1 and the other with 0, or take `roc_auc`, which takes any labels"
            }
            Problem::MoreThanTwoClasses(_) | Problem::NoPositiveClass => {
                return Some(format!("take `{scorer}_macro`, `{scorer}_weighted` or `{scorer}_micro`"));
            }
            Problem::NotProbability { .. } | Problem::NotNormalized { .. } | Problem::NotFinite { .. } => {
                "this is an error of the model"
            }
            Problem::NoLogarithm { .. } => "take a scorer that has no logarithm, such as `neg_root_mean_squared_error`",
        };
        Some(help.to_owned())
    }
}
