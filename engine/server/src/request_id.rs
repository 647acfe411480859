//! Names for requests, by which a client's report finds the line in the log.

use std::cell::RefCell;
use std::hash::{BuildHasher, RandomState};

use actix_web::HttpRequest;
use actix_web::http::header::HeaderName;
use fastrand::Rng;
use palladium_component::interfaces::{TraceId, ViewRequest};

/// The header that carries the id of a request.
pub const HEADER: HeaderName = HeaderName::from_static("x-request-id");

thread_local! {
    /// Workers do not wait for each other's numbers.
    static NUMBERS: RefCell<Rng> = RefCell::new(Rng::with_seed(RandomState::new().hash_one(0)));
}

/// Returns the id that a proxy in front gave a request, if it may be taken over.
pub fn given(request: &HttpRequest) -> Option<&str> {
    let given = request.headers().get(HEADER).and_then(|value| value.to_str().ok());
    given.filter(|given| is_plain(given))
}

/// Returns the id of a number.
pub fn text(number: u64) -> String {
    let digit = |place: usize| b"0123456789abcdef"[(number >> (60 - 4 * place)) as usize % 16];
    let digits: [u8; 16] = std::array::from_fn(digit);
    String::from_utf8_lossy(&digits).into_owned()
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

impl From<&ViewRequest> for Name {
    fn from(request: &ViewRequest) -> Name {
        Name { id: request.request_id.clone(), trace: request.trace_id() }
    }
}

/// Ids go into logs and messages: only short and harmless ones are taken over.
fn is_plain(id: &str) -> bool {
    const LONGEST: usize = 64;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    (1..=LONGEST).contains(&id.len()) && id.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_hexadecimal() {
        for number in [0, 1, 0xfedc_ba98_7654_3210, u64::MAX] {
            assert_eq!(text(number), format!("{number:016x}"));
        }
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
