//! Places between two steps of a change, at which tests kill the process.

/// Marks the place between two steps. Outside this crate's own tests it is nothing.
#[cfg(not(test))]
pub fn reached(_step: &'static str) {}

#[cfg(test)]
pub use killing::{kill_at, reached};

#[cfg(test)]
mod killing {
    use std::sync::atomic::{AtomicI64, Ordering};

    /// How many steps are left until the process ends; negative means that it lives on.
    static LEFT: AtomicI64 = AtomicI64::new(-1);

    /// Lets the process end by SIGKILL at the step with this number, counted from zero.
    pub fn kill_at(step: i64) {
        LEFT.store(step, Ordering::SeqCst);
    }

    /// Ends the process if this is the step.
    pub fn reached(_step: &'static str) {
        if LEFT.load(Ordering::SeqCst) >= 0 && LEFT.fetch_sub(1, Ordering::SeqCst) == 0 {
            let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
        }
    }
}
