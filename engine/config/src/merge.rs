//! Puts the entries of all inputs into one map, file by file, and checks the directives.

use std::sync::Arc;

use palladium_value::{Code, Data, Diagnostic, Entry, KeyPath, Map, Span, Value, nearest};

use crate::{copy, directive};

/// The keys that may not stand in the root map.
const DIRECTIVES: [&str; 4] = ["!", "__factory__", "__copy__", "__default__"];

/// Merges inputs: a top-level key of a later one replaces that of an earlier one and keeps its place.
///
/// Each input is resolved against itself and those before it, never against those behind it. The directives of
/// all inputs are checked before the first is resolved, so that one finding does not hide the others.
pub(crate) fn merge(mut inputs: Vec<Map>, findings: &mut Vec<Diagnostic>) -> Map {
    for input in &mut inputs {
        normalize_root(input, findings);
    }
    let mut merged = Map::new();
    for index in 0..inputs.len() {
        let (head, later) = inputs.split_at_mut(index + 1);
        let file = &mut head[index];
        let resolved = if directive::has_directives(file) {
            copy::resolve(file, &merged, later, findings)
        } else {
            std::mem::take(file)
        };
        for (key, entry) in resolved {
            merged.insert(key, entry);
        }
    }
    check_factories(&merged, findings);
    merged
}

/// Writes every `__factory__` as `!` and checks what stands beside the directives.
fn normalize_root(root: &mut Map, findings: &mut Vec<Diagnostic>) {
    for directive in DIRECTIVES {
        if let Some(entry) = root.get(directive) {
            let finding = Diagnostic::new(Code::RootDirective, format!("`{directive}` cannot stand at the root"))
                .at(&entry.key_span, "only keys of entries and `__rhai__` stand here")
                .help("put it into the map of an entry, `\"key\": {…}`");
            findings.push(finding);
        }
    }
    check_misspelt(root, &KeyPath::root(), findings);
    for (key, entry) in root {
        normalize(&mut entry.value, &KeyPath::root().join(key), findings);
    }
}

fn normalize(value: &mut Value, path: &KeyPath, findings: &mut Vec<Diagnostic>) {
    match &mut value.data {
        Data::List(items) => {
            for (index, item) in items.iter_mut().enumerate() {
                if matches!(item.data, Data::List(_) | Data::Map(_)) {
                    normalize(item, &path.join(index.to_string()), findings);
                }
            }
        }
        Data::Map(map) => {
            rename_factory(map, path, findings);
            check_directive(map, path, findings);
            for (key, entry) in map.iter_mut() {
                if matches!(entry.value.data, Data::List(_) | Data::Map(_)) {
                    normalize(&mut entry.value, &path.join(key), findings);
                }
            }
        }
        _ => {}
    }
}

fn rename_factory(map: &mut Map, path: &KeyPath, findings: &mut Vec<Diagnostic>) {
    let Some(index) = map.get_index_of("__factory__") else { return };
    if let Some(short) = map.get("!") {
        let finding = Diagnostic::new(Code::FactoryAmbiguous, format!("`{path}` names its factory twice"))
            .at(&map[index].key_span, "named here")
            .also(&short.key_span, "and here")
            .help("`!` and `__factory__` are the same key, and so is the name of a struct: keep one")
            .in_key(path);
        findings.push(finding);
        return;
    }
    if let Some((_, entry)) = map.shift_remove_index(index) {
        map.shift_insert(index, "!".to_owned(), entry);
    }
}

