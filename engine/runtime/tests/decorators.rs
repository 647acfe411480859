//! Lists of decorators: how they are checked, what they wrap and how often.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test fails by a panic")]

use std::any::Any;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use palladium_component::prelude::*;
use palladium_component::value::{Callable, Source};
use palladium_runtime::decorate::FunctionCall;
use palladium_runtime::{App, build, plan};

/// The calls of all lists by the name of the decorator: tests use names of their own.
static CALLS: Mutex<Vec<(String, String)>> = Mutex::new(Vec::new());

/// Writes down its calls under a name.
#[component(Decorator, name = "test.Notes")]
struct Notes {
    /// The name.
    #[param(default = "notes")]
    name: String,
    /// A loader that decorators may have for themselves.
    loader: Option<Arc<dyn DatasetLoader>>,
}

impl Decorator for Notes {
    fn call(&self, call: Call<'_>) -> Result<Returned, Failure> {
        let subject = call.subject().map(ToString::to_string).unwrap_or_default();
        CALLS.lock().unwrap().push((self.name.clone(), subject));
        if let Some(loader) = &self.loader {
            loader.load()?;
        }
        call.proceed()
    }
}

/// Loads what another loader loads, or nothing.
#[component(DatasetLoader, name = "test.Loader")]
struct Loader {
    /// The other loader.
    inner: Option<Arc<dyn DatasetLoader>>,
}

impl DatasetLoader for Loader {
    fn load(&self) -> Result<Dataset, Failure> {
        match &self.inner {
            Some(inner) => inner.load(),
            None => Err(Failure::message("there is no data")),
        }
    }
}

/// Has no models.
#[component(Persister, name = "test.Empty")]
struct Empty {
    /// The persister that is asked.
    inner: Option<Arc<dyn Persister>>,
}

impl Persister for Empty {
    fn read(&self, version: Option<Version>) -> Result<Arc<TrainedModel>, PersistError> {
        self.inner.as_ref().map_or_else(|| Err(PersistError::Lookup("none".into())), |inner| inner.read(version))
    }

    fn at_hand(&self) -> Option<Result<Arc<TrainedModel>, PersistError>> {
        Some(Err(PersistError::Lookup("none".into())))
    }

    fn write(&self, _: &TrainedModel) -> Result<Version, PersistError> {
        Ok(Version::FIRST)
    }

    fn activate(&self, _: Version) -> Result<(), PersistError> {
        Ok(())
    }

    fn delete(&self, _: Version) -> Result<(), PersistError> {
        Ok(())
    }

    fn list_models(&self) -> Result<Vec<Metadata>, PersistError> {
        Ok(Vec::new())
    }

    fn list_properties(&self) -> Result<BTreeMap<String, String>, PersistError> {
        Ok(BTreeMap::new())
    }
}

/// Fails with what it was asked.
#[component(Persister, name = "test.Asked")]
struct Asked {}

fn asked<T>(what: impl Into<String>) -> Result<T, PersistError> {
    Err(PersistError::Lookup(what.into()))
}

impl Persister for Asked {
    fn read(&self, _: Option<Version>) -> Result<Arc<TrainedModel>, PersistError> {
        asked("read")
    }

    fn write(&self, _: &TrainedModel) -> Result<Version, PersistError> {
        asked("write")
    }

    fn activate(&self, version: Version) -> Result<(), PersistError> {
        asked(format!("activate {version}"))
    }

    fn activate_as(&self, version: Version, origin: &Origin) -> Result<(), PersistError> {
        asked(format!("activate {version} for {}", origin.command))
    }

    fn delete(&self, version: Version) -> Result<(), PersistError> {
        asked(format!("delete {version}"))
    }

    fn delete_as(&self, version: Version, force: bool, origin: &Origin) -> Result<(), PersistError> {
        asked(format!("delete {version} {force} for {}", origin.command))
    }

    fn list_models(&self) -> Result<Vec<Metadata>, PersistError> {
        asked("models")
    }

    fn list_properties(&self) -> Result<BTreeMap<String, String>, PersistError> {
        asked("properties")
    }

    fn exists(&self) -> Result<bool, PersistError> {
        asked("exists")
    }

    fn store_place(&self) -> Option<StorePlace> {
        Some(StorePlace { shown: "place".to_owned(), near: None })
    }

