//! Predictions for as many samples as there are, one a line both ways.
//!
//! The answer begins before the request ends: lines are predicted for as they come, those that have come together in
//! one call, by one model. Nothing is read while there is something to predict or to send, so that what is in memory is
//! one batch. A line that has no prediction is answered with why, and the next follows.
//!
//! Decorators see the request without its body, and an answer without one: what they return is the head, unless they
//! answer with a status or a body of their own.

use std::borrow::Cow;
use std::convert::Infallible;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use actix_web::body::{BodySize, BodyStream, BoxBody, MessageBody};
use actix_web::dev::Payload;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::http::{ConnectionType, StatusCode};
use actix_web::web::Bytes;
use actix_web::{FromRequest, HttpMessage, HttpRequest, HttpResponse, rt, web};
use futures_util::future::{Either, select};
use futures_util::{FutureExt, StreamExt, stream};
use palladium_component::interfaces::{
    Failure, InputError, InputErrorCode, Lasting, Pairs, PredictError, PredictRequest, PredictResponse, TrainedModel,
    ViewRequest,
};
use palladium_component::value::seconds_text;
use palladium_runtime::not_json;
use palladium_runtime::settle::{Outcome, Wanted, settle};
use serde::de::IgnoredAny;
use serde_json::{Value as Json, json};
use tokio::sync::{Semaphore, watch};

use crate::answer::{Refusal, guarded, name_version};
use crate::away::{away, within};
use crate::body::{NDJSON, NO_MEMORY, Read, Share, check_encoding};
use crate::decorated::{plain_request, plain_response, through};
use crate::incoming::Incoming;
use crate::lines::{End, Line, Lines};
use crate::observers::GoneAway;
use crate::predict::PredictRoute;
use crate::query;
use crate::request_id::Name;
use crate::sent::until_sent;
use crate::server::Server;

/// So many lines are predicted for in one call at most, fewer where they are long.
const MAX_ROWS: usize = 1000;
const MAX_BYTES: usize = 1 << 20;

/// Answers a request whose body is a stream of lines.
///
/// # Errors
/// Whatever keeps the answer from beginning.
pub async fn answer(
    route: &Arc<PredictRoute>,
    server: &Server,
    request: &Incoming<'_>,
    payload: &mut Payload,
) -> Result<HttpResponse, Refusal> {
    let query = query::decode(request.query_string()).map_err(Refusal::bad_request)?;
    let model = route.model().await?;
    let head = head(&model);
    let exchange = Exchange::new(route, server, model, query, request, payload, request.name()).await?;
    Ok(exchange.behind(head))
}

/// Answers such a request through the decorators.
///
/// # Errors
/// A decorator fails, or takes too long.
pub async fn answer_decorated(
    route: &Arc<PredictRoute>,
    server: &Server,
    request: &Incoming<'_>,
    payload: &mut Payload,
    request_id: String,
) -> Result<HttpResponse, Refusal> {
    let query = query::decode(request.query_string()).map_err(Refusal::bad_request);
    let lasting = Lasting::default();
    let shown = ViewRequest { lasting: Some(lasting.clone()), ..plain_request(request, request_id) };
    let name = Name::from(&shown);
    let asked = Arc::new(Mutex::new(None));
    let (viewed, found, own) = (Arc::clone(route), Arc::clone(&asked), name.clone());
    let view = move |_: &ViewRequest| match query.and_then(|query| Ok((viewed.read_model()?, query))) {
        Ok((model, query)) => {
            let head = head(&model);
            *found.lock().unwrap_or_else(PoisonError::into_inner) = Some((model, query));
            plain_response(head)
        }
        Err(refusal) => plain_response(viewed.respond(refusal, &own)),
    };
    let head = within(server.predict_timeout(), through(&route.decorators, shown, view)).await??;
    let asked = asked.lock().unwrap_or_else(PoisonError::into_inner).take();
    let is_bare = head.status() == StatusCode::OK && head.body().size() == BodySize::Sized(0);
    match asked {
        Some((model, query)) if is_bare => {
            let exchange = Exchange::new(route, server, model, query, request, payload, name).await?;
            Ok(until_sent(exchange.behind(head), lasting))
        }
        _ => Ok(head),
    }
}

