//! The service over real sockets, with components that do as they are told.

mod alive;
mod changes;
mod decorators;
mod guard;
mod http2;
mod load;
mod ndjson;
mod observers;
mod predict;
mod protocols;
mod ready;
mod routes;
mod settings;
mod stop;
pub mod support;
mod traces;
mod turns;
mod views;
