//! The subcommands of the binary: one a file, each registered like any component.
//!
//! This is the only crate that prints and exits. Results go to standard output, everything else to standard error.
#![expect(clippy::print_stderr, reason = "the commands talk to the terminal")]

mod admin;
mod annotations;
mod aside;
mod check;
mod components;
mod config;
mod data;
mod descriptor;
mod examples;
mod export;
mod fit;
mod graph;
mod help;
mod host;
mod json_schema;
mod kept;
mod list;
mod load_watch;
mod logging;
mod manual;
mod openapi;
mod options;
mod predict;
pub mod redaction;
mod report;
mod routes;
mod run;
mod schema;
mod screen;
mod serve;
mod shell;
mod signals;
mod status_line;
mod stream;
mod table;
mod test;
mod upgrade;
mod version;

use std::process::ExitCode;
use std::sync::Arc;

use palladium_component::Registry;
use palladium_component::interfaces::clap::error::ErrorKind;
use palladium_component::interfaces::{Command, CommandError, Component, Host, Kind, clap};
use palladium_component::value::{Data, Diagnostics, Entry, KeyPath, Map, Span, Value};

use crate::host::Terminal;
use crate::logging::Log;
use crate::redaction::Redaction;

/// Runs the binary: finds the subcommand among the linked components and returns the exit code, 0 for success, 1 for
/// a failure, 2 for a usage error.
pub fn main() -> ExitCode {
    let (redaction, log) = (Redaction::default(), Log::default());
    report::install_panic_hook(redaction.clone());
    let ended = std::panic::catch_unwind(|| run(&redaction, &log));
    log.flush();
    ended.unwrap_or(ExitCode::FAILURE)
}

fn run(redaction: &Redaction, log: &Log) -> ExitCode {
    let registry = match Registry::linked() {
        Ok(registry) => Arc::new(registry),
        Err(error) => {
            eprintln!("error: {error}");
            return ExitCode::FAILURE;
        }
    };
    let commands = linked_commands(&registry);
    let mut cli = options::root();
    for command in &commands {
        cli = cli.subcommand(match command.reads_configuration() {
            true => options::with_common(command.arguments()),
            false => options::with_unread_config(command.arguments()),
        });
    }
    let arguments = help::arguments(std::env::args_os(), &cli);
    let matches = match cli.try_get_matches_from(arguments) {
        Ok(matches) => matches,
        Err(mut error) => {
            help::point_to_component(&mut error, &registry);
            return usage(&error);
        }
    };
    let Some((name, matches)) = matches.subcommand() else { return ExitCode::from(2) };
    let Some(command) = commands.iter().find(|command| command.arguments().get_name() == name) else {
        return ExitCode::from(2);
    };
    let mut terminal = Terminal::new(&registry, matches, redaction, log);
    match command.run(&mut terminal, matches) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => report::failed(error, redaction),
    }
}

/// Constructs the linked commands, which take no arguments.
fn linked_commands(registry: &Registry) -> Vec<Arc<dyn Command>> {
    let mut commands = Vec::new();
    for descriptor in registry.of_kind(Kind::Command) {
        let span = Span::nowhere("command line");
        let name = Value::new(Data::Text(descriptor.name.to_owned()), span.clone());
        let map = Map::from_iter([("!".to_owned(), Entry { key_span: span.clone(), value: name })]);
        let mut findings = Diagnostics::default();
        let built = registry.construct(map, &KeyPath::root(), &span, &mut findings);
        match palladium_runtime::component_of(&built) {
            Some(Component::Command(command)) => commands.push(Arc::clone(command)),
            _ => eprintln!("{}", findings.render(false)),
        }
    }
    commands
}

/// Prints help, or what is wrong with the call.
fn usage(error: &clap::Error) -> ExitCode {
    let shown = error.print();
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion if shown.is_ok() => ExitCode::SUCCESS,
        _ => ExitCode::from(2),
    }
}

/// Returns the host of the engine's own commands.
fn terminal(host: &mut dyn Host) -> Result<&mut Terminal, CommandError> {
    host.as_any()
        .downcast_mut()
        .ok_or_else(|| CommandError::Usage("this command only runs in the palladium binary".to_owned()))
}
