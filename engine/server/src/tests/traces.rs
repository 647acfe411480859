//! Traces: what observers and decorators see of them, and what responses say.

use std::io::Write;
use std::sync::{Arc, Mutex};

use actix_web::http::StatusCode;
use palladium_component::prelude::*;
use palladium_runtime::App;

use super::support::*;
use crate::answer::{Envelope, Refusal, Shape, Teller};
use crate::request_id::Name;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN: &str = "00f067aa0ba902b7";

/// Records the spans of requests whose trace does not begin with `0`; as a decorator it notes traces.
#[derive(Default)]
struct Recorder(Mutex<Vec<String>>);

impl Lifecycle for Recorder {}

/// The object that brings the recorder.
struct Brings(Arc<Recorder>);

impl Lifecycle for Brings {}

impl Object for Brings {
    fn as_any(&self) -> &dyn std::any::Any {
        self
    }

    fn observer(&self, rules: &[&str]) -> Option<Arc<dyn Observer>> {
        assert!(rules.contains(&"/predict"));
        Some(Arc::clone(&self.0) as Arc<dyn Observer>)
    }
}

impl Observer for Recorder {
    fn records_traces(&self) -> bool {
        true
    }

    fn samples(&self, trace: &Trace) -> bool {
        !trace.trace_id.to_string().starts_with('0')
    }

    fn ended(&self, answered: Option<&Answered<'_>>) {
        let Some(Answered { status, trace: Some(trace), predicted, .. }) = answered else { panic!("{answered:?}") };
        let parent = trace.parent.as_ref().map(|parent| format!("{} {:?}", parent.span_id, parent.state));
        let predicted = predicted.map(|predicted| (predicted.version.map(Version::number), predicted.n_samples));
        self.0.lock().unwrap().push(format!("{status} {} {parent:?} {predicted:?}", trace.is_sampled));
    }
}

impl Decorator for Recorder {
    fn call(&self, call: Call<'_>) -> Result<Returned, Failure> {
        let Arguments::Request(request) = call.arguments() else { panic!("a view has a request") };
        let trace = request.trace.as_ref().unwrap();
        self.0.lock().unwrap().push(format!("seen {}", trace.trace_id));
        call.proceed()
    }
}

fn app(recorder: &Arc<Recorder>, puppet: Puppet) -> App {
    let components = vec![
        ("model_persister", Component::Persister(Store::new(Reads::Cached(model(3))))),
        ("predict_service", Component::PredictService(Arc::new(puppet))),
        ("recorder", Component::Object(Arc::new(Brings(Arc::clone(recorder))))),
    ];
    App::of_components(components, Vec::new())
}

#[test]
fn a_request_has_the_trace_that_it_brings() {
    let recorder = Arc::new(Recorder::default());
    let plain = Running::start(app(&recorder, Puppet::at("/predict")), options());
    let parent = format!("00-{TRACE}-{SPAN}-01");
    let ask = |running: &Running, method: &str, target: &str, headers: &[(&str, &str)]| {
        let mut headers = headers.to_vec();
        headers.push(("content-type", "application/json"));
        let response = running.client().request(method, target, &headers, if method == "POST" { "[1]" } else { "" });
        (response.headers.get("traceresponse").cloned(), std::mem::take(&mut *recorder.0.lock().unwrap()))
    };
    let brought = [("traceparent", parent.as_str()), ("tracestate", "a=1, b=2")];
    let seen = format!("Some(\"{SPAN} \\\"a=1,b=2\\\"\")");
    for (method, target, told) in [
        ("GET", "/predict", format!("200 true {seen} Some((Some(3), 1))")),
        ("POST", "/predict", format!("200 true {seen} Some((Some(3), 1))")),
        ("GET", "/predict?do=bad", format!("400 true {seen} None")),
        ("GET", "/alive", format!("200 true {seen} None")),
        ("GET", "/nowhere", format!("404 true {seen} None")),
    ] {
        let (response, lines) = ask(&plain, method, target, &brought);
        assert_eq!(lines, [told], "{target}");
        let response = response.unwrap();
        assert!(response.starts_with(&format!("00-{TRACE}-")) && response.ends_with("-01"), "{response}");
        assert!(!response.contains(SPAN), "the span is a new one: {response}");
    }
    let zero = format!("00-0{}-{SPAN}-01", &TRACE[1..]);
    let (response, lines) = ask(&plain, "GET", "/predict", &[("traceparent", &zero), ("tracestate", "no list")]);
    assert_eq!(lines, [format!("200 false Some(\"{SPAN} \\\"\\\"\") Some((Some(3), 1))")]);
    assert!(response.unwrap().ends_with("-00"));

    let (first, second) = (ask(&plain, "GET", "/predict", &[]), ask(&plain, "GET", "/predict", &[]));
    assert!(first.1[0].contains("None Some"), "{first:?}");
    assert_ne!(first.0.unwrap()[3..35], second.0.unwrap()[3..35], "each begins a trace");
}

