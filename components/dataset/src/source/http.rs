//! Files of web servers.

use std::time::Duration;

use palladium_component::prelude::*;
use palladium_connect::{BlockingRuntime, Options, Transport, is_loopback};
use reqwest::header::{CONTENT_ENCODING, HeaderMap, HeaderName, HeaderValue, LOCATION};
use reqwest::{Response, StatusCode};
use url::{Origin, Url};

use super::compression::Format;
use super::error::SourceError;
use super::remote::{Fetched, RemoteError, Spool, within};
use super::storage::{Storage, wrong};

/// Options that mean something here.
const KNOWN: &[&str] = &["timeout", "max_time", "max_size", "retries", "headers", "cross_origin_redirects", "ca_file"];

/// How many redirects from one server to another are followed.
const MOST_REDIRECTS: usize = 5;

/// How long the first pause before a repetition is.
const PAUSE: Duration = Duration::from_millis(100);

/// A file of a web server.
pub(super) struct Http {
    /// Where it is, without user and password.
    url: Url,
    name: String,
    user: Option<(String, String)>,
    headers: HeaderMap,
    storage: Storage,
    runtime: BlockingRuntime,
}

/// Why a request is given up.
enum Trial {
    /// It may well succeed a little later.
    Again(SourceError),
    /// It will not.
    Never(SourceError),
}

impl From<SourceError> for Trial {
    fn from(error: SourceError) -> Trial {
        Trial::Never(error)
    }
}

impl Http {
    /// Returns the file of an address.
    pub(super) fn new(path: &str, storage: Storage) -> Result<Http, ArgumentError> {
        storage.check_for("a file of a web server", KNOWN)?;
        let not_an_address = |reason: String| {
            ArgumentError::new("path", format!("`path` is no address of a file: {reason}"))
                .help("write `https://host/folder/name`")
        };
        let mut url = Url::parse(path).map_err(|error| not_an_address(error.to_string()))?;
        if url.host().is_none() {
            return Err(not_an_address("it names no host".to_owned()));
        }
        let decoded = |text: &str| percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned();
        let user = (!url.username().is_empty() || url.password().is_some())
            .then(|| (decoded(url.username()), decoded(url.password().unwrap_or_default())));
        // Both succeed, as there is a host.
        let _ = (url.set_username(""), url.set_password(None));
        url.set_fragment(None);
        let headers = headers(&storage)?;
        if user.is_some() && headers.contains_key(reqwest::header::AUTHORIZATION) {
            return Err(wrong("`headers` has `Authorization` beside a user in `path`", "leave one of them out"));
        }
        let name = shown(&url);
        Ok(Http { url, name, user, headers, storage, runtime: BlockingRuntime::new("palladium-http") })
    }

    /// Returns the name for messages.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Fetches the file.
    pub(super) fn fetch(&self) -> Result<Fetched, SourceError> {
        let transport = self.transport()?;
        within(&self.runtime, self.storage.max_time, &self.name, async {
            let mut pause = PAUSE;
            for _ in 0..self.storage.limits.retries {
                match self.try_fetch(&transport).await {
                    Ok(fetched) => return Ok(fetched),
                    Err(Trial::Never(error)) => return Err(error),
                    Err(Trial::Again(error)) => {
                        tracing::debug!(file = self.name, "asking again: {error}");
                        tokio::time::sleep(pause).await;
                        pause *= 2;
                    }
                }
            }
            self.try_fetch(&transport).await.map_err(|trial| match trial {
                Trial::Again(error) | Trial::Never(error) => error,
            })
        })
    }

    /// Finds out whether the file is there.
    pub(super) fn probe(&self) -> Result<(), SourceError> {
        let transport = self.transport()?;
        within(&self.runtime, self.storage.max_time, &self.name, async {
            let asked = self.ask(&transport).await;
            asked.map(drop).map_err(|trial| match trial {
                Trial::Again(error) | Trial::Never(error) => error,
            })
        })
    }

    fn transport(&self) -> Result<Transport, SourceError> {
        let has_secret = self.user.is_some() || !self.headers.is_empty();
        if self.url.scheme() == "http" && has_secret && !is_loopback(&self.url) {
            tracing::warn!(file = self.name, "a password or header can be read on the way to the server: use `https`");
        }
        let options = Options {
            connect: self.storage.limits.patience,
            patience: self.storage.limits.patience,
            ca_file: self.storage.ca_file.clone(),
            https_only: false,
            http1_only: false,
        };
        Ok(Transport::new(&options).map_err(RemoteError::Transport)?)
    }

