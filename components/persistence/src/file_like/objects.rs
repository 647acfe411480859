//! What a persister does with the objects of a store.
//!
//! Whoever changes something holds the lock of the store. A model is listed only after it is stored whole, and is no
//! longer listed before it is removed: readers need no lock, and a process that is killed leaves at most objects that
//! are not listed. Of a deletion the next change removes them; of a write they stay, and their number is not given.

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::Arc;

use palladium_component::prelude::*;

use crate::artifact::{self, ArtifactError, Limits, Prepared, Sealed};
use crate::attachments::{self, Attachment, AttachmentError};
use crate::statements::DB_VERSION;
use crate::upgrade::{self, Due, Step};

use super::catalogue::{self, Catalogue, Wrong};
use super::error::FileError;
use super::template::Template;

const ACTIVE_DELETED: &str = "Activated model not available. Maybe it was deleted.";

/// A store of models over a store of objects.
pub struct Objects {
    template: Template,
    store: Arc<dyn ArtifactStore>,
}

/// Changes the layout of a store and says what it did.
type Work = fn(&mut Catalogue, &Origin) -> Result<String, Wrong>;

/// What leads from one layout to the next; the file that holds them all is replaced once.
const STEPS: &[Step<Work>] = &[Step { layout: "1.0", work: activate_newest }];

impl Objects {
    /// Returns the store of models whose objects are named after a template.
    pub fn new(template: Template, store: Arc<dyn ArtifactStore>) -> Objects {
        Objects { template, store }
    }

    /// Returns the store of objects.
    pub fn store(&self) -> &dyn ArtifactStore {
        self.store.as_ref()
    }

    /// Returns in words what there is, without changing it.
    ///
    /// # Errors
    /// The store's, and metadata that cannot be read.
    pub fn probe(&self) -> Result<String, FileError> {
        self.store.reach(&self.template.metadata())?;
        let found = self.find()?;
        let place = self.store.shown(self.template.as_str());
        Ok(match found {
            Some(_) => format!("the store in `{place}`"),
            None => format!("no store in `{place}` yet: the first fit makes it"),
        })
    }

    /// Reads a version, or the active one, with its attachments.
    ///
    /// # Errors
    /// There is no such model, or it cannot be read.
    pub fn read(&self, asked: Option<Version>, formats: &ModelFormats) -> Result<TrainedModel, FileError> {
        let version = self.version(asked)?;
        let missing = || match asked {
            Some(version) => no_such(version),
            None => FileError::Lookup(ACTIVE_DELETED.into()),
        };
        let name = self.template.model(version);
        let unreadable = |source| FileError::Unreadable { file: self.store.shown(&name), version, source };
        let Some(StoredObject { mut reader, .. }) = self.store.open(&name)? else {
            return Err(self.python_model(version)?.unwrap_or_else(missing));
        };
        let opened = artifact::open(&mut reader, Limits::default()).map_err(unreadable)?;
        if opened.version() != Some(version) {
            let found = opened.version();
            return Err(unreadable(ArtifactError::OtherVersion { found, expected: version }));
        }
        let mut model = opened.decode(formats).map_err(unreadable)?;
        for attachment in attachments::names(&model.metadata)? {
            match self.attachment(version, attachment)? {
                Some(attachment) => attachments::put_back(&mut model.metadata, &attachment),
                // The model is removed before its attachments.
                None if self.store.size(&name)?.is_none() => return Err(missing()),
                None => {}
            }
        }
        Ok(model)
    }

