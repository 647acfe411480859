//! S3 and services that talk like it.

use std::path::PathBuf;
use std::sync::Arc;

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey, AwsCredential, S3ConditionalPut};
use object_store::{ObjectStore, StaticCredentialProvider};
use palladium_component::prelude::*;

use super::{Kept, ObjectStorageError, Service, artifact_store_of_service, check_endpoint, warn_of_plain_http};
use crate::file_like::persister::{self, OverObjects, persister_over_objects};
use palladium_connect::{Connector, Limits};
use palladium_connect::{Profile, ProfileFiles};

macro_rules! s3 {
    ($(#[$attribute:meta])* $name:ident { $($own:tt)* }) => {
        $(#[$attribute])*
        pub struct $name {
            $($own)*
            /// The URL of a service other than the one of Amazon, without the bucket.
            endpoint: Option<String>,
            /// The region of the bucket. Without it the one of the profile counts, then `AWS_REGION` and
            /// `AWS_DEFAULT_REGION`, then `us-east-1`.
            region: Option<String>,
            /// A profile of `~/.aws/credentials` and `~/.aws/config`, which has to have keys. Without it `AWS_PROFILE`
            /// counts, then `default`, for what neither arguments nor the environment say.
            profile: Option<String>,
            /// The name of a key, usually `${environ.NAME}`. Without it keys come from the profile that is asked for,
            /// from the environment, from the default profile, from a web identity, from the container or from the
            /// machine, in this order.
            access_key_id: Option<String>,
            /// The key itself, usually `${environ.NAME}`.
            secret_access_key: Option<String>,
            /// What temporary keys need besides.
            session_token: Option<String>,
            /// A file with the certificates, in the format PEM, of authorities that are trusted besides those of the
            /// system.
            ca_file: Option<PathBuf>,
            /// Whether `endpoint` may do without TLS.
            #[param(default = false)]
            allow_http: bool,
            /// Whether the bucket is part of the name of the host. Then `endpoint`, if it is given, has to name both.
            #[param(default = false)]
            virtual_hosted_style: bool,
            /// Whether a service is put up with that does not tell which of two writers was first. Then one of them may
            /// lose its model.
            #[param(default = false)]
            unguarded: bool,
            /// For how many seconds a connection may not be made, and nothing may be heard of the service.
            #[param(default = 30.0, min = 0.1, max = 3600.0)]
            timeout: f64,
            /// How often a request is repeated that may well succeed a little later.
            #[param(default = 3, max = 20)]
            retries: u32,
        }

        impl From<&$name> for S3IO {
            fn from(given: &$name) -> S3IO {
                S3IO {
                    endpoint: given.endpoint.clone(),
                    region: given.region.clone(),
                    profile: given.profile.clone(),
                    access_key_id: given.access_key_id.clone(),
                    secret_access_key: given.secret_access_key.clone(),
                    session_token: given.session_token.clone(),
                    ca_file: given.ca_file.clone(),
                    allow_http: given.allow_http,
                    virtual_hosted_style: given.virtual_hosted_style,
                    unguarded: given.unguarded,
                    timeout: given.timeout,
                    retries: given.retries,
                    kept: Kept::default(),
                }
            }
        }
    };
}

s3! {
    /// Keeps objects in buckets of S3, or of a service that talks like it.
    ///
    /// The names of objects are `bucket/key`. The credentials have to allow to list the bucket and to read, write and
    /// delete objects in it.
    ///
    /// Which of two writers was first the service has to tell, by the conditions `If-Match` and `If-None-Match`. Before
    /// its first change a process finds out whether it does, with an object of a random name beside the real ones that
    /// it removes again; a service that does not is refused, unless `unguarded` is set.
    #[component(ArtifactStore, name = "palladium.persistence.S3IO", check)]
    S3IO {
        #[state]
        kept: Kept,
    }
}

s3! {
    /// Stores models in a bucket of S3, or of a service that talks like it.
    ///
    /// With the path `bucket/models/model-{version}` the first model is the object `models/model-1.model`, and
    /// `models/model-metadata.json` says which models there are, what is known about each of them and which one is
    /// active. Several processes may use one store at once; a process that is killed leaves it as it was before or as
    /// it should be afterwards.
    ///
    /// ```ron
    /// {
    ///     "model_persister": {
    ///         "!": "palladium.persistence.S3",
    ///         "path": "bucket/models/model-{version}",
    ///         "region": "eu-central-1",
    ///     },
    /// }
    /// ```
    ///
    /// Credentials come from where programs for AWS find them: the environment, the files of the profile, a web
    /// identity, the container or the machine. They have to allow to list the bucket and to read, write and delete
    /// objects in it. Requests without credentials are never made.
    ///
    /// Which of two writers was first the service has to tell, by the conditions `If-Match` and `If-None-Match`. Before
    /// its first change a process finds out whether it does, with an object of a random name beside the real ones that
    /// it removes again; a service that does not is refused, unless `unguarded` is set.
    #[component(Persister, name = "palladium.persistence.S3", check, lifecycle)]
    S3 {
        /// The bucket, a slash and the name of the objects up to what is added to it, with `{version}` in the last
        /// part.
        path: String,
        #[state]
        kept: persister::Kept,
    }
}

impl OverObjects for S3 {
    const EXAMPLE: &'static str = "bucket/models/model-{version}";

    fn template(&self) -> &str {
        &self.path
    }

    fn store(&self) -> Result<Arc<dyn ArtifactStore>, ArgumentError> {
        let io = S3IO::from(self);
        io.check()?;
        Ok(Arc::new(io))
    }

    fn kept(&self) -> &persister::Kept {
        &self.kept
    }
}

persister_over_objects!(S3);
artifact_store_of_service!(S3IO);

impl S3IO {
    fn check(&self) -> Result<(), ArgumentError> {
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
        Ok(())
    }

    /// Returns the profile that counts: one that is asked for has to be there.
    fn profile(&self) -> Result<Profile, ObjectStorageError> {
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let files = ProfileFiles::of_environment(variable);
        if let Some(name) = &self.profile {
            return Ok(files.named(name)?);
        }
        if self.access_key_id.is_some() {
            return Ok(Profile::default());
        }
        let is_given = variable("AWS_ACCESS_KEY_ID").is_some();
        let found = files.find(&variable("AWS_PROFILE").unwrap_or_else(|| "default".into()))?.unwrap_or_default();
        Ok(if is_given { Profile { keys: None, session_token: None, ..found } } else { found })
    }

    fn builder(&self, bucket: &str) -> Result<AmazonS3Builder, ObjectStorageError> {
        let limits = self.limits();
        let profile = self.profile()?;
        let mut builder = AmazonS3Builder::from_env()
            .with_bucket_name(bucket)
            .with_client_options(limits.client_options(self.allow_http))
            .with_retry(limits.retry(Limits::SOON))
            .with_http_connector(Connector { limits, ca_file: self.ca_file.clone() })
            .with_virtual_hosted_style_request(self.virtual_hosted_style)
            .with_conditional_put(S3ConditionalPut::ETagMatch)
            .with_skip_signature(false);
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

impl Service for S3IO {
    const SCHEME: &'static str = "s3";

    fn connect(&self, bucket: &str) -> Result<Arc<dyn ObjectStore>, ObjectStorageError> {
        warn_of_plain_http(self.endpoint.as_deref());
        let client = self.builder(bucket)?.build();
        let client =
            client.map_err(|error| ObjectStorageError::Setup { bucket: bucket.to_owned(), source: error.into() })?;
        Ok(Arc::new(client))
    }

    fn limits(&self) -> Limits {
        Limits::new(self.timeout, self.retries)
    }

    fn is_unguarded(&self) -> bool {
        self.unguarded
    }

    fn kept(&self) -> &Kept {
        &self.kept
    }
}
