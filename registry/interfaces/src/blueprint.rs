//! What the components of a configuration were made of.

use std::collections::BTreeMap;
use std::fmt;

use palladium_value::{Data, Map, Span, Value};

/// A configuration as it was before its components were constructed. It holds secrets.
#[derive(Clone)]
pub struct Blueprint {
    root: Value,
    releases: BTreeMap<&'static str, String>,
}

/// An empty configuration.
impl Default for Blueprint {
    fn default() -> Blueprint {
        Blueprint::new(Value::new(Data::Map(Map::new()), Span::nowhere("nothing")), BTreeMap::new())
    }
}

/// Shows no value, any of which may be a secret.
impl fmt::Debug for Blueprint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Blueprint").field("releases", &self.releases).finish_non_exhaustive()
    }
}

impl Blueprint {
    /// Returns the blueprint of a configuration whose factories have their full names. `releases` says for each of
    /// them which crate it is from, in which version.
    pub fn new(root: Value, releases: BTreeMap<&'static str, String>) -> Blueprint {
        Blueprint { root, releases }
    }

    /// Returns the whole configuration: the entry `!` of the map of a component is its full name.
    pub fn root(&self) -> &Value {
        &self.root
    }

    /// Returns the crate that a component is from with its version, by the full name of the component.
    pub fn release(&self, name: &str) -> Option<&str> {
        self.releases.get(name).map(String::as_str)
    }

    /// Returns the maps of all components of a full name, wherever they stand.
    pub fn all(&self, name: &str) -> Vec<&Map> {
        let mut found = Vec::new();
        collect(&self.root, name, &mut found);
        found
    }
}

fn collect<'a>(value: &'a Value, name: &str, found: &mut Vec<&'a Map>) {
    match &value.data {
        Data::List(items) => items.iter().for_each(|item| collect(item, name, found)),
        Data::Map(map) => {
            if map.get("!").is_some_and(|factory| factory.value.as_text() == Some(name)) {
                found.push(map);
            }
            map.values().for_each(|entry| collect(&entry.value, name, found));
        }
        _ => {}
    }
}
