//! A service that keeps its model up to date.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};

use crate::process::{iris, palladium, succeed, text};
use crate::serve::{SAMPLE, Service};

const RULE: &str = r#""update_cache_rrule": {"freq": "SECONDLY"},"#;

/// Returns the iris example with a service that looks for a new model each second.
pub fn refreshing() -> Arc<tempfile::TempDir> {
    let folder = Arc::new(iris());
    let config = folder.path().join("config.ron");
    let text = std::fs::read_to_string(&config).unwrap();
    let name = r#""!": "palladium.persistence.CachedUpdatePersister","#;
    assert!(text.contains(name), "{text}");
    std::fs::write(&config, text.replace(name, &format!("{name}\n        {RULE}"))).unwrap();
    folder
}

/// Waits until the entry of the persister in `/alive` is as wanted, and returns it.
fn wait_for(service: &Service, what: &str, is_so: impl Fn(&Json) -> bool) -> Json {
    let started = Instant::now();
    loop {
        let entry = service.get("/alive").json::<Json>().unwrap()["model_persister"].clone();
        if is_so(&entry) {
            return entry;
        }
        // A refresh comes each second; a machine that has much else to do gets more time.
        assert!(started.elapsed() < Duration::from_secs(30), "{what}: {entry}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_service_takes_up_what_others_activate_and_outlives_a_damaged_store() {
    let folder = refreshing();
    let run = |arguments: &[&str]| succeed(folder.path(), &[arguments, &["--config", "config.ron"]].concat());
    run(&["fit"]);
    let service = Service::start(Arc::clone(&folder));
    let first = wait_for(&service, "the first model is there", |entry| entry["metadata"]["version"] == 1);
    assert!(first["refresh"]["last"].is_string() && first["refresh"]["error"].is_null(), "{first}");

    run(&["fit"]);
    let second = wait_for(&service, "the second model is taken up", |entry| entry["metadata"]["version"] == 2);
    assert!(second["updated"].as_str() > first["updated"].as_str(), "{second}");
    run(&["admin", "activate", "1"]);
    let third = wait_for(&service, "the first model is taken up again", |entry| entry["metadata"]["version"] == 1);

    let damaged = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path());
    let damaged: Vec<_> = damaged.filter(|path| path.to_str().unwrap().contains(".db")).collect();
    assert!(!damaged.is_empty());
    damaged.iter().for_each(|path| std::fs::write(path, "this is no database").unwrap());
    let failing = wait_for(&service, "the failure is shown", |entry| entry["refresh"]["error"].is_string());
    assert_eq!(failing["refresh"]["error"], "the store cannot be reached");
    assert!(failing["refresh"]["failing_since"].is_string(), "{failing}");
    assert_eq!((&failing["metadata"], &failing["updated"]), (&third["metadata"], &third["updated"]));
    let response = service.get(SAMPLE);
    assert_eq!(response.status(), 200);
    assert_eq!(response.json::<Json>().unwrap()["result"], json!("Iris-versicolor"));

    let started = Instant::now();
    assert!(service.end().success());
    assert!(started.elapsed() < Duration::from_secs(10), "the task keeps the process alive");
}

#[test]
fn a_service_starts_with_a_damaged_store_and_takes_up_the_model_once_it_is_whole() {
    let folder = refreshing();
    succeed(folder.path(), &["fit", "--config", "config.ron"]);
    let mut files = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path());
    let database = files.find(|path| path.extension().is_some_and(|extension| extension == "db")).unwrap();
    let whole = std::fs::read(&database).unwrap();
    std::fs::write(&database, "this is no database").unwrap();
    let service = Service::start(Arc::clone(&folder));
    let response = service.get(SAMPLE);
    assert_eq!(response.status(), 503);
    let said = response.text().unwrap();
    assert!(said.contains("No model available: the store cannot be reached"), "{said}");
    let response = service.get("/alive");
    assert_eq!(response.status(), 503);
    let alive: Json = response.json().unwrap();
    assert_eq!(alive["model_persister"], "N/A");
    let refresh = &alive["process_metadata"]["refresh"]["model_persister"];
    assert_eq!(refresh["error"], "the store cannot be reached");
    assert!(refresh["last"].is_string() && refresh["failing_since"].is_string(), "{alive}");

    let repaired = folder.path().join("repaired.db");
    std::fs::write(&repaired, whole).unwrap();
    std::fs::rename(repaired, database).unwrap();
    let entry = wait_for(&service, "the model is taken up", |entry| entry["metadata"]["version"] == 1);
    assert!(entry["refresh"]["error"].is_null(), "{entry}");
    assert_eq!(service.get(SAMPLE).status(), 200);
}

#[test]
fn a_wrong_rule_is_found_before_anything_starts() {
    let folder = refreshing();
    let config = folder.path().join("config.ron");
    let wrong = std::fs::read_to_string(&config).unwrap().replace("\"freq\"", "\"frequency\"");
    std::fs::write(&config, wrong).unwrap();
    let output = palladium(folder.path()).args(["check", "--config", "config.ron"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = format!("{}{}", text(&output.stdout), text(&output.stderr));
    assert!(said.contains("a recurrence rule has no key `frequency`"), "{said}");
    assert!(said.contains(RULE.replace("freq", "frequency").trim_end_matches(',')), "{said}");
}
