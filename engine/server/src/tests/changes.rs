//! Views that change something, and the jobs that they start.

mod cancelled;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use palladium_component::prelude::*;
use palladium_runtime::App;
use serde_json::{Value as Json, json};

use super::support::*;
use super::views::{Added, Does, app_of};
use crate::ServeOptions;

/// Keeps models in memory, and the active one at hand.
#[derive(Default)]
pub struct Shelf {
    models: Mutex<Vec<Arc<TrainedModel>>>,
    active: Mutex<Option<Version>>,
    held: Mutex<Option<Arc<TrainedModel>>>,
    pub origins: Mutex<Vec<Origin>>,
    fails: AtomicBool,
    is_silent: AtomicBool,
}

impl Shelf {
    fn refuse(&self) -> Result<(), PersistError> {
        match self.fails.load(Ordering::SeqCst) {
            true => Err(Failure::message("/secret/path is locked").into()),
            false => Ok(()),
        }
    }
}

impl Lifecycle for Shelf {}

impl ModelCache for Shelf {
    fn update(&self) -> Result<Option<Arc<TrainedModel>>, PersistError> {
        self.refuse()?;
        let active = self.active.lock().unwrap().ok_or_else(|| PersistError::Lookup("no model is active".into()))?;
        let model = self.read(Some(active))?;
        *self.held.lock().unwrap() = Some(Arc::clone(&model));
        Ok(Some(model))
    }

    fn look(&self) {}
}

impl Persister for Shelf {
    fn read(&self, version: Option<Version>) -> Result<Arc<TrainedModel>, PersistError> {
        self.refuse()?;
        let none = || PersistError::Lookup("no such version".into());
        let index = version.ok_or_else(none)?.number() as usize - 1;
        self.models.lock().unwrap().get(index).cloned().ok_or_else(none)
    }

    fn at_hand(&self) -> Option<Result<Arc<TrainedModel>, PersistError>> {
        self.held.lock().unwrap().clone().map(Ok)
    }

    fn cache(&self) -> Option<&dyn ModelCache> {
        Some(self)
    }

    fn write(&self, trained: &TrainedModel) -> Result<Version, PersistError> {
        self.refuse()?;
        assert!(trained.metadata.get("lineage").is_some());
        let mut models = self.models.lock().unwrap();
        let version = models.len() as u64 + 1;
        models.push(model(version));
        Ok(Version::new(version).unwrap())
    }

    fn activate(&self, version: Version) -> Result<(), PersistError> {
        self.refuse()?;
        self.read(Some(version))?;
        *self.active.lock().unwrap() = Some(version);
        self.update().map(drop)
    }

    fn activate_as(&self, version: Version, origin: &Origin) -> Result<(), PersistError> {
        self.activate(version)?;
        self.origins.lock().unwrap().push(origin.clone());
        Ok(())
    }

    fn delete(&self, _: Version) -> Result<(), PersistError> {
        unreachable!("nothing is deleted")
    }

    fn versions(&self) -> Result<Vec<Version>, PersistError> {
        wait_while(&self.is_silent);
        Ok(Vec::new())
    }

    fn list_models(&self) -> Result<Vec<Metadata>, PersistError> {
        Ok(self.models.lock().unwrap().iter().map(|model| model.metadata.clone()).collect())
    }

    fn list_properties(&self) -> Result<BTreeMap<String, String>, PersistError> {
        let active = *self.active.lock().unwrap();
        Ok(active.map(|version| ("active-model".to_owned(), version.to_string())).into_iter().collect())
    }
}

