//! Changes of what is known about the models.
//!
//! A change is made under the lock of the store where it has one, and counts only if nobody else has changed the
//! metadata since they were read where it has none: then it is made anew.

use palladium_component::prelude::*;

use super::attempts::Attempts;
use super::{Objects, no_such};
use crate::attachments;
use crate::fail_point;
use crate::file_like::catalogue::{self, Catalogue, Wrong};
use crate::file_like::error::FileError;
use crate::properties::DB_VERSION;
use crate::upgrade::{self, Due, Step};

/// Changes the layout of a store and says what it did.
type Work = fn(&mut Catalogue, &Origin) -> Result<String, Wrong>;

/// What leads from one layout to the next; the file that holds them all is replaced once.
const STEPS: &[Step<Work>] = &[Step { layout: "1.0", work: activate_newest }];

impl Objects {
    /// Makes a version the active one.
    ///
    /// # Errors
    /// The store's, that there is no such version, and that its object is missing.
    pub fn activate(&self, version: Version, origin: &Origin) -> Result<(), FileError> {
        let object = self.template.model(version);
        let mut tried = None;
        let before = self.change_version(version, |catalogue| {
            // The answer to an earlier try may have been lost, and somebody else may have made a change since.
            if let Some(Activation { from, .. }) = tried.as_ref().filter(|tried| catalogue.has_activated(tried)) {
                return Ok(*from);
            }
            if self.store.size(&object)?.is_none() {
                return Err(self.gone(version));
            }
            let before = catalogue.set_active(Some(version), origin).map_err(|wrong| self.wrong(wrong))?;
            tried = catalogue.last_activation().cloned();
            Ok(before)
        })?;
        let before = before.map_or_else(|| "none".to_owned(), |version| version.to_string());
        tracing::info!(from = before, to = %version, "model activated");
        Ok(())
    }

    /// Deletes a version, which may be the active one.
    ///
    /// # Errors
    /// The store's, and that there is no such version.
    pub fn delete(&self, version: Version) -> Result<(), FileError> {
        self.unlist(version, |_, _| Ok(()))
    }

    /// Deletes a version. With `force` it may be the active one, after which none is active.
    ///
    /// # Errors
    /// The store's, that there is no such version, and that it is the active one.
    pub fn delete_as(&self, version: Version, force: bool, origin: &Origin) -> Result<(), FileError> {
        self.unlist(version, |catalogue, is_active| match (is_active, force) {
            (true, false) => Err(FileError::Active(version)),
            (true, true) => catalogue.set_active(None, origin).map(drop).map_err(|wrong| self.wrong(wrong)),
            (false, _) => Ok(()),
        })
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
        self.change(|catalogue| {
            let stored = catalogue.properties().remove(DB_VERSION);
            let Due { from, to, steps } = upgrade::due(STEPS, stored.as_deref(), from, to)?;
            let mut done = Vec::new();
            for (layout, step) in steps {
                done.push((layout, step(catalogue, origin).map_err(|wrong| self.wrong(wrong))?));
            }
            catalogue.set_property(DB_VERSION, to.to_string());
            Ok(Upgraded { from, to, steps: done })
        })
    }

    /// Takes a version from the list, then removes its objects. `prepare` is told whether it is the active one.
    fn unlist(
        &self,
        version: Version,
        mut prepare: impl FnMut(&mut Catalogue, bool) -> Result<(), FileError>,
    ) -> Result<(), FileError> {
        let mut tried = None;
        let unlisted = self.change_version(version, |catalogue| {
            let active = catalogue.active().map_err(|wrong| self.wrong(wrong))?;
            let is_active = active == Some(version);
            prepare(catalogue, is_active)?;
            let names = catalogue.model(version).map(|metadata| self.names(version, metadata)).unwrap_or_default();
            catalogue.remove(version);
            tried = Some((is_active, names));
            Ok(())
        });
        match (unlisted, tried) {
            // A version that is gone at a later try was taken from the list by an earlier one whose answer was lost, or
            // by somebody else: what was asked for is done.
            (Ok(()) | Err(FileError::Lookup(_)), Some((was_active, names))) => {
                if was_active {
                    tracing::warn!(%version, "the active model was deleted: activate another one");
                }
                names.iter().try_for_each(|name| self.remove(name))
            }
            (Err(FileError::Lookup(_)), None) if self.complete_deletion(version)? => Ok(()),
            (unlisted, _) => unlisted,
        }
    }

