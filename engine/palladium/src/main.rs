//! The palladium binary: the commands of the engine and the standard components.

mod allocator;

use std::process::ExitCode;

use palladium_standard as _;

#[global_allocator]
static ALLOCATOR: allocator::Allocator = allocator::Allocator;

fn main() -> ExitCode {
    palladium_commands::main()
}
