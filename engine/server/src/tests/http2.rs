//! Connections of HTTP/2: how long they stay open, and how much of them is underway.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use palladium_component::prelude::*;
use palladium_runtime::App;
use serde_json::{Value as Json, json};

use super::support::*;
use crate::ServeOptions;

/// Answers at `/long/<length>` with a text of that length.
struct Long;

impl Lifecycle for Long {}

impl View for Long {
    fn rules(&self) -> Vec<ViewRule> {
        vec![ViewRule::new("/long/<length>", &["GET"])]
    }

    fn answer(&self, request: &ViewRequest, _: &dyn ServiceHandle) -> Result<ViewResponse, Failure> {
        let length = request.part("length").unwrap().parse().unwrap();
        Ok(ViewResponse::text(200, "x".repeat(length)))
    }
}

/// Counts the requests that were answered.
#[derive(Default)]
struct Count(Arc<AtomicUsize>);

impl Lifecycle for Count {}

impl View for Count {
    fn rules(&self) -> Vec<ViewRule> {
        vec![ViewRule::new("/count", &["GET"])]
    }

    fn observer(&self, _: &[&str]) -> Option<Arc<dyn Observer>> {
        Some(Arc::new(Count(Arc::clone(&self.0))))
    }

    fn answer(&self, _: &ViewRequest, _: &dyn ServiceHandle) -> Result<ViewResponse, Failure> {
        Ok(ViewResponse::text(200, String::new()))
    }
}

impl Observer for Count {
    fn begun(&self) {}

