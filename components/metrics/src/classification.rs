//! Scores of predicted classes as a whole.

use palladium_component::prelude::*;

use crate::averaging::ClassCounts;
use crate::inputs::{ClassRows, classes};

/// Returns the share of rows whose prediction is true.
fn accuracy(rows: &ClassRows) -> f64 {
    ClassCounts::of(rows).hits.iter().sum::<f64>() / rows.truth.len() as f64
}

/// Returns the mean recall of the classes that the target holds.
fn balanced_accuracy(rows: &ClassRows) -> f64 {
    let counts = ClassCounts::of(rows);
    let in_target = counts.truth.iter().zip(&counts.hits).filter(|(truth, _)| **truth > 0.0);
    let recalls: Vec<f64> = in_target.map(|(truth, hits)| hits / truth).collect();
    recalls.iter().sum::<f64>() / recalls.len() as f64
}

/// Returns Matthews' correlation coefficient in Gorodkin's form (2004) for any number of classes.
fn matthews_corrcoef(rows: &ClassRows) -> f64 {
    let counts = ClassCounts::of(rows);
    let n_rows = rows.truth.len() as f64;
    let product = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let covariance = counts.hits.iter().sum::<f64>() * n_rows - product(&counts.truth, &counts.predicted);
    let variances = (n_rows * n_rows - product(&counts.predicted, &counts.predicted))
        * (n_rows * n_rows - product(&counts.truth, &counts.truth));
    if variances == 0.0 { 0.0 } else { covariance / variances.sqrt() }
}

scorers! { classes;
    /// Share of rows whose predicted class is the true one.
    ///
    /// Best is 1, worst 0. Where one class is much more frequent than the others, `balanced_accuracy` or `f1_macro`
    /// say more.
    Accuracy = "palladium.metrics.accuracy" => |rows| Ok(accuracy(rows));

    /// Mean recall of the classes that occur in the target.
    ///
    /// Every class counts the same, however rare it is. Best is 1; always predicting one of k classes gives 1/k.
    BalancedAccuracy = "palladium.metrics.balanced_accuracy" => |rows| Ok(balanced_accuracy(rows));

    /// Matthews' correlation coefficient of true and predicted classes.
    ///
    /// Takes hits and errors of all classes into account, so that it says something also where classes differ much in
    /// size. Best is 1; 0 is as good as guessing, and also stands where target or predictions are all of one class.
    MatthewsCorrcoef = "palladium.metrics.matthews_corrcoef" => |rows| Ok(matthews_corrcoef(rows));
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn any_rows() -> impl Strategy<Value = ClassRows> {
        proptest::collection::vec((0..5usize, 0..4usize), 1..40).prop_map(|pairs| {
            let (truth, predicted) = pairs.into_iter().unzip();
            ClassRows { truth, predicted, n_classes: 5, one: Some(1) }
        })
    }

    proptest! {
        #[test]
        fn scores_do_not_depend_on_the_order_of_rows_and_stay_in_range(rows in any_rows()) {
            let mut reversed = rows.clone();
            reversed.truth.reverse();
            reversed.predicted.reverse();
            for (score, least) in [
                (accuracy as fn(&ClassRows) -> f64, 0.0),
                (balanced_accuracy, 0.0),
                (matthews_corrcoef, -1.0),
            ] {
                let value = score(&rows);
                prop_assert!((value - score(&reversed)).abs() < 1e-12);
                prop_assert!((least - 1e-12..=1.0 + 1e-12).contains(&value), "{value}");
            }
        }

        #[test]
        fn true_predictions_are_the_best(rows in any_rows()) {
            let perfect = ClassRows { predicted: rows.truth.clone(), ..rows };
            prop_assert_eq!(accuracy(&perfect), 1.0);
            prop_assert_eq!(balanced_accuracy(&perfect), 1.0);
        }

        #[test]
        fn the_correlation_is_symmetric(rows in any_rows()) {
            let swapped = ClassRows { truth: rows.predicted.clone(), predicted: rows.truth.clone(), ..rows };
            prop_assert!((matthews_corrcoef(&rows) - matthews_corrcoef(&swapped)).abs() < 1e-12);
        }
    }
}
