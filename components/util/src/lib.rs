//! Components that make functions of functions.

mod partial;
