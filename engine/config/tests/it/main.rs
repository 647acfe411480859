//! Loads configurations from temporary folders, as a user would.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    clippy::needless_pass_by_value,
    reason = "tests fail by panicking, and their tables are written with values"
)]

mod diagnostics;
mod functions;
mod limits;
mod locating;
mod properties;
mod rhai;
mod rules;
mod scripts;
mod support;
mod vectors;
