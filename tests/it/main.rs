//! The behaviour of the built binary, and the rules of the house.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test fails by a panic")]

mod admin;
mod answers;
mod architecture;
mod attacks;
mod auth;
mod browser;
mod cache;
mod case;
mod cases;
mod catalogue;
mod check;
mod configs;
mod conformance;
mod console;
mod crash;
mod data;
mod data_command;
mod decorators;
mod docs;
mod documents;
mod inference;
mod init;
mod killed;
mod logging;
mod metrics;
#[cfg(feature = "otel")]
mod open_telemetry;
mod openapi;
mod openml;
mod predict;
mod predict_service;
mod process;
mod proxy;
mod refresh;
mod reload;
mod schema;
mod schemathesis;
mod secrets;
mod serve;
mod shell;
mod sources;
mod stream;
mod tls;
mod vectors;
