use std::sync::Mutex;

use super::*;
use crate::PersistError;

type Change = Box<dyn Fn(i64) -> i64 + Send + Sync>;

/// Changes the status of a response as a function of numbers.
struct Changes(Change);

impl Lifecycle for Changes {}

impl Decorator for Changes {
    fn call(&self, call: Call<'_>) -> Result<Returned, Failure> {
        let mut response = ViewResponse::try_from(call.proceed()?)?;
        response.status = u16::try_from((self.0)(response.status.into())).unwrap();
        Ok(response.into())
    }
}

fn changes(change: impl Fn(i64) -> i64 + Send + Sync + 'static) -> Arc<dyn Decorator> {
    Arc::new(Changes(Box::new(change)))
}

/// Answers by itself.
struct Answers(fn() -> Result<Returned, Failure>);

impl Lifecycle for Answers {}

impl Decorator for Answers {
    fn call(&self, _: Call<'_>) -> Result<Returned, Failure> {
        (self.0)()
    }
}

/// Writes down what it is told about the call.
struct Notes(Mutex<Vec<String>>);

impl Lifecycle for Notes {}

impl Decorator for Notes {
    fn call(&self, call: Call<'_>) -> Result<Returned, Failure> {
        let subject = call.subject().map(ToString::to_string).unwrap_or_default();
        let version = match call.arguments() {
            Arguments::Version(version) => version.map(Version::number),
            _ => None,
        };
        self.0.lock().unwrap().push(format!("{} of {subject} with {version:?}", call.name()));
        call.proceed()
    }
}

/// The example of the manual: `f → 10·f`, then `f → f + 2`, on 2 + 3.
#[test]
fn the_first_of_a_list_is_innermost() {
    let orders: [(Vec<Arc<dyn Decorator>>, u16); 3] = [
        (vec![changes(|number| 10 * number), changes(|number| number + 2)], 52),
        (vec![changes(|number| number + 2), changes(|number| 10 * number)], 70),
        (vec![], 5),
    ];
    for (decorators, expected) in orders {
        let list = DecoratorList::new("alive_decorators", decorators);
        let sum = || Ok(ViewResponse::text(2 + 3, "").into());
        let returned = list.call(None, &Arguments::Nothing, sum).unwrap();
        assert_eq!(ViewResponse::try_from(returned).unwrap().status, expected);
    }
}

#[test]
fn a_decorator_may_answer_in_the_place_of_the_call() {
    let answers = Arc::new(Answers(|| Ok(ViewResponse::text(401, "Login required").into())));
    let list = DecoratorList::new("x", vec![answers, changes(|status| status + 2)]);
    let returned = list.call(None, &Arguments::Nothing, || panic!("it was called")).unwrap();
    assert_eq!(ViewResponse::try_from(returned).unwrap().status, 403);
}

#[test]
fn decorators_are_told_what_is_called() {
    let notes = Arc::new(Notes(Mutex::default()));
    let list = DecoratorList::new("read_model_decorators", vec![notes.clone(), notes.clone()]);
    let (key, version) = (KeyPath::parse("model_persister.impl"), Version::new(7).ok());
    list.call(Some(&key), &Arguments::Version(version), || Ok(Returned::Nothing)).unwrap();
    let line = "read_model_decorators of model_persister.impl with Some(7)";
    assert_eq!(*notes.0.lock().unwrap(), [line, line]);
}

#[test]
fn errors_pass_as_they_were() {
    let through = |inner: fn() -> Result<Version, PersistError>, decorator: Arc<dyn Decorator>| {
        let list = DecoratorList::new("write_model_decorators", vec![decorator]);
        list.wrap(None, &Arguments::Nothing, inner, PersistError::Failed).unwrap_err()
    };
    let lookup: fn() -> Result<Version, PersistError> = || Err(PersistError::Lookup("gone".into()));
    let notes = || Arc::new(Notes(Mutex::default()));
    assert!(matches!(through(lookup, notes()), PersistError::Lookup(text) if text == "gone"));
    let own = Arc::new(Answers(|| Err(Failure::message("no"))));
    assert!(matches!(through(lookup, own), PersistError::Failed(failure) if failure.to_string() == "no"));
    let other = Arc::new(Answers(|| Ok(ViewResponse::text(200, "").into())));
    let wrong = "a decorator returned a response where the call returns a version";
    assert_eq!(through(lookup, other).to_string(), wrong);
}

#[test]
fn requests_hide_what_may_be_secret() {
    let request = ViewRequest {
        method: "GET".into(),
        path: "/predict".into(),
        query: Pairs::from_iter([("token", "canary")]),
        headers: Pairs::from_iter([("authorization", "canary")]),
        body: b"canary".to_vec(),
        parts: Pairs::from_iter([("id", "canary")]),
        ..ViewRequest::default()
    };
    assert_eq!(format!("{request:?}"), "GET /predict (1 headers, 6 bytes)");
    assert_eq!(request.header("Authorization"), Some("canary"));
    assert_eq!(request.query("token"), Some("canary"));
    assert_eq!((request.part("id"), request.part("token")), (Some("canary"), None));
    let mut response = ViewResponse::text(200, "");
    response.set_header("Content-Type", "a/b");
    assert_eq!(response.headers, Pairs::from_iter([("Content-Type", "a/b")]));
}
