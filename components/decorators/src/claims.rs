//! What identity providers say of a caller.

use serde_json::{Map, Value as Json};

/// Names and values.
pub type Claims = Map<String, Json>;

/// Returns the scopes of some claims: words of texts, or lists.
pub fn scopes(claims: &Claims) -> Vec<String> {
    let mut scopes: Vec<String> = Vec::new();
    for name in ["scope", "scp", "permissions"] {
        match claims.get(name) {
            Some(Json::String(words)) => scopes.extend(words.split_ascii_whitespace().map(str::to_owned)),
            Some(Json::Array(items)) => scopes.extend(items.iter().filter_map(|item| Some(item.as_str()?.to_owned()))),
            _ => {}
        }
    }
    scopes
}

/// Returns the texts of a claim that is a text or a list of texts.
pub fn texts<'a>(claims: &'a Claims, name: &str) -> Vec<&'a str> {
    match claims.get(name) {
        Some(Json::String(text)) => vec![text],
        Some(Json::Array(items)) => items.iter().filter_map(Json::as_str).collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn scopes_are_words_and_lists() {
        let of = |claims: Json| scopes(claims.as_object().unwrap()).join(" ");
        assert_eq!(of(json!({"scope": "a  b", "scp": ["c", 1, "d e"], "permissions": ["f"]})), "a b c d e f");
        assert_eq!(of(json!({"scope": 1, "scp": null, "scopes": "a"})), "");
    }
}
