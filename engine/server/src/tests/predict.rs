//! Predict routes: envelopes, refusals, limits.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::Duration;

use palladium_component::interfaces::{DecoratorList, Decorators, ErrorDetail};
use serde_json::{Value as Json, json};

use super::observers::Pass;
use super::support::*;
use crate::ServeOptions;

const JSON: (&str, &str) = ("content-type", "application/json");

fn error(code: i64, message: &str) -> Json {
    json!({"status": "ERROR", "error_code": code, "error_message": message})
}

#[test]
fn answers_in_the_envelope() {
    let running = standard();
    let cases = [
        ("/predict", r#"{"metadata":{"status":"OK","error_code":0,"model_version":1},"result":-1.0}"#),
        (
            "/predict?do=text&text=gr%C3%BC%C3%9F+%22a%2Fb%22",
            r#"{"metadata":{"status":"OK","error_code":0,"model_version":1},"result":"grüß \"a/b\""}"#,
        ),
        (
            "/predict?do=nan",
            r#"{"metadata":{"status":"OK","error_code":0,"model_version":1},"result":[null,1.5,null]}"#,
        ),
        ("/pred%69ct?do=version", r#"{"metadata":{"status":"OK","error_code":0,"model_version":1},"result":1.0}"#),
    ];
    for (target, expected) in cases {
        let response = running.get(target);
        assert_eq!((response.status, response.body.as_str()), (200, expected), "{target}");
        assert_eq!(response.headers["content-type"], "application/json; charset=utf-8");
        assert!(!response.headers.contains_key("x-request-id"));
        assert_eq!(response.headers["x-model-version"], "1");
    }
    let response = running.post("/predict", "[{}]");
    assert_eq!(response.json()["result"], json!(4.0));
}

#[test]
fn service_metadata_cannot_replace_our_fields() {
    let metadata = json!({"service_metadata": {
        "name": "ïris", "status": "FINE", "error_code": 9, "model_version": 9, "errors": [], "error_count": 9, "ratio": 0.5,
    }});
    let store = Store::new(Reads::Cached(model(1)));
    let running = Running::start(app(Puppet::at("/predict"), &store, &metadata), options());
    let ok = r#"{"metadata":{"status":"OK","error_code":0,"model_version":1,"name":"ïris","ratio":0.5},"result":-1.0}"#;
    assert_eq!(running.get("/predict").body, ok);
    let refused = r#"{"metadata":{"status":"ERROR","error_code":17,"error_message":"not today","model_version":1,"name":"ïris","ratio":0.5}}"#;
    assert_eq!(running.get("/predict?do=refuse").body, refused);
}

#[test]
fn refusals_of_the_service() {
    let running = standard();
    let asked = |code: i64, message: &str| {
        let mut fields = error(code, message);
        fields["model_version"] = json!(1);
        fields
    };
    let cases = [
        ("/predict?do=bad", 400, asked(-1, "BadRequest: `x` is missing")),
        ("/predict?do=refuse", 500, asked(17, "not today")),
        ("/predict?do=refuse_with_status", 422, asked(18, "not so")),
        ("/predict?do=no_probabilities", 500, asked(-1, "the model has no class probabilities")),
        ("/predict?do=no_parameter", 500, asked(-1, "the model takes no parameter `q`")),
        ("/predict?do=fail", 500, asked(-1, "an internal error occurred, request id abc")),
        ("/predict?do=panic", 500, asked(-1, "an internal error occurred, request id abc")),
        ("/predict?a=%zz", 400, error(-1, "BadRequest: the query string holds a `%` without two hexadecimal digits")),
        ("/predict?a=%ff", 400, error(-1, "BadRequest: the query string is not UTF-8 once its `%` are decoded")),
    ];
    let mut client = running.client();
    for (target, status, metadata) in cases {
        let response = client.request("GET", target, &[("x-request-id", "abc")], "");
        assert_eq!((response.status, response.json()), (status, json!({"metadata": &metadata})), "{target}");
        assert_eq!(response.headers["x-request-id"], "abc", "{target}");
        let version = response.headers.get("x-model-version").map(String::as_str);
        assert_eq!(version, metadata.get("model_version").map(|_| "1"), "{target}");
    }
    assert_eq!(client.request("GET", "/predict", &[], "").status, 200, "the connection and the worker live on");
    let response = running.get("/predict?do=fail");
    let expected = format!("an internal error occurred, request id {}", response.headers["x-request-id"]);
    assert_eq!(response.json()["metadata"]["error_message"], json!(expected));
}

#[test]
fn bodies_have_to_be_json() {
    let running = standard();
    let accepted = ["application/json", "Application/JSON; charset=utf-8", "application/vnd.x+json"];
    for kind in accepted {
        let response = running.client().request("POST", "/predict", &[("content-type", kind)], "[]");
        assert_eq!(response.status, 200, "{kind}");
    }
    let message = "the body has the content encoding \"gzip\": send it as it is";
    for (kind, encoding, status) in [
        ("application/json", "gzip", 415),
        ("application/x-ndjson", "gzip", 415),
        ("application/json", "Identity", 200),
    ] {
        let headers = [("content-type", kind), ("content-encoding", encoding)];
        let response = running.client().request("POST", "/predict", &headers, "[]");
        assert_eq!(response.status, status, "{kind} {encoding}");
        if status == 415 {
            assert_eq!(response.json()["error_message"], json!(message), "{kind}");
        }
    }
    let help = "send the header `content-type: application/json`";
    let refused = [
        (vec![], format!("BadRequest: the body has no content type, {help}")),
        (
            vec![("content-type", "text/plain")],
            format!("BadRequest: the body has the content type \"text/plain\", {help}"),
        ),
    ];
    for (headers, message) in refused {
        let response = running.client().request("POST", "/predict", &headers, "[]");
        assert_eq!((response.status, response.json()), (400, json!({"metadata": error(-1, &message)})));
    }
}

#[test]
fn requests_that_are_sent_at_once_are_answered_in_their_order() {
    let (puppet, entered, release) = Puppet::waiting();
    // Nothing else has the connection looked at.
    let patience = json!({"server": {"keep_alive": 3600, "head_timeout": 3600}});
    let running = Running::start(app(puppet, &Store::new(Reads::Cached(model(1))), &patience), options());
    let post = |does: &str, body: &str| {
        let length = body.len();
        let head = format!("POST /predict?do={does} HTTP/1.1\r\nhost: test\r\ncontent-type: application/json\r\n");
        format!("{head}content-length: {length}\r\n\r\n{body}")
    };
    let mut client = running.client();
    client.0.get_ref().set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    for first in ["length", "wait"] {
        client.send(&(post(first, "[]") + &post("length", "[1, 2]") + &post("length", "")));
        if first == "wait" {
            entered.recv().unwrap();
            release.send(()).unwrap();
        }
        let results: Vec<Json> = (0..3).map(|_| client.receive(false).json()["result"].clone()).collect();
        assert_eq!(results[1..], [json!(6.0), json!(0.0)], "after {first}: {results:?}");
    }
    // The end of a body comes later.
    let whole = post("length", "[1, 2, 3]");
    let (begin, end) = whole.split_at(whole.len() - 4);
    client.send(begin);
    std::thread::sleep(Duration::from_millis(20));
    client.send(end);
    assert_eq!(client.receive(false).json()["result"], json!(9.0));
}

#[test]
fn bodies_are_limited() {
    let limits = json!({"server": {"max_body": 1000, "body_timeout": 0.05}});
    let store = Store::new(Reads::Cached(model(1)));
    let running = Running::start(app(Puppet::at("/predict"), &store, &limits), options());
    assert_eq!(running.post("/predict", &"x".repeat(1000)).json()["result"], json!(1000.0));

    let message = "the body is larger than the 1000 bytes that are allowed";
    let mut expected = error(-1, message);
    expected["metadata"] = error(-1, message);
    let head = "POST /predict HTTP/1.1\r\nhost: test\r\ncontent-type: application/json\r\n";
    let mut announced = running.client();
    announced.send(&format!("{head}content-length: 1001\r\n\r\n"));
    let mut chunked = running.client();
    chunked.send(&format!("{head}transfer-encoding: chunked\r\n\r\n3e9\r\n{}\r\n0\r\n\r\n", "x".repeat(1001)));
    for mut client in [announced, chunked] {
        let response = client.receive(false);
        assert_eq!((response.status, response.json()), (413, expected.clone()));
    }

    let mut slow = running.client();
    slow.send(&format!("{head}content-length: 10\r\n\r\n[{{"));
    let response = slow.receive(false);
    assert_eq!(response.status, 408);
    assert_eq!(response.json()["error_message"], json!("the body took longer than 0.05 seconds"));
}

#[test]
fn a_model_that_cannot_be_read_is_503() {
    let said = "the model cannot be read, request id abc";
    let cases = [(Reads::Empty, "no model is active"), (Reads::Fails, said), (Reads::Panics, said)];
    for (reads, said) in cases {
        let mut expected = error(-1, said);
        expected["metadata"] = error(-1, said);
        let running = Running::start(app(Puppet::at("/predict"), &Store::new(reads), &json!({})), options());
        let response = running.client().request("GET", "/predict", &[("x-request-id", "abc")], "");
        assert_eq!((response.status, response.json()), (503, expected));
    }
    let stored = Store::new(Reads::Stored(model(7)));
    let running = Running::start(app(Puppet::at("/predict"), &stored, &json!({})), options());
    assert_eq!(running.get("/predict?do=version").json()["result"], json!(7.0));
    *stored.reads.lock().unwrap() = Reads::Cached(model(8));
    assert_eq!(running.get("/predict?do=version").json()["result"], json!(8.0));
}

#[test]
fn a_service_may_have_its_own_persister() {
    let mut puppet = Puppet::at("/predict");
    puppet.persister = Some(Store::new(Reads::Cached(model(5))));
    let running = Running::start(app(puppet, &Store::new(Reads::Empty), &json!({})), options());
    assert_eq!(running.get("/predict?do=version").json()["result"], json!(5.0));
}

#[test]
fn large_bodies_do_not_hold_up_the_worker() {
    let (puppet, entered, release) = Puppet::waiting();
    let running = Running::start(app(puppet, &Store::new(Reads::Cached(model(1))), &json!({})), options());
    let mut client = running.client();
    let body = "x".repeat(100_000);
    client.send(&format!(
        "POST /predict?do=wait HTTP/1.1\r\nhost: test\r\n{}: {}\r\ncontent-length: {}\r\n\r\n{body}",
        JSON.0,
        JSON.1,
        body.len()
    ));
    entered.recv().unwrap();
    assert_eq!(running.get("/alive").status, 200, "the only worker is free");
    release.send(()).unwrap();
    assert_eq!(client.receive(false).json()["result"], json!(1.0));
}

#[test]
fn concurrent_clients_get_their_own_answers() {
    let store = Store::new(Reads::Cached(model(1)));
    let app = app(Puppet::at("/predict"), &store, &json!({}));
    let running = Running::start(app, ServeOptions { workers: NonZeroUsize::new(2), ..options() });
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let running = &running;
            scope.spawn(move || {
                let mut client = running.client();
                for request in 0..50 {
                    let text = format!("{thread}-{request}");
                    let response = client.request("GET", &format!("/predict?do=text&text={text}"), &[], "");
                    assert_eq!(response.json()["result"], json!(text));
                    let length = 1 + thread * 10 + request;
                    let response = client.request("POST", "/predict", &[JSON], &"x".repeat(length));
                    assert_eq!(response.json()["result"], json!(length as f64));
                }
            });
        }
    });
}

