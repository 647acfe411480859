//! Root keys and names that are almost right: a list of decorators under a misspelt key would decorate nothing, and
//! nobody would notice.

use std::collections::HashSet;

use palladium_component::interfaces::Kind;
use palladium_component::value::{Code, Data, Diagnostic, Diagnostics, KeyPath, Value, is_slip};
use palladium_component::{Literal, Registry};

use crate::root_keys::{self, Holds};

/// The parameter of predict services and views that names their list of decorators.
const LIST_NAME: &str = "decorator_list_name";

/// Returns the lists of decorators that nothing reads, and the names that no list has, where the other is almost so.
pub fn lists(root: &Value, registry: &Registry) -> Diagnostics {
    let mut texts = Texts::default();
    texts.gather(root);
    let defaults =
        registry.components().iter().flat_map(|descriptor| descriptor.params).filter_map(|param| match param.default {
            Some(Literal::Text(name)) if param.name == LIST_NAME => Some(name),
            _ => None,
        });
    let of_root = root_keys::ALL.iter().filter(|key| key.holds == Holds::Decorators).map(|key| key.name);
    let known: Vec<&str> = of_root.chain(defaults).collect();
    let mut findings = misspelt(root, &texts, &known, |_| true);
    for value in &texts.list_names {
        let Some(name) = value.as_text().filter(|name| root.get(name).is_none() && !known.contains(name)) else {
            continue;
        };
        let mut keys = root.as_map().into_iter().flat_map(|map| map.keys());
        if let Some(near) = keys.find(|key| is_slip(name, key)) {
            let message = format!("there is no list of decorators `{name}`");
            let finding = Diagnostic::new(Code::MisspeltKey, message);
            findings.push(finding.at_value(value, format!("did you mean `{near}`?")));
        }
    }
    findings
}

/// Returns the other root keys that are almost one with a meaning, which is not there.
pub fn keys(root: &Value, registry: &Registry) -> Diagnostics {
    let mut texts = Texts::default();
    texts.gather(root);
    let known: Vec<&str> =
        root_keys::ALL.iter().filter(|key| key.holds != Holds::Decorators).map(|key| key.name).collect();
    misspelt(root, &texts, &known, |value| {
        let name = value.get("!").and_then(Value::as_text);
        let kind = name.and_then(|name| registry.find(name).ok()).map(|descriptor| descriptor.kind);
        // These work under any key.
        !matches!(kind, Some(Kind::PredictService | Kind::View | Kind::Object))
    })
}

/// Returns the root keys without a meaning that are almost one of those wanted, which is not there.
fn misspelt(root: &Value, texts: &Texts<'_>, wanted: &[&str], matters: impl Fn(&Value) -> bool) -> Diagnostics {
    let mut findings = Diagnostics::default();
    for (key, entry) in root.as_map().into_iter().flatten() {
        let has_meaning = root_keys::ALL.iter().any(|known| known.name == key) || wanted.contains(&key.as_str());
        if has_meaning || texts.all.contains(key.as_str()) || !matters(&entry.value) {
            continue;
        }
        let absent = |name: &&&str| root.get(name).is_none() && is_slip(key, name);
        if let Some(near) = wanted.iter().find(absent) {
            let message = format!("nothing reads the root key `{key}`");
            let finding = Diagnostic::new(Code::MisspeltKey, message).in_key(&KeyPath::root().join(key));
            findings.push(finding.at(&entry.key_span, format!("did you mean `{near}`?")));
        }
    }
    findings
}

/// The texts of a configuration, any of which may name a root key.
#[derive(Default)]
struct Texts<'a> {
    all: HashSet<&'a str>,
    list_names: Vec<&'a Value>,
}

impl<'a> Texts<'a> {
    fn gather(&mut self, value: &'a Value) {
        match &value.data {
            Data::Text(text) => {
                self.all.insert(text);
            }
            Data::List(items) => items.iter().for_each(|item| self.gather(item)),
            Data::Map(map) => {
                for (name, entry) in map {
                    if name == LIST_NAME {
                        self.list_names.push(&entry.value);
                    }
                    self.gather(&entry.value);
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use palladium_component::value::Span;
    use serde_json::{Value as Json, json};

    use super::*;

    /// Returns what is found in a configuration, without its place.
    fn found(look: fn(&Value, &Registry) -> Diagnostics, root: &Json) -> Vec<String> {
        let root = Value::of_json(root, &Span::nowhere("test"));
        let findings = look(&root, &Registry::linked().unwrap());
        findings.iter().map(|finding| format!("{}; {}", finding.message, finding.labels[0].text)).collect()
    }

    #[test]
    fn keys_that_are_almost_known_are_doubted() {
        let doubted =
            |key: &str, meant: &str| vec![format!("nothing reads the root key `{key}`; did you mean `{meant}`?")];
        let cases = [
            (json!({"modle": 1}), doubted("modle", "model")),
            (json!({"modle": 1, "model": 2}), vec![]),
            (json!({"modle": 1, "other": [{"of": "modle"}]}), vec![]),
            (json!({"model_a": 1}), vec![]),
            (json!({"servr": {}}), doubted("servr", "server")),
            (json!({"predict_decoraters": []}), vec![]),
        ];
        for (root, expected) in cases {
            assert_eq!(found(keys, &root), expected, "{root}");
        }
    }

    #[test]
    fn lists_that_nothing_reads_and_names_without_a_list_are_doubted() {
        let cases = [
            (
                json!({"predict_decoraters": []}),
                vec!["nothing reads the root key `predict_decoraters`; did you mean `predict_decorators`?"],
            ),
            (json!({"predict_decoraters": [], "predict_decorators": []}), vec![]),
            (json!({"mine": [], "a": {"decorator_list_name": "moan"}}), vec![]),
            (
                json!({"my_decorators": [], "a": {"decorator_list_name": "my_decoratrs"}}),
                vec!["there is no list of decorators `my_decoratrs`; did you mean `my_decorators`?"],
            ),
            (json!({"my_decorators": [], "a": {"decorator_list_name": "my_decorators"}}), vec![]),
            (json!({"a": {"decorator_list_name": "elsewhere"}}), vec![]),
            (json!({"modle": 1}), vec![]),
        ];
        for (root, expected) in cases {
            assert_eq!(found(lists, &root), expected, "{root}");
        }
    }
}
