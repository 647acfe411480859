//! The metrics of `configs/service/metrics.*`, through the built binary.

use std::process::{Command, Stdio};
use std::sync::Arc;

use serde_json::json;

use crate::process::{iris, repository, succeed, text};
use crate::serve::{SAMPLE, Service};

/// Returns the iris service with a fitted model that is kept in memory, the metrics and the views of administrators.
fn service(language: &str) -> Service {
    let folder = Arc::new(iris());
    for name in ["metrics", "admin"] {
        let name = format!("{name}.{language}");
        std::fs::copy(repository().join("configs/service").join(&name), folder.path().join(name)).unwrap();
    }
    succeed(folder.path(), &["fit", "--config", "config.ron"]);
    Service::start_with(folder, &["--config", &format!("config.ron,metrics.{language},admin.{language}")])
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
        let service = service(language);
        let sample_of = json!({"sepal length": 6.3, "sepal width": 2.5, "petal length": 4.9, "petal width": 1.5});
        let post = service.client.post(format!("{}/predict", service.base)).header("content-type", "application/json");
        assert_eq!(post.body(json!([sample_of, sample_of]).to_string()).send().unwrap().status(), 200);
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
        check_format(&metrics);
    }
}

/// Has Prometheus' own reader for Python read the text, where the servers of the tests brought it.
#[expect(clippy::print_stdout, reason = "whoever reads the output needs to know what was not tested")]
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
    let Some(python) = std::env::var("PALLADIUM_TEST_PYTHON").ok().filter(|python| !python.is_empty()) else {
        let all = std::env::var("PALLADIUM_TEST_SERVERS").is_ok_and(|which| which == "all");
        assert!(!all, "`PALLADIUM_TEST_SERVERS` asks for all servers, and `PALLADIUM_TEST_PYTHON` is missing");
        println!("left out: `PALLADIUM_TEST_PYTHON` names no Python");
        return;
    };
    let mut command = Command::new(python);
    command.args(["-c", PROGRAM]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), metrics.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}\n{metrics}", text(&output.stderr));
    assert!(text(&output.stdout).trim().parse::<usize>().unwrap() > 20);
}
