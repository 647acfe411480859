//! The metadata file: what is known about all models of a store.
//!
//! ```json
//! {
//!     "models": [{"version": 1, "train_timestamp": "…"}],
//!     "properties": {"db-version": "1.0", "active-model": "1"},
//!     "last-version": 1,
//!     "activations": [{"time": "…", "from": null, "to": 1, "principal": "…", "command": "…"}],
//!     "attachments": {"1": {"notes.txt": {"size": 3, "sha256": "…"}}}
//! }
//! ```
//!
//! The first two entries are those of the Python original; entries of other programs are kept as they are. What the
//! `attachments` say about a listed attachment is checked when it is read; in older files there are none. After a
//! deletion there is an entry `deleted` with the metadata of that model until the next change: whoever makes that change
//! deletes what a killed process has left of the model. An entry `taken-over` counts how often an attachment was stored
//! in the place of one that no process had listed. An entry `skipped` holds the numbers that were not given because
//! something lay under them already: models of a list that was lost.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{SecondsFormat, Utc};
use palladium_component::prelude::*;
use serde::Serialize;
use serde_json::ser::{PrettyFormatter, Serializer};
use serde_json::{Map as JsonMap, Value as Json};

use super::fingerprint::Fingerprint;
use crate::properties::{ACTIVE_MODEL, DB_VERSION};
use crate::upgrade::LAYOUT;

const MODELS: &str = "models";
const PROPERTIES: &str = "properties";
/// The highest version that was ever given, so that none is given twice.
const LAST_VERSION: &str = "last-version";
const ACTIVATIONS: &str = "activations";
/// The fingerprints of attachments by version and name.
const ATTACHMENTS: &str = "attachments";
/// The model that was deleted by the last change, whose files may still be there.
const DELETED: &str = "deleted";
/// How often an attachment was stored in the place of one that was not listed.
const TAKEN_OVER: &str = "taken-over";
/// The versions that were not given because there were objects of theirs.
const SKIPPED: &str = "skipped";

/// How large a metadata file may be.
pub const LIMIT: u64 = 256 << 20;

/// The content of a metadata file.
pub struct Catalogue {
    /// The whole document; models and properties are taken out while they are worked on.
    document: JsonMap<String, Json>,
    models: Vec<(Version, Metadata)>,
    properties: JsonMap<String, Json>,
    activations: Vec<Activation>,
    fingerprints: BTreeMap<Version, BTreeMap<String, Fingerprint>>,
    deleted: Option<(Version, Metadata)>,
    last_version: u64,
    taken_over: u64,
    skipped: BTreeSet<u64>,
    /// Whether this program has written it, which always adds the highest version.
    pub is_own: bool,
}

/// The content of a metadata file is something else.
#[derive(Debug)]
pub enum Wrong {
    /// It is not JSON.
    Json(serde_json::Error),
    /// It is the list of models that the first versions of the Python original wrote.
    BareList,
    /// A newer version of this program has laid it out.
    Newer(String),
    /// It is other JSON.
    Shape(String),
}

impl Default for Catalogue {
    /// Returns what stands for a file that is not there.
    fn default() -> Catalogue {
        let mut document = JsonMap::new();
        document.insert(MODELS.to_owned(), Json::Null);
        document.insert(PROPERTIES.to_owned(), Json::Null);
        let properties = [(DB_VERSION.to_owned(), Json::from(LAYOUT))].into_iter().collect();
        Catalogue {
            document,
            models: Vec::new(),
            properties,
            activations: Vec::new(),
            fingerprints: BTreeMap::new(),
            deleted: None,
            last_version: 0,
            taken_over: 0,
            skipped: BTreeSet::new(),
            is_own: true,
        }
    }
}

