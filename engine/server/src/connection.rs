//! Connections: what is spoken over them, and how long their clients may take.
//!
//! actix watches the first head of a connection. Beside that, a connection is closed that is idle for long after its last
//! request, or whose client begins a further head and does not end it, or does not take its answer. actix would set a
//! timer anew after each request for the first of these. Over HTTP/2 a client that takes nothing of an answer may have the
//! connection free all the while, see `sent.rs`; how much of such a connection is read, `throttle.rs` says. Over HTTP/1
//! requests are handed over one at a time, see `turns.rs`.

use std::cell::Cell;
use std::future::Future;
use std::io::{self, ErrorKind, IoSlice};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use actix_http::Protocol;
use actix_web::rt::net::TcpStream;
use actix_web::rt::time::{Instant, Sleep, sleep, sleep_until, timeout};
use actix_web::web::Bytes;
use futures_util::task::AtomicWaker;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::http::{COARSE_CLOCK, DISCONNECT};
use crate::open::Counted;
use crate::settings::Fixed;
use crate::throttle::{Instead, Throttle};
use crate::turns::{Extent, Turns};

/// So many requests of one connection may be underway at once: over HTTP/2 a client may send any number of them.
pub const MOST_REQUESTS: usize = 256;

/// How long clients may take.
#[derive(Clone, Copy)]
pub struct Patience {
    head: Duration,
    keep_alive: Duration,
    write: Duration,
}

impl Patience {
    pub fn of(fixed: &Fixed) -> Patience {
        Patience { head: fixed.head_timeout, keep_alive: fixed.keep_alive, write: fixed.write_timeout }
    }
}

/// The requests of a connection.
#[derive(Default)]
pub struct Traffic {
    /// How many have been accepted: each one begins after that, as a task of its own.
    accepted: Cell<usize>,
    /// How long the body of the last one is, until the connection asks.
    extent: Cell<Option<Extent>>,
    /// Whether the connection ends with the answer that was made last.
    is_last: Cell<bool>,
    running: Cell<usize>,
    begun: Cell<usize>,
    /// When the last one ended.
    ended: Cell<Option<Instant>>,
    /// Whether the client may still be sending what the last request had.
    is_unread: Cell<bool>,
    /// How many answers the client has been offered a piece of that it has not taken.
    offered: Cell<usize>,
    /// When the client took a piece, or was offered the first.
    taken: Cell<Option<Instant>>,
    /// How many answers have been handed over to the end, in pieces that may wait in memory.
    handed: Cell<usize>,
    /// What has left memory and is not counted here yet.
    left: Arc<Left>,
    /// Whether the connection takes nothing at present, over HTTP/2.
    is_blocked: Cell<bool>,
    /// How many requests have been answered without a body since then: they count until it takes something.
    unwritten: Cell<usize>,
    /// Has the connection looked at again, where it was looked at while a request ran.
    waker: Cell<Option<Waker>>,
    /// The same, where a request waits for what may come before the connection has been looked at to the end.
    passing: Cell<Option<Waker>>,
}

/// A request counts as long as this lives, and then as long as a piece of its answer waits in memory. Where there is none,
/// it counts as long as its connection takes nothing.
pub struct Underway {
    traffic: Rc<Traffic>,
    /// How many requests there were with it when it began.
    position: usize,
    /// Lives as long as a piece does, once there is one.
    waiting: Option<Arc<Waiting>>,
}

/// What has left memory, be it that it was written or that its client has given it up. It is told by pieces, which may be
/// dropped in any thread.
#[derive(Default)]
struct Left {
    pieces: AtomicUsize,
    answers: AtomicUsize,
    waker: AtomicWaker,
}

/// An answer of which pieces wait in memory.
struct Waiting(Arc<Left>);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.answers.fetch_add(1, Ordering::Relaxed);
        self.0.waker.wake();
    }
}

/// A piece of an answer, for as long as it waits in memory.
struct Piece {
    bytes: Bytes,
    answer: Arc<Waiting>,
}

