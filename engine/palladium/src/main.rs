//! The palladium binary: the commands of the engine and the standard components.

use std::process::ExitCode;

use palladium_standard as _;

fn main() -> ExitCode {
    palladium_commands::main()
}
