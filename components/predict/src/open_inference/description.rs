//! What there is to ask: the server, its models and their versions.

use palladium_component::prelude::*;
use palladium_component::value::with_causes;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tracing::field::display;

use super::datatype::Datatype;
use super::object::Object;
use super::problem::{Problem, json};
use super::request::check_encoding;
use super::response::{datatype_of, output_name};
use super::{Offered, OpenInference};
use crate::field::FieldType;

/// The name of the server's view that tells whether requests should come.
const READY: &str = "palladium.server.ready";

/// Returns the name and the version of the server.
pub fn server() -> ViewResponse {
    let extensions = ["binary_tensor_data", "parameters"];
    json(200, &json!({"name": "palladium", "version": env!("CARGO_PKG_VERSION"), "extensions": extensions}))
}

/// Tells that the process works.
pub fn live() -> ViewResponse {
    json(200, &json!({"live": true}))
}

/// Tells whether the service is ready, as its own view of this name does.
///
/// # Errors
/// That view fails.
pub fn ready(request: &ViewRequest, service: &dyn ServiceHandle) -> Result<ViewResponse, Problem> {
    let answer = service.view(READY, request)?;
    if answer.status == 200 {
        return Ok(json(200, &json!({"ready": true})));
    }
    let why: Option<serde_json::Value> = serde_json::from_slice(&answer.body).ok();
    let why = why.as_ref().and_then(|why| why.get("error_message")?.as_str());
    let why = why.unwrap_or("the service is not ready");
    Ok(json(answer.status, &json!({"ready": false, "error": why})))
}

/// A tensor that a model takes or answers.
#[derive(Serialize)]
struct Tensor<'a> {
    name: &'a str,
    datatype: &'static str,
    shape: Vec<i64>,
}

/// The number of samples or classes where it is not known.
const ANY: i64 = -1;

#[derive(Serialize)]
struct Model<'a> {
    name: &'a str,
    versions: Vec<String>,
    platform: String,
    inputs: Vec<Tensor<'a>>,
    outputs: Vec<Tensor<'a>>,
}

/// A model in the list of all.
#[derive(Serialize)]
struct Indexed {
    name: String,
    version: String,
    state: &'static str,
    reason: &'static str,
}

/// What the list of all models may be asked for.
#[derive(Default, Deserialize)]
struct Filter {
    /// Only those that are ready.
    #[serde(default)]
    ready: bool,
}

impl OpenInference {
    /// Describes a model.
    pub(super) fn describe(&self, request: &ViewRequest, service: &dyn ServiceHandle) -> Result<ViewResponse, Problem> {
        let offered = self.find(request, service)?;
        let model = self.model(&offered, offered.version(request)?)?;
        let versions = offered.served.persister.versions().map_err(Problem::unreadable)?;
        let described = Model {
            name: &offered.name,
            versions: versions.iter().map(Version::to_string).collect(),
            platform: platform(&model),
            inputs: offered.signature.fields.iter().map(input).collect(),
            outputs: output(&model, &offered.signature).into_iter().collect(),
        };
        Ok(json(200, &described))
    }

    /// Tells whether a model is ready.
    pub(super) fn model_ready(
        &self,
        request: &ViewRequest,
        service: &dyn ServiceHandle,
    ) -> Result<ViewResponse, Problem> {
        let offered = self.find(request, service)?;
        let name = &offered.name;
        let is_ready = match offered.version(request)? {
            None => has_active(&offered).map_err(Problem::unreadable)?,
            Some(version) => {
                let versions = offered.served.persister.versions().map_err(Problem::unreadable)?;
                if !versions.contains(&version) {
                    return Err(offered.has_no_version(&version.to_string()));
                }
                true
            }
        };
        let why = match is_ready {
            false => Some(format!("no version of `{name}` is active")),
            // What another version than the active one was trained on shows once it is asked.
            true => offered.version(request)?.is_none().then(|| service.not_ready(offered.served.route)).flatten(),
        };
        match why {
            None => Ok(json(200, &json!({"name": name, "ready": true}))),
            Some(why) => Ok(json(503, &json!({"name": name, "ready": false, "error": why}))),
        }
    }

