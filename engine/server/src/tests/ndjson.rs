//! Streams of lines, both ways at once.

mod ends;

use std::io::{BufRead, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use palladium_component::prelude::*;
use palladium_runtime::App;
use serde_json::{Value as Json, json};

use super::observers::Pass;
use super::support::*;

/// How long some rows and answers are.
const LONG: usize = 10_000;

/// Answers each sample with its `x` and with the version of the model, unless its field `do` says other.
#[derive(Default)]
struct Echo {
    /// How many samples each request had.
    asked: Arc<Mutex<Vec<usize>>>,
    waiting: Option<Mutex<(Sender<()>, Receiver<()>)>>,
}

impl Lifecycle for Echo {}

impl PredictService for Echo {
    fn entry_point(&self) -> &str {
        "/predict"
    }

    fn model_persister(&self) -> Option<&Arc<dyn Persister>> {
        None
    }

    fn predict(&self, model: &Arc<TrainedModel>, request: &PredictRequest) -> Result<PredictResponse, PredictError> {
        let samples: Vec<Json> = serde_json::from_slice(request.body.as_ref().unwrap()).unwrap();
        self.asked.lock().unwrap().push(samples.len());
        let mut errors = InputErrors::default();
        let add: f64 = request.query("add").map_or(0.0, |text| text.parse().unwrap());
        let mut numbers = Vec::new();
        for (index, sample) in samples.iter().enumerate() {
            match sample["do"].as_str().unwrap_or_default() {
                "bad" => errors.push(|| InputError {
                    code: InputErrorCode::MissingField,
                    row: Some(index + 1),
                    field: Some("x".into()),
                    is_sent: false,
                    expected: "a number".into(),
                    got: "nothing".into(),
                    message: "the field `x` is missing".into(),
                }),
                "refuse" => return Err(PredictError::refused("not today", 17)),
                "panic" => panic!("the password is 123"),
                "wait" => {
                    let waiting = self.waiting.as_ref().unwrap().lock().unwrap();
                    waiting.0.send(()).unwrap();
                    waiting.1.recv().unwrap();
                    numbers.push(-1.0);
                }
                "long" => {
                    let labels = Arc::new(ClassLabels::Text(vec!["y".repeat(LONG)]));
                    return Ok(PredictResponse::Many(Predictions::Classes { labels, codes: vec![0; samples.len()] }));
                }
                "version" => numbers.push(model.metadata.version().unwrap().number() as f64),
                _ => numbers.push(sample["x"].as_f64().unwrap() + add),
            }
        }
        match errors.is_empty() {
            true => Ok(PredictResponse::Many(Predictions::Numbers(numbers))),
            false => Err(PredictError::Invalid(errors)),
        }
    }
}

fn app(echo: Echo, reads: Reads, decorators: Vec<Arc<dyn Decorator>>, entries: &Json) -> (App, Arc<Store>) {
    let store = Store::new(reads);
    let components = vec![
        ("model_persister", Component::Persister(store.clone())),
        ("predict_service", Component::PredictService(Arc::new(echo))),
    ];
    let entries = entries.as_object().unwrap();
    let app = App::of_components(components, entries.iter().map(|(key, json)| (key.as_str(), value(json))).collect());
    let mut lists = Decorators::default();
    lists.insert(DecoratorList::new("predict_decorators", decorators));
    (app.decorated_by(lists), store)
}

fn start(echo: Echo, settings: &Json) -> (Running, Arc<Store>) {
    let (app, store) = app(echo, Reads::Cached(model(1)), Vec::new(), &json!({"server": settings}));
    (Running::start(app, options()), store)
}

/// One request whose body comes piece by piece.
struct Exchange(Client);

impl Exchange {
    fn begin(running: &Running, target: &str) -> Exchange {
        let mut client = running.client();
        client.0.get_ref().set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        client.send(&format!(
            "POST {target} HTTP/1.1\r\nhost: test\r\ncontent-type: application/x-ndjson\r\n\
             transfer-encoding: chunked\r\n\r\n"
        ));
        Exchange(client)
    }

    fn send(&mut self, text: &str) {
        self.0.send(&format!("{:x}\r\n{text}\r\n", text.len()));
    }

    fn end(&mut self) {
        self.0.send("0\r\n\r\n");
    }

    /// Returns the next piece of the answer; nothing at its end.
    fn piece(&mut self) -> Option<String> {
        let mut length = String::new();
        self.0.0.read_line(&mut length).unwrap();
        let length = usize::from_str_radix(length.trim(), 16).unwrap();
        let mut piece = vec![0; length + 2];
        self.0.0.read_exact(&mut piece).unwrap();
        piece.truncate(length);
        (length > 0).then(|| String::from_utf8(piece).unwrap())
    }

    /// Returns all lines up to the end.
    fn rest(&mut self) -> Vec<Json> {
        let text: String = std::iter::from_fn(|| self.piece()).collect();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

#[test]
fn lines_are_answered_while_they_come_and_by_one_model() {
    let (running, store) = start(Echo::default(), &json!({}));
    let mut exchange = Exchange::begin(&running, "/predict?add=10");
    exchange.send("{\"x\": 1}\n{\"x\"");
    let head = exchange.0.receive(false);
    assert_eq!((head.status, head.headers["x-model-version"].as_str()), (200, "1"));
    assert_eq!(head.headers["content-type"], "application/x-ndjson");
    assert_eq!(exchange.piece().unwrap(), "{\"result\":11.0}\n");
    *store.reads.lock().unwrap() = Reads::Cached(model(2));
    exchange.send(": 2}\n{\"do\": \"version\"}\n");
    let mut answered = String::new();
    while answered.lines().count() < 2 {
        answered += &exchange.piece().unwrap();
    }
    assert_eq!(answered, "{\"result\":12.0}\n{\"result\":1.0}\n");
    exchange.send("{\"x\": 3}");
    exchange.end();
    assert_eq!(exchange.rest(), [json!({"result": 13.0})]);
    assert_eq!(head.headers["connection"], "close");
    assert_eq!(exchange.0.0.read(&mut [0]).unwrap(), 0, "the connection is closed");
}

#[test]
fn a_line_without_a_prediction_does_not_end_the_stream() {
    let (running, _) = start(Echo::default(), &short_lines());
    let mut exchange = Exchange::begin(&running, "/predict");
    let long = format!("{{\"x\": 1, \"y\": \"{}\"}}", "y".repeat(200));
    let lines = [
        "{\"x\": 1}",
        "{\"do\": \"bad\"}",
        "",
        "no",
        "[{\"x\": 1}]",
        "{\"x\": 1},{\"x\": 2}",
        &long,
        "{\"do\": \"refuse\"}",
        "{\"do\": \"panic\"}",
        "{\"x\": 2}",
    ];
    exchange.send(&lines.join("\n"));
    exchange.end();
    assert_eq!(exchange.0.receive(false).status, 200);
    let answers = exchange.rest();
    // The third line is blank.
    let line = |row: u64| if row < 3 { row } else { row + 1 };
    let error = |row: u64, code: i64, message: &str| json!({"error_code": code, "error_message": message, "row": row, "line": line(row)});
    let mut missing = error(2, -1, "BadRequest: the field `x` is missing");
    missing["errors"] = json!([{"code": "missing_field", "field": "x", "expected": "a number", "got": "nothing"}]);
    missing["error_count"] = json!(1);
    let no_sample = |row: u64, message: &str, code: &str, got: &str| {
        let mut line = error(row, -1, &format!("BadRequest: {message}"));
        line["errors"] = json!([{"code": code, "field": null, "expected": "a JSON object", "got": got}]);
        line["error_count"] = json!(1);
        line
    };
    let not_json = |row: u64, got: &str| no_sample(row, &format!("the line is not JSON: {got}"), "not_json", got);
    let expected = [
        json!({"result": 1.0}),
        missing,
        not_json(3, "expected ident at column 2"),
        no_sample(4, "the line has to be a JSON object", "not_an_object", "a list"),
        not_json(5, "trailing characters at column 9"),
        error(6, -1, "BadRequest: the line is longer than the 100 bytes that are allowed"),
        error(7, 17, "not today"),
    ];
    assert_eq!(answers[..7], expected);
    // The fields are in their order.
    assert_eq!(answers[1]["errors"].to_string(), expected[1]["errors"].to_string());
    let panicked = answers[7]["error_message"].as_str().unwrap();
    assert!(panicked.starts_with("an internal error occurred, request id "), "{panicked}");
    assert_eq!((answers.len(), &answers[7]["line"], &answers[8]), (9, &json!(9), &json!({"result": 2.0})));
}

fn short_lines() -> Json {
    json!({"max_body": 100})
}

#[test]
fn any_number_of_lines_is_answered_in_batches() {
    let echo = Echo::default();
    let asked = Arc::clone(&echo.asked);
    let (running, _) = start(echo, &short_lines());
    let body: String = (0..2500).map(|row| format!("{{\"x\":{row}}}\n")).collect();
    let mut client = running.client();
    client.send(&format!(
        "POST /predict HTTP/1.1\r\nhost: test\r\ncontent-type: Application/X-NDJSON; charset=utf-8\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    ));
    assert_eq!(client.receive(false).status, 200, "the limit of bodies is one of lines");
    let answers = Exchange(client).rest();
    let expected: Vec<Json> = (0..2500).map(|row| json!({"result": f64::from(row)})).collect();
    assert_eq!(answers, expected);
    let asked = asked.lock().unwrap();
    assert_eq!(asked.iter().sum::<usize>(), 2500);
    assert!(asked.len() < 1000 && asked.iter().all(|rows| *rows <= 1000), "{asked:?}");
}

#[test]
fn lines_share_the_memory_with_bodies() {
    let (running, _) = start(Echo::default(), &json!({"max_body": 200_000, "max_body_memory": 250_000}));
    let long = |length: usize| format!("{{\"x\": 1, \"y\": \"{}\"}}\n", "y".repeat(length));
    // Whole lines that have no room together are answered some at a time.
    let mut whole = Exchange::begin(&running, "/predict");
    whole.send(&long(90_000).repeat(4));
    whole.end();
    assert_eq!(whole.0.receive(false).status, 200);
    assert_eq!(whole.rest(), vec![json!({"result": 1.0}); 4]);

    let begun = |running: &Running| {
        let mut exchange = Exchange::begin(running, "/predict");
        exchange.send(&(long(1) + long(140_000).trim_end()));
        assert_eq!(exchange.0.receive(false).status, 200);
        assert_eq!(exchange.piece().unwrap(), "{\"result\":1.0}\n");
        exchange
    };
    let mut first = begun(&running);
    let mut second = begun(&running);
    let message = crate::body::NO_MEMORY;
    let last = json!({"error_code": -1, "error_message": message, "row": 2, "line": 2});
    assert_eq!(second.rest(), [last]);
    first.send("\n");
    first.end();
    assert_eq!(first.rest(), [json!({"result": 1.0})]);
    let mut third = begun(&running);
    third.end();
    assert_eq!(third.rest(), [json!({"result": 1.0})]);
}

#[test]
fn an_empty_stream_has_an_empty_answer() {
    let (running, _) = start(Echo::default(), &json!({}));
    let mut exchange = Exchange::begin(&running, "/predict");
    exchange.send(" \n\n");
    exchange.end();
    assert_eq!(exchange.0.receive(false).status, 200);
    assert!(exchange.rest().is_empty());
}

#[test]
fn without_a_model_there_is_no_stream() {
    let (app, _) = app(Echo::default(), Reads::Empty, Vec::new(), &json!({}));
    let running = Running::start(app, options());
    let mut exchange = Exchange::begin(&running, "/predict");
    let response = exchange.0.receive(false);
    assert_eq!((response.status, &response.json()["error_message"]), (503, &json!("no model is active")));
}

#[test]
fn a_batch_that_takes_too_long_ends_the_stream() {
    let (entered, hears) = channel();
    let (ends, release) = channel();
    let echo = Echo { waiting: Some(Mutex::new((entered, release))), ..Echo::default() };
    let (app, _) = app(echo, Reads::Cached(model(1)), Vec::new(), &json!({"server": {"predict_timeout": 0.2}}));
    let running = Running::start(app, options());
    // On a busy machine a batch may be given up before it has begun.
    while hears.try_recv().is_err() {
        let mut exchange = Exchange::begin(&running, "/predict");
        exchange.send("{\"do\": \"wait\"}\n{\"x\": 1}\n");
        assert_eq!(exchange.0.receive(false).status, 200);
        let late = "the prediction took longer than 0.2 seconds";
        let expected = [1, 2].map(|row| json!({"error_code": -1, "error_message": late, "row": row, "line": row}));
        assert_eq!(exchange.rest(), expected);
    }
    ends.send(()).unwrap();
}

#[test]
fn a_client_that_does_not_read_is_not_read_from() {
    const MUCH: usize = 256 << 20;
    let (running, _) = start(Echo::default(), &json!({}));
    let mut exchange = Exchange::begin(&running, "/predict");
    let stream = exchange.0.0.get_ref().try_clone().unwrap();
    stream.set_write_timeout(Some(Duration::from_secs(2))).unwrap();
    let row = format!("{{\"do\": \"long\", \"more\": \"{}\"}}\n", "y".repeat(LONG));
    let piece = format!("{:x}\r\n{row}\r\n", row.len());
    let (mut sent, mut left) = (0, Vec::new());
    while sent < MUCH && left.is_empty() {
        let mut written = 0;
        while written < piece.len() {
            match (&stream).write(&piece.as_bytes()[written..]) {
                Ok(count) => written += count,
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                    left = piece.as_bytes()[written..].to_vec();
                    break;
                }
                Err(error) => panic!("{error}"),
            }
        }
        sent += written;
    }
    assert!(!left.is_empty(), "{sent} bytes were taken without an answer being read");
    let rows = sent.div_ceil(piece.len());
    let writer = std::thread::spawn(move || {
        stream.set_write_timeout(None).unwrap();
        (&stream).write_all(&left).unwrap();
        (&stream).write_all(b"0\r\n\r\n").unwrap();
    });
    assert_eq!(exchange.0.receive(false).status, 200);
    assert_eq!(exchange.rest().len(), rows, "every row is answered once the client reads");
    writer.join().unwrap();
}

/// A decorator that does something with a view's request and answer.
struct Around(fn(Call<'_>) -> Result<Returned, Failure>);

impl Lifecycle for Around {}

impl Decorator for Around {
    fn call(&self, call: Call<'_>) -> Result<Returned, Failure> {
        (self.0)(call)
    }
}

fn decorated(around: fn(Call<'_>) -> Result<Returned, Failure>) -> Running {
    let (app, _) = app(Echo::default(), Reads::Cached(model(1)), vec![Arc::new(Around(around))], &json!({}));
    Running::start(app, options())
}

#[test]
fn decorators_see_heads_alone() {
    let running = decorated(|call| {
        let Arguments::Request(request) = call.arguments() else { panic!("a view is given a request") };
        assert!(request.body.is_empty() && request.query("add") == Some("1"));
        let mut response = ViewResponse::try_from(call.proceed()?)?;
        assert!(response.body.is_empty());
        response.set_header("x-seen", "yes");
        Ok(response.into())
    });
    let mut exchange = Exchange::begin(&running, "/predict?add=1");
    exchange.send("{\"x\": 1}\n");
    let head = exchange.0.receive(false);
    assert_eq!(
        (head.status, head.headers["x-seen"].as_str(), head.headers["x-model-version"].as_str()),
        (200, "yes", "1")
    );
    assert_eq!(exchange.piece().unwrap(), "{\"result\":2.0}\n");
    exchange.end();
    assert!(exchange.rest().is_empty());

    let refusing: [fn(Call<'_>) -> Result<Returned, Failure>; 2] = [
        |_| Ok(ViewResponse::text(401, "who are you?").into()),
        |call| {
            call.proceed()?;
            Ok(ViewResponse::text(200, "who are you?").into())
        },
    ];
    for around in refusing {
        let running = decorated(around);
        let mut exchange = Exchange::begin(&running, "/predict");
        exchange.send("{\"x\": 1}\n");
        assert_eq!(exchange.0.receive(false).body, "who are you?");
    }
}

/// A view whose observer notes what is over, and nothing for what was broken off.
#[derive(Default)]
struct Watch(Arc<Mutex<Vec<Option<Over>>>>);

/// Status, length of the request's body and of the answer's, and the time until the end.
type Over = (u16, u64, u64, Duration);

impl Lifecycle for Watch {}

impl View for Watch {
    fn rules(&self) -> Vec<ViewRule> {
        vec![ViewRule::new("/watch", &["GET"])]
    }

    fn observer(&self, _: &[&str]) -> Option<Arc<dyn Observer>> {
        Some(Arc::new(Watch(Arc::clone(&self.0))))
    }

    fn answer(&self, _: &ViewRequest, _: &dyn ServiceHandle) -> Result<ViewResponse, Failure> {
        Ok(ViewResponse::text(200, ""))
    }
}

impl Observer for Watch {
    fn ended(&self, answered: Option<&Answered<'_>>) {
        let over = answered.map(|answered| (answered.status, answered.received, answered.sent, answered.time));
        self.0.lock().unwrap().push(over);
    }
}

#[test]
fn observers_hear_of_a_stream_once_it_is_over() {
    const LASTS: Duration = Duration::from_millis(100);
    let passes: Arc<dyn Decorator> = Arc::new(Pass);
    for decorators in [vec![], vec![passes]] {
        let watch = Watch::default();
        let heard = Arc::clone(&watch.0);
        let components = vec![
            ("model_persister", Component::Persister(Store::new(Reads::Cached(model(1))))),
            ("predict_service", Component::PredictService(Arc::new(Echo::default()))),
            ("watch", Component::View(Arc::new(watch))),
        ];
        let mut lists = Decorators::default();
        lists.insert(DecoratorList::new("predict_decorators", decorators));
        let running = Running::start(App::of_components(components, Vec::new()).decorated_by(lists), options());
        let answered = || {
            let mut exchange = Exchange::begin(&running, "/predict");
            exchange.send("{\"x\": 1}\n");
            assert_eq!(exchange.0.receive(false).status, 200);
            assert_eq!(exchange.piece().unwrap(), "{\"result\":1.0}\n");
            exchange
        };
        let mut whole = answered();
        std::thread::sleep(LASTS);
        assert!(heard.lock().unwrap().is_empty(), "it goes on");
        whole.end();
        assert!(whole.rest().is_empty());
        let over = std::mem::take(&mut *heard.lock().unwrap());
        assert!(matches!(&over[..], [Some((200, 9, 15, time))] if *time >= LASTS), "{over:?}");

        drop(answered());
        let deadline = Instant::now() + Duration::from_secs(60);
        while heard.lock().unwrap().is_empty() {
            assert!(Instant::now() < deadline, "nobody says that the stream is over");
            std::thread::sleep(Duration::from_millis(5));
        }
        assert_eq!(*heard.lock().unwrap(), [None]);
    }
}