/// Checks `__copy__`, `__default__` and what stands beside them.
fn check_directive(map: &Map, path: &KeyPath, findings: &mut Vec<Diagnostic>) {
    let Some(copy) = map.get("__copy__") else {
        if let Some(default) = map.get("__default__") {
            let finding = Diagnostic::new(Code::BadArguments, "`__default__` without `__copy__`")
                .at(&default.key_span, "nothing is copied here")
                .help("add `\"__copy__\": \"path\"`, or remove it")
                .in_key(path);
            findings.push(finding);
        }
        check_misspelt(map, path, findings);
        return;
    };
    let what = match copy.value.as_text() {
        None => Some(copy.value.describe()),
        Some(target) => (!directive::is_path(target)).then_some("a path with an empty key"),
    };
    if let Some(what) = what {
        let finding = Diagnostic::new(Code::BadArguments, format!("`__copy__` needs a dotted path, this is {what}"))
            .at(&copy.value.span, "expected text such as `\"model.steps\"`")
            .in_key(path);
        findings.push(finding);
    }
    for (key, entry) in map.iter().filter(|(key, _)| is_unknown(key)) {
        let finding = Diagnostic::new(Code::BadArguments, format!("unknown directive `{key}` beside `__copy__`"))
            .at(&entry.key_span, near_directive(key).unwrap_or_default())
            .note("known are `__default__`, `__factory__` (or `!`) and `__rhai__`; other keys are overrides")
            .in_key(path);
        findings.push(finding);
    }
}

/// Finds keys that are almost those of directives; other keys with underscores around them are data.
fn check_misspelt(map: &Map, path: &KeyPath, findings: &mut Vec<Diagnostic>) {
    for (key, entry) in map.iter().filter(|(key, _)| is_unknown(key)) {
        if let Some(label) = near_directive(key) {
            let finding = Diagnostic::new(Code::BadArguments, format!("unknown directive `{key}`"))
                .at(&entry.key_span, label)
                .note("known are `__copy__`, `__default__`, `__factory__` (or `!`) and `__rhai__`")
                .in_key(path);
            findings.push(finding);
        }
    }
}

/// Tells whether a key looks like a directive and is none.
fn is_unknown(key: &str) -> bool {
    is_magic(key) && !matches!(key, "__copy__" | "__default__" | "__factory__" | "__rhai__")
}

/// Returns what is said about a key that looks like a directive and is almost one.
fn near_directive(key: &str) -> Option<String> {
    let word = key.trim_matches('_');
    if word == "python" {
        return Some("scripts are written in Rhai, under `__rhai__`".to_owned());
    }
    nearest(word, ["copy", "default", "factory", "rhai"]).map(|near| format!("did you mean `__{near}__`?"))
}

/// Tells whether a key looks like a directive.
pub(crate) fn is_magic(key: &str) -> bool {
    key.len() > 4 && key.starts_with("__") && key.ends_with("__")
}

/// Checks that every factory has a name.
fn check_factories(map: &Map, findings: &mut Vec<Diagnostic>) {
    for (key, entry) in map {
        check_factory(entry, key, &KeyPath::root(), findings);
    }
}

fn check_factory(entry: &Entry, key: &str, parent: &KeyPath, findings: &mut Vec<Diagnostic>) {
    if key == "!" {
        let what = match entry.value.as_text() {
            Some(name) if !name.trim().is_empty() => return,
            Some(_) if is_known(findings, &entry.value) => return,
            Some(_) => "an empty text",
            None if copy::is_poison(&entry.value) || is_known(findings, &entry.value) => return,
            None => entry.value.describe(),
        };
        let finding = Diagnostic::new(Code::BadArguments, format!("a factory is named by text, this is {what}"))
            .at_value(&entry.value, "expected the name of a component")
            .in_key(parent);
        findings.push(finding);
    }
    check_factories_in(&entry.value, key, parent, findings);
}

/// Tells whether a value has been found faulty where it was copied from.
fn is_known(findings: &[Diagnostic], value: &Value) -> bool {
    let is_here = |span: &Span| Arc::ptr_eq(span.source(), value.span.source()) && span.range() == value.span.range();
    findings.iter().any(|finding| finding.labels.first().is_some_and(|label| is_here(&label.span)))
}

fn check_factories_in(value: &Value, key: &str, parent: &KeyPath, findings: &mut Vec<Diagnostic>) {
    match &value.data {
        Data::Map(map) => {
            let path = parent.join(key);
            for (key, entry) in map {
                check_factory(entry, key, &path, findings);
            }
        }
        Data::List(items) if items.iter().any(|item| matches!(item.data, Data::Map(_) | Data::List(_))) => {
            let path = parent.join(key);
            for (index, item) in items.iter().enumerate() {
                check_factories_in(item, &index.to_string(), &path, findings);
            }
        }
        _ => {}
    }
}