    /// Lists all models with their versions.
    pub(super) fn index(&self, request: &ViewRequest, service: &dyn ServiceHandle) -> Result<ViewResponse, Problem> {
        check_encoding(request)?;
        let Object(filter): Object<Filter> = match request.body.is_empty() {
            true => Object(Filter::default()),
            false => serde_json::from_slice(&request.body)
                .map_err(|error| Problem::bad_request(format!("the body is no filter of models: {error}")))?,
        };
        let mut models = Vec::new();
        for offered in self.offered(service.predict_services()) {
            let listed = offered.served.persister.versions().and_then(|versions| Ok((versions, has_active(&offered)?)));
            let (versions, reason) = match listed {
                Ok((versions, true)) if service.not_ready(offered.served.route).is_some() => {
                    (versions, "the active version cannot predict for the service")
                }
                Ok((versions, true)) => (versions, ""),
                Ok((versions, false)) => (versions, "no version is active"),
                Err(error) => {
                    let (request_id, trace_id) = (&request.request_id, request.trace_id().map(display));
                    let logged = with_causes(&error);
                    tracing::warn!(target: "palladium::server", request_id, trace_id, "models cannot be listed: {logged}");
                    (Vec::new(), "the store cannot be read")
                }
            };
            if filter.ready && !reason.is_empty() {
                continue;
            }
            let state = if reason.is_empty() { "READY" } else { "UNAVAILABLE" };
            let mut versions: Vec<String> = versions.iter().map(Version::to_string).collect();
            if versions.is_empty() {
                versions.push(String::new());
            }
            let indexed = |version| Indexed { name: offered.name.clone(), version, state, reason };
            models.extend(versions.into_iter().map(indexed));
        }
        Ok(json(200, &models))
    }
}

/// Returns the tensor of a field.
fn input(column: &ColumnSpec) -> Tensor<'_> {
    let datatype = Datatype::of(FieldType::of(column.kind));
    Tensor { name: &column.name, datatype: datatype.name(), shape: vec![ANY] }
}

/// Returns the name of the framework with that of what has learned the model.
fn platform(model: &TrainedModel) -> String {
    let name = model.model.format().name;
    format!("palladium_{}", name.rsplit('.').next().unwrap_or(name))
}

/// Returns the tensor that a model answers, if the model can tell.
fn output(model: &TrainedModel, signature: &Signature) -> Option<Tensor<'static>> {
    let name = output_name(signature);
    let (datatype, shape) = match (model.model.output(), signature.probabilities) {
        (Some(ModelOutput::Classes(labels)), true) => {
            (Datatype::Fp64, vec![ANY, i64::try_from(labels.len()).unwrap_or(ANY)])
        }
        (Some(ModelOutput::Number) | None, true) => (Datatype::Fp64, vec![ANY, ANY]),
        (Some(ModelOutput::Classes(labels)), false) => (datatype_of(labels), vec![ANY]),
        (Some(ModelOutput::Number), false) => (Datatype::Fp64, vec![ANY]),
        (None, false) => return None,
    };
    Some(Tensor { name, datatype: datatype.name(), shape })
}

/// Tells whether there is an active model: in memory, or in a store that is read for each request.
fn has_active(offered: &Offered) -> Result<bool, PersistError> {
    let persister = &offered.served.persister;
    if persister.look_in_memory().is_some() {
        return Ok(true);
    }
    match persister.at_hand() {
        Some(read) => Ok(read.is_ok()),
        None if persister.cache().is_some() => Ok(false),
        None => match persister.list_properties()?.get("active-model").and_then(|text| text.parse().ok()) {
            Some(active) => Ok(persister.versions()?.contains(&active)),
            None => Ok(false),
        },
    }
}
