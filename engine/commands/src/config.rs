//! `palladium config`.

use clap::ArgMatches;
use palladium_component::prelude::*;

use crate::{options, terminal};

/// Prints the configuration as it is before anything is built.
#[component(Command, name = "palladium.commands.config")]
pub struct PrintConfig;

impl Command for PrintConfig {
    fn arguments(&self) -> clap::Command {
        clap::Command::new("config")
            .about("Print the configuration after merging, copying and scripts")
            .long_about(
                "Print the configuration after merging, copying and scripts, and before anything is built.\n\n\
                 Factories appear as maps with `__factory__`; their names need not be known. What came from an \
                 environment variable is printed as `${environ.NAME}`.",
            )
            .arg(options::format(&["ron", "json"]))
    }

    fn run(&self, host: &mut dyn Host, matches: &ArgMatches) -> Result<(), CommandError> {
        let config = terminal(host)?.load(Mode::Serve)?;
        let output = match options::is_json(matches) {
            true => format!("{:#}", config.to_json()),
            false => config.to_ron(),
        };
        host.print(output.trim_end())
    }
}
