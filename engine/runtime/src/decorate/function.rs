//! Functions of scripts as decorators: a function of one parameter, the call, is called in the place of a decorator.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use palladium_component::interfaces::{
    Arguments, Authentication, Call, Decorator, Explain, Failure, Identity, Lifecycle, Returned, Version, ViewRequest,
    ViewResponse,
};
use palladium_component::value::{Callable, Data, Diagnostic, Entry, Map, Span, Value};

use super::plain::{self, map, text};

/// A function as a decorator.
pub struct FunctionDecorator {
    function: Arc<dyn Callable>,
}

/// A call as a function sees it. It is given to the function as a component, whose properties and methods `proceed` and
/// `identify` the script's language knows.
pub struct FunctionCall {
    properties: Map,
    /// The way to the thread of the call, until it has been asked to make the call.
    steps: Mutex<Option<Steps>>,
}

/// Asks for the call and is told what it returned, or failed with.
type Steps = (Sender<Step>, Receiver<Result<Value, String>>);

/// What the thread of a function tells the thread of the call.
enum Step {
    /// This one makes the request.
    Identify(Identity),
    /// Make the call.
    Proceed,
    /// The function is done.
    Done(Result<Value, Failure>),
}

/// The property that calls of views have.
const REQUEST: &str = "request";

/// The function has failed.
#[derive(Debug, thiserror::Error)]
#[error("the function `{name}` of a script has failed: {}", finding.message)]
struct FunctionFailed {
    name: String,
    finding: Box<Diagnostic>,
}

impl Explain for FunctionFailed {
    fn help(&self) -> Option<String> {
        let place = self.finding.labels.first().map(|label| format!("look at {}", label.span));
        place.into_iter().chain(self.finding.help.iter().cloned()).reduce(|all, help| format!("{all}; {help}"))
    }
}

impl FunctionDecorator {
    /// Returns the decorator that calls a function with one argument, the call.
    pub fn new(function: Arc<dyn Callable>) -> FunctionDecorator {
        FunctionDecorator { function }
    }

    fn run(&self, call: FunctionCall) -> Result<Value, Failure> {
        let call = Value::new(Data::Component(Arc::new(call)), Span::nowhere("call"));
        match catch_unwind(AssertUnwindSafe(|| self.function.call(vec![call]))) {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(finding)) => Err(FunctionFailed { name: self.function.name().to_owned(), finding }.into()),
            Err(_) => Err(Failure::message(format!("the function `{}` of a script panicked", self.function.name()))),
        }
    }
}

impl Lifecycle for FunctionDecorator {}

impl Decorator for FunctionDecorator {
    /// Runs the function on a thread of its own: what it is given has to outlive every call, which the arguments of
    /// this one do not, so this thread makes the call when the function asks for it.
    fn call(&self, call: Call<'_>) -> Result<Returned, Failure> {
        let (step, steps) = channel();
        let (answer, answers) = channel();
        let arguments = *call.arguments();
        let handle = FunctionCall::new(&call, step.clone(), answers);
        let mut call = Some(call);
        let mut outcome: Option<Result<Returned, Failure>> = None;
        let returned = thread::scope(|scope| {
            let builder = thread::Builder::new().name("decorator".to_owned());
            let started = builder.spawn_scoped(scope, move || {
                // Nobody but this call listens.
                let _ = step.send(Step::Done(self.run(handle)));
            });
            started.map_err(|error| Failure::message(format!("no thread can be started: {error}")))?;
            loop {
                match steps.recv() {
                    Ok(Step::Identify(identity)) => {
                        if let Arguments::Request(request) = arguments {
                            request.caller.identify(identity);
                        }
                    }
                    Ok(Step::Proceed) => {
                        let Some(call) = call.take() else { continue };
                        let done = call.proceed();
                        let told = done.as_ref().map(shown).map_err(ToString::to_string);
                        outcome = Some(done);
                        // A function that has ended meanwhile does not want to know.
                        let _ = answer.send(told);
                    }
                    Ok(Step::Done(returned)) => return returned,
                    Err(_) => return Err(Failure::message("the function ended unexpectedly")),
                }
            }
        });
        match (returned, outcome) {
            // An error that the function did not catch goes on as it was.
            (Err(own), Some(Err(failure))) if own.to_string().contains(&failure.to_string()) => Err(failure),
            (Err(own), _) => Err(own),
            (Ok(value), outcome) => read(&value, &arguments, outcome.and_then(Result::ok)),
        }
    }

    /// What a function does shows when it is called.
    fn authentication(&self) -> Authentication {
        Authentication::Possible
    }
}

