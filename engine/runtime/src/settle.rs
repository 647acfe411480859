//! Which samples of a batch have a prediction, and which have not.

use std::sync::Arc;

use palladium_component::data::{ClassLabels, Predictions, Probabilities};
use palladium_component::interfaces::{Failure, InputErrors, PredictError, PredictResponse};
use serde_json::Value as Json;

/// What comes of a sample.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// It has a prediction: the one at this position of an answer.
    Answered(Arc<Answer>, usize),
    /// It has none.
    Refused(Arc<PredictError>),
}

/// Which samples are asked about again after one was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// Those before it.
    Before,
    /// All others.
    All,
}

/// Finds out what comes of the samples of a batch, each a JSON object as text.
///
/// They are asked about together: `ask` is given the body of a POST. Where a service says which of them it refuses, the
/// others are asked about again, and where it does not, each half: few of them do not make many requests.
/// `is_of_samples` tells whether an error may be that of some samples alone. There is one outcome for each sample, or
/// with [`Wanted::Before`] up to the first that is refused.
///
/// # Errors
/// An error that is not that of some samples.
pub fn settle(
    samples: &[&[u8]],
    wanted: Wanted,
    is_of_samples: fn(&PredictError) -> bool,
    ask: &mut dyn FnMut(Vec<u8>) -> Result<PredictResponse, PredictError>,
) -> Result<Vec<Outcome>, PredictError> {
    let outcomes = vec![None; samples.len()];
    let mut settling = Settling { samples, wanted, is_of_samples, ask, outcomes };
    settling.settle(&(0..samples.len()).collect::<Vec<usize>>())?;
    Ok(settling.outcomes.into_iter().map_while(|outcome| outcome).collect())
}

struct Settling<'a> {
    samples: &'a [&'a [u8]],
    wanted: Wanted,
    is_of_samples: fn(&PredictError) -> bool,
    ask: &'a mut dyn FnMut(Vec<u8>) -> Result<PredictResponse, PredictError>,
    outcomes: Vec<Option<Outcome>>,
}

impl Settling<'_> {
    /// Settles the samples at these positions; tells whether all of them have a prediction.
    fn settle(&mut self, positions: &[usize]) -> Result<bool, PredictError> {
        if positions.is_empty() {
            return Ok(true);
        }
        let response = (self.ask)(body(self.samples, positions));
        let error = match response.and_then(|response| Answer::of(response, positions.len())) {
            Ok(answer) => {
                let answer = Arc::new(answer);
                for (index, position) in positions.iter().enumerate() {
                    self.outcomes[*position] = Some(Outcome::Answered(Arc::clone(&answer), index));
                }
                return Ok(true);
            }
            Err(error) => error,
        };
        if let (PredictError::Invalid(errors), [_, _, ..]) = (&error, positions)
            && let Some(rows) = errors.rows().filter(|rows| are_of(rows, positions.len()))
        {
            self.refuse(positions, &rows, errors)?;
            return Ok(false);
        }
        match positions {
            _ if !(self.is_of_samples)(&error) => return Err(error),
            [position] => self.outcomes[*position] = Some(Outcome::Refused(Arc::new(of_one_sample(error)))),
            several => {
                let (first, second) = several.split_at(several.len() / 2);
                if self.settle(first)? || self.wanted == Wanted::All {
                    self.settle(second)?;
                }
            }
        }
        Ok(false)
    }

    /// Refuses the samples that a service has named, and settles the others.
    fn refuse(&mut self, positions: &[usize], rows: &[usize], errors: &InputErrors) -> Result<(), PredictError> {
        let end = match (self.wanted, rows) {
            (Wanted::Before, [first, ..]) => *first,
            _ => positions.len(),
        };
        let (mut others, mut next) = (Vec::new(), rows.iter().peekable());
        for (index, position) in positions[..end].iter().enumerate() {
            match next.next_if(|row| **row == index + 1) {
                Some(row) => {
                    let error = PredictError::Invalid(errors.of_row(*row));
                    self.outcomes[*position] = Some(Outcome::Refused(Arc::new(error)));
                }
                None => others.push(*position),
            }
        }
        self.settle(&others).map(drop)
    }
}

/// Tells whether rows are some of so many samples.
fn are_of(rows: &[usize], n_samples: usize) -> bool {
    !rows.is_empty() && rows.iter().all(|row| (1..=n_samples).contains(row))
}

