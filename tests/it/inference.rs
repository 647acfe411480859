//! The Open Inference Protocol of `configs/service/inference.*`, through the built binary.

use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;

use reqwest::blocking::{RequestBuilder, Response};
use serde_json::{Value as Json, json};

use crate::process::{iris, python, repository, succeed, text};
use crate::serve::Service;

/// Returns the iris service with two versions of its model, the second of which is active, and further layers.
fn service(language: &str, layers: &[&Path]) -> Service {
    let folder = Arc::new(iris());
    succeed(folder.path(), &["fit", "--config", "config.ron"]);
    succeed(folder.path(), &["fit", "--config", "config.ron"]);
    let inference = repository().join(format!("configs/service/inference.{language}"));
    let layers = layers.iter().copied().chain([inference.as_path()]).map(|layer| layer.display().to_string());
    let files: Vec<String> = std::iter::once("config.ron".to_owned()).chain(layers).collect();
    Service::start_with(folder, &["--config", &files.join(",")])
}

const INFER: &str = "/v2/models/iris/infer";

impl Service {
    fn infer(&self, path: &str, body: &Json) -> RequestBuilder {
        let request = self.client.post(format!("{}{path}", self.base));
        request.header("content-type", "application/json").body(body.to_string())
    }
}

/// Returns a request of two samples in one tensor.
fn samples() -> Json {
    let data = json!([[6.3, 2.5, 4.9, 1.5], [1.0, 1.1, 0.777, 5.0]]);
    json!({"id": "7", "inputs": [{"name": "samples", "shape": [2, 4], "datatype": "FP64", "data": data}]})
}

/// Returns status and body of an answer in JSON, whose content type clients compare as a whole.
fn answered(response: Response) -> (u16, Json) {
    assert_eq!(response.headers()["content-type"], "application/json");
    (response.status().as_u16(), response.json().unwrap())
}

#[test]
fn what_is_not_to_be_logged_stays_out_of_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let (layer, path) = (folder.path().join("log.ron"), folder.path().join("requests.ndjson"));
    let fields = json!({"sepal length": "drop", "sepal width": "hash"});
    let log = json!({"!": "palladium.decorators.RequestLog", "path": path, "fields": fields, "others": "keep"});
    std::fs::write(&layer, json!({"predict_decorators": [log]}).to_string()).unwrap();
    let service = service("ron", &[&layer]);
    let field = |name: &str, data: Json| json!({"name": name, "shape": [1], "datatype": "FP64", "data": data});
    let widths = [field("petal length", json!([4.9])), field("petal width", json!([1.5]))];
    let lengths = [field("sepal length", json!([6.301])), field("sepal width", json!([2.501]))];
    let matrix = json!({"name": "x", "shape": [1, 4], "datatype": "FP64", "data": [[6.301, 2.501, 4.9, 1.5]]});
    for inputs in [json!([lengths, widths].concat()), json!([matrix])] {
        assert_eq!(service.infer(INFER, &json!({"inputs": inputs})).send().unwrap().status(), 200);
    }
    let sample = "sepal%20length=6.301&sepal%20width=2.501&petal%20length=4.9&petal%20width=1.5";
    assert_eq!(service.get(&format!("/predict?{sample}")).status(), 200);
    let written = std::fs::read_to_string(&path).unwrap();
    assert!(!written.contains("6.301") && !written.contains("2.501"), "{written}");
    let lines: Vec<Json> = written.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let width = &lines[2]["query"]["sepal width"];
    let expected = json!({"sepal width": [width], "petal length": [4.9], "petal width": [1.5]});
    assert_eq!((&lines[0]["body"], &lines[1]["body"]), (&json!({"inputs": expected}), &json!({"inputs": {}})));
}

