//! The answers of a running service, checked by the document that it publishes about itself.

use reqwest::blocking::Response;
use serde_json::{Value as Json, json};

use crate::openapi::{HASH, check_valid, escaped, resolved, service, statuses};
use crate::serve::Service;

/// Checks an answer by what the document says about an operation: the status, the headers that belong to it and the
/// body. Returns the body; lines as a list.
fn check_answer(document: &Json, path: &str, method: &str, answer: Response) -> Json {
    let status = answer.status().as_u16();
    let operation = &document["paths"][path][method];
    let key =
        if operation["responses"][status.to_string()].is_object() { status.to_string() } else { "default".into() };
    let documented = &operation["responses"][&key];
    let what = format!("{method} {path}: {status}");
    assert!(documented.is_object(), "{what} is not documented");
    let headers = documented["headers"].as_object().cloned().unwrap_or_default();
    for (name, header) in &headers {
        let is_required = resolved(document, header)["required"] == true;
        assert!(!is_required || answer.headers().contains_key(name), "{what} lacks {name}");
    }
    for name in answer.headers().keys().map(reqwest::header::HeaderName::as_str) {
        let is_usual = ["connection", "content-length", "content-type", "date", "transfer-encoding"].contains(&name);
        assert!(is_usual || headers.contains_key(name), "{what} has {name}");
    }
    let kind = answer.headers().get("content-type").map_or("", |kind| kind.to_str().unwrap());
    let kind = kind.split(';').next().unwrap().to_owned();
    let text = answer.text().unwrap();
    if documented["content"].is_null() {
        return Json::Null;
    }
    assert!(documented["content"][&kind].is_object(), "{what} is {kind:?}");
    let place = format!("/paths/{}/{method}/responses/{key}/content/{}/schema", escaped(path), escaped(&kind));
    let (place, body) = match kind.as_str() {
        "application/x-ndjson" => {
            let lines: Json = text.lines().map(|line| serde_json::from_str::<Json>(line).unwrap()).collect();
            (format!("{place}/contentSchema"), lines)
        }
        "application/json" => (place, serde_json::from_str(&text).unwrap()),
        _ => return json!(text),
    };
    let (mut schemas, mut compiler) = (boon::Schemas::new(), boon::Compiler::new());
    compiler.set_default_draft(boon::Draft::V2020_12);
    compiler.add_resource("http://test/document.json", document.clone()).unwrap();
    let index = compiler.compile(&format!("http://test/document.json#{place}"), &mut schemas).unwrap();
    let values = if kind.ends_with("ndjson") { body.as_array().unwrap().clone() } else { vec![body.clone()] };
    for value in &values {
        schemas.validate(value, index).unwrap_or_else(|error| panic!("{what}: {error:#}\n{value:#}"));
    }
    body
}

/// A request with the path under which the document has it, and the status of its answer.
struct Asked<'a> {
    path: &'a str,
    /// What stands in the place of the path.
    at: &'a str,
    /// The content type and the body of a POST.
    body: Option<(&'a str, &'a str)>,
    status: u16,
}

fn get<'a>(path: &'a str, at: &'a str, status: u16) -> Asked<'a> {
    Asked { path, at, body: None, status }
}

fn post<'a>(path: &'a str, body: &'a str, status: u16) -> Asked<'a> {
    Asked { path, at: path, body: Some(("application/json", body)), status }
}

/// Sends a request, with what the console wants, and checks the answer.
fn ask(service: &Service, document: &Json, asked: &Asked<'_>) -> Json {
    let Asked { path, at, body, status } = asked;
    let url = format!("{}{at}", service.base);
    let request = match body {
        None => service.client.get(url),
        Some((kind, body)) => service.client.post(url).header("content-type", *kind).body((*body).to_owned()),
    };
    let answer = request.header("x-palladium-console", "1").send().unwrap();
    assert_eq!(answer.status().as_u16(), *status, "{at}: {}", answer.text().unwrap());
    check_answer(document, path, if body.is_some() { "post" } else { "get" }, answer)
}

const ROW: &str = r#"{"sepal length": 6.3, "sepal width": 2.5, "petal length": 4.9, "petal width": 1.5}"#;
/// The query string of the same.
const QUERY: &str = "sepal+length=6.3&sepal+width=2.5&petal+length=4.9&petal+width=1.5";

