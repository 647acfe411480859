//! Bodies of requests, within limits.

use std::future::{Future, poll_fn};
use std::mem;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use actix_web::http::{StatusCode, Version};
use actix_web::{FromRequest, HttpMessage, HttpRequest, rt, web};
use futures_util::StreamExt;
use palladium_component::value::seconds_text;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::answer::Refusal;
use crate::connection::Traffic;
use crate::incoming::Incoming;
use crate::observers::GoneAway;
use crate::server::Server;
use crate::settings::Limits;

/// How many bytes of a body were read whose length the request did not announce; the request keeps it.
pub struct Read(pub u64);

/// The body was not read to its end; the request keeps it.
pub struct GivenUp;

/// Bodies longer than this are worked on away from the workers, so many at once as the limits say.
pub const LARGE: usize = 64 << 10;

/// What is said where no share of the memory is left.
pub const NO_MEMORY: &str = "long bodies of other requests take all the memory that there is for them";

/// The content type of most bodies, which is not looked at letter by letter.
const JSON: &str = "application/json";

/// The content type of lines of JSON.
pub const NDJSON: &str = "application/x-ndjson";

/// Tells whether a body says that it is lines of JSON.
pub fn is_ndjson(request: &HttpRequest) -> bool {
    let header = request.headers().get(CONTENT_TYPE).filter(|header| *header != JSON);
    let header = header.and_then(|header| header.to_str().ok());
    let kind = header.and_then(|header| header.split(';').next()).map(str::trim);
    kind.is_some_and(|kind| kind.eq_ignore_ascii_case(NDJSON))
}

/// What a body takes of the memory that bodies may take together; short ones take none of it.
pub struct Share {
    memory: Arc<Semaphore>,
    taken: Option<OwnedSemaphorePermit>,
}

impl Share {
    /// Returns a share of the memory that a server has for bodies, which is none at first.
    pub fn of(server: &Server) -> Share {
        Share { memory: Arc::clone(&server.service.body_memory), taken: None }
    }

    /// Takes as much as a body of this length needs, and tells whether so much was left.
    pub fn take(&mut self, length: usize) -> bool {
        let needed = if length > LARGE { length } else { 0 };
        let taken = self.taken.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        if needed < taken {
            let rest = self.taken.as_mut().and_then(|taken| taken.split(needed));
            self.taken = rest;
        } else if needed > taken {
            let more = u32::try_from(needed - taken).ok();
            let more = more.and_then(|more| Arc::clone(&self.memory).try_acquire_many_owned(more).ok());
            match (more, &mut self.taken) {
                (Some(more), Some(taken)) => taken.merge(more),
                (Some(more), None) => self.taken = Some(more),
                (None, _) => return false,
            }
        }
        true
    }
}

/// Reads a JSON body.
///
/// # Errors
/// Another content type, a body that is encoded, too long, too slow or cut off, or one too many.
pub async fn read_json(request: &Incoming<'_>, payload: &mut Payload, server: &Server) -> Result<Vec<u8>, Refusal> {
    check_content_type(request)?;
    check_encoding(request)?;
    read(request, payload, server).await
}

/// Reads a body of any type. The request keeps its share of the memory until it is answered.
///
/// # Errors
/// A body that is too long, too slow or cut off, or one too many.
pub async fn read(request: &Incoming<'_>, payload: &mut Payload, server: &Server) -> Result<Vec<u8>, Refusal> {
    let (limits, announced) = (&server.limits, request.announced());
    if announced.is_some_and(|length| length > limits.max_body as u64) {
        return Err(too_large(limits));
    }
    let payload = web::Payload::from_request(request, payload).await;
    let payload = payload.map_err(|error| Refusal::bad_request(format_args!("the body cannot be read: {error}")))?;
    // Over HTTP/2 requests are not looked at with their connection.
    let traffic = request.conn_data::<Rc<Traffic>>().filter(|_| request.version() != Version::HTTP_2);
    let mut share = Share::of(server);
    let read = in_time(limits.body_timeout, collect(payload, limits, &mut share), traffic).await;
    let given_up = |length: usize, refusal| {
        let mut kept = request.extensions_mut();
        kept.insert(Read(length as u64));
        kept.insert(GivenUp);
        Err(refusal)
    };
    match read {
        Some(Ok(bytes)) => {
            if announced.is_none() {
                request.extensions_mut().insert(Read(bytes.len() as u64));
            }
            if share.taken.is_some() {
                request.extensions_mut().insert(share);
            }
            Ok(bytes)
        }
        Some(Err(Unread::Broken)) => {
            // A client that has ended its own side alone reads why.
            if traffic.is_some_and(|traffic| traffic.is_broken()) {
                request.extensions_mut().insert(GoneAway);
            }
            Err(Refusal::bad_request("the body ended before it was complete"))
        }
        Some(Err(Unread::TooLong)) => given_up(limits.max_body, too_large(limits)),
        Some(Err(Unread::OneTooMany(length))) => given_up(length, Refusal::crowded(NO_MEMORY.to_owned())),
        None => {
            request.extensions_mut().insert(GivenUp);
            let message = format!("the body took longer than {}", seconds_text(limits.body_timeout.as_secs_f64()));
            Err(Refusal::said(StatusCode::REQUEST_TIMEOUT, -1, message))
        }
    }
}

