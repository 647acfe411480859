//! The tree that configuration files become.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use indexmap::IndexMap;

use crate::{Callable, KeyPath, Span};

/// A value and where it was written.
#[derive(Clone)]
pub struct Value {
    /// What it is.
    pub data: Data,
    /// Where it was written.
    pub span: Span,
    /// The `__copy__` that brought it to where it stands, if one did.
    pub copied: Option<Arc<Copied>>,
}

/// The `__copy__` directive that brought a value to where it stands.
#[derive(Clone, Debug)]
pub struct Copied {
    /// The directive.
    pub by: Span,
    /// The copy before it, where a copy was copied.
    pub earlier: Option<Arc<Copied>>,
}

/// What a value is.
#[derive(Clone)]
pub enum Data {
    /// Nothing: `None` and `()` in RON, `()` in Rhai.
    Null,
    /// True or false.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number with a fraction, an infinity or NaN.
    Float(f64),
    /// A text.
    Text(String),
    /// A list.
    List(Vec<Value>),
    /// A map with unique keys in the order they were written.
    Map(Map),
    /// A function, which whoever holds the value may call.
    Function(Arc<dyn Callable>),
    /// A component that has been constructed; the registry knows its type.
    Component(Arc<dyn Any + Send + Sync>),
}

/// A map with unique keys in the order they were written.
pub type Map = IndexMap<String, Entry>;

/// The value under a key, and where the key was written.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Where the key was written.
    pub key_span: Span,
    /// The value.
    pub value: Value,
}

impl Value {
    /// Returns a value written at a place.
    pub fn new(data: Data, span: Span) -> Value {
        Value { data, span, copied: None }
    }

    /// Returns what the value is, for messages: `a number`, `a list`.
    pub fn describe(&self) -> &'static str {
        match &self.data {
            Data::Null => "null",
            Data::Bool(_) => "a flag",
            Data::Int(_) => "a whole number",
            Data::Float(_) => "a number",
            Data::Text(_) => "text",
            Data::List(_) => "a list",
            Data::Map(map) if map.contains_key("!") => "a component",
            Data::Map(_) => "a map",
            Data::Function(_) => "a function",
            Data::Component(_) => "a component",
        }
    }

    /// Tells whether the value is null.
    pub fn is_null(&self) -> bool {
        matches!(self.data, Data::Null)
    }

    /// Returns the flag, if it is one.
    pub fn as_bool(&self) -> Option<bool> {
        if let Data::Bool(flag) = self.data { Some(flag) } else { None }
    }

    /// Returns the whole number, if it is one.
    pub fn as_int(&self) -> Option<i64> {
        if let Data::Int(number) = self.data { Some(number) } else { None }
    }

    /// Returns the number; a whole number counts.
    pub fn as_float(&self) -> Option<f64> {
        match self.data {
            Data::Float(number) => Some(number),
            Data::Int(number) => Some(number as f64),
            _ => None,
        }
    }

    /// Returns the text, if it is one.
    pub fn as_text(&self) -> Option<&str> {
        if let Data::Text(text) = &self.data { Some(text) } else { None }
    }

    /// Returns the items, if it is a list.
    pub fn as_list(&self) -> Option<&[Value]> {
        if let Data::List(items) = &self.data { Some(items) } else { None }
    }

    /// Returns the map, if it is one.
    pub fn as_map(&self) -> Option<&Map> {
        if let Data::Map(map) = &self.data { Some(map) } else { None }
    }

    /// Returns the map for changes, if it is one.
    pub fn as_map_mut(&mut self) -> Option<&mut Map> {
        if let Data::Map(map) = &mut self.data { Some(map) } else { None }
    }

    /// Returns the function, if it is one.
    pub fn as_function(&self) -> Option<&Arc<dyn Callable>> {
        if let Data::Function(function) = &self.data { Some(function) } else { None }
    }

    /// Returns the value under a key, if this is a map that has it.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.as_map()?.get(key).map(|entry| &entry.value)
    }

    /// Follows a path through maps and lists.
    pub fn at(&self, path: &KeyPath) -> Option<&Value> {
        path.segments().try_fold(self, |value, segment| match &value.data {
            Data::Map(map) => map.get(segment).map(|entry| &entry.value),
            Data::List(items) => segment.parse::<usize>().ok().and_then(|index| items.get(index)),
            _ => None,
        })
    }

    /// Returns JSON as a value whose nodes are all from one place; whole numbers beyond 64 bits become numbers.
    pub fn of_json(json: &serde_json::Value, span: &Span) -> Value {
        use serde_json::Value as Json;
        let data = match json {
            Json::Null => Data::Null,
            Json::Bool(flag) => Data::Bool(*flag),
            Json::Number(number) => match number.as_i64() {
                Some(number) => Data::Int(number),
                None => number.as_f64().map_or(Data::Null, Data::Float),
            },
            Json::String(text) => Data::Text(text.clone()),
            Json::Array(items) => Data::List(items.iter().map(|item| Value::of_json(item, span)).collect()),
            Json::Object(entries) => {
                let entry = |json| Entry { key_span: span.clone(), value: Value::of_json(json, span) };
                Data::Map(entries.iter().map(|(key, json)| (key.clone(), entry(json))).collect())
            }
        };
        Value::new(data, span.clone())
    }

    /// Returns the value as JSON: infinities and NaN become null, a function `<function NAME>`, a
    /// constructed component its description.
    pub fn to_json(&self) -> serde_json::Value {
        use serde_json::Value as Json;
        match &self.data {
            Data::Null => Json::Null,
            Data::Bool(flag) => Json::Bool(*flag),
            Data::Int(number) => Json::from(*number),
            Data::Float(number) => Json::from(*number),
            Data::Text(text) => Json::from(text.as_str()),
            Data::List(items) => items.iter().map(Value::to_json).collect(),
            Data::Map(map) => map.iter().map(|(key, entry)| (key.clone(), entry.value.to_json())).collect(),
            Data::Function(function) => Json::from(shown(function.as_ref())),
            Data::Component(_) => Json::from(self.describe()),
        }
    }
}

