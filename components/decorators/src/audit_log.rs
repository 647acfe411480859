//! Who did what, and when.

use std::borrow::Cow;
use std::path::PathBuf;
use std::sync::OnceLock;

use chrono::{SecondsFormat, Utc};
use palladium_component::prelude::*;
use serde_json::{Map as JsonMap, Value as Json, json};
use tracing::field::display;
use url::form_urlencoded;

use crate::access_log::status_of;
use crate::journal::{Journal, grouped};
use crate::view::{described_later, later, principal, request_of};

/// Writes down who did what and when, for views that change something.
///
/// ```ron
/// "activate_decorators": [
///     {
///         "!": "palladium.decorators.AuditLog",
///         "path": "${here}/audit.ndjson",
///         "parameters": ["model_version"],
///     },
///     { "!": "palladium.decorators.BasicAuth", "users_file": "${here}/users" },
/// ]
/// ```
///
/// Each request makes two lines of JSON, which are on the disk before the work goes on: `asked` with the principal, the
/// address, method and path before the view is called, and `answered` with the status afterwards. Both have the same
/// `request_id`, and the same `trace_id` if the request has a trace. A request that cannot be written down is answered
/// with status 503 and does nothing. The file is only ever appended to; one that is moved away or deleted is begun anew
/// with the next line. One that holds anything but lines of this decorator and `RequestLog`, such as a store of models or a
/// configuration, stays as it is: the service does not start then, which `palladium check --connect` tells before.
///
/// Parameters are left out unless `parameters` names them, which does not have a view take one that
/// it does not know; of one that is given several times all values are written, as a list. Headers never are written, and
/// neither is a parameter that another decorator of the list reads credentials from.
///
/// It stands before the decorator that authenticates, which is further outside: what that refuses is not written down.
#[component(Decorator, name = "palladium.decorators.AuditLog", lifecycle)]
pub struct AuditLog {
    /// The file, which is made where there is none; its folder has to exist.
    path: PathBuf,
    /// The parameters of the query string, of a form or of an object of JSON that are written down too.
    #[param(default = [])]
    parameters: Vec<String>,
    #[state]
    journal: OnceLock<Journal>,
}

impl AuditLog {
    fn append(&self, line: &Json) -> std::io::Result<()> {
        let closed = || std::io::Error::other("the file is not open");
        self.journal.get().ok_or_else(closed)?.append(line, true)
    }

    fn line(&self, event: &str, view: &str, request: &ViewRequest) -> JsonMap<String, Json> {
        let time = Utc::now().to_rfc3339_opts(SecondsFormat::Micros, true);
        let mut line = JsonMap::new();
        line.insert("time".to_owned(), json!(time));
        line.insert("event".to_owned(), json!(event));
        line.insert("request_id".to_owned(), json!(request.request_id));
        if let Some(trace_id) = request.trace_id() {
            line.insert("trace_id".to_owned(), json!(trace_id.to_string()));
        }
        line.insert("principal".to_owned(), json!(principal(request)));
        line.insert("peer".to_owned(), json!(request.peer.map(|peer| peer.to_string())));
        line.insert("view".to_owned(), json!(view));
        line.insert("method".to_owned(), json!(request.method));
        line.insert("path".to_owned(), json!(request.path));
        line
    }

    /// Returns the named parameters of the query string and of a body, which is a form or an object of JSON.
    fn shown(&self, request: &ViewRequest) -> JsonMap<String, Json> {
        let kind = request.header("content-type").unwrap_or_default().to_ascii_lowercase();
        let form = if kind.starts_with("application/x-www-form-urlencoded") { request.body.as_slice() } else { &[] };
        let text = |(name, value): (Cow<'_, str>, Cow<'_, str>)| (name.into_owned(), Json::String(value.into_owned()));
        let query = request.query.iter().map(|(name, value)| (name.into(), value.into()));
        let pairs = query.chain(form_urlencoded::parse(form)).map(text);
        let object: JsonMap<String, Json> = match kind.contains("json") {
            true => serde_json::from_slice(&request.body).unwrap_or_default(),
            false => JsonMap::new(),
        };
        let is_credential = |name: &str| request.caller.is_credential(ParameterPlace::Query, name);
        grouped(pairs.chain(object).filter(|(name, _)| self.parameters.contains(name) && !is_credential(name)))
    }
}

impl Lifecycle for AuditLog {
    fn initialize(&self, context: &InitContext<'_>) -> Result<(), Failure> {
        if context.mode == Mode::Serve {
            let _ = self.journal.set(Journal::open(&self.path, None)?);
        }
        Ok(())
    }

    fn probe(&self) -> Result<Probe, Failure> {
        Journal::probe(&self.path)
    }
}

