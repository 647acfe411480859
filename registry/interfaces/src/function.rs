//! Functions.

use palladium_value::Data;

use crate::{Failure, Lifecycle};

/// Computes a value that takes the place of its factory in the configuration.
pub trait Function: Lifecycle {
    /// Computes the value; without side effects, since it runs while a configuration is planned.
    ///
    /// # Errors
    /// Arguments that it cannot work with.
    fn call(&self) -> Result<Data, Failure>;
}