impl AsRef<[u8]> for Piece {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Piece {
    fn drop(&mut self) {
        let left = &self.answer.0;
        left.pieces.fetch_add(1, Ordering::Relaxed);
        left.waker.wake();
    }
}

impl Traffic {
    /// Notes that a request with a body of this length has been accepted.
    pub fn accept(&self, extent: Extent) {
        self.accepted.set(self.accepted.get().wrapping_add(1));
        self.extent.set(Some(extent));
    }

    /// Notes that the connection ends with the answer to the request that is underway.
    pub fn close(&self) {
        self.is_last.set(true);
    }

    /// Notes that a request has begun.
    pub fn begin(self: &Rc<Self>) -> Underway {
        let position = self.running.get() + 1;
        self.running.set(position);
        self.begun.set(self.begun.get().wrapping_add(1));
        self.is_unread.set(false);
        Underway { traffic: Rc::clone(self), position, waiting: None }
    }

    /// Has a request looked at once more, where its connection is looked at to the end and it was not by then.
    pub fn pass(&self, waker: Waker) {
        self.passing.set(Some(waker));
    }

    /// Notes that the request is looked at once more.
    pub fn passed(&self) {
        self.passing.take();
    }

    /// Notes that so many requests have ended.
    fn end(&self, n_requests: usize) {
        self.running.set(self.running.get().saturating_sub(n_requests));
        self.ended.set(Some(Instant::now()));
        self.wake();
    }

    /// Notes that an answer has been handed over to the end.
    fn hand_over(&self) {
        let handed = self.handed.get();
        if handed == 0 && self.offered.get() == 0 {
            self.taken.set(Some(Instant::now()));
            self.wake();
        }
        self.handed.set(handed + 1);
    }

    /// Counts what has left memory.
    fn settle(&self) {
        if self.left.pieces.load(Ordering::Relaxed) > 0 {
            self.left.pieces.store(0, Ordering::Relaxed);
            self.taken.set(Some(Instant::now()));
        }
        if self.left.answers.load(Ordering::Relaxed) > 0 {
            let n_answers = self.left.answers.swap(0, Ordering::Relaxed);
            self.handed.set(self.handed.get().saturating_sub(n_answers));
            self.end(n_answers);
        }
    }

    /// Notes that the connection takes nothing.
    fn block(&self) {
        self.is_blocked.set(true);
    }

    /// Notes that the connection has taken something.
    fn unblock(&self) {
        if self.is_blocked.replace(false) {
            self.end(self.unwritten.take());
        }
    }

