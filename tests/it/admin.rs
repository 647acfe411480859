//! The views of `configs/service/admin.*` and the life of a service, through the built binary.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::{Value as Json, json};

use crate::process::{iris, palladium, repository, succeed, text};
use crate::serve::{SAMPLE, Service};

/// Returns a folder with the iris example and the layer of the admin views in both languages.
fn folder() -> Arc<tempfile::TempDir> {
    let folder = iris();
    for name in ["admin.ron", "admin.rhai"] {
        std::fs::copy(repository().join("configs/service").join(name), folder.path().join(name)).unwrap();
    }
    Arc::new(folder)
}

impl Service {
    pub fn form(&self, path: &str, form: &str) -> reqwest::blocking::Response {
        let request = self.client.post(format!("{}{path}", self.base));
        request.header("content-type", "application/x-www-form-urlencoded").body(form.to_owned()).send().unwrap()
    }

    fn json(&self, path: &str) -> Json {
        self.get(path).json().unwrap()
    }

    /// Waits until a job is over and returns it.
    pub fn over(&self, started: reqwest::blocking::Response) -> Json {
        assert_eq!(started.status(), 200);
        let id = started.json::<Json>().unwrap()["job_id"].as_str().unwrap().to_owned();
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            let job = self.json(&format!("/jobs/{id}"));
            if job["status"] != "running" {
                return job;
            }
            assert!(Instant::now() < deadline, "{job}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

fn history(folder: &Path) -> Json {
    serde_json::from_str(&succeed(folder, &["admin", "history", "--format", "json", "--config", "config.ron"])).unwrap()
}

#[test]
fn a_service_without_a_model_fits_one_and_serves_it() {
    for layer in ["admin.ron", "admin.rhai"] {
        let folder = folder();
        let service = Service::start_with(Arc::clone(&folder), &["--config", &format!("config.ron,{layer}")]);
        assert_eq!((service.get("/live").status().as_u16(), service.get("/ready").status().as_u16()), (200, 503));
        assert_eq!(service.json("/ready")["reasons"], json!(["no model of `model_persister` is loaded"]));
        assert_eq!(service.get("/fit").status(), 405);

        let job = service.over(service.form("/fit", "evaluate=true"));
        let info = "model version: 1 (active), train score: 0.95, test score: 0.98";
        assert_eq!((&job["status"], &job["info"]), (&json!("finished"), &json!(info)), "{layer}");
        let phases: Vec<&str> = job["phases"].as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(phases, ["load", "fit", "evaluate", "write", "activate"]);
        assert_eq!(service.json(SAMPLE)["result"], "Iris-versicolor");
        assert_eq!((service.get("/ready").status().as_u16(), service.get("/alive").status().as_u16()), (200, 200));
        let alive = service.json("/alive");
        assert_eq!(alive["model_persister"]["metadata"]["score_test"], 0.98);
        assert_eq!(alive["process_metadata"]["jobs"][job["id"].as_str().unwrap()]["status"], "finished");

        // A model tells where it came from, whoever fitted it.
        let listed = succeed(folder.path(), &["list", "1", "--format", "json", "--config", "config.ron"]);
        let model: Json = serde_json::from_str(&listed).unwrap();
        assert_eq!(model["lineage"]["config"]["model"]["C"], 0.3, "{model}");

        let better = service.over(service.form("/fit?persist_if_better_than=0.99", ""));
        assert_eq!(
            better["info"],
            "model not stored: its test score 0.98 is less than 0.99, train score: 0.95, test score: 0.98"
        );
        let second = service.over(service.form("/fit", "activate=false"));
        assert_eq!(second["info"], "model version: 2 (not active)");
        let activated: Json = service.form("/activate", "model_version=2").json().unwrap();
        assert_eq!(activated["properties"]["active-model"], "2");
        assert_eq!(service.json("/alive")["model_persister"]["metadata"]["version"], 2);
        assert_eq!(service.form("/activate", "model_version=77").status(), 404);
        let history = history(folder.path());
        let last = history.as_array().unwrap().last().unwrap();
        assert_eq!((&last["principal"], &last["command"]), (&json!("unknown"), &json!("POST /activate")), "{history}");
        assert_eq!(history[0]["command"], "POST /fit");

        // A version that another process activates.
        succeed(folder.path(), &["admin", "activate", "1", "--config", "config.ron"]);
        assert_eq!(service.json("/alive")["model_persister"]["metadata"]["version"], 2);
        let updated = service.over(service.form("/update-model-cache", ""));
        assert_eq!((&updated["status"], &updated["info"]), (&json!("finished"), &json!("version 1 is loaded")));
        assert_eq!(service.json("/alive")["model_persister"]["metadata"]["version"], 1);
    }
}

/// Whether or not the service keeps its model in memory.
#[test]
fn a_fit_warns_of_a_model_that_does_not_fit_a_predict_service() {
    for store in [
        r#"File(path: "${here}/iris-{version}")"#,
        r#"CachedUpdatePersister(impl: File(path: "${here}/iris-{version}"))"#,
    ] {
        let folder = folder();
        let layer = r#"{"model_persister": STORE, "typo": PredictService(entry_point: "/typo", mapping: [
            ("sepal lenght", "float"), ("sepal width", "float"), ("petal length", "float"), ("petal width", "float"),
        ])}"#;
        std::fs::write(folder.path().join("layer.ron"), layer.replace("STORE", store)).unwrap();
        let listen = ["--listen", "127.0.0.1:0", "--config", "config.ron,admin.ron,layer.ron"];
        let service = Service::logged(Arc::clone(&folder), "warn", &listen);
        let stored = service.over(service.form("/fit", "activate=false"));
        assert_eq!(stored["info"], "model version: 1 (not active)", "{store}");
        let job = service.over(service.form("/fit", ""));
        let why = "the active model of `model_persister` cannot predict for `typo`: \
                   the model was trained on columns that are missing here: `sepal length`";
        let (status, info) = (&job["status"], job["info"].as_str().unwrap());
        assert!(
            status == "finished" && info.starts_with(&format!("model version: 2 (active); warning: {why}")),
            "{job}"
        );
        assert!(!info.contains("predict_service"), "{job}");
        service.wait_for_log(why, 1);
    }
}

