//! Shows on the terminal how far a load is that takes long.

use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use palladium_component::interfaces::{LoadProgress, Loading};

use crate::screen::{Screen, bar, padded};
use crate::status_line::StatusLine;
use crate::table::size;

/// A load that is over sooner is not told of.
const PATIENCE: Duration = Duration::from_secs(1);
/// So often the line changes.
const PAUSE: Duration = Duration::from_millis(200);

/// Looks how far loads are until it is dropped; the line is gone then.
pub struct LoadWatch {
    progress: LoadProgress,
    status: StatusLine,
    /// Ends the thread when it is dropped.
    running: Option<(Sender<()>, JoinHandle<()>)>,
}

impl LoadWatch {
    /// Begins to look. Where nobody sees the line, no thread is started.
    pub fn start(status: &StatusLine) -> LoadWatch {
        let progress = LoadProgress::default();
        let watch = |running| LoadWatch { progress: progress.clone(), status: status.clone(), running };
        if !status.is_seen() {
            return watch(None);
        }
        let (end, ended) = channel::<()>();
        let (seen, line) = (progress.clone(), status.clone());
        let look = move || {
            let screen = Screen::of_standard_error();
            while ended.recv_timeout(PAUSE) == Err(RecvTimeoutError::Timeout) {
                match seen.current().filter(|loading| loading.time >= PATIENCE) {
                    Some(loading) => line.show(&told(&loading, &screen)),
                    None => line.clear(),
                }
            }
        };
        // Without a thread nobody is told, and everything else goes on.
        watch(std::thread::Builder::new().name("load-watch".to_owned()).spawn(look).ok().map(|thread| (end, thread)))
    }

    /// Returns what loads tell how far they are.
    pub fn progress(&self) -> &LoadProgress {
        &self.progress
    }
}

impl Drop for LoadWatch {
    fn drop(&mut self) {
        if let Some((end, thread)) = self.running.take() {
            drop(end);
            // A thread that panicked has said so.
            let _ = thread.join();
            self.status.clear();
        }
    }
}

/// Returns how far a load is: a bar where it is known how much there is, then what is known.
fn told(loading: &Loading, screen: &Screen) -> String {
    const BAR: usize = 20;
    let mut parts = Vec::new();
    if loading.bytes > 0 {
        let of = loading.expected_bytes.map_or_else(String::new, |expected| format!(" of {}", size(expected)));
        parts.push(format!("{}{of}", size(loading.bytes)));
    }
    if loading.rows > 0 {
        let of = loading.expected_rows.map_or_else(String::new, |expected| format!(" of {expected}"));
        parts.push(format!("{}{of} rows", loading.rows));
    }
    parts.push(format!("{} s", loading.time.as_secs()));
    let bar = loading.share().map_or_else(String::new, |share| {
        format!("[{}] {:.0}%, ", padded(&bar(share, BAR, screen), BAR, false), share * 100.0)
    });
    format!("loading {}: {bar}{}", loading.what, parts.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_is_told() {
        let nothing = Loading {
            what: "dataset_loader_train".into(),
            time: Duration::from_millis(2700),
            rows: 0,
            bytes: 0,
            expected_rows: None,
            expected_bytes: None,
        };
        let bytes = Loading { bytes: 1_500_000, expected_bytes: Some(3_000_000), ..nothing.clone() };
        let rows = Loading { rows: 10, expected_rows: Some(40), ..nothing.clone() };
        let counted = Loading { rows: 10, bytes: 200, ..nothing.clone() };
        let cases = [
            (nothing, "loading dataset_loader_train: 2 s"),
            (bytes, "loading dataset_loader_train: [##########          ] 50%, 1.5 MB of 3.0 MB, 2 s"),
            (rows, "loading dataset_loader_train: [#####               ] 25%, 10 of 40 rows, 2 s"),
            (counted, "loading dataset_loader_train: 200 B, 10 rows, 2 s"),
        ];
        for (loading, expected) in cases {
            assert_eq!(told(&loading, &Screen { width: 80, is_unicode: false }), expected);
        }
    }
}
