//! The palladium binary: the commands of the engine and the standard components.

use std::process::ExitCode;

use mimalloc::MiMalloc;
use palladium_standard as _;

/// Requests and tables are made of many small allocations on several threads at once.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    palladium_commands::main()
}
