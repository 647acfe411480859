//! The predict service that a mapping describes.

use std::any::Any;
use std::sync::Arc;

use palladium_component::interfaces::{Misfit, PredictService, Signature};
use palladium_component::prelude::*;
use serde_json::{Map as JsonMap, Value as Json};

use crate::blocks::{self, Block, model_value, parameters_value, read_parameters, read_predictions};
use crate::convert::{Given, to_parameter};
use crate::faults::wrong;
use crate::field::{Field, Mapping, Params};
use crate::plain::{of_pairs, value};
use crate::sample::Sample;
use crate::{own_samples, query, rows};

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
/// `result` is a list; an empty list gets an empty one. A POST of the content type `application/x-ndjson` carries one
/// object a line, as many as there are, and gets one line for each as they come: `{"result": …}`, or what is wrong with
/// that line, with its number as `line`, after which the next follows. Bodies are sent as they are, without a
/// `content-encoding`. Decorators see the head of such a stream alone: a request and an answer whose bodies are empty, so
/// that they can check nothing of the lines. One that answers with another status than 200, or with a body, answers in the
/// place of all lines.
///
/// The model finds its columns by the names of the mapping, in any order, or by their order where it knows none of the
/// names. While the active model was trained on others, or on columns of other types, as numbers are to text, does not
/// take one of the `params`, or has no probabilities where the service has `predict_proba`, `/ready` and requests are
/// answered with status 503 and the reason; `palladium check --connect` and `palladium serve --check` tell it with the
/// place. What a function `predict` asks of the model shows in predictions alone.
///
/// Fields that the mapping does not name are ignored. What is missing, given twice or of another type is answered with
/// status 400: `error_message` says the first thing that is wrong, `errors` lists the first hundred with `code`, `row`,
/// `field`, `expected` and `got`, and `error_count` is the number of all. Those of a line have no `row`, which stands
/// beside `line`.
///
/// Values are converted to the type of their field:
/// - `float`: numbers between -1.8e308 and 1.8e308, flags as 1 and 0, and text as in `1.5`, ` -1e3 `, `inf`, `nan` (as
///   Python reads them, but without underscores);
/// - `int`: whole numbers of at most 64 bits, flags as 1 and 0, and text of digits;
/// - `str`: text as it is, numbers of any size as the request writes them, with all their digits, and flags as JSON writes
///   them;
/// - `bool`: flags, 1 and 0, and the words `true`, `false`, `t`, `f`, `yes`, `no`, `1`, `0` in any case.
///
/// Null is none of them. Models that need every number finite answer `inf` and `nan` with status 400. What is infinite or
/// NaN in a result is null. Values that are ignored may nest as deep as they like, those of fields not at all.
///
/// Every answer names the version of the model that was asked, as `model_version` in the metadata and as the header
/// `x-model-version`. How many samples a request may have and how long it may take is said under the root key `server`.
///
/// There may be any number of predict services, each with its own `entry_point`.
///
/// A prediction is made of five building blocks, and a function of the configuration may stand in for each:
///
/// ```rhai
/// "predict_service": #{
///     "!": "palladium.server.PredictService",
///     "mapping": [["length", "float"], ["width", "float"]],
///     "sample_from_data": |model, data| #{ "length": data.length_in_mm / 10.0, "width": data.width_in_mm / 10.0 },
///     "response_from_prediction": |predictions, single| #{ result: predictions, metadata: #{ unit: "cm" } },
/// }
/// ```
///
/// With `unwrap_sample`, functions handle single values instead of rows; requests stay as they are,
/// `[{"text": "Good day"}, {"text": "Hello"}]`:
///
/// ```rhai
/// "predict_service": #{
///     "!": "palladium.server.PredictService",
///     "mapping": [["text", "str"]],
///     "unwrap_sample": true,
///     "sample_from_data": |model, data| data.text.to_lower(),
///     "predict": |model, samples, params| samples.to_array().map(|text| text.split().len()),
/// }
/// ```
///
/// To refuse a request, a function throws a map: `throw #{ error_message: "closed", error_code: 7, status: 422 }`, where
/// the code is -1 and the status 500 if they are left out. What the model refuses that a function asks, such as a number that
/// is not finite, is answered as if there were no function, unless that catches it. Whatever else goes wrong in one is
/// answered with status 500, and the log says where; a `response_from_exception` that fails leaves the refusal that it
/// was given as it was. What a sample is made of by a function may nest 126 deep.
#[component(PredictService, name = "palladium.server.PredictService", check)]
pub struct MappingPredictService {
    /// The features: pairs of the name in requests, which is that of the column in the training data, and the type:
    /// `float`, `int`, `str` or `bool`.
    mapping: Mapping,
    /// Keyword parameters of predictions: pairs of name and type, or a map from name to type. The model has to take them
    /// unless a function `predict` uses them, and none has the name of a field. They come from the query string, of a POST
    /// too. What is not given there is the model's attribute of that name, if it has one, and is else left to the model.
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
    /// Whether functions are shown a sample as a single value instead of a row, as suits models of texts; the mapping then
    /// has exactly one entry. `samples` of a function `predict` is a column, and `sample_from_data` may return the value
    /// itself. Requests are as without it: objects with the one field. A model is given one column in either case.
    #[param(default = false)]
    unwrap_sample: bool,
    /// A sample as documents and forms show it: a map from the names of the mapping to values.
    sample: Option<Sample>,
    /// The persister whose active model answers; without it the root key `model_persister` is taken.
    model_persister: Option<Arc<dyn Persister>>,
    /// How much clients are told about errors: `full`, or `codes`, which leaves out what they did not send themselves:
    /// messages are codes for programs such as `missing_field`, and `errors` have `code`, `row` and `field` alone.
    /// Without it everything is told where the service listens on this machine alone, else codes.
    errors: Option<Detail>,
    /// A function `|model, data|` that makes a sample: a map by the names of the mapping, or a list in its order, or with
    /// `unwrap_sample` the value. The data are a map, the query string of a GET or an object of a POST; the values are then
    /// converted as usual.
    sample_from_data: Option<Callback>,
    /// A function `|model, data|` that returns the keyword parameters of the prediction as a map; the data are the query
    /// string.
    params_from_data: Option<Callback>,
    /// A function `|model, samples, params|` that returns a list of predictions: `model.predict(samples, params)` asks
    /// the model, `samples.to_array()` are the samples as maps, or as values with `unwrap_sample`. With `predict_proba` it returns a list of lists, or
    /// what `model.predict_proba(samples)` does.
    predict: Option<Callback>,
    /// A function `|predictions, single|` that returns what is answered: a map with `result`, and with further `metadata`
    /// and another `status` if it likes. `single` is whether there is one prediction, that for a GET, instead of a list.
    response_from_prediction: Option<Callback>,
    /// A function `|error|` that returns what is answered instead of a prediction. It is given and returns a map with
    /// `status`, the number, `error_code` and `error_message`; all other entries are further metadata, such as `errors`.
    response_from_exception: Option<Callback>,
}

