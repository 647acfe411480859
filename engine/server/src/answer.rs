//! What clients read: the envelope of predictions, and refusals.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, CONTENT_TYPE, HeaderName, HeaderValue};
use palladium_component::interfaces::{Arguments, DecoratorList, Failure, MetadataArguments, PredictResponse, View};
use palladium_component::value::Map;
use palladium_component::value::with_causes;
use serde_json::{Value as Json, json};
use std::sync::Arc;

use crate::decorated::http_response;
use crate::request_id;

const JSON: HeaderValue = HeaderValue::from_static("application/json; charset=utf-8");

/// Returns a response of JSON text.
pub fn respond(status: StatusCode, body: Vec<u8>) -> HttpResponse {
    HttpResponse::build(status).insert_header((CONTENT_TYPE, JSON)).body(body)
}

/// The parts of a prediction's envelope that are the same in every response.
pub struct Envelope {
    /// Up to the result.
    before: Vec<u8>,
    /// `service_metadata` without the fields that are the framework's.
    metadata: serde_json::Map<String, Json>,
    /// What is called for the metadata of every response.
    decorators: DecoratorList,
}

impl Envelope {
    /// Returns the envelope with the root key `service_metadata` and the decorators of what builds the metadata.
    pub fn new(service_metadata: Option<&Map>, decorators: DecoratorList) -> Envelope {
        const OURS: [&str; 3] = ["status", "error_code", "error_message"];
        let entries = service_metadata.into_iter().flatten();
        let entries = entries.filter(|(key, _)| !OURS.contains(&key.as_str()));
        let metadata: serde_json::Map<_, _> =
            entries.map(|(key, entry)| (key.clone(), entry.value.to_json())).collect();
        let fields = with(json!({"status": "OK", "error_code": 0}), &metadata);
        let before = format!(r#"{{"metadata":{fields},"result":"#).into_bytes();
        Envelope { before, metadata, decorators }
    }

    /// Returns the body of a successful response.
    ///
    /// # Errors
    /// The result cannot be written as JSON, a decorator fails; in words for the log.
    pub fn success(&self, result: &PredictResponse) -> Result<Vec<u8>, String> {
        const FEW: usize = 64;
        let mut body = Vec::with_capacity(self.before.len() + FEW);
        if self.decorators.is_empty() {
            body.extend_from_slice(&self.before);
        } else {
            let ok = MetadataArguments { status: "OK", error_code: 0, error_message: None };
            let metadata = self.decorated(&ok).map_err(|failure| with_causes(&failure))?;
            body.extend_from_slice(format!(r#"{{"metadata":{metadata},"result":"#).as_bytes());
        }
        serde_json::to_writer(&mut body, result).map_err(|error| with_causes(&error))?;
        body.push(b'}');
        Ok(body)
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

    /// Returns the metadata of a response as the decorators leave them.
    fn decorated(&self, arguments: &MetadataArguments) -> Result<Json, Failure> {
        let mut plain = serde_json::Map::new();
        plain.insert("status".to_owned(), json!(arguments.status));
        plain.insert("error_code".to_owned(), json!(arguments.error_code));
        plain.extend(arguments.error_message.iter().map(|message| ("error_message".to_owned(), json!(message))));
        plain.extend(self.metadata.clone());
        let returned = self.decorators.call(None, &Arguments::Metadata(arguments), || Ok(plain.into()))?;
        Ok(Json::Object(returned.try_into()?))
    }

    /// Returns the metadata of a refusal with these fields.
    fn refusal(&self, fields: Json, code: i64, message: &str) -> Json {
        if self.decorators.is_empty() {
            return with(fields, &self.metadata);
        }
        let error = MetadataArguments { status: "ERROR", error_code: code, error_message: Some(message.to_owned()) };
        let caught =
            guarded(|| self.decorated(&error)).map(|decorated| decorated.map_err(|failure| with_causes(&failure)));
        caught.and_then(|decorated| decorated).unwrap_or_else(|why| {
            tracing::error!(target: "palladium::server", "the metadata of a refusal stay undecorated: {why}");
            with(fields, &self.metadata)
        })
    }
}

fn with(fields: Json, metadata: &serde_json::Map<String, Json>) -> Json {
    let Json::Object(mut fields) = fields else { return fields };
    fields.extend(metadata.iter().map(|(key, value)| (key.clone(), value.clone())));
    Json::Object(fields)
}

/// Why a request is not answered as it asks.
#[derive(Debug)]
pub struct Refusal {
    status: StatusCode,
    code: i64,
    reason: Reason,
    allow: Option<String>,
    /// A further field of the body.
    field: Option<(&'static str, String)>,
}

#[derive(Debug)]
enum Reason {
    /// For the client.
    Said(String),
    /// For the log; the client reads this much of it, and the id of the request.
    Kept { said: &'static str, logged: String },
}

/// Where in a body the three fields of a refusal stand.
#[derive(Clone, Copy)]
pub enum Shape<'a> {
    /// At the top level.
    Flat,
    /// In `metadata`: the service has refused.
    Envelope(&'a Envelope),
    /// In both places: the service was not even asked.
    Both(&'a Envelope),
    /// As the first of these views says it that has an own way at this path, and else at the top level.
    Views { views: &'a [Arc<dyn View>], path: &'a str },
}

impl Refusal {
    /// Returns a refusal whose reason the client reads.
    pub fn said(status: StatusCode, code: i64, message: impl Into<String>) -> Refusal {
        Refusal { status, code, reason: Reason::Said(message.into()), allow: None, field: None }
    }

    /// Returns the refusal of a request that cannot be understood.
    pub fn bad_request(message: impl std::fmt::Display) -> Refusal {
        Refusal::said(StatusCode::BAD_REQUEST, -1, format!("BadRequest: {message}"))
    }

    /// Returns the refusal of a method.
    pub fn method(allow: &str) -> Refusal {
        let message = format!("the method is not allowed here, {allow} are");
        Refusal { allow: Some(allow.to_owned()), ..Refusal::said(StatusCode::METHOD_NOT_ALLOWED, -1, message) }
    }

    /// Returns a refusal whose reason is logged.
    pub fn internal(logged: impl Into<String>) -> Refusal {
        let reason = Reason::Kept { said: "an internal error occurred", logged: logged.into() };
        Refusal { status: StatusCode::INTERNAL_SERVER_ERROR, code: -1, reason, allow: None, field: None }
    }

    /// Returns a refusal whose reason is logged, for something that may be there later.
    pub fn unavailable(said: &'static str, logged: impl Into<String>) -> Refusal {
        let reason = Reason::Kept { said, logged: logged.into() };
        Refusal { status: StatusCode::SERVICE_UNAVAILABLE, code: -1, reason, allow: None, field: None }
    }

    /// Adds a field to the body.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: String) -> Refusal {
        self.field = Some((name, value));
        self
    }

    /// Tells whether the service itself has refused.
    pub fn is_of_service(&self) -> bool {
        matches!(self.status, StatusCode::BAD_REQUEST | StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// Returns the response, and logs what is kept from the client.
    pub fn respond(self, shape: Shape<'_>, request_id: &str) -> HttpResponse {
        let message = match self.reason {
            Reason::Said(message) => message,
            Reason::Kept { said, logged } => {
                tracing::error!(target: "palladium::server", request_id, "{said}: {logged}");
                format!("{said}, request id {request_id}")
            }
        };
        let mut fields = json!({"status": "ERROR", "error_code": self.code, "error_message": message});
        if let Some((name, value)) = self.field {
            fields[name] = json!(value);
        }
        let body = match shape {
            Shape::Flat | Shape::Views { .. } => fields,
            Shape::Envelope(envelope) => json!({"metadata": envelope.refusal(fields, self.code, &message)}),
            Shape::Both(envelope) => {
                let metadata = envelope.refusal(fields.clone(), self.code, &message);
                with(fields, &serde_json::Map::from_iter([("metadata".to_owned(), metadata)]))
            }
        };
        let own = match shape {
            Shape::Views { views, path } => said_by(views, path, self.status, &message),
            Shape::Flat | Shape::Envelope(_) | Shape::Both(_) => None,
        };
        let mut response = own.unwrap_or_else(|| respond(self.status, body.to_string().into_bytes()));
        let headers = response.headers_mut();
        if let Ok(id) = HeaderValue::from_str(request_id) {
            headers.insert(HeaderName::from_static(request_id::HEADER), id);
        }
        if let Some(allow) = self.allow.and_then(|allow| HeaderValue::from_str(&allow).ok()) {
            headers.insert(ALLOW, allow);
        }
        response
    }
}

/// Returns a refusal as the first view says it that has an own way at the path.
fn said_by(views: &[Arc<dyn View>], path: &str, status: StatusCode, message: &str) -> Option<HttpResponse> {
    let said = guarded(|| views.iter().find_map(|view| view.refusal(path, status.as_u16(), message)));
    said.and_then(|said| said.map(http_response).transpose()).unwrap_or_else(|why| {
        tracing::error!(target: "palladium::server", "a view cannot say a refusal in its own way: {why}");
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
