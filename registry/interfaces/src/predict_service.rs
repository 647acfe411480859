//! Predict services.

use std::sync::Arc;

use palladium_data::{Predictions, Probabilities, Table};
use serde::{Serialize, Serializer};
use serde_json::{Map as JsonMap, Value as Json};

use crate::{Failure, Lifecycle, Persister, PredictError, Signature, TrainedModel};

/// Answers prediction requests at a route.
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

    /// Returns a sample as it stands in a request, for documents and forms: the values of its fields by their names.
    fn sample(&self) -> Option<JsonMap<String, Json>> {
        None
    }

    /// Turns a request into samples, predicts and returns the response.
    ///
    /// # Errors
    /// A request that cannot be understood, a model that refuses or fails.
    fn predict(&self, model: &TrainedModel, request: &PredictRequest) -> Result<PredictResponse, PredictError>;

    /// Predicts for samples that are in columns already, those of the fields of [`PredictService::signature`], with the
    /// keyword parameters of a query string. The response is that to a list.
    ///
    /// # Errors
    /// As [`PredictService::predict`], and always where the service has no signature.
    fn predict_table(
        &self,
        model: &TrainedModel,
        samples: Table,
        query: &[(String, String)],
    ) -> Result<PredictResponse, PredictError> {
        let _ = (model, samples, query);
        Err(PredictError::Internal(Failure::message("this predict service takes samples from requests alone")))
    }
}

/// A request, as plain data.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PredictRequest {
    /// The decoded pairs of the query string, in order.
    pub query: Vec<(String, String)>,
    /// The JSON body of a POST; a GET has none.
    pub body: Option<Vec<u8>>,
}

impl PredictRequest {
    /// Returns the first value of a query parameter.
    pub fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
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
        }
    }
}
