//! Functions of a configuration around the views of the service.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::process::Stdio;
use std::sync::Arc;

use reqwest::blocking::Client;
use rustix::process::Signal;
use serde_json::{Value as Json, json};

use crate::process::{Running, iris, palladium, repository, succeed, text};
use crate::serve::{SAMPLE, Service};

/// The Basic-Auth example of Palladium's manual, and further decorators around it.
const DECORATORS: &str = r#"
let expected = "Basic " + environ.LOGIN;

fn stamp(wrapped) {
    let response = wrapped.proceed();
    response.headers["x-served-by"] = `${wrapped.request.method} ${wrapped.name}`;
    response
}

#{
    predict_decorators: [
        |wrapped| {
            if wrapped.request.headers.get("authorization") == expected {
                return wrapped.proceed();
            }
            #{
                status: 401,
                headers: #{ "www-authenticate": "Basic realm=\"Login Required\"" },
                body: "Could not verify your access level for that URL.",
            }
        },
        Fn("stamp"),
    ],
    alive_decorators: [|wrapped| {
        let response = wrapped.proceed();
        if response.status == 503 { response.status = 200; response.body = "starting"; }
        response
    }],
    list_decorators: [|wrapped| throw "the password is sesame"],
    get_metadata_decorators: [|wrapped| { let metadata = wrapped.proceed(); metadata.shard = 7; metadata }],
}
"#;

#[test]
fn functions_decorate_the_views() {
    let folder = iris();
    std::fs::write(folder.path().join("decorators.rhai"), DECORATORS).unwrap();
    let mut command = palladium(folder.path());
    command.args(["serve", "--port", "0", "--config", "config.ron,decorators.rhai"]).env("LOGIN", "dXNlcjpwYXNz");
    command.env("PALLADIUM_LOG", "error");
    let mut process = Running(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap());
    let mut line = String::new();
    BufReader::new(process.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let base = line.trim().rsplit(' ').next().unwrap().to_owned();
    let client = Client::new();
    let get = |path: &str| client.get(format!("{base}{path}")).send().unwrap();

    let alive = get("/alive");
    assert_eq!((alive.status().as_u16(), alive.text().unwrap().as_str()), (200, "starting"));
    succeed(folder.path(), &["fit", "--config", "config.ron"]);

    let sample = "/predict?sepal%20length=6.3&sepal%20width=2.5&petal%20length=4.9&petal%20width=1.5";
    let refused = get(sample);
    assert_eq!(refused.status(), 401);
    assert_eq!(refused.headers()["www-authenticate"], "Basic realm=\"Login Required\"");
    assert_eq!(refused.headers()["content-type"], "text/plain; charset=utf-8");
    assert_eq!(refused.headers()["x-served-by"], "GET predict_decorators");
    assert_eq!(refused.text().unwrap(), "Could not verify your access level for that URL.");

    let login = || client.get(format!("{base}{sample}")).basic_auth("user", Some("pass"));
    let answered = login().send().unwrap();
    assert_eq!(answered.status(), 200);
    assert_eq!(answered.headers()["content-type"], "application/json; charset=utf-8");
    let body: Json = answered.json().unwrap();
    assert_eq!((&body["result"], &body["metadata"]["shard"]), (&Json::from("Iris-versicolor"), &Json::from(7)));
    let wrong = client.get(format!("{base}{sample}")).basic_auth("user", Some("word")).send().unwrap();
    assert_eq!(wrong.status(), 401);

    let failed = get("/list");
    assert_eq!(failed.status(), 500);
    let body = failed.text().unwrap();
    assert!(body.contains("an internal error occurred") && !body.contains("sesame"), "{body}");
    process.signal(Signal::TERM);
    let log = text(&process.finish().stderr);
    assert!(log.contains("; look at ") && log.contains("decorators.rhai:"), "{log}");
}

/// Functions around a view, and one in its place, that say who they think makes a request.
const WITNESSES: &str = r#"
fn inner(wrapped) {
    let request = wrapped.request;
    let response = wrapped.proceed();
    response.headers["x-inner"] = `${request.principal} ${request.scopes} ${request.peer}`;
    response
}

fn outer(wrapped) {
    let request = wrapped.request;
    let response = wrapped.proceed();
    let is_known = request.principal != () || request.scopes != [];
    response.headers["x-outer"] = `${is_known} ${request.peer} ${request.request_id}`;
    response
}

#{
    who: #{
        "!": "palladium.server.add_url_rule",
        rule: "/who",
        decorator_list_name: "who_decorators",
        view_func: |request| `${request.principal} ${request.scopes} ${request.peer} ${request.request_id}`,
    },
    who_decorators: [
        Fn("inner"),
        #{
            "!": "palladium.decorators.ApiKey",
            api_keys: #{ ada: "sha256:b5fd775fe86f2b184e88451303a7764abd194867529acd5bce3065a8ee1f1010" },
            scopes: #{ ada: ["read", "fit"] },
        },
        Fn("outer"),
    ],
}
"#;

