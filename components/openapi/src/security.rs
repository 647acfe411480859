//! How callers prove who they are.

use palladium_component::prelude::*;
use serde_json::{Map as JsonMap, Value as Json, json};

use crate::schemas::{component_name, unique};

/// The security schemes of a document.
#[derive(Default)]
pub struct Schemes(JsonMap<String, Json>);

/// What an operation needs: one of several combinations of schemes.
pub struct Requirements(Vec<JsonMap<String, Json>>);

/// Combinations beyond these are left out: each decorator that lets callers choose multiplies them.
const MOST: usize = 32;

impl Requirements {
    /// Returns the requirement of nothing.
    pub fn none() -> Requirements {
        Requirements(vec![JsonMap::new()])
    }

    /// Adds that one of these is needed too.
    pub fn require(&mut self, any_of: Vec<SecurityScheme>, schemes: &mut Schemes) {
        let names: Vec<String> = any_of.into_iter().map(|scheme| schemes.add(scheme)).collect();
        if names.is_empty() {
            return;
        }
        let with = |combination: &JsonMap<String, Json>, name: &String| {
            let mut combination = combination.clone();
            combination.insert(name.clone(), json!([]));
            combination
        };
        let all = self.0.iter().flat_map(|combination| names.iter().map(move |name| with(combination, name)));
        self.0 = all.take(MOST).collect();
    }

    /// Returns the requirement with the scopes that callers need; nothing where nothing is required.
    pub fn finish(mut self, scopes: &[String]) -> Option<Json> {
        for combination in &mut self.0 {
            combination.values_mut().for_each(|needed| *needed = json!(scopes));
        }
        self.0.iter().any(|combination| !combination.is_empty()).then(|| json!(self.0))
    }
}

impl Schemes {
    fn add(&mut self, scheme: SecurityScheme) -> String {
        let mut value = match scheme.credential {
            Credential::Basic => json!({"type": "http", "scheme": "basic"}),
            Credential::Bearer { format: Some(format) } => {
                json!({"type": "http", "scheme": "bearer", "bearerFormat": format})
            }
            Credential::Bearer { format: None } => json!({"type": "http", "scheme": "bearer"}),
            Credential::Key { place: ParameterPlace::Query, name } => {
                json!({"type": "apiKey", "in": "query", "name": name})
            }
            Credential::Key { name, .. } => json!({"type": "apiKey", "in": "header", "name": name}),
        };
        if !scheme.description.is_empty() {
            value["description"] = json!(scheme.description);
        }
        unique(&mut self.0, &component_name(&scheme.name), value)
    }

    /// Returns the schemes by their names.
    pub fn finish(self) -> JsonMap<String, Json> {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scheme(name: &str, credential: Credential) -> SecurityScheme {
        SecurityScheme { name: name.to_owned(), description: String::new(), credential }
    }

    #[test]
    fn decorators_add_up_and_their_ways_are_alternatives() {
        let mut schemes = Schemes::default();
        let mut requirements = Requirements::none();
        let key = |place| Credential::Key { place, name: "key".to_owned() };
        let ways = vec![scheme("key", key(ParameterPlace::Header)), scheme("keyQuery", key(ParameterPlace::Query))];
        requirements.require(ways, &mut schemes);
        requirements.require(vec![scheme("basic", Credential::Basic)], &mut schemes);
        requirements.require(Vec::new(), &mut schemes);
        let expected = json!([{"key": ["a"], "basic": ["a"]}, {"keyQuery": ["a"], "basic": ["a"]}]);
        assert_eq!(requirements.finish(&["a".to_owned()]), Some(expected));
        assert_eq!(Requirements::none().finish(&["a".to_owned()]), None);
        let schemes = schemes.finish();
        assert_eq!(schemes["keyQuery"], json!({"type": "apiKey", "in": "query", "name": "key"}));
    }

    #[test]
    fn other_schemes_of_a_name_get_another_one() {
        let mut schemes = Schemes::default();
        let bearer = |format: Option<&str>| Credential::Bearer { format: format.map(str::to_owned) };
        let names = [None, Some("JWT"), None].map(|format| schemes.add(scheme("token", bearer(format))));
        assert_eq!(names, ["token", "token2", "token"]);
    }
}