    /// Has the connection looked at again.
    fn wake(&self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

impl Underway {
    /// Tells whether more requests of the connection are underway than may be.
    pub fn is_one_too_many(&self) -> bool {
        self.position > MOST_REQUESTS
    }

    /// Tells whether as many as may be underway were refused already, and their client takes no refusals.
    pub fn is_far_too_many(&self) -> bool {
        self.position > MOST_REQUESTS * 2
    }

    /// Returns a piece of the answer, which counts as long as it waits in memory, and notes that the client is offered it.
    pub fn offer(&mut self, bytes: Bytes) -> (Bytes, Offered) {
        let (traffic, offered) = (&self.traffic, self.traffic.offered.get());
        if offered == 0 {
            traffic.taken.set(Some(Instant::now()));
            traffic.wake();
        }
        traffic.offered.set(offered + 1);
        let answer = self.waiting.get_or_insert_with(|| Arc::new(Waiting(Arc::clone(&traffic.left))));
        let piece = Piece { bytes, answer: Arc::clone(answer) };
        (Bytes::from_owner(piece), Offered(Rc::clone(traffic)))
    }

    /// Notes that the request was refused before its body was read to the end, for which the client may take a time that
    /// begins with the end of this.
    pub fn leave_unread(&self) {
        self.traffic.is_unread.set(true);
    }
}

impl Drop for Underway {
    fn drop(&mut self) {
        if let Some(waiting) = self.waiting.take() {
            self.traffic.hand_over();
            // Nothing of the answer may wait any more.
            drop(waiting);
            self.traffic.settle();
        } else if self.traffic.is_blocked.get() {
            self.traffic.unwritten.set(self.traffic.unwritten.get() + 1);
        } else {
            self.traffic.end(1);
        }
    }
}

/// A piece of an answer counts as not taken as long as this lives.
pub struct Offered(Rc<Traffic>);

impl Drop for Offered {
    fn drop(&mut self) {
        let offered = self.0.offered.get().saturating_sub(1);
        self.0.offered.set(offered);
        if offered > 0 {
            self.0.taken.set(Some(Instant::now()));
        }
    }
}

/// A connection, with an eye on its client.
pub struct Watched<S> {
    stream: S,
    traffic: Rc<Traffic>,
    patience: Patience,
    is_http2: bool,
    /// How fast it is read, over HTTP/2.
    throttle: Throttle,
    /// What of it is handed over, over HTTP/1.
    turns: Turns,
    reading: Option<Reading>,
    timer: Timer,
    /// Runs while the client takes nothing.
    writing: Option<Pin<Box<Sleep>>>,
    /// How long the client may take to end the connection, which the service has ended.
    leaving: Option<Instant>,
    /// Counts connections that end by themselves.
    _ending: Option<Counted>,
}

/// Rings for one time after the other. It is set anew only where it would ring too late, since each request moves the
/// time, and setting it costs more than looking at the clock.
struct Timer(Option<Pin<Box<Sleep>>>);

impl Timer {
    /// Waits for a time; the connection is looked at also at one before.
    fn poll_until(&mut self, deadline: Instant, look: Instant, context: &mut Context<'_>) -> Poll<()> {
        let timer = self.0.get_or_insert_with(|| Box::pin(sleep_until(look)));
        if timer.deadline() > look {
            timer.as_mut().reset(look);
        }
        while timer.as_mut().poll(context).is_ready() {
            let now = Instant::now();
            if now >= deadline {
                return Poll::Ready(());
            }
            timer.as_mut().reset(if now < look { look } else { deadline });
        }
        Poll::Pending
    }
}

/// What a client is expected to send, and until when.
#[derive(Clone, Copy)]
struct Reading {
    expected: Expected,
    deadline: Instant,
    /// When to look whether a request has begun and ended without a look at the connection since.
    look: Instant,
    /// The number of requests that had begun by then.
    begun: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Expected {
    /// The beginning of a request.
    Request,
    /// The rest of a head.
    Rest,
}

impl<S> Watched<S> {
    /// Watches a connection; `ending` counts it where it ends by itself once the service stops.
    pub fn new(stream: S, patience: Patience, protocol: Protocol, ending: impl FnOnce() -> Counted) -> Watched<S> {
        let is_http2 = protocol == Protocol::Http2;
        let _ending = (!is_http2).then(ending);
        Watched {
            stream,
            traffic: Rc::default(),
            patience,
            is_http2,
            throttle: Throttle::default(),
            turns: Turns::default(),
            reading: None,
            timer: Timer(None),
            writing: None,
            leaving: None,
            _ending,
        }
    }

    /// Returns the requests of the connection.
    pub fn traffic(&self) -> Rc<Traffic> {
        Rc::clone(&self.traffic)
    }

    /// Tells whether the answers to all requests are made and written.
    fn is_answered(&self) -> bool {
        self.traffic.running.get() == 0 && self.writing.is_none()
    }

    /// Returns how long the connection may be without a request.
    fn idle(&self) -> Duration {
        let Patience { head, keep_alive, .. } = self.patience;
        let is_kept = self.traffic.begun.get() > 0 && !self.is_http2 && !keep_alive.is_zero();
        if is_kept { keep_alive } else { keep_alive.max(head + COARSE_CLOCK * 2) }
    }

    /// Notes that bytes have come.
    fn received(&mut self) {
        let begun = self.traffic.begun.get();
        let is_rest = |reading: &Reading| reading.expected == Expected::Rest && reading.begun == begun;
        // Each byte in its time is no head in its time.
        if self.traffic.running.get() == 0 && !self.reading.as_ref().is_some_and(is_rest) {
            let (now, kept) = (Instant::now(), self.patience.keep_alive);
            // A client of HTTP/2 sends more than heads while it is idle.
            let time = match begun {
                _ if self.is_http2 => self.idle(),
                // actix answers a first head that takes too long.
                0 => self.patience.head + COARSE_CLOCK * 2,
                _ => self.patience.head,
            };
            let look = if kept.is_zero() { time } else { time.min(kept) };
            self.reading = Some(Reading { expected: Expected::Rest, deadline: now + time, look: now + look, begun });
        }
    }

    /// Waits for bytes, as long as the client may take. An idle connection ends as if its client had ended it, so that an
    /// encrypted one is closed as it should be.
    fn poll_waiting(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Traffic { running, begun, ended, is_unread, offered, taken, handed, left, is_blocked, waker, .. } =
            &*self.traffic;
        if running.get() > 0 || is_blocked.get() {
            // The time for a body, or for an answer, is not counted here.
            self.reading = None;
            waker.set(Some(context.waker().clone()));
            if self.is_http2 {
                left.waker.register(context.waker());
            }
            return match taken.get() {
                Some(taken) if offered.get() > 0 || handed.get() > 0 => {
                    let deadline = taken + self.patience.write;
                    self.timer.poll_until(deadline, deadline, context).map(|()| Err(too_slow()))
                }
                _ => Poll::Pending,
            };
        }
        let (begun, is_unread) = (begun.get(), is_unread.get());
        let reading = match self.reading {
            Some(reading) if reading.begun == begun => reading,
            _ => {
                let time = if is_unread { self.patience.head } else { self.idle() };
                let deadline = ended.get().unwrap_or_else(Instant::now) + time;
                Reading { expected: Expected::Request, deadline, look: deadline, begun }
            }
        };
        self.reading = Some(reading);
        let is_idle = reading.expected == Expected::Request && !is_unread && !self.is_http2;
        let waited = self.timer.poll_until(reading.deadline, reading.look, context);
        waited.map(|()| if is_idle { Ok(()) } else { Err(too_slow()) })
    }

    /// Waits until the client takes bytes, as long as it may take.
    fn poll_taking(&mut self, context: &mut Context<'_>) -> Poll<io::Error> {
        let time = self.patience.write;
        let timer = self.writing.get_or_insert_with(|| Box::pin(sleep(time)));
        timer.as_mut().poll(context).map(|()| too_slow())
    }

    /// Returns what came of writing, or that the client has taken nothing for too long. It ends each look at a connection
    /// of HTTP/1.
    fn taken<T>(&mut self, written: Poll<io::Result<T>>, context: &mut Context<'_>) -> Poll<io::Result<T>> {
        if let Some(waker) = self.traffic.passing.take() {
            waker.wake();
        }
        self.turns.decoded(self.traffic.extent.take());
        match written {
            Poll::Ready(done) => {
                self.writing = None;
                self.traffic.unblock();
                Poll::Ready(done)
            }
            Poll::Pending => {
                // Over HTTP/1 a connection has one answer at a time.
                if self.is_http2 {
                    self.traffic.block();
                }
                self.poll_taking(context).map(Err)
            }
        }
    }
}

fn too_slow() -> io::Error {
    io::Error::new(ErrorKind::TimedOut, "the client took too long")
}

impl<S: AsyncRead + Unpin> Watched<S> {
    /// Reads what belongs to one request. While it is answered the connection is read nevertheless, since its client may
    /// be gone.
    fn poll_request(&mut self, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.turns.is_behind() && self.is_answered() {
            if self.traffic.is_last.get() {
                self.turns.close();
            } else {
                self.turns.next();
            }
        }
        if self.turns.hand_over(buffer) {
            self.received();
            return Poll::Ready(Ok(()));
        }
        while !self.turns.is_full() {
            let before = buffer.filled().len();
            match Pin::new(&mut self.stream).poll_read(context, buffer) {
                Poll::Ready(Ok(())) if buffer.filled().len() > before => {
                    let n_bytes = self.turns.take(&buffer.filled()[before..]);
                    buffer.set_filled(before + n_bytes);
                    if n_bytes > 0 {
                        self.received();
                        return Poll::Ready(Ok(()));
                    }
                }
                // The end comes after what is held back.
                Poll::Ready(Ok(())) if !self.turns.is_empty() => break,
                Poll::Pending => break,
                ended => return ended,
            }
        }
        self.turns.wait();
        self.poll_waiting(context)
    }

    /// Waits until the client has ended its side, where it has sent more than is answered: a connection that is closed
    /// before that has been read is reset, and the client may lose the answer.
    fn poll_leaving(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if let Some(deadline) = self.leaving
            && self.timer.poll_until(deadline, deadline, context).is_ready()
        {
            return Poll::Ready(());
        }
        let mut bytes = [0; 4096];
        loop {
            let mut buffer = ReadBuf::new(&mut bytes);
            match Pin::new(&mut self.stream).poll_read(context, &mut buffer) {
                Poll::Ready(Ok(())) if !buffer.filled().is_empty() => self.turns.take(buffer.filled()),
                Poll::Pending if self.turns.is_followed() => break,
                _ => return Poll::Ready(()),
            };
        }
        let deadline = *self.leaving.get_or_insert_with(|| Instant::now() + DISCONNECT);
        self.timer.poll_until(deadline, deadline, context)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.is_http2 {
            self.traffic.settle();
            let accepted = self.traffic.accepted.get();
            match self.throttle.instead(accepted) {
                Some(Instead::Pass) => {
                    context.waker().wake_by_ref();
                    return Poll::Pending;
                }
                Some(Instead::Wait) => return self.poll_waiting(context),
                None => {}
            }
        }
        if !self.is_http2 {
            return self.poll_request(context, buffer);
        }
        let before = buffer.filled().len();
        match Pin::new(&mut self.stream).poll_read(context, buffer) {
            Poll::Pending => self.poll_waiting(context),
            Poll::Ready(Ok(())) if buffer.filled().len() > before => {
                self.throttle.read();
                self.received();
                Poll::Ready(Ok(()))
            }
            ended => ended,
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.throttle.write();
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.taken(written, context)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        let accepted = self.traffic.accepted.get();
        if flushed.is_ready() && self.throttle.flush(accepted) {
            context.waker().wake_by_ref();
        }
        let flushed = self.taken(flushed, context);
        let is_answered = self.is_answered() && !self.traffic.is_last.get();
        if self.turns.is_ready(is_answered) {
            context.waker().wake_by_ref();
        }
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.leaving.is_none() {
            let ended = Pin::new(&mut self.stream).poll_shutdown(context);
            ready!(self.taken(ended, context))?;
            if self.is_http2 {
                return Poll::Ready(Ok(()));
            }
            self.turns.close();
        }
        self.poll_leaving(context).map(Ok)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.throttle.write();
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.taken(written, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

/// Returns what a client of an unencrypted connection speaks, by its first bytes.
///
/// # Errors
/// They do not come in time.
pub async fn protocol(stream: &TcpStream, longest: Duration) -> io::Result<Protocol> {
    const PREFACE: &[u8] = b"PRI * HTTP/2";
    let mut first = [0; PREFACE.len()];
    let n_read = timeout(longest, stream.peek(&mut first)).await.map_err(|_| too_slow())??;
    Ok(if first[..n_read] == *PREFACE { Protocol::Http2 } else { Protocol::Http1 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timer_rings_for_the_last_time_it_is_told() {
        actix_web::rt::System::new().block_on(async {
            let mut timer = Timer(None);
            let start = Instant::now();
            let at = |milliseconds| start + Duration::from_millis(milliseconds);
            let mut first = true;
            // Later, then sooner than at first: the timer has rung for nothing by then. Then with a look before.
            let cases = [(20, 60, 60), (10_000, 90, 90), (10_000, 100, 1_100), (1_130, 1_150, 2_150)];
            for (told, look, wanted) in cases {
                let mut looks = Vec::new();
                std::future::poll_fn(|context| {
                    if std::mem::take(&mut first) {
                        assert!(timer.poll_until(at(told), at(told), context).is_pending());
                    }
                    looks.push(Instant::now());
                    timer.poll_until(at(wanted), at(look), context)
                })
                .await;
                assert!(Instant::now() >= at(wanted) && Instant::now() < at(10_000));
                let looked = |time: &Instant| *time >= at(look) && *time < at(wanted);
                assert!(look == wanted || looks.iter().any(looked), "no look between {look} and {wanted}");
                first = true;
            }
        });
    }
}
