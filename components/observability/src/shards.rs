//! Counters in several copies, so that threads which count at once do not wait for each other's cache lines.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, Ordering};

/// So many threads have a copy to themselves: those that answer requests, one for each core, are among the first that
/// count. All others share one more.
const ALONE: usize = 16;

/// The copies that no thread has to itself.
static FREE: Mutex<[bool; ALONE]> = Mutex::new([true; ALONE]);

thread_local! {
    static PLACE: Place = Place::take();
}

/// The copy that a thread changes.
struct Place(usize);

impl Place {
    /// That of all threads that have none to themselves.
    const SHARED: usize = ALONE;

    fn take() -> Place {
        let mut free = FREE.lock().unwrap_or_else(PoisonError::into_inner);
        let place = free.iter().position(|is_free| *is_free).unwrap_or(Place::SHARED);
        if let Some(is_free) = free.get_mut(place) {
            *is_free = false;
        }
        Place(place)
    }

    /// Returns that of this thread; one that ends has none any more.
    fn own() -> usize {
        PLACE.try_with(|place| place.0).unwrap_or(Place::SHARED)
    }
}

/// Leaves the copy to another thread, which then sees what was counted: both hold the lock in between.
impl Drop for Place {
    fn drop(&mut self) {
        if let Some(is_free) = FREE.lock().unwrap_or_else(PoisonError::into_inner).get_mut(self.0) {
            *is_free = true;
        }
    }
}

/// Copies of something, of which each thread changes one and whose sum counts.
#[derive(Debug, Default)]
pub struct Shards<T>([Line<T>; ALONE + 1]);

/// Begins at a cache line, of which processors fetch two at once.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Line<T>(T);

/// The copy that this thread changes.
#[derive(Debug)]
pub struct Own<'a, T> {
    pub copy: &'a T,
    is_shared: bool,
}

impl<T> Shards<T> {
    /// Returns copies that are made one by one.
    pub fn new(mut make: impl FnMut() -> T) -> Shards<T> {
        Shards(std::array::from_fn(|_| Line(make())))
    }

    /// Returns the copy of this thread.
    pub fn own(&self) -> Own<'_, T> {
        let place = Place::own();
        Own { copy: &self.0[place].0, is_shared: place == Place::SHARED }
    }

    /// Returns all copies.
    pub fn all(&self) -> impl Iterator<Item = &T> {
        self.0.iter().map(|line| &line.0)
    }
}

impl<T> Own<'_, T> {
    /// Adds to a number of this copy, and begins again at 0 beyond the greatest. What a thread alone changes it may read
    /// and then write, which takes a fraction of the time of doing both in one step.
    pub fn add(&self, number: &AtomicU64, more: u64) {
        match self.is_shared {
            true => drop(number.fetch_add(more, Ordering::Relaxed)),
            false => number.store(number.load(Ordering::Relaxed).wrapping_add(more), Ordering::Relaxed),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;

    use super::*;

    #[test]
    fn threads_lose_nothing_however_many_they_are() {
        let (shards, start) = (Shards::new(|| AtomicU64::new(0)), Barrier::new(3 * ALONE));
        let total = || shards.all().map(|count| count.load(Ordering::Relaxed)).sum::<u64>();
        for round in 1..=2 {
            std::thread::scope(|scope| {
                for _ in 0..3 * ALONE {
                    scope.spawn(|| {
                        let count = || {
                            let own = shards.own();
                            own.add(own.copy, 1);
                        };
                        count();
                        // From here on all of them have their places.
                        start.wait();
                        (1..1000).for_each(|_| count());
                    });
                }
            });
            assert_eq!(total(), round * 3000 * ALONE as u64);
        }
        let counts: Vec<u64> = shards.all().map(|count| count.load(Ordering::Relaxed)).collect();
        assert!(counts[Place::SHARED] > 0, "{counts:?}");
        assert!(counts[..ALONE].iter().filter(|count| **count > 0).count() > 1, "{counts:?}");
    }

    #[test]
    fn a_thread_that_ends_leaves_its_copy_to_others() {
        for _ in 0..100 * ALONE {
            let place = std::thread::spawn(Place::own).join().unwrap();
            if place != Place::SHARED {
                return;
            }
        }
        panic!("all copies are taken for good");
    }
}
