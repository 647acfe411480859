//! How the library talks to services: with our limits on time, and to nobody but the server that is meant.

use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::time::Duration;

use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpService,
};
use object_store::{BackoffConfig, ClientConfigKey, ClientOptions, RetryConfig};
use reqwest::Method;

use crate::transport::{Options, Transport};

/// How many bytes a second a server has to take at least.
const SLOWEST: f64 = 65536.0;

/// How long a service may take to be connected to that tells machines in a cloud who they are.
const METADATA_CONNECT: Duration = Duration::from_secs(1);

/// How long is waited, and how often a request is repeated.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How long nothing may happen.
    pub patience: Duration,
    /// How often a request is repeated that may well succeed a little later.
    pub retries: u32,
}

impl Limits {
    /// Returns the limits that arguments say.
    pub fn new(timeout: f64, retries: u32) -> Limits {
        Limits { patience: Duration::from_secs_f64(timeout), retries }
    }

    /// How soon a request is repeated that failed.
    pub const SOON: Duration = Duration::from_millis(100);

    /// Returns the options of the library.
    pub fn client_options(&self, allow_http: bool) -> ClientOptions {
        // The odd nanosecond tells these options from those that the library makes for itself.
        ClientOptions::new().with_allow_http(allow_http).with_connect_timeout(self.patience + Duration::from_nanos(1))
    }

    /// Returns when the library repeats a request: this long after the first failure, and a little longer each time.
    pub fn retry(&self, first: Duration) -> RetryConfig {
        let backoff = BackoffConfig { init_backoff: first, max_backoff: Duration::from_secs(5), base: 2.0 };
        RetryConfig { backoff, max_retries: self.retries as usize, retry_timeout: self.patience * (self.retries + 1) }
    }
}

/// Makes the clients of the library.
#[derive(Debug)]
pub struct Connector {
    /// How long is waited.
    pub limits: Limits,
    /// A file with certificates of authorities that are trusted besides those of the system.
    pub ca_file: Option<PathBuf>,
}

/// Asks a service.
#[derive(Debug)]
struct Service {
    transport: Transport,
    patience: Duration,
    /// Whether it is the service that tells machines in a cloud who they are.
    is_metadata: bool,
}

/// A request took too long.
#[derive(Debug, thiserror::Error)]
#[error("nothing was heard of the server")]
pub struct TooSlow;

/// No credentials are given, and this machine is none of a cloud that would have some.
#[derive(Debug, thiserror::Error)]
#[error("no service of a cloud gives credentials to this machine")]
pub struct NoMetadata(#[source] Option<HttpError>);

impl HttpConnector for Connector {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        let own = self.limits.client_options(false);
        let value = |options: &ClientOptions, key| options.get_config_value(&key);
        // The library shortens the time to connect for this one.
        let is_metadata =
            value(options, ClientConfigKey::ConnectTimeout) != value(&own, ClientConfigKey::ConnectTimeout);
        let allows_http = value(options, ClientConfigKey::AllowHttp).is_some_and(|allows| allows == "true");
        let transport = Transport::new(&Options {
            connect: if is_metadata { METADATA_CONNECT.min(self.limits.patience) } else { self.limits.patience },
            patience: self.limits.patience,
            ca_file: self.ca_file.clone(),
            https_only: !allows_http,
            http1_only: true,
        });
        let transport = transport
            .map_err(|source| object_store::Error::Generic { store: "connection", source: Box::new(source) })?;
        Ok(HttpClient::new(Service { transport, patience: self.limits.patience, is_metadata }))
    }
}

impl HttpService for Service {
    fn call<'service, 'call>(
        &'service self,
        request: HttpRequest,
    ) -> Pin<Box<dyn Future<Output = Result<HttpResponse, HttpError>> + Send + 'call>>
    where
        'service: 'call,
        Self: 'call,
    {
        Box::pin(async move {
            let answer = match *request.method() {
                Method::GET | Method::HEAD => HttpService::call(&self.transport.reading, request).await,
                _ => self.change(request).await,
            };
            match answer {
                _ if !self.is_metadata => answer,
                Ok(answer) if answer.status().is_success() => Ok(answer),
                answer => Err(HttpError::new(HttpErrorKind::Unknown, NoMetadata(answer.err()))),
            }
        })
    }
}

impl Service {
    /// Makes a request that sends something, whose answer is small.
    async fn change(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let size = request.body().content_length();
        let patience = self.patience + Duration::from_secs_f64(size as f64 / SLOWEST);
        let whole = async {
            let (head, body) = HttpService::call(&self.transport.changing, request).await?.into_parts();
            Ok(HttpResponse::from_parts(head, body.bytes().await?.into()))
        };
        let answer = tokio::time::timeout(patience, whole).await;
        answer.unwrap_or_else(|_| Err(HttpError::new(HttpErrorKind::Timeout, TooSlow)))
    }
}