    fn list_sizes(&self) -> Result<BTreeMap<Version, u64>, PersistError> {
        asked("sizes")
    }

    fn verify(&self, version: Version) -> Result<(), PersistError> {
        asked(format!("verify {version}"))
    }

    fn digest(&self, version: Version) -> Result<Option<String>, PersistError> {
        asked(format!("digest {version}"))
    }

    fn orphans(&self) -> Result<Vec<Orphan>, PersistError> {
        asked("orphans")
    }

    fn check_writable(&self) -> Result<(), PersistError> {
        asked("writable")
    }

    fn remove_orphans(&self) -> Result<Vec<Orphan>, PersistError> {
        asked("remove orphans")
    }

    fn unlisted(&self) -> Result<Vec<Orphan>, PersistError> {
        asked("unlisted")
    }

    fn history(&self) -> Result<Vec<Activation>, PersistError> {
        asked("history")
    }

    fn upgrade(&self, from: Option<&Release>, to: Option<&Release>, origin: &Origin) -> Result<Upgraded, PersistError> {
        let text = |release: Option<&Release>| release.map_or_else(|| "newest".to_owned(), ToString::to_string);
        asked(format!("upgrade {} to {} for {}", text(from), text(to), origin.command))
    }

    fn cache(&self) -> Option<&dyn ModelCache> {
        Some(self)
    }
}

impl ModelCache for Asked {
    fn update(&self) -> Result<Option<Arc<TrainedModel>>, PersistError> {
        asked("update")
    }

    fn look(&self) {}
}

/// Answers under a list of its own.
#[component(PredictService, name = "test.Service")]
struct Service {
    /// The list.
    decorator_list_name: String,
}

impl PredictService for Service {
    fn entry_point(&self) -> &str {
        "/predict"
    }

    fn model_persister(&self) -> Option<&Arc<dyn Persister>> {
        None
    }

    fn decorator_list_name(&self) -> &str {
        &self.decorator_list_name
    }

    fn predict(&self, _: &Arc<TrainedModel>, _: &PredictRequest) -> Result<PredictResponse, PredictError> {
        Ok(PredictResponse::Empty)
    }
}

/// Answers under a list of its own.
#[component(View, name = "test.Hello")]
struct Hello {
    /// The list.
    decorator_list_name: String,
}

impl View for Hello {
    fn rules(&self) -> Vec<ViewRule> {
        vec![ViewRule::new("/hello", &[])]
    }

    fn decorator_list_name(&self) -> Option<&str> {
        Some(&self.decorator_list_name)
    }
}

/// A function of a script.
struct Script {
    n_parameters: usize,
    body: Body,
}

type Body = fn(&FunctionCall) -> Result<Value, String>;

impl Callable for Script {
    fn name(&self) -> &str {
        "script"
    }

    fn parameters(&self) -> Option<Vec<String>> {
        Some((0..self.n_parameters).map(|index| format!("p{index}")).collect())
    }

