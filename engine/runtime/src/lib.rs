//! From a configuration to an application, and the jobs that applications run.
//!
//! [`plan`] constructs every component and collects all findings, without a side effect; [`build`] initializes them.
//! The jobs, [`fit`](fit::fit), [`evaluate`](evaluate::evaluate) and [`export`](export::export), take what they need
//! from the [`App`] by the root keys that [`root_keys`] lists. No component is known here by name.

pub mod decorate;
pub mod evaluate;
pub mod export;
pub mod fit;
pub mod lifecycle;
pub mod lineage;
pub mod root_keys;

mod app;
mod build;
mod error;
mod origin;
mod plan;
mod probe;
mod scoring;
mod timer;

pub use app::{App, Placed};
pub use build::build;
pub use error::{JobError, Step};
pub use origin::origin;
pub use plan::{Plan, component_of, inspect, plan, plan_tree, tidy};
pub use probe::{Probes, probe};
pub use scoring::{Judge, Score, Scoring};

/// The version of palladium.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
