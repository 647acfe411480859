//! Everything the author of a component needs, and the registry of what is linked.
//!
//! ```
//! use palladium_component::prelude::*;
//!
//! /// Loads the same five numbers each time.
//! #[component(DatasetLoader, name = "example.Five")]
//! pub struct Five {
//!     /// What the numbers are multiplied with.
//!     #[param(default = 1.0, min = 0.0)]
//!     factor: f64,
//! }
//!
//! impl DatasetLoader for Five {
//!     fn load(&self) -> Result<Dataset, Failure> {
//!         let numbers: Vec<f64> = (1..=5).map(|number| f64::from(number) * self.factor).collect();
//!         let column = std::sync::Arc::new(Float64Array::from(numbers)) as ArrayRef;
//!         Ok(Dataset { features: Table::new(vec![("number".into(), column)])?, target: None })
//!     }
//! }
//!
//! let registry = Registry::linked()?;
//! assert_eq!(registry.find("example.Five")?.params[0].name, "factor");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod args;
mod argument;
mod callback;
mod descriptor;
mod registry;
mod rule;
mod slice;

pub use args::{Args, ArgumentError};
pub use argument::{Failed, FromArgument, Mismatch, Texts, describe, label_of_wrong};
pub use callback::Callback;
pub use descriptor::{Descriptor, Gone, Literal, Origin, Param, ParamType, Range, Record};
pub use registry::{Conflict, NotFound, Registry, RegistryError};
pub use slice::Entry;
#[doc(hidden)]
pub use slice::private;

pub use palladium_data as data;
pub use palladium_derive::component;
pub use palladium_interfaces as interfaces;
pub use palladium_recurrence as recurrence;
pub use palladium_value as value;

/// What a component file imports.
pub mod prelude {
    pub use crate::data::arrow_array::{Array, ArrayRef, BooleanArray, Float64Array, Int64Array, StringArray};
    pub use crate::data::ndarray;
    pub use crate::data::{
        ClassLabels, Classes, Column, ColumnSpec, ColumnType, DataError, Dataset, Predictions, Probabilities,
        Provenance, Samples, Table, cell_text,
    };
    pub use crate::interfaces::*;
    pub use crate::recurrence::{Recurrence, RecurringTask};
    pub use crate::value::{Callable, Code, Data, Diagnostic, Diagnostics, Entry, KeyPath, Map, Span, Value};
    pub use crate::{
        Args, ArgumentError, Callback, Descriptor, FromArgument, Literal, Mismatch, NotFound, Param, ParamType,
        Registry, Texts, component,
    };
}
