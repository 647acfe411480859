//! Functions as values.

use std::any::Any;

use crate::{Diagnostic, Value};

/// A function that stands in a configuration: one of a script, a closure, or a component by its name.
///
/// It may be called from any number of threads at the same time.
pub trait Callable: Send + Sync + 'static {
    /// Returns its name, `closure` for a function without one.
    fn name(&self) -> &str;

    /// Returns the names of its parameters in their order, as far as they are known.
    fn parameters(&self) -> Option<Vec<String>>;

    /// Returns how many arguments it takes, if that is known and always the same.
    fn n_parameters(&self) -> Option<usize> {
        self.parameters().map(|parameters| parameters.len())
    }

    /// Tells whether it is called with one map of named arguments instead of with arguments in an order.
    fn takes_keywords(&self) -> bool {
        false
    }

    /// Returns a text that is another one whenever the function may return something else for the same arguments;
    /// nothing where that is not known. It may hold secrets.
    fn identity(&self) -> Option<String> {
        None
    }

    /// Calls it.
    ///
    /// # Errors
    /// Whatever stops it; the finding points at the place in the script where that happened.
    fn call(&self, arguments: Vec<Value>) -> Result<Value, Box<Diagnostic>>;

    /// Returns the function as it is, for those who know its type.
    fn as_any(&self) -> &dyn Any;
}
