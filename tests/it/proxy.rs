//! nginx in front, by the site file of the manual, also for streams of lines, and the benchmark of the manual.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use reqwest::blocking::Client;
use serde_json::{Value as Json, json};
use tempfile::TempDir;

use crate::process::{Running, iris, repository, succeed, text};
use crate::serve::{SAMPLE, Service};

/// The content type of streams, as a client may write it.
const NDJSON: &str = "Application/x-ndjson ; charset=utf-8";

/// Returns the path of a program of Debian; nothing where it is not installed.
#[expect(clippy::print_stdout, reason = "whoever reads the output needs to know what was not tested")]
pub fn program(name: &str) -> Option<String> {
    let found = ["/usr/sbin", "/usr/bin"].map(|folder| format!("{folder}/{name}"));
    if let Some(path) = found.into_iter().find(|path| Path::new(path).exists()) {
        return Some(path);
    }
    let all = std::env::var("PALLADIUM_TEST_SERVERS").is_ok_and(|which| which == "all");
    assert!(!all, "`PALLADIUM_TEST_SERVERS` asks for all servers, and `{name}` is not installed");
    println!("left out: `{name}` is not installed");
    None
}

/// nginx with the site file before a service.
struct Proxy {
    _process: Running,
    base: String,
    client: Client,
}

impl Proxy {
    /// Starts nginx with a site and waits until it answers.
    fn start(nginx: &str, folder: &Path, site: &str) -> Proxy {
        let client = Client::builder().no_proxy().build().unwrap();
        // Between looking for a free port and listening on it, another process may take it.
        for _ in 0..10 {
            let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            std::fs::write(folder.join("nginx.conf"), configuration(folder, port, site)).unwrap();
            let mut command = Command::new(nginx);
            command.args(["-e", "stderr", "-c"]).arg(folder.join("nginx.conf")).arg("-p").arg(folder);
            let log = std::fs::File::create(folder.join("nginx.log")).unwrap();
            let mut process = Running(command.stdout(Stdio::null()).stderr(log).spawn().unwrap());
            let base = format!("http://127.0.0.1:{port}");
            let started = Instant::now();
            while process.0.try_wait().unwrap().is_none() {
                if client.get(format!("{base}/live")).send().is_ok_and(|response| response.status() == 200) {
                    return Proxy { _process: process, base, client };
                }
                let log = std::fs::read_to_string(folder.join("nginx.log")).unwrap();
                assert!(started.elapsed() < Duration::from_secs(60), "nginx does not answer: {log}");
                std::thread::sleep(Duration::from_millis(20));
            }
        }
        panic!("nginx does not start: {}", std::fs::read_to_string(folder.join("nginx.log")).unwrap());
    }

    fn get(&self, target: &str) -> reqwest::blocking::Response {
        self.client.get(format!("{}{target}", self.base)).send().unwrap()
    }
}

/// Returns the site of the manual, before what listens at `upstream` and takes streams at `port`.
fn site(upstream: &str, port: &str) -> String {
    const DOCUMENTED: &str = "server 127.0.0.1:5000;";
    let site = std::fs::read_to_string(repository().join("configs/deploy/nginx.conf")).unwrap();
    assert_eq!(site.matches(DOCUMENTED).count(), 2);
    site.replacen(DOCUMENTED, &format!("server {upstream};"), 1).replace(DOCUMENTED, &format!("server {port};"))
}

/// Returns a site with another port and other places of its logs, in what nginx needs around it.
fn configuration(folder: &Path, port: u16, site: &str) -> String {
    let mut site = site.to_owned();
    let folder = folder.display();
    for (documented, here) in [
        ("listen 80;", format!("listen 127.0.0.1:{port};")),
        ("/var/log/nginx/palladium.access.log", format!("{folder}/access.log")),
        ("/var/log/nginx/palladium.error.log", "stderr".to_owned()),
    ] {
        assert_eq!(site.matches(documented).count(), 1, "{documented}");
        site = site.replace(documented, &here);
    }
    whole_configuration(&folder.to_string(), &site)
}

/// Returns what nginx needs around servers to run with its files in a folder.
pub fn whole_configuration(folder: &str, servers: &str) -> String {
    let user = if rustix::process::geteuid().is_root() { "user root;" } else { "" };
    let temporary: String = ["client_body", "fastcgi", "proxy", "scgi", "uwsgi"]
        .map(|name| format!("{name}_temp_path {folder}/{name};\n"))
        .concat();
    // One process, so that it ends with the test.
    format!(
        "daemon off;\nmaster_process off;\npid {folder}/pid;\n{user}\nevents {{}}\nhttp {{\n{temporary}{servers}}}\n"
    )
}

