//! The HTTP service: the only crate that knows actix.
//!
//! [`serve`] binds, answers and stops. Every path is looked up in one table, made by `routes.rs` before anything is
//! bound; [`check_routes`] tells what is wrong with it. A prediction goes through `predict.rs`: `query.rs` and
//! `body.rs` turn the request into plain data, the service of the configuration answers, `answer.rs` writes; `ndjson.rs`
//! answers streams of lines, and `away.rs` keeps what takes long off the workers. All other routes are those of `views.rs`: the server's own views, what the configuration adds under `routes/added.rs`, and the
//! work that they start in `jobs.rs`.
//!
//! Each request can be logged with its id, its trace, status and duration: at the level `info` of the target
//! `palladium::access`. Nothing is measured while that level is off, which is why filters leave it off by default.
//!
//! What every route takes and answers is described in `docs.rs`, for those who publish it.
//!
//! Errors are JSON, or what a view of the configuration says in its own way, with one exception: what cannot be read as
//! the head of a request (a broken request line, headers beyond the limit, a head that is too slow) is refused by actix
//! itself with 400, 431 or 408 and an empty body.

mod alive;
mod answer;
mod away;
mod body;
mod changes;
mod decorated;
mod docs;
mod given;
mod jobs;
mod lines;
mod methods;
mod models;
mod ndjson;
mod observers;
mod options;
mod predict;
mod query;
mod ready;
mod request_id;
mod routes;
mod rule;
mod serve;
mod server;
mod service;
mod settings;
mod stop;
mod trace;
mod views;

pub use options::{Limits, ServeOptions};
pub use routes::{RouteInfo, check_routes, route_table};
pub use serve::{Bound, ServeError, serve};
pub use service::{DocumentError, document};
pub use stop::Stopper;

#[cfg(test)]
mod tests;
