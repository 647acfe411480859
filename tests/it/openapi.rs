//! The description of a service: a valid document that says what the service does.

use std::path::Path;
use std::sync::Arc;

use serde_json::{Value as Json, json};

use crate::process::{iris, palladium, repository, succeed, text};
use crate::serve::Service;

/// The argon2 hash of `secret`, as in the examples.
pub const HASH: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$cGFsbGFkaXVtLW1hbnVhbA$bP2MnedpyMc7QZlW9p46VglcHSH7bg56I7RVSB/vaDU";

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
pub fn check_valid(document: &Json) {
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
pub fn escaped(key: &str) -> String {
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
pub fn resolved<'a>(document: &'a Json, value: &'a Json) -> &'a Json {
    match value["$ref"].as_str() {
        Some(reference) => document.pointer(reference.strip_prefix('#').unwrap()).unwrap(),
        None => value,
    }
}

pub fn statuses(operation: &Json) -> Vec<&str> {
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

/// How much clients are told about errors depends on who reaches the service.
#[test]
fn what_is_printed_is_what_a_service_without_a_model_publishes() {
    let (folder, files) = folder(&[], "{}");
    let folder = Arc::new(folder);
    let listens = [
        ("127.0.0.1:0", json!(["code", "row", "field", "expected", "got"])),
        ("localhost:0", json!(["code", "row", "field", "expected", "got"])),
        ("0.0.0.0:0", json!(["code", "row", "field"])),
    ];
    for (address, required) in listens {
        std::fs::write(folder.path().join("own.ron"), format!(r#"{{"server": {{"listen": "{address}"}}}}"#)).unwrap();
        let printed = succeed(folder.path(), &["openapi", "--config", &files]);
        let printed: Json = serde_json::from_str(&printed).unwrap();
        assert_eq!(printed["components"]["schemas"]["InputError"]["required"], required, "{address}");
        let service = Service::logged(Arc::clone(&folder), "off", &["--config", &files]);
        let base = service.base.replace("0.0.0.0", "127.0.0.1");
        let published: Json = service.client.get(format!("{base}/openapi.json")).send().unwrap().json().unwrap();
        assert_eq!(printed, published, "{address}");
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
    assert_eq!(statuses(post), ["200", "400", "408", "413", "415", "500", "503"]);
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
        let decorator = |name: &str| format!(r#"{{"!": "{name}", {}}}"#, arguments(name));
        // Scopes are those of somebody.
        let outside = if name.ends_with("RequireScope") { decorator("BasicAuth") } else { String::new() };
        let layer = format!(r#"{{"alive_decorators": [{}, {outside}]}}"#, decorator(name));
        std::fs::write(folder.path().join("own.ron"), layer).unwrap();
        let printed = succeed(folder.path(), &["openapi", "--config", &files]);
        let document: Json = serde_json::from_str(&printed).unwrap();
        check_valid(&document);
        let alive = &document["paths"]["/alive"]["get"];
        assert!(!statuses(alive).contains(&"default"), "{name}");
        let authenticates = ["ApiKey", "BasicAuth", "JWTBearer", "OAuth2Introspection", "RequireScope"];
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
    let allowed = document(&["service/admin.ron"], r#"{"server": {"allow_unauthenticated_admin": true}}"#);
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
    assert_eq!(content["application/json"]["schema"]["additionalProperties"], false, "others are refused");
    let update = &paths["/update-model-cache"]["post"];
    assert_eq!(update["requestBody"], Json::Null);
    assert_eq!(statuses(update), ["200", "400", "403", "408", "413", "415", "500", "503"]);
    assert_eq!(statuses(fit), ["200", "400", "403", "408", "409", "413", "415", "500", "503"]);
    assert_eq!(statuses(&allowed["paths"]["/fit"]["post"]), ["200", "400", "408", "409", "413", "415", "500", "503"]);
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
    assert_eq!(statuses(delete), ["202", "400", "403", "404", "408", "409", "413", "415", "500"]);
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
