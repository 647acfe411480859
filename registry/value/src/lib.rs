//! Values that remember where they were written, and diagnostics that point there.
//!
//! This room knows neither a configuration language nor a component: [`Value`] is what the languages
//! produce and what components are configured with.

mod diagnostic;
mod key_path;
mod nearest;
mod source;
mod value;

pub use diagnostic::{Code, Diagnostic, Diagnostics, Label};
pub use key_path::KeyPath;
pub use nearest::nearest;
pub use source::{Position, Source, Span};
pub use value::{Copied, Data, Entry, Map, Value};
