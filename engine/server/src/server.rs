//! From a request to its response.

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::body::{BodySize, MessageBody};
use actix_web::dev::Payload;
use actix_web::http::header::{ALLOW, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::{HttpRequest, HttpResponse};
use palladium_component::interfaces::{Pairs, ViewRequest};
use palladium_component::value::Diagnostics;
use tokio::sync::{Semaphore, oneshot};

use crate::answer::{Refusal, Shape};
use crate::connection::{MOST_REQUESTS, Underway};
use crate::decorated::{plain_request, plain_response, through};
use crate::head;
use crate::incoming::Incoming;
use crate::methods::Methods;
use crate::observers::Told;
use crate::options::{Loaded, ServeOptions};
use crate::reload::Process;
use crate::request_id::HEADER;
use crate::routes::{Endpoint, Route, Routes};
use crate::sent::by_status;
use crate::service::{Service, Shared};
use crate::settings::Limits;
use crate::{local, site, trace};

/// How long a prediction may take unless the configuration says so.
const PREDICT_TIMEOUT: Duration = Duration::from_secs(60);

/// So many requests with short bodies are worked on at once away from the workers.
const SMALL: usize = 64;

/// What all workers share, until it is replaced as a whole.
pub struct Server {
    pub routes: Routes,
    pub service: Arc<Service>,
    /// The files of the configuration, in one text.
    pub files: String,
    pub limits: Limits,
    /// Other requests than those with large bodies that may be worked on at once away from the workers.
    pub small: Arc<Semaphore>,
}

impl Server {
    /// Returns the routes of an application, with the settings that the options leave as they are.
    ///
    /// # Errors
    /// Routes that cannot be.
    pub fn routes(loaded: &Loaded, options: &ServeOptions) -> Result<Routes, Diagnostics> {
        let mut routes = Routes::of(&loaded.app)?;
        routes.settings = routes.settings.overridden_by(options);
        Ok(routes)
    }

    /// Returns what answers at the routes of an application, and what hears when nothing uses that any more.
    pub fn new(loaded: Loaded, mut routes: Routes, process: &Process) -> (Server, oneshot::Receiver<()>) {
        let (in_use, unused) = oneshot::channel();
        let (jobs, is_draining) = (Arc::clone(&process.jobs), Arc::clone(&process.is_draining));
        let shared = Shared {
            jobs,
            is_draining,
            stops: process.stops.subscribe(),
            latest: Arc::clone(&process.latest),
            _in_use: in_use,
        };
        let service = Arc::new(Service::of(&loaded.app, loaded.sources, &mut routes, shared));
        let files: Vec<String> = loaded.files.iter().map(|file| file.display().to_string()).collect();
        let limits = routes.settings.limits.clone();
        let (files, small) = (files.join(", "), Arc::new(Semaphore::new(SMALL)));
        (Server { routes, service, files, limits, small }, unused)
    }

    /// Answers a request, which is refused where it is one too many of its connection, and tells the log and the observers
    /// where they want to know.
    pub async fn respond(
        &self,
        request: &HttpRequest,
        payload: &mut Payload,
        underway: Option<&Underway>,
    ) -> HttpResponse {
        let is_one_too_many = underway.is_some_and(Underway::is_one_too_many);
        let is_logged = tracing::enabled!(target: "palladium::access", tracing::Level::INFO);
        let observers = &self.routes.observers;
        let trace = trace::of(request, observers, is_logged);
        let mut incoming = Incoming::new(request, trace);
        if !is_logged && !observers.is_any() && incoming.trace.is_none() {
            return by_status(self.answer(&incoming, payload, is_one_too_many).await.response);
        }
        let started = underway.and_then(Underway::came).unwrap_or_else(Instant::now);
        incoming.started = Some(started);
        let observed = observers.begin();
        let Answer { route, response, is_logged: has_line } = self.answer(&incoming, payload, is_one_too_many).await;
        let mut response = by_status(response);
        if let Some(trace) = &incoming.trace {
            trace::tell(trace, &mut response);
        }
        let now = Instant::now();
        if is_logged && !has_line {
            self.log(&incoming, &response, now.duration_since(started));
        }
        if let Some(underway) = underway.filter(|_| response.body().size() != BodySize::Stream) {
            underway.answered(now);
        }
        let told = Told { route, announced: incoming.announced(), trace: incoming.trace, started };
        observed.end(request, response, told, now)
    }

    /// Returns how long a prediction may take that is made away from the workers.
    pub fn predict_timeout(&self) -> Duration {
        self.routes.settings.predict_timeout.unwrap_or(PREDICT_TIMEOUT)
    }

    fn log(&self, request: &Incoming<'_>, response: &HttpResponse, time: Duration) {
        let trace = request.trace.as_ref();
        let refused = response.headers().get(HEADER).and_then(|id| id.to_str().ok());
        tracing::info!(
            target: "palladium::access",
            request_id = refused.map_or_else(|| request.id(), str::to_owned),
            trace_id = trace.map(|trace| display(trace.trace_id)),
            span_id = trace.map(|trace| display(trace.span_id)),
            method = %request.method(),
            path = request.path(),
            status = response.status().as_u16(),
            microseconds = u64::try_from(time.as_micros()).unwrap_or(u64::MAX),
        );
    }

    /// Answers a request.
    async fn answer(&self, request: &Incoming<'_>, payload: &mut Payload, is_one_too_many: bool) -> Answer {
        let elsewhere = Shape::Views { views: &self.routes.views, path: request.path() };
        if is_one_too_many {
            return Answer::nowhere(crowded().respond(elsewhere, &request.name()));
        }
        if let Err(refusal) = head::check(request, &self.limits) {
            return Answer::nowhere(refusal.respond(elsewhere, &request.name()));
        }
        if let Some(route) = self.routes.find(request.path()) {
            return self.answer_at(route, Pairs::default(), request, payload).await;
        }
        if let Some((route, parts)) = self.routes.find_with_parts(request.path()) {
            return self.answer_at(route, parts, request, payload).await;
        }
        let shown: String = request.path().chars().take(100).collect();
        let refusal = Refusal::said(StatusCode::NOT_FOUND, -1, format!("there is nothing at {shown:?}"));
        Answer::nowhere(refusal.respond(elsewhere, &request.name()))
    }

    async fn answer_at(&self, route: &Route, parts: Pairs, request: &Incoming<'_>, payload: &mut Payload) -> Answer {
        let answer = match &route.endpoint {
            _ if *request.method() == Method::OPTIONS && !route.predicts() => {
                Box::pin(self.options(route, parts, request)).await
            }
            _ if !route.methods.contains(request.method()) => Err(Refusal::method(route.methods.allow())),
            Endpoint::Predict(predict) if predict.is_decorated() => {
                predict.answer_decorated(self, request, payload).await
            }
            Endpoint::Predict(predict) => predict.answer(self, request, payload).await,
            Endpoint::View(_) if let Err(refusal) = self.keep_out(route, request) => Err(refusal),
            Endpoint::View(view) => match view.at_once(&self.service) {
                Some(response) => Ok(response),
                None => Box::pin(view.answer(self, request, payload, parts, request.id())).await,
            },
        };
        // What answers has come through the decorators.
        let is_logged = answer.is_ok() && route.decorators().log_requests();
        let response = match (answer, &route.endpoint) {
            (Ok(response), _) => response,
            (Err(refusal), Endpoint::Predict(predict)) => predict.refuse(refusal, request.name()).await,
            (Err(refusal), Endpoint::View(view)) => refusal.respond(view.shape(), &request.name()),
        };
        Answer { route: Some(route.index), response, is_logged }
    }

    /// Keeps pages of other sites out of views that change something, and what is not for this machine out of those
    /// that are open because it alone reaches them.
    fn keep_out(&self, route: &Route, request: &Incoming<'_>) -> Result<(), Refusal> {
        match route.is_open() {
            true if self.service.allows_unauthenticated_admin => Ok(()),
            true => local::check(request, route.decorators()),
            false if route.changes_by(request.method()) => site::check(request, route.decorators()),
            false => Ok(()),
        }
    }

    /// Answers which methods there are. Decorators answer what browsers ask before a request, and keep everything else
    /// from strangers.
    async fn options(&self, route: &Route, parts: Pairs, request: &Incoming<'_>) -> Result<HttpResponse, Refusal> {
        if route.decorators().is_empty() {
            return Ok(options(&route.methods));
        }
        let shown = ViewRequest { parts, ..plain_request(request, request.id()) };
        let methods = route.methods.clone();
        through(route.decorators(), shown, move |_| plain_response(options(&methods))).await
    }
}

/// A response, and whose it is.
struct Answer {
    /// The position of the route, if there is one.
    route: Option<usize>,
    response: HttpResponse,
    /// Whether a decorator has logged the request.
    is_logged: bool,
}

impl Answer {
    /// Returns the answer where there is no route.
    fn nowhere(response: HttpResponse) -> Answer {
        Answer { route: None, response, is_logged: false }
    }
}

/// Returns the refusal of a request that is one too many of its connection.
fn crowded() -> Refusal {
    let message = format!("{MOST_REQUESTS} requests of this connection are underway, which is the most");
    Refusal::crowded(message + ": wait for answers, or open another connection")
}

/// Returns which methods there are.
fn options(methods: &Methods) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    if let Ok(allow) = HeaderValue::from_str(methods.allow()) {
        response.insert_header((ALLOW, allow));
    }
    response.finish()
}
