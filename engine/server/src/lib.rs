//! The HTTP service: the only crate that knows actix.
//!
//! [`serve`] binds, answers and stops. Every path is looked up in one table, made by `routes.rs` before anything is
//! bound; [`check_routes`] tells what is wrong with it. A prediction goes through `predict.rs`: `query.rs` and
//! `body.rs` turn the request into plain data, the service of the configuration answers, `answer.rs` writes.
//!
//! Each request can be logged with its id, status and duration: at the level `info` of the target
//! `palladium::access`. Nothing is measured while that level is off, which is why filters leave it off by default.

mod alive;
mod answer;
mod body;
mod decorated;
mod models;
mod options;
mod predict;
mod query;
mod request_id;
mod routes;
mod serve;
mod server;

pub use options::{Limits, ServeOptions};
pub use routes::{RouteInfo, check_routes, route_table};
pub use serve::{Bound, ServeError, Stopper, serve};

#[cfg(test)]
mod tests;
