//! Logistic regression on matrices: parameters in, weights out. It knows nothing of components and composes with
//! linfa.
//!
//! The objective is that of scikit-learn's `LogisticRegression(solver="lbfgs")`: the mean negative log-likelihood and
//! an L2 penalty of 1 / (C · number of rows), intercepts left out; stopping is its, too.

use std::convert::Infallible;

use linfa::dataset::{AsSingleTargets, DatasetBase, Label};
use linfa::traits::{Fit, PredictInplace};
use ndarray::{Array1, ArrayBase, ArrayView2, Data, Ix2};
use serde::{Deserialize, Serialize};

use crate::lbfgs::{self, Limits, Minimum, Stop};
use crate::softmax_loss::{SoftmaxLoss, n_outputs};
use crate::softmax_weights::SoftmaxWeights;

/// A relative decrease of the loss below this ends the iteration (scikit-learn's `ftol`).
const DECREASE: f64 = 64.0 * f64::EPSILON;

/// How logistic regression fits.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct LogisticParameters {
    /// Inverse strength of the L2 penalty.
    pub c: f64,
    /// Whether each class has an intercept.
    pub fit_intercept: bool,
    /// Iterations at most.
    pub max_iter: usize,
    /// The largest absolute entry of the gradient that counts as zero.
    pub tol: f64,
}

impl Default for LogisticParameters {
    fn default() -> Self {
        Self { c: 1.0, fit_intercept: true, max_iter: 100, tol: 1e-4 }
    }
}

/// What a fit found.
#[derive(Clone, Debug, PartialEq)]
pub struct LogisticFit {
    /// The weights.
    pub weights: SoftmaxWeights,
    /// Iterations that it took.
    pub n_iter: usize,
    /// Whether it converged.
    pub converged: bool,
    /// The largest absolute entry of the gradient at the end.
    pub gradient: f64,
}

/// Data or parameters that logistic regression cannot work with.
#[derive(Debug, thiserror::Error)]
pub enum LogisticError {
    /// There is nothing to learn from.
    #[error("logistic regression needs at least one row, the data has none")]
    NoRows,
    /// There is nothing to tell classes by.
    #[error("logistic regression needs at least one feature column, the data has none")]
    NoColumns,
    /// There is nothing to tell apart.
    #[error("logistic regression needs samples of at least 2 classes, the data contains only one class")]
    OneClass,
    /// A cell is NaN or infinite. Both count from 1.
    #[error("row {row} of feature column {column} is {value}, where a finite number is needed")]
    NotFinite {
        /// The row.
        row: usize,
        /// The column.
        column: usize,
        /// The cell.
        value: f64,
    },
    /// Targets and rows differ in number.
    #[error("there are {targets} targets for {rows} rows")]
    UnequalLength {
        /// Number of targets.
        targets: usize,
        /// Number of rows.
        rows: usize,
    },
    /// A class code is not below the number of classes.
    #[error("class code {code} is not below the number of classes, {n_classes}")]
    UnknownClass {
        /// The code.
        code: u32,
        /// The number of classes.
        n_classes: usize,
    },
    /// Sample weights are negative, not finite, or all zero.
    #[error("sample weights have to be finite, not negative and not all zero")]
    SampleWeights,
    /// A parameter is out of range.
    #[error("`{parameter}` is {value}, it has to be greater than 0")]
    Parameter {
        /// The parameter.
        parameter: &'static str,
        /// Its value.
        value: f64,
    },
    /// Sums exceed what a floating point number can hold.
    #[error("the feature values are too large to compute with: scale the columns, for example to unit variance")]
    Overflow,
    /// An error of linfa.
    #[error(transparent)]
    Linfa(#[from] linfa::Error),
}

/// A fit failed, or was asked to stop.
#[derive(Debug)]
pub(crate) enum Interrupted<E> {
    Failed(LogisticError),
    Stopped(E),
}

impl LogisticParameters {
    /// Fits weights to rows × columns and the code of each row's class.
    ///
    /// A column-major matrix is read fastest. `sample_weights` count rows several times or in part.
    ///
    /// # Errors
    /// No rows or columns, one class, cells that are not finite, lengths or codes that do not fit.
    pub fn fit_codes(
        &self,
        matrix: ArrayView2<'_, f64>,
        codes: Vec<u32>,
        n_classes: usize,
        sample_weights: Option<Vec<f64>>,
    ) -> Result<LogisticFit, LogisticError> {
        match self.fit_while(matrix, codes, n_classes, sample_weights, || Ok::<(), Infallible>(())) {
            Ok(fit) => Ok(fit),
            Err(Interrupted::Failed(error)) => Err(error),
            Err(Interrupted::Stopped(never)) => match never {},
        }
    }