impl Decorator for AuditLog {
    fn call(&self, call: Call<'_>) -> Result<Returned, Failure> {
        let (request, view) = (request_of(&call)?, call.name());
        let (request_id, trace_id) = (&request.request_id, request.trace_id().map(display));
        let mut asked = self.line("asked", view, request);
        asked.insert("parameters".to_owned(), self.shown(request).into());
        if let Err(error) = self.append(&asked.into()) {
            tracing::error!(target: "palladium::audit", request_id, trace_id, "the request cannot be written down: {error}");
            return Ok(later(request, 503, "the request cannot be written down, and is not followed", 5).into());
        }
        let returned = call.proceed();
        let mut answered = self.line("answered", view, request);
        answered.insert("status".to_owned(), json!(status_of(&returned)));
        if let Err(error) = self.append(&answered.into()) {
            tracing::error!(target: "palladium::audit", request_id, trace_id, "the answer cannot be written down: {error}");
        }
        returned
    }

    fn wraps_only_views(&self) -> bool {
        true
    }

    fn writes_down(&self, place: ParameterPlace, name: &str) -> bool {
        place == ParameterPlace::Query && self.parameters.iter().any(|parameter| parameter == name)
    }

    fn docs(&self) -> Option<DecoratorDocs> {
        let responses = vec![described_later(503, "The request cannot be written down.")];
        Some(DecoratorDocs { responses, ..DecoratorDocs::default() })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::testing::{decorator, request, through, through_to};

    #[test]
    fn who_did_what_stands_in_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit.ndjson");
        let arguments = json!({"path": path, "parameters": ["model_version"]});
        let log = decorator("AuditLog", &arguments);
        let form = ("content-type", "application/x-www-form-urlencoded");
        let mut asked = request("POST", &[form, ("authorization", "canary")]);
        asked.body = b"model_version=2&token=canary".to_vec();
        asked.query = Pairs::from_iter([("token", "canary")]);
        asked.caller.identify(Identity { principal: "ada \"\n".to_owned(), scopes: Vec::new() });
        let (trace_id, span_id) = (TraceId([7; 16]), SpanId([8; 8]));
        asked.trace = Some(Arc::new(Trace { trace_id, span_id, parent: None, is_sampled: false }));
        let read = || std::fs::read_to_string(&path).unwrap();
        let view = || {
            assert_eq!(read().lines().count(), 1, "it is written down before it is done");
            ViewResponse::text(404, "")
        };
        assert_eq!(through_to(&[&log], &asked, view).status, 404);
        let written = read();
        assert!(!written.contains("canary"), "{written}");
        let lines: Vec<Json> = written.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        for line in &lines {
            assert_eq!((&line["principal"], &line["request_id"]), (&json!("ada \"\n"), &json!("abc")));
            assert_eq!(line["trace_id"], "07".repeat(16));
            assert_eq!((&line["peer"], &line["view"]), (&json!("127.0.0.1"), &json!("predict_decorators")));
        }
        assert_eq!((&lines[0]["event"], &lines[0]["parameters"]), (&json!("asked"), &json!({"model_version": "2"})));
        assert_eq!((&lines[1]["event"], &lines[1]["status"]), (&json!("answered"), &json!(404)));
        let mut asked = request("POST", &[form]);
        asked.query = Pairs::from_iter([("model_version", "1"), ("token", "canary"), ("model_version", "2")]);
        asked.body = b"model_version=3".to_vec();
        through(&[&log], &asked);
        assert!(read().contains(r#""parameters":{"model_version":["1","2","3"]}"#), "{}", read());
        let mut asked = request("POST", &[("content-type", "application/json")]);
        asked.body = br#"{"model_version": 3, "token": "canary"}"#.to_vec();
        through(&[&decorator("AuditLog", &arguments)], &asked);
        let written = read();
        assert_eq!(written.lines().count(), 6, "a second start appends");
        assert!(written.contains("\"parameters\":{\"model_version\":3}") && !written.contains("canary"), "{written}");
    }

    #[test]
    fn keys_are_not_written_down() {
        const DIGEST: &str = "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
        let keys = decorator("ApiKey", &json!({"api_keys": {"ada": DIGEST}, "query_parameter": "key"}));
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit.ndjson");
        let log = decorator("AuditLog", &json!({"path": path, "parameters": ["key", "a"]}));
        for list in [[&log, &keys], [&keys, &log]] {
            let mut asked = request("POST", &[]);
            asked.query = Pairs::from_iter([("key", "test"), ("a", "1")]);
            assert_eq!(through(&list, &asked).status, 200);
        }
        let written = std::fs::read_to_string(&path).unwrap();
        assert_eq!(written.matches(r#""parameters":{"a":"1"}"#).count(), 2, "{written}");
        assert!(!written.contains("test"), "{written}");
    }

    #[test]
    fn what_cannot_be_written_down_is_not_done() {
        let log = crate::testing::plan("AuditLog", &json!({"path": "/dev/full"})).unwrap();
        crate::testing::initialize(log.as_ref(), "activate_decorators.0").unwrap();
        let answer = through_to(&[&log], &request("POST", &[]), || panic!("it must not be called"));
        assert_eq!(answer.status, 503);
        let missing = crate::testing::plan("AuditLog", &json!({"path": "/no/such/folder/x"})).unwrap();
        assert!(crate::testing::initialize(missing.as_ref(), "activate_decorators.0").is_err());
    }
}
