//! What the page reads: the service, its models, jobs and requests.

use std::sync::Arc;

use palladium_component::prelude::*;
use palladium_component::value::with_causes;
use serde_json::{Value as Json, json};
use tracing::field::display;

use crate::actions::{ACTIVATE, FIT, JOBS, REFRESH};
use crate::answer::{guarded, refused, shown};
use crate::given::{Given, Known};
use crate::models;
use crate::traffic::{Traffic, WINDOWS};

/// A model with more classes is none whose probabilities somebody reads.
const CLASSES: usize = 100;

/// Returns what does not change while the service runs, beside the classes of its models.
pub fn service(service: &dyn ServiceHandle) -> ViewResponse {
    let all = service.persisters();
    let routes = service.routes();
    let served = service.predict_services();
    let services: Vec<Json> = served
        .iter()
        .map(|served| {
            let persister = all.iter().find(|(_, persister)| Arc::ptr_eq(persister, &served.persister));
            let signature = served.service.signature();
            let sample = signature.as_ref().map(|known| served.service.sample().unwrap_or_else(|| known.example()));
            json!({
                "key": served.key.to_string(),
                "path": routes.get(served.route).map(|route| route.path.as_str()),
                "persister": persister.map(|(key, _)| key.to_string()),
                "signature": signature.as_ref().map(described),
                "sample": sample,
                "classes": classes(served.persister.as_ref()),
            })
        })
        .collect();
    let minutes: Vec<u64> = WINDOWS.iter().map(|(minutes, _)| *minutes).collect();
    shown(
        200,
        &json!({
            "version": env!("CARGO_PKG_VERSION"),
            "services": services,
            "minutes": minutes,
            "unmet": {
                "activate": service.unmet(ACTIVATE),
                "fit": service.unmet(FIT),
                "refresh": service.unmet(REFRESH),
            },
        }),
    )
}

fn described(signature: &Signature) -> Json {
    json!({
        "fields": signature.fields,
        "parameters": signature.parameters,
        "probabilities": signature.probabilities,
    })
}

/// Returns the labels of the model in memory, in the order of the probabilities.
fn classes(persister: &dyn Persister) -> Option<Vec<Json>> {
    let model = persister.in_memory()?;
    let classes = model.model.output()?.classes().filter(|classes| classes.len() <= CLASSES)?;
    Some((0..classes.len()).filter_map(|code| classes.get(code)).map(|label| json!(label)).collect())
}

/// Returns the stores with their models.
pub fn list(request: &ViewRequest, service: &dyn ServiceHandle) -> ViewResponse {
    shown(200, &models::shown(service, request))
}

/// Returns what is known about the version that the query names.
///
/// # Errors
/// The refusal of a query that is wrong.
pub fn model(
    request: &ViewRequest,
    service: &dyn ServiceHandle,
    decorators: &[Option<DecoratorDocs>],
) -> Result<ViewResponse, ViewResponse> {
    let given = Given::of_query(request, Known { names: &["store", "version"], decorators })?;
    let version = given.version("version", "a whole number from 1 on")?;
    let version = version.ok_or_else(|| refused(400, "`version`, a whole number from 1 on, is missing"))?;
    let wanted = given.text("store", "the key of a store")?.unwrap_or_default();
    let stores = models::stores(service);
    let Some((key, persister)) = stores.iter().find(|(key, _)| key.to_string() == wanted) else {
        return Err(refused(404, "there is no such `store`"));
    };
    Ok(match models::detail(persister.as_ref(), version) {
        Ok(Some(detail)) => shown(200, &detail),
        Ok(None) => refused(404, format!("there is no version {version}")),
        Err(error) => {
            let (logged, request_id) = (with_causes(&error), &request.request_id);
            let trace_id = request.trace_id().map(display);
            tracing::error!(target: "palladium::console", request_id, trace_id, "`{key}` cannot be listed: {logged}");
            refused(503, format!("the store does not answer, request id {request_id}"))
        }
    })
}

/// Returns all jobs, through the decorators of the server's own view.
///
/// # Errors
/// A decorator's.
pub fn jobs(request: &ViewRequest, service: &dyn ServiceHandle) -> Result<ViewResponse, Failure> {
    let asked = ViewRequest { query: Pairs::default(), parts: Pairs::default(), ..request.clone() };
    Ok(guarded(service.view(JOBS, &asked)?))
}

/// Returns the requests of the last minutes, and the versions that answer now.
///
/// # Errors
/// The refusal of a query that is wrong.
pub fn traffic(
    request: &ViewRequest,
    service: &dyn ServiceHandle,
    traffic: &Traffic,
    decorators: &[Option<DecoratorDocs>],
) -> Result<ViewResponse, ViewResponse> {
    let given = Given::of_query(request, Known { names: &["minutes", "route"], decorators })?;
    let route = given.text("route", "a route")?.filter(|route| !route.is_empty());
    let mut body = traffic.shown(given.count("minutes")?.unwrap_or(0), route);
    body["in_memory"] = models::in_memory(service);
    Ok(shown(200, &body))
}
