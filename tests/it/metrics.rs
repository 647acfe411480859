//! The metrics of `configs/service/metrics.*`, through the built binary.

use std::process::{Command, Stdio};
use std::sync::Arc;

use serde_json::{Value as Json, json};

use crate::admin::silent_at_first;
use crate::process::{iris, program, repository, succeed, text};
use crate::serve::{SAMPLE, Service};

/// Returns a folder with the iris example and a fitted model, the metrics and the views of administrators.
fn fitted() -> Arc<tempfile::TempDir> {
    let folder = Arc::new(iris());
    for name in ["metrics.ron", "metrics.rhai", "admin.ron", "admin.rhai"] {
        std::fs::copy(repository().join("configs/service").join(name), folder.path().join(name)).unwrap();
    }
    succeed(folder.path(), &["fit", "--config", "config.ron"]);
    folder
}

fn start(folder: &Arc<tempfile::TempDir>, language: &str) -> Service {
    Service::start_with(Arc::clone(folder), &["--config", &format!("config.ron,metrics.{language},admin.{language}")])
}

impl Service {
    fn metrics(&self) -> String {
        let response = self.get("/metrics");
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/plain; version=0.0.4; charset=utf-8");
        response.text().unwrap()
    }
}

/// Returns the value of a sample, whose labels stand in the order of the text.
fn sample(metrics: &str, name: &str) -> f64 {
    let value = metrics.lines().find_map(|line| line.strip_prefix(&format!("{name} ")));
    value.unwrap_or_else(|| panic!("no sample `{name}` in\n{metrics}")).parse().unwrap()
}

#[test]
fn a_service_counts_what_it_answers() {
    for language in ["ron", "rhai"] {
        let service = start(&fitted(), language);
        let sample_of = json!({"sepal length": 6.3, "sepal width": 2.5, "petal length": 4.9, "petal width": 1.5});
        let post = service.client.post(format!("{}/predict", service.base)).header("content-type", "application/json");
        assert_eq!(post.body(json!([&sample_of, &sample_of]).to_string()).send().unwrap().status(), 200);
        let lines =
            service.client.post(format!("{}/predict", service.base)).header("content-type", "application/x-ndjson");
        assert_eq!(lines.body(format!("{sample_of}\n")).send().unwrap().text().unwrap().lines().count(), 1);
        assert_eq!(service.get(SAMPLE).status(), 200);
        assert_eq!(service.get("/predict").status(), 400);
        for path in ["/nowhere/1", "/nowhere/2", "/%00"] {
            assert_eq!(service.get(path).status(), 404);
        }
        assert_eq!(service.get("/jobs/x").status(), 404);
        let metrics = service.metrics();
        let requests = |route: &str, method: &str, status: u16| {
            let labels = format!("route=\"{route}\",method=\"{method}\",status=\"{status}\"");
            sample(&metrics, &format!("palladium_http_requests_total{{{labels}}}"))
        };
        assert_eq!(requests("/predict", "POST", 200), 2.0);
        assert_eq!(requests("/predict", "GET", 200), 1.0);
        assert_eq!(requests("/predict", "GET", 400), 1.0);
        assert_eq!(requests("unknown", "GET", 404), 3.0);
        assert_eq!(requests("/jobs/<id>", "GET", 404), 1.0);
        let predicted = "{route=\"/predict\",model_version=\"1\"}";
        for (name, expected) in [
            (format!("palladium_predict_rows_total{predicted}"), 4.0),
            (format!("palladium_predict_duration_seconds_count{predicted}"), 3.0),
            ("palladium_http_request_duration_seconds_count{route=\"/predict\"}".to_owned(), 4.0),
            ("palladium_http_requests_in_flight".to_owned(), 1.0),
            ("palladium_model_version{persister=\"model_persister\"}".to_owned(), 1.0),
            ("palladium_model_refresh_failures_total{persister=\"model_persister\"}".to_owned(), 0.0),
            ("palladium_jobs_running".to_owned(), 0.0),
            ("palladium_jobs_total{status=\"finished\"}".to_owned(), 0.0),
        ] {
            assert_eq!(sample(&metrics, &name), expected, "{name}");
        }
        let age = sample(&metrics, "palladium_model_age_seconds{persister=\"model_persister\"}");
        assert!((0.0..600.0).contains(&age), "{age}");
        assert!(sample(&metrics, "process_resident_memory_bytes") > 1e6);
        assert_eq!(sample(&metrics, &format!("palladium_predict_queue_seconds_count{predicted}")), 3.0);

        // Jobs, another version, and a body that waits for its turn.
        assert_eq!(service.over(service.form("/fit", ""))["status"], "finished");
        assert_eq!(service.over(service.form("/update-model-cache", ""))["status"], "finished");
        assert_eq!(service.form("/activate", "model_version=7").status(), 404);
        let many = json!(vec![sample_of; 2000]).to_string();
        let post = service.client.post(format!("{}/predict", service.base)).header("content-type", "application/json");
        // A reader has no length that could be announced.
        let body = reqwest::blocking::Body::new(std::io::Cursor::new(many.clone()));
        assert_eq!(post.body(body).send().unwrap().status(), 200);
        let metrics = service.metrics();
        let predicted = "{route=\"/predict\",model_version=\"2\"}";
        assert_eq!(sample(&metrics, &format!("palladium_predict_rows_total{predicted}")), 2000.0);
        assert!(sample(&metrics, &format!("palladium_predict_queue_seconds_sum{predicted}")) > 0.0);
        assert_eq!(sample(&metrics, &format!("palladium_predict_queue_seconds_count{predicted}")), 1.0);
        assert_eq!(sample(&metrics, "palladium_jobs_total{status=\"finished\"}"), 2.0);
        let received = sample(&metrics, "palladium_http_request_body_bytes_sum{route=\"/predict\"}");
        assert!(received > many.len() as f64, "{received} with chunks of {}", many.len());
        check_format(&metrics);
    }
}

