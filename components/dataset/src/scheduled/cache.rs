//! The data in memory, and how they are replaced.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use arc_swap::ArcSwapOption;
use chrono::{SecondsFormat, Utc};
use palladium_component::prelude::*;
use palladium_component::value::with_causes;

/// The data in memory.
#[derive(Default)]
pub struct Cache {
    data: ArcSwapOption<Dataset>,
    /// The place of the loader.
    pub place: OnceLock<KeyPath>,
    /// What is called around each refresh.
    pub decorators: OnceLock<DecoratorList>,
    /// Locked while data are loaded, so that no two loads overtake each other.
    loading: Mutex<()>,
    /// What came of the refreshes so far; never locked while data are loaded.
    noted: Mutex<Noted>,
}

/// What came of the refreshes so far.
#[derive(Debug, Default)]
struct Noted {
    refreshes: Refreshes,
    /// What was logged about the failure that lasts.
    logged: Option<String>,
}

/// A refresh. Notes that it failed unless it comes to its end: a loader may panic.
struct Refresh<'a> {
    cache: &'a Cache,
    is_finished: bool,
}

impl Drop for Refresh<'_> {
    fn drop(&mut self) {
        if !self.is_finished {
            self.cache.note(true);
        }
    }
}

impl Cache {
    /// Returns what came of the refreshes so far.
    pub fn refreshes(&self) -> Refreshes {
        self.noted().refreshes.clone()
    }

    /// Returns the data in memory, and loads them if there are none yet.
    ///
    /// # Errors
    /// Those of the loader and of the decorators, one of which may not have loaded anything.
    pub fn filled(&self, source: &dyn DatasetLoader, progress: &LoadProgress) -> Result<Dataset, Failure> {
        if let Some(data) = self.data.load_full() {
            return Ok(data.as_ref().clone());
        }
        let alone = self.alone();
        if self.data.load().is_none() {
            self.update_alone(source, progress)?;
        }
        drop(alone);
        let data = self.data.load_full().ok_or_else(|| {
            Failure::message("no data were loaded: a decorator has answered in the place of the refresh")
        })?;
        Ok(data.as_ref().clone())
    }

    /// Loads the data anew, in the decorators of refreshes.
    ///
    /// # Errors
    /// Those of the loader and of the decorators; the data in memory stay.
    pub fn update(&self, source: &dyn DatasetLoader) -> Result<Dataset, Failure> {
        let _alone = self.alone();
        self.update_alone(source, &LoadProgress::default())
    }

    /// Loads the data anew; what is wrong is noted, and logged when it becomes so.
    pub fn refresh(&self, source: &dyn DatasetLoader) {
        let place = self.place.get().map(ToString::to_string);
        match self.update(source) {
            Ok(data) => {
                self.noted().logged = None;
                tracing::info!(key = place, rows = data.n_rows(), "ScheduledDatasetLoader: the data were loaded anew");
            }
            Err(failure) => {
                let text = with_causes(&failure);
                if self.noted().logged.as_ref() == Some(&text) {
                    tracing::debug!(key = place, "ScheduledDatasetLoader: still no new data: {text}");
                } else {
                    tracing::error!(key = place, "ScheduledDatasetLoader: no new data: {text}");
                }
                self.noted().logged = Some(text);
            }
        }
    }

    fn update_alone(&self, source: &dyn DatasetLoader, progress: &LoadProgress) -> Result<Dataset, Failure> {
        let mut refresh = Refresh { cache: self, is_finished: false };
        let load = || {
            let data = source.load_with_progress(progress)?;
            self.data.store(Some(Arc::new(data.clone())));
            self.noted().refreshes.loaded = Some(now());
            Ok(data)
        };
        let updated = match self.decorators.get() {
            None => load(),
            Some(decorators) => decorators
                .call(self.place.get(), &Arguments::Nothing, || load().map(Returned::Dataset))
                .and_then(|returned| Ok(Dataset::try_from(returned)?)),
        };
        refresh.is_finished = true;
        self.note(updated.is_err());
        updated
    }

    /// Waits until nobody else loads the data.
    fn alone(&self) -> MutexGuard<'_, ()> {
        self.loading.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn noted(&self) -> MutexGuard<'_, Noted> {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes what came of a refresh.
    fn note(&self, has_failed: bool) {
        let (now, mut noted) = (now(), self.noted());
        let refreshes = &mut noted.refreshes;
        let since = refreshes.failing_since.take();
        refreshes.failures += u64::from(has_failed);
        refreshes.failing_since = has_failed.then(|| since.unwrap_or_else(|| now.clone()));
        refreshes.error = has_failed.then_some(RefreshError::NoData);
        refreshes.last = Some(now);
    }
}

fn now() -> String {
    Utc::now().to_rfc3339_opts(SecondsFormat::Micros, true)
}
