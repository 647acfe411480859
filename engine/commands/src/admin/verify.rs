//! `palladium admin verify`.

use palladium_component::prelude::*;
use palladium_component::value::with_causes;
use palladium_runtime::lifecycle;

use crate::host::store_failed;
use crate::terminal;

pub(super) fn arguments() -> clap::Command {
    clap::Command::new("verify").about("Read every stored model and check that it is what was stored").long_about(
        "Read every stored model and check that it is what was stored.\n\n\
         Lengths and checksums are checked, those of the attachments too, that what is listed about the model is what \
         is stored with it, and that this binary can read it. A line is printed for each \
         version; the exit code is 1 if any of them cannot be read as it was stored, or if the active version is not stored.",
    )
}

pub(super) fn run(host: &mut dyn Host) -> Result<(), CommandError> {
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
    if versions.is_empty() {
        terminal.print("no models")?;
    }
    if n_failed == 0 { Ok(()) } else { Err(CommandError::Reported) }
}

/// Tells whether a version is still listed, so that what is missing was not deleted meanwhile.
fn is_listed(persister: &dyn Persister, version: Version) -> Result<bool, CommandError> {
    Ok(persister.versions().map_err(store_failed("listing"))?.contains(&version))
}
