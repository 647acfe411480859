//! Objects.

use std::any::Any;

use crate::Lifecycle;

/// Anything else that a configuration may hold: it is constructed, initialized and closed.
pub trait Object: Lifecycle {
    /// Returns the object as it is, for those who know its type.
    fn as_any(&self) -> &dyn Any;
}
