//! The schemas that a document names once.

use serde_json::{Map as JsonMap, Value as Json, json};

/// Schemas by their names.
#[derive(Default)]
pub struct Schemas(JsonMap<String, Json>);

impl Schemas {
    /// Puts every schema with a title aside and leaves a reference to it.
    pub fn collect(&mut self, schema: Json) -> Json {
        let Json::Object(keywords) = schema else { return schema };
        let mut schema = JsonMap::new();
        for (keyword, value) in keywords {
            let value = match keyword.as_str() {
                // These hold values, not schemas.
                "const" | "default" | "enum" | "example" | "examples" => value,
                "properties" | "patternProperties" | "$defs" | "dependentSchemas" => self.collect_values(value),
                _ => match value {
                    Json::Array(items) => items.into_iter().map(|item| self.collect(item)).collect(),
                    other => self.collect(other),
                },
            };
            schema.insert(keyword, value);
        }
        match schema.get("title").and_then(Json::as_str).map(component_name) {
            Some(title) => self.refer(&title, Json::Object(schema)),
            None => Json::Object(schema),
        }
    }

    fn collect_values(&mut self, schemas: Json) -> Json {
        match schemas {
            Json::Object(schemas) => {
                schemas.into_iter().map(|(name, schema)| (name, self.collect(schema))).collect::<JsonMap<_, _>>().into()
            }
            other => other,
        }
    }

    fn refer(&mut self, title: &str, schema: Json) -> Json {
        let name = unique(&mut self.0, title, schema);
        json!({"$ref": format!("#/components/schemas/{name}")})
    }

    /// Returns the schemas that were put aside, in the order of their names.
    pub fn finish(mut self) -> JsonMap<String, Json> {
        self.0.sort_keys();
        self.0
    }
}

/// Returns a text as the name of a part of the document.
pub fn component_name(text: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "._-".contains(letter);
    text.chars().map(|letter| if plain(letter) { letter } else { '_' }).collect()
}

/// Adds a value under a name, or under the name with a number where it stands for another one, and returns the name.
pub fn unique(known: &mut JsonMap<String, Json>, name: &str, value: Json) -> String {
    let names = std::iter::once(name.to_owned()).chain((2..).map(|number| format!("{name}{number}")));
    for name in names {
        match known.get(&name) {
            Some(other) if *other == value => return name,
            Some(_) => {}
            None => {
                known.insert(name.clone(), value);
                return name;
            }
        }
    }
    name.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schemas_with_titles_stand_once() {
        let mut schemas = Schemas::default();
        let inner = |kind: &str| json!({"title": "My Inner", "type": kind});
        let whole = json!({
            "type": "object",
            "properties": {
                "title": inner("string"),
                "list": {"type": "array", "items": inner("string")},
                "other": {"anyOf": [inner("number"), {"type": "null"}]},
            },
            "examples": [{"title": "kept"}],
        });
        let reference = |name: &str| json!({"$ref": format!("#/components/schemas/{name}")});
        let expected = json!({
            "type": "object",
            "properties": {
                "title": reference("My_Inner"),
                "list": {"type": "array", "items": reference("My_Inner")},
                "other": {"anyOf": [reference("My_Inner2"), {"type": "null"}]},
            },
            "examples": [{"title": "kept"}],
        });
        assert_eq!(schemas.collect(whole), expected);
        let outer = json!({"title": "A", "allOf": [inner("string")]});
        assert_eq!(schemas.collect(outer), reference("A"));
        let schemas = schemas.finish();
        assert_eq!(schemas.keys().collect::<Vec<_>>(), ["A", "My_Inner", "My_Inner2"]);
        assert_eq!(schemas["A"]["allOf"], json!([reference("My_Inner")]));
    }
}
