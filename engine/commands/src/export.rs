//! `palladium export`.

use clap::{Arg, ArgAction, ArgMatches};
use palladium_component::prelude::*;
use palladium_runtime::export::{Exported, Wanted, export};

use crate::host::job_failed;
use crate::{options, terminal};

/// Copies models to another store.
#[component(Command, name = "palladium.commands.export")]
pub struct Export;

impl Command for Export {
    fn arguments(&self) -> clap::Command {
        clap::Command::new("export")
            .about("Copy a model from `model_persister` to `model_persister_export`")
            .long_about(
                "Copy a model from `model_persister` to `model_persister_export`.\n\n\
                 The two may be stores of different kinds. The model gets the next version of the other store and \
                 becomes the active one there; its metadata go along, with the old version under \
                 `exported_from_version` and its checksum under `exported_from_digest`. The new version is printed.\n\n\
                 With `--all`, every model is copied in the order of the versions, and the one that is active here \
                 becomes the active one there. What the other store has from an earlier export is not copied again: a \
                 model that says the same old version and checksum and whose attachments have the same names and \
                 sizes.",
            )
            .arg(
                options::version("version")
                    .long("version")
                    .visible_alias("model-version")
                    .help("The version to copy; the active one if not given"),
            )
            .arg(
                Arg::new("all")
                    .long("all")
                    .action(ArgAction::SetTrue)
                    .conflicts_with("version")
                    .help("Copy every version"),
            )
            .arg(
                Arg::new("no-activate")
                    .long("no-activate")
                    .action(ArgAction::SetTrue)
                    .help("Leave the other store's active version as it is"),
            )
    }

    fn run(&self, host: &mut dyn Host, matches: &ArgMatches) -> Result<(), CommandError> {
        let wanted = match matches.get_one::<Version>("version") {
            Some(version) => Wanted::Version(*version),
            None if matches.get_flag("all") => Wanted::All,
            None => Wanted::Active,
        };
        let app = terminal(host)?.app(Mode::Fit)?;
        let mut printed = Ok(());
        let mut exported = |Exported { from, to, copied, .. }: Exported| {
            if printed.is_ok() {
                printed = host.print(&match copied {
                    true => format!("Exported model. New version number: {to}"),
                    false => format!("Version {from} is there already. Its version number: {to}"),
                });
            }
        };
        export(&app, wanted, !matches.get_flag("no-activate"), &mut exported).map_err(job_failed)?;
        printed
    }
}
