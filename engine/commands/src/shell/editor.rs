//! The shell at a terminal: line editing, completion, history.

use std::cell::RefCell;
use std::path::PathBuf;
use std::rc::Rc;

use palladium_component::interfaces::{CommandError, Failure};
use rustyline::completion::Completer;
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::DefaultHistory;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{CompletionType, Config, Context, Editor, Helper};

use super::dialogue::{Dialogue, Next};
use super::history;

/// Inputs that the history keeps.
const HISTORY: usize = 10_000;

type Lines<'a> = Editor<Assistant<'a>, DefaultHistory>;

/// Reads inputs from the terminal until it ends.
pub fn run(dialogue: Dialogue<'_>, with_history: bool) -> Result<(), CommandError> {
    let failed = |error: ReadlineError| Failure::message(format!("the terminal cannot be used: {error}"));
    let config = Config::builder()
        .completion_type(CompletionType::List)
        .max_history_size(HISTORY)
        .and_then(|builder| builder.history_ignore_dups(true))
        .map_err(failed)?
        .build();
    let mut lines: Lines<'_> = Editor::with_config(config).map_err(failed)?;
    let dialogue = Rc::new(RefCell::new(dialogue));
    lines.set_helper(Some(Assistant(Rc::clone(&dialogue))));
    let file = if with_history { load(&mut lines) } else { None };
    eprintln!("palladium {}: `:help` says what there is, Ctrl-D ends", palladium_runtime::VERSION);
    loop {
        let input = match lines.readline("> ") {
            Ok(input) => input,
            Err(ReadlineError::Interrupted) => continue,
            Err(ReadlineError::Eof) => break,
            Err(error) => return Err(failed(error).into()),
        };
        if !input.trim().is_empty() {
            keep(&mut lines, &input, file.as_ref());
        }
        if dialogue.borrow_mut().answer(&input) == Next::Quit {
            break;
        }
    }
    lines.set_helper(None);
    match Rc::into_inner(dialogue) {
        Some(dialogue) => dialogue.into_inner().end(),
        None => Ok(()),
    }
}

/// Reads the history and returns its file; without one the shell works too.
fn load(lines: &mut Lines<'_>) -> Option<PathBuf> {
    let failed = |error: &dyn std::fmt::Display| eprintln!("warning: there is no history: {error}");
    let path = history::file().map_err(|error| failed(&error)).ok()??;
    lines.load_history(&path).map_err(|error| failed(&error)).ok()?;
    Some(path)
}

/// Adds an input to the history, in the file at once.
fn keep(lines: &mut Lines<'_>, input: &str, file: Option<&PathBuf>) {
    if lines.add_history_entry(input).unwrap_or(false)
        && let Some(path) = file
        && let Err(error) = lines.append_history(path)
    {
        eprintln!("warning: the history cannot be written: {error}");
    }
}

/// What the editor asks while a line is typed.
struct Assistant<'a>(Rc<RefCell<Dialogue<'a>>>);

impl Completer for Assistant<'_> {
    type Candidate = String;

    fn complete(&self, line: &str, position: usize, _: &Context<'_>) -> rustyline::Result<(usize, Vec<String>)> {
        let completion = self.0.borrow().complete(&line[..position]);
        Ok((completion.start, completion.candidates))
    }
}

impl Validator for Assistant<'_> {
    fn validate(&self, context: &mut ValidationContext<'_>) -> rustyline::Result<ValidationResult> {
        Ok(match Dialogue::goes_on(context.input()) {
            true => ValidationResult::Incomplete,
            false => ValidationResult::Valid(None),
        })
    }
}

impl Hinter for Assistant<'_> {
    type Hint = String;
}

impl Highlighter for Assistant<'_> {}

impl Helper for Assistant<'_> {}
