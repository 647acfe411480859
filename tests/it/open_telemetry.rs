//! `palladium.observability.OpenTelemetry` against a collector: what is sent, and what the environment changes.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use reqwest::Method;
use reqwest::blocking::RequestBuilder;
use serde_json::{Value as Json, json};

use crate::process::{iris, palladium, succeed, text};
use crate::serve::{SAMPLE, Service};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN: &str = "00f067aa0ba902b7";

/// A request that a collector was sent.
struct Sent {
    /// The head, in lower case.
    head: String,
    body: Vec<u8>,
}

/// A collector, which says that everything is fine, or for once nothing. It ends with the process.
struct Collector {
    address: String,
    sent: Receiver<Sent>,
}

impl Collector {
    fn start() -> Collector {
        Collector::answering_from(0)
    }

    /// Starts one that leaves the requests of its first connections without an answer.
    fn answering_from(first: usize) -> Collector {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let (tell, sent) = channel();
        std::thread::spawn(move || {
            for (index, stream) in listener.incoming().enumerate() {
                let tell = tell.clone();
                std::thread::spawn(move || answer(stream.unwrap(), &tell, index >= first));
            }
        });
        Collector { address, sent }
    }

    fn next(&self) -> Sent {
        self.sent.recv_timeout(Duration::from_secs(60)).unwrap()
    }

    /// Waits for so many spans of OTLP as JSON, and returns them with their resource.
    fn spans(&self, count: usize) -> (Json, Vec<Json>) {
        let (mut resource, mut spans) = (Json::Null, Vec::new());
        while spans.len() < count {
            let sent = self.next();
            assert!(sent.head.contains("content-type: application/json\r\n"), "{}", sent.head);
            let body: Json = serde_json::from_slice(&sent.body).unwrap();
            for of_resource in body["resourceSpans"].as_array().unwrap() {
                resource = of_resource["resource"].clone();
                for of_scope in of_resource["scopeSpans"].as_array().unwrap() {
                    assert_eq!(of_scope["scope"]["name"], "palladium");
                    spans.extend(of_scope["spans"].as_array().unwrap().iter().cloned());
                }
            }
        }
        (resource, spans)
    }
}

/// Answers the requests of a connection, or says nothing until the other side has closed it.
fn answer(stream: TcpStream, tell: &Sender<Sent>, answers: bool) {
    let mut stream = BufReader::new(stream);
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            // The other side has closed the connection, or is gone.
            if stream.read_line(&mut head).unwrap_or(0) == 0 {
                return;
            }
        }
        let head = head.to_ascii_lowercase();
        let length = head.split("content-length: ").nth(1).and_then(|rest| rest.lines().next()?.parse().ok());
        let mut body = vec![0; length.unwrap()];
        stream.read_exact(&mut body).unwrap();
        let fine = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}";
        let is_told = tell.send(Sent { head, body }).is_ok();
        if !answers {
            continue;
        }
        if stream.get_mut().write_all(fine.as_bytes()).is_err() || !is_told {
            return;
        }
    }
}

/// Starts the iris service with a model, these arguments of the component and these variables.
fn service(arguments: &str, variables: &[(&str, &str)]) -> Service {
    let folder = Arc::new(iris());
    succeed(folder.path(), &["fit", "--config", "config.ron"]);
    // The list of models fails, since it cannot be written down who asks for it.
    let layer = format!(
        r#"{{
            "traces": {{"!": "palladium.observability.OpenTelemetry", {arguments}}},
            "list_decorators": [{{"!": "AuditLog", "path": "/dev/full"}}],
        }}"#
    );
    std::fs::write(folder.path().join("traces.ron"), layer).unwrap();
    let variables: Vec<(&str, &str)> = [("NO_PROXY", "127.0.0.1")].iter().chain(variables).copied().collect();
    Service::start_in(folder, &["--config", "config.ron,traces.ron"], &variables)
}

impl Service {
    /// Sends a GET with these headers and returns the ids of its trace and of its span.
    fn traced(&self, path: &str, headers: &[(&str, &str)]) -> (String, String) {
        let mut request = self.client.get(format!("{}{path}", self.base));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Service::span_of(request)
    }

