//! What lies beside the models and belongs to none of them.
//!
//! An object is an orphan if its name is one of this store's and of no other one in the folder, its version was given,
//! and neither that version nor the attachment is listed. A writer stores before it lists: what is younger than an hour
//! may be listed soon. A model whose version was not given, or was skipped because the model was there already, is none:
//! its list was lost or is an older one.

use std::time::{Duration, SystemTime};

use palladium_component::prelude::*;

use super::Objects;
use crate::attachments;
use crate::file_like::catalogue::Catalogue;
use crate::file_like::error::FileError;
use crate::file_like::neighbours::Neighbours;

/// How old an orphan is at least.
const AGE: Duration = Duration::from_secs(3600);

/// How many versions are looked for where a store cannot list its objects: the newest ones.
const MOST_LOOKS: u64 = 1000;

impl Objects {
    /// Returns what killed writers have left.
    ///
    /// # Errors
    /// The store's.
    pub fn orphans(&self) -> Result<Vec<Orphan>, FileError> {
        let found = self.find_orphans(AGE)?;
        Ok(found.iter().map(|object| self.orphan(object)).collect())
    }

    /// Removes what killed writers have left, and returns what that was.
    ///
    /// # Errors
    /// The store's.
    pub fn remove_orphans(&self) -> Result<Vec<Orphan>, FileError> {
        self.remove_orphans_of_age(AGE)
    }

    /// Returns the models that the list of models does not know and that no writer of that list has left. Where objects
    /// cannot be listed there are none.
    ///
    /// # Errors
    /// The store's.
    pub fn unlisted(&self) -> Result<Vec<Orphan>, FileError> {
        // The list is read last: it names, or knows the version of, all that was stored before.
        let Some(objects) = self.listed() else { return Ok(Vec::new()) };
        let catalogue = self.find()?.map(|(catalogue, _)| catalogue);
        let list = self.store.shown(&self.template.metadata());
        let told =
            self.unlisted_among(objects, catalogue.as_ref()).into_iter().map(|ListedObject { name, size, .. }| {
                let place = self.store.shown(&name);
                let what = match catalogue {
                    Some(_) => format!("`{place}`, a model that the list of models `{list}` does not know"),
                    None => format!("`{place}`, a model whose list of models `{list}` is missing"),
                };
                Orphan { what, size: Some(size) }
            });
        Ok(told.collect())
    }

    /// Returns the models among some objects that no writer of the list has left, in the order of their names.
    pub(super) fn unlisted_among(
        &self,
        mut objects: Vec<ListedObject>,
        catalogue: Option<&Catalogue>,
    ) -> Vec<ListedObject> {
        let neighbours = Neighbours::of(&self.template, &objects);
        objects.retain(|object| match self.template.read(&object.name) {
            Some((version, None)) => {
                catalogue.is_none_or(|list| list.model(version).is_none() && list.is_foreign(version))
                    && !neighbours.may_own(&object.name)
            }
            _ => false,
        });
        objects.sort_by(|left, right| left.name.cmp(&right.name));
        objects
    }

    fn remove_orphans_of_age(&self, age: Duration) -> Result<Vec<Orphan>, FileError> {
        let orphans = self.find_orphans(age)?;
        if orphans.is_empty() {
            return Ok(Vec::new());
        }
        // Nobody takes an orphan over while it is removed.
        let _lock = self.lock()?;
        let mut removed = Vec::new();
        for object in self.find_orphans(age)?.iter().chain(orphans.iter().filter(|object| object.is_temporary)) {
            self.remove(&object.name)?;
            let orphan = self.orphan(object);
            if !removed.contains(&orphan) {
                removed.push(orphan);
            }
        }
        Ok(removed)
    }

    fn orphan(&self, object: &ListedObject) -> Orphan {
        let place = self.store.shown(&object.name);
        let what = if object.is_temporary { format!("the temporary file `{place}`") } else { format!("`{place}`") };
        Orphan { what, size: Some(object.size) }
    }

    fn find_orphans(&self, age: Duration) -> Result<Vec<ListedObject>, FileError> {
        let listed = self.listed();
        // What is listed among the models by now was seen before.
        let Some((catalogue, _)) = self.find()? else { return Ok(Vec::new()) };
        let objects = match listed {
            Some(objects) => objects,
            None => self.look_for_unlisted(&catalogue)?,
        };
        let neighbours = Neighbours::of(&self.template, &objects);
        let is_orphan = |object: &ListedObject| {
            let is_old = object.modified.and_then(|time| SystemTime::now().duration_since(time).ok());
            is_old.is_some_and(|elapsed| elapsed >= age)
                && (object.is_temporary
                    || self.belongs_to_nothing(&catalogue, &object.name) && !neighbours.may_own(&object.name))
        };
        let mut orphans: Vec<ListedObject> = objects.into_iter().filter(is_orphan).collect();
        orphans.sort_by(|left, right| left.name.cmp(&right.name));
        Ok(orphans)
    }

