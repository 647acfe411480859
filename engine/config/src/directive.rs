//! `__copy__` directives, where they stand and what they name.

use std::rc::Rc;
use std::sync::Arc;

use palladium_value::{Data, Entry, KeyPath, Map, Span, Value};

/// Where a value stands in its input: cheap to extend and to keep.
#[derive(Clone, Default)]
pub(crate) struct Place<'a>(Option<Rc<(Place<'a>, Segment<'a>)>>);

pub(crate) enum Segment<'a> {
    Key(&'a str),
    Index(usize),
}

impl<'a> Place<'a> {
    pub(crate) fn root() -> Place<'a> {
        Place(None)
    }

    pub(crate) fn key(&self, key: &'a str) -> Place<'a> {
        Place(Some(Rc::new((self.clone(), Segment::Key(key)))))
    }

    pub(crate) fn index(&self, index: usize) -> Place<'a> {
        Place(Some(Rc::new((self.clone(), Segment::Index(index)))))
    }

    /// Tells whether a path of keys names this place.
    pub(crate) fn is(&self, path: &[&str]) -> bool {
        match (&self.0, path.split_last()) {
            (None, None) => true,
            (Some(step), Some((last, parent))) => {
                matches!(step.1, Segment::Key(key) if key == *last) && step.0.is(parent)
            }
            _ => false,
        }
    }

    pub(crate) fn key_path(&self) -> KeyPath {
        match &self.0 {
            None => KeyPath::root(),
            Some(step) => match step.1 {
                Segment::Key(key) => step.0.key_path().join(key),
                Segment::Index(index) => step.0.key_path().join(index.to_string()),
            },
        }
    }
}

/// A map with `__copy__`, and where it stands.
#[derive(Clone)]
pub(crate) struct Directive<'a> {
    pub(crate) value: &'a Value,
    pub(crate) map: &'a Map,
    pub(crate) place: Place<'a>,
}

impl<'a> Directive<'a> {
    pub(crate) fn of(value: &'a Value, place: &Place<'a>) -> Option<Directive<'a>> {
        let map = value.as_map().filter(|map| map.contains_key("__copy__"))?;
        Some(Directive { value, map, place: place.clone() })
    }

    /// Returns the path; there is none where the directive is malformed, which is reported elsewhere.
    pub(crate) fn target(&self) -> Option<&'a str> {
        self.map.get("__copy__").and_then(|entry| entry.value.as_text()).filter(|path| is_path(path))
    }

    /// Returns the path for messages.
    pub(crate) fn path(&self) -> &'a str {
        self.target().unwrap_or_default()
    }

    /// Returns the place of `"__copy__": "path"`.
    pub(crate) fn span(&self) -> Span {
        let Some(entry) = self.map.get("__copy__") else { return self.value.span.clone() };
        let (key, value) = (&entry.key_span, &entry.value.span);
        let is_one_text = Arc::ptr_eq(key.source(), value.source()) && key.range().end <= value.range().start;
        if is_one_text { Span::new(key.source(), key.range().start..value.range().end) } else { value.clone() }
    }

    pub(crate) fn default(&self) -> Option<&'a Value> {
        self.map.get("__default__").map(|entry| &entry.value)
    }

    pub(crate) fn overrides(&self) -> impl Iterator<Item = (&'a String, &'a Entry)> + use<'a> {
        self.map.iter().filter(|(key, _)| !matches!(key.as_str(), "__copy__" | "__default__"))
    }

    pub(crate) fn key(&self) -> *const Value {
        std::ptr::from_ref(self.value)
    }
}

/// Tells whether a text can be the path of a copy: keys with dots between them.
pub(crate) fn is_path(text: &str) -> bool {
    text.split('.').all(|segment| !segment.is_empty())
}

/// What a path names.
#[derive(Clone)]
pub(crate) enum Found<'a> {
    /// A value of the input itself; it may hold directives.
    Here(&'a Value, Place<'a>),
    /// A value of the inputs before.
    Before(&'a Value),
    /// The default of the directive.
    Default(&'a Value, Place<'a>),
}

/// Tells whether a map holds a `__copy__` anywhere below its own keys.
pub(crate) fn has_directives(map: &Map) -> bool {
    fn holds(value: &Value) -> bool {
        match &value.data {
            Data::Map(map) => map.contains_key("__copy__") || has_directives(map),
            Data::List(items) => items.iter().any(holds),
            _ => false,
        }
    }
    map.values().any(|entry| holds(&entry.value))
}

/// Returns the root keys in which the paths of the directives of inputs begin.
pub(crate) fn copied_keys(inputs: &[Map]) -> Vec<String> {
    fn gather(map: &Map, keys: &mut Vec<String>) {
        let path = map.get("__copy__").and_then(|entry| entry.value.as_text());
        keys.extend(path.and_then(|path| path.split('.').next()).map(str::to_owned));
        map.values().for_each(|entry| look(&entry.value, keys));
    }
    fn look(value: &Value, keys: &mut Vec<String>) {
        match &value.data {
            Data::Map(map) => gather(map, keys),
            Data::List(items) => items.iter().for_each(|item| look(item, keys)),
            _ => {}
        }
    }
    let mut keys = Vec::new();
    inputs.iter().for_each(|input| gather(input, &mut keys));
    keys
}

/// Collects the directives in a value, not those inside other directives.
pub(crate) fn directives_in<'a>(value: &'a Value, place: &Place<'a>, found: &mut Vec<Directive<'a>>) {
    if let Some(directive) = Directive::of(value, place) {
        found.push(directive);
        return;
    }
    match &value.data {
        Data::Map(map) => {
            for (key, entry) in map {
                if matches!(entry.value.data, Data::Map(_) | Data::List(_)) {
                    directives_in(&entry.value, &place.key(key), found);
                }
            }
        }
        Data::List(items) => {
            for (index, item) in items.iter().enumerate() {
                if matches!(item.data, Data::Map(_) | Data::List(_)) {
                    directives_in(item, &place.index(index), found);
                }
            }
        }
        _ => {}
    }
}