/// Returns the answer without its lines.
fn head(model: &TrainedModel) -> HttpResponse {
    let mut head = HttpResponse::Ok().insert_header((CONTENT_TYPE, NDJSON)).finish();
    name_version(&mut head, model.metadata.version());
    head
}

/// An answer on its way. It is dropped with the connection, and with it everything that was still to be done.
struct Exchange {
    asking: Arc<Asking>,
    /// The request, which keeps how much of its body was read.
    request: HttpRequest,
    payload: web::Payload,
    lines: Lines,
    /// What the lines that have come take of the memory for bodies.
    share: Share,
    /// The number of lines that were answered.
    n_rows: u64,
    permits: Arc<Semaphore>,
    /// How long a batch may take.
    limit: Duration,
    /// How long nothing may come.
    idle: Duration,
    /// Whether the stream has to end, since the service stops.
    stopping: watch::Receiver<bool>,
    is_over: bool,
}

/// What every batch is asked with.
struct Asking {
    route: Arc<PredictRoute>,
    model: Arc<TrainedModel>,
    query: Pairs,
    name: Name,
}

/// Why an answer ends.
enum Last {
    /// Every line is answered.
    Done,
    /// For another reason, which the client is told.
    Because(String),
}

fn stops() -> Last {
    Last::Because("the service stops before the body has ended".to_owned())
}

impl Exchange {
    async fn new(
        route: &Arc<PredictRoute>,
        server: &Server,
        model: Arc<TrainedModel>,
        query: Pairs,
        request: &Incoming<'_>,
        payload: &mut Payload,
        name: Name,
    ) -> Result<Exchange, Refusal> {
        check_encoding(request)?;
        let payload = web::Payload::from_request(request, payload).await;
        let payload =
            payload.map_err(|error| Refusal::bad_request(format_args!("the body cannot be read: {error}")))?;
        Ok(Exchange {
            asking: Arc::new(Asking { route: Arc::clone(route), model, query, name }),
            request: HttpRequest::clone(request),
            payload,
            lines: Lines::new(server.limits.max_body),
            share: Share::of(server),
            n_rows: 0,
            permits: Arc::clone(&server.service.large),
            limit: server.predict_timeout(),
            idle: server.limits.body_timeout,
            stopping: server.service.stopping(),
            is_over: false,
        })
    }

    /// Returns the response with this head.
    fn behind(self, head: HttpResponse) -> HttpResponse {
        let lines = stream::unfold(self, |mut exchange| async move {
            let text = exchange.next().await?;
            Some((Ok::<Bytes, Infallible>(text), exchange))
        });
        let mut response = head.set_body(BoxBody::new(BodyStream::new(lines)));
        // A connection that answers before the request has ended cannot be used again.
        response.head_mut().set_connection_type(ConnectionType::Close);
        response
    }

    /// Returns what is to be sent next; nothing where everything was.
    async fn next(&mut self) -> Option<Bytes> {
        if self.is_over {
            return None;
        }
        let (batch, last) = self.gather().await;
        self.note();
        let mut text = match batch.is_empty() {
            true => Vec::new(),
            false => self.answer(batch).await,
        };
        if let Some(last) = last {
            self.is_over = true;
            if let Last::Because(message) = last {
                text.extend(self.last_line(&message));
            }
        }
        // Something is sent unless this is the end.
        (!text.is_empty()).then(|| text.into())
    }

