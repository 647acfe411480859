//! What a request gives a view: named values in the path, the query string, a form or a JSON object.

use std::cell::OnceCell;

use palladium_component::interfaces::{DecoratorDocs, DecoratorList, Entries, ViewRequest, unknown_name, wrong_value};
use serde_json::Value as Json;

use crate::answer::Refusal;
use crate::body::take_plain;
use crate::query;

/// A value that a view takes by its name.
#[derive(Clone, Copy, Debug)]
pub struct Taken {
    pub name: &'static str,
    pub kind: TakenKind,
    /// Whether a request without it is refused.
    pub is_required: bool,
    /// What it means, for documents.
    pub description: &'static str,
}

/// What a view takes by a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TakenKind {
    /// True or false.
    Flag,
    /// A finite number.
    Number,
    /// The version of a model.
    Version,
    /// The id of a job.
    Job,
}

/// The values that a view knows by name. Those of the path, of query strings and forms are text.
#[derive(Debug)]
pub struct Given(Vec<(String, Json)>);

impl Given {
    /// Reads the values of these names from a request. Others are left alone that a decorator around the view may want.
    ///
    /// # Errors
    /// A body that is neither a form nor a JSON object, a name that is given twice, or one that nobody knows.
    pub fn of(request: &ViewRequest, known: &[Taken], decorators: &DecoratorList) -> Result<Given, Refusal> {
        let text = |(name, value): (&str, &str)| (name.to_owned(), Json::String(value.to_owned()));
        let is_known = |name: &str| known.iter().any(|taken| taken.name == name);
        let in_path = request.parts.iter().filter(|(name, _)| is_known(name)).map(text);
        let sent = request.query.iter().map(text).chain(body(request)?);
        let mut given: Vec<(String, Json)> = Vec::new();
        let docs: OnceCell<Vec<Option<DecoratorDocs>>> = OnceCell::new();
        for (name, value) in in_path.chain(sent) {
            if !is_known(&name) {
                let (known, docs) =
                    (known.iter().map(|taken| taken.name), docs.get_or_init(|| decorators.docs().collect()));
                unknown_name(&name, known, docs).map_or(Ok(()), |problem| Err(Refusal::bad_request(problem)))?;
                continue;
            }
            if given.iter().any(|(other, _)| *other == name) {
                return Err(Refusal::bad_request(format_args!("`{name}` is given twice")));
            }
            given.push((name, value));
        }
        Ok(Given(given))
    }

    fn get(&self, name: &str) -> Option<&Json> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value).filter(|value| !value.is_null())
    }

    /// Returns a text.
    ///
    /// # Errors
    /// It is something else.
    pub fn text(&self, name: &str) -> Result<Option<&str>, Refusal> {
        self.get(name).map(|value| value.as_str().ok_or_else(|| wrong(name, "text", value))).transpose()
    }

    /// Returns a flag: true, 1, t or yes, or false, 0, f or no, in any case.
    ///
    /// # Errors
    /// It is something else.
    pub fn flag(&self, name: &str) -> Result<Option<bool>, Refusal> {
        let read = |value: &Json| match value {
            Json::Bool(flag) => Some(*flag),
            Json::Number(number) => match number.as_u64() {
                Some(0) => Some(false),
                Some(1) => Some(true),
                _ => None,
            },
            Json::String(text) => match text.to_ascii_lowercase().as_str() {
                "1" | "t" | "true" | "yes" => Some(true),
                "0" | "f" | "false" | "no" => Some(false),
                _ => None,
            },
            _ => None,
        };
        let expected = "true or false";
        self.get(name).map(|value| read(value).ok_or_else(|| wrong(name, expected, value))).transpose()
    }

    /// Returns a finite number.
    ///
    /// # Errors
    /// It is something else.
    pub fn number(&self, name: &str) -> Result<Option<f64>, Refusal> {
        let read = |value: &Json| {
            let number = value.as_f64().or_else(|| value.as_str()?.trim().parse().ok());
            number.filter(|number| number.is_finite())
        };
        self.get(name).map(|value| read(value).ok_or_else(|| wrong(name, "a finite number", value))).transpose()
    }

    /// Returns a value as it would be written as text: numbers, without a fraction that is nothing, and text.
    ///
    /// # Errors
    /// It is something else.
    pub fn digits(&self, name: &str, expected: &str) -> Result<Option<String>, Refusal> {
        let read = |value: &Json| match value {
            Json::String(text) => Some(text.clone()),
            Json::Number(number) => match number.as_f64().filter(|_| number.is_f64()) {
                Some(whole) if whole.fract() == 0.0 => Some(format!("{whole:.0}")),
                _ => Some(number.to_string()),
            },
            _ => None,
        };
        self.get(name).map(|value| read(value).ok_or_else(|| wrong(name, expected, value))).transpose()
    }
}

