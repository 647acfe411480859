//! `palladium cache`.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use bytesize::ByteSize;
use chrono::{DateTime, SecondsFormat, Utc};
use clap::{Arg, ArgAction, ArgGroup, ArgMatches, value_parser};
use palladium_component::interfaces::clap;
use palladium_component::prelude::*;
use serde_json::{Value as Json, json};

use super::error::CacheError;
use super::folder::{Folder, Listed, NAME_LENGTH, default_folder};
use super::{COMPONENT, NAME};
use crate::amounts::parse_age;

/// Shows and clears the data sets that are kept on disk.
#[component(Command, name = "palladium.commands.cache")]
pub struct CacheCommand;

/// How many digits of a key are shown, and have to be given at least.
const SHOWN: usize = 12;

/// An entry of a folder.
struct Found {
    folder: Folder,
    entries: Vec<Listed>,
}

impl Command for CacheCommand {
    fn arguments(&self) -> clap::Command {
        clap::Command::new("cache")
            .about("Show and clear the data sets that are kept on disk")
            .long_about(
                "Show and clear the data sets that are kept on disk.\n\n\
                 Works on the folders of all loaders `palladium.dataset.Cached` of the configuration; without such a \
                 loader, or without a configuration, on the folder that they use by default.",
            )
            .subcommand_required(true)
            .arg_required_else_help(true)
            .disable_help_subcommand(true)
            .subcommand(list_arguments())
            .subcommand(clear_arguments())
    }

    fn run(&self, host: &mut dyn Host, matches: &ArgMatches) -> Result<(), CommandError> {
        match matches.subcommand() {
            Some(("list", matches)) => list(host, matches),
            Some(("clear", matches)) => clear(host, matches),
            _ => Err(CommandError::Usage("`palladium cache --help` lists what there is".to_owned())),
        }
    }
}

fn directory() -> Arg {
    Arg::new("directory")
        .long("directory")
        .value_name("FOLDER")
        .value_parser(value_parser!(PathBuf))
        .help("The folder of the cache; no configuration is read then")
}

fn list_arguments() -> clap::Command {
    clap::Command::new("list")
        .about("Show what is stored: its key, the loader, when it was loaded and used last, its rows and its size")
        .arg(directory())
        .arg(
            Arg::new("format")
                .long("format")
                .value_name("FORMAT")
                .value_parser(["table", "json"])
                .help("How the result is printed; if not given, a table on a terminal and JSON elsewhere"),
        )
}

fn clear_arguments() -> clap::Command {
    clap::Command::new("clear")
        .about("Delete what is stored; without `--yes`, say what that is")
        .arg(
            Arg::new("key")
                .value_name("KEY")
                .value_parser(key)
                .action(ArgAction::Append)
                .help("The keys of the entries to delete, as `list` shows them"),
        )
        .arg(Arg::new("all").long("all").action(ArgAction::SetTrue).help("Delete all entries"))
        .arg(
            Arg::new("older-than")
                .long("older-than")
                .value_name("AGE")
                .value_parser(parse_age)
                .help("Delete the entries that were loaded longer ago than this, such as `12h` or `7days`"),
        )
        .group(ArgGroup::new("which").args(["key", "all", "older-than"]).required(true))
        .arg(directory())
        .arg(Arg::new("yes").long("yes").action(ArgAction::SetTrue).help("Delete them"))
}

/// Reads the beginning of a key.
fn key(text: &str) -> Result<String, String> {
    let is_hex = text.bytes().all(|byte| byte.is_ascii_hexdigit());
    match is_hex && (SHOWN..=NAME_LENGTH).contains(&text.len()) {
        true => Ok(text.to_ascii_lowercase()),
        false => Err(format!("a key has at least {SHOWN} hexadecimal digits, as `palladium cache list` shows them")),
    }
}

/// Returns what is in the folders, each folder once, the entry that was used last first.
fn find(host: &mut dyn Host, matches: &ArgMatches) -> Result<Vec<Found>, CommandError> {
    let mut paths = BTreeSet::new();
    match matches.get_one::<PathBuf>("directory") {
        Some(directory) => {
            paths.insert(directory.clone());
        }
        None => {
            let blueprint = host.blueprint()?;
            let loaders = blueprint.all(COMPONENT);
            let directories =
                loaders.iter().map(|loader| loader.get("directory").and_then(|entry| entry.value.as_text()));
            let directories: Vec<Option<&str>> = if loaders.is_empty() { vec![None] } else { directories.collect() };
            for directory in directories {
                paths.insert(match directory {
                    Some(directory) => PathBuf::from(directory),
                    None => default_folder().map_err(Failure::from)?.join(NAME),
                });
            }
        }
    }
    let folders = paths.iter().map(|path| Folder::existing(path).map_err(Failure::from));
    let mut all = Vec::new();
    for folder in folders.collect::<Result<Vec<_>, _>>()?.into_iter().flatten() {
        let mut entries = folder.list().map_err(CacheError::refused(folder.path(), "listed")).map_err(Failure::from)?;
        entries.sort();
        entries.reverse();
        all.push(Found { folder, entries });
    }
    Ok(all)
}

