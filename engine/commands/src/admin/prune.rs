//! `palladium admin prune`.

use clap::{Arg, ArgAction, ArgMatches};
use palladium_component::interfaces::whole_number;
use palladium_component::prelude::*;
use palladium_runtime::lifecycle::{self, Better, Retention};
use palladium_runtime::origin;
use tracing::info;

use crate::host::store_failed;
use crate::terminal;

pub(super) fn arguments() -> clap::Command {
    clap::Command::new("prune")
        .about("Delete the versions that nobody needs; without `--yes`, say which those are")
        .long_about(
            "Delete the versions that nobody needs; without `--yes`, say which those are.\n\n\
             The active version always stays, and so do the newest ones and, with `--keep-better`, those that score \
             well: `palladium admin prune --keep 10 --keep-better score_test`.",
        )
        .arg(
            whole_number::<u32>("keep", "COUNT", 0..=u32::MAX)
                .required(true)
                .help("How many of the newest versions stay"),
        )
        .arg(Arg::new("keep-better").long("keep-better").value_name("SCORE[=VALUE]").value_parser(better).help(
            "Versions whose SCORE, an entry of their metadata, is VALUE or greater stay too; without VALUE those \
             whose SCORE is greater than that of the active version",
        ))
        .arg(Arg::new("yes").long("yes").action(ArgAction::SetTrue).help("Delete them"))
}

/// Reads `SCORE` or `SCORE=VALUE`.
fn better(text: &str) -> Result<Better, String> {
    let (score, threshold) = match text.rsplit_once('=') {
        None => (text, None),
        Some((score, value)) => match value.trim().parse::<f64>() {
            Ok(value) if !value.is_nan() => (score, Some(value)),
            _ => return Err(format!("`{value}` is no number: write `score_test` or `score_test=0.9`")),
        },
    };
    match score.trim() {
        "" => Err("a score has a name: write `score_test` or `score_test=0.9`".to_owned()),
        score => Ok(Better { score: score.to_owned(), threshold }),
    }
}

pub(super) fn run(host: &mut dyn Host, matches: &ArgMatches) -> Result<(), CommandError> {
    let persister = terminal(host)?.persister()?;
    let failed = store_failed("listing");
    let models = persister.list_models().map_err(&failed)?;
    let active = lifecycle::active(persister.as_ref()).map_err(&failed)?;
    let newest = matches.get_one::<u32>("keep").map_or(usize::MAX, |keep| usize::try_from(*keep).unwrap_or(usize::MAX));
    let retention = Retention { newest, better: matches.get_one::<Better>("keep-better").cloned() };
    let surplus = lifecycle::surplus(&models, active, &retention)?;
    if !matches.get_flag("yes") {
        surplus.iter().try_for_each(|version| host.print(&format!("would delete version {version}")))?;
        let total = models.len();
        return host.print(&match surplus.len() {
            0 if total == 1 => "nothing to delete, 1 version".to_owned(),
            0 => format!("nothing to delete, {total} versions"),
            count => format!("{count} of {total} versions; `--yes` deletes them"),
        });
    }
    let origin = origin("admin prune");
    for version in surplus {
        match persister.delete_as(version, false, &origin) {
            Ok(()) => {
                info!("Deleted model with version {version}.");
                host.print(&format!("deleted version {version}"))?;
            }
            // Somebody else was faster.
            Err(PersistError::Lookup(_)) => {}
            Err(error) => return Err(store_failed("deleting")(error)),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_are_read_with_and_without_a_value() {
        let cases = [
            ("score_test", Some(("score_test", None))),
            ("score_test=0.9", Some(("score_test", Some(0.9)))),
            ("score_a=b=-1", Some(("score_a=b", Some(-1.0)))),
            ("score_test=", None),
            ("score_test=good", None),
            ("score_test=NaN", None),
            ("=1", None),
            ("", None),
        ];
        for (text, expected) in cases {
            let expected = expected.map(|(score, threshold)| Better { score: score.to_owned(), threshold });
            assert_eq!(better(text).ok(), expected, "{text}");
        }
    }
}
