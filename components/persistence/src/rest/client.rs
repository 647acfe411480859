//! Requests to a web server: who asks, how often and how long.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::{Buf, Bytes};
use chrono::{DateTime, Utc};
use palladium_component::prelude::*;
use reqwest::header::{CONTENT_LENGTH, ETAG, HeaderMap, HeaderName, HeaderValue, LOCATION, RETRY_AFTER};
use reqwest::{Body, Method, RequestBuilder, Response, StatusCode};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::address::Address;
use super::error::{RestError, is_transient};
use palladium_connect::BlockingRuntime;
use palladium_connect::{Options, Transport};

/// How many bytes are read from the content at a time.
const PIECE: usize = 64 * 1024;

const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Who asks.
#[derive(Clone)]
pub enum Credentials {
    /// Anybody.
    None,
    /// A user with a password.
    Basic(String, String),
    /// Whoever has a token.
    Bearer(String),
}

/// Asks servers.
pub struct Client {
    transport: Transport,
    credentials: Credentials,
    /// How long nothing may happen.
    patience: Duration,
    retries: u32,
    has_warned: AtomicBool,
    handle: Handle,
    /// Keeps the handle in use.
    _runtime: BlockingRuntime,
}

impl Client {
    /// Returns a client; nothing is connected yet.
    pub fn new(credentials: Credentials, options: &Options, retries: u32) -> Result<Client, RestError> {
        let runtime = BlockingRuntime::new("palladium-rest");
        Ok(Client {
            transport: Transport::new(options)?,
            credentials,
            patience: options.patience,
            retries,
            has_warned: AtomicBool::new(false),
            handle: runtime.handle().map_err(RestError::Runtime)?,
            _runtime: runtime,
        })
    }

    /// Returns the runtime in which requests are made.
    pub fn handle(&self) -> &Handle {
        &self.handle
    }

    /// Returns the answer to HEAD; nothing means that there is no object.
    pub fn head(&self, object: &Address) -> Result<Option<HeaderMap>, RestError> {
        let found = self.look("HEAD", object)?;
        Ok(found.map(|response| response.headers().clone()))
    }

    /// Opens an object for reading; nothing means that there is none.
    pub fn get(self: &Arc<Client>, object: &Address) -> Result<Option<(BodyReader, Option<Revision>)>, RestError> {
        let Some(response) = self.look("GET", object)? else { return Ok(None) };
        let revision = revision(response.headers());
        let client = Arc::clone(self);
        Ok(Some((BodyReader { client, object: object.clone(), response, piece: Bytes::new() }, revision)))
    }

    /// Removes an object or a folder; that there is none is no error.
    pub fn delete(&self, object: &Address) -> Result<(), RestError> {
        let status = self.repeat(object, || self.change("DELETE", object, &[], Vec::new()))?;
        match status {
            _ if status.is_success() => Ok(()),
            StatusCode::NOT_FOUND | StatusCode::GONE => Ok(()),
            status => Err(refused("DELETE", object, status)),
        }
    }

    /// Makes a request once that changes something, and returns the status of the answer whatever it is.
    pub fn change(
        &self,
        method: &'static str,
        object: &Address,
        headers: &[(HeaderName, HeaderValue)],
        body: Vec<u8>,
    ) -> Result<Answer, RestError> {
        self.handle.block_on(self.change_async(method, object, headers, body))
    }

    /// Makes a request as [`Client::change`] does.
    pub async fn change_async(
        &self,
        method: &'static str,
        object: &Address,
        headers: &[(HeaderName, HeaderValue)],
        body: Vec<u8>,
    ) -> Result<Answer, RestError> {
        let mut request = self.request(&self.transport.changing, method, object).header(CONTENT_LENGTH, body.len());
        for (name, value) in headers {
            request = request.header(name, value);
        }
        match timeout(self.patience, request.body(body).send()).await {
            Ok(answer) => self.answer(object, answer),
            Err(_) => Err(self.stalled(object)),
        }
    }

