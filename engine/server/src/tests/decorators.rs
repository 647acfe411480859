//! Views and metadata in decorators.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::thread::ThreadId;
use std::time::Duration;

use palladium_component::prelude::*;
use palladium_runtime::App;
use serde_json::json;

use super::support::*;

type Work = Box<dyn Fn(Call<'_>) -> Result<Returned, Failure> + Send + Sync>;

struct Does(Work);

impl Lifecycle for Does {}

impl Decorator for Does {
    fn call(&self, call: Call<'_>) -> Result<Returned, Failure> {
        (self.0)(call)
    }
}

fn does(work: impl Fn(Call<'_>) -> Result<Returned, Failure> + Send + Sync + 'static) -> Arc<dyn Decorator> {
    Arc::new(Does(Box::new(work)))
}

/// Returns a service with these decorators and a model that has to be read.
fn decorated(lists: Vec<(&str, Vec<Arc<dyn Decorator>>)>) -> Running {
    let mut decorators = Decorators::default();
    for (name, list) in lists {
        decorators.insert(DecoratorList::new(name, list));
    }
    let store = Store::new(Reads::Stored(model(1)));
    let app = app(Puppet::at("/predict"), &store, &json!({"service_metadata": {"name": "x"}}));
    Running::start(app.decorated_by(decorators), options())
}

fn pass(call: Call<'_>) -> Result<Returned, Failure> {
    call.proceed()
}

/// The Basic-Auth example of Palladium's manual.
fn login() -> Arc<dyn Decorator> {
    does(|call| {
        let Arguments::Request(request) = call.arguments() else { panic!("a view has a request") };
        if request.header("authorization") == Some("Basic YTpi") {
            return call.proceed();
        }
        let mut refusal = ViewResponse::text(401, "Could not verify your access level");
        refusal.set_header("www-authenticate", "Basic realm=\"Login Required\"");
        Ok(refusal.into())
    })
}

#[test]
fn answers_without_content_have_no_body() {
    let status = |status: u16| {
        does(move |call| {
            let returned = call.proceed()?;
            let mut response = ViewResponse::try_from(returned)?;
            response.status = status;
            Ok(response.into())
        })
    };
    for (number, indexed) in [(204, 0x89), (304, 0x8b)] {
        let by_service = format!("/predict?do=status&status={number}");
        let by_decorator = decorated(vec![("predict_decorators", vec![status(number)]), ("alive_decorators", vec![])]);
        for (running, path) in [(standard(), by_service.as_str()), (by_decorator, "/predict")] {
            let mut client = running.client();
            for method in ["GET", "POST", "HEAD"] {
                let body = if method == "POST" { "[1]" } else { "" };
                let answer = client.request(method, path, &[("content-type", "application/json")], body);
                assert_eq!(answer.status, number, "{method} {path}");
                for header in ["content-length", "transfer-encoding", "content-type"] {
                    assert!(!answer.headers.contains_key(header), "{method} {path}: {answer:?}");
                }
                let next = client.request("GET", "/alive", &[], "");
                assert!(next.status == 200 && next.body.starts_with('{'), "{method} {path}: {next:?}");
            }
            let mut client = running.http2();
            for id in [client.get(path), client.get_head(path)] {
                let answer = client.receive(id);
                assert!(answer.body.is_empty() && answer.head.contains(&indexed), "{path}: {:x?}", answer.head);
            }
            let id = client.get("/alive");
            assert!(client.receive(id).is_ok(), "{path}");
        }
    }
}

#[test]
fn a_decorator_answers_in_the_place_of_a_view() {
    for (list, path) in
        [("predict_decorators", "/predict"), ("alive_decorators", "/alive"), ("list_decorators", "/list")]
    {
        let running = decorated(vec![(list, vec![login()])]);
        let refused = running.get(path);
        assert_eq!(refused.status, 401, "{path}");
        assert_eq!(refused.headers["www-authenticate"], "Basic realm=\"Login Required\"");
        assert_eq!(refused.headers["content-type"], "text/plain; charset=utf-8");
        assert_eq!(refused.body, "Could not verify your access level");
        let answered = running.client().request("GET", path, &[("Authorization", "Basic YTpi")], "");
        assert_eq!(answered.status, 200, "{path}: {}", answered.body);
        for method in ["HEAD", "OPTIONS"] {
            assert_eq!(running.client().request(method, path, &[], "").status, 401, "{method} {path}");
        }
        let asked = running.client().request("OPTIONS", path, &[("Authorization", "Basic YTpi")], "");
        assert!(asked.status == 200 && asked.headers["allow"].contains("GET"), "{asked:?}");
        let others = ["/predict", "/alive", "/list"].into_iter().filter(|other| *other != path);
        others.for_each(|other| assert_eq!(running.get(other).status, 200, "{other}"));
    }
}

#[test]
fn decorators_see_the_request_and_change_the_answer_outermost_last() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let notes = Arc::clone(&seen);
    let inner = does(move |call| {
        if let Arguments::Request(request) = call.arguments() {
            let request = (*request).clone();
            notes.lock().unwrap().push((request.method, request.path, request.query, request.body));
        }
        let mut response = ViewResponse::try_from(call.proceed()?)?;
        response.set_header("x-order", "inner");
        Ok(response.into())
    });
    let outer = does(|call| {
        let mut response = ViewResponse::try_from(call.proceed()?)?;
        let order = response.header("x-order").unwrap_or_default().to_owned() + " outer";
        response.set_header("x-order", order);
        response.status += 1;
        Ok(response.into())
    });
    let running = decorated(vec![("predict_decorators", vec![inner, outer])]);
    let answered = running.post("/predict?do=length&a=%20", "[1]");
    assert_eq!((answered.status, answered.headers["x-order"].as_str()), (201, "inner outer"));
    assert_eq!(answered.json()["result"], json!(3.0));
    let query = Pairs::from_iter([("do", "length"), ("a", " ")]);
    assert_eq!(*seen.lock().unwrap(), [("POST".to_owned(), "/predict".to_owned(), query, b"[1]".to_vec())]);
    // What the view refuses passes through the decorators, and so does a body that cannot be read.
    assert_eq!(running.get("/predict?do=bad").status, 401);
    assert_eq!(running.client().request("POST", "/predict", &[("content-type", "text/plain")], "x").status, 401);
    assert_eq!(running.get("/predict?do=panic").status, 501);
}

#[test]
fn decorators_learn_where_a_request_comes_from() {
    let tells = does(|call| {
        let Arguments::Request(request) = call.arguments() else { panic!("a view has a request") };
        let told = format!("{:?} {} {:?}", request.peer, request.request_id, request.caller);
        Ok(ViewResponse::text(200, told).into())
    });
    let lists = || vec![tells.clone()];
    let running = decorated(vec![("predict_decorators", lists()), ("alive_decorators", lists())]);
    for path in ["/predict", "/alive"] {
        let told = running.client().request("GET", path, &[("x-request-id", "abc")], "");
        assert_eq!(told.body, "Some(127.0.0.1) abc None");
    }
}

#[test]
fn large_bodies_and_head_pass_through() {
    let running = decorated(vec![("predict_decorators", vec![does(pass)])]);
    let body = " ".repeat(100_000);
    assert_eq!(running.post("/predict", &body).json()["result"], json!(100_000.0));
    let head = running.client().request("HEAD", "/predict", &[], "");
    assert_eq!((head.status, head.body.as_str()), (200, ""));
}

/// Notes on which thread it is called, and takes a while.
struct Threads {
    is_quick: bool,
    seen: Mutex<HashSet<ThreadId>>,
}

impl Lifecycle for Threads {}

impl Decorator for Threads {
    fn call(&self, call: Call<'_>) -> Result<Returned, Failure> {
        self.seen.lock().unwrap().insert(std::thread::current().id());
        std::thread::sleep(Duration::from_millis(50));
        call.proceed()
    }

    fn is_quick(&self) -> bool {
        self.is_quick
    }
}

#[test]
fn quick_decorators_are_called_by_the_worker_itself() {
    for (is_quick, reads, body, one_thread) in [
        (true, Reads::Cached(model(1)), "[1]".to_owned(), true),
        (true, Reads::Cached(model(1)), " ".repeat(100_000), false),
        (true, Reads::Stored(model(1)), "[1]".to_owned(), false),
        (false, Reads::Cached(model(1)), "[1]".to_owned(), false),
    ] {
        let threads = Arc::new(Threads { is_quick, seen: Mutex::default() });
        let mut decorators = Decorators::default();
        decorators.insert(DecoratorList::new("predict_decorators", vec![Arc::clone(&threads) as Arc<dyn Decorator>]));
        let settings = json!({"server": {"max_large_bodies": 4}});
        let app = app(Puppet::at("/predict"), &Store::new(reads), &settings).decorated_by(decorators);
        let running = Running::start(app, options());
        let asks = || {
            threads.seen.lock().unwrap().clear();
            std::thread::scope(|scope| {
                for _ in 0..4 {
                    scope.spawn(|| assert_eq!(running.post("/predict", &body).status, 200));
                }
            });
            threads.seen.lock().unwrap().len()
        };
        // Whether predictions are quick is known of the last one, which may have taken long on a busy machine.
        let n_threads = (0..20).map(|_| asks()).find(|n_threads| (*n_threads == 1) == one_thread);
        assert!(n_threads.is_some(), "quick: {is_quick}, {} bytes", body.len());
    }
}

#[test]
fn what_goes_wrong_in_a_decorator_stays_inside() {
    let failures: [fn(Call<'_>) -> Result<Returned, Failure>; 5] = [
        |_| Err(Failure::message("the password is 123")),
        |_| panic!("the password is 123"),
        |_| Ok(Returned::Nothing),
        |_| Ok(ViewResponse { status: 7, headers: Pairs::default(), body: Vec::new() }.into()),
        |_| Ok(ViewResponse { headers: Pairs::from_iter([("x", "a\nb: c")]), ..ViewResponse::text(200, "") }.into()),
    ];
    for failure in failures {
        let list = || vec![does(failure)];
        let running = decorated(vec![("predict_decorators", list()), ("alive_decorators", list())]);
        for path in ["/predict", "/alive"] {
            let response = running.client().request("GET", path, &[("x-request-id", "abc")], "");
            assert_eq!(response.status, 500);
            assert!(response.body.contains("an internal error occurred, request id abc"), "{}", response.body);
            assert!(!response.body.contains("wisteria"), "{}", response.body);
        }
    }
}

#[test]
fn metadata_are_decorated_for_every_response() {
    let adds = does(|call| {
        let Arguments::Metadata(about) = call.arguments() else { panic!("metadata are about a response") };
        let note = format!("{} {} {:?}", about.status, about.error_code, about.error_message);
        let mut metadata = serde_json::Map::try_from(call.proceed()?)?;
        metadata.insert("note".into(), json!(note));
        Ok(metadata.into())
    });
    let running = decorated(vec![("get_metadata_decorators", vec![adds])]);
    let metadata = json!({"status": "OK", "error_code": 0, "model_version": 1, "name": "x", "note": "OK 0 None"});
    assert_eq!(running.get("/predict").json(), json!({"metadata": metadata, "result": -1.0}));
    let refused = running.get("/predict?do=refuse").json();
    let metadata = json!({
        "status": "ERROR", "error_code": 17, "error_message": "not today", "model_version": 1, "name": "x",
        "note": "ERROR 17 Some(\"not today\")",
    });
    assert_eq!(refused, json!({"metadata": metadata}));

    let fails = does(|_| Err(Failure::message("the password is 123")));
    let running = decorated(vec![("get_metadata_decorators", vec![fails])]);
    let response = running.client().request("GET", "/predict", &[("x-request-id", "abc")], "");
    let message = "an internal error occurred, request id abc";
    let metadata = json!({
        "status": "ERROR", "error_code": -1, "error_message": message, "model_version": 1, "name": "x",
    });
    assert_eq!((response.status, response.json()), (500, json!({"metadata": metadata})));
}

/// Lets in who says so in the head, and notes how long the body is that it sees, and what became of the request.
struct Gate(Arc<Mutex<Vec<(usize, u16)>>>);

impl Lifecycle for Gate {}

impl Decorator for Gate {
    fn call(&self, call: Call<'_>) -> Result<Returned, Failure> {
        let Arguments::Request(request) = *call.arguments() else { panic!("a view has a request") };
        let answer: ViewResponse = match request.header("x-in") {
            Some(name) => {
                request.caller.identify(Identity { principal: name.to_owned(), scopes: Vec::new() });
                call.proceed()?.try_into()?
            }
            None => ViewResponse::text(401, "out"),
        };
        self.0.lock().unwrap().push((request.body.len(), answer.status));
        Ok(answer.into())
    }

    fn needs_body(&self) -> bool {
        false
    }
}

/// Says how long the body is, and who sends it.
struct Echo;

impl Lifecycle for Echo {}

impl View for Echo {
    fn rules(&self) -> Vec<ViewRule> {
        vec![ViewRule::new("/echo", &["POST"])]
    }

    fn decorator_list_name(&self) -> Option<&str> {
        Some("echo_decorators")
    }

    fn answer(&self, request: &ViewRequest, _: &dyn ServiceHandle) -> Result<ViewResponse, Failure> {
        let name = request.caller.identity().map(|identity| identity.principal.clone());
        Ok(ViewResponse::text(200, format!("{} {name:?}", request.body.len())))
    }
}

#[test]
fn bodies_are_read_once_decorators_that_need_none_let_them_in() {
    let seen = Arc::default();
    let gate = || -> Arc<dyn Decorator> { Arc::new(Gate(Arc::clone(&seen))) };
    let mut decorators = Decorators::default();
    for list in ["predict_decorators", "echo_decorators"] {
        decorators.insert(DecoratorList::new(list, vec![gate()]));
    }
    let components = vec![
        ("model_persister", Component::Persister(Store::new(Reads::Cached(model(1))))),
        ("predict_service", Component::PredictService(Arc::new(Puppet::at("/predict")))),
        ("echo", Component::View(Arc::new(Echo))),
    ];
    let limits = value(&json!({"max_body": 1000, "body_timeout": 0.2}));
    let app = App::of_components(components, vec![("server", limits)]);
    let running = Running::start(app.decorated_by(decorators), options());
    let take = || std::mem::take(&mut *seen.lock().unwrap());
    for (path, answer) in [("/predict", "\"result\":5.0"), ("/echo", "5 Some(\"me\")")] {
        let head = format!("POST {path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n");
        // Who is refused need not send the body, however long it is said to be.
        for length in [5, 1_000_000] {
            let mut stranger = running.client();
            stranger.send(&format!("{head}content-length: {length}\r\n\r\n"));
            assert_eq!(stranger.receive(false).status, 401, "{path}");
            assert_eq!(take(), [(0, 401)], "{path}");
        }
        let cases = [
            ("content-length: 5\r\n\r\n12345", 200, answer),
            ("content-length: 1001\r\n\r\n", 413, "larger than the 1000 bytes"),
            ("content-length: 5\r\n\r\n1", 408, "took longer"),
        ];
        for (rest, status, said) in cases {
            let mut client = running.client();
            client.send(&format!("{head}x-in: me\r\n{rest}"));
            let response = client.receive(false);
            assert_eq!(response.status, status, "{path} {}", response.body);
            assert!(response.body.contains(said), "{path}: {}", response.body);
            assert_eq!(take(), [(0, status)], "{path}");
        }
        // A client that goes away leaves nobody waiting.
        let mut gone = running.client();
        gone.send(&format!("{head}x-in: me\r\ncontent-length: 5\r\n\r\n1"));
        drop(gone);
        let started = std::time::Instant::now();
        while seen.lock().unwrap().is_empty() {
            assert!(started.elapsed() < std::time::Duration::from_secs(60), "{path}");
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        let (length, status) = take()[0];
        assert!(length == 0 && (400..500).contains(&status), "{path} {status}");
    }
}

/// More than there are threads that may block.
const MANY: usize = 520;

/// Returns a service whose predictions go through a decorator that looks at heads alone, beside a view that also needs a
/// thread.
fn gated(puppet: Puppet, settings: &serde_json::Value) -> Running {
    let mut decorators = Decorators::default();
    decorators.insert(DecoratorList::new("predict_decorators", vec![Arc::new(Gate(Arc::default()))]));
    let components = vec![
        ("model_persister", Component::Persister(Store::new(Reads::Stored(model(1))))),
        ("predict_service", Component::PredictService(Arc::new(puppet))),
        ("echo", Component::View(Arc::new(Echo))),
    ];
    let app = App::of_components(components, vec![("server", value(settings))]);
    Running::start(app.decorated_by(decorators), options())
}

/// Sends the same on many connections, and returns those.
fn many(running: &Running, text: &str) -> Vec<Client> {
    let send = |_| {
        let mut client = running.client();
        client.send(text);
        client
    };
    (0..MANY).map(send).collect()
}

#[test]
fn the_time_for_a_body_is_none_of_a_prediction() {
    let running = gated(Puppet::at("/predict"), &json!({"predict_timeout": 3}));
    let mut client = running.client();
    client.send("POST /predict HTTP/1.1\r\nhost: x\r\nx-in: me\r\ncontent-type: application/json\r\n");
    client.send("content-length: 100000\r\n\r\n");
    std::thread::sleep(Duration::from_secs(4));
    client.send(&"x".repeat(100_000));
    let response = client.receive(false);
    assert_eq!(response.status, 200, "{}", response.body);
}

#[test]
fn clients_with_slow_bodies_do_not_take_all_threads() {
    let running = gated(Puppet::at("/predict"), &json!({"body_timeout": 3600, "predict_timeout": 120}));
    let slow = "POST /predict HTTP/1.1\r\nhost: x\r\nx-in: me\r\ncontent-type: application/json\r\n\
                content-length: 100000\r\n\r\n[";
    let clients = many(&running, slow);
    let response = running.client().request("GET", "/predict", &[("x-in", "me")], "");
    assert_eq!(response.status, 200, "{}", response.body);
    assert_eq!(running.post("/echo", "12345").body, "5 None");
    let first = clients[0].0.get_ref();
    first.set_nonblocking(true).unwrap();
    let answered = first.peek(&mut [0]).map_err(|error| error.kind());
    assert_eq!(answered, Err(std::io::ErrorKind::WouldBlock), "its body is still waited for");
}

#[test]
fn decorated_predictions_that_never_end_do_not_take_all_threads() {
    let (puppet, hears, ends) = Puppet::waiting();
    let running = gated(puppet, &json!({"predict_timeout": 120}));
    let mut clients = many(&running, "GET /predict?do=wait HTTP/1.1\r\nhost: x\r\nx-in: me\r\n\r\n");
    hears.recv().unwrap();
    let mut client = running.client();
    client.0.get_ref().set_read_timeout(Some(Duration::from_secs(100))).unwrap();
    let response = client.request("POST", "/echo", &[("content-type", "text/plain")], "12345");
    assert_eq!(response.body, "5 None");
    // Each wait panics now.
    drop(ends);
    assert_eq!(clients[0].receive(false).status, 500);
}
