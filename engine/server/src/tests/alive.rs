//! `/alive`.

use std::num::NonZeroUsize;
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};

use palladium_component::interfaces::{Component, KeptData, RefreshError, Refreshes};
use palladium_component::prelude::*;
use palladium_runtime::App;
use serde_json::{Value as Json, json};

use super::support::*;
use crate::ServeOptions;

fn keys(json: &Json) -> Vec<&str> {
    json.as_object().unwrap().keys().map(String::as_str).collect()
}

#[test]
fn shows_five_fields_without_requirements() {
    let running = standard();
    let response = running.get("/alive");
    let json = response.json();
    assert_eq!(response.status, 200);
    let fields = ["memory_usage", "memory_usage_vms", "palladium_version", "service_metadata", "process_metadata"];
    assert_eq!(keys(&json), fields);
    let (resident, virtual_size) = (json["memory_usage"].as_f64().unwrap(), json["memory_usage_vms"].as_f64().unwrap());
    assert!(1.0 < resident && resident < virtual_size, "{resident} {virtual_size}");
    assert_eq!(json["palladium_version"], json!(palladium_runtime::VERSION));
    assert_eq!(json["service_metadata"], json!({}));
    assert_eq!(json["process_metadata"], json!({"jobs": {}}));
}

#[test]
fn shows_required_models_and_since_when_they_are_there() {
    let store = Store::new(Reads::Cached(model(3)));
    let entries = json!({
        "service_metadata": {"service_name": "iris"},
        "alive": {"process_store_required": ["model", "model_persister"]},
    });
    let running = Running::start(app(Puppet::at("/predict"), &store, &entries), options());
    let first = running.get("/alive");
    assert_eq!(first.status, 200);
    let first = first.json();
    assert_eq!(first["service_metadata"], json!({"service_name": "iris"}));
    assert_eq!(first["model"]["metadata"], json!({"version": 3}));
    let updated = |json: &Json| json["model_persister"]["updated"].as_str().unwrap().to_owned();
    let since = chrono::DateTime::parse_from_rfc3339(&updated(&first)).unwrap();
    assert!(since <= chrono::Utc::now() && updated(&first).ends_with('Z'));
    assert_eq!(updated(&running.get("/alive").json()), updated(&first), "the time is that of the model");

    *store.reads.lock().unwrap() = Reads::Cached(model(4));
    let second = running.get("/alive").json();
    assert_ne!(updated(&second), updated(&first));
    assert_eq!(second["model_persister"]["metadata"], json!({"version": 4}));

    *store.reads.lock().unwrap() = Reads::Empty;
    let third = running.get("/alive");
    assert_eq!((third.status, &third.json()["model"]), (503, &json!("N/A")));
}

#[test]
fn what_is_neither_in_memory_nor_active_in_a_store_is_not_there() {
    let entries = json!({"alive": {"process_store_required": ["model", "data"]}});
    for reads in [Reads::Empty, Reads::Unreachable] {
        let running = Running::start(app(Puppet::at("/predict"), &Store::new(reads), &entries), options());
        let response = running.get("/alive");
        let json = response.json();
        assert_eq!((response.status, &json["model"], &json["data"]), (503, &json!("N/A"), &json!("N/A")));
        assert_eq!(json["process_metadata"], json!({"jobs": {}}), "the body is complete");
    }
}

#[test]
fn shows_the_active_version_of_a_store_that_is_read_for_each_request() {
    let store = Store::new(Reads::Stored(model(3)));
    let entries = json!({"alive": {"process_store_required": ["model_persister"]}});
    let running = Running::start(app(Puppet::at("/predict"), &store, &entries), options());
    let entry = || {
        let response = running.get("/alive");
        assert_eq!(response.status, 200);
        response.json()["model_persister"].clone()
    };
    let first = entry();
    assert_eq!((keys(&first), &first["metadata"]), (vec!["updated", "metadata"], &json!({"version": 3})));
    assert!(first["updated"].as_str().unwrap().ends_with('Z'));
    assert_eq!(entry(), first, "the time is that since when the version is active");

    *store.reads.lock().unwrap() = Reads::Stored(model(4));
    let second = entry();
    assert_eq!(second["metadata"], json!({"version": 4}));
    assert_ne!(second["updated"], first["updated"]);
    // What cannot be listed at the moment is active all the same.
    for reads in [Reads::Panics, Reads::Fails] {
        *store.reads.lock().unwrap() = reads;
        assert_eq!(entry()["metadata"], json!({"version": 1}));
    }
    assert_eq!(running.get("/ready").status, 503, "to be ready takes a model that can be read");
}

#[test]
fn a_store_that_is_asked_keeps_no_worker_from_its_work() {
    let store = Store::new(Reads::Stored(model(1)));
    let entries = json!({"alive": {"process_store_required": ["model"]}});
    let options = ServeOptions { workers: NonZeroUsize::new(1), ..options() };
    let running = Running::start(app(Puppet::at("/predict"), &store, &entries), options);
    let ((begins, has_begun), (go_on, goes_on)) = (channel(), channel());
    *store.pause.lock().unwrap() = Some((begins, goes_on));
    std::thread::scope(|scope| {
        // What is asked of the view is not looked at.
        let asked = scope.spawn(|| running.get("/alive?%ff").status);
        has_begun.recv().unwrap();
        assert_eq!(running.get("/live").status, 200);
        go_on.send(()).unwrap();
        assert_eq!(asked.join().unwrap(), 200);
    });
}

