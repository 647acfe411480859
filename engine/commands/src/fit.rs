//! `palladium fit`.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use clap::{Arg, ArgAction, ArgMatches};
use palladium_component::prelude::*;
use palladium_runtime::Score;
use palladium_runtime::fit::{FitInputs, FitOptions, FitReport, Outcome, fit};

use crate::host::job_failed;
use crate::load_watch::LoadWatch;
use crate::terminal;

/// Trains a model and stores it.
#[component(Command, name = "palladium.commands.fit")]
pub struct Fit;

impl Command for Fit {
    fn arguments(&self) -> clap::Command {
        clap::Command::new("fit")
            .about("Train a model, store it under the next version and make it the active one")
            .long_about(
                "Train a model, store it under the next version and make it the active one.\n\n\
                 Looks for the store of `model_persister`, loads the data of `dataset_loader_train`, fits `model` and \
                 stores the result. With an evaluation the model is scored on the training data and on the data of \
                 `dataset_loader_test`; the data of both are loaded before the training, and the scores are printed \
                 and stored with it. An interrupt (Ctrl-C) stores nothing: what loads data is given up at once, any \
                 other step that runs is finished or given up first, a second interrupt does not wait for it.",
            )
            .arg(flag("no-save").short('n').help("Do not store the model"))
            .arg(flag("no-activate").help("Store the model without making it the active one"))
            .arg(
                Arg::new("save-if-better-than")
                    .long("save-if-better-than")
                    .value_name("SCORE")
                    .value_parser(score)
                    .allow_negative_numbers(true)
                    .help("Store the model only if its test score is SCORE or greater; implies --evaluate"),
            )
            .arg(flag("evaluate").short('e').help("Score the model on the training data and on the test data"))
    }

    fn run(&self, host: &mut dyn Host, matches: &ArgMatches) -> Result<(), CommandError> {
        let options = FitOptions {
            persist: !matches.get_flag("no-save"),
            activate: !matches.get_flag("no-activate"),
            evaluate: matches.get_flag("evaluate"),
            persist_if_better_than: matches.get_one("save-if-better-than").copied(),
        };
        let terminal = terminal(host)?;
        let app = terminal.app(Mode::Fit)?;
        let inputs = FitInputs::of(&app, &options).map_err(job_failed)?.with_sources(terminal.sources());
        let watch = LoadWatch::start(terminal.status());
        let context = cancelled_by_signals()?.with_load_progress(watch.progress().clone());
        let report = fit(&inputs, &options, &context);
        drop(watch);
        let report = report.map_err(job_failed)?;
        let printed = result_lines(&report).iter().try_for_each(|line| host.print(line));
        printed.map_err(|error| after(report.outcome, error))
    }
}

/// Returns why nothing was printed, with what was done before that.
fn after(outcome: Outcome, error: CommandError) -> CommandError {
    match (outcome, error) {
        (Outcome::Persisted { version, activated }, CommandError::Failed(failure)) => {
            let and_active = if activated { " and active" } else { "" };
            Failure::message(format!("version {version} is stored{and_active}, but {failure}")).into()
        }
        (_, error) => error,
    }
}

/// Reads a score.
fn score(text: &str) -> Result<f64, String> {
    let score = text.parse().ok().filter(|score: &f64| !score.is_nan());
    score.ok_or_else(|| "expected a number such as `0.9`".to_owned())
}

fn flag(name: &'static str) -> Arg {
    Arg::new(name).long(name).action(ArgAction::SetTrue)
}

/// Returns a context that SIGINT and SIGTERM cancel; a second signal ends the process at once.
fn cancelled_by_signals() -> Result<FitContext, CommandError> {
    let cancelled = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        signal_hook::flag::register_conditional_shutdown(signal, 1, Arc::clone(&cancelled))
            .and_then(|_| signal_hook::flag::register(signal, Arc::clone(&cancelled)))
            .map_err(|error| Failure::message(format!("signals cannot be caught: {error}")))?;
    }
    // The process ends once the fit is cancelled, and all work with it.
    Ok(FitContext::cancelled_by(cancelled).leaving_work_by(Arc::new(|| Some(Box::new(())))))
}

fn result_lines(report: &FitReport) -> Vec<String> {
    let scores = |what: &str, scores: &[Score]| -> Vec<String> {
        scores.iter().map(|score| format!("{what} {}: {}", score.label, score.value)).collect()
    };
    let mut lines = scores("train", &report.train_scores);
    lines.extend(scores("test", &report.test_scores));
    lines.push(report.outcome.to_string());
    lines
}