    /// Stores a model with its attachments under the next version.
    ///
    /// # Errors
    /// The store's, and a model or attachments that cannot be stored.
    pub fn write(&self, model: &TrainedModel) -> Result<Version, FileError> {
        let (metadata, attachments) = attachments::take_out(&model.metadata)?;
        // Encoding takes longest: the store is not locked yet.
        let prepared = Prepared::new(model).map_err(|source| self.unwritable(source))?.with_metadata(metadata);
        let (_lock, mut catalogue) = self.lock()?;
        let version = self.free_version(&mut catalogue, &attachments)?;
        let sealed = prepared.seal(version).map_err(|source| self.unwritable(source))?;
        let listed = serde_json::from_str(sealed.metadata()).map_err(ArtifactError::Metadata);
        catalogue.add(version, listed.map_err(|source| self.unwritable(source))?);
        // Readers bound the depth of JSON, writers do not: what cannot be read again is not written.
        let bytes = catalogue.to_bytes().map_err(|source| self.unwritable(ArtifactError::Metadata(source)))?;
        Catalogue::parse(&bytes).map_err(|wrong| match wrong {
            Wrong::Json(source) => self.unwritable(ArtifactError::Metadata(source)),
            wrong => self.wrong(wrong),
        })?;

        let mut placed = Vec::new();
        let stored = self.place(version, &sealed, &attachments, &mut placed).and_then(|()| self.save_bytes(&bytes));
        stored.inspect_err(|_| self.take_back(version, &placed))?;
        Ok(version)
    }

    /// Makes a version the active one.
    ///
    /// # Errors
    /// The store's, and that there is no such version.
    pub fn activate(&self, version: Version, origin: &Origin) -> Result<(), FileError> {
        let (_lock, mut catalogue) = self.change(version)?;
        let before = catalogue.set_active(Some(version), origin).map_err(|wrong| self.wrong(wrong))?;
        self.save(&catalogue)?;
        let before = before.map_or_else(|| "none".to_owned(), |version| version.to_string());
        tracing::info!(from = before, to = %version, "model activated");
        Ok(())
    }

    /// Deletes a version, which may be the active one.
    ///
    /// # Errors
    /// The store's, and that there is no such version.
    pub fn delete(&self, version: Version) -> Result<(), FileError> {
        let (_lock, catalogue) = self.change(version)?;
        if catalogue.active().map_err(|wrong| self.wrong(wrong))? == Some(version) {
            tracing::warn!(%version, "the active model was deleted: activate another one");
        }
        self.remove(version, catalogue)
    }

    /// Deletes a version. With `force` it may be the active one, after which none is active.
    ///
    /// # Errors
    /// The store's, that there is no such version, and that it is the active one.
    pub fn delete_as(&self, version: Version, force: bool, origin: &Origin) -> Result<(), FileError> {
        let (_lock, mut catalogue) = self.change(version)?;
        if catalogue.active().map_err(|wrong| self.wrong(wrong))? == Some(version) {
            if !force {
                return Err(FileError::Active(version));
            }
            catalogue.set_active(None, origin).map_err(|wrong| self.wrong(wrong))?;
        }
        self.remove(version, catalogue)
    }

    /// Returns the metadata of all models in the order in which they were written.
    ///
    /// # Errors
    /// The store's.
    pub fn list_models(&self) -> Result<Vec<Metadata>, FileError> {
        Ok(self.load()?.models().iter().map(|(_, metadata)| metadata.clone()).collect())
    }

    /// Returns the properties of the store.
    ///
    /// # Errors
    /// The store's.
    pub fn list_properties(&self) -> Result<BTreeMap<String, String>, FileError> {
        Ok(self.load()?.properties())
    }

    /// Returns how many bytes each model has.
    ///
    /// # Errors
    /// The store's.
    pub fn list_sizes(&self) -> Result<BTreeMap<Version, u64>, FileError> {
        let mut sizes = BTreeMap::new();
        for (version, _) in self.load()?.models() {
            if let Some(size) = self.store.size(&self.template.model(*version))? {
                sizes.insert(*version, size);
            }
        }
        Ok(sizes)
    }

    /// Returns the log of activations, the oldest first.
    ///
    /// # Errors
    /// The store's.
    pub fn history(&self) -> Result<Vec<Activation>, FileError> {
        Ok(self.load()?.into_activations())
    }

    /// Brings the store to a layout.
    ///
    /// # Errors
    /// The store's, and a layout that it cannot be brought to.
    pub fn upgrade(
        &self,
        from: Option<&Release>,
        to: Option<&Release>,
        origin: &Origin,
    ) -> Result<Upgraded, FileError> {
        let (_lock, mut catalogue) = self.lock()?;
        let stored = catalogue.properties().remove(DB_VERSION);
        let Due { from, to, steps } = upgrade::due(STEPS, stored.as_deref(), from, to)?;
        let mut done = Vec::new();
        for (layout, step) in steps {
            done.push((layout, step(&mut catalogue, origin).map_err(|wrong| self.wrong(wrong))?));
        }
        catalogue.set_property(DB_VERSION, to.to_string());
        self.save(&catalogue)?;
        Ok(Upgraded { from, to, steps: done })
    }

