//! The rows that scores are computed from: the truth of a data set beside what a model answers for it.

use palladium_component::prelude::ndarray::Array2;
use palladium_component::prelude::*;

use crate::Problem;

/// Classes, numbered: first those of the model, then those that only the target holds.
#[derive(Clone, Debug)]
pub struct ClassRows {
    /// The true class of each row.
    pub truth: Vec<usize>,
    /// The predicted class of each row.
    pub predicted: Vec<usize>,
    /// The number of classes of model and target.
    pub n_classes: usize,
    /// The class with the label 1 or `true`, which is the positive one of two.
    pub one: Option<usize>,
}

/// True classes and the probabilities of the model's classes, of which there are at least two.
#[derive(Clone, Debug)]
pub struct ProbabilityRows {
    /// The true class of each row: a column of the probabilities.
    pub truth: Vec<usize>,
    /// Rows × classes, every number finite.
    pub values: Array2<f64>,
    /// The class with the label 1 or `true`.
    pub one: Option<usize>,
}

/// Numbers, all of them finite.
#[derive(Clone, Debug)]
pub struct NumberRows {
    /// The true number of each row.
    pub truth: Vec<f64>,
    /// The predicted number of each row.
    pub predicted: Vec<f64>,
}

/// Reads what scorers of predicted classes need.
pub fn classes(model: &TrainedModel, data: &Dataset) -> Result<ClassRows, Problem> {
    let target = data.target()?;
    let predictions = model.predict(Samples::new(data.features.clone()), &Parameters::new())?;
    let Predictions::Classes { labels, codes } = predictions else {
        return Err(Problem::PredictsNumbers);
    };
    let Truth { codes: truth, n_classes, one, .. } = Truth::of(&labels, target)?;
    same_length(truth.len(), codes.len())?;
    let predicted: Vec<usize> = codes.into_iter().map(|code| code as usize).collect();
    match predicted.iter().find(|code| **code >= labels.len()) {
        Some(code) => Err(Problem::ClassCount { classes: labels.len(), answered: code + 1 }),
        None => Ok(ClassRows { truth, predicted, n_classes, one }),
    }
}

/// Reads what scorers of class probabilities need.
pub fn probabilities(model: &TrainedModel, data: &Dataset) -> Result<ProbabilityRows, Problem> {
    let target = data.target()?;
    let Probabilities { labels, values } =
        model.predict_proba(Samples::new(data.features.clone()), &Parameters::new())?;
    let Truth { codes: truth, labels: own, one, .. } = Truth::of(&labels, target)?;
    same_length(truth.len(), values.nrows())?;
    if values.ncols() != labels.len() {
        return Err(Problem::ClassCount { classes: labels.len(), answered: values.ncols() });
    }
    if labels.len() < 2 {
        return Err(Problem::OneClass);
    }
    if let Some(row) = truth.iter().position(|code| *code >= labels.len()) {
        return Err(Problem::UnknownLabel { label: label_text(&own.labels, own.codes[row] as usize), row: row + 1 });
    }
    match values.indexed_iter().find(|(_, value)| !value.is_finite()) {
        Some(((row, _), value)) => Err(Problem::NotProbability { row: row + 1, value: *value }),
        None => Ok(ProbabilityRows { truth, values, one }),
    }
}

/// Reads what scorers of numbers need.
pub fn numbers(model: &TrainedModel, data: &Dataset) -> Result<NumberRows, Problem> {
    let truth = data.numbers()?.to_vec();
    if truth.is_empty() {
        return Err(DataError::NoRows.into());
    }
    let predictions = model.predict(Samples::new(data.features.clone()), &Parameters::new())?;
    let Predictions::Numbers(predicted) = predictions else {
        return Err(Problem::PredictsClasses);
    };
    same_length(truth.len(), predicted.len())?;
    match predicted.iter().position(|number| !number.is_finite()) {
        Some(row) => Err(Problem::NotFinite { row: row + 1, value: predicted[row] }),
        None => Ok(NumberRows { truth, predicted }),
    }
}

fn same_length(expected: usize, predicted: usize) -> Result<(), Problem> {
    if expected == predicted { Ok(()) } else { Err(Problem::RowCount { expected, predicted }) }
}

/// A target in the numbering of a model's classes.
struct Truth {
    codes: Vec<usize>,
    /// The target in its own numbering.
    labels: Classes,
    n_classes: usize,
    one: Option<usize>,
}

impl Truth {
    /// Numbers labels that the model does not know from its number of classes on.
    fn of(known: &ClassLabels, target: &Column) -> Result<Truth, Problem> {
        let codes = known.encode(target)?;
        let labels = Classes::of(target)?;
        let mut positions = vec![None; labels.labels.len()];
        for (own, code) in labels.codes.iter().zip(codes) {
            positions[*own as usize] = code;
        }
        let mut n_classes = known.len();
        let number = |position: Option<u32>| {
            position.map_or_else(
                || {
                    n_classes += 1;
                    n_classes - 1
                },
                |code| code as usize,
            )
        };
        let positions: Vec<usize> = positions.into_iter().map(number).collect();
        let codes = labels.codes.iter().map(|own| positions[*own as usize]).collect();
        let one = labelled_one(known).or_else(|| labelled_one(&labels.labels).map(|own| positions[own]));
        Ok(Truth { codes, labels, n_classes, one })
    }
}

/// Returns the class that marks the positive rows where no other is named.
fn labelled_one(labels: &ClassLabels) -> Option<usize> {
    match labels {
        ClassLabels::Bool(labels) => labels.iter().position(|label| *label),
        ClassLabels::Int(labels) => labels.iter().position(|label| *label == 1),
        ClassLabels::Float(labels) => labels.iter().position(|label| *label == 1.0),
        ClassLabels::Text(_) => None,
    }
}

/// Returns a label for a message, a long one shortened.
fn label_text(labels: &ClassLabels, code: usize) -> String {
    match labels {
        ClassLabels::Bool(labels) => format!("`{}`", labels[code]),
        ClassLabels::Int(labels) => format!("`{}`", labels[code]),
        ClassLabels::Float(labels) => format!("`{}`", labels[code]),
        ClassLabels::Text(labels) => format!("`{:.60}`", labels[code]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn numbers_unknown_labels_after_those_of_the_model() {
        let target = |values| Column { name: "y".into(), values };
        let int = |numbers: Vec<i64>| target(Arc::new(Int64Array::from(numbers)) as ArrayRef);
        let cases = [
            (ClassLabels::Int(vec![0, 1]), int(vec![1, 0, 1]), vec![1, 0, 1], 2, Some(1)),
            (ClassLabels::Int(vec![5, 7]), int(vec![9, 7, 1, 9]), vec![3, 1, 2, 3], 4, Some(2)),
            (ClassLabels::Float(vec![0.0, 1.0]), int(vec![2, 1]), vec![2, 1], 3, Some(1)),
        ];
        for (known, target, codes, n_classes, one) in cases {
            let truth = Truth::of(&known, &target).unwrap();
            assert_eq!((truth.codes, truth.n_classes, truth.one), (codes, n_classes, one));
        }
        let text = target(Arc::new(StringArray::from(vec!["1"])) as ArrayRef);
        assert_eq!(Truth::of(&ClassLabels::Text(vec!["1".into()]), &text).unwrap().one, None);
        assert!(Truth::of(&ClassLabels::Int(vec![1]), &text).is_err());
    }
}
