//! The attribute `#[component]`: it writes one static and one reader and decides nothing.
//!
//! Authors use it through `palladium_component::prelude`, where it is documented by example.

mod declaration;
mod expand;

use proc_macro::TokenStream;
use syn::{ItemStruct, parse_macro_input};

/// Declares a component on a struct with named fields, or on a unit struct.
///
/// `#[component(Kind, name = "dotted.Name", alias = "other.Name", check, lifecycle)]`
/// - `alias` may stand several times;
/// - `gone(old_name = "what to do instead")`: parameters that are no more; whoever gives one is told;
/// - `check`: the type has a `fn check(&self) -> Result<(), ArgumentError>` for arguments that, each well by itself,
///   do not go together;
/// - `lifecycle`: the author implements `Lifecycle`, else an empty implementation is written.
///
/// The doc comment of the struct is the manual page, those of the fields explain the parameters; both are required.
/// `#[param(name = "C", alias = "c", default = 1.0, min = 0.0, above = 0.0, max = 1.0, below = 1.0, rest)]`: all
/// optional; a field without default is required unless it is an `Option`; `rest` takes all other arguments.
///
/// A field marked `#[state]` is no parameter: it starts as its type's `Default` and holds what the component keeps
/// while it lives, such as a connection.
///
/// `#[component(Model, name = "dotted.Name", version = 1)]` declares the stored form of a model, which is any type
/// that serde reads and writes; `name` is that of its estimator.
#[proc_macro_attribute]
pub fn component(attribute: TokenStream, item: TokenStream) -> TokenStream {
    let item = parse_macro_input!(item as ItemStruct);
    expand::expand(attribute.into(), item).unwrap_or_else(|error| error.to_compile_error()).into()
}
