//! The JSON Schema of configurations, from what components and root keys say of themselves.
//!
//! Wherever a value may stand, a `__copy__` or a component that computes a value may stand instead: what comes of it
//! is not known to a schema.

use palladium_component::Range;
use palladium_component::prelude::*;
use palladium_runtime::root_keys::{self, Holds, RootKey};
use serde_json::{Map as Object, Value as Json, json};

use crate::logging::Logging;

/// The keys that name the factory of a component.
const FACTORY_KEYS: [&str; 2] = ["!", "__factory__"];

/// Returns the schema of the configurations that a binary with these components understands.
pub fn of(registry: &Registry) -> Json {
    let mut properties: Object<String, Json> =
        root_keys::ALL.iter().map(|key| (key.name.to_owned(), root_key(key, registry))).collect();
    properties.insert("__rhai__".to_owned(), script());
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Configuration of palladium",
        "description": format!("The root of a configuration, for palladium {}.", palladium_runtime::VERSION),
        "type": "object",
        "properties": properties,
        "additionalProperties": reference("value"),
        "$defs": definitions(registry),
    })
}

fn root_key(key: &RootKey, registry: &Registry) -> Json {
    let mut schema = match key.holds {
        _ if key.name == root_keys::LOGGING => any_of(vec![Logging::schema(), null(), reference("computed")]),
        _ if key.name == root_keys::ALIVE => any_of(vec![alive(), null(), reference("computed")]),
        Holds::Component(kind) => any_of(vec![reference(&kind_name(kind)), null(), reference("computed")]),
        Holds::Map => any_of(vec![map(reference("value")), null(), reference("computed")]),
        Holds::Scoring => {
            let names: Vec<&str> =
                registry.of_kind(Kind::Scorer).flat_map(|descriptor| names(descriptor, registry)).collect();
            let scorer =
                || any_of(vec![json!({ "enum": names }), reference(&kind_name(Kind::Scorer)), reference("computed")]);
            any_of(vec![scorer(), map(scorer()), null()])
        }
        Holds::Decorators => {
            let names: Vec<&str> =
                registry.of_kind(Kind::Decorator).flat_map(|descriptor| names(descriptor, registry)).collect();
            let name = json!({ "enum": names });
            let item = any_of(vec![name, reference(&kind_name(Kind::Decorator)), reference("computed")]);
            let list = json!({ "type": "array", "items": item });
            any_of(vec![list, null(), reference("computed")])
        }
        Holds::Mode => {
            any_of(vec![json!({ "enum": [Mode::Fit.to_string(), Mode::Serve.to_string()] }), reference("computed")])
        }
    };
    schema["description"] = json!(key.docs);
    schema
}

/// What `/alive` requires. The server looks at no other entry.
fn alive() -> Json {
    let names = json!({ "type": "array", "items": or_computed(&ParamType::Text, Range::ANY) });
    let mut schema = map(reference("value"));
    schema["properties"]["process_store_required"] = any_of(vec![names, null(), reference("computed")]);
    schema
}

fn definitions(registry: &Registry) -> Json {
    let mut definitions = Object::new();
    let components: Vec<&Descriptor> =
        registry.components().iter().copied().filter(|descriptor| descriptor.kind != Kind::Command).collect();
    let mut computed = vec![reference("copy")];
    if components.iter().any(|descriptor| descriptor.kind == Kind::Function) {
        computed.push(reference(&kind_name(Kind::Function)));
    }
    definitions.insert("value".to_owned(), value());
    definitions.insert("computed".to_owned(), any_of(computed));
    definitions.insert("copy".to_owned(), copy());
    definitions.insert("component".to_owned(), any(components.iter().copied()));
    for kind in Kind::ALL.iter().filter(|kind| **kind != Kind::Command) {
        let of_kind = components.iter().copied().filter(|descriptor| descriptor.kind == *kind);
        definitions.insert(kind_name(*kind), any(of_kind));
    }
    for descriptor in components {
        definitions.insert(descriptor.name.to_owned(), component(descriptor, registry));
    }
    Json::Object(definitions)
}

