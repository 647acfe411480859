//! How the model at hand is replaced.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, TryLockError};
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use chrono::{SecondsFormat, Utc};
use palladium_component::prelude::*;
use palladium_component::value::with_causes;

const ACTIVE_MODEL: &str = "active-model";

/// The root of what a request hears that finds no model at hand.
const NO_MODEL: &str = "No model available";

/// For how long a version that could not be loaded is left alone at first; each further failure doubles it.
const SHORTEST_PAUSE: Duration = Duration::from_secs(1);

/// For how long at most it is left alone. Somewhat less than an hour, so that a rule of each hour misses no turn.
const LONGEST_PAUSE: Duration = Duration::from_secs(59 * 60);

/// For how long requests leave a store alone that failed, each of which would wait until it has no more time, and for how
/// long those who ask whether there is a model leave any store alone after they have looked.
const REST: Duration = Duration::from_secs(1);

/// The model at hand. Until it is switched on, which `initialize` does, nothing is kept.
#[derive(Default)]
pub struct Cache {
    pub on: AtomicBool,
    pub model: ArcSwapOption<TrainedModel>,
    /// The place of this persister.
    pub key: OnceLock<KeyPath>,
    /// What is called around each update.
    pub decorators: OnceLock<DecoratorList>,
    /// What was tried last; locked while something is loaded, so that no two loads overtake each other.
    pub tried: Mutex<Tried>,
    /// What came of the looks so far; never locked while something is loaded.
    noted: Mutex<Noted>,
}

/// What was tried last.
#[derive(Debug, Default)]
pub struct Tried {
    /// What was asked for when the model at hand was loaded.
    loaded: Option<Wanted>,
    /// What was asked for when a load failed, if none succeeded since.
    pub failed: Option<FailedLoad>,
    /// Until when no request tries the store.
    pub rests_until: Option<Instant>,
    /// Until when nobody looks who only asks whether there is a model.
    pub looked_until: Option<Instant>,
}

/// What is to be loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Wanted {
    active: Option<Version>,
    asked: Option<Version>,
}

/// A load that failed or has not come to its end: a store may panic.
#[derive(Debug)]
pub struct FailedLoad {
    wanted: Wanted,
    pause: Duration,
    /// When it may be tried again without being asked for.
    pub until: Instant,
}

/// What came of the looks so far.
#[derive(Debug, Default)]
struct Noted {
    refreshes: Refreshes,
    /// What was logged about the failure that lasts.
    logged: Option<String>,
}

/// Whatever looks for new models: the persister and its task.
pub struct Updater {
    pub store: Arc<dyn Persister>,
    pub cache: Arc<Cache>,
    pub check_version: bool,
    pub by: Occasion,
    /// A version that was read already.
    pub read: Option<(Version, Arc<TrainedModel>)>,
}

/// Why it is looked for a new model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Occasion {
    /// Somebody asks for it: all is tried.
    Asked,
    /// The rule says so.
    Rule,
    /// A prediction needs a model, or somebody asks whether there is one. It waits for no other look.
    Request,
}

/// Why there is no new model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trouble {
    /// The look failed.
    Failed(RefreshError),
    /// It was not tried again to load what could not be loaded.
    Paused,
    /// Nobody looked: another one is looking, or the store rests.
    NotTried,
}

impl Cache {
    /// Returns what came of the looks so far.
    pub fn refreshes(&self) -> Refreshes {
        self.noted().refreshes.clone()
    }

    /// Returns what a request hears that finds no model at hand: the same whatever the store says, which may tell of
    /// servers and files.
    pub fn unavailable(&self) -> PersistError {
        let why = match self.tried.try_lock() {
            Err(TryLockError::WouldBlock) => Some("it is being loaded".to_owned()),
            _ => {
                self.refreshes().error.filter(|error| *error != RefreshError::NoneActive).map(|error| error.to_string())
            }
        };
        PersistError::Lookup(why.map_or_else(|| NO_MODEL.to_owned(), |why| format!("{NO_MODEL}: {why}")))
    }

    fn noted(&self) -> MutexGuard<'_, Noted> {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes what came of a look.
    fn note(&self, error: Option<RefreshError>) {
        let (now, mut noted) = (now(), self.noted());
        let refreshes = &mut noted.refreshes;
        let since = refreshes.failing_since.take();
        refreshes.failures += u64::from(error.is_some());
        refreshes.failing_since = error.map(|_| since.unwrap_or_else(|| now.clone()));
        refreshes.error = error;
        refreshes.last = Some(now);
    }

