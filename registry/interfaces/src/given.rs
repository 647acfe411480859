//! What requests give by name: what is wrong with a name or a value, in words.

use std::fmt;

use palladium_value::nearest;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value as Json;

use crate::DecoratorDocs;

/// So much of what a client has sent is shown.
const SHOWN: usize = 60;

/// Returns what is wrong with a name that a view does not know, if it is not one that a decorator around it looks for, or
/// may look for: what is none to the view could be what its caller relies on. `decorators` are what these take; nothing
/// stands for one that may take anything.
pub fn unknown_name<'a>(
    name: &str,
    known: impl Iterator<Item = &'a str> + Clone,
    decorators: &[Option<DecoratorDocs>],
) -> Option<String> {
    if decorators.iter().flatten().any(|docs| docs.takes(name)) {
        return None;
    }
    let names: Vec<String> = known.clone().map(|name| format!("`{name}`")).collect();
    let said = match nearest(name, known) {
        Some(near) => format!("did you mean `{near}`?"),
        None if decorators.iter().any(Option::is_none) => return None,
        None if names.is_empty() => "none is taken".to_owned(),
        None => format!("the parameters are {}", names.join(", ")),
    };
    let shown: String = name.chars().take(SHOWN).collect();
    Some(format!("there is no parameter {shown:?}, {said}"))
}

/// Returns that the value of a name is not what it has to be.
pub fn wrong_value(name: &str, expected: &str, value: &Json) -> String {
    let shown: String = value.to_string().chars().take(SHOWN).collect();
    format!("`{name}` has to be {expected}, it is {shown}")
}

/// The entries of a JSON object, also those of one name.
pub struct Entries(pub Vec<(String, Json)>);

impl<'de> Deserialize<'de> for Entries {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Entries, D::Error> {
        struct Object;

        impl<'de> Visitor<'de> for Object {
            type Value = Entries;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entries, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Entries(entries))
            }
        }

        deserializer.deserialize_map(Object)
    }
}