    /// Sends a request and returns the ids of its trace and of its span.
    fn span_of(request: RequestBuilder) -> (String, String) {
        let response = request.send().unwrap();
        let told = response.headers()["traceresponse"].to_str().unwrap();
        let parts: Vec<&str> = told.split('-').collect();
        (parts[1].to_owned(), parts[2].to_owned())
    }
}

/// Returns the value of an attribute of a span or a resource.
fn attribute(of: &Json, name: &str) -> Option<Json> {
    let attributes = of["attributes"].as_array()?;
    let value = &attributes.iter().find(|attribute| attribute["key"] == name)?["value"];
    // Whole numbers are text in JSON's form of a protobuf message, and may be numbers.
    let integer = |value: &Json| value.as_i64().or_else(|| value.as_str()?.parse().ok());
    value.get("stringValue").cloned().or_else(|| integer(value.get("intValue")?).map(Json::from))
}

#[test]
fn open_telemetry_gets_a_span_of_each_request() {
    let collector = Collector::start();
    let service = service(
        "",
        &[
            ("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.address),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "x-token=abc"),
            ("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment=test"),
            ("OTEL_SERVICE_NAME", "flowers"),
            ("OTEL_BSP_SCHEDULE_DELAY", "50"),
        ],
    );
    let parent = format!("00-{TRACE}-{SPAN}-01");
    let given = service.traced(SAMPLE, &[("traceparent", &parent), ("tracestate", "a=1,b=2")]);
    let own = service.traced("/nowhere", &[]);
    let refused = service.traced("/predict", &[]);
    let failed = service.traced("/list", &[]);
    let brew = Method::from_bytes(b"BREW").unwrap();
    let odd = Service::span_of(service.client.request(brew, format!("{}/predict", service.base)));
    assert_eq!(given.0, TRACE);

    let (resource, spans) = collector.spans(5);
    assert_eq!(attribute(&resource, "service.name"), Some(json!("flowers")));
    assert_eq!(attribute(&resource, "deployment.environment"), Some(json!("test")));
    let span = |(trace, id): &(String, String)| {
        let found = spans.iter().find(|span| span["spanId"] == **id);
        let found = found.unwrap_or_else(|| panic!("no span {id} in {spans:?}"));
        assert_eq!(found["traceId"], **trace);
        // It is the span of a server.
        assert_eq!(found["kind"], 2, "{found}");
        found
    };
    let predicted = span(&given);
    assert_eq!((&predicted["parentSpanId"], &predicted["traceState"]), (&json!(SPAN), &json!("a=1,b=2")));
    assert_eq!(predicted["name"], "GET /predict");
    for (name, expected) in [
        ("http.request.method", json!("GET")),
        ("http.route", json!("/predict")),
        ("url.path", json!("/predict")),
        ("http.response.status_code", json!(200)),
        ("palladium.model.version", json!(1)),
        ("palladium.rows", json!(1)),
    ] {
        assert_eq!(attribute(predicted, name), Some(expected), "{name} of {predicted}");
    }
    let nowhere = span(&own);
    assert_eq!((&nowhere["name"], attribute(nowhere, "http.route")), (&json!("GET"), None));
    assert!(nowhere["parentSpanId"].as_str().unwrap_or_default().is_empty(), "{nowhere}");
    assert_eq!(attribute(nowhere, "http.response.status_code"), Some(json!(404)));
    let refused = span(&refused);
    assert_eq!(attribute(refused, "http.response.status_code"), Some(json!(400)));
    assert_eq!((attribute(refused, "palladium.rows"), attribute(refused, "error.type")), (None, None));
    // What a client does wrong is no error of the span, whose code would be 2.
    assert_ne!(refused["status"]["code"], 2, "{refused}");
    let failed = span(&failed);
    assert_eq!((&failed["name"], &failed["status"]["code"]), (&json!("GET /list"), &json!(2)), "{failed}");
    assert_eq!(attribute(failed, "error.type"), Some(json!("503")));
    let odd = span(&odd);
    assert_eq!((&odd["name"], attribute(odd, "http.request.method")), (&json!("HTTP /predict"), Some(json!("_OTHER"))));
    for span in &spans {
        let time = |name: &str| span[name].as_str().unwrap().parse::<u64>().unwrap();
        assert!(time("startTimeUnixNano") < time("endTimeUnixNano"), "{span}");
    }

    service.traced(SAMPLE, &[]);
    let sent = collector.next();
    assert!(sent.head.starts_with("post /v1/traces http/1.1\r\n") && sent.head.contains("x-token: abc\r\n"));
}

#[test]
fn open_telemetry_gets_what_is_sampled_when_the_service_stops() {
    let collector = Collector::start();
    let service = service(
        &format!("\"endpoint\": \"{}/other\", \"service_name\": \"flowers\"", collector.address),
        &[
            ("OTEL_TRACES_SAMPLER", "parentbased_always_off"),
            ("OTEL_SERVICE_NAME", "not this one"),
            ("OTEL_BSP_SCHEDULE_DELAY", "600000"),
        ],
    );
    let (sampled, not) = (format!("00-{TRACE}-{SPAN}-01"), format!("00-{TRACE}-{SPAN}-00"));
    let first = service.traced(SAMPLE, &[("traceparent", &sampled)]);
    let others = [service.traced(SAMPLE, &[("traceparent", &not)]), service.traced(SAMPLE, &[])];
    assert!(service.end().success());

    let sent = collector.next();
    assert!(sent.head.starts_with("post /other http/1.1\r\n"), "{}", sent.head);
    assert!(sent.head.contains("content-type: application/x-protobuf\r\n"), "{}", sent.head);
    let holds = |bytes: &[u8]| sent.body.windows(bytes.len()).any(|window| window == bytes);
    let id = |text: &str| u64::from_str_radix(text, 16).unwrap().to_be_bytes();
    assert!(holds(&id(&first.1)) && holds(&id(SPAN)) && holds(b"flowers") && holds(b"GET /predict"));
    assert!(others.iter().all(|(_, span)| !holds(&id(span))));
    assert!(collector.sent.try_recv().is_err(), "there is no more");
}

#[test]
fn open_telemetry_gets_the_share_that_is_asked_for() {
    for (ratio, flags) in [("1", "01"), ("0", "00")] {
        let collector = Collector::start();
        let endpoint = format!("{}/mine", collector.address);
        let service = service(
            "",
            &[
                ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", &endpoint),
                ("OTEL_TRACES_SAMPLER", "traceidratio"),
                ("OTEL_TRACES_SAMPLER_ARG", ratio),
                ("OTEL_BSP_SCHEDULE_DELAY", "600000"),
                ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "1"),
            ],
        );
        let response = service.get(SAMPLE);
        assert!(response.headers()["traceresponse"].to_str().unwrap().ends_with(flags), "{ratio}: {response:?}");
        if flags == "01" {
            // A batch of one waits for nothing.
            assert!(collector.next().head.starts_with("post /mine http/1.1\r\n"));
        }
        assert!(service.end().success());
        assert!(collector.sent.try_recv().is_err(), "there is no more");
    }
}

