//! Requests to OpenML, whose answers are kept in a folder.

use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use md5::{Digest, Md5};
use palladium_connect::{BlockingRuntime, Options, Transport};
use reqwest::header::LOCATION;
use reqwest::{Response, StatusCode};
use ring::digest::{SHA256, digest};
use serde_json::Value as Json;
use tempfile::NamedTempFile;
use url::Url;

use super::error::OpenMlError;

/// How long an answer in JSON is at most.
const MOST_JSON: u64 = 16 << 20;

/// How many redirects to other servers are followed.
const MOST_REDIRECTS: usize = 5;

/// How much of what a server says about an error is told.
const MOST_MESSAGE: usize = 300;

/// How requests are made.
pub(crate) struct Settings {
    /// Where the interface is.
    pub(crate) base: Url,
    /// The folder of answers.
    pub(crate) folder: PathBuf,
    /// Whether answers that are in the folder are used.
    pub(crate) use_kept: bool,
    /// How long nothing may happen.
    pub(crate) patience: Duration,
    /// How often a request is repeated.
    pub(crate) retries: u32,
    /// How long is waited before.
    pub(crate) delay: Duration,
    /// How large a file of data may be.
    pub(crate) max_size: u64,
}

/// Asks OpenML.
pub(crate) struct Client {
    settings: Settings,
    transport: Transport,
    runtime: BlockingRuntime,
}

/// Content that was received.
struct Received {
    file: NamedTempFile,
    md5: String,
}

impl Client {
    pub(crate) fn new(settings: Settings) -> Result<Client, OpenMlError> {
        let transport = Transport::new(&Options {
            connect: settings.patience,
            patience: settings.patience,
            ca_file: None,
            https_only: false,
            http1_only: false,
        })?;
        Ok(Client { settings, transport, runtime: BlockingRuntime::new("palladium-openml") })
    }

