//! A line in the log for each request.

use std::fmt;
use std::net::IpAddr;
use std::time::Instant;

use palladium_component::prelude::*;

use crate::view::request_of;

/// Logs each request with the principal, the status and how long it took from its head until there was an answer.
///
/// ```ron
/// "predict_decorators": [
///     {
///         "!": "palladium.decorators.ApiKey",
///         "api_keys": { "dashboard": "${environ.DASHBOARD_KEY}" },
///     },
///     "palladium.decorators.AccessLog",
/// ],
/// "logging": { "filters": { "palladium::access": "info" } },
/// ```
///
/// The lines are at the level `info` of the target `palladium::access`, which is off unless `logging` names it. The
/// server's own lines at that target know no principal; those of this decorator have the same request id, the same
/// `trace_id` and `span_id`, and the field `view`, the root key of its list. As the last of the list it also sees what
/// other decorators refuse, and its line takes the place of the server's own. Queries, headers and bodies are never
/// logged. Of a stream of lines, the content type `application/x-ndjson`, it says how long it took until the stream began.
/// Lines at this target are written together with those of the next 50 milliseconds, or before any other line;
/// a process that is killed, or stopped by a second signal, loses those that wait.
#[component(Decorator, name = "palladium.decorators.AccessLog")]
pub struct AccessLog;

impl Decorator for AccessLog {
    fn call(&self, call: Call<'_>) -> Result<Returned, Failure> {
        let (request, view) = (request_of(&call)?, call.name());
        let started = request.started.unwrap_or_else(Instant::now);
        let returned = call.proceed();
        request.caller.show(|identity| {
            tracing::info!(
                target: "palladium::access",
                request_id = request.request_id,
                trace_id = request.trace.as_ref().map(|trace| display(trace.trace_id)),
                span_id = request.trace.as_ref().map(|trace| display(trace.span_id)),
                view,
                method = request.method,
                path = request.path,
                peer = request.peer.map(|peer| display(Address(peer))),
                principal = identity.map(|identity| identity.principal.as_str()),
                status = status_of(&returned),
                microseconds = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX),
            );
        });
        returned
    }

    fn is_quick(&self) -> bool {
        true
    }

    fn logs_requests(&self) -> bool {
        true
    }

    fn wraps_only_views(&self) -> bool {
        true
    }

    fn docs(&self) -> Option<DecoratorDocs> {
        Some(DecoratorDocs::default())
    }

    fn needs_body(&self) -> bool {
        false
    }
}

/// An address as its `Display` shows it, at less cost for the usual ones: every line has one.
struct Address(IpAddr);

impl fmt::Display for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        const LONGEST: usize = "255.255.255.255".len();
        let IpAddr::V4(address) = self.0 else { return self.0.fmt(formatter) };
        let (mut text, mut length) = ([0; LONGEST], 0);
        for (index, octet) in address.octets().into_iter().enumerate() {
            if index > 0 {
                text[length] = b'.';
                length += 1;
            }
            for unit in [100, 10, 1].into_iter().filter(|unit| octet >= *unit || *unit == 1) {
                text[length] = b'0' + octet / unit % 10;
                length += 1;
            }
        }
        formatter.write_str(std::str::from_utf8(&text[..length]).map_err(|_| fmt::Error)?)
    }
}

/// Returns the status that a client gets: a failure of a decorator is answered with 500.
pub fn status_of(returned: &Result<Returned, Failure>) -> u16 {
    match returned {
        Ok(Returned::Response(response)) => response.status,
        _ => 500,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_shown_as_they_are() {
        for text in ["0.0.0.0", "10.1.29.255", "9.99.100.109", "255.255.255.255", "::1", "2001:db8::ff00:42:8329"] {
            let address: IpAddr = text.parse().unwrap();
            assert_eq!(Address(address).to_string(), text);
        }
    }
}