impl Catalogue {
    /// Reads a file.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(bytes: &[u8]) -> Result<Catalogue, Wrong> {
        let mut document = match serde_json::from_slice(bytes).map_err(Wrong::Json)? {
            Json::Object(document) => document,
            Json::Array(_) => return Err(Wrong::BareList),
            _ => return Err(shape("it is no map")),
        };
        let mut take = |key: &str| document.get_mut(key).map(Json::take);
        let Some(Json::Array(listed)) = take(MODELS) else { return Err(shape("it has no list `models`")) };
        let properties = match take(PROPERTIES) {
            Some(Json::Object(properties)) => properties,
            None => JsonMap::new(),
            Some(_) => return Err(shape("its `properties` are no map")),
        };
        let activations = match take(ACTIVATIONS) {
            Some(activations) => serde_json::from_value(activations)
                .map_err(|error| shape(&format!("its `activations` are not what was stored: {error}")))?,
            None => Vec::new(),
        };
        let last = take(LAST_VERSION);
        let fingerprints = match document.shift_remove(ATTACHMENTS) {
            Some(fingerprints) => serde_json::from_value(fingerprints)
                .map_err(|error| shape(&format!("its `attachments` are not what was stored: {error}")))?,
            None => BTreeMap::new(),
        };
        let deleted = document.shift_remove(DELETED).map(model).transpose()?;
        let mut models: Vec<(Version, Metadata)> = Vec::with_capacity(listed.len());
        for entry in listed {
            let (version, metadata) = model(entry)?;
            models.push((version, metadata));
        }
        models.sort_by_key(|(version, _)| *version);
        if let Some(twice) = models.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            return Err(shape(&format!("it lists version {} twice", twice[0].0)));
        }
        let last_version = match &last {
            None => 0,
            Some(last) => last.as_u64().ok_or_else(|| shape("its `last-version` is no version"))?,
        };
        let taken_over = match document.shift_remove(TAKEN_OVER) {
            None => 0,
            Some(number) => number.as_u64().ok_or_else(|| shape("its `taken-over` is no number"))?,
        };
        let skipped = match document.shift_remove(SKIPPED) {
            None => BTreeSet::new(),
            Some(skipped) => serde_json::from_value(skipped)
                .map_err(|error| shape(&format!("its `skipped` is no list of versions: {error}")))?,
        };
        let is_own = last.is_some();
        let mut catalogue = Catalogue {
            document,
            models,
            properties,
            activations,
            fingerprints,
            deleted,
            last_version,
            taken_over,
            skipped,
            is_own,
        };
        if let Some(layout) = catalogue.newer_layout() {
            return Err(Wrong::Newer(layout));
        }
        let active = catalogue.active()?;
        let given = catalogue
            .models
            .last()
            .map(|(version, _)| *version)
            .into_iter()
            .chain(active)
            .map(Version::number)
            .max()
            .unwrap_or_default();
        catalogue.last_version = last_version.max(given);
        Ok(catalogue)
    }

    /// Returns the content of the file.
    ///
    /// # Errors
    /// Nothing that was read or checked.
    pub fn to_bytes(&self) -> serde_json::Result<Vec<u8>> {
        let mut document = self.document.clone();
        let models = self.models.iter().map(|(_, metadata)| metadata).collect::<Vec<_>>();
        document.insert(MODELS.to_owned(), serde_json::to_value(models)?);
        document.insert(PROPERTIES.to_owned(), Json::Object(self.properties.clone()));
        document.insert(LAST_VERSION.to_owned(), self.last_version.into());
        if !self.activations.is_empty() || document.contains_key(ACTIVATIONS) {
            document.insert(ACTIVATIONS.to_owned(), serde_json::to_value(&self.activations)?);
        }
        if !self.fingerprints.is_empty() {
            document.insert(ATTACHMENTS.to_owned(), serde_json::to_value(&self.fingerprints)?);
        }
        if let Some((_, metadata)) = &self.deleted {
            document.insert(DELETED.to_owned(), serde_json::to_value(metadata)?);
        }
        if self.taken_over > 0 {
            document.insert(TAKEN_OVER.to_owned(), self.taken_over.into());
        }
        if !self.skipped.is_empty() {
            document.insert(SKIPPED.to_owned(), serde_json::to_value(&self.skipped)?);
        }
        let mut bytes = Vec::new();
        document.serialize(&mut Serializer::with_formatter(&mut bytes, PrettyFormatter::with_indent(b"    ")))?;
        bytes.push(b'\n');
        Ok(bytes)
    }

    /// Returns the layout that the file says it has if this program wrote it and knows no such layout. What the Python
    /// original writes there is its own version.
    fn newer_layout(&self) -> Option<String> {
        let layout = text(self.properties.get(DB_VERSION)?);
        let is_newer = layout.parse::<Release>().ok()? > LAYOUT.parse().ok()?;
        (self.is_own && is_newer).then_some(layout)
    }

    /// Makes a file that another program wrote one of this program's.
    pub fn adopt(&mut self) {
        if !self.is_own {
            self.is_own = true;
            if self.newer_layout().is_some() {
                self.set_property(DB_VERSION, LAYOUT.to_owned());
            }
        }
    }

    /// Returns the versions and their metadata in the order of the versions.
    pub fn models(&self) -> &[(Version, Metadata)] {
        &self.models
    }

    /// Returns the metadata of a version.
    pub fn model(&self, version: Version) -> Option<&Metadata> {
        let index = self.models.binary_search_by_key(&version, |(listed, _)| *listed).ok()?;
        self.models.get(index).map(|(_, metadata)| metadata)
    }

    /// Gives the lowest version that was never given, nothing if there is none left.
    pub fn reserve(&mut self) -> Option<Version> {
        let version = Version::new(self.last_version.checked_add(1)?).ok()?;
        self.last_version = version.number();
        Some(version)
    }

    /// Returns the highest version that was ever given, 0 where none was.
    pub fn last_version(&self) -> u64 {
        self.last_version
    }

    /// Remembers that a version was not given because there are objects of it.
    pub fn skip(&mut self, version: Version) {
        self.skipped.insert(version.number());
    }

    /// Tells whether no writer of this list can have left the objects of a version: it was not given, or there were
    /// objects of it before.
    pub fn is_foreign(&self, version: Version) -> bool {
        version.number() > self.last_version || self.skipped.contains(&version.number())
    }

    /// Returns how often something that is not listed was taken over.
    pub fn taken_over(&self) -> u64 {
        self.taken_over
    }

    /// Counts that something is taken over, and returns how often that has happened now.
    pub fn take_over(&mut self) -> u64 {
        self.taken_over = self.taken_over.wrapping_add(1);
        self.taken_over
    }

    /// Lists a model, or gives a listed one other metadata.
    pub fn add(&mut self, version: Version, metadata: Metadata) {
        match self.models.binary_search_by_key(&version, |(listed, _)| *listed) {
            Ok(index) => self.models[index].1 = metadata,
            Err(index) => self.models.insert(index, (version, metadata)),
        }
        self.last_version = self.last_version.max(version.number());
    }

    /// Removes a model from the list and remembers it until the next change.
    pub fn remove(&mut self, version: Version) {
        if let Some(index) = self.models.iter().position(|(listed, _)| *listed == version) {
            self.deleted = Some(self.models.remove(index));
            self.fingerprints.remove(&version);
        }
    }

    /// Returns the fingerprint of an attachment, if it is known.
    pub fn fingerprint(&self, version: Version, name: &str) -> Option<&Fingerprint> {
        self.fingerprints.get(&version)?.get(name)
    }

    /// Sets the fingerprint of an attachment.
    pub fn set_fingerprint(&mut self, version: Version, name: &str, fingerprint: Fingerprint) {
        self.fingerprints.entry(version).or_default().insert(name.to_owned(), fingerprint);
    }

    /// Removes the fingerprint of an attachment.
    pub fn remove_fingerprint(&mut self, version: Version, name: &str) {
        if let Some(fingerprints) = self.fingerprints.get_mut(&version) {
            fingerprints.remove(name);
            if fingerprints.is_empty() {
                self.fingerprints.remove(&version);
            }
        }
    }

    /// Returns the model that the last change deleted.
    pub fn deleted(&self) -> Option<&(Version, Metadata)> {
        self.deleted.as_ref()
    }

    /// Returns the model that the last change deleted, and forgets it.
    pub fn take_deleted(&mut self) -> Option<(Version, Metadata)> {
        self.deleted.take().filter(|(version, _)| self.model(*version).is_none())
    }

    /// Returns the active version, which may have been deleted.
    ///
    /// # Errors
    /// The property is no version.
    pub fn active(&self) -> Result<Option<Version>, Wrong> {
        let Some(active) = self.properties.get(ACTIVE_MODEL) else { return Ok(None) };
        let version = text(active).parse();
        version.map(Some).map_err(|error| shape(&format!("the property `{ACTIVE_MODEL}` is wrong: {error}")))
    }

    /// Makes a version the active one, or none, and writes that down; returns what was active before.
    ///
    /// # Errors
    /// What was active before is no version.
    pub fn set_active(&mut self, to: Option<Version>, origin: &Origin) -> Result<Option<Version>, Wrong> {
        let from = self.active()?;
        match to {
            Some(version) => self.set_property(ACTIVE_MODEL, version.to_string()),
            None => drop(self.properties.shift_remove(ACTIVE_MODEL)),
        }
        self.activations.push(Activation {
            time: Utc::now().to_rfc3339_opts(SecondsFormat::Millis, true),
            from,
            to,
            principal: origin.principal.clone(),
            command: origin.command.clone(),
        });
        Ok(from)
    }

    /// Returns the newest entry of the log of activations.
    pub fn last_activation(&self) -> Option<&Activation> {
        self.activations.last()
    }

    /// Returns whether an entry is in the log of activations, in which the newest are the last.
    pub fn has_activated(&self, activation: &Activation) -> bool {
        self.activations.iter().rev().any(|entry| entry == activation)
    }

    /// Returns the log of activations, the oldest first.
    pub fn into_activations(self) -> Vec<Activation> {
        self.activations
    }

    /// Returns the properties as text.
    pub fn properties(&self) -> BTreeMap<String, String> {
        self.properties.iter().map(|(name, value)| (name.clone(), text(value))).collect()
    }

    /// Sets a property.
    pub fn set_property(&mut self, name: &str, value: String) {
        self.properties.insert(name.to_owned(), Json::String(value));
    }
}

