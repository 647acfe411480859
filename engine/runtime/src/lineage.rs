//! What a model came from, as the entry `lineage` of its metadata: the configuration, the data, the components and the
//! time that each step took.
//!
//! - `palladium_version`: of the program that fitted;
//! - `config_digest`: SHA-256 of `config`, written as JSON without spaces and with the keys of every map sorted, so
//!   that the same configuration has one digest in whatever language and order it is written;
//! - `config`: the resolved configuration without secrets and the values of environment variables; above 256 KiB
//!   `config_omitted` stands in its place;
//! - `seeds`: the whole numbers under a key `random_state` in the configuration, by the path of that key;
//! - `components`: crate and version of each component in the configuration, by name;
//! - `data`: of each root key that data were loaded by, `rows`, `columns` and `target` with their types (`columns` of
//!   more than 64 KiB are left out, `columns_omitted` says so) and a `digest` of names, types and cells;
//! - `seconds`: how long `load`, `fit` and `evaluate` took.

mod fingerprint;

use std::collections::BTreeMap;
use std::time::Instant;

use palladium_component::Registry;
use palladium_component::data::Dataset;
use serde_json::{Map, Value as Json, json};
use sha2::{Digest, Sha256};

use crate::{App, VERSION, root_keys};

/// The longest configuration that is kept with a model, in bytes of JSON.
const CONFIG_LIMIT: usize = 256 << 10;

/// The parameter by which components are told where to begin with their random numbers.
const SEED: &str = "random_state";

/// The configuration that a fit works from, as its model tells it; the default tells nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sources(Map<String, Json>);

impl Sources {
    /// Describes a resolved configuration, in which secrets and values of the environment are hidden already, and the
    /// components that were built from it.
    pub fn of(mut config: Json, app: &App, registry: &Registry) -> Sources {
        if let Some(root) = config.as_object_mut() {
            // It says what the process does and is written in no file.
            root.shift_remove(root_keys::MODE);
        }
        let digest = digest(&config);
        let mut seeds = Map::new();
        collect_seeds(&config, "", &mut seeds);
        let mut entries = Map::from_iter([("config_digest".to_owned(), Json::from(digest))]);
        insert_bounded(&mut entries, "config", config, CONFIG_LIMIT);
        entries.insert("seeds".to_owned(), Json::Object(seeds));
        let found = app.components().filter_map(|(_, name, _)| registry.find(name).ok());
        let components: BTreeMap<_, _> = found
            .map(|descriptor| (descriptor.name, (descriptor.origin.krate, descriptor.origin.version)))
            .map(|(name, (krate, version))| (name, json!({ "crate": krate, "version": version })))
            .collect();
        entries.insert("components".to_owned(), json!(components));
        Sources(entries)
    }
}

/// Collects what makes chance repeatable. `path` is that of the value, with a dot behind it if it is not the root.
fn collect_seeds(value: &Json, path: &str, seeds: &mut Map<String, Json>) {
    let below = |key: &str| format!("{path}{key}.");
    match value {
        Json::Object(entries) => {
            for (key, value) in entries {
                match key.as_str() {
                    SEED if value.is_i64() || value.is_u64() => {
                        seeds.insert(format!("{path}{key}"), value.clone());
                    }
                    key => collect_seeds(value, &below(key), seeds),
                }
            }
        }
        Json::Array(items) => {
            items.iter().enumerate().for_each(|(index, item)| collect_seeds(item, &below(&index.to_string()), seeds));
        }
        _ => {}
    }
}

/// Returns the digest of a JSON value that does not depend on the order of keys.
fn digest(value: &Json) -> String {
    let mut sorted = value.clone();
    sorted.sort_all_objects();
    hex::encode(Sha256::digest(sorted.to_string()))
}

/// Inserts a value, or under `⟨name⟩_omitted` that it is longer than the limit.
fn insert_bounded(entries: &mut Map<String, Json>, name: &str, value: Json, limit: usize) {
    if value.to_string().len() <= limit {
        entries.insert(name.to_owned(), value);
    } else {
        entries.insert(format!("{name}_omitted"), Json::from(true));
    }
}

/// Writes the lineage down while a fit goes on.
pub(crate) struct Recorder {
    sources: Map<String, Json>,
    data: Map<String, Json>,
    seconds: BTreeMap<&'static str, f64>,
}

impl Recorder {
    pub(crate) fn new(sources: &Sources) -> Recorder {
        Recorder { sources: sources.0.clone(), data: Map::new(), seconds: BTreeMap::new() }
    }