/// Why a body was not read to its end.
enum Unread {
    Broken,
    TooLong,
    /// No memory is left for so many bytes.
    OneTooMany(usize),
}

/// Returns the bytes of a body.
async fn collect(mut payload: web::Payload, limits: &Limits, share: &mut Share) -> Result<Vec<u8>, Unread> {
    let mut bytes = Vec::new();
    while let Some(piece) = payload.next().await {
        let piece = piece.map_err(|_| Unread::Broken)?;
        let length = bytes.len() + piece.len();
        if length > limits.max_body {
            return Err(Unread::TooLong);
        }
        if !share.take(length) {
            return Err(Unread::OneTooMany(length));
        }
        if bytes.is_empty() {
            bytes = piece.into();
        } else {
            bytes.extend_from_slice(&piece);
        }
    }
    Ok(bytes)
}

/// Waits for a body no longer than the limit. It is first looked at twice, since a timer costs more: the body of a request
/// that came in one piece is there by then, as actix hands it over after it has begun to answer. Then it looks at the
/// request once more, so that the first time nobody has to be told that the body is there.
async fn in_time<T>(limit: Duration, body: impl Future<Output = T>, traffic: Option<&Rc<Traffic>>) -> Option<T> {
    let (mut body, mut is_first) = (pin!(body), true);
    let at_once = poll_fn(|context| {
        let is_first = mem::take(&mut is_first);
        match traffic {
            Some(traffic) if is_first => {
                traffic.pass(context.waker().clone());
                return Poll::Pending;
            }
            Some(traffic) => traffic.passed(),
            None => {}
        }
        match body.as_mut().poll(context) {
            Poll::Ready(done) => Poll::Ready(Some(done)),
            Poll::Pending if is_first => {
                context.waker().wake_by_ref();
                Poll::Pending
            }
            Poll::Pending => Poll::Ready(None),
        }
    });
    match at_once.await {
        // What is seldom needed is kept out of the future that every request moves.
        None => Box::pin(rt::time::timeout(limit, body)).await.ok(),
        done => done,
    }
}

/// Takes bodies as they are: what is unpacked may be any number of times as long as what was sent.
///
/// # Errors
/// An encoding of the body.
pub fn check_encoding(request: &HttpRequest) -> Result<(), Refusal> {
    let header = request.headers().get(CONTENT_ENCODING);
    header.map_or(Ok(()), |encoding| take_plain(encoding.to_str().unwrap_or_default()))
}

/// Takes a body whose header `content-encoding` says that it is as it is.
///
/// # Errors
/// The header says something else.
pub fn take_plain(encoding: &str) -> Result<(), Refusal> {
    let encoding = encoding.trim();
    if encoding.eq_ignore_ascii_case("identity") {
        return Ok(());
    }
    let shown: String = encoding.chars().take(60).collect();
    let message = format!("the body has the content encoding {shown:?}: send it as it is");
    Err(Refusal::said(StatusCode::UNSUPPORTED_MEDIA_TYPE, -1, message))
}

fn too_large(limits: &Limits) -> Refusal {
    let message = format!("the body is larger than the {} bytes that are allowed", limits.max_body);
    Refusal::said(StatusCode::PAYLOAD_TOO_LARGE, -1, message)
}

/// Takes `application/json` and everything that says it is JSON by its suffix, with any parameters.
fn check_content_type(request: &HttpRequest) -> Result<(), Refusal> {
    const HELP: &str = "send the header `content-type: application/json`";
    let Some(header) = request.headers().get(CONTENT_TYPE) else {
        return Err(Refusal::bad_request(format_args!("the body has no content type, {HELP}")));
    };
    if header == JSON {
        return Ok(());
    }
    let text = header.to_str().unwrap_or_default();
    let kind = text.split(';').next().unwrap_or_default().trim();
    let is_suffixed = |kind: &str| kind.starts_with("application/") && kind.ends_with("+json");
    if kind.eq_ignore_ascii_case(JSON) || is_suffixed(&kind.to_ascii_lowercase()) {
        return Ok(());
    }
    let shown: String = text.chars().take(60).collect();
    Err(Refusal::bad_request(format_args!("the body has the content type {shown:?}, {HELP}")))
}
