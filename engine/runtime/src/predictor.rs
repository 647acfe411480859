//! A predict service and the store of its models, for jobs that predict without a server.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use palladium_component::data::ColumnSpec;
use palladium_component::interfaces::{
    Failure, Persister, PredictError, PredictRequest, PredictResponse, PredictService, TrainedModel, Version,
};

use crate::error::{During, read};
use crate::root_keys::PERSISTER;
use crate::settle::columns;
use crate::{App, JobError, Step};

/// A predict service and the store of its models.
pub struct Predictor {
    service: Arc<dyn PredictService>,
    persister: Arc<dyn Persister>,
    reading: Step,
}

impl Predictor {
    /// Returns the predict service of a root key, with the store that it has for itself or that of the configuration.
    ///
    /// # Errors
    /// The service or the store is missing or something else.
    pub fn of(app: &App, key: &str) -> Result<Predictor, JobError> {
        let service = app.get::<dyn PredictService>(key)?;
        let (persister, reading) = match service.model_persister() {
            Some(own) => (Arc::clone(own), Step::ReadOwn),
            None => (app.get::<dyn Persister>(PERSISTER)?, Step::Read),
        };
        Ok(Predictor { service, persister, reading })
    }

    /// Reads a version, or the active one.
    ///
    /// # Errors
    /// There is no such version, or none is active; the store's.
    pub fn read(&self, version: Option<Version>) -> Result<Arc<TrainedModel>, JobError> {
        read(self.persister.as_ref(), version, self.reading)
    }

    /// Returns the model that is active now, out of the cache if there is one.
    ///
    /// # Errors
    /// As [`Predictor::read`].
    pub fn current(&self) -> Result<Arc<TrainedModel>, JobError> {
        match self.persister.at_hand() {
            Some(model) => model.during(self.reading),
            None => self.read(None),
        }
    }

    /// Returns the fields that every sample has to have, if the service can tell.
    pub fn fields(&self) -> Option<Vec<ColumnSpec>> {
        Some(self.service.signature()?.fields)
    }

    /// Returns the names of the columns that the predictions of a model fill, if that can be told without one.
    pub fn columns(&self, model: &TrainedModel) -> Option<Vec<String>> {
        match self.service.signature()?.probabilities {
            false => Some(columns(None)),
            true => Some(columns(Some(model.model.output()?.classes()?))),
        }
    }

    /// Answers a request; a panic of the model or the service becomes an error.
    ///
    /// # Errors
    /// Those of the service.
    pub fn predict(
        &self,
        model: &Arc<TrainedModel>,
        request: &PredictRequest,
    ) -> Result<PredictResponse, PredictError> {
        // Models and services are behind shared references: what a panic leaves behind is their own.
        catch_unwind(AssertUnwindSafe(|| self.service.predict(model, request)))
            .unwrap_or_else(|_| Err(PredictError::Internal(Failure::message("the prediction panicked"))))
    }
}
