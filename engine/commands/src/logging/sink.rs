//! Where lines go: to standard error or to files, those of requests some together. Lines that a file cannot take are lost
//! and counted, and standard error says so.

use std::borrow::Cow;
use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use memchr::memchr_iter;

use super::file::LogFiles;
use super::text_of;
use crate::redaction::Redaction;
use crate::status_line::StatusLine;

/// How long a line may wait for others that it is written with.
const WAIT: Duration = Duration::from_millis(50);

/// So many bytes are written at once.
const FULL: usize = 64 << 10;

/// Takes lines and writes them in their order. Clones share it.
#[derive(Clone)]
pub struct Sink(Arc<Shared>);

/// What lines are written to.
pub enum Output {
    /// Standard error.
    Stderr,
    /// The file of the period.
    Files(LogFiles),
}

struct Shared {
    state: Mutex<State>,
    /// Tells the thread that writes that lines wait.
    waiting: Condvar,
}

struct State {
    output: Output,
    /// The line that says how far something is, beside which standard error is written.
    status: StatusLine,
    redaction: Redaction,
    /// What waits, as it was written.
    lines: Vec<u8>,
    /// How many lines were lost since the file could be written.
    n_lost: usize,
    has_thread: bool,
}

impl Sink {
    /// Returns a sink that writes there.
    pub fn new(output: Output, status: StatusLine, redaction: Redaction) -> Sink {
        let state = State { output, status, redaction, lines: Vec::new(), n_lost: 0, has_thread: false };
        Sink(Arc::new(Shared { state: Mutex::new(state), waiting: Condvar::new() }))
    }

    /// Writes all lines that wait, and one that holds no secrets.
    pub fn write(&self, line: &[u8]) {
        let mut state = self.0.lock();
        state.redact();
        state.lines.extend_from_slice(line);
        state.put();
    }

    /// Writes a line within a moment, together with others and without its secrets.
    pub fn write_soon(&self, line: &[u8]) {
        let mut state = self.0.lock();
        state.lines.extend_from_slice(line);
        if !state.has_thread {
            let shared = Arc::clone(&self.0);
            state.has_thread = thread::Builder::new().name("log".to_owned()).spawn(move || shared.write_all()).is_ok();
        }
        if !state.has_thread || state.lines.len() >= FULL {
            return state.flush();
        }
        if state.lines.len() == line.len() {
            self.0.waiting.notify_one();
        }
    }

    /// Writes the lines that wait.
    pub fn flush(&self) {
        self.0.lock().flush();
    }
}

impl Shared {
    /// Locks; a thread that panicked left whole lines or lost some.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes what waits again and again, for as long as the process lives.
    fn write_all(&self) {
        let mut state = self.lock();
        loop {
            state =
                self.waiting.wait_while(state, |state| state.lines.is_empty()).unwrap_or_else(PoisonError::into_inner);
            drop(state);
            thread::sleep(WAIT);
            state = self.lock();
            state.flush();
        }
    }
}

impl State {
    fn flush(&mut self) {
        self.redact();
        self.put();
    }

    /// Takes the secrets out of the lines that wait.
    fn redact(&mut self) {
        let text = text_of(&self.lines);
        let redacted = match self.redaction.redact_lines(&text) {
            Cow::Owned(redacted) => redacted,
            Cow::Borrowed(_) => match text {
                Cow::Owned(text) => text,
                Cow::Borrowed(_) => return,
            },
        };
        self.lines = redacted.into_bytes();
    }

    /// Writes out the lines as they are.
    fn put(&mut self) {
        if self.lines.is_empty() {
            return;
        }
        match &mut self.output {
            Output::Stderr => {
                // There is no other place to say that it cannot be written.
                let _ = self.status.beside(|| io::stderr().lock().write_all(&self.lines));
            }
            Output::Files(files) => {
                let mut rest = self.lines.as_slice();
                let said = match (files.write(&mut rest), self.n_lost) {
                    (Ok(()), 0) => None,
                    (Ok(()), n_lost) => {
                        self.n_lost = 0;
                        Some(format!("warning: the log file is written again; {} lost", were(n_lost)))
                    }
                    (Err(error), n_lost) => {
                        self.n_lost += memchr_iter(b'\n', rest).count();
                        (n_lost == 0).then(|| {
                            format!("warning: the log file cannot be written, and lines are lost until it can: {error}")
                        })
                    }
                };
                if let Some(said) = said {
                    // Who does not hear of it has nowhere else to.
                    let _ = self.status.beside(|| writeln!(io::stderr().lock(), "{said}"));
                }
            }
        }
        self.lines.clear();
    }
}

fn were(n_lines: usize) -> String {
    if n_lines == 1 { "1 line was".to_owned() } else { format!("{n_lines} lines were") }
}

#[cfg(test)]
mod tests {
    use super::super::file::{LogFile, Rotation};
    use super::*;

    #[test]
    fn lines_are_written_in_their_order_and_none_waits_for_long() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.log");
        let files = LogFiles::open(LogFile { path: path.clone(), rotation: Rotation::Never, keep: None }).unwrap();
        let sink = Sink::new(Output::Files(files), StatusLine::default(), Redaction::default());
        let read = || std::fs::read_to_string(&path).unwrap();
        sink.write_soon(b"token=a\n");
        sink.write(b"b\n");
        assert_eq!(read(), "token=***\nb\n");
        sink.write_soon(b"c\n");
        while read() != "token=***\nb\nc\n" {
            thread::sleep(Duration::from_millis(1));
        }
        sink.write_soon(b"d\n");
        sink.flush();
        assert_eq!(read(), "token=***\nb\nc\nd\n");
        let line = [&[b'x'; FULL - 1][..], b"\n"].concat();
        sink.write_soon(&line);
        assert_eq!(read().len(), 16 + FULL, "what is long does not wait");
    }
}
