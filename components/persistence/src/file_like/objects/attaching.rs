//! Files that are added to stored models, or taken from them.
//!
//! An attachment is stored and then listed, is removed and then no longer listed. What was stored and not listed, by a
//! process that was killed or by one that is still at it, is taken over: that is counted in the metadata, which tells
//! the other process that it has to begin anew, and only then something else is stored in its place.

use palladium_component::prelude::*;

use super::attempts::Attempts;
use super::reading::no_attachment;
use super::{Objects, no_such};
use crate::attachments::{self, AttachmentError};
use crate::file_like::catalogue::Catalogue;
use crate::file_like::error::FileError;
use crate::file_like::fingerprint::{Fingerprint, Observed};

impl Objects {
    /// Adds an attachment to a version.
    ///
    /// # Errors
    /// The store's and the content's, that there is no such version, and a name that is taken or not safe.
    pub fn attach(&self, version: Version, name: &str, content: &dyn Content) -> Result<(), FileError> {
        attachments::check_name(name)?;
        if content.size() > attachments::LIMIT {
            return Err(AttachmentError::TooLarge(name.to_owned()).into());
        }
        let mut attempts = Attempts::new();
        loop {
            match self.try_to_attach(version, name, content) {
                Err(FileError::Overtaken { .. }) if attempts.pause() => {}
                done => return done,
            }
        }
    }

    /// Takes an attachment from a version.
    ///
    /// # Errors
    /// The store's, and that there is no such version or no such attachment.
    pub fn detach(&self, version: Version, name: &str) -> Result<(), FileError> {
        let mut has_removed = false;
        let changed = self.change_version(version, |catalogue| {
            let mut names = self.listed_attachments(catalogue, version)?;
            let Some(index) = names.iter().position(|listed| listed == name) else {
                if !has_removed {
                    return Err(no_attachment(version, name));
                }
                // Somebody else was faster, or the answer to an earlier try was lost. What was removed here may have been
                // a new one that is about to be listed.
                catalogue.take_over();
                return Ok(());
            };
            names.remove(index);
            self.remove(&self.template.attachment(version, name))?;
            has_removed = true;
            self.list_attachments(catalogue, version, &names)?;
            catalogue.remove_fingerprint(version, name);
            Ok(())
        });
        match changed {
            // The version was deleted meanwhile.
            Err(FileError::Lookup(_)) if has_removed => Ok(()),
            changed => changed,
        }
    }

    fn try_to_attach(&self, version: Version, name: &str, content: &dyn Content) -> Result<(), FileError> {
        let catalogue = self.load()?;
        self.other_attachments(&catalogue, version, name)?;
        let object = self.template.attachment(version, name);
        let content = Observed::new(content);
        match self.put(&object, &content, &Expected::Nothing) {
            Err(FileError::Store(StoreError::Conflict { .. })) => self.take_over(version, name, &content),
            Err(error) => Err(error),
            Ok(()) => {
                let fingerprint = self.fingerprint(&object, &content)?;
                self.list_stored(version, name, catalogue.taken_over(), &fingerprint)
            }
        }
    }

    /// Stores an attachment in the place of something that is not listed.
    fn take_over(&self, version: Version, name: &str, content: &Observed<'_>) -> Result<(), FileError> {
        let lock = self.lock()?;
        let object = self.template.attachment(version, name);
        let found = self.store.open(&object)?.ok_or_else(|| self.overtaken())?.revision;
        let expected = match (&lock, found) {
            (Some(_), _) => Expected::Anything,
            (None, Some(revision)) => Expected::Revision(revision),
            (None, None) => return Err(self.unguarded(&object)),
        };
        let taken_over = self.change_once(lock.as_deref(), |catalogue| {
            self.other_attachments(catalogue, version, name)?;
            Ok(catalogue.take_over())
        })?;
        let taken_over = taken_over.ok_or_else(|| self.overtaken())?;
        match self.put(&object, content, &expected) {
            Err(FileError::Store(StoreError::Conflict { .. })) => return Err(self.overtaken()),
            put => put?,
        }
        let fingerprint = self.fingerprint(&object, content)?;
        if lock.is_none() {
            return self.list_stored(version, name, taken_over, &fingerprint);
        }
        let work = |catalogue: &mut Catalogue| self.list_attachment(catalogue, version, name, taken_over, &fingerprint);
        self.change_once(lock.as_deref(), work)?.ok_or_else(|| self.overtaken())
    }

    fn fingerprint(&self, object: &str, content: &Observed<'_>) -> Result<Fingerprint, FileError> {
        let taken = content.fingerprint();
        taken.map_err(|source| FileError::Reading { file: self.store.shown(object), source })
    }

    /// Lists an attachment that was stored, if nothing was taken over since.
    fn list_stored(
        &self,
        version: Version,
        name: &str,
        taken_over: u64,
        fingerprint: &Fingerprint,
    ) -> Result<(), FileError> {
        let mut has_tried = false;
        self.change(|catalogue| {
            let others = self.other_attachments(catalogue, version, name);
            let is_listed = matches!(others, Err(FileError::Attachment(AttachmentError::Present { .. })));
            // Nobody else can list what was stored here: the answer to an earlier try was lost.
            if has_tried && is_listed && catalogue.taken_over() == taken_over {
                return Ok(());
            }
            has_tried = true;
            self.list_attachment(catalogue, version, name, taken_over, fingerprint)
        })
    }