#[test]
fn predictions_are_those_of_the_predict_service() {
    for language in ["ron", "rhai"] {
        let metrics = repository().join("configs/service/metrics.ron");
        let service = service(language, &[&metrics]);
        let labels = json!(["Iris-versicolor", "Iris-setosa"]);
        let output = json!({"name": "predict", "datatype": "BYTES", "shape": [2], "data": labels});
        let expected = |version: &str| {
            (200, json!({"model_name": "iris", "model_version": version, "id": "7", "outputs": [output]}))
        };
        assert_eq!(answered(service.infer(INFER, &samples()).send().unwrap()), expected("2"));
        let first = "/v2/models/iris/versions/1/infer";
        assert_eq!(answered(service.infer(first, &samples()).send().unwrap()), expected("1"));
        let field = |name: &str, data: [f64; 2]| json!({"name": name, "shape": [2, 1], "datatype": "FP32", "data": data, "parameters": {"content_type": "np"}});
        let fields = json!({"id": "7", "inputs": [
            field("petal width", [1.5, 5.0]),
            field("petal length", [4.9, 0.777]),
            field("sepal width", [2.5, 1.1]),
            field("sepal length", [6.3, 1.0]),
        ]});
        assert_eq!(answered(service.infer(INFER, &fields).send().unwrap()), expected("2"));

        let metrics = service.get("/metrics").text().unwrap();
        for line in [
            "palladium_predict_rows_total{route=\"/predict\",model_version=\"1\"} 2",
            "palladium_predict_rows_total{route=\"/predict\",model_version=\"2\"} 4",
            "palladium_http_requests_total{route=\"/v2/models/<name>/infer\",method=\"POST\",status=\"200\"} 2",
        ] {
            assert!(metrics.lines().any(|found| found == line), "{line} is not in\n{metrics}");
        }
    }
}

#[test]
fn the_service_and_its_models_describe_themselves() {
    let service = service("ron", &[]);
    let get = |path: &str| answered(service.get(path));
    assert_eq!(get("/v2").1["name"], "palladium");
    assert_eq!(get("/v2/health/live"), (200, json!({"live": true})));
    assert_eq!(get("/v2/health/ready"), (200, json!({"ready": true})));
    assert_eq!(get("/v2/models/iris/ready"), (200, json!({"name": "iris", "ready": true})));
    let input = |name: &str| json!({"name": name, "datatype": "FP64", "shape": [-1]});
    let model = json!({
        "name": "iris",
        "versions": ["1", "2"],
        "platform": "palladium_LogisticRegression",
        "inputs": [input("sepal length"), input("sepal width"), input("petal length"), input("petal width")],
        "outputs": [{"name": "predict", "datatype": "BYTES", "shape": [-1]}],
    });
    assert_eq!(get("/v2/models/iris"), (200, model.clone()));
    assert_eq!(get("/v2/models/iris/versions/1"), (200, model));
    let index = answered(service.infer("/v2/repository/index", &json!({})).send().unwrap()).1;
    assert_eq!(index[1], json!({"name": "iris", "version": "2", "state": "READY", "reason": ""}));
}

#[test]
fn errors_have_the_shape_of_the_protocol() {
    let service = service("ron", &[]);
    let mut wide = samples();
    wide["inputs"][0]["shape"] = json!([4, 2]);
    let ask = |method: &str, path: &str, body: &str, header: (&str, &str)| {
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        let request = service.client.request(method, format!("{}{path}", service.base)).header(header.0, header.1);
        answered(request.body(body.to_owned()).send().unwrap())
    };
    let json = ("content-type", "application/json");
    let long = " ".repeat(17 << 20);
    for (method, path, body, header, status, mention) in [
        ("GET", "/v2/models/rose", "", json, 404, "there is no model \"rose\""),
        ("GET", "/v2/models/iris/versions/9", "", json, 404, "the model `iris` has no version \"9\""),
        ("GET", "/v2/nowhere", "", json, 404, "there is nothing at \"/v2/nowhere\""),
        ("GET", INFER, "", json, 405, "the method is not allowed here, OPTIONS, POST are"),
        ("POST", INFER, &wide.to_string(), json, 400, "the shape [4, 2], it has to be [n, 4]"),
        ("POST", INFER, "{", json, 400, "the body is no inference request"),
        ("POST", INFER, "{}", ("content-type", "text/plain"), 415, "the content type \"text/plain\""),
        ("POST", INFER, "{}", ("content-encoding", "gzip"), 415, "the content encoding \"gzip\""),
        ("POST", INFER, "{}", ("inference-header-content-length", "7"), 400, "the body has 2 bytes"),
        ("POST", INFER, &long, json, 413, "16777216 bytes"),
    ] {
        let (found, body) = ask(method, path, body, header);
        assert_eq!(found, status, "{method} {path}: {body}");
        assert!(body["error"].as_str().unwrap().contains(mention), "{method} {path}: {body}");
        assert_eq!(body.as_object().unwrap().len(), 1, "{body}");
    }
    let (_, body) = answered(service.get("/v2/models/iris/versions/x/ready"));
    assert_eq!(body, json!({"error": "the model `iris` has no version \"x\""}));
}

