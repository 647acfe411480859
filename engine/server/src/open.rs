//! What is open: connections and requests, so that a stop knows what it waits for.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use actix_web::rt::time::sleep;
use tokio::sync::Notify;

/// Counts what is open.
#[derive(Default)]
pub struct Open {
    /// Connections that end by themselves once the service stops: those of HTTP/1.
    ending: Arc<AtomicUsize>,
    /// Requests, by worker.
    requests: Mutex<Vec<Arc<AtomicUsize>>>,
    stopping: Notify,
}

/// Counts the requests of one worker, so that workers do not wait for each other's counts.
#[derive(Clone)]
pub struct Requests(Arc<AtomicUsize>);

impl Requests {
    /// Counts a request.
    pub fn request(&self) -> Counted {
        Counted::new(&self.0)
    }
}

/// Counts as long as it lives.
pub struct Counted(Arc<AtomicUsize>);

impl Counted {
    fn new(count: &Arc<AtomicUsize>) -> Counted {
        count.fetch_add(1, Ordering::SeqCst);
        Counted(Arc::clone(count))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Open {
    /// Counts a connection that ends by itself once the service stops.
    pub fn connection(&self) -> Counted {
        Counted::new(&self.ending)
    }

    /// Returns what counts the requests of a worker.
    pub fn requests(&self) -> Requests {
        let counts = Arc::default();
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&counts));
        Requests(counts)
    }

    /// Returns how many requests there are.
    fn n_requests(&self) -> usize {
        let requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        requests.iter().map(|counts| counts.load(Ordering::SeqCst)).sum()
    }

    /// Notes that nothing more is accepted.
    pub fn stop(&self) {
        self.stopping.notify_one();
    }

    /// Waits until nothing more is accepted, no connection of HTTP/1 and no request is left, and the last answers are
    /// sent. Clients of HTTP/2 keep their connections, for which actix would wait as long as for requests.
    pub async fn quiet(&self) {
        const OFTEN: Duration = Duration::from_millis(20);
        const SENDING: Duration = Duration::from_millis(500);
        self.stopping.notified().await;
        while self.ending.load(Ordering::SeqCst) > 0 || self.n_requests() > 0 {
            sleep(OFTEN).await;
        }
        sleep(SENDING).await;
    }
}
