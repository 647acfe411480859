//! What errors of services mean.

use std::error::Error;

use object_store::client::{HttpError, HttpErrorKind};

use crate::NoMetadata;

/// What is the matter with a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// Nobody says who is asking.
    NoCredentials,
    /// There is no such bucket.
    NoBucket,
    /// There is no such object.
    NoObject,
    /// The credentials are wrong, or not enough.
    Denied,
    /// The bucket is in another region, or behind another address.
    Elsewhere,
    /// There is no connection to it.
    Unreachable,
    /// Nothing has happened for too long.
    Stalled,
    /// Anything else.
    Failed,
}

/// What services call a bucket that does not exist.
const NO_BUCKET: [&str; 4] = ["NoSuchBucket", "ContainerNotFound", "ContainerBeingDeleted", "bucket does not exist"];

/// What services answer to whom they do not know.
const UNKNOWN_USER: [&str; 4] = ["InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "AuthenticationFailed"];

/// What services answer where a bucket is in another region.
const ELSEWHERE: [&str; 4] =
    ["without LOCATION", "PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraint"];

impl Trouble {
    /// Returns what an error of the library means.
    pub fn of(error: &object_store::Error) -> Trouble {
        let chain = || std::iter::successors(Some(error as &(dyn Error + 'static)), |cause| (*cause).source());
        let text = error.to_string();
        let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
        if chain().any(<dyn Error>::is::<NoMetadata>) {
            return Trouble::NoCredentials;
        }
        if says(&NO_BUCKET) {
            return Trouble::NoBucket;
        }
        if says(&ELSEWHERE) || text.contains("status code: 301") || text.contains("status code: 307") {
            return Trouble::Elsewhere;
        }
        match error {
            object_store::Error::PermissionDenied { .. } | object_store::Error::Unauthenticated { .. } => {
                return Trouble::Denied;
            }
            _ if says(&UNKNOWN_USER) => return Trouble::Denied,
            object_store::Error::NotFound { .. } => return Trouble::NoObject,
            _ => {}
        }
        match chain().find_map(|cause| cause.downcast_ref::<HttpError>()).map(HttpError::kind) {
            Some(HttpErrorKind::Connect) => Trouble::Unreachable,
            Some(HttpErrorKind::Timeout) => Trouble::Stalled,
            _ => Trouble::Failed,
        }
    }
}
