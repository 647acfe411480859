//! Predictions over HTTP.

use std::borrow::Cow;
use std::mem;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use actix_web::dev::Payload;
use actix_web::http::{Method, StatusCode};
use actix_web::{HttpMessage, HttpRequest, HttpResponse, web};
use palladium_component::interfaces::{
    DecoratorList, ErrorDetail, Pairs, PersistError, Persister, PredictError, PredictRequest, PredictResponse,
    PredictService, Predicted, TrainedModel, Version, ViewRequest,
};
use palladium_component::value::with_causes;
use tokio::sync::OwnedSemaphorePermit;

use crate::answer::{Envelope, Refusal, Shape, Teller, guarded, name_version, respond, respond_plainly};
use crate::away::{Pace, away, within};
use crate::body::LARGE;
use crate::decorated::{Viewed, at_once, plain_response, through_head, through_queue, with_query};
use crate::incoming::Incoming;
use crate::observers::Observers;
use crate::request_id::Name;
use crate::server::Server;
use crate::{body, ndjson, query};

/// A predict service and what it answers with.
pub struct PredictRoute {
    pub service: Arc<dyn PredictService>,
    pub persister: Arc<dyn Persister>,
    pub envelope: Arc<Envelope>,
    pub decorators: DecoratorList,
    /// What is told about predictions.
    pub observers: Arc<Observers>,
    /// How much clients are told about errors unless the service says so itself.
    pub detail: Arc<OnceLock<ErrorDetail>>,
    /// How long predictions take for short bodies.
    pub pace: Pace,
    /// Whether a request could not have the model, which is read for each.
    pub lacks_model: AtomicBool,
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
        server: &Server,
        request: &Incoming<'_>,
        payload: &mut Payload,
    ) -> Result<HttpResponse, Refusal> {
        if is_stream(request) {
            return Box::pin(ndjson::answer(self, server, request, payload)).await;
        }
        let query = query::decode(request.query_string()).map_err(Refusal::bad_request)?;
        let body = match *request.method() == Method::POST {
            true => Some(body::read_json(request, payload, server).await?),
            false => None,
        };
        let is_large = body.as_ref().is_some_and(|body| body.len() > LARGE);
        let plain = PredictRequest {
            query: Cow::Owned(query),
            body: body.map(Cow::Owned),
            max_rows: Some(server.routes.settings.max_rows),
        };
        let model = self.model().await?;
        let version = model.metadata.version();
        let answered = if !is_large && self.answers_at_once(server) {
            self.predict(&model, version, &plain, Duration::ZERO)
        } else {
            let permits = if is_large { &server.service.large } else { &server.small };
            let (route, asked) = (Arc::clone(self), Instant::now());
            let work = move || route.predict(&model, version, &plain, asked.elapsed());
            Box::pin(away(permits, server.predict_timeout(), work)).await.flatten()
        };
        let Answer { status, body, predicted } = answered.map_err(|refusal| refusal.by(version))?;
        self.note(request, predicted);
        let mut response = respond(status, body);
        name_version(&mut response, version);
        Ok(response)
    }

    /// Tells whether predictions for short bodies may be made on the worker.
    fn answers_at_once(&self, server: &Server) -> bool {
        server.routes.settings.predict_timeout.is_none() && self.pace.is_quick()
    }

    /// Tells whether a decorator is called for its requests.
    pub fn is_decorated(&self) -> bool {
        !self.decorators.is_empty() || self.envelope.is_decorated()
    }

    /// Answers a request through the decorators, which also see why the view refuses one.
    ///
    /// # Errors
    /// A decorator fails, or all of it takes too long.
    pub async fn answer_decorated(
        self: &Arc<Self>,
        server: &Server,
        request: &Incoming<'_>,
        payload: &mut Payload,
    ) -> Result<HttpResponse, Refusal> {
        if is_stream(request) {
            return Box::pin(ndjson::answer_decorated(self, server, request, payload, request.id())).await;
        }
        let has_body = *request.method() == Method::POST;
        let is_short = !has_body || request.announced().is_some_and(|length| length <= LARGE as u64);
        let is_quick = is_short && self.answers_at_once(server) && self.is_quick();
        let at_hand = if is_quick { guarded(|| self.persister.at_hand()).ok().flatten() } else { None };
        let Some(model) = at_hand else {
            // What is large is kept out of the future that every request moves.
            return Box::pin(self.answer_away(server, request, payload)).await;
        };
        let body = match has_body {
            true => body::read_json(request, payload, server).await.map(Some),
            false => Ok(None),
        };
        let (mut shown, mut asked) = Asked::of(server, request, body);
        shown.body = asked.show_body();
        let mut told = None;
        let answered = at_once(&self.decorators, &shown, |shown| {
            let (viewed, predicted) = self.view(shown, asked, || model.map_err(no_model));
            told = predicted;
            viewed
        });
        self.note(request, told);
        answered
    }

    /// Answers a request through the decorators on threads that may block.
    async fn answer_away(
        self: &Arc<Self>,
        server: &Server,
        request: &Incoming<'_>,
        payload: &mut Payload,
    ) -> Result<HttpResponse, Refusal> {
        let has_body = *request.method() == Method::POST;
        let (shown, asked) = Asked::of(server, request, Ok(None));
        let read = async {
            let body = match has_body {
                true => body::read_json(request, payload, server).await.map(Some),
                false => Ok(None),
            };
            if !body.as_ref().is_ok_and(|body| body.as_ref().is_some_and(|body| body.len() > LARGE)) {
                return (Asked { body, ..asked }, None);
            }
            let since = Instant::now();
            match within(server.predict_timeout(), Arc::clone(&server.service.large).acquire_owned()).await {
                Ok(permit) => (Asked { body, waited: since.elapsed(), ..asked }, permit.ok()),
                Err(refusal) => (Asked { body: Err(refusal), ..asked }, None),
            }
        };
        let (route, told) = (Arc::clone(self), Arc::new(OnceLock::new()));
        let tells = Arc::clone(&told);
        let view = move |shown: &ViewRequest, asked: Asked, permit: Option<OwnedSemaphorePermit>| {
            let _until_done = permit;
            let (viewed, predicted) = route.view(shown, asked, || route.read_model());
            if let Some(predicted) = predicted {
                // A view is called once.
                let _ = tells.set(predicted);
            }
            viewed
        };
        let by_head = !self.decorators.is_empty() && !self.decorators.needs_body();
        let waiting = if has_body && by_head { server.service.waiting() } else { None };
        let answered = if let Some(waiting) = waiting {
            let view = move |shown: &ViewRequest, (asked, permit)| view(shown, asked, permit);
            through_head(&self.decorators, shown, read, view, waiting, server.predict_timeout()).await
        } else {
            let (mut asked, large) = read.await;
            let shown = ViewRequest { body: asked.show_body(), ..shown };
            let work = async {
                let permit = Arc::clone(&server.small).acquire_owned().await;
                let view = move |shown: &ViewRequest, queued| {
                    let _until_done = permit;
                    let waited = asked.waited + queued;
                    view(shown, Asked { waited, ..asked }, large)
                };
                through_queue(&self.decorators, shown, view).await
            };
            within(server.predict_timeout(), work).await.flatten()
        };
        self.note(request, told.get().copied());
        answered
    }

    /// Answers a request that has come through the decorators, and returns what the observers were told.
    fn view(
        &self,
        shown: &ViewRequest,
        asked: Asked,
        model: impl FnOnce() -> Result<Arc<TrainedModel>, Refusal>,
    ) -> (Viewed, Option<Predicted>) {
        let Asked { query, body, max_rows, waited } = asked;
        let answer = || {
            query?;
            let body = body?.map(|own| if own.is_empty() { Cow::from(&shown.body) } else { own.into() });
            let request = PredictRequest { query: Cow::Borrowed(&shown.query), body, max_rows };
            let model = model()?;
            let version = model.metadata.version();
            let answered = self.predict(&model, version, &request, waited);
            let Answer { status, body, predicted } = answered.map_err(|refusal| refusal.by(version))?;
            Ok((respond_plainly(status, body, version), predicted))
        };
        match answer() {
            Ok((response, predicted)) => (Ok(response), predicted),
            Err(refusal) => (plain_response(self.respond(refusal, &shown.into())), None),
        }
    }

    /// Tells whether nothing around a prediction waits or computes for long.
    fn is_quick(&self) -> bool {
        self.decorators.is_quick() && self.envelope.is_quick() && !self.service.changes_error_responses()
    }

    /// Returns the response of a refusal; it may block.
    pub fn respond(&self, refusal: Refusal, name: &Name) -> HttpResponse {
        let shape = self.shape(&refusal);
        refusal.respond(shape, name)
    }

    /// Returns the response of a refusal.
    pub async fn refuse(self: &Arc<Self>, refusal: Refusal, name: Name) -> HttpResponse {
        if !self.service.changes_error_responses() {
            return self.respond(refusal, &name);
        }
        let (route, own) = (Arc::clone(self), name.clone());
        let write = move || {
            let shape = route.shape(&refusal);
            refusal.write(shape, &own)
        };
        match web::block(write).await {
            Ok(written) => written.into(),
            Err(error) => Refusal::internal(with_causes(&error)).respond(Shape::Flat, &name),
        }
    }

    /// Returns how the service tells about errors.
    pub fn teller(&self) -> Teller<'_> {
        Teller { envelope: &self.envelope, service: &*self.service, detail: self.detail() }
    }

    /// Returns how much clients are told about errors.
    pub fn detail(&self) -> ErrorDetail {
        let detail = self.service.error_detail().or_else(|| self.detail.get().copied());
        detail.unwrap_or(ErrorDetail::Codes)
    }

    /// Returns where the fields of a refusal stand.
    fn shape(&self, refusal: &Refusal) -> Shape<'_> {
        if refusal.is_of_service() { Shape::Envelope(self.teller()) } else { Shape::Both(self.teller()) }
    }

    /// Returns the active model, by preference without leaving the worker.
    pub async fn model(&self) -> Result<Arc<TrainedModel>, Refusal> {
        let read = match guarded(|| self.persister.at_hand()) {
            Ok(None) => {
                let persister = Arc::clone(&self.persister);
                let read = web::block(move || guarded(|| persister.read(None))).await;
                let read = read.map_err(|error| unreadable(with_causes(&error)))?;
                self.lacks_model.store(!matches!(read, Ok(Ok(_))), Ordering::Relaxed);
                read
            }
            Ok(Some(read)) => Ok(read),
            Err(panic) => Err(panic),
        };
        read.map_err(unreadable)?.map_err(no_model)
    }

    /// Returns the active model on a thread that may block.
    pub fn read_model(&self) -> Result<Arc<TrainedModel>, Refusal> {
        let read = guarded(|| self.persister.at_hand().unwrap_or_else(|| self.persister.read(None)));
        self.lacks_model.store(!matches!(read, Ok(Ok(_))), Ordering::Relaxed);
        read.map_err(unreadable)?.map_err(no_model)
    }

    /// Keeps what was predicted on the request, for observers that record traces.
    fn note(&self, request: &HttpRequest, predicted: Option<Predicted>) {
        if let Some(predicted) = predicted.filter(|_| self.observers.record_traces()) {
            request.extensions_mut().insert(predicted);
        }
    }

    fn predict(
        &self,
        model: &Arc<TrainedModel>,
        version: Option<Version>,
        request: &PredictRequest,
        queued: Duration,
    ) -> Result<Answer, Refusal> {
        let started = Instant::now();
        let work = || {
            let response = self.service.predict(model, request).map_err(|error| self.refusal(model, &error))?;
            let answer = self.envelope.success(&response, version).map_err(Refusal::internal)?;
            let (status, body) = answer;
            Ok(Answer { status, body, predicted: self.tell(version, &response, queued, started) })
        };
        let answered = guarded(work).map_err(Refusal::internal);
        if request.body.as_ref().is_none_or(|body| body.len() <= LARGE) {
            let told = answered.as_ref().ok().and_then(|answer| answer.as_ref().ok()?.predicted);
            self.pace.note(told.map_or_else(|| started.elapsed(), |told| told.time));
        }
        answered?
    }

    /// Returns the refusal of the service or its model; a model that cannot predict for the service is no error within it.
    pub fn refusal(&self, model: &TrainedModel, error: &PredictError) -> Refusal {
        match error.is_of_model().then(|| guarded(|| self.service.misfit(model))) {
            Some(Ok(Some(misfit))) => Refusal::misfit(misfit, error),
            _ => Refusal::of(error),
        }
    }

    /// Tells the observers of a prediction, and returns what they were told.
    pub fn tell(
        &self,
        version: Option<Version>,
        response: &PredictResponse,
        queued: Duration,
        started: Instant,
    ) -> Option<Predicted> {
        if !self.observers.is_any() {
            return None;
        }
        let n_samples = response.n_samples();
        let predicted = Predicted { route: self.index, version, n_samples, queued, time: started.elapsed() };
        self.observers.all().iter().for_each(|observer| observer.predicted(&predicted));
        Some(predicted)
    }
}

