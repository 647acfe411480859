//! The description of a service: a valid document that says what the service does.

use std::path::Path;
use std::sync::Arc;

use reqwest::blocking::Response;
use serde_json::{Value as Json, json};

use crate::process::{iris, palladium, repository, succeed, text};
use crate::serve::Service;

/// Returns a folder with the iris example, further layers of `configs`, and one that is given as text.
fn folder(layers: &[&str], own: &str) -> (tempfile::TempDir, String) {
    let folder = iris();
    let mut files = vec!["config.ron".to_owned()];
    for layer in layers {
        let path = repository().join("configs").join(layer);
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        std::fs::copy(&path, folder.path().join(&name)).unwrap();
        files.push(name);
    }
    std::fs::write(folder.path().join("own.ron"), own).unwrap();
    files.push("own.ron".to_owned());
    (folder, files.join(","))
}

/// Starts the iris service with a fitted model and further layers.
pub fn service(layers: &[&str], own: &str, options: &[&str]) -> Service {
    let (folder, files) = folder(layers, own);
    succeed(folder.path(), &["fit", "--config", "config.ron"]);
    Service::start_with(Arc::new(folder), &[&["--config", &files], options].concat())
}

/// Returns the document that is printed without serving.
fn document(layers: &[&str], own: &str) -> Json {
    let (folder, files) = folder(layers, own);
    serde_json::from_str(&succeed(folder.path(), &["openapi", "--config", &files])).unwrap()
}

/// Returns what is wrong with a command line.
fn fail(folder: &Path, arguments: &[&str]) -> String {
    let output = palladium(folder).args(arguments).output().unwrap();
    assert!(!output.status.success(), "{arguments:?}");
    format!("{}{}", text(&output.stdout), text(&output.stderr))
}

/// Checks a document by the schema that the OpenAPI Initiative publishes for 3.1, and its schemas by that of JSON Schema.
fn check_valid(document: &Json) {
    let meta = std::fs::read_to_string(repository().join("tests/fixtures/openapi-3.1.schema.json")).unwrap();
    let (mut schemas, mut compiler) = (boon::Schemas::new(), boon::Compiler::new());
    compiler.set_default_draft(boon::Draft::V2020_12);
    compiler.add_resource("http://test/meta.json", serde_json::from_str(&meta).unwrap()).unwrap();
    compiler.add_resource("http://test/document.json", document.clone()).unwrap();
    let index = compiler.compile("http://test/meta.json", &mut schemas).unwrap();
    schemas.validate(document, index).unwrap_or_else(|error| panic!("{error:#}\n{document:#}"));
    let mut places = Vec::new();
    schemas_in(document, "", &mut places);
    assert!(places.len() > 10);
    for place in places {
        let compiled = compiler.compile(&format!("http://test/document.json#{place}"), &mut schemas);
        compiled.unwrap_or_else(|error| panic!("{place}: {error:#}"));
    }
}

/// Returns a key as it stands in the fragment of an address.
fn escaped(key: &str) -> String {
    let key = key.replace('~', "~0").replace('/', "~1");
    key.replace('%', "%25").replace('{', "%7B").replace('}', "%7D")
}

/// Collects the places of the schemas of a document.
fn schemas_in(value: &Json, place: &str, found: &mut Vec<String>) {
    match value {
        Json::Object(entries) => {
            for (key, entry) in entries {
                let below = format!("{place}/{}", escaped(key));
                let is_named = place == "/components/schemas";
                if key == "schema" || is_named { found.push(below) } else { schemas_in(entry, &below, found) }
            }
        }
        Json::Array(items) => {
            items.iter().enumerate().for_each(|(index, item)| schemas_in(item, &format!("{place}/{index}"), found));
        }
        _ => {}
    }
}

/// Follows a reference.
fn resolved<'a>(document: &'a Json, value: &'a Json) -> &'a Json {
    match value["$ref"].as_str() {
        Some(reference) => document.pointer(reference.strip_prefix('#').unwrap()).unwrap(),
        None => value,
    }
}

fn statuses(operation: &Json) -> Vec<&str> {
    operation["responses"].as_object().unwrap().keys().map(String::as_str).collect()
}