/// Serves on a host and returns what a request is answered there.
fn refused(host: &str, detail: Option<ErrorDetail>, target: &str) -> Json {
    let puppet = Puppet { detail, ..Puppet::at("/predict") };
    let app = app(puppet, &Store::new(Reads::Cached(model(1))), &json!({}));
    let mut running = Running::start(app, ServeOptions { listen: vec![at(&format!("{host}:0"))], ..options() });
    running.address.set_ip([127, 0, 0, 1].into());
    let mut metadata = running.get(target).json()["metadata"].take();
    for expected in [("status", json!("ERROR")), ("model_version", json!(1))] {
        assert_eq!(metadata.as_object_mut().unwrap().remove(expected.0), Some(expected.1), "{host} {target}");
    }
    metadata
}

#[test]
fn other_machines_are_told_codes_unless_the_service_says_more() {
    let (full, codes) = (Some(ErrorDetail::Full), Some(ErrorDetail::Codes));
    let everything = json!({
        "error_code": -1,
        "error_message": "BadRequest: sample 1: the field `age` is missing (and 1 more error)",
        "errors": [
            {"code": "missing_field", "row": 1, "field": "age", "expected": "a number", "got": "nothing"},
            {"code": "wrong_type", "row": 2, "field": "size", "expected": "a number", "got": "text \"canary\""},
        ],
        "error_count": 2,
    });
    let bare = json!({
        "error_code": -1,
        "error_message": "BadRequest: missing_field",
        "errors": [
            {"code": "missing_field", "row": 1, "field": null},
            {"code": "wrong_type", "row": 2, "field": "size"},
        ],
        "error_count": 2,
    });
    let cases = [
        ("127.0.0.1", None, &everything),
        ("127.0.0.1", full, &everything),
        ("127.0.0.1", codes, &bare),
        ("0.0.0.0", None, &bare),
        ("0.0.0.0", full, &everything),
        ("0.0.0.0", codes, &bare),
    ];
    for (host, detail, expected) in cases {
        assert_eq!(refused(host, detail, "/predict?do=invalid"), *expected, "{host} {detail:?}");
    }
    let said = |target: &str| refused("127.0.0.1", codes, target);
    assert_eq!(said("/predict?do=refuse"), json!({"error_code": 17, "error_message": "refused"}));
    assert_eq!(said("/predict?do=bad"), json!({"error_code": -1, "error_message": "BadRequest: bad_request"}));
}

