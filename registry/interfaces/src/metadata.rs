//! What is known about a model beside the model.

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::Version;

/// Facts about a model: `version`, `train_timestamp`, `score_train`, `score_test`, `lineage` and whatever users add.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Metadata(serde_json::Map<String, Json>);

impl Metadata {
    /// The entry that tells what a model came from; the longest by far.
    pub const LINEAGE: &str = "lineage";

    /// What the entries begin with that hold files in base64, while a model is read or written.
    pub const ATTACHMENTS: &str = "attachments/";

    /// Merges an entry; a new value replaces an old one.
    pub fn annotate(&mut self, key: &str, value: impl Into<Json>) {
        self.0.insert(key.to_owned(), value.into());
    }

    /// Returns the value under a key.
    pub fn get(&self, key: &str) -> Option<&Json> {
        // Every answer names the version, and hashing the name costs more than to look at the few keys there are.
        const FEW: usize = 16;
        match self.0.len() > FEW {
            true => self.0.get(key),
            false => self.0.iter().find(|(other, _)| *other == key).map(|(_, value)| value),
        }
    }

    /// Returns all entries.
    pub fn entries(&self) -> impl Iterator<Item = (&str, &Json)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value))
    }

    /// Returns the entries that are shown where models are listed: all but the lineage and the contents of attachments.
    #[must_use]
    pub fn for_listing(&self) -> Metadata {
        let is_shown = |key: &str| key != Metadata::LINEAGE && !key.starts_with(Metadata::ATTACHMENTS);
        let shown = self.0.iter().filter(|(key, _)| is_shown(key));
        Metadata(shown.map(|(key, value)| (key.clone(), value.clone())).collect())
    }

    /// Returns all entries but the contents of attachments.
    #[must_use]
    pub fn without_files(&self) -> Metadata {
        let kept = self.0.iter().filter(|(key, _)| !key.starts_with(Metadata::ATTACHMENTS));
        Metadata(kept.map(|(key, value)| (key.clone(), value.clone())).collect())
    }

    /// Returns the version that a persister assigned.
    pub fn version(&self) -> Option<Version> {
        self.get("version")?.as_u64().and_then(|number| Version::new(number).ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_found_among_few_and_many() {
        let mut metadata = Metadata::default();
        for number in 0..40 {
            metadata.annotate(&format!("key {number}"), number);
            let found: Vec<_> = (0..=40).map(|number| metadata.get(&format!("key {number}"))).collect();
            let expected: Vec<Option<Json>> = (0..=40).map(|key| (key <= number).then(|| key.into())).collect();
            assert_eq!(found, expected.iter().map(Option::as_ref).collect::<Vec<_>>());
        }
    }

    #[test]
    fn listings_hold_no_lineage_and_no_files() {
        let entries = [("version", "1"), ("lineage", "long"), ("attachments/a.txt", "aGV5"), ("__attachments__", "a")];
        let mut metadata = Metadata::default();
        entries.iter().for_each(|(key, value)| metadata.annotate(key, *value));
        let listed = metadata.for_listing();
        assert_eq!(listed.entries().map(|(key, _)| key).collect::<Vec<_>>(), ["version", "__attachments__"]);
    }
}
