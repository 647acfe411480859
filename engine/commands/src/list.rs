//! `palladium list`.

use clap::ArgMatches;
use palladium_component::prelude::*;
use palladium_runtime::{JobError, Step, root_keys};
use serde_json::json;

use crate::host::job_failed;
use crate::terminal;

/// Lists the stored models.
#[component(Command, name = "palladium.commands.list")]
pub struct List;

impl Command for List {
    fn arguments(&self) -> clap::Command {
        clap::Command::new("list").about("List the stored models and the properties of their store").long_about(
            "List the stored models and the properties of their store.\n\n\
             Prints a JSON object: `models` holds the metadata of each version, `properties` says by `active-model` \
             which one is active.",
        )
    }

    fn run(&self, host: &mut dyn Host, _: &ArgMatches) -> Result<(), CommandError> {
        let app = terminal(host)?.app(Mode::Fit)?;
        let persister =
            app.get::<dyn Persister>(root_keys::PERSISTER).map_err(|error| CommandError::Config(error.into()))?;
        let failed = |error: PersistError| job_failed(JobError::Component { step: Step::List, source: error.into() });
        let listing = json!({
            "models": persister.list_models().map_err(failed)?,
            "properties": persister.list_properties().map_err(failed)?,
        });
        host.print(&format!("{listing:#}"))
    }
}