#[test]
fn functions_know_who_makes_a_request() {
    let folder = iris();
    std::fs::write(folder.path().join("who.rhai"), WITNESSES).unwrap();
    let service = Service::start_with(Arc::new(folder), &["--config", "config.ron,who.rhai"]);
    let request = service.client.get(format!("{}/who", service.base)).header("x-request-id", "a-name");
    let refused = request.try_clone().unwrap().send().unwrap();
    assert_eq!((refused.status().as_u16(), refused.headers().get("x-inner")), (401, None));
    assert_eq!(refused.headers()["x-outer"], "false 127.0.0.1 a-name");
    let answered = request.header("x-api-key", "iris-example-key").send().unwrap();
    assert_eq!(answered.headers()["x-inner"], r#"ada ["read", "fit"] 127.0.0.1"#);
    assert_eq!(answered.headers()["x-outer"], "false 127.0.0.1 a-name");
    assert_eq!(answered.text().unwrap(), r#"ada ["read", "fit"] 127.0.0.1 a-name"#);
}

/// A function that finds out who makes a request, around what goes by that, and functions that try it in other ways.
const GUARDS: &str = r#"
#{
    who: #{
        "!": "palladium.server.add_url_rule",
        rule: "/who",
        decorator_list_name: "who_decorators",
        view_func: |request| `${request.principal} ${request.scopes}`,
    },
    who_decorators: [
        #{ "!": "palladium.decorators.RequireScope", "all_of": "read" },
        #{ "!": "palladium.decorators.RateLimit", per_minute: 1, by: "principal" },
        |wrapped| {
            let user = wrapped.request.headers.get("x-user");
            if user == "guest" { wrapped.identify(user) } else if user != () { wrapped.identify(user, ["read"]) }
            wrapped.proceed()
        },
    ],
    alive_decorators: [|wrapped| { wrapped.request.principal = "ada"; wrapped.proceed() }],
    list_decorators: [|wrapped| { let r = wrapped.proceed(); wrapped.identify("ada"); r }],
}
"#;

