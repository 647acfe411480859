//! Scores of class probabilities. Two classes are scored by the probability of the greater label, as in scikit-learn.

use palladium_component::prelude::*;

use crate::Problem;
use crate::inputs::{ProbabilityRows, probabilities};
use crate::ranking;

/// How scores of more than two classes become one.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Average {
    /// All count the same.
    Macro,
    /// They count by their rows.
    Weighted,
}

impl ProbabilityRows {
    fn n_classes(&self) -> usize {
        self.values.ncols()
    }

    fn n_rows(&self) -> usize {
        self.truth.len()
    }

    /// Returns for each row the probability of a class and whether it is the true one.
    fn against_rest(&self, class: usize) -> impl Iterator<Item = (f64, bool)> {
        self.values.column(class).into_iter().copied().zip(self.truth.iter().map(move |truth| *truth == class))
    }

    /// Returns the rows of each class.
    fn rows_by_class(&self) -> Vec<Vec<usize>> {
        let mut rows = vec![Vec::new(); self.n_classes()];
        for (row, class) in self.truth.iter().enumerate() {
            rows[*class].push(row);
        }
        rows
    }

    fn check_probabilities(&self) -> Result<(), Problem> {
        match self.values.indexed_iter().find(|(_, value)| !(0.0..=1.0).contains(*value)) {
            Some(((row, _), value)) => Err(Problem::NotProbability { row: row + 1, value: *value }),
            None => Ok(()),
        }
    }

    /// Checks that the probabilities of each row sum to one, with the tolerance of numpy's `allclose`.
    fn check_sums(&self) -> Result<(), Problem> {
        let sums = self.values.rows().into_iter().map(|row| row.sum());
        match sums.enumerate().find(|(_, sum)| (1.0 - sum).abs() > 1e-8 + 1e-5 * sum.abs()) {
            Some((row, sum)) => Err(Problem::NotNormalized { row: row + 1, sum }),
            None => Ok(()),
        }
    }
}

/// Returns the area under the ROC curve of two classes.
fn roc_auc(rows: &ProbabilityRows) -> Result<f64, Problem> {
    match rows.n_classes() {
        2 => Ok(defined(ranking::area_under_roc(rows.against_rest(1)))),
        n_classes => Err(Problem::MoreThanTwoClasses(n_classes)),
    }
}

/// Returns the mean area of each class against the rest; NaN where a class that counts does not occur.
fn roc_auc_ovr(rows: &ProbabilityRows, average: Average) -> Result<f64, Problem> {
    if rows.n_classes() == 2 {
        return roc_auc(rows);
    }
    rows.check_sums()?;
    let areas = rows.rows_by_class().into_iter().enumerate().map(|(class, members)| {
        let weight = if average == Average::Weighted { members.len() as f64 } else { 1.0 };
        let area = if weight == 0.0 { 0.0 } else { ranking::area_under_roc(rows.against_rest(class)) };
        (area, weight)
    });
    Ok(defined(weighted_mean(areas)))
}

/// Returns the mean area of each pair of classes that occur, after Hand and Till (2001).
fn roc_auc_ovo(rows: &ProbabilityRows, average: Average) -> Result<f64, Problem> {
    if rows.n_classes() == 2 {
        return roc_auc(rows);
    }
    rows.check_sums()?;
    let by_class = rows.rows_by_class();
    let present: Vec<usize> = (0..by_class.len()).filter(|class| !by_class[*class].is_empty()).collect();
    let area = |class: usize, other: usize| {
        let of = |members: &[usize], positive| members.iter().map(move |row| (*row, positive)).collect::<Vec<_>>();
        let pair = of(&by_class[class], true).into_iter().chain(of(&by_class[other], false));
        ranking::area_under_roc(pair.map(|(row, positive)| (rows.values[[row, class]], positive)))
    };
    let pairs = present.iter().enumerate().flat_map(|(index, a)| present[index + 1..].iter().map(|b| (*a, *b)));
    let areas = pairs.map(|(a, b)| {
        let n_rows = (by_class[a].len() + by_class[b].len()) as f64;
        ((area(a, b) + area(b, a)) / 2.0, if average == Average::Weighted { n_rows } else { 1.0 })
    });
    Ok(defined(weighted_mean(areas)))
}

fn weighted_mean(items: impl Iterator<Item = (f64, f64)>) -> f64 {
    let (sum, weight) = items.fold((0.0, 0.0), |sums, (item, weight)| (sums.0 + item * weight, sums.1 + weight));
    sum / weight
}

/// Logs that an area is NaN.
fn defined(area: f64) -> f64 {
    if area.is_nan() {
        tracing::warn!("the area under the ROC curve is not defined: the target lacks rows of a class");
    }
    area
}

/// Returns the average precision of the class with the label 1, or for more than two classes their mean.
fn average_precision(rows: &ProbabilityRows) -> Result<f64, Problem> {
    if rows.n_classes() == 2 {
        let one = rows.one.ok_or(Problem::NoPositiveClass)?;
        return Ok(ranking::average_precision(rows.against_rest(one)));
    }
    let classes = 0..rows.n_classes();
    Ok(weighted_mean(classes.map(|class| (ranking::average_precision(rows.against_rest(class)), 1.0))))
}

