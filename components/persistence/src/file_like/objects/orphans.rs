//! What lies beside the models and belongs to none of them.
//!
//! An object is an orphan if its name is one of this store's, its version was given, and neither that version nor the
//! attachment is listed. A writer stores before it lists: what is younger than an hour may be listed soon.

use std::time::{Duration, SystemTime};

use palladium_component::prelude::*;

use super::Objects;
use crate::attachments;
use crate::file_like::catalogue::Catalogue;
use crate::file_like::error::FileError;

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
        let has_neighbour = objects.iter().any(|object| self.template.is_of_neighbour(&object.name));
        let is_orphan = |object: &ListedObject| {
            let is_old = object.modified.and_then(|time| SystemTime::now().duration_since(time).ok());
            is_old.is_some_and(|elapsed| elapsed >= age)
                && (object.is_temporary || self.belongs_to_nothing(&catalogue, &object.name, has_neighbour))
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

    fn belongs_to_nothing(&self, catalogue: &Catalogue, name: &str, has_neighbour: bool) -> bool {
        let Some((version, attachment)) = self.template.read(name) else { return false };
        if version.number() > catalogue.last_version() {
            return false;
        }
        match (catalogue.model(version), attachment) {
            (None, None) => true,
            (Some(_), None) => false,
            // It may be a model of a store whose template goes on where this one ends.
            (_, Some(_)) if has_neighbour => false,
            (None, Some(_)) => true,
            // A list that cannot be read says nothing.
            (Some(metadata), Some(name)) => attachments::names(metadata).is_ok_and(|names| !names.contains(&name)),
        }
    }
}
