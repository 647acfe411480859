//! Writing models.

use palladium_component::prelude::*;

use super::Objects;
use super::attempts::Attempts;
use crate::artifact::{ArtifactError, Prepared, Sealed};
use crate::attachments::{self, Taken};
use crate::file_like::catalogue::{Catalogue, Wrong};
use crate::file_like::error::FileError;
use crate::file_like::fingerprint::Fingerprint;

impl Objects {
    /// Stores a model with its attachments under the next version.
    ///
    /// # Errors
    /// The store's, and a model or attachments that cannot be stored.
    pub fn write(&self, model: &TrainedModel) -> Result<Version, FileError> {
        let (metadata, attachments) = attachments::take_out(&model.metadata)?;
        self.check_metadata(&metadata)?;
        let prepared = Prepared::new(model).map_err(|source| self.unwritable(source))?.with_metadata(metadata);
        let fingerprints: Vec<_> =
            attachments.iter().map(|taken| (&taken.name, Fingerprint::of(&taken.content))).collect();
        let mut attempts = Attempts::new();
        loop {
            let version = self.reserve(&attachments)?;
            let sealed = prepared.seal(version).map_err(|source| self.unwritable(source))?;
            let mut placed = Vec::new();
            match self.place(version, &sealed, &attachments, &mut placed) {
                Ok(()) => {
                    self.list(version, &sealed, &fingerprints).inspect_err(|_| self.take_back(version, &placed))?;
                    return Ok(version);
                }
                Err(error) => {
                    // Nobody looks for them yet, and a full disk has room again.
                    self.discard(version, &placed);
                    let is_taken = matches!(error, FileError::Store(StoreError::Conflict { .. }));
                    if !is_taken || !attempts.pause() {
                        return Err(error);
                    }
                }
            }
        }
    }

    /// Checks that metadata could be read again. Readers bound the depth of JSON, writers do not.
    fn check_metadata(&self, metadata: &Metadata) -> Result<(), FileError> {
        let mut catalogue = Catalogue::default();
        let mut metadata = metadata.clone();
        metadata.annotate("version", Version::FIRST.number());
        catalogue.add(Version::FIRST, metadata);
        let bytes = catalogue.to_bytes().map_err(|source| self.unwritable(ArtifactError::Metadata(source)))?;
        Catalogue::parse(&bytes).map(drop).map_err(|wrong| match wrong {
            Wrong::Json(source) => self.unwritable(ArtifactError::Metadata(source)),
            wrong => self.wrong(wrong),
        })
    }

    /// Gives the next version of which nothing is stored: somebody may have brought back files of a store that was
    /// lost.
    fn reserve(&self, attachments: &[Taken]) -> Result<Version, FileError> {
        self.change(|catalogue| {
            loop {
                let used_up = || FileError::VersionsUsedUp { file: self.store.shown(&self.template.metadata()) };
                let version = catalogue.reserve().ok_or_else(used_up)?;
                if self.is_free(version, attachments)? {
                    return Ok(version);
                }
                catalogue.skip(version);
            }
        })
    }

    fn is_free(&self, version: Version, attachments: &[Taken]) -> Result<bool, FileError> {
        let attachments = attachments.iter().map(|attachment| self.template.attachment(version, &attachment.name));
        for name in [self.template.model(version)].into_iter().chain(attachments) {
            if self.store.size(&name)?.is_some() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Stores a model and its attachments and says which objects were stored, or may have been.
    fn place(
        &self,
        version: Version,
        sealed: &Sealed<'_>,
        attachments: &[Taken],
        placed: &mut Vec<String>,
    ) -> Result<(), FileError> {
        self.place_object(self.template.model(version), sealed, placed)?;
        attachments.iter().try_for_each(|attachment| {
            let name = self.template.attachment(version, &attachment.name);
            self.place_object(name, &attachment.content.as_slice(), placed)
        })
    }

    fn place_object(&self, name: String, content: &dyn Content, placed: &mut Vec<String>) -> Result<(), FileError> {
        let put = self.put(&name, content, &Expected::Nothing);
        // What was refused is somebody else's; what failed otherwise may have arrived all the same.
        if !matches!(put, Err(FileError::Store(StoreError::Conflict { .. }))) {
            placed.push(name);
        }
        put
    }

    /// Lists a model that is stored.
    fn list(
        &self,
        version: Version,
        sealed: &Sealed<'_>,
        fingerprints: &[(&String, Fingerprint)],
    ) -> Result<(), FileError> {
        let listed: Metadata = serde_json::from_str(sealed.metadata())
            .map_err(|source| self.unwritable(ArtifactError::Metadata(source)))?;
        self.change(|catalogue| {
            catalogue.add(version, listed.clone());
            for (name, fingerprint) in fingerprints {
                catalogue.set_fingerprint(version, name, fingerprint.clone());
            }
            Ok(())
        })
    }

    /// Removes what was stored of a model that could not be listed, if it is certain that it will not be listed: a
    /// store without locks may still make a change whose answer was lost.
    fn take_back(&self, version: Version, placed: &[String]) {
        match self.lock() {
            Ok(Some(_lock)) if self.load().is_ok_and(|catalogue| catalogue.model(version).is_none()) => {
                self.discard(version, placed);
            }
            _ => tracing::warn!(%version, "what was stored of a model that could not be listed stays"),
        }
    }

    fn discard(&self, version: Version, placed: &[String]) {
        for name in placed {
            if let Err(error) = self.remove(name) {
                tracing::warn!(%version, "what was stored of a model that is not listed stays: {error}");
            }
        }
    }

    fn unwritable(&self, source: ArtifactError) -> FileError {
        FileError::Unwritable { file: self.store.shown(&self.template.metadata()), source }
    }
}
