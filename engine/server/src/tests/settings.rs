//! The root key `server`: what it may hold, and what comes of it.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use palladium_component::prelude::*;
use palladium_component::value::Diagnostics;
use palladium_runtime::{App, root_keys};
use serde_json::{Value as Json, json};

use super::support::*;
use crate::body::{LARGE, NO_MEMORY};
use crate::settings::{Limits, SETTINGS, Settings, TLS_SETTINGS, TlsSettings};
use crate::{Listen, ServeOptions};

fn read(server: &Json) -> (Settings, Vec<String>) {
    let mut findings = Diagnostics::default();
    let settings = Settings::of(&App::of_components(Vec::new(), vec![("server", value(server))]), &mut findings);
    (settings, findings.iter().map(|finding| finding.message.clone()).collect())
}

fn running(server: &Json) -> Running {
    let store = Store::new(Reads::Cached(model(1)));
    let options = ServeOptions { listen: Vec::new(), ..options() };
    Running::start(app(Puppet::at("/predict"), &store, &json!({"server": server})), options)
}

#[test]
fn every_setting_is_read() {
    let tls = json!({
        "certificate": "c.pem", "key": "k.pem", "client_ca": "ca.pem", "handshake_timeout": 3, "refresh": 4.5
    });
    let all = json!({
        "listen": ["[::1]:80", "unix:/s"], "socket_mode": "0600", "backlog": 7, "workers": 3, "max_connections": 9,
        "keep_alive": 0, "head_timeout": 1.5, "body_timeout": 2, "write_timeout": 0.5, "max_head": 1000, "max_headers": 8, "max_body": 5,
        "max_body_memory": 6, "max_large_bodies": 2, "drain": 1.5, "shutdown_timeout": 6, "allow_unauthenticated_admin": true,
        "keep_jobs": 0, "max_rows": 11, "predict_timeout": 0.25, "tls": tls
    });
    let keys: Vec<&String> = all.as_object().unwrap().keys().filter(|key| *key != "tls").collect();
    assert_eq!(keys, SETTINGS.iter().map(|setting| setting.name).collect::<Vec<_>>());
    let keys: Vec<&String> = tls.as_object().unwrap().keys().collect();
    assert_eq!(keys, TLS_SETTINGS.iter().map(|setting| setting.name).collect::<Vec<_>>());
    let (settings, findings) = read(&all);
    assert!(findings.is_empty(), "{findings:?}");
    let seconds = Duration::from_secs_f64;
    let (fixed, limits) = (settings.fixed, settings.limits);
    assert_eq!(fixed.listen, [at("[::1]:80"), at("unix:/s")]);
    assert_eq!((fixed.socket_mode, fixed.backlog, fixed.workers, fixed.max_connections), (0o600, 7, Some(3), Some(9)));
    assert_eq!((fixed.keep_alive, fixed.head_timeout), (Duration::ZERO, seconds(1.5)));
    assert_eq!(fixed.write_timeout, seconds(0.5));
    assert_eq!((fixed.drain, fixed.shutdown_timeout), (seconds(1.5), seconds(6.0)));
    assert_eq!((limits.max_head, limits.max_headers, limits.max_body), (1000, 8, 5));
    assert_eq!((limits.max_body_memory, limits.body_timeout), (Some(6), seconds(2.0)));
    assert_eq!(limits.max_large_bodies, Some(2));
    assert_eq!((settings.allow_unauthenticated_admin, settings.keep_jobs), (true, 0));
    assert_eq!((settings.max_rows, settings.predict_timeout), (11, Some(seconds(0.25))));
    let expected = TlsSettings {
        certificate: "c.pem".into(),
        key: "k.pem".into(),
        client_ca: Some("ca.pem".into()),
        handshake_timeout: seconds(3.0),
        refresh: seconds(4.5),
    };
    assert_eq!(fixed.tls, Some(expected));
    assert_eq!(read(&json!({"listen": "localhost:1"})).0.fixed.listen, [at("localhost:1")]);
    assert_eq!(read(&json!({"tls": null})).0, Settings::default());
}

