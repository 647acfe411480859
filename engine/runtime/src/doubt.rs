//! Root keys and names that are almost right, and lists of decorators that nothing reads: they would decorate nothing,
//! and nobody would notice.

mod parts;

use std::collections::HashSet;

use palladium_component::interfaces::Kind;
use palladium_component::value::{Code, Data, Diagnostic, Diagnostics, KeyPath, Value, is_slip, nearest};
use palladium_component::{Literal, Registry};

use crate::root_keys::{self, Holds};

/// The parameter of predict services and views that names their list of decorators.
const LIST_NAME: &str = "decorator_list_name";

/// Returns the lists of decorators that nothing reads, and the names that no list has, where one seems to be meant.
/// `named` are the lists that the components read, `copied` those that are kept for copies of them, be there one or not.
pub fn lists(root: &Value, registry: &Registry, named: &[String], copied: &[String]) -> Diagnostics {
    let mut texts = Texts::default();
    texts.gather(root);
    let defaults =
        registry.components().iter().flat_map(|descriptor| descriptor.params).filter_map(|param| match param.default {
            Some(Literal::Text(name)) if param.name == LIST_NAME => Some(name),
            _ => None,
        });
    let of_root = root_keys::ALL.iter().filter(|key| key.holds == Holds::Decorators).map(|key| key.name);
    let known: Vec<&str> = of_root.chain(defaults).collect();
    let written = texts.list_names.iter().filter_map(|value| value.as_text());
    let named: HashSet<&str> = named.iter().map(String::as_str).chain(written).collect();
    let is_read =
        |key: &str| named.contains(key) || (root_keys::is_decorators(key) && key != root_keys::PREDICT_DECORATORS);
    let unread = root.as_map().into_iter().flatten().filter(|(key, entry)| {
        let is_part = || copied.contains(key) || parts::is_part(root, key, &entry.value);
        !is_read(key) && decorates(key, &entry.value, registry) && !is_part()
    });
    let unread: Vec<&str> = unread.map(|(key, _)| key.as_str()).collect();

    let (mut findings, mut meant) = (Diagnostics::default(), HashSet::new());
    for value in &texts.list_names {
        let Some(name) = value.as_text().filter(|name| root.get(name).is_none() && !known.contains(name)) else {
            continue;
        };
        let mut keys = root.as_map().into_iter().flat_map(|map| map.keys().map(String::as_str));
        let is_near = |key: &&str| is_slip(name, key) || name.strip_suffix('s') == Some(key);
        let near = nearest(name, unread.iter().copied()).or_else(|| keys.find(is_near));
        let (near, label) = match (near, unread.first()) {
            (Some(near), _) => (near, format!("did you mean `{near}`?")),
            (None, Some(other)) => (*other, format!("did you mean `{other}`, which nothing reads?")),
            (None, None) => continue,
        };
        meant.insert(near);
        let finding = Diagnostic::new(Code::MisspeltKey, format!("there is no list of decorators `{name}`"));
        let help = format!("add `\"{name}\": []` to the root of the configuration where nothing is to be decorated");
        findings.push(finding.at_value(value, label).help(help));
    }
    let is_left = |key: &str| !named.contains(key) && !meant.contains(key);
    let matters = |key: &str, _: &Value| is_left(key) && (unread.contains(&key) || !texts.all.contains(key));
    findings.extend(misspelt(root, &known, matters));
    for (key, entry) in root.as_map().into_iter().flatten().filter(|(key, _)| unread.contains(&key.as_str())) {
        if is_left(key) && !known.contains(&key.as_str()) && near_absent(root, key, &known).is_none() {
            let finding = unread_key(key).at(&entry.key_span, "these decorators decorate nothing");
            findings.push(finding.help(
                "name the list in the `decorator_list_name` of a predict service or a view, or give it the key of the \
                 list that is meant, such as `predict_decorators`; parts for `__copy__` may wait in a map: \
                 `\"parts\": { … }`",
            ));
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
    misspelt(root, &known, |key, value| {
        let kind = value.get("!").and_then(|name| kind_of(name, registry));
        // These work under any key, and lists of decorators are looked at elsewhere.
        let is_free = matches!(kind, Some(Kind::PredictService | Kind::View | Kind::Object));
        !texts.all.contains(key) && !is_free && !decorates(key, value, registry)
    })
}

/// Returns the root keys without a meaning that are almost one of those wanted, which is not there.
fn misspelt(root: &Value, wanted: &[&str], matters: impl Fn(&str, &Value) -> bool) -> Diagnostics {
    let mut findings = Diagnostics::default();
    for (key, entry) in root.as_map().into_iter().flatten() {
        let has_meaning = root_keys::ALL.iter().any(|known| known.name == key) || wanted.contains(&key.as_str());
        if has_meaning || !matters(key, &entry.value) {
            continue;
        }
        if let Some(near) = near_absent(root, key, wanted) {
            findings.push(unread_key(key).at(&entry.key_span, format!("did you mean `{near}`?")));
        }
    }
    findings
}

/// Returns the one of those wanted that is not there and that a root key almost is.
fn near_absent<'a>(root: &Value, key: &str, wanted: &[&'a str]) -> Option<&'a str> {
    wanted.iter().find(|name| root.get(name).is_none() && is_slip(key, name)).copied()
}

fn unread_key(key: &str) -> Diagnostic {
    let message = format!("nothing reads the root key `{key}`");
    Diagnostic::new(Code::MisspeltKey, message).in_key(&KeyPath::root().join(key))
}

/// Tells whether the value of a root key is a list of decorators: one of them is known to be one, all others may be.
/// Functions are known by the key alone.
fn decorates(key: &str, value: &Value, registry: &Registry) -> bool {
    let is_one = |item: &Value| match &item.data {
        Data::Function(_) => key.to_lowercase().contains("decorator"),
        _ => kind_of(item, registry) == Some(Kind::Decorator),
    };
    let may_be_one = |item: &Value| match &item.data {
        Data::Function(function) => function.n_parameters().is_none_or(|count| count == 1),
        Data::Text(name) => name.contains('.'),
        _ => false,
    };
    let items = value.as_list().unwrap_or_default();
    items.iter().any(is_one) && items.iter().all(|item| is_one(item) || may_be_one(item))
}

/// Returns the kind of the component that a value describes or names.
fn kind_of(value: &Value, registry: &Registry) -> Option<Kind> {
    let name = value.as_text().or_else(|| value.get("!").and_then(Value::as_text))?;
    registry.find(name).ok().map(|descriptor| descriptor.kind)
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
    fn found(look: impl Fn(&Value, &Registry) -> Diagnostics, root: &Json) -> Vec<String> {
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
            (
                json!({"PREDICT_DECORATORS": []}),
                vec!["nothing reads the root key `PREDICT_DECORATORS`; did you mean `predict_decorators`?"],
            ),
            (
                json!({"predict_decoratorss": [], "predict_decorators_2": []}),
                vec!["nothing reads the root key `predict_decoratorss`; did you mean `predict_decorators`?"],
            ),
            (
                json!({"guard": [], "a": {"decorator_list_name": "guards"}}),
                vec!["there is no list of decorators `guards`; did you mean `guard`?"],
            ),
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
            assert_eq!(found(|root, registry| lists(root, registry, &[], &[]), &root), expected, "{root}");
        }
    }
}
