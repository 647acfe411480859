//! What clients read: the envelope of predictions, and refusals.

use actix_web::HttpResponse;
use actix_web::body::BoxBody;
use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER};
use palladium_component::interfaces::{
    Arguments, DecoratorList, ErrorDetail, ErrorResponse, Failure, InputError, InputErrors, MetadataArguments, Misfit,
    Pairs, PredictError, PredictResponse, PredictService, Version, View, ViewResponse,
};
use palladium_component::value::Map;
use palladium_component::value::with_causes;
use serde_json::{Map as JsonMap, Value as Json, json};
use std::sync::Arc;
use tracing::field::display;

use crate::decorated::http_response;
use crate::request_id::{HEADER, Name};

pub const JSON_TYPE: &str = "application/json; charset=utf-8";
pub const JSON: HeaderValue = HeaderValue::from_static(JSON_TYPE);

/// The header that names the version of the model that was asked.
pub const MODEL_VERSION: HeaderName = HeaderName::from_static(MODEL_VERSION_NAME);
pub const MODEL_VERSION_NAME: &str = "x-model-version";

/// Returns a response of JSON text.
pub fn respond(status: StatusCode, body: Vec<u8>) -> HttpResponse {
    let mut response = HttpResponse::with_body(status, BoxBody::new(body));
    response.headers_mut().insert(CONTENT_TYPE, JSON);
    response
}

/// Does as [`respond`] and [`name_version`], as decorators see it.
pub fn respond_plainly(status: StatusCode, body: Vec<u8>, version: Option<Version>) -> ViewResponse {
    const ROOM: usize = 96;
    let mut headers = Pairs::with_capacity(ROOM, 2);
    headers.push("content-type", JSON_TYPE);
    if let Some(version) = version {
        headers.push(MODEL_VERSION_NAME, itoa::Buffer::new().format(version.number()));
    }
    ViewResponse { status: status.as_u16(), headers, body }
}

/// Names the version of the model that was asked, if it has one.
pub fn name_version(response: &mut HttpResponse, version: Option<Version>) {
    if let Some(version) = version {
        response.headers_mut().insert(MODEL_VERSION, HeaderValue::from(version.number()));
    }
}

/// Names a request in its refusal, unless that does so itself.
pub fn name_request(response: &mut HttpResponse, request_id: &str) {
    let is_refusal = response.status().is_client_error() || response.status().is_server_error();
    if let (true, Ok(id)) = (is_refusal && !response.headers().contains_key(HEADER), HeaderValue::from_str(request_id))
    {
        response.headers_mut().insert(HEADER, id);
    }
}

/// The parts of a prediction's envelope that are the same in every response.
pub struct Envelope {
    /// The metadata behind the version of the model, up to the result.
    behind_version: Vec<u8>,
    /// `service_metadata` without the fields that are the framework's.
    metadata: JsonMap<String, Json>,
    /// What is called for the metadata of every response.
    decorators: DecoratorList,
}

const OK: &str = r#"{"metadata":{"status":"OK","error_code":0"#;

