//! Subcommands of the binary.

use std::any::Any;
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;

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

/// Returns an option of a command that takes a whole number in a range, and says so where it is given something else.
pub fn whole_number<T>(name: &'static str, value: &'static str, range: RangeInclusive<T>) -> clap::Arg
where
    T: FromStr + PartialOrd + Display + Clone + Send + Sync + 'static,
{
    let read = move |text: &str| {
        let number = text.parse::<T>().ok().filter(|number| range.contains(number));
        number.ok_or_else(|| format!("expected a whole number from {} to {}", range.start(), range.end()))
    };
    clap::Arg::new(name).long(name).value_name(value).allow_negative_numbers(true).value_parser(read)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_whole_and_in_range() {
        let command = || clap::Command::new("test").arg(whole_number::<u16>("count", "COUNT", 1..=20));
        let read = |text: &str| {
            let matches = command().try_get_matches_from(["test", "--count", text]);
            matches.map(|matches| matches.get_one::<u16>("count").copied()).map_err(|error| error.to_string())
        };
        assert_eq!((read("1").unwrap(), read("20").unwrap()), (Some(1), Some(20)));
        for text in ["0", "21", "-1", "x", "1.5", "", "99999999"] {
            let error = read(text).unwrap_err();
            assert!(error.contains("for '--count <COUNT>': expected a whole number from 1 to 20"), "{text}: {error}");
        }
    }
}
