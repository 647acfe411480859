//! `palladium init`: scaffolds for new projects.
//!
//! [`init`] reads the options and writes the files. Without data, `iris.rs` has the files of the iris example. With
//! data, `inspect.rs` looks at the table that the linked loader gives, `split.rs` takes its rows apart for training and
//! testing, and `project.rs` writes the configuration. What a scaffold names has to be linked into the binary that is
//! used with it: the configurations here name components of the standard roster.

mod init;
mod inspect;
mod iris;
mod language;
mod project;
mod scaffold;
mod split;
