//! Values that remember where they were written, and diagnostics that point there.
//!
//! This room knows neither a configuration language nor a component: [`Value`] is what the languages
//! produce and what components are configured with.

mod amounts;
mod callable;
mod causes;
mod diagnostic;
mod file;
mod folder;
mod key_path;
mod nearest;
mod secrets;
mod source;
mod unknown;
mod value;

pub use amounts::seconds_text;
pub use callable::Callable;
pub use causes::{causes, with_causes};
pub use diagnostic::{Code, Diagnostic, Diagnostics, Label};
pub use file::{beginning, check_appendable, descriptor_of, is_same_file, is_sqlite};
pub use folder::{folder_of, near_file, near_name, neighbours};
pub use key_path::KeyPath;
pub use nearest::{is_slip, nearest};
pub use secrets::{HIDDEN, is_secret_key, mask_urls, query_secrets, url_passwords, url_secrets};
pub use source::{Position, Source, Span};
pub use unknown::{has_placeholder, placeholder};
pub use value::{Copied, Data, Entry, Map, Value};
