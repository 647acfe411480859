//! The active model of another persister, at hand.

mod updater;

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io::Write;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

use palladium_component::prelude::*;

use self::updater::{Cache, Occasion, Updater};

/// The root key of the decorators around each update.
const UPDATE_DECORATORS: &str = "update_model_decorators";

/// Keeps the active model of another persister in memory, so that predictions need not wait for a store.
///
/// A service loads the active model when it starts, when a model is activated through it, and each time that
/// `update_cache_rrule` says: so it takes up what other processes activate. A new model is loaded beside the one that
/// is in use and takes its place in one step: no prediction waits. What cannot be loaded, because the store does not
/// answer or the model is damaged, does not replace the one that is in use; the log says why, and `/alive` says that it
/// is so and since when. If there is no active model yet, if it is damaged or if the store does not answer, the service
/// starts all the same and looks again at each time of the rule and at each request, until when it answers 503; after a
/// look that failed, requests leave the store alone for a second. `/ready` and `/alive` look too while there is no
/// model, once a second at most and without waiting for another look, so that a service to which nobody sends requests
/// before it is ready becomes so once there is a model. Before `/ready` says so of a model, it makes a first
/// prediction, for a sample of zeros and empty texts, of which what it answers does not matter: no request waits for
/// what is done but once. A version that is activated through the service is read before that: one that cannot be read
/// is not activated. Commands such as `fit` and `list` do without a cache. The root key `update_model_decorators` lists
/// what is called around each look for a new model.
///
/// This service looks for a new model every minute of the working hours:
///
/// ```ron
/// {
///     "model_persister": {
///         "!": "palladium.persistence.CachedUpdatePersister",
///         "impl": {
///             "!": "palladium.persistence.Database",
///             "url": "sqlite:///${here}/models.db",
///         },
///         "update_cache_rrule": {
///             "freq": "MINUTELY",
///             "byhour": [8, 9, 10, 11, 12, 13, 14, 15, 16, 17],
///             "byweekday": ["MO", "TU", "WE", "TH", "FR"],
///             "bysecond": 0,
///             "tz": "Europe/Berlin",
///         },
///     },
/// }
/// ```
///
/// The parts of a rule are those of RFC 5545 and mean what they mean to `rrule` of Python's dateutil; a day or time has
/// to fit all of them. A time that the clock skips when it is put forward comes as much later, and one that it shows
/// twice comes the first time; a rule that goes on all day, `HOURLY` or more often without `byhour`, goes on while the
/// clock shows an hour twice. Looks that were missed, because the machine slept or the one before took too long, lead to
/// one. With `check_version` a look that finds nothing new asks the store which version is active and no more. A version
/// that could not be loaded is then not loaded again at each look but after a pause, of one second at first, which doubles
/// with each failure up to about an hour; whoever activates another version or has the model looked for anew ends the
/// pause.
#[component(Persister, name = "palladium.persistence.CachedUpdatePersister", lifecycle)]
pub struct CachedUpdatePersister {
    /// The persister that stores the models.
    #[param(name = "impl")]
    store: Arc<dyn Persister>,
    /// When to look for a new model: a map with `freq` and other parts of a recurrence rule. Null: only when the service
    /// starts and when a model is activated through it.
    update_cache_rrule: Option<Recurrence>,
    /// Whether a refresh loads the model only if another version is active than the one that was loaded; otherwise it
    /// is loaded each time.
    #[param(default = true)]
    check_version: bool,
    #[state]
    cache: Arc<Cache>,
    #[state]
    task: Mutex<Option<RecurringTask>>,
}

impl Lifecycle for CachedUpdatePersister {
    fn initialize(&self, context: &InitContext<'_>) -> Result<(), Failure> {
        self.cache.key.get_or_init(|| context.key.clone());
        let decorators = context.decorators.list(UPDATE_DECORATORS);
        if !decorators.is_empty() {
            self.cache.decorators.get_or_init(|| decorators);
        }
        if context.mode == Mode::Fit {
            return Ok(());
        }
        self.cache.on.store(true, Ordering::Release);
        match self.update_cache(None) {
            Ok(_) => tracing::info!("CachedUpdatePersister: initial fill of cache done."),
            // The reason has been logged. A service that cannot start is of no more use than one without a model.
            Err(_) => tracing::warn!(key = %context.key, "CachedUpdatePersister: the cache is empty"),
        }
        self.start(context.key)
    }

    /// Stops to look for new models. The one at hand stays.
    fn close(&self) {
        // The lock is free again when the task stops.
        let task = self.task.lock().unwrap_or_else(PoisonError::into_inner).take();
        drop(task);
    }
}

impl Persister for CachedUpdatePersister {
    /// Returns the model at hand; a version that is asked for by its number comes from the store.
    fn read(&self, version: Option<Version>) -> Result<Arc<TrainedModel>, PersistError> {
        if version.is_some() || !self.cache.on.load(Ordering::Acquire) {
            return self.store.read(version);
        }
        if let Some(model) = self.cache.model.load_full() {
            return Ok(model);
        }
        let updated = self.updater(Occasion::Request).update(None);
        match self.cache.model.load_full() {
            // Whoever was faster may have filled the cache.
            Some(model) => Ok(model),
            None if updated.is_ok() => self.store.read(None),
            None => Err(self.cache.unavailable()),
        }
    }

    fn at_hand(&self) -> Option<Result<Arc<TrainedModel>, PersistError>> {
        self.cache.model.load_full().map(Ok)
    }

    fn cache(&self) -> Option<&dyn ModelCache> {
        Some(self)
    }

    fn refreshes(&self) -> Option<Refreshes> {
        self.cache.on.load(Ordering::Acquire).then(|| self.cache.refreshes())
    }

