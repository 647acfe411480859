//! Reloading while requests come.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rustix::fs::{CWD, FileType, Mode, mknodat};
use rustix::process::Signal;
use serde_json::Value as Json;

use crate::process::{iris, palladium, succeed};
use crate::serve::{SAMPLE, Service};
use crate::tls::Authority;

/// Writes the layer that the tests change.
fn layer(folder: &Path, entries: &str) {
    // A service never reads half of it.
    fs::write(folder.join("layer.new"), format!("{{{entries}}}")).unwrap();
    fs::rename(folder.join("layer.new"), folder.join("layer.ron")).unwrap();
}

/// Returns a layer that names itself in each answer.
fn named(name: &str, entries: &str) -> String {
    format!(r#""service_metadata": {{"service_name": "{name}"}}, {entries}"#)
}

fn start(entries: &str) -> Service {
    let folder = Arc::new(iris());
    succeed(folder.path(), &["fit", "--config", "config.ron"]);
    layer(folder.path(), entries);
    let listen = ["--listen", "127.0.0.1:0", "--config", "config.ron,layer.ron"];
    Service::logged(folder, "info", &listen)
}

fn name(service: &Service) -> String {
    let answer: Json = service.get(SAMPLE).json().unwrap();
    assert_eq!(answer["result"], "Iris-versicolor", "{answer}");
    answer["metadata"]["service_name"].as_str().unwrap().to_owned()
}

#[test]
fn a_hangup_takes_the_new_configuration_over() {
    let mut service = start(&named("first", r#""server": {"max_body": 100},"#));
    assert_eq!(name(&service), "first");
    let post = |service: &Service| {
        let request =
            service.client.post(format!("{}/predict", service.base)).header("content-type", "application/json");
        request.body(format!("[{}]", " ".repeat(500))).send().unwrap().status().as_u16()
    };
    assert_eq!(post(&service), 413);
    assert_eq!(service.get("/metrics").status(), 404);
    let metrics = r#""metrics": {"!": "palladium.observability.Metrics", "rule": "/metrics"},"#;
    layer(service.folder.path(), &named("second", metrics));
    assert_eq!(name(&service), "first", "nothing changes by itself");
    service.process.signal(Signal::HUP);
    let log = service.wait_for_log("reloaded the configuration", 1);
    let line = log.lines().find(|line| line.contains("reloaded the configuration")).unwrap();
    for part in ["layer.ron", "/metrics", "model_persister 1", "milliseconds="] {
        assert!(line.contains(part), "{line} lacks {part}");
    }
    assert_eq!(
        (name(&service).as_str(), post(&service), service.get("/metrics").status().as_u16()),
        ("second", 200, 200)
    );
    assert!(service.end().success());
}

#[test]
fn a_wrong_configuration_leaves_the_old_one_serving() {
    let mut service = start(&named("first", ""));
    let wrong = r#"
        "a": {"!": "palladium.dataset.CSV", "paht": 1, "token": "canary-token", "url": "y://u:canary-url@h"},
        "server": {"keep_job": 1}, "alive": 3,"#;
    layer(service.folder.path(), &named("second", wrong));
    service.process.signal(Signal::HUP);
    let log = service.wait_for_log("the configuration was not reloaded: the one before goes on serving", 1);
    let errors: Vec<&str> = log.lines().filter(|line| line.contains("ERROR")).collect();
    for part in ["bad_arguments: `palladium.dataset.CSV` has no parameter `paht` (layer.ron:2:", "`alive`"] {
        assert!(errors.iter().any(|line| line.contains(part)), "{part} is in no line of {log}");
    }
    assert!(!log.contains("canary"), "{log}");
    assert_eq!(name(&service), "first");

    layer(service.folder.path(), &named("second", r#""server": {"keep_job": 1},"#));
    service.process.signal(Signal::HUP);
    let log = service.wait_for_log("the configuration was not reloaded", 2);
    assert!(log.contains("`server` has no key `keep_job`"), "{log}");
    fs::remove_file(service.folder.path().join("layer.ron")).unwrap();
    service.process.signal(Signal::HUP);
    service.wait_for_log("the configuration was not reloaded", 3);
    assert_eq!(name(&service), "first");

    layer(service.folder.path(), &named("third", ""));
    service.process.signal(Signal::HUP);
    service.wait_for_log("reloaded the configuration", 1);
    assert_eq!(name(&service), "third");
}

/// A service would start with any of these and warn.
#[test]
fn what_a_check_finds_is_not_taken_over() {
    let mut service = start(&named("first", ""));
    for (count, entries, said) in [
        (1, r#""alive": {"process_store_required": ["model_persistr"]},"#, "`/alive` requires `model_persistr`"),
        (2, r#""predict_decorator": ["AccessLog"],"#, "`predict_decorator`"),
    ] {
        layer(service.folder.path(), &named("second", entries));
        let checked =
            palladium(service.folder.path()).args(["check", "--config", "config.ron,layer.ron"]).output().unwrap();
        assert_eq!(checked.status.code(), Some(1), "{entries}");
        service.process.signal(Signal::HUP);
        let log = service.wait_for_log("the configuration was not reloaded: the one before goes on serving", count);
        assert!(log.lines().any(|line| line.contains("ERROR") && line.contains(said)), "{log}");
        assert_eq!(name(&service), "first");
        assert_eq!(["/ready", "/alive"].map(|path| service.get(path).status().as_u16()), [200; 2]);
    }
    layer(service.folder.path(), &named("third", ""));
    service.process.signal(Signal::HUP);
    service.wait_for_log("reloaded the configuration", 1);
    assert_eq!(name(&service), "third");
}

/// What the service has warned of when it started is no worse than before.
#[test]
fn what_a_service_has_started_with_is_taken_over_with_a_warning() {
    let requires = |names: &str| format!(r#""alive": {{"process_store_required": [{names}]}},"#);
    let mut service = start(&named("first", &requires(r#""model_persistr""#)));
    layer(service.folder.path(), &named("second", &requires(r#""model_persistr", "other""#)));
    service.process.signal(Signal::HUP);
    let log = service.wait_for_log("the configuration was not reloaded", 1);
    let errors: Vec<&str> = log.lines().filter(|line| line.contains("ERROR")).collect();
    assert!(errors.iter().any(|line| line.contains("requires `other`")), "{log}");
    assert!(!errors.iter().any(|line| line.contains("requires `model_persistr`")), "{log}");
    layer(service.folder.path(), &named("third", &requires(r#""model_persistr""#)));
    service.process.signal(Signal::HUP);
    let log = service.wait_for_log("reloaded the configuration", 1);
    let warnings = log.lines().filter(|line| line.contains("WARN") && line.contains("requires `model_persistr`"));
    assert!(warnings.count() > 1, "{log}");
    assert_eq!(name(&service), "third");
}

#[test]
fn a_model_is_not_given_up_for_none() {
    let mut service = start(&named("first", ""));
    let store = |url: &str| format!(r#""model_persister": CachedUpdatePersister(impl: Database(url: "{url}")),"#);
    for (count, url) in [(1, "sqlite:///${here}/no/folder.db"), (2, "sqlite:///${here}/empty.db")] {
        layer(service.folder.path(), &named("second", &store(url)));
        service.process.signal(Signal::HUP);
        let log = service.wait_for_log("the configuration was not reloaded: the one before goes on serving", count);
        assert!(log.contains("`model_persister` has no model, where there is one now"), "{log}");
        assert_eq!(name(&service), "first");
    }
    layer(service.folder.path(), &named("third", ""));
    service.process.signal(Signal::HUP);
    service.wait_for_log("reloaded the configuration", 1);
    assert_eq!(name(&service), "third");
}

#[test]
fn fields_that_the_model_was_not_trained_on_are_not_taken_over() {
    let mut service = start(&named("first", ""));
    for (count, fields, said) in [
        (
            1,
            r#"("sepal lenght", "float"), ("sepal width", "float"), ("petal length", "float"), ("petal width", "float")"#,
            "columns that are missing here: `sepal length`",
        ),
        (2, r#"("x", "float")"#, "the model was trained on 4 columns"),
    ] {
        let entries = format!(r#""more": PredictService(entry_point: "/more", mapping: [{fields}]),"#);
        layer(service.folder.path(), &named("second", &entries));
        service.process.signal(Signal::HUP);
        let log = service.wait_for_log("the configuration was not reloaded: the one before goes on serving", count);
        let is_finding = |line: &str| ["ERROR", said, "(layer.ron:1:"].iter().all(|part| line.contains(part));
        assert!(log.lines().any(is_finding), "{log}");
        assert_eq!(name(&service), "first");
        assert_eq!(service.get("/ready").status(), 200);
    }
    layer(service.folder.path(), &named("third", ""));
    service.process.signal(Signal::HUP);
    service.wait_for_log("reloaded the configuration", 1);
    assert_eq!(name(&service), "third");
}

/// A server whose table is sent once it is let go.
fn late_table() -> (u16, Arc<AtomicUsize>, Arc<AtomicBool>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (asked, is_let_go) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
    let (count, may_go) = (Arc::clone(&asked), Arc::clone(&is_let_go));
    let rows = "6.3,2.5,4.9,1.5,Iris-versicolor\n5.1,3.5,1.4,0.2,Iris-setosa\n".repeat(20);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 4096]).unwrap();
            count.fetch_add(1, Ordering::SeqCst);
            until("the table may go", || may_go.load(Ordering::SeqCst));
            let head = format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", rows.len());
            let _ = stream.write_all(format!("{head}{rows}").as_bytes());
        }
    });
    (port, asked, is_let_go)
}

fn until(what: &str, is_so: impl Fn() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < Duration::from_secs(60), "{what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Neither cache has a rule: nothing else would look.
#[test]
fn what_a_fit_of_the_configuration_before_activates_is_served() {
    let (port, asked, is_let_go) = late_table();
    let fit = |name: &str| {
        named(
            name,
            &format!(
                r#""dataset_loader_train": CSV(
                    path: "http://127.0.0.1:{port}/a.csv",
                    names: ["sepal length", "sepal width", "petal length", "petal width", "species"],
                    target_column: "species",
                ),
                "dataset_loader_test": None,
                "fit": {{"!": "palladium.server.add_url_rule", "rule": "/fit", "view_func": "palladium.server.fit", "methods": ["POST"]}},"#
            ),
        )
    };
    let mut service = start(&fit("first"));
    let started: Json = service.client.post(format!("{}/fit", service.base)).send().unwrap().json().unwrap();
    let job = started["job_id"].as_str().unwrap();
    until("the fit asks for its data", || asked.load(Ordering::SeqCst) > 0);
    layer(service.folder.path(), &fit("second"));
    service.process.signal(Signal::HUP);
    service.wait_for_log("reloaded the configuration", 1);
    let version = || service.get(SAMPLE).json::<Json>().unwrap()["metadata"]["model_version"].clone();
    assert_eq!((name(&service).as_str(), version()), ("second", Json::from(1)));

    is_let_go.store(true, Ordering::SeqCst);
    let state = || service.get("/alive").json::<Json>().unwrap()["process_metadata"]["jobs"][job].clone();
    until("the fit ends", || state()["status"] != "running");
    assert!(state()["info"].as_str().unwrap().starts_with("model version: 2 (active)"), "{}", state());
    assert_eq!(version(), 2);
    assert!(service.end().success());
}

/// A reload opens nothing that a start would not.
#[test]
fn views_that_nothing_guards_are_not_opened_to_other_machines() {
    let folder = Arc::new(iris());
    succeed(folder.path(), &["fit", "--config", "config.ron"]);
    layer(folder.path(), &named("first", ""));
    let listen = ["--listen", "0.0.0.0:0", "--config", "config.ron,layer.ron"];
    let mut service = Service::logged(folder, "info", &listen);
    service.base = service.base.replace("0.0.0.0", "127.0.0.1");
    let fit = r#""fit": {"!": "palladium.server.add_url_rule", "rule": "/fit", "view_func": "palladium.server.fit", "methods": ["POST"]},"#;
    layer(service.folder.path(), &named("second", fit));
    service.process.signal(Signal::HUP);
    let log = service.wait_for_log("the configuration was not reloaded", 1);
    let wrong =
        "other machines could use `/fit` on 0.0.0.0:0 without a password, as no decorator asks who it is (layer.ron:";
    assert!(log.contains(wrong), "nothing of it is taken for a secret: {log}");
    assert!(log.contains("layer.ron:"), "{log}");
    assert_eq!((name(&service).as_str(), service.get("/fit").status().as_u16()), ("first", 404));

    let allowed = format!(r#"{fit} "server": {{"allow_unauthenticated_admin": true}},"#);
    layer(service.folder.path(), &named("third", &allowed));
    service.process.signal(Signal::HUP);
    service.wait_for_log("reloaded the configuration", 1);
    assert_eq!((name(&service).as_str(), service.get("/fit").status().as_u16()), ("third", 405));
}

#[test]
fn what_takes_a_restart_is_named() {
    let mut service = start(&named("first", r#""server": {"workers": 1},"#));
    let entries =
        r#""server": {"workers": 2, "keep_alive": 3, "listen": "127.0.0.1:1"}, "logging": {"level": "warn"},"#;
    layer(service.folder.path(), &named("second", entries));
    service.process.signal(Signal::HUP);
    let log = service.wait_for_log("reloaded the configuration", 1);
    for key in ["server.workers", "server.keep_alive", "logging"] {
        assert!(log.contains(&format!("`{key}` has changed, which takes a restart")), "{key} is not in {log}");
    }
    assert!(!log.contains("`server.listen` has changed"), "the command line wins over it: {log}");
    assert_eq!(name(&service), "second");
}

#[test]
fn each_key_that_takes_a_restart_is_named_alone() {
    let folder = Arc::new(iris());
    succeed(folder.path(), &["fit", "--config", "config.ron"]);
    Authority::named("authority").write_pair(folder.path(), "server", "127.0.0.1");
    let layer_of = |key: &str, value: &str| {
        let listen = if key == "listen" { "" } else { r#""listen": "127.0.0.1:0", "# };
        layer(folder.path(), &format!(r#""server": {{{listen}"{key}": {value}}},"#));
    };
    layer_of("listen", r#""127.0.0.1:0""#);
    let mut service = Service::logged(Arc::clone(&folder), "info", &["--config", "config.ron,layer.ron"]);
    let cases = [
        ("listen", r#""127.0.0.1:1""#),
        ("socket_mode", r#""600""#),
        ("backlog", "7"),
        ("workers", "3"),
        ("max_connections", "70"),
        ("tls", r#"{"certificate": "server.pem", "key": "server.key"}"#),
        ("keep_alive", "3"),
        ("head_timeout", "3"),
        ("write_timeout", "3"),
        ("drain", "3"),
        ("shutdown_timeout", "3"),
        // What counts at once is not named.
        ("body_timeout", "3"),
    ];
    let mut read = 0;
    for (count, (key, value)) in (1..).zip(cases) {
        layer_of(key, value);
        service.process.signal(Signal::HUP);
        let log = service.wait_for_log("reloaded the configuration", count);
        let ends = "` has changed, which takes a restart to count";
        let named: Vec<&str> =
            log[read..].lines().filter_map(|line| line.split_once("`server.")?.1.strip_suffix(ends)).collect();
        let expected = if key == "body_timeout" { vec![] } else { vec![key] };
        assert_eq!(named, expected, "{key} in {log}");
        read = log.len();
    }
}

/// Several connections ask again and again while the configuration is reloaded: each request is answered, by one of the
/// configurations as a whole.
#[test]
fn no_request_is_lost_over_reloads() {
    const CONNECTIONS: usize = 6;
    const RELOADS: usize = 12;
    let entries = |version: usize| {
        let own = format!(r#""server": {{"max_body": {}}},"#, 10_000 + version);
        named(&version.to_string(), &own)
    };
    let mut service = start(&entries(0));
    let (is_over, answered) = (AtomicBool::new(false), AtomicUsize::new(0));
    let newest = AtomicUsize::new(0);
    let address = service.address().to_owned();
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..CONNECTIONS)
            .map(|_| {
                let (is_over, answered, newest, address) = (&is_over, &answered, &newest, &address);
                scope.spawn(move || {
                    let mut stream = BufReader::new(TcpStream::connect(address).unwrap());
                    while !is_over.load(Ordering::SeqCst) {
                        let least = newest.load(Ordering::SeqCst);
                        let version = ask(&mut stream);
                        assert!(version >= least, "{version} after {least}");
                        answered.fetch_add(1, Ordering::SeqCst);
                    }
                })
            })
            .collect();
        for version in 1..=RELOADS {
            layer(service.folder.path(), &entries(version));
            service.process.signal(Signal::HUP);
            service.wait_for_log("reloaded the configuration", version);
            newest.store(version, Ordering::SeqCst);
            let so_far = answered.load(Ordering::SeqCst);
            let started = Instant::now();
            while answered.load(Ordering::SeqCst) < so_far + 3 * CONNECTIONS {
                assert!(started.elapsed() < Duration::from_secs(60), "no more answers");
                assert!(threads.iter().all(|thread| !thread.is_finished()), "a request was lost");
                std::thread::sleep(Duration::from_millis(5));
            }
        }
        is_over.store(true, Ordering::SeqCst);
    });
    assert!(answered.load(Ordering::SeqCst) >= RELOADS * CONNECTIONS * 3);
    assert_eq!(name(&service), RELOADS.to_string());
    assert!(service.end().success());
}

/// Decorators of the configurations before and after, and two of one list, write one file and put it aside.
#[test]
fn no_line_of_a_request_is_lost_over_reloads() {
    const RELOADS: usize = 5;
    const ASKED: usize = 30;
    let decorator = |path: &str| {
        format!(
            r#"{{"!": "palladium.decorators.RequestLog", "path": "${{here}}/{path}", "max_bytes": 1000, "keep": 10000}}"#
        )
    };
    let lists = |first: &str| {
        format!(r#""predict_decorators": [{}, {}],"#, decorator(first), decorator("here/../here/requests.ndjson"))
    };
    let folder = Arc::new(iris());
    let logs = folder.path().join("here");
    fs::create_dir(&logs).unwrap();
    succeed(folder.path(), &["fit", "--config", "config.ron"]);
    layer(folder.path(), &lists("here/requests.ndjson"));
    let listen = ["--listen", "127.0.0.1:0", "--config", "config.ron,layer.ron"];
    let mut service = Service::logged(Arc::clone(&folder), "info", &listen);
    let (is_over, address) = (AtomicBool::new(false), service.address().to_owned());
    let n_asked = std::thread::scope(|scope| {
        let asking = scope.spawn(|| {
            let mut n_asked = 0;
            while !is_over.load(Ordering::SeqCst) || n_asked < ASKED {
                let url = format!("http://{address}{SAMPLE}");
                assert_eq!(reqwest::blocking::get(url).unwrap().status(), 200);
                n_asked += 1;
            }
            n_asked
        });
        for reload in 1..=RELOADS {
            service.process.signal(Signal::HUP);
            service.wait_for_log("reloaded the configuration", reload);
        }
        is_over.store(true, Ordering::SeqCst);
        asking.join().unwrap()
    });
    let files: Vec<_> = logs.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(files.len() > ASKED / 3, "{files:?}");
    let n_lines: usize = files.iter().map(|file| fs::read_to_string(file).unwrap().lines().count()).sum();
    assert_eq!(n_lines, 2 * n_asked);

    mknodat(CWD, folder.path().join("pipe"), FileType::Fifo, Mode::RWXU, 0).unwrap();
    layer(folder.path(), &lists("pipe"));
    service.process.signal(Signal::HUP);
    let log = service.wait_for_log("the configuration was not reloaded", 1);
    assert!(log.contains("pipe` cannot be appended to: it is a pipe that nobody reads"), "{log}");
    assert!(service.end().success());
}

/// Asks for a prediction over a connection that is kept, and returns the name of the service as a number.
fn ask(stream: &mut BufReader<TcpStream>) -> usize {
    let request = format!("GET {SAMPLE} HTTP/1.1\r\nhost: x\r\n\r\n");
    stream.get_mut().write_all(request.as_bytes()).unwrap();
    let (mut head, mut length) = (String::new(), 0);
    stream.read_line(&mut head).unwrap();
    assert_eq!(head, "HTTP/1.1 200 OK\r\n");
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).unwrap();
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        if name == "content-length" {
            length = value.parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).unwrap();
    let answer: Json = serde_json::from_slice(&body).unwrap();
    assert_eq!(answer["result"], "Iris-versicolor");
    answer["metadata"]["service_name"].as_str().unwrap().parse().unwrap()
}