#[test]
fn what_the_store_says_is_for_those_who_are_told_everything() {
    let said = |detail: ErrorDetail| {
        let puppet = Puppet { detail: Some(detail), ..Puppet::at("/predict") };
        let running = Running::start(app(puppet, &Store::new(Reads::Empty), &json!({})), options());
        let response = running.get("/predict");
        (response.status, response.json()["error_message"].as_str().unwrap().to_owned())
    };
    assert_eq!(said(ErrorDetail::Full), (503, "no model is active".to_owned()));
    assert_eq!(said(ErrorDetail::Codes), (503, "no_model".to_owned()));
}

#[test]
fn requests_have_no_more_rows_than_they_may() {
    let store = Store::new(Reads::Cached(model(1)));
    let running = Running::start(app(Puppet::at("/predict"), &store, &json!({"server": {"max_rows": 7}})), options());
    assert_eq!(running.post("/predict?do=max_rows", "[]").json()["result"], json!(7.0));
    let response = running.post("/predict?do=too_many", "[]");
    let message = "the request has more than the 7 samples that are allowed";
    assert_eq!((response.status, &response.json()["error_message"]), (413, &json!(message)));
    assert_eq!(standard().post("/predict?do=max_rows", "[]").json()["result"], json!(100_000.0));
}