impl Envelope {
    /// Returns the envelope with the root key `service_metadata` and the decorators of what builds the metadata.
    pub fn new(service_metadata: Option<&Map>, decorators: DecoratorList) -> Envelope {
        const OURS: [&str; 6] = ["status", "error_code", "error_message", "model_version", "errors", "error_count"];
        let entries = service_metadata.into_iter().flatten();
        let entries = entries.filter(|(key, _)| !OURS.contains(&key.as_str()));
        let metadata: JsonMap<_, _> = entries.map(|(key, entry)| (key.clone(), entry.value.to_json())).collect();
        let fields = Json::Object(metadata.clone()).to_string();
        let separator = if metadata.is_empty() { "" } else { "," };
        let behind_version = format!(r#"{separator}{},"result":"#, &fields[1..]).into_bytes();
        Envelope { behind_version, metadata, decorators }
    }

    /// Returns status and body of a successful response.
    ///
    /// # Errors
    /// The result cannot be written as JSON, a decorator fails; in words for the log.
    pub fn success(
        &self,
        response: &PredictResponse,
        version: Option<Version>,
    ) -> Result<(StatusCode, Vec<u8>), String> {
        const FEW: usize = 64;
        let mut body = Vec::with_capacity(OK.len() + self.behind_version.len() + FEW);
        let own = if let PredictResponse::Own(own) = response { Some(own) } else { None };
        if self.decorators.is_empty() && own.is_none() {
            body.extend_from_slice(OK.as_bytes());
            if let Some(version) = version {
                body.extend_from_slice(br#","model_version":"#);
                body.extend_from_slice(itoa::Buffer::new().format(version.number()).as_bytes());
            }
            body.extend_from_slice(&self.behind_version);
        } else {
            let ok = MetadataArguments { status: "OK", error_code: 0, error_message: None };
            let further = own.map(|own| own.metadata.clone()).unwrap_or_default();
            let metadata = self.decorated(&ok, version, further).map_err(|failure| explained(&failure))?;
            body.extend_from_slice(format!(r#"{{"metadata":{metadata},"result":"#).as_bytes());
        }
        serde_json::to_writer(&mut body, response).map_err(|error| with_causes(&error))?;
        body.push(b'}');
        let status = own.and_then(|own| StatusCode::from_u16(own.status?).ok());
        Ok((status.unwrap_or(StatusCode::OK), body))
    }

    /// Returns what the metadata of every response have beside the framework's fields; nothing where decorators may
    /// change any of them.
    pub fn metadata(&self) -> Option<&serde_json::Map<String, Json>> {
        self.decorators.is_empty().then_some(&self.metadata)
    }

    /// Tells whether decorators are called for every response, which may then block.
    pub fn is_decorated(&self) -> bool {
        !self.decorators.is_empty()
    }

    /// Tells whether these decorators are quick.
    pub fn is_quick(&self) -> bool {
        self.decorators.is_quick()
    }

    /// Returns the metadata of a response: the framework's, those of the configuration and further ones.
    fn plain(
        &self,
        arguments: &MetadataArguments,
        version: Option<Version>,
        further: JsonMap<String, Json>,
    ) -> JsonMap<String, Json> {
        let mut plain = JsonMap::new();
        plain.insert("status".to_owned(), json!(arguments.status));
        plain.insert("error_code".to_owned(), json!(arguments.error_code));
        plain.extend(arguments.error_message.iter().map(|message| ("error_message".to_owned(), json!(message))));
        plain.extend(version.map(|version| ("model_version".to_owned(), json!(version.number()))));
        for (name, value) in self.metadata.clone().into_iter().chain(further) {
            let is_free = !["status", "error_code", "error_message", "model_version"].contains(&name.as_str());
            is_free.then(|| plain.insert(name, value));
        }
        plain
    }

    /// Returns the metadata of a response as the decorators leave them.
    fn decorated(
        &self,
        arguments: &MetadataArguments,
        version: Option<Version>,
        further: JsonMap<String, Json>,
    ) -> Result<Json, Failure> {
        let plain = self.plain(arguments, version, further);
        if self.decorators.is_empty() {
            return Ok(Json::Object(plain));
        }
        let returned = self.decorators.call(None, &Arguments::Metadata(arguments), || Ok(plain.into()))?;
        Ok(Json::Object(returned.try_into()?))
    }

    /// Returns the metadata of a refusal.
    fn refusal(&self, error: ErrorResponse, version: Option<Version>, name: &Name) -> Json {
        let (error_code, message, further) = (error.error_code, Some(error.error_message), error.metadata);
        let arguments = MetadataArguments { status: "ERROR", error_code, error_message: message };
        let caught = guarded(|| self.decorated(&arguments, version, further.clone()))
            .map(|decorated| decorated.map_err(|failure| explained(&failure)));
        caught.and_then(|decorated| decorated).unwrap_or_else(|why| {
            let (request_id, trace_id) = (&name.id, name.trace.map(display));
            tracing::error!(
                target: "palladium::server", request_id, trace_id, "the metadata of a refusal stay undecorated: {why}",
            );
            Json::Object(self.plain(&arguments, version, further))
        })
    }
}

/// How a predict service tells its clients about errors.
#[derive(Clone, Copy)]
pub struct Teller<'a> {
    /// What is around every answer.
    pub envelope: &'a Envelope,
    /// Has the last word.
    pub service: &'a dyn PredictService,
    /// How much is told.
    pub detail: ErrorDetail,
}

/// Why a request is not answered as it asks: in a box, since every answer may be one and is moved.
#[derive(Debug)]
pub struct Refusal(Box<Facts>);

#[derive(Debug)]
struct Facts {
    status: StatusCode,
    code: i64,
    reason: Reason,
    /// What is told in the place of a reason that says more than clients sent.
    word: Option<&'static str>,
    input: Option<InputErrors>,
    /// Whether it is about one line of a stream, so that what is wrong need not say of which sample it is.
    is_of_line: bool,
    /// Whether the service itself has refused.
    is_of_service: bool,
    version: Option<Version>,
    /// A further header.
    header: Option<(HeaderName, HeaderValue)>,
    /// A further field of the body.
    field: Option<(&'static str, String)>,
}

#[derive(Debug)]
enum Reason {
    /// For the client.
    Said(String),
    /// For the log; the client reads this much of it, and the id of the request or, where clients are told in full and
    /// there is one, the detail.
    Kept { said: &'static str, detail: Option<String>, logged: String },
}

/// Where in a body the three fields of a refusal stand.
#[derive(Clone, Copy)]
pub enum Shape<'a> {
    /// At the top level.
    Flat,
    /// In `metadata`: the service has refused.
    Envelope(Teller<'a>),
    /// In both places: the service was not even asked.
    Both(Teller<'a>),
    /// As the first of these views says it that has an own way at this path, and else at the top level.
    Views { views: &'a [Arc<dyn View>], path: &'a str },
}

impl Refusal {
    fn new(status: StatusCode, code: i64, reason: Reason) -> Refusal {
        let is_of_service = matches!(status, StatusCode::BAD_REQUEST | StatusCode::INTERNAL_SERVER_ERROR);
        let (word, input, version, header, field) = (None, None, None, None, None);
        let is_of_line = false;
        let facts = Facts { status, code, reason, word, input, is_of_line, is_of_service, version, header, field };
        Refusal(Box::new(facts))
    }

    /// Returns a refusal whose reason the client reads.
    pub fn said(status: StatusCode, code: i64, message: impl Into<String>) -> Refusal {
        Refusal::new(status, code, Reason::Said(message.into()))
    }

    /// Returns the refusal of a request that cannot be understood.
    pub fn bad_request(message: impl std::fmt::Display) -> Refusal {
        Refusal::said(StatusCode::BAD_REQUEST, -1, format!("BadRequest: {message}")).in_word("bad_request")
    }

    /// Returns the refusal of a method.
    pub fn method(allow: &str) -> Refusal {
        let message = format!("the method is not allowed here, {allow} are");
        let mut refusal = Refusal::said(StatusCode::METHOD_NOT_ALLOWED, -1, message);
        refusal.0.header = HeaderValue::from_str(allow).ok().map(|allow| (ALLOW, allow));
        refusal
    }

    /// Returns the refusal of a request for which there is room a moment later.
    pub fn crowded(message: String) -> Refusal {
        let mut refusal = Refusal::said(StatusCode::SERVICE_UNAVAILABLE, -1, message);
        refusal.0.header = Some((RETRY_AFTER, HeaderValue::from_static("1")));
        refusal
    }

    /// Returns a refusal whose reason is logged.
    pub fn internal(logged: impl Into<String>) -> Refusal {
        let reason = Reason::Kept { said: "an internal error occurred", detail: None, logged: logged.into() };
        Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, -1, reason)
    }

    /// Returns the refusal of what has failed: the log has why, and what to do about it.
    pub fn failed(failure: &Failure) -> Refusal {
        Refusal::internal(explained(failure))
    }

    /// Returns a refusal whose reason is logged, for something that may be there later.
    pub fn unavailable(said: &'static str, logged: impl Into<String>) -> Refusal {
        Refusal::new(StatusCode::SERVICE_UNAVAILABLE, -1, Reason::Kept { said, detail: None, logged: logged.into() })
    }

    /// Returns the refusal of a service that asks of the active model what it does not do, as an error shows.
    pub fn misfit(misfit: Misfit, error: &PredictError) -> Refusal {
        let said = "the active model does not fit the service";
        let logged = match error {
            PredictError::Internal(failure) => explained(failure),
            other => other.to_string(),
        };
        let reason = Reason::Kept { said, detail: Some(misfit.message), logged };
        Refusal::new(StatusCode::SERVICE_UNAVAILABLE, -1, reason)
    }

    /// Returns the refusal of a request for which no model is active, as the store says so.
    pub fn no_model(said: String) -> Refusal {
        Refusal::said(StatusCode::SERVICE_UNAVAILABLE, -1, said).in_word("no_model")
    }

    /// Returns the refusal of a service or its model.
    pub fn of(error: &PredictError) -> Refusal {
        let status = StatusCode::INTERNAL_SERVER_ERROR;
        match error {
            PredictError::BadRequest(message) => Refusal::bad_request(message),
            PredictError::Invalid(errors) => {
                let mut refusal = Refusal::bad_request(errors);
                refusal.0.word = errors.kept().first().map(|error| error.code.as_str());
                refusal.0.input = Some(errors.clone());
                refusal
            }
            PredictError::TooManyRows { .. } => Refusal::said(StatusCode::PAYLOAD_TOO_LARGE, -1, error.to_string()),
            PredictError::Refused { message, code, status: own } => {
                let status = own.and_then(|own| StatusCode::from_u16(own).ok()).unwrap_or(status);
                let mut refusal = Refusal::said(status, *code, message.clone()).in_word("refused");
                refusal.0.is_of_service = true;
                refusal
            }
            PredictError::NoProbabilities | PredictError::NoParameter { .. } => {
                Refusal::said(status, -1, error.to_string())
            }
            PredictError::Internal(failure) => Refusal::failed(failure),
        }
    }

    /// Has this told in the place of the reason where clients are told codes alone.
    fn in_word(mut self, word: &'static str) -> Refusal {
        self.0.word = Some(word);
        self
    }

    /// Adds a field to the body.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: String) -> Refusal {
        self.0.field = Some((name, value));
        self
    }

    /// Has it be about one line of a stream.
    #[must_use]
    pub fn of_line(mut self) -> Refusal {
        self.0.is_of_line = true;
        self
    }

    /// Adds the version of the model that was asked.
    #[must_use]
    pub fn by(mut self, version: Option<Version>) -> Refusal {
        self.0.version = version;
        self
    }

    /// Tells whether the service itself has refused.
    pub fn is_of_service(&self) -> bool {
        self.0.is_of_service
    }

    /// Logs what is kept from clients.
    pub fn log(&self, name: &Name) {
        if let Reason::Kept { said, logged, .. } = &self.0.reason {
            let (request_id, trace_id) = (&name.id, name.trace.map(display));
            tracing::error!(target: "palladium::server", request_id, trace_id, "{said}: {logged}");
        }
    }

    /// Returns what a client is told.
    fn told(&self, detail: ErrorDetail, request_id: &str) -> ErrorResponse {
        let error_message = match (&self.0.reason, self.0.word) {
            (Reason::Kept { said, detail: Some(full), .. }, _) if detail == ErrorDetail::Full => {
                format!("{said}: {full}")
            }
            (Reason::Kept { said, .. }, _) => format!("{said}, request id {request_id}"),
            (Reason::Said(_), Some(word)) if detail == ErrorDetail::Codes => match self.0.status {
                StatusCode::BAD_REQUEST => format!("BadRequest: {word}"),
                _ => word.to_owned(),
            },
            (Reason::Said(message), _) => message.clone(),
        };
        let mut metadata = JsonMap::new();
        if let Some(errors) = &self.0.input {
            let shown = if detail == ErrorDetail::Full { InputError::to_json } else { InputError::to_bare_json };
            let mut kept: Vec<Json> = errors.kept().iter().map(shown).collect();
            if self.0.is_of_line {
                kept.iter_mut().filter_map(Json::as_object_mut).for_each(|error| drop(error.shift_remove("row")));
            }
            metadata.insert("errors".to_owned(), kept.into());
            metadata.insert("error_count".to_owned(), json!(errors.count()));
        }
        ErrorResponse { status: self.0.status.as_u16(), error_code: self.0.code, error_message, metadata }
    }

    /// Returns what the clients of a predict service are told, in which the service has the last word.
    pub fn told_by(&self, teller: &Teller<'_>, name: &Name) -> ErrorResponse {
        let told = self.told(teller.detail, &name.id);
        if !teller.service.changes_error_responses() {
            return told;
        }
        let changed = guarded(|| teller.service.error_response(told.clone()));
        let changed = changed.and_then(|changed| changed.map_err(|failure| explained(&failure)));
        changed.unwrap_or_else(|why| {
            let (request_id, trace_id) = (&name.id, name.trace.map(display));
            tracing::error!(target: "palladium::server", request_id, trace_id, "a refusal is told as it was: {why}");
            told
        })
    }

    /// Writes the response, and logs what is kept from the client.
    pub fn write(self, shape: Shape<'_>, name: &Name) -> Written {
        self.log(name);
        let told = match &shape {
            Shape::Flat | Shape::Views { .. } => self.told(ErrorDetail::Full, &name.id),
            Shape::Envelope(teller) | Shape::Both(teller) => self.told_by(teller, name),
        };
        let status = StatusCode::from_u16(told.status).unwrap_or(self.0.status);
        let message = told.error_message.clone();
        let mut fields = json!({"status": "ERROR", "error_code": told.error_code, "error_message": told.error_message});
        if let Some((name, value)) = self.0.field {
            fields[name] = json!(value);
        }
        let body = match shape {
            Shape::Flat | Shape::Views { .. } => fields,
            Shape::Envelope(teller) => json!({"metadata": teller.envelope.refusal(told, self.0.version, name)}),
            Shape::Both(teller) => {
                fields["metadata"] = teller.envelope.refusal(told, self.0.version, name);
                fields
            }
        };
        let (body, request_id) = (body.to_string().into_bytes(), name.id.clone());
        Written { status, message, body, request_id, header: self.0.header, version: self.0.version }
    }

    /// Returns the response, and logs what is kept from the client.
    pub fn respond(self, shape: Shape<'_>, name: &Name) -> HttpResponse {
        let written = self.write(shape, name);
        let own = match shape {
            Shape::Views { views, path } => said_by(views, path, &written, name),
            Shape::Flat | Shape::Envelope(_) | Shape::Both(_) => None,
        };
        written.finish(own)
    }
}

/// The response of a refusal, which can go from thread to thread.
pub struct Written {
    status: StatusCode,
    message: String,
    body: Vec<u8>,
    request_id: String,
    header: Option<(HeaderName, HeaderValue)>,
    version: Option<Version>,
}

impl From<Written> for HttpResponse {
    fn from(written: Written) -> HttpResponse {
        written.finish(None)
    }
}

impl Written {
    /// Returns the response, or another one with its headers.
    fn finish(self, own: Option<HttpResponse>) -> HttpResponse {
        let Written { status, body, request_id, header, version, .. } = self;
        let mut response = own.unwrap_or_else(|| respond(status, body));
        name_version(&mut response, version);
        let headers = response.headers_mut();
        if let Ok(id) = HeaderValue::from_str(&request_id) {
            headers.insert(HEADER, id);
        }
        if let Some((name, value)) = header {
            headers.insert(name, value);
        }
        response
    }
}

/// Returns why something failed, with what to do about it: where in a script to look, for one.
fn explained(failure: &Failure) -> String {
    let causes = with_causes(failure);
    match failure.help() {
        Some(help) => format!("{causes}; {help}"),
        None => causes,
    }
}

/// Returns a refusal as the first view says it that has an own way at the path.
fn said_by(views: &[Arc<dyn View>], path: &str, written: &Written, name: &Name) -> Option<HttpResponse> {
    let (status, message) = (written.status.as_u16(), &written.message);
    let said = guarded(|| views.iter().find_map(|view| view.refusal(path, status, message)));
    said.and_then(|said| said.map(http_response).transpose()).unwrap_or_else(|why| {
        let (request_id, trace_id) = (&name.id, name.trace.map(display));
        tracing::error!(
            target: "palladium::server", request_id, trace_id, "a view cannot say a refusal in its own way: {why}",
        );
        None
    })
}

/// Runs what may panic and turns a panic into a text for the log.
pub fn guarded<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    // What a panic leaves behind is the component's own: it is dropped or was behind a shared reference before.
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)).map_err(|payload| {
        let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let text = text.or_else(|| payload.downcast_ref::<String>().cloned());
        format!("panic: {}", text.unwrap_or_default())
    })
}
