//! What the stores of a service hold.

use std::sync::Arc;

use palladium_component::prelude::*;
use palladium_component::value::with_causes;
use serde_json::{Map as JsonMap, Value as Json, json};
use tracing::field::display;

/// How many models of a store are shown, the newest ones.
const MODELS: usize = 200;

/// How many activations of a store are shown, the last ones.
const ACTIVATIONS: usize = 50;

type Placed = (KeyPath, Arc<dyn Persister>);

/// Returns the stores of a service. One that is inside of another, such as that of a cache, has the same models.
pub fn stores(service: &dyn ServiceHandle) -> Vec<Placed> {
    let all = service.persisters();
    let is_inside = |key: &KeyPath, other: &KeyPath| {
        key.segments().len() > other.segments().len() && other.segments().zip(key.segments()).all(|(a, b)| a == b)
    };
    let is_outermost = |key: &KeyPath| !all.iter().any(|(other, _)| is_inside(key, other));
    all.iter().filter(|(key, _)| is_outermost(key)).cloned().collect()
}

/// Returns the version that is active in a store.
///
/// # Errors
/// The store's.
pub fn active(persister: &dyn Persister) -> Result<Option<Version>, PersistError> {
    Ok(persister.list_properties()?.get("active-model").and_then(|text| text.parse().ok()))
}

/// Returns the version in memory by the key of the store, for those that keep a model there.
pub fn in_memory(service: &dyn ServiceHandle) -> Json {
    let version = |persister: &Arc<dyn Persister>| persister.in_memory().and_then(|model| model.metadata.version());
    Json::Object(stores(service).iter().map(|(key, store)| (key.to_string(), json!(version(store)))).collect())
}

/// Returns all stores with their models, and what was active in them.
pub fn shown(service: &dyn ServiceHandle, request: &ViewRequest) -> Json {
    let root = service.model_persister();
    let shown = |(key, persister): &Placed| {
        let mut store = json!({
            "key": key.to_string(),
            "is_changeable": root.as_ref().is_some_and(|root| Arc::ptr_eq(root, persister)),
            "is_cached": persister.cache().is_some(),
            "in_memory": persister.in_memory().and_then(|model| model.metadata.version()),
            "refresh": persister.refreshes().map(|refreshes| refresh(&refreshes)),
        });
        match listed(persister.as_ref()) {
            Ok(listed) => listed.into_iter().for_each(|(name, value)| store[name] = value),
            Err(error) => {
                let (logged, request_id) = (with_causes(&error), &request.request_id);
                let trace_id = request.trace_id().map(display);
                tracing::error!(target: "palladium::console", request_id, trace_id, "`{key}` cannot be listed: {logged}");
                store["error"] = json!(format!("the store does not answer, request id {request_id}"));
            }
        }
        store
    };
    json!({"stores": stores(service).iter().map(shown).collect::<Vec<_>>()})
}

/// Returns what came of looking for a new model. Why a look failed may tell of servers and users, and is in the log.
fn refresh(refreshes: &Refreshes) -> Json {
    json!({
        "loaded": refreshes.loaded,
        "last": refreshes.last,
        "failing_since": refreshes.failing_since,
        "failures": refreshes.failures,
    })
}

fn listed(persister: &dyn Persister) -> Result<Vec<(&'static str, Json)>, PersistError> {
    let models = persister.list_models()?;
    let active = active(persister)?;
    let sizes = persister.list_sizes()?;
    let history = if_kept("the history", persister.history());
    let previous = history.as_deref().and_then(|history| Activation::previous(history, active, &models));
    let size = |metadata: &Metadata| metadata.version().and_then(|version| sizes.get(&version));
    let newest = models.iter().rev().take(MODELS);
    let newest: Vec<Json> = newest.map(|metadata| model(metadata, size(metadata).copied())).collect();
    let last = history.map(|history| history.into_iter().rev().take(ACTIVATIONS).collect::<Vec<_>>());
    Ok(vec![
        ("active", json!(active)),
        ("previous", json!(previous)),
        ("n_models", json!(models.len())),
        ("models", json!(newest)),
        ("history", json!(last)),
    ])
}

/// Returns what is shown of a model in a list.
fn model(metadata: &Metadata, size: Option<u64>) -> Json {
    let lineage = metadata.get(Metadata::LINEAGE);
    let of_lineage = |pointer: &str| lineage.and_then(|lineage| lineage.pointer(pointer)).cloned();
    let is_score = |(name, value): &(&str, &Json)| name.starts_with("score") && value.is_number();
    let scores: JsonMap<String, Json> =
        metadata.entries().filter(is_score).map(|(name, value)| (name.to_owned(), value.clone())).collect();
    json!({
        "version": metadata.version(),
        "created": metadata.get("train_timestamp").and_then(Json::as_str),
        "scores": scores,
        "size": size,
        "fit_seconds": of_lineage("/seconds/fit"),
        "rows": of_lineage("/data/dataset_loader_train/rows"),
    })
}

/// Returns everything that is known about a version, with the names of the files that belong to it; nothing where there
/// is no such version.
///
/// # Errors
/// The store's.
pub fn detail(persister: &dyn Persister, version: Version) -> Result<Option<Json>, PersistError> {
    let models = persister.list_models()?;
    let Some(metadata) = models.iter().find(|metadata| metadata.version() == Some(version)) else { return Ok(None) };
    let attachments = if_kept("the files of a version", persister.attachments(version));
    Ok(Some(json!({"version": version, "metadata": metadata.without_files(), "attachments": attachments})))
}

/// Returns what some stores do not keep, as only the error of those tells.
fn if_kept<T>(what: &str, asked: Result<T, PersistError>) -> Option<T> {
    let log = |error: &PersistError| {
        tracing::debug!(target: "palladium::console", "{what} cannot be shown: {}", with_causes(error));
    };
    asked.inspect_err(log).ok()
}