    /// Returns the version that is asked for, or the active one.
    fn version(&self, asked: Option<Version>) -> Result<Version, FileError> {
        if let Some(version) = asked {
            return Ok(version);
        }
        let active = self.load()?.active().map_err(|wrong| self.wrong(wrong))?;
        active.ok_or_else(|| {
            let place = self.store.shown(self.template.as_str());
            FileError::Lookup(format!("No active model available: {place}"))
        })
    }

    /// Returns an error if the Python original has stored this version here.
    fn python_model(&self, version: Version) -> Result<Option<FileError>, FileError> {
        let pickle = self.template.pickle(version);
        let found = self.store.size(&pickle)?;
        Ok(found.map(|_| FileError::PythonStore { file: self.store.shown(&pickle) }))
    }

    fn attachment(&self, version: Version, name: String) -> Result<Option<Attachment>, FileError> {
        let file = self.template.attachment(version, &name);
        let Some(StoredObject { reader, .. }) = self.store.open(&file)? else { return Ok(None) };
        let content = self.read_all(&file, reader, attachments::LIMIT)?;
        let content = content.ok_or_else(|| AttachmentError::TooLarge(name.clone()))?;
        Ok(Some(Attachment { name, content }))
    }

    /// Returns the content of an object, nothing if it is larger than the limit.
    fn read_all(&self, name: &str, reader: impl Read, limit: u64) -> Result<Option<Vec<u8>>, FileError> {
        let mut bytes = Vec::new();
        let read = reader.take(limit + 1).read_to_end(&mut bytes);
        read.map_err(|source| FileError::Reading { file: self.store.shown(name), source })?;
        Ok((bytes.len() as u64 <= limit).then_some(bytes))
    }

    /// Reads the metadata file, if there is one.
    fn find(&self) -> Result<Option<Catalogue>, FileError> {
        let name = self.template.metadata();
        let Some(StoredObject { reader, .. }) = self.store.open(&name)? else { return Ok(None) };
        let limit = catalogue::LIMIT;
        let bytes = self.read_all(&name, reader, limit)?;
        let bytes = bytes.ok_or_else(|| FileError::TooLarge { file: self.store.shown(&name), limit })?;
        let catalogue = Catalogue::parse(&bytes).map_err(|wrong| self.wrong(wrong))?;
        if !catalogue.is_own {
            for (version, _) in catalogue.models() {
                self.python_model(*version)?.map_or(Ok(()), Err)?;
            }
        }
        Ok(Some(catalogue))
    }

    fn load(&self) -> Result<Catalogue, FileError> {
        Ok(self.find()?.unwrap_or_default())
    }

    /// Locks the store to change something about a version that is listed.
    fn change(&self, version: Version) -> Result<(Option<Box<dyn StoreLock>>, Catalogue), FileError> {
        // A store that does not exist is not made by looking for a version in it.
        if self.find()?.is_none_or(|catalogue| catalogue.model(version).is_none()) {
            return Err(no_such(version));
        }
        let (lock, catalogue) = self.lock()?;
        if catalogue.model(version).is_none() { Err(no_such(version)) } else { Ok((lock, catalogue)) }
    }

    /// Returns the next version of which nothing is stored: a killed writer may have left something.
    fn free_version(&self, catalogue: &mut Catalogue, attachments: &[Attachment]) -> Result<Version, FileError> {
        let used_up = || FileError::VersionsUsedUp { file: self.store.shown(&self.template.metadata()) };
        let mut version = catalogue.next().ok_or_else(used_up)?;
        loop {
            let mut is_free = true;
            for name in self.names(version, attachments) {
                is_free &= self.store.size(&name)?.is_none();
            }
            if is_free {
                return Ok(version);
            }
            version = Version::new(version.number() + 1).map_err(|_| used_up())?;
        }
    }

    /// Returns the names of a model and its attachments.
    fn names(&self, version: Version, attachments: &[Attachment]) -> Vec<String> {
        let attachments = attachments.iter().map(|attachment| self.template.attachment(version, &attachment.name));
        [self.template.model(version)].into_iter().chain(attachments).collect()
    }

