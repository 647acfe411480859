//! The building blocks of a prediction that a configuration gives as functions.

use std::any::Any;
use std::collections::BTreeMap;
use std::sync::Arc;

use palladium_component::prelude::*;
use serde_json::{Map as JsonMap, Value as Json};

use crate::plain::{self, entry, value};

/// A function in the place of a building block.
#[derive(Clone, Copy)]
pub struct Block<'a> {
    /// The parameter of the predict service that gives it.
    pub name: &'static str,
    /// The function.
    pub function: &'a Callback,
}

impl Block<'_> {
    /// Checks how many parameters the function has; `takes` names them.
    ///
    /// # Errors
    /// Another number than there are arguments.
    pub fn check(&self, takes: &[&str]) -> Result<(), ArgumentError> {
        match self.function.n_parameters() {
            Some(count) if count != takes.len() => {
                let signature = format!("|{}|", takes.join(", "));
                let noun = if takes.len() == 1 { "parameter" } else { "parameters" };
                let message = format!(
                    "`{}` is a function of {} {noun}, `{signature}`; this one has {count}",
                    self.name,
                    takes.len()
                );
                Err(ArgumentError::new(self.name, message).help(format!("write `{signature} …`")))
            }
            _ => Ok(()),
        }
    }

    /// Calls the function.
    ///
    /// # Errors
    /// It refuses on purpose, by throwing a map, the model refuses what it asks, or it fails.
    pub fn call(&self, arguments: Vec<Value>) -> Result<Value, PredictError> {
        self.function.call(arguments).map_err(|finding| self.failed(&finding))
    }

    fn failed(&self, finding: &Diagnostic) -> PredictError {
        if let Some(thrown) = finding.thrown.as_deref() {
            return refusal(thrown).unwrap_or_else(|problem| self.wrong(&problem));
        }
        let cause = finding.cause.as_deref().and_then(|cause| cause.downcast_ref::<PredictError>());
        if let Some(error) = cause.and_then(PredictError::for_caller) {
            return error;
        }
        let place = finding.labels.first().map(|label| format!(" at {}", label.span)).unwrap_or_default();
        self.wrong(&format!("has failed{place}: {}", finding.message))
    }

    /// Returns the error of a function that does what it must not.
    pub fn wrong(&self, problem: &str) -> PredictError {
        let text = format!("the function `{}`, given as `{}`, {problem}", self.function.name(), self.name);
        PredictError::Internal(Failure::message(text))
    }
}

/// Reads the map that a function throws to refuse a request.
fn refusal(thrown: &Value) -> Result<PredictError, String> {
    let entries = thrown.as_map().into_iter().flatten();
    let (mut message, mut code, mut status) = (None, -1, None);
    for (name, Entry { value, .. }) in entries {
        match name.as_str() {
            "error_message" => message = value.as_text(),
            "error_code" => code = value.as_int().ok_or("threw an `error_code` that is no whole number")?,
            "status" => status = Some(self::status(value, 400).ok_or("threw a `status` that is none of an error")?),
            other => {
                let known = "`error_message`, `error_code` and `status`";
                return Err(format!("threw a map with the entry `{other}`, it may have {known}"));
            }
        }
    }
    let message = message.ok_or("threw a map without an `error_message`, a text")?.to_owned();
    Ok(PredictError::Refused { message, code, status })
}

fn status(value: &Value, from: u16) -> Option<u16> {
    value.as_int().and_then(|status| u16::try_from(status).ok()).filter(|status| (from..=599).contains(status))
}

/// Returns the model as functions see it.
pub fn model_value(model: &Arc<TrainedModel>) -> Value {
    value(Data::Component(Arc::clone(model) as Arc<dyn Any + Send + Sync>))
}

/// Returns parameters as functions see them.
pub fn parameters_value(parameters: &Parameters) -> Value {
    let entries = parameters.iter().map(|(name, parameter)| {
        let data = match parameter {
            Parameter::Bool(flag) => Data::Bool(*flag),
            Parameter::Int(number) => Data::Int(*number),
            Parameter::Float(number) => Data::Float(*number),
            Parameter::Text(text) => Data::Text(text.clone()),
        };
        entry(name, value(data))
    });
    value(Data::Map(entries.collect()))
}

/// Reads what a function returned as parameters: a map of flags, numbers and text.
///
/// # Errors
/// It is something else.
pub fn read_parameters(block: &Block<'_>, returned: &Value) -> Result<Parameters, PredictError> {
    let map = returned.as_map().ok_or_else(|| block.wrong(&format!("returned {}, not a map", returned.describe())))?;
    let read = |(name, entry): (&String, &Entry)| match Parameter::of(&entry.value) {
        Some(parameter) => Ok((name.clone(), parameter)),
        None => Err(block.wrong(&format!("returned {} as `{name}`", entry.value.describe()))),
    };
    map.iter().map(read).collect::<Result<BTreeMap<_, _>, _>>()
}

/// Reads what a function returned as predictions: a list of numbers, flags or text of one type, or with
/// `probabilities` a list of lists of numbers or the table that `model.predict_proba` returns.
///
/// # Errors
/// It is something else.
pub fn read_predictions(
    block: &Block<'_>,
    returned: &Value,
    probabilities: bool,
) -> Result<PredictResponse, PredictError> {
    if probabilities {
        let read = table_of(returned).or_else(|| rows_of(returned)).map(PredictResponse::ManyProbabilities);
        let expected = "a list of lists of as many numbers, or what `model.predict_proba` returns";
        return read.ok_or_else(|| block.wrong(&format!("returned {}, not {expected}", returned.describe())));
    }
    let read = returned.as_list().and_then(predictions_of).map(PredictResponse::Many);
    let expected = "a list of predictions of one type: numbers, flags or text";
    read.ok_or_else(|| block.wrong(&format!("returned {}, not {expected}", returned.describe())))
}

