//! Times in buckets: each power of two is cut into eighths, so that a quantile is off by an eighth at most.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// As many as reach from a quarter of a microsecond to a minute; what takes longer is in the last one.
pub const BUCKETS: usize = 208;

/// The eighths of a power of two, in bits.
const EIGHTHS: u32 = 3;

/// The unit of the buckets' bounds, in nanoseconds.
const UNIT: u128 = 250;

/// Counts times without locks.
pub struct Histogram([AtomicU64; BUCKETS]);

impl Default for Histogram {
    fn default() -> Histogram {
        Histogram([const { AtomicU64::new(0) }; BUCKETS])
    }
}

impl Histogram {
    /// Counts a time.
    pub fn add(&self, time: Duration) {
        self.0[bucket(time)].fetch_add(1, Ordering::Relaxed);
    }

    /// Returns how many times are in a bucket.
    pub fn get(&self, bucket: usize) -> u64 {
        self.0[bucket].load(Ordering::Relaxed)
    }
}

fn bucket(time: Duration) -> usize {
    let units = u64::try_from(time.as_nanos() / UNIT).unwrap_or(u64::MAX);
    let eighths = 1 << EIGHTHS;
    if units < eighths {
        return usize::try_from(units).unwrap_or(0);
    }
    let power = units.ilog2();
    let eighth = (units >> (power - EIGHTHS)) & (eighths - 1);
    let place = u64::from(power - EIGHTHS + 1) * eighths + eighth;
    usize::try_from(place).unwrap_or(BUCKETS).min(BUCKETS - 1)
}

/// Returns where a bucket begins, in milliseconds.
fn begin(bucket: usize) -> f64 {
    const MILLISECOND: f64 = 1e6;
    let eighths = 1 << EIGHTHS;
    let units = match (bucket / eighths, bucket % eighths) {
        (0, eighth) => eighth as f64,
        (power, eighth) => (eighths + eighth) as f64 * 2_f64.powf((power - 1) as f64),
    };
    units * UNIT as f64 / MILLISECOND
}

/// Times that were counted, taken together.
#[derive(Clone, Debug)]
pub struct Times {
    counts: [u64; BUCKETS],
    count: u64,
}

impl Default for Times {
    fn default() -> Times {
        Times { counts: [0; BUCKETS], count: 0 }
    }
}

impl Times {
    /// Adds what was counted in a bucket.
    pub fn add(&mut self, bucket: usize, count: u64) {
        self.counts[bucket] += count;
        self.count += count;
    }

    /// Returns the time in milliseconds that this share of the requests took at most; nothing if there was none.
    pub fn quantile(&self, share: f64) -> Option<f64> {
        if self.count == 0 {
            return None;
        }
        let wanted = share * self.count as f64;
        let mut before = 0;
        for (bucket, count) in self.counts.iter().enumerate().filter(|(_, count)| **count > 0) {
            if (before + count) as f64 >= wanted {
                let inside = ((wanted - before as f64) / *count as f64).clamp(0.0, 1.0);
                let (low, high) = (begin(bucket), begin(bucket + 1));
                return Some(low + (high - low) * inside);
            }
            before += count;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_follow_on_each_other() {
        let mut last = 0;
        for nanoseconds in (0..2_000_000).step_by(125) {
            let bucket = bucket(Duration::from_nanos(nanoseconds));
            assert!(bucket == last || bucket == last + 1, "{nanoseconds}");
            let milliseconds = nanoseconds as f64 / 1e6;
            assert!(begin(bucket) <= milliseconds && milliseconds < begin(bucket + 1), "{nanoseconds}");
            last = bucket;
        }
        assert_eq!(bucket(Duration::MAX), BUCKETS - 1);
        assert!(begin(BUCKETS - 1) > 60_000.0);
    }

    #[test]
    fn quantiles_are_off_by_an_eighth_at_most() {
        let histogram = Histogram::default();
        (1..=1000).for_each(|number| histogram.add(Duration::from_micros(number * 37)));
        let mut times = Times::default();
        (0..BUCKETS).for_each(|bucket| times.add(bucket, histogram.get(bucket)));
        for share in [0.01, 0.5, 0.9, 0.95, 0.99, 1.0] {
            let (found, expected) = (times.quantile(share).unwrap(), share * 37.0);
            assert!((found / expected - 1.0).abs() < 0.125, "{share}: {found} instead of {expected}");
        }
        assert_eq!(Times::default().quantile(0.5), None);
    }
}
