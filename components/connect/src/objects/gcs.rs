//! Google Cloud Storage.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use object_store::ObjectStore;
use object_store::gcp::GoogleCloudStorageBuilder;
use palladium_component::prelude::*;

use super::{ClientError, check_endpoint, is_local};
use crate::{Connector, Limits};

/// How Google Cloud Storage is reached.
#[derive(Clone)]
pub struct GcsOptions {
    /// The file with the key of a service account.
    pub service_account: Option<PathBuf>,
    /// The URL of another service that talks like it.
    pub endpoint: Option<String>,
    /// Whether the endpoint may do without TLS.
    pub allow_http: bool,
    /// Whether requests are made without credentials.
    pub anonymous: bool,
    /// How long is waited.
    pub limits: Limits,
    /// How soon a request is repeated that failed.
    pub pause: Duration,
}

impl GcsOptions {
    /// Finds what is wrong with the options.
    ///
    /// # Errors
    /// An endpoint that is none, or has no TLS.
    pub fn check(&self) -> Result<(), ArgumentError> {
        let endpoint = self.endpoint.as_deref();
        check_endpoint(endpoint, self.allow_http || is_local(endpoint))?;
        match &self.service_account {
            Some(_) if self.anonymous => Err(ArgumentError::new(
                "service_account",
                "`service_account` and `anonymous` are given, which exclude each other",
            )
            .help("leave one of them out")),
            _ => Ok(()),
        }
    }

    /// Returns a client for a bucket; nothing is connected.
    ///
    /// # Errors
    /// The options do not make one.
    pub fn client(&self, bucket: &str) -> Result<Arc<dyn ObjectStore>, ClientError> {
        let has_http = self.endpoint.as_deref().is_some_and(|endpoint| endpoint.starts_with("http://"));
        let mut builder = GoogleCloudStorageBuilder::from_env()
            .with_bucket_name(bucket)
            .with_client_options(self.limits.client_options(self.allow_http || has_http))
            .with_retry(self.limits.retry(self.pause))
            .with_http_connector(Connector { limits: self.limits, ca_file: None })
            .with_skip_signature(self.anonymous);
        if let Some(file) = &self.service_account {
            builder = builder.with_service_account_path(file.display().to_string());
        }
        if let Some(endpoint) = &self.endpoint {
            builder = builder.with_base_url(endpoint.trim_end_matches('/'));
        }
        Ok(Arc::new(builder.build().map_err(ClientError::setup(bucket))?))
    }
}
