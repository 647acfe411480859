//! `palladium openapi`.

use clap::ArgMatches;
use palladium_component::prelude::*;
use palladium_server::{DocumentError, document};

use crate::terminal;

/// Prints the OpenAPI document of the service.
#[component(Command, name = "palladium.commands.openapi")]
pub struct OpenApi;

impl Command for OpenApi {
    fn arguments(&self) -> clap::Command {
        clap::Command::new("openapi").about("Print the OpenAPI document of the service").long_about(
            "Print the OpenAPI document of the service, as an entry of the configuration publishes it where \
             `palladium serve` is given no other addresses. The service is not started and no model is loaded, so the \
             document says nothing that only a model knows.",
        )
    }

    fn run(&self, host: &mut dyn Host, _: &ArgMatches) -> Result<(), CommandError> {
        let app = terminal(host)?.app(Mode::Fit)?;
        match document(&app) {
            Ok(Some(document)) => host.print(&document),
            Ok(None) => Err(CommandError::Failed(Failure::with_help(
                "no entry of the configuration describes the service",
                "`palladium components` lists the views, one of which does",
            ))),
            Err(DocumentError::Config(findings)) => Err(findings.into()),
            Err(DocumentError::Failed(failure)) => Err(failure.into()),
        }
    }
}
