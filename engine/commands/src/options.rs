//! The command line that all subcommands share.

use clap::builder::styling::{AnsiColor, Styles};
use clap::{Arg, ArgMatches, Command};
use palladium_component::interfaces::clap;

const CONFIG: &str = "config";

/// Returns the binary's command line without subcommands.
pub fn root() -> Command {
    let heading = AnsiColor::Green.on_default().bold();
    Command::new("palladium")
        .about("Turns a data set into a trained, versioned, served model from one configuration file")
        .version(palladium_runtime::VERSION)
        .subcommand_required(true)
        .arg_required_else_help(true)
        .disable_help_subcommand(true)
        .styles(Styles::styled().header(heading).usage(heading).literal(AnsiColor::Cyan.on_default().bold()))
        .after_help(
            "The configuration is named by `--config a.ron,b.ron`, else by the variable PALLADIUM_CONFIG, else it is \
             the first of palladium-config.ron, palladium-config.rhai, etc/palladium-config.ron and \
             etc/palladium-config.rhai that exists. PALLADIUM_LOG sets what is logged: `debug`, `warn`, \
             `palladium_runtime=debug`.",
        )
}

/// Adds the options of every subcommand.
pub fn with_common(command: Command) -> Command {
    command.arg(
        Arg::new(CONFIG)
            .long("config")
            .value_name("FILES")
            .help("Configuration files, separated by commas; later ones win. Wins over PALLADIUM_CONFIG"),
    )
}

/// Returns what `--config` says.
pub fn config(matches: &ArgMatches) -> Option<String> {
    matches.get_one::<String>(CONFIG).cloned()
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

/// Tells whether `--format json` was given.
pub fn is_json(matches: &ArgMatches) -> bool {
    matches.get_one::<String>("format").is_some_and(|format| format == "json")
}
