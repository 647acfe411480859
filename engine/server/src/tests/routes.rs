//! Paths, methods, and tables that cannot be.

use std::sync::Arc;

use palladium_component::prelude::*;
use palladium_runtime::App;
use serde_json::json;

use super::support::*;
use crate::routes::Routes;
use crate::{ServeError, ServeOptions, check_routes, route_table, serve};

#[test]
fn unknown_paths_and_methods_are_refused_in_json() {
    let running = standard();
    let cases = [
        ("GET", "/nothing", 404, "there is nothing at \"/nothing\"", None),
        ("POST", "/", 404, "there is nothing at \"/\"", None),
        ("GET", "/predict/", 404, "there is nothing at \"/predict/\"", None),
        ("POST", "/alive", 405, "the method is not allowed here, GET, HEAD, OPTIONS are", Some("GET, HEAD, OPTIONS")),
        ("DELETE", "/list", 405, "the method is not allowed here, GET, HEAD, OPTIONS are", Some("GET, HEAD, OPTIONS")),
        (
            "PUT",
            "/predict",
            405,
            "the method is not allowed here, GET, HEAD, OPTIONS, POST are",
            Some("GET, HEAD, OPTIONS, POST"),
        ),
    ];
    for (method, target, status, message, allow) in cases {
        let response = running.client().request(method, target, &[], "");
        let json = response.json();
        assert_eq!(response.status, status, "{method} {target}");
        assert_eq!(json["status"], json!("ERROR"));
        assert_eq!(json["error_code"], json!(-1));
        assert_eq!(json["error_message"], json!(message));
        assert_eq!(json.get("metadata").is_some(), target == "/predict", "{method} {target}");
        assert_eq!(response.headers.get("allow").map(String::as_str), allow, "{method} {target}");
        assert!(response.headers.contains_key("x-request-id"));
    }
    let options = running.client().request("OPTIONS", "/predict", &[], "");
    assert_eq!((options.status, options.headers["allow"].as_str()), (200, "GET, HEAD, OPTIONS, POST"));
}

#[test]
fn head_is_get_without_a_body() {
    let running = standard();
    let mut client = running.client();
    for target in ["/predict", "/predict?do=bad", "/list", "/nothing"] {
        let get = client.request("GET", target, &[("x-request-id", "a")], "");
        let head = client.request("HEAD", target, &[("x-request-id", "a")], "");
        assert_eq!((head.status, &head.headers["content-length"]), (get.status, &get.headers["content-length"]));
    }
    assert_eq!(client.request("HEAD", "/alive", &[], "").status, 200);
}

#[test]
fn lists_models() {
    let running = standard();
    let expected = json!({"models": [{"version": 1}], "properties": {"active-model": "1"}, "sizes": {"1": 384}});
    assert_eq!(running.get("/list").json(), expected);
    for reads in [Reads::Fails, Reads::Panics] {
        let running = Running::start(app(Puppet::at("/predict"), &Store::new(reads), &json!({})), options());
        let response = running.client().request("GET", "/list", &[("x-request-id", "abc")], "");
        let expected = json!({
            "status": "ERROR", "error_code": -1, "error_message": "the models cannot be listed, request id abc"
        });
        assert_eq!((response.status, response.json()), (503, expected));
    }
    let running = Running::start(App::of_components(Vec::new(), Vec::new()), options());
    assert_eq!(running.get("/list").status, 503);
    assert_eq!(running.get("/alive").status, 200);
    assert_eq!(running.get("/predict").status, 404);
}

fn puppet(path: &str) -> Component {
    Component::PredictService(Arc::new(Puppet::at(path)))
}

#[test]
fn tables_that_cannot_be() {
    let store = || ("model_persister", Component::Persister(Store::new(Reads::Empty)));
    let json = |key: &'static str, json| vec![(key, value(&json))];
    let fine = App::of_components(vec![store(), ("a", puppet("/a")), ("b", puppet("/b"))], Vec::new());
    assert!(check_routes(&fine).is_empty());
    let cases = [
        (
            vec![store(), ("a", puppet("/a")), ("b", puppet("/a")), ("c", puppet("/a"))],
            Vec::new(),
            vec![
                (Code::RouteConflict, "two predict services have the entry point `/a`"),
                (Code::RouteConflict, "two predict services have the entry point `/a`"),
            ],
        ),
        (
            vec![store(), ("a", puppet("/alive")), ("b", puppet("/list")), ("c", puppet("c"))],
            Vec::new(),
            vec![
                (Code::RouteConflict, "the entry point `/alive` is a route of the server itself"),
                (Code::RouteConflict, "the entry point `/list` is a route of the server itself"),
                (Code::RouteConflict, "a path begins with `/`, the entry point `c` does not"),
            ],
        ),
        (
            vec![("a", puppet("/a"))],
            Vec::new(),
            vec![(Code::MissingKey, "this predict service has no model: there is no `model_persister`")],
        ),
        (
            vec![("a", puppet("/a"))],
            json("model_persister", json!("x")),
            vec![(Code::BadArguments, "the root key `model_persister` has to hold a model persister")],
        ),
        (
            vec![store()],
            json("service_metadata", json!([1])),
            vec![(Code::BadArguments, "the root key `service_metadata` has to hold a map")],
        ),
        (vec![store()], json("alive", json!(1)), vec![(Code::BadArguments, "the root key `alive` has to hold a map")]),
        (
            vec![store()],
            json("alive", json!({"required": [], "process_store_required": ["memory_usage", 5, "model"]})),
            vec![
                (Code::BadArguments, "`alive` has no key `required`"),
                (
                    Code::BadArguments,
                    "`process_store_required` names `memory_usage`, which is a field of every `/alive` response",
                ),
                (Code::BadArguments, "`process_store_required` has to be a list of text"),
            ],
        ),
        (
            vec![store()],
            json("alive", json!({"process_store_required": "model"})),
            vec![(Code::BadArguments, "`process_store_required` has to be a list of text")],
        ),
        (
            vec![store()],
            json(
                "server",
                json!({
                    "keep_job": 1, "keep_jobs": -1, "allow_unauthenticated_admin": "yes", "max_rows": 0,
                    "predict_timeout": "1s",
                }),
            ),
            vec![
                (Code::BadArguments, "`server` has no key `keep_job`"),
                (Code::BadArguments, "`keep_jobs` of `server` has to be a whole number from 0 on"),
                (Code::BadArguments, "`allow_unauthenticated_admin` of `server` has to be true or false"),
                (Code::BadArguments, "`max_rows` of `server` has to be a whole number from 1 on"),
                (Code::BadArguments, "`predict_timeout` of `server` has to be seconds from 0.001 to 86400"),
            ],
        ),
    ];
    for (components, entries, expected) in cases {
        let app = Arc::new(App::of_components(components, entries));
        let findings = check_routes(&app);
        let found: Vec<_> = findings.iter().map(|finding| (finding.code, finding.message.as_str())).collect();
        assert_eq!(found, expected);
        let unready = |_: &crate::Bound| panic!("it must not get ready");
        assert!(matches!(serve(app.into(), &options(), unready), Err(ServeError::Config(_))));
    }
}

