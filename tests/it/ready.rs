//! When a service says that it should be sent requests.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value as Json;

use crate::process::{iris, repository, succeed};
use crate::serve::{SAMPLE, Service};

/// What balancers and those who watch a service ask.
const PROBES: [&str; 4] = ["/ready", "/alive", "/v2/health/ready", "/v2/models/iris/ready"];

/// Returns what `--config` takes for the iris example with these layers, which are copied beside it, and with the Open
/// Inference Protocol.
fn with_layers(folder: &Path, layers: &[&str]) -> String {
    let mut files = "config.ron".to_owned();
    for layer in [layers, &["service/inference.ron"]].concat() {
        let path = repository().join("configs").join(layer);
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        std::fs::copy(&path, folder.join(&name)).unwrap();
        files = format!("{files},{name}");
    }
    files
}

fn status(service: &Service, path: &str) -> u16 {
    service.get(path).status().as_u16()
}

/// Waits until a probe, and nothing else, has found a model, and returns its first answer that says so.
fn wait_until_ready(service: &Service, probe: &str) -> Json {
    let started = Instant::now();
    loop {
        let response = service.get(probe);
        if response.status() == 200 {
            return response.json().unwrap();
        }
        assert!(started.elapsed() < Duration::from_secs(30), "{probe}: {}", response.text().unwrap());
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_store_that_is_read_for_each_request_makes_a_service_ready_once_a_model_is_active() {
    for store in ["stores/files.ron", "stores/sqlite.ron", "stores/objects.ron"] {
        let folder = Arc::new(iris());
        let files = with_layers(folder.path(), &[store]);
        let service = Service::start_with(Arc::clone(&folder), &["--config", &files]);
        let missing = service.get("/ready").text().unwrap();
        assert!(missing.contains("no model of `model_persister` is loaded"), "{store}: {missing}");
        assert_eq!(PROBES.map(|probe| status(&service, probe)), [503; 4], "{store}");
        let alive: Json = service.get("/alive").json().unwrap();
        assert_eq!(alive["model_persister"], "N/A", "{store}");
        succeed(folder.path(), &["fit", "--evaluate", "--config", &files]);
        assert_eq!(PROBES.map(|probe| status(&service, probe)), [200; 4], "{store}");
        let alive: Json = service.get("/alive").json().unwrap();
        let entry = &alive["model_persister"];
        assert!(entry["updated"].is_string(), "{store}: {alive}");
        assert_eq!((&entry["metadata"]["version"], &entry["metadata"]["score_test"]), (&1.into(), &0.98.into()));
        assert_eq!(entry["metadata"].get("lineage"), None, "{store}: what is shown stays short");
        let said = succeed(folder.path(), &["serve", "--check", "--config", &files]);
        assert!(said.ends_with("\nready\n"), "{store}: {said}");
        assert_eq!(status(&service, SAMPLE), 200, "{store}");
    }
}

#[test]
fn a_service_whose_model_cannot_be_read_for_requests_is_not_ready() {
    let folder = Arc::new(iris());
    let files = with_layers(folder.path(), &["stores/files.ron"]);
    succeed(folder.path(), &["fit", "--config", &files]);
    let service = Service::start_with(Arc::clone(&folder), &["--config", &files]);
    let ready = PROBES.into_iter().filter(|probe| *probe != "/alive");
    let all = |wanted: u16| ready.clone().for_each(|probe| assert_eq!(status(&service, probe), wanted, "{probe}"));
    all(200);
    let model = folder.path().join("iris-1.model");
    let whole = std::fs::read(&model).unwrap();
    std::fs::write(&model, &whole[..whole.len() / 2]).unwrap();
    // Who asks for a prediction finds out.
    assert_eq!(status(&service, SAMPLE), 503);
    all(503);
    let said = succeed(folder.path(), &["serve", "--check", "--config", &files]);
    assert!(said.ends_with("\nnot ready: no model of `model_persister` is loaded\n"), "{said}");
    std::fs::write(&model, &whole).unwrap();
    all(200);
}

/// Who routes requests to a service that is ready sends none before.
#[test]
fn each_probe_finds_the_first_model_by_itself() {
    let folder = Arc::new(iris());
    let files = with_layers(folder.path(), &[]);
    let services = PROBES.map(|probe| (probe, Service::start_with(Arc::clone(&folder), &["--config", &files])));
    for (probe, service) in &services {
        assert_eq!(status(service, probe), 503, "{probe}");
    }
    succeed(folder.path(), &["fit", "--config", &files]);
    for (probe, service) in &services {
        let answer = wait_until_ready(service, probe);
        let refresh = &answer["model_persister"]["refresh"];
        assert_eq!((*probe == "/alive", &refresh["error"]), (refresh["last"].is_string(), &Json::Null), "{answer}");
        assert_eq!(PROBES.map(|probe| status(service, probe)), [200; 4]);
    }
}

/// The copy that a service has is another persister than the one at the root, which no request asks.
#[test]
fn a_persister_that_is_required_and_only_copied_into_a_service_finds_its_model_too() {
    let folder = Arc::new(iris());
    let layer = r#"{
        "other": CachedUpdatePersister(impl: File(path: "${here}/models/other-{version}")),
        "b": {"__copy__": "predict_service", "entry_point": "/b", "model_persister": {"__copy__": "other"}},
        "alive": {"process_store_required": ["other"]},
    }"#;
    std::fs::write(folder.path().join("layer.ron"), layer).unwrap();
    let files = format!("{},layer.ron", with_layers(folder.path(), &[]));
    let fit = |more: &[&str]| succeed(folder.path(), &[&["fit", "--config", &files], more].concat());
    fit(&[]);
    // The folder of the store comes later than the service.
    let service = Service::start_with(Arc::clone(&folder), &["--config", &files]);
    let missing = service.get("/ready").json::<Json>().unwrap()["reasons"].take();
    let reasons = ["no model of `b.model_persister` is loaded", "no model of `other` is loaded"];
    assert_eq!(missing, serde_json::json!(reasons));
    std::fs::create_dir(folder.path().join("models")).unwrap();
    fit(&["--set", r#"model_persister=File(path: "${here}/models/other-{version}")"#]);
    wait_until_ready(&service, "/ready");
    assert_eq!(
        ["/alive", "/v2/health/ready", &SAMPLE.replace("/predict", "/b")].map(|at| status(&service, at)),
        [200; 3]
    );
}