/// Whether or not the service keeps its model in memory.
#[test]
fn a_damaged_version_is_not_activated() {
    for store in [
        r#"File(path: "${here}/iris-{version}")"#,
        r#"CachedUpdatePersister(impl: File(path: "${here}/iris-{version}"))"#,
    ] {
        let folder = folder();
        let layer = format!("{{\"model_persister\": {store}, \"alive\": None}}");
        std::fs::write(folder.path().join("store.ron"), layer).unwrap();
        let config = ["--config", "config.ron,admin.ron,store.ron"];
        let run = |arguments: &[&str]| palladium(folder.path()).args(arguments).args(config).output().unwrap();
        assert!(run(&["fit"]).status.success() && run(&["fit", "--no-activate"]).status.success());
        let files = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path());
        let second: Vec<_> = files.filter(|path| path.to_str().unwrap().contains("iris-2")).collect();
        assert_eq!(second.len(), 1, "{second:?}");
        let mut bytes = std::fs::read(&second[0]).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle..middle + 4].copy_from_slice(b"oops");
        std::fs::write(&second[0], bytes).unwrap();

        let service = Service::start_with(Arc::clone(&folder), &config);
        let answer = service.form("/activate", "model_version=2");
        assert_eq!(answer.status(), 503, "{store}");
        let said = answer.json::<Json>().unwrap()["error_message"].as_str().unwrap().to_owned();
        let expected = "the model cannot be read and is not activated, nothing was changed: `palladium admin verify`";
        assert!(said.starts_with(expected), "{said}");
        assert_eq!(service.json("/list")["properties"]["active-model"], "1");
        assert_eq!(service.json(SAMPLE)["metadata"]["model_version"], 1);
        assert!(service.end().success());

        let output = run(&["admin", "activate", "2"]);
        assert_eq!(output.status.code(), Some(1));
        let said = text(&output.stderr);
        assert!(said.contains("version 2 cannot be read and is not activated: nothing was changed"), "{said}");
        assert!(said.contains("help: `palladium admin verify`"), "{said}");
        let again = Service::start_with(Arc::clone(&folder), &config);
        assert_eq!(again.json("/list")["properties"]["active-model"], "1");
        assert_eq!(again.json(SAMPLE)["metadata"]["model_version"], 1);
    }
}