#[test]
fn wrong_settings_are_found() {
    let addresses = "an address such as `127.0.0.1:5000` or `unix:/run/palladium.sock`, or a list of different ones";
    let mode = "permissions as octal digits in text, such as \"660\"";
    let cases = [
        (
            "listen",
            vec![json!("5000"), json!([]), json!(["a:1", "b:1", "a:1"]), json!(["a:1", 2]), json!(":80"), json!(80)],
            addresses,
        ),
        ("socket_mode", vec![json!(660), json!("999"), json!("060"), json!("66"), json!("1777")], mode),
        ("backlog", vec![json!(0), json!(65_536), json!(1.5)], "a whole number from 1 to 65535"),
        ("workers", vec![json!(0), json!(1025), json!("2")], "a whole number from 1 to 1024"),
        ("max_connections", vec![json!(0), json!(-1)], "a whole number from 1 on"),
        ("keep_alive", vec![json!(-1), json!(0.5), json!(86_401), json!("5s")], "0, or seconds from 1 to 86400"),
        ("head_timeout", vec![json!(0.9), json!(true)], "seconds from 1 to 86400"),
        ("body_timeout", vec![json!(0.0), json!([1])], "seconds from 0.001 to 86400"),
        ("write_timeout", vec![json!(0)], "seconds from 0.001 to 86400"),
        ("max_head", vec![json!(255), json!(131_073)], "a number of bytes from 256 to 131072"),
        ("max_headers", vec![json!(0), json!(97)], "a whole number from 1 to 96"),
        ("max_body", vec![json!(0), json!("1M")], "a number of bytes from 1 on"),
        ("max_body_memory", vec![json!(0), json!("1G")], "a number of bytes from 1 on"),
        ("max_large_bodies", vec![json!(0), json!(65_536)], "a whole number from 1 to 65535"),
        ("drain", vec![json!(-0.1)], "seconds from 0 to 86400"),
        ("shutdown_timeout", vec![json!(0)], "seconds from 0.001 to 86400"),
        ("allow_unauthenticated_admin", vec![json!("yes"), json!(1)], "true or false"),
        ("keep_jobs", vec![json!(-1), json!(1.0)], "a whole number from 0 on"),
        ("max_rows", vec![json!(0), json!(1.5)], "a whole number from 1 on"),
        ("predict_timeout", vec![json!(0), json!("1s")], "seconds from 0.001 to 86400"),
    ];
    assert_eq!(
        cases.iter().map(|(name, ..)| *name).collect::<Vec<_>>(),
        SETTINGS.iter().map(|s| s.name).collect::<Vec<_>>()
    );
    for (name, values, expected) in cases {
        for value in values {
            let (settings, findings) = read(&json!({name: value}));
            assert_eq!(findings, [format!("`{name}` of `server` has to be {expected}")], "{value}");
            assert_eq!(settings, Settings::default(), "{name} {value}");
        }
    }
    for (name, value, label) in [
        ("workers", json!(0), "out of range"),
        ("workers", json!(1.5), "this is a number"),
        ("drain", json!(-0.5), "out of range"),
        ("drain", json!("1s"), "this is text"),
        ("listen", json!(5000), "this is a whole number"),
        ("listen", json!("127.0.0.1"), "its port is missing"),
        ("listen", json!(["a:1", "b:x"]), "this is no address"),
        ("listen", json!(["a:1", "b:1", "a:1"]), "this one stands here already"),
    ] {
        let mut findings = Diagnostics::default();
        Settings::of(
            &App::of_components(Vec::new(), vec![("server", self::value(&json!({name: value})))]),
            &mut findings,
        );
        assert_eq!(findings.iter().next().unwrap().labels[0].text, label, "{name} {value}");
    }
    let file = "the path of a file";
    let time = "seconds from 0.001 to 86400";
    let wrong = |name: &str, expected: &str| format!("`{name}` of `server.tls` has to be {expected}");
    let cases = [
        (json!("x.pem"), vec!["`server.tls` has to be a map".to_owned()]),
        (json!({}), vec!["`server.tls` needs `certificate`".to_owned(), "`server.tls` needs `key`".to_owned()]),
        (json!({"certificate": "", "key": 1}), vec![wrong("certificate", file), wrong("key", file)]),
        (
            json!({"certificate": "c", "key": "k", "client_ca": [], "handshake_timeout": 0, "refresh": 0}),
            vec![wrong("client_ca", file), wrong("handshake_timeout", time), wrong("refresh", time)],
        ),
        (json!({"certificate": "c", "key": "k", "cert": 1}), vec!["`server.tls` has no key `cert`".to_owned()]),
    ];
    for (tls, expected) in cases {
        assert_eq!(read(&json!({"tls": tls})).1, expected, "{tls}");
    }
}

