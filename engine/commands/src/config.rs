//! `palladium config`.

use clap::{Arg, ArgAction, ArgMatches};
use palladium_component::prelude::*;
use palladium_config::{Difference, Origin};
use serde_json::{Value as Json, json};

use crate::{options, terminal};

/// Prints the configuration as it is before anything is built.
#[component(Command, name = "palladium.commands.config")]
pub struct PrintConfig;

impl Command for PrintConfig {
    fn arguments(&self) -> clap::Command {
        clap::Command::new("config")
            .about("Print the configuration after merging, copying, overrides and scripts")
            .long_about(
                "Print the configuration after merging, copying, overrides and scripts, and before anything is built.\n\n\
                 Factories appear as maps with `__factory__`; their names need not be known. What came from an \
                 environment variable is printed as `${environ.NAME}`, a function as the text `<function NAME>`, which \
                 does not load again.\n\n\
                 With `--origin` each value is printed with the place where it is written, what brought it there (a \
                 file, an override, a script) and the copies on its way. With `--diff a.ron,b.ron -- c.ron` the \
                 differences between two configurations are printed, those that `--set` and `--unset` make in the \
                 second included; ends with 0 if there are none, with 1 if there are some.",
            )
            .arg(options::format(&["ron", "json"]))
            .arg(
                Arg::new("origin")
                    .long("origin")
                    .action(ArgAction::SetTrue)
                    .conflicts_with("diff")
                    .help("Print where each value comes from, as a table or as JSON"),
            )
            .arg(
                Arg::new("diff")
                    .long("diff")
                    .value_name("FILES")
                    .requires("other")
                    .conflicts_with("config")
                    .help("Print what differs between these files and those behind `--`, as text or as JSON"),
            )
            .arg(Arg::new("other").value_name("FILES").last(true).requires("diff").help("The second configuration"))
    }

    fn run(&self, host: &mut dyn Host, matches: &ArgMatches) -> Result<(), CommandError> {
        let is_json = options::is_json(matches);
        if let (Some(first), Some(second)) = (matches.get_one::<String>("diff"), matches.get_one::<String>("other")) {
            return diff(host, first, second, is_json);
        }
        let config = terminal(host)?.load(Mode::Serve)?;
        let output = match (matches.get_flag("origin"), is_json) {
            (true, true) => format!("{:#}", config.origins().iter().map(Origin::to_json).collect::<Json>()),
            (true, false) => table(&config.origins()),
            (false, true) => format!("{:#}", config.to_json()),
            (false, false) => config.to_ron(),
        };
        host.print(output.trim_end())
    }
}

/// Returns key, value, layer and place of each leaf in columns.
fn table(origins: &[Origin]) -> String {
    let row =
        |origin: &Origin| [origin.path.to_string(), shortened(&origin.value), origin.layer.to_string(), origin.place()];
    let head = ["KEY", "VALUE", "LAYER", "PLACE"].map(str::to_owned);
    let rows: Vec<[String; 4]> = std::iter::once(head).chain(origins.iter().map(row)).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let (key, value, layer) = (width(0), width(1), width(2));
    let line = |row: &[String; 4]| format!("{:key$}  {:value$}  {:layer$}  {}", row[0], row[1], row[2], row[3]);
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// Returns a value in one short line.
fn shortened(value: &Json) -> String {
    const LONGEST: usize = 40;
    let text = value.to_string();
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

fn diff(host: &mut dyn Host, first: &str, second: &str, is_json: bool) -> Result<(), CommandError> {
    let (first, second) = terminal(host)?.load_two(first, second)?;
    let differences = first.diff(&second);
    if is_json {
        host.print(&format!("{:#}", json!({ "differences": differences.iter().map(as_json).collect::<Json>() })))?;
    } else if !differences.is_empty() {
        host.print(&differences.iter().map(as_text).collect::<Vec<_>>().join("\n"))?;
    }
    if differences.is_empty() { Ok(()) } else { Err(CommandError::Reported) }
}

fn as_text(difference: &Difference) -> String {
    let path = difference.path();
    match difference {
        Difference::Added(new) => format!("+ {path}: {}  ({})", new.value, new.place()),
        Difference::Removed(old) => format!("- {path}: {}  ({})", old.value, old.place()),
        Difference::Changed(old, new) if old.value == new.value => {
            format!("~ {path}: {}, which is another value  ({} -> {})", old.value, old.place(), new.place())
        }
        Difference::Changed(old, new) => {
            format!("~ {path}: {} -> {}  ({} -> {})", old.value, new.value, old.place(), new.place())
        }
    }
}

fn as_json(difference: &Difference) -> Json {
    let path = difference.path().to_string();
    match difference {
        Difference::Added(new) => json!({ "key": path, "change": "added", "new": new.to_json() }),
        Difference::Removed(old) => json!({ "key": path, "change": "removed", "old": old.to_json() }),
        Difference::Changed(old, new) => {
            json!({ "key": path, "change": "changed", "old": old.to_json(), "new": new.to_json() })
        }
    }
}
