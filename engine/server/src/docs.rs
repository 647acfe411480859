//! What the operations of every route take and answer, for those who publish it: predictions in `docs/predictions.rs`,
//! the views of the server in `docs/views.rs`. What holds for all views of a sort is added here.

mod predictions;
mod views;

use actix_web::http::Method;
use palladium_component::interfaces::{Operation, OperationParameter, OperationResponse, ParameterPlace, ViewRule};
use serde_json::json;

use crate::routes::{Endpoint, Route};
use crate::rule::Rule;
use crate::service::Service;
use crate::views::{Answers, ServerView, ViewRoute};

/// Returns what the methods of a route take and answer, without HEAD and OPTIONS.
pub fn operations(route: &Route, service: &Service) -> Vec<Operation> {
    match &route.endpoint {
        Endpoint::Predict(predict) => predictions::operations(predict),
        Endpoint::View(view) => {
            let mut operations = of_view(route, view, service);
            operations.iter_mut().for_each(|operation| complete(operation, view));
            operations
        }
    }
}

fn of_view(route: &Route, view: &ViewRoute, service: &Service) -> Vec<Operation> {
    let methods = || route.methods.names().filter(|method| !["HEAD", "OPTIONS"].contains(method));
    let unknown = |by: &str| methods().map(|method| unknown(method, by)).collect();
    match &view.answers {
        Answers::Server(answers) => {
            let parts = parts(&view.rule);
            methods().map(|method| views::operation(*answers, method, &parts, service)).collect()
        }
        Answers::Function(_) => unknown("Answered by a function of the configuration"),
        Answers::Own(own) => {
            let methods = methods().map(str::to_owned).collect();
            let rule = ViewRule { path: view.rule.clone(), methods, changes: view.changes, decorates: view.decorates };
            match own.operations(&rule) {
                operations if operations.is_empty() => unknown("Answered by a component"),
                operations => operations,
            }
        }
    }
}

/// Returns the operation of a view that does not describe itself: whatever status it has, it may be the view's own.
fn unknown(method: &str, summary: &str) -> Operation {
    let mut operation = Operation {
        method: method.to_owned(),
        summary: summary.to_owned(),
        group: "Other".to_owned(),
        ..Operation::default()
    };
    operation.add(OperationResponse::unknown("What the view answers, or an error of the service."));
    operation
}

/// Adds what the server itself takes and answers around a view.
fn complete(operation: &mut Operation, view: &ViewRoute) {
    let parts = parts(&view.rule);
    for part in &parts {
        let is_known = |known: &OperationParameter| known.place == ParameterPlace::Path && known.name == *part;
        if !operation.parameters.iter().any(is_known) {
            operation.parameters.push(part_of_path(part));
        }
    }
    if operation.responses.iter().any(|response| response.status.is_none()) {
        return;
    }
    if !parts.is_empty() {
        operation.add(OperationResponse::refusal(404, "There is nothing at this path."));
    }
    if is_at_once(view) {
        return;
    }
    operation.add(OperationResponse::refusal(400, "The request cannot be read."));
    operation.add(OperationResponse::refusal(500, "An internal error occurred."));
    if operation.method != Method::GET.as_str() {
        body_refusals().for_each(|response| operation.add(response));
    }
}

/// Tells whether a view answers without looking at the request.
fn is_at_once(view: &ViewRoute) -> bool {
    matches!(view.answers, Answers::Server(ServerView::Alive | ServerView::Live)) && view.decorators.is_empty()
}

/// Returns the answers to a body that takes too long or is too large.
fn body_refusals() -> impl Iterator<Item = OperationResponse> {
    let cases = [(408, "The body took too long."), (413, "The body is too large.")];
    cases.into_iter().map(|(status, description)| OperationResponse::refusal(status, description))
}

/// Returns the names of the parts of a rule.
fn parts(rule: &str) -> Vec<String> {
    Rule::parse(rule).map(|rule| rule.names().map(str::to_owned).collect()).unwrap_or_default()
}

fn part_of_path(name: &str) -> OperationParameter {
    OperationParameter {
        name: name.to_owned(),
        place: ParameterPlace::Path,
        is_required: true,
        description: String::new(),
        schema: json!({"type": "string", "minLength": 1}),
        example: None,
    }
}
