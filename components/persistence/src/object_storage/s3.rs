//! S3 and services that talk like it.

use std::path::PathBuf;
use std::sync::Arc;

use object_store::ObjectStore;
use palladium_component::prelude::*;

use super::{Kept, ObjectStorageError, Service, artifact_store_of_service};
use crate::file_like::persister::{self, OverObjects, persister_over_objects};
use palladium_connect::Limits;
use palladium_connect::objects::{S3Options, warn_of_plain_http};

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
        self.options().check()
    }

    fn options(&self) -> S3Options {
        S3Options {
            endpoint: self.endpoint.clone(),
            region: self.region.clone(),
            profile: self.profile.clone(),
            access_key_id: self.access_key_id.clone(),
            secret_access_key: self.secret_access_key.clone(),
            session_token: self.session_token.clone(),
            ca_file: self.ca_file.clone(),
            allow_http: self.allow_http,
            virtual_hosted_style: self.virtual_hosted_style,
            anonymous: false,
            limits: self.limits(),
        }
    }
}

impl Service for S3IO {
    const SCHEME: &'static str = "s3";

    fn connect(&self, bucket: &str) -> Result<Arc<dyn ObjectStore>, ObjectStorageError> {
        warn_of_plain_http(self.endpoint.as_deref(), "models");
        Ok(self.options().client(bucket)?)
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
