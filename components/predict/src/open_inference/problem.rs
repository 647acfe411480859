//! Why a request has no answer but an error.

use palladium_component::prelude::*;
use palladium_component::value::with_causes;
use serde::Serialize;
use tracing::field::display;

/// Why a request has no answer but an error.
#[derive(Debug)]
pub enum Problem {
    /// The caller reads the message.
    Said { status: u16, message: String },
    /// The caller has got something wrong, and reads the message, or the word where it is told codes alone.
    Wrong { status: u16, word: &'static str, message: String },
    /// The log has the reason; the caller reads this much of it, and the id of the request.
    Kept { status: u16, said: &'static str, failure: Failure },
    /// The model cannot predict for the service, which the log has; the caller reads why where it is told in full.
    Misfit { misfit: Misfit, failure: Failure },
}

impl Problem {
    /// Returns the problem of a request that cannot be understood.
    pub fn bad_request(message: impl Into<String>) -> Problem {
        Problem::Wrong { status: 400, word: "bad_request", message: message.into() }
    }

    /// Returns the problem of a request for what is not there.
    pub fn not_found(message: impl Into<String>) -> Problem {
        Problem::Said { status: 404, message: message.into() }
    }

    /// Returns the problem of a store that cannot be read.
    pub fn unreadable(error: PersistError) -> Problem {
        Problem::Kept { status: 503, said: "the model cannot be read", failure: error.into() }
    }

    /// Returns the answer, and logs what is kept from the caller.
    pub fn respond(self, request: &ViewRequest) -> ViewResponse {
        self.respond_with(ErrorDetail::Full, request)
    }

    /// Returns the answer with as much as the caller is told about errors, and logs what is kept from the caller.
    pub fn respond_with(self, detail: ErrorDetail, request: &ViewRequest) -> ViewResponse {
        let request_id = &request.request_id;
        let mut response = match self {
            Problem::Said { status, message } => refusal(status, &message),
            Problem::Wrong { status, word, .. } if detail == ErrorDetail::Codes => refusal(status, word),
            Problem::Wrong { status, message, .. } => refusal(status, &message),
            Problem::Kept { status, said, failure } => {
                log(request, said, &failure);
                refusal(status, &format!("{said}, request id {request_id}"))
            }
            Problem::Misfit { misfit, failure } => {
                log(request, MISFIT, &failure);
                match detail {
                    ErrorDetail::Full => refusal(503, &format!("{MISFIT}: {}", misfit.message)),
                    ErrorDetail::Codes => refusal(503, &format!("{MISFIT}, request id {request_id}")),
                }
            }
        };
        response.set_header("x-request-id", request_id.as_str());
        response
    }
}

const MISFIT: &str = "the model does not fit the service";

/// Logs what is kept from the caller.
fn log(request: &ViewRequest, said: &str, failure: &Failure) {
    let (request_id, trace_id) = (&request.request_id, request.trace_id().map(display));
    let logged = with_causes(failure);
    tracing::error!(target: "palladium::server", request_id, trace_id, "{said}: {logged}");
}

impl From<PredictError> for Problem {
    fn from(error: PredictError) -> Problem {
        match error {
            PredictError::BadRequest(message) => Problem::bad_request(message),
            PredictError::Refused { message, status, .. } => {
                Problem::Wrong { status: status.unwrap_or(500), word: "refused", message }
            }
            PredictError::Invalid(errors) => {
                let word = errors.kept().first().map_or("bad_request", |error| error.code.as_str());
                Problem::Wrong { status: 400, word, message: errors.to_string() }
            }
            PredictError::TooManyRows { .. } => Problem::Said { status: 413, message: error.to_string() },
            PredictError::NoProbabilities | PredictError::NoParameter { .. } => {
                Problem::Said { status: 500, message: error.to_string() }
            }
            PredictError::Internal(failure) => Problem::from(failure),
        }
    }
}

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Problem {
        Problem::Kept { status: 500, said: "an internal error occurred", failure }
    }
}

/// What an answer says of a message at most, which may repeat parts of a request.
const LONGEST: usize = 1000;

/// Returns the answer that says an error, as the protocol wants it.
pub fn refusal(status: u16, message: &str) -> ViewResponse {
    #[derive(Serialize)]
    struct Body<'a> {
        error: &'a str,
    }
    let end = message.char_indices().nth(LONGEST).map_or(message.len(), |(end, _)| end);
    json(status, &Body { error: &message[..end] })
}

/// Returns an answer in JSON. Clients compare the content type as a whole: it has no parameters.
pub fn json(status: u16, body: &impl Serialize) -> ViewResponse {
    // Text, numbers and lists are all that is written: it cannot fail.
    let body = serde_json::to_vec(body).unwrap_or_default();
    ViewResponse { status, headers: Pairs::from_iter([("content-type", "application/json")]), body }
}
