//! Objects in the memory of the process.

use std::collections::BTreeMap;
use std::io::Cursor;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use palladium_component::prelude::*;

/// Keeps objects in the memory of the process, for tests and for trying things out in a shell.
///
/// What is stored is gone when the process ends, and two of these stores in one configuration know nothing of each
/// other. It has no locks: whoever was overtaken by another change begins anew, as with a store on a server.
///
/// ```ron
/// {
///     "model_persister": {
///         "!": "palladium.persistence.FileLike",
///         "path": "model-{version}",
///         "io": {"!": "palladium.persistence.MemoryIO"},
///     },
/// }
/// ```
#[component(ArtifactStore, name = "palladium.persistence.MemoryIO")]
#[derive(Default)]
pub struct MemoryIO {
    #[state]
    memory: Mutex<Memory>,
}

#[derive(Default)]
struct Memory {
    objects: BTreeMap<String, Kept>,
    /// How many objects were ever put.
    n_puts: u64,
}

struct Kept {
    content: Arc<[u8]>,
    stored: SystemTime,
    /// Which of all puts this was.
    put: u64,
}

impl Kept {
    fn revision(&self) -> Revision {
        Revision(self.put.to_string())
    }
}

impl ArtifactStore for MemoryIO {
    fn check_name(&self, _: &str) -> Result<(), Failure> {
        Ok(())
    }

    fn shown(&self, name: &str) -> String {
        format!("{name} (in memory)")
    }

    fn reach(&self, _: &str) -> Result<(), StoreError> {
        Ok(())
    }

    fn lock(&self, _: &str) -> Result<Option<Box<dyn StoreLock>>, StoreError> {
        Ok(None)
    }

    fn open(&self, name: &str) -> Result<Option<StoredObject<'_>>, StoreError> {
        let memory = self.memory();
        let Some(kept) = memory.objects.get(name) else { return Ok(None) };
        let reader = Box::new(Cursor::new(Arc::clone(&kept.content)));
        Ok(Some(StoredObject { reader, revision: Some(kept.revision()) }))
    }

    fn size(&self, name: &str) -> Result<Option<u64>, StoreError> {
        Ok(self.memory().objects.get(name).map(|kept| kept.content.len() as u64))
    }

    fn list(&self, name: &str) -> Result<Option<Vec<ListedObject>>, StoreError> {
        let memory = self.memory();
        let found = memory.objects.iter().filter(|(other, _)| folder_of(other) == folder_of(name));
        let listed = found.map(|(name, kept)| ListedObject {
            name: name.clone(),
            size: kept.content.len() as u64,
            modified: Some(kept.stored),
            is_temporary: false,
        });
        Ok(Some(listed.collect()))
    }

    fn put(&self, name: &str, content: &dyn Content, expected: &Expected) -> Result<(), StoreError> {
        let mut bytes = Vec::new();
        content.write_to(&mut bytes).map_err(|error| {
            let shown = self.shown(name);
            StoreError::Failed(Failure::message(format!("the content of `{shown}` cannot be read: {error}")))
        })?;
        let mut memory = self.memory();
        let found = memory.objects.get(name).map(Kept::revision);
        let is_expected = match expected {
            Expected::Anything => true,
            Expected::Nothing => found.is_none(),
            Expected::Revision(revision) => found.as_ref() == Some(revision),
        };
        if !is_expected {
            return Err(StoreError::Conflict { object: self.shown(name) });
        }
        memory.n_puts += 1;
        let put = memory.n_puts;
        memory.objects.insert(name.to_owned(), Kept { content: bytes.into(), stored: SystemTime::now(), put });
        Ok(())
    }

    fn remove(&self, name: &str) -> Result<(), StoreError> {
        self.memory().objects.remove(name);
        Ok(())
    }
}

/// Returns what names have in common that differ in their last part only.
fn folder_of(name: &str) -> &str {
    name.rsplit_once('/').map_or("", |(folder, _)| folder)
}

impl MemoryIO {
    /// Locks the memory; each change of it is one step, also if a thread panicked.
    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    fn read(io: &MemoryIO, name: &str) -> Option<(String, Revision)> {
        let StoredObject { mut reader, revision } = io.open(name).unwrap()?;
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        Some((text, revision.unwrap()))
    }

    #[test]
    fn what_is_put_depends_on_what_is_there() {
        let io = MemoryIO::default();
        let put = |text: &str, expected: Expected| io.put("a", &text.as_bytes(), &expected);
        let taken = |result: Result<(), StoreError>| matches!(result, Err(StoreError::Conflict { .. }));
        assert!(taken(put("x", Expected::Revision(Revision("0".into())))));
        put("first", Expected::Nothing).unwrap();
        assert!(taken(put("x", Expected::Nothing)));
        let (text, first) = read(&io, "a").unwrap();
        assert_eq!((text.as_str(), io.size("a").unwrap()), ("first", Some(5)));
        put("second", Expected::Revision(first.clone())).unwrap();
        assert!(taken(put("x", Expected::Revision(first.clone()))));
        // What was removed and put again is another state, whatever its content.
        io.remove("a").unwrap();
        assert_eq!((read(&io, "a"), io.size("a").unwrap()), (None, None));
        put("first", Expected::Anything).unwrap();
        assert!(taken(put("x", Expected::Revision(first))));
        assert_eq!(read(&io, "a").unwrap().0, "first");
    }

    #[test]
    fn a_reader_keeps_what_it_opened() {
        let io = MemoryIO::default();
        io.put("a", &b"old".as_slice(), &Expected::Nothing).unwrap();
        let mut opened = io.open("a").unwrap().unwrap();
        io.put("a", &b"new".as_slice(), &Expected::Anything).unwrap();
        io.remove("a").unwrap();
        let mut text = String::new();
        opened.reader.read_to_string(&mut text).unwrap();
        assert_eq!(text, "old");
    }
}
