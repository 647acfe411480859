//! Encrypted connections, with certificates that can be replaced while the service runs.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use actix_web::rt::time::timeout;
use actix_web::web;
use arc_swap::ArcSwap;
use palladium_component::interfaces::Explain;
use palladium_component::value::{Diagnostic, Diagnostics, Entry, Map, Value, with_causes};
use palladium_runtime::{App, root_keys};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert, WebPkiClientVerifier};
use rustls::sign::CertifiedKey;
use rustls::{RootCertStore, ServerConfig};
use tokio::sync::Notify;

use crate::settings::{Settings, TlsSettings, unreachable};

/// The longest file that is read.
const LONGEST: u64 = 1 << 20;

/// Why connections cannot be encrypted.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("the file `{path}` of `server.tls` cannot be read", path = path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// A file holds something else.
    #[error("the file `{path}` of `server.tls` holds no {expected} as PEM", path = path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What it should hold.
        expected: &'static str,
    },
    /// The certificate and the key cannot be used, or not together.
    #[error("the certificate `{certificate}` cannot be used with the key `{key}`", certificate = certificate.display(), key = key.display())]
    Pair {
        /// The file of the certificate.
        certificate: PathBuf,
        /// The file of the key.
        key: PathBuf,
        /// What the library says.
        #[source]
        source: rustls::Error,
    },
    /// The authorities of clients cannot be used.
    #[error("the authorities in `{path}` cannot be used: {why}", path = path.display())]
    Authorities {
        /// The file.
        path: PathBuf,
        /// What the library says.
        why: String,
    },
}

impl TlsError {
    /// Returns the file that it is about.
    fn path(&self) -> &Path {
        match self {
            TlsError::File { path, .. } | TlsError::Content { path, .. } | TlsError::Authorities { path, .. } => path,
            TlsError::Pair { key, .. } => key,
        }
    }
}

impl Explain for TlsError {
    fn help(&self) -> Option<String> {
        let help = match self {
            TlsError::File { .. } => "the service has to be able to read `certificate`, `key` and `client_ca`",
            TlsError::Content { .. } => "PEM begins with a line `-----BEGIN …-----`; encrypted keys are not read",
            TlsError::Pair { .. } => "the key has to be the one that the certificate was made for",
            TlsError::Authorities { .. } => return None,
        };
        Some(help.to_owned())
    }
}

/// The certificate that connections are encrypted with at the moment.
pub struct Certificates {
    settings: TlsSettings,
    provider: Arc<CryptoProvider>,
    current: ArcSwap<CertifiedKey>,
    /// Which files were read first.
    first: Seen,
    asked: Notify,
}

impl std::fmt::Debug for Certificates {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Certificates({})", self.settings.certificate.display())
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current.load_full())
    }
}

impl Certificates {
    /// Reads the files for the first time.
    ///
    /// # Errors
    /// They cannot be used.
    pub fn read(settings: &TlsSettings) -> Result<Arc<Certificates>, TlsError> {
        let provider = Arc::new(ring::default_provider());
        // What changes while they are read is found by the first look.
        let first = settings.state();
        let current = ArcSwap::new(certified(settings, &provider)?);
        Ok(Arc::new(Certificates { settings: settings.clone(), provider, current, first, asked: Notify::new() }))
    }

    /// Has the files looked at without waiting for the time.
    pub fn look(&self) {
        self.asked.notify_one();
    }

    /// Returns how connections are made with the certificate of the moment.
    ///
    /// # Errors
    /// The authorities of clients cannot be used.
    pub fn config(self: &Arc<Self>) -> Result<ServerConfig, TlsError> {
        let failed = |source| self.settings.failed(source);
        let builder = ServerConfig::builder_with_provider(Arc::clone(&self.provider));
        let builder = builder.with_safe_default_protocol_versions().map_err(failed)?;
        let builder = match &self.settings.client_ca {
            None => builder.with_no_client_auth(),
            Some(path) => {
                let authorities = |why: String| TlsError::Authorities { path: path.clone(), why };
                let mut roots = RootCertStore::empty();
                for certificate in certificates(path)? {
                    roots.add(certificate).map_err(|error| authorities(error.to_string()))?;
                }
                let provider = Arc::clone(&self.provider);
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
                builder.with_client_cert_verifier(verifier.map_err(|error| authorities(error.to_string()))?)
            }
        };
        let mut config = builder.with_cert_resolver(Arc::clone(self) as Arc<dyn ResolvesServerCert>);
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(config)
    }

