//! Views that offer predictions in a way of their own: their refusals, decorators, counts and large bodies.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use palladium_component::prelude::*;
use palladium_runtime::App;
use serde_json::{Value as Json, json};

use super::support::*;
use crate::check_routes;

/// Answers at `/own/<what>` in the view's decorators and at `/own/<what>/do` in those of the predict service.
#[derive(Default)]
struct Protocol {
    unmet: Option<&'static str>,
    /// How many requests are worked on, and how many were at most.
    inside: AtomicUsize,
    most: AtomicUsize,
    told: Arc<Told>,
}

/// The routes and the number of samples of predictions.
#[derive(Default)]
struct Told(Mutex<Vec<(usize, usize)>>);

impl Observer for Told {
    fn begun(&self) {}

    fn ended(&self, _: Option<&Answered<'_>>) {}

    fn predicted(&self, predicted: &Predicted) {
        self.0.lock().unwrap().push((predicted.route, predicted.n_samples));
    }
}

impl Lifecycle for Protocol {}

impl View for Protocol {
    fn rules(&self) -> Vec<ViewRule> {
        let predicts = ViewRule { predicts: true, ..ViewRule::new("/own/<what>/do", &["POST"]) };
        vec![ViewRule::new("/own/<what>", &["GET", "POST"]), predicts]
    }

    fn decorator_list_name(&self) -> Option<&str> {
        Some("own_decorators")
    }

