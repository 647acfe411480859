//! How errors look on the terminal.

use std::io::IsTerminal;
use std::process::ExitCode;

use palladium_component::interfaces::{CommandError, Failure, cause_in_words};
use palladium_component::value::causes;

use crate::redaction::Redaction;

/// Prints why a command failed and returns its exit code.
pub fn failed(error: CommandError, redaction: &Redaction) -> ExitCode {
    match error {
        CommandError::Usage(message) => {
            eprintln!("error: {}", redaction.redact(&message));
            return ExitCode::from(2);
        }
        CommandError::Config(diagnostics) => eprintln!("{}", redaction.redact_findings(diagnostics).render(color())),
        CommandError::Failed(failure) => eprintln!("{}", redaction.redact(&failure_text(&failure))),
        CommandError::Reported => {}
    }
    ExitCode::FAILURE
}

/// Tells whether standard error shows colours.
fn color() -> bool {
    std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none()
}

/// Returns a failure with its causes and its advice.
fn failure_text(failure: &Failure) -> String {
    let mut text = format!("error: {failure}");
    for cause in causes(failure) {
        text.push_str(&format!("\n  caused by: {}", cause_in_words(cause)));
    }
    if let Some(help) = failure.help() {
        text.push_str(&format!("\n  help: {help}"));
    }
    text
}

/// Makes a panic, which is an error of palladium itself, say so in one line; `RUST_BACKTRACE=1` adds the trace.
pub fn install_panic_hook(redaction: Redaction) {
    std::panic::set_hook(Box::new(move |panic| {
        let place = panic.location().map_or_else(String::new, |location| format!(" at {location}"));
        let message = redaction.redact(panic.payload_as_str().unwrap_or("unknown"));
        eprintln!("error: palladium stopped on an error of its own{place}: {message}");
        if std::env::var_os("RUST_BACKTRACE").is_some_and(|value| value != "0") {
            eprintln!("{}", std::backtrace::Backtrace::force_capture());
        }
    }));
}
