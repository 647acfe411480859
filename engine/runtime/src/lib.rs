//! From a configuration to an application, and the jobs that applications run.
//!
//! [`plan`] constructs every component and collects all findings, without a side effect; [`build`] initializes them.
//! The jobs, [`fit`](fit::fit), [`evaluate`](evaluate::evaluate), [`export`](export::export), [`stream`](stream::stream),
//! [`predict`](batch::predict) and [`load`](data::load), take what they need from the [`App`] by the root keys that [`root_keys`] lists. No
//! component is known here by name.

pub mod batch;
pub mod data;
pub mod decorate;
pub mod evaluate;
pub mod export;
pub mod fit;
pub mod lifecycle;
pub mod lineage;
pub mod root_keys;
pub mod settle;
pub mod stream;

mod app;
mod blueprint;
mod build;
mod csv_line;
mod doubt;
mod error;
mod line;
mod loading;
mod origin;
mod plan;
mod predictor;
mod probe;
#[cfg(test)]
mod puppet;
mod scoring;
mod timer;
mod waiting;

pub use app::{App, Placed};
pub use blueprint::blueprint;
pub use build::{build, initialize_persisters};
pub use doubt::keys as doubtful_keys;
pub use error::{JobError, Step};
pub use line::not_json;
pub use origin::origin;
pub use plan::{Plan, component_of, inspect, plan, plan_tree, tidy};
pub use predictor::Predictor;
pub use probe::{Probes, probe};
pub use scoring::{Judge, Score, Scoring};

/// The version of palladium.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
