//! Azure Blob Storage.

use std::sync::Arc;

use object_store::ObjectStore;
use palladium_component::prelude::*;

use super::{Kept, ObjectStorageError, Service, artifact_store_of_service};
use crate::file_like::persister::{self, OverObjects, persister_over_objects};
use palladium_connect::Limits;
use palladium_connect::objects::{AzureOptions, warn_of_plain_http};

macro_rules! azure {
    ($(#[$attribute:meta])* $name:ident { $($own:tt)* }) => {
        $(#[$attribute])*
        pub struct $name {
            $($own)*
            /// The name of the storage account. Without it `AZURE_STORAGE_ACCOUNT_NAME` counts.
            account: Option<String>,
            /// A key of the account, usually `${environ.NAME}`. Without it and without `sas_token` credentials come from
            /// where programs for Azure find them: the variables that begin with `AZURE_`, a workload identity or the
            /// identity of the machine.
            access_key: Option<String>,
            /// A shared access signature, usually `${environ.NAME}`, in the place of `access_key`.
            sas_token: Option<String>,
            /// The URL of the service, without the container, where it is another one than that of the account.
            endpoint: Option<String>,
            /// Whether `endpoint` may do without TLS. It may anyway where it is on this machine, or the emulator.
            #[param(default = false)]
            allow_http: bool,
            /// Whether the service is the emulator Azurite, with its account and key and, unless `endpoint` says
            /// otherwise, on this machine.
            #[param(default = false)]
            emulator: bool,
            /// For how many seconds a connection may not be made, and nothing may be heard of the service.
            #[param(default = 30.0, min = 0.1, max = 3600.0)]
            timeout: f64,
            /// How often a request is repeated that may well succeed a little later.
            #[param(default = 3, max = 20)]
            retries: u32,
        }

        impl From<&$name> for AzureIO {
            fn from(given: &$name) -> AzureIO {
                AzureIO {
                    account: given.account.clone(),
                    access_key: given.access_key.clone(),
                    sas_token: given.sas_token.clone(),
                    endpoint: given.endpoint.clone(),
                    allow_http: given.allow_http,
                    emulator: given.emulator,
                    timeout: given.timeout,
                    retries: given.retries,
                    kept: Kept::default(),
                }
            }
        }
    };
}

azure! {
    /// Keeps objects in containers of Azure Blob Storage.
    ///
    /// The names of objects are `container/name`. The credentials have to allow to create, read, replace and delete
    /// blobs in the container, as the role `Storage Blob Data Contributor` does.
    #[component(ArtifactStore, name = "palladium.persistence.AzureIO", check)]
    AzureIO {
        #[state]
        kept: Kept,
    }
}

azure! {
    /// Stores models in a container of Azure Blob Storage.
    ///
    /// With the path `container/models/model-{version}` the first model is the blob `models/model-1.model`, and
    /// `models/model-metadata.json` says which models there are, what is known about each of them and which one is
    /// active. Several processes may use one store at once; a process that is killed leaves it as it was before or as
    /// it should be afterwards.
    ///
    /// ```ron
    /// {
    ///     "model_persister": {
    ///         "!": "palladium.persistence.Azure",
    ///         "path": "container/models/model-{version}",
    ///         "account": "palladium",
    ///     },
    /// }
    /// ```
    ///
    /// The credentials have to allow to create, read, replace and delete blobs in the container, as the role
    /// `Storage Blob Data Contributor` does.
    #[component(Persister, name = "palladium.persistence.Azure", check, lifecycle)]
    Azure {
        /// The container, a slash and the name of the blobs up to what is added to it, with `{version}` in the last
        /// part.
        path: String,
        #[state]
        kept: persister::Kept,
    }
}

impl OverObjects for Azure {
    const EXAMPLE: &'static str = "container/models/model-{version}";

    fn template(&self) -> &str {
        &self.path
    }

    fn store(&self) -> Result<Arc<dyn ArtifactStore>, ArgumentError> {
        let io = AzureIO::from(self);
        io.check()?;
        Ok(Arc::new(io))
    }

    fn kept(&self) -> &persister::Kept {
        &self.kept
    }
}

persister_over_objects!(Azure);
artifact_store_of_service!(AzureIO);

impl AzureIO {
    fn check(&self) -> Result<(), ArgumentError> {
        self.options().check()
    }

    fn options(&self) -> AzureOptions {
        AzureOptions {
            account: self.account.clone(),
            access_key: self.access_key.clone(),
            sas_token: self.sas_token.clone(),
            endpoint: self.endpoint.clone(),
            allow_http: self.allow_http,
            emulator: self.emulator,
            anonymous: false,
            limits: self.limits(),
        }
    }
}

impl Service for AzureIO {
    const SCHEME: &'static str = "az";

    fn connect(&self, container: &str) -> Result<Arc<dyn ObjectStore>, ObjectStorageError> {
        warn_of_plain_http(self.endpoint.as_deref(), "models");
        Ok(self.options().client(container)?)
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