/// Runs the benchmark of the manual, and checks that no request fails.
fn benchmark(ab: &str, base: &str, more: &[&str]) {
    let mut command = Command::new(ab);
    command.args(["-n", "1000", "-c", "10", "-q"]).args(more).arg(format!("{base}{SAMPLE}"));
    let output = command.output().unwrap();
    let printed = text(&output.stdout);
    assert!(output.status.success(), "{printed}{}", text(&output.stderr));
    let number = |name: &str| {
        let line = printed.lines().find_map(|line| line.strip_prefix(name));
        line.map(|rest| rest.trim().parse::<u64>().unwrap())
    };
    assert_eq!(number("Complete requests:"), Some(1000), "{printed}");
    assert_eq!(number("Failed requests:"), Some(0), "{printed}");
    assert_eq!(number("Non-2xx responses:"), None, "{printed}");
    if more.contains(&"-k") {
        assert!(number("Keep-Alive requests:").unwrap() > 0, "{printed}");
    }
}

/// Returns a fitted iris service that listens on a port and on a Unix socket in its folder.
fn service() -> Service {
    service_with("{}")
}

/// Returns such a service with a layer over its configuration.
fn service_with(layer: &str) -> Service {
    let folder = Arc::new(iris());
    std::fs::write(folder.path().join("layer.ron"), layer).unwrap();
    succeed(folder.path(), &["fit", "--config", "config.ron"]);
    let socket = socket(&folder);
    let listen = ["--listen", "127.0.0.1:0", "--listen", &socket, "--config", "config.ron,layer.ron"];
    Service::logged(folder, "palladium::access=info,warn", &listen)
}

/// Returns the Unix socket of a service in this folder.
fn socket(folder: &TempDir) -> String {
    format!("unix:{}/palladium.sock", folder.path().display())
}

#[test]
fn nginx_passes_requests_to_a_port_and_to_a_socket() {
    let (Some(nginx), ab) = (program("nginx"), program("ab")) else { return };
    let service = service();
    let socket = socket(&service.folder);
    for upstream in [service.address(), &socket] {
        let folder = tempfile::tempdir().unwrap();
        let proxy = Proxy::start(&nginx, folder.path(), &site(upstream, service.address()));
        assert_eq!(proxy.get(SAMPLE).json::<Json>().unwrap(), service.get(SAMPLE).json::<Json>().unwrap());
        let large = format!("[{}]", " ".repeat(2_000_000));
        let post = proxy.client.post(format!("{}/predict", proxy.base)).header("content-type", "application/json");
        assert_eq!(post.body(large).send().unwrap().json::<Json>().unwrap()["result"], json!([]));
        let refused = proxy.get("/nowhere/%2e%2e%2f/x");
        assert_eq!(refused.status(), 404);
        let id = refused.headers()["x-request-id"].to_str().unwrap().to_owned();
        assert_eq!(id.len(), 32, "{id} is not one of nginx");
        service.wait_for_log(&id, 1);
        if let Some(ab) = &ab {
            benchmark(ab, &proxy.base, &[]);
            benchmark(ab, &proxy.base, &["-k"]);
        }
        let log = std::fs::read_to_string(folder.path().join("access.log")).unwrap();
        assert!(log.contains(" 404 "), "{log}");
    }
}