    /// Returns lines that have come, at least one unless this is the end.
    async fn gather(&mut self) -> (Vec<(u64, Line)>, Option<Last>) {
        let (mut batch, mut n_bytes) = (Vec::new(), 0);
        loop {
            while let Some(line) = self.lines.next() {
                n_bytes += if let Line::Text(text) = &line { text.len() } else { 0 };
                batch.push((self.lines.number(), line));
                if batch.len() == MAX_ROWS || n_bytes >= MAX_BYTES {
                    return (batch, None);
                }
            }
            if !self.share.take(n_bytes + self.lines.waiting()) {
                // Room is made by an answer.
                let last = batch.is_empty().then(|| Last::Because(NO_MEMORY.to_owned()));
                return (batch, last);
            }
            match self.lines.end() {
                Some(End::Whole) => return (batch, Some(Last::Done)),
                Some(End::Broken) => {
                    return (batch, Some(Last::Because("the body ended before it was complete".to_owned())));
                }
                None if *self.stopping.borrow() => {
                    return (batch, Some(stops()));
                }
                None => {}
            }
            if !batch.is_empty() {
                match self.payload.next().now_or_never() {
                    Some(piece) => self.lines.accept(piece),
                    None => return (batch, None),
                }
            } else if let Some(last) = self.wait().await {
                return (batch, Some(last));
            }
        }
    }

    /// Keeps on the request what observers are told of its body.
    fn note(&self) {
        let mut kept = self.request.extensions_mut();
        kept.insert(Read(self.lines.n_read()));
        if self.lines.end() == Some(End::Broken) {
            kept.insert(GoneAway);
        }
    }

    /// Waits for the next piece of the body.
    async fn wait(&mut self) -> Option<Last> {
        let piece = rt::time::timeout(self.idle, self.payload.next());
        let stopping = self.stopping.wait_for(|is_stopping| *is_stopping);
        match select(pin!(piece), pin!(stopping)).await {
            Either::Left((Ok(piece), _)) => {
                self.lines.accept(piece);
                None
            }
            Either::Left((Err(_), _)) => {
                let message = format!("nothing came for {}", seconds_text(self.idle.as_secs_f64()));
                Some(Last::Because(message))
            }
            Either::Right(_) => Some(stops()),
        }
    }

    /// Returns the answers to lines.
    async fn answer(&mut self, batch: Vec<(u64, Line)>) -> Vec<u8> {
        let first = self.n_rows + 1;
        self.n_rows += batch.len() as u64;
        let numbers: Vec<u64> = batch.iter().map(|(number, _)| *number).collect();
        let asking = Arc::clone(&self.asking);
        match away(&self.permits, self.limit, move || asking.answers(&batch, first)).await {
            Ok(text) => text,
            Err(refusal) => {
                // A batch that takes too long keeps its thread: there is no second one.
                self.is_over = true;
                let asking = Arc::clone(&self.asking);
                let refused = move |(row, line)| asking.refused(&refusal, row, line);
                let lines = move || (first..).zip(numbers).flat_map(refused).collect();
                web::block(lines).await.unwrap_or_default()
            }
        }
    }

    /// Returns the line that says why there are no more.
    fn last_line(&self, message: &str) -> Vec<u8> {
        let (row, number) = (self.n_rows + 1, self.lines.number() + 1);
        line(&json!({"error_code": -1, "error_message": message, "row": row, "line": number}))
    }
}

