//! What the page can change. Each request goes on to the server's own view, so that the decorators of that view see it
//! as well as those of the console.

use palladium_component::prelude::*;
use palladium_component::value::with_causes;
use serde_json::{Value as Json, json};
use tracing::field::display;

use crate::answer::{guarded, refused};
use crate::models;

/// The server's view that activates a version.
pub const ACTIVATE: &str = "palladium.server.activate";
/// The server's view that starts a fit.
pub const FIT: &str = "palladium.server.fit";
/// The server's view of jobs.
pub const JOBS: &str = "palladium.server.jobs";
/// The server's view that looks for a new active model.
pub const REFRESH: &str = "palladium.server.update_model_cache";

/// Activates a version, if what was active when the user decided still is.
///
/// # Errors
/// A decorator's.
pub fn activate(request: &ViewRequest, service: &dyn ServiceHandle) -> Result<ViewResponse, Failure> {
    let body = match body(request) {
        Ok(body) => body,
        Err(refusal) => return Ok(refusal),
    };
    if let (Some(believed), Some(persister)) = (body.get("active"), service.model_persister()) {
        match models::active(persister.as_ref()) {
            Ok(active) if json!(active) == *believed => {}
            Ok(Some(active)) => return Ok(refused(409, format!("version {active} has become active meanwhile"))),
            Ok(None) => return Ok(refused(409, "meanwhile no version is active any more")),
            Err(error) => {
                let (logged, request_id) = (with_causes(&error), &request.request_id);
                let trace_id = request.trace_id().map(display);
                tracing::error!(target: "palladium::console", request_id, trace_id, "the store cannot be asked: {logged}");
                return Ok(refused(503, format!("the store does not answer, request id {request_id}")));
            }
        }
    }
    pass_on(ACTIVATE, request, service, json!({"model_version": body.get("version")}).to_string().into_bytes())
}

/// Starts a fit with the options that the page sends.
///
/// # Errors
/// A decorator's.
pub fn fit(request: &ViewRequest, service: &dyn ServiceHandle) -> Result<ViewResponse, Failure> {
    pass_on(FIT, request, service, request.body.clone())
}

/// Asks a job to stop.
///
/// # Errors
/// A decorator's.
pub fn cancel(request: &ViewRequest, service: &dyn ServiceHandle) -> Result<ViewResponse, Failure> {
    let body = match body(request) {
        Ok(body) => body,
        Err(refusal) => return Ok(refusal),
    };
    let Some(id) = body.get("id").and_then(Json::as_str) else {
        return Ok(refused(400, "`id`, that of the job to cancel, is missing"));
    };
    let delete = ViewRequest { method: "DELETE".to_owned(), ..request.clone() };
    pass_on(JOBS, &delete, service, json!({"id": id}).to_string().into_bytes())
}

/// Has the model in memory looked for anew.
///
/// # Errors
/// A decorator's.
pub fn refresh(request: &ViewRequest, service: &dyn ServiceHandle) -> Result<ViewResponse, Failure> {
    pass_on(REFRESH, request, service, Vec::new())
}

/// Returns what a request says.
///
/// # Errors
/// The refusal of what is no JSON.
fn body(request: &ViewRequest) -> Result<Json, ViewResponse> {
    serde_json::from_slice(&request.body).map_err(|error| refused(400, format!("the body is no JSON: {error}")))
}

fn pass_on(
    view: &str,
    request: &ViewRequest,
    service: &dyn ServiceHandle,
    body: Vec<u8>,
) -> Result<ViewResponse, Failure> {
    let asked = ViewRequest { query: Pairs::default(), parts: Pairs::default(), body, ..request.clone() };
    Ok(guarded(service.view(view, &asked)?))
}
