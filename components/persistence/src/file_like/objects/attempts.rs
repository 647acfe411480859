//! How often something is tried that others may be faster at.

use std::thread;
use std::time::{Duration, Instant};

/// How long it is tried.
const PATIENCE: Duration = Duration::from_secs(30);

/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// The tries so far.
pub struct Attempts {
    started: Instant,
    pause: Duration,
}

impl Attempts {
    /// Begins with the first try.
    pub fn new() -> Attempts {
        Attempts { started: Instant::now(), pause: Duration::from_millis(2) }
    }

    /// Pauses before another try, as long as chance has it, so that those who met do not meet again; tells whether
    /// there is time for one.
    pub fn pause(&mut self) -> bool {
        if self.started.elapsed() >= PATIENCE {
            return false;
        }
        thread::sleep(self.pause.mul_f64(fastrand::f64()));
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tries_end() {
        let mut attempts = Attempts::new();
        for _ in 0..5 {
            assert!(attempts.pause());
        }
        assert_eq!(attempts.pause, Duration::from_millis(64));
        attempts.pause = PATIENCE;
        attempts.started = Instant::now().checked_sub(PATIENCE).unwrap();
        assert!(!attempts.pause());
    }
}
