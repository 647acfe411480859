//! The stages of a component's life.

use std::fmt;
use std::sync::Arc;

use palladium_value::{KeyPath, Value};

use crate::{Blueprint, Decorators, Failure, ModelFormats};

/// The stages of a component's life after it was constructed, which has no side effects: nothing is opened,
/// connected or started while a configuration is planned.
pub trait Lifecycle: Send + Sync + 'static {
    /// Prepares for use. Children come before their parents, then the order of the configuration counts.
    ///
    /// # Errors
    /// Whatever keeps the component from being used; it stops the start of the application.
    fn initialize(&self, context: &InitContext<'_>) -> Result<(), Failure> {
        let _ = context;
        Ok(())
    }

    /// Finds out whether what the component needs from outside is there: that a file exists, that a database answers,
    /// that credentials work. It comes before [`Lifecycle::initialize`] or without it, and changes nothing.
    ///
    /// # Errors
    /// What is not there, does not answer or refuses.
    fn probe(&self) -> Result<Probe, Failure> {
        Ok(Probe::Nothing)
    }

    /// Stops what [`Lifecycle::initialize`] started. Parents come before their children.
    fn close(&self) {}
}

/// What a component found when it looked for what it needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Probe {
    /// It needs nothing from outside, or another component looks for it.
    Nothing,
    /// It found this, in words for the operator and without a secret: ``the file `iris.data` ``.
    Found(String),
}

/// What a component learns when it is initialized.
pub struct InitContext<'a> {
    /// The component's own place in the configuration.
    pub key: &'a KeyPath,
    /// What the process is about to do.
    pub mode: Mode,
    /// The whole configuration with all components constructed.
    pub root: &'a Value,
    /// The whole configuration before its components were constructed: what a component can learn about another.
    pub blueprint: &'a Blueprint,
    /// The models that this binary can decode.
    pub formats: &'a Arc<ModelFormats>,
    /// The decorators of calls that components make of themselves.
    pub decorators: &'a Decorators,
}

/// What a process is about to do, from the root key `__mode__`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Mode {
    /// Work on models: fit, test, list and the like. Caches stay empty and no background task starts.
    Fit,
    /// Answer requests.
    #[default]
    Serve,
}

impl fmt::Display for Mode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Mode::Fit => "fit",
            Mode::Serve => "serve",
        })
    }
}
