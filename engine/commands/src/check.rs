//! `palladium check`.

use clap::ArgMatches;
use palladium_component::prelude::*;
use serde_json::json;

use crate::{options, terminal};

/// Checks a configuration without running anything.
#[component(Command, name = "palladium.commands.check")]
pub struct Check;

impl Command for Check {
    fn arguments(&self) -> clap::Command {
        clap::Command::new("check")
            .about("Check the configuration: syntax, copies, names, kinds and arguments")
            .long_about(
                "Check the configuration: syntax, copies, names, kinds and arguments.\n\n\
                 Nothing is opened, loaded or connected. All findings are printed at once, in file order, to standard \
                 output. Ends with 0 if there are none, else with 1.",
            )
            .arg(options::format(&["text", "json"]))
    }

    fn run(&self, host: &mut dyn Host, matches: &ArgMatches) -> Result<(), CommandError> {
        let planned = terminal(host)?.plan(Mode::Fit);
        let (findings, components) = match planned {
            Ok(plan) => (Diagnostics::default(), plan.n_components()),
            Err(CommandError::Config(findings)) => (findings, 0),
            Err(other) => return Err(other),
        };
        let output = match options::is_json(matches) {
            true => {
                let findings: Vec<_> = findings.iter().map(Diagnostic::to_json).collect();
                format!("{:#}", json!({ "findings": findings }))
            }
            false if findings.is_empty() => format!("no findings, {components} components"),
            false => findings.render(false),
        };
        host.print(&output)?;
        if findings.is_empty() { Ok(()) } else { Err(CommandError::Reported) }
    }
}
