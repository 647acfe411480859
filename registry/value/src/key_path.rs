//! Dotted paths of keys.

use std::fmt;
use std::sync::Arc;

/// Where a value stands in the configuration: map keys and list indices from the root, `model.steps.0`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyPath(Vec<Arc<str>>);

impl KeyPath {
    /// Returns the path of the root.
    pub fn root() -> KeyPath {
        KeyPath::default()
    }

    /// Splits a dotted path at its dots.
    pub fn parse(dotted: &str) -> KeyPath {
        KeyPath(dotted.split('.').map(Arc::from).collect())
    }

    /// Returns the path one segment deeper.
    #[must_use]
    pub fn join(&self, segment: impl AsRef<str>) -> KeyPath {
        let mut segments = self.0.clone();
        segments.push(Arc::from(segment.as_ref()));
        KeyPath(segments)
    }

    /// Returns the segments from the root.
    pub fn segments(&self) -> impl ExactSizeIterator<Item = &str> {
        self.0.iter().map(AsRef::as_ref)
    }

    /// Tells whether it is another path or leads on from there.
    pub fn is_within(&self, other: &KeyPath) -> bool {
        self.0.starts_with(&other.0)
    }

    /// Returns the last segment; the root has none.
    pub fn last(&self) -> Option<&str> {
        self.0.last().map(AsRef::as_ref)
    }

    /// Tells whether this is the root.
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for KeyPath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0.join("."))
    }
}
