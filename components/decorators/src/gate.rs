//! A bounded number of calls at once, and of those that wait for their turn.

use std::borrow::Borrow;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Lets a bounded number of calls in.
#[derive(Default)]
pub struct Gate {
    counts: Mutex<Counts>,
    freed: Condvar,
}

#[derive(Default)]
struct Counts {
    inside: usize,
    waiting: usize,
}

/// How many a gate lets in and lets wait, and for how long.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// How many may be inside.
    pub most: usize,
    /// How many may wait.
    pub queue: usize,
    /// How long one may wait.
    pub wait: Duration,
}

/// A call inside; dropping it lets the next one in.
pub struct Inside<G: Borrow<Gate>>(G);

impl Gate {
    /// Waits for a place; nothing stands for none that became free in time.
    pub fn enter(&self, bounds: Bounds) -> Option<Inside<&Gate>> {
        self.lets_in(bounds).then(|| Inside(self))
    }

    /// Does as [`Gate::enter`] for a place that is kept elsewhere.
    pub fn enter_for_long(self: &Arc<Self>, bounds: Bounds) -> Option<Inside<Arc<Gate>>> {
        self.lets_in(bounds).then(|| Inside(Arc::clone(self)))
    }

    fn lets_in(&self, bounds: Bounds) -> bool {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.inside >= bounds.most {
            if counts.waiting >= bounds.queue {
                return false;
            }
            counts.waiting += 1;
            let until = Instant::now() + bounds.wait;
            while counts.inside >= bounds.most {
                let left = until.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    counts.waiting -= 1;
                    return false;
                }
                counts = self.freed.wait_timeout(counts, left).unwrap_or_else(PoisonError::into_inner).0;
            }
            counts.waiting -= 1;
        }
        counts.inside += 1;
        true
    }
}

impl<G: Borrow<Gate>> Drop for Inside<G> {
    fn drop(&mut self) {
        let gate: &Gate = self.0.borrow();
        gate.counts.lock().unwrap_or_else(PoisonError::into_inner).inside -= 1;
        gate.freed.notify_one();
    }
}

#[cfg(test)]
pub mod tests {
    use std::thread;

    use super::*;

    /// Makes a call while another one is inside, which leaves when this one waits or has ended. Returns whether it
    /// waited, and what it returned.
    pub fn beside_another<T: Send>(gate: &Gate, call: impl FnOnce() -> T + Send) -> (bool, T) {
        let another = gate.enter(Bounds { most: 1, queue: 0, wait: Duration::ZERO }).unwrap();
        thread::scope(|scope| {
            let call = scope.spawn(call);
            while !call.is_finished() && gate.counts.lock().unwrap().waiting == 0 {
                thread::sleep(Duration::from_millis(1));
            }
            let waits = !call.is_finished();
            drop(another);
            (waits, call.join().unwrap())
        })
    }

    #[test]
    fn lets_a_bounded_number_in() {
        let gate = Gate::default();
        let bounds = |queue, milliseconds| Bounds { most: 2, queue, wait: Duration::from_millis(milliseconds) };
        let first = gate.enter(bounds(0, 0)).unwrap();
        let _second = gate.enter(bounds(0, 0)).unwrap();
        assert!(gate.enter(bounds(0, 5_000)).is_none(), "nobody may wait");
        assert!(gate.enter(bounds(1, 1)).is_none(), "the time is over");
        std::thread::scope(|scope| {
            let waits = scope.spawn(|| gate.enter(bounds(1, 10_000)).is_some());
            drop(first);
            assert!(waits.join().unwrap());
        });
        assert!(gate.enter(bounds(0, 0)).is_some(), "those that waited are gone");
    }
}