    fn answer(&self, request: &ViewRequest, service: &dyn ServiceHandle) -> Result<ViewResponse, Failure> {
        let mut work = |request: &ViewRequest| match request.part("what").unwrap_or_default() {
            "panic" => panic!("the password is wisteria"),
            "count" => {
                let route = service.predict_services()[0].route;
                service.predicted(&Predicted {
                    route,
                    version: None,
                    n_samples: 7,
                    queued: Duration::ZERO,
                    time: Duration::ZERO,
                });
                ViewResponse::text(200, "")
            }
            "slow" => {
                self.most.fetch_max(self.inside.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                std::thread::sleep(Duration::from_millis(30));
                self.inside.fetch_sub(1, Ordering::SeqCst);
                ViewResponse::text(200, "")
            }
            "late" => {
                std::thread::sleep(Duration::from_secs(1));
                ViewResponse::text(200, "late")
            }
            what => ViewResponse::text(200, format!("{} {what}", request.method)),
        };
        if request.part("what") == Some("fail") {
            return Err(Failure::message("the password is wisteria"));
        }
        match service.rule() {
            "/own/<what>" => Ok(work(request)),
            _ => service.decorated("predict_decorators", request, &mut work),
        }
    }

    fn refusal(&self, path: &str, status: u16, message: &str) -> Option<ViewResponse> {
        match path.strip_prefix("/own/") {
            Some(rest) if rest.starts_with("broken/") => panic!("the password is wisteria"),
            Some(_) => Some(ViewResponse::text(status, format!("own: {message}"))),
            None => None,
        }
    }

    fn unmet(&self, services: &[ServedPredictions]) -> Option<Failure> {
        let keys: Vec<String> = services.iter().map(|served| served.key.to_string()).collect();
        self.unmet.map(|why| Failure::with_help(format!("{why} with {}", keys.join(",")), "add it"))
    }
}

/// Notes the root key of its list in a header of the answer.
struct Notes;

impl Lifecycle for Notes {}

impl Decorator for Notes {
    fn call(&self, call: Call<'_>) -> Result<Returned, Failure> {
        let name = call.name().to_owned();
        let mut response = ViewResponse::try_from(call.proceed()?)?;
        response.headers.push("x-through", &name);
        Ok(response.into())
    }
}

fn app_of(protocol: &Arc<Protocol>, settings: &Json) -> App {
    let store = Store::new(Reads::Cached(model(1)));
    let components = vec![
        ("model_persister", Component::Persister(store)),
        ("predict_service", Component::PredictService(Arc::new(Puppet::at("/predict")))),
        ("own", Component::View(protocol.clone())),
    ];
    let mut decorators = Decorators::default();
    for list in ["own_decorators", "predict_decorators"] {
        decorators.insert(DecoratorList::new(list, vec![Arc::new(Notes)]));
    }
    App::of_components(components, vec![("server", value(settings))]).decorated_by(decorators)
}

fn start(protocol: &Arc<Protocol>) -> Running {
    Running::start(app_of(protocol, &json!({"max_body": 200_000, "max_large_bodies": 1})), options())
}

#[test]
fn refusals_are_said_in_the_way_of_the_view() {
    let running = start(&Arc::default());
    let long = "x".repeat(300_000);
    for (method, path, body, status, mention) in [
        ("GET", "/own/a/b/c", "", 404, "own: there is nothing at \"/own/a/b/c\""),
        ("GET", "/own/a/do", "", 405, "own: the method is not allowed here, OPTIONS, POST are"),
        ("BREW", "/own/a", "", 405, "own: the method is not allowed here"),
        ("GET", "/own/a?b=%zz", "", 400, "own: BadRequest"),
        ("POST", "/own/a", &long, 413, "own: the body is larger than the 200000 bytes"),
        ("POST", "/own/a/do", &long, 413, "own: the body is larger than the 200000 bytes"),
        ("GET", "/own/fail", "", 500, "own: an internal error occurred, request id abc"),
        ("GET", "/own/panic", "", 500, "own: an internal error occurred, request id abc"),
        ("POST", "/own/panic/do", "", 500, "own: an internal error occurred, request id abc"),
    ] {
        let response = running.client().request(method, path, &[("x-request-id", "abc")], body);
        assert_eq!(response.status, status, "{method} {path}: {}", response.body);
        assert!(response.body.starts_with(mention), "{method} {path}: {}", response.body);
        assert_eq!(response.headers["x-request-id"], "abc", "{method} {path}");
        assert_eq!(response.headers.contains_key("allow"), status == 405, "{method} {path}");
    }
    for path in ["/nowhere", "/own", "/own/broken/x/y"] {
        let response = running.get(path);
        assert_eq!((response.status, &response.json()["status"]), (404, &json!("ERROR")), "{path}");
    }
}

#[test]
fn a_view_that_predicts_is_decorated_by_nobody_else() {
    let running = start(&Arc::default());
    let ask = |method: &str, path: &str| {
        let response = running.client().request(method, path, &[], "");
        (response.status, response.headers["x-through"].clone(), response.body)
    };
    let through = |status, list: &str, body: &str| (status, list.to_owned(), body.to_owned());
    assert_eq!(ask("GET", "/own/a"), through(200, "own_decorators", "GET a"));
    assert_eq!(ask("POST", "/own/a/do"), through(200, "predict_decorators", "POST a"));
    assert_eq!(ask("OPTIONS", "/own/a"), through(200, "own_decorators", ""));
    assert_eq!(ask("OPTIONS", "/own/a/do"), through(200, "predict_decorators", "OPTIONS a"));
    let panicked = ask("POST", "/own/panic/do");
    assert_eq!((panicked.0, panicked.1.as_str()), (500, "predict_decorators"), "decorators see what a panic became");
}

#[test]
fn predictions_of_a_view_are_given_up_and_other_answers_are_not() {
    let settings = json!({"predict_timeout": 0.2, "max_large_bodies": 1});
    let running = Running::start(app_of(&Arc::default(), &settings), options());
    let long = "x".repeat(100_000);
    for body in ["", &long] {
        let response = running.client().request("POST", "/own/late/do", &[], body);
        let said = "own: the prediction took longer than 0.2 seconds";
        assert_eq!((response.status, response.body.as_str()), (503, said));
    }
    let response = running.client().request("POST", "/own/a/do", &[], &long);
    assert_eq!(response.status, 503, "what is given up keeps its permit");
    let response = running.client().request("POST", "/own/late", &[], "");
    assert_eq!((response.status, response.body.as_str()), (200, "late"));
}

#[test]
fn predictions_of_a_view_are_told_to_the_observers() {
    struct Watching(Arc<Protocol>);

    impl Lifecycle for Watching {}

    impl View for Watching {
        fn rules(&self) -> Vec<ViewRule> {
            Vec::new()
        }

        fn observer(&self, rules: &[&str]) -> Option<Arc<dyn Observer>> {
            assert!(rules.contains(&"/own/<what>"));
            Some(self.0.told.clone())
        }
    }

    let protocol: Arc<Protocol> = Arc::default();
    let components = vec![
        ("model_persister", Component::Persister(Store::new(Reads::Cached(model(1))))),
        ("predict_service", Component::PredictService(Arc::new(Puppet::at("/predict")))),
        ("own", Component::View(protocol.clone())),
        ("watching", Component::View(Arc::new(Watching(protocol.clone())))),
    ];
    let running = Running::start(App::of_components(components, Vec::new()), options());
    assert_eq!(running.get("/own/count").status, 200);
    let told = protocol.told.0.lock().unwrap().clone();
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].1, 7);
}

#[test]
fn so_many_large_bodies_are_worked_on_as_the_limits_say() {
    let protocol: Arc<Protocol> = Arc::default();
    let running = start(&protocol);
    let ask_together = |length: usize| {
        let body = "x".repeat(length);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| assert_eq!(running.post("/own/slow", &body).status, 200));
            }
        });
        protocol.most.swap(0, Ordering::SeqCst)
    };
    assert_eq!(ask_together(100_000), 1);
    assert!(ask_together(10) >= 1, "short ones may be worked on together");
}

#[test]
fn what_a_view_lacks_is_found_while_planning() {
    let protocol = Arc::new(Protocol { unmet: Some("nothing goes"), ..Protocol::default() });
    let findings = check_routes(&app_of(&protocol, &json!({})));
    let found: Vec<_> = findings.iter().map(|finding| (finding.message.as_str(), finding.help.as_slice())).collect();
    assert_eq!(found, [("nothing goes with predict_service", &["add it".to_owned()][..])]);
    assert!(check_routes(&app_of(&Arc::default(), &json!({}))).is_empty());
}
