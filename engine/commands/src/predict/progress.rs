//! How far a prediction is, for whoever waits at a terminal.

use std::io::{IsTerminal, Write, stderr};
use std::time::{Duration, Instant};

/// A line on a terminal that counts rows.
pub struct Progress {
    started: Instant,
    shown: Option<Instant>,
    is_terminal: bool,
}

impl Progress {
    pub fn new() -> Progress {
        Progress { started: Instant::now(), shown: None, is_terminal: stderr().is_terminal() }
    }

    /// Shows so many rows, a few times a second at most.
    pub fn show(&mut self, n_rows: u64) {
        const PAUSE: Duration = Duration::from_millis(200);
        let now = Instant::now();
        if self.is_terminal && self.shown.is_none_or(|shown| now - shown >= PAUSE) {
            self.shown = Some(now);
            let seconds = (now - self.started).as_secs_f64();
            self.write(&format!("\r\x1b[K{n_rows} rows, {:.0} a second", n_rows as f64 / seconds));
        }
    }

    /// Takes the line away.
    pub fn clear(&mut self) {
        if self.shown.take().is_some() {
            self.write("\r\x1b[K");
        }
    }

    fn write(&self, text: &str) {
        let mut terminal = stderr().lock();
        // Who cannot be shown the progress misses nothing else.
        let _ = terminal.write_all(text.as_bytes()).and_then(|()| terminal.flush());
    }
}