impl Asking {
    /// Returns the answers to lines, the first of which is this row. It may block.
    fn answers(&self, batch: &[(u64, Line)], first: u64) -> Vec<u8> {
        let rows: Vec<Result<&[u8], Refusal>> = batch.iter().map(|(_, line)| sample(line)).collect();
        let samples: Vec<&[u8]> = rows.iter().flatten().copied().collect();
        let mut settled = match settle(&samples, Wanted::All, is_of_samples, &mut |body| self.ask(body)) {
            Ok(outcomes) => outcomes,
            Err(error) => vec![Outcome::Refused(Arc::new(error)); samples.len()],
        }
        .into_iter();
        let (mut text, mut is_logged) = (Vec::new(), false);
        for ((row, (number, _)), sample) in (first..).zip(batch).zip(rows) {
            let refused = |refusal: &Refusal| self.refused(refusal, row, *number);
            let outcome = match sample {
                Ok(_) => settled.next(),
                Err(refusal) => {
                    text.extend(refused(&refusal));
                    continue;
                }
            };
            match outcome {
                Some(Outcome::Answered(answer, index)) => {
                    let start = text.len();
                    text.extend_from_slice(br#"{"result":"#);
                    match answer.write(index, &mut text) {
                        Ok(()) => text.extend_from_slice(b"}\n"),
                        Err(error) => {
                            text.truncate(start);
                            text.extend(refused(&Refusal::internal(error.to_string())));
                        }
                    }
                }
                Some(Outcome::Refused(error)) => {
                    let refusal = self.route.refusal(&self.model, &error).of_line();
                    // One line a batch says what a model has that fails at everything.
                    if !std::mem::replace(&mut is_logged, true) {
                        refusal.log(&self.name);
                    }
                    text.extend(refused(&refusal));
                }
                None => text.extend(refused(&Refusal::internal("a row was lost"))),
            }
        }
        text
    }

    fn ask(&self, body: Vec<u8>) -> Result<PredictResponse, PredictError> {
        let started = Instant::now();
        let request = PredictRequest { query: Cow::Borrowed(&self.query), body: Some(body.into()), max_rows: None };
        let answered = guarded(|| self.route.service.predict(&self.model, &request));
        let response = answered.map_err(|panic| PredictError::Internal(Failure::message(panic)))??;
        self.route.tell(self.model.metadata.version(), &response, Duration::ZERO, started);
        Ok(response)
    }

    /// Returns the line of a row that has no prediction and stands on the line of this number.
    fn refused(&self, refusal: &Refusal, row: u64, number: u64) -> Vec<u8> {
        let told = refusal.told_by(&self.route.teller(), &self.name);
        let (code, message) = (told.error_code, told.error_message);
        let mut fields = json!({"error_code": code, "error_message": message, "row": row, "line": number});
        for (name, value) in told.metadata {
            if fields.get(&name).is_none() {
                fields[&name] = value;
            }
        }
        line(&fields)
    }
}

/// Models that fail at one sample need not at others.
fn is_of_samples(error: &PredictError) -> bool {
    !matches!(error, PredictError::NoProbabilities | PredictError::NoParameter { .. })
}

/// Returns a line as the sample that it has to be.
fn sample(line: &Line) -> Result<&[u8], Refusal> {
    let text = match line {
        Line::Text(text) => text,
        Line::TooLong(longest) => {
            let message = format!("the line is longer than the {longest} bytes that are allowed");
            return Err(Refusal::bad_request(message));
        }
    };
    if let Err(error) = serde_json::from_slice::<IgnoredAny>(text) {
        let message = not_json(&error);
        let got = message.split_once(": ").map_or_else(String::new, |(_, got)| got.to_owned());
        return Err(no_sample(InputErrorCode::NotJson, message, got));
    }
    let got = match text.first() {
        Some(b'{') => return Ok(text),
        Some(b'[') => "a list",
        Some(b'"') => "text",
        Some(b't' | b'f') => "a flag",
        Some(b'n') => "null",
        _ => "a number",
    };
    Err(no_sample(InputErrorCode::NotAnObject, "the line has to be a JSON object".to_owned(), got.to_owned()))
}

/// Returns the refusal of a line that is no sample.
fn no_sample(code: InputErrorCode, message: String, got: String) -> Refusal {
    let (row, field, expected) = (None, None, "a JSON object".to_owned());
    let error = InputError { code, row, field, is_sent: false, expected, got, message };
    Refusal::of(&PredictError::Invalid(error.into())).of_line()
}

fn line(fields: &Json) -> Vec<u8> {
    let mut line = fields.to_string().into_bytes();
    line.push(b'\n');
    line
}
