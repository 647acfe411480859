//! Objects.

use std::any::Any;
use std::sync::Arc;

use crate::{Lifecycle, Observer};

/// Anything else that a configuration may hold: it is constructed, initialized and closed.
pub trait Object: Lifecycle {
    /// Returns the object as it is, for those who know its type.
    fn as_any(&self) -> &dyn Any;

    /// Returns what is told about the requests of a service that has these rules, if the object wants to know: each
    /// service asks once, before it answers any request.
    fn observer(&self, rules: &[&str]) -> Option<Arc<dyn Observer>> {
        let _ = rules;
        None
    }
}