#[test]
fn every_setting_is_documented_with_its_default() {
    let docs = root_keys::ALL.iter().find(|key| key.name == "server").unwrap().docs;
    let names = SETTINGS.iter().map(|setting| setting.name).chain(TLS_SETTINGS.iter().map(|setting| setting.name));
    for name in names.chain(["tls"]) {
        assert!(docs.contains(&format!("`{name}`")), "{name}");
    }
    let Settings { fixed, limits, keep_jobs, .. } = Settings::default();
    let seconds = |name: &str, time: Duration| (name.to_owned(), format!("({})", time.as_secs_f64()));
    let number = |name: &str, number: usize| (name.to_owned(), format!("({number})"));
    for (name, shown) in [
        ("listen".to_owned(), format!("(`{}`)", fixed.listen[0])),
        ("socket_mode".to_owned(), format!("(`\"{:o}\"`)", fixed.socket_mode)),
        number("backlog", fixed.backlog as usize),
        seconds("keep_alive", fixed.keep_alive),
        seconds("head_timeout", fixed.head_timeout),
        seconds("body_timeout", limits.body_timeout),
        seconds("write_timeout", fixed.write_timeout),
        number("max_head", limits.max_head),
        number("max_headers", limits.max_headers),
        number("max_body", limits.max_body),
        seconds("drain", fixed.drain),
        seconds("shutdown_timeout", fixed.shutdown_timeout),
        number("keep_jobs", keep_jobs),
    ] {
        let behind = docs.split_once(&format!("`{name}`")).unwrap().1;
        let part = behind.split(';').next().unwrap();
        assert!(part.contains(&shown), "{name}: {part} lacks {shown}");
    }
}

#[test]
fn options_win_over_settings() {
    let (settings, _) = read(&json!({"listen": "0.0.0.0:1", "workers": 2, "max_body": 3, "drain": 4}));
    let same = settings.clone().overridden_by(&ServeOptions::default());
    assert_eq!(same, settings);
    let options = ServeOptions {
        max_body: Some(30),
        drain: Some(Duration::from_secs(40)),
        ..ServeOptions { listen: vec![at("localhost:10")], ..options() }
    };
    let changed = settings.overridden_by(&options);
    assert_eq!((changed.fixed.listen, changed.fixed.workers), (vec![at("localhost:10")], Some(1)));
    assert_eq!((changed.limits.max_body, changed.fixed.drain), (30, Duration::from_secs(40)));
    let (settings, _) = read(&json!({"listen": ["localhost:1", "unix:/s"]}));
    let trial = settings.overridden_by(&ServeOptions { is_trial: true, ..ServeOptions::default() }).fixed.listen;
    assert_eq!(trial[0], at("localhost:0"));
    assert_eq!(trial[1], Listen::Beside("/s".into()));
}

#[test]
fn heads_are_limited() {
    let running = running(&json!({"listen": "127.0.0.1:0", "max_headers": 5, "max_head": 1000}));
    let long = "x".repeat(900);
    let longer = "x".repeat(1000);
    let headers = |count: usize| vec![("x-more", "1"); count];
    let cases = [
        // `host` is one of them.
        ("/alive".to_owned(), headers(4), 200, ""),
        ("/alive".to_owned(), headers(5), 431, "more than the 5 headers"),
        ("/alive".to_owned(), vec![("x-long", long.as_str())], 200, ""),
        ("/alive".to_owned(), vec![("x-long", longer.as_str())], 431, "longer than the 1000 bytes"),
        (format!("/alive?{long}"), Vec::new(), 200, ""),
        (format!("/alive?{longer}"), Vec::new(), 431, "longer than the 1000 bytes"),
        (format!("/{longer}"), Vec::new(), 431, "longer than the 1000 bytes"),
    ];
    for (target, headers, status, message) in cases {
        let response = running.client().request("GET", &target, &headers, "");
        assert_eq!(response.status, status, "{target:.20} {headers:?}");
        if status != 200 {
            let json = response.json();
            assert_eq!((&json["status"], &json["error_code"]), (&json!("ERROR"), &json!(-1)));
            assert!(json["error_message"].as_str().unwrap().contains(message), "{json}");
        }
    }
}

