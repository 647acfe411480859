//! `palladium schema`.

use clap::ArgMatches;
use palladium_component::prelude::*;

use crate::{json_schema, terminal};

/// Prints a JSON Schema of configurations.
#[component(Command, name = "palladium.commands.schema")]
pub struct Schema;

impl Command for Schema {
    fn arguments(&self) -> clap::Command {
        clap::Command::new("schema")
            .about("Print a JSON Schema of configurations, for editors and other programs")
            .long_about(
                "Print a JSON Schema (2020-12) of configurations, for editors and other programs.\n\n\
             It holds the root keys and every component of this binary with its parameters: documentation, types, \
             defaults, ranges, and which kind of component may stand where. It describes the tree: what `palladium \
             config --format json` prints, and files with `__copy__`. Copies, scripts and references are for \
             `palladium check` to judge.",
            )
    }

    fn reads_configuration(&self) -> bool {
        false
    }

    fn run(&self, host: &mut dyn Host, _: &ArgMatches) -> Result<(), CommandError> {
        let schema = json_schema::of(terminal(host)?.registry());
        host.print(&format!("{schema:#}"))
    }
}
