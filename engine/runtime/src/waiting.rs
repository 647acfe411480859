//! Work that waits for others, such as servers, and that a fit gives up when it is cancelled.

use std::panic::resume_unwind;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use palladium_component::interfaces::{Failure, FitContext, WorkGuard};
use tracing::{Span, info, warn};

use crate::{JobError, Step};

/// So often it is looked whether the fit is cancelled.
const PAUSE: Duration = Duration::from_millis(50);

/// Does some work until the fit is cancelled; then the work is left to itself where it may be, and waited for otherwise.
/// What comes of it is dropped.
///
/// # Errors
/// Those of the work; the fit was cancelled.
pub(crate) fn unless_cancelled<T: Send + 'static>(
    context: &FitContext,
    step: Step,
    work: impl FnOnce() -> Result<T, JobError> + Send + 'static,
) -> Result<T, JobError> {
    context.check()?;
    if !context.may_leave_work() {
        return work();
    }
    let (done, ended) = channel();
    let (hold, held) = channel::<WorkGuard>();
    let span = Span::current();
    let work = move || {
        // Dropped after the work, with what was sent.
        let _held = held;
        // Nobody listens once the work is left to itself.
        let _ = done.send(span.in_scope(work));
    };
    let thread = std::thread::Builder::new().name("fit-step".to_owned()).spawn(work).map_err(|error| {
        let source = Failure::message(format!("no thread can be started: {error}"));
        JobError::Component { step, source }
    })?;
    let mut is_told = false;
    loop {
        match ended.recv_timeout(PAUSE) {
            Ok(result) => {
                context.check()?;
                return result;
            }
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) if context.check().is_ok() => {}
            Err(RecvTimeoutError::Timeout) => match context.leave_work() {
                Some(guard) => {
                    info!("Gave up {step}: the fit was cancelled");
                    // Work that has ended meanwhile holds nothing.
                    let _ = hold.send(guard);
                    return Err(JobError::Cancelled);
                }
                None if is_told => {}
                None => {
                    warn!("The fit was cancelled and waits for {step}: as much work as may be is given up and goes on");
                    is_told = true;
                }
            },
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
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::sync::mpsc::{Receiver, Sender};

    use super::*;

    /// Returns a context that one flag cancels and that may leave work once the other is set, and what such work holds.
    fn context(cancelled: &Arc<AtomicBool>, may_leave: &Arc<AtomicBool>) -> (FitContext, Arc<()>) {
        let (held, may_leave) = (Arc::new(()), Arc::clone(may_leave));
        let left = Arc::clone(&held);
        let leave = move || may_leave.load(Ordering::SeqCst).then(|| Box::new(Arc::clone(&left)) as WorkGuard);
        (FitContext::cancelled_by(Arc::clone(cancelled)).leaving_work_by(Arc::new(leave)), held)
    }

    /// Returns work that cancels the fit and waits, with what tells that it has begun and what ends it.
    fn waiting(cancelled: Arc<AtomicBool>) -> (impl FnOnce() -> Result<(), JobError>, Receiver<()>, Sender<()>) {
        let (begins, begun) = channel();
        let (end, ends) = channel::<()>();
        let work = move || {
            cancelled.store(true, Ordering::SeqCst);
            begins.send(()).unwrap();
            ends.recv().unwrap();
            Ok(())
        };
        (work, begun, end)
    }

    #[test]
    fn work_has_a_thread_only_where_it_may_be_left() {
        let here = std::thread::current().id();
        let leaving = FitContext::default().leaving_work_by(Arc::new(|| None));
        for (context, is_here) in [(FitContext::default(), true), (leaving, false)] {
            let worked = unless_cancelled(&context, Step::Reach, || Ok(std::thread::current().id())).unwrap();
            assert_eq!(worked == here, is_here);
        }
    }

    #[test]
    fn work_that_is_left_holds_what_it_is_given_until_it_ends() {
        let (cancelled, may_leave) = (Arc::default(), Arc::new(true.into()));
        let ((context, held), (work, _begun, end)) = (context(&cancelled, &may_leave), waiting(cancelled));
        let error = unless_cancelled(&context, Step::Reach, work).unwrap_err();
        assert!(matches!(error, JobError::Cancelled), "{error:?}");
        drop(context);
        assert_eq!(Arc::strong_count(&held), 2);
        end.send(()).unwrap();
        while Arc::strong_count(&held) > 1 {
            std::thread::yield_now();
        }
    }

    #[test]
    fn work_that_may_not_be_left_is_waited_for_and_comes_to_nothing() {
        for is_left_later in [false, true] {
            let (cancelled, may_leave) = (Arc::default(), Arc::<AtomicBool>::default());
            let ((context, _), (work, begun, end)) = (context(&cancelled, &may_leave), waiting(cancelled));
            let fit = std::thread::spawn(move || unless_cancelled(&context, Step::Reach, work));
            begun.recv().unwrap();
            std::thread::sleep(3 * PAUSE);
            assert!(!fit.is_finished());
            match is_left_later {
                true => may_leave.store(true, Ordering::SeqCst),
                false => end.send(()).unwrap(),
            }
            let error = fit.join().unwrap().unwrap_err();
            assert!(matches!(error, JobError::Cancelled), "{error:?}");
        }
    }

    #[test]
    fn nothing_begins_once_the_fit_is_cancelled() {
        let context = FitContext::cancelled_by(Arc::new(true.into()));
        let error = unless_cancelled::<()>(&context, Step::Reach, || panic!("it begins")).unwrap_err();
        assert!(matches!(error, JobError::Cancelled), "{error:?}");
    }
}
