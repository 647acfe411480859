//! The parameter `storage`: how files are reached that do not lie on this machine, and how large they may be.

mod fields;

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use indexmap::IndexMap;
use palladium_component::prelude::*;
use palladium_connect::Limits;
use palladium_connect::objects::{AzureOptions, GcsOptions, S3Options};

use fields::{Fields, STORAGE};

/// Options of the place that files are read from. Some of them are secret.
#[derive(Clone)]
pub(crate) struct Storage {
    pub(super) max_size: u64,
    pub(super) max_time: Duration,
    pub(super) limits: Limits,
    pub(super) headers: IndexMap<String, String>,
    pub(super) cross_origin: bool,
    endpoint: Option<String>,
    region: Option<String>,
    profile: Option<String>,
    access_key_id: Option<String>,
    secret_access_key: Option<String>,
    session_token: Option<String>,
    pub(super) ca_file: Option<PathBuf>,
    allow_http: bool,
    virtual_hosted_style: bool,
    account: Option<String>,
    access_key: Option<String>,
    sas_token: Option<String>,
    emulator: bool,
    service_account: Option<PathBuf>,
    anonymous: bool,
    /// The names of the options that are given.
    given: Vec<&'static str>,
}

/// Shows nothing, as secrets are among the options.
impl fmt::Debug for Storage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Storage").finish_non_exhaustive()
    }
}

impl Default for Storage {
    #[expect(clippy::expect_used, reason = "a test reads the defaults of all options")]
    fn default() -> Storage {
        Storage::read(&Fields::none()).expect("defaults")
    }
}

impl FromArgument for Storage {
    const TYPE: ParamType = ParamType::Record(&STORAGE);

    fn from_argument(value: &Value) -> Result<Storage, Mismatch> {
        Storage::read(&Fields::of(value.as_map().ok_or_else(|| Mismatch::wrong(Self::TYPE, value))?)?)
    }
}

impl Storage {
    fn read(fields: &Fields<'_>) -> Result<Storage, Mismatch> {
        Ok(Storage {
            max_size: fields.read("max_size")?,
            max_time: Duration::from_secs_f64(fields.read("max_time")?),
            limits: Limits::new(fields.read("timeout")?, fields.read("retries")?),
            headers: fields.read::<Option<_>>("headers")?.unwrap_or_default(),
            cross_origin: fields.read("cross_origin_redirects")?,
            endpoint: fields.read("endpoint")?,
            region: fields.read("region")?,
            profile: fields.read("profile")?,
            access_key_id: fields.read("access_key_id")?,
            secret_access_key: fields.read("secret_access_key")?,
            session_token: fields.read("session_token")?,
            ca_file: fields.read("ca_file")?,
            allow_http: fields.read("allow_http")?,
            virtual_hosted_style: fields.read("virtual_hosted_style")?,
            account: fields.read("account")?,
            access_key: fields.read("access_key")?,
            sas_token: fields.read("sas_token")?,
            emulator: fields.read("emulator")?,
            service_account: fields.read("service_account")?,
            anonymous: fields.read("anonymous")?,
            given: fields.given(),
        })
    }

    /// Checks that no option is given that a kind of place does not have.
    pub(super) fn check_for(&self, place: &str, known: &[&str]) -> Result<(), ArgumentError> {
        match self.given.iter().find(|name| !known.contains(*name)) {
            Some(name) => {
                let known: Vec<String> = known.iter().map(|name| format!("`{name}`")).collect();
                Err(wrong(format!("`{name}` means nothing for {place}"), format!("there are {}", known.join(", "))))
            }
            None => Ok(()),
        }
    }

    /// Returns how S3 is reached.
    pub(super) fn s3(&self) -> S3Options {
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
            anonymous: self.anonymous,
            limits: self.limits,
        }
    }

    /// Returns how Google Cloud Storage is reached.
    pub(super) fn gcs(&self) -> GcsOptions {
        GcsOptions {
            service_account: self.service_account.clone(),
            endpoint: self.endpoint.clone(),
            allow_http: self.allow_http,
            anonymous: self.anonymous,
            limits: self.limits,
            pause: Limits::SOON,
        }
    }

    /// Returns how Azure Blob Storage is reached.
    pub(super) fn azure(&self) -> AzureOptions {
        AzureOptions {
            account: self.account.clone(),
            access_key: self.access_key.clone(),
            sas_token: self.sas_token.clone(),
            endpoint: self.endpoint.clone(),
            allow_http: self.allow_http,
            emulator: self.emulator,
            anonymous: self.anonymous,
            limits: self.limits,
        }
    }

    /// Returns the address of the service, if it is given.
    pub(super) fn endpoint(&self) -> Option<&str> {
        self.endpoint.as_deref()
    }
}

/// Returns an error about `storage`.
pub(super) fn wrong(message: impl Into<String>, help: impl Into<String>) -> ArgumentError {
    ArgumentError::new("storage", message).help(help)
}

#[cfg(test)]
mod tests;