    /// Times loading and describes what was loaded by a root key.
    pub(crate) fn load<E>(&mut self, key: &str, body: impl FnOnce() -> Result<Dataset, E>) -> Result<Dataset, E> {
        let dataset = self.time("load", body)?;
        self.data.insert(key.to_owned(), fingerprint::describe(&dataset));
        Ok(dataset)
    }

    /// Times fitting.
    pub(crate) fn fit<T>(&mut self, body: impl FnOnce() -> T) -> T {
        self.time("fit", body)
    }

    /// Times scoring.
    pub(crate) fn evaluate<T>(&mut self, body: impl FnOnce() -> T) -> T {
        self.time("evaluate", body)
    }

    fn time<T>(&mut self, step: &'static str, body: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let done = body();
        *self.seconds.entry(step).or_default() += start.elapsed().as_secs_f64();
        done
    }

    /// Returns the lineage.
    pub(crate) fn finish(self) -> Json {
        let rounded = |seconds: f64| (seconds * 1e6).round() / 1e6;
        let seconds: BTreeMap<_, _> = self.seconds.into_iter().map(|(step, taken)| (step, rounded(taken))).collect();
        let mut lineage = Map::from_iter([("palladium_version".to_owned(), Json::from(VERSION))]);
        lineage.extend(self.sources);
        lineage.insert("data".to_owned(), Json::Object(self.data));
        lineage.insert("seconds".to_owned(), json!(seconds));
        Json::Object(lineage)
    }
}

#[cfg(test)]
mod tests {
    use palladium_config::{Environment, Request};

    use super::*;

    /// Returns what is told about a configuration file.
    fn sources(name: &str, text: &str) -> Json {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(name), text).unwrap();
        let environment = Environment::from_iter([("PLACE", "canary-environment")]);
        let (files, directory) = (Some(name.to_owned()), folder.path().to_owned());
        let config = palladium_config::load(&Request { files, directory, environment, ..Request::default() }).unwrap();
        let app = App::of_components(Vec::new(), Vec::new());
        Json::Object(Sources::of(config.to_json(), &app, &Registry::linked().unwrap()).0)
    }

    #[test]
    fn the_digest_is_that_of_the_meaning() {
        let digest = |name: &str, text: &str| sources(name, text)["config_digest"].clone();
        let first = digest("a.ron", r#"{"a": {"x": 1, "y": [1, 2]}, "b": "t"}"#);
        assert_eq!(first.as_str().map(str::len), Some(64));
        let same = [
            ("a.ron", r#"{"b": "t", "a": {"y": [1, 2], "x": 1}} // twin"#),
            ("a.ron", r#"{"a": {"x": 1, "y": [1, 2]}, "b": "t", "__mode__": "fit"}"#),
            ("a.rhai", r#"#{ b: "t", a: #{ y: [1, 2], x: 1 } }"#),
        ];
        for (name, text) in same {
            assert_eq!(digest(name, text), first, "{text}");
        }
        for other in [r#"{"a": {"x": 1, "y": [2, 1]}, "b": "t"}"#, r#"{"a": {"x": 2, "y": [1, 2]}, "b": "t"}"#] {
            assert_ne!(digest("a.ron", other), first, "{other}");
        }
    }

    #[test]
    fn nothing_secret_is_told() {
        let text = |password: &str| {
            format!(
                r#"{{"store": {{"url": "x://u:{password}@${{environ.PLACE}}", "password": "{password}"}},
                    "path": "${{environ.PLACE}}/data"}}"#
            )
        };
        let told = sources("a.ron", &text("canary-written"));
        assert!(!told.to_string().contains("canary"), "{told}");
        assert_eq!(told["config"]["path"], "${environ.PLACE}/data");
        // The digest tells nothing either: a guess cannot be tried out on it.
        assert_eq!(told, sources("a.ron", &text("canary-other")));
    }

    #[test]
    fn seeds_are_told_by_their_places() {
        let text = r#"{"random_state": 1, "model": {"steps": [["a", {"random_state": 42}], {"random_state": None}]},
                       "b": {"random_state": {"random_state": 7}}, "c": {"random_state": "x"}}"#;
        let expected = json!({"random_state": 1, "model.steps.0.1.random_state": 42, "b.random_state.random_state": 7});
        assert_eq!(sources("a.ron", text)["seeds"], expected);
        assert_eq!(sources("a.ron", r#"{"a": {}}"#)["seeds"], json!({}));
    }

    #[test]
    fn long_configurations_are_left_out() {
        let long = sources("a.ron", &format!(r#"{{"a": "{}"}}"#, "x".repeat(CONFIG_LIMIT)));
        assert_eq!((&long["config"], &long["config_omitted"]), (&Json::Null, &json!(true)));
        assert_eq!(long["config_digest"].as_str().map(str::len), Some(64));
    }
}
