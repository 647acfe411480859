//! Predict services.

use std::borrow::Cow;
use std::sync::Arc;

use palladium_data::{Predictions, Probabilities, Table};
use serde::{Serialize, Serializer};
use serde_json::{Map as JsonMap, Value as Json};

use crate::{
    ErrorDetail, ErrorResponse, Failure, Lifecycle, Pairs, Parameters, Persister, PredictError, Signature, TrainedModel,
};

/// Answers prediction requests at a route.
///
/// A prediction is made of building blocks, each of which a service may have its own way for: [`samples`] and
/// [`parameters`] read the request, [`predictions`] asks the model, [`response`] and [`error_response`] say what
/// becomes of it. [`predict`] puts them together; a service that is made in another way has its own of that alone.
///
/// [`samples`]: PredictService::samples
/// [`parameters`]: PredictService::parameters
/// [`predictions`]: PredictService::predictions
/// [`response`]: PredictService::response
/// [`error_response`]: PredictService::error_response
/// [`predict`]: PredictService::predict
pub trait PredictService: Lifecycle {
    /// Returns the route, beginning with `/`.
    fn entry_point(&self) -> &str;

    /// Returns the persister whose active model answers; nothing stands for the root key `model_persister`.
    fn model_persister(&self) -> Option<&Arc<dyn Persister>>;

    /// Returns the root key of the decorators of its view, which the configuration may lack.
    fn decorator_list_name(&self) -> &str {
        "predict_decorators"
    }

    /// Returns what requests hold and what the service answers with; nothing where only a request can tell.
    fn signature(&self) -> Option<Signature> {
        None
    }

    /// Returns what it may answer beside what its signature and its model tell, for documents.
    fn own_answers(&self) -> OwnAnswers {
        OwnAnswers::default()
    }

    /// Returns a sample as it stands in a request, for documents and forms: the values of its fields by their names.
    fn sample(&self) -> Option<JsonMap<String, Json>> {
        None
    }

    /// Returns why a model cannot predict what the service asks of it, for samples and with parameters of requests, as
    /// far as that shows without one; nothing where it can, or where only a request can tell.
    fn misfit(&self, model: &TrainedModel) -> Option<Misfit> {
        let _ = model;
        None
    }

    /// Returns how much callers are told about errors; nothing leaves that to the server.
    fn error_detail(&self) -> Option<ErrorDetail> {
        None
    }

    /// Turns a request into samples, one row each.
    ///
    /// # Errors
    /// A request that cannot be understood, and always where the service has a [`PredictService::predict`] of its own.
    fn samples(&self, model: &Arc<TrainedModel>, request: &PredictRequest) -> Result<Table, PredictError> {
        let _ = (model, request);
        Err(not_in_parts())
    }

    /// Returns the keyword parameters of a prediction, from the pairs of a query string.
    ///
    /// # Errors
    /// Parameters that cannot be understood.
    fn parameters(&self, model: &Arc<TrainedModel>, query: &Pairs) -> Result<Parameters, PredictError> {
        let _ = (model, query);
        Ok(Parameters::new())
    }

    /// Asks the model; the response is that to a list of samples.
    ///
    /// # Errors
    /// A model that refuses or fails, and always where the service has a [`PredictService::predict`] of its own.
    fn predictions(
        &self,
        model: &Arc<TrainedModel>,
        samples: Table,
        parameters: &Parameters,
    ) -> Result<PredictResponse, PredictError> {
        let _ = (model, samples, parameters);
        Err(not_in_parts())
    }

    /// Returns everything that is wrong with a request of which a model has found one thing.
    fn all_errors(&self, found: PredictError, model: &Arc<TrainedModel>, request: &PredictRequest) -> PredictError {
        let _ = (model, request);
        found
    }

    /// Returns what is answered with predictions.
    ///
    /// # Errors
    /// Whatever keeps it from being answered.
    fn response(&self, predictions: PredictResponse) -> Result<PredictResponse, PredictError> {
        Ok(predictions)
    }

    /// Tells whether [`PredictService::error_response`] changes anything; it may block then.
    fn changes_error_responses(&self) -> bool {
        false
    }

    /// Returns what is answered instead of a prediction.
    ///
    /// # Errors
    /// Whatever keeps it from being answered: what was to be answered is then.
    fn error_response(&self, error: ErrorResponse) -> Result<ErrorResponse, Failure> {
        Ok(error)
    }

    /// Turns a request into samples, predicts and returns the response.
    ///
    /// # Errors
    /// A request that cannot be understood, a model that refuses or fails.
    fn predict(&self, model: &Arc<TrainedModel>, request: &PredictRequest) -> Result<PredictResponse, PredictError> {
        let parameters = self.parameters(model, &request.query);
        let (samples, parameters) = match (self.samples(model, request), parameters) {
            (Ok(samples), Ok(parameters)) => (samples, parameters),
            // Everything that is wrong with a request is told at once.
            (Err(PredictError::Invalid(mut errors)), Err(PredictError::Invalid(others))) => {
                errors.append(others);
                return Err(PredictError::Invalid(errors));
            }
            (Err(error), _) | (Ok(_), Err(error)) => return Err(error),
        };
        let predictions = self.predictions(model, samples, &parameters);
        let many = predictions.map_err(|error| self.all_errors(error, model, request))?;
        self.response(if request.body.is_none() { many.into_single() } else { many })
    }