/// Returns the body of a POST with the samples at these positions.
fn body(samples: &[&[u8]], positions: &[usize]) -> Vec<u8> {
    let mut body = Vec::with_capacity(positions.iter().map(|position| samples[*position].len() + 1).sum::<usize>() + 1);
    for position in positions {
        body.push(if body.is_empty() { b'[' } else { b',' });
        body.extend_from_slice(samples[*position]);
    }
    body.push(b']');
    body
}

/// Takes the number of the sample out of a refusal: asked about one sample, services say that it is the first.
fn of_one_sample(error: PredictError) -> PredictError {
    match error {
        PredictError::Invalid(errors) => PredictError::Invalid(errors.without_rows()),
        PredictError::BadRequest(reason) => {
            PredictError::BadRequest(reason.strip_prefix("sample 1: ").unwrap_or(&reason).to_owned())
        }
        other => other,
    }
}

fn internal(text: String) -> PredictError {
    PredictError::Internal(Failure::message(text))
}

/// What a service answers to a list of samples.
#[derive(Debug)]
pub enum Answer {
    /// Predictions.
    Predictions(Predictions),
    /// Class probabilities.
    Probabilities(Probabilities),
    /// What the service makes of them.
    Own(Vec<Json>),
}

impl Answer {
    /// Reads the answer to so many samples.
    ///
    /// # Errors
    /// It is none to a list, or to one of another length.
    fn of(response: PredictResponse, n_samples: usize) -> Result<Answer, PredictError> {
        let answer = match response {
            PredictResponse::Many(predictions) => Answer::Predictions(predictions),
            PredictResponse::ManyProbabilities(probabilities) => Answer::Probabilities(probabilities),
            PredictResponse::Own(own) => match own.result {
                Json::Array(items) => Answer::Own(items),
                _ => return Err(internal("the predict service answers a list of samples with no list".to_owned())),
            },
            PredictResponse::One(_) | PredictResponse::OneProbabilities(_) | PredictResponse::Empty => {
                return Err(internal("the predict service answers a list of samples with no list".to_owned()));
            }
        };
        if answer.len() != n_samples {
            let text = format!("the predict service gave {} predictions for {n_samples} samples", answer.len());
            return Err(internal(text));
        }
        Ok(answer)
    }

    /// Returns the number of samples.
    fn len(&self) -> usize {
        match self {
            Answer::Predictions(predictions) => predictions.len(),
            Answer::Probabilities(probabilities) => probabilities.len(),
            Answer::Own(items) => items.len(),
        }
    }

    /// Writes the result for a sample as JSON.
    ///
    /// # Errors
    /// It cannot be JSON.
    pub fn write(&self, row: usize, text: &mut Vec<u8>) -> Result<(), serde_json::Error> {
        match self {
            Answer::Predictions(predictions) => serde_json::to_writer(text, &predictions.get(row)),
            Answer::Probabilities(probabilities) => serde_json::to_writer(text, &probabilities.get(row)),
            Answer::Own(items) => serde_json::to_writer(text, &items.get(row)),
        }
    }

    /// Returns the names of the columns that the predictions fill.
    pub(crate) fn columns(&self) -> Vec<String> {
        match self {
            Answer::Probabilities(probabilities) => columns(Some(&probabilities.labels)),
            Answer::Predictions(_) | Answer::Own(_) => columns(None),
        }
    }

    /// Returns the values of these columns for a row.
    ///
    /// # Errors
    /// They cannot be JSON.
    pub(crate) fn values(&self, row: usize) -> Result<Vec<Json>, serde_json::Error> {
        match self {
            Answer::Predictions(predictions) => Ok(vec![serde_json::to_value(predictions.get(row))?]),
            Answer::Probabilities(probabilities) => match serde_json::to_value(probabilities.get(row))? {
                Json::Array(values) => Ok(values),
                value => Ok(vec![value]),
            },
            Answer::Own(items) => Ok(items.get(row).cloned().into_iter().collect()),
        }
    }
}

