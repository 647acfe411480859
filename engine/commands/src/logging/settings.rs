//! What the root key `logging` says.

use std::path::PathBuf;

use palladium_component::value::{Code, Diagnostic, Diagnostics, Entry, KeyPath, Map, Value, nearest};
use palladium_component::{describe, label_of_wrong};
use palladium_runtime::root_keys;
use serde_json::{Value as Json, json};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

use super::file::{LogFile, Rotation};
use super::{ANYBODYS, QUIET, python};

/// What is logged, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logging {
    /// The directives, where the configuration gives all of them at once.
    pub filter: Option<String>,
    /// The level of everything that has none of its own.
    pub level: String,
    /// Levels of targets.
    pub filters: Vec<(String, String)>,
    /// How a line looks.
    pub format: Format,
    /// How the time is written.
    pub time: Time,
    /// Where lines go.
    pub to: Target,
}

/// How a line looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// One line with time, level, target, message and fields.
    Full,
    /// Several lines with the place in the source.
    Pretty,
    /// One short line.
    Compact,
    /// One JSON object.
    Json,
}

/// How the time is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Time {
    /// RFC 3339 in UTC.
    Utc,
    /// RFC 3339 with the offset of this machine.
    Local,
    /// Not at all, for logs that are given a time by who collects them.
    None,
}

/// Where lines go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// To standard error.
    Stderr,
    /// To files.
    File(LogFile),
}

const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];
const FORMATS: [&str; 4] = ["full", "pretty", "compact", "json"];
const TIMES: [&str; 3] = ["rfc3339", "local", "none"];
const ROTATIONS: [&str; 3] = ["never", "daily", "hourly"];
const KEYS: [&str; 8] = ["level", "filters", "filter", "format", "time", "to", "rotation", "keep"];

impl Default for Logging {
    fn default() -> Logging {
        Logging {
            filter: None,
            level: "info".to_owned(),
            filters: Vec::new(),
            format: Format::Full,
            time: Time::Utc,
            to: Target::Stderr,
        }
    }
}

impl Logging {
    /// Reads the root key `logging` of a configuration.
    ///
    /// # Errors
    /// All findings about it.
    pub fn of(root: &Value) -> Result<Logging, Diagnostics> {
        let Some(value) = root.get(root_keys::LOGGING).filter(|value| !value.is_null()) else {
            return Ok(Logging::default());
        };
        // What is no map is reported where all root keys are checked.
        let Some(map) = value.as_map() else { return Ok(Logging::default()) };
        if let Some(finding) = python::recognize(map) {
            return Err(finding.into());
        }
        let mut reader = Reader { map, findings: Diagnostics::default() };
        let logging = reader.logging();
        if reader.findings.is_empty() { Ok(logging) } else { Err(reader.findings) }
    }

    /// Returns the JSON Schema of the root key.
    pub fn schema() -> Json {
        let or_none = |schema: Json| json!({ "anyOf": [schema, { "type": "null" }, { "$ref": "#/$defs/computed" }] });
        let one_of = |choices: &[&str]| or_none(json!({ "enum": choices }));
        let properties: serde_json::Map<String, Json> = KEYS
            .iter()
            .map(|key| {
                let schema = match *key {
                    "level" => one_of(&LEVELS),
                    "filters" => or_none(json!({ "type": "object", "additionalProperties": { "enum": LEVELS } })),
                    "format" => one_of(&FORMATS),
                    "time" => one_of(&TIMES),
                    "rotation" => one_of(&ROTATIONS),
                    "keep" => or_none(json!({ "type": "integer", "minimum": 1 })),
                    "to" => or_none(json!({ "type": "string", "minLength": 1, "not": { "const": "stdout" } })),
                    _ => or_none(json!({ "type": "string", "minLength": 1 })),
                };
                ((*key).to_owned(), schema)
            })
            .chain([("__rhai__".to_owned(), json!({ "type": "string" }))])
            .collect();
        json!({ "type": "object", "properties": properties, "additionalProperties": false })
    }

    /// Returns the directives of the filter. What is usually quiet stays so until it is named.
    pub fn directives(&self) -> String {
        if let Some(filter) = &self.filter {
            return filter.clone();
        }
        let filters = self.filters.iter().map(|(target, level)| format!(",{target}={level}"));
        format!("{},{QUIET}{}", self.level, filters.collect::<String>())
    }

