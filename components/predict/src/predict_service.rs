//! The predict service that a mapping describes.

use palladium_component::interfaces::{PredictService, Signature};
use palladium_component::prelude::*;
use serde_json::{Map as JsonMap, Value as Json};
use std::sync::Arc;

use crate::convert::to_parameter;
use crate::field::{Field, Mapping, Params};
use crate::sample::Sample;
use crate::{query, rows};

/// Answers prediction requests over HTTP, with samples that a mapping describes.
///
/// ```ron
/// "predict_service": {
///     "!": "palladium.server.PredictService",
///     "mapping": [
///         ("sepal length", "float"),
///         ("sepal width", "float"),
///         ("petal length", "float"),
///         ("petal width", "float"),
///     ],
/// }
/// ```
///
/// A GET carries one sample in the query string, `/predict?sepal%20length=6.3&…`, and `result` is a single value:
/// of a name that stands twice the first counts. A POST carries a JSON list of objects, one for each sample, and
/// `result` is a list; an empty list gets an empty one. Fields that the mapping does not name are ignored, a field
/// that is missing, given twice or of another type is answered with status 400 and a message that names it.
///
/// Values are converted to the type of their field:
/// - `float`: numbers, flags as 1 and 0, and text as in `1.5`, ` -1e3 `, `inf`, `nan` (as Python reads them, but
///   without underscores);
/// - `int`: whole numbers of at most 64 bits, flags as 1 and 0, and text of digits;
/// - `str`: text as it is, numbers and flags as JSON writes them;
/// - `bool`: flags, 1 and 0, and the words `true`, `false`, `t`, `f`, `yes`, `no`, `1`, `0` in any case.
///
/// Null is none of them. Models that need every number finite answer `inf` and `nan` with status 400.
///
/// There may be any number of predict services, each with its own `entry_point`.
#[component(PredictService, name = "palladium.server.PredictService", check)]
pub struct MappingPredictService {
    /// The features: pairs of the name in requests, which is that of the column in the training data, and the type:
    /// `float`, `int`, `str` or `bool`.
    mapping: Mapping,
    /// Keyword parameters that the model may be given: pairs of name and type, or a map from name to type. They come
    /// from the query string, of a POST too. What is not given there is the model's attribute of that name, if it
    /// has one, and is else left to the model.
    #[param(default = [])]
    params: Params,
    /// The route, beginning with `/`.
    #[param(default = "/predict")]
    entry_point: String,
    /// The root key of a list of decorators around the view; the configuration may lack it.
    #[param(default = "predict_decorators")]
    decorator_list_name: String,
    /// Whether to answer with class probabilities, in the order of the classes, instead of the class.
    #[param(default = false)]
    predict_proba: bool,
    /// Declares that a sample is a single value, as for models of texts; the mapping then has exactly one entry.
    #[param(default = false)]
    unwrap_sample: bool,
    /// A sample as documents and forms show it: a map from the names of the mapping to values.
    sample: Option<Sample>,
    /// The persister whose active model answers; without it the root key `model_persister` is taken.
    model_persister: Option<Arc<dyn Persister>>,
}

impl MappingPredictService {
    fn check(&self) -> Result<(), ArgumentError> {
        let n_fields = self.mapping.fields().len();
        if self.unwrap_sample && n_fields != 1 {
            let message = format!("`unwrap_sample` needs a `mapping` of exactly one entry, this one has {n_fields}");
            return Err(ArgumentError::new("unwrap_sample", message).help("leave `unwrap_sample` out for rows"));
        }
        if let Some(sample) = &self.sample {
            sample.check(&self.mapping)?;
        }
        check_path(&self.entry_point)
    }

    /// Returns the keyword parameters: from the query string, else from the model.
    fn parameters(&self, model: &TrainedModel, query: &[(String, String)]) -> Result<Parameters, PredictError> {
        let mut parameters = Parameters::new();
        for field in self.params.fields() {
            let parameter = match query.iter().find(|(name, _)| *name == field.name) {
                Some((_, text)) => Some(to_parameter(field, text)?),
                None => model.attribute(&field.name),
            };
            if let Some(parameter) = parameter {
                parameters.insert(field.name.clone(), parameter);
            }
        }
        Ok(parameters)
    }
}

/// Checks that a text is the path of a URL as clients send it.
fn check_path(path: &str) -> Result<(), ArgumentError> {
    let wrong = |message: String| Err(ArgumentError::new("entry_point", message));
    if !path.starts_with('/') {
        return wrong(format!("`entry_point` has to begin with `/`, this is `{path}`"));
    }
    let allowed = |character: char| character.is_ascii_alphanumeric() || "/-._~!$&'()*+,;=:@".contains(character);
    match path.chars().find(|character| !allowed(*character)) {
        Some(character @ ('?' | '#')) => {
            wrong(format!("`entry_point` is a path without query and fragment, this one holds `{character}`"))
        }
        Some(character) => wrong(format!("`entry_point` holds {character:?}, which cannot stand in a path")),
        None => Ok(()),
    }
}

impl PredictService for MappingPredictService {
    fn entry_point(&self) -> &str {
        &self.entry_point
    }

    fn decorator_list_name(&self) -> &str {
        &self.decorator_list_name
    }

    fn model_persister(&self) -> Option<&Arc<dyn Persister>> {
        self.model_persister.as_ref()
    }

    fn signature(&self) -> Option<Signature> {
        Some(Signature {
            fields: self.mapping.fields().iter().map(Field::spec).collect(),
            parameters: self.params.fields().iter().map(Field::spec).collect(),
            probabilities: self.predict_proba,
        })
    }

    fn sample(&self) -> Option<JsonMap<String, Json>> {
        self.sample.as_ref().map(|sample| sample.0.clone())
    }

    fn predict(&self, model: &TrainedModel, request: &PredictRequest) -> Result<PredictResponse, PredictError> {
        let table = match &request.body {
            Some(body) => rows::read(&self.mapping, body)?,
            None => query::read(&self.mapping, request)?,
        };
        let many = self.predict_table(model, table, &request.query)?;
        Ok(match (many, request.body.is_none()) {
            (PredictResponse::Many(predictions), true) => PredictResponse::One(predictions),
            (PredictResponse::ManyProbabilities(probabilities), true) => {
                PredictResponse::OneProbabilities(probabilities)
            }
            (many, _) => many,
        })
    }

    fn predict_table(
        &self,
        model: &TrainedModel,
        samples: Table,
        query: &[(String, String)],
    ) -> Result<PredictResponse, PredictError> {
        let parameters = self.parameters(model, query)?;
        let n_rows = samples.n_rows();
        if n_rows == 0 {
            return Ok(PredictResponse::Empty);
        }
        let samples = Samples::new(samples);
        if self.predict_proba {
            let probabilities = model.predict_proba(samples, &parameters)?;
            check_count(probabilities.len(), n_rows)?;
            return Ok(PredictResponse::ManyProbabilities(probabilities));
        }
        let predictions = model.predict(samples, &parameters)?;
        check_count(predictions.len(), n_rows)?;
        Ok(PredictResponse::Many(predictions))
    }
}

/// A model that loses samples would answer clients with other clients' rows.
fn check_count(found: usize, expected: usize) -> Result<(), PredictError> {
    if found == expected {
        return Ok(());
    }
    let text = format!("the model gave {found} predictions for {expected} samples");
    Err(PredictError::Internal(Failure::message(text)))
}

#[cfg(test)]
mod tests;