    fn call(&self, arguments: Vec<Value>) -> Result<Value, Box<Diagnostic>> {
        let [Value { data: Data::Component(call), .. }] = arguments.as_slice() else { panic!("one call is given") };
        let call = call.downcast_ref::<FunctionCall>().unwrap();
        (self.body)(call).map_err(|error| Box::new(Diagnostic::new(Code::ScriptFailed, error)))
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

fn script(body: Body) -> Value {
    value(Data::Function(Arc::new(Script { n_parameters: 1, body })))
}

fn value(data: Data) -> Value {
    Value::new(data, Span::new(&Source::new("test.ron", "the text"), 0..3))
}

fn text(text: &str) -> Value {
    value(Data::Text(text.into()))
}

fn list(items: Vec<Value>) -> Value {
    value(Data::List(items))
}

fn map(entries: Vec<(&str, Value)>) -> Value {
    let entry = |(key, value): (&str, Value)| (key.to_owned(), Entry { key_span: value.span.clone(), value });
    value(Data::Map(entries.into_iter().map(entry).collect()))
}

fn notes(name: &str) -> Value {
    map(vec![("!", text("test.Notes")), ("name", text(name))])
}

fn app(entries: Vec<(&str, Value)>) -> App {
    let registry = Registry::linked().unwrap();
    build(plan(&map(entries), &[], &registry).unwrap(), &registry).unwrap()
}

/// Returns the subjects that the `test.Notes` of a name has written down.
fn calls(name: &str) -> Vec<String> {
    let calls = CALLS.lock().unwrap();
    calls.iter().filter(|(of, _)| of == name).map(|(_, subject)| subject.clone()).collect()
}

fn findings(entries: Vec<(&str, Value)>) -> Vec<String> {
    let findings = plan(&map(entries), &[], &Registry::linked().unwrap()).unwrap_err();
    findings.iter().map(|finding| format!("{}: {}", finding.code.as_str(), finding.message)).collect()
}

#[test]
fn names_components_and_functions_are_decorators() {
    let items = vec![text("Notes"), notes("second"), script(FunctionCall::proceed)];
    let app = app(vec![
        ("load_data_decorators", list(items)),
        ("dataset_loader_train", map(vec![("!", text("test.Loader"))])),
    ]);
    let loader = app.get::<dyn DatasetLoader>("dataset_loader_train").unwrap();
    assert_eq!(loader.load().unwrap_err().to_string(), "there is no data");
    assert_eq!(calls("notes"), ["dataset_loader_train"]);
    assert_eq!(calls("second"), ["dataset_loader_train"]);
}

#[test]
fn each_object_is_decorated_once_and_not_inside_decorators() {
    let inner = || map(vec![("!", text("test.Loader"))]);
    let outer = map(vec![("!", text("test.Loader")), ("inner", inner())]);
    let own = map(vec![("!", text("test.Notes")), ("name", text("own")), ("loader", outer.clone())]);
    let app = app(vec![("dataset_loader_train", outer), ("load_data_decorators", list(vec![notes("first")]))]);
    let loader = app.get::<dyn DatasetLoader>("dataset_loader_train").unwrap();
    loader.load().unwrap_err();
    assert_eq!(calls("first"), ["dataset_loader_train", "dataset_loader_train.inner"]);
    assert_eq!(app.all::<dyn DatasetLoader>().len(), 2);

    let app = self::app(vec![("dataset_loader_train", inner()), ("load_data_decorators", list(vec![own]))]);
    let loader = app.get::<dyn DatasetLoader>("dataset_loader_train").unwrap();
    assert_eq!(loader.load().unwrap_err().to_string(), "there is no data");
    assert_eq!(calls("own"), ["dataset_loader_train"]);
}

#[test]
fn persisters_are_decorated_and_their_errors_pass() {
    let persister = || {
        let inner = map(vec![("!", text("test.Empty"))]);
        ("model_persister", map(vec![("!", text("test.Empty")), ("inner", inner)]))
    };
    let app = app(vec![persister(), ("read_model_decorators", list(vec![notes("read")]))]);
    let decorated = app.get::<dyn Persister>("model_persister").unwrap();
    assert!(decorated.at_hand().is_none() && decorated.in_memory().is_none());
    assert!(matches!(decorated.read(None), Err(PersistError::Lookup(_))));
    assert_eq!(calls("read"), ["model_persister", "model_persister.inner"]);

    // Where only writing is decorated, the model stays at hand.
    let app = self::app(vec![persister(), ("write_model_decorators", list(vec![text("Notes")]))]);
    assert!(app.get::<dyn Persister>("model_persister").unwrap().at_hand().is_some());
    let app = self::app(vec![persister(), ("read_model_decorators", list(Vec::new()))]);
    assert!(app.get::<dyn Persister>("model_persister").unwrap().at_hand().is_some());
}

#[test]
fn what_is_not_decorated_goes_to_the_persister() {
    let asked = map(vec![("!", text("test.Asked"))]);
    let lists = ["read_model_decorators", "write_model_decorators"].map(|name| (name, list(vec![text("Notes")])));
    let app = app([vec![("model_persister", asked)], lists.to_vec()].concat());
    let persister = app.get::<dyn Persister>("model_persister").unwrap();
    let version = Version::FIRST;
    let origin = Origin { principal: "ada".into(), command: "test".into() };
    let release = "1.0".parse::<Release>().unwrap();
    let cases = [
        (persister.activate(version).err(), "activate 1"),
        (persister.activate_as(version, &origin).err(), "activate 1 for test"),
        (persister.delete(version).err(), "delete 1"),
        (persister.delete_as(version, true, &origin).err(), "delete 1 true for test"),
        (persister.list_models().err(), "models"),
        (persister.list_properties().err(), "properties"),
        (persister.exists().err(), "exists"),
        (persister.list_sizes().err(), "sizes"),
        (persister.verify(version).err(), "verify 1"),
        (persister.digest(version).err(), "digest 1"),
        (persister.orphans().err(), "orphans"),
        (persister.remove_orphans().err(), "remove orphans"),
        (persister.unlisted().err(), "unlisted"),
        (persister.check_writable().err(), "writable"),
        (persister.history().err(), "history"),
        (persister.cache().and_then(|cache| cache.update().err()), "update"),
        (persister.upgrade(Some(&release), None, &origin).err(), "upgrade 1.0 to newest for test"),
    ];
    for (error, expected) in cases {
        assert_eq!(error.unwrap().to_string(), expected);
    }
    assert_eq!(persister.store_place().unwrap().shown, "place");
}

#[test]
fn services_name_lists_of_their_own() {
    let service = map(vec![("!", text("test.Service")), ("decorator_list_name", text("login"))]);
    let app = app(vec![("predict_service", service.clone()), ("login", list(vec![text("Notes")]))]);
    assert!(!app.decorators().list("login").is_empty());
    assert!(app.decorators().list("predict_decorators").is_empty());
    assert!(self::app(vec![("predict_service", service.clone())]).decorators().list("login").is_empty());
    let wrong = ["bad_arguments: the root key `login` has to hold a list of decorators"];
    assert_eq!(findings(vec![("predict_service", service), ("login", text("Notes"))]), wrong);
    let view = map(vec![("!", text("test.Hello")), ("decorator_list_name", text("login"))]);
    let app = self::app(vec![("hello", view.clone()), ("login", list(vec![text("Notes")]))]);
    assert!(!app.decorators().list("login").is_empty());
    assert_eq!(findings(vec![("hello", view), ("login", text("Notes"))]), wrong);
}

#[test]
fn what_is_no_decorator_is_found_while_planning() {
    let two = value(Data::Function(Arc::new(Script { n_parameters: 2, body: FunctionCall::proceed })));
    let cases = [
        (list(vec![text("test.Nots")]), "unknown_component: no component is named `test.Nots`"),
        (
            list(vec![text("test.Empty")]),
            "bad_arguments: `server_fit_decorators.0` has to be a decorator, the name of one or a function",
        ),
        (
            list(vec![notes("x"), value(Data::Int(1))]),
            "bad_arguments: `server_fit_decorators.1` has to be a decorator, the name of one or a function",
        ),
        (list(vec![two]), "bad_arguments: a function that decorates has one parameter, the call"),
        (map(Vec::new()), "bad_arguments: the root key `server_fit_decorators` has to hold a list of decorators"),
        (text("test.Notes"), "bad_arguments: the root key `server_fit_decorators` has to hold a list of decorators"),
    ];
    for (value, expected) in cases {
        assert_eq!(findings(vec![("server_fit_decorators", value)]), [expected]);
    }
}

#[test]
fn functions_see_the_call_as_plain_data() {
    let list_of = |body| {
        let app = app(vec![("alive_decorators", list(vec![script(body)]))]);
        let request = ViewRequest {
            method: "GET".into(),
            path: "/alive".into(),
            headers: Pairs::from_iter([("a", "1"), ("a", "2")]),
            peer: Some([127, 0, 0, 1].into()),
            request_id: "abc".into(),
            ..ViewRequest::default()
        };
        let scopes = vec!["read".to_owned()];
        request.caller.identify(Identity { principal: "ada".into(), scopes });
        let view = || Ok(ViewResponse { body: vec![0xff], ..ViewResponse::text(200, "") }.into());
        let returned = app.decorators().list("alive_decorators").call(None, &Arguments::Request(&request), view);
        returned.and_then(|returned| Ok(ViewResponse::try_from(returned)?))
    };
    // A response that is left as it is, also one that is no text.
    let answer = list_of(FunctionCall::proceed).unwrap();
    assert_eq!((answer.status, answer.body, answer.headers.len()), (200, vec![0xff], 1));
    let answer = list_of(|call| {
        let request = call.property("request").unwrap();
        let shown = format!("{request:?} {:?}", call.property("name").unwrap());
        Ok(map(vec![("status", value(Data::Int(403))), ("body", text(&shown))]))
    })
    .unwrap();
    let shown = "{\"method\": \"GET\", \"path\": \"/alive\", \"query\": {}, \"headers\": {\"a\": [\"1\", \"2\"]}, \
                 \"body\": \"\", \"peer\": \"127.0.0.1\", \"request_id\": \"abc\", \"principal\": \"ada\", \
                 \"scopes\": [\"read\"]} \"alive_decorators\"";
    assert_eq!((answer.status, String::from_utf8(answer.body).unwrap().as_str()), (403, shown));
    let failures: [(Body, &str); 5] = [
        (|_| Ok(value(Data::Null)), "a decorator returned nothing where the call returns a response"),
        (|_| Ok(text("x")), "a function that decorates returned text"),
        (|_| Ok(map(vec![("stats", value(Data::Int(1)))])), "a response has no entry `stats`"),
        (
            |_| Ok(map(vec![("status", value(Data::Int(1)))])),
            "the `status` of a response is a whole number from 200 to 599",
        ),
        (|call| call.proceed().and_then(|_| call.proceed()), "`proceed` can be called once"),
    ];
    for (body, expected) in failures {
        let error = list_of(body).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn functions_find_out_who_makes_a_request() {
    let identity_of = |body| {
        let app = app(vec![("alive_decorators", list(vec![script(body)]))]);
        let request = ViewRequest::default();
        let mut seen = None;
        let view = || {
            seen = request.caller.identity();
            Ok(ViewResponse::text(200, "").into())
        };
        let returned = app.decorators().list("alive_decorators").call(None, &Arguments::Request(&request), view);
        returned.map(|_| seen).map_err(|failure| failure.to_string())
    };
    let found = identity_of(|call| {
        call.identify("eve", Vec::new())?;
        call.identify("ada", vec!["read".to_owned()])?;
        call.proceed()
    });
    let ada = Identity { principal: "ada".into(), scopes: vec!["read".to_owned()] };
    assert_eq!(found.unwrap().as_deref(), Some(&ada));
    let failures: [(Body, &str); 4] = [
        (|call| call.identify("", Vec::new()).map(|()| value(Data::Null)), "a principal has a name"),
        (|call| call.identify("a\nb", Vec::new()).map(|()| value(Data::Null)), "a principal has a name"),
        (|call| call.identify("ada", vec!["a b".into()]).map(|()| value(Data::Null)), "\"a b\" is no scope"),
        (
            |call| call.proceed().and_then(|_| call.identify("ada", Vec::new()).map(|()| value(Data::Null))),
            "`identify` has to come before `proceed`",
        ),
    ];
    for (body, expected) in failures {
        let error = identity_of(body).unwrap_err();
        assert!(error.contains(expected), "{error}");
    }
    let body: Body = |call| call.identify("ada", Vec::new()).and_then(|()| call.proceed());
    let app = app(vec![("update_model_decorators", list(vec![script(body)]))]);
    let view = || Ok(Returned::Nothing);
    let error = app.decorators().list("update_model_decorators").call(None, &Arguments::Nothing, view).unwrap_err();
    assert!(error.to_string().contains("this call has no request"), "{error}");
}

#[test]
fn errors_pass_through_functions_as_they_were() {
    let persister = ("model_persister", map(vec![("!", text("test.Empty"))]));
    let passes = script(FunctionCall::proceed);
    let app = app(vec![persister.clone(), ("read_model_decorators", list(vec![passes]))]);
    let read = app.get::<dyn Persister>("model_persister").unwrap().read(None);
    assert!(matches!(read, Err(PersistError::Lookup(text)) if text == "none"));
    let changes = script(|call| call.proceed().map_err(|_| "another".to_owned()));
    let app = self::app(vec![persister, ("read_model_decorators", list(vec![changes]))]);
    let read = app.get::<dyn Persister>("model_persister").unwrap().read(None);
    assert!(matches!(read, Err(PersistError::Failed(failure)) if failure.to_string().contains("another")));
}