#[test]
fn predict_services_answer_as_the_document_says() {
    let own = r#"{
        "codes": {"__copy__": "predict_service", "entry_point": "/codes", "errors": "codes"},
        "empty": {
            "__copy__": "predict_service",
            "entry_point": "/empty",
            "model_persister": {"!": "palladium.persistence.File", "path": "${here}/empty-{version}"},
        },
    }"#;
    let options = ["--set", "server.max_rows=2", "--set", "server.max_body=2000"];
    let service = service(&["service/functions.ron"], own, &options);
    let document: Json = service.get("/openapi.json").json().unwrap();
    check_valid(&document);
    let (good, short) = (format!("/predict?{QUERY}"), "/predict?sepal+length=x");
    let (one, three, long) = (format!("[{ROW}]"), format!("[{ROW}, {ROW}, {ROW}]"), " ".repeat(3000));
    let lines = format!("{ROW}\n{{}}\n[1]\n");
    let stream = |path, status| Asked { path, at: path, body: Some(("application/x-ndjson", &lines)), status };
    let (empty, codes) = (format!("/empty?{QUERY}"), "/codes?sepal+length=x");
    let flowers = "/flowers?sl=6.3&sw=2.5&pl=4.9&pw=1.5";
    let french = format!("{flowers}&language=french");
    let text = Asked { body: Some(("text/plain", "a")), ..post("/predict", "", 400) };
    let asked = [
        get("/predict", &good, 200),
        get("/predict", short, 400),
        post("/predict", &one, 200),
        post("/predict", "[]", 200),
        post("/predict", "[{}, 1]", 400),
        post("/predict", "{", 400),
        text,
        post("/predict", &three, 413),
        post("/predict", &long, 413),
        stream("/predict", 200),
        get("/codes", codes, 400),
        stream("/codes", 200),
        get("/empty", &empty, 503),
        stream("/empty", 503),
        get("/flowers", flowers, 200),
        get("/flowers", &french, 422),
        get("/flowers", "/flowers", 400),
        post("/flowers", r#"[{"sl": 6.3, "sw": 2.5, "pl": 4.9, "pw": 1.5}]"#, 200),
        post("/flowers", "[", 400),
    ];
    for asked in &asked {
        ask(&service, &document, asked);
    }
    let answered = ask(&service, &document, &stream("/predict", 200));
    assert_eq!((&answered[0]["result"], &answered[2]["row"]), (&json!("Iris-versicolor"), &json!(3)));
    assert!(answered[1]["error_count"].is_number(), "{answered}");

    let schema = |path: &str, status: &str| {
        let content = &document["paths"][path]["get"]["responses"][status]["content"]["application/json"];
        resolved(&document, &content["schema"]).clone()
    };
    let field = |schema: &Json, name: &str| {
        let metadata = resolved(&document, &schema["properties"]["metadata"]);
        resolved(&document, &metadata["properties"][name]).clone()
    };
    assert_eq!(field(&schema("/predict", "200"), "model_version")["type"], "integer");
    for (path, required) in
        [("/predict", json!(["code", "row", "field", "expected", "got"])), ("/codes", json!(["code", "row", "field"]))]
    {
        let errors = field(&schema(path, "400"), "errors");
        let item = resolved(&document, &errors["items"]);
        assert_eq!(item["required"], required, "{path}");
        assert_eq!(item["properties"]["expected"].is_object(), path == "/predict");
        assert!(field(&schema(path, "400"), "error_count").is_object());
    }
    let functions = &document["paths"]["/flowers"]["get"];
    assert_eq!(statuses(functions), ["200", "400", "500", "503", "default"]);
    let result = schema("/flowers", "default");
    let result = resolved(&document, &result["anyOf"][0])["properties"]["result"].clone();
    assert_eq!(result, json!({}), "a function may answer anything");
}