#[test]
fn a_failing_fit_tells_what_failed_and_no_more() {
    let folder = folder();
    std::fs::remove_file(folder.path().join("iris.data")).unwrap();
    let service = Service::start_with(folder, &["--config", "config.ron,admin.ron"]);
    let job = service.over(service.form("/fit", ""));
    let info = format!("loading the data of `dataset_loader_train` failed, job id {}", job["id"].as_str().unwrap());
    assert_eq!((&job["status"], &job["info"]), (&json!("error"), &json!(info)));
}

/// Returns the address of a file on a server that answers all requests but the first, to which it says nothing, and what
/// tells of that one.
pub fn silent_at_first(content: Vec<u8>) -> (String, Receiver<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/iris.data", listener.local_addr().unwrap());
    let (asks, asked) = channel();
    std::thread::spawn(move || {
        let _silent = listener.accept().unwrap();
        asks.send(()).unwrap();
        for stream in listener.incoming() {
            let mut stream = BufReader::new(stream.unwrap());
            let mut head = String::new();
            while !head.ends_with("\r\n\r\n") && stream.read_line(&mut head).unwrap_or(0) > 0 {}
            let answer = format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", content.len());
            stream.get_mut().write_all(answer.as_bytes()).unwrap();
            stream.get_mut().write_all(&content).unwrap();
        }
    });
    (url, asked)
}

#[test]
fn a_fit_whose_server_says_nothing_is_cancelled_and_the_next_one_runs() {
    let folder = folder();
    let (url, is_asked) = silent_at_first(std::fs::read(folder.path().join("iris.data")).unwrap());
    let config = folder.path().join("config.ron");
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, text.replace("${here}/iris.data", &url)).unwrap();
    let service = Service::start_with(Arc::clone(&folder), &["--config", "config.ron,admin.ron"]);
    let started: Json = service.form("/fit", "").json().unwrap();
    let id = started["job_id"].as_str().unwrap();
    is_asked.recv().unwrap();
    assert_eq!(service.form("/fit", "").status(), 409);
    let cancelled = Instant::now();
    let asked = service.client.delete(format!("{}/jobs/{id}", service.base)).send().unwrap();
    assert_eq!(asked.status(), 202);
    while service.json(&format!("/jobs/{id}"))["status"] == "running" {
        assert!(cancelled.elapsed() < Duration::from_secs(5), "it waits for its server");
        std::thread::sleep(Duration::from_millis(10));
    }
    let job = service.json(&format!("/jobs/{id}"));
    let info = "the fit was cancelled: nothing was stored";
    assert_eq!((&job["status"], &job["info"]), (&json!("cancelled"), &json!(info)));
    assert_eq!(service.over(service.form("/fit", ""))["info"], "model version: 1 (active)");
    let stopped = Instant::now();
    assert!(service.end().success());
    assert!(stopped.elapsed() < Duration::from_secs(10), "{:?}", stopped.elapsed());
}

#[test]
fn functions_of_a_configuration_are_views() {
    let folder = folder();
    std::fs::write(
        folder.path().join("hello.rhai"),
        r#"#{
            hello: #{
                "!": "add_url_rule",
                rule: "/hello/<name>",
                methods: ["GET", "POST"],
                view_func: |request| #{
                    status: 203,
                    headers: #{ "x-method": request.method },
                    body: `Hello, ${request.parts.name}! ${request.body}`,
                },
            },
        }"#,
    )
    .unwrap();
    let service = Service::start_with(Arc::clone(&folder), &["--config", "config.ron,hello.rhai"]);
    let response = service.form("/hello/gr%C3%BC%C3%9Fe", "a=b");
    assert_eq!((response.status().as_u16(), &response.headers()["x-method"]), (203, &"POST".parse().unwrap()));
    assert_eq!(response.text().unwrap(), "Hello, grüße! a=b");
}

