//! Services that store objects in buckets: how each of them is reached, and what their errors mean.

mod azure;
mod cause;
mod endpoint;
mod gcs;
mod s3;
mod trouble;

use palladium_component::prelude::*;

use crate::ProfileError;

pub use azure::AzureOptions;
pub use cause::Cause;
pub use endpoint::{check_endpoint, is_local, warn_of_plain_http};
pub use gcs::GcsOptions;
pub use s3::S3Options;
pub use trouble::Trouble;

/// No client can be made for a bucket.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The profile cannot be used.
    #[error(transparent)]
    Profile(#[from] ProfileError),
    /// The arguments do not make a client.
    #[error("no client can be made for `{bucket}`")]
    Setup {
        /// The bucket.
        bucket: String,
        /// Why.
        #[source]
        source: Cause,
    },
}

impl Explain for ClientError {
    fn help(&self) -> Option<String> {
        match self {
            ClientError::Profile(error) => error.help(),
            ClientError::Setup { .. } => None,
        }
    }
}

impl ClientError {
    fn setup(bucket: &str) -> impl FnOnce(object_store::Error) -> ClientError {
        move |error| ClientError::Setup { bucket: bucket.to_owned(), source: error.into() }
    }
}
