//! Heads of requests, within limits.

use actix_web::HttpRequest;
use actix_web::http::StatusCode;

use crate::answer::Refusal;
use crate::settings::Limits;

/// Checks the size of a head. Over HTTP/1 actix itself refuses what is beyond the largest limits that can be set.
///
/// # Errors
/// It has too many headers or is too long.
pub fn check(request: &HttpRequest, limits: &Limits) -> Result<(), Refusal> {
    let too_large = |message| Err(Refusal::said(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, -1, message));
    // As it is written over HTTP/1: `: ` and the end of the line belong to each header.
    const AROUND: usize = 4;
    let (mut n_headers, mut length) = (0, request.uri().path().len() + request.query_string().len());
    for (name, value) in request.headers() {
        n_headers += 1;
        length += name.as_str().len() + value.len() + AROUND;
    }
    if n_headers > limits.max_headers {
        return too_large(format!("the request has more than the {} headers that are allowed", limits.max_headers));
    }
    if length > limits.max_head {
        return too_large(format!(
            "the head of the request is longer than the {} bytes that are allowed",
            limits.max_head
        ));
    }
    Ok(())
}
