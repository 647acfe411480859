//! Stores of single objects, in which persisters keep models: a folder, a server, a bucket.

use std::io::{self, Read, Write};
use std::time::SystemTime;

use crate::{Explain, Failure, Lifecycle};

/// Objects under names, which are whatever the store makes of them: paths, URLs, keys. A reader sees an object whole or
/// not at all, whatever happens to its writer.
pub trait ArtifactStore: Lifecycle {
    /// Checks, without looking at the place, that names which differ from this one in their last part only are names of
    /// this store. It is part of planning.
    ///
    /// # Errors
    /// What is wrong with the name, and what to write instead.
    fn check_name(&self, name: &str) -> Result<(), Failure>;

    /// Returns where an object lies, in words for the operator and without a secret.
    fn shown(&self, name: &str) -> String;

    /// Finds out whether objects beside this one can be looked for at all, and changes nothing.
    ///
    /// # Errors
    /// The place does not exist, does not answer or refuses.
    fn reach(&self, name: &str) -> Result<(), StoreError>;

    /// Finds out, as far as that can be told without writing, whether this user may put objects beside this one.
    ///
    /// # Errors
    /// That the user may not.
    fn check_writable(&self, name: &str) -> Result<(), StoreError> {
        let _ = name;
        Ok(())
    }

    /// Waits until nobody else changes the objects that belong to this one, and clears away what killed writers have
    /// left of them. Nothing means that the store has no locks: there [`ArtifactStore::put`] tells who was faster.
    ///
    /// # Errors
    /// The store's, and that the wait takes too long.
    fn lock(&self, name: &str) -> Result<Option<Box<dyn StoreLock>>, StoreError>;

    /// Opens an object for reading; nothing means that there is none.
    ///
    /// # Errors
    /// The store's.
    fn open(&self, name: &str) -> Result<Option<StoredObject<'_>>, StoreError>;

    /// Returns how many bytes an object has; nothing means that there is none.
    ///
    /// # Errors
    /// The store's.
    fn size(&self, name: &str) -> Result<Option<u64>, StoreError>;

    /// Returns the last bytes of an object, all of them where there are fewer; nothing means that there is no object.
    ///
    /// # Errors
    /// The store's.
    fn tail(&self, name: &str, length: usize) -> Result<Option<Vec<u8>>, StoreError> {
        let Some(StoredObject { mut reader, .. }) = self.open(name)? else { return Ok(None) };
        let (mut tail, mut piece) = (Vec::new(), vec![0; (1 << 16).max(length)]);
        loop {
            match reader.read(&mut piece) {
                Ok(0) => return Ok(Some(tail)),
                Ok(read) => tail.extend_from_slice(&piece[..read]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    let message = format!("`{}` cannot be read: {error}", self.shown(name));
                    return Err(StoreError::Failed(Failure::message(message)));
                }
            }
            let before = tail.len().saturating_sub(length);
            tail.drain(..before);
        }
    }

    /// Returns the objects whose names differ from this one in their last part only, and the temporary files that killed
    /// writers have left beside them. Nothing means that the store cannot list.
    ///
    /// # Errors
    /// The store's.
    fn list(&self, name: &str) -> Result<Option<Vec<ListedObject>>, StoreError> {
        let _ = name;
        Ok(None)
    }

    /// Returns what a listing would say about an object; nothing means that there is none.
    ///
    /// # Errors
    /// The store's.
    fn find(&self, name: &str) -> Result<Option<ListedObject>, StoreError> {
        let found = self.size(name)?;
        Ok(found.map(|size| ListedObject { name: name.to_owned(), size, modified: None, is_temporary: false }))
    }

    /// Stores an object whole.
    ///
    /// # Errors
    /// The store's and the content's, and [`StoreError::Conflict`] where something else lies under the name than was
    /// expected.
    fn put(&self, name: &str, content: &dyn Content, expected: &Expected) -> Result<(), StoreError>;

    /// Removes an object; that there is none is no error.
    ///
    /// # Errors
    /// The store's.
    fn remove(&self, name: &str) -> Result<(), StoreError>;
}

/// Keeps others out while it lives.
pub trait StoreLock: Send {
    /// Checks that others are still kept out, as a lock on a server may have run out.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] where they are not.
    fn check(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

/// An object that is open for reading.
pub struct StoredObject<'a> {
    /// Its content.
    pub reader: Box<dyn Read + 'a>,
    /// Which of its states this is, where the store tells them apart.
    pub revision: Option<Revision>,
}

/// What a store tells about an object without reading it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedObject {
    /// Its name.
    pub name: String,
    /// How many bytes it has.
    pub size: u64,
    /// When it was stored, where that is known.
    pub modified: Option<SystemTime>,
    /// Whether it is no object but what a killed writer has left of one.
    pub is_temporary: bool,
}

/// A state of an object, such as an `ETag`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revision(pub String);

/// What has to lie under a name before an object is put there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expected {
    /// Anything or nothing.
    Anything,
    /// Nothing.
    Nothing,
    /// This state of the object. Stores with locks need not check it.
    Revision(Revision),
}

/// The content of an object, which can be read several times.
pub trait Content: Send + Sync {
    /// Returns the number of bytes.
    fn size(&self) -> u64;

    /// Begins to read from the first byte.
    ///
    /// # Errors
    /// Of the place where the content lies.
    fn open(&self) -> io::Result<Box<dyn Read + Send + '_>>;

    /// Writes all bytes.
    ///
    /// # Errors
    /// The writer's, and of the place where the content lies.
    fn write_to(&self, writer: &mut dyn Write) -> io::Result<()> {
        io::copy(&mut self.open()?, writer).map(drop)
    }
}

impl Content for &[u8] {
    fn size(&self) -> u64 {
        self.len() as u64
    }

    fn open(&self) -> io::Result<Box<dyn Read + Send + '_>> {
        Ok(Box::new(*self))
    }
}

/// An object could not be read or stored.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Something else lies under the name than was expected: somebody else was faster, or the name is taken.
    #[error("`{object}` is there already, or was changed meanwhile")]
    Conflict {
        /// Where it lies.
        object: String,
    },
    /// The store failed.
    #[error(transparent)]
    Failed(#[from] Failure),
}

impl Explain for StoreError {
    fn help(&self) -> Option<String> {
        match self {
            StoreError::Conflict { .. } => Some("move it away, or choose another place for the store".into()),
            StoreError::Failed(failure) => failure.help(),
        }
    }
}
