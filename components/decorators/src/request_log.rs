//! Requests for later study.

mod fields;

use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::Instant;

use chrono::{SecondsFormat, Utc};
use indexmap::IndexMap;
use palladium_component::prelude::*;
use serde_json::{Map as JsonMap, Value as Json, json};
use tracing::field::display;

use self::fields::{Fields, Treatment};
use crate::access_log::status_of;
use crate::journal::{Journal, Rotation};
use crate::keyed_hash::KeyedHash;
use crate::plain::{HeaderName, Secret};
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
/// What another decorator of the list reads credentials from is never written, neither that header nor fields of the
/// name of that parameter of the query string; `palladium check` finds arguments that name one. What a function of the
/// configuration reads is not known here.
///
/// A request of the Open Inference Protocol (`/v2`) has its fields in tensors: those of its `inputs` are written by their
/// names, with the values of at most `max_samples` samples, and each value is hashed where they are to be. A tensor that
/// holds several fields, or stands alone under a name that `fields` does not have, is treated as the field that is
/// protected most, which `others` counts for too, and so is a list or an object under any other name that `fields` does
/// not have. Null stands for tensors that are sent in bytes behind the JSON, or do not fit their shape.
///
/// Several decorators may write one file, whose largest `max_bytes` and `keep` count; it is not put aside while an
/// `AuditLog` writes it too. A file that is moved away or deleted is begun anew with the next line. One that holds
/// anything but lines of these decorators, such as a store of models or a configuration, stays as it is: the service does
/// not start then, which `palladium check --connect` tells before.
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
    /// The headers that are written too, but for those that carry credentials.
    #[param(default = [])]
    headers: Vec<HeaderName>,
    /// The key of the hashes, of at least 32 bytes: take it from the environment. Without it one is drawn at each start.
    hash_secret: Option<Secret>,
    /// How many objects of a body, or samples of its tensors, are written.
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

    fn fields<'a>(&'a self, request: &'a ViewRequest, hash: &'a KeyedHash) -> Fields<'a> {
        let (named, others, max_samples) = (self.fields.as_ref(), self.others, self.max_samples);
        Fields { named, others, max_samples, hash, caller: &request.caller }
    }

    fn line(&self, request: &ViewRequest, view: &str, hash: &KeyedHash) -> JsonMap<String, Json> {
        let fields = self.fields(request, hash);
        let shown = |name: &&HeaderName| !request.caller.is_credential(ParameterPlace::Header, &name.0);
        let headers = self.headers.iter().filter(shown).filter_map(|name| {
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
        line.insert("query".to_owned(), fields.query(&request.query));
        line.insert("body".to_owned(), fields.body(request));
        line
    }
}

impl Lifecycle for RequestLog {
    fn initialize(&self, context: &InitContext<'_>) -> Result<(), Failure> {
        if context.mode == Mode::Fit {
            return Ok(());
        }
        let hash = match &self.hash_secret {
            Some(secret) => KeyedHash::with_key(&secret.0),
            None => KeyedHash::random()?,
        };
        let journal = Journal::open(&self.path, Some(Rotation { max_bytes: self.max_bytes, keep: self.keep }))?;
        let _ = self.ready.set((journal, hash));
        Ok(())
    }

    fn probe(&self) -> Result<Probe, Failure> {
        Journal::probe(&self.path)
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

    fn writes_down(&self, place: ParameterPlace, name: &str) -> bool {
        match place {
            ParameterPlace::Header => self.headers.iter().any(|header| header.0.eq_ignore_ascii_case(name)),
            ParameterPlace::Query => {
                let treatment = self.fields.as_ref().and_then(|fields| fields.get(name));
                treatment.is_some_and(|treatment| *treatment != Treatment::Drop)
            }
            ParameterPlace::Path => false,
        }
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

    const SECRET: &str = "0123456789abcdef0123456789abcdef";

    /// Returns the line that a log of these arguments writes for a request.
    fn line(arguments: &Json, asked: &ViewRequest) -> Json {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("requests.ndjson");
        let mut all = json!({"path": path, "hash_secret": SECRET});
        all.as_object_mut().unwrap().extend(arguments.as_object().unwrap().clone());
        let log = decorator("RequestLog", &all);
        through(&[&log], asked);
        serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap()
    }

    /// Returns what is written in the place of a value.
    fn hash(value: &str) -> String {
        let digits = hex::encode(KeyedHash::with_key(SECRET).of(&[value.as_bytes()]));
        format!("hash:{}", &digits[..16])
    }

    #[test]
    fn fields_are_kept_hashed_or_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("requests.ndjson");
        let log = decorator(
            "RequestLog",
            &json!({
                "path": path, "fields": {"a": "keep", "b": "hash"}, "headers": ["User-Agent"],
                "hash_secret": SECRET, "max_samples": 2,
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
        let fields =
            json!({"path": path, "fields": {"b": "hash", "c": "drop"}, "others": "keep", "hash_secret": SECRET});
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
    fn what_keys_are_read_from_is_not_written() {
        const DIGEST: &str = "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
        let keys = json!({"api_keys": {"ada": DIGEST}, "header": "X-Zed", "query_parameter": "key"});
        let keys = decorator("ApiKey", &keys);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("requests.ndjson");
        let arguments = json!({"path": path, "headers": ["X-Zed", "X-Other"], "others": "keep"});
        let log = decorator("RequestLog", &arguments);
        for list in [[&log, &keys], [&keys, &log]] {
            let mut by_query = request("POST", &[("x-other", "a")]);
            by_query.query = Pairs::from_iter([("key", "test"), ("a", "1")]);
            by_query.body = json!({"key": "test", "b": 1}).to_string().into_bytes();
            for asked in [by_query, request("GET", &[("x-zed", "test"), ("x-other", "a")])] {
                assert_eq!(through(&list, &asked).status, 200);
            }
        }
        let written = std::fs::read_to_string(&path).unwrap();
        assert!(!written.contains("test"), "{written}");
        let lines: Vec<Json> = written.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.len(), 4);
        assert_eq!((&lines[0]["query"], &lines[0]["body"]), (&json!({"a": "1"}), &json!({"b": 1})));
        assert!(lines.iter().all(|line| line["headers"] == json!({"x-other": "a"})), "{written}");
    }

    #[test]
    fn tensors_are_fields() {
        let tensor = |name: &str, shape: Json, data: Json| json!({"name": name, "shape": shape, "datatype": "FP64", "data": data});
        let (a, b) =
            (tensor("a", json!([3]), json!([1, 2.5, 3])), tensor("b", json!([3, 1]), json!([["x"], ["y"], ["z"]])));
        let c = tensor("c", json!([3]), json!([7, 8, 9]));
        let matrix = |name: &str| tensor(name, json!([2, 2]), json!([1, 2, 3, 4]));
        let in_bytes = json!({"name": "a", "shape": [1], "datatype": "FP64", "parameters": {"binary_data_size": 8}});
        let fields = json!({"fields": {"a": "keep", "b": "hash", "c": "drop"}, "others": "keep", "max_samples": 2});
        let hashing = json!({"fields": {"b": "hash"}, "others": "keep"});
        let keeping = json!({"others": "keep"});
        let cases = [
            (&fields, json!([a, b, c]), json!({"a": [1, 2.5], "b": [hash("x"), hash("y")]})),
            (&json!({"fields": {"a": "keep"}}), json!([a, b, c]), json!({"a": [1, 2.5, 3]})),
            (&hashing, json!([a, b]), json!({"a": [1, 2.5, 3], "b": [hash("x"), hash("y"), hash("z")]})),
            // It may hold all fields, by whatever name.
            (&fields, json!([matrix("input-0")]), json!({})),
            (&fields, json!([matrix("a")]), json!({})),
            (&hashing, json!([matrix("a")]), json!({"a": [hash("[1,2]"), hash("[3,4]")]})),
            (&hashing, json!([tensor("x", json!([1]), json!([7]))]), json!({"x": [hash("7")]})),
            (&fields, json!([matrix("a"), matrix("x")]), json!({})),
            (&keeping, json!([matrix("a")]), json!({"a": [[1, 2], [3, 4]]})),
            // What cannot be read, as where data do not fit the shape.
            (&fields, json!([in_bytes, b]), json!({"b": [hash("x"), hash("y")]})),
            (&keeping, json!([in_bytes]), json!({"a": null})),
            (&fields, json!([tensor("a", json!([1]), json!([1, 2, 3])), a]), json!({"a": [1, 2.5]})),
            (
                &hashing,
                json!([tensor("a", json!([1]), json!([{"b": "canary"}])), a]),
                json!({"a": [null, [1, 2.5, 3]]}),
            ),
        ];
        for (arguments, inputs, expected) in cases {
            let mut asked = request("POST", &[]);
            asked.body = json!({"inputs": inputs}).to_string().into_bytes();
            assert_eq!(line(arguments, &asked)["body"], json!({"inputs": expected}), "{arguments} {inputs}");
        }
        let whole = json!({"id": "i", "parameters": {"b": "x", "d": 1}, "inputs": [c, b], "outputs": [{"name": "c"}]});
        let json = whole.to_string();
        let mut asked = request("POST", &[("Inference-Header-Content-Length", &json.len().to_string())]);
        asked.body = [json.as_bytes(), b"canary"].concat();
        let body = json!({"id": "i", "parameters": {"b": hash("x"), "d": 1}, "inputs": {"b": [hash("x"), hash("y")]}});
        assert_eq!(line(&fields, &asked)["body"], body);
    }

    /// A client that sends the fields in a way of its own is refused, and its line shows no more than that of others.
    #[test]
    fn what_may_hold_fields_is_treated_as_the_strictest() {
        let hashing = json!({"fields": {"b": "hash", "tags": "keep"}, "others": "keep"});
        let (list, tensor) = (json!([{"b": 1}]), json!({"name": "b", "data": [1]}));
        for (arguments, body, expected) in [
            (&hashing, json!({"instances": list, "a": 1}), json!({"instances": hash(&list.to_string()), "a": 1})),
            (&hashing, json!({"inputs": tensor}), json!({"inputs": hash(&tensor.to_string())})),
            (&hashing, json!({"tags": ["x"]}), json!({"tags": ["x"]})),
            (&json!({"fields": {"b": "drop"}, "others": "keep"}), json!({"inputs": list}), json!({})),
            (&json!({"others": "keep"}), json!({"inputs": list}), json!({"inputs": list})),
        ] {
            let mut asked = request("POST", &[]);
            asked.body = body.to_string().into_bytes();
            assert_eq!(line(arguments, &asked)["body"], expected, "{arguments} {body}");
        }
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
        let short = "x".repeat(31);
        for (arguments, said) in [
            (json!({"path": "x", "hash_secret": ""}), "at least 32 bytes"),
            (json!({"path": "x", "hash_secret": short}), "at least 32 bytes"),
            (json!({"path": "x", "hash_secret": 1}), "`hash_secret`"),
            (json!({"path": "x", "rate": 0.0}), "`rate`"),
            (json!({"path": "x", "others": "show"}), "`others`"),
            (json!({"path": "x", "fields": {"a": "show"}}), "`fields`"),
        ] {
            let findings = plan("RequestLog", &arguments).err().unwrap();
            assert!(findings.contains(said) && !findings.contains(&short), "{findings}");
        }
        let unset = json!({"path": "x", "hash_secret": "${environ.HS}"});
        assert!(plan("RequestLog", &unset).is_ok(), "it is not known yet");
    }
}
