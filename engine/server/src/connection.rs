//! Connections: what is spoken over them, and how long their clients may take.
//!
//! actix watches the first head of a connection. Beside that, a connection is closed that is idle for long after its last
//! request, or whose client begins a further head and does not end it, or does not take its answer. actix would set a
//! timer anew after each request for the first of these. Over HTTP/2 a client that takes nothing of an answer may have the
//! connection free all the while, see `sent.rs`; how much of such a connection is read, `throttle.rs` says. Over HTTP/1
//! requests are handed over one at a time, see `turns.rs`.

mod traffic;

use std::future::Future;
use std::io::{self, ErrorKind, IoSlice};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use actix_http::Protocol;
use actix_web::rt::time::{Instant, Sleep, sleep, sleep_until, timeout};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::http::{COARSE_CLOCK, DISCONNECT};
use crate::open::Counted;
use crate::settings::Fixed;
use crate::throttle::{Instead, Throttle};
use crate::turns::Turns;
pub use traffic::{MOST_REQUESTS, Offered, Traffic, Underway};

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
        self.traffic.came.set(None);
        // Each byte in its time is no head in its time.
        if self.traffic.running.get() == 0 && !self.reading.as_ref().is_some_and(is_rest) {
            let (now, kept) = (Instant::now(), self.patience.keep_alive);
            self.traffic.came.set(Some(now));
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
    /// be gone; one that has sent all of it and then ends its side waits for the answer.
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
        let mut is_ended = false;
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
                // The end comes after what is held back, and after the answer to a request that has come whole: with the
                // end actix drops what it has not decoded yet.
                Poll::Ready(Ok(())) if self.turns.is_behind() || !self.turns.is_empty() => {
                    is_ended = true;
                    break;
                }
                Poll::Pending => break,
                Poll::Ready(Err(error)) => {
                    self.traffic.is_broken.set(true);
                    return Poll::Ready(Err(error));
                }
                ended => return ended,
            }
        }
        self.turns.wait(is_ended);
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
        if !self.is_http2 {
            return self.poll_request(context, buffer);
        }
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

/// Returns what a client of an unencrypted connection speaks, by its first bytes, which `peek` looks at.
///
/// # Errors
/// They do not come in time.
pub async fn protocol(
    peek: impl AsyncFnOnce(&mut [u8]) -> io::Result<usize>,
    longest: Duration,
) -> io::Result<Protocol> {
    const PREFACE: &[u8] = b"PRI * HTTP/2";
    let mut first = [0; PREFACE.len()];
    let n_read = timeout(longest, peek(&mut first)).await.map_err(|_| too_slow())??;
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