impl FunctionCall {
    fn new(call: &Call<'_>, step: Sender<Step>, answers: Receiver<Result<Value, String>>) -> FunctionCall {
        let mut properties = Map::new();
        let mut set = |name: &str, value: Value| {
            properties.insert(name.to_owned(), Entry { key_span: value.span.clone(), value });
        };
        set("name", text(call.name()));
        set("subject", call.subject().map_or_else(plain::null, |subject| text(&subject.to_string())));
        match call.arguments() {
            Arguments::Nothing => {}
            Arguments::Version(version) => set("version", version.map_or_else(plain::null, plain::version)),
            Arguments::Model(model) => set("metadata", plain::metadata(&model.metadata)),
            Arguments::Fit(fit) => {
                set("persist", plain::flag(fit.persist));
                set("activate", plain::flag(fit.activate));
                set("evaluate", plain::flag(fit.evaluate));
                set("persist_if_better_than", fit.persist_if_better_than.map_or_else(plain::null, plain::number));
            }
            Arguments::Request(request) => set(REQUEST, request_map(request)),
            Arguments::Metadata(metadata) => {
                set("status", text(metadata.status));
                set("error_code", plain::int(metadata.error_code));
                set("error_message", metadata.error_message.as_deref().map_or_else(plain::null, text));
            }
        }
        FunctionCall { properties, steps: Mutex::new(Some((step, answers))) }
    }

    /// Returns a property: `name`, `subject`, and by what is called `request`, `version`, `metadata`, `persist`,
    /// `activate`, `evaluate`, `persist_if_better_than`, `status`, `error_code` or `error_message`.
    pub fn property(&self, name: &str) -> Option<&Value> {
        self.properties.get(name).map(|entry| &entry.value)
    }

    /// Returns the names of the properties.
    pub fn properties(&self) -> impl Iterator<Item = &str> {
        self.properties.keys().map(String::as_str)
    }

    /// Leaves who makes the request, for decorators further inside and for views.
    ///
    /// # Errors
    /// The call is not that of a view, or was made before, or this is no name or no scope; in words.
    pub fn identify(&self, principal: &str, scopes: Vec<String>) -> Result<(), String> {
        if self.property(REQUEST).is_none() {
            return Err("this call has no request, and so nobody who makes it".to_owned());
        }
        if !Identity::is_principal(principal) {
            return Err("a principal has a name of at most 256 bytes, without control characters".to_owned());
        }
        if let Some(odd) = scopes.iter().find(|scope| !Identity::is_scope(scope)) {
            return Err(format!("{odd:?} is no scope, which is visible ASCII without blanks and quotes"));
        }
        let steps = self.steps.lock().unwrap_or_else(PoisonError::into_inner);
        let (step, _) = steps.as_ref().ok_or("`identify` has to come before `proceed`")?;
        let identity = Identity { principal: principal.to_owned(), scopes };
        step.send(Step::Identify(identity)).map_err(|_| "the call is over".to_owned())
    }

    /// Makes the call and returns what it returned: responses and metadata as maps.
    ///
    /// # Errors
    /// Those of the call, in words; it was made before.
    pub fn proceed(&self) -> Result<Value, String> {
        let steps = self.steps.lock().unwrap_or_else(PoisonError::into_inner).take();
        let (step, answers) = steps.ok_or("`proceed` can be called once")?;
        let gone = "the call is over";
        step.send(Step::Proceed).map_err(|_| gone)?;
        answers.recv().map_err(|_| gone)?
    }
}

/// Answers a request by a function of a configuration: it is called with the request as a map, and returns a map with
/// `status`, `headers` and `body`, or text alone.
///
/// # Errors
/// The function fails or returns what is no response.
pub fn answer(function: &Arc<dyn Callable>, request: &ViewRequest) -> Result<ViewResponse, Failure> {
    let failed = |finding| FunctionFailed { name: function.name().to_owned(), finding };
    let value = function.call(vec![request_map(request)]).map_err(failed)?;
    match &value.data {
        Data::Map(entries) => response(entries, None),
        Data::Text(body) => Ok(ViewResponse::text(200, body.clone())),
        _ => {
            let message = format!("the function `{}` of a view returned {}", function.name(), value.describe());
            Err(Failure::with_help(message, "it has to return text, or a map with `status`, `headers` and `body`"))
        }
    }
}

/// Returns a request as functions see it: what is not known is null, and there are `parts` only if the rule has any.
fn request_map(request: &ViewRequest) -> Value {
    let identity = request.caller.identity();
    let mut value = map([
        ("method", text(&request.method)),
        ("path", text(&request.path)),
        ("query", plain::pairs(&request.query)),
        ("headers", plain::pairs(&request.headers)),
        ("body", plain::bytes(&request.body)),
        ("peer", request.peer.map_or_else(plain::null, |peer| text(&peer.to_string()))),
        ("request_id", text(&request.request_id)),
        ("principal", identity.as_ref().map_or_else(plain::null, |identity| text(&identity.principal))),
        ("scopes", plain::texts(identity.as_ref().map_or(&[], |identity| &identity.scopes))),
    ]);
    if let Some(entries) = value.as_map_mut().filter(|_| !request.parts.is_empty()) {
        let parts = plain::pairs(&request.parts);
        entries.insert("parts".to_owned(), Entry { key_span: parts.span.clone(), value: parts });
    }
    value
}