#[test]
fn decorators_see_the_trace() {
    let recorder = Arc::new(Recorder::default());
    let mut decorators = Decorators::default();
    decorators.insert(DecoratorList::new("predict_decorators", vec![Arc::clone(&recorder) as Arc<dyn Decorator>]));
    let running = Running::start(app(&recorder, Puppet::at("/predict")).decorated_by(decorators), options());
    let header = format!("00-{TRACE}-{SPAN}-00");
    running.client().request("GET", "/predict", &[("traceparent", &header)], "");
    let lines = std::mem::take(&mut *recorder.0.lock().unwrap());
    assert_eq!(lines, [format!("seen {TRACE}"), format!("200 true Some(\"{SPAN} \\\"\\\"\") Some((Some(3), 1))")]);
}

#[test]
fn nobody_who_wants_to_know_costs_no_trace() {
    let running = standard();
    assert_eq!(running.get("/predict").headers.get("traceresponse"), None);
    let header = format!("00-{TRACE}-{SPAN}-01");
    let brought = running.client().request("GET", "/predict", &[("traceparent", &header)], "");
    let told = &brought.headers["traceresponse"];
    assert!(told.starts_with(&format!("00-{TRACE}-")) && told.ends_with("-00"), "nothing is recorded: {told}");
    let odd = header.replace("00-", "ff-");
    assert_eq!(running.client().request("GET", "/predict", &[("traceparent", &odd)], "").status, 200);
}

/// Fails at whatever is said about a refusal.
struct Fails;

impl Lifecycle for Fails {}

impl Decorator for Fails {
    fn call(&self, _: Call<'_>) -> Result<Returned, Failure> {
        Err(Failure::message("no words"))
    }
}

impl View for Fails {
    fn rules(&self) -> Vec<ViewRule> {
        Vec::new()
    }

    fn refusal(&self, _: &str, _: u16, _: &str) -> Option<ViewResponse> {
        panic!("no words")
    }
}

/// What is logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn what_cannot_be_said_of_a_refusal_is_logged_with_its_trace() {
    let envelope = Envelope::new(None, DecoratorList::new("get_metadata_decorators", vec![Arc::new(Fails)]));
    let teller = Teller { envelope: &envelope, service: &Puppet::at("/predict"), detail: ErrorDetail::Full };
    let views: [Arc<dyn View>; 1] = [Arc::new(Fails)];
    let name = Name { id: "abc".to_owned(), trace: Some(TraceId([7; 16])) };
    let shapes = [
        (Shape::Envelope(teller), "the metadata of a refusal stay undecorated"),
        (Shape::Both(teller), "the metadata of a refusal stay undecorated"),
        (Shape::Views { views: &views, path: "/" }, "a view cannot say a refusal in its own way"),
    ];
    for (shape, said) in shapes {
        let log = Log::default();
        let to_ours = log.clone();
        let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || to_ours.clone()).finish();
        let respond = || Refusal::bad_request("no").respond(shape, &name);
        let response = tracing::subscriber::with_default(subscriber, respond);
        assert_eq!(response.status(), StatusCode::BAD_REQUEST);
        let line = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
        let named = format!("request_id=\"abc\" trace_id={}", "07".repeat(16));
        assert!(line.contains(said) && line.contains(&named), "{line}");
    }
}