    /// Returns the same with standard error as the place.
    #[must_use]
    pub fn to_stderr(&self) -> Logging {
        Logging { to: Target::Stderr, ..self.clone() }
    }
}

/// Reads directives such as `info,palladium_runtime=debug`.
///
/// # Errors
/// They cannot be read, in words. A lone word is a level or a target of Palladium: any other one would silence all the
/// rest, and is more likely a level that is misspelt.
pub fn read_directives(text: &str) -> Result<EnvFilter, String> {
    let filter = EnvFilter::builder().parse(format!("{ANYBODYS},{text}")).map_err(|error| error.to_string())?;
    let is_target = |word: &str| word.contains(['=', ':', '[']) || word.starts_with("palladium");
    let mut words = text.split(',').map(str::trim).filter(|word| !word.is_empty() && !is_target(word));
    let Some(word) = words.find(|word| word.parse::<LevelFilter>().is_err()) else { return Ok(filter) };
    let meant = nearest(word, LEVELS).map_or(String::new(), |near| format!("; did you mean `{near}`?"));
    Err(format!(
        "`{word}` is none of the levels `{}`, and a target is given as `{word}=debug`{meant}",
        LEVELS.join("`, `")
    ))
}

struct Reader<'a> {
    map: &'a Map,
    findings: Diagnostics,
}