    async fn try_fetch(&self, transport: &Transport) -> Result<Fetched, Trial> {
        let mut answer = self.ask(transport).await?;
        let encoding = self.encoding(&answer)?;
        let mut spool = Spool::new(&self.name, self.storage.max_size)?;
        spool.expect(answer.content_length().unwrap_or(0))?;
        loop {
            match answer.chunk().await {
                Ok(Some(piece)) => spool.push(&piece)?,
                Ok(None) => return Ok(Fetched { file: spool.into_file(), encoding }),
                Err(error) if error.is_timeout() => return Err(Trial::Never(self.stalled())),
                Err(error) => {
                    let source = Some(error.without_url().into());
                    let cut = RemoteError::Cut { file: self.name.clone(), read: spool.size(), source };
                    return Err(Trial::Again(cut.into()));
                }
            }
        }
    }

    /// Asks for the file and follows redirects; what is secret stays with the first server.
    async fn ask(&self, transport: &Transport) -> Result<Response, Trial> {
        let (mut url, mut is_first_server) = (self.url.clone(), true);
        for _ in 0..=MOST_REDIRECTS {
            let mut request = transport.reading.get(url.clone());
            if is_first_server {
                request = request.headers(self.headers.clone());
                if let Some((user, password)) = &self.user {
                    request = request.basic_auth(user, Some(password));
                }
            }
            let answer = request.send().await.map_err(|error| self.not_sent(error))?;
            if !answer.status().is_redirection() {
                return self.accepted(answer);
            }
            (url, is_first_server) = (self.redirected(&answer)?, false);
        }
        Err(Trial::Never(RemoteError::Redirects { file: self.name.clone() }.into()))
    }

    /// Returns where an answer leads. Redirects within a server have been followed before.
    fn redirected(&self, answer: &Response) -> Result<Url, SourceError> {
        let nowhere = || RemoteError::Redirects { file: self.name.clone() };
        let to = answer.headers().get(LOCATION).and_then(|to| to.to_str().ok()).ok_or_else(nowhere)?;
        let to = answer.url().join(to).map_err(|_| nowhere())?;
        if !matches!(to.scheme(), "http" | "https") || to.origin() == answer.url().origin() {
            return Err(nowhere().into());
        }
        let is_downgrade = answer.url().scheme() == "https" && to.scheme() == "http";
        if !self.storage.cross_origin || is_downgrade {
            let to = origin(&to.origin());
            return Err(RemoteError::OtherServer { file: self.name.clone(), to }.into());
        }
        Ok(to)
    }

    fn accepted(&self, answer: Response) -> Result<Response, Trial> {
        let file = || self.name.clone();
        let status = answer.status();
        match status {
            StatusCode::OK => Ok(answer),
            StatusCode::NOT_FOUND | StatusCode::GONE => {
                Err(Trial::Never(RemoteError::NotFound { file: file() }.into()))
            }
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                Err(Trial::Never(RemoteError::Denied { file: file() }.into()))
            }
            _ => {
                let error = RemoteError::Status { file: file(), status: status.as_u16() }.into();
                let is_transient = status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS;
                Err(if is_transient { Trial::Again(error) } else { Trial::Never(error) })
            }
        }
    }

    fn not_sent(&self, error: reqwest::Error) -> Trial {
        if error.is_timeout() {
            return Trial::Never(self.stalled());
        }
        let file = self.name.clone();
        let source = error.without_url().into();
        Trial::Again(RemoteError::Unreachable { file, source }.into())
    }

    fn stalled(&self) -> SourceError {
        RemoteError::Stalled { file: self.name.clone() }.into()
    }

    /// Returns how the server says that the file is packed.
    fn encoding(&self, answer: &Response) -> Result<Option<Format>, SourceError> {
        let encoding = answer.headers().get(CONTENT_ENCODING).map(|encoding| encoding.as_bytes().to_ascii_lowercase());
        match encoding.as_deref() {
            None | Some(b"" | b"identity") => Ok(None),
            Some(b"gzip" | b"x-gzip") => Ok(Some(Format::Gzip)),
            Some(b"zstd") => Ok(Some(Format::Zstd)),
            Some(other) => {
                let encoding = String::from_utf8_lossy(other).into_owned();
                Err(RemoteError::Encoding { file: self.name.clone(), encoding }.into())
            }
        }
    }
}

/// Returns the headers that requests are to have, whose values are never shown.
fn headers(storage: &Storage) -> Result<HeaderMap, ArgumentError> {
    let mut headers = HeaderMap::new();
    for (name, value) in &storage.headers {
        let wrong_name = |_| wrong(format!("`headers` has `{name}`, which is no name of a header"), "correct the name");
        let name = HeaderName::try_from(name).map_err(wrong_name)?;
        let wrong_value = |_| {
            let message =
                format!("the header `{name}` has a value with a line break or another sign that none may have");
            wrong(message, "correct the value")
        };
        let mut value = HeaderValue::try_from(value).map_err(wrong_value)?;
        value.set_sensitive(true);
        headers.append(name, value);
    }
    Ok(headers)
}

/// Returns an address without what may be secret in it: user, password and query.
fn shown(url: &Url) -> String {
    format!("{}{}", origin(&url.origin()), url.path())
}

fn origin(origin: &Origin) -> String {
    origin.ascii_serialization()
}

#[cfg(test)]
mod tests;
