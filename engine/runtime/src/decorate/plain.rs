//! Plain data as values of scripts, and back.

use std::any::Any;
use std::sync::Arc;

use palladium_component::data::Dataset;
use palladium_component::interfaces::{Failure, Metadata, Pairs, Returned, TrainedModel, Version};
use palladium_component::value::{Data, Entry, Map, Span, Value};
use serde_json::Value as Json;

fn value(data: Data) -> Value {
    Value::new(data, Span::nowhere("call"))
}

pub(super) fn null() -> Value {
    value(Data::Null)
}

pub(super) fn flag(flag: bool) -> Value {
    value(Data::Bool(flag))
}

pub(super) fn int(number: i64) -> Value {
    value(Data::Int(number))
}

pub(super) fn number(number: f64) -> Value {
    value(Data::Float(number))
}

pub(super) fn text(text: &str) -> Value {
    value(Data::Text(text.to_owned()))
}

pub(super) fn texts(texts: &[String]) -> Value {
    value(Data::List(texts.iter().map(|item| text(item)).collect()))
}

pub(super) fn version(version: Version) -> Value {
    value(i64::try_from(version.number()).map_or(Data::Null, Data::Int))
}

pub(super) fn map<const N: usize>(entries: [(&str, Value); N]) -> Value {
    value(Data::Map(entries.into_iter().map(|(name, value)| entry(name, value)).collect()))
}

fn entry(name: &str, value: Value) -> (String, Entry) {
    (name.to_owned(), Entry { key_span: value.span.clone(), value })
}

/// Returns bytes as text, and nothing where they are none.
pub(super) fn bytes(bytes: &[u8]) -> Value {
    std::str::from_utf8(bytes).map_or_else(|_| null(), text)
}

/// Returns pairs as a map; what stands several times becomes a list.
pub(super) fn pairs(pairs: &Pairs) -> Value {
    let mut entries = Map::new();
    for (name, given) in pairs {
        match entries.get_mut(name) {
            None => drop(entries.insert(name.to_owned(), entry(name, text(given)).1)),
            Some(Entry { value: Value { data: Data::List(items), .. }, .. }) => items.push(text(given)),
            Some(entry) => entry.value = value(Data::List(vec![entry.value.clone(), text(given)])),
        }
    }
    value(Data::Map(entries))
}

/// Reads what [`pairs`] writes.
pub(super) fn read_pairs(value: &Value) -> Option<Pairs> {
    let mut pairs = Pairs::default();
    for (name, entry) in value.as_map()? {
        match &entry.value.data {
            Data::Text(text) => pairs.push(name, text),
            Data::List(items) => {
                for item in items {
                    pairs.push(name, item.as_text()?);
                }
            }
            _ => return None,
        }
    }
    Some(pairs)
}

pub(super) fn scores(scores: &[(String, f64)]) -> Value {
    value(Data::Map(scores.iter().map(|(label, score)| entry(label, number(*score))).collect()))
}

pub(super) fn metadata(metadata: &Metadata) -> Value {
    value(Data::Map(metadata.entries().map(|(name, given)| entry(name, json(given))).collect()))
}

pub(super) fn json(given: &Json) -> Value {
    Value::of_json(given, &Span::nowhere("call"))
}

/// Returns the data set or the model that a script held without looking into it.
pub(super) fn opaque(erased: &Arc<dyn Any + Send + Sync>) -> Result<Returned, Failure> {
    if let Some(data) = erased.downcast_ref::<Dataset>() {
        return Ok(Returned::Dataset(data.clone()));
    }
    let model = Arc::clone(erased).downcast::<TrainedModel>();
    model.map(Returned::Model).map_err(|_| Failure::message("a function that decorates returned a component"))
}
