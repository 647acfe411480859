//! What the commands do when they are asked to stop.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use palladium_component::interfaces::{CommandError, Failure};

/// Returns the flag that SIGINT and SIGTERM set; a second signal ends the process at once.
///
/// # Errors
/// The system's.
pub fn stop_at_signals() -> Result<Arc<AtomicBool>, CommandError> {
    let cancelled = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        signal_hook::flag::register_conditional_shutdown(signal, 1, Arc::clone(&cancelled))
            .and_then(|_| signal_hook::flag::register(signal, Arc::clone(&cancelled)))
            .map_err(|error| Failure::message(format!("signals cannot be caught: {error}")))?;
    }
    Ok(cancelled)
}

/// A writer that fails once the flag is set, so that what was begun can be taken away.
pub struct Interruptible<'w> {
    writer: &'w mut (dyn Write + Send),
    stopped: Arc<AtomicBool>,
}

impl<'w> Interruptible<'w> {
    /// Returns a writer that goes on until the flag is set.
    pub fn new(writer: &'w mut (dyn Write + Send), stopped: Arc<AtomicBool>) -> Interruptible<'w> {
        Interruptible { writer, stopped }
    }
}

impl Write for Interruptible<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.stopped.load(Ordering::Relaxed) {
            true => Err(io::Error::other("it was interrupted")),
            false => self.writer.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_written_once_the_flag_is_set() {
        let (mut written, stopped) = (Vec::new(), Arc::new(AtomicBool::new(false)));
        let mut writer = Interruptible::new(&mut written, Arc::clone(&stopped));
        writer.write_all(b"a").unwrap();
        stopped.store(true, Ordering::Relaxed);
        assert_eq!(writer.write_all(b"b").unwrap_err().to_string(), "it was interrupted");
        assert_eq!(written, b"a");
    }
}
