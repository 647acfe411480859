//! Work that waits for others, such as servers, and that a fit gives up when it is cancelled.

use std::panic::resume_unwind;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use palladium_component::interfaces::{Failure, FitContext};
use tracing::Span;

use crate::{JobError, Step};

/// So often it is looked whether the fit is cancelled.
const PAUSE: Duration = Duration::from_millis(50);

/// Does some work until the fit is cancelled; then the work is left to itself, and what comes of it is dropped. Where the
/// process goes on, the work is waited for: many fits that were cancelled could load at once.
///
/// # Errors
/// Those of the work; the fit was cancelled.
pub(crate) fn unless_cancelled<T: Send + 'static>(
    context: &FitContext,
    step: Step,
    work: impl FnOnce() -> Result<T, JobError> + Send + 'static,
) -> Result<T, JobError> {
    if !context.ends_process() {
        return work();
    }
    let (done, ended) = channel();
    let span = Span::current();
    let work = move || {
        // Nobody listens once the fit is cancelled.
        let _ = done.send(span.in_scope(work));
    };
    let thread = std::thread::Builder::new().name("fit-step".to_owned()).spawn(work).map_err(|error| {
        let source = Failure::message(format!("no thread can be started: {error}"));
        JobError::Component { step, source }
    })?;
    loop {
        match ended.recv_timeout(PAUSE) {
            Ok(result) => return result,
            Err(RecvTimeoutError::Timeout) => context.check()?,
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    // Work that says nothing has panicked.
    match thread.join() {
        Err(panic) => resume_unwind(panic),
        Ok(()) => Err(JobError::Cancelled),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_is_left_to_itself_only_where_the_process_ends() {
        let here = std::thread::current().id();
        for (context, is_here) in [(FitContext::default(), true), (FitContext::default().ending_the_process(), false)] {
            let worked = unless_cancelled(&context, Step::Reach, || Ok(std::thread::current().id())).unwrap();
            assert_eq!(worked == here, is_here);
        }
    }
}
