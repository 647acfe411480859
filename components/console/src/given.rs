//! What a request to the page's interface gives by name: each name once, and none that nobody knows.

use palladium_component::interfaces::{Entries, unknown_name, wrong_value};
use palladium_component::prelude::*;
use serde_json::Value as Json;

use crate::answer::refused;

/// Names that are known, beside those that decorators look for: nothing stands for one that may look for any.
#[derive(Clone, Copy)]
pub struct Known<'a> {
    pub names: &'a [&'a str],
    pub decorators: &'a [Option<DecoratorDocs>],
}

/// The values of known names.
#[derive(Debug)]
pub struct Given(Vec<(String, Json)>);

impl Given {
    /// Reads the query string.
    ///
    /// # Errors
    /// The refusal of a name that is given twice or that nobody knows.
    pub fn of_query(request: &ViewRequest, known: Known<'_>) -> Result<Given, ViewResponse> {
        let pairs = request.query.iter().map(|(name, value)| (name.to_owned(), Json::String(value.to_owned())));
        Given::of(pairs.collect(), known)
    }

    /// Reads the body, which is a JSON object or empty.
    ///
    /// # Errors
    /// The refusal of another body, of a name that is given twice or that nobody knows.
    pub fn of_body(request: &ViewRequest, known: Known<'_>) -> Result<Given, ViewResponse> {
        if request.body.is_empty() {
            return Given::of(Vec::new(), known);
        }
        match serde_json::from_slice(&request.body) {
            Ok(Entries(entries)) => Given::of(entries, known),
            Err(error) if error.is_data() => Err(refused(400, "the body has to be a JSON object")),
            Err(error) => Err(refused(400, format!("the body is no JSON: {error}"))),
        }
    }

    fn of(pairs: Vec<(String, Json)>, known: Known<'_>) -> Result<Given, ViewResponse> {
        let mut given: Vec<(String, Json)> = Vec::new();
        for (name, value) in pairs {
            if !known.names.contains(&name.as_str()) {
                let problem = unknown_name(&name, known.names.iter().copied(), known.decorators);
                problem.map_or(Ok(()), |problem| Err(refused(400, problem)))?;
                continue;
            }
            if given.iter().any(|(other, _)| *other == name) {
                return Err(refused(400, format!("`{name}` is given twice")));
            }
            given.push((name, value));
        }
        Ok(Given(given))
    }

    /// Returns a value, which may be null.
    pub fn get(&self, name: &str) -> Option<&Json> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value)
    }

    /// Returns a text.
    ///
    /// # Errors
    /// The refusal of something else.
    pub fn text(&self, name: &str, expected: &str) -> Result<Option<&str>, ViewResponse> {
        let value = self.get(name).filter(|value| !value.is_null());
        value.map(|value| value.as_str().ok_or_else(|| wrong(name, expected, value))).transpose()
    }

    /// Returns a whole number.
    ///
    /// # Errors
    /// The refusal of something else.
    pub fn count(&self, name: &str) -> Result<Option<u64>, ViewResponse> {
        let value = self.get(name).filter(|value| !value.is_null());
        let expected = "a whole number from 0 on";
        value.map(|value| number(value).ok_or_else(|| wrong(name, expected, value))).transpose()
    }

    /// Returns a version.
    ///
    /// # Errors
    /// The refusal of something else.
    pub fn version(&self, name: &str, expected: &str) -> Result<Option<Version>, ViewResponse> {
        let value = self.get(name).filter(|value| !value.is_null());
        let version = |value: &Json| number(value).and_then(|number| Version::new(number).ok());
        value.map(|value| version(value).ok_or_else(|| wrong(name, expected, value))).transpose()
    }
}

/// Returns the refusal of a value.
fn wrong(name: &str, expected: &str, value: &Json) -> ViewResponse {
    refused(400, wrong_value(name, expected, value))
}

/// Returns a whole number, which may be written as text.
fn number(value: &Json) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: Known<'_> = Known { names: &["version", "active"], decorators: &[] };

    fn said(refusal: ViewResponse) -> String {
        assert_eq!(refusal.status, 400);
        String::from_utf8(refusal.body).unwrap().replace("\\\"", "'")
    }

    #[test]
    fn a_body_gives_each_name_once() {
        let given =
            |body: &str, known| Given::of_body(&ViewRequest { body: body.into(), ..ViewRequest::default() }, known);
        let fine = given(r#"{"version": 2, "active": null}"#, NAMES).unwrap();
        assert_eq!(fine.version("version", "").unwrap(), Version::new(2).ok());
        assert_eq!((fine.version("active", "").unwrap(), fine.get("active")), (None, Some(&Json::Null)));
        assert!(given("", NAMES).unwrap().get("version").is_none());
        for (body, expected) in [
            (r#"{"version": 1, "version": 2}"#, "`version` is given twice"),
            (r#"{"version": 2, "activ": 3}"#, "there is no parameter 'activ', did you mean `active`?"),
            (r#"{"version": 2, "x": 3}"#, "there is no parameter 'x', the parameters are `version`, `active`"),
            ("[1]", "the body has to be a JSON object"),
            ("{", "the body is no JSON"),
        ] {
            let said = said(given(body, NAMES).unwrap_err());
            assert!(said.contains(expected), "{said}");
        }
        let takes = DecoratorDocs { parameters: vec!["reason".to_owned()], ..DecoratorDocs::default() };
        let lists: [(&[Option<DecoratorDocs>], &str); 3] = [
            (&[Some(DecoratorDocs::default())], ""),
            (&[Some(takes), Some(DecoratorDocs::default())], "reason"),
            // It may look for anything, but the name was meant by what is almost that.
            (&[None], "reason other"),
        ];
        for (decorators, taken) in lists {
            for name in ["reason", "other", "activ"] {
                let given = given(&format!("{{\"{name}\": 1}}"), Known { decorators, ..NAMES });
                assert_eq!(given.is_ok(), taken.contains(name), "{name} with {taken:?}");
            }
        }
    }

    #[test]
    fn values_are_what_they_are_for() {
        let query = Pairs::from_iter([("version", "2"), ("minutes", "abc"), ("id", "a")]);
        let request = ViewRequest { query, ..ViewRequest::default() };
        let known = Known { names: &["version", "minutes", "id"], decorators: &[] };
        let given = Given::of_query(&request, known).unwrap();
        assert_eq!(
            (given.version("version", "").unwrap(), given.count("version").unwrap()),
            (Version::new(2).ok(), Some(2))
        );
        assert_eq!(given.text("id", "").unwrap(), Some("a"));
        let refused = said(given.count("minutes").unwrap_err());
        assert!(refused.contains("`minutes` has to be a whole number from 0 on, it is 'abc'"), "{refused}");
        let refused = said(given.version("minutes", "a version").unwrap_err());
        assert!(refused.contains("`minutes` has to be a version, it is 'abc'"), "{refused}");
    }
}
