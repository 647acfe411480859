//! What services tell those who watch them.
//!
//! `metrics.rs` is the view, `recorder.rs` counts requests and predictions without locks, `exposition.rs` writes text.

mod buckets;
mod exposition;
mod histogram;
mod metrics;
mod process;
mod recorder;
mod state;