/// Waits for a server that says nothing.
fn wait_while(is_silent: &AtomicBool) {
    while is_silent.load(Ordering::SeqCst) {
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[derive(Default)]
struct Loader {
    is_silent: AtomicBool,
    /// How many loads are running.
    running: AtomicUsize,
}

impl Lifecycle for Loader {}

impl DatasetLoader for Loader {
    fn load(&self) -> Result<Dataset, Failure> {
        self.running.fetch_add(1, Ordering::SeqCst);
        wait_while(&self.is_silent);
        self.running.fetch_sub(1, Ordering::SeqCst);
        let column = Arc::new(Float64Array::from(vec![1.0, 2.0])) as ArrayRef;
        Ok(Dataset { features: Table::new(vec![("x".into(), column)])?, target: None })
    }
}

/// Learns as it is told.
#[derive(Clone, Copy, PartialEq)]
enum Learns {
    AtOnce,
    /// Until it is cancelled.
    Forever,
    /// However often it is cancelled.
    Deaf,
    Fails,
    Panics,
}

struct Pupil(Mutex<Learns>);

impl Lifecycle for Pupil {}

impl Estimator for Pupil {
    fn fit(&self, _: &Dataset, context: &FitContext) -> Result<Box<dyn Model>, Failure> {
        let how = *self.0.lock().unwrap();
        match how {
            Learns::AtOnce => Ok(Box::new(Idle)),
            Learns::Forever => loop {
                context.check()?;
                std::thread::sleep(Duration::from_millis(2));
            },
            Learns::Deaf => loop {
                std::thread::sleep(Duration::from_millis(2));
            },
            Learns::Fails => Err(Failure::message("/secret/path is locked")),
            Learns::Panics => panic!("the password is 123"),
        }
    }

    fn has_score(&self) -> bool {
        false
    }
}

/// A service with all views that change something.
struct Admin {
    running: Running,
    shelf: Arc<Shelf>,
    loader: Arc<Loader>,
    pupil: Arc<Pupil>,
}

fn app(shelf: &Arc<Shelf>, loader: &Arc<Loader>, pupil: &Arc<Pupil>, entries: &Json) -> App {
    let post = |rule, name| Added::at(rule, Does::Named(name)).by(&["POST"]);
    let views = vec![
        post("/fit", "palladium.server.fit"),
        post("/update-model-cache", "palladium.server.update_model_cache"),
        post("/activate", "palladium.server.activate"),
        Added::at("/jobs", Does::Named("palladium.server.jobs")),
        Added::at("/jobs/<id>", Does::Named("palladium.server.jobs")).by(&["GET", "DELETE"]),
    ];
    let components = vec![
        ("dataset_loader_train", Component::DatasetLoader(Arc::clone(loader) as _)),
        ("model", Component::Estimator(Arc::clone(pupil) as _)),
        ("model_persister", Component::Persister(Arc::clone(shelf) as _)),
        ("predict_service", Component::PredictService(Arc::new(Puppet::at("/predict")))),
    ];
    app_of(views, components, entries)
}

impl Admin {
    fn start(learns: Learns, entries: &Json, decorators: Decorators, options: ServeOptions) -> Admin {
        let (shelf, loader) = (Arc::<Shelf>::default(), Arc::<Loader>::default());
        let pupil = Arc::new(Pupil(Mutex::new(learns)));
        let app = app(&shelf, &loader, &pupil, entries).decorated_by(decorators);
        Admin { running: Running::start(app, options), shelf, loader, pupil }
    }

    fn usual(learns: Learns) -> Admin {
        Admin::start(learns, &json!({}), Decorators::default(), options())
    }

    fn learns(&self, how: Learns) {
        *self.pupil.0.lock().unwrap() = how;
    }

    /// Posts a form.
    fn form(&self, path: &str, form: &str) -> Response {
        let headers = [("content-type", "application/x-www-form-urlencoded")];
        self.running.client().request("POST", path, &headers, form)
    }

    /// Starts a fit and returns the id of its job.
    fn fit(&self, form: &str) -> String {
        let response = self.form("/fit", form);
        assert_eq!(response.status, 200, "{}", response.body);
        response.json()["job_id"].as_str().unwrap().to_owned()
    }

    fn job(&self, id: &str) -> Json {
        self.running.get(&format!("/jobs/{id}")).json()
    }

    /// Waits until something is so of a job.
    fn until(&self, id: &str, is_so: impl Fn(&Json) -> bool) -> Json {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            let job = self.job(id);
            if is_so(&job) {
                return job;
            }
            assert!(Instant::now() < deadline, "{job}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn over(&self, id: &str) -> Json {
        self.until(id, |job| job["status"] != "running")
    }

    fn delete(&self, id: &str) -> Response {
        self.running.client().request("DELETE", &format!("/jobs/{id}"), &[], "")
    }
}

#[test]
fn a_fit_is_a_job_and_its_model_serves_at_once() {
    let admin = Admin::usual(Learns::AtOnce);
    assert_eq!(admin.running.get("/predict?do=version").status, 503);
    let id = admin.fit("");
    let parts: Vec<usize> = id.split('-').map(str::len).collect();
    assert_eq!((parts, id.as_bytes()[14]), (vec![8, 4, 4, 4, 12], b'4'), "{id}");
    let job = admin.over(&id);
    assert_eq!((&job["status"], &job["info"]), (&json!("finished"), &json!("model version: 1 (active)")));
    assert_eq!((&job["id"], &job["func"]), (&json!(id), &json!("palladium.server.fit")));
    let time = |name: &str| chrono::DateTime::parse_from_rfc3339(job[name].as_str().unwrap()).unwrap();
    assert!(time("started") <= time("finished") && job["started"].as_str().unwrap().ends_with('Z'));
    let phases: Vec<&str> = job["phases"].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(phases, ["load", "fit", "write", "activate"]);
    assert_eq!(admin.running.get("/predict?do=version").json()["result"], json!(1.0));
    let alive = admin.running.get("/alive").json();
    assert_eq!(alive["process_metadata"]["jobs"][&id], admin.job(&id));
    assert_eq!(admin.running.get("/jobs").json()["jobs"][&id], admin.job(&id));
    let origin = admin.shelf.origins.lock().unwrap()[0].clone();
    assert_eq!((origin.principal.as_str(), origin.command.as_str()), ("unknown", "POST /fit"));
}

#[test]
fn options_of_a_fit_come_from_query_form_and_json() {
    let admin = Admin::usual(Learns::AtOnce);
    let ran = |target: &str, kind: &str, body: &str| {
        let response = admin.running.client().request("POST", target, &[("content-type", kind)], body);
        assert_eq!(response.status, 200, "{}", response.body);
        admin.over(response.json()["job_id"].as_str().unwrap())["info"].clone()
    };
    assert_eq!(ran("/fit?persist=0", "text/plain", ""), json!("model not stored"));
    assert_eq!(ran("/fit", "application/json", r#"{"activate": false}"#), json!("model version: 1 (not active)"));
    assert_eq!(ran("/fit", "application/x-www-form-urlencoded", "activate=F"), json!("model version: 2 (not active)"));
    let refused = [
        ("/fit?persist=maybe", "", "`persist` has to be true or false, it is \"maybe\""),
        ("/fit?activte=1", "", "there is no parameter \"activte\", did you mean `activate`?"),
        ("/fit", r#"{"persist_if_beter_than": 0.5}"#, "did you mean `persist_if_better_than`?"),
        ("/fit?min_score=1", "", "there is no parameter \"min_score\", the parameters are `persist`, `activate`,"),
        (
            "/activate?model_version=1&force=1",
            "",
            "there is no parameter \"force\", the parameters are `model_version`",
        ),
        ("/update-model-cache?version=1", "", "there is no parameter \"version\", none is taken"),
        ("/update-model-cache", r#"{"model_version": 1}"#, "there is no parameter \"model_version\", none is taken"),
        ("/fit", "[]", "the body has to be a JSON object"),
        ("/fit", r#"{"persist_if_better_than": "good"}"#, "`persist_if_better_than` has to be a finite number"),
        // The pupil's models have no score of their own, and there are no data to test with.
        ("/fit?evaluate=1", "", "the models of `model` have no score of their own"),
        ("/fit?persist_if_better_than=0.5", "", "a model can only be stored if it is good enough"),
    ];
    for (target, body, message) in refused {
        let response = admin.running.post(target, body);
        assert_eq!((response.status, &response.json()["status"]), (400, &json!("ERROR")), "{target} {body}");
        assert!(response.json()["error_message"].as_str().unwrap().contains(message), "{}", response.body);
    }
    assert_eq!(admin.running.get("/fit").status, 405);
    assert_eq!(admin.running.get("/jobs").json()["jobs"].as_object().unwrap().len(), 3, "no refused one is a job");
}

#[test]
fn of_many_that_ask_at_once_one_gets_its_fit() {
    let admin = Admin::usual(Learns::Forever);
    let answers: Vec<Response> = std::thread::scope(|scope| {
        let asked: Vec<_> = (0..12).map(|_| scope.spawn(|| admin.form("/fit", ""))).collect();
        asked.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let mut statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [&[200][..], &[409; 11]].concat());
    let ids: std::collections::BTreeSet<String> =
        answers.iter().map(|answer| answer.json()["job_id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(ids.len(), 1, "who is refused reads which job runs");
}

#[test]
fn what_fails_in_a_job_stays_there_and_keeps_its_secrets() {
    let admin = Admin::usual(Learns::Fails);
    let cases = [(Learns::Fails, "fitting `model` failed"), (Learns::Panics, "it panicked")];
    for (how, said) in cases {
        admin.learns(how);
        let id = admin.fit("");
        let job = admin.over(&id);
        assert_eq!((&job["status"], &job["info"]), (&json!("error"), &json!(format!("{said}, job id {id}"))));
    }
    admin.learns(Learns::AtOnce);
    admin.shelf.fails.store(true, Ordering::SeqCst);
    let id = admin.fit("");
    assert_eq!(admin.over(&id)["info"], format!("writing through `model_persister` failed, job id {id}"));
    let update = admin.running.post("/update-model-cache", "").json();
    let id = update["job_id"].as_str().unwrap();
    assert_eq!(admin.over(id)["info"], format!("the model cannot be loaded, job id {id}"));
    let activated = admin.form("/activate", "model_version=1");
    assert_eq!(activated.status, 503);
    assert!(!activated.body.contains("secret"), "{}", activated.body);
    assert!(activated.body.contains("is not activated, nothing was changed"), "{}", activated.body);
    admin.shelf.fails.store(false, Ordering::SeqCst);
    assert_eq!(admin.over(&admin.fit(""))["status"], "finished");
}

#[test]
fn the_cached_model_is_updated_by_a_job() {
    let admin = Admin::usual(Learns::AtOnce);
    let updated = || {
        let response = admin.running.post("/update-model-cache", "").json();
        admin.over(response["job_id"].as_str().unwrap())
    };
    let job = updated();
    assert!(job["info"].as_str().unwrap().starts_with("no model is active, job id "), "{job}");
    admin.over(&admin.fit(""));
    // As another process would.
    admin.shelf.models.lock().unwrap().push(model(2));
    *admin.shelf.active.lock().unwrap() = Some(Version::new(2).unwrap());
    assert_eq!(admin.running.get("/predict?do=version").json()["result"], json!(1.0));
    let job = updated();
    assert_eq!((&job["status"], &job["info"]), (&json!("finished"), &json!("version 2 is loaded")));
    assert_eq!(job["func"], "palladium.server.update_model_cache");
    assert_eq!(admin.running.get("/predict?do=version").json()["result"], json!(2.0));
    assert_eq!(admin.delete(job["id"].as_str().unwrap()).status, 409);

    let view = Added::at("/update", Does::Named("palladium.server.update_model_cache")).by(&["POST"]);
    let store = Component::Persister(Store::new(Reads::Stored(model(1))));
    let running = Running::start(app_of(vec![view], vec![("model_persister", store)], &json!({})), options());
    let refused = running.post("/update", "");
    assert_eq!((refused.status, refused.body.as_str()), (503, "{}"));
}

#[test]
fn a_version_is_activated_in_the_name_of_who_asks() {
    struct Login;
    impl Lifecycle for Login {}
    impl Decorator for Login {
        fn call(&self, call: Call<'_>) -> Result<Returned, Failure> {
            let Arguments::Request(request) = call.arguments() else { return call.proceed() };
            match request.header("x-user") {
                Some(user) => {
                    request.caller.identify(Identity { principal: user.to_owned(), scopes: Vec::new() });
                }
                None => return Ok(ViewResponse::text(401, "who are you?").into()),
            }
            call.proceed()
        }
    }
    let mut decorators = Decorators::default();
    decorators.insert(DecoratorList::new("activate_decorators", vec![Arc::new(Login)]));
    decorators.insert(DecoratorList::new("server_fit_decorators", vec![Arc::new(Login)]));
    let admin = Admin::start(Learns::AtOnce, &json!({}), decorators, options());
    assert_eq!(admin.form("/activate", "model_version=1").status, 401);
    assert_eq!(admin.form("/fit", "").status, 401);
    let post = |target: &str, kind: &str, body: &str| {
        admin.running.client().request("POST", target, &[("content-type", kind), ("x-user", "ada")], body)
    };
    for _ in 0..2 {
        admin.over(post("/fit", "", "").json()["job_id"].as_str().unwrap());
    }
    let activated = post("/activate?model_version=1", "", "");
    assert_eq!((activated.status, activated.body), (200, admin.running.get("/list").body));
    assert_eq!(admin.running.get("/list").json()["properties"]["active-model"], "1");
    assert_eq!(admin.running.get("/predict?do=version").json()["result"], json!(1.0));
    assert_eq!(post("/activate", "application/json", r#"{"model_version": 2}"#).status, 200);
    assert_eq!(post("/activate", "application/x-www-form-urlencoded", "model_version=1").status, 200);
    let origins = admin.shelf.origins.lock().unwrap().clone();
    assert!(origins.iter().all(|origin| origin.principal == "ada"));
    let commands: Vec<&str> = origins.iter().map(|origin| origin.command.as_str()).collect();
    assert_eq!(commands, ["POST /fit", "POST /fit", "POST /activate", "POST /activate", "POST /activate"]);
    let refused = [
        ("", 400, "`model_version` is missing"),
        (r#"{"model_version": null}"#, 400, "`model_version` is missing"),
        (r#"{"model_version": "x"}"#, 400, "`model_version` has to be a version"),
        (r#"{"model_version": 1.5}"#, 400, "`model_version` has to be a version"),
        (r#"{"model_version": [1]}"#, 400, "`model_version` has to be a version"),
        (r#"{"model_version": 0}"#, 400, "`model_version` has to be a version"),
        (r#"{"model_version": 77}"#, 404, "no such version"),
    ];
    for (body, status, message) in refused {
        let response = post("/activate", "application/json", body);
        let json = response.json();
        assert_eq!((response.status, &json["error_code"]), (status, &json!(-1)), "{body}");
        assert!(json["error_message"].as_str().unwrap().contains(message), "{body}: {json}");
    }
}

#[test]
fn the_last_jobs_are_kept() {
    let entries = json!({"server": {"keep_jobs": 2}});
    let admin = Admin::start(Learns::AtOnce, &entries, Decorators::default(), options());
    let ids: Vec<String> = (0..4)
        .map(|_| {
            let id = admin.fit("persist=0");
            admin.over(&id);
            id
        })
        .collect();
    let deadline = Instant::now() + Duration::from_secs(20);
    let kept =
        || -> Vec<String> { admin.running.get("/jobs").json()["jobs"].as_object().unwrap().keys().cloned().collect() };
    // A job is over shortly before the oldest ones are forgotten.
    while kept().len() > 2 && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(kept(), ids[2..]);
}
