//! A web page from which a service is watched and changed.
//!
//! `console.rs` is the view and knows its routes; `page.rs` has the embedded files of the page. `api.rs` shows the
//! service and `models.rs` its stores, `traffic.rs` remembers the last requests, with their times in `histogram.rs`.
//! `actions.rs` passes on what changes something, and `origin.rs` refuses what another site's page has sent. `given.rs`
//! reads what requests give by name, and `docs.rs` describes all of it.

mod actions;
mod answer;
mod api;
mod console;
mod docs;
mod given;
mod histogram;
mod models;
mod origin;
mod page;
mod traffic;
