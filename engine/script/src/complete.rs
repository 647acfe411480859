//! What may stand at the cursor: variables, keys, methods, component names.

use palladium_component::interfaces::Kind;
use palladium_config::script::Opaque;
use rhai::Dynamic;

use crate::handle::Handle;
use crate::methods::{self, Method};
use crate::project::argument_names;
use crate::session::Session;

/// What may stand at the cursor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completion {
    /// Where the word begins that the candidates replace, in bytes.
    pub start: usize,
    /// The candidates, sorted.
    pub candidates: Vec<String>,
}

/// Words of the language.
const WORDS: &[&str] = &[
    "break", "catch", "const", "continue", "else", "false", "for", "if", "import", "in", "let", "loop", "return",
    "switch", "throw", "true", "try", "until", "while",
];

/// Methods of lists, texts and maps of which the shell knows the names.
const OF_LISTS: &[&str] = &[
    "all(",
    "contains(",
    "dedup()",
    "filter(",
    "index_of(",
    "is_empty()",
    "len()",
    "map(",
    "pop()",
    "push(",
    "reduce(",
    "reverse()",
    "some(",
    "sort()",
];
const OF_TEXTS: &[&str] = &[
    "contains(",
    "ends_with(",
    "is_empty()",
    "len()",
    "replace(",
    "split(",
    "starts_with(",
    "sub_string(",
    "to_lower()",
    "to_upper()",
    "trim()",
];
const OF_MAPS: &[&str] = &["contains(", "get(", "is_empty()", "keys()", "len()", "values()"];

impl Session {
    /// Returns what may stand at the end of a text.
    pub fn complete(&self, text: &str) -> Completion {
        if let Some(open) = open_quote(text) {
            return self.in_quotes(text, open);
        }
        let start = text
            .rfind(|character: char| !is_word(character))
            .map_or(0, |index| index + text[index..].chars().next().map_or(1, char::len_utf8));
        let candidates = match text[..start].strip_suffix('.') {
            Some(before) => self.value_before(before).map_or_else(Vec::new, |value| members(&value)),
            None => self.names(),
        };
        matching(start, &text[start..], candidates)
    }

    /// Returns the names of components of this binary, for `:doc`.
    pub fn component_names(&self) -> Vec<String> {
        let registry = self.project().registry();
        let named = registry.components().iter().filter(|descriptor| descriptor.kind != Kind::Command);
        named.map(|descriptor| descriptor.name.to_owned()).collect()
    }

    /// Returns the root keys.
    pub fn keys(&self) -> Vec<String> {
        self.project().keys().map(str::to_owned).collect()
    }

    fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = WORDS.iter().map(|word| (*word).to_owned()).collect();
        names.extend(self.keys().into_iter().filter(|key| key.chars().all(is_word)));
        names.extend(self.variables().map(str::to_owned));
        names.extend(self.functions().map(|name| format!("{name}(")));
        names.extend(methods::functions().map(inserted));
        names
    }

    /// Completes a text in quotes: a key where it is an index, else the name of a component.
    fn in_quotes(&self, text: &str, open: usize) -> Completion {
        let candidates = match text[..open].strip_suffix('[') {
            Some(before) => self.value_before(before).map_or_else(Vec::new, |value| keys(&value)),
            None => self.component_names(),
        };
        matching(open + 1, &text[open + 1..], candidates)
    }

    /// Returns the value of the path of names and keys at the end of a text; nothing is called for it.
    fn value_before(&self, text: &str) -> Option<Dynamic> {
        let path = path_at_end(text)?;
        let (first, rest) = path.split_first()?;
        rest.iter().try_fold(self.variable(first)?, |value, key| member(&value, key))
    }
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

/// Returns where the quote stands in which a text ends, if it ends in one.
fn open_quote(text: &str) -> Option<usize> {
    let mut open = None;
    let mut characters = text.char_indices();
    while let Some((index, character)) = characters.next() {
        match (character, open) {
            ('\\', Some(_)) => drop(characters.next()),
            ('"', Some(_)) => open = None,
            ('"', None) => open = Some(index),
            _ => {}
        }
    }
    open
}