/// Returns an entry of the list of models. Old entries may have their version as text.
fn model(entry: Json) -> Result<(Version, Metadata), Wrong> {
    let wrong = || shape("it lists something that is no model with a version");
    let Json::Object(_) = entry else { return Err(wrong()) };
    let mut metadata: Metadata = serde_json::from_value(entry).map_err(Wrong::Json)?;
    let version = metadata.get("version").map(text).and_then(|version| version.parse::<Version>().ok());
    let version = version.ok_or_else(wrong)?;
    metadata.annotate("version", version.number());
    Ok((version, metadata))
}

fn text(value: &Json) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn shape(what: &str) -> Wrong {
    Wrong::Shape(what.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_wrote_is_kept() {
        let given =
            r#"{"x": [1.5], "models": [{"version": "3", "a": 1}], "properties": {"active-model": 2, "p": "q"}}"#;
        let mut catalogue = Catalogue::parse(given.as_bytes()).unwrap();
        assert!(!catalogue.is_own);
        assert_eq!(catalogue.active().unwrap(), Version::new(2).ok());
        assert_eq!(catalogue.properties()["active-model"], "2");
        assert_eq!(catalogue.last_version, 3);
        catalogue.remove(Version::new(3).unwrap());
        let read = |catalogue: &Catalogue| Catalogue::parse(&catalogue.to_bytes().unwrap()).unwrap();
        assert_eq!(read(&catalogue).take_deleted().unwrap().1.get("a"), Some(&Json::from(1)));
        assert_eq!(catalogue.take_deleted().unwrap().0, Version::new(3).unwrap());
        let expected = "{\n    \"x\": [\n        1.5\n    ],\n    \"models\": [],\n    \"properties\": {\n        \
                        \"active-model\": 2,\n        \"p\": \"q\"\n    },\n    \"last-version\": 3\n}\n";
        assert_eq!(String::from_utf8(catalogue.to_bytes().unwrap()).unwrap(), expected);
        assert_eq!(Catalogue::parse(expected.as_bytes()).unwrap().reserve(), Version::new(4).ok());
    }

    #[test]
    fn other_files_are_told_apart() {
        let deep = "[".repeat(100_000);
        let cases = [
            ("", "JSON"),
            ("{\"models\": [", "JSON"),
            (deep.as_str(), "JSON"),
            ("[{\"version\": 1}]", "bare list"),
            ("[]", "bare list"),
            ("3", "it is no map"),
            ("{}", "it has no list `models`"),
            ("{\"models\": {}}", "it has no list `models`"),
            ("{\"models\": [], \"properties\": []}", "its `properties` are no map"),
            ("{\"models\": [3]}", "it lists something that is no model with a version"),
            ("{\"models\": [{}]}", "it lists something that is no model with a version"),
            ("{\"models\": [{\"version\": 0}]}", "it lists something that is no model with a version"),
            ("{\"models\": [{\"version\": \"../1\"}]}", "it lists something that is no model with a version"),
            ("{\"models\": [{\"version\": 1}, {\"version\": \"1\"}]}", "it lists version 1 twice"),
            ("{\"models\": [], \"last-version\": -1}", "its `last-version` is no version"),
            ("{\"models\": [], \"taken-over\": \"1\"}", "its `taken-over` is no number"),
            ("{\"models\": [], \"skipped\": [-1]}", "its `skipped` is no list of versions"),
            ("{\"models\": [], \"properties\": {\"active-model\": \"x\"}}", "the property `active-model` is wrong"),
            ("{\"models\": [], \"last-version\": 0, \"properties\": {\"db-version\": \"1.0.1\"}}", "newer 1.0.1"),
            ("{\"models\": [], \"last-version\": 0, \"properties\": {\"db-version\": 2}}", "newer 2"),
            ("{\"models\": [], \"attachments\": {\"x\": {}}}", "its `attachments` are not what was stored"),
            ("{\"models\": [], \"attachments\": {\"1\": {\"a\": 1}}}", "its `attachments` are not what was stored"),
            ("{\"models\": [], \"activations\": [1]}", "its `activations` are not what was stored"),
        ];
        for (text, expected) in cases {
            let found = match Catalogue::parse(text.as_bytes()).err() {
                Some(Wrong::Json(_)) => "JSON".to_owned(),
                Some(Wrong::BareList) => "bare list".to_owned(),
                Some(Wrong::Newer(layout)) => format!("newer {layout}"),
                Some(Wrong::Shape(what)) => what,
                None => panic!("{text} is read"),
            };
            assert!(found.starts_with(expected), "{text}: {found}");
        }
    }

    #[test]
    fn models_are_in_the_order_of_their_versions() {
        let given = r#"{"models": [{"version": 3}, {"version": "1"}], "properties": {"db-version": "1.2.4.1"}}"#;
        let mut catalogue = Catalogue::parse(given.as_bytes()).unwrap();
        catalogue.add(Version::new(2).unwrap(), Metadata::default());
        let versions: Vec<u64> = catalogue.models().iter().map(|(version, _)| version.number()).collect();
        assert_eq!((versions, catalogue.last_version), (vec![1, 2, 3], 3));
        // The other program's own version is no layout that is unknown here.
        assert_eq!(catalogue.properties()["db-version"], "1.2.4.1");
        catalogue.adopt();
        assert_eq!(catalogue.properties()["db-version"], "1.0");
    }

    #[test]
    fn versions_end() {
        let last = format!("{{\"models\": [], \"last-version\": {}}}", i64::MAX);
        assert_eq!(Catalogue::parse(last.as_bytes()).unwrap().reserve(), None);
        let beyond = format!("{{\"models\": [], \"last-version\": {}}}", u64::MAX);
        assert_eq!(Catalogue::parse(beyond.as_bytes()).unwrap().reserve(), None);
    }
}
