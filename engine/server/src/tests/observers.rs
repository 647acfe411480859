//! What observers are told about requests.

use std::net::Shutdown;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use palladium_component::prelude::*;
use palladium_runtime::App;
use serde_json::json;
use socket2::SockRef;

use super::support::*;

/// A view that notes what its observer is told, and answers with what it can ask the service.
#[derive(Default)]
struct Watch {
    told: Arc<Told>,
}

#[derive(Default)]
struct Told {
    rules: Mutex<Vec<String>>,
    lines: Mutex<Vec<String>>,
}

impl Lifecycle for Watch {}

impl View for Watch {
    fn rules(&self) -> Vec<ViewRule> {
        vec![ViewRule::new("/watch/<part>", &["GET"])]
    }

    fn observer(&self, rules: &[&str]) -> Option<Arc<dyn Observer>> {
        *self.told.rules.lock().unwrap() = rules.iter().map(|rule| (*rule).to_owned()).collect();
        Some(Arc::clone(&self.told) as Arc<dyn Observer>)
    }

    fn answer(&self, _: &ViewRequest, service: &dyn ServiceHandle) -> Result<ViewResponse, Failure> {
        let keys: Vec<String> = service.persisters().iter().map(|(key, _)| key.to_string()).collect();
        Ok(ViewResponse::text(200, format!("{} {:?}", keys.join(","), service.jobs())))
    }
}

/// A decorator that does nothing.
pub struct Pass;

impl Lifecycle for Pass {}

impl Decorator for Pass {
    fn call(&self, call: Call<'_>) -> Result<Returned, Failure> {
        call.proceed()
    }
}

impl Observer for Told {
    fn begun(&self) {
        self.note("begun".to_owned());
    }

    fn ended(&self, answered: Option<&Answered<'_>>) {
        let Some(answered) = answered else { return self.note("broken off".to_owned()) };
        assert!(answered.time > Duration::ZERO && answered.time < Duration::from_secs(60));
        let rules = self.rules.lock().unwrap();
        let rule = answered.route.map_or("nowhere", |route| rules[route].as_str());
        let Answered { method, status, received, sent, .. } = answered;
        self.note(format!("{rule} {method} {status} {received} {}", if *sent > 0 { "sent" } else { "empty" }));
    }

    fn predicted(&self, predicted: &Predicted) {
        let rules = self.rules.lock().unwrap();
        let version = predicted.version.map(Version::number);
        let queued = if predicted.queued > Duration::ZERO { " after a while" } else { "" };
        self.note(format!("{} predicted {} by {version:?}{queued}", rules[predicted.route], predicted.n_samples));
    }
}

impl Told {
    fn note(&self, line: String) {
        self.lines.lock().unwrap().push(line);
    }

    /// Returns what was told since the last time.
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.lines.lock().unwrap())
    }
}

fn watched(puppet: Puppet) -> (Running, Arc<Told>) {
    watched_with(puppet, Vec::new())
}

fn watched_with(puppet: Puppet, entries: Vec<(&str, Value)>) -> (Running, Arc<Told>) {
    let watch = Watch::default();
    let told = Arc::clone(&watch.told);
    let components = vec![
        ("model_persister", Component::Persister(Store::new(Reads::Cached(model(3))))),
        ("predict_service", Component::PredictService(Arc::new(puppet))),
        ("watch", Component::View(Arc::new(watch))),
    ];
    (Running::start(App::of_components(components, entries), options()), told)
}

/// Waits until so much was told.
fn told_in_time(told: &Told, count: usize) -> Vec<String> {
    let deadline = Instant::now() + Duration::from_secs(30);
    let mut lines = Vec::new();
    while lines.len() < count {
        assert!(Instant::now() < deadline, "{lines:?}");
        std::thread::sleep(Duration::from_millis(5));
        lines.extend(told.take());
    }
    lines
}

#[test]
fn every_request_is_told_with_its_route() {
    let (running, told) = watched(Puppet::at("/predict"));
    let mut client = running.client();
    let mut ask = |method: &str, target: &str, body: &str| {
        client.request(method, target, &[("content-type", "application/json")], body);
        // Whether a prediction was made by the worker itself depends on how long those before took.
        told.take().iter().map(|line| line.replace(" after a while", "")).collect::<Vec<_>>()
    };
    let cases: [(&str, &str, &str, &[&str]); 8] = [
        ("GET", "/predict", "", &["begun", "/predict predicted 1 by Some(3)", "/predict GET 200 0 sent"]),
        ("POST", "/predict", "[1]", &["begun", "/predict predicted 1 by Some(3)", "/predict POST 200 3 sent"]),
        ("POST", "/predict?do=nan", "[]", &["begun", "/predict predicted 3 by Some(3)", "/predict POST 200 2 sent"]),
        ("GET", "/predict?do=panic", "", &["begun", "/predict GET 500 0 sent"]),
        ("HEAD", "/alive", "", &["begun", "/alive HEAD 200 0 empty"]),
        ("GET", "/watch/1", "", &["begun", "/watch/<part> GET 200 0 sent"]),
        ("BREW", "/watch/2", "", &["begun", "/watch/<part> BREW 405 0 sent"]),
        ("GET", "/nothing", "", &["begun", "nowhere GET 404 0 sent"]),
    ];
    for (method, target, body, expected) in cases {
        assert_eq!(ask(method, target, body), expected, "{method} {target}");
    }
}

