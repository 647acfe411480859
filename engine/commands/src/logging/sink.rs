//! Where lines go: to standard error or to files, those of requests some together.

use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use super::file::LogFiles;

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
    lines: Vec<u8>,
    has_thread: bool,
}

impl Sink {
    /// Returns a sink that writes there.
    pub fn new(output: Output) -> Sink {
        let state = Mutex::new(State { output, lines: Vec::new(), has_thread: false });
        Sink(Arc::new(Shared { state, waiting: Condvar::new() }))
    }

    /// Writes a line and all that wait.
    ///
    /// # Errors
    /// They cannot be written.
    pub fn write(&self, line: &[u8]) -> io::Result<()> {
        let mut state = self.0.lock();
        state.lines.extend_from_slice(line);
        state.flush()
    }

    /// Writes a line within a moment, together with others.
    ///
    /// # Errors
    /// They cannot be written, where it is written now.
    pub fn write_soon(&self, line: &[u8]) -> io::Result<()> {
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
        Ok(())
    }

    /// Writes the lines that wait.
    pub fn flush(&self) {
        // Nobody is left who could be told that a line is lost.
        let _ = self.0.lock().flush();
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
            // The lines are lost; the log has no other place to say so.
            let _ = state.flush();
        }
    }
}

impl State {
    fn flush(&mut self) -> io::Result<()> {
        let written = match &mut self.output {
            _ if self.lines.is_empty() => Ok(()),
            Output::Stderr => io::stderr().lock().write_all(&self.lines),
            Output::Files(files) => files.write(&self.lines),
        };
        self.lines.clear();
        written
    }
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
        let (sink, read) = (Sink::new(Output::Files(files)), || std::fs::read_to_string(&path).unwrap());
        sink.write_soon(b"a\n").unwrap();
        sink.write(b"b\n").unwrap();
        assert_eq!(read(), "a\nb\n");
        sink.write_soon(b"c\n").unwrap();
        while read() != "a\nb\nc\n" {
            thread::sleep(Duration::from_millis(1));
        }
        sink.write_soon(b"d\n").unwrap();
        sink.flush();
        assert_eq!(read(), "a\nb\nc\nd\n");
        let line = [&[b'x'; FULL - 1][..], b"\n"].concat();
        sink.write_soon(&line).unwrap();
        assert_eq!(read().len(), 8 + FULL, "what is long does not wait");
    }
}
