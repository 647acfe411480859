//! Connections to servers, with limits on how long nothing may happen.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use palladium_component::prelude::*;
use reqwest::redirect::{Attempt, Policy};
use reqwest::{Certificate, Client, ClientBuilder};
use url::{Host, Url};

/// How many redirects within a server are followed.
const MOST_REDIRECTS: usize = 5;

/// How connections are made.
#[derive(Clone, Debug)]
pub struct Options {
    /// How long a connection may take to be made.
    pub connect: Duration,
    /// How long nothing may arrive.
    pub patience: Duration,
    /// A file with certificates of authorities that are trusted besides those of the system.
    pub ca_file: Option<PathBuf>,
    /// Whether connections without TLS are refused.
    pub https_only: bool,
    /// Whether HTTP/2 is left out, which services of objects are slower with.
    pub http1_only: bool,
}

/// Clients for requests of two sorts.
#[derive(Clone, Debug)]
pub struct Transport {
    /// For requests that change nothing and send nothing: nothing may happen for as long as the patience lasts, and
    /// redirects are followed within the server.
    pub reading: Client,
    /// For all others: no redirect is followed, and whoever sends has to watch the time.
    pub changing: Client,
}

/// Connections cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// The certificates cannot be read.
    #[error("`{file}`, which is to hold certificates, cannot be read")]
    Certificates {
        /// The file.
        file: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The file holds something else.
    #[error("`{file}` holds no certificates in the format PEM")]
    NoCertificates {
        /// The file.
        file: String,
    },
    /// TLS cannot be set up.
    #[error("no connections can be made")]
    Setup(#[source] reqwest::Error),
}

impl Explain for TransportError {
    fn help(&self) -> Option<String> {
        match self {
            TransportError::Certificates { .. } | TransportError::NoCertificates { .. } => Some(
                "`ca_file` names a file with one or more blocks that begin with `-----BEGIN CERTIFICATE-----`".into(),
            ),
            TransportError::Setup(_) => None,
        }
    }
}

impl Transport {
    /// Returns clients; nothing is connected yet.
    ///
    /// # Errors
    /// The certificates cannot be read.
    pub fn new(options: &Options) -> Result<Transport, TransportError> {
        let certificates = options.ca_file.as_deref().map(certificates).transpose()?.unwrap_or_default();
        let builder = || {
            let builder = ClientBuilder::new()
                .user_agent(concat!("palladium/", env!("CARGO_PKG_VERSION")))
                .connect_timeout(options.connect)
                .https_only(options.https_only);
            let builder = if options.http1_only { builder.http1_only() } else { builder };
            certificates.iter().cloned().fold(builder, ClientBuilder::add_root_certificate)
        };
        let reading = builder().read_timeout(options.patience).redirect(Policy::custom(stay));
        Ok(Transport {
            reading: reading.build().map_err(TransportError::Setup)?,
            changing: builder().redirect(Policy::none()).build().map_err(TransportError::Setup)?,
        })
    }
}

/// Follows a redirect that leads to the server that it comes from; another one is the answer itself.
fn stay(attempt: Attempt<'_>) -> reqwest::redirect::Action {
    let stays = attempt.previous().last().is_some_and(|from| from.origin() == attempt.url().origin());
    if stays && attempt.previous().len() <= MOST_REDIRECTS { attempt.follow() } else { attempt.stop() }
}

/// Tells whether a URL names this machine, so that nobody can listen on the way.
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

fn certificates(file: &Path) -> Result<Vec<Certificate>, TransportError> {
    let shown = || file.display().to_string();
    let pem = std::fs::read(file).map_err(|source| TransportError::Certificates { file: shown(), source })?;
    match Certificate::from_pem_bundle(&pem) {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        _ => Err(TransportError::NoCertificates { file: shown() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_without_certificates_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let options = |name: &str| Options {
            connect: Duration::from_secs(1),
            patience: Duration::from_secs(1),
            ca_file: Some(folder.path().join(name)),
            https_only: false,
            http1_only: false,
        };
        let error = Transport::new(&options("absent.pem")).unwrap_err();
        assert!(error.to_string().ends_with("absent.pem`, which is to hold certificates, cannot be read"), "{error}");
        for (name, content) in [("empty.pem", ""), ("text.pem", "no certificate")] {
            std::fs::write(folder.path().join(name), content).unwrap();
            let error = Transport::new(&options(name)).unwrap_err();
            assert!(error.to_string().contains("holds no certificates"), "{error}");
            assert!(error.help().unwrap().contains("BEGIN CERTIFICATE"));
        }
    }
}
