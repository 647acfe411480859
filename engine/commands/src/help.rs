//! `palladium help`.

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use palladium_component::Registry;
use palladium_component::interfaces::clap;

/// Returns the arguments of a call with `help NAME` as `NAME --help`, also where that stands behind a command that has
/// others below it: then a misspelt name is told like everywhere, and `help --help` is help too.
pub fn arguments(given: impl IntoIterator<Item = OsString>, cli: &clap::Command) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = given.into_iter().collect();
    let (mut command, mut at) = (cli, 1);
    while let Some(below) = arguments.get(at).and_then(|name| command.find_subcommand(name))
        && below.has_subcommands()
    {
        (command, at) = (below, at + 1);
    }
    if arguments.get(at).is_none_or(|argument| argument != "help") {
        return arguments;
    }
    arguments.remove(at);
    let is_help = |argument: &OsString| ["help", "--help", "-h"].iter().any(|help| argument == help);
    arguments.retain(|argument| !is_help(argument));
    arguments.push("--help".into());
    arguments
}

/// Says of a name that is none of a command but of a component how that is explained.
pub fn point_to_component(error: &mut clap::Error, registry: &Registry) {
    let Some(ContextValue::String(name)) = error.get(ContextKind::InvalidSubcommand) else { return };
    if error.kind() == ErrorKind::InvalidSubcommand
        && let Ok(component) = registry.find(name)
    {
        let tip = format!("`palladium components {name}` explains the component `{}`", component.name);
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip.into()]));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn help_is_an_option_of_what_it_is_asked_about() {
        let below = |name, names: &[&'static str]| {
            names.iter().fold(clap::Command::new(name), |command, name| command.subcommand(clap::Command::new(*name)))
        };
        let cli = below("palladium", &["fit", "run"]).subcommand(below("admin", &["prune", "verify"]));
        let cases: [(&[&str], &[&str]); 13] = [
            (&["help"], &["--help"]),
            (&["help", "--help"], &["--help"]),
            (&["help", "help"], &["--help"]),
            (&["help", "fit"], &["fit", "--help"]),
            (&["help", "admin", "prune", "-h"], &["admin", "prune", "--help"]),
            (&["fit", "-h"], &["fit", "-h"]),
            (&["run", "help"], &["run", "help"]),
            (&["admin", "help"], &["admin", "--help"]),
            (&["admin", "help", "--help"], &["admin", "--help"]),
            (&["admin", "help", "prune", "-h"], &["admin", "prune", "--help"]),
            (&["help", "admin", "help"], &["admin", "--help"]),
            (&["admin", "prune", "help"], &["admin", "prune", "help"]),
            (&["admin"], &["admin"]),
        ];
        for (given, expected) in cases {
            let with_name = |arguments: &[&str]| -> Vec<OsString> {
                ["palladium"].iter().chain(arguments).map(OsString::from).collect()
            };
            assert_eq!(arguments(with_name(given), &cli), with_name(expected), "{given:?}");
        }
    }
}
