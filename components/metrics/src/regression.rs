//! Scores of predicted numbers.

use palladium_component::prelude::*;

use crate::Problem;
use crate::inputs::{NumberRows, numbers};

fn mean(numbers: impl ExactSizeIterator<Item = f64>) -> f64 {
    let n_rows = numbers.len() as f64;
    numbers.sum::<f64>() / n_rows
}

impl NumberRows {
    fn pairs(&self) -> impl ExactSizeIterator<Item = (f64, f64)> {
        self.truth.iter().copied().zip(self.predicted.iter().copied())
    }

    fn absolute_errors(&self) -> impl ExactSizeIterator<Item = f64> {
        self.pairs().map(|(truth, predicted)| (truth - predicted).abs())
    }

    fn mean_squared_error(&self) -> f64 {
        mean(self.pairs().map(|(truth, predicted)| (truth - predicted).powi(2)))
    }
}

/// Returns one less the share that is not explained; 1 for no error and 0 where there is nothing to explain.
fn explained(unexplained: f64, total: f64) -> f64 {
    match (unexplained == 0.0, total == 0.0) {
        (true, _) => 1.0,
        (false, true) => 0.0,
        _ => 1.0 - unexplained / total,
    }
}

/// Returns the variance; exactly 0 for a constant, whose computed mean may be a rounding error off.
fn variance(numbers: &[f64]) -> f64 {
    if numbers.iter().all(|number| *number == numbers[0]) {
        return 0.0;
    }
    let center = mean(numbers.iter().copied());
    mean(numbers.iter().map(|number| (number - center).powi(2)))
}

fn r2(rows: &NumberRows) -> f64 {
    if rows.truth.len() < 2 {
        tracing::warn!("r2 is not defined for fewer than two rows");
        return f64::NAN;
    }
    explained(rows.mean_squared_error(), variance(&rows.truth))
}

fn explained_variance(rows: &NumberRows) -> f64 {
    let errors: Vec<f64> = rows.pairs().map(|(truth, predicted)| truth - predicted).collect();
    explained(variance(&errors), variance(&rows.truth))
}

fn median_absolute_error(rows: &NumberRows) -> f64 {
    let mut errors: Vec<f64> = rows.absolute_errors().collect();
    errors.sort_unstable_by(f64::total_cmp);
    let middle = errors.len() / 2;
    if errors.len() % 2 == 1 { errors[middle] } else { (errors[middle - 1] + errors[middle]) / 2.0 }
}

fn mean_squared_log_error(rows: &NumberRows) -> Result<f64, Problem> {
    for (what, numbers) in [("target", &rows.truth), ("prediction", &rows.predicted)] {
        if let Some(row) = numbers.iter().position(|number| *number <= -1.0) {
            return Err(Problem::NoLogarithm { what, row: row + 1, value: numbers[row] });
        }
    }
    Ok(mean(rows.pairs().map(|(truth, predicted)| (truth.ln_1p() - predicted.ln_1p()).powi(2))))
}

fn mean_absolute_percentage_error(rows: &NumberRows) -> f64 {
    mean(rows.pairs().map(|(truth, predicted)| (predicted - truth).abs() / truth.abs().max(f64::EPSILON)))
}

/// Turns an error, of which less is better, into a score; no error is 0 rather than -0.
fn negative(error: f64) -> Result<f64, Problem> {
    Ok(0.0 - error)
}