#[test]
fn documents_are_valid_and_have_every_route() {
    let layers = ["service/docs.ron", "service/admin.ron", "service/metrics.ron", "service/console.ron"];
    let auth = ["auth/basic.ron", "auth/api_key.ron", "auth/jwt.ron", "auth/oauth2.ron"];
    for layer in [&[] as &[&str], &layers[..1], &layers[1..]].into_iter().chain(auth.iter().map(std::slice::from_ref)) {
        let printed = document(layer, "{}");
        check_valid(&printed);
        let (folder, files) = folder(layer, "{}");
        let checked = succeed(folder.path(), &["check", "--routes", "--format", "json", "--config", &files]);
        let checked: Json = serde_json::from_str(&checked).unwrap();
        let routes = checked["routes"].as_array().unwrap().iter();
        let routes: Vec<String> =
            routes.map(|route| route["path"].as_str().unwrap().replace('<', "{").replace('>', "}")).collect();
        let paths: Vec<&String> = printed["paths"].as_object().unwrap().keys().collect();
        assert_eq!(paths, routes.iter().collect::<Vec<_>>());
        for path in ["/alive", "/predict", "/openapi.json", "/docs/{file}"] {
            assert!(routes.iter().any(|route| route == path), "{path}");
        }
    }
}

#[test]
fn predictions_are_described_by_the_mapping() {
    let own = r#"{
        "predict_service": {
            "__copy__": "predict_service",
            "entry_point": "/v1/iris-species",
            "mapping": [["a", "float"], ["b", "int"], ["c", "bool"], ["d", "str"]],
            "params": [["threshold", "float"]],
            "sample": None,
        },
        "probabilities": {
            "!": "palladium.server.PredictService",
            "entry_point": "/probabilities",
            "mapping": [["sepal length", "float"]],
            "predict_proba": true,
            "sample": {"sepal length": 6.5},
        },
    }"#;
    let document = document(&[], own);
    check_valid(&document);
    let get = &document["paths"]["/v1/iris-species"]["get"];
    let parameters: Vec<_> = get["parameters"].as_array().unwrap().iter().collect();
    let shown: Vec<_> = parameters
        .iter()
        .map(|given| (given["name"].as_str().unwrap(), given["required"].as_bool().unwrap(), &given["schema"]["type"]))
        .collect();
    let expected = [
        ("a", true, &json!("number")),
        ("b", true, &json!("integer")),
        ("c", true, &json!("boolean")),
        ("d", true, &json!("string")),
        ("threshold", false, &json!("number")),
    ];
    assert_eq!(shown, expected);
    let post = &document["paths"]["/v1/iris-species"]["post"];
    assert_eq!(post["parameters"].as_array().unwrap().len(), 1);
    let body = &post["requestBody"]["content"]["application/json"];
    let item = resolved(&document, &body["schema"]["items"]);
    assert_eq!(item["required"], json!(["a", "b", "c", "d"]));
    assert_eq!(item["properties"]["b"]["format"], "int64");
    assert_eq!(body["example"], json!([{"a": 1.5, "b": 1, "c": true, "d": "text"}]));
    assert_eq!(statuses(post), ["200", "400", "408", "413", "500", "503"]);
    assert_eq!(statuses(get), ["200", "400", "500", "503"]);
    let lines = &post["requestBody"]["content"]["application/x-ndjson"];
    assert_eq!(lines["schema"]["contentSchema"], body["schema"]["items"]);
    let line = r#"{"a":1.5,"b":1,"c":true,"d":"text"}"#;
    assert_eq!(lines["example"], format!("{line}\n{line}\n"));
    for (operation, status, is_named) in
        [(get, "200", true), (get, "400", true), (post, "413", true), (post, "503", true), (post, "408", false)]
    {
        let header = resolved(&document, &operation["responses"][status]["headers"]["x-model-version"]);
        assert_eq!(header.is_object(), is_named, "{status}: {header}");
    }

    let answer = |path: &str, method: &str| {
        let content = &document["paths"][path][method]["responses"]["200"]["content"]["application/json"];
        resolved(&document, &content["schema"])["properties"].clone()
    };
    let any = json!(["boolean", "null", "number", "string"]);
    assert_eq!(answer("/v1/iris-species", "get")["result"]["type"], any);
    assert_eq!(answer("/v1/iris-species", "post")["result"]["items"]["type"], any);
    assert_eq!(answer("/probabilities", "get")["result"]["items"]["type"], json!(["number", "null"]));
    let metadata = answer("/probabilities", "get")["metadata"].clone();
    let metadata = resolved(&document, &metadata);
    assert_eq!(metadata["properties"]["service_name"], json!({"type": "string", "examples": ["iris"]}));
    let sample = &document["paths"]["/probabilities"]["post"]["requestBody"]["content"]["application/json"]["example"];
    assert_eq!(*sample, json!([{"sepal length": 6.5}]));
    assert_eq!(document["paths"]["/probabilities"]["get"]["parameters"][0]["example"], 6.5);
}

