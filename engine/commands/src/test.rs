//! `palladium test`.

use clap::ArgMatches;
use palladium_component::prelude::*;
use palladium_runtime::evaluate::evaluate;

use crate::host::job_failed;
use crate::load_watch::LoadWatch;
use crate::{options, terminal};

/// Scores a stored model on the test data.
#[component(Command, name = "palladium.commands.test")]
pub struct Test;

impl Command for Test {
    fn arguments(&self) -> clap::Command {
        clap::Command::new("test")
            .about("Score a stored model on the data of `dataset_loader_test`")
            .long_about(
                "Score a stored model on the data of `dataset_loader_test`.\n\n\
                 Prints `score: ⟨number⟩`, or a line for each label where `scoring` is a map.",
            )
            .arg(
                options::version("model-version")
                    .long("model-version")
                    .visible_alias("version")
                    .help("The version to score; the active one if not given"),
            )
    }

    fn run(&self, host: &mut dyn Host, matches: &ArgMatches) -> Result<(), CommandError> {
        let version = matches.get_one::<Version>("model-version").copied();
        let terminal = terminal(host)?;
        let app = terminal.app(Mode::Fit)?;
        let watch = LoadWatch::start(terminal.status());
        let evaluation = evaluate(&app, version, watch.progress());
        drop(watch);
        let evaluation = evaluation.map_err(job_failed)?;
        evaluation.scores.iter().try_for_each(|score| host.print(&format!("{}: {}", score.label, score.value)))
    }
}