impl Reader<'_> {
    fn logging(&mut self) -> Logging {
        for (key, entry) in self.map.iter().filter(|(key, _)| !KEYS.contains(&key.as_str())) {
            let label = match nearest(key, KEYS) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("expected one of `{}`", KEYS.join("`, `")),
            };
            self.report(&format!("`logging` has no key `{key}`"), |finding| finding.at(&entry.key_span, label));
        }
        let default = Logging::default();
        let format = self.choice("format", &FORMATS);
        let time = self.choice("time", &TIMES);
        Logging {
            filter: self.filter(),
            level: self.choice("level", &LEVELS).unwrap_or(&default.level).to_owned(),
            filters: self.filters(),
            format: match format {
                Some("pretty") => Format::Pretty,
                Some("compact") => Format::Compact,
                Some("json") => Format::Json,
                _ => Format::Full,
            },
            time: match time {
                Some("local") => Time::Local,
                Some("none") => Time::None,
                _ => Time::Utc,
            },
            to: self.target(),
        }
    }

    fn given(&self, key: &str) -> Option<&Entry> {
        self.map.get(key).filter(|entry| !entry.value.is_null())
    }

    fn choice<'c>(&mut self, key: &str, choices: &[&'c str]) -> Option<&'c str> {
        let value = self.given(key)?.value.clone();
        let chosen = self.one_of(&format!("`{key}` of `logging`"), &value, choices);
        chosen.and_then(|chosen| choices.iter().find(|choice| **choice == chosen).copied())
    }

    fn one_of(&mut self, what: &str, value: &Value, choices: &[&str]) -> Option<String> {
        let text = value.as_text();
        if let Some(text) = text.filter(|text| choices.contains(text)) {
            return Some(text.to_owned());
        }
        let expected = format!("one of `{}`", choices.join("`, `"));
        let label = label_of_wrong(&expected, value);
        let message = format!("{what} has to be {expected}");
        self.report(&message, |finding| finding.at_value(value, label));
        None
    }

    fn filter(&mut self) -> Option<String> {
        let entry = self.given("filter")?.clone();
        let others: Vec<&Entry> = ["level", "filters"].iter().filter_map(|key| self.map.get(*key)).collect();
        if let Some(other) = others.first().map(|other| (*other).clone()) {
            self.report("`filter` of `logging` says everything about levels", |finding| {
                finding.at(&entry.key_span, "").also(&other.key_span, "so this has no place beside it")
            });
        }
        let Some(text) = entry.value.as_text() else {
            let label = format!("this is {}", describe(&entry.value));
            self.report("`filter` of `logging` has to be text", |finding| finding.at_value(&entry.value, label));
            return None;
        };
        if let Err(error) = read_directives(text) {
            let help = "write directives such as `info,palladium_runtime=debug`";
            self.report("`filter` of `logging` cannot be read", |finding| {
                finding.at_value(&entry.value, error).help(help)
            });
        }
        Some(text.to_owned())
    }

    fn filters(&mut self) -> Vec<(String, String)> {
        let Some(entry) = self.given("filters").cloned() else { return Vec::new() };
        let Some(map) = entry.value.as_map() else {
            let label = format!("this is {}", describe(&entry.value));
            let message = "`filters` of `logging` has to be a map from targets to levels";
            self.report(message, |finding| finding.at_value(&entry.value, label));
            return Vec::new();
        };
        let mut filters = Vec::new();
        for (target, entry) in map {
            let is_target = |character: char| character.is_alphanumeric() || "_:-.".contains(character);
            if target.is_empty() || !target.chars().all(is_target) {
                let label = "a target is a name such as `palladium::access`";
                self.report(&format!("`{target}` is no target"), |finding| finding.at(&entry.key_span, label));
                continue;
            }
            if let Some(level) = self.one_of(&format!("the level of `{target}`"), &entry.value, &LEVELS) {
                filters.push((target.clone(), level));
            }
        }
        filters
    }

    fn target(&mut self) -> Target {
        let rotation = match self.choice("rotation", &ROTATIONS) {
            Some("daily") => Rotation::Daily,
            Some("hourly") => Rotation::Hourly,
            _ => Rotation::Never,
        };
        let keep = self.keep(rotation);
        let to = self.given("to").cloned();
        let path = match to.as_ref().map(|entry| (entry, entry.value.as_text())) {
            None | Some((_, Some("stderr"))) => None,
            Some((entry, Some("stdout"))) => {
                self.report("`to` of `logging` has to be `stderr` or a file", |finding| {
                    let help = "write `\"stderr\"`, or `\"./stdout\"` for a file of that name";
                    finding.at_value(&entry.value, "standard output is for what commands print").help(help)
                });
                return Target::Stderr;
            }
            Some((_, Some(path))) if !path.is_empty() && !path.ends_with('/') => Some(PathBuf::from(path)),
            Some((entry, _)) => {
                let label = format!("this is {}", describe(&entry.value));
                self.report("`to` of `logging` has to be `stderr` or a file", |finding| {
                    finding.at_value(&entry.value, label)
                });
                return Target::Stderr;
            }
        };
        let Some(path) = path else {
            for key in ["rotation", "keep"] {
                if let Some(entry) = self.given(key).cloned() {
                    let message = format!("`{key}` of `logging` is for files");
                    self.report(&message, |finding| finding.at(&entry.key_span, "").help("name a file with `to`"));
                }
            }
            return Target::Stderr;
        };
        Target::File(LogFile { path, rotation, keep })
    }

    fn keep(&mut self, rotation: Rotation) -> Option<usize> {
        let entry = self.given("keep")?.clone();
        let keep = entry.value.as_int().and_then(|keep| usize::try_from(keep).ok()).filter(|keep| *keep > 0);
        if keep.is_none() {
            let label = format!("this is {}", describe(&entry.value));
            let message = "`keep` of `logging` has to be a number of files from 1 on";
            self.report(message, |finding| finding.at_value(&entry.value, label));
        } else if rotation == Rotation::Never && self.given("rotation").is_none() && self.given("to").is_some() {
            self.report("`keep` of `logging` needs a `rotation`", |finding| {
                finding
                    .at(&entry.key_span, "there is but one file")
                    .help("add `rotation: \"daily\"` or leave `keep` out")
            });
        }
        keep
    }

    fn report(&mut self, message: &str, place: impl FnOnce(Diagnostic) -> Diagnostic) {
        let finding = Diagnostic::new(Code::BadArguments, message).in_key(&KeyPath::parse(root_keys::LOGGING));
        self.findings.push(place(finding));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lone_words_are_levels_or_targets_of_palladium() {
        for text in ["info", "WARN", "0", "info,palladium_runtime", "sqlx=debug", "a::b", "a[b{c}]", " debug, off,"] {
            assert!(read_directives(text).is_ok(), "{text}");
        }
        let levels = "is none of the levels `off`, `error`, `warn`, `info`, `debug`, `trace`, and a target is given as";
        for (text, said) in [
            ("lod", format!("`lod` {levels} `lod=debug`")),
            ("debg,sqlx=info", format!("`debg` {levels} `debg=debug`; did you mean `debug`?")),
        ] {
            assert_eq!(read_directives(text).unwrap_err(), said);
        }
        assert!(read_directives("a=nonsense").unwrap_err().contains("expected one of"));
    }
}