    /// Looks at the files again and again, and takes newer ones over once they can be used together.
    pub async fn refresh(self: Arc<Self>) {
        let mut seen = self.first.clone();
        loop {
            // Both ways lead to a look.
            let _ = timeout(self.settings.refresh, self.asked.notified()).await;
            let (watched, before) = (Arc::clone(&self), seen.clone());
            // A thread that cannot be had is asked for again the next time.
            seen = web::block(move || watched.refresh_once(before)).await.unwrap_or(seen);
        }
    }

    /// Reads the files if they are others than before, and returns which ones they are now.
    fn refresh_once(&self, before: Seen) -> Seen {
        let now = self.settings.state();
        if now == before {
            return before;
        }
        match certified(&self.settings, &self.provider) {
            Ok(pair) => {
                self.current.store(pair);
                tracing::info!(target: "palladium::server", "the certificate was replaced: new connections use the one in `{}`", self.settings.certificate.display());
            }
            Err(error) => {
                tracing::warn!(target: "palladium::server", "the certificate before stays in use: {}", with_causes(&error));
            }
        }
        now
    }
}

/// Reads the files that `server.tls` names as the service does when it starts, and returns what is wrong with them.
pub fn check_files(app: &App) -> Option<Diagnostic> {
    // What is wrong with the key itself is found without a look at files.
    let settings = Settings::of(app, &mut Diagnostics::default()).fixed.tls?;
    Encryption::read(&settings, app).err()
}

/// What connections are encrypted with.
pub struct Encryption {
    pub certificates: Arc<Certificates>,
    pub config: ServerConfig,
}

impl Encryption {
    /// Reads the files that the settings of an application name.
    ///
    /// # Errors
    /// They cannot be used, with the place that names the one in question.
    pub fn read(settings: &TlsSettings, app: &App) -> Result<Encryption, Diagnostic> {
        let read = Certificates::read(settings).and_then(|certificates| {
            let config = certificates.config()?;
            Ok(Encryption { certificates, config })
        });
        read.map_err(|error| {
            let value = app.root().get(root_keys::SERVER).and_then(|server| server.get("tls"));
            let entries = value.and_then(Value::as_map).into_iter().flat_map(Map::values);
            let is_named = |entry: &&Entry| entry.value.as_text().is_some_and(|text| Path::new(text) == error.path());
            let named = entries.into_iter().find(is_named).map(|entry| &entry.value).or(value);
            unreachable(&error, "tls", named)
        })
    }
}

/// What tells that a file is another one: where it lies, its length and when it, its owner or its permissions were
/// changed. Nothing stands for none.
type Seen = Vec<Option<(u64, u64, u64, i64, i64)>>;

impl TlsSettings {
    fn state(&self) -> Seen {
        let state = |path: &PathBuf| {
            let found = fs::metadata(path).ok()?;
            Some((found.dev(), found.ino(), found.len(), found.ctime(), found.ctime_nsec()))
        };
        [&self.certificate, &self.key].into_iter().map(state).collect()
    }

    fn failed(&self, source: rustls::Error) -> TlsError {
        TlsError::Pair { certificate: self.certificate.clone(), key: self.key.clone(), source }
    }
}

/// Reads the certificate and its key, and checks that they belong together.
fn certified(settings: &TlsSettings, provider: &CryptoProvider) -> Result<Arc<CertifiedKey>, TlsError> {
    let chain = certificates(&settings.certificate)?;
    let text = read(&settings.key)?;
    let no_key = |_| TlsError::Content { path: settings.key.clone(), expected: "private key" };
    let key = PrivateKeyDer::from_pem_slice(&text).map_err(no_key)?;
    let pair = CertifiedKey::from_der(chain, key, provider).map_err(|error| settings.failed(error))?;
    if fs::metadata(&settings.key).is_ok_and(|found| found.permissions().mode() & 0o004 != 0) {
        tracing::warn!(target: "palladium::server", "every user of this machine can read the private key `{}`", settings.key.display());
    }
    Ok(Arc::new(pair))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let text = read(path)?;
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    match read {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        Ok(_) | Err(_) => Err(TlsError::Content { path: path.to_owned(), expected: "certificate" }),
    }
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    let failed = |source| TlsError::File { path: path.to_owned(), source };
    let mut bytes = Vec::new();
    File::open(path).and_then(|file| file.take(LONGEST).read_to_end(&mut bytes)).map_err(failed)?;
    Ok(bytes)
}
