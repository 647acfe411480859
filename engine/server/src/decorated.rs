//! Views in their decorators: requests and responses as plain data, on threads that may block.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::{Duration, Instant};

use actix_web::body::{BoxBody, MessageBody};
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, InvalidHeaderValue};
use actix_web::{HttpResponse, web};
use palladium_component::interfaces::{
    Arguments, Caller, DecoratorList, Failure, Pairs, Returned, ViewRequest, ViewResponse,
};
use palladium_component::value::with_causes;
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use crate::answer::{JSON, JSON_TYPE, MODEL_VERSION, MODEL_VERSION_NAME, Refusal, Shape, guarded};
use crate::away::{too_slow, within};
use crate::incoming::Incoming;
use crate::query;

/// What a view answers, as decorators see it.
pub type Viewed = Result<ViewResponse, Failure>;

/// Answers a request through the decorators of a view, on a thread where any of them may block.
///
/// # Errors
/// A decorator fails, or answers with what is no response.
pub async fn through(
    decorators: &DecoratorList,
    request: ViewRequest,
    view: impl FnOnce(&ViewRequest) -> Viewed + Send + 'static,
) -> Result<HttpResponse, Refusal> {
    through_queue(decorators, request, move |request, _| view(request)).await
}

/// Does as [`through`], and also tells the view how long the request waited for a thread.
///
/// # Errors
/// Those of [`through`].
pub async fn through_queue(
    decorators: &DecoratorList,
    request: ViewRequest,
    view: impl FnOnce(&ViewRequest, Duration) -> Viewed + Send + 'static,
) -> Result<HttpResponse, Refusal> {
    let (decorators, asked) = (decorators.clone(), Instant::now());
    let work = move || {
        let queued = asked.elapsed();
        call(&decorators, &request, |request| view(request, queued))
    };
    let answered = web::block(work).await.map_err(|error| Refusal::internal(with_causes(&error)))?;
    http_response(answered?).map_err(Refusal::internal)
}

/// Answers a request through the decorators of a view, none of which blocks, on this thread.
///
/// # Errors
/// As [`through`].
pub fn at_once(
    decorators: &DecoratorList,
    request: &ViewRequest,
    view: impl FnOnce(&ViewRequest) -> Viewed,
) -> Result<HttpResponse, Refusal> {
    http_response(call(decorators, request, view)?).map_err(Refusal::internal)
}

fn call(
    decorators: &DecoratorList,
    request: &ViewRequest,
    view: impl FnOnce(&ViewRequest) -> Viewed,
) -> Result<ViewResponse, Refusal> {
    let called = guarded(|| {
        let arguments = Arguments::Request(request);
        let returned = decorators.call(None, &arguments, || view(request).map(Returned::Response))?;
        Ok::<_, Failure>(ViewResponse::try_from(returned)?)
    });
    called.map_err(Refusal::internal)?.map_err(|failure| Refusal::failed(&failure))
}

/// Does what [`through`] does for decorators that look at the head of a request alone: its body is read once they call
/// the view, and not at all where they refuse. A thread waits for the body, which the permit is for; the time for all
/// else is limited.
///
/// # Errors
/// As [`through`], or it takes longer.
pub async fn through_head<B: Send + 'static>(
    decorators: &DecoratorList,
    request: ViewRequest,
    body: impl Future<Output = B>,
    view: impl FnOnce(&ViewRequest, B) -> Viewed + Send + 'static,
    permit: OwnedSemaphorePermit,
    limit: Duration,
) -> Result<HttpResponse, Refusal> {
    let (_until_done, started) = (permit, Instant::now());
    let (ask, asked) = oneshot::channel::<()>();
    let (give, given) = oneshot::channel::<B>();
    let view = move |request: &ViewRequest| {
        // Who asks is not there any more where the client has gone.
        let _ = ask.send(());
        match given.blocking_recv() {
            Ok(body) => view(request, body),
            Err(_) => plain_response(Refusal::bad_request("the client has gone").respond(Shape::Flat, &request.into())),
        }
    };
    let (mut answered, mut asked) = (pin!(through(decorators, request, view)), pin!(asked));
    let first = poll_fn(|context| match answered.as_mut().poll(context) {
        Poll::Ready(answer) => Poll::Ready(Some(answer)),
        Poll::Pending => asked.as_mut().poll(context).map(|_| None),
    });
    match within(limit, first).await? {
        Some(answer) => answer,
        None => {
            let left = limit.saturating_sub(started.elapsed());
            // A view that is not called any more takes nothing.
            let _ = give.send(body.await);
            within(left, answered).await.map_err(|_| too_slow(limit))?
        }
    }
}

