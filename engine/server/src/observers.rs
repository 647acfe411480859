//! What is told about the requests of a service: nothing is measured where nobody wants to know.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use actix_web::body::{BodySize, MessageBody};
use actix_web::http::Method;
use actix_web::http::header::CONTENT_LENGTH;
use actix_web::{HttpMessage, HttpRequest, HttpResponse};
use palladium_component::interfaces::{Answered, Observer, Predicted, Trace};

use crate::body::Read;

/// The observers of a service, which the views of its table bring once that is complete.
#[derive(Default)]
pub struct Observers(OnceLock<Box<[Arc<dyn Observer>]>>);

impl Observers {
    /// Sets the observers; once and for all.
    pub fn set(&self, observers: Vec<Arc<dyn Observer>>) {
        self.0.get_or_init(|| observers.into());
    }

    /// Returns the observers.
    pub fn all(&self) -> &[Arc<dyn Observer>] {
        self.0.get().map_or(&[], |observers| observers)
    }

    /// Tells whether there is one.
    pub fn is_any(&self) -> bool {
        !self.all().is_empty()
    }

    /// Tells whether one of them records traces.
    pub fn record_traces(&self) -> bool {
        self.all().iter().any(|observer| observer.records_traces())
    }

    /// Tells whether one of them records the span of a request.
    pub fn sample(&self, trace: &Trace) -> bool {
        self.all().iter().any(|observer| observer.samples(trace))
    }

    /// Tells the observers that a request has come.
    pub fn begin(&self) -> Underway<'_> {
        self.all().iter().for_each(|observer| observer.begun());
        Underway(self.all())
    }
}

/// A request whose end the observers will be told of, also if its client goes away.
pub struct Underway<'a>(&'a [Arc<dyn Observer>]);

impl Underway<'_> {
    /// Tells the observers what became of the request.
    pub fn end(
        mut self,
        route: Option<usize>,
        request: &HttpRequest,
        response: &HttpResponse,
        trace: Option<&Trace>,
        time: Duration,
    ) {
        let observers = std::mem::take(&mut self.0);
        if observers.is_empty() {
            return;
        }
        let kept = request.extensions();
        let announced = request.headers().get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
        let received = announced.or_else(|| kept.get().map(|Read(bytes)| *bytes)).unwrap_or(0);
        let sent = match response.body().size() {
            BodySize::Sized(bytes) if *request.method() != Method::HEAD => bytes,
            BodySize::Sized(_) | BodySize::None | BodySize::Stream => 0,
        };
        let (method, status) = (request.method().as_str(), response.status().as_u16());
        let predicted = kept.get::<Predicted>();
        let path = request.path();
        let answered = Answered { route, method, path, status, time, received, sent, trace, predicted };
        observers.iter().for_each(|observer| observer.ended(Some(&answered)));
    }
}

impl Drop for Underway<'_> {
    fn drop(&mut self) {
        self.0.iter().for_each(|observer| observer.ended(None));
    }
}
