//! Why there is no prediction.

use palladium_data::DataError;

use crate::Failure;

/// Why there is no prediction. The caller of a service sees the text of the first three; what is internal goes to
/// the log.
#[derive(Debug, thiserror::Error)]
pub enum PredictError {
    /// The request cannot be understood: status 400.
    #[error("BadRequest: {0}")]
    BadRequest(String),
    /// The model refuses, with its own code and message: status 500.
    #[error("{message} ({code})")]
    Refused {
        /// The message for the caller.
        message: String,
        /// The code for the caller.
        code: i64,
    },
    /// The model has no probabilities: status 500.
    #[error("the model has no class probabilities")]
    NoProbabilities,
    /// Anything else: status 500.
    #[error(transparent)]
    Internal(Failure),
}

impl crate::Explain for PredictError {}

/// Cells that are missing or not finite are the caller's; everything else is between configuration and model.
impl From<DataError> for PredictError {
    fn from(error: DataError) -> PredictError {
        match error {
            DataError::MissingValue { .. } | DataError::NotFinite { .. } => PredictError::BadRequest(error.to_string()),
            other => PredictError::Internal(other.into()),
        }
    }
}
