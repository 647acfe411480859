//! The console of `configs/service/console.*` over a real socket; in a browser in [`pages`].

mod pages;

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use reqwest::blocking::{RequestBuilder, Response};
use serde_json::{Value as Json, json};

use crate::browser::Browser;
use crate::process::{Running, iris, palladium, repository, succeed, text};
use crate::serve::{SAMPLE, Service};

/// What stands below the page.
const FILES: [&str; 3] = ["console.css", "console.js", "icon.svg"];
const READ: [&str; 5] = ["service", "models", "model?store=model_persister&version=1", "jobs", "traffic"];
const CHANGES: [&str; 4] = ["activate", "fit", "cancel", "refresh"];

/// Returns a folder with the iris example and the layer of the console, and this many models in the store.
fn folder(n_models: usize) -> Arc<tempfile::TempDir> {
    let folder = iris();
    for name in ["console.ron", "console.rhai"] {
        std::fs::copy(repository().join("configs/service").join(name), folder.path().join(name)).unwrap();
    }
    for _ in 0..n_models {
        succeed(folder.path(), &["fit", "--evaluate", "--config", "config.ron"]);
    }
    Arc::new(folder)
}

fn service(folder: &Arc<tempfile::TempDir>, layers: &str) -> Service {
    Service::start_with(Arc::clone(folder), &["--config", &format!("config.ron,{layers}")])
}

impl Service {
    fn console(&self, path: &str) -> RequestBuilder {
        self.client.get(format!("{}/console{path}", self.base)).basic_auth("admin", Some("secret"))
    }

    fn shown(&self, name: &str) -> Json {
        let response = self.console(&format!("/api/{name}")).send().unwrap();
        assert_eq!(response.status(), 200, "{name}");
        response.json().unwrap()
    }

    /// Returns a request for a change as the page makes it, without what says that.
    fn plain_change(&self, name: &str, body: &Json) -> RequestBuilder {
        let request = self.client.post(format!("{}/console/api/{name}", self.base));
        request.basic_auth("admin", Some("secret")).body(body.to_string())
    }

    fn change(&self, name: &str, body: &Json) -> Response {
        let request = self.plain_change(name, body).header("content-type", "application/json");
        request.header("x-palladium-console", "1").send().unwrap()
    }

    fn active(&self) -> Json {
        self.shown("models")["stores"][0]["active"].clone()
    }