scorers! { numbers;
    /// Coefficient of determination R²: the share of the target's variance that the predictions explain.
    ///
    /// Best is 1; always predicting the mean of the target gives 0, worse models are below. A target that is constant
    /// gives 1 if it is met and 0 if not; fewer than two rows have no score.
    R2 = "palladium.metrics.r2" => |rows| Ok(r2(rows));

    /// Share of the target's variance that the predictions explain, apart from a constant error.
    ///
    /// As `r2`, but predictions that are all too high or too low by the same amount lose nothing. Best is 1.
    ExplainedVariance = "palladium.metrics.explained_variance" => |rows| Ok(explained_variance(rows));

    /// Largest absolute error of a row, negated.
    ///
    /// Best is 0. In the unit of the target. `max_error` is another name of it.
    NegMaxError = "palladium.metrics.neg_max_error", alias = "palladium.metrics.max_error" =>
        |rows| negative(rows.absolute_errors().fold(0.0, f64::max));

    /// Mean squared error, negated.
    ///
    /// Best is 0. In the squared unit of the target; large errors count most.
    NegMeanSquaredError = "palladium.metrics.neg_mean_squared_error" => |rows| negative(rows.mean_squared_error());

    /// Square root of the mean squared error, negated.
    ///
    /// Best is 0. In the unit of the target; large errors count most.
    NegRootMeanSquaredError = "palladium.metrics.neg_root_mean_squared_error" =>
        |rows| negative(rows.mean_squared_error().sqrt());

    /// Mean absolute error, negated.
    ///
    /// Best is 0. In the unit of the target.
    NegMeanAbsoluteError = "palladium.metrics.neg_mean_absolute_error" => |rows| negative(mean(rows.absolute_errors()));

    /// Median of the absolute errors, negated.
    ///
    /// Best is 0. In the unit of the target; up to half of the rows may be far off without changing it much.
    NegMedianAbsoluteError = "palladium.metrics.neg_median_absolute_error" =>
        |rows| negative(median_absolute_error(rows));

    /// Mean squared difference of the logarithms of one more than target and prediction, negated.
    ///
    /// Best is 0. For targets that grow by factors, such as counts and prices; target and predictions have to be
    /// greater than -1.
    NegMeanSquaredLogError = "palladium.metrics.neg_mean_squared_log_error" =>
        |rows| negative(mean_squared_log_error(rows)?);

    /// Mean of the absolute errors, each divided by the size of the true number, negated.
    ///
    /// Best is 0; -0.1 means ten percent off in the mean. A target of 0 makes it very large.
    NegMeanAbsolutePercentageError = "palladium.metrics.neg_mean_absolute_percentage_error" =>
        |rows| negative(mean_absolute_percentage_error(rows));
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn logarithms_need_numbers_above_minus_one() {
        for (truth, predicted, expected) in [
            (vec![0.0, -1.0], vec![0.0, 0.0], "the target is -1 in row 2, a number greater than -1 is needed"),
            (vec![0.0, 0.0], vec![-3.0, 0.0], "the prediction is -3 in row 1, a number greater than -1 is needed"),
        ] {
            let problem = mean_squared_log_error(&NumberRows { truth, predicted }).unwrap_err();
            assert_eq!(problem.to_string(), expected);
        }
    }

    #[test]
    fn a_constant_target_has_nothing_to_explain() {
        let rows = |predicted: f64| NumberRows { truth: vec![0.1; 3], predicted: vec![predicted; 3] };
        assert_eq!((r2(&rows(0.1)), r2(&rows(0.2))), (1.0, 0.0));
        assert_eq!((explained_variance(&rows(0.1)), explained_variance(&rows(0.2))), (1.0, 1.0));
    }

    #[test]
    fn no_error_is_a_plain_zero() {
        assert!(negative(0.0).unwrap().is_sign_positive());
    }

    proptest! {
        #[test]
        fn a_constant_error_is_explained_but_costs_r2(
            truth in proptest::collection::vec(-100i32..100, 2..30), error in 1..50i32,
        ) {
            let truth: Vec<f64> = truth.into_iter().map(f64::from).collect();
            let predicted = truth.iter().map(|number| number + f64::from(error)).collect();
            let rows = NumberRows { truth, predicted };
            prop_assert!((explained_variance(&rows) - 1.0).abs() < 1e-12);
            prop_assert!(r2(&rows) < 1.0);
            prop_assert_eq!(median_absolute_error(&rows), f64::from(error));
            prop_assert!(rows.mean_squared_error().sqrt() >= mean(rows.absolute_errors()) - 1e-12);
        }
    }
}
