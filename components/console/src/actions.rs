//! What the page can change. Each request goes on to the server's own view, so that the decorators of that view see it
//! as well as those of the console.

use palladium_component::prelude::*;
use palladium_component::value::with_causes;
use serde_json::json;
use tracing::field::display;

use crate::answer::{guarded, refused};
use crate::given::{Given, Known};
use crate::models;

/// What the body of an activation holds.
pub const ACTIVATION: [&str; 2] = ["version", "active"];
/// What the body of a cancellation holds.
pub const CANCELLATION: [&str; 1] = ["id"];

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
pub fn activate(
    request: &ViewRequest,
    service: &dyn ServiceHandle,
    decorators: &[Option<DecoratorDocs>],
) -> Result<ViewResponse, Failure> {
    let (version, believed) = match activation(request, decorators) {
        Ok(activation) => activation,
        Err(refusal) => return Ok(refusal),
    };
    if let (Some(believed), Some(persister)) = (believed, service.model_persister()) {
        match models::active(persister.as_ref()) {
            Ok(active) if active == believed => {}
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
    pass_on(ACTIVATE, request, service, json!({"model_version": version}).to_string().into_bytes())
}

/// Returns the version to activate and, where the request says that, which one was active when the user decided.
///
/// # Errors
/// The refusal of anything else.
fn activation(
    request: &ViewRequest,
    decorators: &[Option<DecoratorDocs>],
) -> Result<(Version, Option<Option<Version>>), ViewResponse> {
    let given = Given::of_body(request, Known { names: &ACTIVATION, decorators })?;
    let version = given.version("version", "the version to activate, a whole number from 1 on")?;
    let version = version.ok_or_else(|| refused(400, "`version`, the one to activate, is missing"))?;
    let believed = given.version("active", "the version that was active, a whole number from 1 on, or null")?;
    Ok((version, given.get("active").map(|_| believed)))
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
pub fn cancel(
    request: &ViewRequest,
    service: &dyn ServiceHandle,
    decorators: &[Option<DecoratorDocs>],
) -> Result<ViewResponse, Failure> {
    let given = Given::of_body(request, Known { names: &CANCELLATION, decorators });
    let id = given.and_then(|given| {
        let id = given.text("id", "text, the id of the job to cancel")?.map(str::to_owned);
        id.ok_or_else(|| refused(400, "`id`, that of the job to cancel, is missing"))
    });
    let id = match id {
        Ok(id) => id,
        Err(refusal) => return Ok(refusal),
    };
    let delete = ViewRequest { method: "DELETE".to_owned(), ..request.clone() };
    pass_on(JOBS, &delete, service, json!({"id": id}).to_string().into_bytes())
}

/// Has the model in memory looked for anew.
///
/// # Errors
/// A decorator's.
pub fn refresh(
    request: &ViewRequest,
    service: &dyn ServiceHandle,
    decorators: &[Option<DecoratorDocs>],
) -> Result<ViewResponse, Failure> {
    match Given::of_body(request, Known { names: &[], decorators }) {
        Ok(_) => pass_on(REFRESH, request, service, Vec::new()),
        Err(refusal) => Ok(refusal),
    }
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