#[test]
fn functions_find_out_who_makes_a_request() {
    let folder = iris();
    std::fs::write(folder.path().join("who.rhai"), GUARDS).unwrap();
    succeed(folder.path(), &["check", "--config", "config.ron,who.rhai"]);
    let mut command = palladium(folder.path());
    command.args(["serve", "--port", "0", "--config", "config.ron,who.rhai"]).env("PALLADIUM_LOG", "error");
    let mut process = Running(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap());
    let mut line = String::new();
    BufReader::new(process.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let base = line.trim().rsplit(' ').next().unwrap().to_owned();
    let client = Client::new();
    let of = |user: &str| {
        let answer = client.get(format!("{base}/who")).header("x-user", user).send().unwrap();
        (answer.status().as_u16(), answer.text().unwrap())
    };
    assert_eq!(of("ada"), (200, r#"ada ["read"]"#.to_owned()));
    assert_eq!(of("bob"), (200, r#"bob ["read"]"#.to_owned()), "others have a store of their own");
    assert_eq!(of("ada").0, 429);
    assert_eq!(of("guest").0, 403);
    assert_eq!(client.get(format!("{base}/who")).send().unwrap().status(), 403);
    for path in ["/alive", "/list"] {
        assert_eq!(client.get(format!("{base}{path}")).send().unwrap().status(), 500, "{path}");
    }
    process.signal(Signal::TERM);
    let log = text(&process.finish().stderr);
    let said = "the request of a call cannot be changed; look at ";
    assert!(log.contains(said) && log.contains("`identify(\"ada\", [\"read\"])`, before `proceed()`"), "{log}");
    assert!(log.contains("`identify` has to come before `proceed`"), "{log}");
}

/// Components that are views, and what stands at their paths.
const VIEWS: &[(&str, &str, &[&str])] = &[
    ("palladium.observability.Metrics", "metrics_decorators", &["/metrics"]),
    ("palladium.openapi.Docs", "docs_decorators", &["/openapi.json", "/docs", "/docs/swagger-ui.css"]),
    (
        "palladium.server.OpenInference",
        "open_inference_decorators",
        &["/v2", "/v2/health/live", "/v2/health/ready", "/v2/models/predict_service"],
    ),
    ("palladium.console.Console", "console_decorators", &["/console", "/console/console.js", "/console/api/service"]),
];

#[test]
fn the_list_of_a_view_guards_all_of_its_routes() {
    const KEY: &str = "iris-example-key";
    let key = json!({"!": "palladium.decorators.ApiKey", "api_keys": {"ada": "${environ.KEY}"}});
    let folder = Arc::new(iris());
    succeed(folder.path(), &["fit", "--config", "config.ron"]);
    for is_named in [false, true] {
        let mut layer = json!({"docs": null});
        for (index, (name, default, _)) in VIEWS.iter().enumerate() {
            let (mut view, mut list) = (json!({"!": name}), (*default).to_owned());
            if is_named {
                list = format!("guard_{index}");
                view["decorator_list_name"] = list.as_str().into();
            }
            layer[format!("view_{index}")] = view;
            layer[list] = json!([key]);
        }
        std::fs::write(folder.path().join("views.ron"), layer.to_string().replace("null", "None")).unwrap();
        let arguments = ["--config", "config.ron,views.ron"];
        let service = Service::start_in(Arc::clone(&folder), &arguments, &[("KEY", KEY)]);
        for path in VIEWS.iter().flat_map(|(_, _, paths)| *paths) {
            assert_eq!(service.get(path).status(), 401, "{path}");
            let asked = service.client.get(format!("{}{path}", service.base)).header("x-api-key", KEY);
            assert_eq!(asked.send().unwrap().status(), 200, "{path}");
        }
    }
}

/// Returns the iris service with a fitted model and a layer of `configs/service`, beside which it writes.
fn example(name: &str) -> Service {
    let folder = Arc::new(iris());
    std::fs::copy(repository().join("configs/service").join(name), folder.path().join(name)).unwrap();
    succeed(folder.path(), &["fit", "--config", "config.ron"]);
    Service::start_with(folder, &["--config", &format!("config.ron,{name}")])
}

/// Returns the lines of JSON that a service has written.
fn lines(service: &Service, name: &str) -> Vec<Json> {
    let text = std::fs::read_to_string(service.folder.path().join(name)).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn every_decorator_of_the_example_about_traffic_does_its_work() {
    const PAGE: &str = "https://dashboard.example.com";
    const MOST: usize = 8;
    for language in ["ron", "rhai"] {
        let service = example(&format!("traffic.{language}"));
        let of_page = || service.client.get(format!("{}{SAMPLE}", service.base)).header("origin", PAGE).send().unwrap();
        let answer = of_page();
        assert_eq!(answer.status(), 200);
        assert!(answer.headers()["server-timing"].to_str().unwrap().starts_with("predict;dur="));
        let check_outer = |answer: &reqwest::blocking::Response| {
            for (name, value) in [
                ("x-content-type-options", "nosniff"),
                ("x-frame-options", "DENY"),
                ("referrer-policy", "same-origin"),
                ("cache-control", "no-store"),
                ("access-control-allow-origin", PAGE),
                ("access-control-expose-headers", "server-timing, x-model-version"),
            ] {
                assert_eq!(answer.headers()[name], value, "{name}");
            }
        };
        check_outer(&answer);
        assert_eq!(service.get(SAMPLE).headers().get("access-control-allow-origin"), None);
        let written = lines(&service, "requests.ndjson");
        assert_eq!(written.len(), 2);
        let query = written[0]["query"].as_object().unwrap();
        assert_eq!((&query["sepal length"], &query["sepal width"]), (&json!("6.3"), &json!("2.5")), "{query:?}");
        assert!(query["petal length"] != "4.9" && query.get("petal width").is_none(), "{query:?}");

        // Streams have their places until they end.
        let sample = json!({"sepal length": 6.3, "sepal width": 2.5, "petal length": 4.9, "petal width": 1.5});
        let line = format!("{sample}\n");
        let head = "POST /predict HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-ndjson\r\n\
                    transfer-encoding: chunked\r\n\r\n";
        let stream = || {
            let mut stream = BufReader::new(TcpStream::connect(service.address()).unwrap());
            let message = format!("{head}{:x}\r\n{line}\r\n", line.len());
            stream.get_mut().write_all(message.as_bytes()).unwrap();
            let mut read = String::new();
            while !read.contains("Iris-versicolor") {
                assert!(stream.read_line(&mut read).unwrap() > 0, "{read}");
            }
            stream
        };
        let _streams: Vec<_> = (0..MOST).map(|_| stream()).collect();
        let refused = of_page();
        assert_eq!((refused.status().as_u16(), refused.headers()["retry-after"].to_str().unwrap()), (503, "1"));
        check_outer(&refused);
    }
}

#[test]
fn the_example_of_an_audit_writes_down_who_activates_what() {
    for language in ["ron", "rhai"] {
        let service = example(&format!("audit.{language}"));
        let activate = || service.client.post(format!("{}/activate", service.base)).form(&[("model_version", "1")]);
        assert_eq!(activate().send().unwrap().status(), 401);
        assert_eq!(activate().basic_auth("admin", Some("secret")).send().unwrap().status(), 200);
        let written = lines(&service, "audit.ndjson");
        let said: Vec<_> = written.iter().map(|line| [&line["event"], &line["principal"]]).collect();
        assert_eq!(said, [["asked", "admin"], ["answered", "admin"]], "{written:?}");
        assert_eq!(written[0]["parameters"], json!({"model_version": "1"}));
        assert_eq!(written[1]["status"], 200);
    }
}
