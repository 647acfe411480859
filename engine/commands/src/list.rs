//! `palladium list`.

use std::collections::BTreeMap;

use chrono::{DateTime, SecondsFormat, Utc};
use clap::ArgMatches;
use palladium_component::prelude::*;
use palladium_runtime::{JobError, Step};
use serde_json::{Value as Json, json};

use crate::host::job_failed;
use crate::table::{self, visible};
use crate::{options, terminal};

/// Lists the stored models.
#[component(Command, name = "palladium.commands.list")]
pub struct List;

/// The entries of the metadata that the table has columns of their own for.
const VERSION: &str = "version";
const TRAINED: &str = "train_timestamp";

impl Command for List {
    fn arguments(&self) -> clap::Command {
        clap::Command::new("list")
            .about("List the stored models and the properties of their store, or show one version")
            .long_about(
                "List the stored models and the properties of their store, or show one version.\n\n\
                 On a terminal a table says when each version was trained, how it scored, how large it is and which \
                 one is active. Elsewhere, or with `--format json`, a JSON object is printed: `models` holds the \
                 metadata of each version but its lineage, `properties` says by `active-model` which one is active, \
                 `sizes` says how many bytes each version takes where the store knows that. \
                 Standard error tells where there is no store yet, which is no error: the first `palladium fit` makes \
                 it. With a VERSION only its metadata are printed, all of them: `lineage` tells the configuration, the \
                 data and the components that the model came from.",
            )
            .arg(options::version("version").help("The version to show; all of them if not given"))
            .arg(options::table_or_json())
    }

    fn run(&self, host: &mut dyn Host, matches: &ArgMatches) -> Result<(), CommandError> {
        let persister = terminal(host)?.persister()?;
        let failed = |error: PersistError| job_failed(JobError::Component { step: Step::List, source: error.into() });
        let models = persister.list_models().map_err(failed)?;
        let is_table = options::is_table(matches);
        let asked = matches.get_one::<Version>("version").copied();
        let lines = match asked {
            Some(version) => {
                let found = models.into_iter().find(|metadata| metadata.version() == Some(version));
                let none = || failed(PersistError::Lookup(format!("No such version: {version}")));
                let metadata = found.ok_or_else(none)?;
                if is_table { entries(&metadata) } else { vec![format!("{:#}", json!(metadata))] }
            }
            None => {
                let properties = persister.list_properties().map_err(failed)?;
                let sizes = persister.list_sizes().map_err(failed)?;
                if models.is_empty() && !persister.exists().map_err(failed)? {
                    eprintln!("{}", terminal(host)?.redact_text(&no_store(persister.store_place())));
                }
                if is_table {
                    overview(&models, &properties, &sizes)
                } else {
                    let models: Vec<Metadata> = models.iter().map(Metadata::for_listing).collect();
                    vec![format!("{:#}", json!({ "models": models, "properties": properties, "sizes": sizes }))]
                }
            }
        };
        lines.iter().try_for_each(|line| host.print(line))
    }
}

/// Returns the metadata of a version, one entry a line; what is in maps goes on several.
fn entries(metadata: &Metadata) -> Vec<String> {
    let mut lines = Vec::new();
    for (name, value) in metadata.entries() {
        let value = if value.is_object() { format!("{value:#}") } else { visible(&text(value)) };
        lines.extend(format!("{}: {value}", visible(name)).lines().map(visible));
    }
    lines
}

/// Says that there is no store, which is no error before the first fit.
fn no_store(place: Option<StorePlace>) -> String {
    let (shown, near) =
        place.map_or_else(Default::default, |StorePlace { shown, near }| (format!(" in `{shown}`"), near));
    let near = near.map_or_else(String::new, |near| format!("\n  help: did you mean `{near}`?"));
    format!("note: there is no store{shown} yet: the first `palladium fit` makes it{near}")
}

fn overview(models: &[Metadata], properties: &BTreeMap<String, String>, sizes: &BTreeMap<Version, u64>) -> Vec<String> {
    let scores = scores(models);
    let fixed = ["version", "active", "trained"].into_iter();
    let mut table = table::Table::new(fixed.chain(scores.iter().copied()).chain(["size"]));
    let active = properties.get("active-model");
    for metadata in models {
        let cell = |name: &str| metadata.get(name).map(text).unwrap_or_default();
        let size = metadata.version().and_then(|version| sizes.get(&version));
        let version = cell(VERSION);
        let mark = if active == Some(&version) { "*" } else { "" };
        let mut row = vec![version, mark.to_owned(), seconds(&cell(TRAINED))];
        row.extend(scores.iter().map(|name| cell(name)));
        row.push(size.map(|size| table::size(*size)).unwrap_or_default());
        table.push(row);
    }
    let mut lines = if models.is_empty() { vec!["no models".to_owned()] } else { table.lines() };
    lines.push(String::new());
    lines.extend(properties.iter().map(|(name, value)| format!("{}: {}", visible(name), visible(value))));
    lines
}

/// Returns the names of all scores in the order in which they come up.
fn scores(models: &[Metadata]) -> Vec<&str> {
    let mut names = Vec::new();
    for (name, value) in models.iter().flat_map(Metadata::entries) {
        if name.starts_with("score_") && value.is_number() && !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// Returns a time to the second in UTC; what is no time stays as it is.
fn seconds(text: &str) -> String {
    DateTime::parse_from_rfc3339(text)
        .map_or_else(|_| text.to_owned(), |time| time.with_timezone(&Utc).to_rfc3339_opts(SecondsFormat::Secs, true))
}

fn text(value: &Json) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_overview_has_a_column_for_each_score() {
        let model = |version: u64, entries: &[(&str, Json)]| {
            let mut metadata = Metadata::default();
            metadata.annotate("version", version);
            entries.iter().for_each(|(name, value)| metadata.annotate(name, value.clone()));
            metadata
        };
        let models = [
            model(1, &[("score_test", json!(0.5)), ("train_timestamp", json!("2026-11-23T16:00:00.123456+02:00"))]),
            model(12, &[("score_train", json!(1)), ("score_board", json!("\u{1b}")), ("train_timestamp", json!("?"))]),
        ];
        let properties = BTreeMap::from([("active-model".to_owned(), "12".to_owned())]);
        let sizes = BTreeMap::from([(Version::FIRST, 1500)]);
        let expected = [
            "version  active  trained               score_test  score_train  size",
            "1                2026-11-23T14:00:00Z  0.5                      1.5 kB",
            "12       *       ?                                 1",
            "",
            "active-model: 12",
        ];
        assert_eq!(overview(&models, &properties, &sizes), expected);
        assert_eq!(entries(&models[1])[2], "score_board: \u{fffd}");
        assert_eq!(overview(&[], &properties, &sizes), ["no models", "", "active-model: 12"]);
    }
}
