//! The behaviour of the built binary, and the rules of the house.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test fails by a panic")]

mod architecture;
mod case;
mod cases;
mod configs;
mod conformance;
mod crash;
mod process;
mod serve;
mod vectors;
