//! Values that nobody knows: those of environment variables that are not set where a configuration is checked.

use crate::{Data, Value};

/// What a text begins with that stands for the value of a variable.
const OPENING: &str = "${environ.";

/// Returns the text that stands for the value of a variable that is not set.
pub fn placeholder(variable: &str) -> String {
    format!("{OPENING}{variable}}}")
}

/// Tells whether a value is or holds such a text. In a configuration that was read with all variables set, it may be
/// a text of the author: only a check without variables draws a conclusion from this.
pub fn has_placeholder(value: &Value) -> bool {
    match &value.data {
        Data::Text(text) => text.contains(OPENING),
        Data::List(items) => items.iter().any(has_placeholder),
        Data::Map(map) => map.iter().any(|(key, entry)| key.contains(OPENING) || has_placeholder(&entry.value)),
        _ => false,
    }
}
