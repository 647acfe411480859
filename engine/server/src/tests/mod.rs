//! The service over real sockets, with components that do as they are told.

mod alive;
mod decorators;
mod predict;
mod routes;
mod stop;
mod support;
