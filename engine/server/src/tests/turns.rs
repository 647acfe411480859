//! Requests of one connection of HTTP/1 that come before they are asked for.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::unix::net::UnixStream;
use std::sync::mpsc::TryRecvError;
use std::time::{Duration, Instant};

use serde_json::json;

use super::support::*;

const JSON: &str = "content-type: application/json\r\n";
/// What does not come by then does not come.
const PATIENCE: Duration = Duration::from_secs(60);

fn connect(running: &Running) -> TcpStream {
    let stream = TcpStream::connect(running.address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

fn rest(stream: &mut impl Read) -> String {
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap_or_else(|error| panic!("{error} after {text}"));
    text
}

/// Sends pieces one after the other, and returns all answers without what changes from one time to the next.
fn exchange(running: &Running, pieces: &[&str]) -> String {
    let mut stream = connect(running);
    for (index, piece) in pieces.iter().enumerate() {
        if index > 0 {
            std::thread::sleep(Duration::from_millis(2));
        }
        // Behind the last request nothing is taken.
        let _ = stream.write_all(piece.as_bytes());
    }
    let _ = stream.shutdown(Shutdown::Write);
    let answers = rest(&mut stream);
    answers.split_inclusive("\r\n").filter(|line| !line.starts_with("date: ")).collect()
}

/// Returns requests that are answered by the worker and away from it, and whether they end their connection.
fn requests() -> Vec<(String, bool)> {
    let plain = |line: &str| format!("{line}\r\nhost: x\r\n\r\n");
    let post = |target: &str, body: &str| {
        format!("POST {target} HTTP/1.1\r\nhost: x\r\n{JSON}content-length: {}\r\n\r\n{body}", body.len())
    };
    let chunks = "2\r\n[]\r\n7;a=b\r\n0\r\n\r\n\r\n\r\n0\r\nx: y\r\n\r\n";
    let unread = "GET /live HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\nabcde";
    vec![
        (plain("GET /live HTTP/1.1"), false),
        (plain("GET /list HTTP/1.1"), false),
        (plain("HEAD /live HTTP/1.1"), false),
        (plain("HEAD /list HTTP/1.1"), false),
        (plain("GET /list HTTP/1.1").replace("\r\n", "\n"), false),
        (post("/predict", "[1, 2]"), false),
        (post("/predict", "[1,\n\n2]"), false),
        (post("/predict", &plain("GET /hidden HTTP/1.1")), false),
        (post("/predict", &"x".repeat(100_000)), false),
        (format!("POST /predict HTTP/1.1\r\nhost: x\r\n{JSON}transfer-encoding: chunked\r\n\r\n{chunks}"), false),
        ("GET /list HTTP/1.0\r\nconnection: keep-alive\r\n\r\n".to_owned(), false),
        ("GET /list HTTP/1.0\r\n\r\n".to_owned(), true),
        ("GET /live HTTP/1.0\r\n\r\n".to_owned(), true),
        ("GET /live HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n".to_owned(), true),
        ("GET /list HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n".to_owned(), true),
        (unread.to_owned(), true),
        (unread.replace("/live", "/list"), true),
    ]
}

/// No request changes how another one is answered.
#[test]
fn requests_that_come_together_are_answered_as_if_they_came_alone() {
    let running = standard();
    let alone = |(request, is_last): (String, bool)| (exchange(&running, &[&request]), request, is_last);
    let alone: Vec<(String, String, bool)> = requests().into_iter().map(alone).collect();
    for (answer, first, is_last) in &alone {
        for (next, second, _) in &alone {
            let answers = exchange(&running, &[&format!("{first}{second}")]);
            let expected = if *is_last { answer.clone() } else { format!("{answer}{next}") };
            let shown = |text: &str| text.chars().take(2000).collect::<String>();
            assert!(answers == expected, "{}\n{}\n{}", shown(first), shown(second), shown(&answers));
        }
    }
}

#[test]
fn requests_may_be_cut_anywhere() {
    let running = standard();
    let all: Vec<String> =
        requests().into_iter().filter(|(text, is_last)| !is_last && text.len() < 1000).map(|(text, _)| text).collect();
    let text = all.concat();
    let expected = exchange(&running, &[&text]);
    for at in (1..text.len()).step_by(7) {
        assert_eq!(exchange(&running, &[&text[..at], &text[at..]]), expected, "{:?}", &text[..at]);
    }
    let pieces: Vec<&str> = text.as_bytes().chunks(9).map(|piece| std::str::from_utf8(piece).unwrap()).collect();
    assert_eq!(exchange(&running, &pieces), expected);
}

#[test]
fn many_requests_are_answered_in_order() {
    let running = standard();
    let mut client = Client::at(connect(&running));
    let target = |number: usize| format!("/predict?do=text&text=number-{number}");
    let request = |number: usize| match number % 3 {
        0 => format!("GET {} HTTP/1.1\r\nhost: x\r\n\r\n", target(number)),
        1 => "HEAD /list HTTP/1.1\r\nhost: x\r\n\r\n".to_owned(),
        _ => {
            let body = "x".repeat(number * 20);
            format!("POST /predict HTTP/1.1\r\nhost: x\r\n{JSON}content-length: {}\r\n\r\n{body}", body.len())
        }
    };
    client.send(&(0..100).map(request).collect::<String>());
    for number in 0..100 {
        let response = client.receive(number % 3 == 1);
        assert_eq!(response.status, 200);
        match number % 3 {
            0 => assert_eq!(response.json()["result"], json!(format!("number-{number}"))),
            1 => assert!(response.headers["content-length"] != "0"),
            _ => assert_eq!(response.json()["result"], json!((number * 20) as f64)),
        }
    }
    assert_eq!(client.request("GET", "/live", &[], "").status, 200);
}

#[test]
fn bodies_that_wait_for_the_service_are_followed_by_requests() {
    let running = standard();
    let mut client = Client::at(connect(&running));
    let head = format!("POST /predict HTTP/1.1\r\nhost: x\r\n{JSON}expect: 100-continue\r\ncontent-length: 4\r\n\r\n");
    let next = "HEAD /list HTTP/1.1\r\nhost: x\r\n\r\n";
    // The client waits, or does not.
    client.send(&head);
    assert_eq!(client.receive(true).status, 100);
    client.send(&format!("[12]{next}"));
    assert_eq!(client.receive(false).json()["result"], json!(4.0));
    assert_eq!(client.receive(true).status, 200);
    client.send(&format!("{head}[\n\n]{next}"));
    assert_eq!(client.receive(true).status, 100);
    assert_eq!(client.receive(false).json()["result"], json!(4.0));
    assert_eq!(client.receive(true).status, 200);
}

/// A client that has ended its side while its request is worked on is answered, and then its connection ends at once; the
/// same goes for one that has no request underway.
#[test]
fn a_connection_ends_with_the_answer_where_its_client_has_ended_its_side() {
    let (puppet, entered, release) = Puppet::waiting();
    let settings = json!({"server": {"predict_timeout": 60, "keep_alive": 60, "head_timeout": 60}});
    let running = Running::start(app(puppet, &Store::new(Reads::Cached(model(1))), &settings), options());
    let wait = "GET /predict?do=wait HTTP/1.1\r\nhost: x\r\n\r\n";
    let mut stream = connect(&running);
    stream.write_all(wait.as_bytes()).unwrap();
    entered.recv().unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    std::thread::sleep(Duration::from_millis(100));
    release.send(()).unwrap();
    let started = Instant::now();
    assert_eq!(rest(&mut stream).matches("HTTP/1.1 200 OK").count(), 1);
    assert!(started.elapsed() < PATIENCE / 2);

    let mut stream = connect(&running);
    stream.shutdown(Shutdown::Write).unwrap();
    assert_eq!(rest(&mut stream), "");
    let mut client = Client::at(connect(&running));
    assert_eq!(client.request("GET", "/live", &[], "").status, 200);
    client.0.get_ref().shutdown(Shutdown::Write).unwrap();
    assert_eq!(rest(&mut client.0), "");
    assert!(started.elapsed() < PATIENCE / 2);
}

/// So it does where the client takes its time, wherever the answers do not fit between them any more.
#[test]
fn a_connection_ends_with_the_last_answer_that_its_client_takes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("p.sock");
    let listen = format!("unix:{}", path.display());
    let settings = json!({"server": {"listen": listen, "keep_alive": 60, "head_timeout": 60}});
    let app = app(Puppet::at("/predict"), &Store::new(Reads::Cached(model(1))), &settings);
    let _running = Running::start(app, crate::ServeOptions { listen: Vec::new(), ..options() });
    let request = format!("GET /predict?do=text&text={} HTTP/1.1\r\nhost: x\r\n\r\n", "x".repeat(30_000));
    let started = Instant::now();
    for n_requests in 1..14 {
        let mut stream = UnixStream::connect(&path).unwrap();
        stream.write_all(request.repeat(n_requests).as_bytes()).unwrap();
        std::thread::sleep(Duration::from_millis(100));
        stream.shutdown(Shutdown::Write).unwrap();
        std::thread::sleep(Duration::from_millis(20));
        assert_eq!(rest(&mut stream).matches("HTTP/1.1 200 OK").count(), n_requests);
    }
    assert!(started.elapsed() < PATIENCE / 2);
}

/// Behind an answer that ends its connection nothing is carried out, and the client, which goes on sending, receives that
/// answer and the end.
#[test]
fn an_end_that_is_said_is_kept() {
    let (puppet, entered, _release) = Puppet::waiting();
    let app = app(puppet, &Store::new(Reads::Cached(model(1))), &json!({"server": {"predict_timeout": 60}}));
    let running = Running::start(app, options());
    let lines = "POST /predict HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-ndjson\r\n";
    let refused = "POST /no HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n2\r\n[]\r\n0\r\n\r\n";
    let cases = [
        "GET /live HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\nabcde".to_owned(),
        "GET /list HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n".to_owned(),
        "GET /live HTTP/1.0\r\n\r\n".to_owned(),
        refused.to_owned(),
        "CONNECT /no HTTP/1.1\r\nhost: x\r\n\r\n".to_owned(),
        "GET /live HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n".to_owned(),
        format!("{lines}content-length: 2\r\n\r\n\n\n"),
        format!("{lines}transfer-encoding: chunked\r\n\r\n2\r\n\n\n\r\n0\r\n\r\n"),
        "GET /live\r\n\r\n".to_owned(),
    ];
    for last in cases {
        let mut stream = connect(&running);
        let next = "GET /predict?do=wait HTTP/1.1\r\nhost: x\r\n\r\n";
        stream.write_all(format!("{last}{next}").as_bytes()).unwrap();
        let started = Instant::now();
        let mut writer = stream.try_clone().unwrap();
        let sending = std::thread::spawn(move || {
            for _ in 0..20 {
                std::thread::sleep(Duration::from_millis(5));
                let _ = writer.write_all(next.repeat(50).as_bytes());
            }
        });
        let answers = rest(&mut stream);
        assert!(started.elapsed() < PATIENCE / 2, "{last:?}");
        assert_eq!(answers.matches("HTTP/1.").count(), 1, "{last:?}: {answers}");
        let is_old = last.contains("HTTP/1.0");
        assert!(is_old || !last.contains("HTTP/1.") || answers.contains("connection: close\r\n"), "{answers}");
        sending.join().unwrap();
        assert_eq!(entered.try_recv(), Err(TryRecvError::Empty), "{last:?}");
    }
}

/// No more is read than is worth it while a request is worked on, and everything is answered in the end.
#[test]
fn what_is_held_back_is_limited() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("p.sock");
    let (puppet, entered, release) = Puppet::waiting();
    let settings = json!({"server": {"listen": format!("unix:{}", path.display()), "predict_timeout": 60}});
    let app = app(puppet, &Store::new(Reads::Cached(model(1))), &settings);
    let _running = Running::start(app, crate::ServeOptions { listen: Vec::new(), ..options() });
    let mut stream = UnixStream::connect(&path).unwrap();
    stream.write_all(b"GET /predict?do=wait HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
    entered.recv().unwrap();
    let request = "HEAD /live HTTP/1.1\r\nhost: x\r\n\r\n";
    let text = request.repeat(200_000);
    // The last one that is written may be cut off, and is not answered.
    stream.set_write_timeout(Some(Duration::from_millis(300))).unwrap();
    let mut written = 0;
    let error = loop {
        match stream.write(&text.as_bytes()[written..]) {
            Ok(n_bytes) => written += n_bytes,
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind(), ErrorKind::WouldBlock);
    assert!((64 << 10..2 << 20).contains(&written), "{written} bytes were taken");
    release.send(()).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let answers = rest(&mut stream);
    assert_eq!(answers.matches("HTTP/1.1 200 OK").count(), 1 + written / request.len());
}