#[test]
fn the_open_inference_protocol_answers_as_the_document_says() {
    let own = format!(
        r#"{{
            "predict_decorators": [{{"!": "palladium.decorators.BasicAuth", "users": {{"admin": "{HASH}"}}}}],
            "open": {{"__copy__": "predict_service", "entry_point": "/open", "decorator_list_name": "none"}},
            "open_inference": {{"!": "palladium.server.OpenInference", "names": {{"iris": "predict_service", "a/b": "open"}}}},
        }}"#
    );
    let limits = ["--set", "server.max_rows=2", "--set", "server.max_body=2000", "--set", "server.max_head=9000"];
    let service = service(&[], &own, &limits);
    let document: Json = service.get("/openapi.json").json().unwrap();
    check_valid(&document);
    let paths = &document["paths"];
    let of_iris = &paths["/v2/models/iris/infer"]["post"];
    let of_open = &paths["/v2/models/a%2Fb/infer"]["post"];
    assert_eq!(of_iris["security"], json!([{"basic": []}]));
    assert_eq!(paths["/v2/models/iris/versions/{version}/infer"]["post"]["security"], json!([{"basic": []}]));
    assert_eq!((&of_open["security"], &paths["/v2/models/{name}"]["get"]["security"]), (&Json::Null, &Json::Null));
    assert_eq!(statuses(of_iris), ["200", "400", "401", "408", "413", "415", "500", "503"]);
    assert_eq!(statuses(of_open), ["200", "400", "408", "413", "415", "500", "503"]);
    assert_eq!(paths["/v2/models/{name}/infer"], Json::Null);
    assert_eq!(paths["/v2/models/{name}"]["get"]["parameters"][0]["schema"]["enum"], json!(["iris", "a/b"]));

    let infer = "/v2/models/a%2Fb/infer";
    let example = of_open["requestBody"]["content"]["application/json"]["example"].to_string();
    let binary = example.replacen('{', r#"{"id": "7", "parameters": {"binary_data_output": true}, "#, 1);
    let rows = r#"{"inputs": [{"name": "x", "shape": [3, 4], "datatype": "FP64", "data": [1,2,3,4,1,2,3,4,1,2,3,4]}]}"#;
    let long = " ".repeat(3000);
    let asked = [
        get("/v2", "/v2", 200),
        get("/v2/health/live", "/v2/health/live", 200),
        get("/v2/health/ready", "/v2/health/ready", 200),
        post("/v2/repository/index", r#"{"ready": true}"#, 200),
        post("/v2/repository/index", "[", 400),
        get("/v2/models/{name}", "/v2/models/iris", 200),
        get("/v2/models/{name}", "/v2/models/rose", 404),
        get("/v2/models/{name}/ready", "/v2/models/iris/ready", 200),
        get("/v2/models/{name}/versions/{version}", "/v2/models/iris/versions/1", 200),
        get("/v2/models/{name}/versions/{version}/ready", "/v2/models/iris/versions/9", 404),
        get("/v2/models/{name}/versions/{version}/ready", "/v2/models/iris/versions/1/ready", 200),
        post("/v2/models/iris/infer", &example, 401),
        post(infer, &example, 200),
        post(infer, &binary, 200),
        post(infer, "{}", 400),
        post(infer, rows, 413),
        post(infer, &long, 413),
        Asked { body: Some(("text/plain", "a")), ..post(infer, "", 415) },
        Asked {
            at: "/v2/models/a%2Fb/versions/1/infer",
            ..post("/v2/models/a%2Fb/versions/{version}/infer", &example, 200)
        },
        Asked {
            at: "/v2/models/a%2Fb/versions/9/infer",
            ..post("/v2/models/a%2Fb/versions/{version}/infer", &example, 404)
        },
    ];
    for asked in &asked {
        ask(&service, &document, asked);
    }
    let answered = ask(&service, &document, &post(infer, &example, 200));
    assert_eq!(answered["outputs"][0]["data"][0], "Iris-versicolor");

    let wide = service.client.get(format!("{}/v2", service.base)).header("x-wide", "a".repeat(10_000));
    let wide = wide.send().unwrap();
    assert_eq!(wide.status(), 431);
    assert!(document["components"]["responses"]["HeadTooLarge"].is_object());
    assert!(wide.json::<Json>().unwrap()["error"].as_str().unwrap().contains("the head of the request"));
}

#[test]
fn the_document_and_its_page_are_described() {
    let own = format!(
        r#"{{"docs_decorators": [
            {{"!": "palladium.decorators.BasicAuth", "users": {{"admin": "{HASH}"}}}},
            {{"!": "palladium.decorators.Cors", "origins": "https://a.example.com", "credentials": true, "expose": ["etag"]}},
        ]}}"#
    );
    let service = service(&[], &own, &[]);
    let get = |path: &str, password| {
        let request = service.client.get(format!("{}{path}", service.base)).header("origin", "https://a.example.com");
        request.header("accept-encoding", "gzip").basic_auth("admin", Some(password))
    };
    let document: Json = get("/openapi.json", "secret").send().unwrap().json().unwrap();
    check_valid(&document);
    let files = ["swagger-ui.css", "swagger-ui-bundle.js", "docs.js", "swagger-ui-bundle.js.LICENSE.txt", "absent"];
    let files = files.map(|file| ("/docs/{file}", format!("/docs/{file}")));
    let others = ["/openapi.json", "/docs"].map(|path| (path, path.to_owned()));
    for (path, at) in others.into_iter().chain(files) {
        let answer = get(&at, "secret").send().unwrap();
        assert_eq!(answer.status().as_u16(), if at.ends_with("absent") { 404 } else { 200 }, "{at}");
        let tag = answer.headers().get("etag").cloned();
        check_answer(&document, path, "get", answer);
        if let Some(tag) = tag {
            let answer = get(&at, "secret").header("if-none-match", tag).send().unwrap();
            assert_eq!(answer.status(), 304);
            check_answer(&document, path, "get", answer);
        }
        let answer = get(&at, "wrong").send().unwrap();
        assert_eq!(
            (answer.status().as_u16(), answer.headers().contains_key("access-control-expose-headers")),
            (401, true)
        );
        check_answer(&document, path, "get", answer);
    }
    assert!(document["paths"]["/docs/{file}"]["get"]["responses"]["200"]["content"]["text/css"].is_object());
}

