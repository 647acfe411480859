//! Bodies while they are sent, and what is kept until they are.
//!
//! A client of HTTP/2 says how much it takes, of each answer and of all: what it does not take stays in memory, however
//! complete it is. An answer therefore counts there until all of it has left memory, and is offered in pieces, so that it is
//! seen whether the client takes any.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use actix_web::HttpResponse;
use actix_web::body::{self, BodySize, BoxBody, MessageBody};
use actix_web::http::StatusCode;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::web::Bytes;

use crate::connection::{Offered, Underway};

/// How long a piece is at most: as long as actix and the frames of HTTP/2 have them.
const PIECE: usize = 16_384;

/// Keeps what a request needs, and what counts it, until its answer is complete: a stream is made while it is sent.
pub fn until_sent<T: 'static>(response: HttpResponse, kept: T) -> HttpResponse {
    match response.body().size() {
        BodySize::Stream => response.map_body(|_, body| BoxBody::new(Sent { body, _kept: kept })),
        BodySize::None | BodySize::Sized(_) => response,
    }
}

/// Does as [`until_sent`] over HTTP/2: what counts a request is kept until its client has taken the answer, and the pieces
/// of that tell the connection when they leave memory.
pub fn until_taken<T: 'static, C: 'static>(
    response: HttpResponse,
    needed: T,
    counted: C,
    underway: Underway,
) -> HttpResponse {
    if underway.is_far_too_many() {
        return emptied(response, ());
    }
    match response.body().size() {
        BodySize::None | BodySize::Sized(0) => response,
        BodySize::Sized(_) => response.map_body(|_, body| BoxBody::new(Pieces::of(body, counted, underway))),
        BodySize::Stream => response.map_body(|_, body| BoxBody::new(Pieces::of(body, (needed, counted), underway))),
    }
}

/// Returns a response as its status has it: 204 and 304 have no body, and a client takes one for the next response.
pub fn by_status(response: HttpResponse) -> HttpResponse {
    match response.status() {
        StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED => emptied(response, body::None::new()),
        _ => response,
    }
}

/// Returns the head of a response with a body that is empty, so that a client cannot leave it untaken.
fn emptied(response: HttpResponse, empty: impl MessageBody + 'static) -> HttpResponse {
    response.map_body(|head, _| {
        head.headers_mut().remove(CONTENT_TYPE);
        BoxBody::new(empty)
    })
}

/// A body, and what is kept for as long as it is sent.
struct Sent<T> {
    body: BoxBody,
    _kept: T,
}

impl<T> Unpin for Sent<T> {}

impl<T> MessageBody for Sent<T> {
    type Error = Box<dyn std::error::Error>;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Pin::new(&mut self.body).poll_next(context)
    }
}

/// A body in pieces. Whoever asks for the next one has handed over the one before as far as the client takes it.
struct Pieces<T> {
    sent: Sent<T>,
    /// What is still to be offered of the last bytes of the body.
    rest: Bytes,
    offered: Option<Offered>,
    underway: Underway,
}

impl<T> Pieces<T> {
    fn of(body: BoxBody, kept: T, underway: Underway) -> Pieces<T> {
        Pieces { sent: Sent { body, _kept: kept }, rest: Bytes::new(), offered: None, underway }
    }
}

impl<T> Unpin for Pieces<T> {}

impl<T> MessageBody for Pieces<T> {
    type Error = Box<dyn std::error::Error>;

    fn size(&self) -> BodySize {
        self.sent.size()
    }

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        self.offered = None;
        if self.rest.is_empty() {
            match ready!(Pin::new(&mut self.sent).poll_next(context)) {
                Some(Ok(bytes)) => self.rest = bytes,
                ended => return Poll::Ready(ended),
            }
        }
        let length = self.rest.len().min(PIECE);
        let piece = self.rest.split_to(length);
        let (piece, offered) = self.underway.offer(piece);
        self.offered = Some(offered);
        Poll::Ready(Some(Ok(piece)))
    }
}