    /// Sends the content of an object once, and returns the status of the answer whatever it is.
    pub fn upload(
        &self,
        object: &Address,
        content: &dyn Content,
        condition: Option<&(HeaderName, HeaderValue)>,
    ) -> Result<Answer, RestError> {
        let unreadable = |source| RestError::Content { object: object.to_string(), source };
        let (sender, receiver) = mpsc::channel::<io::Result<Bytes>>(1);
        let body = futures_util::stream::unfold(receiver, async |mut receiver: mpsc::Receiver<_>| {
            receiver.recv().await.map(|piece| (piece, receiver))
        });
        let mut request = self.request(&self.transport.changing, "PUT", object);
        request = request.header(CONTENT_LENGTH, content.size()).body(Body::wrap_stream(body));
        if let Some((name, value)) = condition {
            request = request.header(name, value);
        }
        let mut content = content.open().map_err(unreadable)?.take(content.size());
        let mut asked = self.handle.spawn(async { request.send().await });
        let sent = self.send_pieces(object, &mut content, &sender);
        drop(sender);
        let sent = sent.and_then(|()| {
            let waited = self.handle.block_on(async { timeout(self.patience, &mut asked).await });
            waited.map_err(|_| self.stalled(object))
        });
        match sent {
            Ok(Ok(answer)) => self.answer(object, answer),
            Ok(Err(ended)) => Err(unreadable(io::Error::other(ended))),
            Err(error) => {
                asked.abort();
                Err(error)
            }
        }
    }

    /// Hands over the content piece by piece, as fast as the server takes it.
    fn send_pieces(
        &self,
        object: &Address,
        content: &mut dyn Read,
        sender: &mpsc::Sender<io::Result<Bytes>>,
    ) -> Result<(), RestError> {
        loop {
            let mut piece = Vec::with_capacity(PIECE);
            if let Err(source) = (&mut *content).take(PIECE as u64).read_to_end(&mut piece) {
                // The request has to fail too, so that the server does not store what it has.
                let failure = Err(io::Error::new(source.kind(), "the content cannot be read"));
                self.handle.block_on(async { timeout(self.patience, sender.send(failure)).await }).ok();
                return Err(RestError::Content { object: object.to_string(), source });
            }
            if piece.is_empty() {
                return Ok(());
            }
            let sent = self.handle.block_on(async { timeout(self.patience, sender.send(Ok(piece.into()))).await });
            match sent {
                Ok(Ok(())) => {}
                // The server has answered already, or the connection is gone: the answer says which.
                Ok(Err(_)) => return Ok(()),
                Err(_) => return Err(self.stalled(object)),
            }
        }
    }

    /// Makes a request again for as long as there is hope, and returns the status of the last answer.
    pub fn repeat(
        &self,
        object: &Address,
        request: impl FnMut() -> Result<Answer, RestError>,
    ) -> Result<StatusCode, RestError> {
        self.repeat_after(RestError::is_transient, object, request)
    }

    /// Makes a request again after some errors, and returns the status of the last answer.
    fn repeat_after(
        &self,
        is_passing: impl Fn(&RestError) -> bool,
        object: &Address,
        mut request: impl FnMut() -> Result<Answer, RestError>,
    ) -> Result<StatusCode, RestError> {
        let mut attempt = 0;
        loop {
            let answer = request();
            match &answer {
                Ok(answer) if !is_transient(answer.status) => return Ok(answer.status),
                Err(error) if !is_passing(error) => {}
                _ if attempt < self.retries => {
                    self.pause(object, attempt, answer.ok().and_then(|answer| answer.retry_after));
                    attempt += 1;
                    continue;
                }
                _ => {}
            }
            return answer.map(|answer| answer.status);
        }
    }

    /// Returns how often a request is repeated.
    pub fn retries(&self) -> u32 {
        self.retries
    }

    /// Waits before a request is repeated, as long as the server asks for within bounds.
    pub fn pause(&self, object: &Address, attempt: u32, asked: Option<Duration>) {
        let usual = FIRST_PAUSE.saturating_mul(1 << attempt.min(10)).min(LONGEST_PAUSE);
        let pause = usual.mul_f64(0.5 + fastrand::f64() / 2.0).max(asked.unwrap_or_default().min(self.patience));
        tracing::debug!(%object, pause = pause.as_secs_f64(), "a request is repeated");
        std::thread::sleep(pause);
    }

    /// Asks for an object without changing anything.
    fn look(&self, method: &'static str, object: &Address) -> Result<Option<Response>, RestError> {
        let mut found = None;
        // A request that changes nothing does no harm if the server has heard it before.
        let is_passing = |error: &RestError| error.is_transient() || matches!(error, RestError::Stalled { .. });
        let status = self.repeat_after(is_passing, object, || {
            let request = self.request(&self.transport.reading, method, object);
            let response =
                self.handle.block_on(async { request.send().await }).map_err(|error| self.failed(object, error))?;
            let answer = self.checked(object, &response)?;
            found = Some(response);
            Ok(answer)
        })?;
        match status {
            StatusCode::OK | StatusCode::NO_CONTENT => Ok(found),
            StatusCode::NOT_FOUND | StatusCode::GONE => Ok(None),
            status => Err(refused(method, object, status)),
        }
    }

