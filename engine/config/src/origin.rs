//! Where the leaves of a configuration come from, and what is different between two configurations.

use std::fmt;
use std::sync::Arc;

use indexmap::IndexMap;
use palladium_value::{Data, KeyPath, Span, Value};
use serde_json::{Value as Json, json};

use crate::Config;
use crate::print::{redacted_json, shown_key};
use crate::secrets::hide_leaf;

/// A leaf of a configuration: a value without keys or items of its own.
#[derive(Clone, Debug)]
pub struct Origin {
    /// Its place in the tree.
    pub path: KeyPath,
    /// The value as JSON, with the values of environment variables hidden.
    pub value: Json,
    /// Where it is written.
    pub span: Span,
    /// What it came with.
    pub layer: Layer,
    /// The `__copy__` directives that brought it to its place, the last one first.
    pub copied: Vec<Span>,
}

/// What brought a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Layer {
    /// A file: its number in the order of loading, from 1, and its name.
    File(usize, String),
    /// An override of the command line, such as `--set 1`, or the command itself.
    Command(String),
    /// A script, in the file of this name.
    Script(String),
}

impl fmt::Display for Layer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Layer::File(number, name) => write!(formatter, "file {number}: {name}"),
            Layer::Command(name) => formatter.write_str(name),
            Layer::Script(name) => write!(formatter, "script in {name}"),
        }
    }
}

impl Origin {
    /// Returns the origin as a JSON object; lines and columns count from 1.
    pub fn to_json(&self) -> Json {
        json!({
            "key": self.path.to_string(),
            "value": self.value,
            "file": self.span.source().name(),
            "line": line(&self.span),
            "layer": self.layer.to_string(),
            "copied_at": self.copied.iter().map(place).collect::<Vec<_>>(),
        })
    }

    /// Returns file and line, and the lines of the copies.
    pub fn place(&self) -> String {
        let copies = self.copied.iter().map(|by| format!(", copied at {}", place(by)));
        std::iter::once(place(&self.span)).chain(copies).collect()
    }
}

/// Returns `file:line`, or the name alone where there is no text of several lines.
fn place(span: &Span) -> String {
    match line(span) {
        Some(line) => format!("{}:{line}", span.source().name()),
        None => span.source().name().to_owned(),
    }
}

fn line(span: &Span) -> Option<usize> {
    let is_option = span.source().name().starts_with("--");
    (span.is_quotable() && !is_option).then(|| span.start().line)
}

/// A path under which two configurations are not the same.
#[derive(Clone, Debug)]
pub enum Difference {
    /// Only the second has it.
    Added(Origin),
    /// Only the first has it.
    Removed(Origin),
    /// Both have it with different values.
    Changed(Origin, Origin),
}

impl Difference {
    /// Returns the path.
    pub fn path(&self) -> &KeyPath {
        match self {
            Difference::Added(origin) | Difference::Removed(origin) | Difference::Changed(origin, _) => &origin.path,
        }
    }
}

/// Returns the origin of every leaf.
pub(crate) fn origins(config: &Config) -> Vec<Origin> {
    leaves(config).into_values().map(|(_, origin)| origin).collect()
}

/// Returns what is different, in the order of the first configuration, then what only the second has.
pub(crate) fn diff(first: &Config, second: &Config) -> Vec<Difference> {
    let (first, mut second) = (leaves(first), leaves(second));
    let mut differences = Vec::new();
    for (path, (value, origin)) in first {
        match second.shift_remove(&path) {
            None => differences.push(Difference::Removed(origin)),
            Some((other, _)) if is_same(value, other) => {}
            Some((_, other)) => differences.push(Difference::Changed(origin, other)),
        }
    }
    differences.extend(second.into_values().map(|(_, origin)| Difference::Added(origin)));
    differences
}

/// Tells whether two leaves are the same; functions are if they have one name and one text.
fn is_same(first: &Value, second: &Value) -> bool {
    match (first.as_function(), second.as_function()) {
        (Some(a), Some(b)) => a.name() == b.name() && first.span.text() == second.span.text(),
        // A whole number is not the number with a fraction that equals it.
        _ => first == second && format!("{first:?}") == format!("{second:?}"),
    }
}

type Leaves<'a> = IndexMap<KeyPath, (&'a Value, Origin)>;

fn leaves(config: &Config) -> Leaves<'_> {
    let mut leaves = IndexMap::new();
    for (key, entry) in config.root().as_map().into_iter().flatten() {
        collect(config, &entry.value, &KeyPath::root().join(shown_key(key)), &mut leaves);
    }
    leaves
}

fn collect<'a>(config: &'a Config, value: &'a Value, path: &KeyPath, leaves: &mut Leaves<'a>) {
    match &value.data {
        Data::Map(map) if !map.is_empty() => {
            for (key, entry) in map {
                collect(config, &entry.value, &path.join(shown_key(key)), leaves);
            }
        }
        Data::List(items) if !items.is_empty() => {
            for (index, item) in items.iter().enumerate() {
                collect(config, item, &path.join(index.to_string()), leaves);
            }
        }
        _ => {
            let mut copied = Vec::new();
            let mut by = value.copied.as_deref();
            while let Some(copy) = by {
                copied.push(copy.by.clone());
                by = copy.earlier.as_deref();
            }
            let shown = redacted_json(&hide_leaf(value, path, &config.redactor), &config.redactor);
            let layer = layer(config, &value.span);
            let origin = Origin { path: path.clone(), value: shown, span: value.span.clone(), layer, copied };
            leaves.insert(path.clone(), (value, origin));
        }
    }
}

/// Returns what brought the value that is written at a place.
fn layer(config: &Config, span: &Span) -> Layer {
    let name = span.source().name().to_owned();
    let is_in = |script: &Span| {
        let (inner, outer) = (span.range(), script.range());
        Arc::ptr_eq(script.source(), span.source()) && outer.start <= inner.start && inner.end <= outer.end
    };
    if config.scripts.iter().any(is_in) {
        return Layer::Script(name);
    }
    match config.sources.iter().position(|source| Arc::ptr_eq(source, span.source())) {
        Some(index) => Layer::File(index + 1, name),
        None => Layer::Command(name),
    }
}
