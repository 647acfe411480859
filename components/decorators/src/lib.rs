//! Decorators of the views of the service: who may call, how often, and what is written down about it.
//!
//! `BasicAuth`, `ApiKey`, `JWTBearer` and `OAuth2Introspection` find out who calls and leave that on the request, where
//! `RequireScope`, the logs and the limits further inside read it. The last decorator of a list is outermost, so what
//! relies on the caller stands before what finds it out. What several of them need stands in files of its own:
//! `view.rs` (requests and refusals), `credentials.rs`, `password.rs`, `watched.rs` (files that may change),
//! `remote.rs` (bounded requests to other services), `expiring.rs`, `gate.rs` and `journal.rs`.

mod access_log;
mod api_key;
mod audit_log;
mod basic_auth;
mod claims;
mod concurrency_limit;
mod cors;
mod credentials;
mod expiring;
mod gate;
mod hash_password;
mod journal;
mod jwt_bearer;
mod keyed_hash;
mod oauth2_introspection;
mod password;
mod plain;
mod rate_limit;
mod remote;
mod request_log;
mod require_scope;
mod security_headers;
mod timing;
mod view;
mod watched;

#[cfg(test)]
mod testing;