/// How much clients are told about errors.
#[derive(Clone, Copy)]
struct Detail(ErrorDetail);

impl FromArgument for Detail {
    const TYPE: ParamType = ParamType::Choice(&["full", "codes"]);

    fn from_argument(value: &Value) -> Result<Detail, Mismatch> {
        match value.as_text() {
            Some("full") => Ok(Detail(ErrorDetail::Full)),
            Some("codes") => Ok(Detail(ErrorDetail::Codes)),
            _ => Err(Mismatch::wrong(Detail::TYPE, value)),
        }
    }
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
        self.check_names()?;
        for (name, function, takes) in self.functions() {
            if let Some(block) = block(name, function) {
                block.check(takes)?;
            }
        }
        check_path(&self.entry_point)
    }

    /// Checks that what stands in a query string is a field or a parameter, as far as no function reads it.
    fn check_names(&self) -> Result<(), ArgumentError> {
        if self.sample_from_data.is_some() || self.params_from_data.is_some() {
            return Ok(());
        }
        let is_field = |name: &str| self.mapping.fields().iter().any(|field| field.name == name);
        let Some(both) = self.params.fields().iter().find(|param| is_field(&param.name)) else { return Ok(()) };
        let message = format!(
            "`params` has `{}`, which is a field of the `mapping` too: in the query string of a GET it would be both",
            both.name
        );
        Err(ArgumentError::new("params", message).help("give the parameter another name, or leave it out"))
    }

    /// Returns the building blocks with what they take.
    fn functions(&self) -> [(&'static str, &Option<Callback>, &'static [&'static str]); 5] {
        [
            ("sample_from_data", &self.sample_from_data, &["model", "data"]),
            ("params_from_data", &self.params_from_data, &["model", "data"]),
            ("predict", &self.predict, &["model", "samples", "params"]),
            ("response_from_prediction", &self.response_from_prediction, &["predictions", "single"]),
            ("response_from_exception", &self.response_from_exception, &["error"]),
        ]
    }

    /// Returns how the fields differ from the columns of a model; a function that makes samples need not keep them.
    fn columns_misfit(&self, model: &TrainedModel) -> Option<Misfit> {
        if self.sample_from_data.is_some() {
            return None;
        }
        let error = Samples::new(self.mapping.empty().clone()).align(&model.columns).err()?;
        let renamed = if matches!(error, DataError::ColumnsMissing { .. }) { error.help() } else { None };
        let usual = || "name the columns of the training data, each with a type like theirs".to_owned();
        let (message, label) = (error.to_string(), "not what the model was trained on");
        Some(Misfit { message, label, help: renamed.unwrap_or_else(usual) })
    }

    /// Returns which parameters a model does not take; a function that makes parameters need not keep them.
    fn params_misfit(&self, model: &TrainedModel) -> Option<Misfit> {
        let taken = model.model.parameters();
        let names = self.params.fields().iter().map(|field| field.name.as_str());
        let unknown: Vec<&str> = names.filter(|name| !taken.contains(name)).collect();
        if self.params_from_data.is_some() || unknown.is_empty() {
            return None;
        }
        let listed = |names: &[&str]| format!("`{}`", names.join("`, `"));
        let takes = match taken {
            [] => "its predictions take no parameters".to_owned(),
            taken => format!("its predictions take {} alone", listed(taken)),
        };
        Some(Misfit {
            message: format!("the model does not take {} of `params`: {takes}", listed(&unknown)),
            label: "has `params` that the model does not take",
            help: format!(
                "leave out {}, or give the service a function `predict` that has a use for it",
                listed(&unknown)
            ),
        })
    }

    fn probabilities_misfit(&self, model: &TrainedModel) -> Option<Misfit> {
        (self.predict_proba && !model.model.has_probabilities()).then(|| Misfit {
            message: PredictError::NoProbabilities.to_string(),
            label: "asks for probabilities, which the model has not",
            help: "leave `predict_proba` out, or train a model that has class probabilities".to_owned(),
        })
    }

    /// Returns every number of the samples that is infinite or NaN, row by row; those of a list have a number.
    fn not_finite<'s>(&self, samples: &'s Table, is_list: bool) -> InputErrors {
        let is_sent = self.sample_from_data.is_none();
        let mut errors = InputErrors::default();
        let numbers = |(name, column): (_, &'s ArrayRef)| Some((name, column.as_any().downcast_ref::<Float64Array>()?));
        let columns = samples.names().zip(samples.columns()).filter_map(numbers);
        let columns: Vec<(&str, &Float64Array)> = columns.collect();
        for row in 0..samples.n_rows() {
            for (name, _) in columns.iter().filter(|(_, numbers)| !numbers.value(row).is_finite()) {
                let place = is_list.then_some(row + 1);
                errors.push(|| InputError { is_sent, ..InputError::not_finite(name, place) });
            }
        }
        errors
    }

    /// Returns samples as functions are shown them: a table, or its one column where samples are single values.
    fn shown(&self, samples: &Table) -> Arc<dyn Any + Send + Sync> {
        match (self.unwrap_sample, samples.names().next(), samples.columns()) {
            (true, Some(name), [values]) => Arc::new(Column { name: name.to_owned(), values: Arc::clone(values) }),
            _ => Arc::new(samples.clone()),
        }
    }

    /// Returns what a model has told a function, without the rows where these are not those of the samples: a function may
    /// ask about others.
    fn told_of(&self, samples: &Table, error: PredictError) -> PredictError {
        let PredictError::Invalid(errors) = error else { return error };
        let own = self.not_finite(samples, true);
        let place = |error: &InputError| (error.code, error.row, error.field.clone());
        let is_own = |error: &InputError| own.kept().iter().any(|known| place(known) == place(error));
        PredictError::Invalid(if errors.kept().iter().all(is_own) { errors } else { errors.without_rows() })
    }
}

/// Returns the function that stands in for a building block.
fn block<'a>(name: &'static str, function: &'a Option<Callback>) -> Option<Block<'a>> {
    function.as_ref().map(|function| Block { name, function })
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

    /// Only a function knows what it makes samples of.
    fn signature(&self) -> Option<Signature> {
        self.sample_from_data.is_none().then(|| Signature {
            fields: self.mapping.fields().iter().map(Field::spec).collect(),
            parameters: self.params.fields().iter().map(Field::spec).collect(),
            probabilities: self.predict_proba,
        })
    }

    /// Functions may refuse with any status.
    fn own_answers(&self) -> OwnAnswers {
        let functions = [&self.sample_from_data, &self.params_from_data, &self.predict, &self.response_from_prediction];
        OwnAnswers {
            predictions: self.predict.is_some(),
            responses: self.response_from_prediction.is_some(),
            refusals: functions.into_iter().any(Option::is_some),
        }
    }

    fn sample(&self) -> Option<JsonMap<String, Json>> {
        self.sample.as_ref().map(|sample| sample.0.clone())
    }

    /// A function that asks the model may give it other columns and parameters, and have probabilities of its own.
    fn misfit(&self, model: &TrainedModel) -> Option<Misfit> {
        if self.predict.is_some() {
            return None;
        }
        let columns = self.columns_misfit(model);
        columns.or_else(|| self.params_misfit(model)).or_else(|| self.probabilities_misfit(model))
    }

    fn error_detail(&self) -> Option<ErrorDetail> {
        self.errors.map(|detail| detail.0)
    }

    fn samples(&self, model: &Arc<TrainedModel>, request: &PredictRequest) -> Result<Table, PredictError> {
        if let Some(block) = block("sample_from_data", &self.sample_from_data) {
            return own_samples::read(&self.mapping, self.unwrap_sample, &block, model, request);
        }
        match &request.body {
            Some(body) => rows::read(&self.mapping, body, request.max_rows),
            None => query::read(&self.mapping, request),
        }
    }

    /// Returns the keyword parameters: from the query string, else from the model.
    fn parameters(&self, model: &Arc<TrainedModel>, query: &Pairs) -> Result<Parameters, PredictError> {
        if let Some(block) = block("params_from_data", &self.params_from_data) {
            return read_parameters(&block, &block.call(vec![model_value(model), of_pairs(query)])?);
        }
        let (mut parameters, mut errors) = (Parameters::new(), InputErrors::default());
        for field in self.params.fields() {
            let parameter = match query.get(&field.name) {
                Some(text) => {
                    let parameter = to_parameter(field.kind, Given::Text(text));
                    if parameter.is_none() {
                        errors.push(|| wrong(None, field, Given::Text(text), "the parameter "));
                    }
                    parameter
                }
                None => model.attribute(&field.name),
            };
            if let Some(parameter) = parameter {
                parameters.insert(field.name.clone(), parameter);
            }
        }
        if errors.is_empty() { Ok(parameters) } else { Err(PredictError::Invalid(errors)) }
    }

    fn predictions(
        &self,
        model: &Arc<TrainedModel>,
        samples: Table,
        parameters: &Parameters,
    ) -> Result<PredictResponse, PredictError> {
        let n_rows = samples.n_rows();
        if n_rows == 0 {
            return Ok(PredictResponse::Empty);
        }
        let response = match block("predict", &self.predict) {
            Some(block) => {
                let given = value(Data::Component(self.shown(&samples)));
                let returned = block.call(vec![model_value(model), given, parameters_value(parameters)]);
                let returned = returned.map_err(|error| self.told_of(&samples, error))?;
                read_predictions(&block, &returned, self.predict_proba)?
            }
            None if self.predict_proba => {
                PredictResponse::ManyProbabilities(model.predict_proba(Samples::new(samples), parameters)?)
            }
            None => PredictResponse::Many(model.predict(Samples::new(samples), parameters)?),
        };
        check_count(response.n_samples(), n_rows)?;
        Ok(response)
    }

    /// A model tells of the first number that is not finite.
    fn all_errors(&self, found: PredictError, model: &Arc<TrainedModel>, request: &PredictRequest) -> PredictError {
        let is_not_finite = |error: &InputError| error.code == InputErrorCode::NotFinite;
        match &found {
            PredictError::Invalid(errors) if errors.kept().iter().all(is_not_finite) => {}
            _ => return found,
        }
        match self.samples(model, request).map(|samples| self.not_finite(&samples, request.body.is_some())) {
            Ok(errors) if !errors.is_empty() => PredictError::Invalid(errors),
            _ => found,
        }
    }

    fn response(&self, predictions: PredictResponse) -> Result<PredictResponse, PredictError> {
        match block("response_from_prediction", &self.response_from_prediction) {
            Some(block) => blocks::respond(&block, &predictions),
            None => Ok(predictions),
        }
    }

    fn changes_error_responses(&self) -> bool {
        self.response_from_exception.is_some()
    }

    fn error_response(&self, error: ErrorResponse) -> Result<ErrorResponse, Failure> {
        match block("response_from_exception", &self.response_from_exception) {
            Some(block) => Ok(blocks::respond_to_error(&block, error)?),
            None => Ok(error),
        }
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