/// Asks until a prediction has begun that is then given up; on a busy machine one may be given up before.
fn give_up(ask: &dyn Fn(&str) -> Response, entered: &Receiver<()>) -> Response {
    loop {
        let response = ask("/predict?do=wait");
        assert_eq!(response.status, 503);
        if entered.try_recv().is_ok() {
            return response;
        }
    }
}

#[test]
fn a_prediction_that_takes_too_long_is_given_up() {
    let settings = json!({"server": {"predict_timeout": 0.2, "max_large_bodies": 1}});
    let late = "the prediction took longer than 0.2 seconds";
    let large = "x".repeat(100_000);
    for body in ["", large.as_str()] {
        let (puppet, entered, release) = Puppet::waiting();
        let app = app(puppet, &Store::new(Reads::Cached(model(3))), &settings);
        let running = Running::start(app, options());
        let method = if body.is_empty() { "GET" } else { "POST" };
        let ask = |target: &str| running.client().request(method, target, &[JSON], body);
        let response = give_up(&ask, &entered);
        assert_eq!(response.json()["error_message"], json!(late), "{method}");
        assert_eq!(response.headers["x-model-version"], "3");
        assert_eq!(running.get("/alive").status, 200, "the only worker is free");
        if !body.is_empty() {
            assert_eq!(ask("/predict?do=wait").status, 503, "what is given up keeps its permit");
        }
        release.send(()).unwrap();
        while ask("/predict").status != 200 {}
        assert!(entered.try_recv().is_err(), "what nobody waits for is not begun");
    }
}

#[test]
fn a_decorated_prediction_is_given_up_too() {
    let (puppet, entered, release) = Puppet::waiting();
    let settings = json!({"server": {"predict_timeout": 0.2, "max_large_bodies": 1}});
    let mut lists = Decorators::default();
    lists.insert(DecoratorList::new("predict_decorators", vec![Arc::new(Pass)]));
    let app = app(puppet, &Store::new(Reads::Cached(model(1))), &settings).decorated_by(lists);
    let running = Running::start(app, options());
    let response = give_up(&|target| running.get(target), &entered);
    assert_eq!(response.json()["error_message"], json!("the prediction took longer than 0.2 seconds"));
    release.send(()).unwrap();
    while running.get("/predict").status != 200 {}
    assert_eq!(running.get("/alive").status, 200);
    let large = "x".repeat(100_000);
    let post = |target: &str| running.client().request("POST", target, &[JSON], &large);
    give_up(&post, &entered);
    assert_eq!(post("/predict").status, 503, "what is given up keeps its permit");
    release.send(()).unwrap();
    while post("/predict").status != 200 {}
}

#[test]
fn a_slow_service_does_not_hold_up_the_worker() {
    let (puppet, entered, release) = Puppet::waiting();
    let running = Running::start(app(puppet, &Store::new(Reads::Cached(model(1))), &json!({})), options());
    let mut client = running.client();
    client.send("GET /predict?do=wait HTTP/1.1\r\nhost: test\r\n\r\n");
    entered.recv().unwrap();
    assert_eq!(running.get("/alive").status, 200, "the first prediction is made away from the worker");
    // It has to be a long one.
    std::thread::sleep(Duration::from_millis(5));
    release.send(()).unwrap();
    assert_eq!(client.receive(false).status, 200);
    let mut client = running.client();
    client.send("GET /predict?do=wait HTTP/1.1\r\nhost: test\r\n\r\n");
    entered.recv().unwrap();
    assert_eq!(running.get("/alive").status, 200, "and so is one after another that took long");
    release.send(()).unwrap();
}
