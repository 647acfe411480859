//! `palladium upgrade`.

use clap::{Arg, ArgMatches};
use palladium_component::prelude::*;
use palladium_runtime::origin;
use tracing::info;

use crate::host::store_failed;
use crate::terminal;

/// Brings the store to the current layout.
#[component(Command, name = "palladium.commands.upgrade")]
pub struct Upgrade;

impl Command for Upgrade {
    fn arguments(&self) -> clap::Command {
        let layout = |name: &'static str| {
            Arg::new(name).long(name).value_name("LAYOUT").value_parser(|text: &str| text.parse::<Release>())
        };
        clap::Command::new("upgrade")
            .about("Bring the store of `model_persister` to the current layout")
            .long_about(
                "Bring the store of `model_persister` to the current layout.\n\n\
                 A store says its layout by the property `db-version`, which `palladium list` shows. The upgrade makes \
                 the steps between that layout and the current one, in order, and writes each of them to the log; \
                 nothing is printed. All of them are made or none, so that an upgrade can be interrupted and made \
                 again; one that is not needed changes nothing. No store is taken back to an older layout.\n\n\
                 The step to 1.0 makes the newest version the active one where none is. The step to 1.1 gives a \
                 database a table of attachments.",
            )
            .arg(layout("from").help("The layout to begin at; what the store says if not given"))
            .arg(layout("to").help("The layout to end at; the newest if not given"))
    }

    fn run(&self, host: &mut dyn Host, matches: &ArgMatches) -> Result<(), CommandError> {
        let layout = |name: &str| matches.get_one::<Release>(name);
        let persister = terminal(host)?.persister()?;
        let existed = persister.exists().map_err(store_failed("upgrading"))?;
        let upgraded =
            persister.upgrade(layout("from"), layout("to"), &origin("upgrade")).map_err(store_failed("upgrading"))?;
        for (layout, done) in &upgraded.steps {
            info!("Upgrade step {layout}: {done}.");
        }
        let Upgraded { from, to, .. } = upgraded;
        match from == to {
            true if !existed => info!("There was no store yet: made one with layout {to}."),
            true => info!("The store has layout {to} already."),
            false => info!("Upgraded the store from layout {from} to {to}."),
        }
        Ok(())
    }
}