#[test]
fn slow_heads_are_ended() {
    let running = running(&json!({"listen": "127.0.0.1:0", "head_timeout": 2}));
    let (mut slow, sent) = (running.client(), Instant::now());
    slow.send("GET /alive HTTP/1.1\r\nhost: ");
    assert_eq!(slow.receive(false).status, 408);
    assert!(sent.elapsed() >= Duration::from_secs(2), "{:?}", sent.elapsed());
    // Nothing was sent at all.
    let mut silent = running.client();
    silent.end();
    // A head that follows another request, alone and together with it.
    let mut kept = running.client();
    assert_eq!(kept.request("GET", "/alive", &[], "").status, 200);
    kept.send("G");
    kept.end();
    let mut together = running.client();
    together.send("GET /alive HTTP/1.1\r\nhost: x\r\n\r\nGET /");
    assert_eq!(together.receive(false).status, 200);
    together.send("a");
    together.end();
}

#[test]
fn idle_connections_are_ended() {
    let server = json!({"listen": "127.0.0.1:0", "keep_alive": 1, "head_timeout": 3600});
    let is_ended_cleanly = |mut client: Client| {
        client.0.get_ref().set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        let answered = Instant::now();
        assert_eq!(client.0.read(&mut [0]).unwrap(), 0);
        assert!(answered.elapsed() > Duration::from_millis(900), "{:?}", answered.elapsed());
    };
    let at_once = running(&server);
    let mut idle = at_once.client();
    for _ in 0..3 {
        std::thread::sleep(Duration::from_millis(500));
        assert_eq!(idle.request("GET", "/alive", &[], "").status, 200);
    }
    is_ended_cleanly(idle);
    // A request that is refused keeps its connection as long, since its body was read, or there is none.
    for (method, path, status) in
        [("POST", "/predict?do=bad", 400), ("POST", "/predict?do=too_many", 413), ("DELETE", "/alive", 405)]
    {
        let mut refused = at_once.client();
        let body = if method == "POST" { "[]" } else { "" };
        let response = refused.request(method, path, &[("content-type", "application/json")], body);
        assert_eq!((response.status, response.headers.get("connection")), (status, None));
        is_ended_cleanly(refused);
    }
    // The time begins with the end of a request that takes longer.
    let (puppet, entered, release) = Puppet::waiting();
    let app = app(puppet, &Store::new(Reads::Cached(model(1))), &json!({"server": server, "predict_timeout": 60}));
    let slow = Running::start(app, ServeOptions { listen: Vec::new(), ..options() });
    let mut idle = slow.client();
    idle.send("GET /predict?do=wait HTTP/1.1\r\nhost: x\r\n\r\n");
    entered.recv().unwrap();
    std::thread::sleep(Duration::from_millis(1500));
    release.send(()).unwrap();
    assert_eq!(idle.receive(false).status, 200);
    is_ended_cleanly(idle);
}

#[test]
fn bodies_that_are_not_read_end_their_connection() {
    let running = running(&json!({"listen": "127.0.0.1:0", "body_timeout": 0.2, "max_body": 10}));
    let head = "POST /predict HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n";
    let chunked = "transfer-encoding: chunked\r\n\r\n";
    let cases = [
        (format!("POST /no HTTP/1.1\r\nhost: x\r\n{chunked}2\r\n[]\r\n0\r\n\r\n"), 404),
        ("POST /no HTTP/1.1\r\nhost: x\r\ncontent-length: 20\r\n\r\n[".to_owned(), 404),
        (format!("{head}{chunked}2\r\n["), 408),
        (format!("{head}content-length: 2\r\n\r\n["), 408),
        (format!("{head}{chunked}14\r\n[                  ]\r\n0\r\n\r\n"), 413),
        (format!("{head}content-length: 20\r\n\r\n[                  ]"), 413),
    ];
    let unasked = ["GET /alive", "HEAD /alive", "OPTIONS /alive", "GET /predict", "HEAD /predict", "OPTIONS /predict"];
    let unasked = unasked.map(|line| (format!("{line} HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n[]"), 200));
    for (message, status) in cases.into_iter().chain(unasked) {
        let mut client = running.client();
        client.send(&message);
        let response = client.receive(message.starts_with("HEAD"));
        let connection = response.headers.get("connection").map(String::as_str);
        assert_eq!((response.status, connection), (status, Some("close")), "{message:?}");
        client.end();
    }
}

#[test]
fn clients_that_take_nothing_are_ended() {
    let running = running(&json!({"listen": "127.0.0.1:0", "write_timeout": 0.2, "shutdown_timeout": 60}));
    let mut deaf = running.client();
    let many = format!("GET /predict?do=text&text={} HTTP/1.1\r\nhost: x\r\n\r\n", "x".repeat(50_000)).repeat(20);
    // Sooner or later nothing fits in between, and then the service gives up.
    let stream = deaf.0.get_mut();
    stream.set_write_timeout(Some(Duration::from_secs(60))).unwrap();
    let failed = (0..10_000).find_map(|_| stream.write_all(many.as_bytes()).err()).unwrap();
    let kinds = [std::io::ErrorKind::ConnectionReset, std::io::ErrorKind::BrokenPipe];
    assert!(kinds.contains(&failed.kind()), "{failed}");
}

