//! `palladium admin verify`.

use clap::{Arg, ArgAction, ArgMatches};
use palladium_component::prelude::*;
use palladium_component::value::with_causes;
use palladium_runtime::lifecycle;

use crate::host::Terminal;
use crate::host::store_failed;
use crate::table::{self, visible};
use crate::terminal;

pub(super) fn arguments() -> clap::Command {
    clap::Command::new("verify")
        .about("Read every stored model and check that it is what was stored")
        .long_about(
            "Read every stored model and check that it is what was stored.\n\n\
             Lengths and checksums are checked, those of the attachments too, that what is listed about the model is \
             what is stored with it, and that this binary can read it. A line is printed for each version; the exit \
             code is 1 if any of them cannot be read as it was stored, or if the active version is not stored.\n\n\
             Models in the store that its list of models does not know, as where that was lost or an older one was brought \
             back, are named after that, and the exit code is 1: bring the list back from a backup, or move them away. \
             `--remove-orphans` does not remove them.\n\n\
             Then the store is searched for orphans, which take room and do no other harm: objects, attachments and \
             temporary files that killed processes have left, once they are an hour old, and rows of a database that \
             belong to no model. A line is printed for each of them, and nothing is removed without \
             `--remove-orphans`. Parts of an upload to a bucket that was broken off are the bucket's own: a life cycle \
             rule removes them.",
        )
        .arg(
            Arg::new("remove-orphans")
                .long("remove-orphans")
                .action(ArgAction::SetTrue)
                .help("Remove the orphans that are found; models that are not listed stay"),
        )
}

pub(super) fn run(host: &mut dyn Host, matches: &ArgMatches) -> Result<(), CommandError> {
    let terminal = terminal(host)?;
    let persister = terminal.persister()?;
    let failed = store_failed("listing");
    let active = lifecycle::active(persister.as_ref()).map_err(&failed)?;
    let versions = persister.versions().map_err(&failed)?;
    let mut n_failed = 0;
    for version in &versions {
        let line = match persister.verify(*version) {
            Ok(()) => format!("version {version}: ok"),
            Err(PersistError::Lookup(_)) if !is_listed(persister.as_ref(), *version)? => continue,
            Err(error) => {
                n_failed += 1;
                format!("version {version}: failed: {}", terminal.redact_text(&with_causes(&error)))
            }
        };
        terminal.print(&line)?;
    }
    if let Some(active) = active.filter(|active| !versions.contains(active)) {
        n_failed += 1;
        terminal.print(&format!("version {active}: is the active one, but it is not stored"))?;
    }
    let persister = persister.as_ref();
    let unlisted = persister.unlisted().map_err(&failed)?;
    n_failed += unlisted.len();
    tell(terminal, "unlisted", &unlisted)?;
    if !unlisted.is_empty() {
        terminal.print("bring the list of models back from a backup, or move what is not listed away")?;
    }
    if versions.is_empty() && unlisted.is_empty() {
        terminal.print("no models")?;
    }
    match matches.get_flag("remove-orphans") {
        false => {
            let orphans = persister.orphans().map_err(store_failed("searching"))?;
            tell(terminal, "orphan", &orphans)?;
            match orphans.len() {
                0 => {}
                1 => terminal.print("1 orphan; `--remove-orphans` removes it")?,
                count => terminal.print(&format!("{count} orphans; `--remove-orphans` removes them"))?,
            }
        }
        true => tell(terminal, "removed", &persister.remove_orphans().map_err(store_failed("cleaning up"))?)?,
    }
    if n_failed == 0 { Ok(()) } else { Err(CommandError::Reported) }
}

/// Prints a line for each orphan.
fn tell(terminal: &mut Terminal, word: &str, orphans: &[Orphan]) -> Result<(), CommandError> {
    for Orphan { what, size } in orphans {
        let size = size.map(|size| format!(", {}", table::size(size))).unwrap_or_default();
        terminal.print(&visible(&terminal.redact_text(&format!("{word}: {what}{size}"))))?;
    }
    Ok(())
}

/// Tells whether a version is still listed, so that what is missing was not deleted meanwhile.
fn is_listed(persister: &dyn Persister, version: Version) -> Result<bool, CommandError> {
    Ok(persister.versions().map_err(store_failed("listing"))?.contains(&version))
}