fn predictions_of(items: &[Value]) -> Option<Predictions> {
    if let Some(numbers) = items.iter().map(Value::as_int).collect::<Option<Vec<i64>>>() {
        return Some(classes(&numbers, ClassLabels::Int));
    }
    if let Some(numbers) = items.iter().map(Value::as_float).collect() {
        return Some(Predictions::Numbers(numbers));
    }
    if let Some(flags) = items.iter().map(Value::as_bool).collect::<Option<Vec<bool>>>() {
        return Some(classes(&flags, ClassLabels::Bool));
    }
    let texts = items.iter().map(|item| item.as_text().map(str::to_owned)).collect::<Option<Vec<String>>>();
    texts.map(|texts| classes(&texts, ClassLabels::Text))
}

/// Returns predictions of classes; those that occur are the labels.
fn classes<T: Ord + Clone>(values: &[T], labels: impl FnOnce(Vec<T>) -> ClassLabels) -> Predictions {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    let code = |value: &T| sorted.binary_search(value).ok().and_then(|code| u32::try_from(code).ok());
    let codes = values.iter().map(|value| code(value).unwrap_or_default()).collect();
    Predictions::Classes { labels: Arc::new(labels(sorted)), codes }
}

fn table_of(returned: &Value) -> Option<Probabilities> {
    let Data::Component(held) = &returned.data else { return None };
    let table = held.downcast_ref::<Table>()?;
    let labels = Arc::new(ClassLabels::Text(table.names().map(str::to_owned).collect()));
    Some(Probabilities { labels, values: table.to_matrix().ok()? })
}

fn rows_of(returned: &Value) -> Option<Probabilities> {
    let rows = returned.as_list()?;
    let n_classes = rows.first().map_or(Some(0), |row| row.as_list().map(<[Value]>::len))?;
    let mut cells = Vec::with_capacity(rows.len() * n_classes);
    for row in rows {
        let row = row.as_list().filter(|row| row.len() == n_classes)?;
        for cell in row {
            cells.push(cell.as_float()?);
        }
    }
    let values = ndarray::Array2::from_shape_vec((rows.len(), n_classes), cells).ok()?;
    let labels = ClassLabels::Int((0..).take(n_classes).collect());
    Some(Probabilities { labels: Arc::new(labels), values })
}

/// Has a function say what is answered with predictions: it returns a map with `result`, and with `metadata` and
/// `status` if it likes.
///
/// # Errors
/// It refuses, fails or returns something else.
pub fn respond(block: &Block<'_>, predictions: &PredictResponse) -> Result<PredictResponse, PredictError> {
    let single = matches!(predictions, PredictResponse::One(_) | PredictResponse::OneProbabilities(_));
    let shown = serde_json::to_value(predictions).map_err(|error| block.wrong(&error.to_string()))?;
    let returned = block.call(vec![plain::of_json(&shown), value(Data::Bool(single))])?;
    let expected = "it has to return a map with `result`, and with `metadata` and `status` if you like";
    let wrong = |what: String| block.wrong(&format!("returned {what}: {expected}"));
    let map = returned.as_map().ok_or_else(|| wrong(returned.describe().to_owned()))?;
    let (mut result, mut metadata, mut code) = (None, JsonMap::new(), None);
    for (name, Entry { value, .. }) in map {
        match name.as_str() {
            "result" => result = Some(value.to_json()),
            "metadata" => match value.to_json() {
                Json::Object(entries) => metadata = entries,
                _ => return Err(wrong("`metadata` that are no map".to_owned())),
            },
            "status" => {
                code = Some(status(value, 200).ok_or_else(|| wrong("a `status` that is none".to_owned()))?);
            }
            other => return Err(wrong(format!("a map with the entry `{other}`"))),
        }
    }
    let result = result.ok_or_else(|| wrong("a map without `result`".to_owned()))?;
    let n_samples = predictions.n_samples();
    Ok(PredictResponse::Own(Box::new(OwnResponse { result, metadata, status: code, n_samples })))
}

/// Has a function say what is answered instead of a prediction: it is given and returns a map with `status`,
/// `error_code`, `error_message` and what else is in the metadata.
///
/// # Errors
/// It fails or returns something else.
pub fn respond_to_error(block: &Block<'_>, error: ErrorResponse) -> Result<ErrorResponse, PredictError> {
    let own = [
        ("status", Data::Int(error.status.into())),
        ("error_code", Data::Int(error.error_code)),
        ("error_message", Data::Text(error.error_message.clone())),
    ];
    let own = own.into_iter().map(|(name, data)| entry(name, value(data)));
    let further = error.metadata.iter().map(|(name, json)| entry(name, plain::of_json(json)));
    let returned = block.call(vec![value(Data::Map(own.chain(further).collect()))])?;
    let map = returned.as_map().ok_or_else(|| block.wrong(&format!("returned {}, not a map", returned.describe())))?;
    let mut answer = ErrorResponse { metadata: JsonMap::new(), ..error };
    for (name, Entry { value, .. }) in map {
        let wrong = || block.wrong(&format!("returned {} as `{name}`", value.describe()));
        match name.as_str() {
            "status" => answer.status = status(value, 200).ok_or_else(wrong)?,
            "error_code" => answer.error_code = value.as_int().ok_or_else(wrong)?,
            "error_message" => answer.error_message = value.as_text().ok_or_else(wrong)?.to_owned(),
            _ => drop(answer.metadata.insert(name.clone(), value.to_json())),
        }
    }
    Ok(answer)
}