    /// Returns the address of a part of the interface.
    pub(crate) fn address(&self, parts: &[&str]) -> Url {
        let mut url = self.settings.base.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(parts);
        }
        url
    }

    /// Returns an answer in JSON.
    pub(crate) fn json(&self, url: &Url) -> Result<Json, OpenMlError> {
        let kept = self.kept(url, "json");
        let not_understood =
            |error: serde_json::Error| OpenMlError::Answer { url: url.clone(), reason: error.to_string() };
        if let Some(file) = self.open(&kept)? {
            match serde_json::from_reader(io::BufReader::new(file)) {
                Ok(json) => return Ok(json),
                Err(error) => tracing::warn!("`{}` is broken and downloaded anew: {error}", kept.display()),
            }
        }
        let received = self.receive(url, MOST_JSON)?;
        let json = serde_json::from_reader(io::BufReader::new(received.file.as_file())).map_err(not_understood)?;
        self.keep(received, &kept)?;
        Ok(json)
    }

    /// Returns a file of data, `dataset`, that has this checksum.
    pub(crate) fn file(&self, url: &Url, md5: Option<&str>, dataset: &str) -> Result<File, OpenMlError> {
        let kept = self.kept(url, "arff");
        if let Some(mut file) = self.open(&kept)? {
            let found = checksum(&mut file).map_err(|source| refused(&kept, "read", source))?;
            if md5.is_none_or(|expected| expected.eq_ignore_ascii_case(&found)) {
                return Ok(file);
            }
            tracing::warn!("`{}` has another checksum than {dataset}, and is downloaded anew.", kept.display());
        }
        let received = self.receive(url, self.settings.max_size)?;
        if let Some(expected) = md5.filter(|expected| !expected.eq_ignore_ascii_case(&received.md5)) {
            let (dataset, expected) = (dataset.to_owned(), expected.to_owned());
            return Err(OpenMlError::Checksum { dataset, found: received.md5, expected });
        }
        self.keep(received, &kept)
    }

    /// Returns where the answer of an address is kept.
    fn kept(&self, url: &Url, extension: &str) -> PathBuf {
        let name = hex::encode(digest(&SHA256, url.as_str().as_bytes()));
        self.settings.folder.join(format!("{name}.{extension}"))
    }

    /// Opens an answer that is kept, if it is and may be used.
    fn open(&self, kept: &Path) -> Result<Option<File>, OpenMlError> {
        if !self.settings.use_kept {
            return Ok(None);
        }
        match File::open(kept) {
            Ok(file) => Ok(Some(file)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(refused(kept, "read", source)),
        }
    }

    /// Puts what was received where it is kept, whole or not at all.
    fn keep(&self, received: Received, kept: &Path) -> Result<File, OpenMlError> {
        let mut file = received.file.persist(kept).map_err(|error| refused(kept, "written", error.error))?;
        file.rewind().map_err(|source| refused(kept, "read", source))?;
        Ok(file)
    }

    /// Downloads content, again where there is hope.
    fn receive(&self, url: &Url, limit: u64) -> Result<Received, OpenMlError> {
        let handle = self.runtime.handle().map_err(OpenMlError::Runtime)?;
        let mut retries = self.settings.retries;
        loop {
            match handle.block_on(self.download(url, limit)) {
                Err(error) if error.is_transient() && retries > 0 => {
                    tracing::info!("{error}; trying again.");
                    retries -= 1;
                    std::thread::sleep(self.settings.delay);
                }
                received => return received,
            }
        }
    }

    async fn download(&self, url: &Url, limit: u64) -> Result<Received, OpenMlError> {
        let unreachable =
            |source: reqwest::Error| OpenMlError::Unreachable { url: url.clone(), source: source.without_url() };
        let not_written = |source| refused(&self.settings.folder, "written to", source);
        let mut response = self.ask(url).await?;
        let status = response.status();
        if !status.is_success() {
            return Err(OpenMlError::Status { url: url.clone(), status, message: message(response).await });
        }
        let mut file = NamedTempFile::new_in(&self.settings.folder).map_err(not_written)?;
        let (mut md5, mut size) = (Md5::new(), 0);
        while let Some(piece) = response.chunk().await.map_err(unreachable)? {
            size += piece.len() as u64;
            if size > limit {
                return Err(OpenMlError::TooLarge { url: url.clone(), limit });
            }
            md5.update(&piece);
            file.write_all(&piece).map_err(not_written)?;
        }
        file.rewind().map_err(not_written)?;
        Ok(Received { file, md5: hex::encode(md5.finalize()) })
    }

    /// Returns the answer of an address, or of the server of OpenML that it leads to.
    async fn ask(&self, url: &Url) -> Result<Response, OpenMlError> {
        let mut at = self.allowed(url, url)?;
        for _ in 0..=MOST_REDIRECTS {
            let request = self.transport.reading.get(at.clone()).send().await;
            let response =
                request.map_err(|source| OpenMlError::Unreachable { url: at.clone(), source: source.without_url() })?;
            let place = response.headers().get(LOCATION).and_then(|place| place.to_str().ok());
            let Some(place) = place.filter(|_| response.status().is_redirection()) else { return Ok(response) };
            let elsewhere = || OpenMlError::Elsewhere { from: at.clone(), to: place.to_owned() };
            let next = response.url().join(place).map_err(|_| elsewhere())?;
            at = self.allowed(&next, &at)?;
        }
        let (status, message) = (StatusCode::LOOP_DETECTED, "it leads from one address to the next".to_owned());
        Err(OpenMlError::Status { url: url.clone(), status, message })
    }

    /// Returns an address if it is at the server of the interface or one of OpenML; those are asked with TLS.
    fn allowed(&self, url: &Url, from: &Url) -> Result<Url, OpenMlError> {
        if url.origin() == self.settings.base.origin() {
            return Ok(url.clone());
        }
        let mut url = url.clone();
        let is_openml = url.domain().is_some_and(|name| name == "openml.org" || name.ends_with(".openml.org"));
        let is_plain = matches!(url.scheme(), "http" | "https") && url.port().is_none();
        match is_openml && is_plain && url.set_scheme("https").is_ok() {
            true => Ok(url),
            false => Err(OpenMlError::Elsewhere { from: from.clone(), to: url.to_string() }),
        }
    }
}

/// Returns what a server says about an error: OpenML does so in JSON.
async fn message(mut response: Response) -> String {
    let mut body = Vec::new();
    while let Ok(Some(piece)) = response.chunk().await {
        body.extend_from_slice(&piece);
        if body.len() > MOST_MESSAGE * 10 {
            break;
        }
    }
    let json: Json = serde_json::from_slice(&body).unwrap_or_default();
    let text = |name: &str| json["error"][name].as_str().unwrap_or_default().to_owned();
    let said = [text("message"), text("additional_information")].into_iter().filter(|text| !text.is_empty());
    let said = said.collect::<Vec<_>>().join(": ");
    said.chars().filter(|letter| !letter.is_control()).take(MOST_MESSAGE).collect()
}

/// Returns the MD5 checksum of a file, which is at its beginning before and after.
fn checksum(file: &mut File) -> io::Result<String> {
    let mut md5 = Md5::new();
    let mut piece = vec![0; 1 << 16];
    loop {
        match file.read(&mut piece)? {
            0 => break,
            length => md5.update(&piece[..length]),
        }
    }
    file.rewind()?;
    Ok(hex::encode(md5.finalize()))
}

fn refused(file: &Path, done: &'static str, source: io::Error) -> OpenMlError {
    OpenMlError::File { file: file.display().to_string(), done, source }
}
