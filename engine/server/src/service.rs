//! What the views of the server work with.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use palladium_component::interfaces::{
    Arguments, Failure, JobCounts, Origin, Persister, Returned, ServiceHandle, ViewRequest, ViewResponse,
};
use palladium_component::value::{KeyPath, nearest};
use palladium_runtime::App;
use palladium_runtime::lineage::Sources;
use tokio::sync::oneshot;

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
    /// What was started and need not be waited for; it outlives a reload.
    pub jobs: Arc<Jobs>,
    /// The state.
    pub alive: Arc<Alive>,
    /// The models of the root key `model_persister`.
    pub list: Arc<ModelList>,
    /// The models that predict services need.
    pub needed: Vec<Needed>,
    /// Whether the process is about to stop.
    pub is_draining: Arc<AtomicBool>,
    /// Tells by its end that no request and no job needs the application any more.
    pub _in_use: oneshot::Sender<()>,
}

impl Service {
    /// Tells whether the process is about to stop.
    pub fn is_draining(&self) -> bool {
        self.is_draining.load(Ordering::Relaxed)
    }

    /// Returns the models that predict services need, with their versions, in one text.
    pub fn shown_models(&self) -> String {
        let mut shown: Vec<String> = self.needed.iter().map(Needed::shown).collect();
        shown.dedup();
        shown.join(", ")
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
