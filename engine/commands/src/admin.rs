//! `palladium admin`: one function for each of its subcommands.

mod attachments;
mod prune;
mod verify;

use clap::{Arg, ArgAction, ArgGroup, ArgMatches};
use palladium_component::prelude::*;
use palladium_runtime::{lifecycle, origin};
use serde_json::json;
use tracing::info;

use crate::host::store_failed;
use crate::table::Table;
use crate::{options, terminal};

/// Activates, deletes and looks after stored models.
#[component(Command, name = "palladium.commands.admin")]
pub struct Admin;

impl Command for Admin {
    fn arguments(&self) -> clap::Command {
        clap::Command::new("admin")
            .about("Activate, delete and look after stored models")
            .long_about(
                "Activate, delete and look after stored models.\n\n\
                 Works on the store of `model_persister`. `palladium list` shows which versions there are.",
            )
            .subcommand_required(true)
            .arg_required_else_help(true)
            .subcommand(activate_arguments())
            .subcommand(attachments::attach_arguments())
            .subcommand(attachments::list_arguments())
            .subcommand(delete_arguments())
            .subcommand(attachments::detach_arguments())
            .subcommand(history_arguments())
            .subcommand(prune::arguments())
            .subcommand(verify::arguments())
    }

    fn run(&self, host: &mut dyn Host, matches: &ArgMatches) -> Result<(), CommandError> {
        match matches.subcommand() {
            Some(("activate", matches)) => activate(host, matches),
            Some(("attach", matches)) => attachments::attach(host, matches),
            Some(("attachments", matches)) => attachments::list(host, matches),
            Some(("delete", matches)) => delete(host, matches),
            Some(("detach", matches)) => attachments::detach(host, matches),
            Some(("history", matches)) => history(host, matches),
            Some(("prune", matches)) => prune::run(host, matches),
            Some(("verify", matches)) => verify::run(host, matches),
            _ => Err(CommandError::Usage("`palladium admin --help` lists what there is".to_owned())),
        }
    }
}

fn activate_arguments() -> clap::Command {
    clap::Command::new("activate")
        .about("Make a version the active one")
        .long_about(
            "Make a version the active one.\n\n\
             The active version is the one that predictions come from. A service that is running takes it up when it \
             looks for a new model the next time. A version that cannot be read is not activated: the one before stays \
             active, and `palladium admin verify` says what is wrong.",
        )
        .arg(options::version("version").help("The version to activate"))
        .arg(Arg::new("previous").long("previous").action(ArgAction::SetTrue).help(
            "Activate the version that was active last before the active one and is still stored, as `history` says. \
             A second time leads back",
        ))
        .group(ArgGroup::new("which").args(["version", "previous"]).required(true))
}

fn activate(host: &mut dyn Host, matches: &ArgMatches) -> Result<(), CommandError> {
    let persister = terminal(host)?.persister()?;
    let (version, command) = match matches.get_one::<Version>("version") {
        Some(version) => (*version, format!("admin activate {version}")),
        None => (previous(persister.as_ref())?, "admin activate --previous".to_owned()),
    };
    lifecycle::activate(persister.as_ref(), version, &origin(command)).map_err(store_failed("activating"))?;
    info!("Activated model with version {version}.");
    Ok(())
}

fn previous(persister: &dyn Persister) -> Result<Version, CommandError> {
    let history = persister.history().map_err(store_failed("reading the history"))?;
    let failed = store_failed("listing");
    let active = lifecycle::active(persister).map_err(&failed)?;
    let models = persister.list_models().map_err(&failed)?;
    Activation::previous(&history, active, &models).ok_or_else(|| {
        let help = "`palladium admin history` shows what was active, `palladium list` what is stored";
        Failure::with_help("no other version that is still stored was active before", help).into()
    })
}

fn delete_arguments() -> clap::Command {
    clap::Command::new("delete")
        .about("Delete a version")
        .long_about(
            "Delete a version.\n\n\
             Its number is never given again. The active version is only deleted with `--force`; no version is active \
             then, and predictions are refused until another one is activated.",
        )
        .arg(options::version("version").required(true).help("The version to delete"))
        .arg(
            Arg::new("force")
                .long("force")
                .action(ArgAction::SetTrue)
                .help("Delete the version even if it is the active one"),
        )
}

fn delete(host: &mut dyn Host, matches: &ArgMatches) -> Result<(), CommandError> {
    let persister = terminal(host)?.persister()?;
    let force = matches.get_flag("force");
    if let Some(version) = matches.get_one::<Version>("version") {
        let command = format!("admin delete {version}{}", if force { " --force" } else { "" });
        persister.delete_as(*version, force, &origin(command)).map_err(store_failed("deleting"))?;
        info!("Deleted model with version {version}.");
    }
    Ok(())
}

fn history_arguments() -> clap::Command {
    clap::Command::new("history")
        .about("Show which versions were active, since when and by whom")
        .long_about(
            "Show which versions were active, since when and by whom.\n\n\
             The store writes down every activation, and every deletion of the active version: the time in UTC, what \
             was active before and what is since, the user and the command. Nothing leaves this log. The oldest entry \
             comes first.",
        )
        .arg(options::table_or_json())
}

fn history(host: &mut dyn Host, matches: &ArgMatches) -> Result<(), CommandError> {
    let history = terminal(host)?.persister()?.history().map_err(store_failed("reading the history"))?;
    if !options::is_table(matches) {
        return host.print(&format!("{:#}", json!(history)));
    }
    lines(history).iter().try_for_each(|line| host.print(line))
}

fn lines(history: Vec<Activation>) -> Vec<String> {
    let mut table = Table::new(["time", "from", "to", "principal", "command"]);
    let version = |version: Option<Version>| version.map_or_else(|| "-".to_owned(), |version| version.to_string());
    for Activation { time, from, to, principal, command } in history {
        table.push([time, version(from), version(to), principal, command]);
    }
    table.lines()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_history_is_a_table() {
        let entry = |from: u64, to: u64, command: &str| Activation {
            time: "2026-11-23T12:00:00.000Z".to_owned(),
            from: Version::new(from).ok(),
            to: Version::new(to).ok(),
            principal: "ada".to_owned(),
            command: command.to_owned(),
        };
        let expected = [
            "time                      from  to  principal  command",
            "2026-11-23T12:00:00.000Z  -     12  ada        fit",
            "2026-11-23T12:00:00.000Z  12    -   ada        admin delete 12 --force",
        ];
        assert_eq!(lines(vec![entry(0, 12, "fit"), entry(12, 0, "admin delete 12 --force")]), expected);
    }
}