/// Returns a request as decorators see it, without its body. A query string that cannot be read has no pairs, the view
/// will say so.
pub fn plain_request(request: &Incoming<'_>, request_id: String) -> ViewRequest {
    with_query(request, query::decode(request.query_string()).unwrap_or_default(), request_id)
}

/// Does as [`plain_request`] with a query string that is decoded already.
pub fn with_query(request: &Incoming<'_>, query: Pairs, request_id: String) -> ViewRequest {
    ViewRequest {
        method: request.method().as_str().to_owned(),
        path: request.path().to_owned(),
        query,
        headers: plain_headers(request.headers()),
        body: Vec::new(),
        peer: request.peer_addr().map(|address| address.ip()),
        request_id,
        caller: Caller::default(),
        parts: Pairs::default(),
        trace: request.trace.clone(),
        started: request.started,
        lasting: None,
    }
}

/// Returns headers as text; what of them is none is replaced.
fn plain_headers(headers: &HeaderMap) -> Pairs {
    const USUAL: usize = 256;
    let (mut text, mut ends) = (Vec::with_capacity(USUAL), Vec::with_capacity(headers.len()));
    for (name, value) in headers {
        text.extend_from_slice(name.as_str().as_bytes());
        let end_of_name = text.len();
        text.extend_from_slice(value.as_bytes());
        ends.push((end_of_name, text.len()));
    }
    let lossy = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let pairs = String::from_utf8(text).ok().and_then(|text| Pairs::of(text, ends));
    pairs.unwrap_or_else(|| headers.iter().map(|(name, value)| (name.as_str(), lossy(value))).collect())
}

/// Returns a response as decorators see it.
///
/// # Errors
/// A body that is not there yet.
pub fn plain_response(response: HttpResponse) -> Viewed {
    let status = response.status().as_u16();
    let headers = plain_headers(response.headers());
    let body = response.into_body().try_into_bytes().map_err(|_| Failure::message("the body of a view is no text"))?;
    Ok(ViewResponse { status, headers, body: body.into() })
}

/// Returns the response that decorators made; the server itself counts the bytes of the body.
///
/// # Errors
/// A status or a header that cannot be sent, in words.
pub fn http_response(response: ViewResponse) -> Result<HttpResponse, String> {
    let status = StatusCode::from_u16(response.status)
        .map_err(|_| format!("decorators answered with the status {}, which is none", response.status))?;
    let mut answer = HttpResponse::with_body(status, BoxBody::new(response.body));
    let headers = answer.headers_mut();
    for (name, value) in &response.headers {
        match (header_name(name), header_value(value)) {
            (Some(name), _) if matches!(name.as_str(), "content-length" | "transfer-encoding" | "connection") => {}
            (Some(name), Ok(value)) => headers.append(name, value),
            (None, _) => return Err(format!("decorators answered with the header {name:?}, which is no name")),
            (_, Err(_)) => {
                return Err(format!("decorators answered with a header `{name}` whose value cannot be sent"));
            }
        }
    }
    Ok(answer)
}

/// Returns the name of a header, if it is one. Those that most responses have are not looked at letter by letter.
fn header_name(name: &str) -> Option<HeaderName> {
    match name {
        "content-type" => Some(CONTENT_TYPE),
        MODEL_VERSION_NAME => Some(MODEL_VERSION),
        _ => HeaderName::from_bytes(name.as_bytes()).ok(),
    }
}

/// Returns the value of a header, if it is one; that of most responses is not looked at letter by letter.
fn header_value(value: &str) -> Result<HeaderValue, InvalidHeaderValue> {
    if value == JSON_TYPE { Ok(JSON) } else { HeaderValue::from_str(value) }
}
