//! Plain data as values of functions.

use palladium_component::prelude::*;
use serde_json::Value as Json;

/// Returns a value that stands in no file.
pub fn value(data: Data) -> Value {
    Value::new(data, Span::nowhere("request"))
}

/// Returns an entry of a map that stands in no file.
pub fn entry(name: &str, value: Value) -> (String, Entry) {
    (name.to_owned(), Entry { key_span: value.span.clone(), value })
}

/// Returns JSON as a value; whole numbers beyond 64 bits become numbers.
pub fn of_json(json: &Json) -> Value {
    Value::of_json(json, &Span::nowhere("request"))
}

/// Returns the pairs of a query string as a map; of a name that stands twice the first counts.
pub fn of_pairs(pairs: &Pairs) -> Value {
    let mut map = Map::new();
    for (name, text) in pairs {
        if !map.contains_key(name) {
            map.extend([entry(name, value(Data::Text(text.to_owned())))]);
        }
    }
    value(Data::Map(map))
}
