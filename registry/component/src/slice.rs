//! The slice that linking fills: the only file that says linkme.
//!
//! The linker gathers one pointer for each component of each linked crate. A crate that is only listed in a manifest
//! is not linked: something has to name it, `use palladium_x as _;` is enough. The slice has no order, and nothing
//! keeps two entries from having one name: [`crate::Registry`] sorts and checks.

use palladium_interfaces::ModelDescriptor;

use crate::Descriptor;

/// What expansions of `#[component]` name; not for direct use.
pub mod private {
    pub use super::ENTRIES;
    pub use linkme;
    pub use std::sync::Arc;
}

/// What a crate registers.
#[derive(Debug)]
pub enum Entry {
    /// A component that configurations can name.
    Component(&'static Descriptor),
    /// A type of stored models.
    Model(&'static ModelDescriptor),
}

/// All entries of the crates linked into this binary.
#[linkme::distributed_slice]
pub static ENTRIES: [Entry];

/// Registers an entry; `#[component]` writes the call.
#[doc(hidden)]
#[macro_export]
macro_rules! register {
    ($entry:expr) => {
        const _: () = {
            #[$crate::private::linkme::distributed_slice($crate::private::ENTRIES)]
            #[linkme(crate = $crate::private::linkme)]
            static ENTRY: $crate::Entry = $entry;
        };
    };
}
