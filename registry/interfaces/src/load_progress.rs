//! How far loads are.

use std::io::{self, Read};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How far a load is: the loader counts, and whoever waits looks. Clones count together; counting takes no lock.
///
/// Loaders count what they read themselves, and hand the progress on to loaders inside them. What a loader does not know
/// it leaves out: without a count, who waits sees how long it has taken.
#[derive(Clone, Debug, Default)]
pub struct LoadProgress {
    counts: Arc<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    rows: AtomicU64,
    bytes: AtomicU64,
    expected_rows: AtomicU64,
    expected_bytes: AtomicU64,
    running: Mutex<Option<(String, Instant)>>,
}

/// A load that runs, and how far it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loading {
    /// What is loaded, such as the root key of the loader.
    pub what: String,
    /// Since when.
    pub time: Duration,
    /// The rows read so far, 0 if nobody counts them.
    pub rows: u64,
    /// The bytes read so far, 0 if nobody counts them.
    pub bytes: u64,
    /// The rows there are, if that is known.
    pub expected_rows: Option<u64>,
    /// The bytes there are, if that is known.
    pub expected_bytes: Option<u64>,
}

/// A load that runs until this is dropped.
#[derive(Debug)]
pub struct RunningLoad<'p> {
    counts: &'p Counts,
}

impl Drop for RunningLoad<'_> {
    fn drop(&mut self) {
        *self.counts.running() = None;
    }
}

impl Counts {
    fn running(&self) -> MutexGuard<'_, Option<(String, Instant)>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LoadProgress {
    /// Counts further rows that were read.
    pub fn add_rows(&self, rows: u64) {
        self.counts.rows.fetch_add(rows, Ordering::Relaxed);
    }

    /// Counts further bytes that were read, as they are stored: of a compressed file those of the file.
    pub fn add_bytes(&self, bytes: u64) {
        self.counts.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Says how many further rows there will be to read.
    pub fn expect_rows(&self, rows: u64) {
        self.counts.expected_rows.fetch_add(rows, Ordering::Relaxed);
    }

    /// Says how many further bytes there will be to read: a loader of several files says it once for each.
    pub fn expect_bytes(&self, bytes: u64) {
        self.counts.expected_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Returns a reader that counts the bytes that are read through it.
    pub fn counting<R: Read>(&self, reader: R) -> CountingReader<R> {
        CountingReader { reader, progress: self.clone() }
    }

    /// Begins a load of this name with nothing read; it runs until what is returned is dropped.
    pub fn begin(&self, what: &str) -> RunningLoad<'_> {
        let counts = &self.counts;
        let mut running = counts.running();
        for count in [&counts.rows, &counts.bytes, &counts.expected_rows, &counts.expected_bytes] {
            count.store(0, Ordering::Relaxed);
        }
        *running = Some((what.to_owned(), Instant::now()));
        drop(running);
        RunningLoad { counts }
    }

    /// Returns how far the load is that runs, if one does.
    pub fn current(&self) -> Option<Loading> {
        let (what, since) = self.counts.running().clone()?;
        let count = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let expected = |expected: &AtomicU64| Some(count(expected)).filter(|expected| *expected > 0);
        Some(Loading {
            what,
            time: since.elapsed(),
            rows: count(&self.counts.rows),
            bytes: count(&self.counts.bytes),
            expected_rows: expected(&self.counts.expected_rows),
            expected_bytes: expected(&self.counts.expected_bytes),
        })
    }
}

impl Loading {
    /// Returns which part of it is done, between 0 and 1, if that is known.
    pub fn share(&self) -> Option<f64> {
        let share =
            |done: u64, expected: Option<u64>| expected.map(|expected| (done as f64 / expected as f64).min(1.0));
        share(self.bytes, self.expected_bytes).or_else(|| share(self.rows, self.expected_rows))
    }
}

/// Counts the bytes that are read through it.
#[derive(Debug)]
pub struct CountingReader<R> {
    reader: R,
    progress: LoadProgress,
}

impl<R: Read> Read for CountingReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.reader.read(buffer)?;
        self.progress.add_bytes(length as u64);
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_load_is_told_while_it_runs_and_begins_with_nothing() {
        let progress = LoadProgress::default();
        let seen = progress.clone();
        assert_eq!(seen.current(), None);
        let running = progress.begin("first");
        progress.expect_bytes(6);
        progress.expect_bytes(2);
        let mut read = String::new();
        progress.counting("abcd".as_bytes()).read_to_string(&mut read).unwrap();
        progress.add_rows(2);
        let loading = seen.current().unwrap();
        assert_eq!((loading.what.as_str(), loading.rows, loading.bytes), ("first", 2, 4));
        assert_eq!((loading.expected_bytes, loading.expected_rows, loading.share()), (Some(8), None, Some(0.5)));
        drop(running);
        assert_eq!(seen.current(), None);

        let _running = progress.begin("second");
        assert_eq!(seen.current().map(|loading| (loading.bytes, loading.share())), Some((0, None)));
        progress.expect_rows(4);
        progress.add_rows(5);
        assert_eq!(seen.current().unwrap().share(), Some(1.0), "what was expected may have been too little");
    }
}
