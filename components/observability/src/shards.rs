//! Counters in several copies, so that threads which count at once seldom wait for each other's cache lines.

use std::sync::atomic::{AtomicUsize, Ordering};

/// So many copies there are: the threads that answer requests, one for each core, mostly have one each.
const COPIES: usize = 8;

/// The number that the next thread takes.
static NEXT: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static COPY: usize = NEXT.fetch_add(1, Ordering::Relaxed) % COPIES;
}

/// Copies of something, of which each thread changes one and whose sum counts.
#[derive(Debug, Default)]
pub struct Shards<T>([Line<T>; COPIES]);

/// Begins at a cache line, of which processors fetch two at once.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Line<T>(T);

impl<T> Shards<T> {
    /// Returns copies that are made one by one.
    pub fn new(mut make: impl FnMut() -> T) -> Shards<T> {
        Shards(std::array::from_fn(|_| Line(make())))
    }

    /// Returns the copy of this thread.
    pub fn own(&self) -> &T {
        &self.0[COPY.with(|copy| *copy)].0
    }

    /// Returns all copies.
    pub fn all(&self) -> impl Iterator<Item = &T> {
        self.0.iter().map(|line| &line.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_have_copies_of_their_own() {
        let shards = Shards::new(|| AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for _ in 0..COPIES {
                scope.spawn(|| {
                    for _ in 0..10 {
                        shards.own().fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
        });
        let counts: Vec<usize> = shards.all().map(|count| count.load(Ordering::Relaxed)).collect();
        assert_eq!(counts.iter().sum::<usize>(), 10 * COPIES);
        assert!(counts.iter().filter(|count| **count > 0).count() > 1, "{counts:?}");
    }
}
