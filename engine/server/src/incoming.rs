//! Requests with what they go by.

use std::cell::Cell;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Instant;

use actix_web::HttpRequest;
use actix_web::http::header::CONTENT_LENGTH;
use palladium_component::interfaces::Trace;

use crate::request_id::{self, Name, number};

/// A request, with its id and its trace: beside its extensions, whose first entry costs more than both.
pub struct Incoming<'a> {
    request: &'a HttpRequest,
    /// The number that became its id where it came with none; 0 until it is drawn.
    number: Cell<u64>,
    /// How long its body is, as it announces it, once somebody has asked.
    announced: Cell<Option<Option<u64>>>,
    /// When it came, where somebody wants to know.
    pub started: Option<Instant>,
    /// The trace that it belongs to, where it came with one or somebody wants to know.
    pub trace: Option<Arc<Trace>>,
}

impl<'a> Incoming<'a> {
    /// Returns a request that has no id yet.
    pub fn new(request: &'a HttpRequest, trace: Option<Arc<Trace>>) -> Incoming<'a> {
        Incoming { request, number: Cell::new(0), announced: Cell::new(None), started: None, trace }
    }

    /// Returns how long the body is, as the request announces it.
    pub fn announced(&self) -> Option<u64> {
        let read = || self.headers().get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
        let announced = self.announced.get().unwrap_or_else(read);
        self.announced.set(Some(announced));
        announced
    }

    /// Returns the id that a proxy in front gave the request, or a new one, which the request then keeps.
    pub fn id(&self) -> String {
        request_id::given(self.request).map_or_else(|| request_id::text(self.number()), str::to_owned)
    }

    /// Returns what the request is called in the log.
    pub fn name(&self) -> Name {
        Name { id: self.id(), trace: self.trace.as_ref().map(|trace| trace.trace_id) }
    }

    fn number(&self) -> u64 {
        if self.number.get() == 0 {
            self.number.set(number());
        }
        self.number.get()
    }
}

impl Deref for Incoming<'_> {
    type Target = HttpRequest;

    fn deref(&self) -> &HttpRequest {
        self.request
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    #[test]
    fn takes_over_plain_ids_only() {
        let id_of = |id: &str| {
            let request = TestRequest::default().insert_header((request_id::HEADER, id)).to_http_request();
            Incoming::new(&request, None).id()
        };
        assert_eq!(id_of("a-B_1.2"), "a-B_1.2");
        for odd in ["", "a b", "a\"", &"x".repeat(65)] {
            assert_eq!(id_of(odd).len(), 16, "{odd}");
        }
        let bare = TestRequest::default().to_http_request();
        let asked = Incoming::new(&bare, None);
        assert_eq!(asked.id(), asked.id(), "a request keeps its id");
        assert_ne!(Incoming::new(&bare, None).id(), asked.id());
    }
}
