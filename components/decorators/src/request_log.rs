//! Requests for later study.

use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::Instant;

use chrono::{SecondsFormat, Utc};
use indexmap::IndexMap;
use palladium_component::ParamType;
use palladium_component::prelude::*;
use serde_json::{Map as JsonMap, Value as Json, json};
use tracing::field::display;

use crate::access_log::status_of;
use crate::journal::{Journal, Rotation, grouped};
use crate::keyed_hash::KeyedHash;
use crate::plain::HeaderName;
use crate::view::{principal, request_of};

/// Writes requests to a file, for looking at what a model is asked.
///
/// ```ron
/// "predict_decorators": [{
///     "!": "palladium.decorators.RequestLog",
///     "path": "${here}/requests.ndjson",
///     "rate": 0.1,
///     "fields": { "sepal length": "keep", "sepal width": "keep", "customer": "hash" },
/// }]
/// ```
///
/// One of ten requests makes a line of JSON here: time, request id, trace id if the request has a trace, principal,
/// method, path, status, duration, and the fields of the query string and of the JSON body, an object or a list of
/// objects. Of a name that stands several times in the query string all values are written, as a list. Fields that
/// `fields` does not name are treated as `others` says, which drops them. `hash` writes a keyed hash in the place of the
/// value, by which equal values are found; with `hash_secret` they are equal after a restart too. A file that reaches
/// `max_bytes` is put aside as `requests.ndjson.1`, and `keep` such files stay. A line that cannot be written is reported
/// in the log, and the request is answered all the same. Of a stream of lines, the content type `application/x-ndjson`,
/// the body is null, and the duration is the time until the stream began.
///
/// Several decorators may write one file, whose largest `max_bytes` and `keep` count; it is not put aside while an
/// `AuditLog` writes it too. A file that is moved away or deleted is begun anew with the next line.
#[component(Decorator, name = "palladium.decorators.RequestLog", check, lifecycle)]
pub struct RequestLog {
    /// The file, which is made where there is none; its folder has to exist.
    path: PathBuf,
    /// The share of the requests that is written.
    #[param(default = 1.0, above = 0.0, max = 1.0)]
    rate: f64,
    /// A map from the names of fields to `keep`, `hash` or `drop`.
    fields: Option<IndexMap<String, Treatment>>,
    /// What happens to all other fields: `keep`, `hash` or `drop`.
    #[param(default = "drop")]
    others: Treatment,
    /// The headers that are written too; those that carry credentials cannot be.
    #[param(default = [])]
    headers: Vec<HeaderName>,
    /// The key of the hashes; without it one is drawn at each start. Take it from the environment.
    hash_secret: Option<String>,
    /// How many objects of a body are written.
    #[param(default = 100)]
    max_samples: usize,
    /// The bytes that a file holds at most.
    #[param(default = 10_000_000, min = 1000)]
    max_bytes: u64,
    /// How many files stay beside the one that grows.
    #[param(default = 5)]
    keep: u32,
    #[state]
    ready: OnceLock<(Journal, KeyedHash)>,
}

/// What happens to a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Treatment {
    Keep,
    Hash,
    Drop,
}

impl FromArgument for Treatment {
    const TYPE: ParamType = ParamType::Choice(&["keep", "hash", "drop"]);

    fn from_argument(value: &Value) -> Result<Treatment, Mismatch> {
        match value.as_text() {
            Some("keep") => Ok(Treatment::Keep),
            Some("hash") => Ok(Treatment::Hash),
            Some("drop") => Ok(Treatment::Drop),
            _ => Err(Mismatch::wrong(Self::TYPE, value)),
        }
    }
}

/// Tells whether a header may carry credentials, by the words of its name.
fn is_secret(header: &str) -> bool {
    const WORDS: [&str; 9] =
        ["auth", "authorization", "cookie", "cookie2", "key", "password", "secret", "token", "jwt"];
    header.split(['-', '_']).any(|word| WORDS.contains(&word) || word.starts_with("auth"))
}

impl RequestLog {
    fn check(&self) -> Result<(), ArgumentError> {
        match self.headers.iter().find(|header| is_secret(&header.0)) {
            Some(header) => {
                let message = format!("the header `{}` may carry credentials, which are not written", header.0);
                Err(ArgumentError::new("headers", message))
            }
            None => Ok(()),
        }
    }