#[test]
fn samples_fit_their_mapping() {
    for (sample, said) in [
        (r#"{"a": 1.5}"#, "`sample` lacks `b` of the mapping"),
        (r#"{"a": "x", "b": 1}"#, "`sample`: `a` has to be a number"),
        (r#"{"a": 1, "b": 1.5}"#, "`sample`: `b` has to be a whole number"),
        (r#"{"a": 1, "b": 1, "c": 1}"#, "`sample` has `c`, which the mapping does not name"),
        ("[1, 2]", "has to be a map of (a number or text or a flag)"),
    ] {
        let service = format!(
            r#"{{"predict_service": {{
                "!": "palladium.server.PredictService", "mapping": [["a", "float"], ["b", "int"]], "sample": {sample},
            }}}}"#
        );
        let (folder, files) = folder(&[], &service);
        let found = fail(folder.path(), &["check", "--config", &files]);
        assert!(found.contains(said), "{sample}: {found}");
    }
}

#[test]
fn decorators_say_how_to_prove_who_calls() {
    let basic = document(&["auth/basic.ron"], "{}");
    let get = &basic["paths"]["/predict"]["get"];
    assert_eq!(get["security"], json!([{"basic": []}]));
    assert_eq!(statuses(get), ["200", "400", "401", "429", "500", "503"]);
    let schemes = &basic["components"]["securitySchemes"];
    assert_eq!(*schemes, json!({"basic": {"type": "http", "scheme": "basic", "description": "User and password."}}));
    let header = |status: &str, name: &str| resolved(&basic, &get["responses"][status]["headers"][name]).clone();
    assert_eq!(header("401", "www-authenticate")["required"], true);
    assert!(get["responses"]["401"]["content"]["text/plain"].is_object());
    assert_eq!(header("429", "retry-after")["required"], true);
    assert_eq!(header("200", "ratelimit-remaining")["schema"]["type"], "integer");
    assert_eq!(basic["paths"]["/list"]["get"]["security"], Json::Null);

    let key = document(&["auth/api_key.ron"], "{}");
    assert_eq!(key["paths"]["/predict"]["post"]["security"], json!([{"apiKey": []}]));
    let scheme = &key["components"]["securitySchemes"]["apiKey"];
    assert_eq!((&scheme["in"], &scheme["name"]), (&json!("header"), &json!("x-api-key")));

    let jwt = document(&["auth/jwt.ron"], "{}");
    assert_eq!(jwt["paths"]["/predict"]["get"]["security"], json!([{"jwt": ["predict"]}]));
    assert_eq!(jwt["components"]["securitySchemes"]["jwt"]["bearerFormat"], "JWT");
    assert!(statuses(&jwt["paths"]["/predict"]["get"]).contains(&"403"));

    let oauth2 = document(&["auth/oauth2.ron"], "{}");
    assert_eq!(oauth2["components"]["securitySchemes"]["oauth2"]["scheme"], "bearer");

    let docs = document(&["service/docs.ron"], "{}");
    for path in ["/openapi.json", "/docs", "/docs/{file}"] {
        assert_eq!(docs["paths"][path]["get"]["security"], json!([{"basic": []}]), "{path}");
    }
    check_valid(&docs);
}