fn time(time: impl Into<DateTime<Utc>>) -> String {
    time.into().to_rfc3339_opts(SecondsFormat::Secs, true)
}

fn list(host: &mut dyn Host, matches: &ArgMatches) -> Result<(), CommandError> {
    let found = find(host, matches)?;
    let is_table = match matches.get_one::<String>("format") {
        Some(format) => format == "table",
        None => host.is_terminal(),
    };
    let entries = found.iter().flat_map(|found| found.entries.iter().map(|entry| (&found.folder, entry)));
    if !is_table {
        let entries: Vec<Json> = entries.map(|(folder, entry)| as_json(folder, entry)).collect();
        return host.print(&format!("{:#}", Json::from(entries)));
    }
    let mut rows = vec![["key", "loader", "loaded", "last use", "rows", "size"].map(str::to_owned).to_vec()];
    rows.extend(entries.map(|(folder, entry)| as_row(folder, entry)));
    match rows.len() {
        1 => host.print("nothing is stored"),
        _ => host.print_table(&rows),
    }
}

fn as_json(folder: &Folder, entry: &Listed) -> Json {
    let mut json = json!({
        "key": entry.name,
        "directory": folder.path().display().to_string(),
        "last_use": time(entry.used),
        "size": entry.size,
    });
    match folder.head(&entry.name) {
        Ok(head) => {
            json["loader"] = Json::from(head.loader);
            json["loaded"] = Json::from(time(head.stored));
            json["rows"] = Json::from(head.rows);
        }
        Err(broken) => json["broken"] = Json::from(broken.to_string()),
    }
    json
}

fn as_row(folder: &Folder, entry: &Listed) -> Vec<String> {
    let (loader, loaded, rows) = match folder.head(&entry.name) {
        Ok(head) => (head.loader, time(head.stored), head.rows.to_string()),
        Err(broken) => (format!("broken: {broken}"), "-".to_owned(), "-".to_owned()),
    };
    let size = ByteSize(entry.size).display().si().to_string();
    vec![entry.name[..SHOWN].to_owned(), loader, loaded, time(entry.used), rows, size]
}

fn clear(host: &mut dyn Host, matches: &ArgMatches) -> Result<(), CommandError> {
    let found = find(host, matches)?;
    let keys: Vec<&String> = matches.get_many("key").into_iter().flatten().collect();
    if let Some(unknown) = keys.iter().find(|key| !found.iter().any(|found| found.has(key))) {
        let help = "`palladium cache list` shows the keys of all entries";
        return Err(Failure::with_help(format!("no entry has the key `{unknown}`"), help).into());
    }
    let age = matches.get_one::<Duration>("older-than").copied();
    let is_yes = matches.get_flag("yes");
    let (mut count, mut size) = (0_usize, 0);
    for Found { folder, entries } in &found {
        let refused = |error| CommandError::from(Failure::from(CacheError::refused(folder.path(), "cleared")(error)));
        for entry in entries.iter().filter(|entry| is_chosen(folder, entry, &keys, age)) {
            count += 1;
            size += entry.size;
            match is_yes {
                false => host.print(&format!("would delete {}", entry.name))?,
                true if folder.remove(&entry.name).map_err(refused)? => {
                    host.print(&format!("deleted {}", entry.name))?;
                }
                // Somebody else was faster.
                true => {}
            }
        }
        if is_yes {
            folder.remove_leftovers().map_err(refused)?;
        }
    }
    let size = ByteSize(size).display().si();
    match (count, is_yes) {
        (0, _) => host.print("nothing to delete"),
        (_, true) => host.print(&format!("{count} deleted, {size}")),
        (_, false) => host.print(&format!("{count} to delete, {size}; `--yes` deletes them")),
    }
}

impl Found {
    fn has(&self, key: &str) -> bool {
        self.entries.iter().any(|entry| entry.name.starts_with(key))
    }
}

/// Tells whether an entry is to be deleted: by its key, by its age, or else as all are. A broken one is old.
fn is_chosen(folder: &Folder, entry: &Listed, keys: &[&String], age: Option<Duration>) -> bool {
    let is_old = |age: Duration| match folder.head(&entry.name) {
        Ok(head) => (Utc::now() - head.stored).to_std().is_ok_and(|found| found > age),
        Err(_) => true,
    };
    match (keys, age) {
        ([], Some(age)) => is_old(age),
        ([], None) => true,
        (keys, _) => keys.iter().any(|key| entry.name.starts_with(key.as_str())),
    }
}