/// What a request asks for, beside what decorators see of it.
struct Asked {
    /// Why the query string cannot be read, if it cannot.
    query: Result<(), Refusal>,
    /// The body as it was read, or empty where decorators are shown it.
    body: Result<Option<Vec<u8>>, Refusal>,
    max_rows: Option<usize>,
    /// How long it has waited for its turn.
    waited: Duration,
}

impl Asked {
    /// Returns a request as decorators see it, without its body, and what it asks for.
    fn of(server: &Server, request: &Incoming<'_>, body: Result<Option<Vec<u8>>, Refusal>) -> (ViewRequest, Asked) {
        let (pairs, query) = match query::decode(request.query_string()) {
            Ok(pairs) => (pairs, Ok(())),
            Err(problem) => (Pairs::default(), Err(Refusal::bad_request(problem))),
        };
        let max_rows = Some(server.routes.settings.max_rows);
        (with_query(request, pairs, request.id()), Asked { query, body, max_rows, waited: Duration::ZERO })
    }

    /// Returns the body, for decorators to see.
    fn show_body(&mut self) -> Vec<u8> {
        self.body.as_mut().ok().and_then(Option::as_mut).map(mem::take).unwrap_or_default()
    }
}

/// What a prediction is answered with.
struct Answer {
    status: StatusCode,
    body: Vec<u8>,
    /// What the observers were told, if there are any.
    predicted: Option<Predicted>,
}

/// Tells whether a request is a stream of lines.
fn is_stream(request: &HttpRequest) -> bool {
    *request.method() == Method::POST && body::is_ndjson(request)
}

fn no_model(error: PersistError) -> Refusal {
    match error {
        PersistError::Lookup(said) => Refusal::no_model(said),
        PersistError::Failed(_) => unreadable(with_causes(&error)),
    }
}

fn unreadable(logged: String) -> Refusal {
    Refusal::unavailable("the model cannot be read", logged)
}