    /// Fits as [`LogisticParameters::fit_codes`], asking before each iteration whether to proceed.
    pub(crate) fn fit_while<E>(
        &self,
        matrix: ArrayView2<'_, f64>,
        codes: Vec<u32>,
        n_classes: usize,
        sample_weights: Option<Vec<f64>>,
        proceed: impl FnMut() -> Result<(), E>,
    ) -> Result<LogisticFit, Interrupted<E>> {
        self.check()
            .and_then(|()| check_data(&matrix, &codes, n_classes, sample_weights.as_deref()))
            .map_err(Interrupted::Failed)?;
        let (n_columns, n_outputs) = (matrix.ncols(), n_outputs(n_classes));
        let loss = SoftmaxLoss::new(matrix, codes, n_classes, sample_weights, self.c);
        let start = vec![0.0; (n_columns + usize::from(self.fit_intercept)) * n_outputs];
        let limits = Limits { gradient: self.tol, decrease: DECREASE, iterations: self.max_iter };
        let minimum = lbfgs::minimize(start, limits, |point, gradient| loss.evaluate(point, gradient), proceed)
            .map_err(Interrupted::Stopped)?;
        self.report(&minimum);
        let Minimum { mut point, gradient, iterations, stop } = minimum;
        point.resize((n_columns + 1) * n_outputs, 0.0);
        // The method works with squares of the gradient.
        if !(gradient * gradient * point.len() as f64).is_finite() || point.iter().any(|weight| !weight.is_finite()) {
            return Err(Interrupted::Failed(LogisticError::Overflow));
        }
        let weights = SoftmaxWeights::from_parts(n_columns, point);
        Ok(LogisticFit { weights, n_iter: iterations, converged: stop == Stop::Converged, gradient })
    }

    pub(crate) fn check(&self) -> Result<(), LogisticError> {
        let max_iter = self.max_iter as f64;
        let refused = [("C", self.c), ("tol", self.tol), ("max_iter", max_iter)].into_iter().find(|(_, value)| {
            // NaN is refused too.
            !matches!(value.partial_cmp(&0.0), Some(std::cmp::Ordering::Greater))
        });
        refused.map_or(Ok(()), |(parameter, value)| Err(LogisticError::Parameter { parameter, value }))
    }

    fn report(&self, minimum: &Minimum) {
        let (n_iter, gradient) = (minimum.iterations, minimum.gradient);
        match minimum.stop {
            Stop::Converged => tracing::debug!(n_iter, gradient, "logistic regression converged"),
            Stop::Iterations => tracing::warn!(
                n_iter,
                gradient,
                "logistic regression did not converge in {n_iter} iterations: the gradient is {gradient:.1e}, `tol` is \
                 {:.1e}; increase `max_iter` or scale the columns, for example to unit variance",
                self.tol
            ),
            Stop::Stuck => tracing::warn!(
                n_iter,
                gradient,
                "logistic regression ended after {n_iter} iterations without converging, because rounding prevents \
                 progress: the gradient is {gradient:.1e}, `tol` is {:.1e}; scale the columns, for example to unit \
                 variance",
                self.tol
            ),
        }
    }
}

fn check_data(
    matrix: &ArrayView2<'_, f64>,
    codes: &[u32],
    n_classes: usize,
    sample_weights: Option<&[f64]>,
) -> Result<(), LogisticError> {
    let rows = matrix.nrows();
    if rows == 0 {
        return Err(LogisticError::NoRows);
    }
    if matrix.ncols() == 0 {
        return Err(LogisticError::NoColumns);
    }
    let lengths = [Some(codes.len()), sample_weights.map(<[f64]>::len)];
    if let Some(targets) = lengths.into_iter().flatten().find(|length| *length != rows) {
        return Err(LogisticError::UnequalLength { targets, rows });
    }
    if let Some(code) = codes.iter().copied().find(|code| *code as usize >= n_classes) {
        return Err(LogisticError::UnknownClass { code, n_classes });
    }
    if n_classes < 2 {
        return Err(LogisticError::OneClass);
    }
    if let Some(weights) = sample_weights {
        let sum: f64 = weights.iter().sum();
        if weights.iter().any(|weight| *weight < 0.0) || !(sum.is_finite() && sum > 0.0) {
            return Err(LogisticError::SampleWeights);
        }
    }
    for (column, cells) in matrix.columns().into_iter().enumerate() {
        if let Some((row, value)) = cells.iter().enumerate().find(|(_, cell)| !cell.is_finite()) {
            return Err(LogisticError::NotFinite { row: row + 1, column: column + 1, value: *value });
        }
    }
    Ok(())
}

/// Logistic regression fitted through linfa: weights and the labels they stand for.
#[derive(Clone, Debug)]
pub struct LogisticClassifier<L> {
    /// The labels in ascending order.
    pub classes: Vec<L>,
    /// What the fit found.
    pub fit: LogisticFit,
}

impl<D, T, L> Fit<ArrayBase<D, Ix2>, T, LogisticError> for LogisticParameters
where
    D: Data<Elem = f64>,
    T: AsSingleTargets<Elem = L>,
    L: Label + Ord,
{
    type Object = LogisticClassifier<L>;

    fn fit(&self, dataset: &DatasetBase<ArrayBase<D, Ix2>, T>) -> Result<Self::Object, LogisticError> {
        let targets = dataset.as_single_targets();
        let mut classes: Vec<L> = targets.iter().cloned().collect();
        classes.sort_unstable();
        classes.dedup();
        let codes = targets.iter().map(|label| classes.partition_point(|class| class < label) as u32).collect();
        let sample_weights = dataset.weights().map(|weights| weights.iter().copied().map(f64::from).collect());
        let fit = self.fit_codes(dataset.records().view(), codes, classes.len(), sample_weights)?;
        Ok(LogisticClassifier { classes, fit })
    }
}

impl<D: Data<Elem = f64>, L: Label + Default> PredictInplace<ArrayBase<D, Ix2>, Array1<L>> for LogisticClassifier<L> {
    fn predict_inplace(&self, records: &ArrayBase<D, Ix2>, targets: &mut Array1<L>) {
        let codes = self.fit.weights.predict(records.view());
        for (target, code) in targets.iter_mut().zip(codes) {
            *target = self.classes[code as usize].clone();
        }
    }

