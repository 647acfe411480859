//! What is told about the requests of a service: nothing is measured where nobody wants to know. An answer that is made
//! while it is sent is over when its body is.

use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};
use std::time::Instant;

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::http::{Method, StatusCode};
use actix_web::web::Bytes;
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
    pub fn begin(self: &Arc<Self>) -> Underway<'_> {
        self.all().iter().for_each(|observer| observer.begun());
        Underway(Some(self))
    }

    fn tell(&self, request: &HttpRequest, told: &Told, over: Instant, status: StatusCode, sent: u64) {
        let kept = request.extensions();
        let received = told.announced.or_else(|| kept.get().map(|Read(bytes)| *bytes)).unwrap_or(0);
        let answered = Answered {
            route: told.route,
            method: request.method().as_str(),
            path: request.path(),
            status: status.as_u16(),
            time: over.duration_since(told.started),
            received,
            sent,
            trace: told.trace.as_deref(),
            predicted: kept.get::<Predicted>(),
        };
        self.all().iter().for_each(|observer| observer.ended(Some(&answered)));
    }

    fn tell_broken_off(&self) {
        self.all().iter().for_each(|observer| observer.ended(None));
    }
}

/// The client went away while its body was read or answered; the request keeps it.
pub struct GoneAway;

/// What is known about a request once there is a response.
pub struct Told {
    /// The position of the route, if there is one.
    pub route: Option<usize>,
    pub trace: Option<Arc<Trace>>,
    /// How long its body is, as it announced it.
    pub announced: Option<u64>,
    /// When it came.
    pub started: Instant,
}

/// A request whose end the observers will be told of, also if its client goes away.
pub struct Underway<'a>(Option<&'a Arc<Observers>>);

impl Underway<'_> {
    /// Tells the observers what became of the request, which is over now or when all of the response is sent.
    pub fn end(mut self, request: &HttpRequest, response: HttpResponse, told: Told, now: Instant) -> HttpResponse {
        let Some(observers) = self.0.take().filter(|observers| observers.is_any()) else { return response };
        let (status, is_head) = (response.status(), *request.method() == Method::HEAD);
        let sent = match response.body().size() {
            BodySize::Stream if !is_head => {
                let over = Over { observers: Arc::clone(observers), request: request.clone(), told, status };
                return response.map_body(|_, body| BoxBody::new(Observed { body, sent: 0, over: Some(over) }));
            }
            BodySize::Sized(bytes) if !is_head => bytes,
            BodySize::Sized(_) | BodySize::None | BodySize::Stream => 0,
        };
        match request.extensions().contains::<GoneAway>() {
            true => observers.tell_broken_off(),
            false => observers.tell(request, &told, now, status, sent),
        }
        response
    }
}

impl Drop for Underway<'_> {
    fn drop(&mut self) {
        if let Some(observers) = self.0 {
            observers.tell_broken_off();
        }
    }
}

/// What there is to tell when a body is over.
struct Over {
    observers: Arc<Observers>,
    request: HttpRequest,
    told: Told,
    status: StatusCode,
}

/// A body that is made while it is sent; one that is dropped before its end was broken off.
struct Observed {
    body: BoxBody,
    /// The number of its bytes so far.
    sent: u64,
    over: Option<Over>,
}

impl MessageBody for Observed {
    type Error = Box<dyn std::error::Error>;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        let next = ready!(Pin::new(&mut self.body).poll_next(context));
        match &next {
            Some(Ok(bytes)) => self.sent += bytes.len() as u64,
            Some(Err(_)) => {}
            None => {
                if let Some(Over { observers, request, told, status }) = self.over.take() {
                    match request.extensions().contains::<GoneAway>() {
                        true => observers.tell_broken_off(),
                        false => observers.tell(&request, &told, Instant::now(), status, self.sent),
                    }
                }
            }
        }
        Poll::Ready(next)
    }
}

impl Drop for Observed {
    fn drop(&mut self) {
        if let Some(over) = &self.over {
            over.observers.tell_broken_off();
        }
    }
}
