//! What is known about a model beside the model.

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::Version;

/// Facts about a model: `version`, `train_timestamp`, `score_train`, `score_test` and whatever users add.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Metadata(serde_json::Map<String, Json>);

impl Metadata {
    /// Merges an entry; a new value replaces an old one.
    pub fn annotate(&mut self, key: &str, value: impl Into<Json>) {
        self.0.insert(key.to_owned(), value.into());
    }

    /// Returns the value under a key.
    pub fn get(&self, key: &str) -> Option<&Json> {
        self.0.get(key)
    }

    /// Returns all entries.
    pub fn entries(&self) -> impl Iterator<Item = (&str, &Json)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value))
    }

    /// Returns the version that a persister assigned.
    pub fn version(&self) -> Option<Version> {
        self.get("version")?.as_u64().and_then(|number| Version::new(number).ok())
    }
}
