//! Views: what the service answers at a route beside predictions.

use std::sync::Arc;

use palladium_value::{Callable, KeyPath, Span};

use crate::{Failure, Lifecycle, Observer, Persister, ViewRequest, ViewResponse};

/// Adds a route to the service.
///
/// A view says where it answers and to which methods, and what answers: one of the server's own views by name, a
/// function of the configuration, or the component itself.
pub trait View: Lifecycle {
    /// Returns the path, beginning with `/`. A segment `<name>` stands for any text, which the request then has as a
    /// part of that name.
    fn rule(&self) -> &str;

    /// Returns the methods in capitals; HEAD comes with GET, and OPTIONS always.
    fn methods(&self) -> &[String];

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

    /// Answers a request where [`View::function`] says that the component does so itself. It may block.
    ///
    /// # Errors
    /// Whatever keeps it from answering: the caller reads that there was an error, the log which one.
    fn answer(&self, request: &ViewRequest, service: &dyn ServiceHandle) -> Result<ViewResponse, Failure> {
        let _ = (request, service);
        Err(Failure::message("this view does not answer itself"))
    }

    /// Tells whether a request that the component answers itself may change something. A service that other machines
    /// reach does not start with such a view unless a decorator asks who makes its requests.
    fn changes(&self) -> bool {
        false
    }

    /// Returns what is told about the requests of a service that has these rules, if the view wants to know: each
    /// service asks once, before it answers any request.
    fn observer(&self, rules: &[&str]) -> Option<Arc<dyn Observer>> {
        let _ = rules;
        None
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
