//! Messages that no honest client sends: the service refuses them, and goes on.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value as Json;

use crate::process::{iris, succeed};
use crate::serve::{SAMPLE, Service};

const POST: &str = "POST /predict HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n";
/// How long a test waits for the end of a connection.
const PATIENCE: Duration = Duration::from_secs(60);
const CLOSE: &str = "connection: close\r\n";

/// Returns the service with a layer of these entries, which keeps its log of this level.
fn start(entries: &str, level: &str) -> Service {
    let folder = Arc::new(iris());
    succeed(folder.path(), &["fit", "--config", "config.ron"]);
    std::fs::write(folder.path().join("layer.ron"), format!("{{{entries}}}")).unwrap();
    Service::logged(folder, level, &["--listen", "127.0.0.1:0", "--config", "config.ron,layer.ron"])
}

fn connect(service: &Service) -> TcpStream {
    let stream = TcpStream::connect(service.address()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Reads until the service closes the connection, which it may do before it has read everything.
fn rest(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    let mut part = [0; 4096];
    let started = Instant::now();
    while let Ok(read @ 1..) = stream.read(&mut part) {
        answer.extend_from_slice(&part[..read]);
    }
    assert!(started.elapsed() < PATIENCE, "the service leaves the connection open");
    String::from_utf8_lossy(&answer).into_owned()
}

/// Sends a message and returns everything that comes back until the service closes the connection.
fn exchange(service: &Service, message: &[u8]) -> String {
    let mut stream = connect(service);
    // What is refused early may not be read to its end.
    let _ = stream.write_all(message);
    let _ = stream.shutdown(Shutdown::Write);
    rest(&mut stream)
}

/// Returns the statuses of the answers in a text.
fn statuses(answers: &str) -> Vec<u16> {
    let starts = answers.match_indices("HTTP/1.").map(|(at, _)| &answers[at + 9..at + 12]);
    starts.map(|status| status.parse().unwrap()).collect()
}

fn is_well(service: &Service) {
    let answer: Json = service.get(SAMPLE).json().unwrap();
    assert_eq!(answer["result"], "Iris-versicolor");
}

/// Requests whose length could be understood in two ways are never answered as one and then another.
#[test]
fn no_second_request_is_smuggled() {
    let service = start("", "off");
    let hidden = "GET /list HTTP/1.1\r\nhost: x\r\n\r\n";
    let chunked = format!("2\r\n[]\r\n0\r\n\r\n{hidden}");
    let cases = [
        format!("{POST}content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n{chunked}"),
        format!("{POST}transfer-encoding: chunked\r\ncontent-length: 2\r\n\r\n{chunked}"),
        format!("{POST}content-length: 2\r\ncontent-length: {}\r\n\r\n[]{hidden}", 2 + hidden.len()),
        format!("{POST}content-length: 2, {}\r\n\r\n[]{hidden}", 2 + hidden.len()),
        format!("{POST}content-length: +2\r\n\r\n[]{hidden}"),
        format!("{POST}content-length: 0x2\r\n\r\n[]{hidden}"),
        format!("{POST}content-length: 2 2\r\n\r\n[]{hidden}"),
        format!("{POST}content-length: 18446744073709551618\r\n\r\n[]{hidden}"),
        format!("{POST}transfer-encoding: xchunked\r\n\r\n{chunked}"),
        format!("{POST}transfer-encoding: chunked, identity\r\n\r\n{chunked}"),
        format!("{POST}transfer-encoding: chunked\r\ntransfer-encoding: identity\r\n\r\n{chunked}"),
        format!("{POST}transfer-encoding : chunked\r\n\r\n{chunked}"),
        format!("{POST}transfer-encoding:\x0bchunked\r\n\r\n{chunked}"),
        format!("{POST} transfer-encoding: chunked\r\n\r\n{chunked}"),
        format!(
            "POST /predict HTTP/1.0\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n{chunked}"
        ),
        format!("{POST}transfer-encoding: chunked\r\n\r\n10000000000000002\r\n[]\r\n0\r\n\r\n{hidden}"),
        format!("{POST}transfer-encoding: chunked\r\n\r\n-2\r\n[]\r\n0\r\n\r\n{hidden}"),
        format!("{POST}transfer-encoding: chunked\r\n\r\n2\n[]\n0\n\n{hidden}"),
    ];
    for message in cases {
        let answers = exchange(&service, message.as_bytes());
        let statuses = statuses(&answers);
        assert!(!answers.contains("\"models\""), "{message}\n{answers}");
        assert!(
            statuses.len() <= 1 && statuses.iter().all(|status| (400..500).contains(status)),
            "{message}\n{answers}"
        );
        is_well(&service);
    }
}

#[test]
fn requests_that_come_together_are_answered_in_order() {
    let service = start("", "off");
    let get = |target: &str| format!("GET {target} HTTP/1.1\r\nhost: x\r\n\r\n");
    let post = format!("{POST}content-length: 2\r\n\r\n[]");
    let mut message: String = ["/live", SAMPLE, "/no", "/alive"].map(get).concat();
    message.push_str(&post);
    message.push_str(&get("/list").replace("\r\n\r\n", &format!("\r\n{CLOSE}\r\n")));
    let answers = exchange(&service, message.as_bytes());
    assert_eq!(statuses(&answers), [200, 200, 404, 200, 200, 200]);
    let places: Vec<usize> = ["Iris-versicolor", "nothing at", "palladium_version", "\"result\":[]", "\"models\""]
        .iter()
        .map(|part| answers.find(part).unwrap_or_else(|| panic!("{part} is not in {answers}")))
        .collect();
    assert!(places.is_sorted(), "{answers}");
}

#[test]
fn old_and_odd_forms_of_requests_are_understood_or_refused() {
    let service = start("", "info,palladium::access=info");
    let cases = [
        ("GET /live HTTP/1.0\r\n\r\n".to_owned(), 200),
        ("GET /live HTTP/1.0\r\nconnection: keep-alive\r\n\r\n".to_owned(), 200),
        ("GET http://x/live HTTP/1.1\r\nhost: x\r\n\r\n".to_owned(), 200),
        ("GET http://elsewhere/live HTTP/1.1\r\nhost: x\r\n\r\n".to_owned(), 200),
        ("OPTIONS * HTTP/1.1\r\nhost: x\r\n\r\n".to_owned(), 404),
        ("CONNECT x:80 HTTP/1.1\r\nhost: x\r\n\r\n".to_owned(), 404),
        ("TRACE /live HTTP/1.1\r\nhost: x\r\n\r\n".to_owned(), 405),
        ("get /live HTTP/1.1\r\nhost: x\r\n\r\n".to_owned(), 405),
        ("GET live HTTP/1.1\r\nhost: x\r\n\r\n".to_owned(), 404),
        ("GET  /live HTTP/1.1\r\nhost: x\r\n\r\n".to_owned(), 400),
        ("GET /live HTTP/1.1\r\nhost: x\r\n folded: y\r\n\r\n".to_owned(), 400),
        ("GET /live HTTP/1.1\r\nho st: x\r\n\r\n".to_owned(), 400),
        ("GET /live HTTP/1.1\r\nhost: x\0y\r\n\r\n".to_owned(), 400),
        ("GET /live HTTP/1.1\r\nhost: x\ry\r\n\r\n".to_owned(), 400),
        ("GET /live\x01 HTTP/1.1\r\nhost: x\r\n\r\n".to_owned(), 400),
        (format!("GET /{} HTTP/1.1\r\nhost: x\r\n\r\n", "x".repeat(65_000)), 404),
        (format!("GET /{} HTTP/1.1\r\nhost: x\r\n\r\n", "x".repeat(65_530)), 431),
        // No address is longer than 65534 bytes.
        (format!("GET /{} HTTP/1.1\r\nhost: x\r\n\r\n", "x".repeat(100_000)), 400),
        (format!("GET /{} HTTP/1.1\r\nhost: x\r\n\r\n", "x".repeat(200_000)), 431),
        (format!("GET /live HTTP/1.1\r\nhost: {}\r\n\r\n", "x".repeat(100_000)), 431),
        (format!("GET /live HTTP/1.1\r\nhost: x\r\n{}\r\n", "a: b\r\n".repeat(97)), 431),
        (format!("GET /live HTTP/1.1\r\nhost: x\r\n{}", "a: b\r\n".repeat(1_000_000)), 431),
        ("GET /live HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n".to_owned(), 200),
        ("GET /live HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\n\r\n".to_owned(), 200),
    ];
    let n_cases = cases.len();
    for (message, expected) in cases {
        let answer = exchange(&service, message.as_bytes());
        let start: String = message.chars().take(80).collect();
        assert_eq!(statuses(&answer).last(), Some(&expected), "{start}\n{answer}");
        is_well(&service);
    }
    let log = service.wait_for_log("status=200", n_cases);
    assert!(!log.contains("ERROR"), "anybody can make errors in the log: {log}");
}

/// Sends messages, and checks the status that each is refused with.
fn refused(service: &Service, cases: Vec<(String, u16)>) {
    for (message, expected) in cases {
        let mut stream = connect(service);
        let _ = stream.write_all(message.as_bytes());
        let answer = rest(&mut stream);
        let start: String = message.chars().take(120).collect();
        // A client that still sends when it is refused may lose the answer with the connection.
        let is_lost = answer.is_empty() && message.len() > 100_000;
        assert!(is_lost || statuses(&answer) == [expected], "{start}\n{answer}");
        is_well(service);
    }
}

fn chunks(chunk: &str, count: usize) -> String {
    format!("{POST}{CLOSE}transfer-encoding: chunked\r\n\r\n{}0\r\n\r\n", chunk.repeat(count))
}

#[test]
fn floods_are_cut_off() {
    let service = start(r#""server": {"max_body": 1000},"#, "off");
    let cases = vec![
        (chunks("1\r\n[\r\n", 5_000), 413),
        (chunks("1\r\n[\r\n", 1_000_000), 413),
        (chunks("2;extension=1\r\n[]\r\n", 5_000), 413),
        (format!("{POST}{CLOSE}content-length: 1000000000\r\n\r\n{}", "[".repeat(1_000_000)), 413),
    ];
    refused(&service, cases);
}

#[test]
fn slow_requests_are_cut_off() {
    let service = start(r#""server": {"max_body": 1000, "body_timeout": 0.3, "head_timeout": 3},"#, "off");
    let announced = format!("{POST}{CLOSE}content-length: 100\r\n\r\n[");
    refused(&service, vec![(chunks("fffffff\r\n[", 1), 408), (announced, 408)]);
    // Each byte comes in time, all of them do not.
    for (head, expected) in [(format!("{POST}{CLOSE}content-length: 900\r\n\r\n"), 408), (String::new(), 408)] {
        let mut stream = connect(&service);
        stream.write_all(head.as_bytes()).unwrap();
        let mut writer = stream.try_clone().unwrap();
        let dripping = std::thread::spawn(move || {
            while writer.write_all(b"G").is_ok() {
                std::thread::sleep(Duration::from_millis(20));
            }
        });
        let answer = rest(&mut stream);
        let _ = stream.shutdown(Shutdown::Both);
        dripping.join().unwrap();
        assert_eq!(statuses(&answer), [expected], "{answer}");
        is_well(&service);
    }
}

#[test]
fn half_closed_connections_are_answered_as_far_as_they_go() {
    let service = start("", "off");
    let complete = exchange(&service, format!("{POST}content-length: 2\r\n\r\n[]").as_bytes());
    assert_eq!(statuses(&complete), [200], "{complete}");
    for cut in [
        "POST /pre",
        &format!("{POST}content-length: 20\r\n\r\n[{{"),
        &format!("{POST}transfer-encoding: chunked\r\n\r\n5\r\n["),
    ] {
        let answer = exchange(&service, cut.as_bytes());
        let statuses = statuses(&answer);
        assert!(statuses.is_empty() || statuses == [400], "{cut}\n{answer}");
        is_well(&service);
    }
}

#[test]
fn deep_and_repeated_json_is_refused() {
    let service = start("", "off");
    let field = |value: &str| {
        format!(r#"[{{"sepal length": {value}, "sepal width": 1, "petal length": 1, "petal width": 1}}]"#)
    };
    let deep = |open: &str, close: &str| format!("{}{}", open.repeat(100_000), close.repeat(100_000));
    let cases = [
        deep("[", "]"),
        deep("[{\"a\":", "}]"),
        field(&deep("[", "]")),
        field(&deep("{\"a\":", "}")),
        field("1, \"sepal length\": 2"),
        field("1, \"sepal\\u0020length\": 2"),
        field("1e400"),
        field(&"9".repeat(1_000_000)),
        field("\"\\ud800\""),
        "[".repeat(1_000_000),
        "{\"a\":".repeat(1_000_000),
    ];
    for body in cases {
        let request =
            service.client.post(format!("{}/predict", service.base)).header("content-type", "application/json");
        let start: String = body.chars().take(60).collect();
        let response = request.body(body).send().unwrap();
        assert_eq!(response.status(), 400, "{start}");
        assert!(response.text().unwrap().len() < 1000, "{start}");
        is_well(&service);
    }
}

/// Whatever path and method are tried, nothing behind a password happens without it.
#[test]
fn guarded_routes_are_closed_however_they_are_named() {
    let views = [("fit", "/fit"), ("update_model_cache", "/update"), ("activate", "/activate"), ("jobs", "/jobs/<id>")];
    let rules: Vec<String> = views
        .iter()
        .map(|(view, rule)| {
            let name = format!(r#""!": "palladium.server.add_url_rule", "view_func": "palladium.server.{view}""#);
            format!(r#"{{{name}, "rule": "{rule}", "methods": ["GET", "POST", "DELETE"]}}"#)
        })
        .collect();
    let lists = [
        "predict",
        "alive",
        "list",
        "server_fit",
        "update_model_cache",
        "activate",
        "jobs",
        "metrics",
        "docs",
        "console",
        "open_inference",
    ];
    let components = r#""metrics": Metrics(), "console": Console(), "inference": OpenInference(),"#;
    let key =
        r#"{"!": "palladium.decorators.ApiKey", "api_keys": {"tester": "${environ.KEY:-right-right-right-right}"}}"#;
    let lists: Vec<String> = lists.iter().map(|name| format!(r#""{name}_decorators": [{key}]"#)).collect();
    let entries = format!(r#""rules": [{}], {components} {}"#, rules.join(", "), lists.join(", "));
    let service = start(&entries, "off");
    let routes = [
        "/predict",
        "/alive",
        "/list",
        "/fit",
        "/update",
        "/activate",
        "/jobs/1",
        "/metrics",
        "/openapi.json",
        "/docs",
        "/docs/swagger-ui.css",
        "/console",
        "/console/console.js",
        "/console/api/service",
        "/console/api/models",
        "/console/api/activate",
        "/console/api/fit",
        "/v2",
        "/v2/health/live",
        "/v2/repository/index",
        "/v2/models/predict_service",
        "/v2/models/predict_service/versions/1/ready",
        "/v2/models/predict_service/infer",
    ];
    let told = [
        "\"models\"",
        "process_metadata",
        "job_id",
        "Iris",
        "\"result\"",
        "# HELP",
        "\"openapi\"",
        "<html",
        "swagger-ui {",
        "function",
        "\"stores\"",
        "\"extensions\"",
        "\"platform\"",
        "\"outputs\"",
    ];
    let methods =
        ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "BREW", "get", "post"];
    let encoded = |path: &str| {
        let bytes: String = path.bytes().skip(1).map(|byte| format!("%{byte:02x}")).collect();
        let (name, first) = (&path[1..], format!("%{:02X}", path.as_bytes()[1]));
        vec![
            path.to_owned(),
            format!("/{bytes}"),
            format!("/{first}{}", &name[1..]),
            format!("//{name}"),
            format!("/{name}/"),
            format!("/./{name}"),
            format!("/x/../{name}"),
            format!("/%2e%2e/{name}"),
            format!("/%2f{name}"),
            format!("/{name}%2f"),
            format!("/{name}%00"),
            format!("/{name};x=1"),
            format!("/{name}?key=right-right-right-right&x-api-key=right-right-right-right"),
            format!("/{name}%3fx"),
            format!("/{name}%20"),
            format!("/{name}#x"),
            format!("/{}", name.to_uppercase()),
            format!("/%25{}{}", &first[1..], &name[1..]),
            format!("http://x/{name}"),
            format!("http://x:1/{first}{}", &name[1..]),
        ]
    };
    let body = r#"{"model_version": 1}"#;
    for route in routes {
        let mut is_there = false;
        for target in encoded(route) {
            for method in methods {
                let head = format!("{method} {target} HTTP/1.1\r\nhost: x\r\n{CLOSE}x-http-method-override: POST\r\n");
                let kind = "content-type: application/json\r\nx-api-key: wrong\r\n";
                let message = format!("{head}{kind}content-length: {}\r\n\r\n{body}", body.len());
                let answer = exchange(&service, message.as_bytes());
                let statuses = statuses(&answer);
                let is_closed = matches!(statuses[..], [400 | 401 | 403 | 404 | 405]);
                assert!(is_closed, "{method} {target}: {answer}");
                for told in told {
                    assert!(!answer.contains(told), "{method} {target}: {answer}");
                }
                is_there |= target == route && statuses == [401];
            }
        }
        assert!(is_there, "nothing stands at {route}");
    }
    let alive = service
        .client
        .get(format!("{}/alive", service.base))
        .header("x-api-key", "right-right-right-right")
        .send()
        .unwrap();
    let alive: Json = alive.json().unwrap();
    assert_eq!(alive["process_metadata"]["jobs"], serde_json::json!({}), "nothing was started");
}

/// What clients write never becomes a line of the log or a header of its own.
#[test]
fn lines_of_the_log_and_headers_cannot_be_forged() {
    let folder = Arc::new(iris());
    succeed(folder.path(), &["fit", "--config", "config.ron"]);
    let layer = "#{ list_decorators: [|wrapped| { throw wrapped.request.query.text; }] }";
    std::fs::write(folder.path().join("layer.rhai"), layer).unwrap();
    let arguments = ["--listen", "127.0.0.1:0", "--config", "config.ron,layer.rhai"];
    let service = Service::logged(folder, "debug,palladium::access=info", &arguments);
    let forged = "2026-01-01T00:00:00.000000Z ERROR palladium::server: forged";
    let escaped: String = forged.bytes().map(|byte| format!("%{byte:02x}")).collect();
    let targets = [
        format!("/%0d%0a{escaped}%0d%0aset-cookie:%20forged=1"),
        format!("/predict?sepal%20length=%0a{escaped}"),
        format!("/predict?%0a{escaped}=1"),
        format!("/list?text=%1b%5b2J%0a{escaped}"),
        format!("/{}", "%0a".repeat(10_000)),
    ];
    for target in &targets {
        for method in ["GET", "POST", "BREW"] {
            let kind = format!("content-type: text/plain; x={forged}\r\nx-request-id: a b\tforged\r\n");
            let message = format!("{method} {target} HTTP/1.1\r\nhost: x\r\n{CLOSE}{kind}content-length: 2\r\n\r\n[]");
            let answer = exchange(&service, message.as_bytes());
            assert_eq!(statuses(&answer).len(), 1, "{method} {target}\n{answer}");
            let (head, _) = answer.split_once("\r\n\r\n").unwrap();
            assert!(!head.contains("forged"), "{method} {target}\n{answer}");
            assert!(answer.len() < 2_000, "{method} {target}\n{answer}");
        }
    }
    is_well(&service);
    let log = service.wait_for_log("status=", targets.len() * 3 + 1);
    let thrown = log.lines().filter(|line| line.contains("internal error") && line.contains(forged)).count();
    assert_eq!(thrown, 1, "the decorator threw what it was given: {log}");
    for line in log.lines() {
        assert!(!line.starts_with("2026-01-01T00:00:00.000000Z ERROR"), "{line}");
        assert!(!line.contains('\u{1b}'), "{line:?}");
        let is_line = line.len() > 27 && line.is_char_boundary(27) && line[..27].ends_with('Z');
        assert!(is_line, "{line:?} does not begin with a time");
    }
}