#[test]
fn an_endpoint_names_the_view_of_further_rules() {
    let folder = folder();
    let layer = r#"#{
        rules: [
            #{ "!": "add_url_rule", rule: "/own", endpoint: "greeting", view_func: |request| "Hello!" },
            #{ "!": "add_url_rule", rule: "/again", endpoint: "greeting" },
            #{ "!": "add_url_rule", rule: "/up", endpoint: "live" },
        ],
    }"#;
    std::fs::write(folder.path().join("rules.rhai"), layer).unwrap();
    let service = Service::start_with(folder, &["--config", "config.ron,rules.rhai"]);
    let body = |path: &str| {
        let answer = service.get(path);
        assert_eq!(answer.status(), 200, "{path}");
        answer.text().unwrap()
    };
    assert_eq!(["/own", "/again"].map(body), ["Hello!"; 2]);
    assert_eq!(body("/up"), body("/live"));
}

#[test]
fn other_machines_do_not_get_what_nobody_guards() {
    let folder = folder();
    let run = |arguments: &[&str]| {
        let mut command = palladium(folder.path());
        command.args(["serve", "--check", "--host", "0.0.0.0"]).args(arguments);
        let output = command.output().unwrap();
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    };
    let (code, _, error) = run(&["--config", "config.ron,admin.ron"]);
    assert_eq!(code, Some(1));
    assert!(
        error.contains("other machines could use `/fit`, `/update-model-cache`, `/activate`, `/jobs/<id>` on 0.0.0.0"),
        "{error}"
    );
    assert!(error.contains("help: add a decorator") && error.contains("--> admin.ron:"), "{error}");
    let (code, output, error) =
        run(&["--config", "config.ron,admin.ron", "--set", "server={\"allow_unauthenticated_admin\": true}"]);
    assert_eq!(code, Some(0), "{error}");
    assert!(output.starts_with("can listen on http://0.0.0.0:"), "{output}");
}