#[test]
fn names_that_nobody_has_are_found_and_do_not_stop_the_start() {
    let store = || ("model_persister", Component::Persister(Store::new(Reads::Empty)));
    let required = json!({"process_store_required": ["model", "model_persistr"]});
    let entries = vec![("alive", value(&required))];
    let app = App::of_components(vec![store()], entries);
    let findings = check_routes(&app);
    assert_eq!(findings.iter().map(|finding| finding.code).collect::<Vec<_>>(), [Code::MissingKey]);
    let finding = findings.iter().next().unwrap();
    assert_eq!(finding.labels[0].text, "did you mean `model_persister`?");
    assert!(Routes::of(&app).is_ok());
}

#[test]
fn the_table_names_services_and_persisters() {
    let store = ("model_persister", Component::Persister(Store::new(Reads::Empty)));
    let app = App::of_components(vec![store, ("b", puppet("/b")), ("c", puppet("/b"))], Vec::new());
    let table: Vec<_> = route_table(&app)
        .into_iter()
        .map(|route| (route.path, route.service.map(|key| key.to_string()), route.persister.map(|key| key.to_string())))
        .collect();
    let root = || Some("model_persister".to_owned());
    let own = [("/alive", None, None), ("/list", None, root()), ("/live", None, None), ("/ready", None, None)];
    let expected = own.into_iter().chain([("/b", Some("b".to_owned()), root())]);
    let expected: Vec<_> = expected.map(|(path, service, persister)| (path.to_owned(), service, persister)).collect();
    assert_eq!(table, expected);
}

#[test]
fn a_conflict_shows_both_places() {
    let components = vec![("a", puppet("/a")), ("b", puppet("/a"))];
    let findings = check_routes(&App::of_components(components, Vec::new()));
    let conflict = findings.iter().find(|finding| finding.code == Code::RouteConflict).unwrap();
    assert_eq!(conflict.key_path, Some(KeyPath::parse("b")));
    assert_eq!(conflict.labels.iter().map(|label| label.primary).collect::<Vec<_>>(), [true, false]);
}

#[test]
fn an_address_that_cannot_be_had_is_explained() {
    let running = standard();
    let app = || Arc::new(App::of_components(Vec::new(), Vec::new())).into();
    let unready = |_: &crate::Bound| panic!("it must not get ready");
    let taken = ServeOptions { listen: vec![at(&running.address.to_string())], ..options() };
    let error = serve(app(), &taken, unready).unwrap_err();
    assert_eq!(error.to_string(), format!("cannot listen on {}", running.address));
    assert_eq!(
        error.help().as_deref(),
        Some("another process listens there: stop it or choose another port in `server.listen` or with `--port`")
    );
    // Any port of one address that is also a port of all of them.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    for other in ["localhost", "0.0.0.0"] {
        let twice = [format!("127.0.0.1:{port}"), format!("{other}:{port}")].map(|address| at(&address));
        let error = serve(app(), &ServeOptions { listen: twice.into(), ..options() }, unready).unwrap_err();
        let said = error.to_string();
        assert!(said.contains(&format!(":{port}, where the service listens already")), "{said}");
        assert!(error.help().unwrap().contains("name each address once"), "{:?}", error.help());
    }
    let foreign = ServeOptions { listen: vec![at("192.0.2.1:0")], ..options() };
    assert_eq!(serve(app(), &foreign, unready).unwrap_err().to_string(), "cannot listen on 192.0.2.1");
}

#[test]
fn listens_on_every_address_of_a_name_with_one_port() {
    let store = Store::new(Reads::Empty);
    let app = app(Puppet::at("/predict"), &store, &json!({}));
    let running = Running::start(app, ServeOptions { listen: vec![at("localhost:0")], ..options() });
    assert_ne!(running.address.port(), 0);
    assert!(running.address.ip().is_loopback());
    assert_eq!(running.get("/alive").status, 200);
}
