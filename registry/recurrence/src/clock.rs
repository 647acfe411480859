//! The time that tasks go by, and how they wait.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};

/// Tells a task the time and lets it wait. [`SystemClock`] is the one to use; tests have others.
pub trait Clock: Send + 'static {
    /// Returns the time.
    fn now(&self) -> DateTime<Utc>;

    /// Waits so long, or until the task is to stop.
    fn wait(&self, limit: Duration, stop: &Stop);
}

/// The clock of the system.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }

    fn wait(&self, limit: Duration, stop: &Stop) {
        stop.wait(Some(limit));
    }
}

/// Whether a task is to stop, and whether it is at work.
#[derive(Debug, Default)]
pub struct Stop {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    is_asked: bool,
    is_at_work: bool,
}

impl Stop {
    /// Waits until the task is to stop, at most so long if there is a limit.
    pub fn wait(&self, limit: Option<Duration>) {
        let (state, waits) = (self.lock(), |state: &mut State| !state.is_asked);
        match limit {
            Some(limit) => drop(self.changed.wait_timeout_while(state, limit, waits)),
            None => drop(self.changed.wait_while(state, waits)),
        }
    }

    /// Tells whether the task is to stop.
    pub fn is_asked(&self) -> bool {
        self.lock().is_asked
    }

    /// Asks the task to stop and tells whether it is at work.
    pub(crate) fn ask(&self) -> bool {
        let mut state = self.lock();
        state.is_asked = true;
        self.changed.notify_all();
        state.is_at_work
    }

    /// Notes that the work begins, unless the task is to stop.
    pub(crate) fn begin(&self) -> bool {
        let mut state = self.lock();
        state.is_at_work = !state.is_asked;
        state.is_at_work
    }

    /// Notes that the work is done.
    pub(crate) fn end(&self) {
        self.lock().is_at_work = false;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