#[test]
fn connections_need_not_be_kept() {
    let running = running(&json!({"listen": "127.0.0.1:0", "keep_alive": 0}));
    let mut client = running.client();
    let response = client.request("GET", "/alive", &[], "");
    assert_eq!((response.status, response.headers["connection"].as_str()), (200, "close"));
    assert_eq!(client.0.read(&mut [0]).unwrap(), 0);
}

#[test]
fn connections_at_once_are_limited() {
    for (workers, limit, most) in [(1, 1, 1), (1, 3, 3), (2, 1, 1), (4, 2, 2), (2, 5, 4)] {
        let server = json!({"listen": "127.0.0.1:0", "workers": workers, "max_connections": limit});
        let store = Store::new(Reads::Cached(model(1)));
        let options = ServeOptions { listen: Vec::new(), workers: None, ..options() };
        let running = Running::start(app(Puppet::at("/predict"), &store, &json!({"server": server})), options);
        let mut open: Vec<_> = (0..most).map(|_| running.client()).collect();
        let mut answered = || open.iter_mut().all(|client| client.request("GET", "/alive", &[], "").status == 200);
        assert!(answered());
        let is_answered = Arc::new(AtomicBool::new(false));
        let mut another = running.client();
        let flag = Arc::clone(&is_answered);
        let thread = std::thread::spawn(move || {
            let status = another.request("GET", "/alive", &[], "").status;
            flag.store(true, Ordering::SeqCst);
            status
        });
        assert!((0..50).all(|_| answered()));
        assert!(!is_answered.load(Ordering::SeqCst), "another one waits where {workers} workers have {limit}");
        open.pop();
        assert_eq!(thread.join().unwrap(), 200);
    }
}

#[test]
fn large_bodies_at_once_are_limited() {
    let (puppet, entered, release) = Puppet::waiting();
    let entries = json!({"server": {"max_large_bodies": 1}});
    let running = Running::start(app(puppet, &Store::new(Reads::Cached(model(1))), &entries), options());
    let body = "x".repeat(100_000);
    let head = |target: &str| {
        let length = body.len();
        format!(
            "POST {target} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n"
        )
    };
    let mut first = running.client();
    first.send(&(head("/predict?do=wait") + &body));
    entered.recv().unwrap();
    let mut second = running.client();
    second.send(&(head("/predict") + &body));
    for _ in 0..50 {
        assert_eq!(running.post("/predict", "[]").json()["result"], json!(2.0), "small ones go on");
    }
    second.0.get_ref().set_nonblocking(true).unwrap();
    assert!(second.0.get_ref().peek(&mut [0]).is_err(), "a large one waits");
    second.0.get_ref().set_nonblocking(false).unwrap();
    release.send(()).unwrap();
    assert_eq!(first.receive(false).json()["result"], json!(1.0));
    assert_eq!(second.receive(false).json()["result"], json!(100_000.0));
}

#[test]
fn long_bodies_share_the_memory() {
    let settings = json!({"listen": "127.0.0.1:0", "max_body": 200_000, "max_body_memory": 250_000});
    let running = running(&settings);
    let body = "x".repeat(150_000);
    let head = "POST /predict HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n";
    let (begun, rest) = body.split_at(140_000);
    let mut first = running.client();
    first.send(&format!("{head}content-length: {}\r\n\r\n{begun}", body.len()));
    let refused =
        std::iter::repeat_with(|| running.post("/predict", &body)).take(200).find(|answer| answer.status != 200);
    let refused = refused.unwrap();
    assert_eq!((refused.status, refused.headers["retry-after"].as_str()), (503, "1"), "{}", refused.body);
    assert_eq!(refused.json()["metadata"]["error_message"], json!(NO_MEMORY));
    let mut chunked = running.client();
    chunked.send(&format!("{head}transfer-encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n", body.len()));
    assert_eq!(chunked.receive(false).status, 503);
    let short = &body[..LARGE];
    for _ in 0..8 {
        assert_eq!(running.post("/predict", short).json()["result"], json!(short.len() as f64), "short ones go on");
    }
    assert_eq!(running.post("/predict", &body[..100_000]).status, 200, "what fits goes on");
    first.send(rest);
    assert_eq!(first.receive(false).json()["result"], json!(150_000.0));
    let answered =
        std::iter::repeat_with(|| running.post("/predict", &body)).take(200).find(|answer| answer.status == 200);
    assert!(answered.is_some(), "what is answered takes no memory");
    for _ in 0..4 {
        assert_eq!(running.post("/predict", &body).status, 200);
    }

    // A client that goes away, or is too slow, gives its share back.
    let mut gone = running.client();
    gone.send(&format!("{head}content-length: {}\r\n\r\n{begun}", body.len()));
    let mut ask = || running.post("/predict", &body).status;
    assert!(std::iter::repeat_with(&mut ask).take(200).any(|status| status == 503));
    drop(gone);
    assert!(std::iter::repeat_with(&mut ask).take(200).any(|status| status == 200));
}

