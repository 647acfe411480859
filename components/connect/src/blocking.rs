//! Threads for libraries that are asynchronous, on behalf of callers that block.

use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::runtime::{Builder, Handle, Runtime};

/// A runtime of one thread, which is started when it is first used.
///
/// It can be used on the blocking threads of another runtime, and dropped anywhere.
pub struct BlockingRuntime {
    thread_name: &'static str,
    runtime: Mutex<Option<Runtime>>,
}

impl BlockingRuntime {
    /// Returns a runtime whose thread will have this name.
    pub const fn new(thread_name: &'static str) -> BlockingRuntime {
        BlockingRuntime { thread_name, runtime: Mutex::new(None) }
    }

    /// Returns the runtime, which is started if it was not.
    ///
    /// # Errors
    /// The thread cannot be started.
    pub fn handle(&self) -> io::Result<Handle> {
        let mut runtime = self.lock();
        if let Some(runtime) = runtime.as_ref() {
            return Ok(runtime.handle().clone());
        }
        let built = Builder::new_multi_thread().worker_threads(1).thread_name(self.thread_name).enable_all().build()?;
        Ok(runtime.insert(built).handle().clone())
    }

    /// Locks; what a thread left that panicked is a whole runtime or none.
    fn lock(&self) -> MutexGuard<'_, Option<Runtime>> {
        self.runtime.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for BlockingRuntime {
    fn drop(&mut self) {
        // Dropping a runtime waits for its threads, which panics inside another asynchronous runtime.
        if let Some(runtime) = self.lock().take() {
            runtime.shutdown_background();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn works_on_the_blocking_threads_of_another_runtime_and_is_dropped_there() {
        let inner = BlockingRuntime::new("inner");
        let outer = Builder::new_multi_thread().worker_threads(1).build().unwrap();
        outer.block_on(async move {
            let worked = tokio::task::spawn_blocking(move || {
                let name = inner.handle().unwrap().spawn(async { std::thread::current().name().map(str::to_owned) });
                let name = inner.handle().unwrap().block_on(name).unwrap();
                (inner, name)
            });
            let (inner, name) = worked.await.unwrap();
            assert_eq!(name.as_deref(), Some("inner"));
            drop(inner);
        });
    }
}
