//! Predictions over HTTP.

use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::http::{Method, StatusCode};
use actix_web::{HttpRequest, HttpResponse, web};
use palladium_component::interfaces::{
    PersistError, Persister, PredictError, PredictRequest, PredictService, TrainedModel,
};
use tokio::sync::Semaphore;

use crate::answer::{Envelope, Refusal, Shape, chain, guarded, respond};
use crate::options::Limits;
use crate::{body, query};

/// Bodies longer than this are worked on away from the workers.
const LARGE: usize = 64 << 10;

/// A predict service and what it answers with.
pub struct PredictRoute {
    pub service: Arc<dyn PredictService>,
    pub persister: Arc<dyn Persister>,
    pub envelope: Arc<Envelope>,
}

impl PredictRoute {
    /// Answers a request; a HEAD is a GET whose body the server leaves out.
    ///
    /// # Errors
    /// Whatever keeps the request from its prediction.
    pub async fn answer(
        self: &Arc<Self>,
        request: &HttpRequest,
        payload: &mut Payload,
        limits: &Limits,
        large: &Arc<Semaphore>,
    ) -> Result<HttpResponse, Refusal> {
        let query = query::decode(request.query_string()).map_err(Refusal::bad_request)?;
        let body = match *request.method() == Method::POST {
            true => Some(body::read_json(request, payload, limits).await?),
            false => None,
        };
        let is_large = body.as_ref().is_some_and(|body| body.len() > LARGE);
        let request = PredictRequest { query, body };
        let model = self.model().await?;
        let body = if is_large {
            let permit = Arc::clone(large).acquire_owned().await;
            let route = Arc::clone(self);
            let work = move || {
                let _until_done = permit;
                route.predict(&model, &request)
            };
            web::block(work).await.map_err(|error| Refusal::internal(chain(&error)))??
        } else {
            self.predict(&model, &request)?
        };
        Ok(respond(StatusCode::OK, body))
    }

    /// Returns where the fields of a refusal stand.
    pub fn shape(&self, refusal: &Refusal) -> Shape<'_> {
        if refusal.is_of_service() { Shape::Envelope(&self.envelope) } else { Shape::Both(&self.envelope) }
    }

    /// Returns the active model, by preference without leaving the worker.
    async fn model(&self) -> Result<Arc<TrainedModel>, Refusal> {
        let read = match guarded(|| self.persister.at_hand()) {
            Ok(None) => {
                let persister = Arc::clone(&self.persister);
                let read = web::block(move || guarded(|| persister.read(None))).await;
                read.map_err(|error| unreadable(chain(&error)))?
            }
            Ok(Some(read)) => Ok(read),
            Err(panic) => Err(panic),
        };
        let read: Result<_, PersistError> = read.map_err(unreadable)?;
        read.map_err(|error| match error {
            PersistError::Lookup(said) => Refusal::said(StatusCode::SERVICE_UNAVAILABLE, -1, said),
            PersistError::Failed(_) => unreadable(chain(&error)),
        })
    }

    fn predict(&self, model: &TrainedModel, request: &PredictRequest) -> Result<Vec<u8>, Refusal> {
        let work = || {
            let response = self.service.predict(model, request).map_err(Refusal::from)?;
            self.envelope.success(&response).map_err(|error| Refusal::internal(chain(&error)))
        };
        guarded(work).map_err(Refusal::internal)?
    }
}

fn unreadable(logged: String) -> Refusal {
    Refusal::unavailable("the model cannot be read", logged)
}

impl From<PredictError> for Refusal {
    fn from(error: PredictError) -> Refusal {
        let status = StatusCode::INTERNAL_SERVER_ERROR;
        match error {
            PredictError::BadRequest(message) => Refusal::bad_request(message),
            PredictError::Refused { message, code } => Refusal::said(status, code, message),
            PredictError::NoProbabilities => Refusal::said(status, -1, error.to_string()),
            PredictError::Internal(_) => Refusal::internal(chain(&error)),
        }
    }
}