    /// Waits until a job is over and returns it.
    fn job(&self, started: Response) -> Json {
        assert_eq!(started.status(), 200);
        let id = started.json::<Json>().unwrap()["job_id"].as_str().unwrap().to_owned();
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            let job = self.shown("jobs")["jobs"][&id].take();
            if job["status"] != "running" {
                return job;
            }
            assert!(Instant::now() < deadline, "{job}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Returns the address of the page, with the password in it.
    fn page(&self) -> String {
        format!("{}/console", self.base.replace("http://", "http://admin:secret@"))
    }
}

/// What a page that is usable without eyes or a mouse has not.
const BARRIERS: &str = "
    const found = [];
    const all = (selector) => [...document.querySelectorAll(selector)];
    for (const field of all('input, select, textarea')) if (!field.labels.length) found.push(`no label: ${field.id}`);
    for (const button of all('button, a, summary')) {
      if (!(button.getAttribute('aria-label') || button.textContent.trim())) found.push(`no name: ${button.outerHTML}`);
    }
    for (const head of all('th')) if (!head.scope) found.push(`no scope: ${head.textContent}`);
    for (const image of all('img')) if (!image.hasAttribute('alt')) found.push(`no text: ${image.src}`);
    for (const image of all('svg')) {
      if (!(image.getAttribute('aria-label') || image.getAttribute('aria-hidden'))) found.push('a chart without a text');
    }
    for (const region of all('section, dialog, [role=region]')) {
      const name = region.getAttribute('aria-label') || document.getElementById(region.getAttribute('aria-labelledby'));
      if (!name) found.push(`no name: ${region.id}`);
    }
    const ids = all('[id]').map((element) => element.id);
    found.push(...ids.filter((id, index) => ids.indexOf(id) !== index).map((id) => `twice: ${id}`));
    if (document.documentElement.scrollWidth > innerWidth) found.push('wider than the screen');
    return found;
";

#[test]
fn nothing_is_shown_without_a_password() {
    let folder = folder(0);
    for layer in ["console.ron", "console.rhai"] {
        let service = service(&folder, layer);
        let reads = READ.map(|name| format!("/api/{name}"));
        let paths = FILES.map(|file| format!("/{file}")).into_iter().chain(reads).chain([String::new()]);
        for path in paths {
            assert_eq!(service.get(&format!("/console{path}")).status(), 401, "{path}");
        }
        for name in CHANGES {
            let request = service.client.post(format!("{}/console/api/{name}", service.base));
            let request = request.header("content-type", "application/json").header("x-palladium-console", "1");
            assert_eq!(request.body("{}").send().unwrap().status(), 401, "{name}");
        }
    }
}

#[test]
fn pages_and_data_are_for_this_site_alone() {
    let service = service(&folder(1), "console.ron");
    let page = service.console("").send().unwrap();
    assert_eq!(page.status(), 200);
    assert_eq!(page.headers()["content-type"], "text/html; charset=utf-8");
    let policy = page.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert!(policy.starts_with("default-src 'none'; script-src 'self';"), "{policy}");
    assert!(page.text().unwrap().contains("<title>Iris · Console</title>"));
    for file in FILES {
        let first = service.console(&format!("/{file}")).send().unwrap();
        assert_eq!(
            (first.status().as_u16(), &first.headers()["cache-control"]),
            (200, &"private, no-cache".parse().unwrap())
        );
        let again = service.console(&format!("/{file}")).header("if-none-match", first.headers()["etag"].clone());
        assert_eq!(again.send().unwrap().status(), 304, "{file}");
    }
    for name in READ {
        let response = service.console(&format!("/api/{name}")).send().unwrap();
        assert_eq!(response.status(), 200, "{name}");
        assert_eq!(response.headers()["cache-control"], "no-store", "{name}");
        assert_eq!(response.headers()["x-content-type-options"], "nosniff", "{name}");
        assert_eq!(response.headers()["cross-origin-resource-policy"], "same-origin", "{name}");
        assert!(!response.headers().contains_key("access-control-allow-origin"), "{name}");
    }
    for name in CHANGES {
        assert_eq!(service.console(&format!("/api/{name}")).send().unwrap().status(), 405, "{name}");
    }
}

#[test]
fn models_services_and_requests_are_told() {
    let service = service(&folder(2), "console.ron");
    let stores = service.shown("models");
    let [store] = stores["stores"].as_array().unwrap().as_slice() else { panic!("{stores}") };
    assert_eq!(
        (&store["key"], &store["active"], &store["previous"]),
        (&json!("model_persister"), &json!(2), &json!(1))
    );
    assert_eq!(
        (&store["in_memory"], &store["is_changeable"], &store["n_models"]),
        (&json!(2), &json!(true), &json!(2))
    );
    let newest = &store["models"][0];
    assert_eq!((&newest["version"], &newest["rows"]), (&json!(2), &json!(100)));
    assert_eq!(newest["scores"], json!({"score_train": 0.95, "score_test": 0.98}));
    assert!(newest["size"].as_u64().unwrap() > 100 && newest["fit_seconds"].is_number(), "{newest}");
    assert_eq!(store["history"][0]["to"], 2);
    let detail = service.shown("model?store=model_persister&version=1");
    assert_eq!(detail["metadata"]["lineage"]["data"]["dataset_loader_train"]["rows"], 100);
    for (query, status) in [("store=model_persister&version=9", 404), ("store=x&version=1", 404), ("version=0", 400)] {
        assert_eq!(service.console(&format!("/api/model?{query}")).send().unwrap().status(), status, "{query}");
    }

    let shown = service.shown("service");
    assert_eq!(shown["unmet"], json!({"activate": null, "fit": null, "refresh": null}));
    let predicts = &shown["services"][0];
    assert_eq!((&predicts["path"], &predicts["persister"]), (&json!("/predict"), &json!("model_persister")));
    assert_eq!(predicts["signature"]["fields"][0], json!({"name": "sepal length", "type": "float"}));
    let sample = json!({"sepal length": 6.3, "sepal width": 2.5, "petal length": 4.9, "petal width": 1.5});
    assert_eq!(predicts["sample"], sample);
    assert_eq!(predicts["classes"], json!(["Iris-setosa", "Iris-versicolor", "Iris-virginica"]));

    assert_eq!(service.get(SAMPLE).status(), 200);
    assert_eq!(service.get("/predict").status(), 400);
    assert_eq!(service.get("/nowhere").status(), 404);
    let of = |traffic: &Json, route: &str| -> Json {
        let routes = traffic["routes"].as_array().unwrap();
        routes.iter().find(|entry| entry["route"] == route).cloned().unwrap_or_default()
    };
    let deadline = Instant::now() + Duration::from_secs(60);
    let traffic = loop {
        let traffic = service.shown("traffic?minutes=1&route=/predict");
        if of(&traffic, "other paths")["refused"] == 1 && traffic["total"]["requests"] == 2 {
            break traffic;
        }
        assert!(Instant::now() < deadline, "{traffic}");
        std::thread::sleep(Duration::from_millis(100));
    };
    assert_eq!(of(&traffic, "/console/api/traffic"), Json::Null, "the console's own requests are left out");
    let predicted = of(&traffic, "/predict");
    assert_eq!((&predicted["refused"], &predicted["failed"], &predicted["samples"]), (&json!(1), &json!(0), &json!(1)));
    assert!(predicted["p99"].as_f64().unwrap() > 0.0);
    assert_eq!(traffic["in_memory"], json!({"model_persister": 2}));
}

#[test]
fn every_store_is_shown_and_one_is_changed() {
    let folder = folder(1);
    let archive = r#"{ "model_persister_export": File(path: "${here}/archive-{version}") }"#;
    std::fs::write(folder.path().join("archive.ron"), archive).unwrap();
    for _ in 0..2 {
        succeed(folder.path(), &["export", "--config", "config.ron,archive.ron"]);
    }
    let service = service(&folder, "console.ron,archive.ron");
    let stores = service.shown("models")["stores"].take();
    let told: Vec<_> = stores
        .as_array()
        .unwrap()
        .iter()
        .map(|store| {
            let count = store["models"].as_array().unwrap().len();
            (store["key"].as_str().unwrap(), count, store["is_changeable"] == true, store["is_cached"] == true)
        })
        .collect();
    assert_eq!(told, [("model_persister", 1, true, true), ("model_persister_export", 2, false, false)]);
    assert_eq!(service.shown("model?store=model_persister_export&version=2")["version"], 2);
    let Some(browser) = Browser::start() else { return };
    browser.open(&service.page());
    browser.wait("document.querySelectorAll('.store').length === 2");
    let buttons = browser.run("return [...document.querySelectorAll('#stores button')].map((button) => button.id)");
    let expected = ["detail-model_persister-1", "detail-model_persister_export-2", "detail-model_persister_export-1"];
    assert_eq!(buttons, json!(expected));
    assert!(browser.content(".store:last-child").contains("Only versions of model_persister can be activated here"));
    assert_eq!(browser.run(BARRIERS), json!([]));
}

#[test]
fn changes_are_made_in_the_name_of_the_user() {
    let service = service(&folder(2), "console.ron");
    assert_eq!(service.change("activate", &json!({"version": 1, "active": 2})).status(), 200);
    assert_eq!(service.active(), 1);
    let store = service.shown("models")["stores"][0].clone();
    assert_eq!((&store["in_memory"], &store["previous"]), (&json!(1), &json!(2)));
    let entry = &store["history"][0];
    assert_eq!((&entry["principal"], &entry["command"]), (&json!("admin"), &json!("POST /console/api/activate")));
    for (body, status, mention) in [
        (json!({"version": 2, "active": 2}), 409, "version 1 has become active"),
        (json!({"version": 9}), 404, "No such version: 9"),
        (json!({"version": "x"}), 400, "`version` has to be the version to activate, a whole number from 1 on"),
        (json!({}), 400, "`version`, the one to activate, is missing"),
        (json!({"version": 2, "activ": 1}), 400, "there is no parameter \"activ\", did you mean `active`?"),
        (json!({"version": 2, "active": "one"}), 400, "`active` has to be the version that was active"),
    ] {
        let response = service.change("activate", &body);
        assert_eq!(response.status(), status, "{body}");
        let answer: Json = response.json().unwrap();
        assert!(answer["error_message"].as_str().unwrap().contains(mention), "{answer}");
    }
    assert_eq!(service.active(), 1);

    let job = service.job(service.change("fit", &json!({"evaluate": true, "activate": false})));
    assert_eq!((&job["status"], &service.active()), (&json!("finished"), &json!(1)));
    assert!(job["info"].as_str().unwrap().starts_with("model version: 3 (not active)"), "{job}");
    for (body, status) in
        [(json!({"id": job["id"]}), 409), (json!({"id": "nothing"}), 404), (json!({}), 400), (json!({"id": 7}), 400)]
    {
        assert_eq!(service.change("cancel", &body).status(), status, "{body}");
    }
    assert_eq!(service.change("fit", &json!({"persist": "maybe"})).status(), 400);
    for name in ["activate", "cancel"] {
        let broken = service.plain_change(name, &Json::Null).body("{").header("content-type", "application/json");
        let answer = broken.header("x-palladium-console", "1").send().unwrap();
        assert_eq!(answer.status(), 400, "{name}");
        assert!(answer.text().unwrap().contains("the body is no JSON"), "{name}");
    }
    let twice = service.plain_change("activate", &Json::Null).body(r#"{"version": 1, "version": 2}"#);
    let twice = twice.header("content-type", "application/json").header("x-palladium-console", "1").send().unwrap();
    assert_eq!(twice.status(), 400);
    assert!(twice.text().unwrap().contains("`version` is given twice"));
    assert_eq!(service.active(), 1);
    assert_eq!(service.change("refresh", &json!({"version": 2})).status(), 400);
    for (path, said) in [
        ("traffic?minutes=abc", "`minutes` has to be a whole number from 0 on"),
        ("traffic?minutes=1&minutes=5", "`minutes` is given twice"),
        ("traffic?minute=5", "did you mean `minutes`?"),
        ("model?store=model_persister&version=one", "`version` has to be a whole number from 1 on"),
        ("model?store=model_persister", "`version`, a whole number from 1 on, is missing"),
    ] {
        let answer = service.console(&format!("/api/{path}")).send().unwrap();
        assert_eq!(answer.status(), 400, "{path}");
        assert!(answer.text().unwrap().contains(said), "{path}");
    }
    let job = service.job(service.change("refresh", &json!({})));
    assert_eq!((&job["status"], &job["info"]), (&json!("finished"), &json!("there is no new model")));
}

#[test]
fn pages_of_other_sites_change_nothing() {
    let service = service(&folder(2), "console.ron");
    let body = json!({"version": 1});
    let own = service.base.clone();
    let with = |headers: &[(&str, &str)]| {
        let request = service.plain_change("activate", &body);
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        request.send().unwrap().status().as_u16()
    };
    const JSON: (&str, &str) = ("content-type", "application/json");
    const OWN: (&str, &str) = ("x-palladium-console", "1");
    for (headers, status) in [
        (&[JSON][..], 403),
        (&[OWN], 415),
        (&[("content-type", "text/plain"), OWN], 415),
        (&[("content-type", "application/x-www-form-urlencoded"), OWN], 415),
        (&[JSON, OWN, ("origin", "https://evil.example")], 403),
        (&[JSON, OWN, ("origin", "null")], 403),
        (&[JSON, OWN, ("sec-fetch-site", "cross-site")], 403),
        (&[JSON, OWN, ("sec-fetch-site", "same-site"), ("origin", &own)], 403),
    ] {
        assert_eq!(with(headers), status, "{headers:?}");
        assert_eq!(service.active(), 2, "{headers:?}");
    }
    assert_eq!(with(&[JSON, OWN, ("origin", &own)]), 200);
    assert_eq!(service.active(), 1);
}

#[test]
fn the_decorators_of_the_views_stand_behind_those_of_the_console() {
    let folder = folder(2);
    // The hash is that of the key of the example in `configs/auth`.
    let layer = r#"{ "activate_decorators": [ApiKey(api_keys: {
        "robot": "sha256:b5fd775fe86f2b184e88451303a7764abd194867529acd5bce3065a8ee1f1010",
    })] }"#;
    std::fs::write(folder.path().join("more.ron"), layer).unwrap();
    let service = service(&folder, "console.ron,more.ron");
    assert_eq!(service.change("activate", &json!({"version": 1})).status(), 401);
    assert_eq!(service.active(), 2);
    let with_key = service.plain_change("activate", &json!({"version": 1})).header("x-api-key", "iris-example-key");
    let with_key = with_key.header("content-type", "application/json").header("x-palladium-console", "1");
    assert_eq!(with_key.send().unwrap().status(), 200);
    let entry = service.shown("models")["stores"][0]["history"][0].take();
    assert_eq!(entry["principal"], "robot", "the innermost who identifies counts");
    let job = service.job(service.change("refresh", &json!({})));
    assert_eq!(job["status"], "finished", "other views have lists of their own");
}

