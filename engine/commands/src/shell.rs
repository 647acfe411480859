//! `palladium shell`.

mod dialogue;
mod editor;
mod history;
pub mod output;

use std::io::{BufRead, IsTerminal, Read};

use clap::{Arg, ArgAction, ArgMatches};
use palladium_component::prelude::*;

use crate::terminal;
use dialogue::{Dialogue, Next};

/// Bytes of one input.
const INPUT_BYTES: usize = 16 * 1024 * 1024;

/// Explores the configuration in Rhai.
#[component(Command, name = "palladium.commands.shell")]
pub struct Shell;

impl Command for Shell {
    fn arguments(&self) -> clap::Command {
        clap::Command::new("shell")
            .about("Explore the configuration and its components interactively")
            .long_about(
                "Explore the configuration and its components interactively, in Rhai.\n\n\
                 The configuration is loaded and built as for `palladium fit`; each root key is a variable. So \
                 `dataset_loader_train.load()` shows the training data, `let fitted = model.fit(dataset_loader_train.load())` \
                 fits, `fitted.predict(#{x: 1.5})` predicts and `model_persister.list()` lists the stored models. \
                 Variables and functions stay; what is not complete goes on in the next line; Ctrl-C stops an \
                 evaluation, Ctrl-D ends the shell.\n\n\
                 :help         what there is\n\
                 :type EXPR    what a value is\n\
                 :doc NAME     the manual page of a component, by its name or its root key\n\
                 :reload       reads the configuration again; variables stay\n\
                 :quit         ends the shell\n\n\
                 At a terminal there are line editing, completion (Tab) and a history, kept in \
                 `$XDG_STATE_HOME/palladium/history` or `~/.local/state/palladium/history`, which only you can read. \
                 From a pipe or a file the same inputs are read without prompts: results go to standard output, \
                 errors to standard error, and an error does not stop what follows.",
            )
            .arg(
                Arg::new("no-history")
                    .long("no-history")
                    .action(ArgAction::SetTrue)
                    .help("Neither read nor write the history file"),
            )
    }

    fn run(&self, host: &mut dyn Host, matches: &ArgMatches) -> Result<(), CommandError> {
        let dialogue = Dialogue::start(terminal(host)?)?;
        match std::io::stdin().is_terminal() && std::io::stdout().is_terminal() {
            true => editor::run(dialogue, !matches.get_flag("no-history")),
            false => from_pipe(dialogue),
        }
    }
}

/// Reads inputs from standard input, without prompts.
fn from_pipe(mut dialogue: Dialogue<'_>) -> Result<(), CommandError> {
    let mut input = String::new();
    let mut lines = std::io::stdin().lock();
    loop {
        let before = input.len();
        let room = INPUT_BYTES.saturating_sub(before) as u64;
        let read = lines.by_ref().take(room).read_line(&mut input);
        let read = read.map_err(|error| Failure::message(format!("standard input cannot be read: {error}")))?;
        if read == 0 && room == 0 {
            return Err(Failure::message(format!("an input is larger than {} MiB", INPUT_BYTES >> 20)).into());
        }
        let is_end = read == 0;
        if !is_end && (!input.ends_with('\n') || Dialogue::goes_on(&input)) {
            continue;
        }
        if dialogue.answer(&std::mem::take(&mut input)) == Next::Quit || is_end {
            return dialogue.end();
        }
    }
}
