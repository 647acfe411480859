//! `palladium components`.

use clap::{Arg, ArgMatches};
use palladium_component::prelude::*;
use serde_json::json;

use crate::{manual, options, terminal};

/// Lists the components of this binary, or explains one.
#[component(Command, name = "palladium.commands.components")]
pub struct Components;

impl Command for Components {
    fn arguments(&self) -> clap::Command {
        clap::Command::new("components")
            .about("List the components that configurations can name, or explain one")
            .arg(
                Arg::new("name")
                    .value_name("NAME")
                    .help("The component to explain: its name, an alias, or the last part of one"),
            )
            .arg(options::format(&["text", "json"]))
    }

    fn run(&self, host: &mut dyn Host, matches: &ArgMatches) -> Result<(), CommandError> {
        let registry = terminal(host)?.registry();
        let json = options::is_json(matches);
        let output = match matches.get_one::<String>("name") {
            Some(name) => {
                let descriptor = registry.find(name).map_err(|error| not_found(&error))?;
                match json {
                    true => format!("{:#}", manual::json(descriptor)),
                    false => manual::page(descriptor),
                }
            }
            None if json => {
                let all: Vec<_> = registry.components().iter().map(|descriptor| manual::json(descriptor)).collect();
                format!("{:#}", json!({ "components": all }))
            }
            None => manual::catalogue(registry),
        };
        host.print(output.trim_end())
    }
}

fn not_found(error: &NotFound) -> CommandError {
    let help = match error {
        NotFound::Unknown { near: Some(near), .. } => format!("did you mean `{near}`?"),
        _ => "`palladium components` lists them all".to_owned(),
    };
    Failure::with_help(error.to_string(), help).into()
}
