//! Decorators: what is wrapped around a call of the engine.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use palladium_data::Dataset;
use palladium_value::KeyPath;
use serde_json::{Map as JsonMap, Value as Json};

use crate::{
    Caller, Credential, DecoratorDocs, Explain, Failure, Lasting, Lifecycle, Metadata, Pairs, ParameterPlace, Trace,
    TraceId, TrainedModel, Version,
};

/// Wraps a call: works before and after it, changes what it returns, or answers in its place.
pub trait Decorator: Lifecycle {
    /// Is called instead of the call; [`Call::proceed`] makes the call.
    ///
    /// # Errors
    /// Those of the call, which go on unchanged, or the decorator's own.
    fn call(&self, call: Call<'_>) -> Result<Returned, Failure>;

    /// Tells whether it neither waits nor computes for long, so that the threads which answer requests may call it
    /// themselves.
    fn is_quick(&self) -> bool {
        false
    }

    /// Tells whether it keeps those out of a view who do not say who they are.
    fn authentication(&self) -> Authentication {
        Authentication::None
    }

    /// Tells whether it may find out who makes a request, so that those further inside know; see [`ViewRequest::caller`].
    fn identifies(&self) -> bool {
        self.authentication() != Authentication::None
    }

    /// Tells whether it goes by who makes a request, which a decorator further outside has to find out.
    fn goes_by_caller(&self) -> bool {
        false
    }

    /// Tells whether its arguments name this header or parameter to be written down, which is not done where another
    /// decorator of the list reads credentials from it; see [`Caller::is_credential`].
    fn writes_down(&self, place: ParameterPlace, name: &str) -> bool {
        let _ = (place, name);
        false
    }

    /// Tells whether it writes a line about each request at the target `palladium::access`. Where the outermost one does,
    /// the server writes none about what it lets through to the decorators.
    fn logs_requests(&self) -> bool {
        false
    }

    /// Tells whether it needs the request of a view, so that it has nothing to do in a list that wraps other calls.
    fn wraps_only_views(&self) -> bool {
        false
    }

    /// Tells whether it answers what browsers ask before a request, without credentials, so that it has to stand further
    /// outside than those that keep everybody out who does not say who they are.
    fn answers_preflights(&self) -> bool {
        false
    }

    /// Tells whether pages of this origin may have a view change something, with the passwords and certificates that
    /// browsers add. The service refuses such requests of pages that no decorator of the list lets in.
    fn allows_origin(&self, origin: &str) -> bool {
        let _ = origin;
        false
    }

    /// Returns what it takes and answers around a view, for documents; nothing where it may answer anything.
    fn docs(&self) -> Option<DecoratorDocs> {
        None
    }

    /// Tells whether it looks at the body of a request. Where no decorator of a list does, the body is read only once
    /// the call is made, so that who is refused cannot have it kept in memory; decorators then see an empty one.
    fn needs_body(&self) -> bool {
        true
    }
}

/// Whether those are kept out of a view who do not say who they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Authentication {
    /// Everybody gets in.
    #[default]
    None,
    /// A function of the configuration decides.
    Possible,
    /// They are kept out.
    Required,
}

/// A call on its way through the decorators of its list.
pub struct Call<'a> {
    list: &'a str,
    subject: Option<&'a KeyPath>,
    arguments: &'a Arguments<'a>,
    inside: &'a [Arc<dyn Decorator>],
    function: Box<dyn FnOnce() -> Result<Returned, Failure> + 'a>,
}

impl<'a> Call<'a> {
    /// Returns the root key of the list, which says what is called.
    pub fn name(&self) -> &'a str {
        self.list
    }

    /// Returns the place of the component whose method is called, if it is one.
    pub fn subject(&self) -> Option<&'a KeyPath> {
        self.subject
    }

    /// Returns what the call is given.
    pub fn arguments(&self) -> &'a Arguments<'a> {
        self.arguments
    }

    /// Makes the call, through the decorators further inside.
    ///
    /// # Errors
    /// Those of the call and of the decorators inside.
    pub fn proceed(self) -> Result<Returned, Failure> {
        match self.inside.split_last() {
            Some((decorator, inside)) => decorator.call(Call { inside, ..self }),
            None => (self.function)(),
        }
    }
}

