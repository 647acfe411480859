//! What the views of the server work with.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use palladium_component::interfaces::{
    Arguments, Failure, JobCounts, Origin, Persister, Returned, ServedPredictions, ServedRoute, ServiceHandle,
    ViewRequest, ViewResponse,
};
use palladium_component::value::{KeyPath, nearest};
use palladium_runtime::App;
use palladium_runtime::lineage::Sources;
use tokio::sync::watch;

use crate::alive::Alive;
use crate::answer::Shape;
use crate::decorated::plain_response;
use crate::jobs::Jobs;
use crate::models::ModelList;
use crate::ready::Needed;
use crate::views::{ServerView, decorators};

/// What the views of the server work with.
pub struct Service {
    /// The application.
    pub app: Arc<App>,
    /// The configuration, as models tell it.
    pub sources: Sources,
    /// What was started and need not be waited for.
    pub jobs: Arc<Jobs>,
    /// The state.
    pub alive: Arc<Alive>,
    /// The models of the root key `model_persister`.
    pub list: Arc<ModelList>,
    /// The models that predict services need.
    pub needed: Vec<Needed>,
    /// The routes as views see them.
    pub routes: Vec<ServedRoute>,
    /// The predict services as views see them.
    pub predictions: Vec<ServedPredictions>,
    /// Whether the service is about to stop.
    pub is_draining: AtomicBool,
    /// Tells those who wait for more of a request.
    pub stops: watch::Sender<bool>,
}

impl Service {
    /// Has the service say that it is not ready any more.
    pub fn drain(&self) {
        self.is_draining.store(true, Ordering::Relaxed);
        self.stops.send_replace(true);
    }

    /// Returns what tells when the service is about to stop.
    pub fn stopping(&self) -> watch::Receiver<bool> {
        self.stops.subscribe()
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
}

impl ServiceHandle for Handle<'_> {
    fn rule(&self) -> &str {
        self.rule
    }

    fn predict_services(&self) -> Vec<ServedPredictions> {
        self.service.predictions.clone()
    }

    fn routes(&self) -> Vec<ServedRoute> {
        self.service.routes.clone()
    }

    fn decorated(
        &self,
        list: &str,
        request: &ViewRequest,
        answer: &mut dyn FnMut(&ViewRequest) -> ViewResponse,
    ) -> Result<ViewResponse, Failure> {
        let decorators = self.service.app.decorators().list(list);
        let returned =
            decorators.call(None, &Arguments::Request(request), || Ok(Returned::Response(answer(request))))?;
        Ok(ViewResponse::try_from(returned)?)
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
            let answered = view.answer(self.service, request, self.rule);
            let response = answered.unwrap_or_else(|refusal| refusal.respond(Shape::Flat, &request.request_id));
            plain_response(response).map(Returned::Response)
        })?;
        Ok(ViewResponse::try_from(returned)?)
    }
}