#[test]
fn what_goes_wrong_is_counted_and_so_is_what_goes_on() {
    let folder = fitted();
    let (url, is_asked) = silent_at_first(Vec::new());
    let config = folder.path().join("config.ron");
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, text.replace("${here}/iris.data", &url)).unwrap();
    let started = now();
    let service = start(&folder, "ron");
    let of = |metrics: &str, name: &str| sample(metrics, &format!("{name}{{persister=\"model_persister\"}}"));
    let jobs = |metrics: &str| {
        let over =
            ["finished", "error", "cancelled"].map(|status| format!("palladium_jobs_total{{status=\"{status}\"}}"));
        (sample(metrics, "palladium_jobs_running"), over.map(|name| sample(metrics, &name)))
    };
    let metrics = service.metrics();
    assert_eq!(jobs(&metrics), (0.0, [0.0; 3]));
    assert_eq!(sample(&metrics, &format!("palladium_build_info{{version=\"{}\"}}", env!("CARGO_PKG_VERSION"))), 1.0);
    let of_model = |metrics: &str| {
        ["trained", "loaded", "refresh"].map(|what| of(metrics, &format!("palladium_model_{what}_timestamp_seconds")))
    };
    let before @ [trained, loaded, looked] = of_model(&metrics);
    assert!(trained < started && started < loaded && loaded <= looked && looked < now(), "{before:?}, {started}");

    let fit: Json = service.form("/fit", "").json().unwrap();
    is_asked.recv().unwrap();
    assert_eq!(jobs(&service.metrics()), (1.0, [0.0; 3]));
    let job = format!("/jobs/{}", fit["job_id"].as_str().unwrap());
    assert_eq!(service.client.delete(format!("{}{job}", service.base)).send().unwrap().status(), 202);
    while service.get(&job).json::<Json>().unwrap()["status"] == "running" {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    assert_eq!(jobs(&service.metrics()), (0.0, [0.0, 0.0, 1.0]));

    let files = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path());
    for path in files.filter(|path| path.to_str().unwrap().contains(".db")) {
        std::fs::write(path, "this is no database").unwrap();
    }
    for failures in [1.0, 2.0] {
        assert_eq!(service.over(service.form("/update-model-cache", ""))["status"], "error");
        let metrics = service.metrics();
        assert_eq!(jobs(&metrics), (0.0, [0.0, failures, 1.0]));
        assert_eq!(of(&metrics, "palladium_model_refresh_failures_total"), failures);
        assert_eq!(of(&metrics, "palladium_model_refresh_failing"), 1.0);
        let [trained_still, loaded_still, looked_again] = of_model(&metrics);
        assert_eq!((trained_still, loaded_still), (trained, loaded));
        assert!(looked < looked_again);
    }
}

/// Returns the time in seconds since the epoch.
fn now() -> f64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs_f64()
}

#[test]
fn rule_and_buckets_are_those_of_the_configuration() {
    let folder = fitted();
    let layer = json!({"numbers": {
        "!": "palladium.observability.Metrics", "rule": "/numbers", "duration_buckets": [0.25, 7],
    }});
    std::fs::write(folder.path().join("layer.ron"), layer.to_string()).unwrap();
    let service = Service::start_with(folder, &["--config", "config.ron,layer.ron"]);
    assert_eq!(service.get(SAMPLE).status(), 200);
    assert_eq!(service.get("/metrics").status(), 404);
    let metrics = service.get("/numbers").text().unwrap();
    for (name, labels) in [
        ("palladium_http_request_duration_seconds", "route=\"/predict\""),
        ("palladium_predict_duration_seconds", "route=\"/predict\",model_version=\"1\""),
        ("palladium_predict_queue_seconds", "route=\"/predict\",model_version=\"1\""),
    ] {
        let start = format!("{name}_bucket{{{labels},le=\"");
        let bounds: Vec<&str> =
            metrics.lines().filter_map(|line| Some(line.strip_prefix(&start)?.split_once('"')?.0)).collect();
        assert_eq!(bounds, ["0.25", "7", "+Inf"], "{name} in {metrics}");
    }
}

/// Has Prometheus' own readers read the text, where the servers of the tests brought them.
fn check_format(metrics: &str) {
    const PROGRAM: &str = "
import sys
from prometheus_client.parser import text_string_to_metric_families
families = list(text_string_to_metric_families(sys.stdin.read()))
names = [family.name for family in families]
assert len(set(names)) == len(names), names
for family in families:
    assert family.documentation and family.type in ('counter', 'gauge', 'histogram'), family
    keys = [(sample.name, *sorted(sample.labels.items())) for sample in family.samples]
    assert len(set(keys)) == len(keys), keys
print(len(families))
";
    if let Some(printed) = read_by("PALLADIUM_TEST_PYTHON", &["-c", PROGRAM], metrics) {
        assert!(printed.trim().parse::<usize>().unwrap() > 20);
    }
    // It also complains of names and units that are not the usual ones.
    if let Some(complaints) = read_by("PALLADIUM_TEST_PROMTOOL", &["check", "metrics"], metrics) {
        assert_eq!(complaints, "", "{metrics}");
    }
}

/// Has the program that a variable names read a text, and returns what it wrote; nothing without such a program.
fn read_by(variable: &str, arguments: &[&str], input: &str) -> Option<String> {
    let mut command = Command::new(program(variable)?);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}\n{input}", text(&output.stderr));
    Some(text(&[output.stdout, output.stderr].concat()))
}
