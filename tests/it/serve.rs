//! The iris service over a real socket.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use reqwest::blocking::{Client, Response};
use rustix::process::Signal;
use serde_json::{Value as Json, json};

use crate::process::{Running, iris, palladium, succeed};

/// The running iris service.
struct Service {
    process: Running,
    base: String,
    client: Client,
    folder: tempfile::TempDir,
}

impl Service {
    /// Starts the service in a folder and waits until it says where it listens.
    fn start(folder: tempfile::TempDir) -> Service {
        let mut command = palladium(folder.path());
        command
            .args(["serve", "--port", "0", "--config", "config.ron"])
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit());
        let mut process = Running(command.spawn().unwrap());
        let mut line = String::new();
        BufReader::new(process.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let base = line.trim().rsplit(' ').next().unwrap().to_owned();
        assert!(base.starts_with("http://127.0.0.1:"), "{line}");
        Service { process, base, client: Client::new(), folder }
    }

    fn fitted() -> Service {
        let folder = iris();
        succeed(folder.path(), &["fit", "--config", "config.ron"]);
        Service::start(folder)
    }

    fn get(&self, path: &str) -> Response {
        self.client.get(format!("{}{path}", self.base)).send().unwrap()
    }

    fn post(&self, path: &str, body: impl Into<reqwest::blocking::Body>) -> Response {
        let request = self.client.post(format!("{}{path}", self.base)).header("content-type", "application/json");
        request.body(body).send().unwrap()
    }
}

const SAMPLE: &str = "/predict?sepal%20length=6.3&sepal%20width=2.5&petal%20length=4.9&petal%20width=1.5";

#[test]
fn answers_the_documented_envelope() {
    let service = Service::fitted();
    let metadata = json!({"status": "OK", "error_code": 0, "service_name": "iris", "service_version": "0.1"});
    let response = service.get(SAMPLE);
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "application/json; charset=utf-8");
    assert_eq!(response.json::<Json>().unwrap(), json!({"metadata": metadata, "result": "Iris-versicolor"}));

    let samples = json!([
        {"sepal length": 6.3, "sepal width": 2.5, "petal length": 4.9, "petal width": 1.5},
        {"petal width": 5, "petal length": 0.777, "sepal width": "1.1", "sepal length": 1.0, "more": null},
    ]);
    let response = service.post("/predict", samples.to_string());
    assert_eq!(response.status(), 200);
    let expected = json!({"metadata": metadata, "result": ["Iris-versicolor", "Iris-setosa"]});
    assert_eq!(response.json::<Json>().unwrap(), expected);
    assert_eq!(service.post("/predict", "[]").json::<Json>().unwrap()["result"], json!([]));
}

#[test]
fn bad_requests_name_the_field_and_nothing_answers_500() {
    let service = Service::fitted();
    let gets = [
        ("/predict", 400, "sepal length"),
        ("/predict?sepal%20length=6.3&sepal%20width=x&petal%20length=4.9&petal%20width=1.5", 400, "sepal width"),
        ("/predict?sepal%20length=6.3&sepal%20width=nan&petal%20length=4.9&petal%20width=1.5", 400, "sepal width"),
        ("/nowhere", 404, "/nowhere"),
    ];
    for (path, status, mention) in gets {
        check_error(service.get(path), status, mention);
    }
    let full = r#"{"sepal length": 1, "sepal width": 1, "petal length": 1, "petal width": "#;
    let posts = [
        (format!("[{full}true}}]"), 200, ""),
        (format!("[{full}null}}]"), 400, "petal width"),
        (format!("[{full}\"x\"}}]"), 400, "petal width"),
        (format!("[{full}1}}, {{}}]"), 400, "sepal length"),
        ("{}".to_owned(), 400, "list"),
        ("[1]".to_owned(), 400, "object"),
        ("[{]".to_owned(), 400, "line 1"),
        (String::new(), 400, "BadRequest"),
        ("[".repeat(100_000), 400, "BadRequest"),
        (format!("[{full}1e999}}]"), 400, "petal width"),
    ];
    for (body, status, mention) in posts {
        match status {
            200 => assert_eq!(service.post("/predict", body).status(), 200),
            _ => check_error(service.post("/predict", body), status, mention),
        }
    }
    let too_large = service.post("/predict", vec![b' '; 17 * 1024 * 1024]);
    check_error(too_large, 413, "bytes");
    let put = service.client.put(format!("{}/predict", service.base)).send().unwrap();
    check_error(put, 405, "POST");
    let text = service.client.post(format!("{}/predict", service.base)).body("[]").send().unwrap();
    check_error(text, 400, "content type");
}

/// Checks status and JSON body of an error; the three fields stand at the top level or in `metadata`.
fn check_error(response: Response, status: u16, mention: &str) {
    let (url, found) = (response.url().clone(), response.status());
    assert_eq!(response.headers()["content-type"], "application/json; charset=utf-8", "{url}");
    let body: Json = response.json().unwrap();
    assert_eq!(found, status, "{url}: {body}");
    let fields = body.get("metadata").unwrap_or(&body);
    assert_eq!(fields["status"], "ERROR", "{url}: {body}");
    assert_eq!(fields["error_code"], -1, "{url}: {body}");
    assert!(fields["error_message"].as_str().unwrap().contains(mention), "{url}: {body} lacks {mention}");
}

#[test]
fn alive_and_list_tell_the_state() {
    let folder = iris();
    let service = Service::start(folder);
    let alive = service.get("/alive");
    assert_eq!(alive.status(), 503, "no model is active");
    assert_eq!(alive.json::<Json>().unwrap()["model_persister"], "N/A");
    check_error(service.get(SAMPLE), 503, "No model available");

    // A model that another process activates is found by a service that has none.
    succeed(service.folder.path(), &["fit", "--evaluate", "--config", "config.ron"]);
    assert_eq!(service.get(SAMPLE).json::<Json>().unwrap()["result"], "Iris-versicolor");
    let alive = service.get("/alive");
    assert_eq!(alive.status(), 200);
    let alive: Json = alive.json().unwrap();
    assert_eq!(alive["model_persister"]["metadata"]["version"], 1);
    assert_eq!(alive["service_metadata"], json!({"service_name": "iris", "service_version": "0.1"}));
    assert_eq!(alive["process_metadata"], json!({"jobs": {}}));
    assert!(alive["memory_usage"].as_f64().unwrap() > 0.0 && alive["memory_usage_vms"].as_f64().unwrap() > 0.0);
    assert_eq!(alive["palladium_version"], env!("CARGO_PKG_VERSION"));

    let list: Json = service.get("/list").json().unwrap();
    assert_eq!(list["models"][0]["score_test"], 0.98);
    assert_eq!(list["properties"]["active-model"], "1");
}

#[test]
fn signals_end_the_service_with_success() {
    for signal in [Signal::TERM, Signal::INT] {
        let mut service = Service::fitted();
        assert_eq!(service.get(SAMPLE).status(), 200);
        service.process.signal(signal);
        let output = service.process.finish();
        assert_eq!(output.status.code(), Some(0), "{signal:?}");
    }
}

#[test]
fn a_port_in_use_is_named() {
    let folder = iris();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let output = palladium(folder.path()).args(["serve", "--port", &port, "--config", "config.ron"]).output().unwrap();
    let error = crate::process::text(&output.stderr).replace(&port, "[PORT]");
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        error,
        "error: cannot listen on 127.0.0.1:[PORT]\n  caused by: Address already in use (os error 98)\n  \
         help: another process listens there: stop it or choose another port with `--port`\n"
    );
}
