//! Views: what answers at the routes beside predictions.

use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::http::{Method, StatusCode};
use actix_web::{HttpResponse, web};
use palladium_component::interfaces::{DecoratorList, Pairs, View, ViewRequest};
use palladium_component::value::{Callable, with_causes};
use palladium_runtime::{App, decorate, root_keys};
use tokio::sync::OwnedSemaphorePermit;

use crate::answer::{Refusal, Shape, name_request, respond};
use crate::away::within;
use crate::body::LARGE;
use crate::changes::Asked;
use crate::decorated::{http_response, plain_request, plain_response, through, through_head};
use crate::incoming::Incoming;
use crate::ready::{live, ready};
use crate::server::Server;
use crate::service::{Handle, Service};
use crate::{body, changes, query};

/// A view of the server itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerView {
    Alive,
    List,
    Live,
    Ready,
    Fit,
    UpdateModelCache,
    Activate,
    Jobs,
}

impl ServerView {
    /// Every view.
    pub const ALL: [ServerView; 8] = [
        ServerView::Alive,
        ServerView::List,
        ServerView::Live,
        ServerView::Ready,
        ServerView::Fit,
        ServerView::UpdateModelCache,
        ServerView::Activate,
        ServerView::Jobs,
    ];

    /// Returns the dotted name.
    pub fn name(self) -> &'static str {
        match self {
            ServerView::Alive => "palladium.server.alive",
            ServerView::List => "palladium.server.list",
            ServerView::Live => "palladium.server.live",
            ServerView::Ready => "palladium.server.ready",
            ServerView::Fit => "palladium.server.fit",
            ServerView::UpdateModelCache => "palladium.server.update_model_cache",
            ServerView::Activate => "palladium.server.activate",
            ServerView::Jobs => "palladium.server.jobs",
        }
    }

    /// Returns the view of a dotted name.
    pub fn find(name: &str) -> Option<ServerView> {
        ServerView::ALL.into_iter().find(|view| view.name() == name)
    }

    /// Returns the view that an endpoint names by the last part of its name.
    pub fn of_endpoint(name: &str) -> Option<ServerView> {
        ServerView::ALL.into_iter().find(|view| view.name().rsplit('.').next() == Some(name))
    }

    /// Returns the root key of its decorators, if it has any.
    pub fn decorator_list_name(self) -> Option<&'static str> {
        match self {
            ServerView::Alive => Some(root_keys::ALIVE_DECORATORS),
            ServerView::List => Some(root_keys::LIST_DECORATORS),
            // Who watches a process does not log in.
            ServerView::Live | ServerView::Ready => None,
            ServerView::Fit => Some(root_keys::SERVER_FIT_DECORATORS),
            ServerView::UpdateModelCache => Some(root_keys::UPDATE_MODEL_CACHE_DECORATORS),
            ServerView::Activate => Some(root_keys::ACTIVATE_DECORATORS),
            ServerView::Jobs => Some(root_keys::JOBS_DECORATORS),
        }
    }

    /// Tells whether a request by one of these methods may change something.
    pub fn changes(self, by_delete: bool) -> bool {
        match self {
            ServerView::Alive | ServerView::List | ServerView::Live | ServerView::Ready => false,
            ServerView::Fit | ServerView::UpdateModelCache | ServerView::Activate => true,
            ServerView::Jobs => by_delete,
        }
    }

    /// Returns why the view cannot do what it is for in this configuration.
    pub fn unmet(self, service: &Service) -> Option<String> {
        let without_store = || service.list.persister.is_none().then(|| changes::WITHOUT_STORE.to_owned());
        match self {
            ServerView::Alive | ServerView::Live | ServerView::Ready | ServerView::Jobs => None,
            ServerView::List | ServerView::Activate => without_store(),
            ServerView::UpdateModelCache => without_store().or_else(|| changes::without_cache(service)),
            ServerView::Fit => changes::cannot_fit(service),
        }
    }

    /// Answers a request on a thread that may block.
    ///
    /// # Errors
    /// Whatever keeps it from what was asked.
    pub fn answer(self, service: &Arc<Service>, asked: &Asked<'_>) -> Result<HttpResponse, Refusal> {
        match self {
            ServerView::Alive => Ok(service.alive.answer(&service.jobs)),
            ServerView::List => Ok(respond(StatusCode::OK, service.list.body()?)),
            ServerView::Live => Ok(live()),
            ServerView::Ready => Ok(ready(service)),
            ServerView::Fit => changes::start_fit(service, asked),
            ServerView::UpdateModelCache => changes::update_model_cache(service, asked),
            ServerView::Activate => changes::activate(service, asked),
            ServerView::Jobs => changes::jobs(service, asked),
        }
    }
}

/// What answers at the route of a view.
#[derive(Clone)]
pub enum Answers {
    /// The server.
    Server(ServerView),
    /// A function of the configuration.
    Function(Arc<dyn Callable>),
    /// A component of a linked crate.
    Own(Arc<dyn View>),
}

impl Answers {
    /// Returns what answers, in one word.
    pub fn name(&self) -> String {
        match self {
            Answers::Server(view) => view.name().to_owned(),
            Answers::Function(function) => function.name().to_owned(),
            Answers::Own(_) => "component".to_owned(),
        }
    }

    /// Tells whether both are the same.
    pub fn is(&self, other: &Answers) -> bool {
        match (self, other) {
            (Answers::Server(one), Answers::Server(other)) => one == other,
            (Answers::Function(one), Answers::Function(other)) => Arc::ptr_eq(one, other),
            (Answers::Own(one), Answers::Own(other)) => Arc::ptr_eq(one, other),
            _ => false,
        }
    }
}

