//! What a persister does with the objects of a store.
//!
//! A number is given, and written down as given, before anything is stored under it; a model is listed only after it is
//! stored whole, and is no longer listed before it is removed. So nothing that is large is stored while others have to
//! wait, readers need no lock, and a process that is killed leaves at most objects that are not listed. Of a deletion
//! the next change removes them; of a write they stay as orphans, and their number is not given again.

mod attaching;
mod attempts;
mod changing;
mod orphans;
mod reading;
mod verifying;
mod writing;

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::{Arc, OnceLock};

use palladium_component::prelude::*;

use super::catalogue::{self, Catalogue, Wrong};
use super::error::FileError;
use super::neighbours::Neighbours;
use super::template::Template;
use crate::{artifact, fail_point};

/// A store of models over a store of objects.
pub struct Objects {
    template: Template,
    store: Arc<dyn ArtifactStore>,
    formats: OnceLock<Arc<ModelFormats>>,
}

impl Objects {
    /// Returns the store of models whose objects are named after a template.
    pub fn new(template: Template, store: Arc<dyn ArtifactStore>) -> Objects {
        Objects { template, store, formats: OnceLock::new() }
    }

    /// Sets which models can be decoded: those of the binary, so that a second start has no others.
    pub fn set_formats(&self, formats: &Arc<ModelFormats>) {
        self.formats.get_or_init(|| Arc::clone(formats));
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
        let writable = self.check_writable();
        Ok(match found {
            Some(_) if writable.is_err() => format!("the store in `{place}`, which this user may only read"),
            Some(_) => format!("the store in `{place}`"),
            None => writable.map(|()| format!("no store in `{place}` yet: the first fit makes it"))?,
        })
    }

    /// Finds out whether this user may store models.
    ///
    /// # Errors
    /// That the user may not.
    pub fn check_writable(&self) -> Result<(), FileError> {
        Ok(self.store.check_writable(&self.template.metadata())?)
    }

    /// Returns the metadata of all models in the order of their versions.
    ///
    /// # Errors
    /// The store's.
    pub fn list_models(&self) -> Result<Vec<Metadata>, FileError> {
        let found = self.find()?;
        if found.is_none()
            && let Some(model) = self.without_list()
        {
            let file = self.store.shown(&self.template.metadata());
            tracing::warn!("`{file}` is missing, and so no model is listed, although `{model}` is there");
        }
        let (catalogue, _) = found.unwrap_or_default();
        Ok(catalogue.models().iter().map(|(_, metadata)| metadata.clone()).collect())
    }

    /// Tells whether there is a list of models, or models that have lost theirs.
    ///
    /// # Errors
    /// The store's.
    pub fn exists(&self) -> Result<bool, FileError> {
        Ok(self.find()?.is_some() || self.without_list().is_some())
    }

    /// Returns where it is looked for, and a store of a similar name beside it.
    pub fn store_place(&self) -> StorePlace {
        let objects = self.store.list(&self.template.metadata()).ok().flatten().unwrap_or_default();
        let neighbours = Neighbours::of(&self.template, &objects);
        let near = neighbours.nearest().map(|near| self.store.shown(near.as_str()));
        StorePlace { shown: self.store.shown(self.template.as_str()), near }
    }

    /// Returns the properties of the store.
    ///
    /// # Errors
    /// The store's.
    pub fn list_properties(&self) -> Result<BTreeMap<String, String>, FileError> {
        Ok(self.load()?.properties())
    }

    /// Returns the versions that are listed, in their order.
    ///
    /// # Errors
    /// The store's.
    pub fn versions(&self) -> Result<Vec<Version>, FileError> {
        Ok(self.load()?.models().iter().map(|(version, _)| *version).collect())
    }

    /// Returns how many bytes each model has.
    ///
    /// # Errors
    /// The store's.
    pub fn list_sizes(&self) -> Result<BTreeMap<Version, u64>, FileError> {
        let mut sizes = BTreeMap::new();
        let versions = self.versions()?;
        if versions.is_empty() {
            return Ok(sizes);
        }
        if let Some(listed) = self.listed() {
            let listed: BTreeMap<String, u64> = listed.into_iter().map(|object| (object.name, object.size)).collect();
            let size = |version| Some((version, *listed.get(&self.template.model(version))?));
            return Ok(versions.into_iter().filter_map(size).collect());
        }
        for version in versions {
            if let Some(size) = self.store.size(&self.template.model(version))? {
                sizes.insert(version, size);
            }
        }
        Ok(sizes)
    }