#[test]
fn bodies_have_room_for_one_at_least() {
    let usual = read(&json!({"max_body": 1000})).0.limits;
    assert_eq!((Limits::default().body_memory(), usual.body_memory()), (16 * (16 << 20), 16_000));
    let (settings, findings) = read(&json!({"max_body": 1000, "max_body_memory": 1000}));
    assert_eq!((settings.limits.body_memory(), findings), (1000, Vec::new()));
    let (settings, findings) = read(&json!({"max_body": 1000, "max_body_memory": 999}));
    assert_eq!(findings, ["`max_body_memory` of `server` has to be at least `max_body`, which is 1000"]);
    let longer = ServeOptions { max_body: Some(5000), ..options() };
    assert_eq!(settings.overridden_by(&longer).limits.body_memory(), 5000);
}

#[test]
fn listens_on_ports_and_sockets() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("p.sock");
    let unix = format!("unix:{}", path.display());
    let running = running(&json!({"listen": ["127.0.0.1:0", unix, "127.0.0.1:0"], "socket_mode": "600"}));
    assert_eq!(running.addresses.len(), 2);
    for address in &running.addresses {
        assert_eq!(Client::at(TcpStream::connect(address).unwrap()).request("GET", "/alive", &[], "").status, 200);
    }
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let ask = |path: &std::path::Path| {
        let mut stream = UnixStream::connect(path).unwrap();
        stream.write_all(b"GET /predict HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    assert!(ask(&path).starts_with("HTTP/1.1 200 "), "{}", ask(&path));

    // A trial goes on beside it, and leaves it alone.
    let store = Store::new(Reads::Empty);
    let trial = ServeOptions { is_trial: true, listen: Vec::new(), ..options() };
    let entries = json!({"server": {"listen": [unix]}});
    let app = Arc::new(app(Puppet::at("/predict"), &store, &entries));
    let mut names = Vec::new();
    crate::serve(app.into(), &trial, |bound| {
        names.clone_from(&bound.names);
        bound.stopper.stop();
    })
    .unwrap();
    assert_eq!(names, [unix]);
    assert!(ask(&path).starts_with("HTTP/1.1 200 "));
    running.stopper.stop();
    running.join().unwrap();
    assert_eq!(folder.path().read_dir().unwrap().count(), 0, "no socket is left");
}

#[test]
fn a_socket_in_use_is_explained() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("p.sock");
    let unix = format!("unix:{}", path.display());
    let _running = running(&json!({"listen": unix}));
    let file = folder.path().join("file");
    std::fs::write(&file, "mine").unwrap();
    let cases = [
        (unix.clone(), "another process listens there", "stop the process that listens there"),
        (format!("unix:{}", file.display()), "a file that is no socket is there", "choose another path"),
        (format!("unix:{}/none/p.sock", folder.path().display()), "No such file", "in a folder that exists"),
        (format!("unix:{}/{}", folder.path().display(), "x".repeat(107)), "SUN_LEN", "a shorter path"),
    ];
    for (listen, cause, help) in cases {
        let options = ServeOptions { listen: vec![at(&listen)], ..options() };
        let app = Arc::new(App::of_components(Vec::new(), Vec::new()));
        let error = crate::serve(app.into(), &options, |_| panic!("it must not get ready")).unwrap_err();
        assert_eq!(error.to_string(), format!("cannot listen on {listen}"));
        let source = std::error::Error::source(&error).unwrap().to_string();
        assert!(source.contains(cause), "{source}");
        assert!(error.help().unwrap().contains(help), "{:?}", error.help());
    }
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "mine");
}