    /// Notes that a look found what could not be loaded and left it alone.
    fn note_pause(&self) {
        self.noted().refreshes.last = Some(now());
    }

    /// Logs why a look failed: where it is the same as before, only for those who look for it.
    fn log(&self, error: &PersistError) {
        let (key, text) = (self.key.get().map(ToString::to_string), with_causes(error));
        let is_known = self.noted().logged.as_ref() == Some(&text);
        match error {
            _ if is_known => tracing::debug!(key, "CachedUpdatePersister: still no new model: {text}"),
            PersistError::Lookup(_) => tracing::warn!(key, "CachedUpdatePersister: no new model: {text}"),
            PersistError::Failed(_) => tracing::error!(key, "CachedUpdatePersister: no new model: {text}"),
        }
        self.noted().logged = Some(text);
    }

    /// Waits until nothing is being loaded, or returns nothing at once if it is not to wait.
    fn lock(&self, waits: bool) -> Option<MutexGuard<'_, Tried>> {
        if waits {
            return Some(self.tried.lock().unwrap_or_else(PoisonError::into_inner));
        }
        match self.tried.try_lock() {
            Ok(tried) => Some(tried),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    /// Tells whether it is the turn of somebody who only asks whether there is a model: while nobody looks, once in a
    /// while.
    pub fn takes_turn(&self) -> bool {
        let Some(mut tried) = self.lock(false) else { return false };
        let now = Instant::now();
        let is_free = [tried.rests_until, tried.looked_until].into_iter().flatten().all(|until| until <= now);
        if is_free {
            tried.looked_until = Some(now + REST);
        }
        is_free
    }

    fn put(&self, model: &Arc<TrainedModel>) {
        self.model.store(Some(Arc::clone(model)));
        self.noted().refreshes.loaded = Some(now());
    }
}

impl Tried {
    /// Tells whether it failed to load this a short while ago.
    fn is_paused(&self, wanted: Wanted) -> bool {
        self.failed.as_ref().is_some_and(|failed| failed.wanted == wanted && Instant::now() < failed.until)
    }

    /// Counts a load as failed, which has yet to come to its end.
    fn begin(&mut self, wanted: Wanted) {
        let before = self.failed.take().filter(|failed| failed.wanted == wanted);
        let pause = before.map_or(SHORTEST_PAUSE, |failed| LONGEST_PAUSE.min(failed.pause * 2));
        self.failed = Some(FailedLoad { wanted, pause, until: Instant::now() + pause });
    }
}

/// A look for a new model. Notes that it failed unless it comes to its end: a store may panic.
struct Look<'a> {
    cache: &'a Cache,
    /// Why the store gave no new model.
    trouble: OnceLock<Trouble>,
    is_finished: bool,
}

impl Look<'_> {
    /// Keeps why there is no new model; the decorators of updates see the error itself.
    fn fails(&self, trouble: Trouble, error: PersistError) -> PersistError {
        // The first reason is the one that counts.
        self.trouble.get_or_init(|| trouble);
        error
    }
}

impl Drop for Look<'_> {
    fn drop(&mut self) {
        if !self.is_finished {
            self.cache.note(Some(RefreshError::BrokenOff));
        }
    }
}

impl Updater {
    /// Looks for a new model; what is wrong is noted and logged when it becomes so.
    pub fn refresh(&self) {
        if let Ok(Some(model)) = self.update(None) {
            let version = model.metadata.version().map(Version::number);
            tracing::info!(version, "CachedUpdatePersister: another model is in use");
        }
    }

    /// Loads what is to be at hand, in the decorators of updates.
    ///
    /// # Errors
    /// The store's and the decorators'; what is at hand stays.
    pub fn update(&self, asked: Option<Version>) -> Result<Option<Arc<TrainedModel>>, PersistError> {
        let mut look = Look { cache: &self.cache, trouble: OnceLock::new(), is_finished: false };
        let updated = self.decorated(asked, &look);
        look.is_finished = true;
        let trouble = look.trouble.get().copied().unwrap_or(Trouble::Failed(RefreshError::Other));
        match (&updated, trouble) {
            (Ok(_), _) => {
                self.cache.note(None);
                self.cache.noted().logged = None;
            }
            (Err(_), Trouble::NotTried) => {}
            (Err(_), Trouble::Paused) => self.cache.note_pause(),
            (Err(error), Trouble::Failed(reason)) => {
                self.cache.note(Some(reason));
                self.cache.log(error);
            }
        }
        updated
    }

