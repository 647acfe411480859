//! The iris service over a real socket.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use reqwest::blocking::{Client, Response};
use rustix::process::Signal;
use serde_json::{Value as Json, json};

use crate::process::{Running, iris, palladium, succeed};

const LOG: &str = "service.log";

fn log(folder: &tempfile::TempDir) -> String {
    std::fs::read_to_string(folder.path().join(LOG)).unwrap_or_default()
}

/// The running iris service.
pub struct Service {
    pub process: Running,
    pub base: String,
    pub client: Client,
    pub folder: Arc<tempfile::TempDir>,
}

impl Service {
    /// Starts the service in a folder and waits until it says where it listens.
    pub fn start(folder: Arc<tempfile::TempDir>) -> Service {
        Service::start_with(folder, &["--config", "config.ron"])
    }

    /// Starts the service with these options.
    pub fn start_with(folder: Arc<tempfile::TempDir>, arguments: &[&str]) -> Service {
        Service::start_in(folder, arguments, &[])
    }

    /// Starts the service with these options and variables of the environment.
    pub fn start_in(folder: Arc<tempfile::TempDir>, arguments: &[&str], variables: &[(&str, &str)]) -> Service {
        let mut command = palladium(folder.path());
        command.envs(variables.iter().copied());
        command.args(["serve", "--port", "0"]).args(arguments).stderr(Stdio::inherit());
        Service::spawn(command, folder)
    }

    /// Starts the service with these options, and keeps its log of this level.
    pub fn logged(folder: Arc<tempfile::TempDir>, level: &str, arguments: &[&str]) -> Service {
        let mut command = palladium(folder.path());
        let log = std::fs::File::create(folder.path().join(LOG)).unwrap();
        command.arg("serve").args(arguments).env("PALLADIUM_LOG", level).stderr(log);
        Service::spawn(command, folder)
    }

