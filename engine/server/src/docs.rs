//! What the operations of every route take and answer, for those who publish it: predictions in `docs/predictions.rs`,
//! the views of the server in `docs/views.rs`. What holds for all views of a sort is added here.

mod predictions;
mod views;

use std::sync::Arc;

use actix_web::http::Method;
use palladium_component::interfaces::{
    DecoratorDocs, DecoratorList, Operation, OperationParameter, OperationResponse, ParameterPlace, ViewRule,
};
use serde_json::{Value as Json, json};

use self::views::CLOSED;
use crate::routes::{Endpoint, Route};
use crate::rule::Rule;
use crate::service::{Handle, Service};
use crate::views::{Answers, ServerView, ViewRoute, decorators};

/// Returns what the methods of a route take and answer, without HEAD and OPTIONS.
pub fn operations(route: &Route, service: &Arc<Service>) -> Vec<Operation> {
    match &route.endpoint {
        Endpoint::Predict(predict) => predictions::operations(predict, service.max_rows),
        Endpoint::View(view) => {
            let mut operations = of_view(route, view, service);
            operations.iter_mut().for_each(|operation| {
                let kept_out = kept_out(route, &operation.method, service);
                complete(operation, view, kept_out);
            });
            operations
        }
    }
}

/// Returns what a view of the server takes and answers where another view has it answer, with what its decorators do.
pub fn of_server_view(view: ServerView, method: &str, service: &Service) -> Operation {
    let decorators = decorators(&service.app, view.decorator_list_name());
    let operation = server_operation(view, method, &[], &decorators, service);
    Operation { decorators: decorators.docs().collect(), ..operation }
}

/// Returns whom the server keeps out of a method of a view, in words.
fn kept_out(route: &Route, method: &str, service: &Service) -> Option<&'static str> {
    let changes = Method::from_bytes(method.as_bytes()).is_ok_and(|method| route.changes_by(&method));
    match route.is_open() {
        true if service.allows_unauthenticated_admin => None,
        true => Some("Another host was asked than this machine, or a page of another site asks."),
        false => changes.then_some("A page of another site asks."),
    }
}

fn of_view(route: &Route, view: &ViewRoute, service: &Arc<Service>) -> Vec<Operation> {
    let methods = || route.methods.names().filter(|method| !["HEAD", "OPTIONS"].contains(method));
    let unknown = |by: &str| methods().map(|method| unknown(method, by)).collect();
    match &view.answers {
        Answers::Server(answers) => {
            let parts = parts(&view.rule);
            methods().map(|method| server_operation(*answers, method, &parts, &view.decorators, service)).collect()
        }
        Answers::Function(_) => unknown("Answered by a function of the configuration"),
        Answers::Own(own) => {
            let methods = methods().map(str::to_owned).collect();
            let (path, changes, predicts) = (view.rule.clone(), view.changes, view.predicts);
            let rule = ViewRule { path, methods, changes, predicts, ..ViewRule::default() };
            match own.operations(&rule, &Handle { service, rule: &view.rule, shape: view.shape() }) {
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

/// Returns what a method of a view of the server takes and answers behind decorators.
fn server_operation(
    view: ServerView,
    method: &str,
    parts: &[String],
    decorators: &DecoratorList,
    service: &Service,
) -> Operation {
    let mut operation = views::operation(view, method, parts, service);
    open_bodies(&mut operation, decorators);
    operation
}

/// Lets bodies hold what decorators look for, and anything where one does not say what that is.
fn open_bodies(operation: &mut Operation, decorators: &DecoratorList) {
    let docs: Option<Vec<DecoratorDocs>> = decorators.docs().collect();
    let names = docs.map(|docs| docs.into_iter().flat_map(|docs| docs.parameters).collect::<Vec<String>>());
    for content in operation.body.iter_mut().flat_map(|body| &mut body.content) {
        let Some(schema) = content.schema.as_object_mut().filter(|schema| schema.contains_key(CLOSED)) else {
            continue;
        };
        match (&names, schema.get_mut("properties").and_then(Json::as_object_mut)) {
            (Some(names), Some(properties)) => {
                for name in names {
                    properties.entry(name.as_str()).or_insert_with(|| json!({}));
                }
            }
            _ => drop(schema.remove(CLOSED)),
        }
    }
}

/// Adds what the server itself takes and answers around a view, with whom it keeps out.
fn complete(operation: &mut Operation, view: &ViewRoute, kept_out: Option<&str>) {
    let parts: Vec<String> = parts(&view.rule);
    for part in parts.iter().filter(|part| !operation.parts.iter().any(|(name, _)| name == *part)) {
        let is_known = |known: &OperationParameter| known.place == ParameterPlace::Path && known.name == *part;
        if !operation.parameters.iter().any(is_known) {
            operation.parameters.push(part_of_path(part));
        }
    }
    if operation.responses.iter().any(|response| response.status.is_none()) {
        return;
    }
    let content = match &view.answers {
        Answers::Own(own) => own.refusal_content(),
        Answers::Server(_) | Answers::Function(_) => None,
    };
    let said = |response: OperationResponse| match &content {
        Some(content) => OperationResponse { content: vec![content.clone()], ..response },
        None => response,
    };
    if parts.len() > operation.parts.len() {
        operation.add(said(OperationResponse::refusal(404, "There is nothing at this path.")));
    }
    if let Some(description) = kept_out {
        operation.add(said(OperationResponse::refusal(403, description)));
    }
    if is_at_once(view) {
        return;
    }
    operation.add(said(OperationResponse::refusal(400, "The request cannot be read.")));
    operation.add(said(OperationResponse::refusal(500, "An internal error occurred.")));
    if operation.method != Method::GET.as_str() {
        body_refusals().for_each(|response| operation.add(said(response)));
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

#[cfg(test)]
mod tests {
    use palladium_component::interfaces::{Decorator, OperationBody, OperationContent};

    use super::*;
    use crate::tests::support::Takes;

    #[test]
    fn bodies_hold_what_decorators_look_for() {
        let closed = || json!({"type": "object", "properties": {"id": {"type": "string"}}, CLOSED: false});
        let mut known = closed();
        known["properties"]["reason"] = json!({});
        let mut open = closed();
        open.as_object_mut().unwrap().remove(CLOSED);
        let parameters = vec!["reason".to_owned(), "id".to_owned()];
        let takes = DecoratorDocs { parameters, ..DecoratorDocs::default() };
        let lists = [
            (vec![], closed()),
            (vec![Some(DecoratorDocs::default())], closed()),
            (vec![Some(takes.clone())], known),
            (vec![Some(takes), None], open),
        ];
        for (docs, expected) in lists {
            let decorators = docs.into_iter().map(|docs| Arc::new(Takes(docs)) as Arc<dyn Decorator>).collect();
            let body = OperationBody { is_required: false, content: vec![OperationContent::json(closed())] };
            let mut operation = Operation { body: Some(body), ..Operation::default() };
            open_bodies(&mut operation, &DecoratorList::new("fit_decorators", decorators));
            assert_eq!(operation.body.unwrap().content[0].schema, expected);
        }
    }
}
