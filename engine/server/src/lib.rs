//! The HTTP service: the only crate that knows actix.
//!
//! [`serve`] binds, answers and stops, as the root key `server` says, which `settings.rs` reads: `listen.rs` knows ports
//! and Unix sockets, `tls.rs` certificates, and `reload.rs` puts another application in the place of the one that
//! answers, which `latest.rs` knows. Every path is looked up in one table, made by `routes.rs` before anything is
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
//! the head of a request is refused by actix itself with an empty body: with 400 where a line is broken or the address is
//! longer than 65534 bytes, with 431 where it is more than can be read at all, with 408 where the first one is too slow. A
//! client that is slow later on has its connection closed, see `connection.rs` and, for what it takes over HTTP/2,
//! `sent.rs` and `throttle.rs`. Requests that one connection of HTTP/1 sends at once take their turns in `turns.rs`.

mod alive;
mod answer;

mod away;
mod body;
mod changes;
mod chunks;
mod connection;
mod decorated;
mod docs;
mod given;
mod head;
mod http;
mod incoming;
mod jobs;
mod latest;
mod lines;
mod listen;
mod local;
mod methods;
mod misfits;
mod models;
mod ndjson;
mod observers;
mod open;
mod options;
mod predict;
mod query;
mod ready;
mod reload;
mod request_id;
mod routes;
mod rule;
mod sent;
mod serve;
mod server;
mod service;
mod settings;
mod site;
mod stop;
mod throttle;
mod tls;
mod trace;
mod turns;
mod views;

pub use listen::{Listen, NoAddress};
pub use misfits::check_models;
pub use options::{Loaded, Reload, ServeOptions};
pub use routes::{RouteInfo, check_reach, check_routes, route_table};
pub use serve::{Bound, ServeError, serve};
pub use service::{DocumentError, document};
pub use settings::Settings;
pub use stop::Stopper;
pub use tls::check_files;

#[cfg(test)]
mod tests;
