//! Reading models, which needs no lock.

use std::io::{self, Read};

use palladium_component::prelude::*;

use super::{Objects, no_such};
use crate::artifact::{self, ArtifactError, Limits};
use crate::attachments::{self, AttachmentError, Taken};
use crate::file_like::catalogue::Catalogue;
use crate::file_like::error::FileError;
use crate::file_like::fingerprint::{Checked, Fingerprint};

const ACTIVE_DELETED: &str = "Activated model not available. Maybe it was deleted.";

/// How often the active model is looked for while others activate and delete.
const MOST_LOOKS: u32 = 100;

impl Objects {
    /// Reads a version, or the active one, with its attachments.
    ///
    /// # Errors
    /// There is no such model, or it cannot be read.
    pub fn read(&self, asked: Option<Version>) -> Result<TrainedModel, FileError> {
        let formats = self.formats.get().ok_or(FileError::NotInitialized)?;
        if let Some(version) = asked {
            let found = self.read_version(version, None, formats)?;
            return found.ok_or_else(|| {
                let is_listed = self.load().is_ok_and(|catalogue| catalogue.model(version).is_some());
                self.missing(version, if is_listed { self.gone(version) } else { no_such(version) })
            });
        }
        let deleted = || FileError::Lookup(ACTIVE_DELETED.to_owned());
        let mut missed = None;
        for _ in 0..MOST_LOOKS {
            let catalogue = self.load()?;
            let version = self.active(&catalogue)?;
            if let Some(model) = self.read_version(version, Some(catalogue), formats)? {
                return Ok(model);
            }
            // Another version may have become the active one since, before this one was deleted.
            if missed.replace(version) == Some(version) {
                return Err(self.missing(version, deleted()));
            }
        }
        Err(deleted())
    }

    /// Returns the attachments of a version in the order of their names.
    ///
    /// # Errors
    /// The store's, and that there is no such version.
    pub fn attachments(&self, version: Version) -> Result<Vec<Attachment>, FileError> {
        let mut names = self.listed_attachments(&self.load()?, version)?;
        names.sort();
        let mut attachments = Vec::with_capacity(names.len());
        for name in names {
            // What a killed process began to take away is not there any more.
            if let Some(size) = self.store.size(&self.template.attachment(version, &name))? {
                attachments.push(Attachment { name, size });
            }
        }
        Ok(attachments)
    }

    /// Writes the content of an attachment, and checks in the end that it is what was stored.
    ///
    /// # Errors
    /// The store's and the writer's, that there is no such version or no such attachment, and that it is damaged.
    pub fn read_attachment(&self, version: Version, name: &str, writer: &mut dyn io::Write) -> Result<(), FileError> {
        let catalogue = self.load()?;
        if !self.listed_attachments(&catalogue, version)?.iter().any(|listed| listed == name) {
            return Err(no_attachment(version, name));
        }
        if self.copy_attachment(&catalogue, version, name, writer)? {
            Ok(())
        } else {
            Err(no_attachment(version, name))
        }
    }

    /// Writes the content of a listed attachment and checks it; tells whether it is there.
    pub(super) fn copy_attachment(
        &self,
        catalogue: &Catalogue,
        version: Version,
        name: &str,
        writer: &mut dyn io::Write,
    ) -> Result<bool, FileError> {
        let object = self.template.attachment(version, name);
        let Some(StoredObject { reader, .. }) = self.store.open(&object)? else { return Ok(false) };
        let mut checked = Checked::new(writer);
        let copied = io::copy(&mut reader.take(attachments::LIMIT + 1), &mut checked);
        if copied.map_err(|source| FileError::Reading { file: self.store.shown(&object), source })? > attachments::LIMIT
        {
            return Err(AttachmentError::TooLarge(name.to_owned()).into());
        }
        self.check_attachment(catalogue, version, name, &checked.fingerprint())?;
        Ok(true)
    }

