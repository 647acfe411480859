//! The requests of a connection: how many are underway, and whether their client takes the answers.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Waker;

use actix_web::rt::time::Instant;
use actix_web::web::Bytes;
use futures_util::task::AtomicWaker;

use crate::turns::Extent;

/// So many requests of one connection may be underway at once: over HTTP/2 a client may send any number of them.
pub const MOST_REQUESTS: usize = 256;

/// The requests of a connection.
#[derive(Default)]
pub struct Traffic {
    /// When the bytes came that were read last, if they may hold a whole head.
    pub(super) came: Cell<Option<Instant>>,
    /// How many have been accepted: each one begins after that, as a task of its own.
    pub(super) accepted: Cell<usize>,
    /// How long the body of the last one is, until the connection asks.
    pub(super) extent: Cell<Option<Extent>>,
    /// Whether the connection ends with the answer that was made last.
    pub(super) is_last: Cell<bool>,
    pub(super) running: Cell<usize>,
    pub(super) begun: Cell<usize>,
    /// When the last one ended.
    pub(super) ended: Cell<Option<Instant>>,
    /// Whether the connection has broken, so that no answer can be read any more.
    pub(super) is_broken: Cell<bool>,
    /// Whether the client may still be sending what the last request had.
    pub(super) is_unread: Cell<bool>,
    /// How many answers the client has been offered a piece of that it has not taken.
    pub(super) offered: Cell<usize>,
    /// When the client took a piece, or was offered the first.
    pub(super) taken: Cell<Option<Instant>>,
    /// How many answers have been handed over to the end, in pieces that may wait in memory.
    pub(super) handed: Cell<usize>,
    /// What has left memory and is not counted here yet.
    pub(super) left: Arc<Left>,
    /// Whether the connection takes nothing at present, over HTTP/2.
    pub(super) is_blocked: Cell<bool>,
    /// How many requests have been answered without a body since then: they count until it takes something.
    pub(super) unwritten: Cell<usize>,
    /// Has the connection looked at again, where it was looked at while a request ran.
    pub(super) waker: Cell<Option<Waker>>,
    /// The same, where a request waits for what may come before the connection has been looked at to the end.
    pub(super) passing: Cell<Option<Waker>>,
}

/// A request counts as long as this lives, and then as long as a piece of its answer waits in memory. Where there is none,
/// it counts as long as its connection takes nothing.
pub struct Underway {
    traffic: Rc<Traffic>,
    /// How many requests there were with it when it began.
    position: usize,
    /// When it came, if that is known.
    came: Option<Instant>,
    /// When its answer was made, if that is known.
    answered: Cell<Option<Instant>>,
    /// Lives as long as a piece does, once there is one.
    waiting: Option<Arc<Waiting>>,
}

/// What has left memory, be it that it was written or that its client has given it up. It is told by pieces, which may be
/// dropped in any thread.
#[derive(Default)]
pub(super) struct Left {
    pieces: AtomicUsize,
    answers: AtomicUsize,
    pub(super) waker: AtomicWaker,
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

    /// Tells whether the connection has broken, so that no answer can be read any more.
    pub fn is_broken(&self) -> bool {
        self.is_broken.get()
    }

    /// Notes that a request has begun.
    pub fn begin(self: &Rc<Self>) -> Underway {
        let position = self.running.get() + 1;
        self.running.set(position);
        self.begun.set(self.begun.get().wrapping_add(1));
        self.is_unread.set(false);
        Underway {
            traffic: Rc::clone(self),
            position,
            came: self.came.take(),
            answered: Cell::default(),
            waiting: None,
        }
    }

    /// Has a request looked at once more, where its connection is looked at to the end and it was not by then.
    pub fn pass(&self, waker: Waker) {
        self.passing.set(Some(waker));
    }

    /// Notes that the request is looked at once more.
    pub fn passed(&self) {
        self.passing.take();
    }

    /// Notes that so many requests have ended just now.
    fn end(&self, n_requests: usize) {
        self.end_at(n_requests, Instant::now());
    }

    fn end_at(&self, n_requests: usize, time: Instant) {
        self.running.set(self.running.get().saturating_sub(n_requests));
        self.ended.set(Some(time));
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
    pub(super) fn settle(&self) {
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
    pub(super) fn block(&self) {
        self.is_blocked.set(true);
    }

    /// Notes that the connection has taken something.
    pub(super) fn unblock(&self) {
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

    /// Returns when the request came, if that is known.
    pub fn came(&self) -> Option<std::time::Instant> {
        self.came.map(Instant::into_std)
    }

    /// Notes when a complete answer was made.
    pub fn answered(&self, time: std::time::Instant) {
        self.answered.set(Some(Instant::from_std(time)));
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
            self.traffic.end_at(1, self.answered.get().unwrap_or_else(Instant::now));
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