    fn default_target(&self, records: &ArrayBase<D, Ix2>) -> Array1<L> {
        Array1::default(records.nrows())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use linfa::traits::Predict;
    use ndarray::{Array2, array};

    fn message(matrix: &Array2<f64>, codes: &[u32], n_classes: usize, weights: Option<Vec<f64>>) -> String {
        let result = LogisticParameters::default().fit_codes(matrix.view(), codes.to_vec(), n_classes, weights);
        result.unwrap_err().to_string()
    }

    #[test]
    fn says_what_is_wrong_with_the_data() {
        let two = array![[0.0], [1.0]];
        let cases = [
            (Array2::zeros((0, 1)), vec![], 2, None, "needs at least one row"),
            (Array2::zeros((2, 0)), vec![0, 1], 2, None, "needs at least one feature column"),
            (two.clone(), vec![0, 0], 1, None, "needs samples of at least 2 classes"),
            (two.clone(), vec![0], 2, None, "there are 1 targets for 2 rows"),
            (two.clone(), vec![0, 5], 2, None, "class code 5 is not below the number of classes, 2"),
            (two.clone(), vec![0, 1], 2, Some(vec![-1.0, 2.0]), "sample weights have to be finite"),
            (two.clone(), vec![0, 1], 2, Some(vec![0.0, 0.0]), "sample weights have to be finite"),
            (array![[0.0], [f64::NAN]], vec![0, 1], 2, None, "row 2 of feature column 1 is NaN"),
            (array![[0.0, f64::INFINITY], [1.0, 1.0]], vec![0, 1], 2, None, "row 1 of feature column 2 is inf"),
            (array![[1e308], [-1e308]], vec![0, 1], 2, None, "too large to compute with"),
        ];
        for (matrix, codes, n_classes, weights, expected) in cases {
            let found = message(&matrix, &codes, n_classes, weights);
            assert!(found.contains(expected), "{found} instead of {expected}");
        }
    }

    #[test]
    fn refuses_parameters_out_of_range() {
        let good = LogisticParameters::default();
        let cases = [
            (LogisticParameters { c: 0.0, ..good }, "C"),
            (LogisticParameters { c: f64::NAN, ..good }, "C"),
            (LogisticParameters { tol: -1.0, ..good }, "tol"),
            (LogisticParameters { max_iter: 0, ..good }, "max_iter"),
        ];
        for (parameters, expected) in cases {
            let error = parameters.fit_codes(array![[0.0], [1.0]].view(), vec![0, 1], 2, None).unwrap_err();
            assert!(matches!(error, LogisticError::Parameter { parameter, .. } if parameter == expected), "{error}");
        }
    }

    #[test]
    fn a_sample_weight_counts_like_repetition() {
        let parameters = LogisticParameters { tol: 1e-10, ..LogisticParameters::default() };
        let repeated = array![[0.0, 1.0], [0.0, 1.0], [1.0, 0.5], [2.0, 0.0], [2.0, 0.0], [2.0, 0.0], [3.0, 1.0]];
        let once = array![[0.0, 1.0], [1.0, 0.5], [2.0, 0.0], [3.0, 1.0]];
        let repeated = parameters.fit_codes(repeated.view(), vec![0, 0, 1, 0, 0, 0, 2], 3, None).unwrap();
        let weights = Some(vec![2.0, 1.0, 3.0, 1.0]);
        let weighted = parameters.fit_codes(once.view(), vec![0, 1, 0, 2], 3, weights).unwrap();
        let difference = repeated.weights.coefficients() - weighted.weights.coefficients();
        assert!(difference.iter().all(|difference| difference.abs() < 1e-6));
    }

    #[test]
    fn composes_with_linfa() {
        let records = array![[0.0], [0.1], [1.0], [1.1], [2.0], [2.1]];
        let labels = array!["low", "low", "middle", "middle", "top", "top"].mapv(str::to_owned);
        let dataset = DatasetBase::new(records, labels.clone());
        let parameters = LogisticParameters { c: 1000.0, ..LogisticParameters::default() };
        let model: LogisticClassifier<String> = parameters.fit(&dataset).unwrap();
        assert_eq!(model.classes, ["low", "middle", "top"]);
        assert_eq!(model.predict(&dataset), labels);
    }
}
