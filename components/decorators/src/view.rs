//! Requests to views, and what decorators answer in the place of a view.

use palladium_component::prelude::*;
use serde_json::json;

/// Returns the request of a call.
///
/// # Errors
/// The call is not that of a view.
pub fn request_of<'a>(call: &Call<'a>) -> Result<&'a ViewRequest, Failure> {
    match call.arguments() {
        Arguments::Request(request) => Ok(request),
        _ => Err(Failure::message(format!("a decorator of views stands in `{}`, which wraps no view", call.name()))),
    }
}

/// Makes the call of a view.
///
/// # Errors
/// Those of the call.
pub fn answer(call: Call<'_>) -> Result<ViewResponse, Failure> {
    Ok(ViewResponse::try_from(call.proceed()?)?)
}

/// Returns a refusal in the shape that the service gives its own.
pub fn refusal(request: &ViewRequest, status: u16, message: &str) -> ViewResponse {
    let body = json!({"status": "ERROR", "error_code": -1, "error_message": message}).to_string();
    let mut response = ViewResponse { status, headers: Pairs::default(), body: body.into_bytes() };
    response.set_header("content-type", "application/json; charset=utf-8");
    named(request, response)
}

/// Returns a refusal as plain text.
pub fn text_refusal(request: &ViewRequest, status: u16, message: &str) -> ViewResponse {
    named(request, ViewResponse::text(status, message))
}

/// Returns the refusal of a request that may be repeated in a while.
pub fn later(request: &ViewRequest, status: u16, message: &str, seconds: u64) -> ViewResponse {
    let mut response = refusal(request, status, message);
    response.set_header("retry-after", seconds.max(1).to_string());
    response
}

/// Describes what [`later`] returns.
pub fn described_later(status: u16, description: &str) -> OperationResponse {
    let seconds = OperationHeader::count("retry-after", "In how many seconds to try again.");
    OperationResponse::refusal(status, description).with_header(seconds)
}

/// Describes the refusal of a caller who has not proven who it is.
pub fn described_401(description: &str) -> OperationResponse {
    let challenge = OperationHeader::text("www-authenticate", "How to prove who calls.");
    OperationResponse::refusal(401, description).with_header(challenge)
}

/// Describes the refusals of what wants a token.
pub fn described_bearer(unavailable: &str) -> Vec<OperationResponse> {
    let unclear = described_401("The request carries no token that can be read.");
    vec![
        described_401("The token is missing or not valid."),
        OperationResponse { status: Some(400), ..unclear },
        described_later(503, unavailable),
    ]
}

/// Puts the id of the request on a refusal, as the service does with its own.
fn named(request: &ViewRequest, mut response: ViewResponse) -> ViewResponse {
    if !request.request_id.is_empty() {
        response.set_header("x-request-id", request.request_id.as_str());
    }
    response
}

/// Returns the name of the caller, if a decorator has found it out.
pub fn principal(request: &ViewRequest) -> Option<String> {
    request.caller.identity().map(|identity| identity.principal.clone())
}

/// Adds a name to a header that lists names, such as `vary`.
pub fn add_to_header(response: &mut ViewResponse, name: &str, added: &str) {
    let mut given: Vec<&str> = response.headers.get_all_ignoring_case(name).collect();
    given.push(added);
    let all = given.join(", ");
    response.set_header(name, all);
}