    /// Starts a service by a command, and waits until it says where it listens.
    pub fn spawn(mut command: Command, folder: Arc<tempfile::TempDir>) -> Service {
        let mut process = Running(command.stdout(Stdio::piped()).spawn().unwrap());
        let mut line = String::new();
        BufReader::new(process.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let base = line.trim().rsplit(' ').next().unwrap().to_owned();
        assert!(line.starts_with("listening on "), "{line} {}", log(&folder));
        Service { process, base, client: Client::new(), folder }
    }

    /// Returns the address that the service listens on.
    pub fn address(&self) -> &str {
        self.base.split_once("://").unwrap().1
    }

    /// Returns what the service has logged.
    pub fn log(&self) -> String {
        log(&self.folder)
    }

    /// Waits until the log holds a text so often, and returns it.
    pub fn wait_for_log(&self, text: &str, count: usize) -> String {
        let started = Instant::now();
        loop {
            let log = self.log();
            if log.matches(text).count() >= count {
                return log;
            }
            assert!(started.elapsed() < Duration::from_secs(60), "{text} is not {count} times in\n{log}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    pub fn fitted() -> Service {
        let folder = Arc::new(iris());
        succeed(folder.path(), &["fit", "--config", "config.ron"]);
        Service::start(folder)
    }

    /// Asks the service to end and returns how it did.
    pub fn end(mut self) -> std::process::ExitStatus {
        self.process.signal(Signal::TERM);
        self.process.finish().status
    }

    pub fn get(&self, path: &str) -> Response {
        self.client.get(format!("{}{path}", self.base)).send().unwrap()
    }

    fn post(&self, path: &str, body: impl Into<reqwest::blocking::Body>) -> Response {
        let request = self.client.post(format!("{}{path}", self.base)).header("content-type", "application/json");
        request.body(body).send().unwrap()
    }
}

/// A request whose answer is `Iris-versicolor`.
pub const SAMPLE: &str = "/predict?sepal%20length=6.3&sepal%20width=2.5&petal%20length=4.9&petal%20width=1.5";

#[test]
fn answers_the_documented_envelope() {
    let service = Service::fitted();
    let metadata = json!({
        "status": "OK", "error_code": 0, "model_version": 1, "service_name": "iris", "service_version": "0.1",
    });
    let response = service.get(SAMPLE);
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "application/json; charset=utf-8");
    assert_eq!(response.headers()["x-model-version"], "1");
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

/// What no client library would send.
#[test]
fn broken_messages_are_the_client_s_fault() {
    let service = Service::fitted();
    let sample = r#"[{"sepal length": 1, "sepal width": 1, "petal length": 1, "petal width": 1}]"#;
    let post = "POST /predict HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\n";
    let get =
        |target: &str, headers: &str| format!("GET {target} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{headers}\r\n");
    let chunked = |chunks: &str| format!("{post}transfer-encoding: chunked\r\n\r\n{chunks}");
    let cases = [
        ("garbage\r\n\r\n".to_owned(), 400, ""),
        ("GET\r\n\r\n".to_owned(), 400, ""),
        ("GET /alive HTTP/9.9\r\n\r\n".to_owned(), 400, ""),
        (get("/alive", &"x: y\r\n".repeat(500)), 431, ""),
        (get("/predict?sepal%20length=%zz", ""), 400, "two hexadecimal digits"),
        (get("/predict?sepal%20length=%ff", ""), 400, "not UTF-8"),
        (get("/%ff", ""), 404, "nothing at"),
        (format!("{post}content-length: -1\r\n\r\n"), 400, ""),
        (format!("{post}content-length: 99999999999\r\n\r\n[]"), 413, "16777216 bytes"),
        (chunked("zz\r\n[]\r\n0\r\n\r\n"), 400, "before it was complete"),
        (chunked(&format!("{:x}\r\n{sample}\r\n0\r\n\r\n", sample.len())), 200, "Iris-setosa"),
        (format!("HEAD {}", &get(SAMPLE, "")["GET ".len()..]), 200, "content-length"),
        (format!("OPTIONS {}", &get("/predict", "")["GET ".len()..]), 200, "allow: GET, HEAD, OPTIONS, POST"),
    ];
    for (message, status, mention) in cases {
        let mut stream = TcpStream::connect(service.base.trim_start_matches("http://")).unwrap();
        stream.write_all(message.as_bytes()).unwrap();
        // A server that refuses a message may close before it has read all of it: then the end is an error.
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        let answer = String::from_utf8(answer).unwrap();
        let start: String = message.chars().take(200).collect();
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{start}\n{answer}");
        assert!(answer.contains(mention), "{start}\n{answer}");
    }
    assert_eq!(service.get(SAMPLE).status(), 200);
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
    let service = Service::start(Arc::new(iris()));
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
    for shown in [&list["models"][0], &alive["model_persister"]["metadata"]] {
        assert_eq!(shown.get("lineage"), None, "a listing stays short");
    }
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

/// The first signal leaves a stream alone, the second one ends it between two lines.
#[test]
fn a_stream_ends_with_a_line_at_a_second_signal() {
    let mut service = Service::fitted();
    let mut stream = BufReader::new(TcpStream::connect(service.address()).unwrap());
    stream.get_ref().set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let chunk = |text: &str| format!("{:x}\r\n{text}\r\n", text.len());
    let sample = "{\"sepal length\": 6.3, \"sepal width\": 2.5, \"petal length\": 4.9, \"petal width\": 1.5}\n";
    let head = "POST /predict HTTP/1.1\r\nhost: test\r\ncontent-type: application/x-ndjson\r\n\
                transfer-encoding: chunked\r\n\r\n";
    stream.get_mut().write_all(format!("{head}{}", chunk(sample)).as_bytes()).unwrap();
    let until = |stream: &mut BufReader<TcpStream>, text: &str| {
        let mut line = String::new();
        while !line.contains(text) {
            line.clear();
            assert!(stream.read_line(&mut line).unwrap() > 0, "the connection ends before {text}");
        }
    };
    until(&mut stream, "Iris-versicolor");
    service.process.signal(Signal::TERM);
    while TcpStream::connect(service.address()).is_ok() {
        std::thread::sleep(Duration::from_millis(10));
    }
    stream.get_mut().write_all(chunk(sample).as_bytes()).unwrap();
    until(&mut stream, "Iris-versicolor");
    service.process.signal(Signal::TERM);
    until(&mut stream, "the service stops before the body has ended");
    assert!(service.process.finish().status.success());
}

#[test]
fn the_example_of_the_root_key_starts_beside_a_service() {
    for language in ["ron", "rhai"] {
        let folder = iris();
        let layer = crate::process::repository().join("configs/service").join(format!("server.{language}"));
        let files = format!("config.{language},{}", layer.display());
        let said = succeed(folder.path(), &["serve", "--check", "--config", &files]);
        let lines: Vec<&str> = said.lines().take(2).collect();
        assert!(lines[0].starts_with("can listen on http://127.0.0.1:"), "{said}");
        assert!(lines[1].starts_with("can listen on unix:/") && lines[1].ends_with("/palladium.sock"), "{said}");
        let free = lines[0].rsplit(':').next().unwrap();
        assert_ne!(free, "8000", "a check takes a port that is free");
        let left: Vec<_> = folder.path().read_dir().unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert!(left.iter().all(|name| !name.to_string_lossy().contains("sock")), "{left:?}");
    }
}

/// The check ends with the place, and the service says why it is not ready.
#[test]
fn fields_that_the_model_was_not_trained_on_keep_a_service_from_being_ready() {
    let folder = Arc::new(iris());
    succeed(folder.path(), &["fit", "--config", "config.ron"]);
    let entries = r#"{
        "typo": PredictService(entry_point: "/typo", mapping: [
            ("sepal lenght", "float"), ("sepal width", "float"), ("petal length", "float"), ("petal width", "float"),
        ]),
        "inference": OpenInference(),
    }"#;
    std::fs::write(folder.path().join("layer.ron"), entries).unwrap();
    let why = "the active model of `model_persister` cannot predict for `typo`: \
               the model was trained on columns that are missing here: `sepal length`";
    let check = ["serve", "--check", "--config", "config.ron,layer.ron"];
    let output = palladium(folder.path()).args(check).output().unwrap();
    let (said, found) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains(&format!("not ready: {why}")), "{said}");
    for part in [why, "--> layer.ron:2:17", "rename `sepal lenght` if it is the column `sepal length`"] {
        assert!(found.contains(part), "{found} lacks {part}");
    }
    let listen = ["--listen", "127.0.0.1:0", "--config", "config.ron,layer.ron"];
    let service = Service::logged(Arc::clone(&folder), "warn", &listen);
    service.wait_for_log(why, 1);
    let told = |path: &str| {
        let answer = service.get(path);
        (answer.status().as_u16(), answer.text().unwrap())
    };
    for path in ["/ready", "/v2/health/ready", "/v2/models/typo/ready"] {
        let (status, body) = told(path);
        assert!(status == 503 && body.contains(why), "{path}: {status} {body}");
    }
    assert_eq!((told("/v2/models/predict_service/ready").0, told(SAMPLE).0), (200, 200));
    let why = "does not fit the service: the model was trained on columns that are missing here: `sepal length`";
    let typo = SAMPLE.replace("/predict", "/typo").replace("length=6", "lenght=6");
    let (status, body) = told(&typo);
    let answer: Json = serde_json::from_str(&body).unwrap();
    let message = answer["error_message"].as_str().unwrap();
    assert!(status == 503 && message.starts_with(&format!("the active model {why}")), "{body}");
    assert_eq!((&answer["status"], &answer["error_code"]), (&json!("ERROR"), &json!(-1)));
    assert_eq!(answer["metadata"]["model_version"], 1, "{body}");
    let row = r#"{"sepal lenght": 6.3, "sepal width": 2.5, "petal length": 4.9, "petal width": 1.5}"#;
    let lines = service.client.post(format!("{}/typo", service.base)).header("content-type", "application/x-ndjson");
    let lines = lines.body(format!("{row}\n{row}\n")).send().unwrap();
    assert_eq!(lines.status(), 200);
    for line in lines.text().unwrap().lines() {
        assert_eq!(serde_json::from_str::<Json>(line).unwrap()["error_message"], message, "{line}");
    }
    let tensor = json!({"name": "samples", "shape": [1, 4], "datatype": "FP64", "data": [6.3, 2.5, 4.9, 1.5]});
    for path in ["/v2/models/typo/infer", "/v2/models/typo/versions/1/infer"] {
        let asked = service.post(path, json!({"inputs": [tensor]}).to_string());
        assert_eq!((asked.status().as_u16(), &asked.headers()["x-model-version"]), (503, &"1".parse().unwrap()));
        let error = asked.json::<Json>().unwrap()["error"].take();
        assert!(error.as_str().unwrap().starts_with(&format!("the model {why}")), "{path}: {error}");
    }
    // Who is told codes alone reads no more than that.
    let entries = entries.replace("PredictService(entry", r#"PredictService(errors: "codes", entry"#);
    std::fs::write(folder.path().join("layer.ron"), entries).unwrap();
    let service = Service::start_with(folder, &["--config", "config.ron,layer.ron"]);
    let bare = service.get(&typo);
    let id = bare.headers()["x-request-id"].to_str().unwrap().to_owned();
    let message = bare.json::<Json>().unwrap()["error_message"].take();
    assert_eq!(message, format!("the active model does not fit the service, request id {id}"));
    let bare = service.post("/v2/models/typo/infer", json!({"inputs": [tensor]}).to_string());
    let id = bare.headers()["x-request-id"].to_str().unwrap().to_owned();
    let error = bare.json::<Json>().unwrap()["error"].take();
    assert_eq!(error, format!("the model does not fit the service, request id {id}"));
}

/// That a model does not take a parameter is no fault of requests, and the check finds it.
#[test]
fn parameters_that_the_model_does_not_take_keep_a_service_from_being_ready() {
    let folder = Arc::new(iris());
    succeed(folder.path(), &["fit", "--config", "config.ron"]);
    let layer = r#"{
        "predict_service": PredictService(params: {"C": "float"}, mapping: [
            ("sepal length", "float"), ("sepal width", "float"), ("petal length", "float"), ("petal width", "float"),
        ]),
        "inference": OpenInference(),
    }"#;
    std::fs::write(folder.path().join("layer.ron"), layer).unwrap();
    let why = "the active model of `model_persister` cannot predict for `predict_service`: \
               the model does not take `C` of `params`: its predictions take no parameters";
    let output =
        palladium(folder.path()).args(["serve", "--check", "--config", "config.ron,layer.ron"]).output().unwrap();
    let (said, found) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains(&format!("not ready: {why}")), "{said}");
    assert!(found.contains(why) && found.contains("help: leave out `C`"), "{found}");
    let listen = ["--listen", "127.0.0.1:0", "--config", "config.ron,layer.ron"];
    let service = Service::logged(Arc::clone(&folder), "warn", &listen);
    service.wait_for_log(why, 1);
    for path in ["/ready", "/v2/models/predict_service/ready"] {
        let answer = service.get(path);
        let (status, body) = (answer.status().as_u16(), answer.text().unwrap());
        assert!(status == 503 && body.contains(why), "{path}: {status} {body}");
    }
    let tensor = json!({"name": "samples", "shape": [1, 4], "datatype": "FP64", "data": [6.3, 2.5, 4.9, 1.5]});
    let inferred = service.post("/v2/models/predict_service/infer", json!({"inputs": [tensor]}).to_string());
    for answer in [service.get(SAMPLE), inferred] {
        let (status, body) = (answer.status().as_u16(), answer.text().unwrap());
        let why = "does not fit the service: the model does not take `C` of `params`";
        assert!(status == 503 && body.contains(why), "{status} {body}");
    }
    assert!(service.log().contains("the model takes no parameter `C`"), "{}", service.log());
}

/// More connections than a low limit of open files lets in are answered.
#[test]
fn connections_are_not_bound_by_a_low_limit_of_open_files() {
    let folder = Arc::new(iris());
    let binary = palladium(folder.path());
    let mut command = Command::new("sh");
    let line = format!("ulimit -S -n 64; exec {} serve --port 0 --config config.ron", binary.get_program().display());
    command.args(["-c", &line]).current_dir(folder.path()).env_remove("PALLADIUM_CONFIG").env("PALLADIUM_LOG", "off");
    let service = Service::spawn(command, folder);
    let mut streams: Vec<TcpStream> = (0..200).map(|_| TcpStream::connect(service.address()).unwrap()).collect();
    for stream in &mut streams {
        stream.write_all(b"GET /live HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
    }
    for stream in &mut streams {
        let mut status = [0; 12];
        stream.read_exact(&mut status).unwrap();
        assert_eq!(&status, b"HTTP/1.1 200");
    }
}

/// Each option of the command wins over the entry of the configuration.
#[test]
fn options_win_over_the_configuration() {
    let folder = Arc::new(iris());
    let entries = r#"{
        "server": {"listen": "192.0.2.1:1", "workers": 3, "max_body": 10, "drain": 86400},
        "second": {
            "__copy__": "predict_service",
            "entry_point": "/second",
            "model_persister": CachedUpdatePersister(impl: Database(url: "sqlite:///second.db")),
        },
        "third": {"__copy__": "predict_service", "entry_point": "/third"},
    }"#;
    std::fs::write(folder.path().join("layer.ron"), entries).unwrap();
    let common = ["--config", "config.ron,layer.ron", "--workers", "1", "--body-limit", "50", "--drain-seconds", "0"];
    for listen in [&["--listen", "127.0.0.1:0"][..], &["--port", "0"], &["--host", "127.0.0.1", "--port", "0"]] {
        let service = Service::logged(Arc::clone(&folder), "info", &[listen, &common].concat());
        let log = service.log();
        let line = log.lines().find(|line| line.contains("serving")).unwrap();
        let address = format!("addresses=\"{}\"", service.base);
        let pid = format!("pid={}", service.process.0.id());
        let parts = [
            &address,
            &pid,
            "tls=\"off\"",
            " workers=1 ",
            "layer.ron\"",
            " /predict,",
            "models=\"model_persister not in memory, second.model_persister not in memory\"",
        ];
        for part in parts {
            assert!(line.contains(part), "{line} lacks {part}");
        }
        // It is read, and there is no model.
        assert_eq!(service.post("/predict", " ".repeat(50)).status(), 503);
        check_error(service.post("/predict", " ".repeat(51)), 413, "50 bytes");
        assert!(service.end().success(), "it does not go on for a day");
    }
    // Machines without IPv6 cannot tell.
    for host in ["::1", "[::1]"].into_iter().filter(|_| std::net::TcpListener::bind("[::1]:0").is_ok()) {
        let said = succeed(folder.path(), &["serve", "--check", "--host", host, "--config", "config.ron"]);
        assert!(said.starts_with("can listen on http://[::1]:"), "{said}");
    }
    let both = palladium(folder.path()).args(["serve", "--listen", "127.0.0.1:0", "--port", "1"]).output().unwrap();
    assert_eq!(both.status.code(), Some(2));
    let no_address = palladium(folder.path()).args(["serve", "--listen", "5000"]).output().unwrap();
    assert_eq!(no_address.status.code(), Some(2));
    assert!(crate::process::text(&no_address.stderr).contains("`HOST:PORT`"));
}

#[test]
fn http_2_is_spoken_to_clients_that_know_so() {
    let service = Service::fitted();
    let client = Client::builder().no_proxy().http2_prior_knowledge().build().unwrap();
    for _ in 0..3 {
        let response = client.get(format!("{}{SAMPLE}", service.base)).send().unwrap();
        assert_eq!((response.version(), response.status().as_u16()), (reqwest::Version::HTTP_2, 200));
        assert_eq!(response.json::<Json>().unwrap()["result"], "Iris-versicolor");
    }
    let request = client.get(format!("{}/live", service.base)).header("x-long", "x".repeat(70_000));
    check_error(request.send().unwrap(), 431, "65536 bytes");
    assert!(service.end().success());
    let folder = Arc::new(iris());
    let socket = folder.path().join("palladium.sock");
    let listen = format!("unix:{}", socket.display());
    let service = Service::logged(folder, "info", &["--listen", &listen, "--config", "config.ron"]);
    for version in [reqwest::Version::HTTP_2, reqwest::Version::HTTP_11] {
        let client = Client::builder().unix_socket(socket.as_path());
        let client = if version == reqwest::Version::HTTP_2 { client.http2_prior_knowledge() } else { client };
        let response = client.build().unwrap().get("http://localhost/live").send().unwrap();
        assert_eq!((response.version(), response.status().as_u16()), (version, 200));
    }
    assert!(service.end().success());
}

#[test]
fn a_stop_waits_for_a_running_request_and_a_second_signal_for_nothing() {
    let folder = Arc::new(iris());
    let patient = r#"{"server": {"body_timeout": 86400, "shutdown_timeout": 86400}}"#;
    std::fs::write(folder.path().join("patient.ron"), patient).unwrap();
    let listen = ["--listen", "127.0.0.1:0", "--config", "config.ron,patient.ron"];
    for signals in [1, 2] {
        let mut service = Service::logged(Arc::clone(&folder), "info,palladium::access=info", &listen);
        let mut stream = TcpStream::connect(service.address()).unwrap();
        let head = "POST /predict HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n";
        stream.write_all(format!("{head}expect: 100-continue\r\ncontent-length: 2\r\n\r\n").as_bytes()).unwrap();
        // The service goes on with the request by then.
        let mut go_on = [0; 25];
        stream.read_exact(&mut go_on).unwrap();
        assert_eq!(&go_on, b"HTTP/1.1 100 Continue\r\n\r\n");
        service.process.signal(Signal::TERM);
        service.wait_for_log("stopping: running requests are finished", 1);
        assert!(service.process.0.try_wait().unwrap().is_none(), "the request is waited for");
        match signals {
            1 => {
                stream.write_all(b"[]").unwrap();
                let mut answer = String::new();
                stream.read_to_string(&mut answer).unwrap();
                // There is no model.
                assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
            }
            _ => service.process.signal(Signal::INT),
        }
        assert_eq!(service.process.finish().status.code(), Some(0));
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
         help: another process listens there: stop it or choose another port in `server.listen` or with `--port`\n"
    );
}
