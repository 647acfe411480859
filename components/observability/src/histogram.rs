//! Histograms that many threads add to at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::shards::Shards;

/// Numbers of values up to each of some bounds, and their sum. Values are whole: bytes or nanoseconds.
pub struct Histogram {
    bounds: Arc<[u64]>,
    values: Shards<Values>,
}

struct Values {
    /// How many values lie between a bound and the one before; the last are beyond all bounds.
    counts: Box<[AtomicU64]>,
    sum: AtomicU64,
}

/// What a histogram held at one time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// For each bound how many values are not greater.
    pub cumulative: Vec<u64>,
    /// How many values there are.
    pub count: u64,
    /// Their sum.
    pub sum: u64,
}

impl Histogram {
    /// Returns a histogram without values; the bounds ascend.
    pub fn new(bounds: &Arc<[u64]>) -> Histogram {
        // Counts of different threads share no cache line.
        let length = (bounds.len() + 1).next_multiple_of(16);
        let counts = || (0..length).map(|_| AtomicU64::new(0)).collect();
        let values = Shards::new(|| Values { counts: counts(), sum: AtomicU64::new(0) });
        Histogram { bounds: Arc::clone(bounds), values }
    }

    /// Adds a value.
    pub fn add(&self, value: u64) {
        let place = self.bounds.partition_point(|bound| *bound < value);
        let own = self.values.own();
        let Values { counts, sum } = own.copy;
        if let Some(count) = counts.get(place) {
            own.add(count, 1);
        }
        own.add(sum, value);
    }

    /// Returns what it holds.
    pub fn snapshot(&self) -> Snapshot {
        let mut count = 0;
        let mut up_to = |place: usize| {
            let between = self.values.all().filter_map(|values| values.counts.get(place));
            count += between.map(|count| count.load(Ordering::Relaxed)).sum::<u64>();
            count
        };
        let cumulative = (0..self.bounds.len()).map(&mut up_to).collect();
        let count = up_to(self.bounds.len());
        Snapshot { cumulative, count, sum: self.values.all().map(|values| values.sum.load(Ordering::Relaxed)).sum() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_count_up_to_the_bounds_that_are_not_less() {
        let histogram = Histogram::new(&Arc::from([10, 100]));
        assert_eq!(histogram.snapshot(), Snapshot { cumulative: vec![0, 0], count: 0, sum: 0 });
        [0, 10, 11, 100, 101, 5000].into_iter().for_each(|value| histogram.add(value));
        assert_eq!(histogram.snapshot(), Snapshot { cumulative: vec![2, 4], count: 6, sum: 5222 });
    }

    #[test]
    fn threads_lose_nothing() {
        let histogram = Histogram::new(&Arc::from([1]));
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..1000).for_each(|value| histogram.add(value % 4)));
            }
        });
        assert_eq!(histogram.snapshot(), Snapshot { cumulative: vec![2000], count: 4000, sum: 6000 });
    }
}
