//! Inputs and answers, wherever they come from and go to.

use palladium_component::NotFound;
use palladium_component::interfaces::{CommandError, Kind};
use palladium_component::value::{KeyPath, Source, nearest};
use palladium_script::{Completion, Ended, METHODS, Of, Session, Wanted, is_incomplete};

use super::output::Output;
use crate::host::Terminal;
use crate::manual;

/// The shell's own commands.
const COMMANDS: &[(&str, &str, &str)] = &[
    (":help", "", "shows this"),
    (":type", "EXPR", "evaluates and says what the value is"),
    (":doc", "NAME", "shows the manual page of a component, by its name or its root key"),
    (":reload", "", "reads the configuration again; variables stay"),
    (":quit", "", "ends the shell"),
];

/// Whether the shell goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    Go,
    Quit,
}

/// A session and what answers it.
pub struct Dialogue<'a> {
    terminal: &'a Terminal,
    session: Session,
    output: Output,
    inputs: usize,
}

impl<'a> Dialogue<'a> {
    /// Loads the configuration and starts a session.
    pub fn start(terminal: &'a Terminal) -> Result<Dialogue<'a>, CommandError> {
        let project = terminal.project()?;
        let output = Output::new(&project);
        output.stop_at(&[signal_hook::consts::SIGINT], 130)?;
        let session = Session::new(output.settings(project, Vec::new(), std::env::current_dir().ok()));
        Ok(Dialogue { terminal, session, output, inputs: 0 })
    }

    /// Tells whether an input goes on in the next line.
    pub fn goes_on(input: &str) -> bool {
        !input.trim_start().starts_with(':') && is_incomplete(input)
    }

    /// Answers an input.
    pub fn answer(&mut self, input: &str) -> Next {
        let text = input.trim();
        if text.is_empty() {
            return Next::Go;
        }
        if matches!(text, "quit" | "exit" | "quit()" | "exit()") {
            return Next::Quit;
        }
        match text.starts_with(':') {
            true => self.command(text),
            false => {
                self.evaluate(input, Wanted::Value);
                if self.output.is_closed() { Next::Quit } else { Next::Go }
            }
        }
    }

    /// Ends the dialogue; a closed standard output is a failure.
    pub fn end(self) -> Result<(), CommandError> {
        if self.output.is_closed() { Err(CommandError::Reported) } else { Ok(()) }
    }

    fn command(&mut self, text: &str) -> Next {
        let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        match (word, rest.trim()) {
            (":quit" | ":q" | ":exit", _) => return Next::Quit,
            (":help" | ":h" | ":?", _) => self.output.print(&help(&self.session)),
            (":type" | ":t", "") => say("`:type` needs an expression: `:type model`"),
            (":type" | ":t", expression) => self.evaluate(expression, Wanted::Type),
            (":doc" | ":d", "") => say("`:doc` needs a name: `:doc model`"),
            (":doc" | ":d", name) => self.document(name),
            (":reload", _) => self.reload(),
            (other, _) => match nearest(other, COMMANDS.iter().map(|(name, ..)| *name)) {
                Some(near) => say(&format!("there is no command `{other}`\n  help: did you mean `{near}`?")),
                None => say(&format!("there is no command `{other}`\n  help: `:help` lists them")),
            },
        }
        Next::Go
    }

    fn evaluate(&mut self, text: &str, wanted: Wanted) {
        self.inputs += 1;
        self.output.go_on();
        let source = Source::new(format!("input {}", self.inputs), text.trim_end());
        match self.session.evaluate(&source, wanted) {
            Ok(Some(shown)) => self.output.print(&shown),
            Ok(None) => {}
            Err(Ended::Failed(finding)) => {
                self.terminal.report(CommandError::Config((*finding).into()));
            }
            Err(Ended::Interrupted) => say("interrupted"),
        }
    }

    /// Shows the manual page of a component, or what methods of a name do.
    fn document(&mut self, name: &str) {
        let registry = self.terminal.registry();
        let quoted = name.trim_matches('"');
        let placed = self.session.project().component_name(&KeyPath::parse(quoted));
        let found = registry.find(placed.unwrap_or(quoted));
        if let Ok(descriptor) = &found
            && descriptor.kind != Kind::Command
        {
            return self.output.print(manual::page(descriptor, registry).trim_end());
        }
        let methods = METHODS.iter().filter(|method| method.name() == quoted);
        let lines: Vec<String> = methods
            .map(|method| match method.of {
                Of::Session => format!("{}: {}", method.signature, method.docs),
                of => format!("{}, {}: {}", method.signature, heading(of).to_lowercase(), method.docs),
            })
            .collect();
        match found {
            _ if !lines.is_empty() => self.output.print(&lines.join("\n")),
            Ok(_) => say(&format!("`{quoted}` is a command: `palladium --help` lists them")),
            Err(NotFound::Unknown { near: Some(near), .. }) => {
                say(&format!("no component or method is named `{quoted}`\n  help: did you mean `{near}`?"));
            }
            Err(error) => say(&format!("{error}\n  help: `components()` lists them")),
        }
    }

    /// Reads the configuration again; where it has findings, everything stays as it was.
    fn reload(&mut self) {
        match self.terminal.project() {
            Ok(project) => {
                self.output.take(&project);
                self.session.reload(self.output.settings(project, Vec::new(), std::env::current_dir().ok()));
                eprintln!("the configuration was read again");
            }
            Err(error) => {
                self.terminal.report(error);
                eprintln!("the configuration stays as it was");
            }
        }
    }

    /// Returns what may stand at the end of a text.
    pub fn complete(&self, text: &str) -> Completion {
        let Some((command, argument)) = text.split_once(' ').filter(|_| text.starts_with(':')) else {
            return match text.starts_with(':') {
                true => starting(0, text, COMMANDS.iter().map(|(name, ..)| (*name).to_owned())),
                false => self.session.complete(text),
            };
        };
        match command {
            ":doc" | ":d" => {
                let names = self.session.component_names().into_iter().chain(self.session.keys());
                starting(text.len() - argument.len(), argument, names)
            }
            ":type" | ":t" => self.session.complete(text),
            _ => starting(text.len(), "", std::iter::empty()),
        }
    }
}

fn starting(start: usize, word: &str, candidates: impl Iterator<Item = String>) -> Completion {
    let mut candidates: Vec<String> = candidates.filter(|candidate| candidate.starts_with(word)).collect();
    candidates.sort();
    Completion { start, candidates }
}

fn say(message: &str) {
    eprintln!("error: {message}");
}

/// Returns what `:help` shows.
fn help(session: &Session) -> String {
    let mut text = String::from("Commands\n");
    for (name, argument, docs) in COMMANDS {
        text.push_str(&format!("  {:26} {docs}\n", format!("{name} {argument}")));
    }
    text.push_str("\nVariables of the configuration\n");
    let keys = session.keys();
    match keys.is_empty() {
        true => text.push_str("  none: the configuration is empty\n"),
        false => text.push_str(&format!("  {}\n", keys.join(", "))),
    }
    let mut of = None;
    for method in METHODS {
        if of != Some(method.of) {
            of = Some(method.of);
            text.push_str(&format!("\n{}\n", heading(method.of)));
        }
        text.push_str(&format!("  {:26} {}\n", method.signature, method.docs));
    }
    text.push_str("\nAn argument of a component is its property: `model.C`, `model_persister[\"impl\"]`. ");
    text.push_str("Rows of tables and data sets are maps: `data[0]`.");
    text
}

fn heading(of: Of) -> String {
    match of {
        Of::Session => "Functions".to_owned(),
        Of::Kind(kind) => format!("Of {}", kind.with_article()),
        Of::Model => "Of a fitted model".to_owned(),
        Of::Dataset => "Of a data set".to_owned(),
        Of::Table => "Of a table".to_owned(),
        Of::Column => "Of a column".to_owned(),
    }
}