    /// Stores a model and its attachments and says which objects were stored.
    fn place(
        &self,
        version: Version,
        sealed: &Sealed<'_>,
        attachments: &[Attachment],
        placed: &mut Vec<String>,
    ) -> Result<(), FileError> {
        let name = self.template.model(version);
        self.store.put(&name, sealed, &Expected::Nothing)?;
        placed.push(name);
        for attachment in attachments {
            let name = self.template.attachment(version, &attachment.name);
            self.store.put(&name, &attachment.content.as_slice(), &Expected::Nothing)?;
            placed.push(name);
        }
        Ok(())
    }

    /// Removes what was stored of a model that could not be listed, so that a full disk has room again.
    fn take_back(&self, version: Version, placed: &[String]) {
        // Replacing the list may have failed after it was replaced.
        if !self.load().is_ok_and(|catalogue| catalogue.model(version).is_none()) {
            return;
        }
        for name in placed {
            if let Err(error) = self.store.remove(name) {
                tracing::warn!(%version, "what was stored of a model that is not listed stays: {error}");
            }
        }
    }

    fn remove(&self, version: Version, mut catalogue: Catalogue) -> Result<(), FileError> {
        catalogue.remove(version);
        self.save(&catalogue)?;
        self.remove_deleted(&mut catalogue)
    }

    /// Removes what is left of the model that was deleted last; mostly there is nothing left.
    fn remove_deleted(&self, catalogue: &mut Catalogue) -> Result<(), FileError> {
        let Some((version, metadata)) = catalogue.take_deleted() else { return Ok(()) };
        let attachments = attachments::names(&metadata).unwrap_or_else(|error| {
            // No store has written such names: there is nothing of theirs to delete.
            tracing::warn!(%version, "attachments are left alone: {error}");
            Vec::new()
        });
        self.store.remove(&self.template.model(version))?;
        for name in attachments {
            self.store.remove(&self.template.attachment(version, &name))?;
        }
        Ok(())
    }

    /// Locks the store to change it, and completes what a killed process has begun.
    fn lock(&self) -> Result<(Option<Box<dyn StoreLock>>, Catalogue), FileError> {
        let lock = self.store.lock(&self.template.metadata())?;
        let mut catalogue = self.load()?;
        self.remove_deleted(&mut catalogue)?;
        Ok((lock, catalogue))
    }

    fn save(&self, catalogue: &Catalogue) -> Result<(), FileError> {
        let bytes = catalogue.to_bytes().map_err(|error| self.wrong(Wrong::Json(error)))?;
        self.save_bytes(&bytes)
    }

    fn save_bytes(&self, bytes: &[u8]) -> Result<(), FileError> {
        let name = self.template.metadata();
        if bytes.len() as u64 > catalogue::LIMIT {
            return Err(FileError::TooLarge { file: self.store.shown(&name), limit: catalogue::LIMIT });
        }
        Ok(self.store.put(&name, &bytes, &Expected::Anything)?)
    }

    fn unwritable(&self, source: ArtifactError) -> FileError {
        FileError::Unwritable { file: self.store.shown(&self.template.metadata()), source }
    }

    fn wrong(&self, wrong: Wrong) -> FileError {
        let file = self.store.shown(&self.template.metadata());
        match wrong {
            Wrong::Json(source) => FileError::NotJson { file, source },
            Wrong::BareList => FileError::PythonStore { file },
            Wrong::Shape(what) => FileError::Damaged { file, what },
        }
    }
}

/// Activates the newest version where none is active: before layout 1.0 there was no such property.
fn activate_newest(catalogue: &mut Catalogue, origin: &Origin) -> Result<String, Wrong> {
    if let Some(active) = catalogue.active()? {
        return Ok(format!("version {active} stays the active one"));
    }
    let newest = catalogue.models().iter().map(|(version, _)| *version).max();
    let Some(newest) = newest else { return Ok("there are no models".to_owned()) };
    catalogue.set_active(Some(newest), origin)?;
    Ok(format!("version {newest} is the active one now"))
}

fn no_such(version: Version) -> FileError {
    FileError::Lookup(format!("No such version: {version}"))
}