#[test]
fn open_telemetry_keeps_no_request_from_its_answer() {
    let collector = Collector::answering_from(1);
    let slow = service(
        "",
        &[
            ("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.address),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "100"),
            ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "1"),
            ("OTEL_BSP_SCHEDULE_DELAY", "600000"),
        ],
    );
    for _ in 0..20 {
        assert_eq!(slow.get(SAMPLE).status(), 200);
    }
    let (first, second) = (collector.next(), collector.next());
    assert!(first.body != second.body, "what is not taken in time is given up, and others follow");
    assert!(slow.end().success());

    let disabled = service("", &[("OTEL_SDK_DISABLED", "true")]);
    assert_eq!(disabled.get(SAMPLE).headers().get("traceresponse"), None);

    let folder = iris();
    let layer = r#"{"traces": {"!": "palladium.observability.OpenTelemetry", "endpoint": "no url"}}"#;
    std::fs::write(folder.path().join("traces.ron"), layer).unwrap();
    let files = "config.ron,traces.ron";
    succeed(folder.path(), &["fit", "--config", files]);
    let output = palladium(folder.path()).args(["serve", "--check", "--config", files]).output().unwrap();
    let error = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{error}");
    assert!(error.contains("spans cannot be exported") && error.contains("look at `endpoint`"), "{error}");
}