/// Any value: what names a factory is one of the components, and lists and maps are looked into.
fn value() -> Json {
    let has_factory: Vec<Json> = FACTORY_KEYS.iter().map(|key| json!({ "required": [key] })).collect();
    json!({
        "if": { "type": "object", "anyOf": has_factory },
        "then": any_of(vec![reference("component"), reference("copy")]),
        "else": { "items": reference("value"), "additionalProperties": reference("value") },
    })
}

fn copy() -> Json {
    json!({
        "description": "A copy of what stands elsewhere in the configuration. Other entries are laid over the copied map.",
        "type": "object",
        "properties": {
            "__copy__": { "description": "The path from the root, its keys separated by dots.", "type": "string" },
            "__default__": { "description": "What stands in if there is nothing at the path." },
            "__rhai__": script(),
        },
        "required": ["__copy__"],
    })
}

fn script() -> Json {
    json!({ "description": "A script in Rhai that changes the configuration before anything is built.", "type": "string" })
}

fn component(descriptor: &Descriptor, registry: &Registry) -> Json {
    let factory = json!({ "description": "The component.", "enum": names(descriptor, registry).collect::<Vec<_>>() });
    let mut properties: Object<String, Json> =
        FACTORY_KEYS.iter().map(|key| ((*key).to_owned(), factory.clone())).collect();
    properties.insert("__rhai__".to_owned(), script());
    let mut conditions = vec![json!({ "oneOf": FACTORY_KEYS.map(|key| json!({ "required": [key] })) })];
    let mut others = json!(false);
    for param in descriptor.params {
        if param.rest {
            others = rest(&param.kind);
            continue;
        }
        for name in param.names() {
            properties.insert(name.to_owned(), parameter(param));
        }
        if param.is_required() {
            let given: Vec<Json> = param.names().map(|name| json!({ "required": [name] })).collect();
            conditions.push(if given.len() == 1 { given[0].clone() } else { json!({ "oneOf": given }) });
        }
    }
    json!({
        "title": descriptor.name,
        "description": descriptor.docs,
        "type": "object",
        "properties": properties,
        "additionalProperties": others,
        "allOf": conditions,
    })
}

fn parameter(param: &Param) -> Json {
    let mut schema = or_computed(&param.kind, param.range);
    schema["description"] = json!(param.docs);
    if let Some(default) = param.default {
        schema["default"] = default.to_value().to_json();
    }
    schema
}

/// Returns the schema of the arguments that a parameter takes which takes all others.
fn rest(kind: &ParamType) -> Json {
    match kind {
        ParamType::Map(value) => or_computed(value, Range::ANY),
        _ => reference("value"),
    }
}

fn or_computed(kind: &ParamType, range: Range) -> Json {
    match kind {
        ParamType::Any => any_of(vec![reference("value")]),
        ParamType::Optional(inner) => any_of(vec![typed(inner, range), null(), reference("computed")]),
        _ => any_of(vec![typed(kind, range), reference("computed")]),
    }
}

fn typed(kind: &ParamType, range: Range) -> Json {
    let inner = |kind| or_computed(kind, Range::ANY);
    match kind {
        ParamType::Bool => json!({ "type": "boolean" }),
        ParamType::Int => in_range("integer", range),
        ParamType::Float => in_range("number", range),
        // The name of a component; what computes a function is allowed around this.
        ParamType::Text | ParamType::Function => json!({ "type": "string" }),
        ParamType::Choice(choices) => json!({ "enum": choices }),
        ParamType::List(item) => json!({ "type": "array", "items": inner(item) }),
        ParamType::Pair(first, second) => {
            json!({ "type": "array", "prefixItems": [inner(first), inner(second)], "items": false, "minItems": 2 })
        }
        ParamType::Map(value) => map(inner(value)),
        ParamType::Record(record) => {
            let mut schema = map(json!(false));
            for field in record.fields {
                schema["properties"][field.name] = parameter(field);
            }
            let required = record.fields.iter().filter(|field| field.is_required()).map(|field| field.name);
            schema["required"] = required.collect();
            schema
        }
        ParamType::Component(kind) => reference(&kind_name(*kind)),
        ParamType::OneOf(types) => any_of(types.iter().map(|kind| typed(kind, range)).collect()),
        ParamType::Optional(kind) => any_of(vec![typed(kind, range), null()]),
        ParamType::Any => reference("value"),
    }
}

