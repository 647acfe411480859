//! The command line that all subcommands share.

use std::io::IsTerminal;

use clap::builder::styling::{AnsiColor, Styles};
use clap::{Arg, ArgAction, ArgMatches, Command};
use palladium_component::interfaces::{Version, clap};
use palladium_config::Override;

const CONFIG: &str = "config";
const SET: &str = "set";
const UNSET: &str = "unset";

/// Returns the binary's command line without subcommands.
pub fn root() -> Command {
    let heading = AnsiColor::Green.on_default().bold();
    Command::new("palladium")
        .about("Turns a data set into a trained, versioned, served model from one configuration file")
        .version(palladium_runtime::VERSION)
        .subcommand_required(true)
        .arg_required_else_help(true)
        .styles(Styles::styled().header(heading).usage(heading).literal(AnsiColor::Cyan.on_default().bold()))
        .after_help(
            "The configuration is named by `--config a.ron,b.ron`, else by the variable PALLADIUM_CONFIG, else it is \
             the first of palladium-config.ron, palladium-config.rhai, etc/palladium-config.ron and \
             etc/palladium-config.rhai that exists. PALLADIUM_LOG sets what is logged: `debug`, `warn`, \
             `palladium_runtime=debug`.",
        )
}

/// Adds `--config` to a subcommand that reads no configuration, so that one way of calling fits all of them.
pub fn with_unread_config(command: Command) -> Command {
    command.arg(
        Arg::new(CONFIG)
            .long("config")
            .value_name("FILES")
            .help("Taken as by every command; this one reads no configuration"),
    )
}

/// Adds the options of every subcommand that reads a configuration.
pub fn with_common(command: Command) -> Command {
    // Where there are further subcommands, the options may stand behind them.
    let global = command.has_subcommands();
    let repeated = |name, value| Arg::new(name).long(name).value_name(value).action(ArgAction::Append).global(global);
    command
        .arg(
            Arg::new(CONFIG)
                .long("config")
                .global(global)
                .value_name("FILES")
                .help("Configuration files, separated by commas; later ones win. Wins over PALLADIUM_CONFIG"),
        )
        .arg(
            repeated(SET, "PATH=VALUE")
                .help("Add or replace an entry after all files, such as model.C=0.5; VALUE is RON. Can be repeated"),
        )
        .arg(repeated(UNSET, "PATH").help("Remove an entry after all files. Can be repeated"))
}

/// Returns what `--set` and `--unset` say, in the order in which they were given.
pub fn overrides(matches: &ArgMatches) -> Vec<Override> {
    let given = |name: &'static str, make: fn(String) -> Override| {
        let values = matches.try_get_many::<String>(name).ok().flatten().into_iter().flatten();
        // Without a value there is no such option in the command, and asking for its places would panic.
        let texts: Vec<String> = values.cloned().collect();
        let places = if texts.is_empty() { None } else { matches.indices_of(name) };
        places.into_iter().flatten().zip(texts).map(move |(place, text)| (place, make(text))).collect::<Vec<_>>()
    };
    let mut all = given(SET, Override::Set);
    all.extend(given(UNSET, Override::Unset));
    all.sort_by_key(|(place, _)| *place);
    all.into_iter().map(|(_, change)| change).collect()
}

/// Returns what `--config` says.
pub fn config(matches: &ArgMatches) -> Option<String> {
    matches.try_get_one::<String>(CONFIG).ok().flatten().cloned()
}

/// Returns the option `--format` with these choices, the first being the default.
pub fn format(choices: &'static [&'static str]) -> Arg {
    Arg::new("format")
        .long("format")
        .value_name("FORMAT")
        .value_parser(clap::builder::PossibleValuesParser::new(choices))
        .default_value(choices[0])
        .help("How the result is printed")
}

/// Returns the option `--format` of what people read on a terminal and programs elsewhere.
pub fn table_or_json() -> Arg {
    Arg::new("format")
        .long("format")
        .value_name("FORMAT")
        .value_parser(clap::builder::PossibleValuesParser::new(["table", "json"]))
        .help("How the result is printed; if not given, a table on a terminal and JSON elsewhere")
}

/// Tells whether [`table_or_json`] asks for a table.
pub fn is_table(matches: &ArgMatches) -> bool {
    match matches.get_one::<String>("format") {
        Some(format) => format == "table",
        None => std::io::stdout().is_terminal(),
    }
}

/// Returns the option or argument of a name that takes a version.
pub fn version(name: &'static str) -> Arg {
    let version = |text: &str| text.parse::<Version>();
    Arg::new(name).value_name("VERSION").allow_negative_numbers(true).value_parser(version)
}

/// Returns what `--format` says.
pub fn choice(matches: &ArgMatches) -> &str {
    matches.get_one::<String>("format").map_or("", String::as_str)
}

/// Tells whether `--format json` was given.
pub fn is_json(matches: &ArgMatches) -> bool {
    matches.get_one::<String>("format").is_some_and(|format| format == "json")
}