    fn write(&self, model: &TrainedModel) -> Result<Version, PersistError> {
        self.store.write(model)
    }

    fn check_writable(&self) -> Result<(), PersistError> {
        self.store.check_writable()
    }

    fn activate(&self, version: Version) -> Result<(), PersistError> {
        self.activate_by(version, || self.store.activate(version))
    }

    fn activate_as(&self, version: Version, origin: &Origin) -> Result<(), PersistError> {
        self.activate_by(version, || self.store.activate_as(version, origin))
    }

    fn delete(&self, version: Version) -> Result<(), PersistError> {
        self.store.delete(version)
    }

    fn delete_as(&self, version: Version, force: bool, origin: &Origin) -> Result<(), PersistError> {
        self.store.delete_as(version, force, origin)
    }

    fn list_models(&self) -> Result<Vec<Metadata>, PersistError> {
        self.store.list_models()
    }

    fn list_properties(&self) -> Result<BTreeMap<String, String>, PersistError> {
        self.store.list_properties()
    }

    fn exists(&self) -> Result<bool, PersistError> {
        self.store.exists()
    }

    fn store_place(&self) -> Option<StorePlace> {
        self.store.store_place()
    }

    fn list_sizes(&self) -> Result<BTreeMap<Version, u64>, PersistError> {
        self.store.list_sizes()
    }

    fn versions(&self) -> Result<Vec<Version>, PersistError> {
        self.store.versions()
    }

    fn verify(&self, version: Version) -> Result<(), PersistError> {
        self.store.verify(version)
    }

    fn digest(&self, version: Version) -> Result<Option<String>, PersistError> {
        self.store.digest(version)
    }

    fn orphans(&self) -> Result<Vec<Orphan>, PersistError> {
        self.store.orphans()
    }

    fn remove_orphans(&self) -> Result<Vec<Orphan>, PersistError> {
        self.store.remove_orphans()
    }

    fn unlisted(&self) -> Result<Vec<Orphan>, PersistError> {
        self.store.unlisted()
    }

    fn attachments(&self, version: Version) -> Result<Vec<Attachment>, PersistError> {
        self.store.attachments(version)
    }

    fn read_attachment(&self, version: Version, name: &str, writer: &mut dyn Write) -> Result<(), PersistError> {
        self.store.read_attachment(version, name, writer)
    }

    fn attach(&self, version: Version, name: &str, content: &dyn Content) -> Result<(), PersistError> {
        self.store.attach(version, name, content)
    }

    fn detach(&self, version: Version, name: &str) -> Result<(), PersistError> {
        self.store.detach(version, name)
    }

    fn history(&self) -> Result<Vec<Activation>, PersistError> {
        self.store.history()
    }

    fn upgrade(&self, from: Option<&Release>, to: Option<&Release>, origin: &Origin) -> Result<Upgraded, PersistError> {
        self.store.upgrade(from, to, origin)
    }
}

impl ModelCache for CachedUpdatePersister {
    fn update(&self) -> Result<Option<Arc<TrainedModel>>, PersistError> {
        self.update_cache(None)
    }

    fn look(&self) {
        if self.cache.on.load(Ordering::Acquire) && self.cache.model.load().is_none() && self.cache.takes_turn() {
            self.updater(Occasion::Request).refresh();
        }
    }
}

impl CachedUpdatePersister {
    /// Loads the active model, or the version that is given, into the cache and returns it; nothing if
    /// `check_version` is on and what is at hand is what would be loaded.
    ///
    /// # Errors
    /// The store's; what is at hand stays.
    pub fn update_cache(&self, asked: Option<Version>) -> Result<Option<Arc<TrainedModel>>, PersistError> {
        self.updater(Occasion::Asked).update(asked)
    }

    fn updater(&self, by: Occasion) -> Updater {
        let (store, cache) = (Arc::clone(&self.store), Arc::clone(&self.cache));
        Updater { store, cache, check_version: self.check_version, by, read: None }
    }

    /// Starts to look for new models by the rule, if there is one. A second start changes nothing.
    fn start(&self, key: &KeyPath) -> Result<(), Failure> {
        let mut task = self.task.lock().unwrap_or_else(PoisonError::into_inner);
        if let (Some(rule), None) = (&self.update_cache_rrule, &*task) {
            let updater = self.updater(Occasion::Rule);
            let name = format!("{key}.update_cache");
            let started = RecurringTask::start(&name, rule.clone(), move || {
                updater.refresh();
                Ok::<(), Infallible>(())
            });
            *task = Some(started.map_err(|error| {
                Failure::message(format!("no thread can be started that keeps `{key}` up to date: {error}"))
            })?);
        }
        Ok(())
    }

    /// Has the store activate a version and, if anything is kept, uses that. It is read before the store is changed: one
    /// that cannot be read would be of no use to anybody.
    fn activate_by(
        &self,
        version: Version,
        activate: impl FnOnce() -> Result<(), PersistError>,
    ) -> Result<(), PersistError> {
        if !self.cache.on.load(Ordering::Acquire) {
            return activate();
        }
        let model = self.store.read(Some(version)).map_err(|error| ActivationError::unreadable(version, error))?;
        activate()?;
        let updater = Updater { read: Some((version, model)), ..self.updater(Occasion::Asked) };
        updater.update(None).map(drop).map_err(|source| {
            let used = self.cache.model.load().as_ref().and_then(|model| model.metadata.version());
            let kept = used.map_or_else(
                || "this process has no model".to_owned(),
                |used| format!("this process keeps on using version {used}"),
            );
            PersistError::Failed(Failure::from(ActivationError::NotLoaded { version, kept, source }))
        })
    }
}

#[cfg(test)]
mod tests;
