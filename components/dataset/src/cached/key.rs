//! What tells the data of a loader from all others.

use std::collections::BTreeMap;
use std::fs::Metadata;
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, SystemTime};

use palladium_component::prelude::*;
use ring::digest::{SHA256, digest};
use ring::hmac;
use serde_json::{Value as Json, json};

use super::entry::FORMAT;

/// The root key of the decorators around each loader, which have a say in what it loads.
const DECORATORS: &str = "load_data_decorators";

/// How coarsely file systems may tell the time of a change.
const TICK: Duration = Duration::from_millis(100);

/// How the configuration has a loader.
pub(crate) struct Recipe {
    /// The full name of the loader.
    pub(crate) loader: String,
    written: Value,
    decorators: Option<Value>,
    /// The crate and version of each component in it.
    releases: BTreeMap<String, String>,
}

/// What tells the data of a loader from all others.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Key {
    /// Everything that counts, in full; texts and numbers of the configuration as keyed digests.
    pub(crate) text: String,
    /// The SHA-256 of it, in hexadecimal digits.
    pub(crate) name: String,
    /// Whether it becomes another one whenever the data do.
    pub(crate) is_known: bool,
}

impl Recipe {
    /// Returns the recipe of the loader that is the argument `impl` of the component that is initialized.
    pub(crate) fn of(context: &InitContext<'_>) -> Option<Recipe> {
        let root = context.blueprint.root();
        let written = root.at(context.key)?.get("impl")?.clone();
        let decorators = root.get(DECORATORS).filter(|list| !list.is_null()).cloned();
        let loader = written.get("!")?.as_text()?.to_owned();
        let mut releases = BTreeMap::new();
        for value in [Some(&written), decorators.as_ref()].into_iter().flatten() {
            collect_releases(value, context.blueprint, &mut releases);
        }
        Some(Recipe { loader, written, decorators, releases })
    }

    /// Returns the key of the data that the loader would load now.
    ///
    /// `inputs` is what the loader depends on, `own` what the configuration says besides, `secret` that of the cache.
    ///
    /// # Errors
    /// A file cannot be looked at.
    pub(crate) fn key(&self, inputs: Option<&[Input]>, own: Option<&str>, secret: &[u8]) -> io::Result<Key> {
        let mut sealed = Sealed { secret: hmac::Key::new(hmac::HMAC_SHA256, secret), is_known: inputs.is_some() };
        let arguments = sealed.value(&self.written);
        let decorators = self.decorators.as_ref().map(|list| sealed.value(list));
        let inputs =
            inputs.map(|inputs| inputs.iter().map(|input| sealed.input(input)).collect::<io::Result<Vec<_>>>());
        let inputs = inputs.transpose()?;
        let own = own.map(|own| sealed.text("key", own));
        let mut json = json!({
            "format": FORMAT,
            "loader": arguments,
            "releases": self.releases,
            "decorators": decorators,
            "inputs": inputs,
            "key": own,
        });
        json.sort_all_objects();
        let text = json.to_string();
        let name = hex::encode(digest(&SHA256, text.as_bytes()));
        Ok(Key { text, name, is_known: sealed.is_known })
    }
}

fn collect_releases(value: &Value, blueprint: &Blueprint, releases: &mut BTreeMap<String, String>) {
    match &value.data {
        Data::List(items) => items.iter().for_each(|item| collect_releases(item, blueprint, releases)),
        Data::Map(map) => {
            if let Some(name) = map.get("!").and_then(|factory| factory.value.as_text())
                && let Some(release) = blueprint.release(name)
            {
                releases.insert(name.to_owned(), release.to_owned());
            }
            map.values().for_each(|entry| collect_releases(&entry.value, blueprint, releases));
        }
        _ => {}
    }
}

/// Turns values into JSON that tells none of them and is another one for others.
struct Sealed {
    secret: hmac::Key,
    /// Whether everything is known that the data depend on.
    is_known: bool,
}

impl Sealed {
    /// Returns the keyed digest of a text of a sort.
    fn text(&self, sort: &str, text: &str) -> Json {
        let mut context = hmac::Context::with_key(&self.secret);
        context.update(sort.as_bytes());
        context.update(&[0]);
        context.update(text.as_bytes());
        Json::from(hex::encode(context.sign()))
    }

    fn value(&mut self, value: &Value) -> Json {
        match &value.data {
            Data::Null => Json::Null,
            Data::Bool(flag) => Json::from(*flag),
            Data::Int(number) => self.text("int", &number.to_string()),
            Data::Float(number) => self.text("float", &number.to_bits().to_string()),
            Data::Text(text) => self.text("text", text),
            Data::List(items) => items.iter().map(|item| self.value(item)).collect(),
            Data::Map(map) => {
                let entry = |(key, entry): (&String, &Entry)| match (key.as_str(), entry.value.as_text()) {
                    ("!", Some(name)) => (key.clone(), Json::from(name)),
                    _ => (key.clone(), self.value(&entry.value)),
                };
                Json::Object(map.iter().map(entry).collect())
            }
            Data::Function(function) => match function.identity() {
                Some(identity) => self.text("function", &identity),
                None => self.unknown(),
            },
            Data::Component(_) => self.unknown(),
        }
    }

    fn input(&mut self, input: &Input) -> io::Result<Json> {
        match input {
            Input::Revision { place, revision } => {
                Ok(json!({ "place": self.text("place", place), "revision": self.text("revision", revision) }))
            }
            Input::File(path) => self.file(path),
        }
    }

    /// A file is the same as long as its size, its inode and the times of its last changes are.
    fn file(&mut self, path: &Path) -> io::Result<Json> {
        let mut metadata = std::fs::metadata(path)?;
        if !metadata.is_file() {
            return Ok(self.unknown());
        }
        // A second change within a tick of the clock could not be told from the first.
        if let Some(rest) = TICK.checked_sub(since_change(&metadata)) {
            std::thread::sleep(rest);
            metadata = std::fs::metadata(path)?;
        }
        let path = std::fs::canonicalize(path)?;
        Ok(json!({
            "file": self.text("file", &path.to_string_lossy()),
            "size": metadata.size(),
            "inode": metadata.ino(),
            "modified": [metadata.mtime(), metadata.mtime_nsec()],
            "changed": [metadata.ctime(), metadata.ctime_nsec()],
        }))
    }

    fn unknown(&mut self) -> Json {
        self.is_known = false;
        Json::from("unknown")
    }
}

/// Returns how long ago a file was changed; a clock that went back counts as long ago.
fn since_change(metadata: &Metadata) -> Duration {
    let seconds = u64::try_from(metadata.ctime()).unwrap_or_default();
    let nanoseconds = u32::try_from(metadata.ctime_nsec()).unwrap_or_default();
    let changed = SystemTime::UNIX_EPOCH + Duration::new(seconds, nanoseconds);
    SystemTime::now().duration_since(changed).unwrap_or(Duration::MAX)
}

/// Tells whether an error says that a file is not there.
pub(crate) fn is_missing(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}
