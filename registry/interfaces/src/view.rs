//! Views: what the service answers at a route beside predictions.

use std::sync::Arc;

use palladium_value::{Callable, KeyPath, Span};

use crate::{
    DecoratorDocs, DecoratorList, ErrorDetail, Failure, Lifecycle, Observer, Operation, OperationContent, Persister,
    PredictService, Predicted, ViewRequest, ViewResponse,
};

/// Adds routes to the service.
///
/// A view says where it answers and to which methods, and what answers: one of the server's own views by name, a
/// function of the configuration, or the component itself.
pub trait View: Lifecycle {
    /// Returns where it answers.
    fn rules(&self) -> Vec<ViewRule>;

    /// Returns the name by which others refer to what answers here, or what this view refers to itself where it has no
    /// function.
    fn endpoint(&self) -> Option<&str> {
        None
    }

    /// Returns the root key of its decorators; nothing stands for those of the view that it names.
    fn decorator_list_name(&self) -> Option<&str> {
        None
    }

    /// Returns what answers; nothing stands for what the endpoint names.
    fn function(&self) -> Option<ViewFunction<'_>> {
        Some(ViewFunction::Own)
    }

    /// Returns what the methods of one of its rules take and answer where the component answers itself, for documents;
    /// nothing where it may answer anything.
    fn operations(&self, rule: &ViewRule, service: &dyn ServiceHandle) -> Vec<Operation> {
        let _ = (rule, service);
        Vec::new()
    }

    /// Returns a document that describes the whole service, if the view publishes one, to have it without a request.
    ///
    /// # Errors
    /// What keeps it from being written.
    fn document(&self, service: &dyn ServiceHandle) -> Option<Result<String, Failure>> {
        let _ = service;
        None
    }

    /// Answers a request where [`View::function`] says that the component does so itself. It may block.
    ///
    /// # Errors
    /// Whatever keeps it from answering: the caller reads that there was an error, the log which one.
    fn answer(&self, request: &ViewRequest, service: &dyn ServiceHandle) -> Result<ViewResponse, Failure> {
        let _ = (request, service);
        Err(Failure::message("this view does not answer itself"))
    }

    /// Returns what the service says where it refuses a request itself, because of its method, its body or an error, or
    /// because its path is no route: nothing stands for the way that other routes say it. The path of a request to the
    /// view is the rule that it came by; the status is that of the refusal, and the service adds its headers.
    fn refusal(&self, path: &str, status: u16, message: &str) -> Option<ViewResponse> {
        let _ = (path, status, message);
        None
    }

    /// Returns what the bodies of [`View::refusal`] hold, for documents; nothing where it says nothing.
    fn refusal_content(&self) -> Option<OperationContent> {
        None
    }

    /// Returns why it cannot be a view of a service with these predict services.
    fn unmet(&self, services: &[ServedPredictions]) -> Option<Failure> {
        let _ = services;
        None
    }

    /// Returns what is told about the requests of a service that has these rules, if the view wants to know: each
    /// service asks once, before it answers any request.
    fn observer(&self, rules: &[&str]) -> Option<Arc<dyn Observer>> {
        let _ = rules;
        None
    }
}

/// Where a view answers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ViewRule {
    /// The path, beginning with `/`. A segment `<name>` stands for any text, which the request then has as a part of
    /// that name.
    pub path: String,
    /// The methods in capitals; HEAD comes with GET, and OPTIONS always.
    pub methods: Vec<String>,
    /// Whether a request that the component answers itself may change something. A service that other machines reach
    /// does not start with such a rule unless a decorator asks who makes its requests.
    pub changes: bool,
    /// Whether the component predicts here for predict services, whose decorators it calls by
    /// [`ServiceHandle::decorated`]: those of the view are not called, it answers OPTIONS too, and what takes longer
    /// than predictions may is given up.
    pub predicts: bool,
    /// The dotted name of the server's own view to which all that a request may change goes on, by
    /// [`ServiceHandle::view`]: whom the decorators of that view keep out of it, they keep out here.
    pub passes_on_to: Option<String>,
}

impl ViewRule {
    /// Returns a rule whose requests change nothing.
    pub fn new(path: impl Into<String>, methods: &[&str]) -> ViewRule {
        let methods = methods.iter().map(|method| (*method).to_owned()).collect();
        ViewRule { path: path.into(), methods, ..ViewRule::default() }
    }
}

