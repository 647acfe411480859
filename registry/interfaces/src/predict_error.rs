//! Why there is no prediction.

use palladium_data::DataError;

use crate::{Failure, InputError, InputErrors};

/// Why there is no prediction. The caller of a service sees the text of all but the last; what is internal goes to
/// the log.
#[derive(Debug, thiserror::Error)]
pub enum PredictError {
    /// The request cannot be understood: status 400.
    #[error("BadRequest: {0}")]
    BadRequest(String),
    /// Samples or parameters of the request are not what the service takes: status 400.
    #[error("BadRequest: {0}")]
    Invalid(InputErrors),
    /// The request has too many samples: status 413.
    #[error("the request has more than the {limit} samples that are allowed")]
    TooManyRows {
        /// So many may be in one request.
        limit: usize,
    },
    /// The model or a function of the configuration refuses, with its own code and message.
    #[error("{message} ({code})")]
    Refused {
        /// The message for the caller.
        message: String,
        /// The code for the caller.
        code: i64,
        /// The status; 500 where there is none.
        status: Option<u16>,
    },
    /// The model has no probabilities: status 500.
    #[error("the model has no class probabilities")]
    NoProbabilities,
    /// The model is given a parameter that it does not take, which no request can mend: status 500.
    #[error("the model takes no parameter `{name}`")]
    NoParameter {
        /// The name of the parameter.
        name: String,
    },
    /// Anything else: status 500.
    #[error(transparent)]
    Internal(Failure),
}

impl PredictError {
    /// Returns the refusal of a model, with status 500.
    pub fn refused(message: impl Into<String>, code: i64) -> PredictError {
        PredictError::Refused { message: message.into(), code, status: None }
    }

    /// Tells whether the model has failed, at no fault of the request: it may be one that does not fit the service.
    pub fn is_of_model(&self) -> bool {
        matches!(self, PredictError::Internal(_) | PredictError::NoParameter { .. } | PredictError::NoProbabilities)
    }

    /// Returns the error once more; nothing where it is internal.
    pub fn for_caller(&self) -> Option<PredictError> {
        Some(match self {
            PredictError::BadRequest(message) => PredictError::BadRequest(message.clone()),
            PredictError::Invalid(errors) => PredictError::Invalid(errors.clone()),
            PredictError::TooManyRows { limit } => PredictError::TooManyRows { limit: *limit },
            PredictError::Refused { message, code, status } => {
                PredictError::Refused { message: message.clone(), code: *code, status: *status }
            }
            PredictError::NoProbabilities => PredictError::NoProbabilities,
            PredictError::NoParameter { name } => PredictError::NoParameter { name: name.clone() },
            PredictError::Internal(_) => return None,
        })
    }
}

impl crate::Explain for PredictError {}

impl From<DataError> for PredictError {
    fn from(error: DataError) -> PredictError {
        match InputError::try_from(error) {
            Ok(error) => PredictError::Invalid(error.into()),
            Err(other) => PredictError::Internal(other.into()),
        }
    }
}