#[test]
fn pages_of_other_sites_do_not_get_what_nobody_guards() {
    let folder = folder();
    succeed(folder.path(), &["fit", "--config", "config.ron"]);
    let start =
        |set: &str| Service::start_with(Arc::clone(&folder), &["--config", "config.ron,admin.ron", "--set", set]);
    let status = |service: &Service, header: (&str, &str)| {
        let request = service.client.post(format!("{}/activate?model_version=1", service.base));
        request.header(header.0, header.1).send().unwrap().status().as_u16()
    };
    let foreign = [("host", "rebound.example"), ("origin", "http://evil.example"), ("sec-fetch-site", "cross-site")];
    let open = start("server={}");
    assert_eq!(foreign.map(|header| status(&open, header)), [403; 3]);
    assert_eq!(status(&open, ("accept", "*/*")), 200);
    let predicted = open.client.get(format!("{}{SAMPLE}", open.base)).header("host", "rebound.example").send().unwrap();
    assert_eq!(predicted.status(), 200, "a prediction changes nothing");
    let said: Json =
        open.client.post(format!("{}/fit", open.base)).header("host", "a.b").send().unwrap().json().unwrap();
    assert_eq!(
        said["error_message"],
        "the host \"a.b\" is no name of this machine such as `localhost`, and this view asks nobody who it is: give it \
         decorators that do, or say `allow_unauthenticated_admin: true` under the root key `server`"
    );
    let allowed = start(r#"server={"allow_unauthenticated_admin": true}"#);
    assert_eq!(foreign.map(|header| status(&allowed, header)), [200; 3]);
    let key = r#"activate_decorators=[{"!": "ApiKey", "api_keys": {"ada": "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"}}]"#;
    let guarded = start(key);
    assert_eq!(foreign.map(|header| status(&guarded, header)), [401, 403, 403]);
}

/// Browsers add the password to what any page sends.
#[test]
fn a_password_does_not_let_pages_of_other_sites_in() {
    let folder = folder();
    let hash = "$argon2id$v=19$m=19456,t=2,p=1$cGFsbGFkaXVtLW1hbnVhbA$bP2MnedpyMc7QZlW9p46VglcHSH7bg56I7RVSB/vaDU";
    let password = format!(r#"{{"!": "BasicAuth", "users": {{"admin": "{hash}"}}}}"#);
    let lists =
        ["server_fit", "update_model_cache", "jobs"].map(|name| format!(r#""{name}_decorators": [{password}],"#));
    let cors = r#"{"!": "Cors", "origins": ["https://admin.example"]}"#;
    let layer = format!("{{{} \"activate_decorators\": [{password}, {cors}]}}", lists.concat());
    std::fs::write(folder.path().join("password.ron"), layer).unwrap();
    succeed(folder.path(), &["fit", "--config", "config.ron"]);
    let service = Service::start_with(folder, &["--config", "config.ron,admin.ron,password.ron"]);
    let ask = |method: &str, path: &str, headers: &[(&str, &str)]| {
        let request = service.client.request(method.parse().unwrap(), format!("{}{path}", service.base));
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        request.basic_auth("admin", Some("secret")).send().unwrap()
    };
    let changes = [
        ("POST", "/activate?model_version=1"),
        ("POST", "/fit"),
        ("POST", "/update-model-cache"),
        ("DELETE", "/jobs/1"),
    ];
    for (method, path) in changes {
        for headers in [
            &[("host", "bank.example"), ("origin", "http://evil.example"), ("sec-fetch-site", "cross-site")][..],
            &[("origin", "null")],
            &[("sec-fetch-site", "same-site")],
        ] {
            let answer = ask(method, path, headers);
            assert_eq!(answer.status(), 403, "{path} {headers:?}");
            let said = answer.json::<Json>().unwrap()["error_message"].as_str().unwrap().to_owned();
            assert!(said.starts_with("a page of another site has sent this request"), "{said}");
        }
    }
    let jobs = service.json("/alive")["process_metadata"]["jobs"].clone();
    assert_eq!(jobs, json!({}), "nothing was started");
    assert_eq!(ask("GET", "/jobs", &[("sec-fetch-site", "cross-site")]).status(), 200, "looking changes nothing");
    let (activate, own) = ("/activate?model_version=1", service.base.clone());
    for headers in [
        &[][..],
        &[("host", "bank.example")],
        &[("origin", &own)],
        &[("sec-fetch-site", "same-origin")],
        &[("origin", "https://admin.example"), ("sec-fetch-site", "cross-site")],
    ] {
        assert_eq!(ask("POST", activate, headers).status(), 200, "{headers:?}");
    }
    let document = service.json("/openapi.json");
    for (method, path) in [("post", "/activate"), ("post", "/fit"), ("delete", "/jobs/{id}")] {
        let said = &document["paths"][path][method]["responses"]["403"]["description"];
        assert!(said.as_str().is_some_and(|said| said.contains("A page of another site asks.")), "{path}: {said}");
    }
    assert!(document["paths"]["/jobs/{id}"]["get"]["responses"]["403"].is_null());
}

#[test]
fn a_decorator_that_asks_nobody_is_no_guard() {
    let folder = folder();
    let key = r#"{"!": "ApiKey", "api_keys": {"ada": "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"}}"#;
    std::fs::write(folder.path().join("function.rhai"), "#{ activate_decorators: [|wrapped| wrapped.proceed()] }")
        .unwrap();
    let lists = ["server_fit", "update_model_cache", "jobs", "activate"];
    let check = |list: &str, files: &str| {
        let mut command = palladium(folder.path());
        command.args(["check", "--routes", "--config", files]);
        let set = lists.map(|name| {
            format!("{name}_decorators={}", if name == "activate" { list.to_owned() } else { format!("[{key}]") })
        });
        // A function is no text, and stands in a file.
        let set = set.iter().filter(|set| !set.ends_with('='));
        let set: Vec<&str> = set.flat_map(|set| ["--set", set]).collect();
        let output = command.args(&set).output().unwrap();
        let mut serve = palladium(folder.path());
        serve.args(["serve", "--check", "--host", "0.0.0.0", "--config", files]).args(&set);
        let served = serve.output().unwrap();
        (text(&output.stdout), served.status.code(), text(&served.stderr))
    };
    let admin = "config.ron,admin.ron";
    for (list, files, who, is_served) in [
        (r#"["AccessLog", "SecurityHeaders"]"#, admin, "open to everybody", false),
        (&format!(r#"["AccessLog", {key}]"#), admin, "open to those who say who they are", true),
        (
            &format!(r#"[{{"!": "RequireScope", "all_of": "fit"}}, {key}]"#),
            admin,
            "open to those who say who they are",
            true,
        ),
        ("", "config.ron,admin.ron,function.rhai", "open to whom its functions let in", true),
    ] {
        let (routes, code, error) = check(list, files);
        let activate = routes.lines().find(|line| line.starts_with("/activate ")).unwrap_or_else(|| panic!("{routes}"));
        assert!(activate.ends_with(who), "{list}: {activate}");
        assert_eq!(code, Some(i32::from(!is_served)), "{list}: {error}");
        assert_eq!(error.contains("other machines could use `/activate` on 0.0.0.0"), !is_served, "{list}: {error}");
    }
}

#[test]
fn a_check_starts_everything_and_stops() {
    let folder = folder();
    let check = |arguments: &[&str]| {
        let output = palladium(folder.path()).args(["serve", "--check"]).args(arguments).output().unwrap();
        let lines: Vec<String> = text(&output.stdout).lines().skip(1).map(str::to_owned).collect();
        (output.status.code(), lines.join("\n"), text(&output.stderr))
    };
    let routes = "/alive (GET, HEAD, OPTIONS): palladium.server.alive\n\
                  /list (GET, HEAD, OPTIONS): palladium.server.list\n\
                  /live (GET, HEAD, OPTIONS): palladium.server.live\n\
                  /ready (GET, HEAD, OPTIONS): palladium.server.ready\n\
                  /predict (GET, HEAD, OPTIONS, POST): `predict_service`\n\
                  /openapi.json (GET, HEAD, OPTIONS): component, `docs`\n\
                  /docs (GET, HEAD, OPTIONS): component, `docs`\n\
                  /docs/<file> (GET, HEAD, OPTIONS): component, `docs`\n";
    let (code, output, _) = check(&["--config", "config.ron"]);
    assert_eq!((code, output), (Some(0), format!("{routes}not ready: no model of `model_persister` is loaded")));
    succeed(folder.path(), &["fit", "--config", "config.ron"]);
    assert_eq!(check(&["--config", "config.ron"]).1, format!("{routes}ready"));
    let admin = check(&["--config", "config.ron,admin.rhai"]).1;
    assert!(
        admin.contains(
            "/jobs/<id> (DELETE, GET, HEAD, OPTIONS): palladium.server.jobs, `flask_add_url_rules.4`; open to everybody"
        ),
        "{admin}"
    );
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let (code, _, error) = check(&["--config", "config.ron", "--port", &port]);
    assert_eq!(code, Some(1));
    assert!(error.starts_with("error: cannot listen on"), "{error}");
}

/// Who asks for the head alone does not mean to change anything, unless the configuration says so.
#[test]
fn a_head_starts_a_fit_where_it_is_named_alone() {
    let folder = Arc::new(folder());
    let rule = |path: &str, methods: &str| {
        format!(r#"add_url_rule(rule: "{path}", view_func: "palladium.server.fit", methods: [{methods}])"#)
    };
    let rules = [rule("/get", r#""GET""#), rule("/head", r#""GET", "HEAD""#)].join(", ");
    std::fs::write(folder.path().join("layer.ron"), format!(r#"{{"rules": [{rules}]}}"#)).unwrap();
    let listen = ["--listen", "127.0.0.1:0", "--config", "config.ron,layer.ron"];
    let service = Service::logged(Arc::clone(&folder), "warn", &listen);
    let warned = "`palladium.server.fit` changes something, and is reached by GET (layer.ron:1:";
    assert_eq!(service.log().matches(warned).count(), 2, "{}", service.log());
    let head = |path: &str| service.client.head(format!("{}{path}", service.base)).send().unwrap();
    let n_jobs = || {
        let alive: Json = service.get("/alive").json().unwrap();
        alive["process_metadata"]["jobs"].as_object().unwrap().len()
    };
    let refused = head("/get");
    assert_eq!((refused.status().as_u16(), refused.headers()["allow"].to_str().unwrap()), (405, "GET, OPTIONS"));
    assert_eq!(n_jobs(), 0);
    assert_eq!((head("/head").status().as_u16(), n_jobs()), (200, 1));
}

#[test]
fn a_check_prints_the_routes_if_asked() {
    let folder = folder();
    let check = |format: &str| {
        let files = "config.ron,admin.ron";
        succeed(folder.path(), &["check", "--routes", "--format", format, "--config", files])
    };
    let text = check("text");
    assert!(text.starts_with("/alive (GET, HEAD, OPTIONS): palladium.server.alive\n"), "{text}");
    let fit = "\n/fit (OPTIONS, POST): palladium.server.fit, `flask_add_url_rules.0`; open to everybody\n";
    assert!(text.contains(fit), "{text}");
    assert!(text.ends_with("\nno findings, 12 components\n"), "{text}");
    let json: Json = serde_json::from_str(&check("json")).unwrap();
    let predict = json["routes"].as_array().unwrap().iter().find(|route| route["path"] == "/predict").unwrap();
    let expected = json!({
        "path": "/predict",
        "methods": ["GET", "HEAD", "OPTIONS", "POST"],
        "view": null,
        "component": "predict_service",
        "model_persister": "model_persister",
        "changes": false,
        "authentication": "none",
    });
    assert_eq!(predict, &expected);
}

#[test]
fn a_drained_service_says_so_before_it_stops() {
    let folder = folder();
    succeed(folder.path(), &["fit", "--config", "config.ron"]);
    let started = || Service::start_with(Arc::clone(&folder), &["--drain-seconds", "2", "--config", "config.ron"]);
    let mut service = started();
    assert_eq!(service.get("/ready").status(), 200);
    let asked = Instant::now();
    service.process.signal(Signal::TERM);
    while service.get("/ready").status() == 200 {
        assert!(asked.elapsed() < Duration::from_secs(2));
    }
    assert_eq!(service.json("/ready")["reasons"], json!(["it is about to stop"]));
    assert_eq!((service.get(SAMPLE).status().as_u16(), service.get("/live").status().as_u16()), (200, 200));
    assert_eq!(service.process.finish().status.code(), Some(0));
    assert!(asked.elapsed() >= Duration::from_secs(2));

    // A second signal does not wait.
    let mut service = Service::start_with(Arc::clone(&folder), &["--drain-seconds", "600", "--config", "config.ron"]);
    assert_eq!(service.get("/ready").status(), 200);
    service.process.signal(Signal::TERM);
    while service.get("/ready").status() == 200 {}
    service.process.signal(Signal::TERM);
    assert_eq!(service.process.finish().status.code(), Some(0));
}

#[test]
fn a_wrong_rule_is_shown_where_it_stands() {
    let folder = folder();
    let wrong = std::fs::read_to_string(folder.path().join("admin.ron")).unwrap();
    let wrong = wrong.replace("palladium.server.fit", "palladium.server.fitt").replace("\"/jobs\"", "\"/activate\"");
    std::fs::write(folder.path().join("wrong.ron"), wrong).unwrap();
    for command in ["check", "serve"] {
        let output = palladium(folder.path()).args([command, "--config", "config.ron,wrong.ron"]).output().unwrap();
        let shown = format!("{}{}", text(&output.stdout), text(&output.stderr));
        assert_eq!(output.status.code(), Some(1), "{shown}");
        for part in [
            "no view is named `palladium.server.fitt`",
            "\"view_func\": \"palladium.server.fitt\"",
            "did you mean `palladium.server.fit`?",
            "two views have the rule `/activate`",
        ] {
            assert!(shown.contains(part), "{command} {part}: {shown}");
        }
    }
}