    /// Returns the checksum that a stored model ends in.
    ///
    /// # Errors
    /// The store's, and that there is no such version.
    pub fn digest(&self, version: Version) -> Result<Option<String>, FileError> {
        if self.load()?.model(version).is_none() {
            return Err(no_such(version));
        }
        let tail = self.store.tail(&self.template.model(version), artifact::CHECKSUM)?;
        Ok(tail.filter(|tail| tail.len() == artifact::CHECKSUM).map(hex::encode))
    }

    /// Returns the log of activations, the oldest first.
    ///
    /// # Errors
    /// The store's.
    pub fn history(&self) -> Result<Vec<Activation>, FileError> {
        Ok(self.load()?.into_activations())
    }

    /// Reads the metadata file, if there is one, and tells which of its states this is.
    fn find(&self) -> Result<Option<(Catalogue, Option<Revision>)>, FileError> {
        let name = self.template.metadata();
        let Some(StoredObject { reader, revision }) = self.store.open(&name)? else { return Ok(None) };
        let limit = catalogue::LIMIT;
        let bytes = self.read_all(&name, reader, limit)?;
        let bytes = bytes.ok_or_else(|| FileError::TooLarge { file: self.store.shown(&name), limit })?;
        let catalogue = Catalogue::parse(&bytes).map_err(|wrong| self.wrong(wrong))?;
        if !catalogue.is_own {
            for (version, _) in catalogue.models() {
                self.python_model(*version)?.map_or(Ok(()), Err)?;
            }
        }
        Ok(Some((catalogue, revision)))
    }

    /// Returns what lies in the folder of the store. Whoever may not list there may look at each object all the same.
    fn listed(&self) -> Option<Vec<ListedObject>> {
        let listed = self.store.list(&self.template.metadata());
        listed.inspect_err(|error| tracing::debug!("the objects of the store cannot be listed: {error}")).ok().flatten()
    }

    /// Returns a model of a store that has no list of models, for messages.
    fn without_list(&self) -> Option<String> {
        let unlisted = self.unlisted_among(self.listed()?, None);
        unlisted.first().map(|object| self.store.shown(&object.name))
    }

    fn load(&self) -> Result<Catalogue, FileError> {
        Ok(self.find()?.map(|(catalogue, _)| catalogue).unwrap_or_default())
    }

    /// Returns an error if the Python original has stored this version here.
    fn python_model(&self, version: Version) -> Result<Option<FileError>, FileError> {
        let pickle = self.template.pickle(version);
        let found = self.store.size(&pickle)?;
        Ok(found.map(|_| FileError::PythonStore { file: self.store.shown(&pickle) }))
    }

    /// Returns the content of an object, nothing if it is larger than the limit.
    fn read_all(&self, name: &str, reader: impl Read, limit: u64) -> Result<Option<Vec<u8>>, FileError> {
        let mut bytes = Vec::new();
        let read = reader.take(limit + 1).read_to_end(&mut bytes);
        read.map_err(|source| FileError::Reading { file: self.store.shown(name), source })?;
        Ok((bytes.len() as u64 <= limit).then_some(bytes))
    }

    fn put(&self, name: &str, content: &dyn Content, expected: &Expected) -> Result<(), FileError> {
        let put = self.store.put(name, content, expected);
        fail_point::reached("an object was put");
        Ok(put?)
    }

    fn remove(&self, name: &str) -> Result<(), FileError> {
        let removed = self.store.remove(name);
        fail_point::reached("an object was removed");
        Ok(removed?)
    }

    /// Returns that a version is listed and cannot be read.
    fn gone(&self, version: Version) -> FileError {
        let file = self.store.shown(&self.template.model(version));
        FileError::Lookup(format!(
            "No such version: {version}. It is listed, but `{file}` is missing: bring it back, or delete the version."
        ))
    }

    fn overtaken(&self) -> FileError {
        FileError::Overtaken { file: self.store.shown(&self.template.metadata()) }
    }

    fn unguarded(&self, name: &str) -> FileError {
        FileError::Unguarded { file: self.store.shown(name) }
    }

    fn wrong(&self, wrong: Wrong) -> FileError {
        let file = self.store.shown(&self.template.metadata());
        match wrong {
            Wrong::Json(source) => FileError::NotJson { file, source },
            Wrong::BareList => FileError::PythonStore { file },
            Wrong::Newer(found) => FileError::NewerLayout { file, found },
            Wrong::Shape(what) => FileError::Damaged { file, what },
        }
    }
}

fn no_such(version: Version) -> FileError {
    FileError::Lookup(format!("No such version: {version}"))
}
