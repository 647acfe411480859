//! Requests to other services, bounded in time and size.

use std::io::{self, Read};
use std::sync::OnceLock;
use std::time::Duration;

use palladium_component::interfaces::Failure;
use reqwest::blocking::{Client, RequestBuilder};
use reqwest::redirect::Policy;
use url::Url;

use crate::plain::is_loopback;

/// A client for one other service, made when it is first needed.
#[derive(Default)]
pub struct Remote {
    client: OnceLock<Client>,
}

/// Why a service gave no answer that is of use; nothing of the request or the response is shown.
#[derive(Debug, thiserror::Error)]
pub enum RemoteError {
    /// It cannot be asked.
    #[error("`{host}` cannot be asked: {problem}")]
    Unreachable {
        /// Its name.
        host: String,
        /// What kept the request or the response from its way.
        problem: &'static str,
    },
    /// It does not answer with success.
    #[error("`{host}` answers with status {status}")]
    Status {
        /// Its name.
        host: String,
        /// The status.
        status: u16,
    },
    /// It answers with more than such a response holds.
    #[error("`{host}` answers with more than {MOST_BYTES} bytes")]
    TooLarge {
        /// Its name.
        host: String,
    },
    /// It answers with something else.
    #[error("`{host}` answers with what is not {expected}")]
    Content {
        /// Its name.
        host: String,
        /// What was expected.
        expected: &'static str,
    },
    /// No client can be made.
    #[error("no request can be made: {0}")]
    Client(String),
}

const MOST_BYTES: u64 = 1 << 20;

impl Remote {
    /// Sends a request to a service and returns the body of its response.
    ///
    /// # Errors
    /// There is none with success and within the bounds.
    pub fn ask(
        &self,
        url: &Url,
        timeout: Duration,
        request: impl FnOnce(&Client) -> RequestBuilder,
    ) -> Result<Vec<u8>, RemoteError> {
        let host = || host_of(url);
        let client = self.client(url)?;
        let unreachable = |problem| RemoteError::Unreachable { host: host(), problem };
        let response = request(client).timeout(timeout).send().map_err(|error| unreachable(problem(&error)))?;
        let status = response.status();
        if status.as_u16() != 200 {
            return Err(RemoteError::Status { host: host(), status: status.as_u16() });
        }
        let mut body = Vec::new();
        let read = response.take(MOST_BYTES + 1).read_to_end(&mut body);
        read.map_err(|error| unreachable(problem_of_body(&error)))?;
        match body.len() as u64 > MOST_BYTES {
            true => Err(RemoteError::TooLarge { host: host() }),
            false => Ok(body),
        }
    }

    fn client(&self, url: &Url) -> Result<&Client, RemoteError> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        // Whoever answers with a redirect would send credentials elsewhere.
        let builder = Client::builder().redirect(Policy::none()).connect_timeout(Duration::from_secs(3));
        let builder = if is_loopback(url) { builder.no_proxy() } else { builder.https_only(true) };
        let client = builder.build().map_err(|error| RemoteError::Client(error.to_string()))?;
        Ok(self.client.get_or_init(|| client))
    }
}

/// Returns the part of an address that messages may show.
pub fn host_of(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

fn problem(error: &reqwest::Error) -> &'static str {
    match error {
        slow if slow.is_timeout() => "it takes too long",
        refused if refused.is_connect() => "there is no connection",
        _ => "the request or the response was cut off",
    }
}

fn problem_of_body(error: &io::Error) -> &'static str {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<reqwest::Error>());
    match error.kind() == io::ErrorKind::TimedOut || inner.is_some_and(reqwest::Error::is_timeout) {
        true => "its response takes too long",
        false => "its response ends before it is complete",
    }
}

/// Returns the JSON of a response.
///
/// # Errors
/// It is none.
pub fn json<T: serde::de::DeserializeOwned>(url: &Url, body: &[u8], expected: &'static str) -> Result<T, RemoteError> {
    serde_json::from_slice(body).map_err(|_| RemoteError::Content { host: host_of(url), expected })
}

impl From<RemoteError> for Failure {
    fn from(error: RemoteError) -> Failure {
        Failure::message(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Write};
    use std::net::TcpListener;

    use super::*;

    /// Returns what is said of a service that sends these bytes of a longer body, each after a while.
    fn said(body: &'static [u8]) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = Url::parse(&format!("http://{}/", listener.local_addr().unwrap())).unwrap();
        std::thread::spawn(move || {
            let mut stream = BufReader::new(listener.accept().unwrap().0);
            let mut head = String::new();
            while !head.ends_with("\r\n\r\n") && stream.read_line(&mut head).unwrap() > 0 {}
            let stream = stream.get_mut();
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n").unwrap();
            for byte in body {
                std::thread::sleep(Duration::from_millis(50));
                // Whoever asked may have gone.
                let _ = stream.write_all(&[*byte]);
            }
        });
        let asked = Remote::default().ask(&url, Duration::from_millis(500), |client| client.get(url.clone()));
        asked.unwrap_err().to_string()
    }

    #[test]
    fn a_response_that_is_late_is_told_from_one_that_is_cut_off() {
        let (late, cut_off) = (said(&[b' '; 100]), said(b"{"));
        assert!(late.ends_with("its response takes too long"), "{late}");
        assert!(cut_off.ends_with("its response ends before it is complete"), "{cut_off}");
    }
}
