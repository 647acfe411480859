//! Answers of the page's interface: JSON that nobody keeps.

use palladium_component::prelude::*;
use serde_json::{Value as Json, json};

/// Returns an answer of JSON.
pub fn shown(status: u16, body: &Json) -> ViewResponse {
    let mut response = ViewResponse { status, headers: Pairs::default(), body: body.to_string().into_bytes() };
    response.set_header("content-type", "application/json; charset=utf-8");
    guarded(response)
}

/// Returns a refusal in the shape of the server's own.
pub fn refused(status: u16, message: impl std::fmt::Display) -> ViewResponse {
    shown(status, &json!({"status": "ERROR", "error_code": -1, "error_message": message.to_string()}))
}

/// Adds what keeps an answer from being kept, and from being taken for a page or by one of another site.
pub fn guarded(mut response: ViewResponse) -> ViewResponse {
    for (name, value) in [
        ("cache-control", "no-store"),
        ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
        ("cross-origin-resource-policy", "same-origin"),
        ("x-content-type-options", "nosniff"),
    ] {
        response.set_header(name, value);
    }
    response
}