/// What a call is given.
#[derive(Clone, Copy)]
pub enum Arguments<'a> {
    /// Nothing: a call that loads data or describes a service.
    Nothing,
    /// The version to read; nothing stands for the active one.
    Version(Option<Version>),
    /// The model to write.
    Model(&'a TrainedModel),
    /// What a fit does beside fitting.
    Fit(&'a FitArguments),
    /// The request that a view answers.
    Request(&'a ViewRequest),
    /// What the metadata of a response are about.
    Metadata(&'a MetadataArguments),
}

/// What a fit does beside fitting.
#[derive(Clone, Debug, PartialEq)]
pub struct FitArguments {
    /// Store the model.
    pub persist: bool,
    /// Make the stored model the active one.
    pub activate: bool,
    /// Score it.
    pub evaluate: bool,
    /// Store the model only if its test score is this good or better.
    pub persist_if_better_than: Option<f64>,
}

/// A request to a view, as plain data.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct ViewRequest {
    /// The method, in capitals.
    pub method: String,
    /// The path as it was sent.
    pub path: String,
    /// The decoded pairs of the query string, in order.
    pub query: Pairs,
    /// The headers in order, with their names in lower case.
    pub headers: Pairs,
    /// The body; empty where there is none.
    pub body: Vec<u8>,
    /// The decoded parts of the path that the rule of a view names, in order.
    pub parts: Pairs,
    /// The address that the connection comes from, which may be that of a proxy.
    pub peer: Option<IpAddr>,
    /// The id of the request, by which its lines in the log are found.
    pub request_id: String,
    /// Who makes it, once a decorator has found out; those further inside may rely on it.
    pub caller: Caller,
    /// The trace that it belongs to, where it came with one or somebody wants to know.
    pub trace: Option<Arc<Trace>>,
    /// When its head had come, where that is known.
    pub started: Option<Instant>,
    /// What lasts until the answer has been sent, where that is made only then and the view returns its head; nothing
    /// where the view returns all of it.
    pub lasting: Option<Lasting>,
}

impl ViewRequest {
    /// Keeps something until the answer has been sent, where the view returns its head alone. Where the view returns all of
    /// it, it is given back, to be kept until then.
    #[must_use = "it is dropped here where the view returns all of the answer"]
    pub fn keep_until_sent<T: Send + 'static>(&self, kept: T) -> Option<T> {
        match &self.lasting {
            Some(lasting) => {
                lasting.keep(kept);
                None
            }
            None => Some(kept),
        }
    }

    /// Returns the part of the path that the rule gives this name.
    pub fn part(&self, name: &str) -> Option<&str> {
        self.parts.get(name)
    }

    /// Returns the first header of a name, whose case does not count.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get_all_ignoring_case(name).next()
    }

    /// Returns the id of the trace that it belongs to, if it has one: lines of the log about the request carry it.
    pub fn trace_id(&self) -> Option<TraceId> {
        self.trace.as_ref().map(|trace| trace.trace_id)
    }

    /// Returns the first value of a query parameter.
    pub fn query(&self, name: &str) -> Option<&str> {
        self.query.get(name)
    }
}

/// Shows method, path and sizes alone: query, headers and body may hold secrets.
impl fmt::Debug for ViewRequest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (headers, bytes) = (self.headers.len(), self.body.len());
        write!(formatter, "{} {} ({headers} headers, {bytes} bytes)", self.method, self.path)
    }
}

/// A view's answer, as plain data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ViewResponse {
    /// The status code.
    pub status: u16,
    /// The headers in order.
    pub headers: Pairs,
    /// The body.
    pub body: Vec<u8>,
}

