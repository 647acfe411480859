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
    let headers = request.headers();
    if headers.len() > limits.max_headers {
        return too_large(format!("the request has more than the {} headers that are allowed", limits.max_headers));
    }
    // As it is written over HTTP/1: `: ` and the end of the line belong to each header.
    const AROUND: usize = 4;
    let lengths = headers.iter().map(|(name, value)| name.as_str().len() + value.len() + AROUND);
    let target = request.uri().path().len() + request.query_string().len();
    if target + lengths.sum::<usize>() > limits.max_head {
        return too_large(format!(
            "the head of the request is longer than the {} bytes that are allowed",
            limits.max_head
        ));
    }
    Ok(())
}