#[test]
fn large_bodies_and_decorated_requests_wait_for_a_thread() {
    let (running, told) = watched(Puppet::at("/predict"));
    let large = format!("[1{}]", " ".repeat(70_000));
    running.post("/predict", &large);
    assert_eq!(told.take()[1], "/predict predicted 1 by Some(3) after a while");
    // The worker itself makes those that were quick the last time.
    let is_at_once = || {
        running.post("/predict", "[1]");
        told.take()[1] == "/predict predicted 1 by Some(3)"
    };
    assert!((0..500).any(|_| is_at_once()), "no prediction is made at once");

    let watch = Watch::default();
    let told = Arc::clone(&watch.told);
    let mut decorators = Decorators::default();
    decorators.insert(DecoratorList::new("predict_decorators", vec![Arc::new(Pass)]));
    let components = vec![
        ("model_persister", Component::Persister(Store::new(Reads::Cached(model(3))))),
        ("predict_service", Component::PredictService(Arc::new(Puppet::at("/predict")))),
        ("watch", Component::View(Arc::new(watch))),
    ];
    let app = App::of_components(components, Vec::new()).decorated_by(decorators);
    let running = Running::start(app, options());
    running.get("/predict");
    assert_eq!(told.take()[1], "/predict predicted 1 by Some(3) after a while");
}

#[test]
fn bodies_in_chunks_count_as_long_as_they_were_read() {
    let store = Store::new(Reads::Cached(model(3)));
    let watch = Watch::default();
    let told = Arc::clone(&watch.told);
    let components = vec![
        ("model_persister", Component::Persister(store)),
        ("predict_service", Component::PredictService(Arc::new(Puppet::at("/predict")))),
        ("watch", Component::View(Arc::new(watch))),
    ];
    let mut options = options();
    options.max_body = Some(10);
    let running = Running::start(App::of_components(components, Vec::new()), options);
    let mut client = running.client();
    let head =
        "POST /predict HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n";
    client.send(&format!("{head}3\r\n[1,\r\n2\r\n2]\r\n0\r\n\r\n"));
    assert_eq!(client.receive(false).status, 200);
    assert_eq!(told.take().last().unwrap(), "/predict POST 200 5 sent");
    client.send(&format!("{head}c\r\n[1, 2, 3, 4]\r\n0\r\n\r\n"));
    assert_eq!(client.receive(false).status, 413);
    assert_eq!(told.take().last().unwrap(), "/predict POST 413 10 sent");
}

#[test]
fn a_request_whose_client_goes_away_is_over() {
    let (running, told) = watched(Puppet::at("/predict"));
    let mut client = running.client();
    client.send("POST /predict HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n[");
    assert_eq!(told_in_time(&told, 1), ["begun"]);
    // Nobody knows whether it still reads, as one does that ends its own side alone.
    client.0.get_ref().shutdown(Shutdown::Write).unwrap();
    assert_eq!(client.receive(false).status, 400);
    assert_eq!(told_in_time(&told, 1), ["/predict POST 400 9 sent"]);
}

/// Its answer cannot be read, whether the body has been waited for or comes with the end of the connection.
#[test]
fn a_request_whose_connection_is_reset_within_its_body_is_broken_off() {
    let (running, told) = watched(Puppet::at("/predict"));
    for is_waited_for in [true, false].repeat(50) {
        let mut client = running.client();
        SockRef::from(client.0.get_ref()).set_linger(Some(Duration::ZERO)).unwrap();
        client
            .send("POST /predict HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n[");
        let begun = if is_waited_for { told_in_time(&told, 1) } else { Vec::new() };
        drop(client);
        // One that is reset at once may not have been read at all.
        assert_eq!(running.get("/live").status, 200);
        let lines = [begun, told_in_time(&told, 2)].concat();
        assert!(lines.iter().all(|line| !line.contains("400")), "{lines:?}");
        assert!(!is_waited_for || lines.iter().any(|line| line == "broken off"), "{lines:?}");
    }
}

#[test]
fn a_client_that_goes_away_is_missed_also_where_its_next_request_waits() {
    let (puppet, entered, release) = Puppet::waiting();
    let (running, told) = watched_with(puppet, vec![("server", value(&json!({"predict_timeout": 60})))]);
    let mut client = running.client();
    client.send("GET /predict?do=wait HTTP/1.1\r\nhost: x\r\n\r\nGET /alive HTTP/1.1\r\nhost: x\r\n\r\n");
    entered.recv().unwrap();
    let begun = told_in_time(&told, 1);
    SockRef::from(client.0.get_ref()).set_linger(Some(Duration::ZERO)).unwrap();
    drop(client);
    assert_eq!((begun, told_in_time(&told, 1)), (vec!["begun".to_owned()], vec!["broken off".to_owned()]));
    release.send(()).unwrap();
}

#[test]
fn views_can_ask_for_persisters_and_jobs() {
    let (running, _) = watched(Puppet::at("/predict"));
    let expected = "model_persister JobCounts { running: 0, finished: 0, failed: 0, cancelled: 0 }";
    assert_eq!(running.get("/watch/x").body, expected);
}
