//! One line on the terminal that changes while something takes long, and is gone afterwards.

use std::io::{IsTerminal, Write, stderr};
use std::sync::{Arc, Mutex, PoisonError};

use crate::screen::{Screen, cut};

/// The line on standard error; nothing is ever shown where that is no terminal. Clones share the line.
#[derive(Clone, Debug)]
pub struct StatusLine(Arc<Line>);

#[derive(Debug)]
struct Line {
    is_terminal: bool,
    is_shown: Mutex<bool>,
}

impl Default for StatusLine {
    fn default() -> StatusLine {
        StatusLine(Arc::new(Line { is_terminal: stderr().is_terminal(), is_shown: Mutex::new(false) }))
    }
}

impl StatusLine {
    /// Tells whether there is a terminal to show it on.
    pub fn is_seen(&self) -> bool {
        self.0.is_terminal
    }

    /// Shows a text in the place of the one before, as much of it as fits.
    pub fn show(&self, text: &str) {
        if self.is_seen() {
            let screen = Screen::of_standard_error();
            let mut is_shown = self.0.is_shown.lock().unwrap_or_else(PoisonError::into_inner);
            *is_shown = true;
            // A full line would begin another one.
            write(&format!("\r\x1b[K{}", cut(text, screen.width.saturating_sub(1), &screen)));
        }
    }

    /// Takes the line away.
    pub fn clear(&self) {
        self.beside(|| {});
    }

    /// Takes the line away and writes something else to the terminal, so that they do not mix.
    pub fn beside<T>(&self, write_other: impl FnOnce() -> T) -> T {
        let mut is_shown = self.0.is_shown.lock().unwrap_or_else(PoisonError::into_inner);
        if std::mem::take(&mut *is_shown) {
            write("\r\x1b[K");
        }
        write_other()
    }
}

fn write(text: &str) {
    let mut terminal = stderr().lock();
    // Who cannot be shown the progress misses nothing else.
    let _ = terminal.write_all(text.as_bytes()).and_then(|()| terminal.flush());
}
