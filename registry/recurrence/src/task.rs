//! Tasks that follow a rule.

use std::any::Any;
use std::error::Error;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use palladium_value::with_causes;

use crate::{Clock, Recurrence, Stop, SystemClock};

/// For how long at most a task does not look at the clock: it may be set, and a machine may sleep.
const LOOKS: Duration = Duration::from_secs(2);

/// By how much a clock may go back without its having been set.
const ADJUSTED: TimeDelta = TimeDelta::seconds(10);

/// Calls a function in the background at each occurrence of a rule.
///
/// Occurrences that were missed, because the machine slept, the clock was put forward or the function took longer than
/// there was time, lead to one call, at once. Where the clock is set back, the task goes by what it shows then. An
/// error or a panic of the function is logged, and the task goes on. It ends when there is no further occurrence, when
/// it is stopped or dropped, and with the process, which it does not keep alive.
#[derive(Debug)]
pub struct RecurringTask {
    name: String,
    stop: Arc<Stop>,
    thread: Option<JoinHandle<()>>,
}

impl RecurringTask {
    /// Starts to call a function, whose name is for the log. The first call is at the first occurrence after now.
    ///
    /// # Errors
    /// The system has no thread left.
    pub fn start<E: Error + 'static>(
        name: &str,
        recurrence: Recurrence,
        function: impl FnMut() -> Result<(), E> + Send + 'static,
    ) -> io::Result<RecurringTask> {
        RecurringTask::start_by(SystemClock, name, recurrence, function)
    }

    /// Starts to call a function by another clock than the system's.
    ///
    /// # Errors
    /// The system has no thread left.
    pub fn start_by<E: Error + 'static>(
        clock: impl Clock,
        name: &str,
        recurrence: Recurrence,
        function: impl FnMut() -> Result<(), E> + Send + 'static,
    ) -> io::Result<RecurringTask> {
        let stop = Arc::new(Stop::default());
        let mut follower = Follower { name: name.to_owned(), recurrence, clock, stop: Arc::clone(&stop), function };
        let thread = Builder::new().name("recurring task".to_owned()).spawn(move || follower.follow())?;
        Ok(RecurringTask { name: name.to_owned(), stop, thread: Some(thread) })
    }

    /// Stops the task: no call begins any more. It returns at once and does not wait for a call that is running, which
    /// comes to its end by itself.
    pub fn stop(&mut self) {
        let is_at_work = self.stop.ask();
        if let Some(thread) = self.thread.take()
            && !is_at_work
            && thread.join().is_err()
        {
            tracing::error!("the recurring task `{}` has panicked", self.name);
        }
    }

    /// Tells whether there is no further call.
    pub fn is_finished(&self) -> bool {
        self.thread.as_ref().is_none_or(JoinHandle::is_finished)
    }
}

impl Drop for RecurringTask {
    fn drop(&mut self) {
        self.stop();
    }
}

/// What the thread of a task knows.
struct Follower<C, F> {
    name: String,
    recurrence: Recurrence,
    clock: C,
    stop: Arc<Stop>,
    function: F,
}

impl<C: Clock, E: Error + 'static, F: FnMut() -> Result<(), E>> Follower<C, F> {
    fn follow(&mut self) {
        let mut last = self.clock.now();
        while let Some(now) = self.wait(last) {
            last = now;
            if !self.stop.begin() {
                return;
            }
            self.call();
            self.stop.end();
        }
    }

    /// Waits for the first occurrence after an instant and returns when it is noticed. Nothing means that the task ends.
    fn wait(&self, last: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let mut last = last;
        let mut next = self.next_after(last)?;
        while !self.stop.is_asked() {
            let now = self.clock.now();
            if now >= next {
                return Some(now);
            }
            if now < last - ADJUSTED {
                last = now;
                next = self.next_after(last)?;
            }
            let left = (next - now).to_std().unwrap_or(Duration::ZERO);
            self.clock.wait(left.min(LOOKS), &self.stop);
        }
        None
    }

    fn next_after(&self, last: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let next = self.recurrence.next_after(last);
        if next.is_none() {
            tracing::info!("the recurring task `{}` has no further occurrence and ends", self.name);
        }
        next
    }

    fn call(&mut self) {
        let name = &self.name;
        // What a panic leaves behind is seen by the function alone.
        match catch_unwind(AssertUnwindSafe(&mut self.function)) {
            Ok(Ok(())) => {}
            // Whoever has stopped the task may have taken away what the call needs.
            Ok(Err(error)) if self.stop.is_asked() => tracing::debug!("Failed to call {name}: {}", with_causes(&error)),
            Ok(Err(error)) => tracing::error!("Failed to call {name}: {}", with_causes(&error)),
            Err(payload) => tracing::error!("Failed to call {name}: panic: {}", text_of(payload.as_ref())),
        }
    }
}

fn text_of(payload: &(dyn Any + Send)) -> &str {
    let text = payload.downcast_ref::<&str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("of an unknown kind")
}

#[cfg(test)]
mod tests;
