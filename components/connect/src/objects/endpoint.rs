//! Addresses of services other than those of the big clouds.

use palladium_component::prelude::*;
use url::Url;

use crate::is_loopback;

/// Tells whether a service is on this machine, so that nobody can listen on the way.
pub fn is_local(endpoint: Option<&str>) -> bool {
    endpoint.and_then(|endpoint| Url::parse(endpoint).ok()).is_some_and(|url| is_loopback(&url))
}

/// Warns of a server that others can listen to; `what` is what they would read, such as models.
pub fn warn_of_plain_http(endpoint: Option<&str>, what: &str) {
    let Some(url) = endpoint.and_then(|endpoint| Url::parse(endpoint).ok()) else { return };
    if url.scheme() == "http" && !is_loopback(&url) {
        tracing::warn!(
            server = url.origin().ascii_serialization(),
            "{what} can be read and changed on the way to the server: use `https`"
        );
    }
}

/// Checks the address of a service.
///
/// # Errors
/// It is no address, holds a secret, or has no TLS although that is needed.
pub fn check_endpoint(endpoint: Option<&str>, allows_http: bool) -> Result<(), ArgumentError> {
    let Some(endpoint) = endpoint else { return Ok(()) };
    let wrong = |message: &str, help: &str| Err(ArgumentError::new("endpoint", message).help(help));
    let Ok(url) = Url::parse(endpoint) else {
        return wrong("`endpoint` is not a URL", "write `https://host`");
    };
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        return wrong("`endpoint` has to begin with `https://` or `http://`", "write `https://host`");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return wrong(
            "a user or a password in `endpoint` is shown in too many places",
            "there are parameters for keys",
        );
    }
    if url.query().is_some() || url.fragment().is_some() {
        return wrong("nothing may follow a `?` or a `#` in `endpoint`", "write `https://host`");
    }
    if url.scheme() == "http" && !allows_http {
        return wrong("`endpoint` has no TLS", "write `https://`, or set `allow_http: true`");
    }
    Ok(())
}