    fn treatment(&self, name: &str) -> Treatment {
        self.fields.as_ref().and_then(|fields| fields.get(name)).copied().unwrap_or(self.others)
    }

    fn field(&self, name: &str, value: Json, hash: &KeyedHash) -> Option<(String, Json)> {
        const SHOWN: usize = 16;
        match self.treatment(name) {
            Treatment::Keep => Some((name.to_owned(), value)),
            Treatment::Hash => {
                // A number in the query string and one in a body are the same value.
                let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                let digits = hex::encode(hash.of(&[text.as_bytes()]));
                Some((name.to_owned(), json!(format!("hash:{}", &digits[..SHOWN]))))
            }
            Treatment::Drop => None,
        }
    }

    fn object(&self, fields: impl IntoIterator<Item = (String, Json)>, hash: &KeyedHash) -> Json {
        grouped(fields.into_iter().filter_map(|(name, value)| self.field(&name, value, hash))).into()
    }

    /// Returns the fields of a body; nothing stands for one that holds none.
    fn body(&self, body: &[u8], hash: &KeyedHash) -> Json {
        match serde_json::from_slice(body) {
            Ok(Json::Object(object)) => self.object(object, hash),
            Ok(Json::Array(items)) => {
                let objects = items.into_iter().take(self.max_samples);
                let objects = objects.map(|item| match item {
                    Json::Object(object) => self.object(object, hash),
                    _ => Json::Null,
                });
                objects.collect()
            }
            _ => Json::Null,
        }
    }

    fn line(&self, request: &ViewRequest, view: &str, hash: &KeyedHash) -> JsonMap<String, Json> {
        let query = request.query.iter().map(|(name, value)| (name.to_owned(), json!(value)));
        let headers = self.headers.iter().filter_map(|name| {
            let value = request.header(&name.0)?;
            Some((name.0.clone(), json!(value)))
        });
        let mut line = JsonMap::new();
        line.insert("request_id".to_owned(), json!(request.request_id));
        if let Some(trace) = &request.trace {
            line.insert("trace_id".to_owned(), json!(trace.trace_id.to_string()));
        }
        line.insert("principal".to_owned(), json!(principal(request)));
        line.insert("view".to_owned(), json!(view));
        line.insert("method".to_owned(), json!(request.method));
        line.insert("path".to_owned(), json!(request.path));
        line.insert("headers".to_owned(), headers.collect::<JsonMap<_, _>>().into());
        line.insert("query".to_owned(), self.object(query, hash));
        line.insert("body".to_owned(), self.body(&request.body, hash));
        line
    }
}

impl Lifecycle for RequestLog {
    fn initialize(&self, context: &InitContext<'_>) -> Result<(), Failure> {
        if context.mode == Mode::Fit {
            return Ok(());
        }
        let hash = match &self.hash_secret {
            Some(secret) => KeyedHash::with_key(secret),
            None => KeyedHash::random()?,
        };
        let path = self.path.display();
        let journal = Journal::open(&self.path, Some(Rotation { max_bytes: self.max_bytes, keep: self.keep }));
        let journal = journal.map_err(|error| Failure::message(format!("`{path}` cannot be opened: {error}")))?;
        let _ = self.ready.set((journal, hash));
        Ok(())
    }
}

impl Decorator for RequestLog {
    fn call(&self, call: Call<'_>) -> Result<Returned, Failure> {
        let (request, view, started) = (request_of(&call)?, call.name(), Instant::now());
        let Some((journal, hash)) = self.ready.get().filter(|_| fastrand::f64() < self.rate) else {
            return call.proceed();
        };
        let returned = call.proceed();
        let mut line = self.line(request, view, hash);
        line.insert("time".to_owned(), json!(Utc::now().to_rfc3339_opts(SecondsFormat::Micros, true)));
        line.insert("status".to_owned(), json!(status_of(&returned)));
        line.insert("milliseconds".to_owned(), json!(started.elapsed().as_secs_f64() * 1000.0));
        if let Err(error) = journal.append(&line.into(), false) {
            let (request_id, trace_id) = (&request.request_id, request.trace_id().map(display));
            tracing::error!(target: "palladium::requests", request_id, trace_id, "the request cannot be written: {error}");
        }
        returned
    }