fn wrong(name: &str, expected: &str, value: &Json) -> Refusal {
    Refusal::bad_request(wrong_value(name, expected, value))
}

/// Returns the pairs of a body; an empty one has none whatever its type.
fn body(request: &ViewRequest) -> Result<Vec<(String, Json)>, Refusal> {
    const HELP: &str = "send a form as `application/x-www-form-urlencoded`, or a JSON object as `application/json`";
    if request.body.is_empty() {
        return Ok(Vec::new());
    }
    request.header("content-encoding").map_or(Ok(()), take_plain)?;
    let content_type = request.header("content-type").unwrap_or_default();
    let kind = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if kind == "application/x-www-form-urlencoded" {
        let text = std::str::from_utf8(&request.body);
        let pairs = text.map_err(|_| "the form is not UTF-8".to_owned()).and_then(query::decode);
        let pairs = pairs.map_err(|problem| Refusal::bad_request(problem.replace("the query string", "the form")))?;
        return Ok(pairs.iter().map(|(name, value)| (name.to_owned(), Json::String(value.to_owned()))).collect());
    }
    if kind == "application/json" || (kind.starts_with("application/") && kind.ends_with("+json")) {
        return match serde_json::from_slice(&request.body) {
            Ok(Entries(entries)) => Ok(entries),
            Err(error) if error.is_data() => Err(Refusal::bad_request("the body has to be a JSON object")),
            Err(error) => Err(Refusal::bad_request(format_args!("the body is no JSON: {error}"))),
        };
    }
    let shown: String = kind.chars().take(60).collect();
    Err(Refusal::bad_request(format_args!("the body has the content type {shown:?}: {HELP}")))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use palladium_component::interfaces::{Credential, Decorator, Pairs, ParameterPlace, SecurityScheme};

    use super::*;
    use crate::tests::support::Takes;

    fn known() -> [Taken; 3] {
        let taken = |name, kind| Taken { name, kind, is_required: false, description: "" };
        [taken("persist", TakenKind::Flag), taken("score", TakenKind::Number), taken("version", TakenKind::Version)]
    }

    fn given(query: &str, content_type: &str, body: &str) -> Result<Given, String> {
        let request = ViewRequest {
            query: query::decode(query).unwrap(),
            headers: Pairs::from_iter([("content-type", content_type)]),
            body: body.into(),
            ..ViewRequest::default()
        };
        let decorators = DecoratorList::new("fit_decorators", Vec::new());
        Given::of(&request, &known(), &decorators).map_err(|refusal| format!("{refusal:?}"))
    }

    const FORM: &str = "application/x-www-form-urlencoded; charset=utf-8";

    #[test]
    fn values_come_from_query_form_and_json() {
        let flags = [
            ("persist=True", "", "", Some(true)),
            ("persist=F", "", "", Some(false)),
            ("", FORM, "persist=1", Some(true)),
            ("", "application/json", r#"{"persist": false}"#, Some(false)),
            ("", "application/x+json", r#"{"persist": 1}"#, Some(true)),
            ("", "application/json", r#"{"persist": null}"#, None),
            ("", "", "", None),
        ];
        for (query, kind, body, expected) in flags {
            assert_eq!(given(query, kind, body).unwrap().flag("persist").unwrap(), expected, "{query} {body}");
        }
        let numbers = [("score=0.9", 0.9), ("score=%201e1", 10.0), ("score=-2", -2.0)];
        for (query, expected) in numbers {
            assert_eq!(given(query, "", "").unwrap().number("score").unwrap(), Some(expected), "{query}");
        }
        let json = given("", "application/json", r#"{"version": 7, "score": 0.5}"#).unwrap();
        assert_eq!(json.digits("version", "a version").unwrap().as_deref(), Some("7"));
        for (number, expected) in [("7.0", "7"), ("2e3", "2000"), ("7.5", "7.5"), ("-1.0", "-1")] {
            let json = given("", "application/json", &format!("{{\"version\": {number}}}")).unwrap();
            assert_eq!(json.digits("version", "a version").unwrap().as_deref(), Some(expected), "{number}");
        }
        assert_eq!(json.number("score").unwrap(), Some(0.5));
    }

    #[test]
    fn what_a_decorator_takes_is_left_to_it() {
        let key = Credential::Key { place: ParameterPlace::Query, name: "persit".to_owned() };
        let security = vec![SecurityScheme { name: "key".to_owned(), description: String::new(), credential: key }];
        let parameters = vec!["reason".to_owned()];
        let docs = Takes(Some(DecoratorDocs { security, parameters, ..DecoratorDocs::default() }));
        let plain: Arc<dyn Decorator> = Arc::new(Takes(Some(DecoratorDocs::default())));
        let lists: [(Vec<Arc<dyn Decorator>>, &str); 3] = [
            (vec![plain.clone()], ""),
            (vec![plain, Arc::new(docs)], "persit reason"),
            // It may take anything, but the view's own name was meant by what is almost that.
            (vec![Arc::new(Takes(None))], "reason other"),
        ];
        for (decorators, taken) in lists {
            let decorators = DecoratorList::new("fit_decorators", decorators);
            for name in ["persit", "reason", "other"] {
                let query = Pairs::from_iter([(name, "1")]);
                let request = ViewRequest { query, ..ViewRequest::default() };
                let given = Given::of(&request, &known(), &decorators);
                assert_eq!(given.is_ok(), taken.contains(name), "{name} with {taken:?}");
            }
        }
        let parts = Pairs::from_iter([("tenant", "a")]);
        let request = ViewRequest { parts, ..ViewRequest::default() };
        let none = DecoratorList::new("fit_decorators", Vec::new());
        assert!(Given::of(&request, &known(), &none).is_ok(), "the rule names its parts");
    }

    #[test]
    fn bodies_are_taken_as_they_are() {
        for (encoding, is_taken) in [("identity", true), (" Identity ", true), ("gzip", false), ("", false)] {
            let headers = Pairs::from_iter([("content-type", "application/json"), ("content-encoding", encoding)]);
            let request = ViewRequest { headers, body: b"{}".to_vec(), ..ViewRequest::default() };
            let given = Given::of(&request, &known(), &DecoratorList::new("fit_decorators", Vec::new()));
            assert_eq!(given.is_ok(), is_taken, "{encoding:?}");
            assert!(given.map_or_else(|refusal| format!("{refusal:?}").contains("415"), |_| true), "{encoding:?}");
        }
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        let cases = [
            ("persit=1", "", "", r#"there is no parameter \"persit\", did you mean `persist`?"#),
            ("", FORM, "min=1", r#"there is no parameter \"min\", the parameters are `persist`, `score`, `version`"#),
            ("", "application/json", r#"{"min": null}"#, r#"there is no parameter \"min\""#),
            ("persist=1&persist=1", "", "", "`persist` is given twice"),
            ("persist=1", "application/json", r#"{"persist": true}"#, "`persist` is given twice"),
            ("", "application/json", r#"{"persist": true, "persist": false}"#, "`persist` is given twice"),
            ("", "text/plain", "persist=1", "content type"),
            ("", "application/json", "[1]", "has to be a JSON object"),
            ("", "application/json", "null", "has to be a JSON object"),
            ("", "application/json", "{", "the body is no JSON"),
            ("", "application/x-www-form-urlencoded", "a=%zz", "the form holds a `%`"),
        ];
        for (query, kind, body, expected) in cases {
            let error = given(query, kind, body).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
        for text in ["maybe", "", "2", "on"] {
            let given = given(&format!("persist={text}&score={text}x"), "", "").unwrap();
            assert!(given.flag("persist").is_err() && given.number("score").is_err(), "{text}");
        }
        for text in ["nan", "inf", "1e999"] {
            assert!(given(&format!("score={text}"), "", "").unwrap().number("score").is_err(), "{text}");
        }
    }
}
