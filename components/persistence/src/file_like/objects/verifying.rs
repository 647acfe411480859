//! Checking that all that is listed of a version is there and is what was stored.

use std::collections::BTreeSet;
use std::io;

use palladium_component::prelude::*;

use super::{Objects, no_such};
use crate::attachments;
use crate::file_like::error::FileError;

impl Objects {
    /// Reads a version with all its attachments to the end, and compares what the list of models says about it with
    /// what the stored model says.
    ///
    /// # Errors
    /// The store's, that there is no such version, and what is missing or damaged.
    pub fn verify(&self, version: Version) -> Result<(), FileError> {
        let formats = self.formats.get().ok_or(FileError::NotInitialized)?;
        let catalogue = self.load()?;
        let Some(listed) = catalogue.model(version) else { return self.read(Some(version)).map(drop) };
        let stored = match self.read_alone(version, formats)? {
            Some(model) => model.metadata,
            None if self.load()?.model(version).is_some() => return Err(self.gone(version)),
            None => return Err(no_such(version)),
        };
        let other = differences(listed, &stored);
        if !other.is_empty() {
            let file = self.store.shown(&self.template.model(version));
            return Err(FileError::OtherMetadata { file, version, keys: other.join("`, `") });
        }
        for name in attachments::names(listed)? {
            if self.copy_attachment(&catalogue, version, &name, &mut io::sink())? {
                continue;
            }
            // Somebody may have taken it away meanwhile.
            if self.listed_attachments(&self.load()?, version)?.contains(&name) {
                let file = self.store.shown(&self.template.attachment(version, &name));
                return Err(FileError::MissingAttachment { file, version, name });
            }
        }
        Ok(())
    }
}

/// Returns the keys of what only one of two metadata say, or the other one says otherwise. Attachments come and go.
fn differences(listed: &Metadata, stored: &Metadata) -> Vec<String> {
    let (listed, stored) = (attachments::listing(listed, &[]), attachments::listing(stored, &[]));
    let keys: BTreeSet<&str> = listed.entries().chain(stored.entries()).map(|(key, _)| key).collect();
    keys.into_iter().filter(|key| listed.get(key) != stored.get(key)).map(str::to_owned).collect()
}
