//! What the views of the server work with.

use std::collections::HashSet;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::available_parallelism;

use palladium_component::interfaces::{
    Arguments, DecoratorDocs, ErrorDetail, Failure, JobCounts, Operation, Origin, Persister, Predicted, Returned,
    ServedPredictions, ServedRoute, ServiceHandle, View, ViewRequest, ViewResponse,
};
use palladium_component::value::{Diagnostics, KeyPath, nearest};
use palladium_runtime::App;
use palladium_runtime::lineage::Sources;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot, watch};

use crate::alive::Alive;
use crate::answer::{Refusal, Shape, guarded};
use crate::changes::Asked;
use crate::decorated::plain_response;
use crate::docs;
use crate::jobs::Jobs;
use crate::latest::Latest;
use crate::listen::{Listen, is_local};
use crate::models::ModelList;
use crate::observers::Observers;
use crate::ready::{Found, Needed, no_model};
use crate::routes::{Route, Routes};
use crate::views::{ServerView, decorators};

/// So many threads wait for bodies at once.
const WAITING: usize = 16;

/// What the views of the server work with.
pub struct Service {
    /// The application.
    pub app: Arc<App>,
    /// The configuration, as models tell it.
    pub sources: Sources,
    /// What was started and need not be waited for; it outlives a reload.
    pub jobs: Arc<Jobs>,
    /// The state.
    pub alive: Arc<Alive>,
    /// The models of the root key `model_persister`.
    pub list: Arc<ModelList>,
    /// The models that predict services need.
    pub needed: Vec<Needed>,
    /// The routes.
    pub table: Vec<Arc<Route>>,
    /// How many samples a request may have.
    pub max_rows: usize,
    /// Whether views that change something are open to other machines and sites without a decorator.
    pub allows_unauthenticated_admin: bool,
    /// The routes as views see them.
    pub routes: Vec<ServedRoute>,
    /// The predict services as views see them.
    pub predictions: Vec<ServedPredictions>,
    /// What is told about requests.
    pub observers: Arc<Observers>,
    /// Large bodies that may be worked on at once.
    pub large: Arc<Semaphore>,
    /// How many bytes of long bodies there is room for in memory.
    pub body_memory: Arc<Semaphore>,
    /// Threads that may wait for bodies at once.
    waiting: Arc<Semaphore>,
    /// What it shares with those before and after it.
    shared: Shared,
}

/// What a service shares with those before and after it.
pub struct Shared {
    /// What was started and need not be waited for; it outlives a reload.
    pub jobs: Arc<Jobs>,
    /// Whether the process is about to stop.
    pub is_draining: Arc<AtomicBool>,
    /// Tells those who answer streams that these have to end, since the process stops.
    pub stops: watch::Receiver<bool>,
    /// The one that answers new requests.
    pub latest: Arc<Latest>,
    /// Tells by its end that no request and no job needs the application any more, nor work that a job has left to itself.
    pub _in_use: oneshot::Sender<()>,
}

impl Service {
    /// Returns the service of these routes, from which it takes the models that are needed.
    pub fn of(app: &Arc<App>, sources: Sources, routes: &mut Routes, shared: Shared) -> Service {
        let limits = &routes.settings.limits;
        let large = limits.max_large_bodies.unwrap_or_else(|| available_parallelism().map_or(1, usize::from));
        Service {
            app: Arc::clone(app),
            sources,
            jobs: Arc::clone(&shared.jobs),
            alive: Arc::clone(&routes.alive),
            list: Arc::clone(&routes.list),
            needed: std::mem::take(&mut routes.needed),
            table: routes.all().to_vec(),
            max_rows: routes.settings.max_rows,
            allows_unauthenticated_admin: routes.settings.allow_unauthenticated_admin,
            routes: routes.served(),
            predictions: routes.served_predictions(),
            observers: Arc::clone(&routes.observers),
            large: Arc::new(Semaphore::new(large)),
            body_memory: Arc::new(Semaphore::new(limits.body_memory().min(Semaphore::MAX_PERMITS))),
            waiting: Arc::new(Semaphore::new(WAITING)),
            shared,
        }
    }

    /// Returns the permit to have a thread wait for the body of a request. There are not always some, so that clients
    /// which are slow do not take all threads: their bodies are read before decorators are called.
    pub fn waiting(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.waiting).try_acquire_owned().ok()
    }

    /// Tells whether the process is about to stop.
    pub fn is_draining(&self) -> bool {
        self.shared.is_draining.load(Ordering::Relaxed)
    }

    /// Returns what tells when streams have to end, since the process stops.
    pub fn stopping(&self) -> watch::Receiver<bool> {
        self.shared.stops.clone()
    }

    /// Tells that a job or a request of this service may have activated a model, or was to look for one: the service that
    /// answers new requests, which after a reload is another one, takes it up. It blocks.
    pub fn tell_latest(self: &Arc<Self>) {
        self.shared.latest.changed_by(self);
    }

    /// Returns the models that predict services need, each once, with their versions, in one text.
    pub fn shown_models(&self) -> String {
        let mut seen = HashSet::new();
        let each = self.needed.iter().filter(|needed| seen.insert(&needed.key));
        each.map(Needed::shown).collect::<Vec<_>>().join(", ")
    }

    /// Returns on whose behalf a request changes something.
    pub fn origin(request: &ViewRequest, rule: &str) -> Origin {
        let principal = request.caller.identity().map(|identity| identity.principal.clone());
        let principal = principal.unwrap_or_else(|| Origin::UNKNOWN.to_owned());
        Origin { principal, command: format!("{} {rule}", request.method) }
    }
}

