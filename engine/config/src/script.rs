//! Values on their way into Rhai and back, for programs that run Rhai beside a configuration.
//!
//! What components, tables and models can do in Rhai is registered through [`crate::Request::extend`]; here they are
//! [`Opaque`].

use std::any::Any;
use std::cell::Cell;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use palladium_value::{Data, Diagnostics, KeyPath, Span, Value};
use rhai::Dynamic;

pub use crate::locate::{Unreadable, read_text};
use crate::rhai_functions::pointer;
pub use crate::rhai_functions::{Failed, failed};
pub use crate::rhai_modules::find_module;
pub use crate::rhai_names::{in_words, unknown};
use crate::rhai_values::Importer;

thread_local! {
    /// How long code on this thread has waited for the program. Each evaluation has a thread of its own.
    static WAITED: Cell<Duration> = const { Cell::new(Duration::ZERO) };
}

/// Does work of the program that Rhai code waits for; it does not count as time of the code.
pub fn waiting<T>(work: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let done = work();
    WAITED.set(WAITED.get() + start.elapsed());
    done
}

/// Returns how long code on this thread has waited for the program.
pub(crate) fn waited() -> Duration {
    WAITED.get()
}

/// A constructed component, or anything else that only its owner looks into, as a value of Rhai.
#[derive(Clone)]
pub struct Opaque(pub Arc<dyn Any + Send + Sync>);

impl fmt::Debug for Opaque {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("<component>")
    }
}

/// Converts a value: a component becomes [`Opaque`], a function something that Rhai calls with `call`.
pub fn to_dynamic(value: &Value) -> Dynamic {
    match &value.data {
        Data::Null => Dynamic::UNIT,
        Data::Bool(flag) => Dynamic::from_bool(*flag),
        Data::Int(number) => Dynamic::from_int(*number),
        Data::Float(number) => Dynamic::from_float(*number),
        Data::Text(text) => text.as_str().into(),
        Data::List(items) => Dynamic::from_array(items.iter().map(to_dynamic).collect()),
        Data::Map(map) => {
            Dynamic::from_map(map.iter().map(|(key, entry)| (key.as_str().into(), to_dynamic(&entry.value))).collect())
        }
        Data::Function(function) => pointer(function),
        Data::Component(component) => Dynamic::from(Opaque(Arc::clone(component))),
    }
}

/// Converts a value of Rhai; all of it stands at `span`.
///
/// # Errors
/// Types that configurations do not have, and functions of Rhai code that is not part of a configuration.
pub fn from_dynamic(value: &Dynamic, span: &Span) -> Result<Value, Diagnostics> {
    let mut importer = Importer { spans: None, functions: None, findings: Vec::new() };
    let value = importer.value(value, None, span, &KeyPath::root(), 0);
    if importer.findings.is_empty() { Ok(value) } else { Err(Diagnostics(importer.findings)) }
}
