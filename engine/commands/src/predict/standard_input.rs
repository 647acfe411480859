//! Standard input that a signal interrupts.

use std::io::{self, Read, stdin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread;
use std::time::Duration;

use palladium_component::interfaces::{CommandError, Failure};

/// Standard input, read on a thread of its own: a read that waits for a terminal or a pipe goes on after a signal, and
/// nobody would look at the flag that it has set.
pub struct StandardInput {
    chunks: Receiver<io::Result<Vec<u8>>>,
    chunk: Vec<u8>,
    /// How much of the chunk has been taken.
    taken: usize,
    cancelled: Arc<AtomicBool>,
}

impl StandardInput {
    /// Begins to read, a little ahead of who takes it.
    ///
    /// # Errors
    /// No thread can be started.
    pub fn start(cancelled: &Arc<AtomicBool>) -> Result<StandardInput, CommandError> {
        const AHEAD: usize = 2;
        let (sender, chunks) = sync_channel(AHEAD);
        let read = move || {
            let mut input = stdin().lock();
            loop {
                let chunk = read_chunk(&mut input);
                let is_last = chunk.as_ref().map_or(true, Vec::is_empty);
                if sender.send(chunk).is_err() || is_last {
                    return;
                }
            }
        };
        thread::Builder::new()
            .name("standard input".to_owned())
            .spawn(read)
            .map_err(|error| Failure::message(format!("no thread can be started: {error}")))?;
        let cancelled = Arc::clone(cancelled);
        Ok(StandardInput { chunks, chunk: Vec::new(), taken: 0, cancelled })
    }

    /// Waits for the next chunk, which is empty at the end.
    fn next_chunk(&self) -> io::Result<Vec<u8>> {
        const PAUSE: Duration = Duration::from_millis(100);
        loop {
            match self.chunks.recv_timeout(PAUSE) {
                Ok(chunk) => return chunk,
                Err(RecvTimeoutError::Disconnected) => return Ok(Vec::new()),
                Err(RecvTimeoutError::Timeout) if self.cancelled.load(Ordering::Relaxed) => {
                    return Err(io::Error::other("interrupted"));
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }
}

fn read_chunk(input: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut chunk = vec![0; 1 << 16];
    loop {
        match input.read(&mut chunk) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            read => {
                chunk.truncate(read?);
                return Ok(chunk);
            }
        }
    }
}

impl Read for StandardInput {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.taken == self.chunk.len() {
            self.chunk = self.next_chunk()?;
            self.taken = 0;
        }
        let rest = &self.chunk[self.taken..];
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        self.taken += count;
        Ok(count)
    }
}
