//! A lock for stores that offer none: it keeps the threads of this process apart, and nobody else.

use std::sync::Arc;

use palladium_component::prelude::*;
use tokio::sync::{Mutex, OwnedMutexGuard};

/// Gives locks, of which one is held at a time.
#[derive(Default)]
pub struct ProcessLocks(Arc<Mutex<()>>);

/// Keeps other threads out while it lives.
struct ProcessLock {
    _guard: OwnedMutexGuard<()>,
}

impl ProcessLocks {
    /// Waits until no other thread holds the lock, and takes it.
    pub fn take(&self) -> Box<dyn StoreLock> {
        Box::new(ProcessLock { _guard: Arc::clone(&self.0).blocking_lock_owned() })
    }
}

impl StoreLock for ProcessLock {}