/// Returns the decorators of a root key; there are none without one.
pub fn decorators(app: &App, name: Option<&str>) -> DecoratorList {
    name.map_or_else(|| DecoratorList::new("none", Vec::new()), |name| app.decorators().list(name))
}

/// A body as it was read, and the permit to work on it where it is a large one.
type Read = (Result<Vec<u8>, Refusal>, Option<OwnedSemaphorePermit>);

/// A view at its route.
pub struct ViewRoute {
    pub rule: String,
    pub answers: Answers,
    pub decorators: DecoratorList,
    /// Whether a request may change something where a component answers itself.
    pub changes: bool,
    /// Whether the component predicts for predict services: it calls their decorators itself, and answers OPTIONS too.
    pub predicts: bool,
    /// The decorators of the server's view that the component passes changes on to.
    pub inside: DecoratorList,
}

impl ViewRoute {
    /// Answers what neither blocks nor is decorated without leaving the worker.
    pub fn at_once(&self, service: &Arc<Service>) -> Option<HttpResponse> {
        match self.answers {
            Answers::Server(ServerView::Alive) if self.decorators.is_empty() && service.alive.is_at_hand() => {
                Some(service.alive.answer(&service.jobs))
            }
            Answers::Server(ServerView::Live) if self.decorators.is_empty() => Some(live()),
            _ => None,
        }
    }

    /// Returns where the fields of a refusal stand.
    pub fn shape(&self) -> Shape<'_> {
        match &self.answers {
            Answers::Own(view) => Shape::Views { views: std::slice::from_ref(view), path: &self.rule },
            Answers::Server(_) | Answers::Function(_) => Shape::Flat,
        }
    }

    /// Answers a request through the decorators, which also see why the view refuses one.
    ///
    /// # Errors
    /// A decorator fails.
    pub async fn answer(
        self: &Arc<Self>,
        server: &Server,
        request: &Incoming<'_>,
        payload: &mut Payload,
        parts: Pairs,
        request_id: String,
    ) -> Result<HttpResponse, Refusal> {
        let service = &server.service;
        if matches!(self.answers, Answers::Server(ServerView::Alive)) && self.decorators.is_empty() {
            let asked = Arc::clone(service);
            let state = web::block(move || asked.alive.state(&asked.jobs)).await;
            let (status, body) = state.map_err(|error| Refusal::internal(with_causes(&error)))?;
            return Ok(respond(status, body));
        }
        let head = ViewRequest { parts, ..plain_request(request, request_id) };
        let query = query::decode(request.query_string()).map_err(Refusal::bad_request);
        let has_body = !matches!(*request.method(), Method::GET | Method::HEAD);
        let large = Arc::clone(&service.large);
        let limit = if self.predicts { server.predict_timeout() } else { Duration::MAX };
        let read = async {
            let body = match has_body {
                true => body::read(request, payload, server).await,
                false => Ok(Vec::new()),
            };
            if !body.as_ref().is_ok_and(|body| body.len() > LARGE) {
                return (body, None);
            }
            match within(limit, large.acquire_owned()).await {
                Ok(permit) => (body, permit.ok()),
                Err(refusal) => (Err(refusal), None),
            }
        };
        let (route, asked) = (Arc::clone(self), Arc::clone(service));
        let view = move |request: &ViewRequest, refused: Result<(), Refusal>, permit: Option<OwnedSemaphorePermit>| {
            let _until_done = permit;
            let answer = || {
                query?;
                refused?;
                route.respond(request, &asked)
            };
            let answered = answer().unwrap_or_else(|refusal: Refusal| refusal.respond(route.shape(), &request.into()));
            plain_response(answered)
        };
        let by_head = has_body && !self.decorators.is_empty() && !self.decorators.needs_body();
        if let Some(waiting) = by_head.then(|| service.waiting()).flatten() {
            let with_body = move |request: &ViewRequest, (body, permit): Read| {
                let (body, refused) = apart(body);
                view(&ViewRequest { body, ..request.clone() }, refused, permit)
            };
            return through_head(&self.decorators, head, read, with_body, waiting, Duration::MAX).await;
        }
        let (body, permit) = read.await;
        let (body, refused) = apart(body);
        let request = ViewRequest { body, ..head };
        if !self.predicts {
            return through(&self.decorators, request, move |request| view(request, refused, permit)).await;
        }
        let work = async {
            let one = Arc::clone(&server.small).acquire_owned().await;
            let view = move |request: &ViewRequest| {
                let _until_done = one;
                view(request, refused, permit)
            };
            through(&self.decorators, request, view).await
        };
        within(limit, work).await.flatten()
    }

    fn respond(&self, request: &ViewRequest, service: &Arc<Service>) -> Result<HttpResponse, Refusal> {
        let answered = match &self.answers {
            Answers::Server(view) => {
                let asked = Asked { request, rule: &self.rule, decorators: &self.decorators };
                return view.answer(service, &asked);
            }
            Answers::Function(function) => decorate::answer(function, request),
            Answers::Own(view) => {
                let handle = Handle { service, rule: &self.rule, shape: self.shape() };
                view.answer(request, &handle)
            }
        };
        let answered = answered.map_err(|failure| Refusal::failed(&failure))?;
        let mut response = http_response(answered).map_err(Refusal::internal)?;
        name_request(&mut response, &request.request_id);
        Ok(response)
    }
}

/// Returns a body, which is empty where it is refused, and why it is.
fn apart(body: Result<Vec<u8>, Refusal>) -> (Vec<u8>, Result<(), Refusal>) {
    match body {
        Ok(body) => (body, Ok(())),
        Err(refusal) => (Vec::new(), Err(refusal)),
    }
}
