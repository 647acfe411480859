//! `palladium help`.

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use palladium_component::Registry;
use palladium_component::interfaces::clap;

/// Returns the arguments of a call with `help NAME` as `NAME --help`: then a misspelt name is told like everywhere, and
/// `help --help` is help too.
pub fn arguments(given: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = given.into_iter().collect();
    if arguments.get(1).is_none_or(|first| first != "help") {
        return arguments;
    }
    arguments.remove(1);
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
        let cases: [(&[&str], &[&str]); 7] = [
            (&["help"], &["--help"]),
            (&["help", "--help"], &["--help"]),
            (&["help", "help"], &["--help"]),
            (&["help", "fit"], &["fit", "--help"]),
            (&["help", "admin", "prune", "-h"], &["admin", "prune", "--help"]),
            (&["fit", "-h"], &["fit", "-h"]),
            (&["run", "help"], &["run", "help"]),
        ];
        for (given, expected) in cases {
            let with_name = |arguments: &[&str]| -> Vec<OsString> {
                ["palladium"].iter().chain(arguments).map(OsString::from).collect()
            };
            assert_eq!(arguments(with_name(given)), with_name(expected), "{given:?}");
        }
    }
}
