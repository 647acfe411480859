//! Model persisters.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::Arc;

use crate::{Activation, Attachment, Content, Failure, Lifecycle, Metadata, Origin, Release, TrainedModel, Version};

/// Stores trained models under versions, one of which may be active.
pub trait Persister: Lifecycle {
    /// Reads a version, or the active one.
    ///
    /// # Errors
    /// [`PersistError::Lookup`] where there is no such version or none is active.
    fn read(&self, version: Option<Version>) -> Result<Arc<TrainedModel>, PersistError>;

    /// Returns the active model if that takes no input or output, as a cache can do: nothing means that it has to
    /// be read.
    fn at_hand(&self) -> Option<Result<Arc<TrainedModel>, PersistError>> {
        None
    }

    /// Returns the active model if it is in memory, to say what is known about it: no call that reads a model, and so
    /// without decorators.
    fn in_memory(&self) -> Option<Arc<TrainedModel>> {
        self.at_hand()?.ok()
    }

    /// Returns the active model if it is in memory; where none is, a persister that keeps one there looks for it first.
    /// It may block.
    fn look_in_memory(&self) -> Option<Arc<TrainedModel>> {
        self.in_memory().or_else(|| {
            self.cache()?.look();
            self.in_memory()
        })
    }

    /// Returns when it looked for a new model to keep in memory and what came of it, if it keeps one.
    fn refreshes(&self) -> Option<Refreshes> {
        None
    }

    /// Returns the model that it keeps in memory, to have it looked for anew, if it keeps one.
    fn cache(&self) -> Option<&dyn ModelCache> {
        None
    }

    /// Stores a model under the next version and returns that. The model is not active, and its stored metadata
    /// say the version.
    ///
    /// # Errors
    /// The store's.
    fn write(&self, model: &TrainedModel) -> Result<Version, PersistError>;

    /// Finds out, as far as that can be told without writing, whether this user may store models; changes nothing.
    ///
    /// # Errors
    /// That the user may not, or the store's.
    fn check_writable(&self) -> Result<(), PersistError> {
        Ok(())
    }

    /// Makes a version the only active one.
    ///
    /// # Errors
    /// [`PersistError::Lookup`] where there is no such version.
    fn activate(&self, version: Version) -> Result<(), PersistError>;

    /// Makes a version the only active one and remembers on whose behalf, if the store keeps a history.
    ///
    /// # Errors
    /// Those of [`Persister::activate`].
    fn activate_as(&self, version: Version, origin: &Origin) -> Result<(), PersistError> {
        let _ = origin;
        self.activate(version)
    }

    /// Deletes a version.
    ///
    /// # Errors
    /// [`PersistError::Lookup`] where there is no such version.
    fn delete(&self, version: Version) -> Result<(), PersistError>;

    /// Deletes a version that is not the active one; with `force` that too, after which none is active.
    ///
    /// # Errors
    /// [`PersistError::Lookup`] where there is no such version, [`PersistError::refuse_active`] for the active one, and
    /// with `force` the store's if it cannot be without an active version.
    fn delete_as(&self, version: Version, force: bool, origin: &Origin) -> Result<(), PersistError> {
        let _ = origin;
        let active = self.list_properties()?.get("active-model").and_then(|text| text.parse().ok());
        match (active == Some(version), force) {
            (false, _) => self.delete(version),
            (true, false) => Err(PersistError::refuse_active(version)),
            (true, true) => Err(PersistError::Failed(Failure::with_help(
                "this store cannot be without an active version",
                "activate another version first",
            ))),
        }
    }

    /// Returns the metadata of all models in the order of their versions.
    ///
    /// # Errors
    /// The store's.
    fn list_models(&self) -> Result<Vec<Metadata>, PersistError>;

    /// Returns the properties of the store, such as `active-model` and `db-version`.
    ///
    /// # Errors
    /// The store's.
    fn list_properties(&self) -> Result<BTreeMap<String, String>, PersistError>;

    /// Tells whether there is a store yet: the first model that is written makes one, and until then it looks empty.
    ///
    /// # Errors
    /// The store's.
    fn exists(&self) -> Result<bool, PersistError> {
        Ok(true)
    }

