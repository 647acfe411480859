//! Scores of one class, and their averages over classes: F1, precision, recall and the Jaccard index.
//!
//! As in scikit-learn a share of nothing counts as 0, which is logged, and averages go over the classes that occur in
//! the target or among the predictions.

use palladium_component::prelude::*;

use crate::Problem;
use crate::inputs::{ClassRows, classes};

/// How often each class occurs.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ClassCounts {
    /// Rows of the class that are predicted as the class.
    pub hits: Vec<f64>,
    /// Rows of the class.
    pub truth: Vec<f64>,
    /// Rows predicted as the class.
    pub predicted: Vec<f64>,
}

impl ClassCounts {
    pub(crate) fn of(rows: &ClassRows) -> ClassCounts {
        let zeros = vec![0.0; rows.n_classes];
        let mut counts = ClassCounts { hits: zeros.clone(), truth: zeros.clone(), predicted: zeros };
        for (truth, predicted) in rows.truth.iter().copied().zip(rows.predicted.iter().copied()) {
            counts.truth[truth] += 1.0;
            counts.predicted[predicted] += 1.0;
            if truth == predicted {
                counts.hits[truth] += 1.0;
            }
        }
        counts
    }

    /// Returns the classes that occur in the target or among the predictions.
    fn present(&self) -> impl Iterator<Item = usize> {
        (0..self.truth.len()).filter(|class| self.truth[*class] + self.predicted[*class] > 0.0)
    }
}

/// A score of one class, which is a share.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Share {
    F1,
    Precision,
    Recall,
    Jaccard,
}

/// How the scores of classes become one.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Average {
    /// The positive class alone.
    Binary,
    /// Of all rows.
    Micro,
    /// Each class counts the same.
    Macro,
    /// Each class counts by its rows.
    Weighted,
}

impl Share {
    /// Returns numerator and denominator for a class.
    fn parts(self, counts: &ClassCounts, class: usize) -> (f64, f64) {
        let (hits, truth, predicted) = (counts.hits[class], counts.truth[class], counts.predicted[class]);
        match self {
            Share::F1 => (2.0 * hits, truth + predicted),
            Share::Precision => (hits, predicted),
            Share::Recall => (hits, truth),
            Share::Jaccard => (hits, truth + predicted - hits),
        }
    }
}

/// Returns the average share over the classes.
fn share(rows: &ClassRows, share: Share, average: Average) -> Result<f64, Problem> {
    let counts = ClassCounts::of(rows);
    let part = |class| share.parts(&counts, class);
    Ok(match average {
        Average::Binary => divide([part(positive(rows, &counts)?)])[0],
        Average::Micro => {
            let sum = |sum: (f64, f64), part: (f64, f64)| (sum.0 + part.0, sum.1 + part.1);
            divide([counts.present().map(part).fold((0.0, 0.0), sum)])[0]
        }
        Average::Macro => {
            let shares = divide(counts.present().map(part));
            shares.iter().sum::<f64>() / shares.len() as f64
        }
        Average::Weighted => {
            let weighted = divide(counts.present().map(part)).into_iter().zip(counts.present());
            weighted.map(|(share, class)| share * counts.truth[class]).sum::<f64>() / rows.truth.len() as f64
        }
    })
}

/// Returns the positive class of two. If it occurs nowhere beside a single other class, it still is the positive one.
fn positive(rows: &ClassRows, counts: &ClassCounts) -> Result<usize, Problem> {
    let n_present = counts.present().count();
    if n_present > 2 {
        return Err(Problem::MoreThanTwoClasses(n_present));
    }
    let one = rows.one.ok_or(Problem::NoPositiveClass)?;
    if n_present == 2 && counts.present().all(|class| class != one) {
        return Err(Problem::NoPositiveClass);
    }
    Ok(one)
}

/// Divides; a share of nothing is 0.
fn divide(parts: impl IntoIterator<Item = (f64, f64)>) -> Vec<f64> {
    let mut n_undefined = 0;
    let divide = |(numerator, denominator): (f64, f64)| {
        if denominator == 0.0 {
            n_undefined += 1;
            0.0
        } else {
            numerator / denominator
        }
    };
    let shares = parts.into_iter().map(divide).collect();
    if n_undefined > 0 {
        tracing::warn!("the score is not defined for {n_undefined} of the classes, it counts as 0 for them");
    }
    shares
}

