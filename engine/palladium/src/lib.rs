//! What a binary of one's own needs: the main function and the standard components.
//!
//! A crate of components is linked by naming it, `use my_components as _;`, in the file that holds `main`:
//!
//! ```no_run
//! use palladium::standard as _;
//!
//! fn main() -> std::process::ExitCode {
//!     palladium::main()
//! }
//! ```

pub use palladium_commands::main;
pub use palladium_standard as standard;
