//! How the model at hand is replaced.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, TryLockError};

use arc_swap::ArcSwapOption;
use chrono::{SecondsFormat, Utc};
use palladium_component::prelude::*;
use palladium_component::value::with_causes;

const ACTIVE_MODEL: &str = "active-model";

/// What is said about a look that has begun, until it is known what came of it.
const UNFINISHED: &str = "the look for a new model was broken off";

/// What a request hears that finds no model at hand while another one waits for the store.
const BEING_LOADED: &str = "No model available: it is being loaded";

/// The model at hand. Until it is switched on, which `initialize` does, nothing is kept.
#[derive(Default)]
pub struct Cache {
    pub on: AtomicBool,
    pub model: ArcSwapOption<TrainedModel>,
    /// What is called around each update, and the place of this persister.
    pub decorators: OnceLock<(DecoratorList, KeyPath)>,
    /// What was loaded last; locked while something is loaded, so that no two loads overtake each other.
    loaded: Mutex<Option<Loaded>>,
    /// What came of the looks so far; never locked while something is loaded.
    refreshes: Mutex<Refreshes>,
}

/// What was asked for when the model at hand was loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Loaded {
    active: Option<Version>,
    asked: Option<Version>,
}

/// Whatever looks for new models: the persister and its task.
pub struct Updater {
    pub store: Arc<dyn Persister>,
    pub cache: Arc<Cache>,
    pub check_version: bool,
    /// Whether it waits while another one is looking.
    pub waits: bool,
}

impl Cache {
    /// Returns what came of the looks so far.
    pub fn refreshes(&self) -> Refreshes {
        self.noted().clone()
    }

    fn noted(&self) -> MutexGuard<'_, Refreshes> {
        self.refreshes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes what came of a look.
    fn note(&self, error: Option<String>) {
        let (now, mut noted) = (now(), self.noted());
        let since = noted.failing_since.take();
        noted.failures += u64::from(error.is_some());
        noted.failing_since = error.as_ref().map(|_| since.unwrap_or_else(|| now.clone()));
        noted.error = error;
        noted.last = Some(now);
    }

    /// Waits until nothing is being loaded, or gives up at once if it is not to wait.
    fn lock(&self, waits: bool) -> Result<MutexGuard<'_, Option<Loaded>>, PersistError> {
        if waits {
            return Ok(self.loaded.lock().unwrap_or_else(PoisonError::into_inner));
        }
        match self.loaded.try_lock() {
            Ok(loaded) => Ok(loaded),
            Err(TryLockError::Poisoned(poisoned)) => Ok(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => Err(PersistError::Lookup(BEING_LOADED.to_owned())),
        }
    }

    fn put(&self, model: &Arc<TrainedModel>) {
        self.model.store(Some(Arc::clone(model)));
        self.noted().loaded = Some(now());
    }
}

/// Notes that a look failed unless it comes to its end: a store may panic.
struct Look<'a> {
    cache: &'a Cache,
    is_finished: bool,
}

impl Drop for Look<'_> {
    fn drop(&mut self) {
        if !self.is_finished {
            self.cache.note(Some(UNFINISHED.to_owned()));
        }
    }
}

impl Updater {
    /// Looks for a new model. That none is active is no failure of the task, and is logged when it becomes so.
    pub fn refresh(&self) -> Result<(), PersistError> {
        let before = self.cache.refreshes().error;
        match self.update(None) {
            Ok(Some(model)) => {
                let version = model.metadata.version().map(Version::number);
                tracing::info!(version, "CachedUpdatePersister: another model is in use");
                Ok(())
            }
            Ok(None) => Ok(()),
            Err(PersistError::Lookup(text)) => {
                if before.as_ref() != Some(&text) {
                    tracing::warn!("CachedUpdatePersister: no new model: {text}");
                }
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// Loads what is to be at hand, in the decorators of updates.
    ///
    /// # Errors
    /// The store's and the decorators'; what is at hand stays.
    pub fn update(&self, asked: Option<Version>) -> Result<Option<Arc<TrainedModel>>, PersistError> {
        let mut look = Look { cache: &self.cache, is_finished: false };
        let updated = self.decorated(asked);
        look.is_finished = true;
        match &updated {
            // The one that is looking says what comes of it.
            Err(PersistError::Lookup(text)) if text == BEING_LOADED => {}
            Err(error) => self.cache.note(Some(with_causes(error))),
            Ok(_) => self.cache.note(None),
        }
        updated
    }

    fn decorated(&self, asked: Option<Version>) -> Result<Option<Arc<TrainedModel>>, PersistError> {
        let Some((decorators, key)) = self.cache.decorators.get() else { return self.load(asked) };
        let update = || match self.load(asked) {
            Ok(updated) => Ok(updated.map_or(Returned::Nothing, Returned::Model)),
            Err(error) => Err(Failure::from(error)),
        };
        match decorators.call(Some(key), &Arguments::Version(asked), update) {
            Ok(Returned::Nothing) => Ok(None),
            Ok(returned) => match Arc::<TrainedModel>::try_from(returned) {
                Ok(model) => Ok(Some(model)),
                Err(wrong) => Err(PersistError::Failed(wrong.into())),
            },
            Err(failure) => Err(failure.downcast().unwrap_or_else(PersistError::Failed)),
        }
    }

    fn load(&self, asked: Option<Version>) -> Result<Option<Arc<TrainedModel>>, PersistError> {
        let mut loaded = self.cache.lock(self.waits)?;
        let active = self.active()?;
        let wanted = Loaded { active, asked };
        if self.check_version && *loaded == Some(wanted) {
            return Ok(None);
        }
        // Exactly the version that was looked up is loaded: another one may become active meanwhile.
        let model = self.store.read(asked.or(active)).map_err(|error| match error {
            PersistError::Lookup(_) if asked.is_none() && active.is_some() => {
                PersistError::Lookup("Activated model not available. Maybe it was deleted.".into())
            }
            error => error,
        })?;
        self.cache.put(&model);
        *loaded = Some(wanted);
        Ok(Some(model))
    }

    /// Returns the active version, by one look at the store.
    fn active(&self) -> Result<Option<Version>, PersistError> {
        let properties = self.store.list_properties()?;
        let active = properties.get(ACTIVE_MODEL).map(|text| text.parse::<Version>());
        active.transpose().map_err(|error| {
            PersistError::Failed(Failure::message(format!(
                "the property `{ACTIVE_MODEL}` of the store is wrong: {error}"
            )))
        })
    }
}

fn now() -> String {
    Utc::now().to_rfc3339_opts(SecondsFormat::Micros, true)
}
