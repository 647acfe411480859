//! Google Cloud Storage.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use object_store::{ObjectMeta, ObjectStore};
use palladium_component::prelude::*;

use super::{Kept, ObjectStorageError, Service, artifact_store_of_service};
use crate::file_like::persister::{self, OverObjects, persister_over_objects};
use palladium_connect::Limits;
use palladium_connect::objects::{GcsOptions, warn_of_plain_http};

/// The service takes one change of an object a second.
const MUTATION_PAUSE: Duration = Duration::from_secs(1);

macro_rules! gcs {
    ($(#[$attribute:meta])* $name:ident { $($own:tt)* }) => {
        $(#[$attribute])*
        pub struct $name {
            $($own)*
            /// The file with the key of a service account. Without it credentials come from where programs for Google
            /// Cloud find them: `GOOGLE_APPLICATION_CREDENTIALS`, what `gcloud auth application-default login` has
            /// written, or the machine.
            service_account: Option<PathBuf>,
            /// The URL of another service that talks like it, such as an emulator.
            endpoint: Option<String>,
            /// Whether `endpoint` may do without TLS. It may anyway where it is on this machine.
            #[param(default = false)]
            allow_http: bool,
            /// For how many seconds a connection may not be made, and nothing may be heard of the service.
            #[param(default = 30.0, min = 0.1, max = 3600.0)]
            timeout: f64,
            /// How often a request is repeated that may well succeed a little later.
            #[param(default = 3, max = 20)]
            retries: u32,
        }

        impl From<&$name> for GCSIO {
            fn from(given: &$name) -> GCSIO {
                GCSIO {
                    service_account: given.service_account.clone(),
                    endpoint: given.endpoint.clone(),
                    allow_http: given.allow_http,
                    timeout: given.timeout,
                    retries: given.retries,
                    kept: Kept::default(),
                }
            }
        }
    };
}

gcs! {
    /// Keeps objects in buckets of Google Cloud Storage.
    ///
    /// The names of objects are `bucket/key`. The account has to be allowed to create, read, replace and delete objects
    /// in the bucket, as the role `roles/storage.objectUser` is.
    #[component(ArtifactStore, name = "palladium.persistence.GCSIO", check)]
    GCSIO {
        #[state]
        kept: Kept,
    }
}

gcs! {
    /// Stores models in a bucket of Google Cloud Storage.
    ///
    /// With the path `bucket/models/model-{version}` the first model is the object `models/model-1.model`, and
    /// `models/model-metadata.json` says which models there are, what is known about each of them and which one is
    /// active. Several processes may use one store at once; a process that is killed leaves it as it was before or as
    /// it should be afterwards.
    ///
    /// ```ron
    /// {
    ///     "model_persister": {
    ///         "!": "palladium.persistence.GCS",
    ///         "path": "bucket/models/model-{version}",
    ///     },
    /// }
    /// ```
    ///
    /// The account has to be allowed to create, read, replace and delete objects in the bucket, as the role
    /// `roles/storage.objectUser` is.
    #[component(Persister, name = "palladium.persistence.GCS", check, lifecycle)]
    GCS {
        /// The bucket, a slash and the name of the objects up to what is added to it, with `{version}` in the last
        /// part.
        path: String,
        #[state]
        kept: persister::Kept,
    }
}

impl OverObjects for GCS {
    const EXAMPLE: &'static str = "bucket/models/model-{version}";

    fn template(&self) -> &str {
        &self.path
    }

    fn store(&self) -> Result<Arc<dyn ArtifactStore>, ArgumentError> {
        let io = GCSIO::from(self);
        io.check()?;
        Ok(Arc::new(io))
    }

    fn kept(&self) -> &persister::Kept {
        &self.kept
    }
}

persister_over_objects!(GCS);
artifact_store_of_service!(GCSIO);

impl GCSIO {
    fn check(&self) -> Result<(), ArgumentError> {
        self.options().check()
    }

    fn options(&self) -> GcsOptions {
        GcsOptions {
            service_account: self.service_account.clone(),
            endpoint: self.endpoint.clone(),
            allow_http: self.allow_http,
            anonymous: false,
            limits: self.limits(),
            pause: MUTATION_PAUSE,
        }
    }
}

impl Service for GCSIO {
    const SCHEME: &'static str = "gs";

    fn connect(&self, bucket: &str) -> Result<Arc<dyn ObjectStore>, ObjectStorageError> {
        warn_of_plain_http(self.endpoint.as_deref(), "models");
        Ok(self.options().client(bucket)?)
    }

    /// Conditions are on numbers of generations here, not on an `ETag`.
    fn revision(meta: &ObjectMeta) -> Option<Revision> {
        meta.version.clone().map(Revision)
    }

    fn limits(&self) -> Limits {
        Limits::new(self.timeout, self.retries)
    }

    /// The service itself is known to honour conditions.
    fn is_doubtful(&self) -> bool {
        self.endpoint.is_some()
    }

    fn kept(&self) -> &Kept {
        &self.kept
    }
}
