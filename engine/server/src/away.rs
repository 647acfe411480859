//! Work away from the workers, within limits.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::{rt, web};
use palladium_component::value::{seconds_text, with_causes};
use tokio::sync::Semaphore;

use crate::answer::Refusal;

/// Does work on a thread that may block, once there is a permit, and waits for both together no longer than the limit.
///
/// A thread cannot be stopped: work that takes too long is given up, not ended. It keeps its thread and its permit
/// until it is done, so that work which never ends takes up all permits and no more. What has not begun by then, or
/// when its client went away, is not begun any more.
///
/// # Errors
/// It takes longer.
pub async fn away<T: Send + 'static>(
    permits: &Arc<Semaphore>,
    limit: Duration,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Refusal> {
    let given_up = GivenUp::default();
    let is_given_up = Arc::clone(&given_up.0);
    let done = async {
        let permit = Arc::clone(permits).acquire_owned().await;
        let work = move || {
            let _until_done = permit;
            (!is_given_up.load(Ordering::Relaxed)).then(work)
        };
        web::block(work).await
    };
    within(limit, done).await?.map_err(|error| Refusal::internal(with_causes(&error)))?.ok_or_else(|| too_slow(limit))
}

/// Waits for something no longer than the limit.
///
/// # Errors
/// It takes longer.
pub async fn within<T>(limit: Duration, work: impl Future<Output = T>) -> Result<T, Refusal> {
    rt::time::timeout(limit, work).await.map_err(|_| too_slow(limit))
}

/// Returns the refusal of what takes longer than the limit.
pub fn too_slow(limit: Duration) -> Refusal {
    let message = format!("the prediction took longer than {}", seconds_text(limit.as_secs_f64()));
    Refusal::said(StatusCode::SERVICE_UNAVAILABLE, -1, message)
}

/// Becomes true when nobody waits any more.
#[derive(Default)]
struct GivenUp(Arc<AtomicBool>);

impl Drop for GivenUp {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Whether work is short enough for a worker, by the last time it was done.
#[derive(Default)]
pub struct Pace(AtomicBool);

impl Pace {
    const QUICK: Duration = Duration::from_millis(1);

    /// Notes how long the work took.
    pub fn note(&self, time: Duration) {
        let is_quick = time < Pace::QUICK;
        // Others read it all the time.
        if self.is_quick() != is_quick {
            self.0.store(is_quick, Ordering::Relaxed);
        }
    }

    /// Tells whether it was short; nobody knows of what was never done.
    pub fn is_quick(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
