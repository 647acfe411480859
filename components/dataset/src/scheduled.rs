//! Data that are loaded from time to time and kept in memory.

mod cache;

use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};

use palladium_component::prelude::*;

use self::cache::Cache;

/// The root key of the decorators around each refresh.
const UPDATE_DECORATORS: &str = "update_data_decorators";

/// Keeps the data of another loader in memory and loads them anew from time to time.
///
/// A service loads the data when it starts, and each time that `update_cache_rrule` says; who asks in between, such as a
/// fit that the service was asked for, gets what is in memory and waits for nothing. If the data cannot be loaded when
/// the service starts, it does not start. If they cannot be loaded anew later, those in memory stay; the log says why.
/// Commands such as `fit` and `test` load the data when they first need them, once, and have no schedule.
///
/// ```ron
/// {
///     "dataset_loader_train": {
///         "!": "palladium.dataset.ScheduledDatasetLoader",
///         "impl": {
///             "!": "palladium.dataset.CSV",
///             "path": "${here}/iris.data",
///         },
///         "update_cache_rrule": {"freq": "DAILY", "byhour": 3, "byminute": 0, "bysecond": 0},
///     },
///     "alive": {
///         "process_store_required": ["data"],
///     },
/// }
/// ```
///
/// `/alive` shows the data under the name `key` if its `process_store_required` names it: since when they are there, and
/// under `refresh` when they were loaded `last` and, while that fails, an `error` and since when it is `failing_since`. The
/// parts of a rule are those of RFC 5545 and mean what they mean to `rrule` of Python's dateutil.
///
/// The root key `update_data_decorators` lists what is called around each refresh; what a decorator returns in the place
/// of the data is not what is kept. `load_data_decorators` wrap this loader as they do every other: they are called each
/// time somebody asks for the data, and around the loader inside each time the data are loaded.
#[component(DatasetLoader, name = "palladium.dataset.ScheduledDatasetLoader", check, lifecycle)]
pub struct ScheduledDatasetLoader {
    /// The loader of the data.
    #[param(name = "impl")]
    source: Arc<dyn DatasetLoader>,
    /// When to load the data anew: a map with `freq` and other parts of a recurrence rule.
    update_cache_rrule: Recurrence,
    /// The name under which `/alive` knows the data. Two loaders that it is to tell apart need two names.
    #[param(default = "data")]
    key: String,
    #[state]
    cache: Arc<Cache>,
    #[state]
    task: Mutex<Option<RecurringTask>>,
}

impl Lifecycle for ScheduledDatasetLoader {
    fn initialize(&self, context: &InitContext<'_>) -> Result<(), Failure> {
        self.cache.place.get_or_init(|| context.key.clone());
        let decorators = context.decorators.list(UPDATE_DECORATORS);
        if !decorators.is_empty() {
            self.cache.decorators.get_or_init(|| decorators);
        }
        if context.mode == Mode::Fit {
            return Ok(());
        }
        self.load()?;
        tracing::info!("ScheduledDatasetLoader: initial fill of cache done.");
        self.start(context.key)
    }

    /// Stops to load the data anew. Those in memory stay.
    fn close(&self) {
        // The lock is free again when the task stops.
        let task = self.task.lock().unwrap_or_else(PoisonError::into_inner).take();
        drop(task);
    }
}

impl DatasetLoader for ScheduledDatasetLoader {
    fn load(&self) -> Result<Dataset, Failure> {
        self.load_with_progress(&LoadProgress::default())
    }

    /// Returns the data in memory, and loads them if there are none yet.
    fn load_with_progress(&self, progress: &LoadProgress) -> Result<Dataset, Failure> {
        self.cache.filled(self.source.as_ref(), progress)
    }

    fn kept(&self) -> Option<KeptData> {
        Some(KeptData { key: self.key.clone(), refreshes: self.cache.refreshes() })
    }
}

impl ScheduledDatasetLoader {
    fn check(&self) -> Result<(), ArgumentError> {
        match self.key.is_empty() {
            true => Err(ArgumentError::new("key", "`key` is empty, a name is needed")),
            false => Ok(()),
        }
    }

    /// Loads the data anew, keeps them and returns them.
    ///
    /// # Errors
    /// Those of the loader and of the decorators; the data in memory stay.
    pub fn update_cache(&self) -> Result<Dataset, Failure> {
        self.cache.update(self.source.as_ref())
    }

    /// Starts to load the data by the rule. A second start changes nothing.
    fn start(&self, key: &KeyPath) -> Result<(), Failure> {
        let mut task = self.task.lock().unwrap_or_else(PoisonError::into_inner);
        if task.is_none() {
            let (cache, source) = (Arc::clone(&self.cache), Arc::clone(&self.source));
            let started =
                RecurringTask::start(&format!("{key}.update_cache"), self.update_cache_rrule.clone(), move || {
                    cache.refresh(source.as_ref());
                    Ok::<(), Infallible>(())
                });
            *task = Some(started.map_err(|error| {
                Failure::message(format!("no thread can be started that keeps `{key}` up to date: {error}"))
            })?);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