#[test]
fn who_may_change_something_is_said_by_the_decorators_of_the_views() {
    let folder = folder(1);
    let layer = r#"{ "console": Console(), "activate_decorators": [ApiKey(api_keys: {
        "robot": "sha256:b5fd775fe86f2b184e88451303a7764abd194867529acd5bce3065a8ee1f1010",
    })] }"#;
    std::fs::write(folder.path().join("more.ron"), layer).unwrap();
    let config = "config.ron,more.ron";
    let routes = succeed(folder.path(), &["check", "--routes", "--config", config]);
    let line = |path: &str| routes.lines().find(|line| line.starts_with(path)).unwrap_or_else(|| panic!("{routes}"));
    assert!(line("/console/api/activate ").ends_with("; open to those who say who they are"), "{routes}");
    assert!(line("/console/api/fit ").ends_with("; open to everybody"), "{routes}");
    let service = Service::logged(folder, "warn", &["--listen", "127.0.0.1:0", "--config", config]);
    let log = service.wait_for_log("no decorator asks who it is", 1);
    assert!(log.contains("may use `/console/api/fit`, `/console/api/cancel`, `/console/api/refresh`:"), "{log}");
}

#[test]
fn what_the_service_cannot_do_is_said() {
    let folder = folder(0);
    let predicts = r#"{
        "model_persister": File(path: "${here}/model-{version}"),
        "predict_service": PredictService(mapping: [("a", "float")]),
        "console": Console(rule: "/ops/"),
    }"#;
    std::fs::write(folder.path().join("small.ron"), predicts).unwrap();
    let service = Service::start_with(Arc::clone(&folder), &["--config", "small.ron"]);
    let shown: Json = service.get("/ops/api/service").json().unwrap();
    let expected = json!({
        "activate": null,
        "fit": "the configuration has no `dataset_loader_train`, a dataset loader",
        "refresh": "`model_persister` keeps no model in memory",
    });
    assert_eq!(shown["unmet"], expected);
    let page = service.get("/ops/").text().unwrap();
    assert!(page.contains("href=\"console.css\"") && page.contains("data-rule=\"/ops/\""), "{page}");
    if let Some(browser) = Browser::start() {
        browser.open(&format!("{}/ops/", service.base));
        browser.wait("!document.getElementById('fit-unmet').hidden");
        assert!(browser.content("#fit-unmet").contains("the configuration has no `dataset_loader_train`"));
        browser.wait("document.querySelector('#stores .empty')?.textContent === 'There is no model yet.'");
        for button in ["fit", "refresh", "rollback"] {
            assert_eq!(browser.run(&format!("return document.getElementById('{button}').hidden")), true, "{button}");
        }
    }
    let fit = service.client.post(format!("{}/ops/api/fit", service.base)).header("content-type", "application/json");
    assert_eq!(fit.header("x-palladium-console", "1").body("{}").send().unwrap().status(), 400);
    let mut command = palladium(folder.path());
    let output = command.args(["serve", "--port", "0", "--host", "0.0.0.0", "--config", "small.ron"]).output().unwrap();
    assert!(!output.status.success());
    let said = text(&output.stderr);
    assert!(said.contains("`/ops/api/activate`, `/ops/api/fit`, `/ops/api/cancel`, `/ops/api/refresh`"), "{said}");
}
