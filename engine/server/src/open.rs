//! What is open: connections and requests, so that a stop knows what it waits for.

use std::rc::Rc;
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

/// Counts the requests of one worker, which alone changes the count: it need not do so in one step.
#[derive(Clone)]
pub struct Requests(Rc<Worker>);

struct Worker {
    n_requests: Arc<AtomicUsize>,
}

impl Requests {
    /// Counts a request for as long as what this returns lives.
    pub fn request(&self) -> Request {
        let count = &self.0.n_requests;
        count.store(count.load(Ordering::Relaxed) + 1, Ordering::Release);
        Request(Rc::clone(&self.0))
    }
}

/// A request, which counts as long as this lives.
pub struct Request(Rc<Worker>);

impl Drop for Request {
    fn drop(&mut self) {
        let count = &self.0.n_requests;
        count.store(count.load(Ordering::Relaxed) - 1, Ordering::Release);
    }
}

/// Counts as long as it lives.
pub struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Open {
    /// Counts a connection that ends by itself once the service stops.
    pub fn connection(&self) -> Counted {
        self.ending.fetch_add(1, Ordering::SeqCst);
        Counted(Arc::clone(&self.ending))
    }

    /// Returns what counts the requests of a worker.
    pub fn requests(&self) -> Requests {
        let n_requests = Arc::default();
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&n_requests));
        Requests(Rc::new(Worker { n_requests }))
    }

    /// Returns how many requests there are.
    fn n_requests(&self) -> usize {
        let requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        requests.iter().map(|count| count.load(Ordering::Acquire)).sum()
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