fn shown(function: &dyn Callable) -> String {
    format!("<function {}>", function.name())
}

/// Values are equal when their data is: places do not count, a NaN equals a NaN, a function and a
/// component only itself.
impl PartialEq for Value {
    fn eq(&self, other: &Value) -> bool {
        match (&self.data, &other.data) {
            (Data::Null, Data::Null) => true,
            (Data::Bool(a), Data::Bool(b)) => a == b,
            (Data::Int(a), Data::Int(b)) => a == b,
            (Data::Float(a), Data::Float(b)) => a == b || (a.is_nan() && b.is_nan()),
            (Data::Text(a), Data::Text(b)) => a == b,
            (Data::List(a), Data::List(b)) => a == b,
            (Data::Map(a), Data::Map(b)) => {
                a.len() == b.len()
                    && a.iter().all(|(key, entry)| b.get(key).is_some_and(|other| entry.value == other.value))
            }
            (Data::Function(a), Data::Function(b)) => Arc::ptr_eq(a, b),
            (Data::Component(a), Data::Component(b)) => Arc::ptr_eq(a, b),
            _ => false,
        }
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.data {
            Data::Null => formatter.write_str("null"),
            Data::Bool(flag) => write!(formatter, "{flag}"),
            Data::Int(number) => write!(formatter, "{number}"),
            Data::Float(number) => write!(formatter, "{number:?}"),
            Data::Text(text) => write!(formatter, "{text:?}"),
            Data::List(items) => formatter.debug_list().entries(items).finish(),
            Data::Map(map) => {
                formatter.debug_map().entries(map.iter().map(|(key, entry)| (key, &entry.value))).finish()
            }
            Data::Function(function) => formatter.write_str(&shown(function.as_ref())),
            Data::Component(_) => formatter.write_str("<component>"),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn json_becomes_values_and_comes_back() {
        let span = Span::nowhere("test");
        let given = json!({"a": [null, true, -7, 1.5, "text", {}], "b": {"c": []}});
        let value = Value::of_json(&given, &span);
        assert_eq!(value.to_json(), given);
        assert!(matches!(Value::of_json(&json!(i64::MAX), &span).data, Data::Int(i64::MAX)));
        let beyond = Value::of_json(&json!(u64::MAX), &span);
        assert!(matches!(beyond.data, Data::Float(number) if number == u64::MAX as f64), "{beyond:?}");
    }
}
