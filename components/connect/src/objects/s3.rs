//! S3 and services that talk like it.

use std::path::PathBuf;
use std::sync::Arc;

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey, AwsCredential, S3ConditionalPut};
use object_store::{ObjectStore, StaticCredentialProvider};
use palladium_component::prelude::*;

use super::{ClientError, check_endpoint};
use crate::{Connector, Limits, Profile, ProfileError, ProfileFiles};

/// How S3 is reached.
#[derive(Clone)]
pub struct S3Options {
    /// The URL of another service, without the bucket.
    pub endpoint: Option<String>,
    /// The region of the bucket.
    pub region: Option<String>,
    /// A profile of AWS's files, which has to have keys.
    pub profile: Option<String>,
    /// The name of a key.
    pub access_key_id: Option<String>,
    /// The key itself.
    pub secret_access_key: Option<String>,
    /// What temporary keys need besides.
    pub session_token: Option<String>,
    /// A file with certificates of authorities that are trusted besides those of the system.
    pub ca_file: Option<PathBuf>,
    /// Whether the endpoint may do without TLS.
    pub allow_http: bool,
    /// Whether the bucket is part of the name of the host.
    pub virtual_hosted_style: bool,
    /// Whether requests are made without credentials.
    pub anonymous: bool,
    /// How long is waited.
    pub limits: Limits,
}

impl S3Options {
    /// Finds what is wrong with the options.
    ///
    /// # Errors
    /// Options that do not go together, an endpoint that is none, or has no TLS.
    pub fn check(&self) -> Result<(), ArgumentError> {
        check_endpoint(self.endpoint.as_deref(), self.allow_http)?;
        let has_key = self.access_key_id.is_some();
        if has_key != self.secret_access_key.is_some() {
            let (given, missing) =
                if has_key { ("access_key_id", "secret_access_key") } else { ("secret_access_key", "access_key_id") };
            return Err(ArgumentError::new(given, format!("`{given}` is given without `{missing}`"))
                .help("give both, or neither to use the usual sources of AWS"));
        }
        if has_key && self.profile.is_some() {
            return Err(ArgumentError::new("profile", "`access_key_id` and `profile` are given, which both name keys")
                .help("leave one of them out"));
        }
        if self.session_token.is_some() && !has_key {
            return Err(ArgumentError::new("session_token", "`session_token` is given without the keys it belongs to")
                .help("give `access_key_id` and `secret_access_key` too"));
        }
        if self.anonymous && (has_key || self.profile.is_some()) {
            return Err(ArgumentError::new("anonymous", "`anonymous` is set beside keys or a profile")
                .help("leave one of them out"));
        }
        Ok(())
    }

    /// Returns a client for a bucket; nothing is connected.
    ///
    /// # Errors
    /// The options do not make one.
    pub fn client(&self, bucket: &str) -> Result<Arc<dyn ObjectStore>, ClientError> {
        Ok(Arc::new(self.builder(bucket)?.build().map_err(ClientError::setup(bucket))?))
    }

    /// Returns the profile that counts: one that is asked for has to be there.
    fn profile(&self) -> Result<Profile, ProfileError> {
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let files = ProfileFiles::of_environment(variable);
        if let Some(name) = &self.profile {
            return files.named(name);
        }
        if self.access_key_id.is_some() || self.anonymous {
            return Ok(Profile::default());
        }
        let is_given = variable("AWS_ACCESS_KEY_ID").is_some();
        let found = files.find(&variable("AWS_PROFILE").unwrap_or_else(|| "default".into()))?.unwrap_or_default();
        Ok(if is_given { Profile { keys: None, session_token: None, ..found } } else { found })
    }

    fn builder(&self, bucket: &str) -> Result<AmazonS3Builder, ProfileError> {
        let limits = self.limits;
        let profile = self.profile()?;
        let mut builder = AmazonS3Builder::from_env()
            .with_bucket_name(bucket)
            .with_client_options(limits.client_options(self.allow_http))
            .with_retry(limits.retry(Limits::SOON))
            .with_http_connector(Connector { limits, ca_file: self.ca_file.clone() })
            .with_virtual_hosted_style_request(self.virtual_hosted_style)
            .with_conditional_put(S3ConditionalPut::ETagMatch)
            .with_skip_signature(self.anonymous);
        let region = match &self.region {
            None if self.profile.is_none() && builder.get_config_value(&AmazonS3ConfigKey::Region).is_some() => None,
            region => region.clone().or(profile.region),
        };
        if let Some(region) = region {
            builder = builder.with_region(region);
        }
        if let Some(endpoint) = self.endpoint.clone().or(profile.endpoint) {
            builder = builder.with_config(AmazonS3ConfigKey::S3Endpoint, endpoint);
        }
        let keys = self.access_key_id.clone().zip(self.secret_access_key.clone());
        let token = if keys.is_some() { self.session_token.clone() } else { profile.session_token };
        if let Some((key_id, secret_key)) = keys.or(profile.keys) {
            let credential = AwsCredential { key_id, secret_key, token };
            builder = builder.with_credentials(Arc::new(StaticCredentialProvider::new(credential)));
        }
        Ok(builder)
    }
}