/// Returns the names and keys of a path such as `config["a"].b` at the end of a text.
fn path_at_end(text: &str) -> Option<Vec<String>> {
    let text = text.trim_end();
    if let Some(before) = text.strip_suffix("\"]") {
        let open = before.rfind("[\"")?;
        let mut path = path_at_end(&before[..open])?;
        path.push(before[open + 2..].to_owned());
        return Some(path);
    }
    let start = text
        .rfind(|character: char| !is_word(character))
        .map_or(0, |index| index + text[index..].chars().next().map_or(1, char::len_utf8));
    let word = &text[start..];
    if word.is_empty() {
        return None;
    }
    let mut path = match text[..start].strip_suffix('.') {
        Some(before) => path_at_end(before)?,
        None => Vec::new(),
    };
    path.push(word.to_owned());
    Some(path)
}

fn member(value: &Dynamic, key: &str) -> Option<Dynamic> {
    if let Ok(map) = value.as_map_ref() {
        return map.get(key).cloned();
    }
    let opaque = value.read_lock::<Opaque>()?;
    crate::property(&opaque, key).or_else(|| crate::project::argument(&opaque, key).ok())
}

/// Returns the keys that may stand in brackets behind a value.
fn keys(value: &Dynamic) -> Vec<String> {
    if let Ok(map) = value.as_map_ref() {
        return map.keys().map(ToString::to_string).collect();
    }
    let Some(opaque) = value.read_lock::<Opaque>() else { return Vec::new() };
    match Handle::of(&opaque) {
        Handle::Table(table) => table.names().map(str::to_owned).collect(),
        Handle::Dataset(data) => data.features.names().map(str::to_owned).collect(),
        _ => argument_names(&opaque),
    }
}

/// Returns what may stand behind a value and a dot.
fn members(value: &Dynamic) -> Vec<String> {
    let known = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    if value.is_map() {
        let mut all = known(OF_MAPS);
        all.extend(keys(value).into_iter().filter(|key| key.chars().all(is_word)));
        return all;
    }
    if value.is_array() {
        return known(OF_LISTS);
    }
    if value.is_string() {
        return known(OF_TEXTS);
    }
    let Some(opaque) = value.read_lock::<Opaque>() else { return Vec::new() };
    let mut all: Vec<String> = methods::of(&Handle::of(&opaque)).map(inserted).collect();
    all.extend(argument_names(&opaque).into_iter().filter(|key| key.chars().all(is_word)));
    all
}

/// Returns what is inserted for a method: with its bracket, and the closing one where it takes no argument.
fn inserted(method: &'static Method) -> String {
    match method.signature {
        signature if signature.ends_with("()") || !method.is_called() => signature.to_owned(),
        _ => format!("{}(", method.name()),
    }
}

fn matching(start: usize, word: &str, mut candidates: Vec<String>) -> Completion {
    candidates.retain(|candidate| candidate.starts_with(word));
    candidates.sort();
    candidates.dedup();
    Completion { start, candidates }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_paths_and_quotes() {
        let paths: [(&str, Option<&[&str]>); 6] = [
            ("model", Some(&["model"])),
            ("let x = config[\"model_persister\"][\"impl\"]", Some(&["config", "model_persister", "impl"])),
            ("f(data.target", Some(&["data", "target"])),
            ("config[\"a\"].b", Some(&["config", "a", "b"])),
            ("f(x)", None),
            ("", None),
        ];
        for (text, expected) in paths {
            let expected = expected.map(|path| path.iter().map(ToString::to_string).collect::<Vec<_>>());
            assert_eq!(path_at_end(text), expected, "{text}");
        }
        for (text, expected) in
            [("a", None), ("f(\"", Some(2)), ("\"a\" + \"b", Some(6)), ("\"\\\"", Some(0)), ("\"\\\\\"", None)]
        {
            assert_eq!(open_quote(text), expected, "{text}");
        }
    }
}