    /// Removes what a killed process has left of a version after it took that from the list; tells whether there was
    /// anything left.
    fn complete_deletion(&self, version: Version) -> Result<bool, FileError> {
        let catalogue = self.load()?;
        let deleted = catalogue.deleted().filter(|(deleted, _)| *deleted == version);
        let Some((_, metadata)) = deleted.filter(|_| catalogue.model(version).is_none()) else { return Ok(false) };
        let mut found = false;
        for name in self.names(version, metadata) {
            if self.store.size(&name)?.is_some() {
                found = true;
                self.remove(&name)?;
            }
        }
        Ok(found)
    }

    /// Removes what is left of the model that was deleted last; mostly there is nothing left.
    fn remove_deleted(&self, catalogue: &mut Catalogue) -> Result<(), FileError> {
        let Some((version, metadata)) = catalogue.take_deleted() else { return Ok(()) };
        self.names(version, &metadata).iter().try_for_each(|name| self.remove(name))
    }

    /// Returns the names of a model and of the attachments that its metadata list.
    fn names(&self, version: Version, metadata: &Metadata) -> Vec<String> {
        let attachments = attachments::names(metadata).unwrap_or_else(|error| {
            // No store has written such names: there is nothing of theirs to delete.
            tracing::warn!(%version, "attachments are left alone: {error}");
            Vec::new()
        });
        let attachments = attachments.iter().map(|name| self.template.attachment(version, name));
        [self.template.model(version)].into_iter().chain(attachments).collect()
    }

    /// Changes something about a version that is listed.
    pub(super) fn change_version<T>(
        &self,
        version: Version,
        mut work: impl FnMut(&mut Catalogue) -> Result<T, FileError>,
    ) -> Result<T, FileError> {
        // A store that does not exist is not made by looking for a version in it.
        if self.load()?.model(version).is_none() {
            return Err(no_such(version));
        }
        self.change(|catalogue| {
            if catalogue.model(version).is_none() {
                return Err(no_such(version));
            }
            work(catalogue)
        })
    }

    /// Changes what is known about the models. The work may be done several times, each time from the beginning.
    pub(super) fn change<T>(
        &self,
        mut work: impl FnMut(&mut Catalogue) -> Result<T, FileError>,
    ) -> Result<T, FileError> {
        let mut attempts = Attempts::new();
        loop {
            let lock = self.lock()?;
            if let Some(done) = self.change_once(lock.as_deref(), &mut work)? {
                return Ok(done);
            }
            drop(lock);
            if !attempts.pause() {
                return Err(self.overtaken());
            }
        }
    }

    /// Changes what is known about the models, and completes what a killed process has begun; nothing means that
    /// somebody else was faster.
    pub(super) fn change_once<T>(
        &self,
        lock: Option<&dyn StoreLock>,
        work: impl FnOnce(&mut Catalogue) -> Result<T, FileError>,
    ) -> Result<Option<T>, FileError> {
        let (mut catalogue, expected) = match self.find()? {
            None => (Catalogue::default(), Expected::Nothing),
            Some((catalogue, Some(revision))) => (catalogue, Expected::Revision(revision)),
            Some((catalogue, None)) if lock.is_some() => (catalogue, Expected::Anything),
            Some((_, None)) => return Err(self.unguarded(&self.template.metadata())),
        };
        self.remove_deleted(&mut catalogue)?;
        let done = work(&mut catalogue)?;
        catalogue.adopt();
        let name = self.template.metadata();
        let bytes = catalogue.to_bytes().map_err(|error| self.wrong(Wrong::Json(error)))?;
        if bytes.len() as u64 > catalogue::LIMIT {
            return Err(FileError::TooLarge { file: self.store.shown(&name), limit: catalogue::LIMIT });
        }
        let saved = lock.map_or(Ok(()), StoreLock::check).map_err(FileError::from);
        match saved.and_then(|()| self.put(&name, &bytes.as_slice(), &expected)) {
            Err(FileError::Store(StoreError::Conflict { .. })) => Ok(None),
            saved => saved.map(|()| Some(done)),
        }
    }

    pub(super) fn lock(&self) -> Result<Option<Box<dyn StoreLock>>, FileError> {
        let lock = self.store.lock(&self.template.metadata());
        fail_point::reached("the store was locked");
        Ok(lock?)
    }
}

/// Activates the newest version where none is active: before layout 1.0 there was no such property.
fn activate_newest(catalogue: &mut Catalogue, origin: &Origin) -> Result<String, Wrong> {
    if let Some(active) = catalogue.active()? {
        return Ok(format!("version {active} stays the active one"));
    }
    let Some((newest, _)) = catalogue.models().last() else { return Ok("there are no models".to_owned()) };
    let newest = *newest;
    catalogue.set_active(Some(newest), origin)?;
    Ok(format!("version {newest} is the active one now"))
}