    /// Returns where the store is looked for, and what was probably meant where there is none; nothing where that is
    /// not known.
    fn store_place(&self) -> Option<StorePlace> {
        None
    }

    /// Returns how many bytes each version takes in the store; nothing for those of which that is not known.
    ///
    /// # Errors
    /// The store's.
    fn list_sizes(&self) -> Result<BTreeMap<Version, u64>, PersistError> {
        Ok(BTreeMap::new())
    }

    /// Returns the versions that are stored, in order, also those whose metadata cannot be read.
    ///
    /// # Errors
    /// The store's.
    fn versions(&self) -> Result<Vec<Version>, PersistError> {
        Ok(self.list_models()?.iter().filter_map(Metadata::version).collect())
    }

    /// Reads a version to its end and checks that it, its attachments and what is listed about it are what was stored.
    ///
    /// # Errors
    /// [`PersistError::Lookup`] where there is no such version; what is wrong with it.
    fn verify(&self, version: Version) -> Result<(), PersistError> {
        self.read(Some(version)).map(drop)
    }

    /// Returns a checksum of what is stored of a version, which no other model has; nothing where the store keeps none.
    ///
    /// # Errors
    /// [`PersistError::Lookup`] where there is no such version; the store's.
    fn digest(&self, version: Version) -> Result<Option<String>, PersistError> {
        let _ = version;
        Ok(None)
    }

    /// Returns what lies in the store and belongs to no version: what killed writers have left. What may belong to a
    /// writer that is still at it is left out.
    ///
    /// # Errors
    /// The store's.
    fn orphans(&self) -> Result<Vec<Orphan>, PersistError> {
        Ok(Vec::new())
    }

    /// Removes what [`Persister::orphans`] finds, and returns what that was.
    ///
    /// # Errors
    /// The store's. What was removed before that is gone.
    fn remove_orphans(&self) -> Result<Vec<Orphan>, PersistError> {
        Ok(Vec::new())
    }

    /// Returns models that lie in the store and that its list of models does not know, as where the list was lost: they
    /// may be whole, and are no orphans.
    ///
    /// # Errors
    /// The store's.
    fn unlisted(&self) -> Result<Vec<Orphan>, PersistError> {
        Ok(Vec::new())
    }

    /// Returns the files that belong to a version, in the order of their names.
    ///
    /// # Errors
    /// [`PersistError::Lookup`] where there is no such version; the store's; that it keeps no files.
    fn attachments(&self, version: Version) -> Result<Vec<Attachment>, PersistError> {
        let _ = version;
        Err(PersistError::without_attachments())
    }

    /// Writes the content of a file that belongs to a version.
    ///
    /// # Errors
    /// [`PersistError::Lookup`] where there is no such version or no such file; the store's and the writer's.
    fn read_attachment(&self, version: Version, name: &str, writer: &mut dyn Write) -> Result<(), PersistError> {
        let _ = (version, name, writer);
        Err(PersistError::without_attachments())
    }

    /// Adds a file to a version, whose name tells it from the other ones of that version.
    ///
    /// # Errors
    /// [`PersistError::Lookup`] where there is no such version; a name that is taken or that could lead elsewhere; the
    /// store's and the content's.
    fn attach(&self, version: Version, name: &str, content: &dyn Content) -> Result<(), PersistError> {
        let _ = (version, name, content);
        Err(PersistError::without_attachments())
    }

    /// Takes a file from a version.
    ///
    /// # Errors
    /// [`PersistError::Lookup`] where there is no such version or no such file; the store's.
    fn detach(&self, version: Version, name: &str) -> Result<(), PersistError> {
        let _ = (version, name);
        Err(PersistError::without_attachments())
    }

    /// Returns the log of activations, the oldest first. Nothing ever leaves it.
    ///
    /// # Errors
    /// The store's; that it keeps no history.
    fn history(&self) -> Result<Vec<Activation>, PersistError> {
        Err(PersistError::Failed(Failure::message("this store keeps no history of activations")))
    }