#[test]
fn the_console_answers_as_the_document_says() {
    let own = format!(
        r#"{{
            "console": {{"!": "palladium.console.Console"}},
            "jobs_decorators": [{{"!": "palladium.decorators.BasicAuth", "users": {{"admin": "{HASH}"}}}}],
        }}"#
    );
    let service = service(&[], &own, &[]);
    let document: Json = service.get("/openapi.json").json().unwrap();
    check_valid(&document);
    let operation = |path: &str, method: &str| &document["paths"][format!("/console{path}")][method];
    for (path, method, is_guarded) in [
        ("", "get", false),
        ("/api/models", "get", false),
        ("/api/jobs", "get", true),
        ("/api/cancel", "post", true),
        ("/api/fit", "post", false),
    ] {
        let operation = operation(path, method);
        assert_eq!(operation["tags"], json!(["Console"]), "{path}");
        assert_eq!(operation["security"].is_array(), is_guarded, "{path}");
        assert_eq!(statuses(operation).contains(&"401"), is_guarded, "{path}");
    }
    let options = &operation("/api/fit", "post")["requestBody"]["content"];
    assert_eq!(options.as_object().unwrap().keys().collect::<Vec<_>>(), ["application/json"]);
    assert!(options["application/json"]["schema"]["properties"]["persist_if_better_than"].is_object());
    let wrong_type = |path| Asked { body: Some(("text/plain", "{}")), ..post(path, "", 415) };
    let asked = [
        get("/console", "/console", 200),
        get("/console/console.css", "/console/console.css", 200),
        get("/console/console.js", "/console/console.js", 200),
        get("/console/icon.svg", "/console/icon.svg", 200),
        get("/console/api/service", "/console/api/service", 200),
        get("/console/api/models", "/console/api/models", 200),
        get("/console/api/model", "/console/api/model?store=model_persister&version=1", 200),
        get("/console/api/model", "/console/api/model?store=model_persister&version=9", 404),
        get("/console/api/model", "/console/api/model", 400),
        get("/console/api/jobs", "/console/api/jobs", 401),
        get("/console/api/traffic", "/console/api/traffic?minutes=5", 200),
        post("/console/api/activate", r#"{"version": 1, "active": 1}"#, 200),
        post("/console/api/activate", r#"{"version": 1, "active": null}"#, 409),
        post("/console/api/activate", r#"{"version": 9}"#, 404),
        post("/console/api/activate", "[", 400),
        wrong_type("/console/api/activate"),
        post("/console/api/cancel", r#"{"id": "a"}"#, 401),
        post("/console/api/cancel", "{}", 400),
        post("/console/api/fit", r#"{"persist": "perhaps"}"#, 400),
        post("/console/api/fit", r#"{"persist": false}"#, 200),
        wrong_type("/console/api/refresh"),
    ];
    for asked in &asked {
        ask(&service, &document, asked);
    }
    let strange = service.client.post(format!("{}/console/api/fit", service.base));
    let strange = strange.header("content-type", "application/json").body("{}").send().unwrap();
    assert_eq!(strange.status(), 403);
    check_answer(&document, "/console/api/fit", "post", strange);
}
