//! How far a prediction is, for whoever waits at a terminal.

use std::time::{Duration, Instant};

use crate::status_line::StatusLine;

/// Counts rows on the status line.
pub struct Progress {
    started: Instant,
    shown: Option<Instant>,
    status: StatusLine,
}

impl Progress {
    pub fn new(status: StatusLine) -> Progress {
        Progress { started: Instant::now(), shown: None, status }
    }

    /// Shows so many rows, a few times a second at most.
    pub fn show(&mut self, n_rows: u64) {
        const PAUSE: Duration = Duration::from_millis(200);
        let now = Instant::now();
        if self.shown.is_none_or(|shown| now - shown >= PAUSE) {
            self.shown = Some(now);
            let seconds = (now - self.started).as_secs_f64();
            self.status.show(&format!("{n_rows} rows, {:.0} a second", n_rows as f64 / seconds));
        }
    }

    /// Takes the line away.
    pub fn clear(&mut self) {
        self.status.clear();
    }
}
