//! Subcommands of the binary.

use std::any::Any;

use palladium_value::{Diagnostics, Value};

use crate::{Blueprint, Failure, Lifecycle, Mode};

/// A subcommand of the binary. A linked crate can add one.
pub trait Command: Lifecycle {
    /// Returns name, help and options.
    fn arguments(&self) -> clap::Command;

    /// Tells whether it works with the configuration, so that it has the options that name the files.
    fn reads_configuration(&self) -> bool {
        true
    }

    /// Runs it.
    ///
    /// # Errors
    /// A usage error ends the process with 2, every other with 1.
    fn run(&self, host: &mut dyn Host, matches: &clap::ArgMatches) -> Result<(), CommandError>;
}

/// What a command can ask of the process it runs in.
pub trait Host {
    /// Loads the configuration, constructs and initializes its components and returns the root.
    ///
    /// # Errors
    /// The findings about the configuration, or the component that could not be initialized.
    fn root(&mut self, mode: Mode) -> Result<Value, CommandError>;

    /// Loads the configuration and constructs nothing; without a configuration it is empty.
    ///
    /// # Errors
    /// What keeps the configuration from being read.
    fn blueprint(&mut self) -> Result<Blueprint, CommandError>;

    /// Constructs and initializes the components of a value of the command's own, as it is done for a configuration.
    ///
    /// # Errors
    /// The findings about the value, or the component that could not be initialized.
    fn build(&mut self, value: Value) -> Result<Value, CommandError>;

    /// Writes a line to standard output.
    ///
    /// # Errors
    /// Standard output is closed.
    fn print(&mut self, line: &str) -> Result<(), CommandError>;

    /// Writes rows of cells below each other to standard output; the first row is the heading.
    ///
    /// # Errors
    /// Standard output is closed.
    fn print_table(&mut self, rows: &[Vec<String>]) -> Result<(), CommandError>;

    /// Tells whether standard output is a terminal.
    fn is_terminal(&self) -> bool;

    /// Returns the host as it is, for the commands of the engine itself.
    fn as_any(&mut self) -> &mut dyn Any;
}

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// It was called in a way it cannot work with: exit 2.
    #[error("{0}")]
    Usage(String),
    /// The configuration has findings: exit 1.
    #[error(transparent)]
    Config(#[from] Diagnostics),
    /// It failed at its work: exit 1.
    #[error(transparent)]
    Failed(#[from] Failure),
    /// It has said itself what there is to say: exit 1.
    #[error("the command failed")]
    Reported,
}