/// Returns samples, one a line.
fn lines(n_rows: usize) -> String {
    let row = |index: usize| {
        let length = if index.is_multiple_of(2) { 1.4 } else { 4.7 };
        format!(r#"{{"sepal length":5.5,"sepal width":3.1,"petal length":{length},"petal width":{}}}"#, length / 4.0)
    };
    (0..n_rows).map(|index| row(index) + "\n").collect()
}

/// Checks that rows are answered in their order, each with its own prediction.
fn check_answers(answers: &str, n_rows: usize) {
    let last = answers.lines().last();
    assert_eq!(answers.lines().count(), n_rows, "{last:?}");
    let expected = [r#"{"result":"Iris-setosa"}"#, r#"{"result":"Iris-versicolor"}"#];
    let wrong = answers.lines().enumerate().find(|(index, answer)| *answer != expected[index % 2]);
    assert_eq!(wrong, None);
}

/// Sends a body of lines at once, whose length is announced.
fn post_lines(proxy: &Proxy, body: String) -> reqwest::blocking::Response {
    let post = proxy.client.post(format!("{}/predict", proxy.base)).header("content-type", NDJSON);
    post.timeout(Duration::from_secs(300)).body(body).send().unwrap()
}

/// A request whose body comes in chunks.
struct Chunked(BufReader<TcpStream>);

impl Chunked {
    fn begin(proxy: &Proxy) -> Chunked {
        let address = proxy.base.strip_prefix("http://").unwrap();
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        let head = format!("POST /predict HTTP/1.1\r\nhost: {address}\r\ncontent-type: {NDJSON}\r\n");
        stream.write_all(format!("{head}transfer-encoding: chunked\r\n\r\n").as_bytes()).unwrap();
        Chunked(BufReader::new(stream))
    }

    /// Sends a chunk; an empty one ends the body.
    fn send(mut stream: &TcpStream, text: &str) {
        stream.write_all(format!("{:x}\r\n{text}\r\n", text.len()).as_bytes()).unwrap();
    }

    /// Reads the head of the answer.
    fn head(&mut self) -> String {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert!(self.0.read_line(&mut head).unwrap() > 0, "{head}");
        }
        head
    }

    /// Returns the next chunk of the answer; nothing at its end.
    fn receive(&mut self) -> Option<String> {
        let mut length = String::new();
        self.0.read_line(&mut length).unwrap();
        let length = usize::from_str_radix(length.trim(), 16).unwrap();
        let mut chunk = vec![0; length + 2];
        self.0.read_exact(&mut chunk).unwrap();
        chunk.truncate(length);
        (length > 0).then(|| text(&chunk))
    }
}

/// More than nginx lets through of other bodies.
#[test]
fn nginx_passes_streams_of_any_length() {
    const N_ROWS: usize = 250_000;
    let Some(nginx) = program("nginx") else { return };
    let service = service();
    let folder = tempfile::tempdir().unwrap();
    let proxy = Proxy::start(&nginx, folder.path(), &site(&socket(&service.folder), service.address()));
    let body = lines(N_ROWS);
    assert!(body.len() > 16 << 20);
    let answered = post_lines(&proxy, body.clone());
    assert_eq!(answered.status(), 200);
    assert_eq!(answered.headers()["x-model-version"], "1");
    check_answers(&answered.text().unwrap(), N_ROWS);

    let mut chunked = Chunked::begin(&proxy);
    let stream = chunked.0.get_ref().try_clone().unwrap();
    let writing = std::thread::spawn(move || {
        body.as_bytes().chunks(100_000).for_each(|piece| Chunked::send(&stream, std::str::from_utf8(piece).unwrap()));
        Chunked::send(&stream, "");
    });
    assert!(chunked.head().starts_with("HTTP/1.1 200 OK\r\n"));
    let answers: String = std::iter::from_fn(|| chunked.receive()).collect();
    check_answers(&answers, N_ROWS);
    writing.join().unwrap();
}

#[test]
fn nginx_passes_each_line_of_a_stream_as_it_comes() {
    let Some(nginx) = program("nginx") else { return };
    let service = service();
    let folder = tempfile::tempdir().unwrap();
    let proxy = Proxy::start(&nginx, folder.path(), &site(service.address(), service.address()));
    let mut chunked = Chunked::begin(&proxy);
    for n_rows in 1..=3 {
        Chunked::send(chunked.0.get_ref(), &lines(n_rows));
        if n_rows == 1 {
            chunked.head();
        }
        let mut answers = String::new();
        while answers.lines().count() < n_rows || !answers.ends_with('\n') {
            answers += &chunked.receive().unwrap();
        }
        check_answers(&answers, n_rows);
    }
    Chunked::send(chunked.0.get_ref(), "");
    assert_eq!(chunked.receive(), None);

    // The service knows the request as nginx does, and its refusals come through.
    let post = proxy.client.post(format!("{}/no%2fwhere?a=%20b", proxy.base)).header("content-type", NDJSON);
    let refused = post.body(lines(100_000)).send().unwrap();
    assert_eq!(refused.status(), 404);
    let id = refused.headers()["x-request-id"].to_str().unwrap().to_owned();
    assert_eq!(id.len(), 32, "{id} is not one of nginx");
    service.wait_for_log(&id, 1);
    assert_eq!(proxy.get("/palladium-streams/live").status(), 404, "nobody asks for that from outside");
}

/// What the manual says of `proxy_pass`.
#[test]
fn a_stream_that_is_not_passed_on_ends_in_time_and_says_so() {
    let Some(nginx) = program("nginx") else { return };
    let service = service_with(r#"{"server": {"body_timeout": 1}}"#);
    let socket = socket(&service.folder);
    for (upstream, n_rows) in [(service.address(), 200_000), (&socket, 10_000)] {
        let folder = tempfile::tempdir().unwrap();
        let whole = site(upstream, service.address());
        let plain = whole.replace("^application/x-ndjson", "^none");
        assert_ne!(whole, plain);
        let proxy = Proxy::start(&nginx, folder.path(), &plain);
        check_answers(&post_lines(&proxy, lines(1000)).text().unwrap(), 1000);
        let answers = post_lines(&proxy, lines(n_rows)).text().unwrap();
        let (n_answers, last) = (answers.lines().count(), answers.lines().last().unwrap());
        assert!(n_answers < n_rows, "{last}");
        let last: Json = serde_json::from_str(last).unwrap();
        assert_eq!((&last["error_message"], &last["row"]), (&json!("nothing came for 1 second"), &json!(n_answers)));
    }
}

#[test]
fn the_benchmark_of_the_manual_loses_no_request() {
    let Some(ab) = program("ab") else { return };
    let service = service();
    benchmark(&ab, &service.base, &[]);
    benchmark(&ab, &service.base, &["-k"]);
}
