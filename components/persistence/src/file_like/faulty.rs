//! A store of objects for tests.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use palladium_component::prelude::*;

use crate::memory_io::MemoryIO;

/// A store of objects that lacks something, or that others change.
#[derive(Default)]
pub struct Faulty {
    /// Where the objects are.
    pub memory: MemoryIO,
    /// Whether it does not tell the states of an object apart.
    pub without_revisions: bool,
    /// How many of its next locks will have run out before anything is stored.
    pub n_lost: Option<AtomicU32>,
    /// What happens before the next object is removed.
    pub before_removal: Mutex<Option<Box<dyn FnOnce() + Send>>>,
    /// What happens after the next object is put whose name ends so, and which error is told although it is stored.
    pub after_put: Mutex<Option<(&'static str, AfterPut)>>,
}

/// What happens after an object was put.
pub type AfterPut = Box<dyn FnOnce() -> StoreError + Send>;

struct Lost(bool);

impl StoreLock for Lost {
    fn check(&self) -> Result<(), StoreError> {
        if self.0 { Err(StoreError::Conflict { object: "the lock".into() }) } else { Ok(()) }
    }
}

impl Lifecycle for Faulty {}

impl ArtifactStore for Faulty {
    fn check_name(&self, name: &str) -> Result<(), Failure> {
        self.memory.check_name(name)
    }

    fn shown(&self, name: &str) -> String {
        self.memory.shown(name)
    }

    fn reach(&self, name: &str) -> Result<(), StoreError> {
        self.memory.reach(name)
    }

    fn lock(&self, _: &str) -> Result<Option<Box<dyn StoreLock>>, StoreError> {
        let Some(n_lost) = &self.n_lost else { return Ok(None) };
        let is_lost = n_lost.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok();
        Ok(Some(Box::new(Lost(is_lost))))
    }

    fn open(&self, name: &str) -> Result<Option<StoredObject<'_>>, StoreError> {
        let opened = self.memory.open(name)?;
        let revision = |revision| if self.without_revisions { None } else { revision };
        Ok(opened.map(|object| StoredObject { revision: revision(object.revision), ..object }))
    }

    fn size(&self, name: &str) -> Result<Option<u64>, StoreError> {
        self.memory.size(name)
    }

    fn list(&self, name: &str) -> Result<Option<Vec<ListedObject>>, StoreError> {
        self.memory.list(name)
    }

    fn put(&self, name: &str, content: &dyn Content, expected: &Expected) -> Result<(), StoreError> {
        self.memory.put(name, content, expected)?;
        let others = self.after_put.lock().unwrap().take_if(|(end, _)| name.ends_with(*end));
        others.map_or(Ok(()), |(_, others)| Err(others()))
    }

    fn remove(&self, name: &str) -> Result<(), StoreError> {
        let others = self.before_removal.lock().unwrap().take();
        others.into_iter().for_each(|others| others());
        self.memory.remove(name)
    }
}