    /// Checks that what was read of an attachment is what was stored. In old catalogues nothing says what that was.
    fn check_attachment(
        &self,
        catalogue: &Catalogue,
        version: Version,
        name: &str,
        found: &Fingerprint,
    ) -> Result<(), FileError> {
        let mut known = catalogue.fingerprint(version, name).cloned();
        loop {
            let Some(stored) = known.filter(|stored| stored != found) else { return Ok(()) };
            // Somebody may have taken it away since the catalogue was read, and attached another one of that name.
            known = self.load()?.fingerprint(version, name).cloned();
            if known.as_ref() == Some(&stored) {
                let file = self.store.shown(&self.template.attachment(version, name));
                let what = stored.difference(found);
                return Err(FileError::DamagedAttachment { file, version, name: name.to_owned(), what });
            }
        }
    }

    /// Returns the names of the attachments that are listed for a version.
    pub(super) fn listed_attachments(&self, catalogue: &Catalogue, version: Version) -> Result<Vec<String>, FileError> {
        let metadata = catalogue.model(version).ok_or_else(|| no_such(version))?;
        Ok(attachments::names(metadata)?)
    }

    fn active(&self, catalogue: &Catalogue) -> Result<Version, FileError> {
        catalogue.active().map_err(|wrong| self.wrong(wrong))?.ok_or_else(|| {
            let place = self.store.shown(self.template.as_str());
            FileError::Lookup(format!("No active model available: {place}"))
        })
    }

    /// Returns why there is no model, which is another reason in a store of the Python original.
    fn missing(&self, version: Version, otherwise: FileError) -> FileError {
        self.python_model(version).unwrap_or_else(Some).unwrap_or(otherwise)
    }

    /// Reads a version; nothing means that it is not there, or not any more.
    fn read_version(
        &self,
        version: Version,
        catalogue: Option<Catalogue>,
        formats: &ModelFormats,
    ) -> Result<Option<TrainedModel>, FileError> {
        let Some(mut model) = self.read_alone(version, formats)? else { return Ok(None) };
        // Attachments come and go after a model was stored. One that is not listed says itself what it came with.
        let catalogue = catalogue.map_or_else(|| self.load(), Ok)?;
        let names = attachments::names(catalogue.model(version).unwrap_or(&model.metadata))?;
        model.metadata = attachments::listing(&model.metadata, &names);
        for attachment in names {
            match self.attachment(&catalogue, version, attachment)? {
                Some(attachment) => attachments::put_back(&mut model.metadata, &attachment),
                // The model is removed before its attachments.
                None if self.store.size(&self.template.model(version))?.is_none() => return Ok(None),
                None => {}
            }
        }
        Ok(Some(model))
    }

    /// Reads a version without its attachments; nothing means that it is not there.
    pub(super) fn read_alone(
        &self,
        version: Version,
        formats: &ModelFormats,
    ) -> Result<Option<TrainedModel>, FileError> {
        let name = self.template.model(version);
        let unreadable = |source| FileError::Unreadable { file: self.store.shown(&name), version, source };
        let Some(StoredObject { mut reader, .. }) = self.store.open(&name)? else { return Ok(None) };
        let opened = artifact::open(&mut reader, Limits::default()).map_err(unreadable)?;
        if opened.version() != Some(version) {
            let found = opened.version();
            return Err(unreadable(ArtifactError::OtherVersion { found, expected: version }));
        }
        opened.decode(formats).map(Some).map_err(unreadable)
    }

    fn attachment(&self, catalogue: &Catalogue, version: Version, name: String) -> Result<Option<Taken>, FileError> {
        let file = self.template.attachment(version, &name);
        let Some(StoredObject { reader, .. }) = self.store.open(&file)? else { return Ok(None) };
        let content = self.read_all(&file, reader, attachments::LIMIT)?;
        let content = content.ok_or_else(|| AttachmentError::TooLarge(name.clone()))?;
        self.check_attachment(catalogue, version, &name, &Fingerprint::of(&content))?;
        Ok(Some(Taken { name, content }))
    }
}

/// Returns that a version has no such attachment.
pub(super) fn no_attachment(version: Version, name: &str) -> FileError {
    FileError::Lookup(attachments::no_such(version, name))
}