impl ViewResponse {
    /// Returns an answer of plain text.
    pub fn text(status: u16, body: impl Into<String>) -> ViewResponse {
        let headers = Pairs::from_iter([("content-type", "text/plain; charset=utf-8")]);
        ViewResponse { status, headers, body: body.into().into_bytes() }
    }

    /// Returns the first header of a name, whose case does not count.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get_all_ignoring_case(name).next()
    }

    /// Sets a header, in the place of others with this name, whose case does not count.
    pub fn set_header(&mut self, name: &str, value: impl AsRef<str>) {
        if self.header(name).is_some() {
            self.headers = self.headers.iter().filter(|(key, _)| !key.eq_ignore_ascii_case(name)).collect();
        }
        self.headers.push(name, value.as_ref());
    }
}

/// What the metadata of a response are about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetadataArguments {
    /// `OK` or `ERROR`.
    pub status: &'static str,
    /// 0, or the code of the error.
    pub error_code: i64,
    /// The message of the error.
    pub error_message: Option<String>,
}

/// What a fit did, as plain data.
#[derive(Clone, Debug, PartialEq)]
pub struct Fitted {
    /// What is known about the model.
    pub metadata: Metadata,
    /// The scores on the training data with their labels, if evaluated.
    pub train_scores: Vec<(String, f64)>,
    /// The scores on the test data with their labels, if evaluated.
    pub test_scores: Vec<(String, f64)>,
    /// The version under which the model was stored, if it was.
    pub version: Option<Version>,
    /// Whether that is the active one now.
    pub activated: bool,
}

