//! `palladium components`.

use clap::{Arg, ArgAction, ArgMatches};
use palladium_component::prelude::*;

use crate::manual::{self, Catalogue};
use crate::{options, terminal};

/// Lists the components of this binary, or explains one.
#[component(Command, name = "palladium.commands.components")]
pub struct Components;

impl Command for Components {
    fn arguments(&self) -> clap::Command {
        clap::Command::new("components")
            .about("List the components that configurations can name, or explain one")
            .long_about(
                "List the components that configurations can name, or explain one.\n\n\
                 The list is grouped by kind and sorted. The page of a component says what it does, what it can be \
                 given, with types, defaults and ranges, shows an example in both languages, and names the crate that \
                 it comes from. Subcommands are listed by `palladium --help`.",
            )
            .arg(
                Arg::new("name")
                    .value_name("NAME")
                    .help("The component to explain: its name, an alias, or the last part of one"),
            )
            .arg(
                Arg::new("search")
                    .long("search")
                    .value_name("WORDS")
                    .action(ArgAction::Append)
                    .conflicts_with("name")
                    .help("List those with all these words in name, alias, kind or manual page, in any case"),
            )
            .arg(options::format(&["text", "json", "markdown"]))
    }

    fn reads_configuration(&self) -> bool {
        false
    }

    fn run(&self, host: &mut dyn Host, matches: &ArgMatches) -> Result<(), CommandError> {
        let registry = terminal(host)?.registry();
        let format = options::choice(matches);
        let output = match matches.get_one::<String>("name") {
            Some(name) => {
                let descriptor = registry.find(name).map_err(|error| not_found(&error))?;
                match format {
                    "json" => format!("{:#}", manual::json(descriptor, registry)),
                    "markdown" => manual::markdown(descriptor, registry),
                    _ => manual::page(descriptor, registry),
                }
            }
            None => {
                let words: Vec<String> = matches.get_many("search").into_iter().flatten().cloned().collect();
                let catalogue = Catalogue::search(registry, &words);
                match format {
                    "json" => format!("{:#}", catalogue.json()),
                    _ if catalogue.is_empty() => return Err(nothing_fits(&words)),
                    "markdown" => catalogue.markdown(),
                    _ => catalogue.text(),
                }
            }
        };
        host.print(output.trim_end())
    }
}

fn nothing_fits(words: &[String]) -> CommandError {
    let help = "`palladium components` lists them all; fewer words find more";
    Failure::with_help(format!("no component fits `{}`", words.join(" ")), help).into()
}

fn not_found(error: &NotFound) -> CommandError {
    let help = match error {
        NotFound::Unknown { near: Some(near), .. } => format!("did you mean `{near}`?"),
        _ => "`palladium components` lists them all, `palladium components --search WORD` some".to_owned(),
    };
    Failure::with_help(error.to_string(), help).into()
}
