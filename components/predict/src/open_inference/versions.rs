//! Models of versions that requests name.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use palladium_component::prelude::*;
use palladium_component::value::with_causes;

/// A version that was deleted is not answered longer than this.
const TRUSTED: Duration = Duration::from_secs(10);

/// The models of versions that requests named last, in memory.
#[derive(Default)]
pub struct Versions {
    /// The one that was named last stands at the end.
    kept: Mutex<Vec<Kept>>,
    /// Held while a model is read, so that there are not more of them at a time than are to be kept, and one.
    reading: Mutex<()>,
}

#[derive(Clone)]
struct Kept {
    persister: Arc<dyn Persister>,
    version: Version,
    model: Arc<TrainedModel>,
    /// When the store was known to have it.
    seen: Instant,
}

impl Versions {
    /// Returns the model of a version: the active one, one of those that are kept, or else from the store, after which it
    /// is one of the `limit` that are kept.
    ///
    /// # Errors
    /// The store's.
    pub fn read(
        &self,
        persister: &Arc<dyn Persister>,
        version: Version,
        limit: usize,
    ) -> Result<Arc<TrainedModel>, PersistError> {
        if let Some(active) = persister.in_memory().filter(|model| model.metadata.version() == Some(version)) {
            return Ok(active);
        }
        if let Some(kept) = self.find(persister, version)? {
            return Ok(kept);
        }
        let _one_at_a_time = locked(&self.reading);
        // Whoever waited for another reader finds what that one has read.
        if let Some(kept) = self.find(persister, version)? {
            return Ok(kept);
        }
        let model = persister.read(Some(version))?;
        self.keep(
            Kept { persister: Arc::clone(persister), version, model: Arc::clone(&model), seen: Instant::now() },
            limit,
        );
        Ok(model)
    }

    /// Returns a model that is kept, unless the store has it no longer.
    fn find(
        &self,
        persister: &Arc<dyn Persister>,
        version: Version,
    ) -> Result<Option<Arc<TrainedModel>>, PersistError> {
        let Some(kept) = self.touch(persister, version) else { return Ok(None) };
        if kept.seen.elapsed() < TRUSTED {
            return Ok(Some(kept.model));
        }
        match persister.versions() {
            Ok(versions) if !versions.contains(&version) => {
                locked(&self.kept).retain(|other| !other.is(persister, version));
                return Ok(None);
            }
            Ok(_) => {}
            Err(error) => {
                tracing::warn!("a store does not say whether it still has version {version}: {}", with_causes(&error));
            }
        }
        if let Some(kept) = locked(&self.kept).iter_mut().find(|other| other.is(persister, version)) {
            kept.seen = Instant::now();
        }
        Ok(Some(kept.model))
    }

    /// Puts a model that is kept to the end and returns it.
    fn touch(&self, persister: &Arc<dyn Persister>, version: Version) -> Option<Kept> {
        let mut all = locked(&self.kept);
        let position = all.iter().position(|kept| kept.is(persister, version))?;
        let kept = all.remove(position);
        all.push(kept.clone());
        Some(kept)
    }

    /// Keeps a model in the place of the one that was named longest ago.
    fn keep(&self, new: Kept, limit: usize) {
        let mut all = locked(&self.kept);
        all.push(new);
        let surplus = all.len().saturating_sub(limit);
        all.drain(..surplus);
    }
}

impl Kept {
    fn is(&self, persister: &Arc<dyn Persister>, version: Version) -> bool {
        self.version == version && Arc::ptr_eq(&self.persister, persister)
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::super::tests::Store;
    use super::*;

    fn read(versions: &Versions, store: &Arc<dyn Persister>, number: u64, limit: usize) -> Result<u64, String> {
        let version = Version::new(number).unwrap();
        let model = versions.read(store, version, limit).map_err(|error| error.to_string())?;
        Ok(model.metadata.version().unwrap().number())
    }

    #[test]
    fn the_versions_named_last_are_kept() {
        let store = Arc::new(Store::with(&[1, 2, 3, 4], Some(4)));
        let persister: Arc<dyn Persister> = store.clone();
        let versions = Versions::default();
        for (number, reads) in [(1, 1), (2, 2), (1, 2), (3, 3), (1, 3), (2, 4), (3, 5), (4, 5)] {
            assert_eq!(read(&versions, &persister, number, 2), Ok(number));
            assert_eq!(store.n_reads(), reads, "version {number}");
        }
        let other: Arc<dyn Persister> = Arc::new(Store::with(&[3], None));
        assert_eq!(read(&versions, &other, 3, 2), Ok(3));
        assert_eq!(locked(&versions.kept).len(), 2);
        assert_eq!(read(&versions, &persister, 9, 2), Err("there is no version 9".to_owned()));
        let versions = Versions::default();
        for reads in [7, 8] {
            assert_eq!(read(&versions, &persister, 1, 0), Ok(1));
            assert_eq!(store.n_reads(), reads, "nothing is kept");
        }
    }

    #[test]
    fn a_deleted_version_is_not_trusted_for_long() {
        let store = Arc::new(Store::with(&[1], None));
        let persister: Arc<dyn Persister> = store.clone();
        let versions = Versions::default();
        assert_eq!(read(&versions, &persister, 1, 2), Ok(1));
        let age = |versions: &Versions| {
            let past = Instant::now().checked_sub(TRUSTED).unwrap();
            locked(&versions.kept).iter_mut().for_each(|kept| kept.seen = past);
        };
        age(&versions);
        assert_eq!(read(&versions, &persister, 1, 2), Ok(1));
        assert_eq!(store.n_reads(), 1, "the store still has it");
        store.delete(Version::FIRST).unwrap();
        assert_eq!(read(&versions, &persister, 1, 2), Ok(1));
        age(&versions);
        assert_eq!(read(&versions, &persister, 1, 2), Err("there is no version 1".to_owned()));
    }
}
