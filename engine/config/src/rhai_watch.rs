//! Time and memory of an evaluation; what else it may cost is counted by the engine.

use std::fs;
use std::time::{Duration, Instant};

use crate::limits;
use crate::script::waited;

/// Stops evaluations that take too much.
pub(crate) struct Watch {
    /// When the evaluation has to be done.
    pub(crate) deadline: Instant,
    /// The memory of the process, unless it does not count or the system does not tell.
    pub(crate) memory: Option<Memory>,
}

/// The memory of the process when an evaluation began.
pub(crate) struct Memory {
    at_start: u64,
    next_look: Instant,
}

/// Why an evaluation is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    Time,
    Memory,
}

/// Each look asks the system, so there are few.
const BETWEEN_LOOKS: Duration = Duration::from_millis(10);

impl Watch {
    /// Begins with the usual limits.
    pub(crate) fn begin() -> Watch {
        let now = Instant::now();
        let memory = resident_bytes().map(|at_start| Memory { at_start, next_look: now + BETWEEN_LOOKS });
        Watch { deadline: now + limits::RHAI_TIME, memory }
    }

    /// Tells whether the evaluation has to stop.
    pub(crate) fn look(&mut self) -> Option<Stop> {
        let now = Instant::now();
        if now > self.deadline + waited() {
            return Some(Stop::Time);
        }
        let memory = self.memory.as_mut().filter(|memory| now >= memory.next_look)?;
        memory.next_look = now + BETWEEN_LOOKS;
        let limit = memory.at_start + limits::RHAI_MEMORY_BYTES;
        resident_bytes().filter(|bytes| *bytes > limit).map(|_| Stop::Memory)
    }
}

/// Returns the memory of the process where Linux tells it.
fn resident_bytes() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok().map(|kilobytes| kilobytes * 1024)
}
