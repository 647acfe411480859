//! The loaders as a configuration sees them: arguments in, a data set or the whole error text out.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a panic is how a test fails")]
#![expect(clippy::needless_pass_by_value, reason = "rows of a table of cases read better without ampersands")]

mod corpora;
mod errors;
mod harness;
mod iris;
mod properties;
#[path = "../../../persistence/tests/proxy/mod.rs"]
mod proxy;
mod query;
mod servers;
mod sources;
mod sql;
mod vectors;
mod warnings;
