//! Routes that views add: functions, components and views of the server, and tables that cannot be.

use std::any::Any;
use std::sync::Arc;

use palladium_component::prelude::*;
use palladium_runtime::App;
use serde_json::json;

use super::support::*;
use crate::{ServeError, ServeOptions, check_routes, route_table, serve};

/// What a view answers with.
#[derive(Clone)]
pub enum Does {
    Named(&'static str),
    Calls(fn(&Value) -> Data),
    Itself,
    Endpoint,
}

/// A view as an author may write it.
pub struct Added {
    pub rule: &'static str,
    pub methods: Vec<String>,
    pub endpoint: Option<&'static str>,
    pub list: Option<&'static str>,
    pub does: Does,
    span: Span,
    function: Arc<dyn Callable>,
}

struct Calls(fn(&Value) -> Data);

impl Callable for Calls {
    fn name(&self) -> &str {
        "calls"
    }

    fn parameters(&self) -> Option<Vec<String>> {
        None
    }

    fn call(&self, arguments: Vec<Value>) -> Result<Value, Box<Diagnostic>> {
        Ok(Value::new((self.0)(&arguments[0]), Span::nowhere("test")))
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl Added {
    pub fn at(rule: &'static str, does: Does) -> Added {
        let function = match does {
            Does::Calls(function) => Calls(function),
            _ => Calls(|_| Data::Null),
        };
        let (methods, span) = (vec!["GET".to_owned()], Span::nowhere("test"));
        Added { rule, methods, endpoint: None, list: None, does, span, function: Arc::new(function) }
    }

    pub fn by(self, methods: &[&str]) -> Added {
        Added { methods: methods.iter().map(|method| (*method).to_owned()).collect(), ..self }
    }

    pub fn called(self, endpoint: &'static str) -> Added {
        Added { endpoint: Some(endpoint), ..self }
    }

    pub fn decorated(self, list: &'static str) -> Added {
        Added { list: Some(list), ..self }
    }
}

impl Lifecycle for Added {}

impl View for Added {
    fn rules(&self) -> Vec<ViewRule> {
        vec![ViewRule { path: self.rule.to_owned(), methods: self.methods.clone(), ..ViewRule::default() }]
    }

    fn endpoint(&self) -> Option<&str> {
        self.endpoint
    }

    fn decorator_list_name(&self) -> Option<&str> {
        self.list
    }

    fn function(&self) -> Option<ViewFunction<'_>> {
        match self.does {
            Does::Named(name) => Some(ViewFunction::Named { name, span: &self.span }),
            Does::Calls(_) => Some(ViewFunction::Function(&self.function)),
            Does::Itself => Some(ViewFunction::Own),
            Does::Endpoint => None,
        }
    }

    /// Asks another view of the server for what it answers.
    fn answer(&self, request: &ViewRequest, service: &dyn ServiceHandle) -> Result<ViewResponse, Failure> {
        assert!(service.model_persister().is_some());
        let mut response = service.view(request.part("view").unwrap_or_default(), request)?;
        response.set_header("x-view", "itself");
        Ok(response)
    }
}

/// Returns an application of views, with a store and further components.
pub fn app_of(views: Vec<Added>, mut components: Vec<(&'static str, Component)>, entries: &serde_json::Value) -> App {
    const KEYS: [&str; 8] = ["v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7"];
    let views = KEYS.into_iter().zip(views).map(|(key, view)| (key, Component::View(Arc::new(view))));
    components.extend(views);
    let entries = entries.as_object().unwrap();
    App::of_components(components, entries.iter().map(|(key, json)| (key.as_str(), value(json))).collect())
}

fn with_store(views: Vec<Added>) -> App {
    let store = Store::new(Reads::Cached(model(1)));
    app_of(views, vec![("model_persister", Component::Persister(store))], &json!({}))
}

#[test]
fn functions_answer_with_what_the_request_says() {
    let shows: fn(&Value) -> Data = |request| {
        let shown = json!({"request": request.to_json()}).to_string();
        Data::Map(Map::from_iter([
            ("status".to_owned(), Entry { key_span: Span::nowhere("test"), value: value(&json!(201)) }),
            ("body".to_owned(), Entry { key_span: Span::nowhere("test"), value: value(&json!(shown)) }),
        ]))
    };
    let views = vec![
        Added::at("/show/<what>/x", Does::Calls(shows)).by(&["GET", "PUT"]),
        Added::at("/text", Does::Calls(|_| Data::Text("hello".into()))),
        Added::at("/wrong", Does::Calls(|_| Data::Int(7))),
        Added::at("/panics", Does::Calls(|_| panic!("the password is wisteria"))),
    ];
    let running = Running::start(with_store(views), options());
    let mut client = running.client();
    let shown = client.request("GET", "/show/a%2Fb/x?c=d", &[("k", "v")], "");
    assert_eq!(shown.status, 201);
    let request = &shown.json()["request"];
    assert_eq!((&request["parts"], &request["query"]), (&json!({"what": "a/b"}), &json!({"c": "d"})));
    assert_eq!((&request["method"], &request["headers"]["k"]), (&json!("GET"), &json!("v")));
    assert_eq!(client.request("HEAD", "/show/a/x", &[], "").status, 201);
    let refused = client.request("DELETE", "/show/a/x", &[], "");
    assert_eq!((refused.status, refused.headers["allow"].as_str()), (405, "GET, HEAD, OPTIONS, PUT"));
    let options = client.request("OPTIONS", "/show/a/x", &[], "");
    assert_eq!((options.status, options.headers["allow"].as_str()), (200, "GET, HEAD, OPTIONS, PUT"));
    for path in ["/show//x", "/show/a", "/show/a/x/"] {
        assert_eq!(running.get(path).status, 404, "{path}");
    }
    let text = running.get("/text");
    assert_eq!((text.status, text.body.as_str()), (200, "hello"));
    assert_eq!(text.headers["content-type"], "text/plain; charset=utf-8");
    assert_eq!(running.get("/text?a=%zz").status, 400);
    for path in ["/wrong", "/panics"] {
        let response = running.get(path);
        assert_eq!(response.status, 500, "{path}");
        assert!(response.body.contains("an internal error occurred") && !response.body.contains("wisteria"), "{path}");
    }
    assert_eq!(running.get("/text").status, 200, "a panic concerns one request");
}

#[test]
fn components_answer_and_ask_the_server() {
    let views = vec![Added::at("/own/<view>", Does::Itself)];
    let running = Running::start(with_store(views), options());
    let listed = running.get("/own/palladium.server.list");
    assert_eq!((listed.status, listed.headers["x-view"].as_str()), (200, "itself"));
    assert_eq!(listed.json()["models"], json!([{"version": 1}]));
    assert_eq!(running.get("/own/palladium.server.jobs").json(), json!({"jobs": {}}));
    assert_eq!(running.get("/own/palladium.server.nothing").status, 500);
}

#[test]
fn views_of_the_server_answer_at_other_rules() {
    let views = vec![
        Added::at("/state", Does::Named("palladium.server.alive")),
        Added::at("/models", Does::Named("palladium.server.list")).called("models"),
        Added::at("/again", Does::Endpoint).called("models").by(&["POST"]),
        Added::at("/healthy", Does::Endpoint).called("live"),
    ];
    let app = with_store(views);
    assert!(check_routes(&app).is_empty(), "{}", check_routes(&app));
    let table = route_table(&app);
    let added = table.iter().find(|route| route.path == "/again").unwrap();
    assert_eq!((added.methods.as_str(), added.view.as_deref()), ("OPTIONS, POST", Some("palladium.server.list")));
    assert_eq!(added.service, Some(KeyPath::parse("v2")));
    assert_eq!(added.persister, Some(KeyPath::parse("model_persister")));
    let running = Running::start(app, options());
    assert_eq!(running.get("/state").json()["process_metadata"], json!({"jobs": {}}));
    assert_eq!(running.get("/models").body, running.get("/list").body);
    assert_eq!(running.post("/again", "").body, running.get("/list").body);
    assert_eq!(running.get("/again").status, 405);
    assert_eq!(running.get("/healthy").json(), json!({"status": "OK"}));
}

#[test]
fn rules_and_names_that_cannot_be_are_found() {
    type Case = (Vec<Added>, Vec<(Code, &'static str)>);
    let named = |rule, name| Added::at(rule, Does::Named(name));
    let text = |rule| Added::at(rule, Does::Calls(|_| Data::Text(String::new())));
    let clash = Code::RouteConflict;
    let cases: Vec<Case> = vec![
        (
            vec![named("/a", "palladium.server.fitt")],
            vec![(Code::BadArguments, "no view is named `palladium.server.fitt`")],
        ),
        (
            vec![named("/alive", "palladium.server.list")],
            vec![(clash, "the rule `/alive` is a route of the server itself")],
        ),
        (vec![text("/ready")], vec![(clash, "the rule `/ready` is a route of the server itself")]),
        (vec![text("/a"), text("/a")], vec![(clash, "two views have the rule `/a`")]),
        (vec![text("/a/<b>"), text("/a/c")], vec![]),
        (
            vec![text("/a/<b>"), text("/<x>/c")],
            vec![(clash, "some paths fit both the rule `/<x>/c` and the rule `/a/<b>`")],
        ),
        (vec![text("/predict")], vec![(clash, "the rule `/predict` is the entry point of a predict service")]),
        (vec![text("a")], vec![(clash, "a path begins with `/`, the rule `a` does not")]),
        (vec![text("/a").called("x"), text("/b").called("x")], vec![(clash, "two views have the endpoint `x`")]),
        (vec![text("/a").called("fit")], vec![(clash, "the endpoint `fit` is that of a view of the server")]),
        (
            vec![Added::at("/a", Does::Endpoint).called("lisst")],
            vec![(Code::BadArguments, "no view has the endpoint `lisst`")],
        ),
        (vec![Added::at("/a", Does::Endpoint)], vec![(Code::BadArguments, "nothing answers at this rule")]),
        (
            vec![named("/fit", "palladium.server.fit").by(&["POST"])],
            vec![(Code::MissingKey, "the configuration has no `dataset_loader_train`, a dataset loader")],
        ),
    ];
    let by_get = vec![(Code::BadArguments, "`palladium.server.activate` changes something, and is reached by GET")];
    let cases = cases.into_iter().chain([(vec![named("/a", "palladium.server.activate")], by_get)]);
    for (views, expected) in cases {
        let store = Store::new(Reads::Empty);
        let components = vec![
            ("model_persister", Component::Persister(store)),
            ("predict_service", Component::PredictService(Arc::new(Puppet::at("/predict")))),
        ];
        let findings = check_routes(&app_of(views, components, &json!({})));
        let found: Vec<_> = findings.iter().map(|finding| (finding.code, finding.message.as_str())).collect();
        assert_eq!(found, expected);
    }
    let near = check_routes(&with_store(vec![named("/a", "palladium.server.fitt")]));
    assert_eq!(near.iter().next().unwrap().labels[0].text, "did you mean `palladium.server.fit`?");
    for view in ["palladium.server.activate", "palladium.server.update_model_cache"] {
        let findings = check_routes(&app_of(vec![named("/a", view).by(&["POST"])], Vec::new(), &json!({})));
        let messages: Vec<_> = findings.iter().map(|finding| finding.message.as_str()).collect();
        assert_eq!(messages, ["this view has no models: there is no `model_persister`"]);
    }
}

/// Answers at two rules with what it may know of the service.
struct Knowing {
    changes: bool,
}

impl Lifecycle for Knowing {}

impl View for Knowing {
    fn rules(&self) -> Vec<ViewRule> {
        let rule = |path| ViewRule { changes: self.changes, ..ViewRule::new(path, &["GET"]) };
        vec![rule("/known/routes"), rule("/known/<part>")]
    }

    fn answer(&self, request: &ViewRequest, service: &dyn ServiceHandle) -> Result<ViewResponse, Failure> {
        if service.rule() == "/known/routes" {
            let routes = service.routes();
            let lines =
                routes.iter().map(|route| format!("{} {:?} {}", route.path, route.answer, route.decorators.name()));
            return Ok(ViewResponse::text(200, lines.collect::<Vec<_>>().join("\n")));
        }
        if let Some(view) = request.query("unmet") {
            return Ok(ViewResponse::text(200, service.unmet(view).unwrap_or_default()));
        }
        let services = service.predict_services();
        let [served] = services.as_slice() else { return Ok(ViewResponse::text(500, "not one")) };
        let model = served.persister.read(None)?;
        let path = service.routes()[served.route].path.clone();
        service.decorated("predict_decorators", request, &mut |request| {
            let version = model.metadata.version().map(|version| version.to_string());
            ViewResponse::text(200, format!("{} {path} {version:?} {:?}", served.key, request.part("part")))
        })
    }
}

#[test]
fn components_answer_at_several_rules_and_know_the_service() {
    let components = |changes| {
        let predicting = Component::PredictService(Arc::new(Puppet::at("/p")));
        let store = Component::Persister(Store::new(Reads::Cached(model(7))));
        vec![
            ("model_persister", store),
            ("service", predicting),
            ("knows", Component::View(Arc::new(Knowing { changes }))),
        ]
    };
    let app = App::of_components(components(false), Vec::new());
    assert!(check_routes(&app).is_empty(), "{}", check_routes(&app));
    let running = Running::start(app, options());
    let routes = running.get("/known/routes").body;
    for line in ["/alive Server(\"palladium.server.alive\") alive_decorators", "/p Predictions predict_decorators"] {
        assert!(routes.lines().any(|shown| shown == line), "{routes}");
    }
    assert!(routes.lines().any(|shown| shown.starts_with("/known/<part> Component")), "{routes}");
    for (view, expected) in [
        ("palladium.server.fit", "the configuration has no `dataset_loader_train`, a dataset loader"),
        ("palladium.server.update_model_cache", "`model_persister` keeps no model in memory"),
        ("palladium.server.activate", ""),
        ("palladium.server.jobs", ""),
        ("palladium.server.jobz", "the server has no view `palladium.server.jobz`"),
    ] {
        assert_eq!(running.get(&format!("/known/view?unmet={view}")).body, expected);
    }
    assert_eq!(running.get("/known/other").body, "service /p Some(\"7\") Some(\"other\")");
    let elsewhere = ServeOptions { listen: vec![at("0.0.0.0:0")], ..options() };
    let refused = serve(Arc::new(App::of_components(components(true), Vec::new())).into(), &elsewhere, |_| ());
    let Err(ServeError::Config(findings)) = refused else { panic!("{refused:?}") };
    assert!(findings.0[0].message.starts_with("other machines could use "), "{findings}");
}
