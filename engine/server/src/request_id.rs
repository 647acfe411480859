//! Names for requests, by which a client's report finds the line in the log.

use std::cell::RefCell;
use std::hash::{BuildHasher, RandomState};

use actix_web::http::header::HeaderName;
use actix_web::{HttpMessage, HttpRequest};
use fastrand::Rng;
use palladium_component::interfaces::{TraceId, ViewRequest};

use crate::trace;

/// The header that carries the id of a request.
pub const HEADER: HeaderName = HeaderName::from_static("x-request-id");

thread_local! {
    /// Workers do not wait for each other's numbers.
    static NUMBERS: RefCell<Rng> = RefCell::new(Rng::with_seed(RandomState::new().hash_one(0)));
}

/// Returns the id that a proxy in front gave the request, or a new one, which the request then keeps.
pub fn of(request: &HttpRequest) -> String {
    let given = request.headers().get(HEADER).and_then(|value| value.to_str().ok());
    if let Some(given) = given.filter(|given| is_plain(given)) {
        return given.to_owned();
    }
    let mut kept = request.extensions_mut();
    let given = kept.get::<RequestId>().map(|RequestId(id)| *id);
    let id = given.unwrap_or_else(|| {
        let id = number();
        kept.insert(RequestId(id));
        id
    });
    format!("{id:016x}")
}

/// Returns a number that is drawn from all but 0.
pub fn number() -> u64 {
    NUMBERS.with_borrow_mut(|numbers| numbers.u64(1..))
}

/// What a request is called in the log.
#[derive(Clone, Debug, Default)]
pub struct Name {
    /// Its id, which its client is told too.
    pub id: String,
    /// That of its trace, if it has one.
    pub trace: Option<TraceId>,
}

impl Name {
    /// Returns the name of a request whose trace has been looked for.
    pub fn of(request: &HttpRequest) -> Name {
        Name { id: of(request), trace: trace::kept(request).map(|trace| trace.trace_id) }
    }
}

impl From<&ViewRequest> for Name {
    fn from(request: &ViewRequest) -> Name {
        Name { id: request.request_id.clone(), trace: request.trace_id() }
    }
}

/// The id that a request without one was given.
struct RequestId(u64);

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
        let id_of = |id: &str| of(&TestRequest::default().insert_header((HEADER, id)).to_http_request());
        assert_eq!(id_of("a-B_1.2"), "a-B_1.2");
        for odd in ["", "a b", "a\"", &"x".repeat(65)] {
            assert_eq!(id_of(odd).len(), 16, "{odd}");
        }
        let bare = TestRequest::default().to_http_request();
        let id = of(&bare);
        assert_eq!(of(&bare), id, "a request keeps its id");
        assert_ne!(of(&TestRequest::default().to_http_request()), id);
    }

    #[test]
    fn threads_draw_different_numbers() {
        let draw = || (0..1000).map(|_| number()).collect::<Vec<_>>();
        let drawn: Vec<Vec<u64>> = std::thread::scope(|scope| {
            let threads = [scope.spawn(draw), scope.spawn(draw)];
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let distinct: std::collections::HashSet<u64> = drawn.concat().into_iter().collect();
        assert!(distinct.len() == 2000 && !distinct.contains(&0));
    }
}