#[test]
fn every_decorator_of_views_says_what_it_does() {
    let (folder, files) = folder(&[], "{}");
    let catalogue: Json = serde_json::from_str(&succeed(folder.path(), &["components", "--format", "json"])).unwrap();
    let decorators: Vec<&str> = catalogue["components"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|component| component["kind"] == "decorator")
        .map(|component| component["name"].as_str().unwrap())
        .collect();
    assert!(decorators.len() >= 13, "{decorators:?}");
    let arguments = |name: &str| match name.rsplit('.').next().unwrap() {
        "ApiKey" => format!(r#""api_keys": {{"a": "sha256:{}"}}, "query_parameter": "key""#, "0".repeat(64)),
        "AuditLog" | "RequestLog" => r#""path": "${here}/log.ndjson""#.to_owned(),
        "BasicAuth" => r#""users_file": "${here}/users""#.to_owned(),
        "ConcurrencyLimit" => r#""max": 2"#.to_owned(),
        "Cors" => r#""origins": "https://a.example.com""#.to_owned(),
        "JWTBearer" => {
            r#""issuer": "https://a.example.com", "audience": "a", "jwks_url": "https://a.example.com/keys""#.to_owned()
        }
        "OAuth2Introspection" => {
            r#""endpoint": "https://a.example.com/", "client_id": "a", "client_secret": "b""#.to_owned()
        }
        "RateLimit" => r#""per_second": 2"#.to_owned(),
        "RequireScope" => r#""all_of": "a""#.to_owned(),
        _ => String::new(),
    };
    for name in decorators {
        let layer = format!(r#"{{"alive_decorators": [{{"!": "{name}", {}}}]}}"#, arguments(name));
        std::fs::write(folder.path().join("own.ron"), layer).unwrap();
        let printed = succeed(folder.path(), &["openapi", "--config", &files]);
        let document: Json = serde_json::from_str(&printed).unwrap();
        check_valid(&document);
        let alive = &document["paths"]["/alive"]["get"];
        assert!(!statuses(alive).contains(&"default"), "{name}");
        let authenticates = ["ApiKey", "BasicAuth", "JWTBearer", "OAuth2Introspection"];
        let authenticates = authenticates.iter().any(|known| name.ends_with(known));
        assert_eq!(alive["security"].is_array(), authenticates, "{name}");
    }
}

#[test]
fn views_say_what_they_take() {
    let own = r#"{
        "other": [
            {
                "!": "palladium.server.add_url_rule",
                "rule": "/activate/<model_version>",
                "view_func": "palladium.server.activate",
                "methods": ["PUT"],
            },
            {"!": "palladium.server.add_url_rule", "rule": "/look", "view_func": "palladium.server.fit"},
        ],
    }"#;
    let document = document(&["service/admin.ron", "service/metrics.ron"], own);
    check_valid(&document);
    let paths = &document["paths"];
    let fit = &paths["/fit"]["post"];
    let content = &fit["requestBody"]["content"];
    let names = |schema: &Json| schema["properties"].as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    for kind in ["application/json", "application/x-www-form-urlencoded"] {
        let names = names(&content[kind]["schema"]);
        assert_eq!(names, ["persist", "activate", "evaluate", "persist_if_better_than"], "{kind}");
    }
    assert_eq!(content["application/json"]["schema"]["properties"]["evaluate"]["default"], false);
    assert_eq!(statuses(fit), ["200", "400", "408", "409", "413", "500", "503"]);
    assert_eq!(fit["requestBody"]["required"], false);
    let query: Vec<_> = paths["/look"]["get"]["parameters"].as_array().unwrap().iter().collect();
    assert_eq!((query.len(), &query[0]["in"]), (4, &json!("query")));

    assert_eq!(paths["/activate"]["post"]["requestBody"]["required"], true);
    let put = &paths["/activate/{model_version}"]["put"];
    assert_eq!(put["requestBody"], Json::Null);
    let part = &put["parameters"][0];
    assert_eq!((&part["in"], &part["required"]), (&json!("path"), &json!(true)));
    assert_eq!(part["schema"]["type"], "integer");

    let delete = &paths["/jobs/{id}"]["delete"];
    assert_eq!(statuses(delete), ["202", "400", "404", "408", "409", "413", "500"]);
    assert_eq!(
        resolved(&document, &delete["responses"]["202"]["content"]["application/json"]["schema"])["title"],
        "Job"
    );
    assert_eq!(paths["/jobs"]["get"]["parameters"][0]["required"], false);
    assert!(paths["/metrics"]["get"]["responses"]["200"]["content"]["text/plain"].is_object());
    assert!(statuses(&paths["/alive"]["get"]).contains(&"503"), "the iris example requires a model");
    let groups = json!(["Predictions", "State", "Administration", "Documentation"].map(|name| json!({"name": name})));
    assert_eq!(document["tags"], groups);
    let ids = paths.as_object().unwrap().values().flat_map(|item| item.as_object().unwrap().values());
    let mut ids: Vec<&str> = ids.map(|operation| operation["operationId"].as_str().unwrap()).collect();
    let count = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), count);
}

