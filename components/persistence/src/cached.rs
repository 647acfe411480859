//! The active model of another persister, at hand.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use arc_swap::ArcSwapOption;
use palladium_component::prelude::*;

/// The root key of the decorators around each update.
const UPDATE_DECORATORS: &str = "update_model_decorators";

const ACTIVE_MODEL: &str = "active-model";

/// Keeps the active model of another persister in memory, so that predictions need not wait for a store.
///
/// A service loads the active model once, when it starts, and again when a model is activated through it. If there is
/// no active model yet, the service starts all the same and looks again at each request. A newly activated model that
/// cannot be loaded does not replace the one that is in use. Commands such as `fit` and `list` do without a cache. The
/// root key `update_model_decorators` lists what is called around each look for a new model.
///
/// ```ron
/// {
///     "model_persister": {
///         "!": "palladium.persistence.CachedUpdatePersister",
///         "impl": {
///             "!": "palladium.persistence.Database",
///             "url": "sqlite:///${here}/models.db",
///         },
///     },
/// }
/// ```
#[component(Persister, name = "palladium.persistence.CachedUpdatePersister", lifecycle)]
pub struct CachedUpdatePersister {
    /// The persister that stores the models.
    #[param(name = "impl")]
    store: Arc<dyn Persister>,
    /// Whether a refresh loads the model only if another version is active than the one that was loaded; otherwise it
    /// is loaded each time.
    #[param(default = true)]
    check_version: bool,
    #[state]
    cache: Cache,
}

/// The model at hand. Until it is switched on, which `initialize` does, nothing is kept.
#[derive(Default)]
struct Cache {
    on: AtomicBool,
    model: ArcSwapOption<TrainedModel>,
    /// What is called around each update, and the place of this persister.
    decorators: OnceLock<(DecoratorList, KeyPath)>,
    /// What was loaded last; locked while something is loaded, so that no two loads overtake each other.
    loaded: Mutex<Option<Loaded>>,
}

/// What was asked for when the model at hand was loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Loaded {
    active: Option<Version>,
    asked: Option<Version>,
}

/// A model was activated that the cache could not load.
#[derive(Debug, thiserror::Error)]
#[error("version {version} is active in the store now, but it cannot be loaded: {kept}")]
pub struct CacheError {
    version: Version,
    kept: String,
    #[source]
    source: PersistError,
}

impl Explain for CacheError {
    fn help(&self) -> Option<String> {
        self.source.help()
    }
}

impl Lifecycle for CachedUpdatePersister {
    fn initialize(&self, context: &InitContext<'_>) -> Result<(), Failure> {
        let decorators = context.decorators.list(UPDATE_DECORATORS);
        if !decorators.is_empty() {
            self.cache.decorators.get_or_init(|| (decorators, context.key.clone()));
        }
        if context.mode == Mode::Fit {
            return Ok(());
        }
        self.cache.on.store(true, Ordering::Release);
        match self.update_cache(None) {
            Ok(_) => tracing::info!("CachedUpdatePersister: initial fill of cache done."),
            Err(PersistError::Lookup(text)) => {
                tracing::warn!(key = %context.key, "CachedUpdatePersister: the cache is empty: {text}");
            }
            Err(error) => return Err(Failure::from(error)),
        }
        Ok(())
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
        self.update_cache(None)?;
        // Whoever was faster has filled the cache: an update that finds nothing new returns nothing.
        self.cache.model.load_full().map_or_else(|| self.store.read(None), Ok)
    }

    fn at_hand(&self) -> Option<Result<Arc<TrainedModel>, PersistError>> {
        self.cache.model.load_full().map(Ok)
    }

    fn cache(&self) -> Option<&dyn ModelCache> {
        Some(self)
    }

    fn write(&self, model: &TrainedModel) -> Result<Version, PersistError> {
        self.store.write(model)
    }

    fn activate(&self, version: Version) -> Result<(), PersistError> {
        self.store.activate(version)?;
        self.refresh_activated(version)
    }

    fn activate_as(&self, version: Version, origin: &Origin) -> Result<(), PersistError> {
        self.store.activate_as(version, origin)?;
        self.refresh_activated(version)
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

    fn list_sizes(&self) -> Result<BTreeMap<Version, u64>, PersistError> {
        self.store.list_sizes()
    }

    fn verify(&self, version: Version) -> Result<(), PersistError> {
        self.store.verify(version)
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
}

impl CachedUpdatePersister {
    /// Loads the active model, or the version that is given, into the cache and returns it; nothing if
    /// `check_version` is on and what is at hand is what would be loaded.
    ///
    /// # Errors
    /// The store's; what is at hand stays.
    pub fn update_cache(&self, asked: Option<Version>) -> Result<Option<Arc<TrainedModel>>, PersistError> {
        let Some((decorators, key)) = self.cache.decorators.get() else { return self.update(asked) };
        let update = || match self.update(asked) {
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

    fn update(&self, asked: Option<Version>) -> Result<Option<Arc<TrainedModel>>, PersistError> {
        let mut loaded = self.cache.loaded.lock().unwrap_or_else(PoisonError::into_inner);
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
        self.cache.model.store(Some(Arc::clone(&model)));
        *loaded = Some(wanted);
        Ok(Some(model))
    }

    /// Loads the version that was activated through this persister, if it keeps anything.
    fn refresh_activated(&self, version: Version) -> Result<(), PersistError> {
        if !self.cache.on.load(Ordering::Acquire) {
            return Ok(());
        }
        self.update_cache(None).map(|_| ()).map_err(|source| {
            let used = self.cache.model.load().as_ref().and_then(|model| model.metadata.version());
            let kept = used.map_or_else(
                || "this process has no model".to_owned(),
                |used| format!("this process keeps on using version {used}"),
            );
            PersistError::Failed(Failure::from(CacheError { version, kept, source }))
        })
    }

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

#[cfg(test)]
mod tests;
