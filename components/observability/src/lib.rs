//! What services tell those who watch them.
//!
//! `metrics.rs` is the view, `recorder.rs` counts requests and predictions without locks, `exposition.rs` writes text.
//! `open_telemetry.rs` exports spans, where the feature `otel` is on.

mod buckets;
mod exposition;
mod histogram;
mod metrics;
#[cfg(feature = "otel")]
mod open_telemetry;
mod process;
mod recorder;
mod shards;
mod state;
