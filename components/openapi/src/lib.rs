//! A description of the service for people and programs.
//!
//! `docs.rs` is the view, `document.rs` writes the OpenAPI document, with the schemas collected by `schemas.rs` and the
//! ways to prove who calls by `security.rs`, and `page.rs` is the page that shows it.

mod docs;
mod document;
mod page;
mod path;
mod schemas;
mod security;
