//! Reading objects piece by piece.

use std::io::{self, Read};

use bytes::{Buf, Bytes};
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use object_store::path::Path;
use object_store::{GetOptions, GetResult, ObjectStore, ObjectStoreExt};
use palladium_component::prelude::*;
use tokio::runtime::Handle;

use super::{NameError, Object, ObjectStorageError, Service};

/// Reads the content of an object.
struct ObjectReader {
    handle: Handle,
    pieces: BoxStream<'static, object_store::Result<Bytes>>,
    piece: Bytes,
    object: String,
    read: u64,
    size: u64,
}

impl<'a, S: Service> Object<'a, S> {
    /// Opens the object for reading; nothing means that there is none.
    pub fn open(&self) -> Result<Option<StoredObject<'a>>, ObjectStorageError> {
        let Some(found) = self.get()? else { return Ok(None) };
        let revision = S::revision(&found.meta);
        let reader = ObjectReader {
            handle: self.handle.clone(),
            object: self.shown(),
            size: found.meta.size,
            pieces: found.into_stream(),
            piece: Bytes::new(),
            read: 0,
        };
        Ok(Some(StoredObject { reader: Box::new(reader), revision }))
    }

    /// Returns the last bytes of the object; nothing means that there is none.
    pub fn tail(&self, length: usize) -> Result<Option<Vec<u8>>, ObjectStorageError> {
        // Not every service counts from the end.
        let Some(size) = self.size()? else { return Ok(None) };
        let range = size.saturating_sub(length as u64)..size;
        if range.is_empty() {
            return Ok(Some(Vec::new()));
        }
        match self.handle.block_on(self.store.get_range(&self.name.key, range)) {
            Ok(bytes) => Ok(Some(bytes.into())),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(self.failed(error)),
        }
    }

    /// Returns the objects of the folder that this one is in.
    pub fn list(&self) -> Result<Vec<ListedObject>, ObjectStorageError> {
        let folder = self.name.key.as_ref().rsplit_once('/').map(|(folder, _)| Path::parse(folder));
        let folder = folder.transpose().map_err(|_| ObjectStorageError::from(NameError::Part))?;
        let found = self.handle.block_on(self.store.list_with_delimiter(folder.as_ref()));
        let found = found.map_err(|error| self.failed(error))?;
        let listed = found.objects.into_iter().map(|meta| ListedObject {
            name: format!("{}/{}", self.name.bucket, meta.location),
            size: meta.size,
            modified: Some(meta.last_modified.into()),
            is_temporary: false,
        });
        Ok(listed.collect())
    }

    /// Asks for the object, of which nothing is read yet.
    pub(super) fn get(&self) -> Result<Option<GetResult>, ObjectStorageError> {
        match self.handle.block_on(self.store.get_opts(&self.name.key, GetOptions::default())) {
            Ok(found) => Ok(Some(found)),
            Err(error) => match self.failed(error) {
                ObjectStorageError::Failed { source, .. }
                    if matches!(source.error(), object_store::Error::NotFound { .. }) =>
                {
                    Ok(None)
                }
                error => Err(error),
            },
        }
    }
}

impl Read for ObjectReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.piece.is_empty() {
            match self.handle.block_on(self.pieces.next()) {
                Some(Ok(piece)) => self.piece = piece,
                Some(Err(error)) => {
                    return Err(io::Error::other(ObjectStorageError::of(self.object.clone(), error)));
                }
                None if self.read < self.size => {
                    let (object, read, size) = (self.object.clone(), self.read, self.size);
                    return Err(io::Error::other(ObjectStorageError::Cut { object, read, size }));
                }
                None => return Ok(0),
            }
        }
        let length = buffer.len().min(self.piece.len());
        self.piece.copy_to_slice(&mut buffer[..length]);
        self.read += length as u64;
        Ok(length)
    }
}