/// Returns the mean logarithm of the true class's probability, which is kept off 0 and 1.
fn neg_log_loss(rows: &ProbabilityRows) -> Result<f64, Problem> {
    rows.check_probabilities()?;
    if let Err(problem) = rows.check_sums() {
        tracing::warn!("{problem}; the score takes them as they are");
    }
    let probability = |(row, class): (usize, &usize)| match (rows.n_classes(), class) {
        (2, 0) => 1.0 - rows.values[[row, 1]],
        _ => rows.values[[row, *class]],
    };
    let probabilities = rows.truth.iter().enumerate().map(probability);
    let sum: f64 = probabilities.map(|value| value.clamp(f64::EPSILON, 1.0 - f64::EPSILON).ln()).sum();
    Ok(sum / rows.n_rows() as f64)
}

/// Returns the mean squared difference of probabilities and truth, negated; halved for two classes.
fn neg_brier_score(rows: &ProbabilityRows) -> Result<f64, Problem> {
    rows.check_probabilities()?;
    let difference =
        |class| rows.against_rest(class).map(|(value, is_true)| (value - f64::from(u8::from(is_true))).powi(2));
    let sum: f64 = match rows.n_classes() {
        2 => difference(1).sum(),
        n_classes => (0..n_classes).flat_map(difference).sum(),
    };
    Ok(0.0 - sum / rows.n_rows() as f64)
}

/// Returns the share of rows whose true class is among the `k` most probable; of equal ones the later goes first.
fn top_k_accuracy(rows: &ProbabilityRows, k: usize) -> f64 {
    if k >= rows.n_classes() {
        tracing::warn!("top_k_accuracy says nothing for {} classes and k = {k}: it is always 1", rows.n_classes());
        return 1.0;
    }
    let is_hit = |(row, class): (usize, &usize)| {
        let values = rows.values.row(row);
        let own = values[*class];
        if values.len() == 2 {
            return (values[1] > 0.5) == (*class == 1);
        }
        let before = values.indexed_iter().filter(|(other, value)| **value > own || (**value == own && other > class));
        before.count() < k
    };
    rows.truth.iter().enumerate().filter(|row| is_hit(*row)).count() as f64 / rows.n_rows() as f64
}

scorers! { probabilities;
    /// Area under the ROC curve of two classes: how probable it is that a positive row ranks before a negative one.
    ///
    /// The greater of the model's two labels is the positive class. Best is 1, guessing gives 0.5. Not defined where
    /// the target holds one class only. For more classes take `roc_auc_ovr` or `roc_auc_ovo`.
    RocAuc = "palladium.metrics.roc_auc" => roc_auc;

    /// Mean area under the ROC curve of each class against the rest.
    ///
    /// Every class counts the same. Best is 1, guessing gives 0.5. Not defined where a class of the model does not
    /// occur in the target.
    RocAucOvr = "palladium.metrics.roc_auc_ovr" => |rows| roc_auc_ovr(rows, Average::Macro);

    /// Mean area under the ROC curve of each class against the rest, weighted with the rows of the class.
    ///
    /// Best is 1, guessing gives 0.5.
    RocAucOvrWeighted = "palladium.metrics.roc_auc_ovr_weighted" => |rows| roc_auc_ovr(rows, Average::Weighted);

    /// Mean area under the ROC curve of each pair of classes that occur in the target.
    ///
    /// Every pair counts the same, so that it does not depend on how frequent the classes are. Best is 1, guessing
    /// gives 0.5.
    RocAucOvo = "palladium.metrics.roc_auc_ovo" => |rows| roc_auc_ovo(rows, Average::Macro);

    /// Mean area under the ROC curve of each pair of classes, weighted with the rows of the pair.
    ///
    /// Best is 1, guessing gives 0.5.
    RocAucOvoWeighted = "palladium.metrics.roc_auc_ovo_weighted" => |rows| roc_auc_ovo(rows, Average::Weighted);

    /// Average precision: the area under the curve of precision over recall, in steps.
    ///
    /// Of two classes the one with the label 1 (or the flag true) is the positive one. With more classes it is the
    /// mean over the classes, each against the rest. Best is 1; guessing gives the share of positive rows.
    AveragePrecision = "palladium.metrics.average_precision" => average_precision;

    /// Mean logarithm of the probability given to the true class.
    ///
    /// Best is 0. Judges the probabilities themselves: being sure and wrong costs most. Probabilities of 0 and 1 are
    /// taken as 2.2e-16 away from them.
    NegLogLoss = "palladium.metrics.neg_log_loss" => neg_log_loss;

    /// Mean squared difference between the probabilities and the truth, negated.
    ///
    /// Best is 0, worst -1 for two classes and -2 for more. Judges the probabilities themselves, and being sure and
    /// wrong less severely than `neg_log_loss` does.
    NegBrierScore = "palladium.metrics.neg_brier_score" => neg_brier_score;
}

/// Share of rows whose true class is among the most probable ones.
///
/// Best is 1. For many classes, where several may be shown to a user. Of classes with the same probability the one with
/// the greater label counts as more probable.
#[component(Scorer, name = "palladium.metrics.top_k_accuracy")]
#[derive(Clone, Copy, Debug)]
pub struct TopKAccuracy {
    /// How many of the most probable classes are looked at.
    #[param(default = 2, min = 1)]
    k: usize,
}

impl Scorer for TopKAccuracy {
    fn score(&self, model: &TrainedModel, data: &Dataset) -> Result<f64, Failure> {
        let rows = probabilities(model, data);
        crate::declare::scored("palladium.metrics.top_k_accuracy", rows, |rows| Ok(top_k_accuracy(rows, self.k)))
    }
}
