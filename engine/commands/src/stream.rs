//! `palladium stream`.

use std::io::{ErrorKind, stdin, stdout};

use clap::ArgMatches;
use palladium_component::prelude::*;
use palladium_runtime::stream::{StreamError, stream};
use palladium_runtime::{Predictor, root_keys};

use crate::host::job_failed;
use crate::terminal;

/// Answers samples from standard input, line by line.
#[component(Command, name = "palladium.commands.stream")]
pub struct Stream;

impl Command for Stream {
    fn arguments(&self) -> clap::Command {
        clap::Command::new("stream").about("Answer samples from standard input, a line each").long_about(
            "Answer samples from standard input, a line each.\n\n\
             A line is a JSON list of objects, one for each sample, as a POST carries them, and is answered with the \
             list of their predictions on a line of standard output; or it is one object, and is answered with its \
             prediction alone. The service under `predict_service` says which fields there are and whether the answers \
             are probabilities. Its `params` are taken from the first object of a line and count for all of them. Blank \
             lines are skipped; a line that says `exit`, or the end of the input, ends the command.\n\n\
             A line that cannot be answered gets `[]`, standard error says which and why, and the next line follows. Every \
             answer is written at once. Each line is answered by the model that is active then: with a \
             `CachedUpdatePersister` it is looked at in memory and replaced when its rule says so, without one it is \
             read for each line. The decorators of the service's view are not called.",
        )
    }

    fn run(&self, host: &mut dyn Host, _: &ArgMatches) -> Result<(), CommandError> {
        let terminal = terminal(host)?;
        let app = terminal.app(Mode::Serve)?;
        let predictor = Predictor::of(&app, root_keys::PREDICT_SERVICE).map_err(job_failed)?;
        let mut failed = |problem: &str| eprintln!("{}", terminal.redact_text(problem));
        stream(&predictor, &mut stdin().lock(), &mut stdout().lock(), &mut failed).map_err(stream_failed)
    }
}

fn stream_failed(error: StreamError) -> CommandError {
    match error {
        StreamError::Job(error) => job_failed(error),
        // Who closes the pipe has read what they wanted.
        StreamError::Output(error) if error.kind() == ErrorKind::BrokenPipe => CommandError::Reported,
        other => CommandError::Failed(other.into()),
    }
}