    /// Lists an attachment in a catalogue, if nothing was taken over since it was stored.
    fn list_attachment(
        &self,
        catalogue: &mut Catalogue,
        version: Version,
        name: &str,
        taken_over: u64,
        fingerprint: &Fingerprint,
    ) -> Result<(), FileError> {
        let names = self.other_attachments(catalogue, version, name);
        if matches!(names, Err(FileError::Lookup(_))) {
            // The version was deleted meanwhile, with all objects that were listed.
            self.remove(&self.template.attachment(version, name))?;
        }
        let mut names = names?;
        if catalogue.taken_over() != taken_over {
            return Err(self.overtaken());
        }
        names.push(name.to_owned());
        self.list_attachments(catalogue, version, &names)?;
        catalogue.set_fingerprint(version, name, fingerprint.clone());
        Ok(())
    }

    /// Returns the names of the attachments of a version, none of which may be this one.
    fn other_attachments(&self, catalogue: &Catalogue, version: Version, name: &str) -> Result<Vec<String>, FileError> {
        let names = self.listed_attachments(catalogue, version)?;
        if names.iter().any(|listed| listed == name) {
            return Err(AttachmentError::Present { version, name: name.to_owned() }.into());
        }
        Ok(names)
    }

    fn list_attachments(&self, catalogue: &mut Catalogue, version: Version, names: &[String]) -> Result<(), FileError> {
        let metadata = catalogue.model(version).ok_or_else(|| no_such(version))?;
        let metadata = attachments::listing(metadata, names);
        catalogue.add(version, metadata);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::file_io::FileIO;
    use crate::file_like::faulty::Faulty;
    use crate::file_like::template::Template;
    use crate::memory_io::MemoryIO;
    use crate::testing::constant;

    #[test]
    fn whoever_was_taken_over_begins_anew() {
        let folder = tempfile::tempdir().unwrap();
        let template = Template::new(&folder.path().join("model-{version}").display().to_string()).unwrap();
        let stores: [Arc<dyn ArtifactStore>; 2] = [Arc::new(MemoryIO::default()), Arc::new(FileIO::default())];
        for store in stores {
            let objects = Objects::new(template.clone(), store);
            let version = objects.write(&constant(1.0, 1)).unwrap();
            let object = template.attachment(version, "a.txt");
            // One process stores its file and another one takes that over, before either lists it.
            let seen = objects.load().unwrap().taken_over();
            objects.put(&object, &b"first".as_slice(), &Expected::Nothing).unwrap();
            let lock = objects.lock().unwrap();
            let seen_by_other =
                objects.change_once(lock.as_deref(), |catalogue| Ok(catalogue.take_over())).unwrap().unwrap();
            drop(lock);
            objects.put(&object, &b"second".as_slice(), &Expected::Anything).unwrap();
            let stored = Fingerprint::of(b"first");
            let list = |seen| objects.change(|newer| objects.list_attachment(newer, version, "a.txt", seen, &stored));
            let error = list(seen).unwrap_err();
            assert!(matches!(error, FileError::Overtaken { .. }), "{error}");
            assert_eq!(objects.attachments(version).unwrap(), []);

            objects.attach(version, "a.txt", &b"third".as_slice()).unwrap();
            let error = list(seen_by_other).unwrap_err();
            assert!(matches!(error, FileError::Attachment(AttachmentError::Present { .. })), "{error}");
            let mut content = String::new();
            objects.store().open(&object).unwrap().unwrap().reader.read_to_string(&mut content).unwrap();
            assert_eq!(content, "third");
        }
    }
    #[test]
    fn a_new_attachment_is_not_lost_to_those_who_take_the_old_one_away() {
        let template = Template::new("model-{version}").unwrap();
        let store = Arc::new(Faulty::default());
        let objects = || Arc::new(Objects::new(template.clone(), Arc::<Faulty>::clone(&store)));
        let (slow, other) = (objects(), objects());
        let version = slow.write(&constant(1.0, 1)).unwrap();
        slow.attach(version, "a.txt", &b"old".as_slice()).unwrap();
        // While one is about to remove the old one, another one does so, and a third stores a new one.
        let seen = Arc::new(Mutex::new(0));
        let (seen_by_third, object) = (Arc::clone(&seen), template.attachment(version, "a.txt"));
        let others = Box::new(move || {
            other.detach(version, "a.txt").unwrap();
            *seen_by_third.lock().unwrap() = other.load().unwrap().taken_over();
            other.put(&object, &b"new".as_slice(), &Expected::Nothing).unwrap();
        });
        *store.before_removal.lock().unwrap() = Some(others);
        slow.detach(version, "a.txt").unwrap();
        let seen = *seen.lock().unwrap();
        let stored = Fingerprint::of(b"new");
        let listed = slow.change(|newer| slow.list_attachment(newer, version, "a.txt", seen, &stored));
        assert!(matches!(listed, Err(FileError::Overtaken { .. })), "what was removed is listed");
    }
}
