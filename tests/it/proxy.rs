//! nginx in front, by the site file of the manual, and the benchmark of the manual.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use reqwest::blocking::Client;
use serde_json::Value as Json;

use crate::process::{Running, iris, repository, succeed, text};
use crate::serve::{SAMPLE, Service};

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
    /// Starts nginx with the site file, before what listens at `upstream`, and waits until it answers.
    fn start(nginx: &str, folder: &Path, upstream: &str) -> Proxy {
        let client = Client::builder().no_proxy().build().unwrap();
        // Between looking for a free port and listening on it, another process may take it.
        for _ in 0..10 {
            let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            std::fs::write(folder.join("nginx.conf"), configuration(folder, port, upstream)).unwrap();
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

/// Returns the site with another port, upstream and places of its logs, in what nginx needs around it.
fn configuration(folder: &Path, port: u16, upstream: &str) -> String {
    let mut site = std::fs::read_to_string(repository().join("configs/deploy/nginx.conf")).unwrap();
    let folder = folder.display();
    for (documented, here) in [
        ("server 127.0.0.1:5000;", format!("server {upstream};")),
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
    let folder = Arc::new(iris());
    succeed(folder.path(), &["fit", "--config", "config.ron"]);
    let socket = format!("unix:{}/palladium.sock", folder.path().display());
    let listen = ["--listen", "127.0.0.1:0", "--listen", &socket, "--config", "config.ron"];
    Service::logged(folder, "palladium::access=info,warn", &listen)
}

#[test]
fn nginx_passes_requests_to_a_port_and_to_a_socket() {
    let (Some(nginx), ab) = (program("nginx"), program("ab")) else { return };
    let service = service();
    let socket = format!("unix:{}/palladium.sock", service.folder.path().display());
    for upstream in [service.address(), &socket] {
        let folder = tempfile::tempdir().unwrap();
        let proxy = Proxy::start(&nginx, folder.path(), upstream);
        assert_eq!(proxy.get(SAMPLE).json::<Json>().unwrap(), service.get(SAMPLE).json::<Json>().unwrap());
        let large = format!("[{}]", " ".repeat(2_000_000));
        let post = proxy.client.post(format!("{}/predict", proxy.base)).header("content-type", "application/json");
        assert_eq!(post.body(large).send().unwrap().json::<Json>().unwrap()["result"], serde_json::json!([]));
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

#[test]
fn the_benchmark_of_the_manual_loses_no_request() {
    let Some(ab) = program("ab") else { return };
    let service = service();
    benchmark(&ab, &service.base, &[]);
    benchmark(&ab, &service.base, &["-k"]);
}
