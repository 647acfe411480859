//! The layers of `configs/auth` over the iris example, and every decorator of views, over a real socket.

pub mod provider;

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Stdio;
use std::thread::JoinHandle;
use std::time::Duration;

use reqwest::Method;
use reqwest::blocking::{Client, RequestBuilder, Response};
use rustix::process::Signal;
use serde_json::{Value as Json, json};

use self::provider::{Provider, Signer, now};
use crate::process::{Running, iris, palladium, repository, succeed};
use crate::serve::SAMPLE;

/// The trace of a request.
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

/// The iris service, with a model, behind further layers.
struct Guarded {
    process: Running,
    base: String,
    client: Client,
    log: JoinHandle<String>,
    folder: tempfile::TempDir,
}

impl Guarded {
    fn start(folder: tempfile::TempDir, layers: &[&Path], variables: &[(&str, &str)]) -> Guarded {
        succeed(folder.path(), &["fit", "--config", "config.ron"]);
        let layers = layers.iter().map(|layer| layer.display().to_string());
        let files: Vec<String> = std::iter::once("config.ron".to_owned()).chain(layers).collect();
        let mut command = palladium(folder.path());
        command.args(["serve", "--port", "0", "--config", &files.join(",")]).envs(variables.iter().copied());
        let mut process = Running(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap());
        let log = process.0.stderr.take().unwrap();
        let log = std::thread::spawn(move || std::io::read_to_string(log).unwrap());
        let mut line = String::new();
        BufReader::new(process.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let base = line.trim().rsplit(' ').next().unwrap().to_owned();
        assert!(base.starts_with("http://"), "{line}");
        Guarded { process, base, client: Client::new(), log, folder }
    }

    /// Starts it behind a layer of `configs/auth`.
    fn by(layer: &str, variables: &[(&str, &str)]) -> Guarded {
        Guarded::start(iris(), &[&repository().join("configs/auth").join(layer)], variables)
    }

    /// Starts it behind a layer that is given as text.
    fn behind(layer: &str, variables: &[(&str, &str)]) -> Guarded {
        let folder = iris();
        let path = folder.path().join("layer.ron");
        std::fs::write(&path, layer).unwrap();
        Guarded::start(folder, &[&path], variables)
    }

    /// Starts it behind a layer that is given as text, with the views that change something.
    fn with_changes(layer: &str, variables: &[(&str, &str)]) -> Guarded {
        let folder = iris();
        let path = folder.path().join("layer.ron");
        std::fs::write(&path, layer).unwrap();
        Guarded::start(folder, &[&repository().join("configs/service/admin.ron"), &path], variables)
    }

    fn request(&self, method: &str, path: &str) -> RequestBuilder {
        self.client.request(Method::from_bytes(method.as_bytes()).unwrap(), format!("{}{path}", self.base))
    }

    fn get(&self, path: &str) -> Response {
        self.request("GET", path).send().unwrap()
    }

    fn bearing(&self, token: &str) -> Response {
        self.request("GET", SAMPLE).bearer_auth(token).send().unwrap()
    }

    /// Checks that no way around the decorators leads to a prediction.
    fn keeps_strangers_out(&self) {
        let encoded = SAMPLE.replacen("/predict", "/%70redict", 1);
        let half = SAMPLE.replacen("/predict", "/predic%74", 1);
        for (method, path, status) in [
            ("GET", SAMPLE, 401),
            ("HEAD", SAMPLE, 401),
            ("OPTIONS", SAMPLE, 401),
            ("POST", "/predict", 401),
            ("GET", &*encoded, 401),
            ("HEAD", &*encoded, 401),
            ("OPTIONS", &*encoded, 401),
            ("GET", &*half, 401),
            ("PUT", SAMPLE, 405),
            ("DELETE", SAMPLE, 405),
            ("PATCH", SAMPLE, 405),
            ("GETT", SAMPLE, 405),
            ("get", SAMPLE, 405),
            ("GET", &*SAMPLE.replacen("/predict", "/predict/", 1), 404),
            ("GET", &*SAMPLE.replacen("/predict", "//predict", 1), 404),
            ("GET", &*SAMPLE.replacen("/predict", "/PREDICT", 1), 404),
            ("GET", &*SAMPLE.replacen("/predict", "/predict%2f", 1), 404),
            ("GET", &*SAMPLE.replacen("/predict", "/%2570redict", 1), 404),
            ("GET", &*SAMPLE.replacen("/predict", "/predict;x", 1), 404),
        ] {
            let answer = self.request(method, path).body("[]").send().unwrap();
            assert_eq!(answer.status(), status, "{method} {path}");
            assert!(!answer.text().unwrap().contains("Iris"), "{method} {path}");
        }
        for target in [format!("http://other{SAMPLE}"), format!("{SAMPLE}&%zz"), format!("{SAMPLE}#x")] {
            assert_eq!(self.raw(&format!("GET {target} HTTP/1.1\r\nhost: x\r\n")), "401", "{target}");
            assert_eq!(self.raw(&format!("GET {target} HTTP/1.0\r\n")), "401", "{target}");
        }
        assert_eq!(self.get("/alive").status(), 200);
    }

    /// Sends a head as it is and returns the status.
    fn raw(&self, head: &str) -> String {
        let mut stream = TcpStream::connect(self.base.strip_prefix("http://").unwrap()).unwrap();
        write!(stream, "{head}connection: close\r\n\r\n").unwrap();
        let answer = std::io::read_to_string(stream).unwrap();
        assert!(!answer.contains("Iris"), "{head}: {answer}");
        answer.split(' ').nth(1).unwrap_or_default().to_owned()
    }

    /// Ends it and returns what it logged.
    fn log(mut self) -> String {
        self.process.signal(Signal::TERM);
        self.process.finish();
        self.log.join().unwrap()
    }
}

fn is_prediction(answer: Response) {
    let status = answer.status();
    let body: Json = answer.json().unwrap();
    assert_eq!((status.as_u16(), &body["result"]), (200, &json!("Iris-versicolor")), "{body}");
}

#[test]
fn users_get_in_by_their_password() {
    for layer in ["basic.ron", "basic.rhai"] {
        let service = Guarded::by(layer, &[]);
        service.keeps_strangers_out();
        let login = |user: &str, password: &str| {
            service.request("GET", SAMPLE).basic_auth(user, Some(password)).send().unwrap()
        };
        is_prediction(login("admin", "secret"));
        is_prediction(login("admin", "secret"));
        let samples = r#"[{"sepal length": 6.3, "sepal width": 2.5, "petal length": 4.9, "petal width": 1.5}]"#;
        let post = service.request("POST", "/predict").header("content-type", "application/json").body(samples);
        let many: Json = post.basic_auth("admin", Some("secret")).send().unwrap().json().unwrap();
        assert_eq!(many["result"], json!(["Iris-versicolor"]));
        for (user, password) in [("admin", "wrong"), ("admin", ""), ("eve", "secret")] {
            let refused = login(user, password);
            assert_eq!(refused.status(), 401);
            assert_eq!(refused.headers()["www-authenticate"], "Basic realm=\"Login Required\"");
            assert_eq!(refused.headers()["content-type"], "text/plain; charset=utf-8");
            let text = "Could not verify your access level for that URL.\nYou have to login with proper credentials";
            assert_eq!(refused.text().unwrap(), text);
        }
        let asked = service.request("OPTIONS", SAMPLE).basic_auth("admin", Some("secret")).send().unwrap();
        assert_eq!(
            (asked.status().as_u16(), &asked.headers()["allow"]),
            (200, &"GET, HEAD, OPTIONS, POST".parse().unwrap())
        );
    }
}

#[test]
fn programs_get_in_by_their_key() {
    for layer in ["api_key.ron", "api_key.rhai"] {
        let service = Guarded::by(layer, &[("PALLADIUM_LOG", "palladium::access=info")]);
        service.keeps_strangers_out();
        let with = |key: &str| service.request("GET", SAMPLE).header("x-api-key", key).send().unwrap();
        is_prediction(with("iris-example-key"));
        let refused = with("iris-other-key");
        assert_eq!(refused.status(), 401);
        let body: Json = refused.json().unwrap();
        assert_eq!(body, json!({"status": "ERROR", "error_code": -1, "error_message": "the key is unknown"}));

        // The one line about a request, the decorator's or the server's, names the span that the response names.
        let traced = service.request("GET", SAMPLE).header("traceparent", format!("00-{TRACE}-00f067aa0ba902b7-01"));
        let traced = traced.send().unwrap();
        let own = service.get("/alive");
        let spans = [traced, own].map(|response| {
            let told = response.headers()["traceresponse"].to_str().unwrap();
            let parts: Vec<&str> = told.split('-').collect();
            assert_eq!((parts[0], parts[3]), ("00", "00"), "nothing is recorded: {told}");
            format!("trace_id={} span_id={}", parts[1], parts[2])
        });
        assert!(spans[0].starts_with(&format!("trace_id={TRACE} ")), "{spans:?}");
        let log = service.log();
        for span in &spans {
            assert_eq!(log.lines().filter(|line| line.contains(span)).count(), 1, "{span} in {log}");
        }
        assert!(log.contains("principal=\"example\"") && log.contains("view=\"predict_decorators\""), "{log}");
        assert!(!log.contains("iris-example-key"), "{log}");
    }
}

#[test]
fn tokens_of_an_identity_provider_get_in() {
    for layer in ["jwt.ron", "jwt.rhai"] {
        let signer = Signer::new();
        let provider = Provider::saying(200, &signer.jwks().to_string());
        let keys = format!("{}keys", provider.url);
        let service = Guarded::by(layer, &[("ISSUER", "https://idp/"), ("JWKS_URL", &keys)]);
        service.keeps_strangers_out();
        let claims = |change: Json| {
            let mut all =
                json!({"iss": "https://idp/", "aud": "iris", "sub": "ada", "exp": now() + 60, "scope": "predict"});
            all.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
            all
        };
        let head = json!({"alg": "ES256", "kid": "k"});
        is_prediction(service.bearing(&signer.sign(&head, &claims(json!({})))));
        let without = service.bearing(&signer.sign(&head, &claims(json!({"scope": "models"}))));
        assert_eq!(without.status(), 403);
        assert_eq!(without.headers()["www-authenticate"], "Bearer error=\"insufficient_scope\", scope=\"predict\"");

        let secret = json!({"alg": "HS256", "kid": "k"});
        let attacks = [
            ("no algorithm", Signer::unsigned(&json!({"alg": "none", "kid": "k"}), &claims(json!({})))),
            ("a public key as a secret", Signer::with_secret(&secret, &claims(json!({})), &signer.public())),
            (
                "a public key as a secret",
                Signer::with_secret(&secret, &claims(json!({})), signer.jwks().to_string().as_bytes()),
            ),
            ("expired", signer.sign(&head, &claims(json!({"exp": now() - 3600})))),
            ("another audience", signer.sign(&head, &claims(json!({"aud": "wine"})))),
            ("another issuer", signer.sign(&head, &claims(json!({"iss": "https://other/"})))),
            ("an unknown key", signer.sign(&json!({"alg": "ES256", "kid": "x"}), &claims(json!({})))),
            ("a stranger's key", Signer::new().sign(&head, &claims(json!({})))),
        ];
        for (attack, token) in attacks {
            let refused = service.bearing(&token);
            assert_eq!(refused.status(), 401, "{attack}");
            let asks = refused.headers()["www-authenticate"].to_str().unwrap().to_owned();
            assert!(asks.starts_with("Bearer error=\"invalid_token\", error_description=\""), "{attack}: {asks}");
        }
    }
}

#[test]
fn tokens_that_a_provider_knows_get_in() {
    for layer in ["oauth2.ron", "oauth2.rhai"] {
        let known = json!({"active": true, "sub": "ada", "scope": "predict"}).to_string();
        let provider = Provider::saying(200, &known);
        let variables = [
            ("OAUTH2_URL", &*provider.url),
            ("OAUTH2_CLIENT", "iris"),
            ("OAUTH2_SECRET", "canary"),
            ("PALLADIUM_LOG", "trace"),
        ];
        let service = Guarded::by(layer, &variables);
        service.keeps_strangers_out();
        is_prediction(service.bearing("abc"));
        let list = |token: &str| service.request("GET", "/list").bearer_auth(token).send().unwrap().status();
        assert_eq!((service.get("/list").status().as_u16(), list("abc").as_u16()), (401, 403));
        provider.say(200, r#"{"active": true, "sub": "bob", "scope": "models predict"}"#);
        assert_eq!(list("of-bob"), 200);
        provider.say(200, r#"{"active": false}"#);
        assert_eq!(service.bearing("canary-of-eve").status(), 401);
        provider.say(500, "");
        let unknown = service.bearing("another");
        assert_eq!((unknown.status().as_u16(), unknown.headers().contains_key("retry-after")), (503, true));
        is_prediction(service.bearing("abc"));
        let log = service.log();
        assert!(log.contains("tokens cannot be checked") && !log.contains("canary"), "{log}");
    }
}

#[test]
fn refused_callers_are_logged_with_the_trace_of_their_request() {
    let provider = Provider::saying(200, r#"{"active": false}"#);
    let layer = r#"{
        "predict_decorators": [{ "!": "palladium.decorators.ApiKey", "api_keys": { "a": "${environ.SECRET}" } }],
        "list_decorators": [{ "!": "palladium.decorators.BasicAuth", "users": { "a": "${environ.HASH}" } }],
        "alive_decorators": [{
            "!": "palladium.decorators.JWTBearer", "issuer": "i", "audience": "a", "secret": "${environ.SECRET}",
        }],
        "update_model_cache_decorators": [{
            "!": "palladium.decorators.OAuth2Introspection", "endpoint": "${environ.URL}", "client_id": "c",
            "client_secret": "${environ.SECRET}",
        }],
    }"#;
    let hash = "$argon2id$v=19$m=19456,t=2,p=1$cGFsbGFkaXVtLW1hbnVhbA$bP2MnedpyMc7QZlW9p46VglcHSH7bg56I7RVSB/vaDU";
    let variables = [
        ("HASH", hash),
        ("SECRET", &"s".repeat(32)),
        ("URL", &provider.url),
        ("PALLADIUM_LOG", "palladium::auth=info"),
    ];
    let service = Guarded::with_changes(layer, &variables);
    let cases = [
        ("GET", SAMPLE, "x-api-key", "other", "a key is unknown"),
        ("GET", "/list", "authorization", "Basic YTpi", "a user or a password is wrong"),
        ("GET", "/alive", "authorization", "Bearer x.y.z", "the token cannot be read"),
        ("POST", "/update-model-cache", "authorization", "Bearer xyz", "a token is not active"),
    ];
    for (method, path, name, value, _) in cases {
        let request = service.request(method, path).header(name, value);
        let refused = request.header("traceparent", format!("00-{TRACE}-00f067aa0ba902b7-01")).send().unwrap();
        assert!(refused.status().is_client_error(), "{path}: {refused:?}");
    }
    let log = service.log();
    for (_, path, _, _, said) in cases {
        let line = log.lines().find(|line| line.contains(said)).unwrap_or_else(|| panic!("{path}: {log}"));
        assert!(line.contains("request_id") && line.contains(&format!("trace_id={TRACE}")), "{line}");
    }
}

#[test]
fn a_parameter_that_is_written_down_is_no_known_one() {
    let layer = r#"{
        "server_fit_decorators": [
            { "!": "palladium.decorators.AuditLog", "path": "${here}/audit.ndjson", "parameters": ["evaluate", "reason"] },
            {
                "!": "palladium.decorators.ApiKey", "api_keys": { "a": "${environ.KEY}" },
                "query_parameter": "key", "header": None,
            },
        ],
    }"#;
    let service = Guarded::with_changes(layer, &[("KEY", "0123456789abcdef")]);
    let fit = |query: &str| {
        let path = format!("/fit?key=0123456789abcdef&persist=false{query}");
        service.request("POST", &path).send().unwrap()
    };
    assert_eq!(fit("&evaluate=false").status(), 200);
    let refused = fit("&reason=x");
    assert_eq!(refused.status(), 400);
    let message = refused.json::<Json>().unwrap()["error_message"].to_string();
    assert!(message.contains("there is no parameter"), "{message}");
    let written = std::fs::read_to_string(service.folder.path().join("audit.ndjson")).unwrap();
    assert!(written.contains(r#""parameters":{"evaluate":"false"}"#), "{written}");
    assert!(written.contains(r#""parameters":{"reason":"x"}"#), "{written}");
}

#[test]
fn a_hashed_password_gets_its_user_in() {
    let folder = iris();
    let hash = |password: &str| {
        let mut command = palladium(folder.path());
        command.args(["hash-password", "--memory", "64", "--rounds", "1"]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(password.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    };
    let hashed = hash("pass word\n");
    let line = crate::process::text(&hashed.stdout);
    assert!(hashed.status.success() && line.starts_with("$argon2id$v=19$m=64,t=1,p=1$"), "{line}");
    assert_eq!(hash("\n").status.code(), Some(1));
    std::fs::write(folder.path().join("users"), format!("ada:{line}")).unwrap();
    let layer = folder.path().join("layer.ron");
    let text = r#"{ "list_decorators": [{ "!": "palladium.decorators.BasicAuth", "users_file": "${here}/users" }] }"#;
    std::fs::write(&layer, text).unwrap();
    let service = Guarded::start(folder, &[&layer], &[]);
    let list =
        |password: &str| service.request("GET", "/list").basic_auth("ada", Some(password)).send().unwrap().status();
    assert_eq!((list("pass word").as_u16(), list("password").as_u16()), (200, 401));
    assert_eq!(service.get(SAMPLE).status(), 200, "the other views are open");
}

#[test]
fn browsers_ask_and_callers_are_slowed_down() {
    let service = Guarded::behind(
        r#"{
            "predict_decorators": [
                { "!": "palladium.decorators.ApiKey", "api_keys": { "a": "${environ.KEY}" } },
                "palladium.decorators.SecurityHeaders",
                "palladium.decorators.Timing",
                { "!": "palladium.decorators.ConcurrencyLimit", "max": 4 },
                { "!": "palladium.decorators.RateLimit", "per_minute": 1, "burst": 2 },
                {
                    "!": "palladium.decorators.Cors",
                    "origins": "https://page.example.com",
                    "headers": ["X-API-Key"],
                },
            ],
        }"#,
        &[("KEY", "0123456789abcdef")],
    );
    let page = |method: &str, origin: &str| service.request(method, SAMPLE).header("origin", origin);
    for _ in 0..3 {
        let asks = page("OPTIONS", "https://page.example.com").header("access-control-request-method", "GET");
        let answer = asks.header("access-control-request-headers", "x-api-key").send().unwrap();
        assert_eq!(answer.status(), 204, "asking costs nothing");
        assert_eq!(answer.headers()["access-control-allow-origin"], "https://page.example.com");
        assert_eq!(answer.headers()["access-control-allow-headers"], "x-api-key");
    }
    let asks = page("OPTIONS", "https://evil.example.com").header("access-control-request-method", "GET");
    assert_eq!(asks.send().unwrap().status(), 403);

    let answer = page("GET", "https://page.example.com").header("x-api-key", "0123456789abcdef").send().unwrap();
    let headers = answer.headers().clone();
    is_prediction(answer);
    for (name, value) in [
        ("access-control-allow-origin", "https://page.example.com"),
        ("x-content-type-options", "nosniff"),
        ("cache-control", "no-store"),
        ("ratelimit-limit", "2"),
        ("ratelimit-remaining", "1"),
    ] {
        assert_eq!(headers[name], value);
    }
    assert!(headers["server-timing"].to_str().unwrap().starts_with("app;dur="));
    let statuses = [(); 2].map(|()| service.get(SAMPLE).status().as_u16());
    assert_eq!(statuses, [401, 429], "strangers are counted too");
    let refused = page("GET", "https://page.example.com").header("x-request-id", "abc").send().unwrap();
    assert_eq!(refused.headers()["access-control-allow-origin"], "https://page.example.com");
    assert_eq!(
        (&refused.headers()["x-request-id"], refused.headers().contains_key("retry-after")),
        (&"abc".parse().unwrap(), true)
    );
}

#[test]
fn secrets_in_the_file_are_refused_unseen() {
    let folder = iris();
    for (decorator, said) in [
        (r#""!": "palladium.decorators.ApiKey", "api_keys": { "a": "canary-0123456789" }"#, "stands in the file"),
        (r#""!": "palladium.decorators.ApiKey", "api_keys": { "a": "sha256:canary" }"#, "64 hexadecimal digits"),
        (r#""!": "palladium.decorators.BasicAuth", "users": { "ada": "canary" }"#, "is no argon2 hash"),
    ] {
        let ron = format!(r#"{{ "predict_decorators": [{{ {decorator} }}] }}"#);
        let rhai = ron.replace('{', "#{");
        for (file, text) in [("layer.ron", ron), ("layer.rhai", rhai)] {
            std::fs::write(folder.path().join(file), text).unwrap();
            let output = palladium(folder.path()).args(["check", "--config", file]).output().unwrap();
            let printed = [output.stdout, output.stderr].map(|bytes| crate::process::text(&bytes)).concat();
            assert_eq!(output.status.code(), Some(1), "{printed}");
            assert!(printed.contains(said) && !printed.contains("canary"), "{printed}");
        }
    }
}

/// The line of a request has the time from its head on, with that which its body took to come.
#[test]
fn the_access_log_counts_from_the_head_on() {
    const PAUSE: Duration = Duration::from_millis(300);
    let layer = r#"{"predict_decorators": ["palladium.decorators.AccessLog"]}"#;
    let service = Guarded::behind(layer, &[("PALLADIUM_LOG", "palladium::access=info")]);
    // The next one is answered on the worker, once its body is there.
    assert_eq!(service.request("GET", SAMPLE).send().unwrap().status(), 200);
    let row = r#"[{"sepal length": 6.3, "sepal width": 2.5, "petal length": 4.9, "petal width": 1.5}]"#;
    let mut stream = TcpStream::connect(service.base.trim_start_matches("http://")).unwrap();
    let head = format!("content-type: application/json\r\nconnection: close\r\ncontent-length: {}", row.len());
    write!(stream, "POST /predict HTTP/1.1\r\nhost: x\r\n{head}\r\n\r\n").unwrap();
    std::thread::sleep(PAUSE);
    stream.write_all(row.as_bytes()).unwrap();
    let answer = std::io::read_to_string(stream).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let log = service.log();
    let line = log.lines().find(|line| line.contains("method=\"POST\"")).unwrap();
    let time: u128 = line.rsplit_once("microseconds=").unwrap().1.trim().parse().unwrap();
    assert!(time >= PAUSE.as_micros(), "{line}");
}

/// Every decorator, with canaries wherever a secret may stand.
const EVERYTHING: &str = r#"{
    "predict_decorators": [
        { "!": "palladium.decorators.RequireScope", "any_of": ["predict"] },
        { "!": "palladium.decorators.RequestLog", "path": "${here}/requests.ndjson", "others": "drop", "hash_secret": "canary-hash-0123456789abcdef01234" },
        { "!": "palladium.decorators.AuditLog", "path": "${here}/audit.ndjson" },
        {
            "!": "palladium.decorators.JWTBearer",
            "issuer": "i", "audience": "a", "secret": "${environ.CANARY}",
        },
        "palladium.decorators.AccessLog",
    ],
    "list_decorators": [
        { "!": "palladium.decorators.ApiKey", "api_keys": { "k": "${environ.CANARY}" }, "query_parameter": "key" },
        { "!": "palladium.decorators.RequestLog", "path": "${here}/requests.ndjson", "others": "keep" },
        { "!": "palladium.decorators.AuditLog", "path": "${here}/audit.ndjson" },
        "palladium.decorators.AccessLog",
    ],
    "alive_decorators": [
        {
            "!": "palladium.decorators.OAuth2Introspection",
            "endpoint": "http://127.0.0.1:1/", "client_id": "c", "client_secret": "${environ.CANARY}",
        },
        { "!": "palladium.decorators.RequestLog", "path": "${here}/requests.ndjson" },
        "palladium.decorators.AccessLog",
    ],
    "other": {
        "!": "palladium.server.PredictService",
        "mapping": [["a", "float"]],
        "entry_point": "/other",
        "decorator_list_name": "other_decorators",
    },
    "other_decorators": [
        { "!": "palladium.decorators.BasicAuth", "users_file": "${here}/users" },
        { "!": "palladium.decorators.RequestLog", "path": "${here}/requests.ndjson" },
        { "!": "palladium.decorators.AuditLog", "path": "${here}/audit.ndjson", "parameters": ["a"] },
        "palladium.decorators.SecurityHeaders",
        "palladium.decorators.Timing",
        { "!": "palladium.decorators.ConcurrencyLimit", "max": 2 },
        { "!": "palladium.decorators.RateLimit", "per_second": 1000, "by": "header", "header": "x-client" },
        { "!": "palladium.decorators.Cors", "origins": "*", "headers": ["Authorization"] },
        "palladium.decorators.AccessLog",
    ],
    "logging": (format: "json"),
}"#;

#[test]
fn nothing_that_lets_in_is_shown() {
    let secret = "canary-0123456789-0123456789-0123456789";
    let folder = iris();
    let layer = folder.path().join("layer.ron");
    std::fs::write(&layer, EVERYTHING).unwrap();
    // The hash of `canary-password`.
    let users = "ada:$argon2id$v=19$m=64,t=1,p=1$Y2FuYXJ5Y2FuYXJ5$7AVRUeYh913NH1FPE1ccln1GHUqAUhu6fla6vQNVUrk";
    std::fs::write(folder.path().join("users"), users).unwrap();
    let files = ["requests.ndjson", "audit.ndjson"].map(|name| folder.path().join(name));
    let config = format!("config.ron,{}", layer.display());
    for command in [&["config"] as &[&str], &["config", "--format", "json"], &["check"]] {
        let mut shown = palladium(folder.path());
        let output = shown.args(command).args(["--config", &config]).env("CANARY", secret).output().unwrap();
        let printed = [output.stdout, output.stderr].map(|bytes| crate::process::text(&bytes)).concat();
        assert!(output.status.success() && !printed.contains("canary"), "{command:?}: {printed}");
    }
    let service = Guarded::start(folder, &[&layer], &[("CANARY", secret), ("PALLADIUM_LOG", "trace")]);
    let token = Signer::with_secret(
        &json!({"alg": "HS256"}),
        &json!({"iss": "i", "aud": "a", "sub": "ada", "exp": now() + 60, "scope": "predict", "x": "canary"}),
        secret.as_bytes(),
    );
    let tries = [
        service.request("GET", SAMPLE).bearer_auth(&token),
        service.request("GET", SAMPLE).bearer_auth(format!("{token}canary")),
        service.request("GET", &format!("{SAMPLE}&token=canary")).basic_auth("canary", Some("canary")),
        service.request("GET", &format!("/list?key={secret}")),
        service.request("GET", "/list").header("x-api-key", secret),
        service.request("GET", "/list").header("x-api-key", "canary"),
        service.request("GET", "/list?key=canary"),
        service.request("GET", "/alive").bearer_auth("canary"),
        service.request("GET", "/alive").bearer_auth("canary canary"),
        service.request("GET", "/alive").header("cookie", "canary"),
        service.request("GET", "/other?b=canary").basic_auth("ada", Some("canary-password")),
        service.request("GET", "/other?b=canary").basic_auth("ada", Some("canary")),
        service.request("OPTIONS", "/other?b=canary").basic_auth("canary", Some("canary")),
        service.request("GET", "/other").header("x-client", "canary").header("origin", "https://canary"),
        service
            .request("OPTIONS", "/other")
            .header("origin", "https://canary")
            .header("access-control-request-method", "GET")
            .header("access-control-request-headers", "canary"),
    ];
    let mut statuses = Vec::new();
    for request in tries {
        let answer = request.send().unwrap();
        statuses.push(answer.status().as_u16());
        let headers = format!("{:?}", answer.headers());
        let shown = headers + answer.text().unwrap().as_str();
        assert!(!shown.contains("canary") && !shown.contains(&token), "{shown}");
    }
    assert_eq!(statuses, [200, 401, 401, 200, 200, 401, 401, 503, 400, 401, 400, 401, 401, 401, 403]);
    let written = files.map(|file| std::fs::read_to_string(file).unwrap()).concat();
    let log = service.log();
    assert!(log.contains("\"principal\":\"ada\"") && written.contains("\"principal\":\"ada\""), "{log}");
    for text in [&log, &written] {
        assert!(!text.contains("canary") && !text.contains(&token), "{text}");
    }
}