    fn request(&self, client: &reqwest::Client, method: &'static str, object: &Address) -> RequestBuilder {
        if !object.is_private()
            && !matches!(self.credentials, Credentials::None)
            && !self.has_warned.swap(true, Ordering::Relaxed)
        {
            let server = object.server();
            tracing::warn!(server, "the password or token can be read on the way to the server: use `https`");
        }
        // All methods that are asked for are valid ones.
        let request = client.request(Method::from_bytes(method.as_bytes()).unwrap_or_default(), object.url().clone());
        match &self.credentials {
            Credentials::None => request,
            Credentials::Basic(user, password) => request.basic_auth(user, Some(password)),
            Credentials::Bearer(token) => request.bearer_auth(token),
        }
    }

    fn answer(&self, object: &Address, answer: reqwest::Result<Response>) -> Result<Answer, RestError> {
        self.checked(object, &answer.map_err(|error| self.failed(object, error))?)
    }

    /// Returns what an answer says, which is an error where it sends elsewhere.
    fn checked(&self, object: &Address, response: &Response) -> Result<Answer, RestError> {
        if response.status().is_redirection() {
            let target = response.headers().get(LOCATION).and_then(|target| target.to_str().ok());
            let target = target.and_then(|target| response.url().join(target).ok());
            let target = target.map_or_else(|| "nowhere".into(), |target| target.origin().ascii_serialization());
            return Err(RestError::Redirect { object: object.to_string(), target });
        }
        Ok(Answer { status: response.status(), retry_after: retry_after(response.headers()) })
    }

    /// Returns what an error of the library means; the password is in none of them, nor is a URL.
    fn failed(&self, object: &Address, error: reqwest::Error) -> RestError {
        let source = error.without_url();
        if source.is_connect() {
            RestError::Unreachable { server: object.server(), source }
        } else if source.is_timeout() {
            self.stalled(object)
        } else {
            RestError::Cut { object: object.to_string(), source }
        }
    }

    fn stalled(&self, object: &Address) -> RestError {
        RestError::Stalled { object: object.to_string(), seconds: self.patience.as_secs_f64() }
    }
}

/// The head of an answer.
pub struct Answer {
    /// What it says.
    pub status: StatusCode,
    /// How long the server asks to be left alone.
    pub retry_after: Option<Duration>,
}

/// Reads the body of an answer.
pub struct BodyReader {
    client: Arc<Client>,
    object: Address,
    response: Response,
    piece: Bytes,
}

impl Read for BodyReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.piece.is_empty() {
            let read = self.client.handle.block_on(self.response.chunk());
            match read.map_err(|error| io::Error::other(self.client.failed(&self.object, error)))? {
                Some(piece) => self.piece = piece,
                // The library knows where a body ends: one that is cut off is an error.
                None => return Ok(0),
            }
        }
        let length = buffer.len().min(self.piece.len());
        self.piece.copy_to_slice(&mut buffer[..length]);
        Ok(length)
    }
}

/// Returns the error of an answer that is one.
pub fn refused(method: &'static str, object: &Address, status: StatusCode) -> RestError {
    RestError::Status { method, object: object.to_string(), status }
}

/// Returns the state of an object that an answer tells; one that is called weak tells states apart only roughly.
pub fn revision(headers: &HeaderMap) -> Option<Revision> {
    let tag = headers.get(ETAG)?.to_str().ok()?;
    (!tag.is_empty()).then(|| Revision(tag.to_owned()))
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let time = DateTime::parse_from_rfc2822(text).ok()?;
    (time.with_timezone(&Utc) - Utc::now()).to_std().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_say_how_long_to_wait() {
        let read = |text: &str| retry_after(&HeaderMap::from_iter([(RETRY_AFTER, text.parse().unwrap())]));
        assert_eq!(read("3"), Some(Duration::from_secs(3)));
        for text in ["", "-1", "soon", "Wed, 21 Oct 2015 07:28:00 GMT"] {
            assert_eq!(read(text), None, "{text}");
        }
        let soon = (Utc::now() + Duration::from_secs(100)).to_rfc2822();
        let wait = read(&soon).unwrap();
        assert!((90..=100).contains(&wait.as_secs()), "{wait:?}");
    }
}