/// A service as views see it that a linked crate brings.
pub struct Handle<'a> {
    pub service: &'a Arc<Service>,
    /// The rule of the view.
    pub rule: &'a str,
    /// How the view says refusals.
    pub shape: Shape<'a>,
}

impl ServiceHandle for Handle<'_> {
    fn rule(&self) -> &str {
        self.rule
    }

    fn predict_services(&self) -> Vec<ServedPredictions> {
        self.service.predictions.clone()
    }

    fn max_rows(&self) -> usize {
        self.service.max_rows
    }

    fn routes(&self) -> Vec<ServedRoute> {
        self.service.routes.clone()
    }

    fn operations(&self, route: usize) -> Vec<Operation> {
        self.service.table.get(route).map(|route| docs::operations(route, self.service)).unwrap_or_default()
    }

    fn view_operation(&self, name: &str, method: &str) -> Option<Operation> {
        ServerView::find(name).map(|view| docs::of_server_view(view, method, self.service))
    }

    fn decorator_docs(&self, list: &str) -> Vec<Option<DecoratorDocs>> {
        self.service.app.decorators().list(list).docs().collect()
    }

    fn decorated(
        &self,
        list: &str,
        request: &ViewRequest,
        answer: &mut dyn FnMut(&ViewRequest) -> ViewResponse,
    ) -> Result<ViewResponse, Failure> {
        let decorators = self.service.app.decorators().list(list);
        let returned = decorators.call(None, &Arguments::Request(request), || {
            let answered = guarded(|| answer(request))
                .or_else(|panic| plain_response(Refusal::internal(panic).respond(self.shape, &request.into())));
            answered.map(Returned::Response)
        })?;
        Ok(ViewResponse::try_from(returned)?)
    }

    fn not_ready(&self, route: usize) -> Option<String> {
        let needed = self.service.needed.iter().find(|needed| needed.asker.is_at(route))?;
        match needed.look() {
            Found::Fits => None,
            Found::Nothing => Some(no_model(&needed.key)),
            Found::Cold => Some(needed.cold()),
            Found::Differs(misfit) => {
                needed.warn(&misfit);
                Some(needed.say(&misfit))
            }
        }
    }

    fn predicted(&self, predicted: &Predicted) {
        self.service.observers.all().iter().for_each(|observer| observer.predicted(predicted));
    }

    fn model_persister(&self) -> Option<Arc<dyn Persister>> {
        self.service.list.persister.clone()
    }

    fn persisters(&self) -> Vec<(KeyPath, Arc<dyn Persister>)> {
        let placed = self.service.app.all::<dyn Persister>().into_iter();
        placed.map(|placed| (placed.key, placed.component)).collect()
    }

    fn jobs(&self) -> JobCounts {
        self.service.jobs.counts()
    }

    fn view(&self, name: &str, request: &ViewRequest) -> Result<ViewResponse, Failure> {
        let Some(view) = ServerView::find(name) else {
            let near = nearest(name, ServerView::ALL.iter().map(|view| view.name()));
            let help = near
                .map_or_else(|| "they are listed with the routes".to_owned(), |near| format!("did you mean `{near}`?"));
            return Err(Failure::with_help(format!("the server has no view `{name}`"), help));
        };
        let decorators = decorators(&self.service.app, view.decorator_list_name());
        let returned = decorators.call(None, &Arguments::Request(request), || {
            let asked = Asked { request, rule: self.rule, decorators: &decorators };
            let answered = view.answer(self.service, &asked);
            let response = answered.unwrap_or_else(|refusal| refusal.respond(Shape::Flat, &request.into()));
            plain_response(response).map(Returned::Response)
        })?;
        Ok(ViewResponse::try_from(returned)?)
    }

    fn unmet(&self, name: &str) -> Option<String> {
        match ServerView::find(name) {
            Some(view) => view.unmet(self.service),
            None => Some(format!("the server has no view `{name}`")),
        }
    }
}

/// Returns the document by which a view of an application describes the whole service; nothing where none does. The
/// service need not be started, nor its models loaded; it is described as it runs at the addresses of the configuration.
///
/// # Errors
/// Routes that cannot be, a document that cannot be written.
pub fn document(app: &Arc<App>) -> Result<Option<String>, DocumentError> {
    let mut routes = Routes::checked(app)?;
    let addresses: io::Result<Vec<_>> = routes.settings.fixed.listen.iter().map(Listen::resolve).collect();
    // A name that cannot be looked up leaves open who reaches the service.
    if let Ok(addresses) = addresses {
        let is_local = addresses.iter().all(|addresses| is_local(addresses));
        routes.detail.get_or_init(|| if is_local { ErrorDetail::Full } else { ErrorDetail::Codes });
    }
    let (in_use, _unused) = oneshot::channel();
    let (jobs, (_, stops)) = (Jobs::new(routes.settings.keep_jobs), watch::channel(false));
    let shared = Shared { jobs, is_draining: Arc::default(), stops, latest: Arc::default(), _in_use: in_use };
    let service = Arc::new(Service::of(app, Sources::default(), &mut routes, shared));
    let views = app.all::<dyn View>();
    let documents = views.iter().find_map(|placed| {
        let rules = placed.component.rules();
        let rule = rules.first().map_or("", |rule| rule.path.as_str());
        placed.component.document(&Handle { service: &service, rule, shape: Shape::Flat })
    });
    Ok(documents.transpose()?)
}

/// Why there is no document about a service.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    /// Routes that cannot be.
    #[error(transparent)]
    Config(#[from] Diagnostics),
    /// It cannot be written.
    #[error(transparent)]
    Failed(#[from] Failure),
}