macro_rules! returned {
    ($($(#[$doc:meta])* $variant:ident($type:ty) = $text:literal,)*) => {
        /// What a call returns.
        #[derive(Clone)]
        pub enum Returned {
            /// Nothing.
            Nothing,
            $($(#[$doc])* $variant($type),)*
        }

        impl Returned {
            /// Returns what it is, in words.
            pub fn describe(&self) -> &'static str {
                match self {
                    Returned::Nothing => "nothing",
                    $(Returned::$variant(_) => $text,)*
                }
            }
        }

        $(
            impl From<$type> for Returned {
                fn from(value: $type) -> Returned {
                    Returned::$variant(value)
                }
            }

            impl TryFrom<Returned> for $type {
                type Error = WrongReturn;

                fn try_from(returned: Returned) -> Result<$type, WrongReturn> {
                    match returned {
                        Returned::$variant(value) => Ok(value),
                        other => Err(WrongReturn { expected: $text, found: other.describe() }),
                    }
                }
            }
        )*
    };
}

returned! {
    /// Data.
    Dataset(Dataset) = "a data set",
    /// A model.
    Model(Arc<TrainedModel>) = "a model",
    /// The version of a model that was written.
    Version(Version) = "a version",
    /// What a fit did.
    Fitted(Fitted) = "a report of a fit",
    /// The metadata of a response.
    Metadata(JsonMap<String, Json>) = "metadata",
    /// A view's answer.
    Response(ViewResponse) = "a response",
}

impl fmt::Debug for Returned {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.describe())
    }
}

/// A decorator returned something that the call does not return.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a decorator returned {found} where the call returns {expected}")]
pub struct WrongReturn {
    expected: &'static str,
    found: &'static str,
}

impl Explain for WrongReturn {}

/// The decorators of one list, the innermost first. Clones share them.
#[derive(Clone)]
pub struct DecoratorList {
    name: Arc<str>,
    decorators: Arc<[Arc<dyn Decorator>]>,
    is_quick: bool,
    /// What they read credentials from.
    credentials: Arc<[Credential]>,
}

impl DecoratorList {
    /// Returns the list of a root key.
    pub fn new(name: &str, decorators: Vec<Arc<dyn Decorator>>) -> DecoratorList {
        let is_quick = decorators.iter().all(|decorator| decorator.is_quick());
        let docs = decorators.iter().filter_map(|decorator| decorator.docs());
        let credentials = docs.flat_map(|docs| docs.security).map(|scheme| scheme.credential).collect();
        DecoratorList { name: name.into(), decorators: decorators.into(), is_quick, credentials }
    }

    /// Returns the root key.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Tells whether there are none: callers then make the call themselves.
    pub fn is_empty(&self) -> bool {
        self.decorators.is_empty()
    }

    /// Tells whether all of them are quick, see [`Decorator::is_quick`].
    pub fn is_quick(&self) -> bool {
        self.is_quick
    }

    /// Tells whether a decorator of the list keeps those out who do not say who they are.
    pub fn authentication(&self) -> Authentication {
        self.decorators.iter().map(|decorator| decorator.authentication()).max().unwrap_or_default()
    }

    /// Tells whether the outermost of them writes a line about each request, see [`Decorator::logs_requests`].
    pub fn log_requests(&self) -> bool {
        self.decorators.last().is_some_and(|decorator| decorator.logs_requests())
    }

    /// Tells whether one of them lets pages of this origin in, see [`Decorator::allows_origin`].
    pub fn allow_origin(&self, origin: &str) -> bool {
        self.decorators.iter().any(|decorator| decorator.allows_origin(origin))
    }

    /// Returns what each of them takes and answers around a view, the innermost first.
    pub fn docs(&self) -> impl Iterator<Item = Option<DecoratorDocs>> {
        self.decorators.iter().map(|decorator| decorator.docs())
    }

    /// Tells whether one of them looks at the body of a request.
    pub fn needs_body(&self) -> bool {
        self.decorators.iter().any(|decorator| decorator.needs_body())
    }

    /// Makes a call through the decorators, the last of the list outermost.
    ///
    /// # Errors
    /// Those of the call, or of a decorator.
    pub fn call(
        &self,
        subject: Option<&KeyPath>,
        arguments: &Arguments<'_>,
        function: impl FnOnce() -> Result<Returned, Failure>,
    ) -> Result<Returned, Failure> {
        if let Arguments::Request(request) = arguments
            && !self.credentials.is_empty()
        {
            request.caller.is_known_by(&self.credentials);
        }
        let (list, inside) = (self.name(), &self.decorators[..]);
        Call { list, subject, arguments, inside, function: Box::new(function) }.proceed()
    }

    /// Makes a call that returns one type and fails with one type of error, both of which pass unchanged.
    ///
    /// # Errors
    /// As [`DecoratorList::call`]; `failed` takes the errors that are the decorators' own.
    pub fn wrap<T, E>(
        &self,
        subject: Option<&KeyPath>,
        arguments: &Arguments<'_>,
        function: impl FnOnce() -> Result<T, E>,
        failed: impl Fn(Failure) -> E,
    ) -> Result<T, E>
    where
        T: Into<Returned> + TryFrom<Returned, Error = WrongReturn>,
        E: Explain,
    {
        let returned = self.call(subject, arguments, || function().map(Into::into).map_err(Failure::from));
        match returned {
            Ok(returned) => T::try_from(returned).map_err(|wrong| failed(wrong.into())),
            Err(failure) => Err(failure.downcast::<E>().unwrap_or_else(failed)),
        }
    }
}

impl fmt::Debug for DecoratorList {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} of {}", self.decorators.len(), self.name)
    }
}

/// The decorators of a configuration by the root key of their list.
#[derive(Clone, Debug, Default)]
pub struct Decorators(BTreeMap<String, DecoratorList>);

impl Decorators {
    /// Adds a list.
    pub fn insert(&mut self, list: DecoratorList) {
        self.0.insert(list.name().to_owned(), list);
    }

    /// Returns the list of a root key; it is empty where the configuration has none.
    pub fn list(&self, name: &str) -> DecoratorList {
        self.0.get(name).cloned().unwrap_or_else(|| DecoratorList::new(name, Vec::new()))
    }
}

#[cfg(test)]
mod tests;