    /// Looks for models whose versions were given and are not listed.
    fn look_for_unlisted(&self, catalogue: &Catalogue) -> Result<Vec<ListedObject>, FileError> {
        let last = catalogue.last_version();
        let given = (last.saturating_sub(MOST_LOOKS) + 1..=last).filter_map(|number| Version::new(number).ok());
        let mut found = Vec::new();
        for version in given.filter(|version| catalogue.model(*version).is_none()) {
            found.extend(self.store.find(&self.template.model(version))?);
        }
        Ok(found)
    }

    fn belongs_to_nothing(&self, catalogue: &Catalogue, name: &str) -> bool {
        let Some((version, attachment)) = self.template.read(name) else { return false };
        if catalogue.is_foreign(version) {
            return false;
        }
        match (catalogue.model(version), attachment) {
            (None, None) => true,
            (Some(_), None) => false,
            // It may be a model of another store that has lost its list.
            (_, Some(name)) if name.ends_with(".model") => false,
            (None, Some(_)) => true,
            // A list that cannot be read says nothing.
            (Some(metadata), Some(name)) => attachments::names(metadata).is_ok_and(|names| !names.contains(&name)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::file_io::FileIO;
    use crate::file_like::template::Template;
    use crate::memory_io::MemoryIO;
    use crate::testing::constant;

    fn version(number: u64) -> Version {
        Version::new(number).unwrap()
    }

    fn names(found: &[ListedObject]) -> Vec<&str> {
        found.iter().map(|object| object.name.rsplit_once('/').map_or(object.name.as_str(), |(_, name)| name)).collect()
    }

    fn size(objects: &Objects, number: u64) -> Option<u64> {
        objects.store().size(&objects.template.model(version(number))).unwrap()
    }

    /// Returns a store whose versions 1 and 3 are listed, of which 2 was deleted, and the objects that lie beside it.
    fn store(template: &Template, store: Arc<dyn ArtifactStore>, beside: &[&str]) -> Objects {
        let objects = Objects::new(template.clone(), store);
        for _ in 0..3 {
            objects.write(&constant(1.0, 1)).unwrap();
        }
        objects.delete(version(2)).unwrap();
        objects.attach(version(1), "listed.txt", &b"x".as_slice()).unwrap();
        let (folder, _) = template.as_str().rsplit_once('/').unwrap();
        for name in beside {
            objects.put(&format!("{folder}/{name}"), &b"left".as_slice(), &Expected::Nothing).unwrap();
        }
        objects
    }

    #[test]
    fn what_was_given_and_is_not_listed_is_an_orphan_once_it_is_old() {
        let folder = tempfile::tempdir().unwrap();
        let template = Template::new(&folder.path().join("model-{version}").display().to_string()).unwrap();
        let beside =
            ["model-2.model", "model-2-a.txt", "model-1-b.txt", "model-4.model", "model-x.model", "notes-1.txt"];
        let stores: [Arc<dyn ArtifactStore>; 2] = [Arc::new(MemoryIO::default()), Arc::new(FileIO::default())];
        for kept in stores {
            let objects = store(&template, kept, &beside);
            assert_eq!(objects.orphans().unwrap(), [], "a writer may still be at it");
            assert_eq!(objects.remove_orphans().unwrap(), []);
            let found = objects.find_orphans(Duration::ZERO).unwrap();
            assert_eq!(names(&found), ["model-1-b.txt", "model-2-a.txt", "model-2.model"]);
            let removed = objects.remove_orphans_of_age(Duration::ZERO).unwrap();
            assert_eq!(removed.len(), 3);
            assert!(removed[0].what.contains("model-1-b.txt") && removed[0].size == Some(4), "{removed:?}");
            assert_eq!(objects.find_orphans(Duration::ZERO).unwrap(), []);
            let attached = objects.attachments(version(1)).unwrap();
            assert_eq!(attached.iter().map(|attachment| attachment.name.as_str()).collect::<Vec<_>>(), ["listed.txt"]);
            assert_eq!(objects.versions().unwrap(), [version(1), version(3)]);
            for version in [1, 3] {
                assert!(size(&objects, version).is_some());
            }
        }
    }

    #[test]
    fn nothing_is_an_orphan_where_the_list_of_models_is_lost() {
        let template = Template::new("a/model-{version}").unwrap();
        let objects = store(&template, Arc::new(MemoryIO::default()), &["model-2.model"]);
        objects.remove(&template.metadata()).unwrap();
        assert_eq!(objects.find_orphans(Duration::ZERO).unwrap(), []);
    }

    #[test]
    fn nothing_of_a_neighbour_is_an_orphan() {
        for neighbour in ["a/model-{version}-b", "a/model-1-{version}", "a/model-2-{version}.x", "a/model-1{version}"] {
            let template = Template::new("a/model-{version}").unwrap();
            let memory: Arc<dyn ArtifactStore> = Arc::new(MemoryIO::default());
            let list = Template::new(neighbour).unwrap().metadata();
            let neighbour = Objects::new(Template::new(neighbour).unwrap(), Arc::clone(&memory));
            let objects = store(&template, memory, &["model-2.model", "model-2-c.txt"]);
            for _ in 0..2 {
                neighbour.write(&constant(1.0, 1)).unwrap();
            }
            neighbour.attach(version(2), "notes.txt", &b"x".as_slice()).unwrap();
            for store in [&neighbour, &objects, &objects] {
                let removed = store.remove_orphans_of_age(Duration::ZERO).unwrap();
                assert!(removed.iter().all(|orphan| orphan.what.contains("a/model-2")), "{list}: {removed:?}");
            }
            assert_eq!(neighbour.versions().unwrap(), [version(1), version(2)]);
            assert_eq!(neighbour.attachments(version(2)).unwrap().len(), 1, "{list}");
            for number in 1..=2 {
                assert!(size(&neighbour, number).is_some(), "{list}");
            }
            // Without its list it is known by the names of models alone.
            neighbour.remove(&list).unwrap();
            objects.remove_orphans_of_age(Duration::ZERO).unwrap();
            assert!(size(&neighbour, 1).is_some(), "{list}");
        }
    }

    #[test]
    fn models_of_a_lost_list_are_no_orphans_of_the_next_one() {
        let template = Template::new("a/model-{version}").unwrap();
        let objects = store(&template, Arc::new(MemoryIO::default()), &["model-2.model"]);
        let list = template.metadata();
        assert_eq!(objects.unlisted().unwrap(), []);
        objects.remove(&list).unwrap();
        let told = |objects: &Objects| -> Vec<String> {
            objects.unlisted().unwrap().into_iter().map(|unlisted| unlisted.what).collect()
        };
        let missing = |number| {
            format!(
                "`a/model-{number}.model (in memory)`, a model whose list of models `a/model-metadata.json (in memory)` \
                 is missing"
            )
        };
        assert_eq!(told(&objects), [1, 2, 3].map(missing));

        assert_eq!(objects.write(&constant(1.0, 1)).unwrap(), version(4));
        assert_eq!(objects.find_orphans(Duration::ZERO).unwrap(), []);
        assert_eq!(objects.remove_orphans_of_age(Duration::ZERO).unwrap(), []);
        assert_eq!(told(&objects).len(), 3);
        assert!(told(&objects)[0].contains("does not know"), "{:?}", told(&objects));
        // What a writer of the new list has left is an orphan all the same.
        objects.delete(version(4)).unwrap();
        objects.put(&template.model(version(4)), &b"left".as_slice(), &Expected::Nothing).unwrap();
        assert_eq!(names(&objects.find_orphans(Duration::ZERO).unwrap()), ["model-4.model"]);
        assert_eq!(told(&objects).len(), 3);
    }

    #[test]
    fn temporary_files_of_killed_writers_are_orphans() {
        let folder = tempfile::tempdir().unwrap();
        let template = Template::new(&folder.path().join("model-{version}").display().to_string()).unwrap();
        let objects = store(&template, Arc::new(FileIO::default()), &[]);
        let dead = folder.path().join(".palladium-part-1-0-0");
        std::fs::write(&dead, "half").unwrap();
        assert_eq!(objects.orphans().unwrap(), []);
        let long_ago = SystemTime::now().checked_sub(2 * AGE).unwrap();
        std::fs::File::options().write(true).open(&dead).unwrap().set_modified(long_ago).unwrap();
        let what = format!("the temporary file `{}`", dead.display());
        assert_eq!(objects.orphans().unwrap(), [Orphan { what: what.clone(), size: Some(4) }]);
        assert_eq!(objects.remove_orphans().unwrap(), [Orphan { what, size: Some(4) }]);
        assert!(!dead.exists());
    }
}