    /// Brings the store to a layout, by default to the newest that is known: makes the steps that lie behind the layout
    /// `from`, by default the one that the store says it has. All of them are made or none.
    ///
    /// # Errors
    /// The store's; a layout that is not known, or older than the store's; that it cannot be upgraded.
    fn upgrade(&self, from: Option<&Release>, to: Option<&Release>, origin: &Origin) -> Result<Upgraded, PersistError> {
        let _ = (from, to, origin);
        Err(PersistError::Failed(Failure::message("this store cannot be upgraded")))
    }
}

/// A model that is kept in memory.
pub trait ModelCache {
    /// Looks for a new active model and loads it; returns nothing if there is none.
    ///
    /// # Errors
    /// The store's; the model in memory stays.
    fn update(&self) -> Result<Option<Arc<TrainedModel>>, PersistError>;

    /// Looks for the active model and loads it where none is in memory, for somebody who asks whether one is there. Many
    /// may ask at once and again and again: it waits for no other look, and asks the store once a second at most. What
    /// came of it is told by [`Persister::in_memory`] and [`Persister::refreshes`].
    fn look(&self);
}

/// Where a store is looked for, in words for the operator and without a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StorePlace {
    /// The place: `models.db`.
    pub shown: String,
    /// A store beside it that has a similar name, if there is one.
    pub near: Option<String>,
}

/// What lies in a store and belongs to no version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Orphan {
    /// What it is and where it lies, in words for the operator and without a secret.
    pub what: String,
    /// How many bytes it takes, where that is known.
    pub size: Option<u64>,
}

/// What an upgrade did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upgraded {
    /// The layout that it began at.
    pub from: Release,
    /// The layout that the store has now.
    pub to: Release,
    /// The steps that were made, in order, with what each of them did.
    pub steps: Vec<(Release, String)>,
}

/// What came of looking for a new model, or for new data.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refreshes {
    /// When the model or the data in memory were loaded, as RFC 3339 says, in UTC.
    pub loaded: Option<String>,
    /// When it was looked for something new last, whether or not there was anything.
    pub last: Option<String>,
    /// Why the last look failed, if it did.
    pub error: Option<RefreshError>,
    /// When it failed first since the last look that did not.
    pub failing_since: Option<String>,
    /// How many looks have failed.
    pub failures: u64,
}

/// Why a look for a new model or for new data failed, in words that tell nothing of servers, files and users.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RefreshError {
    /// The store has no active version.
    #[error("no version is active")]
    NoneActive,
    /// The store does not have the version that is active.
    #[error("the active version is not stored")]
    NotStored,
    /// The store gave no model of the active version.
    #[error("the active version cannot be read")]
    Unreadable,
    /// The store did not say which version is active.
    #[error("the store cannot be reached")]
    Unreachable,
    /// The look did not come to its end.
    #[error("the look for a new model was broken off")]
    BrokenOff,
    /// A loader gave no data.
    #[error("the data cannot be loaded")]
    NoData,
    /// Something else.
    #[error("no new model could be loaded")]
    Other,
}

/// Why a store did not do as it was asked.
#[derive(Debug, thiserror::Error)]
pub enum PersistError {
    /// What was asked for is not there.
    #[error("{0}")]
    Lookup(String),
    /// The store failed.
    #[error(transparent)]
    Failed(#[from] Failure),
}

impl PersistError {
    /// Returns why a version is not deleted that is the active one.
    pub fn refuse_active(version: Version) -> PersistError {
        PersistError::Failed(Failure::with_help(
            format!("version {version} is the active one, and stays"),
            "activate another version first, or add `--force` to be left without an active one",
        ))
    }

    fn without_attachments() -> PersistError {
        PersistError::Failed(Failure::message("this store keeps no files beside its models"))
    }
}

impl crate::Explain for PersistError {
    fn help(&self) -> Option<String> {
        match self {
            PersistError::Lookup(_) => Some("`palladium list` shows the versions there are".into()),
            PersistError::Failed(failure) => failure.help(),
        }
    }
}
