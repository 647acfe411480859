//! `palladium version`.

use clap::ArgMatches;
use palladium_component::prelude::*;

/// Prints the version of palladium.
#[component(Command, name = "palladium.commands.version")]
pub struct PrintVersion;

impl Command for PrintVersion {
    fn arguments(&self) -> clap::Command {
        clap::Command::new("version").about("Print the version number; needs no configuration")
    }

    fn reads_configuration(&self) -> bool {
        false
    }

    fn run(&self, host: &mut dyn Host, _: &ArgMatches) -> Result<(), CommandError> {
        host.print(palladium_runtime::VERSION)
    }
}