    fn wraps_only_views(&self) -> bool {
        true
    }

    fn docs(&self) -> Option<DecoratorDocs> {
        Some(DecoratorDocs::default())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::testing::{decorator, plan, request, through};

    #[test]
    fn fields_are_kept_hashed_or_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("requests.ndjson");
        let log = decorator(
            "RequestLog",
            &json!({
                "path": path, "fields": {"a": "keep", "b": "hash"}, "headers": ["User-Agent"],
                "hash_secret": "s", "max_samples": 2,
            }),
        );
        let mut asked = request("POST", &[("authorization", "canary"), ("x-api-key", "canary"), ("user-agent", "me")]);
        asked.query = Pairs::from_iter([("a", "x"), ("b", "5"), ("token", "canary")]);
        let (trace_id, span_id) = (TraceId([7; 16]), SpanId([8; 8]));
        asked.trace = Some(Arc::new(Trace { trace_id, span_id, parent: None, is_sampled: false }));
        asked.body = json!([{"a": 1, "b": 5, "c": "canary"}, "canary", {"a": "canary"}]).to_string().into_bytes();
        assert_eq!(through(&[&log], &asked).status, 200);
        let written = std::fs::read_to_string(&path).unwrap();
        assert!(!written.contains("canary"), "{written}");
        let line: Json = serde_json::from_str(&written).unwrap();
        let hash = &line["query"]["b"];
        assert!(hash.as_str().unwrap().starts_with("hash:"));
        assert_eq!(line["query"], json!({"a": "x", "b": hash}));
        assert_eq!(line["body"], json!([{"a": 1, "b": hash}, null]));
        assert_eq!((&line["headers"], &line["status"]), (&json!({"user-agent": "me"}), &json!(200)));
        assert_eq!(line["trace_id"], "07".repeat(16));
    }

    /// The first value is the one that a model is asked; the log must not show another one alone.
    #[test]
    fn all_values_of_a_name_are_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("requests.ndjson");
        let fields = json!({"path": path, "fields": {"b": "hash", "c": "drop"}, "others": "keep", "hash_secret": "s"});
        let log = decorator("RequestLog", &fields);
        let mut asked = request("GET", &[]);
        asked.query = Pairs::from_iter([
            ("a", "6.3"),
            ("b", "canary-1"),
            ("c", "canary-2"),
            ("a", "0"),
            ("c", "canary-3"),
            ("b", "canary-4"),
            ("b", "canary-1"),
            ("d", "1"),
        ]);
        through(&[&log], &asked);
        let written = std::fs::read_to_string(&path).unwrap();
        assert!(!written.contains("canary"), "{written}");
        let query = &serde_json::from_str::<Json>(&written).unwrap()["query"];
        let hashes = query["b"].as_array().unwrap();
        assert!(hashes.iter().all(|hash| hash.as_str().unwrap().starts_with("hash:")), "{hashes:?}");
        assert!(hashes.len() == 3 && hashes[0] == hashes[2] && hashes[0] != hashes[1], "{hashes:?}");
        assert_eq!(*query, json!({"a": ["6.3", "0"], "b": hashes, "d": "1"}));
    }

    #[test]
    fn a_share_of_the_requests_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("requests.ndjson");
        let log = decorator("RequestLog", &json!({"path": path, "rate": 0.5, "others": "keep"}));
        for _ in 0..400 {
            through(&[&log], &request("GET", &[]));
        }
        let count = std::fs::read_to_string(&path).unwrap().lines().count();
        assert!((100..300).contains(&count), "{count}");
    }

    #[test]
    fn arguments_are_checked() {
        for header in ["Authorization", "Proxy-Authorization", "Cookie", "Set-Cookie", "X-API-Key", "X-Auth-Token"] {
            let findings = plan("RequestLog", &json!({"path": "x", "headers": [header]})).err().unwrap();
            assert!(findings.contains("may carry credentials"), "{findings}");
        }
        for (arguments, said) in [
            (json!({"path": "x", "rate": 0.0}), "`rate`"),
            (json!({"path": "x", "others": "show"}), "`others`"),
            (json!({"path": "x", "fields": {"a": "show"}}), "`fields`"),
        ] {
            assert!(plan("RequestLog", &arguments).err().unwrap().contains(said), "{arguments}");
        }
    }
}
