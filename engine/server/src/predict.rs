//! Predictions over HTTP.

use std::sync::Arc;
use std::time::Instant;

use actix_web::dev::Payload;
use actix_web::http::{Method, StatusCode};
use actix_web::{HttpRequest, HttpResponse, web};
use palladium_component::interfaces::{
    DecoratorList, PersistError, Persister, PredictError, PredictRequest, PredictService, Predicted, TrainedModel,
    ViewRequest,
};
use palladium_component::value::with_causes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::answer::{Envelope, Refusal, Shape, guarded, respond};
use crate::decorated::{plain_request, through, through_head};
use crate::observers::Observers;
use crate::settings::Limits;
use crate::{body, query};

/// Bodies longer than this are worked on away from the workers.
const LARGE: usize = 64 << 10;

/// A predict service and what it answers with.
pub struct PredictRoute {
    pub service: Arc<dyn PredictService>,
    pub persister: Arc<dyn Persister>,
    pub envelope: Arc<Envelope>,
    pub decorators: DecoratorList,
    /// What is told about predictions.
    pub observers: Arc<Observers>,
    /// The position in the route table.
    pub index: usize,
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
            web::block(work).await.map_err(|error| Refusal::internal(with_causes(&error)))??
        } else {
            self.predict(&model, &request)?
        };
        Ok(respond(StatusCode::OK, body))
    }

    /// Tells whether a decorator is called for its requests.
    pub fn is_decorated(&self) -> bool {
        !self.decorators.is_empty() || self.envelope.is_decorated()
    }

    /// Answers a request through the decorators, which also see why the view refuses one.
    ///
    /// # Errors
    /// A decorator fails.
    pub async fn answer_decorated(
        self: &Arc<Self>,
        request: &HttpRequest,
        payload: &mut Payload,
        limits: &Limits,
        large: &Arc<Semaphore>,
        request_id: String,
    ) -> Result<HttpResponse, Refusal> {
        let head = plain_request(request, Vec::new(), request_id.clone());
        let query = query::decode(request.query_string()).map_err(Refusal::bad_request);
        let has_body = *request.method() == Method::POST;
        let read = async {
            let body = match has_body {
                true => body::read_json(request, payload, limits).await.map(Some),
                false => Ok(None),
            };
            let permit = match &body {
                Ok(Some(body)) if body.len() > LARGE => Arc::clone(large).acquire_owned().await.ok(),
                _ => None,
            };
            (body, permit)
        };
        let route = Arc::clone(self);
        let view = move |(body, permit): (Result<Option<Vec<u8>>, Refusal>, Option<OwnedSemaphorePermit>)| {
            let _until_done = permit;
            let answer = || {
                let request = PredictRequest { query: query?, body: body? };
                let model = route.read_model()?;
                Ok(respond(StatusCode::OK, route.predict(&model, &request)?))
            };
            answer().unwrap_or_else(|refusal: Refusal| {
                let shape = route.shape(&refusal);
                refusal.respond(shape, &request_id)
            })
        };
        if has_body && !self.decorators.is_empty() && !self.decorators.needs_body() {
            return through_head(&self.decorators, head, read, move |_, body| view(body)).await;
        }
        let (body, permit) = read.await;
        let shown = body.as_ref().ok().cloned().flatten().unwrap_or_default();
        through(&self.decorators, ViewRequest { body: shown, ..head }, move |_| view((body, permit))).await
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
                read.map_err(|error| unreadable(with_causes(&error)))?
            }
            Ok(Some(read)) => Ok(read),
            Err(panic) => Err(panic),
        };
        read.map_err(unreadable)?.map_err(no_model)
    }

    /// Returns the active model on a thread that may block.
    fn read_model(&self) -> Result<Arc<TrainedModel>, Refusal> {
        let read = guarded(|| self.persister.at_hand().unwrap_or_else(|| self.persister.read(None)));
        read.map_err(unreadable)?.map_err(no_model)
    }

    fn predict(&self, model: &TrainedModel, request: &PredictRequest) -> Result<Vec<u8>, Refusal> {
        let started = self.observers.is_any().then(Instant::now);
        let work = || {
            let response = self.service.predict(model, request).map_err(Refusal::from)?;
            let body = self.envelope.success(&response).map_err(Refusal::internal)?;
            if let Some(started) = started {
                let (version, n_samples) = (model.metadata.version(), response.n_samples());
                let predicted = Predicted { route: self.index, version, n_samples, time: started.elapsed() };
                self.observers.all().iter().for_each(|observer| observer.predicted(&predicted));
            }
            Ok(body)
        };
        guarded(work).map_err(Refusal::internal)?
    }
}

fn no_model(error: PersistError) -> Refusal {
    match error {
        PersistError::Lookup(said) => Refusal::said(StatusCode::SERVICE_UNAVAILABLE, -1, said),
        PersistError::Failed(_) => unreadable(with_causes(&error)),
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
            PredictError::Internal(_) => Refusal::internal(with_causes(&error)),
        }
    }
}