    fn ended(&self, _: Option<&Answered<'_>>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// Returns a client that says that it takes everything.
fn eager(running: &Running) -> Http2 {
    const MUCH: u32 = (1 << 31) - 1;
    let mut client = running.http2();
    client.take_of_each(MUCH);
    client.take(0, MUCH - 65_535);
    client
}

fn running(server: &Json) -> Running {
    with_puppet(Puppet::at("/predict"), server)
}

/// Returns a service, and how many requests it has answered.
fn counting(server: &Json) -> (Running, Arc<AtomicUsize>) {
    let count = Count::default();
    let n_answered = Arc::clone(&count.0);
    let components = vec![
        ("model_persister", Component::Persister(Store::new(Reads::Cached(model(1))))),
        ("long", Component::View(Arc::new(Long))),
        ("count", Component::View(Arc::new(count))),
    ];
    let app = App::of_components(components, vec![("server", value(server))]);
    (Running::start(app, ServeOptions { listen: Vec::new(), ..options() }), n_answered)
}

fn with_puppet(puppet: Puppet, server: &Json) -> Running {
    let components = vec![
        ("model_persister", Component::Persister(Store::new(Reads::Cached(model(1))))),
        ("predict_service", Component::PredictService(Arc::new(puppet))),
        ("long", Component::View(Arc::new(Long))),
    ];
    let app = App::of_components(components, vec![("server", value(server)), ("predict_timeout", value(&json!(60)))]);
    Running::start(app, ServeOptions { listen: Vec::new(), ..options() })
}

#[test]
fn idle_connections_of_http_2_are_ended() {
    // A second longer than a head may take is the least.
    for (keep_alive, expected) in [(1, 2), (3, 3)] {
        let running = running(&json!({"listen": "127.0.0.1:0", "keep_alive": keep_alive, "head_timeout": 1}));
        let mut client = running.http2();
        let id = client.get("/alive");
        assert!(client.receive(id).is_ok());
        let answered = Instant::now();
        client.end();
        let idle = answered.elapsed();
        let least = Duration::from_secs(expected) - Duration::from_millis(100);
        assert!(idle > least && idle < Duration::from_secs(30), "{keep_alive}: {idle:?}");
    }
}

#[test]
fn so_many_requests_of_a_connection_are_underway_at_once() {
    let running = running(&json!({"listen": "127.0.0.1:0"}));
    let mut client = running.http2();
    for _ in 0..255 {
        client.post("/predict");
    }
    let id = client.get("/live");
    assert!(client.receive(id).is_ok());
    let one_more = client.post("/predict");
    let ids = ["/live", "/predict", "/nowhere"].map(|path| (client.get(path), path));
    for (index, (id, path)) in ids.into_iter().enumerate() {
        let refused = client.receive(id);
        let json: Json = serde_json::from_slice(&refused.body).unwrap();
        assert_eq!((&json["status"], &json["error_code"]), (&json!("ERROR"), &json!(-1)), "{path}");
        let message = json["error_message"].as_str().unwrap();
        assert!(message.starts_with("256 requests of this connection are underway, which is the most"), "{message}");
        // `:status: 503` and `retry-after: 1`, as HPACK writes them for the first time.
        for header in [&[0x48, 0x83, 0x6c, 0x0c, 0xff][..], &[0x75, 0x81, 0x0f]] {
            let is_there = refused.head.windows(header.len()).any(|part| part == header);
            assert!(is_there || index > 0, "{:x?}", refused.head);
        }
    }
    assert_eq!(running.get("/live").status, 200, "other connections go on");
    client.end_body(one_more);
    client.receive(one_more);
    let id = client.get("/live");
    assert!(client.receive(id).is_ok());
}

#[test]
fn answers_that_are_not_taken_are_underway() {
    let running = running(&json!({"listen": "127.0.0.1:0"}));
    let mut client = running.http2();
    client.take_of_each(0);
    let first = client.get("/long/100");
    for _ in 1..256 {
        client.get("/long/100");
    }
    assert!(client.receive_head(first).is_ok());
    let refused: Vec<u32> = (0..300).map(|_| client.get("/long/100")).collect();
    for (index, id) in refused.iter().enumerate() {
        let answer = client.receive_head(*id);
        assert!(!answer.is_ok() && answer.body.is_empty());
        // So many refusals are kept for a client that may take them, and more are heads alone.
        assert_eq!(answer.is_whole, index >= 256, "{index}");
    }
    refused.into_iter().for_each(|id| client.reset(id));
    client.take(first, 100);
    assert_eq!(client.receive(first).body.len(), 100);
    client.reset(first + 2);
    let ids = [client.get("/long/100"), client.get("/long/100"), client.get("/long/100")];
    for (id, is_ok) in ids.into_iter().zip([true, true, false]) {
        assert_eq!(client.receive_head(id).is_ok(), is_ok);
    }
}

#[test]
fn clients_that_take_nothing_of_answers_are_ended() {
    let running = running(&json!({"listen": "127.0.0.1:0", "write_timeout": 1, "keep_alive": 3600}));
    for (taken, length) in [(0, 1), (65_535, 1_000_000)] {
        let mut client = running.http2();
        client.take_of_each(taken);
        let begun = Instant::now();
        let id = client.get(&format!("/long/{length}"));
        assert!(client.receive_head(id).is_ok());
        client.end();
        let time = begun.elapsed();
        assert!(time > Duration::from_millis(900) && time < Duration::from_secs(30), "{length}: {time:?}");
    }
}

#[test]
fn the_time_for_taking_begins_with_an_answer() {
    let (puppet, entered, release) = Puppet::waiting();
    let running = with_puppet(puppet, &json!({"listen": "127.0.0.1:0", "write_timeout": 0.2, "keep_alive": 3600}));
    let mut client = running.http2();
    let id = client.get("/predict?do=wait");
    entered.recv().unwrap();
    std::thread::sleep(Duration::from_millis(600));
    release.send(()).unwrap();
    assert!(client.receive(id).is_ok());
    std::thread::sleep(Duration::from_millis(600));
    let id = client.get("/live");
    assert!(client.receive(id).is_ok());
}

#[test]
fn slow_downloads_are_not_idle() {
    const STEP: u32 = 16_384;
    let running = running(&json!({"listen": "127.0.0.1:0", "keep_alive": 1, "head_timeout": 1, "write_timeout": 2}));
    let mut client = running.http2();
    client.take_of_each(STEP);
    let id = client.get(&format!("/long/{}", STEP * 7));
    for _ in 0..6 {
        std::thread::sleep(Duration::from_millis(600));
        client.take(0, STEP);
        client.take(id, STEP);
    }
    assert_eq!(client.receive(id).body.len(), STEP as usize * 7);
    client.end();
}

#[test]
fn what_is_handed_over_and_not_written_is_underway() {
    const LENGTH: usize = 300_000;
    let running = running(&json!({"listen": "127.0.0.1:0", "keep_alive": 1, "head_timeout": 1, "write_timeout": 60}));
    let mut client = eager(&running);
    let ids: Vec<u32> = (0..100).map(|_| client.get(&format!("/long/{LENGTH}"))).collect();
    std::thread::sleep(Duration::from_secs(4));
    let more: Vec<u32> = (0..300).map(|_| client.get("/long/1")).collect();
    std::thread::sleep(Duration::from_secs(1));
    for id in ids {
        assert_eq!(client.receive(id).body.len(), LENGTH);
    }
    let answered: Vec<bool> = more.into_iter().map(|id| client.receive(id).is_ok()).collect();
    // Some of the long answers may wait too.
    let n_answered = answered.iter().take_while(|is_ok| **is_ok).count();
    assert!((156..=256).contains(&n_answered) && !answered[n_answered..].contains(&true), "{n_answered}: {answered:?}");
    let id = client.get("/live");
    assert!(client.receive(id).is_ok());
    client.end();
}

#[test]
fn answers_of_which_a_part_is_written_are_underway() {
    const LENGTH: usize = 200_000;
    let running = running(&json!({"listen": "127.0.0.1:0"}));
    let mut client = eager(&running);
    let mut ids = Vec::new();
    for _ in 0..4 {
        ids.extend((0..256).map(|_| client.get(&format!("/long/{LENGTH}"))));
        std::thread::sleep(Duration::from_millis(500));
        client.receive_frames(200);
    }
    let answers = ids.into_iter().map(|id| client.receive(id));
    let n_answered = answers.filter(|answer| answer.is_ok() && answer.body.len() == LENGTH).count();
    // The system keeps some for the client too.
    assert!((256..512).contains(&n_answered), "{n_answered}");
    let id = client.get("/live");
    assert!(client.receive(id).is_ok());
}

#[test]
fn answers_that_are_given_up_are_not_underway() {
    let running = running(&json!({"listen": "127.0.0.1:0"}));
    let mut client = eager(&running);
    for round in 0..12 {
        let ids: Vec<u32> = (0..32).map(|_| client.get("/long/300000")).collect();
        ids.iter().for_each(|id| assert!(client.receive_head(*id).is_ok(), "{round}"));
        ids.into_iter().for_each(|id| client.reset(id));
        let id = client.get("/long/100000");
        let answer = client.receive(id);
        assert!(answer.is_ok() && answer.body.len() == 100_000, "{round}");
    }
    let ids: Vec<u32> = (0..256).map(|_| client.get("/long/1")).collect();
    ids.into_iter().for_each(|id| assert!(client.receive(id).is_ok()));
}

#[test]
fn clients_that_take_less_than_they_said_are_ended() {
    let running = running(&json!({"listen": "127.0.0.1:0", "write_timeout": 1, "keep_alive": 3600}));
    let mut client = eager(&running);
    let ids: Vec<u32> = (0..64).map(|_| client.get("/long/300000")).collect();
    std::thread::sleep(Duration::from_millis(500));
    client.take_of_each(0);
    let begun = Instant::now();
    client.end();
    let (time, n_whole) = (begun.elapsed(), ids.iter().filter(|id| client.has(**id)).count());
    assert!(time < Duration::from_secs(30) && n_whole < ids.len(), "{time:?}, {n_whole}");
}

#[test]
fn requests_are_not_read_while_many_answers_are_not_written() {
    const MANY: usize = 20_000;
    let (running, n_answered) = counting(&json!({"listen": "127.0.0.1:0"}));
    let mut client = eager(&running);
    let long: Vec<u32> = (0..100).map(|_| client.get("/long/300000")).collect();
    let heads: Vec<u32> = (0..MANY).map(|_| client.get_head("/live")).collect();
    while n_answered.load(Ordering::Relaxed) < 1_024 {
        std::thread::sleep(Duration::from_millis(50));
    }
    for _ in 0..20 {
        std::thread::sleep(Duration::from_millis(50));
        // What is taken is not all that there is.
        client.receive_frames(10);
    }
    // Beyond the limit, as many as are read at once.
    let n_read = n_answered.load(Ordering::Relaxed);
    assert!(n_read < 2_500, "{n_read}");
    let n_long = long.len();
    for id in long {
        assert_eq!(client.receive(id).body.len(), 300_000);
    }
    heads.into_iter().for_each(|id| assert!(client.receive(id).body.is_empty()));
    assert_eq!(n_answered.load(Ordering::Relaxed), MANY + n_long);
}

#[test]
fn clients_that_are_not_read_and_take_nothing_are_ended() {
    let (running, n_answered) = counting(&json!({"listen": "127.0.0.1:0", "write_timeout": 1, "keep_alive": 3600}));
    let mut client = eager(&running);
    for _ in 0..100 {
        client.get("/long/300000");
    }
    for _ in 0..5_000 {
        client.get_head("/live");
    }
    std::thread::sleep(Duration::from_secs(3));
    client.end();
    let n_answered = n_answered.load(Ordering::Relaxed);
    assert!(n_answered < 2_500, "{n_answered}");
}

#[test]
fn clients_that_take_their_answers_may_have_any_number() {
    let (running, _) = counting(&json!({"listen": "127.0.0.1:0"}));
    let mut client = running.http2();
    client.take_of_each(0);
    let waiting = client.get("/long/100");
    for _ in 0..50 {
        let ids: Vec<u32> = (0..200).map(|_| client.get_head("/live")).collect();
        ids.into_iter().for_each(|id| assert!(client.receive(id).is_ok()));
    }
    client.take(waiting, 100);
    assert_eq!(client.receive(waiting).body.len(), 100);
}