fn in_range(name: &str, range: Range) -> Json {
    let mut schema = json!({ "type": name });
    let bounds = [
        ("minimum", range.min),
        ("exclusiveMinimum", range.above),
        ("maximum", range.max),
        ("exclusiveMaximum", range.below),
    ];
    for (keyword, bound) in bounds {
        match bound {
            // Whole bounds look like the numbers that they limit.
            Some(bound) if bound.fract() == 0.0 && bound.abs() < 9e15 => schema[keyword] = json!(bound as i64),
            Some(bound) => schema[keyword] = json!(bound),
            None => {}
        }
    }
    schema
}

fn map(values: Json) -> Json {
    let mut schema = json!({ "type": "object", "properties": { "__rhai__": script() } });
    schema["additionalProperties"] = values;
    schema
}

fn null() -> Json {
    json!({ "type": "null" })
}

fn any_of(schemas: Vec<Json>) -> Json {
    Json::Object(Object::from_iter([("anyOf".to_owned(), Json::Array(schemas))]))
}

/// Returns the schema of any of these components; of none, where there are none.
fn any<'a>(descriptors: impl Iterator<Item = &'a Descriptor>) -> Json {
    let references: Vec<Json> = descriptors.map(|descriptor| reference(descriptor.name)).collect();
    if references.is_empty() { json!(false) } else { any_of(references) }
}

fn reference(name: &str) -> Json {
    json!({ "$ref": format!("#/$defs/{name}") })
}

fn kind_name(kind: Kind) -> String {
    format!("kind-{}", kind.as_str().replace(' ', "-"))
}

/// Returns the names that mean a component: its own, its aliases and those of their last parts that no other has.
fn names<'a>(descriptor: &'a Descriptor, registry: &'a Registry) -> impl Iterator<Item = &'static str> {
    let mut names: Vec<&'static str> = descriptor.names().collect();
    for name in descriptor.names() {
        let last = name.rsplit('.').next().unwrap_or(name);
        let is_it = registry.find(last).is_ok_and(|found| found.name == descriptor.name);
        if is_it && !names.contains(&last) {
            names.push(last);
        }
    }
    names.into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_keys_of_a_map_become_its_properties() {
        let schema = typed(&<Option<Recurrence>>::TYPE, Range::ANY);
        let rule = &schema["anyOf"][0];
        assert_eq!((&rule["type"], &rule["additionalProperties"]), (&json!("object"), &json!(false)));
        assert_eq!(rule["required"], json!(["freq"]));
        let interval = json!({ "type": "integer", "minimum": 1, "maximum": i32::MAX });
        assert_eq!(rule["properties"]["interval"]["anyOf"][0], interval);
        assert_eq!(schema["anyOf"][1], null());
    }

    #[test]
    fn types_become_schemas() {
        let cases = [
            (
                ParamType::Int,
                Range { min: Some(1.0), below: Some(2.5), ..Range::ANY },
                json!({ "type": "integer", "minimum": 1, "exclusiveMaximum": 2.5 }),
            ),
            (
                ParamType::Optional(&ParamType::Float),
                Range { above: Some(0.0), max: Some(1.0), ..Range::ANY },
                json!({ "anyOf": [{ "type": "number", "exclusiveMinimum": 0, "maximum": 1 }, { "type": "null" }] }),
            ),
            (ParamType::Choice(&["a", "b"]), Range::ANY, json!({ "enum": ["a", "b"] })),
            (ParamType::Component(Kind::DatasetLoader), Range::ANY, json!({ "$ref": "#/$defs/kind-dataset-loader" })),
            (
                ParamType::List(&ParamType::Bool),
                Range::ANY,
                json!({
                    "type": "array",
                    "items": { "anyOf": [{ "type": "boolean" }, { "$ref": "#/$defs/computed" }] },
                }),
            ),
            (
                ParamType::Pair(&ParamType::Any, &ParamType::Any),
                Range::ANY,
                json!({
                    "type": "array",
                    "prefixItems": [
                        { "anyOf": [{ "$ref": "#/$defs/value" }] },
                        { "anyOf": [{ "$ref": "#/$defs/value" }] },
                    ],
                    "items": false,
                    "minItems": 2,
                }),
            ),
        ];
        for (kind, range, expected) in cases {
            assert_eq!(typed(&kind, range), expected, "{kind}");
        }
    }
}
