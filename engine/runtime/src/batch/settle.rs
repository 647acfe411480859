//! Which rows of a batch have a prediction, and which have not.

use palladium_component::data::{Predictions, Probabilities};
use palladium_component::interfaces::{Failure, PredictError, PredictRequest, PredictResponse, TrainedModel};
use serde_json::Value as Json;

use super::row::Row;
use super::{BatchError, unwritable};
use crate::Predictor;

/// What comes of rows that stand behind each other.
pub(super) enum Outcome {
    /// So many rows have predictions; this is the one that is next.
    Answered { answer: Answer, next: usize },
    /// One row has none.
    Refused(String),
}

/// Finds out what comes of the rows of a batch.
pub(super) struct Settling<'a> {
    pub predictor: &'a Predictor,
    pub model: &'a TrainedModel,
    /// Whether rows behind one that is refused are wanted.
    pub all: bool,
}

impl Settling<'_> {
    /// Returns what comes of rows, in their order.
    ///
    /// # Errors
    /// The model or the service fails whatever the rows are.
    pub fn settle(&self, rows: &[&Row]) -> Result<Vec<Outcome>, BatchError> {
        let mut outcomes = Vec::new();
        self.halve(rows, &mut outcomes)?;
        Ok(outcomes)
    }

    /// Asks about rows together, and where they are refused about each half: a service need not say which row it is
    /// that it refuses, and few of them do not make many requests.
    fn halve(&self, rows: &[&Row], outcomes: &mut Vec<Outcome>) -> Result<(), BatchError> {
        if rows.is_empty() || !self.all && matches!(outcomes.last(), Some(Outcome::Refused(_))) {
            return Ok(());
        }
        match self.ask(rows) {
            Ok(answer) => outcomes.push(Outcome::Answered { answer, next: 0 }),
            Err(PredictError::BadRequest(_) | PredictError::Refused { .. }) if rows.len() > 1 => {
                let (first, second) = rows.split_at(rows.len() / 2);
                self.halve(first, outcomes)?;
                self.halve(second, outcomes)?;
            }
            Err(PredictError::BadRequest(reason)) => outcomes.push(Outcome::Refused(of_one_row(&reason))),
            Err(refused @ PredictError::Refused { .. }) => outcomes.push(Outcome::Refused(refused.to_string())),
            Err(error) => return Err(BatchError::Predict(error)),
        }
        Ok(())
    }

    fn ask(&self, rows: &[&Row]) -> Result<Answer, PredictError> {
        let mut body = Vec::with_capacity(rows.iter().map(|row| row.sample().len() + 1).sum::<usize>() + 1);
        for row in rows {
            body.push(if body.is_empty() { b'[' } else { b',' });
            body.extend_from_slice(row.sample().as_bytes());
        }
        body.push(b']');
        let request = PredictRequest { query: Vec::new(), body: Some(body) };
        let answer = match self.predictor.predict(self.model, &request)? {
            PredictResponse::Many(predictions) => Answer::Predictions(predictions),
            PredictResponse::ManyProbabilities(probabilities) => Answer::Probabilities(probabilities),
            PredictResponse::One(_) | PredictResponse::OneProbabilities(_) | PredictResponse::Empty => {
                return Err(internal("the predict service answers a list of samples with no list".to_owned()));
            }
        };
        if answer.len() != rows.len() {
            let text = format!("the predict service gave {} predictions for {} samples", answer.len(), rows.len());
            return Err(internal(text));
        }
        Ok(answer)
    }
}

fn internal(text: String) -> PredictError {
    PredictError::Internal(Failure::message(text))
}

/// Takes the number of the row out of a refusal: asked about one row, services say that it is the first.
fn of_one_row(reason: &str) -> String {
    let reason = reason.strip_prefix("sample 1: ").unwrap_or(reason);
    reason.replacen(" in row 1,", ",", 1)
}

/// What a service answers to a list of samples.
pub(super) enum Answer {
    Predictions(Predictions),
    Probabilities(Probabilities),
}

impl Answer {
    pub fn len(&self) -> usize {
        match self {
            Answer::Predictions(predictions) => predictions.len(),
            Answer::Probabilities(probabilities) => probabilities.len(),
        }
    }

    /// Returns the names of the columns that the predictions fill.
    pub fn columns(&self) -> Vec<String> {
        let Answer::Probabilities(probabilities) = self else { return vec!["prediction".to_owned()] };
        let labels = (0..probabilities.labels.len()).map(|class| {
            let label = serde_json::to_value(probabilities.labels.get(class)).unwrap_or_default();
            label.as_str().map_or_else(|| label.to_string(), str::to_owned)
        });
        labels.map(|label| format!("probability_{label}")).collect()
    }

    /// Returns the values of these columns for a row.
    ///
    /// # Errors
    /// They cannot be JSON.
    pub fn values(&self, row: usize) -> Result<Vec<Json>, BatchError> {
        let value = match self {
            Answer::Predictions(predictions) => serde_json::to_value(predictions.get(row)).map(|value| vec![value]),
            Answer::Probabilities(probabilities) => {
                serde_json::to_value(probabilities.get(row)).map(|values| match values {
                    Json::Array(values) => values,
                    value => vec![value],
                })
            }
        };
        value.map_err(|error| BatchError::Output(unwritable(error)))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use palladium_component::data::ClassLabels;
    use palladium_component::data::ndarray;

    use super::*;

    #[test]
    fn classes_name_columns() {
        let cases = [
            (ClassLabels::Text(vec!["a b".to_owned()]), "probability_a b"),
            (ClassLabels::Int(vec![-1]), "probability_-1"),
            (ClassLabels::Bool(vec![true]), "probability_true"),
        ];
        for (labels, expected) in cases {
            let values = ndarray::array![[0.25]];
            let answer = Answer::Probabilities(Probabilities { labels: Arc::new(labels), values });
            assert_eq!(answer.columns(), [expected]);
            assert_eq!(answer.values(0).unwrap(), [Json::from(0.25)]);
        }
        let answer = Answer::Predictions(Predictions::Numbers(vec![1.5, f64::NAN]));
        assert_eq!(answer.columns(), ["prediction"]);
        assert_eq!((answer.values(0).unwrap(), answer.values(1).unwrap()), (vec![Json::from(1.5)], vec![Json::Null]));
    }

    #[test]
    fn reasons_do_not_number_the_row() {
        let cases = [
            ("sample 1: the field `x` is missing", "the field `x` is missing"),
            (
                "column `x` holds an infinite number or NaN in row 1, where a finite one is needed",
                "column `x` holds an infinite number or NaN, where a finite one is needed",
            ),
            ("`x` in row 10, or so", "`x` in row 10, or so"),
        ];
        for (reason, expected) in cases {
            assert_eq!(of_one_row(reason), expected);
        }
    }
}