#[test]
fn functions_may_answer_anything() {
    let folder = iris();
    let layer = r##"#{
        "hello": #{
            "!": "palladium.server.add_url_rule",
            "rule": "/hello/<name>",
            "view_func": |request| #{ body: `Hello, ${request.parts.name}!` },
        },
        "list_decorators": [|wrapped| wrapped.proceed()],
    }"##;
    std::fs::write(folder.path().join("own.rhai"), layer).unwrap();
    let printed = succeed(folder.path(), &["openapi", "--config", "config.ron,own.rhai"]);
    let document: Json = serde_json::from_str(&printed).unwrap();
    check_valid(&document);
    let hello = &document["paths"]["/hello/{name}"]["get"];
    assert_eq!(statuses(hello), ["default"]);
    assert_eq!(hello["parameters"][0]["name"], "name");
    assert!(statuses(&document["paths"]["/list"]["get"]).contains(&"default"));
}

#[test]
fn the_document_says_what_the_configuration_calls_the_service() {
    let plain = document(&[], "{}");
    assert_eq!((&plain["info"]["title"], &plain["info"]["version"]), (&json!("iris"), &json!("0.1")));
    assert_eq!(plain["servers"], Json::Null);
    let own = r#"{
        "docs": {
            "!": "palladium.openapi.Docs",
            "rule": "/api/description.json",
            "docs_rule": None,
            "title": "Flowers",
            "version": "7",
            "description": "Tells *flowers* apart.",
            "root_path": "/iris",
        },
    }"#;
    let named = document(&[], own);
    check_valid(&named);
    assert_eq!((&named["info"]["title"], &named["info"]["version"]), (&json!("Flowers"), &json!("7")));
    assert!(named["info"]["description"].as_str().unwrap().starts_with("Tells *flowers* apart."));
    assert_eq!(named["servers"], json!([{"url": "/iris"}]));
    let paths: Vec<_> = named["paths"].as_object().unwrap().keys().collect();
    assert_eq!(paths, ["/alive", "/list", "/live", "/ready", "/predict", "/api/description.json"]);

    for (argument, said) in [
        (r#""rule": "openapi.json""#, "a path begins with `/`"),
        (r#""docs_rule": "/openapi.json""#, "cannot have the same path"),
        (r#""docs_rule": "/<a>""#, "holds '<'"),
        (r#""root_path": "//evil.example.com""#, "an empty segment"),
        (r#""rule": "/predict""#, "is the entry point of a predict service"),
    ] {
        let own = format!(r#"{{"docs": {{"!": "palladium.openapi.Docs", {argument}}}}}"#);
        let (folder, files) = folder(&[], &own);
        let found = fail(folder.path(), &["check", "--config", &files]);
        assert!(found.contains(said), "{argument}: {found}");
    }
    let (folder, files) = folder(&[], r#"{"docs": None}"#);
    let found = fail(folder.path(), &["openapi", "--config", &files]);
    assert!(found.contains("no entry of the configuration describes the service"), "{found}");
}

#[test]
fn a_running_service_shows_the_classes_of_its_model() {
    let service = service(&["service/docs.ron"], "{}", &[]);
    assert_eq!(service.get("/openapi.json").status(), 401);
    for path in ["/docs", "/docs/docs.js"] {
        assert_eq!(service.get(path).status(), 401, "{path}");
    }
    let get = |path: &str| {
        let request = service.client.get(format!("{}{path}", service.base)).basic_auth("admin", Some("secret"));
        request.send().unwrap()
    };
    let response = get("/openapi.json");
    assert_eq!(response.headers()["content-type"], "application/json; charset=utf-8");
    let document: Json = response.json().unwrap();
    check_valid(&document);
    assert_eq!(document["info"]["title"], "Species of iris");
    let schema = &document["components"]["schemas"]["PredictAnswer"]["properties"]["result"];
    let labels = json!(["Iris-setosa", "Iris-versicolor", "Iris-virginica"]);
    assert_eq!((&schema["type"], &schema["examples"]), (&json!("string"), &labels));
    let page = get("/docs");
    let policy = page.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert!(policy.starts_with("default-src 'none'; script-src 'self';") && !policy.contains("unsafe"), "{policy}");
    let page = page.text().unwrap();
    assert!(page.contains("data-document=\"./openapi.json\""), "{page}");
    assert_eq!(get("/docs/swagger-ui.css").headers()["content-type"], "text/css; charset=utf-8");
    assert_eq!(get("/docs/nothing.js").status(), 404);
}

/// The argon2 hash of `secret`, as in the examples.
pub const HASH: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$cGFsbGFkaXVtLW1hbnVhbA$bP2MnedpyMc7QZlW9p46VglcHSH7bg56I7RVSB/vaDU";

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
        let is_known = headers.contains_key(name) || !["x-", "retry-"].iter().any(|start| name.starts_with(start));
        assert!(is_known || name == "x-content-type-options", "{what} has {name}");
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
