//! What a predict service answers instead of a prediction.

use serde_json::{Map, Value as Json};

/// How much the callers of a predict service are told about errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorDetail {
    /// Everything that helps to correct a request: names, types and values.
    Full,
    /// Codes for programs, and nothing that the caller did not send.
    Codes,
}

/// What a predict service answers instead of a prediction.
#[derive(Clone, Debug, PartialEq)]
pub struct ErrorResponse {
    /// The status code.
    pub status: u16,
    /// The code of the error.
    pub error_code: i64,
    /// The message.
    pub error_message: String,
    /// Further entries of the metadata, such as `errors`.
    pub metadata: Map<String, Json>,
}