/// What answers at the route of a view.
#[derive(Clone, Copy)]
pub enum ViewFunction<'a> {
    /// A view of the server by its dotted name.
    Named {
        /// The name.
        name: &'a str,
        /// Where it is written.
        span: &'a Span,
    },
    /// A function of the configuration: it is called with the request as a map and returns the response as one.
    Function(&'a Arc<dyn Callable>),
    /// The component itself.
    Own,
}

/// What a view can ask of the service that it is a part of.
pub trait ServiceHandle: Send + Sync {
    /// Returns the path of the rule that the request came by.
    fn rule(&self) -> &str;

    /// Returns the predict services in the order of the configuration.
    fn predict_services(&self) -> Vec<ServedPredictions>;

    /// Returns how many samples a request may have.
    fn max_rows(&self) -> usize;

    /// Returns every route in the order of the table, in which observers know them by their positions.
    fn routes(&self) -> Vec<ServedRoute>;

    /// Returns what the methods of a route take and answer, by its position in the table; without what decorators do,
    /// and without HEAD and OPTIONS, which are as everywhere.
    fn operations(&self, route: usize) -> Vec<Operation>;

    /// Returns what one of the server's own views takes and answers where another view has it answer, by
    /// [`ServiceHandle::view`] and this method, with what its decorators do; nothing where there is no such view.
    fn view_operation(&self, name: &str, method: &str) -> Option<Operation>;

    /// Returns what the decorators of a root key take and answer, those of [`ServiceHandle::decorated`], the innermost
    /// first; nothing stands for one that may answer anything.
    fn decorator_docs(&self, list: &str) -> Vec<Option<DecoratorDocs>>;

    /// Answers a request through the decorators of a root key, such as those of a predict service whose predictions a
    /// view offers in another way.
    ///
    /// # Errors
    /// A decorator fails, or answers with what is no response.
    fn decorated(
        &self,
        list: &str,
        request: &ViewRequest,
        answer: &mut dyn FnMut(&ViewRequest) -> ViewResponse,
    ) -> Result<ViewResponse, Failure>;

    /// Returns why a predict service is not ready, by the position of its route, in words for its clients: it has no active
    /// model that can be read, or one that cannot predict for what it makes of requests.
    fn not_ready(&self, route: usize) -> Option<String>;

    /// Tells the observers of the service that a model has predicted.
    fn predicted(&self, predicted: &Predicted);

    /// Returns the persister under the root key `model_persister`.
    fn model_persister(&self) -> Option<Arc<dyn Persister>>;

    /// Returns all model persisters with their keys, in the order of the configuration.
    fn persisters(&self) -> Vec<(KeyPath, Arc<dyn Persister>)>;

    /// Returns how many jobs run and what became of the others.
    fn jobs(&self) -> JobCounts;

    /// Answers a request by one of the server's own views, through the decorators of that view: so a view can start a
    /// fit, look at the jobs or activate a model.
    ///
    /// # Errors
    /// There is no view of that name, or a decorator fails.
    fn view(&self, name: &str, request: &ViewRequest) -> Result<ViewResponse, Failure>;

    /// Returns why one of the server's own views cannot do what it is for in this configuration, which may lack data, a
    /// model or a store; nothing where it can.
    fn unmet(&self, name: &str) -> Option<String>;
}

/// A predict service as a part of the service.
#[derive(Clone)]
pub struct ServedPredictions {
    /// The key of the predict service in the configuration.
    pub key: KeyPath,
    /// The predict service.
    pub service: Arc<dyn PredictService>,
    /// The persister whose active model answers.
    pub persister: Arc<dyn Persister>,
    /// The position of its route in the table.
    pub route: usize,
    /// How much its clients are told about errors.
    pub detail: ErrorDetail,
}

/// A path that the service answers at.
#[derive(Clone)]
pub struct ServedRoute {
    /// The path, or the rule where parts of it stand for any text.
    pub path: String,
    /// The methods in capitals, with HEAD and OPTIONS.
    pub methods: Vec<String>,
    /// What answers.
    pub answer: RouteAnswer,
    /// The decorators around it.
    pub decorators: DecoratorList,
    /// The key of the component that answers or that added the route; nothing stands for the server itself.
    pub key: Option<KeyPath>,
}

/// What answers at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RouteAnswer {
    /// A predict service.
    Predictions,
    /// A view of the server, by its dotted name.
    Server(&'static str),
    /// A function of the configuration, by its name.
    Function(String),
    /// The component that added the route.
    Component,
}

/// The jobs of a service since its start, in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct JobCounts {
    /// Those that run.
    pub running: u64,
    /// Those that did what they were for.
    pub finished: u64,
    /// Those that failed.
    pub failed: u64,
    /// Those that were cancelled.
    pub cancelled: u64,
}