scorers! { classes;
    /// F1 score of the positive class: the harmonic mean of precision and recall.
    ///
    /// For two classes, of which the one with the label 1 (or the flag true) is the positive one. For other labels and
    /// for more classes take `f1_macro`, `f1_weighted` or `f1_micro`. Best is 1, worst 0.
    F1 = "palladium.metrics.f1" => |rows| share(rows, Share::F1, Average::Binary);

    /// F1 score over all rows at once.
    ///
    /// Hits and errors of all classes are summed first; with one label for each row this is the accuracy.
    F1Micro = "palladium.metrics.f1_micro" => |rows| share(rows, Share::F1, Average::Micro);

    /// Mean F1 score of the classes.
    ///
    /// Every class counts the same, so that rare classes matter as much as frequent ones. Best is 1, worst 0.
    F1Macro = "palladium.metrics.f1_macro" => |rows| share(rows, Share::F1, Average::Macro);

    /// Mean F1 score of the classes, each weighted with its number of rows.
    ///
    /// Best is 1, worst 0.
    F1Weighted = "palladium.metrics.f1_weighted" => |rows| share(rows, Share::F1, Average::Weighted);

    /// Precision of the positive class: the share of its predictions that are right.
    ///
    /// For two classes, of which the one with the label 1 (or the flag true) is the positive one. For other labels and
    /// for more classes take `precision_macro`, `precision_weighted` or `precision_micro`. Best is 1, worst 0, which
    /// also stands where the positive class is never predicted.
    Precision = "palladium.metrics.precision" => |rows| share(rows, Share::Precision, Average::Binary);

    /// Precision over all rows at once.
    ///
    /// Hits and predictions of all classes are summed first; with one label for each row this is the accuracy.
    PrecisionMicro = "palladium.metrics.precision_micro" => |rows| share(rows, Share::Precision, Average::Micro);

    /// Mean precision of the classes.
    ///
    /// Every class counts the same; one that is never predicted counts as 0. Best is 1, worst 0.
    PrecisionMacro = "palladium.metrics.precision_macro" => |rows| share(rows, Share::Precision, Average::Macro);

    /// Mean precision of the classes, each weighted with its number of rows.
    ///
    /// A class that is never predicted counts as 0. Best is 1, worst 0.
    PrecisionWeighted = "palladium.metrics.precision_weighted" =>
        |rows| share(rows, Share::Precision, Average::Weighted);

    /// Recall of the positive class: the share of its rows that are predicted as such.
    ///
    /// For two classes, of which the one with the label 1 (or the flag true) is the positive one. For other labels and
    /// for more classes take `recall_macro`, `recall_weighted` or `recall_micro`. Best is 1, worst 0, which also stands
    /// where the target holds no row of the positive class.
    Recall = "palladium.metrics.recall" => |rows| share(rows, Share::Recall, Average::Binary);

    /// Recall over all rows at once.
    ///
    /// Hits and rows of all classes are summed first; with one label for each row this is the accuracy.
    RecallMicro = "palladium.metrics.recall_micro" => |rows| share(rows, Share::Recall, Average::Micro);

    /// Mean recall of the classes.
    ///
    /// Every class counts the same; one that is predicted but does not occur in the target counts as 0, which is the
    /// difference to `balanced_accuracy`. Best is 1, worst 0.
    RecallMacro = "palladium.metrics.recall_macro" => |rows| share(rows, Share::Recall, Average::Macro);

    /// Mean recall of the classes, each weighted with its number of rows.
    ///
    /// This is the accuracy. Best is 1, worst 0.
    RecallWeighted = "palladium.metrics.recall_weighted" => |rows| share(rows, Share::Recall, Average::Weighted);

    /// Jaccard index of the positive class: hits among the rows that are positive or predicted as such.
    ///
    /// For two classes, of which the one with the label 1 (or the flag true) is the positive one. For other labels and
    /// for more classes take `jaccard_macro`, `jaccard_weighted` or `jaccard_micro`. Best is 1, worst 0.
    Jaccard = "palladium.metrics.jaccard" => |rows| share(rows, Share::Jaccard, Average::Binary);

    /// Jaccard index over all rows at once.
    ///
    /// Hits and errors of all classes are summed first. Best is 1, worst 0.
    JaccardMicro = "palladium.metrics.jaccard_micro" => |rows| share(rows, Share::Jaccard, Average::Micro);

    /// Mean Jaccard index of the classes.
    ///
    /// Every class counts the same. Best is 1, worst 0.
    JaccardMacro = "palladium.metrics.jaccard_macro" => |rows| share(rows, Share::Jaccard, Average::Macro);

    /// Mean Jaccard index of the classes, each weighted with its number of rows.
    ///
    /// Best is 1, worst 0.
    JaccardWeighted = "palladium.metrics.jaccard_weighted" => |rows| share(rows, Share::Jaccard, Average::Weighted);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(truth: &[usize], predicted: &[usize], one: Option<usize>) -> ClassRows {
        let n_classes = truth.iter().chain(predicted).max().unwrap() + 1;
        ClassRows { truth: truth.to_vec(), predicted: predicted.to_vec(), n_classes: n_classes.max(2), one }
    }

    #[test]
    fn the_positive_class_is_the_one_labelled_one() {
        let cases = [
            (rows(&[0, 1, 1], &[0, 1, 0], Some(1)), Ok(0.5)),
            (rows(&[0, 1, 1], &[0, 1, 0], Some(0)), Ok(1.0)),
            (rows(&[0, 0], &[0, 0], Some(1)), Ok(0.0)),
            (rows(&[0, 1, 1], &[0, 1, 0], None), Err("none of the classes has the label 1")),
            (rows(&[0, 2, 2], &[0, 2, 0], Some(1)), Err("none of the classes has the label 1")),
            (rows(&[0, 1, 2], &[0, 1, 0], Some(1)), Err("there are 3 classes, two are needed")),
        ];
        for (rows, expected) in cases {
            match (share(&rows, Share::Recall, Average::Binary), expected) {
                (Ok(score), expected) => assert_eq!(Ok(score), expected, "{rows:?}"),
                (Err(problem), Err(expected)) => assert!(problem.to_string().starts_with(expected), "{problem}"),
                (Err(problem), Ok(_)) => panic!("{problem} for {rows:?}"),
            }
        }
    }
}
