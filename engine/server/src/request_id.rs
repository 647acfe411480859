//! Names for requests, by which a client's report finds the line in the log.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

use actix_web::{HttpMessage, HttpRequest};

/// The header that carries the id of a request.
pub const HEADER: &str = "x-request-id";

/// Gives out ids.
pub struct RequestIds {
    state: RandomState,
    next: AtomicU64,
}

impl RequestIds {
    pub fn new() -> RequestIds {
        RequestIds { state: RandomState::new(), next: AtomicU64::new(0) }
    }

    /// Returns the id that a proxy in front gave the request, or a new one, which the request then keeps.
    pub fn of(&self, request: &HttpRequest) -> String {
        let given = request.headers().get(HEADER).and_then(|value| value.to_str().ok());
        if let Some(given) = given.filter(|given| is_plain(given)) {
            return given.to_owned();
        }
        let mut kept = request.extensions_mut();
        if let Some(RequestId(id)) = kept.get::<RequestId>() {
            return id.clone();
        }
        let id = format!("{:016x}", self.number());
        kept.insert(RequestId(id.clone()));
        id
    }

    /// Returns a number that nobody guesses and that is not 0.
    pub fn number(&self) -> u64 {
        self.state.hash_one(self.next.fetch_add(1, Ordering::Relaxed)).max(1)
    }
}

/// The id that a request without one was given.
struct RequestId(String);

/// Ids go into logs and messages: only short and harmless ones are taken over.
fn is_plain(id: &str) -> bool {
    const LONGEST: usize = 64;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    (1..=LONGEST).contains(&id.len()) && id.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    #[test]
    fn takes_over_plain_ids_only() {
        let ids = RequestIds::new();
        let of = |id: &str| ids.of(&TestRequest::default().insert_header((HEADER, id)).to_http_request());
        assert_eq!(of("a-B_1.2"), "a-B_1.2");
        for odd in ["", "a b", "a\"", &"x".repeat(65)] {
            assert_eq!(of(odd).len(), 16, "{odd}");
        }
        let bare = TestRequest::default().to_http_request();
        let id = ids.of(&bare);
        assert_eq!(ids.of(&bare), id, "a request keeps its id");
        assert_ne!(ids.of(&TestRequest::default().to_http_request()), id);
    }
}