/// Returns the names of the columns that predictions fill, or the probabilities of these classes.
pub(crate) fn columns(classes: Option<&ClassLabels>) -> Vec<String> {
    let Some(classes) = classes else { return vec!["prediction".to_owned()] };
    let labels = (0..classes.len()).map(|class| {
        let label = serde_json::to_value(classes.get(class)).unwrap_or_default();
        label.as_str().map_or_else(|| label.to_string(), str::to_owned)
    });
    labels.map(|label| format!("probability_{label}")).collect()
}

#[cfg(test)]
mod tests {
    use palladium_component::data::{ClassLabels, ndarray};
    use palladium_component::interfaces::{InputError, InputErrorCode};

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

    /// Answers numbers with themselves, refuses `"bad"` by its row, `"odd"` without and `"both"` both ways, and fails at
    /// `"fail"`.
    fn ask(body: &[u8]) -> Result<PredictResponse, PredictError> {
        let samples: Vec<Json> = serde_json::from_slice(body).unwrap();
        let mut errors = InputErrors::default();
        let is_refused = |sample: &Json| sample == "bad" || sample == "both";
        let refused = samples.iter().enumerate().filter(|(_, sample)| is_refused(sample));
        let rows = refused.map(|(index, sample)| (Some(index + 1), sample));
        let no_rows = samples.iter().filter(|sample| *sample == "both").map(|sample| (None, sample));
        for (row, sample) in rows.chain(no_rows) {
            errors.push(|| InputError {
                code: InputErrorCode::WrongType,
                row,
                field: None,
                is_sent: false,
                expected: String::new(),
                got: String::new(),
                message: format!("{sample} cannot be"),
            });
        }
        match &samples {
            _ if !errors.is_empty() => Err(PredictError::Invalid(errors)),
            samples if samples.iter().any(|sample| sample == "odd") => Err(PredictError::BadRequest("odd".to_owned())),
            samples if samples.iter().any(|sample| sample == "fail") => Err(PredictError::NoProbabilities),
            samples => Ok(PredictResponse::Many(Predictions::Numbers(samples.iter().flat_map(Json::as_f64).collect()))),
        }
    }

    /// Returns what comes of samples, and how many each request had.
    fn outcomes(samples: &[&str], wanted: Wanted) -> (String, Vec<usize>) {
        let texts: Vec<&[u8]> = samples.iter().map(|sample| sample.as_bytes()).collect();
        let mut asked = Vec::new();
        let mut ask = |body: Vec<u8>| {
            asked.push(serde_json::from_slice::<Vec<Json>>(&body).unwrap().len());
            ask(&body)
        };
        let settled = settle(&texts, wanted, |error| !matches!(error, PredictError::NoProbabilities), &mut ask);
        let shown = |outcome: &Outcome| match outcome {
            Outcome::Answered(answer, index) => answer.values(*index).unwrap()[0].to_string(),
            Outcome::Refused(error) => error.to_string(),
        };
        let said = settled.map_or_else(
            |error| error.to_string(),
            |settled| settled.iter().map(shown).collect::<Vec<String>>().join(" | "),
        );
        (said, asked)
    }

    #[test]
    fn samples_that_are_refused_are_found() {
        let bad = "BadRequest: \"bad\" cannot be";
        let both = "BadRequest: \"both\" cannot be (and 1 more error)";
        let cases = [
            (&["1", "2"][..], Wanted::All, "1.0 | 2.0".to_owned(), vec![2]),
            (&["\"bad\"", "2", "\"bad\"", "4"], Wanted::All, format!("{bad} | 2.0 | {bad} | 4.0"), vec![4, 2]),
            (&["1", "\"bad\"", "3", "\"bad\""], Wanted::Before, format!("1.0 | {bad}"), vec![4, 1]),
            (&["1", "\"odd\"", "3"], Wanted::All, "1.0 | BadRequest: odd | 3.0".to_owned(), vec![3, 1, 2, 1, 1]),
            (&["\"odd\"", "2", "3"], Wanted::Before, "BadRequest: odd".to_owned(), vec![3, 1]),
            (&["\"bad\""], Wanted::All, bad.to_owned(), vec![1]),
            (&["1", "\"both\""], Wanted::All, format!("1.0 | {both}"), vec![2, 1, 1]),
            (&["1", "\"fail\""], Wanted::All, PredictError::NoProbabilities.to_string(), vec![2]),
        ];
        for (samples, wanted, said, asked) in cases {
            assert_eq!(outcomes(samples, wanted), (said, asked), "{samples:?}");
        }
    }
}