    fn decorated(&self, asked: Option<Version>, look: &Look<'_>) -> Result<Option<Arc<TrainedModel>>, PersistError> {
        let Some(decorators) = self.cache.decorators.get() else { return self.load(asked, look) };
        let update = || match self.load(asked, look) {
            Ok(updated) => Ok(updated.map_or(Returned::Nothing, Returned::Model)),
            Err(error) => Err(Failure::from(error)),
        };
        match decorators.call(self.cache.key.get(), &Arguments::Version(asked), update) {
            Ok(Returned::Nothing) => Ok(None),
            Ok(returned) => match Arc::<TrainedModel>::try_from(returned) {
                Ok(model) => Ok(Some(model)),
                Err(wrong) => Err(PersistError::Failed(wrong.into())),
            },
            Err(failure) => Err(failure.downcast().unwrap_or_else(PersistError::Failed)),
        }
    }

    fn load(&self, asked: Option<Version>, look: &Look<'_>) -> Result<Option<Arc<TrainedModel>>, PersistError> {
        let is_request = self.by == Occasion::Request;
        let tried = self.cache.lock(!is_request);
        let tried = tried.filter(|tried| !is_request || tried.rests_until.is_none_or(|until| until <= Instant::now()));
        let not_tried = || look.fails(Trouble::NotTried, PersistError::Lookup(NO_MODEL.to_owned()));
        let mut tried = tried.ok_or_else(not_tried)?;
        let loaded = self.load_wanted(asked, look, &mut tried);
        let rests = matches!(loaded, Err(PersistError::Failed(_)));
        tried.rests_until = rests.then(|| Instant::now() + REST);
        loaded
    }

    /// Loads what is wanted while nothing else is loaded.
    fn load_wanted(
        &self,
        asked: Option<Version>,
        look: &Look<'_>,
        tried: &mut Tried,
    ) -> Result<Option<Arc<TrainedModel>>, PersistError> {
        let active = self.active(look)?;
        let wanted = Wanted { active, asked };
        if self.check_version && tried.loaded == Some(wanted) {
            tried.failed = None;
            return Ok(None);
        }
        if self.check_version && self.by != Occasion::Asked && tried.is_paused(wanted) {
            let message = "the active version could not be loaded a short while ago, and is not tried again yet";
            return Err(look.fails(Trouble::Paused, PersistError::Failed(Failure::message(message))));
        }
        tried.begin(wanted);
        // Exactly the version that was looked up is loaded: another one may become active meanwhile.
        let model = self.read(asked.or(active)).map_err(|error| match (error, wanted) {
            (error, Wanted { asked: Some(_), .. }) => look.fails(Trouble::Failed(RefreshError::Other), error),
            (error @ PersistError::Failed(_), _) => look.fails(Trouble::Failed(RefreshError::Unreadable), error),
            (error, Wanted { active: None, .. }) => look.fails(Trouble::Failed(RefreshError::NoneActive), error),
            (PersistError::Lookup(_), _) => {
                let told = "Activated model not available. Maybe it was deleted.";
                look.fails(Trouble::Failed(RefreshError::NotStored), PersistError::Lookup(told.into()))
            }
        });
        if !matches!(model, Err(PersistError::Failed(_))) {
            // What is not there costs nothing to look for.
            tried.failed = None;
        }
        let model = model?;
        self.cache.put(&model);
        tried.loaded = Some(wanted);
        Ok(Some(model))
    }

    fn read(&self, version: Option<Version>) -> Result<Arc<TrainedModel>, PersistError> {
        match &self.read {
            Some((read, model)) if version == Some(*read) => Ok(Arc::clone(model)),
            _ => self.store.read(version),
        }
    }

    /// Returns the active version, by one look at the store.
    fn active(&self, look: &Look<'_>) -> Result<Option<Version>, PersistError> {
        let properties = self
            .store
            .list_properties()
            .map_err(|error| look.fails(Trouble::Failed(RefreshError::Unreachable), error))?;
        let active = properties.get(ACTIVE_MODEL).map(|text| text.parse::<Version>());
        active.transpose().map_err(|error| {
            let message = format!("the property `{ACTIVE_MODEL}` of the store is wrong: {error}");
            look.fails(Trouble::Failed(RefreshError::Unreadable), PersistError::Failed(Failure::message(message)))
        })
    }
}

fn now() -> String {
    Utc::now().to_rfc3339_opts(SecondsFormat::Micros, true)
}