    /// Predicts for samples that are in columns already, those of the fields of [`PredictService::signature`], with the
    /// keyword parameters of a query string. The response is that to a list.
    ///
    /// # Errors
    /// As [`PredictService::predict`], and always where the service has no signature.
    fn predict_table(
        &self,
        model: &Arc<TrainedModel>,
        samples: Table,
        query: &Pairs,
    ) -> Result<PredictResponse, PredictError> {
        let parameters = self.parameters(model, query)?;
        self.predictions(model, samples, &parameters)
    }
}

fn not_in_parts() -> PredictError {
    PredictError::Internal(Failure::message("this predict service takes samples from requests alone"))
}

/// Why a model cannot predict for a predict service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misfit {
    /// How they differ.
    pub message: String,
    /// What is wrong with the service where the configuration has it, in a few words.
    pub label: &'static str,
    /// What to do about it.
    pub help: String,
}

/// What a predict service may answer beside what its signature and its model tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OwnAnswers {
    /// Predictions that are none of the classes of the model.
    pub predictions: bool,
    /// Any result, metadata and status by [`PredictService::response`].
    pub responses: bool,
    /// Refusals of any status, by [`PredictError::Refused`].
    pub refusals: bool,
}

/// A request, as plain data, which whoever asks may keep.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PredictRequest<'a> {
    /// The decoded pairs of the query string, in order.
    pub query: Cow<'a, Pairs>,
    /// The JSON body of a POST; a GET has none.
    pub body: Option<Cow<'a, [u8]>>,
    /// How many samples the body may hold; nothing stands for any number.
    pub max_rows: Option<usize>,
}

impl PredictRequest<'_> {
    /// Returns the first value of a query parameter.
    pub fn query(&self, name: &str) -> Option<&str> {
        self.query.get(name)
    }
}

/// What a service answers; it serializes as the `result` of the response envelope.
#[derive(Clone, Debug, PartialEq)]
pub enum PredictResponse {
    /// The prediction for the one sample of a GET: a single value.
    One(Predictions),
    /// The predictions for the samples of a POST: a list.
    Many(Predictions),
    /// The class probabilities of the one sample of a GET: a list.
    OneProbabilities(Probabilities),
    /// The class probabilities of the samples of a POST: a list of lists.
    ManyProbabilities(Probabilities),
    /// The answer to an empty list of samples.
    Empty,
    /// What a service makes of predictions in its own way.
    Own(Box<OwnResponse>),
}

/// A response that a service makes in its own way.
#[derive(Clone, Debug, PartialEq)]
pub struct OwnResponse {
    /// The result.
    pub result: Json,
    /// Further entries of the metadata.
    pub metadata: JsonMap<String, Json>,
    /// The status; 200 where there is none.
    pub status: Option<u16>,
    /// The number of samples that it answers.
    pub n_samples: usize,
}

impl PredictResponse {
    /// Returns the number of samples that it answers.
    pub fn n_samples(&self) -> usize {
        match self {
            PredictResponse::One(predictions) | PredictResponse::Many(predictions) => predictions.len(),
            PredictResponse::OneProbabilities(probabilities) | PredictResponse::ManyProbabilities(probabilities) => {
                probabilities.len()
            }
            PredictResponse::Empty => 0,
            PredictResponse::Own(own) => own.n_samples,
        }
    }

    /// Returns the response to a list of one sample as that to a single one.
    #[must_use]
    pub fn into_single(self) -> PredictResponse {
        match self {
            PredictResponse::Many(predictions) => PredictResponse::One(predictions),
            PredictResponse::ManyProbabilities(probabilities) => PredictResponse::OneProbabilities(probabilities),
            PredictResponse::Own(mut own) => {
                if let Json::Array(items) = &mut own.result
                    && items.len() == 1
                {
                    own.result = items.remove(0);
                }
                PredictResponse::Own(own)
            }
            other => other,
        }
    }
}

impl Serialize for PredictResponse {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            PredictResponse::One(predictions) => predictions.get(0).serialize(serializer),
            PredictResponse::Many(predictions) => predictions.serialize(serializer),
            PredictResponse::OneProbabilities(probabilities) => probabilities.get(0).serialize(serializer),
            PredictResponse::ManyProbabilities(probabilities) => probabilities.serialize(serializer),
            PredictResponse::Empty => serializer.collect_seq(std::iter::empty::<()>()),
            PredictResponse::Own(own) => own.result.serialize(serializer),
        }
    }
}