#[test]
fn answers_have_the_headers_of_other_answers() {
    let service = service("ron", &[]);
    let response = service.infer(INFER, &samples()).header("x-request-id", "good").send().unwrap();
    assert_eq!(response.headers()["x-model-version"], "2");
    assert_eq!(response.headers().get("x-request-id"), None);
    let response = service.infer(INFER, &json!({})).header("x-request-id", "bad").send().unwrap();
    assert_eq!((response.status().as_u16(), response.headers()["x-request-id"].to_str().unwrap()), (400, "bad"));
}

#[test]
fn words_alone_are_said_where_the_predict_service_says_codes() {
    let folder = tempfile::tempdir().unwrap();
    let layer = folder.path().join("layer.ron");
    std::fs::write(&layer, r##"{"__rhai__": r#" C.predict_service.errors = "codes"; "#}"##).unwrap();
    let service = service("ron", &[&layer]);
    let answer = answered(service.infer(INFER, &json!({})).send().unwrap());
    assert_eq!(answer, (400, json!({"error": "bad_request"})));
}

#[test]
fn without_a_model_nothing_is_ready() {
    let layer = repository().join("configs/service/inference.ron").display().to_string();
    let service = Service::start_with(Arc::new(iris()), &["--config", &format!("config.ron,{layer}")]);
    assert_eq!(answered(service.get("/v2/health/live")).0, 200);
    for path in ["/v2/health/ready", "/v2/models/iris/ready", "/v2/models/iris"] {
        let (status, body) = answered(service.get(path));
        assert_eq!(status, 503, "{path}: {body}");
        assert!(body["error"].is_string(), "{path}: {body}");
    }
    assert_eq!(answered(service.infer(INFER, &samples()).send().unwrap()).0, 503);
}

#[test]
fn predictions_go_through_the_decorators_of_the_predict_service() {
    let folder = tempfile::tempdir().unwrap();
    let layer = folder.path().join("layer.rhai");
    let guards = r#"
        #{
            predict_decorators: [|wrapped| {
                if wrapped.request.headers.get("x-key") != "predict" { return #{ status: 401, body: "no" }; }
                wrapped.proceed()
            }],
            open_inference_decorators: [|wrapped| {
                if wrapped.request.headers.get("x-key") != "others" { return #{ status: 401, body: "no" }; }
                wrapped.proceed()
            }],
        }
    "#;
    std::fs::write(&layer, guards).unwrap();
    let service = service("ron", &[&layer]);
    let infer = |key: &str| service.infer(INFER, &samples()).header("x-key", key).send().unwrap().status().as_u16();
    assert_eq!((infer("predict"), infer("others"), infer("")), (200, 401, 401));
    let get = |path: &str, key: &str| {
        let request = service.client.get(format!("{}{path}", service.base)).header("x-key", key);
        request.send().unwrap().status().as_u16()
    };
    for path in ["/v2", "/v2/health/live", "/v2/models/iris", "/v2/models/iris/versions/1/ready"] {
        assert_eq!((get(path, "others"), get(path, "predict"), get(path, "")), (200, 401, 401), "{path}");
    }
    let options = reqwest::Method::OPTIONS;
    let preflight = service.client.request(options, format!("{}{INFER}", service.base)).send().unwrap();
    assert_eq!(preflight.status(), 401);
}

#[test]
fn names_of_predict_services_that_are_not_there_are_found_while_planning() {
    let folder = iris();
    let layer = r#"{"open_inference": {"!": "palladium.server.OpenInference", "names": {"iris": "predict_servic"}}}"#;
    std::fs::write(folder.path().join("layer.ron"), layer).unwrap();
    let mut command = crate::process::palladium(folder.path());
    let output = command.args(["check", "--config", "config.ron,layer.ron"]).output().unwrap();
    let said = format!("{}{}", text(&output.stderr), text(&output.stdout));
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("the model `iris` is the predict service `predict_servic`, which there is not"), "{said}");
    assert!(said.contains("did you mean `predict_service`?"), "{said}");
}

/// The clients of Triton and KServe, where the servers of the tests brought them.
#[test]
fn clients_of_triton_and_kserve_are_served() {
    let Some(mut command) = python() else { return };
    let service = service("ron", &[]);
    command.args(["-c", include_str!("inference/clients.py"), &service.base]).stdin(Stdio::null());
    let output = command.env("NO_PROXY", "*").output().unwrap();
    assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
}
