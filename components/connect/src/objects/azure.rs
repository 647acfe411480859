//! Azure Blob Storage.

use std::sync::Arc;

use object_store::ObjectStore;
use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use palladium_component::prelude::*;

use super::{ClientError, check_endpoint, is_local};
use crate::{Connector, Limits};

/// What every emulator of the service knows: its documentation prints the key.
const EMULATOR_ACCOUNT: &str = "devstoreaccount1";

const EMULATOR_KEY: &str = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

const EMULATOR_ENDPOINT: &str = "http://127.0.0.1:10000/devstoreaccount1";

/// How Azure Blob Storage is reached.
#[derive(Clone)]
pub struct AzureOptions {
    /// The name of the storage account.
    pub account: Option<String>,
    /// A key of the account.
    pub access_key: Option<String>,
    /// A shared access signature, in the place of the key.
    pub sas_token: Option<String>,
    /// The URL of the service, where it is another one than that of the account.
    pub endpoint: Option<String>,
    /// Whether the endpoint may do without TLS.
    pub allow_http: bool,
    /// Whether the service is the emulator Azurite.
    pub emulator: bool,
    /// Whether requests are made without credentials.
    pub anonymous: bool,
    /// How long is waited.
    pub limits: Limits,
}

impl AzureOptions {
    /// Finds what is wrong with the options.
    ///
    /// # Errors
    /// Options that do not go together, an endpoint that is none, or has no TLS.
    pub fn check(&self) -> Result<(), ArgumentError> {
        let endpoint = self.endpoint.as_deref();
        check_endpoint(endpoint, self.allow_http || self.emulator || is_local(endpoint))?;
        if self.access_key.is_some() && self.sas_token.is_some() {
            let message = "`access_key` and `sas_token` are given, and only one of them can be used";
            return Err(ArgumentError::new("sas_token", message).help("leave one of them out"));
        }
        if self.anonymous && (self.access_key.is_some() || self.sas_token.is_some()) {
            return Err(ArgumentError::new("anonymous", "`anonymous` is set beside `access_key` or `sas_token`")
                .help("leave one of them out"));
        }
        Ok(())
    }

    /// Returns a client for a container; nothing is connected.
    ///
    /// # Errors
    /// The options do not make one.
    pub fn client(&self, container: &str) -> Result<Arc<dyn ObjectStore>, ClientError> {
        Ok(Arc::new(self.builder(container).build().map_err(ClientError::setup(container))?))
    }

    fn builder(&self, container: &str) -> MicrosoftAzureBuilder {
        let limits = self.limits;
        let usual = |value: &Option<String>, emulator: &str| match value {
            None if self.emulator => Some(emulator.to_owned()),
            value => value.clone(),
        };
        let endpoint = usual(&self.endpoint, EMULATOR_ENDPOINT);
        let has_http = endpoint.as_deref().is_some_and(|endpoint| endpoint.starts_with("http://"));
        // What the environment says about credentials is not mixed with those that are given.
        let has_own = self.emulator || self.access_key.is_some() || self.sas_token.is_some();
        let mut builder = if has_own { MicrosoftAzureBuilder::new() } else { MicrosoftAzureBuilder::from_env() };
        builder = builder
            .with_container_name(container)
            .with_client_options(limits.client_options(self.allow_http || has_http))
            .with_retry(limits.retry(Limits::SOON))
            .with_http_connector(Connector { limits, ca_file: None })
            .with_use_emulator(false)
            .with_skip_signature(self.anonymous);
        let variable = || std::env::var("AZURE_STORAGE_ACCOUNT_NAME").ok();
        if let Some(account) = usual(&self.account, EMULATOR_ACCOUNT).or_else(variable) {
            builder = builder.with_account(account);
        }
        if let Some(endpoint) = endpoint {
            builder = builder.with_endpoint(endpoint.trim_end_matches('/').to_owned());
        }
        if let Some(token) = &self.sas_token {
            return builder.with_config(AzureConfigKey::SasKey, token);
        }
        match usual(&self.access_key, EMULATOR_KEY) {
            Some(key) => builder.with_access_key(key),
            None => builder,
        }
    }
}