#[test]
fn shows_what_came_of_looking_for_a_new_model() {
    let store = Store::new(Reads::Cached(model(3)));
    let entries = json!({"alive": {"process_store_required": ["model_persister"]}});
    let running = Running::start(app(Puppet::at("/predict"), &store, &entries), options());
    let entry = || running.get("/alive").json()["model_persister"].clone();
    assert_eq!(keys(&entry()), ["updated", "metadata"]);

    let time = |second: u32| Some(format!("2026-11-23T12:00:{second:02}.000000Z"));
    let good = Refreshes { loaded: time(1), last: time(2), ..Refreshes::default() };
    *store.refreshes.lock().unwrap() = Some(good.clone());
    let expected = json!({"updated": time(1), "metadata": {"version": 3}, "refresh": {"last": time(2)}});
    assert_eq!(entry(), expected);

    let error = Some(RefreshError::Other);
    *store.refreshes.lock().unwrap() = Some(Refreshes { error, failing_since: time(3), last: time(4), ..good });
    let failing = json!({"last": time(4), "error": "no new model could be loaded", "failing_since": time(3)});
    assert_eq!(entry(), json!({"updated": time(1), "metadata": {"version": 3}, "refresh": failing}));
    assert_eq!(running.get("/alive").status, 200, "the service can do its work");

    *store.refreshes.lock().unwrap() = Some(Refreshes::default());
    assert_eq!(keys(&entry()), ["updated", "metadata"]);
}

#[test]
fn tells_why_a_model_is_not_there() {
    let store = Store::new(Reads::Empty);
    let entries = json!({"alive": {"process_store_required": ["model", "data"]}});
    let running = Running::start(app(Puppet::at("/predict"), &store, &entries), options());
    let time = |second: u32| Some(format!("2026-11-23T12:00:{second:02}.000000Z"));
    let cases = [
        (RefreshError::NoneActive, "no version is active"),
        (RefreshError::NotStored, "the active version is not stored"),
        (RefreshError::Unreadable, "the active version cannot be read"),
        (RefreshError::Unreachable, "the store cannot be reached"),
        (RefreshError::BrokenOff, "the look for a new model was broken off"),
        (RefreshError::Other, "no new model could be loaded"),
    ];
    for (error, told) in cases {
        let refreshes = Refreshes { error: Some(error), failing_since: time(3), last: time(4), ..Refreshes::default() };
        *store.refreshes.lock().unwrap() = Some(refreshes);
        let response = running.get("/alive");
        let json = response.json();
        assert_eq!((response.status, &json["model"], &json["data"]), (503, &json!("N/A"), &json!("N/A")));
        let refresh = json!({"model": {"last": time(4), "error": told, "failing_since": time(3)}});
        assert_eq!(json["process_metadata"], json!({"jobs": {}, "refresh": refresh}));
    }
    // A model that is there has it beside its metadata.
    *store.reads.lock().unwrap() = Reads::Cached(model(3));
    let json = running.get("/alive").json();
    assert_eq!(json["model"]["refresh"]["failing_since"], json!(time(3)));
    assert_eq!(json["process_metadata"], json!({"jobs": {}}));
}

/// Keeps data of one name in memory.
struct Keeps {
    key: &'static str,
    refreshes: Mutex<Refreshes>,
}

impl Lifecycle for Keeps {}

impl DatasetLoader for Keeps {
    fn load(&self) -> Result<Dataset, Failure> {
        Err(Failure::message("nobody loads these data"))
    }

    fn kept(&self) -> Option<KeptData> {
        Some(KeptData { key: self.key.to_owned(), refreshes: self.refreshes.lock().unwrap().clone() })
    }
}

#[test]
fn shows_required_data_and_what_came_of_loading_them_anew() {
    let keeps = |key| Arc::new(Keeps { key, refreshes: Mutex::default() });
    let (data, other) = (keeps("data"), keeps("other"));
    let loader = |keeps: &Arc<Keeps>| Component::DatasetLoader(Arc::clone(keeps) as Arc<dyn DatasetLoader>);
    let components = vec![
        ("model_persister", Component::Persister(Store::new(Reads::Cached(model(1))))),
        ("predict_service", Component::PredictService(Arc::new(Puppet::at("/predict")))),
        ("train", loader(&data)),
        ("test", loader(&other)),
    ];
    let alive = value(&json!({"process_store_required": ["data"]}));
    let running = Running::start(App::of_components(components, vec![("alive", alive)]), options());
    let response = running.get("/alive");
    assert_eq!((response.status, &response.json()["data"]), (503, &json!("N/A")));

    let time = |second: u32| Some(format!("2026-11-23T12:00:{second:02}.000000Z"));
    let good = Refreshes { loaded: time(1), last: time(2), ..Refreshes::default() };
    *data.refreshes.lock().unwrap() = good.clone();
    let response = running.get("/alive");
    let expected = json!({"updated": time(1), "refresh": {"last": time(2)}});
    assert_eq!((response.status, &response.json()["data"]), (200, &expected));

    let error = Some(RefreshError::NoData);
    *data.refreshes.lock().unwrap() = Refreshes { error, failing_since: time(3), last: time(4), ..good };
    let refresh = json!({"last": time(4), "error": "the data cannot be loaded", "failing_since": time(3)});
    let response = running.get("/alive");
    assert_eq!((response.status, &response.json()["data"]["refresh"]), (200, &refresh), "the old data are there");
}