/// Returns what a call returned as a function sees it.
fn shown(returned: &Returned) -> Value {
    match returned {
        Returned::Nothing => plain::null(),
        Returned::Version(version) => plain::version(*version),
        Returned::Metadata(entries) => plain::json(&serde_json::Value::Object(entries.clone())),
        Returned::Fitted(fitted) => map([
            ("metadata", plain::metadata(&fitted.metadata)),
            ("train_scores", plain::scores(&fitted.train_scores)),
            ("test_scores", plain::scores(&fitted.test_scores)),
            ("version", fitted.version.map_or_else(plain::null, plain::version)),
            ("activated", plain::flag(fitted.activated)),
        ]),
        Returned::Response(response) => map([
            ("status", plain::int(response.status.into())),
            ("headers", plain::pairs(&response.headers)),
            ("body", plain::bytes(&response.body)),
        ]),
        Returned::Dataset(data) => Value::new(Data::Component(Arc::new(data.clone())), Span::nowhere("call")),
        Returned::Model(model) => Value::new(Data::Component(Arc::clone(model) as _), Span::nowhere("call")),
    }
}

/// Reads what a function returned; `done` is what the call returned.
fn read(value: &Value, arguments: &Arguments<'_>, done: Option<Returned>) -> Result<Returned, Failure> {
    match (&value.data, arguments, done) {
        // What a fit did stays what it did.
        (_, Arguments::Fit(_), Some(done)) => Ok(done),
        (Data::Map(entries), Arguments::Request(_), done) => response(entries, done).map(Returned::Response),
        (Data::Map(_), Arguments::Metadata(_), _) => match value.to_json() {
            serde_json::Value::Object(entries) => Ok(Returned::Metadata(entries)),
            _ => Ok(Returned::Nothing),
        },
        (Data::Int(number), Arguments::Model(_), _) => {
            let version = u64::try_from(*number).ok().and_then(|number| Version::new(number).ok());
            version.map(Returned::Version).ok_or_else(|| Failure::message(format!("{number} is no version")))
        }
        (Data::Null, ..) => Ok(Returned::Nothing),
        (Data::Component(erased), ..) => plain::opaque(erased),
        _ => Err(wrong(value, arguments)),
    }
}

/// Returns the failure of a function that returned what cannot stand for what its call returns.
fn wrong(value: &Value, arguments: &Arguments<'_>) -> Failure {
    let expected = match arguments {
        Arguments::Request(_) => "a map with `status`, `headers` and `body`, or what `proceed()` returned",
        Arguments::Metadata(_) => "a map, or what `proceed()` returned",
        Arguments::Model(_) => "the version, as `proceed()` returns it",
        Arguments::Nothing | Arguments::Version(_) | Arguments::Fit(_) => "what `proceed()` returned",
    };
    let message = format!("a function that decorates returned {}", value.describe());
    let place = if value.span.is_quotable() { format!("; look at {}", value.span) } else { String::new() };
    Failure::with_help(message, format!("it has to return {expected}{place}"))
}

/// Reads `#{ status: 401, headers: #{ … }, body: "…" }`; a body that is missing or null is that of the call.
fn response(entries: &Map, done: Option<Returned>) -> Result<ViewResponse, Failure> {
    const KEYS: [&str; 3] = ["status", "headers", "body"];
    if let Some(key) = entries.keys().find(|key| !KEYS.contains(&key.as_str())) {
        let help = "a response has `status`, `headers` and `body`";
        return Err(Failure::with_help(format!("a response has no entry `{key}`"), help));
    }
    let mut response = match done {
        Some(Returned::Response(response)) => response,
        _ => ViewResponse::text(200, ""),
    };
    if let Some(entry) = entries.get("status") {
        let status = entry.value.as_int().and_then(|status| u16::try_from(status).ok());
        let status = status.filter(|status| (200..=599).contains(status));
        response.status =
            status.ok_or_else(|| Failure::message("the `status` of a response is a whole number from 200 to 599"))?;
    }
    if let Some(entry) = entries.get("headers") {
        let given = plain::read_pairs(&entry.value)
            .ok_or_else(|| Failure::message("the `headers` of a response are a map from text to text"))?;
        let is_kind = |(name, _): &(&str, &str)| name.eq_ignore_ascii_case("content-type");
        let default = response.headers.iter().find(is_kind).filter(|_| !given.iter().any(|pair| is_kind(&pair)));
        response.headers = default.into_iter().chain(&given).collect();
    }
    match entries.get("body").map(|entry| &entry.value.data) {
        None | Some(Data::Null) => {}
        Some(Data::Text(body)) => response.body = body.clone().into_bytes(),
        Some(_) => return Err(Failure::message("the `body` of a response is text")),
    }
    Ok(response)
}
